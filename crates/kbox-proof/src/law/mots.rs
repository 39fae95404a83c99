// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Dates and numbers in French, to be read aloud.

use alloc::format;
use alloc::string::{String, ToString};

use jiff::civil::Weekday;

use super::fuseau::{Jour, LocalDateTime};

const MOIS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const NOMBRES: [&str; 17] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze",
    "douze", "treize", "quatorze", "quinze", "seize",
];

/// A small number in letters, a larger one in digits.
pub(super) fn nombre(n: usize) -> String {
    NOMBRES
        .get(n)
        .map_or_else(|| n.to_string(), |word| (*word).to_string())
}

fn semaine(jour: Jour) -> &'static str {
    match jour.0.weekday() {
        Weekday::Monday => "lundi",
        Weekday::Tuesday => "mardi",
        Weekday::Wednesday => "mercredi",
        Weekday::Thursday => "jeudi",
        Weekday::Friday => "vendredi",
        Weekday::Saturday => "samedi",
        Weekday::Sunday => "dimanche",
    }
}

fn mois(jour: Jour) -> &'static str {
    usize::try_from(jour.0.month() - 1)
        .ok()
        .and_then(|index| MOIS.get(index))
        .copied()
        .unwrap_or_default()
}

fn quantieme(jour: Jour) -> String {
    match jour.0.day() {
        1 => "1er".to_string(),
        day => day.to_string(),
    }
}

/// `mardi 24 novembre 2026`
pub(super) fn jour(jour: Jour) -> String {
    format!(
        "{} {} {} {}",
        semaine(jour),
        quantieme(jour),
        mois(jour),
        jour.0.year()
    )
}

/// `mardi 24 novembre 2026 à 18 h 30`
pub(super) fn jour_heure(local: LocalDateTime) -> String {
    let (hour, minute, second) = local.hms();
    let mut text = format!("{} à {hour} h {minute:02}", jour(local.jour()));
    if second != 0 {
        text.push_str(&format!(" min {second:02} s"));
    }
    text
}

/// `samedi 31 octobre, dimanche 1er et lundi 2 novembre 2026`: month and year where they end or change.
pub(super) fn liste(jours: &[Jour]) -> String {
    let mut text = String::new();
    for (index, day) in jours.iter().enumerate() {
        if index > 0 {
            text.push_str(if index + 1 == jours.len() {
                " et "
            } else {
                ", "
            });
        }
        text.push_str(&format!("{} {}", semaine(*day), quantieme(*day)));
        let next = jours.get(index + 1);
        if next.is_none_or(|next| next.0.month() != day.0.month()) {
            text.push_str(&format!(" {}", mois(*day)));
        }
        if next.is_none_or(|next| next.0.year() != day.0.year()) {
            text.push_str(&format!(" {}", day.0.year()));
        }
    }
    text
}

/// The legal time of a zone, for example `heure de Paris`.
pub(super) fn heure_de(zone: &str) -> String {
    match zone {
        "Europe/Paris" => "heure de Paris".to_string(),
        "America/Guadeloupe" => "heure de la Guadeloupe".to_string(),
        "America/Martinique" => "heure de la Martinique".to_string(),
        "America/Cayenne" => "heure de la Guyane".to_string(),
        "America/Miquelon" => "heure de Saint-Pierre-et-Miquelon".to_string(),
        "Indian/Reunion" => "heure de La Réunion".to_string(),
        "Indian/Mayotte" => "heure de Mayotte".to_string(),
        "Pacific/Tahiti" => "heure de Tahiti".to_string(),
        "Pacific/Noumea" => "heure de la Nouvelle-Calédonie".to_string(),
        other => format!("heure de {other}"),
    }
}

/// `UTC+1`, `UTC-9 h 30`.
pub(super) fn decalage(secs: i32) -> String {
    let sign = if secs < 0 { '\u{2212}' } else { '+' };
    let minutes = secs.unsigned_abs() / 60;
    match minutes % 60 {
        0 => format!("UTC{sign}{}", minutes / 60),
        rest => format!("UTC{sign}{} h {rest:02}", minutes / 60),
    }
}
