// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The séances of one collectivité.

use kbox_council::Collectivite;
use maud::html;

use super::{Cadre, bandeau_du_secretariat, page};

/// One séance of the list.
pub(crate) struct SeanceLigne {
    /// As in its address.
    pub(crate) id: String,
    /// `Conseil municipal de Doullens`.
    pub(crate) intitule: String,
    /// Its date in French.
    pub(crate) quand: String,
    /// Where it is held.
    pub(crate) lieu: String,
    /// Where its sending stands, in French.
    pub(crate) etat: String,
}

/// The list, in the order given.
pub(crate) fn seances(
    cadre: Cadre,
    collectivite: &Collectivite,
    seances: &[SeanceLigne],
) -> String {
    // On a narrow screen rows become cards; the roles keep the table a table for those who hear it.
    let contenu = html! {
        h1 { "Séances" }
        @if seances.is_empty() {
            p { "Aucune séance n’est encore enregistrée pour cette collectivité." }
            p {
                "Une convocation se prépare dans le logiciel de la collectivité, qui transmet à kbox la séance, les élus et les \
                 pièces\u{a0}; ces pages montrent ensuite ce qui est parti, reçu et ouvert."
            }
        } @else {
            table.cartes role="table" {
                caption { "Séances de l’assemblée et état de leurs convocations" }
                thead role="rowgroup" {
                    tr role="row" {
                        @for titre in ["Séance", "Date et heure", "Lieu", "Convocation"] {
                            th scope="col" role="columnheader" { (titre) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for seance in seances {
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                a href={ "/seances/" (seance.id) } { (seance.intitule) }
                            }
                            td role="cell" data-label="Date et heure" { div { (seance.quand) } }
                            td role="cell" data-label="Lieu" { div { (seance.lieu) } }
                            td role="cell" data-label="Convocation" { div { (seance.etat) } }
                        }
                    }
                }
            }
        }
    };
    page(
        cadre,
        &format!("Séances, {}", collectivite.nom),
        &bandeau_du_secretariat(&collectivite.nom),
        &contenu,
    )
}

#[cfg(test)]
mod tests {
    use super::super::essai;
    use super::*;

    const CADRE: Cadre = Cadre {
        demonstration: false,
    };

    #[test]
    fn each_seance_links_to_its_dashboard_and_one_can_sign_out() {
        let html = seances(CADRE, &essai::collectivite(), &essai::lignes_de_seances());
        assert!(
            html.contains("<a href=\"/seances/cm-2026-12-02\">Conseil municipal de Doullens</a>")
        );
        assert!(html.contains("<form method=\"post\" action=\"/deconnexion\">"));
        assert_eq!(html.matches("<form").count(), 1);
        assert!(html.contains("<caption>") && html.contains("scope=\"col\""));
    }

    #[test]
    fn no_seance_is_said_rather_than_shown_as_an_empty_table_with_where_one_is_prepared() {
        let html = seances(CADRE, &essai::collectivite(), &[]);
        assert!(html.contains("Aucune séance") && !html.contains("<table"));
        assert!(html.contains("se prépare dans le logiciel de la collectivité"));
    }
}
