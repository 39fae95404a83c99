// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The demonstration's HTTP client: plain HTTP/1.1 over loopback, one connection a request.

use std::cell::RefCell;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::tsp::{MessageImprint, TimeStampReq, TimeStampResp};

/// No answer of the demonstration is longer.
const MAX_ANSWER: usize = 32 << 20;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// One browser: it keeps the last cookie that it was given.
pub(crate) struct Client {
    runtime: tokio::runtime::Runtime,
    cookie: RefCell<Option<String>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let cookie = RefCell::new(None);
        Ok(Self { runtime, cookie })
    }

    /// Another person's browser.
    pub(crate) fn forget(&self) {
        self.cookie.replace(None);
    }

    pub(crate) fn get(&self, url: &str) -> Result<Answer, Error> {
        self.send(Method::GET, url, None, Vec::new())
    }

    /// Posts a form.
    pub(crate) fn post(&self, url: &str, form: &str) -> Result<Answer, Error> {
        self.post_bytes(
            url,
            "application/x-www-form-urlencoded",
            form.as_bytes().to_vec(),
        )
    }

    pub(crate) fn post_bytes(
        &self,
        url: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Answer, Error> {
        self.send(Method::POST, url, Some(media_type), body)
    }

    /// The page that an answer redirects to, or the answer itself.
    pub(crate) fn follow(&self, base: &str, answer: Answer) -> Result<Answer, Error> {
        match &answer.location {
            Some(location) if (300..400).contains(&answer.status) => {
                self.get(&absolute(base, location))
            }
            _ => Ok(answer),
        }
    }

    fn send(
        &self,
        method: Method,
        url: &str,
        media_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answer, Error> {
        let uri: Uri = url.parse()?;
        let authority = uri.authority().ok_or("address without host")?.to_string();
        let path = uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_string();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &authority);
        if let Some(media_type) = media_type {
            // As a browser does on a post of a form.
            request = request
                .header(CONTENT_TYPE, media_type)
                .header(ORIGIN, format!("http://{authority}"));
        }
        if let Some(cookie) = self.cookie.borrow().as_deref() {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let (answer, cookie) = self.runtime.block_on(async move {
            let stream = tokio::net::TcpStream::connect(&authority).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let location = answer
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .map(str::to_string);
            let cookie = answer
                .headers()
                .get(SET_COOKIE)
                .and_then(|value| value.to_str().ok()?.split(';').next())
                .map(str::to_string);
            let body = Limited::new(answer.into_body(), MAX_ANSWER)
                .collect()
                .await?
                .to_bytes();
            Ok::<_, Error>((
                Answer {
                    status,
                    location,
                    body,
                },
                cookie,
            ))
        })?;
        if cookie.is_some() {
            self.cookie.replace(cookie);
        }
        Ok(answer)
    }
}

/// `http://host/x` for the path `/x` of the same host.
fn absolute(base: &str, target: &str) -> String {
    if target.starts_with("http://") {
        return target.to_string();
    }
    let host = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    format!("{host}{target}")
}

/// The member's own addresses in a page's `href` or `action` attributes, in order, each once.
pub(crate) fn targets(html: &str, attribute: &str, link: &str) -> Vec<String> {
    let start = format!("{attribute}=\"");
    let mut found: Vec<String> = Vec::new();
    for part in html.split(start.as_str()).skip(1) {
        let Some((target, _)) = part.split_once('"') else {
            continue;
        };
        let target = absolute(link, target);
        if target.starts_with(&format!("{link}/")) && !found.contains(&target) {
            found.push(target);
        }
    }
    found
}

/// A query for a SHA-256 digest, with the certificate asked for.
pub(crate) fn timestamp_query(digest: &Sha256Digest) -> Result<Vec<u8>, Error> {
    Ok(TimeStampReq::new(MessageImprint::sha256(digest))
        .with_certificates()
        .to_der())
}

/// The token of a granted answer.
pub(crate) fn timestamp_token(answer: &[u8]) -> Result<Vec<u8>, Error> {
    let answer = TimeStampResp::parse(answer)?;
    Ok(answer
        .token()
        .ok_or("no token in the answer")?
        .to_der()
        .to_vec())
}
