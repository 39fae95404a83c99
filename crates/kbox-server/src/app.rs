// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What every handler sees.

use std::io::Cursor;
use std::sync::Arc;

use kbox_council::{Council, CouncilError, Relay};
use kbox_proof::event::Environment;
use kbox_proof::receipt::TrustBundle;
use kbox_proof::report::{self, Language};
use kbox_proof::time::Time;
use kbox_proof::verify::{TrustPolicy, verify_proof_file};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::limits::Limits;
use crate::access::sessions::Sessions;
use crate::http::problem::Problem;
use crate::http::routes::Heavy;
use crate::instance::Instance;
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
    convocations: Arc<Semaphore>,
    dossiers: Arc<Semaphore>,
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

    /// One line of the operator's log. What is given holds no secret and no personal data.
    pub(crate) fn log(&self, line: &str) {
        if self.settings.log {
            match self.instance.clock.read() {
                Ok(reading) => eprintln!("{} {line}", reading.time),
                Err(error) => eprintln!("(no time: {error}) {line}"),
            }
        }
    }

    /// The proof file of a séance, with the trust bundle and a report of what a verification finds now.
    pub(crate) fn proof_file(&self, siren: &str, seance: &str) -> Result<Vec<u8>, Problem> {
        let file = proof_file(&self.instance, &self.council, siren, seance, self.now()?)?;
        let written = file.write(Cursor::new(Vec::new()));
        Ok(written.map_err(Problem::internal)?.into_inner())
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
