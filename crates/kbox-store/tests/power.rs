// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A guest whose power is cut while it records: qemu is killed, and with it the guest's page cache and what its disk had
//! not flushed. What was acknowledged is there afterwards. `make power` runs it; docs/testing.md tells why it is honest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::ledger::fsck::fsck;
use kbox_proof::merkle::TreeSize;
use kbox_proof::receipt::Receipt;
use kbox_proof::store::{RequestId, Store};
use kbox_proof::tlog::{Checkpoint, Note, TlogProof, VerifierKey};
use kbox_store::RocksStore;
use support::sending::*;
use support::*;

const GUEST: &str = "KBOX_TEST_POWER_GUEST";
/// A folder with a kernel and its modules, which `make power` fills.
const KERNEL: &str = "KBOX_POWER";
const THREADS: usize = 4;
/// Without a word for this long the guest hangs. Its processor is emulated, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(120);
const MODULES: [&str; 6] = [
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio_pci.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/block/virtio_blk.ko",
];

fn say(line: &str) {
    let line = format!("\n{line}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

fn tree(checkpoint: &Note) -> (u64, String) {
    let checkpoint = Checkpoint::parse(checkpoint.text()).unwrap();
    (checkpoint.size().get(), checkpoint.root().to_string())
}

/// What an acknowledgement says: the request, its event, and the tree that the receipt's checkpoint promises.
fn acknowledgement(id: &str, receipt: &Receipt) -> String {
    let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
    let (size, root) = tree(proof.checkpoint());
    format!(
        "{id} {} {size} {root}",
        Sha256Digest::of(&receipt.event).to_hex()
    )
}

/// Whether the log holds what this acknowledgement said.
fn is_kept(store: &RocksStore, line: &str) -> bool {
    let [id, event, size, root] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let request = RequestId::parse(id).unwrap();
    let Some(found) = store.find(&Collectivite::operator(), &request).unwrap() else {
        return false;
    };
    let Some((_, bytes)) = store.event(found.index).unwrap() else {
        return false;
    };
    let size: u64 = size.parse().unwrap();
    // fsck holds every checkpoint that is stored against the tree.
    let Some(promised) = store.checkpoint(TreeSize::new(size)).unwrap() else {
        return false;
    };
    let promised = Note::parse(promised.as_bytes()).unwrap();
    Sha256Digest::of(&bytes).to_hex() == event && tree(&promised) == (size, root.to_string())
}

/// Not a test of its own: what runs in the guest.
#[test]
fn power_guest() {
    let Some(folder) = std::env::var_os(GUEST) else {
        return;
    };
    let folder = Path::new(&folder);
    let acknowledged = std::fs::read_to_string("/dev/vdb").unwrap();
    let mut acknowledged = acknowledged.lines().filter(|line| !line.is_empty());
    let round = acknowledged.next().unwrap();
    say("opening");
    let store = match RocksStore::open(folder.join("disk/data")) {
        Ok(store) => Arc::new(store),
        Err(error) => return say(&format!("refused to open: {error}")),
    };
    if store.head().unwrap().is_some() {
        let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
        let origin = Origin::parse(ORIGIN).unwrap();
        let environment = Environment::Demonstration;
        let report = fsck(&*store, &origin, environment, &key, &[], &mut |_, _| ()).unwrap();
        for finding in report.findings {
            say(&format!("finding {finding:?}"));
        }
    }
    let mut kept = 0;
    for line in acknowledged {
        if is_kept(&store, line) {
            kept += 1;
        } else {
            say(&format!("lost {line}"));
        }
    }
    say(&format!("kept {kept}"));
    let ledger = Keys::load(folder).open_over(store, clock(), |_| {});
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in 0u64.. {
                    let id = format!("{round}-{thread}-{n}");
                    // Now and then enough to fill a memtable soon, so that write-ahead logs are closed, tracked and retired.
                    let receipt = match n % 8 {
                        7 => record_beside(ledger, &id, 1 << 20),
                        _ => record(ledger, &id, 1),
                    };
                    let receipt = receipt.unwrap();
                    say(&format!("ack {}", acknowledgement(&id, &receipt)));
                }
            });
        }
    });
}

/// When the power is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// After so many acknowledgements.
    Acknowledged(usize),
    /// So long after the log is being opened: while it recovers from the cut before, or begins.
    Opening(Duration),
    /// Once everything was looked at.
    Checked,
}

/// What was seen between switching on and the cut.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: usize,
    /// How many of the acknowledgements before were found, once all were looked for.
    kept: Option<usize>,
    /// What the guest said that it should not have.
    bad: Vec<String>,
}

struct Guest {
    folder: tempfile::TempDir,
    kernel: PathBuf,
    /// Further words on the kernel's command line.
    mode: &'static str,
    round: usize,
    acknowledged: Vec<String>,
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: run the tests through `make power`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

impl Guest {
    /// None: no kernel was given.
    fn new(mode: &'static str) -> Option<Self> {
        let Some(kernel) = std::env::var_os(KERNEL) else {
            println!("skipped: {KERNEL} is not set; `make power` cuts the power");
            return None;
        };
        let guest = Self {
            folder: tempfile::tempdir().unwrap(),
            kernel: kernel.into(),
            mode,
            round: 0,
            acknowledged: Vec::new(),
        };
        guest.make_root();
        guest.make_disk();
        Some(guest)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The guest's memory at its start: this program and what it is linked with.
    fn make_root(&self) {
        let root = self.path("root");
        for folder in ["bin", "dev", "disk", "modules", "proc"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        Keys::new().save(&root);
        let program = std::env::current_exe().unwrap();
        let linked = run(Command::new("ldd").arg(&program));
        let libraries = linked
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        for library in libraries {
            let to = root.join(library.trim_start_matches('/'));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(library, to).unwrap();
        }
        std::fs::copy(program, root.join("guest")).unwrap();
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is missing");
        for module in MODULES {
            let from = self.kernel.join("kernel").join(module);
            let name = from.file_name().unwrap();
            std::fs::copy(&from, root.join("modules").join(name)).unwrap();
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power");
        // Its mode, executable, is copied too.
        std::fs::copy(sources.join("init"), root.join("init")).unwrap();
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(root.join("nosync.so"))
            .arg(sources.join("nosync.c")));
        run(Command::new("sh")
            .args(["-c", "find . | cpio --quiet -o -H newc >../initrd"])
            .current_dir(&root));
    }

    /// An empty file system, under an image that keeps where its blocks are in the memory of qemu until a flush.
    fn make_disk(&self) {
        let (raw, disk) = (self.path("raw"), self.path("disk"));
        std::fs::File::create(&raw)
            .unwrap()
            .set_len(512 << 20)
            .unwrap();
        run(Command::new("mkfs.ext4")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .args(["-q", "-b", "4096"])
            .arg(&raw));
        run(Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", "raw"])
            .args(["-o", "cluster_size=4096", "-b"])
            .arg(&raw)
            .arg(&disk));
    }

    /// Switches on, and cuts the power.
    fn boot(&mut self, cut: Cut) -> Seen {
        self.round += 1;
        // A name of this start, and what must be there, on a second disk; whole sectors.
        let mut known = format!("{}\n{}\n", self.round, self.acknowledged.join("\n"));
        known.extend(std::iter::repeat_n('\n', 512 - known.len() % 512));
        std::fs::write(self.path("known"), known).unwrap();
        let drive = |name, rest| format!("file={},if=virtio,{rest}", self.path(name).display());
        let console = self.path("console");
        let mut qemu = Command::new("qemu-system-x86_64")
            // Emulated: not every machine that tests run on lends its processor to guests, and this way all do the same.
            .args(["-accel", "tcg,thread=multi", "-cpu", "max"])
            .args(["-smp", "2", "-m", "512"])
            .args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none"])
            .arg("-kernel")
            .arg(self.kernel.join("vmlinuz"))
            .arg("-initrd")
            .arg(self.path("initrd"))
            .arg("-append")
            .arg(format!("console=ttyS0 quiet panic=-1 {}", self.mode))
            .arg("-drive")
            // The guest sees a disk with a volatile cache, which it must flush.
            .arg(drive("disk", "format=qcow2,cache=writeback"))
            .arg("-drive")
            .arg(drive("known", "format=raw,readonly=on"))
            .args(["-serial", &format!("file:{}", console.display())])
            .args(["-serial", "stdio"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qemu is missing: run this test through `make power`");
        let output = BufReader::new(qemu.stdout.take().unwrap());
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut seen = Seen::default();
        let mut is_cut = false;
        let mut cut_at: Option<Instant> = None;
        loop {
            let wait = cut_at.map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
            let line = match lines.recv_timeout(wait) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if cut_at.take().is_none() {
                        seen.bad.push("the guest hangs".into());
                    }
                    is_cut = true;
                    qemu.kill().unwrap();
                    continue;
                }
            };
            // Once cut, what is still in the pipe was acknowledged all the same; a line cut off was not.
            let line = line.trim_end();
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "ack"
                    if rest.rsplit(' ').next().is_some_and(is_whole)
                        && rest.split(' ').count() == 4 =>
                {
                    self.acknowledged.push(rest.to_string());
                    seen.acknowledged += 1;
                }
                "kept" => seen.kept = rest.parse().ok(),
                "lost" | "finding" | "refused" | "module" => seen.bad.push(line.to_string()),
                _ if line.contains("panicked") => seen.bad.push(line.to_string()),
                _ => {}
            }
            let now = match cut {
                Cut::Acknowledged(wanted) => seen.acknowledged >= wanted,
                Cut::Checked => seen.kept.is_some(),
                Cut::Opening(after) => {
                    if word == "opening" && !is_cut {
                        cut_at = Some(Instant::now() + after);
                    }
                    false
                }
            };
            if now && !is_cut {
                is_cut = true;
                qemu.kill().unwrap();
            }
        }
        reader.join().unwrap();
        let ended = qemu.wait_with_output().unwrap();
        if !is_cut {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            let console = std::fs::read_to_string(&console).unwrap_or_default();
            seen.bad.push(format!("ended by itself: {said}{console}"));
        }
        seen
    }

    /// What a control lost: it records, its power is cut, and it is looked at.
    fn control(&mut self) -> Seen {
        let before = self.boot(Cut::Acknowledged(100));
        assert_eq!(before.bad, [""; 0]);
        let after = self.boot(Cut::Checked);
        println!(
            "power: control {}: of {} acknowledged {:?} were kept",
            self.mode,
            self.acknowledged.len(),
            after.kept
        );
        after
    }
}

/// Whether a root was not cut off.
fn is_whole(root: &str) -> bool {
    Sha256Digest::from_hex(root).is_some()
}

fn random(below: u16) -> u16 {
    u16::from_be_bytes(kbox_proof::key::random_bytes::<2>().unwrap()) % below
}

/// How often the power is cut: `KBOX_POWER_CUTS=200` for a long run.
fn cuts() -> usize {
    let wanted = std::env::var("KBOX_POWER_CUTS").ok();
    wanted.map_or(10, |text| {
        text.parse().expect("KBOX_POWER_CUTS is a number")
    })
}

#[test]
fn when_the_power_is_cut_nothing_acknowledged_is_lost_and_the_log_is_one_tree() {
    let Some(mut guest) = Guest::new("kbox_mount=barrier=1") else {
        return;
    };
    for n in 0..=cuts() {
        let known = guest.acknowledged.len();
        let cut = if n == cuts() {
            Cut::Checked
        } else if n % 4 == 0 {
            Cut::Opening(Duration::from_millis(random(300).into()))
        } else {
            Cut::Acknowledged(1 + usize::from(random(400)))
        };
        let seen = guest.boot(cut);
        assert_eq!(seen.bad, [""; 0], "start {n}");
        match cut {
            // It may have been cut before it looked.
            Cut::Opening(_) => assert!(seen.kept.is_none_or(|kept| kept == known), "start {n}"),
            _ => assert_eq!(seen.kept, Some(known), "start {n}"),
        }
    }
    println!(
        "power: {} cuts, {} receipts acknowledged, none lost",
        cuts(),
        guest.acknowledged.len()
    );
    assert!(guest.acknowledged.len() > cuts());
}

#[test]
fn control_a_power_cut_takes_what_the_program_did_not_sync() {
    let Some(mut guest) = Guest::new("kbox_mount=barrier=1 kbox_preload=/nosync.so") else {
        return;
    };
    assert!(
        guest
            .control()
            .bad
            .iter()
            .any(|line| line.starts_with("lost "))
    );
}

#[test]
fn control_a_power_cut_takes_what_the_disk_did_not_flush() {
    // The guest's file system writes what is synced, but never tells the disk to flush.
    let Some(mut guest) = Guest::new("kbox_mount=barrier=0") else {
        return;
    };
    assert!(
        guest
            .control()
            .bad
            .iter()
            .any(|line| line.starts_with("lost "))
    );
}
