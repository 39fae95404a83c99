// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What programs ask for. Handlers translate between HTTP and the library; they decide nothing.

pub(crate) mod council;
pub(crate) mod erasure;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod tsa;
pub(crate) mod witness;

use hyper::StatusCode;
use kbox_proof::law::{self, DelaiRequest};

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;

const OPENAPI: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(crate) fn openapi(_: &App, _: &Call) -> Result<Answer, Problem> {
    Ok(answer::cached(
        answer::body(StatusCode::OK, answer::JSON, OPENAPI),
        300,
    ))
}

/// `POST /api/v1/delai`: a pure function of the law.
pub(crate) fn delai(_: &App, call: &Call) -> Result<Answer, Problem> {
    let request: DelaiRequest = call.json()?;
    Ok(answer::json(StatusCode::OK, &law::delai(&request)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kbox_proof::event::{Body, Detail, PersonalData};

    use super::*;
    use crate::http::routes::{Face, ROUTES};

    #[test]
    fn the_openapi_document_lists_every_route_of_programs_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let mut served: Vec<String> = ROUTES
            .iter()
            .filter(|route| route.face != Face::Page)
            .map(|route| format!("{} {}", route.method, route.template.replace('…', "")))
            .collect();
        described.sort();
        served.sort();
        assert_eq!(described, served);
    }

    #[test]
    fn the_examples_of_an_event_are_read_by_the_types_that_read_requests() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let schemas = &document["components"]["schemas"];
        let examples = schemas["NewEvent"]["examples"].as_array().unwrap();
        assert_eq!(examples.len(), 2);
        for example in examples {
            let body: Body = serde_json::from_value(example["body"].clone()).unwrap();
            body.check().unwrap();
            let personal = example.get("personal").cloned();
            personal.map(|personal| serde_json::from_value::<PersonalData>(personal).unwrap());
        }
        let kinds = schemas["EventDetail"]["oneOf"].as_array().unwrap();
        for kind in kinds {
            let detail: Detail = serde_json::from_value(kind["example"].clone()).unwrap();
            assert_eq!(kind["properties"]["event"]["const"], detail.name());
        }
        // Every event but the operator's own and an erasure, which has its own address.
        assert_eq!(kinds.len(), 10);
    }
}
