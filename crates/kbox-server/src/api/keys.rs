// SPDX-License-Identifier: Apache-2.0 OR MIT
//! API keys, for the administrator.

use hyper::StatusCode;
use kbox_proof::event::Collectivite;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::keyring::{KeyRecord, KeyringError, Role};
use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    role: Role,
    #[serde(default)]
    collectivite: Option<Collectivite>,
}

/// `POST /api/v1/keys`: the answer is the only time that the key is shown.
pub(crate) fn create(app: &App, call: &Call) -> Result<Answer, Problem> {
    let new: NewKey = call.json()?;
    if let Some(collectivite) = &new.collectivite {
        // A key for a SIREN that nobody added would write into nowhere.
        app.council.collectivite(collectivite.as_str())?;
    }
    let (record, key) =
        app.instance
            .keyring
            .create(new.role, new.collectivite, by(call), app.now()?, |_| {
                Ok::<(), KeyringError>(())
            })?;
    let mut value = record.public();
    if let Value::Object(members) = &mut value {
        members.insert("key".into(), json!(key.as_str()));
    }
    Ok(answer::json(StatusCode::CREATED, &value))
}

/// The key of whoever asks.
fn by(call: &Call) -> Option<&str> {
    let principal = call.principal.as_ref()?;
    Some(principal.key_id.as_str())
}

/// `GET /api/v1/keys`
pub(crate) fn list(app: &App, _: &Call) -> Result<Answer, Problem> {
    let keys = app.instance.keyring.list()?;
    let keys: Vec<Value> = keys.iter().map(KeyRecord::public).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "keys": keys })))
}

/// `DELETE /api/v1/keys/{id}`: ends the sessions that it opened, too.
pub(crate) fn remove(app: &App, call: &Call) -> Result<Answer, Problem> {
    let id = call.param(0);
    if !app.instance.keyring.remove(id, by(call))? {
        return Err(Problem::not_found("key"));
    }
    app.sessions.close_of_key(id);
    let mut answer = answer::body(StatusCode::NO_CONTENT, answer::TEXT, "");
    answer.headers_mut().remove(hyper::header::CONTENT_TYPE);
    Ok(answer)
}
