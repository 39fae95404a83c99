// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Answers, and the headers that every one of them carries.

use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What goes out.
pub(crate) type Answer = Response<Bytes>;

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// An answer with a body.
pub(crate) fn body(
    status: StatusCode,
    media_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(bytes.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

pub(crate) fn html(text: String) -> Answer {
    body(StatusCode::OK, HTML, text)
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // Strings, numbers and lists: serde_json has no way to fail on them.
    body(status, JSON, serde_json::to_vec(value).unwrap_or_default())
}

/// To be asked for with GET. `path` is one of ours: visible ASCII.
pub(crate) fn see_other(path: &str) -> Answer {
    let mut answer = body(StatusCode::SEE_OTHER, TEXT, "");
    set(&mut answer, LOCATION, path);
    answer
}

/// Sets a header whose value is visible ASCII; another value is left out.
pub(crate) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().append(name, value);
    }
}

/// May be kept by anybody, for this long.
pub(crate) fn cached(mut answer: Answer, seconds: u32) -> Answer {
    let value = match seconds {
        31_536_000.. => format!("public, max-age={seconds}, immutable"),
        _ => format!("public, max-age={seconds}"),
    };
    set(&mut answer, CACHE_CONTROL, &value);
    answer
}

/// To be kept as a file; `name` is a plain file name.
pub(crate) fn file(mut answer: Answer, name: &str, inline: bool) -> Answer {
    let kind = if inline { "inline" } else { "attachment" };
    set(
        &mut answer,
        CONTENT_DISPOSITION,
        &format!("{kind}; filename=\"{name}\""),
    );
    answer
}

/// A cookie that scripts cannot read and other sites cannot send.
pub(crate) fn cookie(
    mut answer: Answer,
    name: &str,
    value: &str,
    path: &str,
    seconds: u64,
    secure: bool,
) -> Answer {
    let secure = if secure { "; Secure" } else { "" };
    set(
        &mut answer,
        SET_COOKIE,
        &format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        ),
    );
    answer
}

/// The headers of every answer.
pub(crate) fn finish(answer: &mut Answer, https: bool) {
    let headers = answer.headers_mut();
    let fixed = [
        ("x-content-type-options", "nosniff"),
        // No script at all; nothing from elsewhere; not in a frame.
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        // A member's link must not leave with a referrer; same-origin keeps Origin on our own forms.
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
    ];
    for (name, value) in fixed {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if https {
        headers.insert(
            HeaderName::from_static("strict-transport-security"),
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
