// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The communes of France: what decides their rules. Data and source: `fixtures/communes/README.md`.

use core::iter::FusedIterator;

use kbox_proof::law;

const TSV: &str = include_str!("../../../fixtures/communes/communes.tsv");

/// Where a commune lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Metropolitan France.
    Metropole,
    /// An overseas département or région.
    Drom,
    /// An overseas collectivité.
    Com,
}

/// A current commune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commune {
    /// INSEE code, for example `80253`.
    pub code: &'static str,
    /// Official name.
    pub nom: &'static str,
    /// SIREN, where the source gives one: the overseas collectivités' communes have none in it.
    pub siren: Option<&'static str>,
    /// Legal population; `None` where nobody lives.
    pub population: Option<u32>,
    /// Code of the département or overseas collectivité.
    pub departement: &'static str,
    /// Code of the région or overseas collectivité.
    pub region: &'static str,
    /// Where it lies.
    pub zone: Zone,
}

impl Commune {
    /// The commune of an INSEE code.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        // The lines are sorted by code; a scan reads 1.4 MB at worst, which no caller does in a loop.
        all().find(|commune| commune.code == code)
    }

    /// Members of its council by CGCT L.2121-2.
    #[must_use]
    pub fn conseillers(&self) -> u16 {
        law::conseillers_municipaux(self.population.unwrap_or(0))
    }

    /// The IANA zone of its legal time; `None` where nobody lives.
    #[must_use]
    pub fn fuseau(&self) -> Option<&'static str> {
        Some(match (self.departement, self.code) {
            // French Polynesia has three legal times: the Marquesas, the Gambier Islands, and the rest.
            ("987", "98718" | "98723" | "98731" | "98746" | "98756" | "98757") => {
                "Pacific/Marquesas"
            }
            ("987", "98719") => "Pacific/Gambier",
            ("987", _) => "Pacific/Tahiti",
            (departement, _) => return law::fuseau_du_departement(departement),
        })
    }
}

/// All current communes, by INSEE code.
pub fn all() -> impl FusedIterator<Item = Commune> {
    TSV.lines().skip(1).filter_map(line).fuse()
}

fn line(line: &'static str) -> Option<Commune> {
    let mut fields = line.split('\t');
    let commune = Commune {
        code: fields.next()?,
        nom: fields.next()?,
        siren: fields.next().filter(|siren| !siren.is_empty()),
        population: fields.next()?.parse().ok(),
        departement: fields.next()?,
        region: fields.next()?,
        zone: match fields.next()? {
            "m" => Zone::Metropole,
            "d" => Zone::Drom,
            _ => Zone::Com,
        },
    };
    Some(commune)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_current_commune_is_there_in_order() {
        let communes: Vec<Commune> = all().collect();
        assert_eq!(communes.len(), 34_969);
        assert_eq!(communes.len(), TSV.lines().count() - 1);
        assert!(communes.windows(2).all(|pair| pair[0].code < pair[1].code));
        let siren = |s: &str| s.len() == 9 && s.bytes().all(|b| b.is_ascii_digit());
        assert!(communes.iter().all(|c| c.siren.is_none_or(siren)));
        assert_eq!(communes.iter().filter(|c| c.siren.is_none()).count(), 94);
        assert_eq!(
            communes.iter().filter(|c| c.population.is_none()).count(),
            6
        );
    }

    #[test]
    fn the_councils_of_france_have_510_495_members() {
        let members: u32 = all().map(|commune| u32::from(commune.conseillers())).sum();
        assert_eq!(members, 510_495);
    }

    #[test]
    fn doullens_has_29_councillors() {
        let doullens = Commune::find("80253").unwrap();
        assert_eq!(
            (doullens.nom, doullens.siren),
            ("Doullens", Some("218002459"))
        );
        assert_eq!(
            (doullens.population, doullens.conseillers()),
            (Some(5_751), 29)
        );
        assert_eq!(
            (doullens.departement, doullens.fuseau()),
            ("80", Some("Europe/Paris"))
        );
        assert_eq!(Commune::find("80999"), None);
    }

    #[test]
    fn every_inhabited_commune_has_a_legal_time_that_the_law_knows() {
        for commune in all().filter(|commune| commune.population.is_some()) {
            let zone = commune.fuseau().unwrap();
            if commune.zone == Zone::Metropole {
                assert_eq!(zone, "Europe/Paris", "{}", commune.nom);
            } else {
                assert!(law::Fuseau::parse(zone).is_ok(), "{}", commune.nom);
            }
        }
        assert_eq!(
            Commune::find("98723").unwrap().fuseau(),
            Some("Pacific/Marquesas")
        );
        assert_eq!(
            Commune::find("97411").unwrap().fuseau(),
            Some("Indian/Reunion")
        );
    }
}
