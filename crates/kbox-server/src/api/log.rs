// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log, readable by everybody: C2SP tlog-tiles under `/log/`, and the trust bundle.

use hyper::StatusCode;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::ledger::{PublishedLog, Upgrade};
use kbox_proof::merkle::{EntryBundle, LeafHash, LeafIndex, TILE_WIDTH, Tile, TreeSize};
use kbox_proof::receipt::{Receipt, TrustBundle};
use kbox_proof::store::MarkKind;
use serde_json::json;

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

/// A year: what is immutable may stay in caches.
const FOR_EVER: u32 = 31_536_000;
const BYTES: &str = "application/octet-stream";

/// `GET /trust`: the newest version.
pub(crate) fn trust(app: &App, _: &Call) -> Result<Answer, Problem> {
    let bundle = newest_trust(app)?;
    Ok(answer::body(StatusCode::OK, answer::JSON, bundle))
}

fn newest_trust(app: &App) -> Result<Vec<u8>, Problem> {
    let bundle = app.instance.trust(None)?;
    let missing = || match app.instance.ledger.check_open() {
        Err(error) => error.into(),
        Ok(()) => Problem::internal("the log has no trust bundle"),
    };
    bundle.ok_or_else(missing)
}

/// `GET /trust/{version}`
pub(crate) fn trust_version(app: &App, call: &Call) -> Result<Answer, Problem> {
    let unknown = || Problem::not_found("version of the trust bundle");
    let version = decimal(call.param(0))
        .and_then(|version| u32::try_from(version).ok())
        .ok_or_else(unknown)?;
    let bundle = app.instance.trust(Some(version))?.ok_or_else(unknown)?;
    Ok(answer::cached(
        answer::body(StatusCode::OK, answer::JSON, bundle),
        FOR_EVER,
    ))
}

/// The closed log of an address under `/log/closed/{number}/`; its other parameters follow.
fn closed<'a>(app: &'a App, call: &Call) -> Result<PublishedLog<'a>, Problem> {
    decimal(call.param(0))
        .and_then(|number| usize::try_from(number).ok())
        .and_then(|number| app.instance.ledger.closed_log(number))
        .ok_or_else(|| Problem::not_found("closed log; they are numbered from 1, the oldest first"))
}

/// `GET /log/checkpoint`
pub(crate) fn checkpoint(app: &App, _: &Call) -> Result<Answer, Problem> {
    Ok(newest(&app.instance.ledger.present()))
}

/// `GET /log/closed/{number}/checkpoint`
pub(crate) fn closed_checkpoint(app: &App, call: &Call) -> Result<Answer, Problem> {
    Ok(newest(&closed(app, call)?))
}

fn newest(log: &PublishedLog<'_>) -> Answer {
    answer::body(StatusCode::OK, answer::TEXT, log.checkpoint().to_string())
}

/// `GET /log/policy`: what the newest trust bundle says of witnesses, as a C2SP tlog-policy.
pub(crate) fn policy(app: &App, _: &Call) -> Result<Answer, Problem> {
    let bundle = newest_trust(app)?;
    let bundle = TrustBundle::from_json(&bundle).map_err(Problem::internal)?;
    let text = bundle.to_tlog_policy();
    Ok(answer::body(StatusCode::OK, answer::TEXT, text))
}

/// A number in its one decimal form.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// `GET /log/checkpoints/{size}`
pub(crate) fn checkpoint_at(app: &App, call: &Call) -> Result<Answer, Problem> {
    earlier(&app.instance.ledger.present(), call.param(0))
}

/// `GET /log/closed/{number}/checkpoints/{size}`
pub(crate) fn closed_checkpoint_at(app: &App, call: &Call) -> Result<Answer, Problem> {
    earlier(&closed(app, call)?, call.param(1))
}

fn earlier(log: &PublishedLog<'_>, size: &str) -> Result<Answer, Problem> {
    let unknown = || Problem::not_found("checkpoint: none was signed at this size");
    let size = decimal(size).ok_or_else(unknown)?;
    let note = log.checkpoint_at(TreeSize::new(size))?;
    Ok(answer::body(
        StatusCode::OK,
        answer::TEXT,
        note.ok_or_else(unknown)?,
    ))
}

fn upgrade_of(app: &App, call: &Call) -> Result<Upgrade, Problem> {
    let unknown =
        || Problem::not_found("leaf; give its RFC 9162 leaf hash in 64 hexadecimal digits");
    let hash = Sha256Digest::from_hex(call.param(0)).ok_or_else(unknown)?;
    let leaf = LeafHash::from_bytes(*hash.as_bytes());
    app.instance.ledger.upgrade(&leaf)?.ok_or_else(unknown)
}

/// `GET /log/proof/{leafhash}`: 64 hexadecimal digits; a C2SP tlog-proof under the first cosigned checkpoint with the leaf, or
/// where there is none yet under the newest.
pub(crate) fn proof(app: &App, call: &Call) -> Result<Answer, Problem> {
    let proof = upgrade_of(app, call)?.proof;
    Ok(answer::body(StatusCode::OK, answer::TEXT, proof))
}

/// `GET /log/upgrade/{leafhash}`: the members of a receipt that grow, as they stand there.
pub(crate) fn upgrade(app: &App, call: &Call) -> Result<Answer, Problem> {
    let grown = Receipt {
        event: Vec::new(),
        personal: None,
        token: Vec::new(),
        proof: String::new(),
        before: None,
        consistency: Vec::new(),
        anchors: Vec::new(),
    };
    let upgrade = upgrade_of(app, call)?;
    let grown = Receipt {
        proof: upgrade.proof,
        before: upgrade.before,
        consistency: upgrade.consistency,
        anchors: upgrade.anchors,
        ..grown
    };
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&grown.to_json()).map_err(Problem::internal)?;
    members.retain(|name, _| !["kbox", "event", "token"].contains(&name.as_str()));
    Ok(answer::json(StatusCode::OK, &members))
}

/// Marks of one answer.
const MARKS_AT_ONCE: usize = 100;

/// `GET /log/marks/{size}?number=N`: marks from this size on, by size and number, a hundred at most.
pub(crate) fn marks(app: &App, call: &Call) -> Result<Answer, Problem> {
    marks_of(&app.instance.ledger.present(), call, call.param(0))
}

/// `GET /log/closed/{number}/marks/{size}?number=N`
pub(crate) fn closed_marks(app: &App, call: &Call) -> Result<Answer, Problem> {
    marks_of(&closed(app, call)?, call, call.param(1))
}

fn marks_of(log: &PublishedLog<'_>, call: &Call, size: &str) -> Result<Answer, Problem> {
    let unknown =
        || Problem::not_found("mark: give a tree size, and number=N for later ones of one size");
    let size = decimal(size).ok_or_else(unknown)?;
    let number = match call.query("number") {
        None => 0,
        Some(text) => decimal(&text).ok_or_else(unknown)?,
    };
    let from = (TreeSize::new(size), number);
    let marks = log.marks(MarkKind::Cosigned, from, MARKS_AT_ONCE)?;
    let marks: Vec<_> = marks
        .iter()
        .map(|mark| json!({ "size": mark.size.get(), "number": mark.number, "note": mark.note }))
        .collect();
    Ok(answer::json(StatusCode::OK, &json!({ "marks": marks })))
}

/// `GET /log/tile/<L>/<N>[.p/<W>]` and `GET /log/tile/entries/<N>[.p/<W>]`.
pub(crate) fn tile(app: &App, call: &Call) -> Result<Answer, Problem> {
    let (bytes, width) = tile_of(&app.instance.ledger.present(), call.param(0))?;
    let answer = answer::body(StatusCode::OK, BYTES, bytes);
    // A partial tile goes once the full one is there.
    let seconds = if width == TILE_WIDTH { FOR_EVER } else { 60 };
    Ok(answer::cached(answer, seconds))
}

/// `GET /log/closed/{number}/tile/<L>/<N>[.p/<W>]`, and so on.
pub(crate) fn closed_tile(app: &App, call: &Call) -> Result<Answer, Problem> {
    let (bytes, _) = tile_of(&closed(app, call)?, call.param(1))?;
    let answer = answer::body(StatusCode::OK, BYTES, bytes);
    Ok(answer::cached(answer, FOR_EVER))
}

/// The bytes of a tile or entry bundle, and its width.
fn tile_of(log: &PublishedLog<'_>, path: &str) -> Result<(Vec<u8>, u16), Problem> {
    let unknown = || Problem::not_found("tile in this tree");
    let path = format!("tile/{path}");
    if let Ok(bundle) = EntryBundle::parse(&path) {
        let first = bundle
            .index()
            .checked_mul(TILE_WIDTH.into())
            .ok_or_else(unknown)?;
        let leaves = log.entries(LeafIndex::new(first), bundle.width())?;
        if leaves.len() != usize::from(bundle.width()) {
            return Err(unknown());
        }
        let bytes = EntryBundle::encode(leaves.iter().map(Vec::as_slice));
        let bytes = bytes.ok_or_else(|| Problem::internal("a leaf is too long for its bundle"))?;
        Ok((bytes, bundle.width()))
    } else {
        let tile = Tile::parse(&path).map_err(|_| unknown())?;
        Ok((log.tile(&tile)?.ok_or_else(unknown)?, tile.width()))
    }
}
