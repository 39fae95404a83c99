// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The secretariat's dashboard of one séance: the law's answer first, then who was told what and when.

use kbox_council::{Dashboard, Delai, Ligne, Trace};
use maud::{Markup, html};

use super::heures::{Heures, jour, precision};
use super::{Cadre, bandeau_du_secretariat, compte, nature, page, taille};

/// More days than this are not counted one by one.
const JOURS_MONTRES: usize = 31;

/// The dashboard of one séance.
pub(crate) fn tableau(cadre: Cadre, tableau: &Dashboard) -> String {
    let heures = Heures::new(&tableau.collectivite);
    let seance = &tableau.seance;
    let contenu = html! {
        h1 { (seance.intitule) }
        dl.faits {
            dt { "Date et heure" } dd { strong { (tableau.quand) } }
            dt { "Lieu" } dd { (seance.lieu) }
            dt { "Auteur de la convocation" } dd { (seance.auteur) }
            @if let Some(motif) = &seance.urgence {
                dt { "Urgence déclarée" } dd { (motif) }
            }
            @if seance.seconde_convocation {
                dt { "Seconde convocation" } dd { "oui, le quorum ayant manqué à la première séance" }
            }
            @if let Some(trace) = &tableau.scelle {
                dt { "Envoi scellé" }
                dd { (recepisse(tableau, &heures, trace, "de l’envoi scellé")) }
            }
        }
        (delai(tableau, &heures))
        (sans_avis(tableau, &heures))
        (totaux(tableau))
        (elus(tableau, &heures))
        (pieces(tableau))
        (preuve(tableau))
    };
    page(
        cadre,
        &format!("{}, {}", seance.intitule, tableau.quand),
        &bandeau_du_secretariat(&tableau.collectivite.nom),
        &contenu,
    )
}

/// An instant that leads to its receipt; `quoi` ends the sentence "récépissé …" for those who hear links alone.
fn recepisse(tableau: &Dashboard, heures: &Heures, trace: &Trace, quoi: &str) -> Markup {
    html! {
        a href={ "/seances/" (tableau.seance.id) "/preuves/" (trace.event_id) } {
            (heures.courte(trace.gen_time))
            span.hors-vue { ", récépissé " (quoi) }
        }
    }
}

/// What the law says, in few words.
struct Conclusion {
    classe: &'static str,
    titre: String,
    phrase: Markup,
}

fn conclusion(tableau: &Dashboard, heures: &Heures) -> Conclusion {
    let pas_encore = |phrase| Conclusion {
        classe: "verdict neutre",
        titre: "Pas encore envoyé".to_owned(),
        phrase,
    };
    let Some(scelle) = &tableau.scelle else {
        return pas_encore(html! {
            "Les pièces et la liste des destinataires ne sont pas encore scellées\u{a0}: rien n’est parti."
        });
    };
    let Some(delai) = &tableau.verdict else {
        return pas_encore(html! {
            "L’envoi est scellé depuis le " (heures.longue(scelle.gen_time))
            ", mais aucun avis n’a encore été accepté pour un élu à convoquer."
        });
    };
    let convoques = || {
        tableau
            .lignes
            .iter()
            .filter(|ligne| !ligne.pour_information)
    };
    let avises = convoques().filter(|ligne| ligne.delai.is_some()).count();
    let tous = convoques().count();
    // A verdict that leaves someone out must not read as if it were everyone's.
    let portee = if avises == tous {
        String::new()
    } else {
        format!(
            " pour {} sur {tous}",
            compte(avises, "élu avisé", "élus avisés")
        )
    };
    let (classe, titre, phrase) = match delai.verdict.as_deref() {
        Some("respecte") if avises == tous => (
            "verdict bon",
            "Délai respecté".to_owned(),
            html! { "Il l’est pour tous les élus convoqués." },
        ),
        Some("respecte") => (
            "verdict attention",
            format!("Délai respecté{portee}"),
            html! { "Aucun avis n’a été accepté pour les autres\u{a0}: voyez ci-dessous." },
        ),
        Some("respecte_au_texte") => (
            "verdict attention",
            format!("Délai respecté à la lettre du texte{portee}, mais à risque"),
            html! { "Il ne serait pas respecté si le juge comptait en jours francs." },
        ),
        Some("non_respecte") => {
            let tardifs = convoques()
                .filter_map(|ligne| ligne.delai.as_ref())
                .filter(|delai| delai.verdict.as_deref() == Some("non_respecte"))
                .count();
            (
                "verdict mauvais",
                "Délai non respecté".to_owned(),
                html! {
                    "Il ne l’est pas pour " (compte(tardifs, "élu", "élus")) " sur "
                    (compte(avises, "avisé", "avisés")) "\u{a0}; la situation la moins favorable vaut pour la séance."
                },
            )
        }
        _ => (
            "verdict attention",
            format!("Délai indéterminé{portee}"),
            html! {
                "À la précision de l’horodatage près, l’envoi peut se trouver avant ou après le minuit qui décide."
            },
        ),
    };
    Conclusion {
        classe,
        titre,
        phrase,
    }
}

fn exigence(delai: &Delai) -> String {
    let days = usize::from(delai.delai);
    match delai.nature.as_str() {
        "franc" => format!("{} au moins", compte(days, "jour franc", "jours francs")),
        _ => format!("{} au moins avant la séance", compte(days, "jour", "jours")),
    }
}

fn delai(tableau: &Dashboard, heures: &Heures) -> Markup {
    let Conclusion {
        classe,
        titre,
        phrase,
    } = conclusion(tableau, heures);
    let delai = tableau.verdict.as_ref().unwrap_or(&tableau.limite);
    let pire = tableau
        .pire
        .and_then(|index| tableau.lignes.iter().find(|ligne| ligne.index == index));
    html! {
        section class=(classe) aria-labelledby="delai" {
            h2 id="delai" { span.sur-titre { "Délai de convocation" } (titre) }
            p { (phrase) }
            dl.faits {
                dt { "Règle" } dd { (delai.regle) "\u{a0}: " (exigence(delai)) }
                @if let Some((ligne, envoi)) = pire.and_then(|ligne| Some((ligne, ligne.envoi?))) {
                    dt { "Envoi retenu, le moins favorable" }
                    dd {
                        (heures.longue(envoi))
                        @if let Some(millis) = precision_de_l_envoi(ligne) { " (" (precision(millis)) ")" }
                        " (" (ligne.nom) ")"
                    }
                }
                dt { "Dernier moment pour envoyer" }
                dd {
                    strong { (heures.dernier_moment(delai.envoyer_avant)) } " (" (heures.nom()) ")"
                    @if let Some(au_texte) = delai.envoyer_avant_au_texte {
                        "\u{a0}; à la lettre du texte, " (heures.dernier_moment(au_texte))
                    }
                }
                dt {
                    @if tableau.verdict.is_some() {
                        "Jours entiers entre l’envoi et la séance"
                    } @else {
                        "Jours entiers que laisserait un envoi ce jour-là"
                    }
                }
                dd { (jours(&delai.jours)) }
                // Where the text does not say "francs", it is the dates that it compares.
                @if let Some(ecart) = delai.ecart.filter(|_| delai.nature != "franc") {
                    dt { "De la date d’envoi à celle de la séance" } dd { (ecart) " jours" }
                }
            }
            @if !delai.explication.is_empty() {
                details {
                    summary { "Le raisonnement en toutes lettres" }
                    p { (delai.explication) }
                }
            }
        }
    }
}

/// How exactly the instant is known that counts as the sending.
fn precision_de_l_envoi(ligne: &Ligne) -> Option<u64> {
    [&ligne.consignation, &ligne.avis]
        .into_iter()
        .flatten()
        .filter(|trace| Some(trace.gen_time) == ligne.envoi)
        .map(|trace| trace.precision_ms)
        .max()
}

fn jours(jours: &[String]) -> Markup {
    html! {
        @match jours {
            [] => "aucun",
            [first, .., last] if jours.len() > JOURS_MONTRES => {
                (jours.len()) ", du " (jour(first)) " au " (jour(last))
            },
            _ => {
                (compte(jours.len(), "jour", "jours")) "\u{a0}:"
                ol.jours { @for texte in jours { li { (jour(texte)) } } }
            },
        }
    }
}

/// Members whom the verdict leaves out: whoever reads only one line of the page must not miss them.
fn sans_avis(tableau: &Dashboard, heures: &Heures) -> Markup {
    let combien = tableau.sans_avis.len();
    if combien == 0 {
        return html! {};
    }
    html! {
        section.avertissement aria-labelledby="sans-avis" {
            h2 id="sans-avis" { (compte(combien, "élu", "élus")) " sans avis accepté" }
            p {
                @if tableau.verdict.is_some() {
                    strong { "Ce verdict ne " @if combien == 1 { "le" } @else { "les" } " couvre pas" } "\u{a0}; à"
                } @else { "À" }
                " convoquer autrement, par exemple par écrit à " @if combien == 1 { "son" } @else { "leur" } " domicile, "
                strong { "au plus tard le " (heures.dernier_moment(tableau.limite.envoyer_avant)) } "."
            }
            ul {
                @for index in &tableau.sans_avis {
                    li {
                        @match tableau.lignes.iter().find(|ligne| ligne.index == *index) {
                            Some(ligne) => {
                                strong { (ligne.nom) } ", " (ligne.fonction) "\u{a0}: "
                                @if ligne.avis_refuse.is_some() {
                                    (echec(ligne).1) " l’adresse " (ligne.courriel) (reponse(ligne))
                                } @else {
                                    "aucun avis envoyé par courriel"
                                }
                            },
                            None => { "destinataire n°\u{a0}" (index) },
                        }
                    }
                }
            }
        }
    }
}

/// What to call a notice that failed, in short and in a sentence. A relay's answer begins with its reply code; where other
/// words stand there was no relay, and nothing is known against the address.
fn echec(ligne: &Ligne) -> (&'static str, &'static str) {
    match ligne.reponse_du_relais.as_deref() {
        Some(words) if !words.starts_with(|first: char| first.is_ascii_digit()) => (
            "Relais de courriel injoignable, à renvoyer",
            "relais de courriel injoignable, à renvoyer à",
        ),
        Some(_) => ("Refusé", "avis refusé à"),
        None => (
            "Courriel impossible à composer",
            "courriel impossible à composer pour",
        ),
    }
}

fn reponse(ligne: &Ligne) -> Markup {
    html! {
        @if let Some(reponse) = &ligne.reponse_du_relais {
            span.reponse { "«\u{a0}" (reponse) "\u{a0}»" }
        }
    }
}

fn totaux(tableau: &Dashboard) -> Markup {
    let total = &tableau.total;
    if tableau.lignes.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="totaux" {
            h2 id="totaux" { "En nombre" }
            dl.totaux {
                @for (nom, nombre) in [
                    ("Destinataires", total.destinataires),
                    ("Déposés", total.consignes),
                    ("Avisés", total.avises),
                    ("Refusés", total.refuses),
                    ("Ouverts", total.ouverts),
                    ("Accusés de réception", total.accuses),
                ] {
                    div { dt { (nom) } dd { (nombre) } }
                }
            }
        }
    }
}

const COLONNES: [&str; 6] = [
    "Élu",
    "Pièces déposées",
    "Avis par courriel",
    "Ouverture",
    "Pièces remises",
    "Accusé de réception",
];

/// On a narrow screen rows become cards; the roles keep the table a table for those who hear it.
fn elus(tableau: &Dashboard, heures: &Heures) -> Markup {
    let [_, depot, avis, ouverture, remises, accuse] = COLONNES;
    let absent = || html! { span.absent { "pas encore" } };
    let cellule = |label: &str, contenu: Markup| {
        html! { td role="cell" data-label=(label) { div { (contenu) } } }
    };
    let instant = |trace: &Option<Trace>, quoi: &str, ligne: &Ligne| match trace {
        Some(trace) => recepisse(tableau, heures, trace, &format!("{quoi}, {}", ligne.nom)),
        None => absent(),
    };
    html! {
        section aria-labelledby="elus" {
            h2 id="elus" { "Élus" }
            @if tableau.lignes.is_empty() {
                p { "La liste des destinataires sera fixée quand l’envoi sera scellé." }
            } @else {
                table.cartes role="table" {
                    caption {
                        "Ce qui est enregistré pour chaque élu. Chaque heure mène à son récépissé (" (heures.nom())
                        @if let Some(millis) = precision_du_tableau(tableau) { ", à " (precision(millis)) " près" }
                        ")."
                    }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for titre in COLONNES { th scope="col" role="columnheader" { (titre) } }
                        }
                    }
                    tbody role="rowgroup" {
                        @for ligne in &tableau.lignes {
                            tr role="row" {
                                th scope="row" role="rowheader" {
                                    (ligne.nom) span.fonction { (ligne.fonction) }
                                }
                                (cellule(depot, instant(&ligne.consignation, "du dépôt des pièces", ligne)))
                                (cellule(avis, cellule_avis(tableau, heures, ligne).unwrap_or_else(absent)))
                                (cellule(ouverture, instant(&ligne.ouverture, "de l’ouverture", ligne)))
                                (cellule(remises, html! { (ligne.remises) "/" (tableau.papers.len()) }))
                                (cellule(accuse, instant(&ligne.accuse, "de l’accusé de réception", ligne)))
                            }
                        }
                    }
                }
                p.aide {
                    "«\u{a0}Avisé\u{a0}» veut dire qu’un relais de courriel a pris en charge le message\u{a0}; cela ne dit pas \
                     que l’élu l’a lu. L’envoi retenu pour le délai est le plus tardif du dépôt des pièces et de l’avis."
                }
            }
        }
    }
}

/// The notice, its refusal, the relay's answer, and whether it came in time for this member.
fn cellule_avis(tableau: &Dashboard, heures: &Heures, ligne: &Ligne) -> Option<Markup> {
    if ligne.avis.is_none() && ligne.avis_refuse.is_none() && ligne.reponse_du_relais.is_none() {
        return None;
    }
    let quoi = |fait: &str| format!("de l’avis {fait}, {}", ligne.nom);
    Some(html! {
        @if let Some(trace) = &ligne.avis_refuse {
            p { strong.refus { (echec(ligne).0) } " " (recepisse(tableau, heures, trace, &quoi("non remis"))) }
        }
        @if let Some(trace) = &ligne.avis {
            p { "Avisé " (recepisse(tableau, heures, trace, &quoi("accepté"))) }
        }
        (reponse(ligne))
        @if ligne.pour_information {
            p.mention { "copie pour information" }
        } @else if let Some(delai) = &ligne.delai {
            p class=(if delai.verdict.as_deref() == Some("respecte") { "mention" } else { "mention refus" }) {
                @match delai.verdict.as_deref() {
                    Some("respecte") => "dans le délai",
                    Some("respecte_au_texte") => "dans le délai à la lettre du texte",
                    Some("non_respecte") => "hors délai",
                    _ => {
                        "délai indéterminé"
                        @if let Some(millis) = precision_de_l_envoi(ligne) { " (" (precision(millis)) ")" }
                    },
                }
            }
        }
    })
}

/// The widest of all that the table shows.
fn precision_du_tableau(tableau: &Dashboard) -> Option<u64> {
    tableau
        .lignes
        .iter()
        .flat_map(|ligne| {
            [
                &ligne.consignation,
                &ligne.avis,
                &ligne.avis_refuse,
                &ligne.ouverture,
                &ligne.accuse,
            ]
        })
        .flatten()
        .map(|trace| trace.precision_ms)
        .max()
}

fn pieces(tableau: &Dashboard) -> Markup {
    html! {
        section aria-labelledby="pieces" {
            h2 id="pieces" { "Pièces" }
            @if tableau.papers.is_empty() {
                p {
                    "Aucune pièce n’est encore déposée. Les pièces se déposent depuis le logiciel de la collectivité, qui \
                     prépare la convocation\u{a0}; cette page la montre."
                }
            } @else {
                ol.pieces {
                    @for paper in &tableau.papers {
                        li {
                            (paper.titre)
                            p.aide { (nature(paper.nature)) ", " (paper.nom) ", " (taille(paper.taille)) }
                        }
                    }
                }
                details {
                    summary { "Empreintes SHA-256 des pièces" }
                    p.aide { "Deux fichiers qui ont la même empreinte sont identiques, octet pour octet." }
                    dl.empreintes {
                        @for paper in &tableau.papers {
                            dt { (paper.titre) } dd { code { (paper.digest.to_hex()) } }
                        }
                    }
                }
            }
        }
    }
}

fn preuve(tableau: &Dashboard) -> Markup {
    html! {
        section aria-labelledby="preuve" {
            h2 id="preuve" { "Preuve" }
            p {
                "Un récépissé prouve que ce serveur a consigné un fait (par exemple «\u{a0}l’avis a été accepté par le \
                 relais\u{a0}») au plus tard à l’heure de son jeton d’horodatage, et que rien n’y a été changé depuis\u{a0}; à \
                 lui seul, il ne prouve ni que ce fait est exact, ni que l’élu a lu les pièces."
            }
            @if tableau.scelle.is_some() {
                p {
                    a.bouton href={ "/seances/" (tableau.seance.id) "/dossier.asice" } {
                        "Télécharger le dossier de preuve"
                    }
                }
                p.aide {
                    "Il réunit les pièces et tous les récépissés de la séance (format ASiC-E) et se vérifie hors ligne, sans \
                     passer par ce serveur, avec le programme kbox-verify. Il contient des données personnelles."
                }
            } @else {
                p { "Le dossier de preuve sera disponible quand l’envoi sera scellé." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::essai::{self, A_TEMPS, TARD};
    use super::*;

    const CADRE: Cadre = Cadre {
        demonstration: false,
    };

    fn shown(dashboard: &Dashboard) -> String {
        tableau(CADRE, dashboard).replace('\u{a0}', " ")
    }

    fn title_of_the_verdict(html: &str) -> &str {
        html.split_once("Délai de convocation</span>")
            .and_then(|(_, rest)| rest.split_once("</h2>"))
            .map_or("", |(title, _)| title)
    }

    #[test]
    fn each_verdict_has_its_words_and_none_looks_like_another() {
        let mut seen = Vec::new();
        for (dashboard, class, title) in [
            (essai::pas_scelle(), "verdict neutre", "Pas encore envoyé"),
            (
                essai::tableau(&[None, None]),
                "verdict neutre",
                "Pas encore envoyé",
            ),
            (
                essai::tableau(&[Some(A_TEMPS), Some(A_TEMPS)]),
                "verdict bon",
                "Délai respecté",
            ),
            (
                essai::tableau(&[Some(A_TEMPS), None]),
                "verdict attention",
                "Délai respecté pour 1 élu avisé sur 2",
            ),
            (
                essai::tableau(&[Some(A_TEMPS), Some(TARD)]),
                "verdict mauvais",
                "Délai non respecté",
            ),
            (
                essai::tableau(&[Some(A_TEMPS), Some(essai::MINUIT)]),
                "verdict attention",
                "Délai indéterminé",
            ),
            (
                essai::departement(&[Some("2026-11-20T10:00:00Z")]),
                "verdict attention",
                "Délai respecté à la lettre du texte, mais à risque",
            ),
        ] {
            let html = shown(&dashboard);
            assert_eq!(title_of_the_verdict(&html), title);
            assert!(html.contains(&format!("class=\"{class}\"")), "{title}");
            seen.push(title);
        }
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn a_verdict_that_this_page_does_not_know_is_never_shown_as_kept() {
        let mut dashboard = essai::tableau(&[Some(A_TEMPS)]);
        if let Some(delai) = &mut dashboard.verdict {
            delai.verdict = Some("nouveau".into());
        }
        assert_eq!(
            title_of_the_verdict(&shown(&dashboard)),
            "Délai indéterminé"
        );
    }

    #[test]
    fn the_rule_the_days_and_the_last_moment_are_shown_in_local_time() {
        let html = shown(&essai::tableau(&[Some(A_TEMPS)]));
        for wanted in [
            "CGCT L.2121-12 : 5 jours francs au moins",
            "<strong>jeudi 26 novembre 2026, avant minuit</strong> (heure légale, Europe/Paris)",
            "mardi 24 novembre 2026 à 11 h 00 min 02 s</time> (± 1 s) (Élise",
            "<li>mercredi 25 novembre 2026</li>",
            "<li>mardi 1er décembre 2026</li>",
            "7 jours :",
        ] {
            assert!(html.contains(wanted), "{wanted} in {html}");
        }
        let html = shown(&essai::departement(&[Some("2026-11-20T10:00:00Z")]));
        assert!(html.contains("12 jours au moins avant la séance"), "{html}");
        assert!(
            html.contains("celle de la séance</dt><dd>12 jours</dd>"),
            "{html}"
        );
        let html = shown(&essai::pas_scelle());
        assert!(html.contains("5 jours :"), "{html}");
        assert!(!html.contains("Envoi retenu") && !html.contains("dossier.asice"));
    }

    #[test]
    fn members_without_an_accepted_notice_are_named_and_the_verdict_does_not_cover_them() {
        let html = shown(&essai::tableau(&[Some(A_TEMPS), None, None]));
        for wanted in [
            "2 élus sans avis accepté",
            "Ce verdict ne les couvre pas",
            "convoquer autrement",
            "<strong>au plus tard le jeudi 26 novembre 2026, avant minuit</strong>",
            "avis refusé à l’adresse elu-1@doullens.invalid",
            "550 5.1.1 boite aux lettres inconnue",
            "aucun avis envoyé par courriel",
        ] {
            assert!(html.contains(wanted), "{wanted} in {html}");
        }
        let html = shown(&essai::tableau(&[Some(A_TEMPS)]));
        assert!(!html.contains("sans avis") && !html.contains("couvre pas"));
        let html = shown(&essai::tableau(&[None]));
        assert!(html.contains("1 élu sans avis accepté") && !html.contains("Ce verdict"));
    }

    #[test]
    fn a_relay_that_was_not_reached_is_not_called_a_refusal_of_the_address() {
        let mut dashboard = essai::tableau(&[Some(A_TEMPS), None]);
        dashboard.lignes[1].reponse_du_relais = Some("Connection refused (os error 111)".into());
        let html = shown(&dashboard);
        assert!(
            html.contains(
                "relais de courriel injoignable, à renvoyer à l’adresse elu-1@doullens.invalid"
            ),
            "{html}"
        );
        assert!(html.contains(">Relais de courriel injoignable, à renvoyer</strong>"));
        assert!(!html.contains("avis refusé") && !html.contains(">Refusé</strong>"));
        dashboard.lignes[1].reponse_du_relais = None;
        let html = shown(&dashboard);
        assert!(html.contains("courriel impossible à composer pour l’adresse"));
    }

    #[test]
    fn every_instant_of_the_table_leads_to_its_receipt() {
        let dashboard = essai::tableau(&[Some(A_TEMPS), None, Some(TARD)]);
        let html = shown(&dashboard);
        let mut receipts = 0;
        for ligne in &dashboard.lignes {
            for trace in [
                &ligne.consignation,
                &ligne.avis,
                &ligne.avis_refuse,
                &ligne.ouverture,
                &ligne.accuse,
            ]
            .into_iter()
            .flatten()
            {
                let link = format!("href=\"/seances/cm-2026-12-02/preuves/{}\"", trace.event_id);
                assert!(html.contains(&link), "{link}");
                receipts += 1;
            }
        }
        assert_eq!(receipts, 10);
        // And that of the sealing.
        assert_eq!(html.matches("/preuves/").count(), receipts + 1);
        assert!(html.contains("href=\"/seances/cm-2026-12-02/dossier.asice\""));
        assert!(html.contains("hors délai") && html.contains("dans le délai"));
    }

    #[test]
    fn the_table_has_a_caption_scopes_and_labels_for_narrow_screens() {
        let html = shown(&essai::tableau(&[Some(A_TEMPS), None]));
        assert_eq!(html.matches("<caption>").count(), 1);
        assert_eq!(html.matches("scope=\"col\"").count(), COLONNES.len());
        assert_eq!(html.matches("scope=\"row\"").count(), 2);
        assert_eq!(
            html.matches("data-label=").count(),
            2 * (COLONNES.len() - 1)
        );
    }

    #[test]
    fn totals_are_shown_as_counted() {
        let mut dashboard = essai::tableau(&[Some(A_TEMPS)]);
        dashboard.total.destinataires = 29;
        dashboard.total.ouverts = 17;
        let html = shown(&dashboard);
        assert!(html.contains("<dt>Destinataires</dt><dd>29</dd>"));
        assert!(html.contains("<dt>Ouverts</dt><dd>17</dd>"));
    }

    #[test]
    fn a_receipt_is_said_not_to_prove_the_reading() {
        assert!(shown(&essai::pas_scelle()).contains("ni que l’élu a lu les pièces"));
    }
}
