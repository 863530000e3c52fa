//! `default` for one side of connections.

use super::super::ir::Action::Allow;
use super::super::ir::{Cond, EPERM};
use super::Answer::{Always, ByArgs};
use super::{Group, Table, group, table};

/// Beside those of `default`, for programs that call others.
pub(super) static CLIENT: Table = table!(Allow, CLIENT_GROUPS);
/// Beside those of `default`, for programs that are called.
pub(super) static SERVER: Table = table!(Allow, SERVER_GROUPS);

/// include/linux/socket.h: connects and sends.
const MSG_FASTOPEN: u32 = 0x2000_0000;

#[rustfmt::skip]
pub(super) const CLIENT_GROUPS: &[Group] = &[
    group("takes calls from others", Always(EPERM),
        &["listen", "accept", "accept4"]),
];

// Datagrams can still be sent to whomever: the address lies behind a pointer.
#[rustfmt::skip]
pub(super) const SERVER_GROUPS: &[Group] = &[
    group("calls others", Always(EPERM),
        &["connect"]),
    group("connects without connect(2)", ByArgs(&[(&[Cond::without(2, MSG_FASTOPEN)], Allow)], EPERM),
        &["sendmsg"]),
    group("connects without connect(2), by calls with an address", ByArgs(&[(&[Cond::without(3, MSG_FASTOPEN)], Allow)], EPERM),
        &["sendto", "sendmmsg"]),
];
