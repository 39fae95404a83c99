// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc;
use std::thread::JoinHandle;

use super::*;

/// 1 ms in 16.16 fixed point, rounded up.
const SHORT_MS: u32 = 66;

/// An NTP server on loopback, which does with each question what `behave` does: it is given the right answer, and returns what
/// is to be sent. It stops when dropped.
struct Responder {
    address: SocketAddr,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

impl Responder {
    fn start(mut behave: impl FnMut([u8; 48]) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let mut questions = 0;
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                let mut question = [0; 512];
                let Ok((length, client)) = socket.recv_from(&mut question) else {
                    continue;
                };
                assert_eq!(length, 48);
                assert_eq!(question[0], 0x23);
                assert!(question[1..40].iter().all(|byte| *byte == 0));
                questions += 1;
                let now = Moment::now().unwrap();
                let now = ntp_timestamp(now.wall).to_be_bytes();
                let mut answer = [0; 48];
                answer[..4].copy_from_slice(&[0x24, 2, 6, 0xe8]);
                answer[4..8].copy_from_slice(&SHORT_MS.to_be_bytes());
                answer[8..12].copy_from_slice(&SHORT_MS.to_be_bytes());
                answer[12..16].copy_from_slice(&[192, 0, 2, 1]);
                answer[24..32].copy_from_slice(&question[40..48]);
                answer[32..40].copy_from_slice(&now);
                answer[40..48].copy_from_slice(&now);
                for packet in behave(answer) {
                    socket.send_to(&packet, client).unwrap();
                }
            }
            questions
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn source(&self) -> SntpSource {
        SntpSource::new(&[self.address.to_string()]).unwrap()
    }

    /// How many questions came.
    fn stop(mut self) -> usize {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

fn ask(source: &mut SntpSource) -> Result<OffsetInterval, SourceError> {
    ask_in(source, Duration::ZERO)
}

/// As [`ask`], by a monotonic clock that is that much ahead.
fn ask_in(source: &mut SntpSource, ahead: Duration) -> Result<OffsetInterval, SourceError> {
    let now = Moment::now().unwrap();
    let base = Moment {
        before: now.before + ahead,
        wall: now.wall,
        after: now.after + ahead,
    };
    let mut reports = source.measure(&base);
    assert_eq!(reports.len(), 1);
    reports.pop().unwrap().outcome
}

/// The outcome against a server that changes the right answer so.
fn against(change: impl Fn(&mut [u8; 48]) + Send + 'static) -> Result<OffsetInterval, SourceError> {
    let responder = Responder::start(move |mut answer| {
        change(&mut answer);
        vec![answer.to_vec()]
    });
    let outcome = ask(&mut responder.source());
    assert_eq!(responder.stop(), 1);
    outcome
}

fn shift(answer: &mut [u8; 48], at: usize, seconds: i64) {
    let field = &mut answer[at..at + 8];
    let value = u64::from_be_bytes(field.try_into().unwrap());
    let shifted = value.wrapping_add((seconds << 32).cast_unsigned());
    field.copy_from_slice(&shifted.to_be_bytes());
}

#[test]
fn a_right_answer_bounds_the_offset_by_round_trip_root_delay_and_dispersion() {
    let interval = against(|_| {}).unwrap();
    assert!(interval.overlaps(&OffsetInterval::within(Duration::ZERO)));
    // Half a millisecond of delay and one of dispersion at least.
    assert!(interval.uncertainty() >= Duration::from_micros(1500));
    assert!(interval.uncertainty() < MAX_DISTANCE);
}

#[test]
fn an_offset_of_two_seconds_is_measured_on_either_side() {
    for seconds in [2, -2] {
        let interval = against(move |answer| {
            shift(answer, 32, seconds);
            shift(answer, 40, seconds);
        })
        .unwrap();
        let offset = OffsetInterval::new(seconds * 1_000_000_000, seconds * 1_000_000_000);
        assert!(interval.overlaps(&offset.unwrap()), "{interval}");
    }
}

#[test]
fn an_answer_to_another_question_is_not_heard_and_does_not_keep_the_true_one_out() {
    assert_eq!(against(|answer| answer[31] ^= 1), Err(SourceError::Bogus));
    let responder = Responder::start(|answer| {
        let mut forged = answer;
        forged[24..32].fill(0);
        shift(&mut forged, 32, 2);
        shift(&mut forged, 40, 2);
        // A forged kiss-o'-death is left aside too.
        let mut kiss = forged;
        kiss[1] = 0;
        kiss[12..16].copy_from_slice(b"DENY");
        vec![forged.to_vec(), kiss.to_vec(), vec![0x24], answer.to_vec()]
    });
    let interval = ask(&mut responder.source()).unwrap();
    assert!(interval.bound() < Duration::from_secs(1), "{interval}");
}

#[test]
fn packets_that_are_no_servers_answer_are_not_heard() {
    // Client, symmetric, broadcast; versions 2 and 5.
    for first in [0x23, 0x21, 0x25, 0x14, 0x2c] {
        let outcome = against(move |answer| answer[0] = first);
        assert_eq!(outcome, Err(SourceError::Bogus), "{first:#x}");
    }
}

#[test]
fn an_unsynchronised_server_bounds_nothing() {
    let changes: [fn(&mut [u8; 48]); 3] = [
        |answer| answer[0] |= 0b1100_0000,
        |answer| answer[1] = 16,
        |answer| answer[1] = 0,
    ];
    for change in changes {
        assert_eq!(against(change), Err(SourceError::Unsynchronised));
    }
}

#[test]
fn timestamps_that_contradict_one_another_are_refused() {
    let changes: [fn(&mut [u8; 48]); 3] = [
        |answer| answer[40..48].fill(0),
        |answer| answer[32..40].fill(0),
        // Sent before it was received.
        |answer| shift(answer, 40, -1),
    ];
    for change in changes {
        assert_eq!(against(change), Err(SourceError::Inconsistent));
    }
    // Longer under way in the server than for us.
    let slow = against(|answer| shift(answer, 40, 10));
    assert_eq!(slow, Err(SourceError::Inconsistent));
}

#[test]
fn a_server_that_leaves_more_than_a_second_open_is_not_used() {
    for at in [4, 8] {
        let outcome = against(move |answer| answer[at + 1] = 3);
        match outcome {
            Err(SourceError::TooFar { distance }) => assert!(distance > MAX_DISTANCE),
            other => panic!("{other:?}"),
        }
    }
    let coarse = against(|answer| answer[3] = 1);
    assert!(
        matches!(coarse, Err(SourceError::TooFar { .. })),
        "{coarse:?}"
    );
}

#[test]
fn a_server_that_denies_us_is_left_alone_for_four_hours_and_asked_again() {
    for code in [b"DENY", b"RSTR"] {
        let mut denies = true;
        let responder = Responder::start(move |mut answer| {
            if core::mem::take(&mut denies) {
                answer[0] |= 0b1100_0000;
                answer[1] = 0;
                answer[12..16].copy_from_slice(code);
            }
            vec![answer.to_vec()]
        });
        let mut source = responder.source();
        assert_eq!(ask(&mut source), Err(SourceError::Kiss(*code)));
        let minute = Duration::from_secs(60);
        for ahead in [Duration::ZERO, minute, DENIED_REST - minute] {
            for _ in 0..20 {
                let resting = Err(SourceError::Resting(*code));
                assert_eq!(ask_in(&mut source, ahead), resting);
            }
        }
        assert!(ask_in(&mut source, DENIED_REST + minute).is_ok());
        assert!(ask_in(&mut source, DENIED_REST + minute).is_ok());
        assert_eq!(responder.stop(), 3);
    }
}

/// Whoever can send us packets, but does not see our questions, silences no server.
#[test]
fn a_kiss_that_answers_no_question_of_ours_makes_no_server_rest() {
    for code in [b"DENY", b"RSTR", b"RATE"] {
        let responder = Responder::start(move |answer| {
            let mut kiss = answer;
            kiss[24] ^= 1;
            kiss[1] = 0;
            kiss[12..16].copy_from_slice(code);
            vec![kiss.to_vec()]
        });
        let mut source = responder.source();
        for _ in 0..2 {
            assert_eq!(ask(&mut source), Err(SourceError::Bogus));
        }
        assert_eq!(responder.stop(), 2);
    }
}

/// Three names of one wrong host would outvote nobody and be believed.
#[test]
fn a_host_has_one_vote_by_whatever_names_and_addresses_it_is_given() {
    let responder = Responder::start(|answer| vec![answer.to_vec()]);
    let port = responder.address.port();
    let names = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        // Others than the first are not asked at all, on whatever port.
        "[::ffff:127.0.0.1]:9".to_string(),
    ];
    let mut source = SntpSource(names.map(|name| Server::parse(&name).unwrap()).into());
    for _ in 0..2 {
        let reports = source.measure(&Moment::now().unwrap());
        let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
        assert_eq!(outcomes[1..], [Err(SourceError::SameHost); 2]);
    }
    assert_eq!(responder.stop(), 2);
}

#[test]
fn a_server_that_is_asked_too_often_is_asked_less_and_less() {
    let responder = Responder::start(|mut answer| {
        answer[1] = 0;
        answer[12..16].copy_from_slice(b"RATE");
        vec![answer.to_vec()]
    });
    let mut source = responder.source();
    let asked: Vec<bool> = (0..50)
        .map(|_| ask(&mut source) == Err(SourceError::Kiss(*b"RATE")))
        .collect();
    let polls: Vec<usize> = (0..50).filter(|poll| asked[*poll]).collect();
    assert_eq!(polls, [0, 2, 5, 10, 19, 36]);
    assert_eq!(responder.stop(), 6);
}

#[test]
fn silence_and_a_closed_port_are_no_answer_and_do_not_delay_the_other_servers() {
    let silent = UdpSocket::bind("127.0.0.2:0").unwrap();
    let closed = UdpSocket::bind("127.0.0.3:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let responder = Responder::start(|answer| vec![answer.to_vec()]);
    let names =
        [silent.local_addr().unwrap(), closed, responder.address].map(|one| one.to_string());
    let mut source = SntpSource::new(&names).unwrap();
    let started = Instant::now();
    let reports = source.measure(&Moment::now().unwrap());
    assert!(started.elapsed() >= PATIENCE);
    let reported: Vec<&String> = reports.iter().map(|report| &report.name).collect();
    assert_eq!(reported, names.iter().collect::<Vec<_>>());
    assert_eq!(reports[0].outcome, Err(SourceError::NoAnswer));
    assert_eq!(reports[1].outcome, Err(SourceError::NoAnswer));
    // Were it read after the silent one, its answer would have been two seconds under way.
    assert!(reports[2].outcome.unwrap().uncertainty() < MAX_DISTANCE);
}

#[test]
fn differences_of_timestamps_are_right_across_the_era_of_2036() {
    let era = Duration::from_secs(4_294_967_296 - NTP_TO_UNIX);
    let (before, after) = (
        ntp_timestamp(era - Duration::from_millis(1500)),
        ntp_timestamp(era + Duration::from_millis(500)),
    );
    assert!(before > after);
    assert!((between(after, before) - 2_000_000_000).abs() <= 1);
    assert!((between(before, after) + 2_000_000_000).abs() <= 1);
    assert_eq!(ntp_timestamp(Duration::ZERO), NTP_TO_UNIX << 32);
}

#[test]
fn servers_are_named_once_and_in_a_form_that_can_be_asked() {
    for (text, shown) in [
        ("ntp.example.fr", "ntp.example.fr:123"),
        ("ntp.example.fr:1123", "ntp.example.fr:1123"),
        ("NTP.Example.FR.", "ntp.example.fr:123"),
        ("192.0.2.1", "192.0.2.1:123"),
        ("::ffff:192.0.2.1", "192.0.2.1:123"),
        ("192.0.2.1:11123", "192.0.2.1:11123"),
        ("2001:db8::1", "[2001:db8::1]:123"),
        ("[2001:db8::1]:11123", "[2001:db8::1]:11123"),
    ] {
        assert_eq!(Server::parse(text).unwrap().to_string(), shown);
    }
    for text in [
        "",
        ":123",
        ".",
        "a b",
        "ntp.example.fr:",
        "ntp.example.fr:0",
        "ntp:99999",
        "ntp/1",
    ] {
        let outcome = SntpSource::new(&[text]).err();
        assert_eq!(outcome, Some(ServerAddressError::Malformed(text.into())));
    }
    for (one, other) in [
        ("192.0.2.1", "192.0.2.1:123"),
        ("192.0.2.1", "192.0.2.1:1123"),
        ("192.0.2.1", "[::ffff:192.0.2.1]:123"),
        ("2001:db8::1", "2001:DB8:0::1"),
        ("localhost:4125", "LOCALHOST:4125"),
        ("ntp.example.fr", "ntp.example.fr."),
    ] {
        let twice = SntpSource::new(&[one, other]).err();
        assert_eq!(twice, Some(ServerAddressError::Twice(other.into())));
        let words = twice.unwrap().to_string();
        assert!(words.contains("host that is named already") && words.contains("port"));
    }
    let none = SntpSource::new::<&str>(&[]).err();
    assert_eq!(none, Some(ServerAddressError::None));
}
