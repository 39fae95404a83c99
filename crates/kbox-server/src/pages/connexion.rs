// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signing in.

use maud::html;

use super::{Cadre, bandeau, page};

/// The form that asks for an API key; `refus` says why the last one was not taken.
pub(crate) fn connexion(cadre: Cadre, refus: Option<&str>) -> String {
    let contenu = html! {
        div.etroit {
            h1 { "Connexion du secrétariat" }
            @if let Some(refus) = refus {
                div.avertissement role="alert" id="refus" { p { (refus) } }
            }
            form.pile method="post" action="/connexion" {
                label for="cle" { "Clé d’accès (clé d’API)" }
                p.aide id="aide-cle" {
                    "Elle remplace le mot de passe et ouvre les séances de votre collectivité. La personne qui administre ce \
                     service vous l’a remise\u{a0}: ne la transmettez à personne."
                }
                input id="cle" name="cle" type="password" required autocomplete="current-password" spellcheck="false"
                    aria-describedby=(if refus.is_some() { "refus aide-cle" } else { "aide-cle" })
                    aria-invalid=[refus.map(|_| "true")];
                button type="submit" { "Se connecter" }
            }
            p.aide {
                "Vous êtes élu\u{a0}? Vous n’avez pas besoin de clé\u{a0}: suivez le lien personnel du message qui vous convoque."
            }
        }
    };
    let titre = if refus.is_some() {
        "Connexion refusée"
    } else {
        "Connexion"
    };
    page(cadre, titre, &bandeau("kbox"), &contenu)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CADRE: Cadre = Cadre {
        demonstration: false,
    };

    #[test]
    fn the_key_is_posted_from_a_labelled_password_field() {
        let html = connexion(CADRE, None);
        for wanted in [
            "<form class=\"pile\" method=\"post\" action=\"/connexion\">",
            "<label for=\"cle\">",
            "<input id=\"cle\" name=\"cle\" type=\"password\" required",
            "qui administre ce service",
        ] {
            assert!(html.contains(wanted), "{wanted}");
        }
        assert_eq!(html.matches("<input").count(), 1);
        assert!(!html.contains("role=\"alert\"") && !html.contains("aria-invalid"));
    }

    #[test]
    fn a_refusal_is_announced_and_tied_to_the_field() {
        let html = connexion(CADRE, Some("Cette clé n’est pas connue."));
        assert!(html.contains("<title>Connexion refusée"));
        assert!(html.contains("role=\"alert\" id=\"refus\"><p>Cette clé n’est pas connue."));
        assert!(html.contains("aria-describedby=\"refus aide-cle\" aria-invalid=\"true\""));
    }
}
