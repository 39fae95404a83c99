// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server restore`: an old log is never continued. It is closed at its highest known checkpoint, kept beside a new one, and
//! the new one goes on for it.
//!
//! In the new data directory `closed/N` holds the Nth log, a backup like any other, with `closing.json`: at which checkpoint it was
//! closed, and why. `restoring/` is there as long as the directory is not whole.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kbox_proof::anchor::http::HttpClient;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{EventError, OpeningReason, Origin, ShardOpening};
use kbox_proof::ledger::{Scrub, replay_erasures};
use kbox_proof::merkle::{ConsistencyProof, Edge, RootHash, Tile, TreeSize};
use kbox_proof::receipt::{KnownTree, Receipt, TrustBundle};
use kbox_proof::store::{CommitError, RecordBatch, Store, StoreError};
use kbox_proof::tlog::witness::{AddCheckpoint, MAX_REQUEST_BYTES, SIZE_MEDIA_TYPE};
use kbox_proof::tlog::{Note, TlogProof, VerifiedCheckpoint, VerifierKey};
use kbox_store::{RocksStore, Stopped};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Event};
use crate::config::Config;
use crate::instance::{self, StartError};
use crate::upkeep;
use crate::witnesses::WITNESS_KEY;

/// The folder of the closed logs.
const CLOSED: &str = "closed";
const CLOSING: &str = "closing.json";
/// There while a restore is under way, and what it works on.
const RESTORING: &str = "restoring";
/// In a directory that was restored from: the name that the new log was given.
const RESTORED: &str = "RESTORED";
/// No file with a checkpoint is longer than a receipt.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// How long a witness is waited for.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);
/// What belongs to a log rather than to the service.
const OF_THE_LOG: [&str; 3] = [instance::TRUST, "ledger/erased/", "ledger/erasing/"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) backup: PathBuf,
    pub(crate) reason: OpeningReason,
    pub(crate) checkpoints: Vec<PathBuf>,
    pub(crate) old: Option<PathBuf>,
    /// Nobody has the newest checkpoint any more.
    pub(crate) accept_loss: bool,
}

/// A reason by its name.
pub(crate) fn reason(name: &str) -> Option<OpeningReason> {
    OpeningReason::ALL
        .into_iter()
        .find(|reason| reason.name() == name)
}

/// What `closing.json` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    opening: ShardOpening,
    /// The highest known checkpoint, a C2SP note.
    checkpoint: String,
    /// Smaller trees of the same history, under which receipts stand.
    trees: Vec<KnownTree>,
}

/// A log that the one in a data directory goes on for.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    number: usize,
    closing: Closing,
}

impl Closed {
    /// Where it stands in its directory, and in a backup of that.
    pub(crate) fn place(&self) -> PathBuf {
        place(self.number)
    }

    pub(crate) fn origin(&self) -> Origin {
        self.closing.opening.previous.clone()
    }

    /// What the log after it says of it.
    pub(crate) fn opening(&self) -> Result<ShardOpening, StartError> {
        let (opening, note) = (&self.closing.opening, self.closing.checkpoint.as_bytes());
        if opening.checkpoint != Sha256Digest::of(note) {
            return Err(StartError::Content {
                path: self.path.join(CLOSING),
                problem: "its checkpoint is not the one whose digest stands there".into(),
            });
        }
        Ok(opening.clone())
    }

    pub(crate) fn trees(&self) -> Vec<KnownTree> {
        self.closing.trees.clone()
    }

    /// Says in a copy what is said here.
    pub(crate) fn write(&self, copy: &Path) -> Result<(), StartError> {
        let json = serde_json::to_string_pretty(&self.closing);
        let json = json.map_err(|error| StartError::Content {
            path: copy.into(),
            problem: error.to_string(),
        })?;
        instance::replace_private(&copy.join(CLOSING), &format!("{json}\n"))
    }
}

fn place(number: usize) -> PathBuf {
    Path::new(CLOSED).join(number.to_string())
}

/// The closed logs in a data directory or backup, the oldest first.
pub(crate) fn closed(data: &Path) -> Result<Vec<Closed>, StartError> {
    if data.join(RESTORING).exists() {
        return Err(StartError::Content {
            path: data.join(RESTORING),
            problem: "a restore into this directory was broken off: remove the directory, and restore again".into(),
        });
    }
    let mut found = Vec::new();
    for number in 1.. {
        let path = data.join(place(number));
        if !path.exists() {
            break;
        }
        let file = path.join(CLOSING);
        let content = |problem: String| StartError::Content {
            path: file.clone(),
            problem,
        };
        let bytes = fs::read(&file).map_err(|error| content(error.to_string()))?;
        let closing = serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
        found.push(Closed {
            path,
            number,
            closing,
        });
    }
    Ok(found)
}

/// The logs that the one in a data directory, backup or `closed/N` goes on for, the oldest first.
pub(crate) fn before(data: &Path) -> Result<Vec<PathBuf>, StartError> {
    let number = data
        .file_name()
        .and_then(|name| name.to_str()?.parse::<usize>().ok())
        .filter(|_| data.join(CLOSING).is_file());
    match (number, data.parent()) {
        (Some(number), Some(closed)) => Ok((1..number)
            .map(|earlier| closed.join(earlier.to_string()))
            .collect()),
        _ => Ok(closed(data)?
            .into_iter()
            .map(|closed| closed.path)
            .collect()),
    }
}

/// A checkpoint of the log, and who shows it.
struct Shown {
    size: TreeSize,
    root: RootHash,
    note: String,
    by: String,
}

impl Shown {
    /// One that the log's key signed.
    fn verify(note: &str, key: &VerifierKey, by: &str) -> Result<Self, Box<dyn Error>> {
        let parsed = Note::parse(note.as_bytes()).map_err(|error| format!("{by}: {error}"))?;
        let checkpoint = VerifiedCheckpoint::verify(&parsed, key).map_err(|error| {
            format!(
                "{by} shows a checkpoint that is none of the log {}, or that its key did not sign: {error}. Nothing was made",
                key.name()
            )
        })?;
        Ok(Self {
            size: checkpoint.size(),
            root: *checkpoint.root(),
            note: note.to_string(),
            by: by.to_string(),
        })
    }
}

/// The checkpoints in a receipt, a tlog-proof or a note.
fn notes(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let problem = |error: io::Error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(problem)?.len() > MAX_FILE_BYTES {
        return Err(format!("{} is too long for a receipt or checkpoint", path.display()).into());
    }
    let bytes = fs::read(path).map_err(problem)?;
    let of_proof = |proof: &[u8]| TlogProof::parse(proof).map(|proof| proof.checkpoint().encode());
    if let Ok(receipt) = Receipt::from_json(&bytes) {
        let mut notes = vec![
            of_proof(receipt.proof.as_bytes())
                .map_err(|error| format!("{}: {error}", path.display()))?,
        ];
        notes.extend(receipt.before);
        notes.extend(receipt.anchors.into_iter().map(|anchor| anchor.checkpoint));
        return Ok(notes);
    }
    if let Ok(note) = of_proof(&bytes) {
        return Ok(vec![note]);
    }
    match String::from_utf8(bytes) {
        Ok(note) if Note::parse(note.as_bytes()).is_ok() => Ok(vec![note]),
        _ => Err(format!(
            "{} is no receipt, no .tlog-proof and no checkpoint",
            path.display()
        )
        .into()),
    }
}

/// The root of the first `size` leaves.
fn root_at(store: &dyn Store, size: TreeSize) -> Result<RootHash, Box<dyn Error>> {
    let missing = || StoreError::Damaged {
        what: "a tile of the tree",
    };
    let edge = Edge::load(size, |tile: &Tile| {
        store.read_tile(tile)?.ok_or_else(missing)
    });
    Ok(edge.map_err(|_| missing())?.root())
}

/// What the witnesses of the configuration cosigned last, where they hand it out, as kbox does; of the others how large it was, and who says so.
fn ask_witnesses(
    config: &Config,
    key: &VerifierKey,
    own: &str,
) -> (Vec<Shown>, Vec<(u64, String)>) {
    let (mut shown, mut told) = (Vec::new(), Vec::new());
    if config.witness.is_empty() {
        return (shown, told);
    }
    let client = match HttpClient::new(WITNESS_TIMEOUT) {
        Ok(client) => client,
        Err(error) => {
            eprintln!("no witness is asked: {error}");
            return (shown, told);
        }
    };
    for witness in &config.witness {
        let address = checkpoint_address(&witness.url, key);
        let by = format!("witness {}", witness.name);
        let note = match client.get(&address, MAX_REQUEST_BYTES) {
            Ok(answer) if answer.status == 200 => String::from_utf8(answer.body)
                .map_err(|_| "its answer is no text".to_string())
                .and_then(|note| Shown::verify(&note, key, &by).map_err(|error| error.to_string())),
            Ok(answer) => Err(format!("{address} answers {}", answer.status)),
            Err(error) => Err(format!("{address}: {error}")),
        };
        match note {
            Ok(one) => {
                eprintln!("{by} cosigned {}", upkeep::entries(one.size.get()));
                shown.push(one);
            }
            Err(problem) => {
                eprintln!(
                    "{by} shows no checkpoint ({problem}): ask its operator for the newest that it cosigned of {}, and give it with --checkpoint",
                    key.name()
                );
                told.extend(
                    cosigned_size(&client, &witness.url, own)
                        .map(|size| (size, format!("{by} had cosigned"))),
                );
            }
        }
    }
    (shown, told)
}

/// How much of the log any C2SP witness has cosigned: asked to go on from nothing, one that knows more answers with its size.
fn cosigned_size(client: &HttpClient, url: &str, own: &str) -> Option<u64> {
    let request = AddCheckpoint {
        old: TreeSize::new(0),
        proof: ConsistencyProof::new(Vec::new()),
        note: Note::parse(own.as_bytes()).ok()?,
    };
    let address = format!("{url}/add-checkpoint");
    let body = request.encode().into_bytes();
    let answer = client.post(&address, None, "text/plain", body, MAX_REQUEST_BYTES);
    let answer = answer.ok()?;
    if answer.status != 409 || answer.media_type != SIZE_MEDIA_TYPE {
        return None;
    }
    std::str::from_utf8(&answer.body).ok()?.trim().parse().ok()
}

/// Where a kbox witness has the newest checkpoint that it cosigned of a log.
fn checkpoint_address(url: &str, key: &VerifierKey) -> String {
    let origin = Sha256Digest::of(key.name().as_str().as_bytes());
    format!("{url}/checkpoint/{origin}")
}

/// The most entries of the log that an audit log speaks of, and in which words.
fn told_by(directory: &Path, origin: &Origin) -> Option<(u64, String)> {
    let path = directory.join(audit::FILE);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            eprintln!("{}: {error}. What it says is not counted", path.display());
            return None;
        }
    };
    let mut most: Option<(u64, String)> = None;
    let mut is_of_the_log = false;
    let read = audit::read(io::BufReader::new(file), |event, _| {
        if let Event::Started { origin: of, .. } = event {
            is_of_the_log = of == origin.as_str();
        }
        let (entries, words) = match event {
            Event::RolledBack { witness, seen, .. } => {
                (*seen, format!("witness {witness} had cosigned"))
            }
            Event::Started { entries, .. } | Event::Stopped { entries } => {
                (*entries, "it held".to_string())
            }
            _ => return,
        };
        if is_of_the_log && most.as_ref().is_none_or(|(before, _)| *before < entries) {
            most = Some((entries, format!("{} says that {words}", path.display())));
        }
    });
    if let Err(broken) = read {
        eprintln!("{}: {broken}. What follows is not counted", path.display());
    }
    most
}

/// Closing a log below what is known of it is said, and only done when it is meant.
fn check_loss(
    order: &Order,
    config: &Config,
    told: Option<(u64, String)>,
    last: &Shown,
    key: &VerifierKey,
) -> Result<(), Box<dyn Error>> {
    let Some((entries, words)) = told.filter(|(entries, _)| *entries > last.size.get()) else {
        return Ok(());
    };
    let loss = format!(
        "{words} {}, and the newest checkpoint that is shown has {}. Closed there, the log keeps nothing from index {} on, and receipts of \
         those entries, which others hold, are \"cannot decide\" (log.beyond_end) from then on",
        upkeep::entries(entries),
        last.size,
        last.size
    );
    if order.accept_loss {
        eprintln!("warning: {loss}");
        return Ok(());
    }
    let mut witnesses = config.witness.iter();
    let address = witnesses.next().map_or_else(
        || checkpoint_address("https://…/witness", key),
        |witness| checkpoint_address(&witness.url, key),
    );
    Err(format!(
        "{loss}. Nothing was made. Get the newest checkpoint: from a witness (`restore --config FILE` asks those of the configuration; a kbox \
         witness has it under {address}), or from whoever has the newest receipt, and give it with --checkpoint; where the directory \
         that is given up is still there, name it with --old. Only when nobody has any: --accept-loss"
    )
    .into())
}

/// Two trees of one size, which no word of an operator can make one.
fn split(one: &Shown, other: &Shown) -> Box<dyn Error> {
    format!(
        "two histories of this log exist: {} and {} show {} entries with different roots, and the log's key signed both. Keep both whole, as \
         evidence, and tell whoever relies on this log. Nothing was restored, since either would deny the other.\n\n{}\n{}",
        one.by, other.by, one.size, one.note, other.note
    )
    .into()
}

/// The name of the log after `origin`: `…/n+1`.
fn next_origin(origin: &Origin) -> Result<Origin, EventError> {
    let text = origin.as_str();
    let counted = text.rsplit_once('/').and_then(|(before, number)| {
        let number: u64 = number.parse().ok()?;
        Some(format!("{before}/{}", number.checked_add(1)?))
    });
    Origin::parse(&counted.unwrap_or_else(|| format!("{text}/2")))
}

/// The name of the log that goes on for `previous`, under which none of these directories was restored before: two new logs of one name
/// would be two histories.
fn free_origin(previous: &Origin, directories: &[&Path]) -> Result<Origin, Box<dyn Error>> {
    let mut last = previous.clone();
    for directory in directories {
        let path = directory.join(RESTORED);
        let given = match fs::read_to_string(&path) {
            Ok(text) => Origin::parse(text.trim_end())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        if counter(&given) > counter(&last) {
            last = given;
        }
    }
    Ok(next_origin(&last)?)
}

fn counter(origin: &Origin) -> u64 {
    let number = origin.as_str().rsplit('/').next();
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `kbox-server moved`.
pub(crate) fn moved(data: &Path) -> Result<(), Box<dyn Error>> {
    Stopped::take(data)?.confirm_place()?;
    eprintln!(
        "{} is the log's place from now on. Any other copy of it must never be started again",
        data.display()
    );
    Ok(())
}

/// `kbox-server restore`.
pub(crate) fn restore(config: &Config, order: &Order) -> Result<(), Box<dyn Error>> {
    let (data, backup) = (&config.data, &order.backup);
    empty_but_for_keys(data)?;
    let stopped = Stopped::take(backup)?;
    let is_data = stopped.is_data();
    let old = order.old.as_deref().map(Stopped::take).transpose()?;
    let store = RocksStore::open_to_read(backup)?;
    let head = store
        .head()?
        .ok_or("no log was begun there: there is nothing to restore")?;
    let (_, bundle) = instance::newest_trust(&store)?
        .ok_or("no trust bundle was published in that log yet: there is nothing to restore")?;
    let bundle = TrustBundle::from_json(&bundle).map_err(|error| error.to_string())?;
    let shard = bundle
        .shards
        .last()
        .ok_or("the trust bundle names no log")?;
    let key = VerifierKey::parse(&shard.vkey).map_err(|error| error.to_string())?;
    let own = Shown::verify(&head.checkpoint, &key, &backup.display().to_string())?;
    if root_at(&store, own.size)? != own.root {
        return Err(format!(
            "the tree in {} is not the one that its checkpoint signed: it is damaged. Restore from an older backup",
            backup.display()
        )
        .into());
    }
    let mut shown = Vec::new();
    for path in &order.checkpoints {
        for note in notes(path)? {
            shown.push(Shown::verify(&note, &key, &path.display().to_string())?);
        }
    }
    let old_store = match &order.old {
        None => None,
        Some(path) => match RocksStore::open_to_read(path) {
            Ok(store) => Some(store),
            // It may be why all this is done.
            Err(error) => {
                eprintln!(
                    "{}: {error}. It is closed, and counts for nothing else",
                    path.display()
                );
                None
            }
        },
    };
    if let (Some(store), Some(path)) = (&old_store, &order.old)
        && let Some(head) = store.head()?
    {
        shown.push(Shown::verify(
            &head.checkpoint,
            &key,
            &path.display().to_string(),
        )?);
    }
    let (cosigned, told) = ask_witnesses(config, &key, &head.checkpoint);
    let is_answered = !cosigned.is_empty() || !told.is_empty() || !order.checkpoints.is_empty();
    shown.extend(cosigned);
    let (last, trees) = highest(&store, own, shown)?;
    let previous = shard.origin.clone();
    let directories: Vec<&Path> = [Some(backup), order.old.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let of_audit_logs = directories
        .iter()
        .filter_map(|path| told_by(path, &previous));
    let told = told.into_iter().chain(of_audit_logs).max();
    check_loss(order, config, told, &last, &key)?;
    if !bundle.witnesses.operators.is_empty() && !is_answered && !order.accept_loss {
        return Err(format!(
            "the trust bundle of this log names witnesses, and none of them was asked and answered: they may have cosigned more than {}, and a log that is \
             closed below that makes \"cannot decide\" of receipts that others hold. Nothing was made. Name the log's configuration with --config and see that they can be reached, or give the \
             newest checkpoint that they or anybody else has with --checkpoint. Only when nobody has any: --accept-loss",
            upkeep::entries(head.size.get())
        )
        .into());
    }
    let origin = free_origin(&previous, &directories)?;
    if config
        .origin
        .as_ref()
        .is_some_and(|wanted| *wanted != origin)
    {
        return Err(format!(
            "the log that goes on is named {origin}: set origin to that in the configuration, then restore"
        )
        .into());
    }

    for directory in directories {
        instance::replace_private(&directory.join(RESTORED), &format!("{origin}\n"))?;
    }
    // Everything below is in the new directory, which is none while this folder is there.
    let restoring = data.join(RESTORING);
    make_private(&restoring)?;
    let earlier = closed(backup)?;
    let new = Closed {
        path: data.join(place(earlier.len() + 1)),
        number: earlier.len() + 1,
        closing: Closing {
            opening: ShardOpening {
                previous,
                size: last.size.get(),
                root: Sha256Digest::from_bytes(*last.root.as_bytes()),
                checkpoint: Sha256Digest::of(last.note.as_bytes()),
                reason: order.reason,
            },
            checkpoint: last.note,
            trees,
        },
    };
    take_keys(backup, data, &origin)?;
    make_private(&data.join(CLOSED))?;
    let known = old_store.as_ref().unwrap_or(&store);
    let whole = restoring.join("whole");
    let (mut shown, mut forgotten) = (0, 0);
    store.copy_to(&whole, &mut |bytes| {
        let mib = bytes >> 20;
        if mib >= shown + 256 {
            shown = mib;
            eprintln!("{mib} MiB copied");
        }
    })?;
    let copy = Arc::new(RocksStore::open_backup(&whole)?);
    let scrub: Scrub = Arc::new(kbox_council::scrub);
    let mut progress = upkeep::Progress::new("entries");
    for log in [known, &store] {
        forgotten += replay_erasures(log, copy.as_ref(), &scrub, &mut |done, of| {
            progress.show(done, of)
        })?;
    }
    for log in &earlier {
        let place = data.join(log.place());
        RocksStore::open_to_read(&log.path)?.copy_to(&place, &mut |_| ())?;
        let scrub = scrub_in(Arc::clone(&copy));
        let copied = RocksStore::open_backup(&place)?;
        forgotten += replay_erasures(known, &copied, &scrub, &mut |_, _| ())?;
        log.write(&place)?;
    }
    let of_the_log = |key: &[u8]| OF_THE_LOG.iter().any(|own| key.starts_with(own.as_bytes()));
    copy.copy_some(&new.path, &of_the_log, &mut |_| ())?;
    new.write(&new.path)?;
    let present = RocksStore::open(data)?;
    instance::close_database(data)?;
    present.take_records(&copy, &|key| !of_the_log(key))?;
    drop((present, copy));
    let audit = backup.join(crate::audit::FILE);
    if audit.is_file() {
        eprintln!(
            "the audit log goes on in a new file: keep {}",
            audit.display()
        );
    }
    // Closed before the new one can be started: two of them must never go on.
    stopped.close()?;
    if let Some(old) = old {
        old.close()?;
    }
    fs::remove_dir_all(&restoring)?;
    fs::File::open(data)?.sync_all()?;
    // What was erased after a backup, that backup does not know.
    let unknown_since = match &old_store {
        Some(_) => None,
        None if is_data => None,
        None => head.gen_time,
    };
    said(&new, &origin, head.size.get(), forgotten, &key);
    if let Some(time) = unknown_since {
        eprintln!(
            "Erasures made since {} (the newest entry of {}) are not known here: whoever was erased since is back. Carry them out again with \
             `kbox-server erase` before this log is served, from the register of decisions{}",
            instance::for_log(time),
            backup.display(),
            match order.old {
                None =>
                    "; where the old directory is still there, restore with --old in place of this",
                Some(_) => "",
            }
        );
    }
    Ok(())
}

fn said(new: &Closed, origin: &Origin, held: u64, forgotten: u64, key: &VerifierKey) {
    let opening = &new.closing.opening;
    eprintln!(
        "log {} is closed at {}, in {}",
        opening.previous,
        upkeep::entries(opening.size),
        new.path.display()
    );
    if opening.size > held {
        eprintln!(
            "{} from index {held} on are lost here. Receipts of them that stand under the checkpoint of {} entries stay as they are, and grow \
             no more: one that is below the level demanded (temoigne where there are witnesses) remains \"cannot decide\" for ever. The ranks of their \
             collectivités are given again, so that a proof file cannot hold both",
            upkeep::entries(opening.size - held),
            opening.size
        );
    }
    if forgotten > 0 {
        eprintln!(
            "erased in the copy what the log had erased: {}",
            upkeep::count(forgotten, "event", "events")
        );
    }
    eprintln!(
        "`kbox-server serve` goes on as {origin}, by the same key under this name, and publishes a trust bundle that closes {}: give it to \
         whoever verifies. Witnesses need the new log's verifier key (`kbox-server init` prints it); a witness key of this server's own is a new one",
        key.name()
    );
}

/// The highest of the checkpoints that are known, and the smaller trees under which receipts may stand.
fn highest(
    store: &dyn Store,
    own: Shown,
    shown: Vec<Shown>,
) -> Result<(Shown, Vec<KnownTree>), Box<dyn Error>> {
    let held = own.size;
    let mut last = own;
    let mut trees: Vec<KnownTree> = Vec::new();
    let mut newer: Vec<Shown> = Vec::new();
    for one in shown {
        if one.size <= held {
            if root_at(store, one.size)? != one.root {
                let ours = Shown {
                    size: one.size,
                    root: root_at(store, one.size)?,
                    note: store
                        .checkpoint(one.size)?
                        .unwrap_or_else(|| last.note.clone()),
                    by: last.by.clone(),
                };
                return Err(split(&ours, &one));
            }
            continue;
        }
        match newer.iter().find(|other| other.size == one.size) {
            Some(other) if other.root != one.root => return Err(split(other, &one)),
            Some(_) => {}
            None => newer.push(one),
        }
    }
    newer.sort_by_key(|one| one.size);
    for one in newer {
        trees.push(KnownTree {
            size: last.size.get(),
            root: Sha256Digest::from_bytes(*last.root.as_bytes()),
        });
        last = one;
    }
    Ok((last, trees))
}

/// What the service keeps of a closed log's persons is in the log that goes on.
pub(crate) fn scrub_in(present: Arc<RocksStore>) -> Scrub {
    Arc::new(move |_, entry, trace| {
        let records = kbox_council::scrub(present.as_ref(), entry, trace)?;
        match present.scrub(&records) {
            Ok(()) => Ok(RecordBatch::new()),
            Err(CommitError::Refused(error) | CommitError::Failed(error)) => Err(error),
        }
    })
}

fn empty_but_for_keys(data: &Path) -> Result<(), Box<dyn Error>> {
    let problem = |error: io::Error| format!("{}: {error}", data.display());
    make_private(data)?;
    for entry in fs::read_dir(data).map_err(problem)? {
        if entry.map_err(problem)?.file_name() != instance::KEYS {
            return Err(format!(
                "{} is not empty: name a new directory with --data, or one that holds the keys alone",
                data.display()
            )
            .into());
        }
    }
    Ok(())
}

fn make_private(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The keys of the old log under the new name. What this server remembers as a witness may be old: that key stays behind.
fn take_keys(backup: &Path, data: &Path, origin: &Origin) -> Result<(), Box<dyn Error>> {
    let (from, to) = (backup.join(instance::KEYS), data.join(instance::KEYS));
    if !to.is_dir() {
        if !from.is_dir() {
            return Err(format!(
                "{} holds no keys: put those that the log was made with into {}, then restore",
                backup.display(),
                to.display()
            )
            .into());
        }
        instance::copy_private(&from, &to)?;
        match fs::remove_file(to.join(WITNESS_KEY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(instance::replace_private(
        &to.join(instance::ORIGIN),
        &format!("{origin}\n"),
    )?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_log_after_another_counts_one_more() {
        for (origin, next) in [
            ("kbox.example/log/1", "kbox.example/log/2"),
            ("kbox.example/log/9", "kbox.example/log/10"),
            ("kbox.example/log", "kbox.example/log/2"),
            ("kbox.example", "kbox.example/2"),
        ] {
            let origin = Origin::parse(origin).unwrap();
            assert_eq!(next_origin(&origin).unwrap().as_str(), next);
        }
    }
}
