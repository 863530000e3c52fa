//! Who connects the network without root.

use std::sync::OnceLock;

use super::instrument::fail_each_by;
use crate::need;
use crate::support::bins;
use crate::support::traced::Call;
use crate::support::{Entry, Sandbox, World};

/// As `traced`, in a world that has a network to be connected to.
fn traced_in_world(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| World::new(&["--name-server", "203.0.113.7"]));
    let tracer = [bins::probe().to_str().unwrap(), "trace"];
    let words = [&tracer, options, &["--"]].concat();
    let words: Vec<String> = world.words().into_iter().chain(words.into_iter().map(String::from)).collect();
    sandbox.clone().wrapped(&words)
}

#[test]
fn no_failing_call_of_who_connects_the_network_lets_the_program_run_without_it() {
    need!("root", "tun", "pasta", "slirp4netns", "python3", "ip");
    const OF_OTHERS: [&str; 7] = ["socketpair", "clone", "sendmsg", "recvmsg", "poll", "socket", "ioctl"];
    for settings in [&["net=pasta"][..], &["net=slirp4netns", "publish=8080:80"]] {
        let sandbox = Sandbox::new(Entry::Preload).with(settings);
        // Outer, who waits outside, inner, who keeps the program: and then the program's own. Who keeps it ends by the
        // last of these, and with it the network of a program that runs by then: that is less, and nothing more.
        let keeps = |call: &Call| ["seccomp", "poll", "read", "recvmsg"].contains(&&*call.name);
        fail_each_by(traced_in_world, &sandbox, |call| match call.process {
            0 | 2 => OF_OTHERS.contains(&&*call.name),
            3 => !keeps(call),
            process => process < 3,
        });
    }
}
