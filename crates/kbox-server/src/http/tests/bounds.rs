// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Clients that take what is everybody's: memory, connections.

use super::clock::{prepared, relay};
use super::*;
use crate::demo::mailbox::{Mailbox, link_in};
use crate::http::room::Held;

const MIB: usize = 1 << 20;

/// Waits until this is so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn papers_that_members_do_not_read_stay_within_the_room_for_answers_and_the_next_is_not_handed_over()
 {
    let mails = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::start(mails.path(), "").unwrap();
    let server = start_with(false, |config| config.relay = Some(relay(&mailbox)), |_| ());
    let key = format!(
        "Authorization: Bearer {}\r\n",
        server.key(Role::Secretariat, Some(ONE))
    );
    prepared(&server, &key);
    let paper = "a".repeat(12 * MIB);
    let digest = kbox_proof::digest::Sha256Digest::of(paper.as_bytes()).to_hex();
    let path = format!(
        "/api/v1/seances/conseil-1/pieces?nom=plan.pdf&titre=Plan&nature=annexe&sha256={digest}"
    );
    let added = server.send(&Method::POST, &path, &key, &paper);
    assert_eq!(added.status, 201, "{}", added.body);
    let convened = server.send(
        &Method::POST,
        "/api/v1/seances/conseil-1/convocation",
        &key,
        "",
    );
    assert_eq!(convened.status, 200, "{}", convened.body);
    let mail = std::fs::read_to_string(&mailbox.mails().unwrap()[0]).unwrap();
    let link = link_in(&mail).unwrap();
    let link = &link[link.find("/m/").unwrap()..];
    let opened = server.send(&Method::POST, link, "", "");
    let cookie = opened.header("set-cookie").unwrap();
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let piece = format!("{link}/pieces/{digest}");

    // Others' answers leave room for two.
    let app = &server.app;
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut held = Held::default();
        server
            .runtime
            .block_on(app.room.ahead(32 * MIB, &mut held))
            .unwrap();
        others.push(held);
    }
    let (full, size) = (256 * MIB, 12 * MIB);
    let before = app.room.taken();
    assert_eq!(before, full - 32 * MIB);
    let mut unread = Vec::new();
    for count in 1..=2 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let request = format!("GET {piece} HTTP/1.1\r\nHost: x\r\n{cookie}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        unread.push(stream);
        assert_eq!(app.room.taken(), before + count * size);
    }
    let recorded = app.instance.ledger.size();
    let refused = server.send(&Method::GET, &piece, &cookie, "");
    assert_eq!(refused.status, 503, "{}", refused.head);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(app.instance.ledger.size(), recorded);
    assert_eq!(app.room.taken(), before + 2 * size);
    // Small answers are served all the while.
    assert_eq!(server.send(&Method::GET, link, &cookie, "").status, 200);

    unread.pop();
    until("a client that went away holds nothing", || {
        app.room.taken() == before + size
    });
    let taken = server.send(&Method::GET, &piece, &cookie, "");
    assert_eq!((taken.status, taken.body.len()), (200, size));
    drop(unread);
    until("nothing is held", || app.room.taken() == before);
}

#[test]
fn one_address_holds_an_eighth_of_the_connections_and_behind_a_proxy_all_of_them() {
    let share = MAX_CONNECTIONS / 8;
    for behind_proxy in [false, true] {
        let server = start(behind_proxy);
        let _idle: Vec<TcpStream> = (0..share)
            .map(|_| TcpStream::connect(server.address).unwrap())
            .collect();
        let status = server.send(&Method::GET, "/healthz", "", "").status;
        // Closed before it was answered.
        assert_eq!(status, if behind_proxy { 200 } else { 0 });
    }
}
