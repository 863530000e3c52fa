//! Policies that cannot be meant: each is an error at its place.

use super::*;

/// A text, the line and column of the mistake, and a part of what is said.
const KAFEL: &[(&str, &str, &str)] = &[
    ("", "1:1", "empty"),
    ("  // nothing\n", "1:13", "empty"),
    ("ALLOW { wirte }", "1:9", "no system call is named wirte"),
    ("ALLOW { socketcall } DEFAULT KILL", "1:9", "other architectures"),
    ("ALLOW {\n\tread,\n\tread_ }", "3:2", "no system call is named read_"),
    ("ALLOW { read", "1:13", "expected '}'"),
    ("ALLOW { read, }", "1:15", "expected the name of a system call, found '}'"),
    ("ALLOW { , read }", "1:9", "expected the name of a system call"),
    ("ALLOW read", "1:7", "expected '{' after the action"),
    ("allow { read }", "1:1", "expected POLICY, USE, DEFAULT, #define or an action, found 'allow'"),
    ("ALLOW { read }, DEFAULT KILL", "1:17", "found 'DEFAULT'"),
    ("ALLOW { read } }", "1:16", "found '}'"),
    ("ALLOW { write { fd = 1 } }", "1:20", "'=' means nothing here"),
    ("ALLOW { write { fd == } }", "1:23", "expected an argument or a number, found '}'"),
    ("ALLOW { write { fd } }", "1:20", "expected a comparison"),
    ("ALLOW { write { fdd == 1 } }", "1:17", "write has no argument fdd: it has fd, buf, count"),
    ("ALLOW { write() { fd == 1 } }", "1:19", "write has no argument fd"),
    ("ALLOW { getpid { a == 1 } }", "1:18", "getpid has no argument a"),
    ("ALLOW { SYSCALL[3](a) { b == 1 } }", "1:25", "call 3 has no argument b: it has a"),
    ("ALLOW { write(a, a) { a == 1 } }", "1:18", "an argument a already"),
    ("ALLOW { mmap(a, b, c, d, e, f, g) }", "1:32", "six arguments at most"),
    ("ALLOW { write { fd == 0x100000000 } }", "1:23", "32 bits"),
    ("ALLOW { write { fd & 0x1ffffffff == 1 } }", "1:22", "32 bits"),
    ("ALLOW { chmod { mode == 0x10000 } }", "1:25", "16 bits"),
    ("ALLOW { write { (fd == 1 } }", "1:26", "expected ')' after the expression"),
    ("ALLOW { write { fd == 1 && } }", "1:28", "expected an argument or a number"),
    ("ALLOW { write { fd == 1 fd == 2 } }", "1:25", "expected '}' after the expression"),
    ("ALLOW { write { fd == 1 == 2 } }", "1:25", "expected '}'"),
    ("ALLOW { write { !fd } }", "1:21", "expected a comparison"),
    ("ERRNO { read }", "1:7", "expected '('"),
    ("ERRNO() { read }", "1:7", "expected a number"),
    ("ERRNO(65536) { read }", "1:7", "larger than 65535"),
    ("ERRNO(-1) { read }", "1:7", "larger than 65535"),
    ("TRAP(x) { read }", "1:6", "expected a number, found 'x'"),
    ("TRACE(1 { read }", "1:9", "expected ')'"),
    ("DEFAULT ALLOW\nDEFAULT KILL", "2:1", "there is a DEFAULT already"),
    ("DEFAULT", "1:8", "expected an action, found the end"),
    ("DEFAULT PERMIT", "1:9", "expected an action, found 'PERMIT'"),
    ("USE a DEFAULT KILL", "1:5", "no policy a stands before this"),
    ("POLICY a { USE a } USE a DEFAULT KILL", "1:16", "no policy a stands before this"),
    ("POLICY a { USE b } POLICY b {} USE a DEFAULT KILL", "1:16", "no policy b stands before this"),
    ("POLICY a {}\nPOLICY a {}", "2:8", "a policy a already"),
    ("POLICY a { ALLOW { read } } DEFAULT ALLOW", "1:42", "no POLICY is in force"),
    ("POLICY KILL {}", "1:8", "expected the name of a policy, found 'KILL'"),
    ("POLICY a { #define X 1\n }", "1:12", "expected USE or an action"),
    ("POLICY a { DEFAULT KILL }", "1:12", "expected USE or an action"),
    ("#define X 1\n#define X 2", "2:9", "X is 1 already"),
    ("#define X", "1:10", "expected a number"),
    ("#define 1 1", "1:9", "expected the name of a constant"),
    ("#undef X", "1:2", "expected define or include"),
    ("#include", "1:9", "expected the name of a file"),
    ("#include x", "1:10", "expected the name of a file"),
    ("#include \"/nowhere/x.kafel\"", "1:10", "ENOENT"),
    ("#include \"/dev/zero\"", "1:10", "not a file"),
    ("ALLOW { \"read\" }", "1:9", "belongs to #include"),
    ("/* x", "1:1", "does not end"),
    ("ALLOW { read } /* x\n y", "1:16", "does not end"),
    ("ALLOW { SYSCALL[08] }", "1:17", "octal"),
    ("ALLOW { SYSCALL[0xfg] }", "1:17", "hexadecimal"),
    ("ALLOW { SYSCALL[0b12] }", "1:17", "binary"),
    ("ALLOW { SYSCALL[99999999999999999999] }", "1:17", "larger than 64 bits"),
    ("ALLOW { SYSCALL[0x100000000] }", "1:17", "32 bits"),
    ("ALLOW { SYSCALL[337] }", "1:9", "no system call has the number 0x151"),
    ("ALLOW { SYSCALL[-1] }", "1:9", "no system call has the number 0xffffffff"),
    ("LOG { SYSCALL[512] }", "1:7", "every filter refuses it"),
    ("KILL { SYSCALL[0x3fff5b58] }", "1:8", "answers this number itself"),
    ("ALLOW { read ON pdp11 }", "1:17", "no architecture is named pdp11"),
    ("ALLOW { read ON { x86_64 }", "1:27", "expected '}'"),
    ("ALLOW { r\u{e9}ad }", "1:10", "'\u{e9}' means nothing here"),
];

const OCI: &[(&str, &str, &str)] = &[
    ("{", "1:1", "EOF"),
    ("{}", "1:2", "missing field `defaultAction`"),
    ("[]", "1:2", "invalid length 0"),
    ("{ \"defaultAction\": \"SCMP_ACT_PERMIT\" }", "1:36", "unknown variant `SCMP_ACT_PERMIT`"),
    ("{ \"defaultAction\": \"SCMP_ACT_KILL\",\n  \"sysscalls\": [] }", "2:13", "unknown field `sysscalls`"),
    ("{ \"defaultAction\": \"SCMP_ACT_KILL\", \"defaultAction\": \"SCMP_ACT_KILL\" }", "1:51", "duplicate field"),
    ("{ \"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4096 }", "1:57", "larger than 4095"),
    ("{ \"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"EX\" }", "1:54", "no error is named EX"),
    (
        "{ \"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"EPERM\", \"defaultErrnoRet\": 38 }",
        "1:54",
        "says 38",
    ),
    ("{ \"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_PDP11\"] }", "1:72", "SCMP_ARCH_PDP11"),
    ("{ \"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"] }", "1:72", "FLAG_LOG"),
    ("{ \"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/x\" }", "1:51", "listenerPath"),
];

/// Rules, in a profile that allows what they do not mention: the place is within the rule, on line 2.
const RULES: &[(&str, &str, &str)] = &[
    ("{}", "2:2", "missing field `action`"),
    ("{\"action\":\"SCMP_ACT_KILL\"}", "2:1", "without names"),
    ("{\"names\":[],\"action\":\"SCMP_ACT_KILL\"}", "2:1", "without names"),
    ("{\"names\":[\"read\"],\"name\":\"write\",\"action\":\"SCMP_ACT_KILL\"}", "2:26", "name or names"),
    ("{\"names\":[\"read\",\"wirte\"],\"action\":\"SCMP_ACT_KILL\"}", "2:18", "named wirte, and this rule refuses it"),
    ("{\"name\":\"mont\",\"action\":\"SCMP_ACT_LOG\"}", "2:9", "named mont"),
    ("{\"names\":\"read\",\"action\":\"SCMP_ACT_KILL\"}", "2:15", "invalid type: string"),
    ("{\"names\":[\"read\"],\"action\":\"KILL\"}", "2:33", "unknown variant `KILL`"),
    ("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":-1}", "2:57", "invalid value"),
    ("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5000}", "2:56", "larger than 4095"),
    ("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EPREM\"}", "2:53", "no error is named EPREM"),
    ("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"arg\":[]}", "2:48", "unknown field `arg`"),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}",
        "2:61",
        "arguments 0 to 5",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_IS\"}]}",
        "2:90",
        "unknown variant `SCMP_CMP_IS`",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":4294967296,\"op\":\"SCMP_CMP_EQ\"}]}",
        "2:71",
        "32 bits of this argument of read",
    ),
    (
        "{\"names\":[\"chmod\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":1,\"value\":65537,\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}",
        "2:72",
        "16 bits of this argument of chmod",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"op\":\"SCMP_CMP_EQ\"}]}",
        "2:81",
        "missing field `value`",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"caps\":[\"CAP_FLY\"]}}",
        "2:64",
        "no capability is named CAP_FLY",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"excludes\":{\"arches\":[\"pdp11\"]}}",
        "2:66",
        "no architecture is named pdp11",
    ),
    (
        "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"minKernel\":\"new\"}}",
        "2:68",
        "a version such as 4.8",
    ),
    ("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"cap\":[]}}", "2:60", "unknown field `cap`"),
];

fn told(mistake: sandbox_kafel::source::Mistake) -> (String, String) {
    let shown = mistake.to_string();
    // The place, the line and the caret: no more lines, and each ours.
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.lines().skip(1).all(|line| line.starts_with("sbx: | ")), "{shown}");
    (format!("{}:{}", mistake.line, mistake.column), mistake.what)
}

#[test]
fn malformed_kafel_is_an_error_at_its_place() {
    let mut wrong = Vec::new();
    for (text, place, part) in KAFEL {
        let (at, what) = match sandbox_kafel::compile(source(text), &super::super::read) {
            Ok(_) => ("taken".into(), String::new()),
            Err(mistake) => told(mistake),
        };
        if at != *place || !what.contains(part) {
            wrong.push(format!("{text:?}: {at}: {what} (not {place}: {part})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn malformed_profiles_are_errors_at_their_place() {
    let in_rule = |rule: &str| format!("{{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[\n{rule}\n]}}");
    let rules = RULES.iter().map(|(rule, place, part)| (in_rule(rule), *place, *part));
    let all = OCI.iter().map(|(text, place, part)| ((*text).to_owned(), *place, *part)).chain(rules);
    let mut wrong = Vec::new();
    for (text, place, part) in all {
        let (at, what) = match super::super::oci::compile(&source(&text), &Surroundings { kept: 0, kernel: (6, 1) }) {
            Ok(_) => ("taken".into(), String::new()),
            Err(mistake) => told(mistake),
        };
        if at != place || !what.contains(part) {
            wrong.push(format!("{text}: {at}: {what} (not {place}: {part})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_more_than_forty() {
    assert!(KAFEL.len() + OCI.len() + RULES.len() > 40);
}

/// What is large or deep ends in an error or a filter, and soon.
#[test]
fn bombs_are_defused() {
    let deep = |count: usize| format!("ALLOW {{ write {{ {}fd == 1{} }} }}", "(".repeat(count), ")".repeat(count));
    assert!(sandbox_kafel::compile(source(&deep(150)), &super::super::read).is_ok());
    let mut doubled = String::from("POLICY p0 { ALLOW { read } }\n");
    for at in 1..60 {
        doubled += &format!("POLICY p{at} {{ USE p{}, USE p{} }}\n", at - 1, at - 1);
    }
    doubled += "USE p59 DEFAULT KILL";
    let empty = doubled.replace("ALLOW { read }", "");
    let mut chained = String::from("POLICY p0 { ALLOW { read } }\n");
    for at in 1..5000 {
        chained += &format!("POLICY p{at} {{ USE p{} }}\n", at - 1);
    }
    chained += "USE p4999 DEFAULT KILL";
    let nots = format!("ALLOW {{ write {{ {}fd == 1 }} }}", "!".repeat(100_000));
    let ors = format!("ALLOW {{ write {{ fd == {} }} }}", vec!["1"; 100_000].join("|"));
    for (text, part) in [
        (deep(100_000), "200 deep"),
        (doubled, "more than 100000 rules"),
        (empty, "more than 100000 rules"),
        (chained, "200 deep"),
        (nots, "200 deep"),
        (ors, "200 operators"),
    ] {
        let mistake = sandbox_kafel::compile(source(&text), &super::super::read).unwrap_err();
        assert!(mistake.what.contains(part), "{}", mistake.what);
    }
    // A rule per descriptor: longer than the kernel takes, and said so.
    let long = (0..5000).map(|fd| format!("write {{ fd == {} }}", 2 * fd)).collect::<Vec<_>>().join(", ");
    let filter = sandbox_kafel::compile(source(&format!("ALLOW {{ {long} }}")), &super::super::read).unwrap();
    assert!(matches!(seccomp::compile(&filter), Err(seccomp::Error::TooLong(_))));
    let nested = "[".repeat(100_000);
    assert!(super::super::oci::compile(&source(&nested), &Surroundings { kept: 0, kernel: (6, 1) }).is_err());
}
