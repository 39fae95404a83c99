// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an operator does with a data directory beside the server: check it, copy it, hand it out. The server may run
//! meanwhile.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kbox_proof::event::{Environment, Origin};
use kbox_proof::ledger::fsck::fsck_after;
use kbox_proof::receipt::TrustBundle;
use kbox_proof::store::{Records, Store, StoreError};
use kbox_proof::tlog::VerifierKey;
use kbox_store::RocksStore;

use crate::instance;
use crate::restore;
use crate::witnesses::{self, SPLIT_VIEWS};

/// Which log a directory holds, as its newest trust bundle says, or as one from outside says.
struct Identity {
    origin: Origin,
    environment: Environment,
    key: VerifierKey,
    witnesses: Vec<VerifierKey>,
}

/// Keys of witnesses that a trust bundle names. Marks of earlier years bear those of earlier bundles.
fn witnesses_of(bundle: &[u8]) -> Vec<VerifierKey> {
    let bundle = TrustBundle::from_json(bundle);
    let operators = bundle.map(|bundle| bundle.witnesses.operators);
    let keys = operators
        .into_iter()
        .flatten()
        .flat_map(|operator| operator.keys);
    keys.filter_map(|key| VerifierKey::parse(&key).ok())
        .collect()
}

impl Identity {
    fn of(store: &RocksStore, trust: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let bytes = match trust {
            Some(path) => fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => {
                let newest = instance::newest_trust(store)?;
                let newest = newest.map(|(_, bytes)| bytes);
                newest
                    .ok_or("no trust bundle was published in this log yet: give one with --trust")?
            }
        };
        let bundle = TrustBundle::from_json(&bytes).map_err(|error| error.to_string())?;
        let shard = bundle
            .shards
            .last()
            .ok_or("the trust bundle names no log")?;
        Ok(Self {
            witnesses: witnesses_of(&bytes),
            origin: shard.origin.clone(),
            environment: bundle.environment,
            key: VerifierKey::parse(&shard.vkey).map_err(|error| error.to_string())?,
        })
    }
}

/// How far a long task is, on a terminal as a bar, elsewhere as a few lines.
pub(crate) struct Progress {
    what: &'static str,
    terminal: bool,
    shown: Option<u64>,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    pub(crate) fn show(&mut self, done: u64, of: u64) {
        let percent = done.saturating_mul(100).checked_div(of).unwrap_or(100);
        let step = if self.terminal { percent } else { percent / 10 };
        if self.shown.replace(step) == Some(step) {
            return;
        }
        if self.terminal {
            let bar = usize::try_from(percent / 4).unwrap_or(25);
            eprint!(
                "\r[{:<25}] {percent:>3} %  {done} of {of} {}",
                "=".repeat(bar),
                self.what
            );
            if done == of {
                eprintln!();
            }
        } else {
            eprintln!("{percent} %: {done} of {of} {}", self.what);
        }
    }
}

/// A number of things, in the singular where it is one.
pub(crate) fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

pub(crate) fn entries(number: u64) -> String {
    count(number, "entry", "entries")
}

/// What an operator does about a log that is not what it says.
const NOT_SOUND: &str = "NOT SOUND. Do not continue this log: keep a copy as it is, as evidence. `kbox-server restore --reason damage --backup \
    DIR --data NEW` closes it at a backup and goes on in a new log";

/// What was written cannot be read any more; apart from files that this user may not read.
pub(crate) fn is_damage(error: &StoreError) -> bool {
    match error {
        // RocksDB's own word.
        StoreError::Engine(detail) => detail.contains("Corruption"),
        StoreError::Damaged { .. } | StoreError::Gone { .. } => true,
        _ => false,
    }
}

/// What is no log at all is told as such when it is opened, and not as one that lacks something.
fn check_there(data: &Path) -> Result<(), StoreError> {
    match kbox_store::is_data_directory(data) {
        true => kbox_store::check_whole(data),
        false => Ok(()),
    }
}

/// The log's name, by the checkpoint that it signed last.
pub(crate) fn held(store: &RocksStore) -> Result<Option<String>, StoreError> {
    let head = store.head()?;
    Ok(head.and_then(|head| head.checkpoint.lines().next().map(str::to_string)))
}

/// `kbox-server fsck`: false when something is wrong.
pub(crate) fn check(data: &Path, trust: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let unreadable = |error: StoreError| -> Box<dyn Error> {
        match &error {
            _ if is_damage(&error) => format!("{}: {error}\n{NOT_SOUND}", data.display()).into(),
            StoreError::Engine(detail) if detail.contains("No such file") => format!(
                "{}: {error}\nIf its server runs just now, do it again. If none does: {NOT_SOUND}",
                data.display()
            )
            .into(),
            _ => error.into(),
        }
    };
    check_there(data).map_err(unreadable)?;
    let store = RocksStore::open_to_read(data).map_err(unreadable)?;
    let identity =
        Identity::of(&store, trust).map_err(|error| match error.downcast::<StoreError>() {
            Ok(error) => unreadable(*error),
            Err(other) => other,
        })?;
    if let Some(held) = held(&store).map_err(unreadable)?
        && held != identity.origin.as_str()
    {
        return Err(match trust {
            Some(path) => format!(
                "{} is of the log {}, and {} holds the log {held}: give a trust bundle of that one, or the directory of the other",
                path.display(),
                identity.origin,
                data.display()
            ),
            None => format!(
                "the trust bundle in {} is of the log {}, and its newest checkpoint of the log {held}\n{NOT_SOUND}",
                data.display(),
                identity.origin
            ),
        }
        .into());
    }
    let mut closed_sound = true;
    let mut earlier: Vec<Arc<dyn Store>> = Vec::new();
    for closed in restore::closed(data)? {
        closed_sound &= check(&closed.path, None)?;
    }
    for path in restore::before(data)? {
        let store = RocksStore::open_to_read(path).map_err(unreadable)?;
        earlier.insert(0, Arc::new(store));
    }
    eprintln!("log {}, in {}", identity.origin, data.display());
    let mut witnesses = identity.witnesses.clone();
    for (_, bundle) in store.scan(instance::TRUST.as_bytes()).map_err(unreadable)? {
        witnesses.extend(witnesses_of(&bundle));
    }
    let mut progress = Progress::new("entries");
    let report = fsck_after(
        &earlier,
        &store,
        &identity.origin,
        identity.environment,
        &identity.key,
        &witnesses,
        &mut |done, of| progress.show(done, of),
    )
    .map_err(unreadable)?;
    for finding in &report.findings {
        println!("{finding}");
    }
    if report.unlisted > 0 {
        println!("and {} more", report.unlisted);
    }
    let mut sound = report.is_sound() && closed_sound;
    for (key, bundle) in store.scan(instance::TRUST.as_bytes())? {
        if let Err(error) = instance::published(&store, &key, bundle) {
            println!("{}: {error}", String::from_utf8_lossy(&key));
            sound = false;
        }
    }
    if report.pending > 0 {
        println!(
            "{} recorded, and not carried out yet: start the server, or ask for the same again",
            count(report.pending, "erasure", "erasures")
        );
    }
    println!(
        "{} of {}, {} erased, {}, {} and {}: {}",
        entries(report.size),
        count(
            u64::try_from(report.collectivites).unwrap_or(u64::MAX),
            "collectivité",
            "collectivités"
        ),
        report.erased,
        count(report.checkpoints, "checkpoint", "checkpoints"),
        count(report.marks, "mark", "marks"),
        count(report.anchors, "anchor", "anchors"),
        if sound { "sound" } else { NOT_SOUND }
    );
    Ok(sound)
}

/// `kbox-server export`: the log as a C2SP tlog-tiles directory, and its trust bundles.
pub(crate) fn export(data: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    check_there(data)?;
    let store = RocksStore::open_to_read(data)?;
    empty_directory(to)?;
    let size = write_out(&store, to, same_disk(data, to)).map_err(|error| {
        format!(
            "{error}\n{} is no whole export: remove it, and make another where there is room",
            to.display()
        )
    })?;
    eprintln!("{} in {}", entries(size), to.display());
    Ok(())
}

/// Fills a new directory; returns the size of the log in it.
fn write_out(store: &RocksStore, to: &Path, reserved: bool) -> Result<u64, Box<dyn Error>> {
    let size = store.head()?.map_or(0, |head| head.size.get());
    let bundles = size / 256 + 1;
    let (mut progress, mut done) = (Progress::new("entry bundles"), 0);
    let head = kbox_proof::ledger::export(store, |name, bytes| -> Result<(), Problem> {
        if name.starts_with("tile/entries/") {
            done += 1;
            progress.show(done.min(bundles), bundles);
        }
        write(to, name, bytes, reserved)
    })?;
    let head = head.ok_or("no log was begun in this directory")?;
    for (key, bundle) in store.scan(instance::TRUST.as_bytes())? {
        let bundle = instance::published(store, &key, bundle)?;
        let version = String::from_utf8_lossy(key.get(instance::TRUST.len()..).unwrap_or_default())
            .trim_start_matches('0')
            .to_string();
        write(to, &format!("trust/{version}.json"), &bundle, reserved)?;
    }
    for (key, seen) in witnesses::split_views(store)? {
        let digest = String::from_utf8_lossy(key.get(SPLIT_VIEWS.len()..).unwrap_or_default());
        write(to, &format!("split-views/{digest}.json"), &seen, reserved)?;
    }
    Ok(head.size.get())
}

/// `kbox-server backup`: a consistent copy, while the server may run, with the keys unless told otherwise.
pub(crate) fn backup(data: &Path, to: &Path, with_keys: bool) -> Result<(), Box<dyn Error>> {
    check_there(data)?;
    let store = RocksStore::open_to_read(data)?;
    let size = store.head()?.map_or(0, |head| head.size.get());
    // Each backup is whole: none is written over an older one, which would be lost before the new one is there.
    empty_directory(to)?;
    let with_keys = copy(&store, data, to, with_keys).map_err(|error| {
        format!(
            "{error}\n{} is no backup: remove it, with the keys that may be in it, and make another where there is room for a copy of the log",
            to.display()
        )
    })?;
    eprintln!(
        "{} in {}, {}. What was erased before it was begun is not in it; what is erased since stays in it until \
         `kbox-server erase --backup` takes it out",
        entries(size),
        to.display(),
        if with_keys {
            "with the keys in its folder keys/: keep it as safe as those. Keys that the configuration names elsewhere are \
             not in it"
        } else {
            "without keys"
        }
    );
    Ok(())
}

/// Fills a new directory; says whether there are keys in it.
fn copy(
    store: &RocksStore,
    data: &Path,
    to: &Path,
    with_keys: bool,
) -> Result<bool, Box<dyn Error>> {
    // The keys first: a copy is a backup once its database is whole, the last thing.
    let keys = data.join(instance::KEYS);
    let with_keys = with_keys && keys.is_dir();
    if with_keys {
        instance::copy_private(&keys, &to.join(instance::KEYS))?;
    }
    for closed in restore::closed(data)? {
        let copy = to.join(closed.place());
        RocksStore::open_to_read(&closed.path)?.copy_to(&copy, &mut |_| ())?;
        closed.write(&copy)?;
    }
    let mut shown = 0;
    store.copy_to(to, &mut |bytes| {
        let mib = bytes >> 20;
        if mib >= shown + 256 {
            shown = mib;
            eprintln!("{mib} MiB copied");
        }
    })?;
    Ok(with_keys)
}

fn empty_directory(path: &Path) -> Result<(), Box<dyn Error>> {
    let problem = |error: io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(path).map_err(problem)?;
    if fs::read_dir(path).map_err(problem)?.next().is_some() {
        return Err(format!(
            "{} is not empty: name a new directory, such as one with the date in its name; none is written over",
            path.display()
        )
        .into());
    }
    Ok(())
}

#[derive(Debug)]
enum Problem {
    Store(StoreError),
    File(PathBuf, io::Error),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Error for Problem {}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whether what is written to one uses up the room of the other. Where nobody says, it is taken to be so.
fn same_disk(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let disk = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
        disk(one) == disk(other)
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        true
    }
}

/// `reserved`: on the disk of the data directory, where a server that may be running needs what is left.
fn write(folder: &Path, name: &str, bytes: &[u8], reserved: bool) -> Result<(), Problem> {
    if reserved {
        kbox_store::check_room(folder, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    }
    let path = folder.join(name);
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = fs::File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Problem::File(path.clone(), error))
}
