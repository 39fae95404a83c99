// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From an instant of sending and a local day of meeting to counted days and a verdict.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::fuseau::{Fuseau, Jour};
use super::{LawError, Nature};
use crate::time::Time;

/// More days than this between sending and meeting, either way, are a mistake in one of the dates.
pub const ECART_MAX: i32 = 732;

/// Was the period kept?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Kept under every reading.
    Respecte,
    /// Kept by the letter of a text that does not say "francs"; a reading in clear days would find it late.
    RespecteAuTexte,
    /// Not kept.
    NonRespecte,
    /// The instant is not known well enough: its interval contains the midnight that decides.
    Indetermine,
}

/// A convening period: days, how they count, and the local calendar in which they do.
#[derive(Clone, Debug)]
pub struct Periode<'a> {
    /// Days demanded.
    pub delai: u16,
    /// By the text.
    pub nature: Nature,
    /// Is the reading in clear days to be feared where the text is not in clear days?
    pub lecture_franche: bool,
    /// Legal time of the seat.
    pub fuseau: &'a Fuseau,
    /// Local day of the meeting.
    pub seance: Jour,
}

impl Periode<'_> {
    /// The last local day on which sending is safe.
    #[must_use]
    pub fn dernier_jour(&self) -> Jour {
        let franc = self.nature == Nature::Franc || self.lecture_franche;
        self.seance.plus(-i32::from(self.delai) - i32::from(franc))
    }

    /// The last local day on which sending keeps the text.
    #[must_use]
    pub fn dernier_jour_au_texte(&self) -> Jour {
        let franc = self.nature == Nature::Franc;
        self.seance.plus(-i32::from(self.delai) - i32::from(franc))
    }

    /// Sending is safe strictly before this instant.
    ///
    /// # Errors
    /// [`LawError::AnneeHorsLimites`].
    pub fn envoyer_avant(&self) -> Result<Time, LawError> {
        self.fuseau.debut(self.dernier_jour().plus(1))
    }

    /// Sending keeps the text strictly before this instant.
    ///
    /// # Errors
    /// [`LawError::AnneeHorsLimites`].
    pub fn envoyer_avant_au_texte(&self) -> Result<Time, LawError> {
        self.fuseau.debut(self.dernier_jour_au_texte().plus(1))
    }

    /// Calendar days from the local day of sending to the meeting.
    ///
    /// # Errors
    /// [`LawError::EcartExcessif`], [`LawError::AnneeHorsLimites`].
    pub fn ecart(&self, envoi: Time) -> Result<i32, LawError> {
        let jours = self.fuseau.local(envoi)?.jour().jusqua(self.seance);
        if jours.abs() > ECART_MAX {
            return Err(LawError::EcartExcessif { jours });
        }
        Ok(jours)
    }

    /// Whole local days strictly between the day of `envoi` and the day of the meeting, in order.
    ///
    /// # Errors
    /// As [`Periode::ecart`].
    pub fn jours(&self, envoi: Time) -> Result<Vec<Jour>, LawError> {
        let ecart = self.ecart(envoi)?;
        Ok((1..ecart)
            .rev()
            .map(|back| self.seance.plus(-back))
            .collect())
    }

    /// The verdict for an instant known to `precision` on either side.
    ///
    /// # Errors
    /// As [`Periode::ecart`].
    pub fn verdict(&self, envoi: Time, precision: Duration) -> Result<Verdict, LawError> {
        // The verdict only ever worsens with time: equal at both ends is equal throughout.
        let earliest = self.at(envoi.saturating_sub(precision))?;
        let latest = self.at(envoi.saturating_add(precision))?;
        Ok(if earliest == latest {
            earliest
        } else {
            Verdict::Indetermine
        })
    }

    fn at(&self, envoi: Time) -> Result<Verdict, LawError> {
        let day = self.fuseau.local(envoi)?.jour();
        // Also guards against two dates that cannot belong together.
        self.ecart(envoi)?;
        Ok(if day <= self.dernier_jour() {
            Verdict::Respecte
        } else if day <= self.dernier_jour_au_texte() {
            Verdict::RespecteAuTexte
        } else {
            Verdict::NonRespecte
        })
    }
}
