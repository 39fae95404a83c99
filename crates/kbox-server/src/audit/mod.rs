// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The audit log (EN 319 421 §7.12): what happened to clock, keys, certificates and access, in a file that only grows.
//!
//! One JSON object a line, each with the SHA-256 of the line before, so that a line that was changed, removed or put in
//! shows. It holds ids, nothing of a person and no secret. What it cannot show: that its last line was changed, that
//! its last lines are missing, or that all of it was written anew by whoever may write the file; for that, its head is kept
//! elsewhere (docs/server.md).

mod chain;
mod event;
mod fingerprint;
mod hourly;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kbox_proof::clock::Moment;
use kbox_proof::time::Time;

pub(crate) use chain::{Broken, Chain, read};
pub(crate) use event::{Event, Signer};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use hourly::Hourly;

/// Its name in the data directory.
pub(crate) const FILE: &str = "audit.jsonl";

/// Events that may wait for a disk that takes nothing; beyond, the oldest go, and how many is said.
const MAX_WAITING: usize = 200;

/// Why nothing can be logged.
#[derive(Debug)]
pub(crate) enum AuditError {
    /// The file, or its folder.
    File { path: PathBuf, error: io::Error },
    /// The file is not what was written.
    Broken { path: PathBuf, broken: Broken },
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "audit log {}: {error}", path.display()),
            Self::Broken { path, broken } => write!(
                f,
                "audit log {}: {broken}. Keep the file, find out who changed it, and move it away: the next start begins a new one",
                path.display()
            ),
        }
    }
}

impl std::error::Error for AuditError {}

/// What the lines so far say, as far as a start needs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The newest of each name.
    pub(crate) signers: Vec<Signer>,
    /// The newest configuration.
    pub(crate) configuration: Option<serde_json::Value>,
    /// Certificate, and days before its end, that were warned of.
    pub(crate) warned: Vec<(Fingerprint, i64)>,
    /// The log that was last served, and how many entries it had when that began or ended.
    pub(crate) served: Option<(String, u64)>,
}

impl Known {
    fn learn(&mut self, event: &Event) {
        match event {
            Event::SignerTakenUp { signer, .. } => {
                self.signers.retain(|known| known.name != signer.name);
                self.signers.push(signer.clone());
            }
            Event::Configuration { settings } => self.configuration = Some(settings.clone()),
            Event::CertificateEnding {
                certificate,
                within_days,
                ..
            } => self.warned.push((*certificate, *within_days)),
            Event::Started {
                origin, entries, ..
            } => self.served = Some((origin.clone(), *entries)),
            Event::Stopped { entries } => {
                if let Some((_, known)) = &mut self.served {
                    *known = *entries;
                }
            }
            _ => {}
        }
    }
}

/// The log of one data directory. Until it is opened, what happens waits.
#[derive(Debug, Default)]
pub(crate) struct Audit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    path: Option<PathBuf>,
    /// None before it is opened, and after a write of unknown outcome.
    open: Option<(File, Chain)>,
    waiting: VecDeque<(Option<Time>, Event)>,
    lost: u64,
    known: Known,
}

impl Audit {
    fn hold(&self) -> MutexGuard<'_, State> {
        // A panic in between leaves at most a torn line, which the next opening sees.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the file of a data directory that this process holds, and writes what waits.
    pub(crate) fn open(&self, data: &Path) -> Result<(), AuditError> {
        let mut state = self.hold();
        state.path = Some(data.join(FILE));
        state.flush()
    }

    /// Writes one event; once this returns, it is on the disk. On an error it is not there.
    pub(crate) fn record(&self, event: Event) -> Result<(), AuditError> {
        let mut state = self.hold();
        state.flush()?;
        state.append(now(), event)
    }

    /// As [`Audit::record`], for what has happened whether it can be written or not: it waits until it can, and
    /// [`Audit::check`] says so.
    pub(crate) fn note(&self, event: Event) {
        let mut state = self.hold();
        if state.waiting.len() >= MAX_WAITING {
            state.waiting.pop_front();
            state.lost += 1;
        }
        state.waiting.push_back((now(), event));
        if state.path.is_some()
            && let Err(error) = state.flush()
        {
            eprintln!("kbox: {error}");
        }
    }

    /// Whether all is written.
    pub(crate) fn check(&self) -> Result<(), AuditError> {
        self.hold().flush()
    }

    /// What the lines say.
    pub(crate) fn known(&self) -> Known {
        self.hold().known.clone()
    }

    /// As a write of unknown outcome leaves it.
    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.hold().open = None;
    }

    /// The number of lines.
    pub(crate) fn lines(&self) -> u64 {
        self.hold()
            .open
            .as_ref()
            .map_or(0, |(_, chain)| chain.lines)
    }
}

/// The system clock, right or wrong: the lines about the clock say which.
fn now() -> Option<Time> {
    Moment::now().and_then(|moment| moment.time()).ok()
}

impl State {
    fn flush(&mut self) -> Result<(), AuditError> {
        if self.path.is_none() {
            return Ok(());
        }
        while let Some((at, event)) = self.waiting.front().cloned() {
            self.append(at, event)?;
            self.waiting.pop_front();
        }
        if self.lost > 0 {
            let count = self.lost;
            self.append(now(), Event::EventsLost { count })?;
            self.lost = 0;
        }
        // Opened even when nothing waits, so that what is wrong with the file is said at once.
        self.file()
    }

    fn file(&mut self) -> Result<(), AuditError> {
        if self.open.is_some() {
            return Ok(());
        }
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let (file, chain, torn) = recover(&path, &mut self.known)?;
        self.open = Some((file, chain));
        match torn {
            Some(torn) => self.append(now(), torn),
            None => Ok(()),
        }
    }

    fn append(&mut self, at: Option<Time>, event: Event) -> Result<(), AuditError> {
        self.file()?;
        let (Some((file, chain)), Some(path)) = (&mut self.open, &self.path) else {
            // Not opened yet.
            self.waiting.push_back((at, event));
            return Ok(());
        };
        let (next, line) = chain.next(at, &event);
        let written = file
            .write_all(line.as_bytes())
            .and_then(|()| file.sync_data());
        match written {
            Ok(()) => {
                *chain = next;
                self.known.learn(&event);
                Ok(())
            }
            Err(error) => {
                let path = path.clone();
                // How much of the line is there, only the file can say.
                self.open = None;
                Err(AuditError::File { path, error })
            }
        }
    }
}

/// Reads the file to its end, or makes it; what a crash left of a last line is cut off, and said in the event.
fn recover(path: &Path, known: &mut Known) -> Result<(File, Chain, Option<Event>), AuditError> {
    let problem = |error: io::Error| AuditError::File {
        path: path.to_path_buf(),
        error,
    };
    let is_new = !path.exists();
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(problem)?;
    if is_new && let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(problem)?;
    }
    let mut learnt = Known::default();
    let found = read(BufReader::new(&file), |event, _| learnt.learn(event));
    let (chain, torn) = found.map_err(|broken| match broken {
        Broken::Io(error) => problem(error),
        broken => AuditError::Broken {
            path: path.to_path_buf(),
            broken,
        },
    })?;
    *known = learnt;
    let Some(torn) = torn else {
        return Ok((file, chain, None));
    };
    file.set_len(chain.bytes)
        .and_then(|()| file.sync_all())
        .map_err(problem)?;
    let event = Event::TornLine {
        bytes: torn.bytes,
        sha256: torn.sha256,
    };
    Ok((file, chain, Some(event)))
}

#[cfg(test)]
mod tests;
