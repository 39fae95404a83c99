// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Convening periods of French local assemblies, as pure functions of dated data.
//!
//! What is here: which rule a body obeys ([`Regle::select`]), how its days are counted ([`Periode`]), the question
//! and answer of `POST /api/v1/delai` ([`delai`]), the size of a municipal council ([`conseillers_municipaux`]).
//!
//! What is not: bodies whose statutes or règlement intérieur set the period (open mixed syndicates, commissions,
//! bureaux), and overseas assemblies under texts of their own. They get a typed error, never a guess. A verdict says
//! whether a period was kept; it never says whether a deliberation is valid.
//!
//! No hours are counted, only local dates of the body's seat: a day of 23 or 25 hours is one day. Saturdays, Sundays
//! and holidays count, and nothing is extended (CE, 13 octobre 1993, n° 141677).

mod delai;
mod erreur;
mod fuseau;
mod mots;
mod periode;
mod regle;
mod sieges;

pub use delai::{DelaiAnswer, DelaiRequest, PRECISION_MAX_MS, delai};
pub use erreur::LawError;
pub use fuseau::{Fuseau, HeureLocale, Jour, LocalDateTime, fuseau_du_departement, tzdb_version};
pub use periode::{ECART_MAX, Periode, Verdict};
pub use regle::{Faits, Instance, Nature, Regle};
pub use sieges::conseillers_municipaux;

#[cfg(test)]
mod exemples;
