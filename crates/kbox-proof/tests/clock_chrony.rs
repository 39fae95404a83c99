// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A real NTP server on loopback, chrony's, measures the clock. It never sets this machine's (`-x`).
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kbox_proof::clock::{
    Clock, ClockError, MeasuredClock, MeasuredConfig, Moment, OffsetInterval, SntpSource,
    SourceError, TimeSource,
};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::pki::DevPki;
use kbox_proof::tsa::{Authority, AuthorityConfig, SerialSource};
use kbox_proof::tsp::{MessageImprint, PkiFailureInfo, TimeStampReq, TimeStampResp, TsaPolicyId};

const MS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// One chronyd with a folder of its own; both are gone when dropped.
struct Chronyd {
    child: Child,
    folder: PathBuf,
    port: u16,
    server: String,
}

impl Chronyd {
    fn start(name: &str, reference: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0");
        let port = socket
            .and_then(|socket| socket.local_addr())
            .unwrap()
            .port();
        Self::start_on(port, name, reference)
    }

    fn start_on(port: u16, name: &str, reference: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("kbox-chrony-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pid = folder.join("pid");
        let settings = format!(
            "{reference}\nport {port}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile {}\n",
            pid.display()
        );
        fs::write(folder.join("conf"), settings).unwrap();
        // Debian keeps it where not every user's PATH looks.
        let program = ["/usr/sbin/chronyd", "/usr/bin/chronyd"]
            .into_iter()
            .find(|path| fs::exists(path).unwrap_or(false))
            .unwrap_or("chronyd");
        let child = Command::new(program)
            .args(["-x", "-d", "-u", "root", "-f"])
            .arg(folder.join("conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chronyd cannot be run ({error}): `make setup` installs it (Debian: chrony)")
            });
        Self {
            child,
            folder,
            port,
            server: format!("127.0.0.1:{port}"),
        }
    }

    /// What it says once it answers.
    fn first_answer(&mut self) -> Result<OffsetInterval, SourceError> {
        let mut source = SntpSource::new(&[&self.server]).unwrap();
        let started = Instant::now();
        loop {
            let outcome = source.measure(&Moment::now().unwrap()).remove(0).outcome;
            if outcome != Err(SourceError::NoAnswer) {
                return outcome;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "chronyd does not answer (it runs as root only): {}",
                fs::read_to_string(self.folder.join("log")).unwrap()
            );
            thread::sleep(20 * MS);
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn chrony_bounds_the_offset_of_the_clock_that_it_serves() {
    let mut chronyd = Chronyd::start("synchronised", "local stratum 3");
    let interval = chronyd.first_answer().unwrap();
    // It serves this machine's own clock.
    assert!(
        interval.overlaps(&OffsetInterval::within(Duration::ZERO)),
        "{interval}"
    );
    println!("chrony on loopback: {interval}");
}

#[test]
fn a_chrony_without_a_reference_is_not_believed() {
    let mut chronyd = Chronyd::start("unsynchronised", "");
    assert_eq!(chronyd.first_answer(), Err(SourceError::Unsynchronised));
}

#[test]
fn tokens_are_issued_while_chrony_answers_and_no_longer() {
    let mut chronyd = Chronyd::start("killed", "local stratum 3");
    chronyd.first_answer().unwrap();
    let config = MeasuredConfig {
        max_age: Duration::from_secs(2),
        ..MeasuredConfig::new(100 * MS, 999 * MS)
    };
    let source = SntpSource::new(&[&chronyd.server]).unwrap();
    let clock = MeasuredClock::start(config, source, |_| {}).unwrap();
    let now = clock.read().unwrap().time;
    let pki = DevPki::generate(now, true).unwrap();
    let authority = Authority::new(
        AuthorityConfig::new(
            pki.public.signer,
            pki.public.chain,
            TsaPolicyId::demonstration_public_policy(),
        ),
        now,
    )
    .unwrap();
    let serials = SerialSource::new().unwrap();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(b"a paper"));
    let request = TimeStampReq::new(imprint).to_der();
    let answer = || TimeStampResp::parse(&authority.respond(&request, &clock, &serials)).unwrap();
    assert!(answer().token().is_some());

    chronyd.kill();
    let killed = Instant::now();
    while clock.read().is_ok() {
        assert!(killed.elapsed() < PATIENCE, "the measurement never expires");
        thread::sleep(20 * MS);
    }
    assert!(matches!(clock.read(), Err(ClockError::Stale { .. })));
    let refused = answer();
    assert!(refused.token().is_none());
    assert_eq!(refused.fail_info(), Some(PkiFailureInfo::TimeNotAvailable));
    assert_eq!(clock.sources(), [format!("{}: no answer", chronyd.server)]);
}

#[test]
fn a_step_of_two_seconds_either_way_between_chrony_and_the_clock_is_refused_until_it_is_over() {
    let mut truth = Chronyd::start("truth", "local stratum 3");
    truth.first_answer().unwrap();
    let mut chronyd = Chronyd::start("steps", "local stratum 3");
    chronyd.first_answer().unwrap();
    let port = chronyd.port;
    let config = MeasuredConfig {
        // Silence while one chronyd takes the other's place must not be what refuses.
        max_age: 2 * PATIENCE,
        ..MeasuredConfig::new(100 * MS, 999 * MS)
    };
    let clock =
        MeasuredClock::start(config, SntpSource::new(&[&chronyd.server]).unwrap(), |_| {}).unwrap();
    let wait = |what: &str, wanted: &dyn Fn(Result<Duration, ClockError>) -> bool| {
        let started = Instant::now();
        loop {
            let reading = clock.read();
            if wanted(reading.map(|reading| reading.accuracy)) {
                return;
            }
            let sources = clock.sources();
            assert!(
                started.elapsed() < PATIENCE,
                "{what}: {reading:?} {sources:?}"
            );
            thread::sleep(20 * MS);
        }
    };
    for step in ["2.0", "-2.0"] {
        wait("trusted", &|reading| reading.is_ok());
        chronyd.kill();
        // The truth as the server before gave it, and two seconds more or less.
        let wrong = format!(
            "server 127.0.0.1 port {} iburst minpoll -2 maxpoll -2 offset {step}",
            truth.port
        );
        chronyd = Chronyd::start_on(port, &format!("off-by{step}"), &wrong);
        wait(step, &|reading| {
            let Err(ClockError::Inaccurate { accuracy, .. }) = reading else {
                return false;
            };
            (1900 * MS..2500 * MS).contains(&accuracy)
        });
        chronyd.kill();
        chronyd = Chronyd::start_on(port, "right-again", "local stratum 3");
    }
    wait("trusted again", &|reading| reading.is_ok());
}
