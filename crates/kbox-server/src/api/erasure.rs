// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Erasing what identifies a person, and legal holds against it: for the administrator, and for a collectivité's secretariat.

use hyper::StatusCode;
use hyper::header::LOCATION;
use kbox_council::Trace;
use kbox_proof::event::{Collectivite, EventId, PersonalDataErasure, Text};
use kbox_proof::ledger::{Erasure, HoldRelease, HoldScope};
use kbox_proof::receipt::RECEIPT_MEDIA_TYPE;
use kbox_proof::time::Time;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::audit::Event;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHold {
    /// For an administrator's key, which has none of its own.
    #[serde(default)]
    collectivite: Option<Collectivite>,
    #[serde(default)]
    event: Option<EventId>,
    #[serde(default)]
    seance: Option<Text>,
    by: Text,
    reason: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    collectivite: Option<Collectivite>,
    by: Text,
    reason: Text,
}

/// The collectivité of the key; with an administrator's key the one that is named.
fn owner(call: &Call, named: Option<Collectivite>) -> Result<Collectivite, Problem> {
    let own = call
        .principal
        .as_ref()
        .and_then(|principal| principal.collectivite.as_ref());
    match (own, named) {
        (Some(own), Some(named)) if *own != named => Err(Problem::forbidden()),
        (Some(own), _) => Ok(own.clone()),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Problem::malformed(
            "an administrator's key names the collectivite",
        )),
    }
}

fn key(call: &Call) -> String {
    let principal = call.principal.as_ref();
    principal.map_or_else(String::new, |principal| principal.key_id.clone())
}

fn whole_seconds(time: Time) -> Result<Time, Problem> {
    Time::from_unix_secs(time.unix_secs()).map_err(Problem::internal)
}

/// `POST /api/v1/events/{id}/erasure`: 201 and the receipt of the trace, once everything is destroyed.
pub(crate) fn erase(app: &App, call: &Call) -> Result<Answer, Problem> {
    let unknown = || Problem::not_found("event of this collectivité");
    let content: PersonalDataErasure = call.json()?;
    let event_id = EventId::parse(call.param(0)).ok_or_else(unknown)?;
    let ledger = &app.instance.ledger;
    let entry = ledger.entry(&event_id)?.ok_or_else(unknown)?;
    let own = call
        .principal
        .as_ref()
        .and_then(|principal| principal.collectivite.as_ref());
    if own.is_some_and(|own| *own != entry.collectivite) {
        return Err(unknown());
    }
    // Before it is done: an erasure that nobody could log is not made.
    app.instance.audit.record(Event::ErasureAsked {
        of: event_id.to_string(),
        collectivite: entry.collectivite.clone(),
        by: Some(key(call)),
    })?;
    let erasure = Erasure {
        event_id,
        content,
        claimed_time: whole_seconds(app.now()?)?,
    };
    let siren = entry.collectivite.as_str();
    let receipt = app
        .council
        .exclusively(siren, || ledger.erase(erasure))?
        .ok_or_else(unknown)?;
    let trace = Trace::of(&receipt).map_err(Problem::internal)?;
    let mut answer = answer::body(StatusCode::CREATED, RECEIPT_MEDIA_TYPE, receipt.to_json());
    answer::set(
        &mut answer,
        LOCATION,
        &format!("/api/v1/receipts/{}", trace.event_id),
    );
    Ok(answer)
}

/// `POST /api/v1/holds`
pub(crate) fn hold(app: &App, call: &Call) -> Result<Answer, Problem> {
    let new: NewHold = call.json()?;
    let collectivite = owner(call, new.collectivite)?;
    let scope = match (new.event, new.seance) {
        (None, None) => HoldScope::Collectivite,
        (None, Some(seance)) => HoldScope::Seance(seance),
        (Some(event), None) => HoldScope::Event(event),
        (Some(_), Some(_)) => {
            return Err(Problem::malformed("event and seance exclude each other"));
        }
    };
    let ledger = &app.instance.ledger;
    let hold = ledger.hold(&collectivite, scope, new.by, new.reason, app.now()?)?;
    app.instance.audit.note(Event::HoldPlaced {
        id: hold.id.clone(),
        collectivite,
        by: Some(key(call)),
    });
    Ok(answer::json(StatusCode::CREATED, &hold))
}

/// `GET /api/v1/holds`: the collectivité's, or all for an administrator; also those that ended.
pub(crate) fn holds(app: &App, call: &Call) -> Result<Answer, Problem> {
    let own = call
        .principal
        .as_ref()
        .and_then(|principal| principal.collectivite.as_ref());
    let holds = app.instance.ledger.holds(own)?;
    Ok(answer::json(StatusCode::OK, &json!({ "holds": holds })))
}

/// `POST /api/v1/holds/{id}/release`
pub(crate) fn release(app: &App, call: &Call) -> Result<Answer, Problem> {
    let release: Release = call.json()?;
    let collectivite = owner(call, release.collectivite)?;
    let id = call.param(0);
    // Before it is done: whoever lifts a hold is on record.
    app.instance.audit.record(Event::HoldReleaseAsked {
        id: id.chars().take(16).collect(),
        collectivite: collectivite.clone(),
        by: Some(key(call)),
    })?;
    let end = HoldRelease {
        by: release.by,
        reason: release.reason,
        at: app.now()?,
    };
    let hold = app.instance.ledger.release(&collectivite, id, end)?;
    let hold = hold.ok_or_else(|| Problem::not_found("hold of this collectivité"))?;
    Ok(answer::json(StatusCode::OK, &hold))
}
