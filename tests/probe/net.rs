//! `net ACT …`: one act with sockets.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::{outcome, say, text};

/// One act, or several with a place each.
pub fn run(args: &[OsString]) {
    match text(args.first()) {
        "beside" => beside(args),
        _ => args.chunks(2).for_each(act),
    }
}

fn act(args: &[OsString]) {
    let place = text(args.get(1));
    match text(args.first()) {
        "connect" => outcome(connect(place)),
        "bind" => outcome(TcpListener::bind(place)),
        "loopback" => outcome(loopback(place)),
        "udp" => outcome(udp(place)),
        "ask" => said(ask(place)),
        "ask-udp" => said(ask_udp(place)),
        "serve" => said(serve(place)),
        "serve-udp" => said(serve_udp(place)),
        "resolve" => said(resolve(place)),
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

/// What there is to say, or the error's name.
fn said(answer: io::Result<String>) {
    match answer {
        Ok(text) => say(&text),
        Err(error) if error.raw_os_error().is_none() => say(&format!("{:?}", error.kind())),
        failed => outcome(failed),
    }
}

const PATIENCE: Duration = Duration::from_secs(2);

/// What a server says to whoever comes.
fn ask(place: &str) -> io::Result<String> {
    let mut text = String::new();
    let mut stream = TcpStream::connect_timeout(&address(place), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.read_to_string(&mut text).map(|_| text)
}

fn ask_udp(place: &str) -> io::Result<String> {
    let socket = UdpSocket::bind(if address(place).is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(b"?", place)?;
    let mut buffer = [0; 100];
    let (length, from) = socket.recv_from(&mut buffer)?;
    Ok(format!("{} from {from}", String::from_utf8_lossy(&buffer[..length])))
}

/// Says that it is there, and "inside" to whoever comes and speaks first, until it is ended. Where the server speaks first,
/// old versions of pasta complete the connection only with what the client sends.
fn serve(place: &str) -> io::Result<String> {
    let server = TcpListener::bind(place)?;
    say("listening");
    loop {
        let mut stream = server.accept()?.0;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Ignored: who says nothing is answered too.
        let _ = stream.read(&mut [0; 10]);
        // Ignored: who has gone misses something.
        let _ = stream.write_all(b"inside");
    }
}

fn serve_udp(place: &str) -> io::Result<String> {
    let server = UdpSocket::bind(place)?;
    say("listening");
    loop {
        let (_, from) = server.recv_from(&mut [0; 100])?;
        server.send_to(b"inside", from)?;
    }
}

/// The addresses of a name, getaddrinfo(3).
fn resolve(name: &str) -> io::Result<String> {
    let addresses = (name, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip().to_string()).collect::<Vec<_>>().join(" "))
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
