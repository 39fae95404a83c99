// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The member's pages. Following the link shows one button and records nothing, so that a mail scanner opens nothing;
//! pressing it is the opening, and lets this browser alone read the papers.

use std::time::Instant;

use hyper::StatusCode;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::EventId;
use kbox_proof::receipt::RECEIPT_MEDIA_TYPE;

use crate::access::sessions::{Holder, MEMBER};
use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::pages;

const COOKIE: &str = "kbox_membre";

fn link(call: &Call) -> String {
    format!("/m/{}", call.param(0))
}

/// This browser pressed the button of this link.
fn has_opened(app: &App, call: &Call) -> bool {
    let holder = call
        .cookie(COOKIE)
        .and_then(|cookie| app.sessions.holder(cookie, Instant::now()));
    let link = Sha256Digest::of(call.param(0).as_bytes());
    holder == Some(Holder::Member { link })
}

/// `GET /m/{token}`
pub(crate) fn page(app: &App, call: &Call) -> Result<Answer, Problem> {
    let view = app.council.member(call.param(0))?;
    let text = match has_opened(app, call) && view.destinataire.ouverture().is_some() {
        true => pages::cartable(app.cadre(), &view, &link(call)),
        false => pages::lien(app.cadre(), &view, &link(call)),
    };
    Ok(answer::html(text))
}

/// `POST /m/{token}`: the opening.
pub(crate) fn open(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.param(0);
    app.council.open(token, Some(&call.client.to_string()))?;
    let holder = Holder::Member {
        link: Sha256Digest::of(token.as_bytes()),
    };
    let cookie = app
        .sessions
        .open(holder, MEMBER, Instant::now())
        .map_err(Problem::internal)?;
    let link = link(call);
    Ok(answer::cookie(
        answer::see_other(&link),
        COOKIE,
        &cookie,
        &link,
        MEMBER.as_secs(),
        app.settings.https,
    ))
}

/// `GET /m/{token}/pieces/{sha256}`: the handover is durable before the first byte leaves.
pub(crate) fn paper(app: &App, call: &Call) -> Result<Answer, Problem> {
    if !has_opened(app, call) {
        // Checks the link, too: an unknown one is told so.
        app.council.member(call.param(0))?;
        return Ok(answer::see_other(&link(call)));
    }
    let digest =
        Sha256Digest::from_hex(call.param(1)).ok_or_else(|| Problem::not_found("paper"))?;
    let client = call.client.to_string();
    let file = app
        .council
        .handover(call.param(0), &digest, Some(&client))?;
    // Only what browsers show without running anything is shown; the rest is saved.
    let pdf = file.paper.nom.ends_with(".pdf") && file.bytes.starts_with(b"%PDF-");
    let media_type = if pdf {
        "application/pdf"
    } else {
        "application/octet-stream"
    };
    let answer = answer::body(StatusCode::OK, media_type, file.bytes);
    Ok(answer::file(answer, &file.paper.nom, pdf))
}

/// `POST /m/{token}/accuse`: the acknowledgement.
pub(crate) fn acknowledge(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.param(0);
    if !has_opened(app, call) {
        app.council.member(token)?;
        return Ok(answer::see_other(&link(call)));
    }
    app.council
        .acknowledge(token, Some(&call.client.to_string()))?;
    Ok(answer::see_other(&link(call)))
}

/// `GET /m/{token}/preuve`: the receipt of this member's own consignment.
pub(crate) fn receipt(app: &App, call: &Call) -> Result<Answer, Problem> {
    let view = app.council.member(call.param(0))?;
    if !has_opened(app, call) {
        return Ok(answer::see_other(&link(call)));
    }
    let trace = view.destinataire.consignation();
    let id = trace.and_then(|trace| EventId::parse(&trace.event_id));
    let unknown = || Problem::not_found("consignment");
    let receipt = app.instance.ledger.receipt(&id.ok_or_else(unknown)?)?;
    let json = receipt.ok_or_else(unknown)?.to_json();
    let answer = answer::body(StatusCode::OK, RECEIPT_MEDIA_TYPE, json);
    Ok(answer::file(
        answer,
        "preuve-de-mise-a-disposition.kbox.json",
        false,
    ))
}
