// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For whoever supervises the service.

use hyper::StatusCode;
use kbox_proof::anchor::WitnessStatus;
use kbox_proof::event::MAX_EVENT_BYTES;
use kbox_proof::ledger::LedgerError;
use serde_json::json;

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::instance::{Instance, clock_trouble};

/// Of the largest size, which are committed together: there is room for so many while `/readyz` says so.
const EVENTS_WITH_ROOM: u64 = 4;

/// `GET /healthz`: the process answers.
pub(crate) fn healthz(_: &App, _: &Call) -> Result<Answer, Problem> {
    Ok(answer::body(StatusCode::OK, answer::TEXT, "ok\n"))
}

/// `GET /readyz`: an event would be recorded now: the clock can be trusted and does not contradict the log, no certificate
/// has ended, no witness knows more of the log than there is, the audit log and the disk take what comes, file descriptors are left, and the store answers.
///
/// What is known is said whether it is ready or not, in the same members.
pub(crate) fn readyz(app: &App, _: &Call) -> Result<Answer, Problem> {
    let instance = &app.instance;
    let reading = instance.clock.read().ok();
    let mut state = serde_json::Map::new();
    let shown = reading
        .map(|reading| reading.time)
        .or_else(|| instance.shown());
    state.insert("time".into(), json!(shown));
    state.insert("clock_trusted".into(), json!(reading.is_some()));
    state.insert(
        "accuracy_ms".into(),
        json!(reading.map(|reading| reading.accuracy_millis())),
    );
    state.insert("time_sources".into(), json!(sources(instance)));
    state.insert("log_size".into(), json!(instance.ledger.size().get()));
    let witnesses = app.witness_status();
    if !witnesses.is_empty() {
        let quorum = instance.ledger.last_quorum();
        state.insert("last_quorum".into(), json!(quorum));
        let age = shown.zip(quorum);
        let age = age.map(|(now, then)| now.saturating_since(then).as_secs());
        state.insert("last_quorum_age_s".into(), json!(age));
        state.insert(
            "witnesses".into(),
            json!(witnesses.iter().map(of_witness).collect::<Vec<_>>()),
        );
    }
    if let Some(shown) = shown {
        let certificates = instance.certificates(shown);
        state.insert("certificates".into(), json!(certificates));
    }
    if let Err(problem) = check(app) {
        return Err(problem.with_members(state));
    }
    state.insert("status".into(), json!("ready"));
    let state = serde_json::Value::Object(state);
    Ok(answer::json(StatusCode::OK, &state))
}

fn of_witness(witness: &WitnessStatus) -> serde_json::Value {
    json!({
        "name": witness.name,
        "size": witness.size.map(|size| size.get()),
        "age_s": witness.age.map(|age| age.as_secs()),
        "problem": witness.problem,
    })
}

/// What each time source last said, by its name.
fn sources(instance: &Instance) -> Vec<serde_json::Value> {
    let lines = instance.clock.sources();
    let split = lines.iter().filter_map(|line| line.split_once(": "));
    split
        .map(|(name, report)| json!({ "name": name, "report": report }))
        .collect()
}

fn check(app: &App) -> Result<(), Problem> {
    let clock = &app.instance.clock;
    let reading = clock.read().map_err(|error| {
        Problem::unavailable(
            "time_not_available",
            clock_trouble(&error, &clock.sources()),
        )
    })?;
    let head = app.instance.ledger.head();
    if let Some(newest) = head.gen_time
        && reading.time.saturating_add(reading.accuracy) < newest
    {
        return Err(LedgerError::ClockBehindLog {
            reading: reading.time,
            accuracy: reading.accuracy,
            newest,
        }
        .into());
    }
    app.instance.ledger.check_open()?;
    app.instance.check_validity(reading.time)?;
    app.instance.audit.check()?;
    // For the largest event: each is refused for its own size, some long before the last byte above the reserve is used.
    let largest = u64::try_from(MAX_EVENT_BYTES).unwrap_or(u64::MAX);
    kbox_store::check_room(&app.instance.data, largest.saturating_mul(EVENTS_WITH_ROOM))
        .map_err(|error| Problem::unavailable("disk_full", error))?;
    if let Some(left) = crate::descriptors::short() {
        return Err(Problem::unavailable(
            "descriptors",
            format!("only {left} file descriptors are left: raise LimitNOFILE"),
        ));
    }
    let stored = app.instance.ledger.store().head()?;
    let published = app.instance.ledger.size();
    if stored.is_none_or(|head| head.size < published) {
        return Err(Problem::internal("the store lacks what was published"));
    }
    Ok(())
}

/// `GET /metrics`: the text format of Prometheus.
pub(crate) fn metrics(app: &App, _: &Call) -> Result<Answer, Problem> {
    let text = crate::metrics::text(app);
    Ok(answer::body(
        StatusCode::OK,
        crate::metrics::MEDIA_TYPE,
        text,
    ))
}
