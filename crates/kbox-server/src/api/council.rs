// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The council's workflow for programs: collectivités, élus, séances, papers, the convocation.

use hyper::StatusCode;
use kbox_council::{Collectivite, Elu, NewPaper, Seance};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::PaperNature;
use kbox_proof::receipt::PROOF_FILE_MEDIA_TYPE;
use serde_json::json;

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

/// `POST /api/v1/collectivites`
pub(crate) fn add_collectivite(app: &App, call: &Call) -> Result<Answer, Problem> {
    let value: Collectivite = call.json()?;
    app.council.add_collectivite(&value)?;
    Ok(answer::json(StatusCode::CREATED, &value))
}

/// `GET /api/v1/collectivites`
pub(crate) fn collectivites(app: &App, _: &Call) -> Result<Answer, Problem> {
    let all = app.council.collectivites()?;
    Ok(answer::json(
        StatusCode::OK,
        &json!({ "collectivites": all }),
    ))
}

/// `POST /api/v1/elus`
pub(crate) fn add_elu(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?;
    let value: Elu = call.json()?;
    app.council.add_elu(siren.as_str(), &value)?;
    Ok(answer::json(StatusCode::CREATED, &value))
}

/// `GET /api/v1/elus`
pub(crate) fn elus(app: &App, call: &Call) -> Result<Answer, Problem> {
    let all = app.council.elus(call.collectivite()?.as_str())?;
    Ok(answer::json(StatusCode::OK, &json!({ "elus": all })))
}

/// `POST /api/v1/seances`
pub(crate) fn add_seance(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?;
    let value: Seance = call.json()?;
    app.council.add_seance(siren.as_str(), &value)?;
    Ok(answer::json(StatusCode::CREATED, &value))
}

/// `GET /api/v1/seances`
pub(crate) fn seances(app: &App, call: &Call) -> Result<Answer, Problem> {
    let all = app.council.seances(call.collectivite()?.as_str())?;
    Ok(answer::json(StatusCode::OK, &json!({ "seances": all })))
}

/// `GET /api/v1/seances/{id}`: who was sent, notified, opened, acknowledged, and whether it was in time.
pub(crate) fn dashboard(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?;
    let dashboard = app.council.dashboard(siren.as_str(), call.param(0))?;
    Ok(answer::json(StatusCode::OK, &dashboard))
}

/// `POST /api/v1/seances/{id}/pieces?nom=…&titre=…&nature=…&sha256=…`: the paper's bytes are the body.
pub(crate) fn add_paper(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?;
    let needed = |name: &'static str| {
        call.query(name)
            .ok_or_else(|| Problem::malformed(format!("the query lacks {name}")))
    };
    let nature = json!(needed("nature")?);
    let nature: PaperNature = serde_json::from_value(nature)
        .map_err(|error| Problem::malformed(format!("nature: {error}")))?;
    let digest = Sha256Digest::from_hex(&needed("sha256")?).ok_or_else(|| {
        Problem::malformed("sha256: 64 lower-case hexadecimal digits are expected")
    })?;
    let new = NewPaper {
        nom: needed("nom")?,
        titre: needed("titre")?,
        nature,
        digest: Some(digest),
    };
    let paper = app
        .council
        .add_paper(siren.as_str(), call.param(0), &new, &call.body)?;
    Ok(answer::json(StatusCode::CREATED, &paper))
}

/// `POST /api/v1/seances/{id}/convocation`: seals, puts the papers at the members' disposal and tells each of them. Each
/// step that was taken before is not taken again.
pub(crate) fn convene(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?.as_str();
    let seance = call.param(0);
    app.council.check_relay()?;
    app.council.seal(siren, seance)?;
    app.council.consign(siren, seance)?;
    app.council.notify(siren, seance, &mut |_| {})?;
    dashboard(app, call)
}

/// `GET /api/v1/seances/{id}/dossier.asice`
pub(crate) fn proof_file(app: &App, call: &Call) -> Result<Answer, Problem> {
    let seance = call.param(0);
    let bytes = app.proof_file(call.collectivite()?.as_str(), seance)?;
    let answer = answer::body(StatusCode::OK, PROOF_FILE_MEDIA_TYPE, bytes);
    // The séance exists, so its id is a plain name.
    Ok(answer::file(answer, &format!("{seance}.asice"), false))
}
