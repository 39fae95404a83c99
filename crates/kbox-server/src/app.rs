// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What every handler sees.

use std::fs::File;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hyper::StatusCode;
use kbox_council::{Council, CouncilError, Relay};
use kbox_proof::anchor::{AnchorClient, AnchorStatus, WitnessClient, WitnessStatus};
use kbox_proof::event::{Collectivite, Environment};
use kbox_proof::receipt::{ReceiptError, TrustBundle};
use kbox_proof::report::{self, Language};
use kbox_proof::time::Time;
use kbox_proof::verify::{TrustPolicy, verify_proof_file};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::keyring::Principal;
use crate::access::limits::Limits;
use crate::access::sessions::Sessions;
use crate::audit::{Event, Hourly};
use crate::http::problem::Problem;
use crate::http::room::Room;
use crate::http::routes::Heavy;
use crate::instance::{Instance, for_log};
use crate::metrics::Metrics;
use crate::pages::Cadre;

/// The secretariat's cookie.
pub(crate) const SESSION_COOKIE: &str = "kbox_session";

/// How this server is reached.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Without a final slash.
    pub(crate) base_url: String,
    /// Browsers reach it over TLS.
    pub(crate) https: bool,
    /// A proxy appends to `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// One line a request on the error output.
    pub(crate) log: bool,
}

/// The service.
pub(crate) struct App {
    pub(crate) instance: Instance,
    pub(crate) council: Council,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    /// For answers that wait for their clients.
    pub(crate) room: Room,
    /// Those who cosign this log, once they are asked.
    pub(crate) witnesses: Mutex<Option<WitnessClient>>,
    /// Those who timestamp this log outside, once they are asked.
    pub(crate) anchors: Mutex<Option<AnchorClient>>,
    conflicts: Mutex<Hourly<Option<Collectivite>>>,
    /// The error output without the lock by which the threads of this process would wait for each other's lines.
    error_output: Option<File>,
    convocations: Arc<Semaphore>,
    dossiers: Arc<Semaphore>,
}

#[cfg(unix)]
fn error_output() -> Option<File> {
    use std::os::fd::AsFd;
    let own = std::io::stderr().as_fd().try_clone_to_owned();
    own.ok().map(File::from)
}

#[cfg(not(unix))]
fn error_output() -> Option<File> {
    None
}

/// Convocations, and proof files, under way at once.
const HEAVY: usize = 8;

impl App {
    pub(crate) fn new(instance: Instance, settings: Settings, relay: Option<Relay>) -> Self {
        Self {
            council: instance.council(settings.base_url.clone(), relay),
            instance,
            sessions: Sessions::default(),
            limits: Limits::default(),
            settings,
            metrics: Metrics::default(),
            room: Room::default(),
            witnesses: Mutex::default(),
            anchors: Mutex::default(),
            conflicts: Mutex::default(),
            error_output: error_output(),
            convocations: Arc::new(Semaphore::new(HEAVY)),
            dossiers: Arc::new(Semaphore::new(HEAVY)),
        }
    }

    /// A place for one more of these, if there is one.
    pub(crate) fn place(&self, heavy: Heavy) -> Option<OwnedSemaphorePermit> {
        let all = match heavy {
            Heavy::Convocation => &self.convocations,
            Heavy::Dossier => &self.dossiers,
        };
        Arc::clone(all).try_acquire_owned().ok()
    }

    pub(crate) fn cadre(&self) -> Cadre {
        Cadre {
            demonstration: self.instance.ledger.environment() == Environment::Demonstration,
        }
    }

    pub(crate) fn now(&self) -> Result<Time, Problem> {
        let reading = self.instance.clock.read();
        reading
            .map(|reading| reading.time)
            .map_err(|error| Problem::unavailable("time_not_available", error))
    }

    /// How the witnesses of this log do.
    pub(crate) fn witness_status(&self) -> Vec<WitnessStatus> {
        let client = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        client
            .as_ref()
            .map(WitnessClient::status)
            .unwrap_or_default()
    }

    /// How the outside authorities do.
    pub(crate) fn anchor_status(&self) -> Vec<AnchorStatus> {
        let client = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        client
            .as_ref()
            .map(AnchorClient::status)
            .unwrap_or_default()
    }

    /// A request contradicted what was recorded under its id.
    pub(crate) fn conflict(&self, principal: Option<&Principal>, template: &str) {
        self.metrics.conflict();
        let Some(principal) = principal else { return };
        let mut conflicts = self
            .conflicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // One collectivité's program must not hide what another's does.
        let unlisted = conflicts.one_more(principal.collectivite.clone(), Instant::now());
        drop(conflicts);
        if let Some(unlisted) = unlisted {
            self.instance.audit.note(Event::ConflictRefused {
                key: principal.key_id.clone(),
                collectivite: principal.collectivite.clone(),
                address: template.to_string(),
                unlisted,
            });
        }
    }

    /// One line of the operator's log. What is given holds no secret and no personal data.
    pub(crate) fn log(&self, line: &str) {
        if self.settings.log {
            let line = match (self.instance.clock.read(), self.instance.shown()) {
                (Ok(reading), _) => format!("{} {line}\n", for_log(reading.time)),
                (Err(_), Some(shown)) => format!("{} (unverified) {line}\n", for_log(shown)),
                (Err(error), None) => format!("(no time: {error}) {line}\n"),
            };
            // A line is one write. A log that cannot be written is no reason to refuse a request.
            let _ = match &self.error_output {
                Some(file) => (&mut &*file).write_all(line.as_bytes()),
                None => std::io::stderr().write_all(line.as_bytes()),
            };
        }
    }

    /// The proof file of a séance, with the trust bundle and a report of what a verification finds now.
    pub(crate) fn proof_file(&self, siren: &str, seance: &str) -> Result<Vec<u8>, Problem> {
        let file = proof_file(&self.instance, &self.council, siren, seance, self.now()?)?;
        let written = file.write(Cursor::new(Vec::new()));
        Ok(written.map_err(unwritten)?.into_inner())
    }
}

/// Why a proof file is not written.
fn unwritten(error: ReceiptError) -> Problem {
    match error {
        ReceiptError::TooMany { .. } | ReceiptError::TooLong { .. } => Problem::new(
            StatusCode::CONFLICT,
            "proof_file_too_large",
            format_args!(
                "the proof file of this séance would hold {error}, which nobody could read: take its receipts one by one, GET /api/v1/receipts/{{id}}, which prove the same"
            ),
            "Le dossier de preuve de cette séance dépasserait la taille qu’un vérificateur peut lire. Téléchargez les preuves une à une, depuis la page de la séance : chacune se vérifie seule.",
        ),
        error => Problem::internal(error),
    }
}

/// As [`App::proof_file`], before it is written.
pub(crate) fn proof_file(
    instance: &Instance,
    council: &Council,
    siren: &str,
    seance: &str,
    now: Time,
) -> Result<kbox_proof::receipt::ProofFile, Problem> {
    let mut file = council
        .proof_file(siren, seance)
        .map_err(|error: CouncilError| Problem::from(error))?;
    let bundle = instance
        .trust(None)?
        .ok_or_else(|| Problem::internal("the log has no trust bundle"))?;
    let policy = TrustBundle::from_json(&bundle).map_err(Problem::internal)?;
    let policy = TrustPolicy::new(&policy).map_err(Problem::internal)?;
    let report = report::proof_file(
        &verify_proof_file(&file.content(), &policy, now),
        &policy,
        Language::French,
    )
    .enclosed();
    file.report = Some((report.to_html(), report.to_text()));
    file.trust = Some(bundle);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_file_that_nobody_could_read_is_refused_with_what_to_do_instead() {
        for error in [
            ReceiptError::TooMany {
                what: "entries",
                max: 65_534,
            },
            ReceiptError::TooLong { found: 2, max: 1 },
        ] {
            let problem = unwritten(error);
            let found = (problem.status(), problem.code());
            assert_eq!(found, (StatusCode::CONFLICT, "proof_file_too_large"));
        }
        let other = unwritten(ReceiptError::HashLength);
        assert_eq!(other.code(), "internal");
    }
}
