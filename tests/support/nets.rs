//! Network namespaces of a test's own, made by root or by a user who is given one: what is asked there is asked of no
//! machine's network.

use std::ffi::OsString;

use super::bins;
use super::need::is_root;
use super::sandbox::Sandbox;

/// A wire: tveth1 to make interfaces of, and tpeer at its other end, with an address beyond it.
pub const WIRE: &str = "ip link add tveth1 type veth peer name tpeer; ip link set tveth1 up; ip link set tpeer up; \
    ip addr add 10.166.0.1/16 dev tpeer; ip addr add fd00:166::1/64 dev tpeer nodad; ip addr add 10.99.0.1/32 dev lo";

/// What starts a command in a new network namespace after a shell has done `setup` there, `"$@"` being the command.
fn words(setup: &str, run: &str) -> Vec<OsString> {
    let unshare: &[&str] = match is_root() {
        true => &["unshare", "-n"],
        // Whoever makes a user namespace has all capabilities in it; these outlive the next execve(2).
        false => &["unshare", "-Un", "--map-current-user", "--keep-caps"],
    };
    let script = format!("ip link set lo up; {setup}; {run}");
    unshare.iter().copied().chain(["sh", "-ec", &script, "sh"]).map(OsString::from).collect()
}

/// The same interfaces must be there after the run as before it: exit code 99 where they are not, a moment later.
const AND_LOOK: &str = "links() { ip -br link | awk '{ print $1, $3 }'; }; before=$(links); code=0; \"$@\" || code=$?; \
    for i in $(seq 300); do [ \"$(links)\" = \"$before\" ] && exit $code; sleep 0.01; done; \
    echo \"left behind: $(links)\" >&2; exit 99";

/// Words that start a command so, which must leave no interface behind.
pub fn leaving_nothing(setup: &str) -> Vec<OsString> {
    words(setup, AND_LOOK)
}

/// A sandbox in a namespace with `setup`, which must leave no interface behind. Servers listen at port 7 of everything.
pub fn among(setup: &str, sandbox: &Sandbox) -> Sandbox {
    let serve = [bins::probe().into(), "net".into(), "beside".into(), "[::]:7".into()];
    sandbox.clone().wrapped(&[leaving_nothing(setup), serve.to_vec()].concat())
}

/// A sandbox in the background (`"$@" &`) of a script in such a namespace.
pub fn behind(setup: &str, script: &str, sandbox: &Sandbox) -> Sandbox {
    sandbox.clone().wrapped(&words(setup, script))
}
