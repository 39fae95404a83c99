// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A disk that is really full: a small file system of its own, filled by others beside the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kbox_tests::{Server, run, said, submission};

const MIB: u64 = 1 << 20;
/// Below this writing is refused.
const RESERVE: u64 = 128 * MIB;

/// A tmpfs that is gone with the process which holds it.
struct Disk {
    holder: Child,
    path: PathBuf,
    filling: PathBuf,
}

impl Disk {
    /// None where this machine lets nobody mount one.
    fn of(mib: u64) -> Option<Self> {
        let script =
            format!("mount -t tmpfs -o size={mib}m tmpfs /mnt && echo mounted && exec cat");
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let heard = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line);
        if heard.is_err() || line != "mounted\n" {
            let _ = holder.kill();
            let _ = holder.wait();
            return None;
        }
        let path = PathBuf::from(format!("/proc/{}/root/mnt", holder.id()));
        Some(Self {
            filling: path.join("filling"),
            holder,
            path,
        })
    }

    fn free(&self) -> u64 {
        let asked = Command::new("stat")
            .args(["--file-system", "--format=%a %S"])
            .arg(&self.path)
            .output()
            .unwrap();
        let text = String::from_utf8(asked.stdout).unwrap();
        text.split_whitespace()
            .map(|number| number.parse::<u64>().unwrap())
            .product()
    }

    /// Fills it until `left` bytes are free, or fewer by less than a page.
    fn fill(&self, left: u64) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.filling)
            .unwrap();
        // The server writes meanwhile: what is free is asked for again.
        loop {
            let more = self.free().saturating_sub(left);
            if more == 0 {
                break;
            }
            let block = vec![7; usize::try_from(more.min(MIB)).unwrap()];
            let _ = file.write(&block);
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(&self.filling).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn command(name: &str, data: &Path, more: &[&str]) -> (bool, String) {
    let data = data.to_str().unwrap();
    let output = run("kbox-server", &[&[name, "--data", data], more].concat());
    (output.status.success(), said(&output))
}

#[test]
fn a_disk_that_others_fill_loses_nothing_is_said_by_readyz_and_goes_on_once_there_is_room() {
    let Some(disk) = Disk::of(220) else {
        eprintln!("SKIPPED: no file system may be mounted here (unshare --map-root-user --mount)");
        return;
    };
    let data = disk.path.join("data");
    let server = Server::start(&data);
    let key = server.key(&data);
    let post =
        |server: &Server, id: &str| server.post("/api/v1/events", Some(&key), &submission(id));
    let receipt = post(&server, "before").body;
    assert_eq!(server.get("/readyz", None).status, 200);

    // Above the reserve, but without room for an event that is large: some are refused already, so it is not ready.
    disk.fill(RESERVE + MIB / 2);
    assert_eq!(post(&server, "small").status, 201);
    let mut large = submission("large");
    let papers = &mut large["body"]["detail"]["content"]["papers"];
    let paper = papers[0].clone();
    let more = (0..1024).map(|number| {
        let mut paper = paper.clone();
        paper["titre"] = format!("{number} {}", "é".repeat(200)).into();
        paper
    });
    *papers = more.collect::<Vec<_>>().into();
    let refused = server.post("/api/v1/events", Some(&key), &large);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (507, "disk_full")
    );
    let ready = server.get("/readyz", None);
    assert_eq!((ready.status, ready.code().as_str()), (503, "disk_full"));

    // Nothing beside the server takes what is left to it, and what it made is not taken for whole.
    let path = |name: &str| disk.path.join(name);
    for (name, to) in [("backup", path("copy")), ("export", path("files"))] {
        disk.fill(RESERVE - 4096);
        let (done, words) = command(name, &data, &["--to", to.to_str().unwrap()]);
        assert!(
            !done && words.contains("the disk is full"),
            "{name}: {words}"
        );
        let sentence = format!("{} is no ", to.display());
        assert!(words.contains(&sentence), "{name}: {words}");
    }
    let (done, _) = command("fsck", &path("copy"), &[]);
    assert!(!done);

    // No byte left.
    disk.fill(0);
    assert_eq!(disk.free(), 0);
    let refused = post(&server, "after");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (507, "disk_full")
    );
    assert_eq!(post(&server, "before").body, receipt);
    let (sound, words) = command("fsck", &data, &[]);
    assert!(sound, "{words}");
    drop(server);
    let (started, words) = command("serve", &data, &["--listen", "127.0.0.1:0"]);
    assert!(!started && words.contains("Make room"), "{words}");

    disk.make_room();
    let server = Server::start(&data);
    assert_eq!(server.get("/readyz", None).status, 200);
    assert_eq!(post(&server, "before").body, receipt);
    assert_eq!(post(&server, "after").status, 201);
    assert_eq!(
        server.post("/api/v1/events", Some(&key), &large).status,
        201
    );
    assert!(server.terminate().success());
    let (sound, words) = command("fsck", &data, &[]);
    assert!(sound && words.contains("5 entries"), "{words}");
}
