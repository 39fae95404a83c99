// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server demo`: one convocation, proven end to end, in front of the reader.
//!
//! Nothing is faked: the mails go over SMTP, the members over HTTP, and the verdicts are those of the `kbox-verify` beside
//! this program. Whatever comes out other than expected ends the demonstration with an error.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Cursor;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use kbox_council::communes::Commune;
use kbox_council::{Collectivite, Council, Dashboard, Elu, NewPaper, Relay, Seance};
use kbox_proof::clock::{Clock, SystemClock};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{
    self, Body, Channel, Detail, Environment, EvidenceEvent, Origin, TrustBundlePublication,
};
use kbox_proof::key::LogSigner;
use kbox_proof::law::{Fuseau, LocalDateTime};
use kbox_proof::ledger::{EventRequest, Ledger, LedgerConfig};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::{ProofFile, Receipt, TrustBundle};
use kbox_proof::store::{MemoryStore, RecordBatch, RequestId};
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::TsaPolicyId;

use crate::access::keyring::Role;
use crate::app::{self, App, Settings};
use crate::config::Config;
use crate::instance::{Instance, replace_private};
use mailbox::{Mailbox, link_in};
use papers::{PaperContext, de, papers};

mod client;
pub(crate) mod mailbox;
mod papers;

/// Members who open nothing; the first of them has the address that the mail server refuses.
const SILENT: [u32; 4] = [8, 13, 19, 26];
/// Where the secretariat's API key is left for the reader; the commune's INSEE code comes after it.
const SECRETARIAT_KEY: &str = "cle-du-secretariat";
/// What `make` takes when nothing else is said.
const USUAL_FOLDER: &str = "kbox-demo";

/// What went other than expected, in French.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Says in French what was being done when `error` came.
fn during<E: fmt::Display>(what: &str) -> impl FnOnce(E) -> Failure + '_ {
    move |error| Failure(format!("{what} : {error}"))
}

fn expect(holds: bool, what: &str) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure(format!("résultat inattendu : {what}")))
    }
}

/// A server of this process, ready to be played with.
struct Running {
    app: Arc<App>,
    /// As served under `/trust`.
    trust: TrustBundle,
}

/// `kbox-server demo [--data DIR] [--listen ADDR] [--commune INSEE]`.
pub(crate) fn run(data: &Path, listen: Option<SocketAddr>, commune: &str) -> Result<(), Failure> {
    let commune = Commune::find(commune).ok_or_else(|| {
        Failure(format!(
            "aucune commune actuelle n’a le code INSEE « {commune} » ; exemple : 80253"
        ))
    })?;
    let (Some(siren), Some(fuseau)) = (commune.siren, commune.fuseau()) else {
        return Err(Failure(format!(
            "{} n’a pas de SIREN ou pas d’habitants dans les données : choisissez une autre commune",
            commune.nom
        )));
    };
    println!("KBOX – DÉMONSTRATION, SANS VALEUR PROBANTE");
    println!(
        "Une convocation de bout en bout : {} ({}), {} habitants, {} conseillers.",
        commune.nom,
        commune.code,
        commune.population.unwrap_or(0),
        commune.conseillers()
    );
    println!("Les personnes sont fictives. Dossier : {}", data.display());

    step(
        1,
        "Démarrage : clés de développement, registre, serveur HTTP, serveur de courriel",
    );
    let runtime = crate::runtime().map_err(during("démarrage du serveur"))?;
    let listener = runtime.block_on(port(listen))?;
    let address = listener
        .local_addr()
        .map_err(during("démarrage du serveur"))?;
    let config = Config {
        data: data.to_path_buf(),
        ..Config::default()
    };
    // The store before anything else is written into the directory: it refuses one that is not its own.
    let instance = Instance::open(&config).map_err(during("démarrage du serveur"))?;
    let elus = members(commune.conseillers());
    let refused = elus
        .get(SILENT[0] as usize)
        .map_or_else(String::new, |elu| elu.courriel.clone());
    let mails = data.join("courriels").join(commune.code);
    let mailbox = Mailbox::start(&mails, &refused).map_err(during("serveur de courriel"))?;
    let relay = Relay {
        host: mailbox.address().ip().to_string(),
        port: mailbox.address().port(),
        from: "secretariat@mairie.invalid".into(),
        from_name: format!("Secrétariat, {}", commune.nom),
    };
    let bundle = instance
        .trust(None)
        .map_err(during("politique de confiance"))?
        .unwrap_or_default();
    let trust = TrustBundle::from_json(&bundle).map_err(during("politique de confiance"))?;
    let settings = Settings {
        base_url: config.base_url(address),
        https: false,
        behind_proxy: false,
        max_connections: crate::http::MAX_CONNECTIONS,
        log: false,
    };
    let app = Arc::new(App::new(instance, settings, Some(relay)));
    println!("   registre {}", app.instance.ledger.origin());
    println!(
        "   HTTP {}   SMTP {}   courriels gardés dans {}",
        app.settings.base_url,
        mailbox.address(),
        mails.display()
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = runtime.spawn(crate::http::serve(Arc::clone(&app), listener, async {
        // Sent below, or dropped with the demonstration.
        let _ = stopped.await;
    }));
    let running = Running { app, trust };
    let outcome = scene(data, &commune, siren, fuseau, &elus, &mailbox, &running);
    let _ = stop.send(());
    let ended = runtime.block_on(served).map_err(during("arrêt du serveur"));
    drop(runtime);
    running.app.instance.ledger.close();
    outcome.and(ended)
}

/// The port that `serve` takes by default, so that the links in the mails lead there afterwards; another one when it is
/// in use.
async fn port(listen: Option<SocketAddr>) -> Result<tokio::net::TcpListener, Failure> {
    let usual = listen.unwrap_or(Config::default().listen);
    match (crate::http::listen(usual).await, listen) {
        (Ok(listener), _) => Ok(listener),
        (Err(error), Some(_)) => Err(Failure(error.to_string())),
        (Err(_), None) => {
            let any = SocketAddr::new(usual.ip(), 0);
            println!("   le port {} est pris : un autre est choisi", usual.port());
            crate::http::listen(any)
                .await
                .map_err(during("démarrage du serveur"))
        }
    }
}

fn step(number: u8, title: &str) {
    println!("\n{number}. {title}");
}

fn now() -> Result<Time, Failure> {
    SystemClock::new(Duration::from_millis(500))
        .and_then(|clock| clock.read())
        .map(|reading| reading.time)
        .map_err(during("horloge"))
}

fn scene(
    data: &Path,
    commune: &Commune,
    siren: &str,
    fuseau: &str,
    elus: &[Elu],
    mailbox: &Mailbox,
    running: &Running,
) -> Result<(), Failure> {
    let app = running.app.as_ref();
    let council = &app.council;
    let known = mailbox.mails().map_err(during("courriels"))?.len();
    let id = prepare(council, commune, siren, fuseau, elus)?;

    let key = data.join(format!("{SECRETARIAT_KEY}-{}", commune.code));
    secretariat_key(app, siren, &key)?;

    step(3, "Scellement, mise à disposition, avis par courriel");
    council.seal(siren, &id).map_err(during("scellement"))?;
    println!(
        "   envoi scellé (SubmissionAcceptance) : pièces, règle et liste des destinataires sont fixées"
    );
    council
        .consign(siren, &id)
        .map_err(during("mise à disposition"))?;
    println!("   {} mises à disposition (ContentConsignment)", elus.len());
    let mut sent = 0;
    council
        .notify(siren, &id, &mut |destinataire| {
            sent += 1;
            if destinataire.avis().is_none() {
                println!(
                    "   courriel refusé pour {} : {}",
                    destinataire.elu.nom,
                    destinataire.reponse_du_relais().unwrap_or("-")
                );
            } else if sent % 7 == 0 {
                println!("   {sent} avis traités …");
            }
        })
        .map_err(during("avis"))?;

    step(
        4,
        "Les membres : lecture du courriel, lien personnel, pièces, accusé de réception (HTTP)",
    );
    play(council, siren, &id, mailbox, known, elus)?;

    step(5, "Tableau de bord");
    let dashboard = council
        .dashboard(siren, &id)
        .map_err(during("tableau de bord"))?;
    print_dashboard(&dashboard, fuseau);
    let total = dashboard.total;
    let opened = elus.len().saturating_sub(silent(elus));
    expect(
        total.consignes == elus.len(),
        "tous les membres devaient recevoir les pièces",
    )?;
    expect(
        total.refuses == usize::from(elus.len() > SILENT[0] as usize),
        "un courriel devait être refusé",
    )?;
    expect(
        total.ouverts == opened && total.accuses == opened,
        "nombre d’ouvertures",
    )?;
    let verdict = dashboard
        .verdict
        .as_ref()
        .and_then(|delai| delai.verdict.as_deref());
    expect(verdict == Some("respecte"), "le délai devait être respecté")?;

    step(6, "Dossier de preuve et politique de confiance");
    let file = app::proof_file(&app.instance, council, siren, &id, now()?)
        .map_err(|problem| Failure(format!("dossier de preuve : {problem:?}")))?;
    let trust_path = data.join("trust.json");
    let trust = running.trust.to_json();
    std::fs::write(&trust_path, &trust).map_err(during("trust.json"))?;
    let path = data.join(format!("{}-{id}.asice", commune.code));
    write(&file, &path)?;
    println!(
        "   {} : {} pièces, {} preuves",
        path.display(),
        file.documents.len(),
        file.receipts.len()
    );
    println!(
        "   {} : à donner à part ; il n’exige que le niveau « journalise », faute de témoins.",
        trust_path.display()
    );

    step(7, "Vérification hors ligne par kbox-verify");
    let verifier = verifier()?;
    let (code, said) = verify(&verifier, &trust_path, &path)?;
    println!("{}", indent(&abridged(&said), usize::MAX));
    println!("      (rapport complet : rapport.html et rapport.txt dans le dossier)");
    expect(code == 0, "le dossier intact devait être accepté")?;
    spoiled(data, &file, &verifier, &trust_path)?;
    public_stamp(data, &file, running, &verifier, &trust_path)?;

    step(9, "Un jeton relu par OpenSSL");
    let openssl = openssl(data, &file, &running.trust)?;

    println!("\nTerminé. Pour continuer :");
    println!(
        "   {} --trust {} {}",
        verifier.display(),
        trust_path.display(),
        path.display()
    );
    println!("   {openssl}");
    println!("   unzip -l {}", path.display());
    println!("   ls {}", mailbox.folder().display());
    let serve = match data == Path::new(USUAL_FOLDER) {
        true => "make serve".to_string(),
        false => format!("make DEMO={} serve", data.display()),
    };
    println!(
        "   {serve}, puis {}/ : la clé du secrétariat est dans {}, les liens des membres dans les courriels",
        Config::default().base_url(Config::default().listen),
        key.display()
    );
    Ok(())
}

/// The key with which the reader can open the pages afterwards.
fn secretariat_key(app: &App, siren: &str, path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let owner = event::Collectivite::parse(siren).map_err(during("collectivité"))?;
    let made = app
        .instance
        .keyring
        .create(Role::Secretariat, Some(owner), None, now()?, |key| {
            replace_private(path, &format!("{key}\n"))
        });
    made.map(|_| ()).map_err(during("clé du secrétariat"))
}

fn silent(elus: &[Elu]) -> usize {
    SILENT
        .iter()
        .filter(|index| (**index as usize) < elus.len())
        .count()
}

/// Collectivité, members, séance and papers; gives the séance's id.
fn prepare(
    council: &Council,
    commune: &Commune,
    siren: &str,
    fuseau: &str,
    elus: &[Elu],
) -> Result<String, Failure> {
    step(2, "La séance et ses pièces");
    let zone = Fuseau::parse(fuseau).map_err(during("fuseau"))?;
    let day = zone
        .local(now()?.saturating_add(Duration::from_secs(8 * 86_400)))
        .map_err(during("date de la séance"))?
        .jour();
    let (year, month, date) = day.ymd();
    council
        .add_collectivite(&Collectivite {
            siren: siren.into(),
            nom: format!("Commune {}", de(commune.nom).replace('\'', "’")),
            instance: "commune".into(),
            population: commune.population,
            departement: Some(commune.departement.into()),
            fuseau: fuseau.into(),
        })
        .map_err(during("collectivité"))?;
    for elu in elus {
        council.add_elu(siren, elu).map_err(during("membre"))?;
    }
    let known: BTreeSet<String> = council
        .seances(siren)
        .map_err(during("séances"))?
        .into_iter()
        .map(|seance| seance.id)
        .collect();
    let base = format!("conseil-{year:04}-{month:02}-{date:02}");
    let id = std::iter::once(base.clone())
        .chain((2..).map(|number| format!("{base}-{number}")))
        .find(|id| !known.contains(id))
        .unwrap_or(base);
    let seance = Seance {
        id: id.clone(),
        intitule: format!("Conseil municipal – {}", commune.nom),
        lieu: "Salle du conseil, hôtel de ville".into(),
        debut: format!("{year:04}-{month:02}-{date:02}T18:30"),
        auteur: "Le maire".into(),
        urgence: None,
        seconde_convocation: false,
    };
    council
        .add_seance(siren, &seance)
        .map_err(during("séance"))?;
    let context = PaperContext {
        commune: commune.nom.into(),
        siren: siren.into(),
        seance: LocalDateTime::parse(&seance.debut).map_err(during("date de la séance"))?,
        lieu: "salle du conseil, hôtel de ville".into(),
        fonction: seance.auteur.clone(),
    };
    for file in papers(&context).map_err(during("pièces"))? {
        let new = NewPaper {
            nom: file.file_name.into(),
            titre: file.title,
            nature: file.nature,
            digest: Some(Sha256Digest::of(&file.bytes)),
        };
        let paper = council
            .add_paper(siren, &id, &new, &file.bytes)
            .map_err(during("pièce"))?;
        println!(
            "   {:<38} {:>7} octets  SHA-256 {}…",
            paper.nom,
            paper.taille,
            &paper.digest.to_hex()[..16]
        );
    }
    let limit = council
        .dashboard(siren, &id)
        .map_err(during("tableau de bord"))?;
    println!(
        "   séance : {} ; règle : {}, {} jours ({})",
        limit.quand, limit.limite.regle, limit.limite.delai, limit.limite.nature
    );
    println!(
        "   à envoyer avant {}",
        local(fuseau, limit.limite.envoyer_avant)
    );
    Ok(id)
}

/// First names and surnames are common ones, put together by counting: nobody is meant.
fn members(count: u16) -> Vec<Elu> {
    const FIRST: [&str; 12] = [
        "Camille", "Jean", "Nadia", "Paul", "Hélène", "Karim", "Sophie", "Luc", "Inès", "Marc",
        "Anne", "Yves",
    ];
    const LAST: [&str; 17] = [
        "Delattre",
        "Lefebvre",
        "Caron",
        "Boulanger",
        "Dumont",
        "Petit",
        "Leroy",
        "Fournier",
        "Benali",
        "Carpentier",
        "Roussel",
        "Vasseur",
        "Mercier",
        "Poulain",
        "Gambier",
        "Thuillier",
        "Sauvage",
    ];
    (0..usize::from(count))
        .map(|number| {
            let (first, last) = (FIRST[number % FIRST.len()], LAST[number % LAST.len()]);
            let plain: String = format!("{first}.{last}")
                .to_lowercase()
                .chars()
                .map(|c| match c {
                    'é' | 'è' => 'e',
                    other => other,
                })
                .collect();
            let fonction = match number {
                0 => "Maire",
                1..=8 => "Adjoint au maire",
                _ => "Membre du conseil municipal",
            };
            Elu {
                id: format!("elu-{number:03}"),
                nom: format!("{first} {last}"),
                fonction: fonction.into(),
                courriel: format!("{plain}.{number:02}@elus.invalid"),
                canal: Channel::Dematerialise,
                canal_choisi_le: "2026-03-28".into(),
                pour_information: false,
            }
        })
        .collect()
}

fn play(
    council: &Council,
    siren: &str,
    id: &str,
    mailbox: &Mailbox,
    known: usize,
    elus: &[Elu],
) -> Result<(), Failure> {
    let client = client::Client::new().map_err(during("client HTTP"))?;
    let mails = mailbox.mails().map_err(during("courriels"))?;
    let mut opened = 0;
    for path in mails.iter().skip(known) {
        let mail = std::fs::read_to_string(path).map_err(during("courriel"))?;
        let who = (0_u32..)
            .zip(elus)
            .find(|(_, elu)| mail.contains(&elu.courriel))
            .ok_or_else(|| {
                Failure(format!(
                    "courriel sans destinataire connu : {}",
                    path.display()
                ))
            })?;
        let link =
            link_in(&mail).ok_or_else(|| Failure(format!("aucun lien dans {}", path.display())))?;
        if SILENT.contains(&who.0) {
            continue;
        }
        client.forget();
        let page = client.get(&link).map_err(during("lien du membre"))?;
        expect(page.status == 200, "la page du lien devait répondre 200")?;
        let page = client.post(&link, "").map_err(during("ouverture"))?;
        expect(page.status < 400, "l’ouverture devait réussir")?;
        let page = client.follow(&link, page).map_err(during("ouverture"))?;
        let html = String::from_utf8_lossy(&page.body).into_owned();
        let papers = client::targets(&html, "href", &format!("{link}/pieces"));
        expect(
            !papers.is_empty(),
            "la page ouverte devait proposer les pièces",
        )?;
        for paper in papers {
            let paper = client.get(&paper).map_err(during("pièce"))?;
            expect(
                paper.status == 200 && paper.body.starts_with(b"%PDF-"),
                "une pièce devait être remise en PDF",
            )?;
        }
        let form = client::targets(&html, "action", &link)
            .into_iter()
            .next_back()
            .ok_or_else(|| Failure("aucun bouton d’accusé de réception sur la page".into()))?;
        let page = client
            .post(&form, "")
            .map_err(during("accusé de réception"))?;
        expect(page.status < 400, "l’accusé de réception devait réussir")?;
        opened += 1;
        if opened % 8 == 0 {
            println!("   {opened} membres ont ouvert, reçu les pièces et accusé réception …");
        }
    }
    let total = council
        .dashboard(siren, id)
        .map_err(during("tableau de bord"))?
        .total;
    println!(
        "   {} ouvertures, {} accusés de réception ; {} membres n’ont rien ouvert",
        total.ouverts,
        total.accuses,
        total.destinataires.saturating_sub(total.ouverts)
    );
    Ok(())
}

fn local(fuseau: &str, instant: Time) -> String {
    Fuseau::parse(fuseau)
        .and_then(|zone| zone.local(instant))
        .map_or_else(|_| instant.to_string(), |local| local.en_lettres())
}

fn hour(fuseau: &str, trace: Option<&kbox_council::Trace>) -> String {
    trace
        .and_then(|trace| Fuseau::parse(fuseau).ok()?.local(trace.gen_time).ok())
        .map_or_else(
            || "–".to_string(),
            |local| {
                let (hour, minute, second) = local.hms();
                format!("{hour:02}:{minute:02}:{second:02}")
            },
        )
}

fn print_dashboard(dashboard: &Dashboard, fuseau: &str) {
    println!(
        "   {:<24} {:>9} {:>9} {:>9} {:>6} {:>9}",
        "membre", "déposé", "avisé", "ouvert", "pièces", "accusé"
    );
    for ligne in &dashboard.lignes {
        let avis = if ligne.avis.is_none() && ligne.avis_refuse.is_some() {
            "refusé".to_string()
        } else {
            hour(fuseau, ligne.avis.as_ref())
        };
        println!(
            "   {:<24} {:>9} {:>9} {:>9} {:>6} {:>9}",
            ligne.nom,
            hour(fuseau, ligne.consignation.as_ref()),
            avis,
            hour(fuseau, ligne.ouverture.as_ref()),
            ligne.remises,
            hour(fuseau, ligne.accuse.as_ref()),
        );
    }
    let total = dashboard.total;
    println!(
        "   total : {} destinataires, {} déposés, {} avisés, {} refusé(s), {} ouverts, {} accusés",
        total.destinataires,
        total.consignes,
        total.avises,
        total.refuses,
        total.ouverts,
        total.accuses
    );
    if let Some(delai) = &dashboard.verdict {
        println!(
            "   délai légal, au plus défavorable des membres avisés : {}",
            match delai.verdict.as_deref() {
                Some("respecte") => "respecté",
                Some("respecte_au_texte") => "respecté à la lettre du texte",
                Some("non_respecte") => "non respecté",
                _ => "indéterminé",
            }
        );
        for (number, jour) in (1..).zip(&delai.jours) {
            println!("      jour franc {number} : {jour}");
        }
        println!("   {}", delai.explication);
    }
    for index in &dashboard.sans_avis {
        if let Some(ligne) = dashboard.lignes.get(*index as usize) {
            println!(
                "   ! {} n’a reçu aucun avis : ce verdict ne le couvre pas. À convoquer autrement avant {}.",
                ligne.nom,
                local(fuseau, dashboard.limite.envoyer_avant)
            );
        }
    }
}

fn write(file: &ProofFile, path: &Path) -> Result<(), Failure> {
    let bytes = file
        .write(Cursor::new(Vec::new()))
        .map_err(during("dossier de preuve"))?
        .into_inner();
    std::fs::write(path, bytes).map_err(during("dossier de preuve"))
}

fn verifier() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()
        .map_err(during("programme"))?
        .with_file_name(format!("kbox-verify{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure(format!(
            "{} est absent : construisez-le avec « make build »",
            path.display()
        )))
    }
}

fn verify(verifier: &Path, trust: &Path, path: &Path) -> Result<(i32, String), Failure> {
    let output = Command::new(verifier)
        .args(["--lang", "fr", "--trust"])
        .args([trust, path])
        .output()
        .map_err(during("kbox-verify"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code().unwrap_or(-1), text))
}

fn indent(text: &str, lines: usize) -> String {
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(lines)
        .map(|line| format!("      {line}"))
        .collect();
    lines.join("\n")
}

fn flip(bytes: &mut [u8], place: usize) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
}

fn detail(receipt: &Receipt) -> Option<Detail> {
    EvidenceEvent::from_der(&receipt.event)
        .ok()
        .map(|event| event.body.detail)
}

fn consignments(file: &ProofFile) -> Vec<usize> {
    let places = (0..).zip(&file.receipts);
    places
        .filter(|(_, receipt)| matches!(detail(receipt), Some(Detail::ContentConsignment(_))))
        .map(|(place, _)| place)
        .collect()
}

fn spoiled(data: &Path, file: &ProofFile, verifier: &Path, trust: &Path) -> Result<(), Failure> {
    println!("   Sept copies, chacune abîmée d’une seule façon :");
    let folder = data.join("abimes");
    std::fs::create_dir_all(&folder).map_err(during("dossier des copies"))?;
    let places = consignments(file);
    let (Some(&one), Some(&two)) = (places.first(), places.get(1)) else {
        return Err(Failure(
            "le dossier devait contenir deux mises à disposition".into(),
        ));
    };
    let stranger = foreign_receipt()?;
    type Spoil<'a> = (&'a str, &'a str, Box<dyn Fn(&mut ProofFile) + 'a>);
    let ways: [Spoil<'_>; 7] = [
        (
            "piece",
            "un octet d’une pièce",
            Box::new(|copy| {
                if let Some(document) = copy.documents.first_mut() {
                    let middle = document.bytes.len() / 2;
                    flip(&mut document.bytes, middle);
                }
            }),
        ),
        (
            "evenement",
            "un octet d’un événement",
            Box::new(|copy| {
                let event = &mut copy.receipts[one].event;
                let last = event.len().saturating_sub(1);
                flip(event, last);
            }),
        ),
        (
            "jeton",
            "un octet d’un jeton",
            Box::new(|copy| {
                let token = &mut copy.receipts[one].token;
                let last = token.len().saturating_sub(1);
                flip(token, last);
            }),
        ),
        (
            "chemin",
            "un octet d’une preuve d’inclusion",
            Box::new(|copy| {
                let proof = &mut copy.receipts[one].proof;
                // The lines after the index are the path's hashes; the first character of one is six bits of it.
                if let Some(at) = proof
                    .find("\nindex ")
                    .and_then(|at| proof[at + 1..].find('\n').map(|end| at + end + 2))
                {
                    let other = if proof[at..].starts_with('A') {
                        "B"
                    } else {
                        "A"
                    };
                    proof.replace_range(at..at + 1, other);
                }
            }),
        ),
        (
            "echange",
            "les preuves de deux membres échangées",
            Box::new(|copy| {
                let kept = copy.receipts[one].personal.take();
                copy.receipts[one].personal = copy.receipts[two].personal.take();
                copy.receipts[two].personal = kept;
            }),
        ),
        (
            "lacune",
            "un événement retiré",
            Box::new(|copy| {
                copy.receipts.remove(two);
            }),
        ),
        (
            "autre-registre",
            "la preuve d’un autre registre",
            Box::new(|copy| copy.receipts[one] = stranger.clone()),
        ),
    ];
    let mut reasons = BTreeSet::new();
    for (name, title, spoil) in ways {
        let mut copy = file.clone();
        spoil(&mut copy);
        expect(copy != *file, "une copie abîmée devait différer")?;
        let path = folder.join(format!("{name}.asice"));
        write(&copy, &path)?;
        let (code, said) = verify(verifier, trust, &path)?;
        let (reason, finding) = first_finding(&said)
            .ok_or_else(|| Failure(format!("aucune raison donnée pour {}", path.display())))?;
        let verdict = match code {
            1 => "refusé (code 1 : rejeté)",
            _ => "non prouvé (code 2 : indéterminé)",
        };
        println!("    - {title} : {verdict}\n        {finding}");
        expect(code == 1 || code == 2, title)?;
        reasons.insert(reason.to_string());
    }
    expect(
        reasons.len() == 7,
        "chaque copie devait avoir sa propre raison",
    )
}

/// The stable code of a report's first finding, and its line.
fn first_finding(report: &str) -> Option<(&str, &str)> {
    report.lines().map(str::trim).find_map(|line| {
        let (code, _) = line.strip_prefix("- [")?.split_once(']')?;
        Some((code, line))
    })
}

/// The report without most of its list of recipients, whose lines are all alike.
fn abridged(report: &str) -> String {
    let mut kept = Vec::new();
    let (mut inside, mut items) = (false, 0);
    for line in report.lines() {
        let item = inside && line.trim_start().starts_with("- ");
        items = if item { items + 1 } else { 0 };
        inside = item || line.trim() == "Destinataires" || (inside && line.trim().is_empty());
        // The refused address is among them.
        if item && items > 2 && !line.contains("refusé") {
            continue;
        }
        kept.push(line);
    }
    kept.join("\n")
}

/// A true receipt, of a log that nobody trusts here.
fn foreign_receipt() -> Result<Receipt, Failure> {
    let now = now()?;
    let pki = DevPki::generate(now, true).map_err(during("autre autorité"))?;
    let config = AuthorityConfig::new(
        pki.evidence.signer,
        pki.evidence.chain,
        TsaPolicyId::evidence_policy(),
    );
    let authority = Authority::new(config, now).map_err(during("autre autorité"))?;
    let clock: Arc<dyn Clock> =
        Arc::new(SystemClock::new(Duration::from_millis(500)).map_err(during("horloge"))?);
    let origin = Origin::parse("autre-registre.invalid/1").map_err(during("autre registre"))?;
    let ledger = Ledger::open(
        LedgerConfig::new(origin, Environment::Demonstration),
        Arc::new(MemoryStore::new()),
        authority,
        LogSigner::generate().map_err(during("autre registre"))?,
        clock,
    )
    .map_err(during("autre registre"))?;
    let body = Body {
        claimed_time: Time::from_unix_secs(now.unix_secs()).map_err(during("horloge"))?,
        reasons: Vec::new(),
        refers_to: None,
        detail: Detail::TrustBundlePublication(TrustBundlePublication {
            version: 1,
            bundle: Sha256Digest::of(b""),
        }),
    };
    let request = EventRequest {
        request_id: RequestId::parse("autre").map_err(during("autre registre"))?,
        collectivite: event::Collectivite::operator(),
        body,
        personal: None,
    };
    let receipts = ledger
        .record(vec![request], RecordBatch::new())
        .map_err(during("autre registre"))?;
    receipts
        .into_iter()
        .next()
        .ok_or_else(|| Failure("l’autre registre n’a rien rendu".into()))
}

/// An event that anyone had stamped through the public service must not pass as evidence.
fn public_stamp(
    data: &Path,
    file: &ProofFile,
    running: &Running,
    verifier: &Path,
    trust: &Path,
) -> Result<(), Failure> {
    step(
        8,
        "Un événement horodaté par le service public POST /tsa n’est pas une preuve",
    );
    let mut forged = file
        .receipts
        .first()
        .cloned()
        .ok_or_else(|| Failure("dossier vide".into()))?;
    let request = client::timestamp_query(&Sha256Digest::of(&forged.event))
        .map_err(during("requête RFC 3161"))?;
    let client = client::Client::new().map_err(during("client HTTP"))?;
    let url = format!("{}/tsa", running.app.settings.base_url);
    let answer = client
        .post_bytes(&url, "application/timestamp-query", request)
        .map_err(during("POST /tsa"))?;
    forged.token = client::timestamp_token(&answer.body).map_err(during("réponse RFC 3161"))?;
    let path = data.join("abimes").join("horodatage-public.kbox.json");
    std::fs::write(&path, forged.to_json()).map_err(during("preuve forgée"))?;
    let (code, said) = verify(verifier, trust, &path)?;
    println!("{}", indent(&said, 3));
    expect(code == 1, "la preuve forgée devait être refusée")
}

/// Extracts an event, its token and the roots, and has OpenSSL check them; gives the command.
fn openssl(data: &Path, file: &ProofFile, trust: &TrustBundle) -> Result<String, Failure> {
    let folder = data.join("openssl");
    std::fs::create_dir_all(&folder).map_err(during("dossier openssl"))?;
    let receipt = file
        .receipts
        .first()
        .ok_or_else(|| Failure("dossier vide".into()))?;
    let (event, token, roots) = (
        folder.join("evenement.der"),
        folder.join("jeton.der"),
        folder.join("racines.pem"),
    );
    std::fs::write(&event, &receipt.event).map_err(during("openssl"))?;
    std::fs::write(&token, &receipt.token).map_err(during("openssl"))?;
    std::fs::write(&roots, trust.roots.concat()).map_err(during("openssl"))?;
    let command = format!(
        "openssl ts -verify -data {} -token_in -in {} -CAfile {}",
        event.display(),
        token.display(),
        roots.display()
    );
    println!("   {command}");
    let run = Command::new("openssl")
        .args(["ts", "-verify", "-token_in", "-data"])
        .arg(&event)
        .arg("-in")
        .arg(&token)
        .arg("-CAfile")
        .arg(&roots)
        .output();
    match run {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            println!("{}", indent(&said, 4));
            expect(output.status.success(), "OpenSSL devait accepter le jeton")?;
        }
        Err(_) => println!("   OpenSSL n’est pas installé : la commande reste à essayer."),
    }
    Ok(command)
}
