// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the end-to-end tests share: the binaries as processes, and a client that we did not write.
// Helpers of tests end where something is not as expected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

pub mod by_hand;
pub mod ntp;
pub mod outside;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kbox_proof::key::LogSigner;
use kbox_proof::pki::DevAuthority;
use kbox_proof::time::Time;
use kbox_proof::tsp::certificate_to_pem;
use serde_json::{Value, json};

/// The SIREN of the tests' commune.
pub const SIREN: &str = "218002533";

/// A binary of the workspace, which `cargo build` put beside the tests.
pub fn binary(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: run the tests through `make test`, which builds the binaries first",
        path.display()
    );
    path
}

/// Runs a binary to its end.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(binary(name)).args(arguments).output().unwrap()
}

/// What a process said, both outputs.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A running `kbox-server serve`; killed when dropped.
pub struct Server {
    pub child: Child,
    pub url: String,
    pub agent: ureq::Agent,
    said: Arc<Mutex<String>>,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub media_type: String,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_string()
    }
}

impl Server {
    /// Starts on a free port, and waits until it says where it listens.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub fn start_with(data: &Path, arguments: &[&str]) -> Self {
        Self::start_by(Command::new(binary("kbox-server")), data, arguments)
    }

    /// As [`Server::start_with`], by a command to which the arguments are appended.
    pub fn start_by(mut command: Command, data: &Path, arguments: &[&str]) -> Self {
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--quiet", "--data"])
            .arg(data)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut heard = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server ended: {heard}");
            };
            heard.push_str(&line);
            heard.push('\n');
            if let Some(rest) = line.strip_prefix("serving ") {
                break rest.split(' ').next().unwrap().to_string();
            }
        };
        // Its outlet is kept open and drained; should it end early, its last words say why.
        let said = Arc::new(Mutex::new(String::new()));
        let last = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut said = last.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            child,
            url,
            agent: config.into(),
            said,
        }
    }

    fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
        let mut response = result.ok()?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().ok()?.to_string())
        };
        let (media_type, location) = (
            header("content-type").unwrap_or_default(),
            header("location"),
        );
        Some(Answer {
            status: response.status().as_u16(),
            media_type,
            location,
            body: response
                .body_mut()
                .with_config()
                .limit(64 << 20)
                .read_to_vec()
                .ok()?,
        })
    }

    pub fn get(&self, path: &str, key: Option<&str>) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        Self::answer(request.call()).unwrap()
    }

    /// `None` when the server did not answer.
    pub fn try_post(
        &self,
        path: &str,
        key: Option<&str>,
        media_type: &str,
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Content-Type", media_type);
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        Self::answer(request.send(body))
    }

    pub fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.try_post(path, key, "application/json", body.to_string().as_bytes())
            .unwrap_or_else(|| {
                panic!(
                    "POST {path} was not answered; the server said: {}",
                    self.said.lock().unwrap()
                )
            })
    }

    /// An integration's key for the tests' commune, made with the administrator's.
    pub fn key(&self, data: &Path) -> String {
        let admin = std::fs::read_to_string(data.join("admin-key")).unwrap();
        let admin = Some(admin.trim());
        let commune = json!({"siren": SIREN, "nom": "Commune de Doullens", "instance": "commune",
            "population": 5751, "departement": "80", "fuseau": "Europe/Paris"});
        assert_eq!(
            self.post("/api/v1/collectivites", admin, &commune).status,
            201
        );
        let made = self.post(
            "/api/v1/keys",
            admin,
            &json!({"role": "integration", "collectivite": SIREN}),
        );
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["key"].as_str().unwrap().to_string()
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    #[cfg(unix)]
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The files that docs/server.md asks for, as an operator would put them there: key and chain of each authority, in PEM.
#[cfg(unix)]
pub fn provide_keys(folder: &Path, evidence: (&str, &str), public: (&str, &str)) {
    use std::os::unix::fs::PermissionsExt;
    let log = LogSigner::generate().unwrap().to_pkcs8_pem();
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in [
        ("evidence-key.pem", evidence.0),
        ("evidence-chain.pem", evidence.1),
        ("public-key.pem", public.0),
        ("public-chain.pem", public.1),
        ("log-key.pem", log.as_str()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Key and chain of an authority, in PEM.
pub fn authority_pem(authority: &DevAuthority) -> (String, String) {
    let chain = authority.chain.iter();
    (
        authority.signer.to_pkcs8_pem().to_string(),
        chain.map(|one| certificate_to_pem(one)).collect(),
    )
}

/// Now, as the servers' clock tells it.
pub fn now() -> Time {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Time::from_unix_secs(i64::try_from(now.as_secs()).unwrap()).unwrap()
}

/// A sending with two recipients, as an embedding program records it.
pub fn submission(request_id: &str) -> Value {
    json!({
        "request_id": request_id,
        "body": {
            "claimed_time": "2026-11-24T09:00:00Z",
            "detail": {"event": "SubmissionAcceptance", "content": {
                "seance": {"id": request_id, "instance": "commune", "intitule": "Conseil municipal", "lieu": "Hôtel de ville",
                    "debut": "2026-12-02T18:30", "fuseau": "Europe/Paris", "utc_offset": 3600, "tzdb": "2025b"},
                "rule": {"id": "COM-L", "article": "CGCT L.2121-12", "jours": 5, "nature": "franc", "population": 5751,
                    "departement": "80", "urgence": null, "seconde_convocation": false},
                "author": "Le maire",
                "version": 1,
                "papers": [{"digest": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "size": 1, "titre": "Convocation",
                    "nature": "convocation"}],
                "roster": [
                    {"commitment": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "for_information": false},
                    {"commitment": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "for_information": true}
                ]
            }}
        }
    })
}
