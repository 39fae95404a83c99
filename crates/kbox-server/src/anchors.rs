// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Outside timestamp authorities that anchor this log (`[[anchor]]`).

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use kbox_proof::anchor::http::{HttpError, Login, is_loopback};
use kbox_proof::anchor::{AnchorAuthority, AnchorClient, AnchorClientConfig, AnchorEvent};
use kbox_proof::event::Environment;
use kbox_proof::tsp::{Certificate, certificate_to_pem, certificates_from_pem};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::{Event, Hourly};
use crate::authorities::PolicyName;
use crate::instance;

/// No list of roots is longer.
const MAX_ROOTS_BYTES: u64 = 256 << 10;
/// More authorities say the same again: a receipt carries so many tokens over a checkpoint.
const MAX_AUTHORITIES: usize = 8;
/// For one request.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_INTERVAL_S: u64 = 7 * 24 * 3600;

/// An outside authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnchorConfig {
    /// What it is called in reports and metrics.
    name: String,
    /// Where it answers RFC 3161 requests.
    url: String,
    /// Its root certificates, PEM.
    roots: PathBuf,
    /// The policy asked for.
    policy: Option<PolicyName>,
    /// Name of a login.
    user: Option<String>,
    /// Where its password stands, alone.
    password_file: Option<PathBuf>,
}

impl AnchorConfig {
    /// What is wrong is said of `path`, and never what stands in it.
    fn login(&self) -> Result<Option<Login>, AnchorConfigError> {
        let (Some(user), Some(path)) = (&self.user, &self.password_file) else {
            return Ok(None);
        };
        let wrong = |what: &dyn fmt::Display| {
            let error = format!("[[anchor]] {:?}: {what}", self.name);
            AnchorConfigError(error)
        };
        let text = instance::private(path).map_err(|error| wrong(&error))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_string());
        let login = Login::new(user.clone(), line).ok_or_else(|| {
            let max = Login::MAX;
            wrong(&format_args!(
                "{}: a password is one line of 1 to {max} bytes, and user has no colon",
                path.display()
            ))
        })?;
        Ok(Some(login))
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, AnchorConfigError> {
        let path = self.roots.display();
        let wrong = |what: &dyn fmt::Display| {
            AnchorConfigError(format!("[[anchor]] {:?}: {path}: {what}", self.name))
        };
        let size = std::fs::metadata(&self.roots).map_err(|error| wrong(&error))?;
        if size.len() > MAX_ROOTS_BYTES {
            return Err(wrong(&"this is too long for a list of certificates"));
        }
        let pem = std::fs::read_to_string(&self.roots).map_err(|error| wrong(&error))?;
        let roots = certificates_from_pem(&pem).map_err(|error| wrong(&error))?;
        if roots.is_empty() {
            return Err(wrong(&"no certificate is in it"));
        }
        for root in &roots {
            Certificate::parse(root).map_err(|error| wrong(&error))?;
        }
        Ok(roots)
    }
}

/// What is wrong with the configuration of outside authorities.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnchorConfigError(String);

impl fmt::Display for AnchorConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that the configuration says of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) anchor: &'a [AnchorConfig],
    pub(crate) wanted: u32,
    pub(crate) interval_s: u64,
    pub(crate) environment: Environment,
}

impl Settings<'_> {
    /// Refuses what could not work; reads no file.
    pub(crate) fn check(&self) -> Result<(), AnchorConfigError> {
        let most = self.anchor.len();
        if most > MAX_AUTHORITIES {
            return Err(AnchorConfigError(format!(
                "{most} [[anchor]] are given, and {MAX_AUTHORITIES} at most are asked"
            )));
        }
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX);
        if wanted == 0 || wanted > most.max(1) {
            return Err(AnchorConfigError(format!(
                "anchors = {wanted}, and {most} [[anchor]] are given: give 1 to that many"
            )));
        }
        if !(1..=MAX_INTERVAL_S).contains(&self.interval_s) {
            return Err(AnchorConfigError(format!(
                "anchor_interval_s = {}: give 1 to {MAX_INTERVAL_S} seconds",
                self.interval_s
            )));
        }
        for (at, one) in self.anchor.iter().enumerate() {
            let name = &one.name;
            let wrong = |what: &str| Err(AnchorConfigError(format!("[[anchor]] {name:?}: {what}")));
            if name.is_empty() || name.len() > 100 || name.contains(char::is_control) {
                return wrong("name is one line of 1 to 100 bytes");
            }
            if self.anchor.iter().take(at).any(|other| other.name == *name) {
                return wrong("two authorities have this name");
            }
            let secure = one.url.strip_prefix("https://");
            let clear = one.url.strip_prefix("http://");
            // What crosses the network is a hash and a signed answer; who is asked and that nobody holds the answer up is TLS's.
            if clear.is_some() && self.environment == Environment::Production {
                return wrong("production asks over https:// alone");
            }
            // What stands before an @ is a password, which this file and the audit log must not hold.
            let usable = |rest: &str| {
                let graphic = |byte: u8| byte.is_ascii_graphic() && !b"#@".contains(&byte);
                !rest.is_empty() && rest.bytes().all(graphic)
            };
            if !secure.or(clear).is_some_and(usable) {
                return wrong(
                    "url is its address, such as https://tsa.example.eu/tsr, without a password: that stands in password_file",
                );
            }
            if one.user.is_some() != one.password_file.is_some() {
                return wrong("user and password_file belong together");
            }
            if one.user.is_some() && clear.is_some() && !is_loopback(&one.url) {
                return wrong("a password crosses networks over https:// alone");
            }
        }
        Ok(())
    }

    /// Whom to ask; their roots and passwords are read.
    pub(crate) fn authorities(&self) -> Result<Vec<AnchorAuthority>, AnchorConfigError> {
        let authority = |one: &AnchorConfig| {
            Ok(AnchorAuthority {
                name: one.name.clone(),
                url: one.url.clone(),
                login: one.login()?,
                roots: one.certificates()?,
                policy: one.policy.clone().map(PolicyName::into_id),
            })
        };
        self.anchor.iter().map(authority).collect()
    }

    /// Their roots as a trust bundle has them, each once, none of `own`: an authority of the log's own operator proves nothing.
    pub(crate) fn roots(&self, own: &[String]) -> Result<Vec<String>, AnchorConfigError> {
        let mut pem: Vec<String> = Vec::new();
        for one in self.anchor {
            for root in one
                .certificates()?
                .iter()
                .map(|root| certificate_to_pem(root))
            {
                if own.contains(&root) {
                    return Err(AnchorConfigError(format!(
                        "[[anchor]] {:?}: its root is that of this server's own evidence, which anchors nothing",
                        one.name
                    )));
                }
                if !pem.contains(&root) {
                    pem.push(root);
                }
            }
        }
        Ok(pem)
    }
}

/// Begins to ask the authorities, if there are any.
pub(crate) fn start(
    app: &Arc<App>,
    settings: Settings<'_>,
    authorities: Vec<AnchorAuthority>,
    witnessed: bool,
) -> Result<Option<AnchorClient>, HttpError> {
    if authorities.is_empty() {
        return Ok(None);
    }
    let weak = Arc::downgrade(app);
    let hourly = Mutex::new(Hourly::default());
    let config = AnchorClientConfig {
        authorities,
        wanted: usize::try_from(settings.wanted).unwrap_or(usize::MAX),
        interval: Duration::from_secs(settings.interval_s),
        timeout: TIMEOUT,
        witnessed,
        clock: Arc::clone(&app.instance.clock),
        on_event: Arc::new(move |event: &AnchorEvent| heard(&weak, &hourly, event)),
    };
    AnchorClient::start(Arc::clone(&app.instance.ledger), config).map(Some)
}

fn heard(app: &Weak<App>, hourly: &Mutex<Hourly<String>>, event: &AnchorEvent) {
    let Some(app) = app.upgrade() else { return };
    let unlisted = |of: &str| {
        let mut hourly = hourly.lock().unwrap_or_else(PoisonError::into_inner);
        hourly.one_more(of.to_string(), Instant::now())
    };
    match event {
        AnchorEvent::Anchored { authority, mark } => {
            app.log(&format!(
                "authority {authority} anchored the log at {} leaves",
                mark.size.get()
            ));
        }
        AnchorEvent::Failing { authority, problem } => {
            if let Some(unlisted) = unlisted(authority) {
                app.log(&format!("authority {authority}: {problem}"));
                app.instance.audit.note(Event::AnchorFailing {
                    authority: authority.clone(),
                    reason: problem.to_string(),
                    unlisted,
                });
            }
        }
        AnchorEvent::Recovered { authority } => {
            if let Some(unlisted) = unlisted(authority) {
                app.log(&format!("authority {authority} stamps again"));
                app.instance.audit.note(Event::AnchorRecovered {
                    authority: authority.clone(),
                    unlisted,
                });
            }
        }
        AnchorEvent::Ledger(error) => app.log(&format!("no anchor: {error}")),
        // Further ones are for whoever knows them.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(name: &str, url: &str) -> AnchorConfig {
        AnchorConfig {
            name: name.into(),
            url: url.into(),
            roots: "roots.pem".into(),
            policy: None,
            user: None,
            password_file: None,
        }
    }

    #[test]
    fn a_password_stands_in_a_file_of_its_own_which_nobody_else_reads_and_crosses_networks_by_tls()
    {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let with = |url: &str| AnchorConfig {
            user: Some("commune".into()),
            password_file: Some(path.clone()),
            ..config("a", url)
        };
        let login = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            with("https://tsa.example.eu").login()
        };
        assert!(login("geheim\n", 0o600).unwrap().is_some());
        let long = "geheim".repeat(20_000);
        for (text, mode) in [
            ("geheim", 0o640),
            ("", 0o600),
            ("ge\nheim\n", 0o600),
            (&long, 0o600),
        ] {
            let error = login(text, mode).unwrap_err().to_string();
            assert!(
                error.contains("password") && !error.contains("heim"),
                "{error}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        assert!(with("https://tsa.example.eu").login().is_err());

        let check = |one: AnchorConfig| {
            let settings = Settings {
                anchor: &[one],
                wanted: 1,
                interval_s: 60,
                environment: Environment::Demonstration,
            };
            settings.check().is_ok()
        };
        for (url, usable) in [
            ("https://tsa.example.eu", true),
            ("http://127.0.0.1:3000/tsr", true),
            ("http://localhost", true),
            ("http://tsa.example.eu", false),
            ("http://127.0.0.1.example.eu/", false),
            ("http://localhost.example.eu/", false),
        ] {
            assert_eq!(check(with(url)), usable, "{url}");
            assert!(check(config("a", url)), "{url}");
        }
        let mut alone = with("https://tsa.example.eu");
        alone.password_file = None;
        assert!(!check(alone));
        // The settings of the audit log say who, and where the password stands.
        let audited = serde_json::to_string(&with("https://tsa.example.eu")).unwrap();
        assert!(audited.contains("commune") && !audited.contains("geheim"));
    }

    #[test]
    fn outside_authorities_that_could_not_work_are_refused() {
        let check = |anchor: &[AnchorConfig], wanted, interval_s| {
            Settings {
                anchor,
                wanted,
                interval_s,
                environment: Environment::Production,
            }
            .check()
        };
        let good = config("a", "https://tsa.example.eu/tsr?x=1");
        assert_eq!(check(&[], 1, 3600), Ok(()));
        assert_eq!(check(std::slice::from_ref(&good), 1, 3600), Ok(()));
        for (anchor, wanted, interval_s) in [
            (vec![good.clone()], 0, 3600),
            (vec![good.clone()], 2, 3600),
            (vec![good.clone()], 1, 0),
            (vec![good.clone()], 1, MAX_INTERVAL_S + 1),
            (vec![good.clone(), good.clone()], 1, 3600),
            (vec![config("a", "http://tsa.example.eu")], 1, 3600),
            (
                vec![config("a", "https://me:secret@tsa.example.eu")],
                1,
                3600,
            ),
            (vec![config("a", "tsa.example.eu")], 1, 3600),
            (vec![config("a\nb", "https://tsa.example.eu")], 1, 3600),
        ] {
            assert!(
                check(&anchor, wanted, interval_s).is_err(),
                "{anchor:?} {wanted} {interval_s}"
            );
        }
    }
}
