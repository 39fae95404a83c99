// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Worked examples of the law, and what must hold for every date.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use proptest::prelude::*;

use super::Verdict::{Indetermine, NonRespecte, Respecte, RespecteAuTexte};
use super::*;
use crate::time::Time;

fn ask(text: &str) -> Result<DelaiAnswer, LawError> {
    delai(&serde_json::from_str(text).unwrap())
}

fn time(text: &str) -> Time {
    Time::parse_rfc3339(text).unwrap()
}

/// id, facts of the request, sent, meeting, rule's days, clear, gap, verdict, safe limit, local time of sending
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    i32,
    i32,
    Verdict,
    &'static str,
    &'static str,
);

const COM_S: &str =
    r#""instance":"commune","population":2000,"departement":"80","fuseau":"Europe/Paris""#;
const COM_L: &str =
    r#""instance":"commune","population":12000,"departement":"80","fuseau":"Europe/Paris""#;
const REUNION: &str =
    r#""instance":"commune","population":150000,"departement":"974","fuseau":"Indian/Reunion""#;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("E01", COM_S, "2026-11-20T08:00:00Z", "2026-11-24T18:30", 3, 3, 4, Respecte, "2026-11-20T23:00:00Z", "2026-11-20T09:00"),
    ("E02", COM_S, "2026-11-21T08:00:00Z", "2026-11-24T18:30", 3, 2, 3, NonRespecte, "2026-11-20T23:00:00Z", "2026-11-21T09:00"),
    ("E03", COM_L, "2026-11-18T22:59:59Z", "2026-11-24T18:30", 5, 5, 6, Respecte, "2026-11-18T23:00:00Z", "2026-11-18T23:59:59"),
    ("E04", COM_L, "2026-11-18T23:00:00Z", "2026-11-24T18:30", 5, 4, 5, NonRespecte, "2026-11-18T23:00:00Z", "2026-11-19T00:00"),
    ("E05", COM_L, "2026-07-08T21:59:59Z", "2026-07-14T09:00", 5, 5, 6, Respecte, "2026-07-08T22:00:00Z", "2026-07-08T23:59:59"),
    ("E06", COM_L, "2026-07-08T22:00:00Z", "2026-07-14T09:00", 5, 4, 5, NonRespecte, "2026-07-08T22:00:00Z", "2026-07-09T00:00"),
    ("E07", r#""instance":"commune","population":900,"departement":"80","fuseau":"Europe/Paris""#, "1989-12-21T10:00:00Z", "1989-12-26T18:00", 3, 4, 5, Respecte, "1989-12-22T23:00:00Z", "1989-12-21T11:00"),
    ("E08", COM_S, "2026-11-26T15:00:00Z", "2026-11-30T19:00", 3, 3, 4, Respecte, "2026-11-26T23:00:00Z", "2026-11-26T16:00"),
    ("E09", r#""instance":"commune","population":5000,"departement":"80","fuseau":"Europe/Paris""#, "2027-03-25T22:59:59Z", "2027-03-31T19:00", 5, 5, 6, Respecte, "2027-03-25T23:00:00Z", "2027-03-25T23:59:59"),
    ("E10", r#""instance":"commune","population":5000,"departement":"80","fuseau":"Europe/Paris""#, "2027-03-28T22:30:00Z", "2027-04-02T19:00", 5, 3, 4, NonRespecte, "2027-03-27T23:00:00Z", "2027-03-29T00:30"),
    ("E11", r#""instance":"commune","population":5000,"departement":"80","fuseau":"Europe/Paris""#, "2026-10-22T21:59:59Z", "2026-10-28T19:00", 5, 5, 6, Respecte, "2026-10-22T22:00:00Z", "2026-10-22T23:59:59"),
    ("E12", r#""instance":"commune","population":5000,"departement":"80","fuseau":"Europe/Paris""#, "2026-10-25T22:30:00Z", "2026-10-31T10:00", 5, 5, 6, Respecte, "2026-10-25T23:00:00Z", "2026-10-25T23:30"),
    ("E13", COM_S, "2026-12-30T17:00:00Z", "2027-01-03T10:00", 3, 3, 4, Respecte, "2026-12-30T23:00:00Z", "2026-12-30T18:00"),
    ("E14", r#""instance":"epci","departement":"80","fuseau":"Europe/Paris""#, "2026-12-29T10:00:00Z", "2027-01-04T18:00", 5, 5, 6, Respecte, "2026-12-29T23:00:00Z", "2026-12-29T11:00"),
    ("E15", COM_S, "2028-02-26T09:00:00Z", "2028-03-01T18:00", 3, 3, 4, Respecte, "2028-02-26T23:00:00Z", "2028-02-26T10:00"),
    ("E16", COM_S, "2027-02-26T09:00:00Z", "2027-03-01T18:00", 3, 2, 3, NonRespecte, "2027-02-25T23:00:00Z", "2027-02-26T10:00"),
    ("E17", REUNION, "2026-11-18T20:30:00Z", "2026-11-24T17:00", 5, 4, 5, NonRespecte, "2026-11-18T20:00:00Z", "2026-11-19T00:30"),
    ("E18", REUNION, "2026-11-18T19:59:59Z", "2026-11-24T17:00", 5, 5, 6, Respecte, "2026-11-18T20:00:00Z", "2026-11-18T23:59:59"),
    ("E19", r#""instance":"commune","population":15000,"departement":"971","fuseau":"America/Guadeloupe""#, "2026-11-19T03:30:00Z", "2026-11-24T17:00", 5, 5, 6, Respecte, "2026-11-19T04:00:00Z", "2026-11-18T23:30"),
    // E20 and E21 are below: their days come from the row.
    ("E22", r#""instance":"commune","population":2000,"departement":"975","fuseau":"America/Miquelon""#, "2026-11-21T02:30:00Z", "2026-11-24T18:00", 3, 3, 4, Respecte, "2026-11-21T03:00:00Z", "2026-11-20T23:30"),
    ("E23", r#""instance":"commune","population":70000,"departement":"976","fuseau":"Indian/Mayotte""#, "2026-11-18T21:30:00Z", "2026-11-24T17:00", 5, 4, 5, NonRespecte, "2026-11-18T21:00:00Z", "2026-11-19T00:30"),
    ("E24", r#""instance":"commune","population":12000,"departement":"80","fuseau":"Europe/Paris","urgence":true"#, "2026-11-22T20:00:00Z", "2026-11-24T18:30", 1, 1, 2, Respecte, "2026-11-22T23:00:00Z", "2026-11-22T21:00"),
    ("E25", r#""instance":"commune","population":2000,"departement":"80","fuseau":"Europe/Paris","urgence":true"#, "2026-11-23T07:00:00Z", "2026-11-24T18:30", 1, 0, 1, NonRespecte, "2026-11-22T23:00:00Z", "2026-11-23T08:00"),
    ("E26", r#""instance":"commune","population":12000,"departement":"80","fuseau":"Europe/Paris","seconde_convocation":true"#, "2026-11-16T20:00:00Z", "2026-11-20T18:30", 3, 3, 4, Respecte, "2026-11-16T23:00:00Z", "2026-11-16T21:00"),
    ("E27", r#""instance":"commune","population":12000,"departement":"80","fuseau":"Europe/Paris","seconde_convocation":true"#, "2026-11-13T09:00:00Z", "2026-11-16T18:30", 3, 2, 3, NonRespecte, "2026-11-12T23:00:00Z", "2026-11-13T10:00"),
    ("E28", r#""instance":"departement","departement":"80","fuseau":"Europe/Paris""#, "2026-11-12T09:00:00Z", "2026-11-24T09:30", 12, 11, 12, RespecteAuTexte, "2026-11-11T23:00:00Z", "2026-11-12T10:00"),
    ("E29", r#""instance":"departement","departement":"80","fuseau":"Europe/Paris""#, "2026-11-11T09:00:00Z", "2026-11-24T09:30", 12, 12, 13, Respecte, "2026-11-11T23:00:00Z", "2026-11-11T10:00"),
    ("E30", r#""instance":"region","fuseau":"Europe/Paris""#, "2026-11-13T09:00:00Z", "2026-11-24T09:30", 12, 10, 11, NonRespecte, "2026-11-11T23:00:00Z", "2026-11-13T10:00"),
    ("E31", r#""instance":"cst","fuseau":"Europe/Paris""#, "2026-11-09T09:00:00Z", "2026-11-24T14:00", 15, 14, 15, RespecteAuTexte, "2026-11-08T23:00:00Z", "2026-11-09T10:00"),
    ("E32", r#""instance":"cst","fuseau":"Europe/Paris","urgence":true"#, "2026-11-16T09:00:00Z", "2026-11-24T14:00", 8, 7, 8, RespecteAuTexte, "2026-11-15T23:00:00Z", "2026-11-16T10:00"),
    ("E33", r#""instance":"commune","population":2000,"departement":"974","fuseau":"Indian/Reunion""#, "2026-11-20T20:30:00Z", "2026-11-24T18:30", 3, 2, 3, NonRespecte, "2026-11-20T20:00:00Z", "2026-11-21T00:30"),
];

#[test]
fn every_worked_example_has_its_verdict() {
    assert_eq!(ROWS.len() + 2, 33);
    for (id, facts, sent, meeting, days, clear, gap, verdict, limit, local) in ROWS {
        let answer = ask(&format!(
            r#"{{{facts},"envoi":"{sent}","seance":"{meeting}"}}"#
        ))
        .unwrap();
        assert_eq!(answer.delai, *days, "{id}");
        assert_eq!(answer.jours_francs, Some(*clear), "{id}");
        assert_eq!(answer.jours.len(), usize::try_from(*clear).unwrap(), "{id}");
        assert_eq!(answer.ecart, Some(*gap), "{id}");
        assert_eq!(answer.verdict, Some(*verdict), "{id}");
        assert_eq!(answer.envoyer_avant, time(limit), "{id}");
        let zone = facts
            .split(r#""fuseau":""#)
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let fuseau = Fuseau::parse(zone).unwrap();
        assert_eq!(
            fuseau.local(time(sent)).unwrap().to_string(),
            *local,
            "{id}"
        );
        // What is asked without a sending is the same limit.
        let open = ask(&format!(r#"{{{facts},"seance":"{meeting}"}}"#)).unwrap();
        assert_eq!(
            (open.envoyer_avant, open.verdict),
            (time(limit), None),
            "{id}"
        );
    }
}

#[test]
fn e20_and_e21_count_the_days_of_their_row_in_the_local_calendar() {
    for (zone, sent, clear, gap, verdict, limit) in [
        (
            "Pacific/Tahiti",
            "2026-11-19T09:30:00Z",
            5,
            6,
            Respecte,
            "2026-11-19T10:00:00Z",
        ),
        (
            "Pacific/Noumea",
            "2026-11-18T13:30:00Z",
            4,
            5,
            NonRespecte,
            "2026-11-18T13:00:00Z",
        ),
    ] {
        let fuseau = Fuseau::parse(zone).unwrap();
        let periode = Periode {
            delai: 5,
            nature: Nature::Franc,
            lecture_franche: false,
            fuseau: &fuseau,
            seance: LocalDateTime::parse("2026-11-24T17:00").unwrap().jour(),
        };
        assert_eq!(periode.jours(time(sent)).unwrap().len(), clear, "{zone}");
        assert_eq!(periode.ecart(time(sent)), Ok(gap), "{zone}");
        assert_eq!(
            periode.verdict(time(sent), Duration::ZERO),
            Ok(verdict),
            "{zone}"
        );
        assert_eq!(periode.envoyer_avant(), Ok(time(limit)), "{zone}");
    }
}

#[test]
fn e34_both_instants_of_the_repeated_hour_are_the_same_day() {
    let ask = |sent: &str| {
        ask(&format!(
            r#"{{{COM_L},"envoi":"{sent}","seance":"2026-10-31T10:00"}}"#
        ))
        .unwrap()
    };
    let (first, second) = (ask("2026-10-25T00:30:00Z"), ask("2026-10-25T01:30:00Z"));
    assert_eq!(first.verdict, second.verdict);
    assert_eq!(first.jours, second.jours);
    assert!(
        first.explication.contains("2 h 30 (heure de Paris, UTC+2)"),
        "{}",
        first.explication
    );
    assert!(
        second
            .explication
            .contains("2 h 30 (heure de Paris, UTC+1)"),
        "{}",
        second.explication
    );
}

#[test]
fn e37_e38_an_undeclared_urgency_is_named_and_changes_no_verdict() {
    let late = ask(&format!(
        r#"{{{COM_L},"envoi":"2026-11-20T08:00:00Z","seance":"2026-11-24T18:30"}}"#
    ))
    .unwrap();
    assert_eq!(
        (late.jours_francs, late.verdict),
        (Some(3), Some(NonRespecte))
    );
    assert!(
        late.explication.contains("l'urgence n'est pas déclarée"),
        "{}",
        late.explication
    );
    let floor = ask(&format!(
        r#"{{{COM_L},"urgence":true,"envoi":"2026-11-24T08:00:00Z","seance":"2026-11-24T18:30"}}"#
    ));
    assert_eq!(floor.unwrap().verdict, Some(NonRespecte));
}

#[test]
fn e43_an_interval_that_holds_the_deciding_midnight_is_undetermined() {
    let ask = |sent: &str, precision: u64| {
        ask(&format!(
            r#"{{{COM_L},"envoi":"{sent}","precision_ms":{precision},"seance":"2026-11-24T18:30"}}"#
        ))
        .unwrap()
        .verdict
    };
    assert_eq!(ask("2026-11-18T22:59:59.5Z", 1000), Some(Indetermine));
    assert_eq!(ask("2026-11-18T22:59:59Z", 1000), Some(Indetermine));
    assert_eq!(ask("2026-11-18T22:59:58.999Z", 1000), Some(Respecte));
    assert_eq!(ask("2026-11-18T23:00:00.999Z", 1000), Some(Indetermine));
    assert_eq!(ask("2026-11-18T23:00:01Z", 1000), Some(NonRespecte));
    assert_eq!(ask("2026-11-18T23:00:00Z", 0), Some(NonRespecte));
    // A midnight that decides nothing is no reason to doubt.
    assert_eq!(ask("2026-11-17T23:00:00Z", 1000), Some(Respecte));
}

#[test]
fn e44_in_alsace_moselle_the_eve_is_enough_when_urgent() {
    let facts = r#""instance":"commune","population":900,"departement":"67","urgence":true"#;
    let eve = ask(&format!(
        r#"{{{facts},"envoi":"2026-11-23T22:00:00Z","seance":"2026-11-24T18:30"}}"#
    ))
    .unwrap();
    assert_eq!(
        (eve.regle.as_str(), eve.jours_francs, eve.verdict),
        ("CGCT L.2541-2", Some(0), Some(Respecte))
    );
    assert_eq!(eve.envoyer_avant, time("2026-11-23T23:00:00Z"));
    let same_day = ask(&format!(
        r#"{{{facts},"envoi":"2026-11-23T23:00:00Z","seance":"2026-11-24T18:30"}}"#
    ));
    assert_eq!(same_day.unwrap().verdict, Some(NonRespecte));
}

#[test]
fn each_body_gets_its_row() {
    let base = Faits {
        instance: Instance::Commune,
        population: Some(3_499),
        departement: Some("80"),
        urgence: false,
        seconde_convocation: false,
        installation: false,
    };
    let large = Faits {
        population: Some(3_500),
        ..base
    };
    let alsace = Faits {
        departement: Some("68"),
        ..base
    };
    let of = |instance| Faits {
        instance,
        population: None,
        ..base
    };
    for (faits, id, article, days, nature) in [
        (base, "COM-S", "CGCT L.2121-11", 3, Nature::Franc),
        (large, "COM-L", "CGCT L.2121-12", 5, Nature::Franc),
        (
            Faits {
                seconde_convocation: true,
                ..large
            },
            "COM-2",
            "CGCT L.2121-17",
            3,
            Nature::Franc,
        ),
        (
            Faits {
                installation: true,
                ..large
            },
            "INST",
            "CGCT L.2121-7",
            3,
            Nature::Franc,
        ),
        (alsace, "ALS-S", "CGCT L.2541-2", 3, Nature::NonFranc),
        (
            Faits {
                seconde_convocation: true,
                ..alsace
            },
            "ALS-2",
            "CGCT L.2541-2",
            3,
            Nature::NonFranc,
        ),
        (
            Faits {
                population: Some(9_000),
                ..alsace
            },
            "ALS-L",
            "CGCT L.2541-1 et L.2121-12",
            5,
            Nature::Franc,
        ),
        (
            Faits {
                departement: Some("987"),
                ..large
            },
            "PYF-L",
            "CGCT L.2573-5 et L.2121-12",
            5,
            Nature::Franc,
        ),
        (
            of(Instance::Epci),
            "EPCI",
            "CGCT L.5211-1 et L.2121-12",
            5,
            Nature::Franc,
        ),
        (
            Faits {
                installation: true,
                ..of(Instance::Epci)
            },
            "INST-EPCI",
            "CGCT L.5211-1",
            5,
            Nature::Franc,
        ),
        (
            of(Instance::SyndicatMixteFerme),
            "SM-F",
            "CGCT L.5711-1 et L.2121-12",
            5,
            Nature::Franc,
        ),
        (
            of(Instance::Departement),
            "DEP",
            "CGCT L.3121-19",
            12,
            Nature::NonFranc,
        ),
        (
            Faits {
                urgence: true,
                ..of(Instance::Departement)
            },
            "DEP-U",
            "CGCT L.3121-19",
            1,
            Nature::Franc,
        ),
        (
            of(Instance::Region),
            "REG",
            "CGCT L.4132-18",
            12,
            Nature::NonFranc,
        ),
        (
            of(Instance::Cst),
            "CST",
            "CGFP R.254-38",
            15,
            Nature::NonFranc,
        ),
        (
            Faits {
                urgence: true,
                ..of(Instance::Cst)
            },
            "CST-U",
            "CGFP R.254-38",
            8,
            Nature::NonFranc,
        ),
    ] {
        let regle = Regle::select(&faits).unwrap();
        assert_eq!(
            (regle.id, regle.article, regle.delai, regle.nature),
            (id, article, days, nature)
        );
    }
}

#[test]
fn what_the_rules_do_not_cover_is_refused_not_guessed() {
    let error = |text: &str| ask(text).unwrap_err();
    assert_eq!(
        error(r#"{"instance":"commune","departement":"80","seance":"2026-11-24T18:30"}"#),
        LawError::PopulationManquante
    );
    assert!(matches!(
        error(
            r#"{"instance":"commune","population":5,"departement":"988","seance":"2026-11-24T18:30"}"#
        ),
        LawError::DroitLocalInconnu { .. }
    ));
    assert!(matches!(
        error(
            r#"{"instance":"commune","population":5,"departement":"20","seance":"2026-11-24T18:30"}"#
        ),
        LawError::DepartementInconnu(_)
    ));
    assert!(matches!(
        error(
            r#"{"instance":"departement","departement":"80","seconde_convocation":true,"seance":"2026-11-24T18:30"}"#
        ),
        LawError::SansDelai { .. }
    ));
    assert!(matches!(
        error(
            r#"{"instance":"commune","population":5,"departement":"80","installation":true,"urgence":true,"seance":"2026-11-24T18:30"}"#
        ),
        LawError::SansUrgence { .. }
    ));
    // French Polynesia has three legal times.
    assert_eq!(
        error(
            r#"{"instance":"commune","population":5,"departement":"987","seance":"2026-11-24T18:30"}"#
        ),
        LawError::FuseauManquant
    );
    for zone in ["Europe/Pariss", "europe/paris", "", "../etc/passwd"] {
        let text =
            format!(r#"{{"instance":"epci","fuseau":"{zone}","seance":"2026-11-24T18:30"}}"#);
        assert_eq!(error(&text), LawError::FuseauInconnu(zone.to_string()));
    }
    // 02:30 on the morning when summer time begins.
    assert!(matches!(
        error(r#"{"instance":"epci","fuseau":"Europe/Paris","seance":"2027-03-28T02:30"}"#),
        LawError::HeureInexistante { .. }
    ));
    assert!(matches!(
        error(
            r#"{"instance":"epci","fuseau":"Europe/Paris","envoi":"2006-11-18T00:00:00Z","seance":"2026-11-24T18:30"}"#
        ),
        LawError::EcartExcessif { .. }
    ));
    assert!(matches!(
        error(
            r#"{"instance":"epci","fuseau":"Europe/Paris","envoi":"1690-11-18T00:00:00Z","seance":"2026-11-24T18:30"}"#
        ),
        LawError::AnneeHorsLimites { annee: 1690 }
    ));
    assert!(matches!(
        error(
            r#"{"instance":"epci","fuseau":"Europe/Paris","envoi":"2026-11-18T00:00:00Z","precision_ms":86400001,"seance":"2026-11-24T18:30"}"#
        ),
        LawError::PrecisionExcessive { .. }
    ));
}

#[test]
fn a_meeting_in_the_repeated_hour_is_accepted_and_said() {
    let answer =
        ask(r#"{"instance":"epci","fuseau":"Europe/Paris","seance":"2026-10-25T02:30"}"#).unwrap();
    assert!(
        answer.explication.contains("deux fois"),
        "{}",
        answer.explication
    );
    let fuseau = Fuseau::parse("Europe/Paris").unwrap();
    let placed = fuseau
        .instant(LocalDateTime::parse("2026-10-25T02:30").unwrap())
        .unwrap();
    assert_eq!(
        (placed.instant, placed.offset_secs, placed.ambigue),
        (time("2026-10-25T00:30:00Z"), 7200, true)
    );
}

#[test]
fn a_local_time_is_read_in_one_form_only() {
    for text in [
        "2026-11-24 18:30",
        "2026-11-24T18:30Z",
        "2026-11-24T18:30+01:00",
        "2026-11-24T18",
        "2026-11-24",
        "2026-02-30T10:00",
        "2026-11-24T24:00",
        "2026-11-24T18:30:60",
        "+026-11-24T18:30",
        "2026-11-24T18:30:00.5",
        "",
        "2026-11-24T18:3é",
    ] {
        assert!(
            matches!(LocalDateTime::parse(text), Err(LawError::DateHeure(_))),
            "{text}"
        );
    }
    assert!(matches!(
        LocalDateTime::parse("1969-12-31T10:00"),
        Err(LawError::AnneeHorsLimites { .. })
    ));
    assert!(matches!(
        LocalDateTime::parse("2200-01-01T10:00"),
        Err(LawError::AnneeHorsLimites { .. })
    ));
    assert_eq!(
        LocalDateTime::parse("2026-11-24T18:30:00")
            .unwrap()
            .to_string(),
        "2026-11-24T18:30"
    );
}

#[test]
fn unknown_members_of_a_request_are_refused() {
    let text = r#"{"instance":"epci","seance":"2026-11-24T18:30","urgent":true}"#;
    assert!(serde_json::from_str::<DelaiRequest>(text).is_err());
}

#[test]
fn the_answer_is_written_as_documented() {
    let answer = ask(&format!(
        r#"{{{COM_L},"envoi":"2026-11-18T21:00:00Z","precision_ms":1000,"seance":"2026-11-24T18:30","urgence":false,"seconde_convocation":false}}"#
    ))
    .unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["regle"], "CGCT L.2121-12");
    assert_eq!(json["nature"], "franc");
    assert_eq!(json["jours"][0], "2026-11-19");
    assert_eq!(json["envoyer_avant"], "2026-11-18T23:00:00Z");
    assert_eq!(json["verdict"], "respecte");
    assert!(json.get("envoyer_avant_au_texte").is_none());
    assert_eq!(serde_json::from_value::<DelaiAnswer>(json).unwrap(), answer);
    assert_eq!(
        answer.explication,
        "Conseil municipal d'au moins 3 500 habitants : cinq jours francs au moins séparent l'envoi de la séance. \
         Texte appliqué : CGCT, L.2121-12. La séance est le mardi 24 novembre 2026 à 18 h 30, heure de Paris. \
         L'envoi est du mercredi 18 novembre 2026 à 22 h 00 (heure de Paris, UTC+1). Sans compter le jour de l'envoi \
         ni celui de la séance, cinq jours entiers les séparent : jeudi 19, vendredi 20, samedi 21, dimanche 22 et \
         lundi 23 novembre 2026. Le délai est respecté : il fallait envoyer au plus tard le mercredi 18 novembre 2026, \
         avant minuit. Une note explicative de synthèse accompagne la convocation."
    );
    let text = ask(r#"{"instance":"departement","departement":"80","seance":"2026-11-24T09:30"}"#)
        .unwrap();
    assert_eq!(
        text.envoyer_avant_au_texte,
        Some(time("2026-11-12T23:00:00Z"))
    );
}

#[test]
fn the_database_names_its_version() {
    assert!(tzdb_version().starts_with("20"), "{}", tzdb_version());
}

const ZONES: [&str; 12] = [
    "Europe/Paris",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "America/Miquelon",
    "Indian/Reunion",
    "Indian/Mayotte",
    "Pacific/Tahiti",
    "Pacific/Marquesas",
    "Pacific/Gambier",
    "Pacific/Noumea",
    "Pacific/Wallis",
];

fn meeting() -> impl Strategy<Value = String> {
    (1980i16..2150, 1u8..=12, 1u8..=28, 3u8..24)
        .prop_map(|(year, month, day, hour)| format!("{year}-{month:02}-{day:02}T{hour:02}:30"))
}

proptest! {
    #[test]
    fn one_nanosecond_before_the_limit_is_in_time_and_the_limit_is_not(
        zone in prop::sample::select(&ZONES[..]), meeting in meeting(), delai in 1u16..20, franc: bool, lecture: bool,
    ) {
        let fuseau = Fuseau::parse(zone).unwrap();
        let nature = if franc { Nature::Franc } else { Nature::NonFranc };
        let seance = LocalDateTime::parse(&meeting).unwrap().jour();
        let periode = Periode { delai, nature, lecture_franche: lecture && !franc, fuseau: &fuseau, seance };
        let before = |limit: Time| Time::from_unix_nanos(limit.unix_nanos() - 1);
        let (safe, text) = (periode.envoyer_avant().unwrap(), periode.envoyer_avant_au_texte().unwrap());
        prop_assert_eq!(periode.verdict(before(safe), Duration::ZERO), Ok(Respecte));
        prop_assert_eq!(periode.verdict(text, Duration::ZERO), Ok(NonRespecte));
        let at_safe = periode.verdict(safe, Duration::ZERO).unwrap();
        prop_assert_eq!(at_safe, if safe == text { NonRespecte } else { RespecteAuTexte });
        // Known only to a nanosecond, the limit itself is in doubt.
        prop_assert_eq!(periode.verdict(safe, Duration::from_nanos(1)), Ok(Indetermine));
        // Exactly the days demanded remain after the last safe day.
        let clear = periode.jours(before(safe)).unwrap().len();
        let demanded = usize::from(delai) - usize::from(!franc && !lecture);
        prop_assert_eq!(clear, demanded);
    }

    #[test]
    fn days_are_dates_not_hours(
        zone in prop::sample::select(&ZONES[..]), meeting in meeting(), back_minutes in 0i64..40_000,
    ) {
        let fuseau = Fuseau::parse(zone).unwrap();
        let local = LocalDateTime::parse(&meeting).unwrap();
        let start = fuseau.instant(local).unwrap().instant;
        let sent = Time::from_unix_nanos(start.unix_nanos() - back_minutes * 60_000_000_000);
        let periode = Periode { delai: 5, nature: Nature::Franc, lecture_franche: false, fuseau: &fuseau, seance: local.jour() };
        let days = periode.jours(sent).unwrap();
        let day = fuseau.local(sent).unwrap().jour();
        prop_assert!(days.iter().all(|d| *d > day && *d < local.jour()));
        prop_assert!(days.windows(2).all(|pair| pair[0].jusqua(pair[1]) == 1));
        prop_assert_eq!(i32::try_from(days.len()).unwrap(), (periode.ecart(sent).unwrap() - 1).max(0));
        let respecte = periode.verdict(sent, Duration::ZERO).unwrap() == Respecte;
        prop_assert_eq!(respecte, days.len() >= 5);
        prop_assert_eq!(respecte, sent < periode.envoyer_avant().unwrap());
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in ".{0,24}", zone in ".{0,24}") {
        let _ = LocalDateTime::parse(&text);
        let _ = Fuseau::parse(&zone);
        let _ = Regle::select(&Faits {
            instance: Instance::Commune, population: Some(1), departement: Some(&text),
            urgence: false, seconde_convocation: false, installation: false,
        });
    }

    #[test]
    fn no_request_panics(sent: i64, year in 1970i16..2200, precision: u64) {
        let text = format!(r#"{{{COM_L},"precision_ms":{precision},"seance":"{year}-01-01T00:00"}}"#);
        let mut request: DelaiRequest = serde_json::from_str(&text).unwrap();
        request.envoi = Some(Time::from_unix_nanos(sent));
        let _: Result<String, _> = delai(&request).map(|answer| answer.explication);
    }
}
