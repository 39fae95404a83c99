// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Instants in the local time of a collectivité, which is the one the law counts in.

use std::time::Duration;

use kbox_council::Collectivite;
use kbox_proof::law::{Fuseau, LocalDateTime};
use kbox_proof::time::Time;
use maud::{Markup, html};

/// Shows instants in one zone; in UTC, marked by its `Z`, if the zone is unknown.
pub(super) struct Heures {
    fuseau: Option<Fuseau>,
}

impl Heures {
    pub(super) fn new(collectivite: &Collectivite) -> Self {
        Self {
            fuseau: Fuseau::parse(&collectivite.fuseau).ok(),
        }
    }

    /// Which time it is, `heure légale, Europe/Paris`.
    pub(super) fn nom(&self) -> String {
        match &self.fuseau {
            Some(fuseau) => format!("heure légale, {}", fuseau.nom()),
            None => "temps universel".to_owned(),
        }
    }

    fn local(&self, instant: Time) -> Option<LocalDateTime> {
        self.fuseau.as_ref()?.local(instant).ok()
    }

    /// Which of the two, where the clocks show this local time twice.
    fn decalage(&self, instant: Time) -> String {
        self.fuseau
            .as_ref()
            .zip(self.local(instant))
            .filter(|(fuseau, local)| fuseau.instant(*local).is_ok_and(|found| found.ambigue))
            .map(|(fuseau, _)| format!(" (UTC{:+})", fuseau.offset_secs(instant) / 3600))
            .unwrap_or_default()
    }

    /// `18/11/2026 21:00:03`
    pub(super) fn courte(&self, instant: Time) -> Markup {
        let texte = self.local(instant).map_or_else(
            || instant.to_string(),
            |local| {
                let (year, month, day) = local.jour().ymd();
                let (hour, minute, second) = local.hms();
                let offset = self.decalage(instant);
                format!("{day:02}/{month:02}/{year} {hour:02}:{minute:02}:{second:02}{offset}")
            },
        );
        html! { time datetime=(instant) { (texte) } }
    }

    /// `mercredi 18 novembre 2026 à 21 h 00 min 03 s`
    pub(super) fn longue(&self, instant: Time) -> Markup {
        let texte = self.local(instant).map_or_else(
            || instant.to_string(),
            |local| insecable(&local.en_lettres()) + &self.decalage(instant),
        );
        html! { time datetime=(instant) { (texte) } }
    }

    /// For a limit, which is the beginning of a local day: `mercredi 18 novembre 2026, avant minuit`. To say "before Thursday
    /// at midnight" would leave open which midnight.
    pub(super) fn dernier_moment(&self, limite: Time) -> String {
        match self.local(limite.saturating_sub(Duration::from_nanos(1))) {
            Some(last) => format!("{}, avant minuit", last.jour().en_lettres()),
            None => format!("avant {limite}"),
        }
    }
}

/// The same text, whose hour stays on one line: `11 h 00 min 02 s`.
fn insecable(texte: &str) -> String {
    match texte.rsplit_once(" à ") {
        Some((jour, heure)) => format!("{jour} à {}", heure.replace(' ', "\u{a0}")),
        None => texte.to_owned(),
    }
}

/// `± 1 s`, `± 250 ms`
pub(super) fn precision(millis: u64) -> String {
    match (millis / 1000, millis % 1000) {
        (seconds @ 1.., 0) => format!("±\u{a0}{seconds}\u{a0}s"),
        _ => format!("±\u{a0}{millis}\u{a0}ms"),
    }
}

/// A day as the law's answer gives it, `2026-11-19`, in French.
pub(super) fn jour(texte: &str) -> String {
    LocalDateTime::parse(&format!("{texte}T12:00"))
        .map_or_else(|_| texte.to_owned(), |noon| noon.jour().en_lettres())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::essai;
    use super::*;

    fn heures(fuseau: &str) -> Heures {
        let mut collectivite = essai::collectivite();
        collectivite.fuseau = fuseau.to_owned();
        Heures::new(&collectivite)
    }

    #[test]
    fn instants_are_shown_in_the_zone_of_the_seat() {
        let instant = Time::parse_rfc3339("2026-11-18T22:59:59.999Z").unwrap();
        for (zone, text) in [
            ("Europe/Paris", ">18/11/2026 23:59:59<"),
            ("Indian/Reunion", ">19/11/2026 02:59:59<"),
            ("Mars/Olympus", ">2026-11-18T22:59:59.999Z<"),
        ] {
            let shown = heures(zone).courte(instant).into_string();
            assert!(shown.contains(text), "{zone}: {shown}");
            assert!(
                shown.contains("datetime=\"2026-11-18T22:59:59.999Z\""),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_hour_that_comes_twice_says_which_one_it_is() {
        for (instant, text) in [
            ("2026-10-25T00:30:00Z", "25/10/2026 02:30:00 (UTC+2)"),
            ("2026-10-25T01:30:00Z", "25/10/2026 02:30:00 (UTC+1)"),
            ("2026-10-25T02:30:00Z", "25/10/2026 03:30:00<"),
        ] {
            let shown = heures("Europe/Paris").courte(Time::parse_rfc3339(instant).unwrap());
            assert!(shown.into_string().contains(text), "{text}");
        }
    }

    #[test]
    fn a_limit_is_named_by_the_day_that_it_ends() {
        let limite = Time::parse_rfc3339("2026-11-18T23:00:00Z").unwrap();
        assert_eq!(
            heures("Europe/Paris").dernier_moment(limite),
            "mercredi 18 novembre 2026, avant minuit"
        );
    }

    #[test]
    fn a_precision_is_rounded_nowhere() {
        for (millis, text) in [
            (0, "± 0 ms"),
            (250, "± 250 ms"),
            (1000, "± 1 s"),
            (1500, "± 1500 ms"),
        ] {
            assert_eq!(precision(millis).replace('\u{a0}', " "), text);
        }
    }
}
