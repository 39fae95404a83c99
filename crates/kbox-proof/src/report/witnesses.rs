// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What witnesses and outside authorities showed, in words: who counted, who did not and why, and what remains all the same.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::{Language, Writer, instant};
use crate::receipt::Demand;
use crate::tsp::CertificateName;
use crate::verify::{Cosigned, OperatorShown, VerifiedAnchor, VerifiedReceipt, Witnessing};

/// What keeps a receipt below the level demanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// An outside authority's timestamp.
    Anchor,
    /// The bundle has other keys of these witnesses.
    OtherKey,
    /// The bundle names fewer independent operators than a quorum.
    Independence,
    /// The receipt shows no checkpoint from before the entry.
    Before,
    /// It shows one, and too few cosigned that.
    BeforeCosigned,
    /// Too few cosigned.
    Cosignatures,
}

impl Lack {
    pub(super) fn of(reached: Demand, shown: &Witnessing) -> Self {
        if reached >= Demand::Temoigne {
            return Self::Anchor;
        }
        if shown.independent().count() < shown.quorum {
            return Self::Independence;
        }
        let is_other = |operator: &OperatorShown| {
            [operator.without_entry, operator.with_entry].contains(&Cosigned::OtherKey)
        };
        match (shown.low, shown.high) {
            _ if shown.independent().any(is_other) => Self::OtherKey,
            (None, Some(_)) if !shown.shows_before => Self::Before,
            (None, Some(_)) => Self::BeforeCosigned,
            _ => Self::Cosignatures,
        }
    }
}

/// How many of the witnesses' operators counted, which did not, and why.
pub(super) fn shortfall(shown: &Witnessing, language: Language) -> String {
    let french = language == Language::French;
    let count = |side: fn(&OperatorShown) -> Cosigned| {
        let counting = shown.independent().map(side);
        counting.filter(|said| said.time().is_some()).count()
    };
    let before = count(|operator| operator.without_entry);
    let with = count(|operator| operator.with_entry);
    let (quorum, all) = (shown.quorum, shown.independent().count());
    let mut parts = Vec::new();
    parts.push(match french {
        true => format!(
            "le quorum est de {quorum} opérateur(s) de témoins indépendant(s), sur {all} ; ont compté : {before} pour la tête de journal sans l'entrée, {with} pour celle avec l'entrée"
        ),
        false => format!(
            "the quorum is {quorum} of {all} independent operators of witnesses; {before} counted for the checkpoint without the entry, {with} for the one with it"
        ),
    });
    if !shown.shows_before {
        parts.push(
            match french {
                true => "le récépissé ne montre aucune tête de journal sans l'entrée (before)",
                false => "the receipt shows no checkpoint without the entry (before)",
            }
            .to_string(),
        );
    }
    let reasons = shown.operators.iter().filter_map(|operator| {
        let why = why_not(operator, shown.shows_before, french)?;
        Some(match french {
            true => format!("« {} » {why}", operator.name),
            false => format!("\"{}\" {why}", operator.name),
        })
    });
    parts.extend(reasons);
    parts.join(match french {
        true => " ; ",
        false => "; ",
    })
}

/// `None` where it counts on each side that is shown.
fn why_not(operator: &OperatorShown, shows_before: bool, french: bool) -> Option<&'static str> {
    let (without, with) = (operator.without_entry, operator.with_entry);
    let (in_french, in_english) = match (operator.independent, without.time(), with.time()) {
        (false, None, None) => (
            "ne compterait pas : témoin de l'exploitant du journal, non indépendant",
            "would not count: a witness of the log's own operator, not independent",
        ),
        (false, ..) => (
            "a signé et ne compte pas : témoin de l'exploitant du journal, non indépendant",
            "cosigned and does not count: a witness of the log's own operator, not independent",
        ),
        (true, Some(_), Some(_)) => return None,
        (true, None, Some(_)) if !shows_before => return None,
        (true, None, None) => match without.max(with) {
            Cosigned::OtherKey => (
                "n'a pas signé : une ligne à son nom est d'une autre clé que celles de votre trust.json",
                "did not cosign: a line in its name is of another key than those in your trust.json",
            ),
            Cosigned::WithoutTime => (
                "a signé sans date, ce qui ne prouve aucun instant",
                "cosigned without a time, which proves none",
            ),
            _ => ("n'a pas signé", "did not cosign"),
        },
        (true, Some(_), None) => match with {
            Cosigned::OtherKey => (
                "n'a signé que la tête sans l'entrée ; sous l'autre, la ligne à son nom est d'une autre clé que celles de votre trust.json",
                "cosigned only the checkpoint without the entry; under the other one the line in its name is of another key than those in your trust.json",
            ),
            Cosigned::WithoutTime => (
                "n'a signé que la tête sans l'entrée avec une date",
                "cosigned only the checkpoint without the entry with a time",
            ),
            _ => (
                "n'a signé que la tête sans l'entrée",
                "cosigned only the checkpoint without the entry",
            ),
        },
        (true, None, Some(_)) => match without {
            Cosigned::OtherKey => (
                "n'a signé que la tête avec l'entrée ; sous l'autre, la ligne à son nom est d'une autre clé que celles de votre trust.json",
                "cosigned only the checkpoint with the entry; under the other one the line in its name is of another key than those in your trust.json",
            ),
            Cosigned::WithoutTime => (
                "n'a signé que la tête avec l'entrée avec une date",
                "cosigned only the checkpoint with the entry with a time",
            ),
            _ => (
                "n'a signé que la tête avec l'entrée",
                "cosigned only the checkpoint with the entry",
            ),
        },
    };
    Some(match french {
        true => in_french,
        false => in_english,
    })
}

fn seconds(duration: Duration) -> String {
    match (duration.subsec_nanos(), duration.as_millis()) {
        (0, _) => format!("{} s", duration.as_secs()),
        (_, 0) => format!("{} µs", duration.as_micros()),
        (_, millis) => format!("{millis} ms"),
    }
}

fn named(operator: &OperatorShown, language: Language) -> String {
    let keys = operator.witnesses.join(", ");
    match language {
        Language::French => format!("« {} » (témoin {keys})", operator.name),
        Language::English => format!("\"{}\" (witness {keys})", operator.name),
    }
}

/// The operators that a bound rests on.
fn counted(shown: &Witnessing, counts: fn(&OperatorShown) -> bool, language: Language) -> String {
    let operators = shown.operators.iter().filter(|operator| counts(operator));
    let names: Vec<String> = operators.map(|one| named(one, language)).collect();
    names.join(", ")
}

/// How far from the token's time its bounds lie.
fn width(receipt: &VerifiedReceipt) -> Option<Duration> {
    receipt
        .bounds()
        .map(|(low, high)| high.saturating_since(low))
}

impl Writer {
    /// What witnesses leave open, or that there are none.
    pub(super) fn backdating(&mut self, receipts: &[&VerifiedReceipt]) {
        let below = |receipt: &&&VerifiedReceipt| receipt.level() < Demand::Temoigne;
        match receipts.iter().find(below) {
            None => self.limited(receipts),
            Some(_) if !receipts.iter().any(|one| one.witnessing().is_any_shown()) => self.item(
                "Aucun témoin : l'exploitant du journal, avec la clé d'horodatage, aurait pu antidater.",
                "No witness: the operator, holding the timestamp key, could have backdated.",
            ),
            Some(first) => {
                let why = shortfall(first.witnessing(), self.language);
                let rank = first.event().header.rank;
                let (count, all) = (receipts.iter().filter(below).count(), receipts.len());
                let (french, english) = match all {
                    1 => (
                        "Pas de quorum de témoins indépendants".to_string(),
                        "No quorum of independent witnesses".to_string(),
                    ),
                    _ => (
                        format!("Pas de quorum de témoins indépendants pour {count} des {all} récépissés, dont celui de rang {rank}"),
                        format!("No quorum of independent witnesses for {count} of the {all} receipts, such as that of rank {rank}"),
                    ),
                };
                self.item(
                    &format!("{french} ({why}) : l'exploitant du journal, avec la clé d'horodatage, aurait pu antidater."),
                    &format!("{english} ({why}): the operator, holding the timestamp key, could have backdated."),
                );
            }
        }
    }

    /// Every receipt has bounds.
    fn limited(&mut self, receipts: &[&VerifiedReceipt]) {
        let Some(widest) = receipts.iter().max_by_key(|receipt| width(receipt)) else {
            return;
        };
        let shown = widest.witnessing();
        let (Some(low), Some(high)) = (shown.low, shown.high) else {
            return;
        };
        let of_token = |receipt: &&VerifiedReceipt| {
            let stamp = receipt.timestamp();
            stamp.interval().1.saturating_since(stamp.gen_time())
        };
        let of_witnesses = |receipt: &&VerifiedReceipt| {
            let shown = receipt.witnessing();
            shown
                .low
                .into_iter()
                .chain(shown.high)
                .map(|bound| bound.accuracy)
                .max()
        };
        let token = receipts.iter().map(of_token).max().unwrap_or_default();
        let witnesses = receipts.iter().filter_map(of_witnesses).max();
        let (token, witnesses) = (seconds(token), seconds(witnesses.unwrap_or_default()));
        let (d, quorum) = (shown.max_gap.as_secs(), shown.quorum);
        let all = shown.independent().count();
        let before = counted(shown, |one| one.counts_for_low, self.language);
        let with = counted(shown, |one| one.counts_for_high, self.language);
        let rank = widest.event().header.rank;
        let (french, english) = match receipts.len() {
            1 => (String::new(), String::new()),
            _ => (
                format!(" Les bornes les plus éloignées sont celles du rang {rank}."),
                format!(" The bounds furthest apart are those of rank {rank}."),
            ),
        };
        self.item(
            &format!(
                "Antidater n'est pas impossible : l'erreur est limitée à D = {d} s, plus les précisions des horloges (jeton : {token} ; témoins : {witnesses}), sauf si un quorum des témoins est de connivence avec l'exploitant. Quorum : {quorum} opérateur(s) indépendant(s) sur {all}. T_lo, journal vu sans l'entrée : {}, par {before}. T_hi, journal vu avec l'entrée : {}, par {with}.{french}",
                instant(low.time, Language::French),
                instant(high.time, Language::French),
            ),
            &format!(
                "Backdating is not impossible: it is limited to D = {d} s plus the accuracies of the clocks (token: {token}; witnesses: {witnesses}), unless a quorum of the witnesses colludes with the operator. Quorum: {quorum} of {all} independent operators. T_lo, the log seen without the entry: {}, by {before}. T_hi, the log seen with the entry: {}, by {with}.{english}",
                low.time, high.time,
            ),
        );
    }

    /// What outside authorities stamped, each named, where every receipt is anchored.
    pub(super) fn anchored(&mut self, receipts: &[&VerifiedReceipt]) {
        if receipts.iter().any(|receipt| receipt.anchors().is_empty()) {
            return;
        }
        // Of each receipt the one that proves most; of several by one authority the last: by then all of them are covered.
        let mut told: Vec<(String, &VerifiedAnchor, usize)> = Vec::new();
        let latest = |anchor: &VerifiedAnchor| anchor.timestamp.interval().1;
        let first = |receipt: &&'_ VerifiedReceipt| -> Option<usize> {
            let anchors = receipt.anchors().iter().enumerate();
            let earliest = anchors.min_by_key(|(_, anchor)| latest(anchor));
            earliest.map(|(place, _)| place)
        };
        for receipt in receipts {
            let Some(anchor) = first(receipt).and_then(|place| receipt.anchors().get(place)) else {
                continue;
            };
            let name = authority_name(anchor);
            match told.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, known, covered)) => {
                    *covered += 1;
                    if latest(known) < latest(anchor) {
                        *known = anchor;
                    }
                }
                None => told.push((name, anchor, 1)),
            }
        }
        let (several, all) = (told.len() > 1, receipts.len());
        for (name, anchor, covered) in told {
            let (french, english) = match several {
                false => (String::new(), String::new()),
                true => (
                    format!(" Cela vaut pour {covered} des {all} récépissés."),
                    format!(" This holds for {covered} of the {all} receipts."),
                ),
            };
            let stamp = &anchor.timestamp;
            let (policy, at) = (stamp.policy(), stamp.gen_time());
            let latest = stamp.interval().1;
            self.text(
                &format!(
                    "Ancrage : une autorité d'horodatage extérieure, « {name} » (politique {policy}), a horodaté une tête du journal le {}, au plus tard à {latest}. Si cette autorité est qualifiée (règlement eIDAS, article 41), la présomption d'exactitude porte sur cette tête à cet instant ; que l'événement existait alors en découle par une preuve de Merkle.{french}",
                    instant(at, Language::French)
                ),
                &format!(
                    "Anchor: an outside timestamp authority, \"{name}\" (policy {policy}), stamped a checkpoint of the log at {at}, at {latest} at the latest. If that authority is qualified (eIDAS, article 41), the presumption of accuracy attaches to this checkpoint at that time; that the event existed by then follows from it by Merkle proof.{english}"
                ),
            );
        }
    }

    /// That no outside authority is counted, and why.
    pub(super) fn not_anchored(&mut self, receipts: &[&VerifiedReceipt]) {
        let all = receipts.len();
        let with = receipts
            .iter()
            .filter(|one| !one.anchors().is_empty())
            .count();
        let unjudged: usize = receipts.iter().map(|one| one.anchors_not_judged()).sum();
        let holding = receipts.iter().filter(|one| one.anchors_not_judged() > 0);
        let holding = holding.count();
        match (with, unjudged) {
            // One and the same may be in each of them.
            (_, 1..) if all > 1 => self.item(
                &format!("Des horodatages du journal par une autorité extérieure (ancrages) sont joints à {holding} des {all} récépissés et n'ont pas été jugés : votre trust.json ne nomme aucune racine d'une telle autorité (anchor_roots)."),
                &format!("Timestamps of the log by an outside authority (anchors) are in {holding} of the {all} receipts and were not judged: your trust.json names no root of such an authority (anchor_roots)."),
            ),
            (_, 1) => self.item(
                "1 horodatage du journal par une autorité extérieure (ancrage) est joint et n'a pas été jugé : votre trust.json ne nomme aucune racine d'une telle autorité (anchor_roots).",
                "1 timestamp of the log by an outside authority (anchor) is there and was not judged: your trust.json names no root of such an authority (anchor_roots).",
            ),
            (_, 2..) => self.item(
                &format!("{unjudged} horodatages du journal par une autorité extérieure (ancrages) sont joints et n'ont pas été jugés : votre trust.json ne nomme aucune racine d'une telle autorité (anchor_roots)."),
                &format!("{unjudged} timestamps of the log by an outside authority (anchors) are there and were not judged: your trust.json names no root of such an authority (anchor_roots)."),
            ),
            (0, 0) => self.item(
                "Aucune autorité d'horodatage extérieure n'a scellé le journal.",
                "No outside timestamp authority sealed the log.",
            ),
            _ if with < all => self.item(
                &format!("Une autorité d'horodatage extérieure n'a scellé le journal que pour {with} des {all} récépissés."),
                &format!("An outside timestamp authority sealed the log for {with} of the {all} receipts only."),
            ),
            _ => {}
        }
    }
}

/// Who signed an anchor's token: the subject of the certificate, fit to be shown.
#[must_use]
pub fn authority_name(anchor: &VerifiedAnchor) -> String {
    let name = CertificateName::of(anchor.timestamp.signer());
    name.subject.unwrap_or_else(|| "?".to_string())
}
