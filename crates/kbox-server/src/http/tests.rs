// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The route table over real HTTP: who is let in where, and what bounds hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod clock;
mod operation;
mod tsa;
mod witness;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use kbox_council::Collectivite;
use kbox_proof::clock::TestClock;
use kbox_proof::event;
use kbox_proof::time::Time;

use super::MAX_CONNECTIONS;
use super::routes::{Access, Face, Heavy, ROUTES};
use crate::access::keyring::{KeyringError, Role};
use crate::access::sessions::{Holder, SECRETARIAT};
use crate::app::{App, SESSION_COOKIE, Settings};
use crate::config::Config;
use crate::instance::Instance;

const ONE: &str = "218002533";
const OTHER: &str = "218000215";

struct Server {
    app: Arc<App>,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    data: tempfile::TempDir,
}

fn start(behind_proxy: bool) -> Server {
    start_with(behind_proxy, |_| (), |_| ())
}

fn start_with(
    behind_proxy: bool,
    configure: impl FnOnce(&mut Config),
    change: impl FnOnce(&mut Instance),
) -> Server {
    let data = tempfile::tempdir().unwrap();
    let runtime = crate::runtime().unwrap();
    let listener = runtime
        .block_on(super::listen("127.0.0.1:0".parse().unwrap()))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = Config {
        data: data.path().to_path_buf(),
        ..Config::default()
    };
    configure(&mut config);
    let mut instance = Instance::open(&config).unwrap();
    change(&mut instance);
    let settings = Settings {
        base_url: config.base_url(address),
        https: config.is_https(),
        behind_proxy,
        max_connections: MAX_CONNECTIONS,
        log: false,
    };
    let app = Arc::new(App::new(instance, settings, config.relay()));
    for siren in [ONE, OTHER] {
        app.council
            .add_collectivite(&Collectivite {
                siren: siren.into(),
                nom: "Commune d’essai".into(),
                instance: "commune".into(),
                population: Some(5751),
                departement: Some("80".into()),
                fuseau: "Europe/Paris".into(),
            })
            .unwrap();
    }
    runtime.spawn(super::serve(
        Arc::clone(&app),
        listener,
        std::future::pending(),
    ));
    Server {
        app,
        address,
        runtime,
        data,
    }
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Server {
    fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        // The server may refuse before all was sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Reply {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .unwrap_or(0),
            head: head.to_string(),
            body: body.to_string(),
        }
    }

    fn send(&self, method: &Method, path: &str, headers: &str, body: &str) -> Reply {
        self.raw(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
                self.address,
                body.len()
            )
            .as_bytes(),
        )
    }

    fn key(&self, role: Role, siren: Option<&str>) -> String {
        let owner = siren.map(|siren| event::Collectivite::parse(siren).unwrap());
        let now = self.app.now().unwrap();
        let made = self
            .app
            .instance
            .keyring
            .create(role, owner, None, now, |_| Ok::<(), KeyringError>(()));
        made.unwrap().1.to_string()
    }

    fn session(&self, key: &str) -> String {
        let principal = self
            .app
            .instance
            .keyring
            .authenticate(key)
            .unwrap()
            .unwrap();
        let cookie =
            self.app
                .sessions
                .open(Holder::Secretariat(principal), SECRETARIAT, Instant::now());
        format!("Cookie: {SESSION_COOKIE}={}\r\n", cookie.unwrap().as_str())
    }
}

/// A path that the template matches.
fn path(template: &str) -> String {
    template
        .replace("{path…}", "0/000")
        .replace("{token}", &"A".repeat(43))
        .replace("{sha256}", &"0".repeat(64))
        .replace("{leafhash}", &"0".repeat(64))
        .replace("{id}", "conseil-1")
        .replace("{event}", &"0".repeat(32))
        .replace("{version}", "1")
        .replace("{size}", "1")
}

#[test]
fn every_route_lets_in_exactly_those_whom_the_table_names() {
    let server = start(false);
    let keys = [
        (Role::Administrateur, server.key(Role::Administrateur, None)),
        (Role::Secretariat, server.key(Role::Secretariat, Some(ONE))),
        (Role::Integration, server.key(Role::Integration, Some(ONE))),
        (Role::Supervision, server.key(Role::Supervision, None)),
    ];
    let bearer = |key: &str| format!("Authorization: Bearer {key}\r\n");
    for route in ROUTES {
        let path = path(route.template);
        let name = format!("{} {path}", route.method);
        let nobody = server.send(&route.method, &path, "", "");
        let stranger = server.send(
            &route.method,
            &path,
            &format!(
                "Authorization: Bearer kbox_0123456789abcdef_{}\r\nCookie: {SESSION_COOKIE}={}\r\n",
                "A".repeat(43),
                "A".repeat(43)
            ),
            "",
        );
        match route.access {
            Access::Public => {
                assert!(
                    ![401, 403].contains(&nobody.status) || path == "/connexion",
                    "{name}: {}",
                    nobody.status
                );
            }
            Access::Link => {
                // An unknown secret leads nowhere, whoever brings it.
                for reply in [&nobody, &stranger] {
                    assert_eq!(reply.status, 404, "{name}");
                }
            }
            Access::Key(roles) => {
                for reply in [&nobody, &stranger] {
                    assert_eq!(reply.status, 401, "{name}");
                    assert_eq!(
                        reply.header("www-authenticate"),
                        Some("Bearer realm=\"kbox\"")
                    );
                    assert_eq!(
                        reply.header("content-type"),
                        Some("application/problem+json")
                    );
                }
                let cookie = server.session(&keys[1].1);
                assert_eq!(
                    server.send(&route.method, &path, &cookie, "").status,
                    401,
                    "{name}: a cookie is no key"
                );
                for (role, key) in &keys {
                    let reply = server.send(&route.method, &path, &bearer(key), "");
                    match roles.contains(role) {
                        true => assert!(
                            ![401, 403].contains(&reply.status),
                            "{name} {role:?}: {}",
                            reply.status
                        ),
                        false => assert_eq!(reply.status, 403, "{name} {role:?}"),
                    }
                }
            }
            Access::Session => {
                let with_key = server.send(&route.method, &path, &bearer(&keys[1].1), "");
                let other_role = server.send(&route.method, &path, &server.session(&keys[2].1), "");
                for reply in [&nobody, &stranger, &with_key, &other_role] {
                    assert_eq!(
                        (reply.status, reply.header("location")),
                        (303, Some("/connexion")),
                        "{name}"
                    );
                }
                let secretariat =
                    server.send(&route.method, &path, &server.session(&keys[1].1), "");
                let turned_away = secretariat.status == 303 && route.template != "/deconnexion";
                assert!(!turned_away, "{name}");
            }
        }
        // Whatever the answer, it cannot be framed, sniffed, or made to run a script.
        assert_eq!(
            nobody.header("x-content-type-options"),
            Some("nosniff"),
            "{name}"
        );
        let policy = nobody.header("content-security-policy").unwrap_or("");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{name}"
        );
        if nobody.status >= 400 {
            // People get a page, programs get problem details.
            let page = nobody.body.contains("<html");
            assert_eq!(route.face == Face::Page, page, "{name}");
        }
    }
}

#[test]
fn a_body_beyond_its_routes_bound_is_refused_before_it_is_read() {
    let server = start(false);
    for route in ROUTES {
        let key = match route.access {
            Access::Key(roles) => {
                let siren = (!roles.contains(&Role::Administrateur)).then_some(ONE);
                format!("Authorization: Bearer {}\r\n", server.key(roles[0], siren))
            }
            Access::Session => server.session(&server.key(Role::Secretariat, Some(ONE))),
            Access::Public | Access::Link => String::new(),
        };
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{key}Content-Type: application/json\r\n\r\n",
            route.method,
            path(route.template),
            server.address,
            route.max_body + 1
        );
        let mut bytes = head.into_bytes();
        bytes.resize(bytes.len() + route.max_body.min(64 * 1024) + 1, b' ');
        let reply = server.raw(&bytes);
        assert_eq!(reply.status, 413, "{} {}", route.method, route.template);
    }
}

#[test]
fn one_collectivites_key_and_session_show_nothing_of_anothers() {
    let server = start(false);
    let (one, other) = (
        server.key(Role::Secretariat, Some(ONE)),
        server.key(Role::Secretariat, Some(OTHER)),
    );
    let bearer =
        |key: &str| format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let body = r#"{"request_id":"r1","body":{"claimed_time":"2026-11-25T08:00:00Z","reasons":["panne"],"detail":{"event":"ContentConsignmentFailure","content":{"recipient":0}},"refers_to":"DIGEST"},"personal":{"address":"personne@elus.invalid"}}"#;
    // A reference to nothing of this collectivité is refused, whoever owns it.
    let reply = server.send(
        &Method::POST,
        "/api/v1/events",
        &bearer(&one),
        &body.replace("DIGEST", &format!("{}=", "A".repeat(43))),
    );
    assert_eq!(reply.status, 422, "{}", reply.body);
    assert!(reply.body.contains("reference_unknown"), "{}", reply.body);
    let seance = r#"{"id":"secret-seance","intitule":"Conseil","lieu":"Mairie","debut":"2099-12-02T18:30","auteur":"Le maire"}"#;
    let reply = server.send(&Method::POST, "/api/v1/seances", &bearer(&one), seance);
    assert_eq!(reply.status, 201, "{}", reply.body);
    for key in [&other] {
        let reply = server.send(&Method::GET, "/api/v1/seances", &bearer(key), "");
        assert!(!reply.body.contains("secret-seance"), "{}", reply.body);
        for path in [
            "/api/v1/seances/secret-seance",
            "/api/v1/seances/secret-seance/dossier.asice",
        ] {
            assert_eq!(
                server.send(&Method::GET, path, &bearer(key), "").status,
                404
            );
        }
        let session = server.session(key);
        for path in [
            "/seances/secret-seance",
            "/seances/secret-seance/dossier.asice",
        ] {
            assert_eq!(server.send(&Method::GET, path, &session, "").status, 404);
        }
    }
    // The trust bundle's event is the operator's: no collectivité's key shows it as its own.
    let session = server.session(&one);
    assert!(
        server
            .send(&Method::GET, "/seances/secret-seance", &session, "")
            .body
            .contains("Conseil")
    );
}

#[test]
fn a_form_from_another_site_is_refused() {
    let server = start(false);
    let session = server.session(&server.key(Role::Secretariat, Some(ONE)));
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        for path in [
            "/deconnexion",
            "/connexion",
            &path("/m/{token}"),
            &path("/m/{token}/accuse"),
        ] {
            let headers = format!("{session}Origin: {origin}\r\n");
            let reply = server.send(&Method::POST, path, &headers, "");
            assert_eq!(reply.status, 403, "{origin} {path}");
        }
    }
    let own = format!("{session}Origin: http://{}\r\n", server.address);
    assert_eq!(
        server.send(&Method::POST, "/deconnexion", &own, "").status,
        303
    );
    assert_eq!(
        server
            .send(&Method::GET, "/seances", &session, "")
            .header("location"),
        Some("/connexion"),
        "the session ended"
    );
}

#[test]
fn behind_tls_the_configured_address_is_the_only_origin_whatever_host_says() {
    let server = start_with(
        true,
        |config| config.base_url = Some("https://kbox.example.fr".into()),
        |_| (),
    );
    let post = |host: &str, origin: &str| {
        server
            .raw(
                format!(
                    "POST /connexion HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n"
                )
                .as_bytes(),
            )
            .body
    };
    let foreign = "ne vient pas de nos pages";
    for (host, origin) in [
        ("evil.example", "https://evil.example"),
        ("kbox.example.fr", "http://kbox.example.fr"),
        ("kbox.example.fr", "https://evil.example"),
        ("kbox.example.fr", "null"),
    ] {
        assert!(post(host, origin).contains(foreign), "{host} {origin}");
    }
    // Some proxies pass their own name on.
    for host in ["kbox.example.fr", "127.0.0.1:8420"] {
        assert!(!post(host, "https://kbox.example.fr").contains(foreign));
    }
}

#[test]
fn guessing_keys_in_the_browser_is_slowed_down_by_client_behind_a_proxy_too() {
    let server = start(true);
    let attempt = |client: &str| {
        let headers = format!(
            "X-Forwarded-For: 198.51.100.7, {client}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        server.send(&Method::POST, "/connexion", &headers, "cle=kbox_essai")
    };
    for _ in 0..10 {
        assert_eq!(attempt("192.0.2.1").status, 403);
    }
    let refused = attempt("192.0.2.1");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        attempt("192.0.2.2").status,
        403,
        "others are not slowed down"
    );
}

#[test]
fn a_login_opens_a_session_that_ends_with_its_key() {
    let server = start(false);
    let key = server.key(Role::Secretariat, Some(ONE));
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let reply = server.send(&Method::POST, "/connexion", form, &format!("cle=+{key}%0A"));
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, Some("/seances"))
    );
    let set = reply.header("set-cookie").unwrap();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/;"),
        "{set}"
    );
    let cookie = format!("Cookie: a=b; {}\r\n", set.split(';').next().unwrap());
    assert_eq!(
        server.send(&Method::GET, "/seances", &cookie, "").status,
        200
    );
    let admin = server.key(Role::Administrateur, None);
    let id = key.split('_').nth(1).unwrap();
    let bearer = format!("Authorization: Bearer {admin}\r\n");
    let removed = server.send(&Method::DELETE, &format!("/api/v1/keys/{id}"), &bearer, "");
    assert_eq!(removed.status, 204);
    assert_eq!(
        server.send(&Method::GET, "/seances", &cookie, "").status,
        303
    );
    let listed = server.send(&Method::GET, "/api/v1/keys", &bearer, "").body;
    assert!(
        !listed.contains(id) && !listed.contains("sha256"),
        "{listed}"
    );
}

#[test]
fn requests_that_are_not_http_end_without_harm() {
    let server = start(false);
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /tsa HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"GET /m/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let reply = server.raw(bytes);
        assert!(reply.status == 0 || (400..500).contains(&reply.status), "{}", reply.head);
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    assert!([0, 414, 431].contains(&server.raw(long.as_bytes()).status));
    assert_eq!(server.send(&Method::GET, "/healthz", "", "").body, "ok\n");
}

#[test]
fn no_more_than_a_few_convocations_and_proof_files_run_at_once() {
    let server = start(false);
    let key = format!(
        "Authorization: Bearer {}\r\n",
        server.key(Role::Secretariat, Some(ONE))
    );
    let session = server.session(&server.key(Role::Secretariat, Some(ONE)));
    let ask = |method, path: &str, headers: &str| server.send(&method, path, headers, "").status;
    let mut dossiers = Vec::new();
    while let Some(place) = server.app.place(Heavy::Dossier) {
        dossiers.push(place);
    }
    assert_eq!(dossiers.len(), 8);
    let refused = server.send(&Method::GET, "/api/v1/seances/x/dossier.asice", &key, "");
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(ask(Method::GET, "/seances/x/dossier.asice", &session), 503);
    // The others go on.
    assert_eq!(ask(Method::GET, "/api/v1/seances", &key), 200);
    let convene = "/api/v1/seances/x/convocation";
    let reply = server.send(&Method::POST, convene, &key, "");
    assert!(reply.body.contains("no_relay"), "{}", reply.body);
    dossiers.pop();
    assert_eq!(ask(Method::GET, "/seances/x/dossier.asice", &session), 404);
    let mut convocations = Vec::new();
    while let Some(place) = server.app.place(Heavy::Convocation) {
        convocations.push(place);
    }
    let reply = server.send(&Method::POST, convene, &key, "");
    assert!(reply.body.contains("\"busy\""), "{}", reply.body);
}

#[test]
fn the_process_is_seen_to_be_alive_when_every_thread_waits() {
    let server = start(false);
    let (wait, end) = std::sync::mpsc::channel::<()>();
    let end = Arc::new(std::sync::Mutex::new(end));
    for _ in 0..300 {
        let end = Arc::clone(&end);
        server.runtime.spawn_blocking(move || {
            let _ = end.lock().map(|end| end.recv());
        });
    }
    assert_eq!(server.send(&Method::GET, "/healthz", "", "").body, "ok\n");
    drop(wait);
}

#[test]
fn a_clock_behind_the_log_is_not_ready() {
    let server = start_with(
        false,
        |_| (),
        |instance| {
            let past = Time::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
            instance.clock = Arc::new(TestClock::at(past));
        },
    );
    let reply = server.send(&Method::GET, "/readyz", "", "");
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.body.contains("time_not_available"), "{}", reply.body);
    assert_eq!(
        start(false).send(&Method::GET, "/readyz", "", "").status,
        200
    );
}
