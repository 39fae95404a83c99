// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What went wrong, and what to do.

use maud::html;

use super::{Cadre, bandeau, page};

/// One error, in words that help whoever reads them.
pub(crate) fn erreur(cadre: Cadre, titre: &str, message: &str) -> String {
    let contenu = html! {
        div.etroit {
            h1 { (titre) }
            p { (message) }
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
        let html = erreur(cadre, "Lien inconnu", "Vérifiez l’adresse.");
        assert!(html.contains("<title>Lien inconnu – kbox</title>"));
        assert!(html.contains("<h1>Lien inconnu</h1><p>Vérifiez l’adresse.</p>"));
    }
}
