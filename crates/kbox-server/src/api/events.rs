// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The embedding API: record one event, fetch its receipt.

use hyper::StatusCode;
use hyper::header::LOCATION;
use kbox_council::Trace;
use kbox_proof::event::{Body, Detail, EventId, EvidenceEvent, PersonalData};
use kbox_proof::ledger::{EventRequest, LedgerError, RecordBatch, RequestId};
use kbox_proof::receipt::{RECEIPT_MEDIA_TYPE, Receipt};
use kbox_proof::store::RequestIdError;
use kbox_proof::verify::check_rule;
use serde::Deserialize;

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEvent {
    /// The caller's name for it: the same id with the same content gives the same receipt.
    request_id: String,
    body: Body,
    #[serde(default)]
    personal: Option<PersonalData>,
}

/// `POST /api/v1/events`: 201 and the receipt, once it is durable. Whose event it is follows from the key.
pub(crate) fn record(app: &App, call: &Call) -> Result<Answer, Problem> {
    let collectivite = call.collectivite()?;
    let new: NewEvent = call.json()?;
    // What no verifier would accept later is not recorded now.
    if let Detail::SubmissionAcceptance(submission) = &new.body.detail {
        check_rule(submission).map_err(|rejection| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "rule",
                rejection,
                "La règle de délai déclarée n’est pas celle de la loi pour ces faits.",
            )
        })?;
    }
    let refused = |error: RequestIdError| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request_id",
            format!("request_id: {error}"),
            "L’identifiant de la demande n’est pas accepté.",
        )
    };
    let own = RequestId::parse(&new.request_id).map_err(refused)?;
    // The workflow's own ids begin otherwise: neither can take the other's.
    let request_id = RequestId::parse(&format!("api/{own}")).map_err(refused)?;
    let event = EventRequest {
        request_id,
        collectivite: collectivite.clone(),
        body: new.body,
        personal: new.personal,
    };
    let receipts = app
        .instance
        .ledger
        .record(vec![event], RecordBatch::new())
        .map_err(|error| match error {
            // Under the name that the caller gave it.
            LedgerError::Conflict { .. } => LedgerError::Conflict { request_id: own },
            LedgerError::Gone { .. } => LedgerError::Gone { request_id: own },
            other => other,
        })?;
    let receipt = receipts
        .first()
        .ok_or_else(|| Problem::internal("the ledger gave no receipt"))?;
    let trace = Trace::of(receipt).map_err(Problem::internal)?;
    let mut answer = answer::body(StatusCode::CREATED, RECEIPT_MEDIA_TYPE, receipt.to_json());
    answer::set(
        &mut answer,
        LOCATION,
        &format!("/api/v1/receipts/{}", trace.event_id),
    );
    Ok(answer)
}

/// The receipt of an event of the caller's collectivité; anybody else's is not there.
pub(crate) fn own_receipt(app: &App, call: &Call, id: &str) -> Result<Receipt, Problem> {
    let collectivite = call.collectivite()?;
    let unknown = || Problem::not_found("event of this collectivité");
    let id = EventId::parse(id).ok_or_else(unknown)?;
    let receipt = app.instance.ledger.receipt(&id)?.ok_or_else(unknown)?;
    let event = EvidenceEvent::from_der(&receipt.event).map_err(Problem::internal)?;
    match event.header.collectivite == *collectivite {
        true => Ok(receipt),
        false => Err(unknown()),
    }
}

/// `GET /api/v1/receipts/{id}`: under the newest checkpoint.
pub(crate) fn receipt(app: &App, call: &Call) -> Result<Answer, Problem> {
    let receipt = own_receipt(app, call, call.param(0))?;
    Ok(answer::body(
        StatusCode::OK,
        RECEIPT_MEDIA_TYPE,
        receipt.to_json(),
    ))
}
