// SPDX-License-Identifier: Apache-2.0 OR MIT
//! C2SP tlog-witness: other logs have their checkpoints cosigned here.

use hyper::StatusCode;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::merkle::TreeSize;
use kbox_proof::tlog::witness::{Refusal, SIZE_MEDIA_TYPE};

use crate::app::App;
use crate::audit::{Event, Fingerprint};
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::witnesses::{Role, RoleError};

/// `POST /witness/add-checkpoint`: the submission prefix is `/witness`.
pub(crate) fn add_checkpoint(app: &App, call: &Call) -> Result<Answer, Problem> {
    let instance = &app.instance;
    let role = instance.role.as_ref().ok_or_else(|| {
        Problem::not_found("witness: this server cosigns no other logs ([witnessing])")
    })?;
    let clock = instance.clock.as_ref();
    match role.add_checkpoint(&instance.ledger, clock, &call.body) {
        Ok(lines) => Ok(answer::body(StatusCode::OK, answer::TEXT, lines)),
        Err(RoleError::Refused(refusal)) => refused(&refusal),
        Err(RoleError::SplitView {
            size,
            origin,
            evidence,
            is_new,
        }) => {
            if is_new {
                app.log(&format!(
                    "two histories of {origin} at {size} leaves: evidence {evidence}"
                ));
                instance.audit.note(Event::SplitViewSeen {
                    origin,
                    size: size.get(),
                    evidence: Fingerprint::from(evidence),
                    witness: None,
                });
            }
            Ok(conflict(size))
        }
        Err(RoleError::Clock(error)) => Err(Problem::unavailable("time_not_available", error)),
        Err(RoleError::Ledger(error)) => Err(error.into()),
        Err(RoleError::Key(error)) => Err(Problem::internal(error)),
    }
}

/// `GET /witness/checkpoint/{origin}`: the newest checkpoint that was cosigned of a log, by the SHA-256 of its name. It stays readable when
/// the log is guarded no longer.
pub(crate) fn checkpoint(app: &App, call: &Call) -> Result<Answer, Problem> {
    let unknown = || {
        Problem::not_found(
            "checkpoint: give the SHA-256 of the log's name in 64 hexadecimal digits, of a log that was cosigned here",
        )
    };
    let origin = Sha256Digest::from_hex(call.param(0)).ok_or_else(unknown)?;
    let note = Role::newest_checkpoint(&app.instance.ledger, &origin)?;
    let note = note.ok_or_else(unknown)?;
    Ok(answer::body(StatusCode::OK, answer::TEXT, note))
}

/// The size cosigned last.
fn conflict(size: TreeSize) -> Answer {
    answer::body(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, format!("{size}\n"))
}

fn refused(refusal: &Refusal) -> Result<Answer, Problem> {
    if let Some(size) = refusal.size() {
        return Ok(conflict(size));
    }
    let (status, code) = match refusal {
        Refusal::UnknownLog { .. } => (StatusCode::NOT_FOUND, "witness_unknown_log"),
        Refusal::Signature(_) => (StatusCode::FORBIDDEN, "witness_signature"),
        Refusal::Inconsistent(_) => (StatusCode::UNPROCESSABLE_ENTITY, "witness_inconsistent"),
        _ => (StatusCode::BAD_REQUEST, "malformed"),
    };
    Err(Problem::new(
        status,
        code,
        refusal,
        "Cette demande n’est pas acceptée.",
    ))
}
