// SPDX-License-Identifier: Apache-2.0 OR MIT
//! RFC 3161 over HTTP (§3.4) as clients really speak it, well or badly.

use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};

use kbox_proof::clock::{Clock, ClockError, ClockReading};
use kbox_proof::tsp::{HashAlgorithm, MessageImprint, PkiFailureInfo, TimeStampReq, TimeStampResp};

use super::*;
use crate::http::dispatch;
use crate::http::problem::Problem;

const QUERY: &str = "Content-Type: application/timestamp-query\r\n";
const REPLY: &str = "application/timestamp-reply";

/// One connection that is kept.
struct Connection(BufReader<TcpStream>);

struct Got {
    status: u16,
    head: Vec<String>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn response(&self) -> TimeStampResp {
        assert_eq!(self.header("content-type"), Some(REPLY));
        TimeStampResp::parse(&self.body).unwrap()
    }

    fn is_token(&self) -> bool {
        self.status == 200 && self.response().token().is_some()
    }
}

impl Connection {
    fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).unwrap();
        Self(BufReader::new(stream))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn send(&mut self, method: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{method} /tsa HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.write(&[head.as_bytes(), body].concat());
    }

    /// The next answer; to HEAD there is no body, whatever its length says.
    fn receive(&mut self, has_body: bool) -> Got {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "closed: {head:?}");
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_string()),
            }
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let mut got = Got {
            status,
            head,
            body: Vec::new(),
        };
        if has_body {
            let length = got.header("content-length").unwrap().parse().unwrap();
            got.body = vec![0; length];
            self.0.read_exact(&mut got.body).unwrap();
        }
        got
    }

    fn ask(&mut self, method: &str, headers: &str, body: &[u8]) -> Got {
        self.send(method, headers, body);
        self.receive(method != "HEAD")
    }
}

fn request() -> Vec<u8> {
    TimeStampReq::new(MessageImprint::of(HashAlgorithm::Sha256, b"convocation")).to_der()
}

/// Asks for a stamp over HTTP: why there is none, if there is none.
pub(super) fn stamp(server: &Server) -> Option<PkiFailureInfo> {
    ask(server, &request())
}

/// Sends a request over HTTP: why there is no stamp, if there is none.
pub(super) fn ask(server: &Server, request: &[u8]) -> Option<PkiFailureInfo> {
    let got = Connection::open(server).ask("POST", QUERY, request);
    let reason = got.response().fail_info();
    assert_eq!((got.status, got.is_token()), (200, reason.is_none()));
    reason
}

#[test]
fn the_media_types_case_and_parameters_do_not_matter_and_its_name_does() {
    let server = start(false);
    let mut connection = Connection::open(&server);
    for name in [
        "application/timestamp-query",
        "Application/Timestamp-Query",
        "APPLICATION/TIMESTAMP-QUERY",
        "application/timestamp-query; charset=utf-8",
        "application/timestamp-query;charset=\"utf-8\";x=y",
        "  application/timestamp-query ; a=b",
    ] {
        let got = connection.ask("POST", &format!("Content-Type: {name}\r\n"), &request());
        assert!(got.is_token(), "{name}: {}", got.status);
    }
    for headers in [
        "",
        "Content-Type: \r\n",
        "Content-Type: application/timestamp-reply\r\n",
        "Content-Type: application/timestamp-query-x\r\n",
        "Content-Type: application/octet-stream\r\n",
        "Content-Type: text/plain; application/timestamp-query\r\n",
    ] {
        let got = connection.ask("POST", headers, &request());
        assert_eq!(got.status, 415, "{headers}");
        assert_eq!(got.header("content-type"), Some("application/problem+json"));
    }
}

#[test]
fn another_method_is_told_to_post_and_gets_no_page() {
    let server = start(false);
    let mut connection = Connection::open(&server);
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post"] {
        let got = connection.ask(method, "", b"");
        assert_eq!(got.status, 405, "{method}");
        assert_eq!(got.header("allow"), Some("POST"), "{method}");
        assert_eq!(
            got.header("content-type"),
            Some("application/problem+json"),
            "{method}"
        );
    }
}

#[test]
fn one_connection_serves_a_clients_mistakes_and_good_requests_in_turn() {
    let server = start(false);
    let mut connection = Connection::open(&server);
    for _ in 0..3 {
        assert!(connection.ask("POST", QUERY, &request()).is_token());
        assert_eq!(connection.ask("GET", "", b"").status, 405);
        assert_eq!(connection.ask("HEAD", "", b"").status, 405);
        assert_eq!(connection.ask("POST", "", &request()).status, 415);
        let refused = connection.ask("POST", QUERY, b"garbage");
        assert_eq!(refused.status, 200);
        let reason = refused.response().fail_info();
        assert_eq!(reason, Some(PkiFailureInfo::BadDataFormat));
    }
    // Sent at once, answered in order.
    for _ in 0..5 {
        connection.send("POST", QUERY, &request());
        connection.send("POST", QUERY, b"");
    }
    for _ in 0..5 {
        assert!(connection.receive(true).is_token());
        assert!(connection.receive(true).response().fail_info().is_some());
    }
}

#[test]
fn a_request_in_chunks_is_stamped_and_one_beyond_the_bound_is_413_with_a_reason() {
    let server = start(false);
    let head =
        format!("POST /tsa HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{QUERY}\r\n");
    let mut connection = Connection::open(&server);
    connection.write(head.as_bytes());
    for byte in request() {
        connection.write(&[b"1\r\n".as_slice(), &[byte], b"\r\n"].concat());
    }
    connection.write(b"0\r\n\r\n");
    assert!(connection.receive(true).is_token());

    let too_large = |got: Got| {
        assert_eq!(got.status, 413);
        let reason = got.response().fail_info();
        assert_eq!(reason, Some(PkiFailureInfo::BadDataFormat));
    };
    // By its length, before a byte of it was sent.
    let mut connection = Connection::open(&server);
    connection.write(
        format!("POST /tsa HTTP/1.1\r\nHost: x\r\nContent-Length: 16385\r\n{QUERY}\r\n").as_bytes(),
    );
    too_large(connection.receive(true));
    // By what came, where no length was told.
    let mut connection = Connection::open(&server);
    connection.write(head.as_bytes());
    let chunk = [b"4001\r\n".as_slice(), &[0x30; 0x4001], b"\r\n"].concat();
    connection.write(&chunk);
    too_large(connection.receive(true));
    // The largest that is read is refused for what it is, not for its size.
    let mut connection = Connection::open(&server);
    let got = connection.ask("POST", QUERY, &[0x30; 16 * 1024]);
    assert_eq!(got.status, 200);
    assert!(got.response().fail_info().is_some());
}

#[test]
fn slow_clients_are_cut_off_in_time_and_hold_up_nobody() {
    let server = start(false);
    let started = Instant::now();
    let mut slow: Vec<Connection> = (0..100).map(|_| Connection::open(&server)).collect();
    for (index, connection) in slow.iter_mut().enumerate() {
        // Half a head, or no byte at all.
        if index % 2 == 0 {
            connection.write(b"POST /tsa HTTP/1.1\r\nHost: x\r\nContent-Le");
        }
    }
    // A body that comes byte by byte is waited for.
    let mut patient = Connection::open(&server);
    let body = request();
    patient.write(
        format!(
            "POST /tsa HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{QUERY}\r\n",
            body.len()
        )
        .as_bytes(),
    );
    for byte in body {
        patient.write(&[byte]);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(patient.receive(true).is_token());
    let asked = Instant::now();
    assert!(
        Connection::open(&server)
            .ask("POST", QUERY, &request())
            .is_token()
    );
    assert!(asked.elapsed() < Duration::from_secs(5));
    for connection in &mut slow {
        // At most an answer to what was no request; then the end.
        let mut rest = Vec::new();
        let ended = connection.0.read_to_end(&mut rest);
        assert!(ended.is_ok(), "{ended:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(25));
}

/// An authority's clock that fails as none should, when told to.
struct Failing(Arc<dyn Clock>, Arc<AtomicBool>);

impl Clock for Failing {
    fn read(&self) -> Result<ClockReading, ClockError> {
        assert!(!self.1.load(Ordering::SeqCst), "a fault of ours");
        self.0.read()
    }

    fn sources(&self) -> Vec<String> {
        self.0.sources()
    }
}

#[test]
fn an_authority_that_panics_answers_system_failure_and_serves_on_over_the_same_connection() {
    let fails = Arc::new(AtomicBool::new(false));
    let server = start_with(
        false,
        |_| (),
        |instance| {
            let clock = Arc::clone(&instance.clock);
            instance.clock = Arc::new(Failing(clock, Arc::clone(&fails)));
        },
    );
    let mut connection = Connection::open(&server);
    for _ in 0..2 {
        assert!(connection.ask("POST", QUERY, &request()).is_token());
        fails.store(true, Ordering::SeqCst);
        let failed = connection.ask("POST", QUERY, &request());
        assert_eq!(failed.status, 200);
        let reason = failed.response().fail_info();
        assert_eq!(reason, Some(PkiFailureInfo::SystemFailure));
        fails.store(false, Ordering::SeqCst);
    }
    assert!(connection.ask("POST", QUERY, &request()).is_token());
}

#[test]
fn a_failure_of_ours_is_a_system_failure_in_a_time_stamp_resp_and_no_page() {
    let server = start(false);
    let problem = Problem::internal("a handler ended early");
    let answer = dispatch::refuse(&server.app, &problem, Face::Tsp, "/tsa");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], REPLY);
    let response = TimeStampResp::parse(answer.body()).unwrap();
    assert_eq!(response.fail_info(), Some(PkiFailureInfo::SystemFailure));
}
