// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A running server whose clock is measured: it stops when the clock is off, and goes on when it is right again.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use kbox_proof::tsp::PkiFailureInfo;

use super::operation::{scrape, value};
use super::tsa::stamp;
use super::*;
use crate::config::{ClockConfig, ClockSource, RelayConfig};
use crate::demo::mailbox::Mailbox;
use crate::instance::StartError;

/// NTP's answers on loopback, as many seconds off as `shift` says, for as long as the process runs.
fn ntp(shift: Arc<AtomicI64>) -> ClockConfig {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((_, client)) = socket.recv_from(&mut question) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            // Seconds since 1900, and 32 bits of fraction.
            let seconds = (now.as_secs() + 2_208_988_800)
                .checked_add_signed(shift.load(Ordering::SeqCst))
                .unwrap();
            let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
            let time = ((seconds << 32) | fraction).to_be_bytes();
            let mut answer = [0; 48];
            answer[..4].copy_from_slice(&[0x24, 2, 6, 0xe8]);
            answer[24..32].copy_from_slice(&question[40..48]);
            answer[32..40].copy_from_slice(&time);
            answer[40..48].copy_from_slice(&time);
            socket.send_to(&answer, client).unwrap();
        }
    });
    sntp(server)
}

fn sntp(server: String) -> ClockConfig {
    ClockConfig {
        source: ClockSource::Sntp,
        servers: vec![server],
        poll_s: 1,
    }
}

/// Waits until `/readyz` answers with this status.
fn ready(server: &Server, status: u16) -> String {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let reply = server.send(&Method::GET, "/readyz", "", "");
        if reply.status == status {
            return reply.body;
        }
        assert!(Instant::now() < patience, "{}", reply.body);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Mails go there.
pub(super) fn relay(mailbox: &Mailbox) -> RelayConfig {
    RelayConfig {
        host: mailbox.address().ip().to_string(),
        port: mailbox.address().port(),
        from: "convocations@mairie.invalid".into(),
        from_name: "Secrétariat".into(),
    }
}

/// A séance with its paper and one member, ready to be convened.
pub(super) fn prepared(server: &Server, key: &str) {
    let json = format!("{key}Content-Type: application/json\r\n");
    let elu = r#"{"id":"elu-1","nom":"Mme Une","fonction":"Conseillère municipale","courriel":"une@elus.invalid","canal":"dematerialise","canal_choisi_le":"2026-03-21"}"#;
    let seance = r#"{"id":"conseil-1","intitule":"Conseil","lieu":"Mairie","debut":"DAYT18:30","auteur":"Le maire"}"#;
    let now = server.app.now().unwrap();
    let day = now
        .saturating_add(Duration::from_secs(30 * 24 * 3600))
        .to_string();
    let seance = &seance.replace("DAY", &day[..10]);
    let mut sent = vec![
        server.send(&Method::POST, "/api/v1/elus", &json, elu),
        server.send(&Method::POST, "/api/v1/seances", &json, seance),
    ];
    for nature in ["convocation", "note_de_synthese"] {
        let digest = kbox_proof::digest::Sha256Digest::of(nature.as_bytes());
        let path = format!(
            "/api/v1/seances/conseil-1/pieces?nom={nature}.pdf&titre={nature}&nature={nature}&sha256={}",
            digest.to_hex()
        );
        sent.push(server.send(&Method::POST, &path, key, nature));
    }
    for reply in sent {
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
}

#[test]
fn a_clock_that_is_off_by_two_seconds_stops_stamps_events_and_mails_until_it_is_right_again() {
    let shift = Arc::new(AtomicI64::new(0));
    let clock = ntp(Arc::clone(&shift));
    let name = clock.servers[0].clone();
    let mails = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::start(mails.path(), "").unwrap();
    let server = start_with(
        false,
        |config| {
            config.clock = clock;
            config.relay = Some(relay(&mailbox));
        },
        |_| (),
    );
    let key = format!(
        "Authorization: Bearer {}\r\n",
        server.key(Role::Secretariat, Some(ONE))
    );
    prepared(&server, &key);
    assert!(ready(&server, 200).contains(&format!("\"name\":\"{name}\"")));
    assert_eq!(stamp(&server), None);
    let watch = server.key(Role::Supervision, None);
    let trusted = || value(&scrape(&server, &watch), "kbox_clock_trusted");
    let measured = scrape(&server, &watch);
    assert_eq!(value(&measured, "kbox_clock_measured"), Some(1.0));
    for series in ["accuracy", "offset_uncertainty", "measurement_age"] {
        let series = format!("kbox_clock_{series}_seconds");
        assert!(value(&measured, &series).is_some(), "{measured}");
    }

    let convene = || {
        let path = "/api/v1/seances/conseil-1/convocation";
        server.send(&Method::POST, path, &key, "")
    };
    for seconds in [2, -2] {
        let entries = server.app.instance.ledger.size();
        shift.store(seconds, Ordering::SeqCst);
        let body = ready(&server, 503);
        assert!(body.contains("time_not_available"), "{body}");
        assert!(body.contains(&name), "{body}");
        assert_eq!(stamp(&server), Some(PkiFailureInfo::TimeNotAvailable));
        let refused = convene();
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(
            refused.body.contains("time_not_available"),
            "{}",
            refused.body
        );
        assert_eq!(trusted(), Some(0.0));
        // What the clock does not hold up goes on.
        assert_eq!(server.send(&Method::GET, "/trust", "", "").status, 200);
        assert_eq!(server.app.instance.ledger.size(), entries);
        assert!(mailbox.mails().unwrap().is_empty());
        shift.store(0, Ordering::SeqCst);
        ready(&server, 200);
        assert_eq!(stamp(&server), None);
        assert_eq!(trusted(), Some(1.0));
    }
    // Each loss and each return is logged, once.
    let audit = std::fs::read_to_string(server.data.path().join(crate::audit::FILE)).unwrap();
    let events = |event: &str| audit.matches(&format!("\"event\":\"{event}\"")).count();
    assert_eq!(
        (events("clock_trusted"), events("clock_refused")),
        (3, 2),
        "{audit}"
    );
    let counted = scrape(&server, &watch);
    let refused = "kbox_tsa_refusals_total{reason=\"timeNotAvailable\"}";
    assert_eq!(value(&counted, refused), Some(2.0));
    let convened = convene();
    assert_eq!(convened.status, 200, "{}", convened.body);
    assert_eq!(mailbox.mails().unwrap().len(), 1);
}

#[test]
fn nothing_starts_and_nothing_is_made_while_no_time_source_answers() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().join("kbox"),
        clock: sntp(silent.local_addr().unwrap().to_string()),
        ..Config::default()
    };
    let error = Instance::open(&config).err().unwrap();
    assert!(matches!(error, StartError::Clock { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("{}: no answer", config.clock.servers[0])),
        "{text}"
    );
    assert!(!config.data.exists());
}
