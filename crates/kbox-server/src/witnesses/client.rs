// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Has this log cosigned while the server runs, and tells the operator what its witnesses say.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use kbox_proof::anchor::http::HttpError;
use kbox_proof::anchor::{WitnessClient, WitnessClientConfig, WitnessEndpoint, WitnessEvent};

use super::evidence::{self, SplitView};
use crate::app::App;
use crate::audit::{Event, Fingerprint, Hourly};

/// Begins to ask the witnesses, if there are any.
pub(crate) fn start(
    app: &Arc<App>,
    endpoints: Vec<WitnessEndpoint>,
    interval: std::time::Duration,
) -> Result<Option<WitnessClient>, HttpError> {
    if endpoints.is_empty() {
        return Ok(None);
    }
    let weak = Arc::downgrade(app);
    let hourly = Mutex::new(Hourly::default());
    let on_event = Arc::new(move |event: &WitnessEvent| heard(&weak, &hourly, event));
    let mut config = WitnessClientConfig::new(endpoints, on_event);
    config.interval = interval;
    config.timeout = config
        .timeout
        .min(interval.max(std::time::Duration::from_secs(2)));
    WitnessClient::start(Arc::clone(&app.instance.ledger), config).map(Some)
}

fn heard(app: &Weak<App>, hourly: &Mutex<Hourly<String>>, event: &WitnessEvent) {
    let Some(app) = app.upgrade() else { return };
    let instance = &app.instance;
    let unlisted = |of: &str| {
        let mut hourly = hourly.lock().unwrap_or_else(PoisonError::into_inner);
        hourly.one_more(of.to_string(), Instant::now())
    };
    match event {
        WitnessEvent::Marked { mark } => {
            let first = mark.number == 0 && mark.size.get() == 0;
            if first {
                app.log("the empty log is cosigned by a quorum of witnesses: events are recorded from now on");
            }
            match instance.publish_waiting() {
                Ok(()) => {}
                Err(error) => app.log(&format!("the trust bundle is not published yet: {error}")),
            }
        }
        WitnessEvent::NotMarked(error) => {
            let is_listed = unlisted("").is_some();
            if is_listed {
                app.log(&format!("no quorum of witnesses: {error}"));
            }
        }
        WitnessEvent::Failing { witness, problem } => {
            app.log(&format!("witness {witness}: {problem}"));
            if let Some(unlisted) = unlisted(witness) {
                instance.audit.note(Event::WitnessFailing {
                    witness: witness.clone(),
                    reason: problem.to_string(),
                    unlisted,
                });
            }
        }
        WitnessEvent::Recovered { witness } => {
            app.log(&format!("witness {witness} cosigns again"));
            if let Some(unlisted) = unlisted(witness) {
                instance.audit.note(Event::WitnessRecovered {
                    witness: witness.clone(),
                    unlisted,
                });
            }
        }
        WitnessEvent::RolledBack {
            witness,
            seen,
            ours,
        } => instance.audit.note(Event::RolledBack {
            witness: witness.clone(),
            seen: seen.get(),
            ours: ours.get(),
        }),
        WitnessEvent::OtherView {
            witness,
            size,
            request,
            answer,
        } => {
            let seen = SplitView::Log {
                witness,
                size: size.get(),
                request,
                answer,
            };
            match evidence::keep(&instance.ledger, &seen) {
                Ok((digest, true)) => instance.audit.note(Event::SplitViewSeen {
                    origin: instance.ledger.origin().to_string(),
                    size: size.get(),
                    evidence: Fingerprint::from(digest),
                    witness: Some(witness.clone()),
                }),
                Ok(_) => {}
                Err(error) => app.log(&format!("evidence of two histories is not kept: {error}")),
            }
        }
        // Further ones are for whoever knows them.
        _ => {}
    }
}
