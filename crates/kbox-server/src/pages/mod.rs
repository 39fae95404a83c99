// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The web pages: pure functions from what the workflow holds to HTML.
//!
//! They need neither script nor inline style, so that a strict `Content-Security-Policy` holds, and neither font nor image.
//! Whatever comes from outside is escaped by `maud`. Out of scope: routes, sessions, headers, and who may see which page.

mod connexion;
mod erreur;
#[cfg(test)]
mod essai;
mod heures;
mod membre;
mod seances;
mod tableau;

use kbox_council::Seance;
use kbox_proof::event::PaperNature;
use kbox_proof::law::LocalDateTime;
use maud::{DOCTYPE, Markup, html};

pub(crate) use self::connexion::connexion;
pub(crate) use self::erreur::erreur;
pub(crate) use self::membre::{cartable, lien};
pub(crate) use self::seances::{SeanceLigne, seances};
pub(crate) use self::tableau::tableau;

/// The style sheet, served at `/style.css`.
pub(crate) const STYLE: &str = include_str!("kbox.css");

/// What every page says of its server.
#[derive(Clone, Copy)]
pub(crate) struct Cadre {
    /// Its evidence is worth nothing in law.
    pub(crate) demonstration: bool,
}

/// The frame around a page's content.
fn page(cadre: Cadre, titre: &str, bandeau: &Markup, contenu: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="fr" {
            head {
                meta charset="utf-8";
                title { (titre) " – kbox" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                // A member's link is a secret: other sites must not learn it. Forms still send their origin to this one.
                meta name="referrer" content="same-origin";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.evitement href="#contenu" { "Aller au contenu" }
                header {
                    @if cadre.demonstration {
                        p.demonstration { strong { "Démonstration" } " – sans valeur juridique, horloge non vérifiée" }
                    }
                    div.bandeau { (bandeau) }
                }
                main id="contenu" tabindex="-1" { (contenu) }
                footer {
                    p { "kbox\u{a0}: convocation des élus par voie électronique, et preuve de son envoi." }
                    @if cadre.demonstration {
                        p {
                            "Ce serveur est une démonstration\u{a0}: les collectivités, les élus et les convocations y sont \
                             fictifs, l’horloge n’y est pas vérifiée, et ses récépissés n’ont aucune valeur juridique."
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

/// Head of the secretariat's pages once signed in.
fn bandeau_du_secretariat(collectivite: &str) -> Markup {
    html! {
        p.marque { (collectivite) span { "Secrétariat de l’assemblée" } }
        nav aria-label="Secrétariat" {
            a href="/seances" { "Séances" }
            form method="post" action="/deconnexion" {
                button.discret type="submit" { "Se déconnecter" }
            }
        }
    }
}

/// Head of the other pages.
fn bandeau(marque: &str) -> Markup {
    html! { p.marque { (marque) } }
}

/// The séance's date in French; as it was written, if it cannot be read.
fn quand(seance: &Seance) -> String {
    LocalDateTime::parse(&seance.debut)
        .map_or_else(|_| seance.debut.clone(), LocalDateTime::en_lettres)
}

fn nature(nature: PaperNature) -> &'static str {
    match nature {
        PaperNature::Convocation => "Convocation",
        PaperNature::OrdreDuJour => "Ordre du jour",
        PaperNature::NoteDeSynthese => "Note explicative de synthèse",
        PaperNature::Rapport => "Rapport",
        PaperNature::Annexe => "Annexe",
    }
}

/// A size as French users read it: `512 octets`, `34,5 ko`, `1,2 Mo`.
fn taille(octets: u64) -> String {
    // In tenths, rounded; the limit is where the smaller unit would show `1000,0`.
    let tenths = |unit: u64| octets.saturating_add(unit / 20) / (unit / 10);
    let (tenths, unit) = match octets {
        0..=1 => return format!("{octets}\u{a0}octet"),
        2..=999 => return format!("{octets}\u{a0}octets"),
        1_000..=999_949 => (tenths(1_000), "ko"),
        _ => (tenths(1_000_000), "Mo"),
    };
    match tenths % 10 {
        0 => format!("{}\u{a0}{unit}", tenths / 10),
        rest => format!("{},{rest}\u{a0}{unit}", tenths / 10),
    }
}

/// `1 élu avisé`, `3 élus avisés`: each word takes the plural that is written after the count.
fn compte(nombre: usize, un: &str, plusieurs: &str) -> String {
    format!("{nombre}\u{a0}{}", if nombre < 2 { un } else { plusieurs })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Every page, in every state that changes its form, with hostile texts wherever a text can stand.
    fn toutes() -> Vec<(&'static str, String)> {
        essai::pages(Cadre {
            demonstration: true,
        })
    }

    #[test]
    fn every_page_is_one_french_document_with_one_heading_and_a_title() {
        for (name, html) in toutes() {
            assert!(
                html.starts_with("<!DOCTYPE html><html lang=\"fr\">"),
                "{name}"
            );
            for (wanted, times) in [
                ("<title>", 1),
                ("<h1", 1),
                ("<main id=\"contenu\"", 1),
                ("<header>", 1),
                ("<footer>", 1),
                ("href=\"#contenu\"", 1),
                ("href=\"/style.css\"", 1),
            ] {
                assert_eq!(html.matches(wanted).count(), times, "{wanted} in {name}");
            }
            assert!(!html.contains("<title> – kbox"), "{name}");
        }
    }

    #[test]
    fn no_page_has_script_or_inline_style_or_loads_from_elsewhere() {
        for (name, html) in toutes() {
            for unwanted in ["<script", "style=", "<style", " on", "src=", "//"] {
                let found = html
                    .match_indices(unwanted)
                    // " on" is also a French word; an attribute would have its value after it.
                    .any(|(at, _)| unwanted != " on" || is_handler(&html[at + 1..]));
                assert!(!found, "{unwanted:?} in {name}");
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    fn is_handler(text: &str) -> bool {
        let word: String = text
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        text[word.len()..].starts_with("=\"")
    }

    #[test]
    fn hostile_texts_stay_texts_in_every_page() {
        for (name, html) in toutes() {
            assert!(!html.contains("<script"), "{name}");
            assert!(
                html.contains("&lt;script&gt;"),
                "no hostile text in {name}: the fixture is too tame"
            );
            // The quote of the fixtures would end an attribute.
            assert!(!html.contains("\"\"") && !html.contains("\">'"), "{name}");
        }
    }

    #[test]
    fn every_form_posts_and_every_attribute_is_closed() {
        for (name, html) in toutes() {
            let forms = html.matches("<form ").count();
            assert_eq!(
                html.matches(" method=\"post\" action=\"/").count(),
                forms,
                "{name}"
            );
            assert_eq!(html.matches('"').count() % 2, 0, "{name}");
        }
    }

    #[test]
    fn the_demonstration_says_so_above_and_below_and_a_real_server_does_not() {
        for (name, html) in toutes() {
            let head = html.find("sans valeur juridique").unwrap();
            let foot = html.find("aucune valeur juridique").unwrap();
            assert!(html.contains("horloge non vérifiée"), "{name}");
            assert!(
                head < html.find("<main").unwrap() && html.find("<footer").unwrap() < foot,
                "{name}"
            );
        }
        for (name, html) in essai::pages(Cadre {
            demonstration: false,
        }) {
            assert!(!html.contains("valeur juridique"), "{name}");
            assert!(!html.contains("horloge"), "{name}");
        }
    }

    #[test]
    fn every_class_of_a_page_is_known_to_the_style_sheet() {
        for (name, html) in toutes() {
            for classes in html.split("class=\"").skip(1) {
                let classes = classes.split('"').next().unwrap();
                for class in classes.split(' ') {
                    assert!(
                        STYLE.contains(&format!(".{class}")),
                        ".{class} in {name} has no style"
                    );
                }
            }
        }
    }

    #[test]
    fn sizes_read_as_in_french() {
        for (octets, text) in [
            (0, "0 octet"),
            (1, "1 octet"),
            (999, "999 octets"),
            (1_000, "1 ko"),
            (34_512, "34,5 ko"),
            (999_949, "999,9 ko"),
            (999_950, "1 Mo"),
            (1_250_000, "1,3 Mo"),
            (u64::MAX, "18446744073709,5 Mo"),
        ] {
            assert_eq!(taille(octets).replace('\u{a0}', " "), text);
        }
    }

    /// For looking at the pages: `KBOX_PAGES_DIR=/some/folder cargo test pages`.
    #[test]
    fn pages_are_written_where_asked() {
        let Some(folder) = std::env::var_os("KBOX_PAGES_DIR") else {
            return;
        };
        let folder = std::path::PathBuf::from(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("style.css"), STYLE).unwrap();
        for (name, html) in essai::belles_pages() {
            let html = html.replace("href=\"/style.css\"", "href=\"style.css\"");
            std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
        }
    }
}
