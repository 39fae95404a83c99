// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What people see: the secretariat's pages here, the members' in `member`.

pub(crate) mod member;

use std::time::Instant;

use hyper::StatusCode;
use kbox_proof::law::LocalDateTime;
use kbox_proof::receipt::RECEIPT_MEDIA_TYPE;

use crate::access::keyring::Role;
use crate::access::sessions::{Holder, SECRETARIAT};
use crate::api;
use crate::app::{App, SESSION_COOKIE};
use crate::audit::Event;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::pages::{self, SeanceLigne};

/// `GET /style.css`
pub(crate) fn style(_: &App, _: &Call) -> Result<Answer, Problem> {
    let answer = answer::body(StatusCode::OK, "text/css; charset=utf-8", pages::STYLE);
    Ok(answer::cached(answer, 3600))
}

/// `GET /`
pub(crate) fn home(_: &App, _: &Call) -> Result<Answer, Problem> {
    Ok(answer::see_other("/seances"))
}

/// `GET /connexion`
pub(crate) fn login_form(app: &App, _: &Call) -> Result<Answer, Problem> {
    Ok(answer::html(pages::connexion(app.cadre(), None)))
}

/// `POST /connexion`: the key is shown once, the browser keeps a session.
pub(crate) fn login(app: &App, call: &Call) -> Result<Answer, Problem> {
    let key = zeroize::Zeroizing::new(call.field("cle").unwrap_or_default());
    let refused = |why: &str| {
        let text = pages::connexion(app.cadre(), Some(why));
        Ok(answer::body(StatusCode::FORBIDDEN, answer::HTML, text))
    };
    let Some(principal) = app.instance.keyring.authenticate(key.trim())? else {
        app.metrics.sign_in(false);
        return refused(
            "Cette clé n’est pas valable. Vérifiez qu’elle est complète, ou demandez-en une à l’administrateur.",
        );
    };
    if principal.role != Role::Secretariat {
        app.metrics.sign_in(false);
        return refused(
            "Cette clé n’est pas celle d’un secrétariat : elle ne donne pas accès aux pages.",
        );
    }
    app.instance.audit.record(Event::SignedIn {
        key: principal.key_id.clone(),
        collectivite: principal.collectivite.clone(),
    })?;
    app.metrics.sign_in(true);
    let holder = Holder::Secretariat(principal);
    let cookie = app
        .sessions
        .open(holder, SECRETARIAT, Instant::now())
        .map_err(Problem::internal)?;
    let answer = answer::see_other("/seances");
    Ok(answer::cookie(
        answer,
        SESSION_COOKIE,
        &cookie,
        "/",
        SECRETARIAT.as_secs(),
        app.settings.https,
    ))
}

/// `POST /deconnexion`
pub(crate) fn logout(app: &App, call: &Call) -> Result<Answer, Problem> {
    if let Some(cookie) = call.cookie(SESSION_COOKIE) {
        app.sessions.close(cookie);
    }
    let answer = answer::see_other("/connexion");
    Ok(answer::cookie(
        answer,
        SESSION_COOKIE,
        "",
        "/",
        0,
        app.settings.https,
    ))
}

/// `GET /seances`: the newest first.
pub(crate) fn seances(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?.as_str();
    let collectivite = app.council.collectivite(siren)?;
    let mut all = app.council.seances(siren)?;
    all.sort_by(|one, other| (&other.debut, &other.id).cmp(&(&one.debut, &one.id)));
    let mut lignes = Vec::new();
    for seance in all {
        let envoi = app.council.envoi(siren, &seance.id)?;
        let etat = match envoi.and_then(|envoi| envoi.depot.trace) {
            Some(_) => "Convocation envoyée",
            None => "En préparation",
        };
        lignes.push(SeanceLigne {
            quand: LocalDateTime::parse(&seance.debut)
                .map_or_else(|_| seance.debut.clone(), LocalDateTime::en_lettres),
            etat: etat.into(),
            id: seance.id,
            intitule: seance.intitule,
            lieu: seance.lieu,
        });
    }
    let text = pages::seances(app.cadre(), &collectivite, &lignes);
    Ok(answer::html(text))
}

/// `GET /seances/{id}`
pub(crate) fn dashboard(app: &App, call: &Call) -> Result<Answer, Problem> {
    let siren = call.collectivite()?.as_str();
    let dashboard = app.council.dashboard(siren, call.param(0))?;
    Ok(answer::html(pages::tableau(app.cadre(), &dashboard)))
}

/// `GET /seances/{id}/dossier.asice`
pub(crate) fn proof_file(app: &App, call: &Call) -> Result<Answer, Problem> {
    api::council::proof_file(app, call)
}

/// `GET /seances/{id}/preuves/{event}`
pub(crate) fn receipt(app: &App, call: &Call) -> Result<Answer, Problem> {
    let id = call.param(1);
    let receipt = api::events::own_receipt(app, call, id)?;
    let answer = answer::body(StatusCode::OK, RECEIPT_MEDIA_TYPE, receipt.to_json());
    Ok(answer::file(
        answer,
        &format!("preuve-{id}.kbox.json"),
        false,
    ))
}
