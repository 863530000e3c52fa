//! Compiled filters, as the environment hands them over: what is taken is what was written, is one that ends in an
//! answer, and what is believed of its answers is so.

use libc::sock_filter;
use sandbox_core::policy::types::FilterChoice;
use sandbox_core::setting::value::Text;
use sandbox_filter::eval::{self, Call};
use sandbox_filter::{MARKER_NR, allows, check, keeps_marker};

/// The text of the setting, or, with anything else before it than `bpf:`, instructions of eight bytes.
pub fn holds(data: &[u8]) {
    let text = if data.starts_with(b"bpf:") {
        data.to_vec()
    } else {
        let written: String = data.chunks_exact(8).flatten().map(|byte| format!("{byte:02x}")).collect();
        [b"bpf:", written.as_bytes()].concat()
    };
    match FilterChoice::parse(&text) {
        Ok(choice) => {
            assert_eq!(choice.show(), text.to_ascii_lowercase());
            let FilterChoice::Program(program) = &choice else { panic!("{choice:?}") };
            let program = program.instructions();
            assert_eq!(FilterChoice::compiled(&program), choice);
            check(&program).expect("it was checked");
            is_believed_rightly(&program);
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

fn is_believed_rightly(program: &[sock_filter]) {
    let words = || [0, 1, u64::MAX, 0x5412, 1 << 32].into_iter().chain(program.iter().map(|i| u64::from(i.k)).take(20));
    for nr in [0, 1, 3, 16, 231, 470, MARKER_NR] {
        let (allowed, kept) = (allows(program, nr), nr == MARKER_NR && keeps_marker(program));
        for word in words() {
            let call = Call { ip: word, ..Call::new(nr, [word; 6]) };
            // Only a division by the index register has no answer: the kernel's is 0, to kill the thread.
            let ret = eval::run(program, &call).map_or(0, |ran| {
                assert!(ran.steps <= program.len());
                ran.ret
            });
            let action = ret & libc::SECCOMP_RET_ACTION_FULL;
            let done = [libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_LOG].contains(&action);
            assert!(!allowed || done || action > libc::SECCOMP_RET_LOG && action < 0x8000_0000, "{nr}: {ret:#x}");
            let ours = ret == libc::SECCOMP_RET_ERRNO | 1112;
            assert!(!kept || ours || action.cast_signed() > libc::SECCOMP_RET_ERRNO.cast_signed(), "{ret:#x}");
        }
    }
}
