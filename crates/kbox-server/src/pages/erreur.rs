// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What went wrong, and what to do.

use maud::html;

use super::{Cadre, bandeau, page};

/// One error, in words that help whoever reads them; `retour` leads a secretariat back to its séances.
pub(crate) fn erreur(cadre: Cadre, titre: &str, message: &str, retour: bool) -> String {
    let contenu = html! {
        div.etroit {
            h1 { (titre) }
            p { (message) }
            @if retour {
                p { a href="/seances" { "Revenir à la liste des séances" } }
            }
        }
    };
    page(cadre, titre, &bandeau("kbox"), &contenu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_and_the_title_say_what_went_wrong() {
        let cadre = Cadre {
            demonstration: false,
        };
        let html = erreur(cadre, "Lien inconnu", "Vérifiez l’adresse.", false);
        assert!(html.contains("<title>Lien inconnu – kbox</title>"));
        assert!(html.contains("<h1>Lien inconnu</h1><p>Vérifiez l’adresse.</p>"));
        assert!(
            !html.contains("/seances"),
            "a member has no list of séances"
        );
        let html = erreur(cadre, "Page introuvable", "Vérifiez l’adresse.", true);
        assert!(html.contains("<a href=\"/seances\">Revenir à la liste des séances</a>"));
    }
}
