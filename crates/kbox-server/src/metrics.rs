// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Counters and gauges, in the text format of Prometheus. Every label comes from a list of ours or of the configuration, so
//! that no client can make new series.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hyper::StatusCode;
use kbox_proof::ledger::{COMMIT_CLASSES_MS, LedgerError};
use kbox_proof::tsp::{PkiFailureInfo, TimeStampResp};

use crate::app::App;
use crate::descriptors;
use crate::http::routes::{ROUTES, Route};

/// The media type of the text format.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Classes of HTTP's status codes, from 1xx.
const CLASSES: usize = 5;

type PerClass = [AtomicU64; CLASSES];

/// What is counted as it happens; all else is looked up when it is asked for.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// By route, in the table's order; the last is for addresses that are none.
    requests: Vec<PerClass>,
    stamped: AtomicU64,
    /// In the order of [`PkiFailureInfo::ALL`].
    refused: [AtomicU64; PkiFailureInfo::ALL.len()],
    sign_ins: AtomicU64,
    sign_ins_refused: AtomicU64,
    conflicts: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: (0..=ROUTES.len()).map(|_| PerClass::default()).collect(),
            stamped: AtomicU64::new(0),
            refused: Default::default(),
            sign_ins: AtomicU64::new(0),
            sign_ins_refused: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
        }
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A TimeStampResp of ours whose PKIStatusInfo is `granted` and nothing else.
fn is_granted(response: &[u8]) -> bool {
    // SEQUENCE and its length, in the short or the long form.
    let start = match response.get(1) {
        Some(length @ 0x81..) => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    response
        .get(start..)
        .is_some_and(|rest| rest.starts_with(&[0x30, 3, 2, 1, 0]))
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn request(&self, route: Option<&'static Route>, status: StatusCode) {
        let place = route
            .and_then(|route| ROUTES.iter().position(|other| std::ptr::eq(other, route)))
            .unwrap_or(ROUTES.len());
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.requests.get(place).and_then(|all| all.get(class)) {
            add(counter);
        }
    }

    /// The public authority answered.
    pub(crate) fn stamp(&self, response: &[u8]) {
        if is_granted(response) {
            add(&self.stamped);
        } else if let Some(reason) = TimeStampResp::parse(response)
            .ok()
            .and_then(|response| response.fail_info())
        {
            self.refused(reason);
        }
    }

    /// The public authority refused.
    pub(crate) fn refused(&self, reason: PkiFailureInfo) {
        let counters = PkiFailureInfo::ALL.iter().zip(&self.refused);
        for (_, counter) in counters.filter(|(known, _)| **known == reason) {
            add(counter);
        }
    }

    /// A key was shown in a browser.
    pub(crate) fn sign_in(&self, accepted: bool) {
        add(if accepted {
            &self.sign_ins
        } else {
            &self.sign_ins_refused
        });
    }

    /// A request contradicted what was recorded under its id.
    pub(crate) fn conflict(&self) {
        add(&self.conflicts);
    }
}

/// The text, one family after the other.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// Everything, now.
pub(crate) fn text(app: &App) -> String {
    let mut text = Text(String::new());
    clock(&mut text, app);
    authorities(&mut text, app);
    log(&mut text, app);
    witnesses(&mut text, app);
    anchors(&mut text, app);
    service(&mut text, app);
    text.0
}

fn clock(text: &mut Text, app: &App) {
    let clock = &app.instance.clock;
    let reading = clock.read();
    text.one(
        "kbox_clock_trusted",
        "gauge",
        "Whether tokens can be issued: 0 while the clock is off, unknown or stale.",
        u8::from(reading.is_ok()),
    );
    text.one(
        "kbox_clock_measured",
        "gauge",
        "Whether the accuracy is measured; 0 where it is only declared.",
        u8::from(app.instance.clock_is_measured),
    );
    if let Ok(reading) = reading {
        text.one(
            "kbox_clock_accuracy_seconds",
            "gauge",
            "How far off the system clock may be now.",
            reading.accuracy.as_secs_f64(),
        );
    }
    text.one(
        "kbox_clock_accuracy_stated_seconds",
        "gauge",
        "The accuracy that tokens state.",
        app.instance.public.accuracy().as_secs_f64(),
    );
    if let Some(measurement) = clock.measurement() {
        #[allow(clippy::cast_precision_loss)]
        let offset = measurement.offset.middle() as f64 / 1e9;
        text.one(
            "kbox_clock_offset_seconds",
            "gauge",
            "True time less the system clock, as last measured.",
            offset,
        );
        text.one(
            "kbox_clock_offset_uncertainty_seconds",
            "gauge",
            "What that measurement leaves open, to either side.",
            measurement.offset.uncertainty().as_secs_f64(),
        );
        text.one(
            "kbox_clock_measurement_age_seconds",
            "gauge",
            "How long ago that was.",
            measurement.age.as_secs_f64(),
        );
    }
}

fn authorities(text: &mut Text, app: &App) {
    let instance = &app.instance;
    let metrics = &app.metrics;
    let name = "kbox_tokens_issued_total";
    text.family(name, "counter", "Timestamp tokens since the start.");
    let evidence = instance.ledger.size().get() - instance.entries_at_start;
    for (authority, count) in [("evidence", evidence), ("public", get(&metrics.stamped))] {
        text.sample(name, &[("authority", authority)], count);
    }
    let name = "kbox_tsa_refusals_total";
    text.family(
        name,
        "counter",
        "Requests that the public authority refused, by PKIFailureInfo.",
    );
    for (reason, count) in PkiFailureInfo::ALL.iter().zip(&metrics.refused) {
        text.sample(name, &[("reason", reason.name())], get(count));
    }
    let name = "kbox_certificate_days_remaining";
    text.family(
        name,
        "gauge",
        "Whole days until certificate, private key usage or chain of an authority ends.",
    );
    // Without trusted time the system clock's will do for a warning.
    if let Some(now) = app.instance.shown() {
        for (authority, days) in instance.days_remaining(now) {
            text.sample(name, &[("authority", authority)], days);
        }
    }
}

fn log(text: &mut Text, app: &App) {
    let instance = &app.instance;
    text.one(
        "kbox_log_entries",
        "gauge",
        "Receipts in the log: leaves of its tree.",
        instance.ledger.size(),
    );
    let activity = instance.ledger.activity();
    text.one(
        "kbox_ledger_waiting_events",
        "gauge",
        "Events that wait for the next commit.",
        activity.waiting,
    );
    let name = "kbox_commit_seconds";
    text.family(name, "histogram", "How long the store took for a commit.");
    let mut count = 0;
    let bounds = COMMIT_CLASSES_MS.iter().map(Some).chain([None]);
    for (bound, commits) in bounds.zip(activity.commits) {
        count += commits;
        #[allow(clippy::cast_precision_loss)]
        let bound = bound.map_or_else(
            || "+Inf".to_string(),
            |millis| (*millis as f64 / 1e3).to_string(),
        );
        text.sample("kbox_commit_seconds_bucket", &[("le", &bound)], count);
    }
    text.sample(
        "kbox_commit_seconds_sum",
        &[],
        activity.commit_time.as_secs_f64(),
    );
    text.sample("kbox_commit_seconds_count", &[], count);
    if let Ok(free) = kbox_store::free_bytes(&instance.data) {
        text.one(
            "kbox_disk_free_bytes",
            "gauge",
            "Free space on the disk of the data directory.",
            free,
        );
    }
    text.one(
        "kbox_audit_lines",
        "gauge",
        "Lines of the audit log.",
        instance.audit.lines(),
    );
    text.one(
        "kbox_audit_writable",
        "gauge",
        "Whether everything stands in the audit log; 0 while lines wait to be written.",
        u8::from(instance.audit.check().is_ok()),
    );
}

fn witnesses(text: &mut Text, app: &App) {
    let instance = &app.instance;
    let witnesses = app.witness_status();
    if !witnesses.is_empty() {
        let quorum = instance.ledger.last_quorum();
        if let Some((now, then)) = instance.shown().zip(quorum) {
            text.one(
                "kbox_witness_quorum_age_seconds",
                "gauge",
                "How long ago a quorum of witnesses last cosigned the log.",
                now.saturating_since(then).as_secs_f64(),
            );
        }
        let name = "kbox_witness_up";
        text.family(
            name,
            "gauge",
            "Whether a witness cosigned when it was last asked.",
        );
        for witness in &witnesses {
            let up = u8::from(witness.problem.is_none() && witness.age.is_some());
            text.sample(name, &[("witness", witness.name.as_str())], up);
        }
    }
    text.one(
        "kbox_log_halted",
        "gauge",
        "Whether a witness knows more of the log than there is, so that nothing is recorded.",
        u8::from(matches!(
            instance.ledger.check_open(),
            Err(LedgerError::RolledBack { .. })
        )),
    );
    if let Some(role) = &instance.role {
        let (cosigned, refused) = role.counts();
        let name = "kbox_cosignatures_total";
        text.family(
            name,
            "counter",
            "Checkpoints of other logs, by what became of them.",
        );
        for (outcome, count) in [("cosigned", cosigned), ("refused", refused)] {
            text.sample(name, &[("outcome", outcome)], count);
        }
    }
    if let Ok(seen) = crate::witnesses::split_views(instance.ledger.store().as_ref()) {
        text.one(
            "kbox_split_views",
            "gauge",
            "Kept evidence of logs that show two histories.",
            seen.len(),
        );
    }
}

fn anchors(text: &mut Text, app: &App) {
    let authorities = app.anchor_status();
    if authorities.is_empty() {
        return;
    }
    let anchored = kbox_proof::anchor::last_anchored(&app.instance.ledger);
    if let (Some(now), Ok(Some(then))) = (app.instance.shown(), anchored) {
        text.one(
            "kbox_anchor_age_seconds",
            "gauge",
            "Age of the newest token of an outside authority over the log.",
            now.saturating_since(then).as_secs_f64(),
        );
    }
    let name = "kbox_anchor_requests_total";
    text.family(
        name,
        "counter",
        "Requests to outside authorities, by what became of them.",
    );
    for one in &authorities {
        for (outcome, count) in [("kept", one.tokens), ("failed", one.failures)] {
            let labels = [("authority", one.name.as_str()), ("outcome", outcome)];
            text.sample(name, &labels, count);
        }
    }
    let name = "kbox_anchor_up";
    text.family(
        name,
        "gauge",
        "Whether an outside authority has not failed when it was last asked.",
    );
    for one in &authorities {
        let up = u8::from(one.problem.is_none());
        text.sample(name, &[("authority", one.name.as_str())], up);
    }
}

fn service(text: &mut Text, app: &App) {
    let metrics = &app.metrics;
    let name = "kbox_http_requests_total";
    text.family(
        name,
        "counter",
        "Answers, by route template and class of status.",
    );
    let routes = ROUTES.iter().map(Some).chain([None]);
    for (route, classes) in routes.zip(&metrics.requests) {
        let (method, template) =
            route.map_or(("-", "-"), |route| (route.method.as_str(), route.template));
        for (class, count) in classes.iter().enumerate() {
            // A series begins with its first request.
            let count = get(count);
            if count > 0 {
                let class = format!("{}xx", class + 1);
                let labels = [
                    ("method", method),
                    ("route", template),
                    ("status", class.as_str()),
                ];
                text.sample(name, &labels, count);
            }
        }
    }
    let name = "kbox_sessions";
    text.family(name, "gauge", "Open browser sessions.");
    let (secretariats, members) = app.sessions.open_now(Instant::now());
    for (holder, count) in [("secretariat", secretariats), ("member", members)] {
        text.sample(name, &[("holder", holder)], count);
    }
    let name = "kbox_sign_ins_total";
    text.family(name, "counter", "Keys shown in a browser.");
    for (outcome, count) in [
        ("accepted", &metrics.sign_ins),
        ("refused", &metrics.sign_ins_refused),
    ] {
        text.sample(name, &[("outcome", outcome)], get(count));
    }
    if let (Some(open), Some(limit)) = (descriptors::open(), descriptors::limit()) {
        text.one(
            "process_open_fds",
            "gauge",
            "File descriptors of this process.",
            open,
        );
        text.one("process_max_fds", "gauge", "How many it may have.", limit);
    }
    text.one(
        "kbox_answers_waiting_bytes",
        "gauge",
        "Large answers that wait for their clients.",
        app.room.taken(),
    );
    text.one(
        "kbox_conflicts_total",
        "counter",
        "Requests that contradicted what was recorded under their id.",
        get(&metrics.conflicts),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_is_told_from_what_was_refused_whatever_its_length() {
        assert!(is_granted(&[0x30, 5, 0x30, 3, 2, 1, 0]));
        assert!(is_granted(&[0x30, 0x82, 1, 0, 0x30, 3, 2, 1, 0, 9]));
        for reason in PkiFailureInfo::ALL {
            let refused = TimeStampResp::rejection(reason, "why").to_der();
            assert!(!is_granted(&refused));
            let metrics = Metrics::default();
            metrics.stamp(&refused);
            assert_eq!(metrics.refused.iter().map(get).sum::<u64>(), 1);
        }
        for short in [&[][..], &[0x30], &[0x30, 0xff, 0x30]] {
            assert!(!is_granted(short));
        }
    }

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut text = Text(String::new());
        text.sample("x", &[("a", "b\"} 1\ny{c=\"\\"), ("d", "e")], 2);
        assert_eq!(text.0, "x{a=\"b\\\"} 1\\ny{c=\\\"\\\\\",d=\"e\"} 2\n");
    }
}
