//! `net ACT …`: one act with sockets.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::{outcome, text};

pub fn run(args: &[OsString]) {
    let place = text(args.get(1));
    match text(args.first()) {
        "connect" => outcome(connect(place)),
        "bind" => outcome(TcpListener::bind(place)),
        "loopback" => outcome(loopback(place)),
        "beside" => beside(args),
        "udp" => outcome(udp(place)),
        "pair" => outcome(pair()),
        "unix" => outcome(UnixStream::connect(place)),
        "unix-bind" => outcome(UnixListener::bind(place)),
        "abstract" => outcome(UnixAddr::from_abstract_name(place).and_then(|a| UnixStream::connect_addr(&a))),
        "abstract-bind" => outcome(UnixAddr::from_abstract_name(place).and_then(|a| UnixListener::bind_addr(&a))),
        act => panic!("no act '{act}'"),
    }
}

fn address(place: &str) -> SocketAddr {
    place.parse().unwrap_or_else(|_| panic!("'{place}' is no address"))
}

fn connect(place: &str) -> io::Result<()> {
    TcpStream::connect_timeout(&address(place), Duration::from_secs(5)).map(drop)
}

fn udp(place: &str) -> io::Result<usize> {
    let any = if address(place).is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(any)?.send_to(b"x", place)
}

/// `beside PLACE COMMAND…`: accepts whoever comes while a command runs, and ends as it did.
fn beside(args: &[OsString]) {
    let server = TcpListener::bind(text(args.get(1))).unwrap();
    thread::spawn(move || server.incoming().for_each(drop));
    let status = Command::new(&args[2]).args(&args[3..]).status().unwrap();
    std::process::exit(status.code().unwrap_or(98));
}

/// A server and its client in this process.
fn loopback(host: &str) -> io::Result<()> {
    let server = TcpListener::bind((host, 0))?;
    let mut client = TcpStream::connect(server.local_addr()?)?;
    client.write_all(b"x")?;
    server.accept()?.0.read_exact(&mut [0])
}

fn pair() -> io::Result<()> {
    let (a, b) = UnixDatagram::pair()?;
    a.send(b"x")?;
    b.recv(&mut [0]).map(drop)
}
