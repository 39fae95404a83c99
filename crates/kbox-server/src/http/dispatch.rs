// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One request's way: route, rate, access, body, handler. Nothing is read of a body whose sender may not send it.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};
use kbox_proof::tsp::{PkiFailureInfo, TimeStampResp};

use super::answer::{self, Answer};
use super::call::{self, Call};
use super::problem::Problem;
use super::room::Held;
use super::routes::{self, Access, Face, Found, Route};
use crate::access::keyring::{Principal, Role};
use crate::access::sessions::Holder;
use crate::app::{App, SESSION_COOKIE};

/// The slowest line over which a paper may come in, and the least time for any body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Answers any request; never fails.
pub(crate) async fn answer(app: &Arc<App>, request: Request<Incoming>, peer: IpAddr) -> Answer {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_string();
    let (found, outcome) = match routes::find(&method, &path) {
        Found::Route(route, params) => {
            (Some(route), serve(app, request, peer, route, params).await)
        }
        Found::OtherMethod(allow) => (None, Err(Problem::method(allow))),
        Found::Nothing => (None, Err(Problem::not_found("address"))),
    };
    let template = found.map_or("-", |route| route.template);
    let face = found.map_or_else(|| face_of(&path), |route| route.face);
    let mut answer = match outcome {
        Ok(answer) => answer,
        Err(problem) => {
            if let Some(detail) = problem.for_log() {
                app.log(&format!("error {method} {template}: {detail}"));
            }
            refuse(app, &problem, face, &path)
        }
    };
    answer::finish(&mut answer, app.settings.https);
    app.metrics.request(found, answer.status());
    // The template, never the path: a path may hold a member's secret.
    app.log(&format!(
        "{method} {template} {} {} ms",
        answer.status().as_u16(),
        started.elapsed().as_millis()
    ));
    answer
}

fn face_of(path: &str) -> Face {
    let program = ["/api/", "/log/", "/trust", "/tsa"];
    match program.iter().any(|prefix| path.starts_with(prefix)) {
        true => Face::Api,
        false => Face::Page,
    }
}

pub(super) fn refuse(app: &App, problem: &Problem, face: Face, path: &str) -> Answer {
    match face {
        Face::Api => problem.to_json(),
        Face::Page => problem.to_page(app.cadre(), path.starts_with("/m/")),
        Face::Tsp => {
            // What concerns the request, or us, is said in a TimeStampResp too (RFC 3161 §2.4.2, §3.4).
            let (status, reason, text) = match problem.status() {
                StatusCode::PAYLOAD_TOO_LARGE => (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    PkiFailureInfo::BadDataFormat,
                    "the request is longer than any TimeStampReq",
                ),
                StatusCode::INTERNAL_SERVER_ERROR => (
                    StatusCode::OK,
                    PkiFailureInfo::SystemFailure,
                    "the authority failed; nothing was stamped",
                ),
                _ => return problem.to_json(),
            };
            app.metrics.refused(reason);
            let response = TimeStampResp::rejection(reason, text);
            answer::body(status, crate::api::tsa::REPLY, response.to_der())
        }
    }
}

async fn serve(
    app: &Arc<App>,
    request: Request<Incoming>,
    peer: IpAddr,
    route: &'static Route,
    params: Vec<String>,
) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    let client = client(app, &head.headers, peer);
    if let Some(budget) = route.budget {
        app.limits
            .take(budget, client, Instant::now())
            .map_err(Problem::too_often)?;
    }
    if route.face == Face::Page && head.method == Method::POST {
        same_origin(app, &head.headers)?;
    }
    let principal = match principal(app, route, &head.headers)? {
        Admitted::As(principal) => principal,
        Admitted::Not(answer) => return Ok(answer),
    };
    // Taken before the body is read, and held until the answer is sent, or the handler ends after its client has gone.
    let mut held = Held::default();
    held.place = match route.heavy {
        None => None,
        Some(heavy) => Some(app.place(heavy).ok_or_else(|| {
            Problem::unavailable(
                "busy",
                "too many of these requests are under way; wait as Retry-After says",
            )
        })?),
    };
    let body = read(body, route.max_body).await?;
    let call = Call {
        headers: head.headers,
        query: head.uri.query().unwrap_or("").to_string(),
        params,
        body,
        principal,
        client,
    };
    if let Some(most) = route.room {
        app.room.ahead(most, &mut held).await?;
    }
    if route.direct {
        let answer = catch_unwind(AssertUnwindSafe(|| (route.handler)(app, &call)));
        let answer = answer.map_err(|_| Problem::internal("a handler ended early: it panicked"))?;
        return app.room.hold(answer?, held);
    }
    let app = Arc::clone(app);
    // Handlers wait for the disk, for mail relays and for signatures.
    let handler = move || {
        let answer = (route.handler)(&app, &call);
        if let Err(problem) = &answer
            && problem.code() == "conflict"
        {
            app.conflict(call.principal.as_ref(), route.template);
        }
        app.room.hold(answer?, held)
    };
    tokio::task::spawn_blocking(handler)
        .await
        .map_err(|error| Problem::internal(format!("a handler ended early: {error}")))?
}

/// The client's address: the peer's, or behind a proxy the last one that it appended.
fn client(app: &App, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    if !app.settings.behind_proxy {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|address| address.trim().parse().ok())
        .unwrap_or(peer)
}

/// Browsers say where a form comes from. One from elsewhere is refused, on top of the cookies' SameSite.
fn same_origin(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or("null");
    let own = if app.settings.https {
        // The public address is known; what stands in Host is the client's word.
        let public = app.settings.base_url.as_str();
        let public = public.strip_suffix(":443").unwrap_or(public);
        origin.eq_ignore_ascii_case(public)
    } else {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| origin.strip_prefix("http://") == Some(host))
    };
    match own {
        true => Ok(()),
        false => Err(Problem::foreign_form()),
    }
}

enum Admitted {
    As(Option<Principal>),
    /// Asked to show a key first.
    Not(Answer),
}

fn principal(app: &App, route: &Route, headers: &HeaderMap) -> Result<Admitted, Problem> {
    match route.access {
        Access::Public | Access::Link => Ok(Admitted::As(None)),
        Access::Key(roles) => {
            let key = headers
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, key)| key.trim())
                .ok_or_else(Problem::unauthorized)?;
            let found = app.instance.keyring.authenticate(key)?;
            let found = found.ok_or_else(Problem::unauthorized)?;
            match roles.contains(&found.role) {
                true => Ok(Admitted::As(Some(found))),
                false => Err(Problem::forbidden()),
            }
        }
        Access::Session => {
            let cookie = call::cookie(headers, SESSION_COOKIE);
            let holder = cookie.and_then(|cookie| app.sessions.holder(cookie, Instant::now()));
            match holder {
                Some(Holder::Secretariat(principal)) if principal.role == Role::Secretariat => {
                    Ok(Admitted::As(Some(principal)))
                }
                _ => Ok(Admitted::Not(answer::see_other("/connexion"))),
            }
        }
    }
}

async fn read(body: Incoming, max: usize) -> Result<Bytes, Problem> {
    // What says beforehand that it is too long is refused at once.
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Problem::too_large(max));
    }
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, max).collect());
    match collected.await {
        Err(_) => Err(Problem::body_timeout()),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(max)),
        Ok(Err(error)) => Err(Problem::body_broken(error)),
    }
}
