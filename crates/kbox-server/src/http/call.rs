// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A request whose access was checked and whose body was read within its bound: what handlers get.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderName};
use kbox_proof::event::Collectivite;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::access::keyring::Principal;

/// One request.
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    /// The values of the template's names, in order.
    pub(crate) params: Vec<String>,
    pub(crate) body: Bytes,
    /// Whose key or session came with it; always there on routes that demand one.
    pub(crate) principal: Option<Principal>,
    /// The client, as far as is known.
    pub(crate) client: IpAddr,
}

impl Call {
    /// The value of a template's name.
    pub(crate) fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// The collectivité of the key or session.
    pub(crate) fn collectivite(&self) -> Result<&Collectivite, Problem> {
        self.principal
            .as_ref()
            .and_then(|principal| principal.collectivite.as_ref())
            .ok_or_else(Problem::forbidden)
    }

    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.headers, name)
    }

    /// The media type of the body, without parameters.
    pub(crate) fn media_type(&self) -> &str {
        self.header(CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map_or("", str::trim)
    }

    /// The body, as JSON of this form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !self.media_type().eq_ignore_ascii_case("application/json") {
            return Err(Problem::media_type("application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::malformed(&error))
    }

    /// One field of the body, as a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        value(&self.body, name)
    }

    /// One value of the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        value(self.query.as_bytes(), name)
    }
}

fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The value of a cookie among all that were sent.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
