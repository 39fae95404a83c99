// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `POST /tsa` with keep-alive at the real server, as it is configured behind a proxy: answers a second of the server's
//! processor time (all its threads, in user and in kernel mode), against OpenSSL's responses in process, without HTTP.
//!
//! Clients take turns within the server's bound for one address: the proxy's header names another address for every hundred
//! requests. What the client costs does not count.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use criterion::Criterion;
use kbox_benches::{OpenSsl, Operator, built, compare};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::tsp::{MessageImprint, Nonce, TimeStampReq, TimeStampResp};
use nix::time::ClockId;
use nix::unistd::Pid;

/// Connections that are open at once, each with one request under way.
const CONNECTIONS: u32 = 16;
/// Requests of one address; so many the server takes at once.
const ONE_CLIENT: u32 = 100;
/// So many addresses take turns that each has its whole budget again when its turn comes.
const CLIENTS: u32 = 40_000;

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it over a new data directory; one line a request goes to a file, as it would to a journal.
    fn start(folder: &Path) -> Self {
        let said = folder.join("said");
        let mut process = Command::new(built("release/kbox-server"))
            .args(["serve", "--listen", "127.0.0.1:0", "--behind-proxy"])
            .args(["--base-url", "https://kbox.example"])
            .arg("--data")
            .arg(folder.join("data"))
            .stderr(File::create(&said).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        loop {
            let text = std::fs::read_to_string(&said).unwrap();
            let line = text.lines().find(|line| line.starts_with("serving "));
            if let Some(address) = line.and_then(|line| line.split(&[' ', ';']).nth(3)) {
                let address = address.parse().unwrap();
                return Self { process, address };
            }
            assert!(process.try_wait().unwrap().is_none(), "{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn processor_time(&self) -> Duration {
        let id = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let clock = ClockId::pid_cpu_clock_id(id).unwrap();
        Duration::from(clock.now().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Connections that are kept, and what is sent over them.
struct Clients {
    connections: Vec<TcpStream>,
    query: Vec<u8>,
    sent: u32,
}

impl Clients {
    /// Sends so many requests, one a connection at a time, and reads each answer to its end.
    fn stamp(&mut self, requests: u64) {
        let mut left = requests;
        let mut buffer = [0; 16 * 1024];
        while left > 0 {
            let now = usize::try_from(left).unwrap().min(self.connections.len());
            for at in 0..now {
                let request = self.request();
                self.connections[at].write_all(&request).unwrap();
            }
            for connection in &mut self.connections[..now] {
                read(connection, &mut buffer);
            }
            left -= u64::try_from(now).unwrap();
        }
    }

    fn request(&mut self) -> Vec<u8> {
        let client = self.sent / ONE_CLIENT % CLIENTS;
        self.sent = self.sent.wrapping_add(1);
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + client);
        let mut request = format!(
            "POST /tsa HTTP/1.1\r\nHost: kbox.example\r\nX-Forwarded-For: {address}\r\n\
             Content-Type: application/timestamp-query\r\nContent-Length: {}\r\n\r\n",
            self.query.len()
        )
        .into_bytes();
        request.extend_from_slice(&self.query);
        request
    }
}

/// The body of one answer, which must be 200.
fn read<'a>(connection: &mut TcpStream, buffer: &'a mut [u8]) -> &'a [u8] {
    let mut filled = 0;
    loop {
        let count = connection.read(&mut buffer[filled..]).unwrap();
        assert!(count > 0, "the server closed a connection");
        filled += count;
        let Some(head) = buffer[..filled]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let end = head + 4 + length.unwrap().parse::<usize>().unwrap();
        if filled >= end {
            return &buffer[head + 4..end];
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = Server::start(folder.path());
    let imprint = MessageImprint::sha256(&Sha256Digest::of(b"event"));
    let query = TimeStampReq::new(imprint)
        .with_nonce(Nonce::from_be_bytes(&[0x5a; 8]))
        .with_certificates();
    let connect = |_| {
        let connection = TcpStream::connect(server.address).unwrap();
        connection.set_nodelay(true).unwrap();
        connection
    };
    let mut clients = Clients {
        connections: (0..CONNECTIONS).map(connect).collect(),
        query: query.to_der(),
        sent: 0,
    };
    let request = clients.request();
    clients.connections[0].write_all(&request).unwrap();
    let mut buffer = [0; 16 * 1024];
    let answer = TimeStampResp::parse(read(&mut clients.connections[0], &mut buffer)).unwrap();
    assert!(answer.token().is_some(), "{answer:?}");

    let operator = Operator::new();
    let mut openssl = OpenSsl::start(&operator.signer(), operator.chain(), &query);
    compare(
        &mut criterion,
        "POST /tsa",
        CONNECTIONS,
        &mut |rounds| {
            let before = server.processor_time();
            clients.stamp(rounds * u64::from(CONNECTIONS));
            server.processor_time() - before
        },
        &mut [("OpenSSL's responses in process", &mut |rounds| {
            openssl.answer(rounds * u64::from(CONNECTIONS))
        })],
    );
    criterion.final_summary();
}
