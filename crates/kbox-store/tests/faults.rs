// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A process that is killed, or whose system calls fail, at each step of its commits: what it acknowledged is there, and
//! the log is sound. By strace, which injects faults into the calls of a real process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::ledger::fsck::fsck;
use kbox_proof::tlog::VerifierKey;
use kbox_store::RocksStore;
use support::sending::*;
use support::*;

const CHILD: &str = "KBOX_TEST_FAULT_CHILD";
/// Receipts that one process records, one after the other, unless it ends before.
const RECEIPTS: usize = 12;

/// Not a test of its own: the process into which faults are injected.
#[test]
fn fault_child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let round = std::fs::read_to_string(folder.join("round")).unwrap();
    let ledger = Keys::load(folder).open(&folder.join("data"), clock());
    for n in 0..RECEIPTS {
        let id = format!("{round}-{n}");
        let receipt = record(&ledger, &id, 1).unwrap();
        let line = format!("\nack {id} {}\n", Sha256Digest::of(&receipt.event).to_hex());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

struct Run {
    folder: tempfile::TempDir,
    keys: Keys,
    round: usize,
    acknowledged: BTreeSet<(String, Sha256Digest)>,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::new();
        keys.save(folder.path());
        Self {
            folder,
            keys,
            round: 0,
            acknowledged: BTreeSet::new(),
        }
    }

    /// One process under strace; how it ended.
    fn child(&mut self, strace: &[&str]) -> Output {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).args(strace);
        self.child_of(&mut command)
    }

    /// One process that another one starts.
    fn child_of(&mut self, starter: &mut Command) -> Output {
        self.round += 1;
        std::fs::write(self.folder.path().join("round"), self.round.to_string()).unwrap();
        let output = starter
            .arg(std::env::current_exe().unwrap())
            .args(["fault_child", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, self.folder.path())
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("strace is missing: run the tests through `make test`");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            // A line that was cut off was not acknowledged.
            if let ["ack", id, digest] = line.split(' ').collect::<Vec<_>>()[..]
                && let Some(digest) = Sha256Digest::from_hex(digest)
            {
                self.acknowledged.insert((id.to_string(), digest));
            }
        }
        output
    }

    /// The same requests again give the receipts that are there: a lost one would be recorded anew.
    fn check(&self, what: &str) {
        let path = self.folder.path().join("data");
        if !path.join("VERSION").exists() {
            assert!(self.acknowledged.is_empty(), "{what}");
            return;
        }
        let ledger = self.keys.open(&path, clock());
        let size = ledger.size();
        for (id, digest) in &self.acknowledged {
            let receipt = record(&ledger, id, 1).unwrap();
            assert_eq!(Sha256Digest::of(&receipt.event), *digest, "{what}: {id}");
        }
        assert_eq!(
            ledger.size(),
            size,
            "{what}: something acknowledged was lost"
        );
        drop(ledger);
        let store = RocksStore::open_to_read(&path).unwrap();
        let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
        let origin = Origin::parse(ORIGIN).unwrap();
        let environment = Environment::Demonstration;
        let report = fsck(&store, &origin, environment, &key, &[], &mut |_, _| ()).unwrap();
        assert_eq!(report.findings, [], "{what}");
    }
}

/// Calls of one thread that each of these processes surely comes to.
const REACHED: usize = 36;

/// How often each fault is injected, at the first, second, third … call, and so on again: `KBOX_FAULTS=1000` for a long run.
fn faults() -> usize {
    let wanted = std::env::var("KBOX_FAULTS").ok();
    wanted.map_or(REACHED, |text| {
        text.parse().expect("KBOX_FAULTS is a number")
    })
}

#[test]
fn killed_or_failing_at_every_system_call_nothing_acknowledged_is_lost() {
    let mut ended_early = 0;
    let mut acknowledged = 0;
    for (call, fault) in [
        // A kill before the call takes effect, at every write and every sync.
        ("write", "signal=KILL"),
        ("fdatasync", "signal=KILL"),
        // The disk fails or is full, once.
        ("fdatasync", "error=EIO"),
        ("write", "error=EIO"),
        ("write", "error=ENOSPC"),
        ("openat,rename,ftruncate,fallocate,fsync", "error=EIO"),
    ] {
        let mut run = Run::new();
        for when in (1..=REACHED).cycle().take(faults()) {
            let inject = format!("inject={call}:{fault}:when={when}");
            let trace = format!("trace={call}");
            let output = run.child(&["-o", "/dev/null", "-e", &trace, "-e", &inject]);
            ended_early += usize::from(!output.status.success());
            run.check(&format!("{inject}, run {}", run.round));
        }
        acknowledged += run.acknowledged.len();
    }
    // The faults did reach the commits, and work went on between them.
    let runs = 6 * faults();
    assert!(ended_early * 2 > runs, "{ended_early} of {runs}");
    assert!(acknowledged > runs, "{acknowledged} of {runs}");
    println!(
        "faults: {runs} run, {ended_early} ended a process, {acknowledged} receipts acknowledged, none lost"
    );
}

/// Files may grow so far and no further: the system takes what fits of a write, and refuses the rest.
#[test]
fn after_writes_that_were_cut_short_at_any_length_nothing_acknowledged_is_lost() {
    let (mut short, mut ended_early, mut acknowledged) = (0, 0, 0);
    for kibibytes in 1..=REACHED {
        let mut run = Run::new();
        let trace = run.folder.path().join("trace");
        let limited = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" \"$@\"");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-e", "trace=write", "-o"])
            .arg(&trace)
            .args(["bash", "-c", &limited]);
        let output = run.child_of(&mut strace);
        ended_early += usize::from(!output.status.success());
        // `write(7, "…"..., 1041) = 536`
        let text = std::fs::read_to_string(&trace).unwrap();
        short += text.lines().filter(|line| was_short(line)).count();
        run.check(&format!("files of {kibibytes} KiB at most"));
        acknowledged += run.acknowledged.len();
    }
    assert!(short >= REACHED / 2, "{short}");
    assert!(ended_early >= REACHED / 2, "{ended_early}");
    assert!(acknowledged >= REACHED, "{acknowledged}");
    println!(
        "short writes: {short} in {REACHED} runs, {ended_early} ended a process, {acknowledged} receipts acknowledged, none lost"
    );
}

/// Whether a line of strace shows a write of which a part was taken.
fn was_short(line: &str) -> bool {
    let Some((call, taken)) = line.rsplit_once(") = ") else {
        return false;
    };
    let wanted = call
        .rsplit_once(", ")
        .map(|(_, wanted)| wanted.parse::<u64>());
    match (wanted, taken.parse::<u64>()) {
        (Some(Ok(wanted)), Ok(taken)) => taken < wanted,
        _ => false,
    }
}

#[test]
fn a_failed_sync_ends_the_process_before_anything_is_acknowledged() {
    let mut run = Run::new();
    let whole = run.child(&["-o", "/dev/null", "-e", "trace=fdatasync"]);
    assert!(whole.status.success());
    assert_eq!(run.acknowledged.len(), RECEIPTS);
    // From some call on every sync fails; nothing is tried again.
    let failing = "inject=fdatasync:error=EIO:when=6+";
    let output = run.child(&["-o", "/dev/null", "-e", "trace=fdatasync", "-e", failing]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("the log cannot go on"), "{said}");
    let before = run.acknowledged.len();
    assert!((RECEIPTS..2 * RECEIPTS).contains(&before), "{before}");
    run.check("after a failed sync");
}

#[test]
fn every_acknowledgement_comes_after_a_sync_of_the_write_ahead_log() {
    let mut run = Run::new();
    let trace = run.folder.path().join("trace");
    let arguments = [
        "-y",
        "-e",
        "trace=fdatasync,write",
        "-o",
        trace.to_str().unwrap(),
    ];
    assert!(run.child(&arguments).status.success());
    let text = std::fs::read_to_string(&trace).unwrap();
    let (mut synced, mut acknowledgements, mut syncs) = (false, 0, 0);
    let mut pending = BTreeSet::new();
    for line in text.lines() {
        let thread = line.split(' ').next().unwrap().to_string();
        let is_log = line.contains("fdatasync(") && line.contains(".log>");
        if is_log && line.ends_with("<unfinished ...>") {
            pending.insert(thread);
        } else if is_log && line.ends_with("= 0")
            || line.contains("fdatasync resumed")
                && line.ends_with("= 0")
                && pending.remove(&thread)
        {
            synced = true;
            syncs += 1;
        } else if line.contains("write(1<") && line.contains("ack ") {
            assert!(
                synced,
                "acknowledged without a sync since the one before: {line}"
            );
            synced = false;
            acknowledgements += 1;
        }
    }
    assert_eq!(acknowledgements, RECEIPTS);
    // One a receipt, and one for the log's beginning.
    assert_eq!(syncs, RECEIPTS + 1, "{text}");
}
