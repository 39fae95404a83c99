// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The member's two pages, behind a personal link.

use kbox_council::{MemberView, Paper, Step, Trace};
use kbox_proof::event::Detail;
use maud::{Markup, html};

use super::heures::Heures;
use super::{Cadre, bandeau, compte, nature, page, quand, taille};

/// Who convenes whom, to what, where and when.
fn invitation(vue: &MemberView) -> Markup {
    let (elu, seance) = (&vue.destinataire.elu, &vue.seance);
    html! {
        p { (elu.nom) "," }
        p {
            @if elu.pour_information {
                (seance.auteur) " vous adresse, pour information, copie de la convocation à la séance suivante\u{a0}:"
            } @else {
                (seance.auteur) " vous convoque à la séance suivante\u{a0}:"
            }
        }
        dl.faits {
            dt { "Séance" } dd { strong { (seance.intitule) } }
            dt { "Date et heure" } dd { strong { (quand(seance)) } }
            dt { "Lieu" } dd { (seance.lieu) }
        }
    }
}

/// Before the opening: mail scanners follow links, so that only the button opens, and nothing is shown that the mail did not
/// say already.
pub(crate) fn lien(cadre: Cadre, vue: &MemberView, lien: &str) -> String {
    let contenu = html! {
        div.etroit {
            h1 { "Votre convocation" }
            (invitation(vue))
            form.action method="post" action=(lien) {
                p id="effet" {
                    "En appuyant sur ce bouton, vous ouvrez votre convocation\u{a0}: la date et l’heure de cette ouverture sont \
                     enregistrées, avec l’adresse de votre connexion et un récépissé horodaté. Afficher la présente page n’enregistre rien."
                }
                button type="submit" aria-describedby="effet" { "Ouvrir ma convocation et ses pièces" }
            }
            p.aide {
                "Ce lien vous est personnel\u{a0}: ne le transmettez à personne. Il peut resservir\u{a0}; seule la première \
                 ouverture est enregistrée."
            }
        }
    };
    page(
        cadre,
        "Votre convocation",
        &bandeau(&vue.collectivite.nom),
        &contenu,
    )
}

/// When a paper first left for the member.
fn remise<'a>(vue: &'a MemberView, paper: &Paper) -> Option<&'a Trace> {
    let of_paper = |step: &&Step| matches!(&step.body.detail, Detail::ContentHandover(handover) if handover.paper == paper.digest);
    vue.destinataire
        .steps
        .iter()
        .filter(of_paper)
        .find_map(|step| step.trace.as_ref())
}

/// `PDF`, from the file's name; nothing where it has no usual ending.
fn format_du_fichier(nom: &str) -> Option<String> {
    let (_, ending) = nom.rsplit_once('.')?;
    let usual =
        (1..=4).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    usual.then(|| ending.to_ascii_uppercase())
}

fn piece(vue: &MemberView, lien: &str, heures: &Heures, paper: &Paper) -> Markup {
    html! {
        li {
            a href={ (lien) "/pieces/" (paper.digest.to_hex()) } { (paper.titre) }
            p.aide {
                (nature(paper.nature))
                @if let Some(format) = format_du_fichier(&paper.nom) { ", " (format) }
                ", " (taille(paper.taille))
                @if let Some(trace) = remise(vue, paper) {
                    " – remise le " (heures.courte(trace.gen_time))
                }
            }
        }
    }
}

/// After the opening: the papers, what was recorded, and the acknowledgement.
pub(crate) fn cartable(cadre: Cadre, vue: &MemberView, lien: &str) -> String {
    let heures = Heures::new(&vue.collectivite);
    let destinataire = &vue.destinataire;
    let contenu = html! {
        div.etroit {
            h1 { "Votre convocation" }
            (invitation(vue))

            section aria-labelledby="pieces" {
                h2 id="pieces" { "Pièces" }
                @if vue.papers.is_empty() {
                    p { "Cet envoi ne comporte aucune pièce." }
                } @else {
                    p.aide {
                        (compte(vue.papers.len(), "pièce", "pièces"))
                        ". La première remise de chacune est enregistrée, avec sa date et son heure."
                    }
                    ol.pieces {
                        @for paper in &vue.papers { (piece(vue, lien, &heures, paper)) }
                    }
                }
            }

            section aria-labelledby="accuse" {
                h2 id="accuse" { "Accusé de réception" }
                @if let Some(trace) = destinataire.accuse() {
                    p.fait {
                        "Vous avez accusé réception le " strong { (heures.longue(trace.gen_time)) } "."
                    }
                } @else {
                    form.action method="post" action={ (lien) "/accuse" } {
                        p id="effet" {
                            "En appuyant sur ce bouton, vous déclarez avoir reçu la convocation et ses pièces\u{a0}; la date et \
                             l’heure de cet accusé de réception sont enregistrées. Il ne vaut ni accord sur leur contenu, ni \
                             annonce de votre présence."
                        }
                        button type="submit" aria-describedby="effet" { "J’accuse réception" }
                    }
                }
            }

            section aria-labelledby="preuves" {
                h2 id="preuves" { "Ce qui a été enregistré" }
                dl.faits {
                    @if let Some(trace) = destinataire.consignation() {
                        dt { "Mise à votre disposition" } dd { (heures.longue(trace.gen_time)) }
                    }
                    @if let Some(trace) = destinataire.avis() {
                        dt { "Avis pris en charge par le relais de courriel" } dd { (heures.longue(trace.gen_time)) }
                    }
                    @if let Some(trace) = destinataire.ouverture() {
                        dt { "Première ouverture" } dd { (heures.longue(trace.gen_time)) }
                    }
                    dt { "Pièces remises" }
                    dd { (destinataire.remises()) " sur " (vue.papers.len()) }
                }
                p.aide { "Dates et heures\u{a0}: " (heures.nom()) "." }
                p {
                    "Vous pouvez "
                    a href={ (lien) "/preuve" } { "télécharger la preuve de mise à disposition (.kbox.json)" }
                    ". Conservez-la\u{a0}: elle vous permet, sans passer par la collectivité, d’établir ce qui a été mis à \
                     votre disposition et quand."
                }
            }
        }
    };
    page(
        cadre,
        &format!("Convocation, {}", vue.seance.intitule),
        &bandeau(&vue.collectivite.nom),
        &contenu,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::essai;
    use super::*;

    const CADRE: Cadre = Cadre {
        demonstration: false,
    };
    const LIEN: &str = "/m/AbC-123_x";

    #[test]
    fn before_the_opening_there_is_one_button_and_no_paper() {
        for vue in [essai::vue(), essai::vue_ouverte(), essai::vue_accusee()] {
            let html = lien(CADRE, &vue, LIEN);
            assert!(html.contains("method=\"post\" action=\"/m/AbC-123_x\">"));
            assert_eq!(html.matches("<form").count(), 1);
            assert_eq!(html.matches("<button").count(), 1);
            assert!(html.contains("la date et l’heure de cette ouverture sont"));
            assert!(html.contains(&vue.destinataire.elu.nom));
            assert!(html.contains("mercredi 2 décembre 2026 à 18 h 30"));
            for paper in &vue.papers {
                assert!(!html.contains(&paper.titre), "{}", paper.titre);
                assert!(!html.contains(&paper.nom), "{}", paper.nom);
                assert!(!html.contains(&paper.digest.to_hex()));
            }
            let elu = &vue.destinataire.elu;
            for personal in [&elu.courriel, &elu.fonction, &elu.id] {
                assert!(!html.contains(personal.as_str()), "{personal}");
            }
            assert!(!html.contains("<time"), "what was recorded is personal");
        }
    }

    #[test]
    fn after_the_opening_every_paper_has_its_link_kind_and_size() {
        let vue = essai::vue_ouverte();
        let html = cartable(CADRE, &vue, LIEN);
        for paper in &vue.papers {
            let link = format!(
                "<a href=\"{LIEN}/pieces/{}\">{}</a>",
                paper.digest.to_hex(),
                paper.titre
            );
            assert!(html.contains(&link), "{link}");
        }
        assert!(html.contains("Note explicative de synthèse, PDF, 48,2\u{a0}ko"));
        assert!(html.contains("href=\"/m/AbC-123_x/preuve\""));
        assert!(html.contains("preuve de mise à disposition (.kbox.json)"));
        assert!(html.contains("Première ouverture</dt><dd><time"));
        assert_eq!(html.matches(" – remise le ").count(), 1);
    }

    #[test]
    fn the_acknowledgement_is_asked_once() {
        let html = cartable(CADRE, &essai::vue_ouverte(), LIEN);
        assert!(html.contains("method=\"post\" action=\"/m/AbC-123_x/accuse\">"));
        assert_eq!(html.matches("<form").count(), 1);
        let html = cartable(CADRE, &essai::vue_accusee(), LIEN);
        assert!(!html.contains("<form") && !html.contains("<button"));
        assert!(html.contains("Vous avez accusé réception le <strong><time"));
    }

    #[test]
    fn a_copy_for_information_convenes_nobody() {
        let mut vue = essai::vue_ouverte();
        vue.destinataire.elu.pour_information = true;
        for html in [lien(CADRE, &vue, LIEN), cartable(CADRE, &vue, LIEN)] {
            assert!(html.contains("pour information, copie de la convocation"));
            assert!(!html.contains("vous convoque"));
        }
    }
}
