// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Every address of the service, who may use it, and how much it may send. What is not here is not served.

use hyper::Method;
use kbox_proof::tlog::witness::MAX_REQUEST_BYTES;

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use crate::access::keyring::Role;
use crate::access::limits::Budget;
use crate::app::App;
use crate::{api, site};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody; shows nothing personal and changes nothing of a council's.
    Public,
    /// An API key of one of these roles.
    Key(&'static [Role]),
    /// A secretariat's browser session.
    Session,
    /// Whoever knows the member's secret in the path; the handler checks it.
    Link,
}

/// To whom refusals speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Programs: RFC 9457.
    Api,
    /// People: a page in French.
    Page,
    /// RFC 3161 clients.
    Tsp,
}

/// Handlers that take long or hold much memory: few of each run at once, so that they leave threads to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heavy {
    /// Waits for the mail relay, member by member.
    Convocation,
    /// Holds all papers, and verifies them.
    Dossier,
}

type Handler = fn(&App, &Call) -> Result<Answer, Problem>;

/// One address.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// `{name}` stands for one segment, `{name…}` for all that are left.
    pub(crate) template: &'static str,
    pub(crate) access: Access,
    pub(crate) face: Face,
    pub(crate) budget: Option<Budget>,
    pub(crate) max_body: usize,
    pub(crate) heavy: Option<Heavy>,
    /// Records that its answer leaves: room for the longest is there before.
    pub(crate) room: Option<usize>,
    /// A GET that records what leaves: HEAD, which lets nothing leave, is not served.
    pub(crate) records: bool,
    /// Waits for nothing and computes little, so that it answers in place: when no thread is left, and without the way to one and
    /// back.
    pub(crate) direct: bool,
    pub(crate) handler: Handler,
}

const fn route(
    method: Method,
    template: &'static str,
    access: Access,
    face: Face,
    handler: Handler,
) -> Route {
    let budget = match access {
        Access::Public | Access::Link => Some(Budget::Read),
        // A key that is guessed wrong costs the guesser, and a session is bounded by its login.
        Access::Key(_) | Access::Session => None,
    };
    Route {
        method,
        template,
        access,
        face,
        budget,
        max_body: 0,
        heavy: None,
        room: None,
        records: false,
        direct: false,
        handler,
    }
}

impl Route {
    const fn body(mut self, max: usize) -> Self {
        self.max_body = max;
        self
    }
    const fn heavy(mut self, heavy: Heavy) -> Self {
        self.heavy = Some(heavy);
        self
    }
    const fn records(mut self, most: usize) -> Self {
        self.records = true;
        self.room = Some(most);
        self
    }
    const fn direct(mut self) -> Self {
        self.direct = true;
        self
    }
    const fn budget(mut self, budget: Option<Budget>) -> Self {
        self.budget = budget;
        self
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const ADMIN: Access = Access::Key(&[Role::Administrateur]);
const OPERATION: Access = Access::Key(&[Role::Administrateur, Role::Supervision]);
const ERASURE: Access = Access::Key(&[Role::Administrateur, Role::Secretariat]);
const COUNCIL: Access = Access::Key(&[Role::Secretariat, Role::Integration]);

use self::Access::{Link, Public, Session};
use self::Face::{Api, Page, Tsp};

/// All of them.
pub(crate) static ROUTES: &[Route] = &[
    // Public: the log, the trust bundle, RFC 3161, the law.
    route(Method::GET, "/healthz", Public, Api, api::health::healthz)
        .budget(None)
        .direct(),
    route(Method::GET, "/readyz", Public, Api, api::health::readyz).budget(None),
    route(Method::GET, "/openapi.json", Public, Api, api::openapi),
    route(Method::GET, "/trust", Public, Api, api::log::trust),
    route(
        Method::GET,
        "/trust/{version}",
        Public,
        Api,
        api::log::trust_version,
    ),
    route(
        Method::GET,
        "/log/checkpoint",
        Public,
        Api,
        api::log::checkpoint,
    ),
    route(
        Method::GET,
        "/log/checkpoints/{size}",
        Public,
        Api,
        api::log::checkpoint_at,
    ),
    route(
        Method::GET,
        "/log/proof/{leafhash}",
        Public,
        Api,
        api::log::proof,
    ),
    route(
        Method::GET,
        "/log/upgrade/{leafhash}",
        Public,
        Api,
        api::log::upgrade,
    ),
    route(
        Method::GET,
        "/log/marks/{size}",
        Public,
        Api,
        api::log::marks,
    ),
    route(Method::GET, "/log/policy", Public, Api, api::log::policy),
    route(
        Method::POST,
        "/witness/add-checkpoint",
        Public,
        Api,
        api::witness::add_checkpoint,
    )
    .body(MAX_REQUEST_BYTES)
    .budget(Some(Budget::Question)),
    route(
        Method::GET,
        "/witness/checkpoint/{origin}",
        Public,
        Api,
        api::witness::checkpoint,
    ),
    route(
        Method::GET,
        "/log/tile/{path…}",
        Public,
        Api,
        api::log::tile,
    ),
    route(
        Method::GET,
        "/log/closed/{number}/checkpoint",
        Public,
        Api,
        api::log::closed_checkpoint,
    ),
    route(
        Method::GET,
        "/log/closed/{number}/checkpoints/{size}",
        Public,
        Api,
        api::log::closed_checkpoint_at,
    ),
    route(
        Method::GET,
        "/log/closed/{number}/marks/{size}",
        Public,
        Api,
        api::log::closed_marks,
    ),
    route(
        Method::GET,
        "/log/closed/{number}/tile/{path…}",
        Public,
        Api,
        api::log::closed_tile,
    ),
    route(Method::POST, "/tsa", Public, Tsp, api::tsa::stamp)
        .body(16 * KIB)
        .budget(Some(Budget::Question))
        .direct(),
    route(
        Method::GET,
        "/tsa/certificates",
        Public,
        Api,
        api::tsa::certificates,
    ),
    route(Method::POST, "/api/v1/delai", Public, Api, api::delai)
        .body(16 * KIB)
        .budget(Some(Budget::Question)),
    // The operator.
    route(
        Method::GET,
        "/metrics",
        OPERATION,
        Api,
        api::health::metrics,
    ),
    route(
        Method::POST,
        "/api/v1/collectivites",
        ADMIN,
        Api,
        api::council::add_collectivite,
    )
    .body(64 * KIB),
    route(
        Method::GET,
        "/api/v1/collectivites",
        ADMIN,
        Api,
        api::council::collectivites,
    ),
    route(Method::POST, "/api/v1/keys", ADMIN, Api, api::keys::create).body(4 * KIB),
    route(Method::GET, "/api/v1/keys", ADMIN, Api, api::keys::list),
    route(
        Method::DELETE,
        "/api/v1/keys/{id}",
        ADMIN,
        Api,
        api::keys::remove,
    ),
    // Embedding: events of one's own.
    route(
        Method::POST,
        "/api/v1/events",
        COUNCIL,
        Api,
        api::events::record,
    )
    .body(4 * MIB),
    route(
        Method::GET,
        "/api/v1/receipts/{id}",
        COUNCIL,
        Api,
        api::events::receipt,
    ),
    // Erasing, and what forbids it.
    route(
        Method::POST,
        "/api/v1/events/{id}/erasure",
        ERASURE,
        Api,
        api::erasure::erase,
    )
    .body(16 * KIB),
    route(
        Method::POST,
        "/api/v1/holds",
        ERASURE,
        Api,
        api::erasure::hold,
    )
    .body(16 * KIB),
    route(
        Method::GET,
        "/api/v1/holds",
        ERASURE,
        Api,
        api::erasure::holds,
    ),
    route(
        Method::POST,
        "/api/v1/holds/{id}/release",
        ERASURE,
        Api,
        api::erasure::release,
    )
    .body(16 * KIB),
    // The workflow.
    route(
        Method::POST,
        "/api/v1/elus",
        COUNCIL,
        Api,
        api::council::add_elu,
    )
    .body(64 * KIB),
    route(
        Method::GET,
        "/api/v1/elus",
        COUNCIL,
        Api,
        api::council::elus,
    ),
    route(
        Method::POST,
        "/api/v1/seances",
        COUNCIL,
        Api,
        api::council::add_seance,
    )
    .body(64 * KIB),
    route(
        Method::GET,
        "/api/v1/seances",
        COUNCIL,
        Api,
        api::council::seances,
    ),
    route(
        Method::GET,
        "/api/v1/seances/{id}",
        COUNCIL,
        Api,
        api::council::dashboard,
    ),
    route(
        Method::POST,
        "/api/v1/seances/{id}/pieces",
        COUNCIL,
        Api,
        api::council::add_paper,
    )
    .body(15 * MIB),
    route(
        Method::POST,
        "/api/v1/seances/{id}/convocation",
        COUNCIL,
        Api,
        api::council::convene,
    )
    .body(KIB)
    .heavy(Heavy::Convocation),
    route(
        Method::GET,
        "/api/v1/seances/{id}/dossier.asice",
        COUNCIL,
        Api,
        api::council::proof_file,
    )
    .heavy(Heavy::Dossier),
    // The secretariat's pages.
    route(Method::GET, "/style.css", Public, Page, site::style),
    route(Method::GET, "/", Public, Page, site::home),
    route(Method::GET, "/connexion", Public, Page, site::login_form),
    route(Method::POST, "/connexion", Public, Page, site::login)
        .body(4 * KIB)
        .budget(Some(Budget::Login)),
    route(Method::POST, "/deconnexion", Session, Page, site::logout).body(KIB),
    route(Method::GET, "/seances", Session, Page, site::seances),
    route(Method::GET, "/seances/{id}", Session, Page, site::dashboard),
    route(
        Method::GET,
        "/seances/{id}/dossier.asice",
        Session,
        Page,
        site::proof_file,
    )
    .heavy(Heavy::Dossier),
    route(
        Method::GET,
        "/seances/{id}/preuves/{event}",
        Session,
        Page,
        site::receipt,
    ),
    // The members' pages.
    route(Method::GET, "/m/{token}", Link, Page, site::member::page),
    route(Method::POST, "/m/{token}", Link, Page, site::member::open).body(KIB),
    route(
        Method::GET,
        "/m/{token}/pieces/{sha256}",
        Link,
        Page,
        site::member::paper,
    )
    .records(15 * MIB),
    route(
        Method::POST,
        "/m/{token}/accuse",
        Link,
        Page,
        site::member::acknowledge,
    )
    .body(KIB),
    route(
        Method::GET,
        "/m/{token}/preuve",
        Link,
        Page,
        site::member::receipt,
    ),
];

/// What a path leads to.
pub(crate) enum Found {
    /// A route, and the values of its template's names.
    Route(&'static Route, Vec<String>),
    /// Served, by these methods.
    OtherMethod(String),
    /// Not served.
    Nothing,
}

/// The values of the template's names, when `path` has its form.
fn matches(template: &str, path: &str) -> Option<Vec<String>> {
    let mut params = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(name), Some(first)) if name.ends_with("…}") => {
                let rest: Vec<&str> = std::iter::once(first).chain(given).collect();
                params.push(rest.join("/"));
                return Some(params);
            }
            (Some(name), Some(segment)) if name.starts_with('{') => {
                if segment.is_empty() {
                    return None;
                }
                params.push(segment.to_string());
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// Looks an address up. HEAD is served as GET, where that records nothing; hyper leaves the body out.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let mut allow = Vec::new();
    for route in ROUTES {
        if let Some(params) = matches(route.template, path) {
            let as_get = *method == Method::HEAD && route.method == Method::GET && !route.records;
            if route.method == *method || as_get {
                return Found::Route(route, params);
            }
            allow.push(route.method.as_str());
            if route.method == Method::GET && !route.records {
                allow.push("HEAD");
            }
        }
    }
    match allow.is_empty() {
        true => Found::Nothing,
        false => Found::OtherMethod(allow.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn templates_take_whole_segments_only() {
        assert_eq!(
            matches("/m/{token}", "/m/abc"),
            Some(vec!["abc".to_string()])
        );
        assert_eq!(
            matches("/log/tile/{path…}", "/log/tile/0/x001/067.p/2"),
            Some(vec!["0/x001/067.p/2".to_string()])
        );
        for other in ["/m/", "/m", "/m/a/b", "/M/a", "//m/a", "/m/a/"] {
            assert_eq!(matches("/m/{token}", other), None, "{other}");
        }
    }

    #[test]
    fn another_method_is_told_which_ones_serve() {
        let Found::OtherMethod(allow) = find(&Method::PUT, "/connexion") else {
            panic!("PUT /connexion is not served");
        };
        assert_eq!(allow, "GET, HEAD, POST");
        assert!(matches!(find(&Method::GET, "/admin"), Found::Nothing));
        assert!(matches!(find(&Method::HEAD, "/healthz"), Found::Route(..)));
    }

    #[test]
    fn head_reaches_no_handler_that_records() {
        let paper = format!("/m/{}/pieces/{}", "A".repeat(43), "0".repeat(64));
        let Found::OtherMethod(allow) = find(&Method::HEAD, &paper) else {
            panic!("HEAD of a paper is served");
        };
        assert_eq!(allow, "GET");
        assert!(matches!(find(&Method::GET, &paper), Found::Route(..)));
        let recording: Vec<&str> = ROUTES
            .iter()
            .filter(|route| route.records)
            .map(|route| route.template)
            .collect();
        assert_eq!(recording, ["/m/{token}/pieces/{sha256}"]);
    }

    /// Whatever writes, or shows personal data, is guarded; and only what is listed here is public.
    #[test]
    fn only_the_listed_routes_are_public() {
        let public: Vec<String> = ROUTES
            .iter()
            .filter(|route| route.access == Access::Public)
            .map(|route| format!("{} {}", route.method, route.template))
            .collect();
        assert_eq!(
            public,
            [
                "GET /healthz",
                "GET /readyz",
                "GET /openapi.json",
                "GET /trust",
                "GET /trust/{version}",
                "GET /log/checkpoint",
                "GET /log/checkpoints/{size}",
                "GET /log/proof/{leafhash}",
                "GET /log/upgrade/{leafhash}",
                "GET /log/marks/{size}",
                "GET /log/policy",
                "POST /witness/add-checkpoint",
                "GET /witness/checkpoint/{origin}",
                "GET /log/tile/{path…}",
                "GET /log/closed/{number}/checkpoint",
                "GET /log/closed/{number}/checkpoints/{size}",
                "GET /log/closed/{number}/marks/{size}",
                "GET /log/closed/{number}/tile/{path…}",
                "POST /tsa",
                "GET /tsa/certificates",
                "POST /api/v1/delai",
                "GET /style.css",
                "GET /",
                "GET /connexion",
                "POST /connexion",
            ]
        );
        for route in ROUTES {
            let link = route.template.starts_with("/m/");
            assert_eq!(link, route.access == Access::Link, "{}", route.template);
            // Without a counted budget there must be a key or a session, or nothing to compute.
            let free = ["/healthz", "/readyz"].contains(&route.template);
            let guarded = matches!(route.access, Access::Key(_) | Access::Session);
            assert_eq!(
                route.budget.is_none(),
                free || guarded,
                "{}",
                route.template
            );
            assert_eq!(
                route.max_body == 0,
                matches!(route.method, Method::GET | Method::DELETE)
            );
        }
    }
}
