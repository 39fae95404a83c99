// SPDX-License-Identifier: Apache-2.0 OR MIT
//! RFC 3161 over HTTP (§3.4), by an authority that stamps no evidence.

use hyper::StatusCode;

use crate::app::App;
use crate::http::answer::{self, Answer};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::instance::chain_pem;

const QUERY: &str = "application/timestamp-query";
pub(crate) const REPLY: &str = "application/timestamp-reply";
/// RFC 8555 §9.1
const CHAIN: &str = "application/pem-certificate-chain";

/// `GET /tsa/certificates`: those of the authority of `POST /tsa`, the signer's first, the root's last.
pub(crate) fn certificates(app: &App, _: &Call) -> Result<Answer, Problem> {
    let pem = chain_pem(app.instance.public.chain());
    Ok(answer::cached(
        answer::body(StatusCode::OK, CHAIN, pem),
        300,
    ))
}

/// `POST /tsa`: a TimeStampResp, refusals included. What is no request at all (type, method) is refused by HTTP alone.
pub(crate) fn stamp(app: &App, call: &Call) -> Result<Answer, Problem> {
    if !call.media_type().eq_ignore_ascii_case(QUERY) {
        return Err(Problem::media_type(QUERY));
    }
    let instance = &app.instance;
    let response = instance
        .public
        .respond(&call.body, instance.clock.as_ref(), &instance.serials);
    app.metrics.stamp(&response);
    Ok(answer::body(StatusCode::OK, REPLY, response))
}
