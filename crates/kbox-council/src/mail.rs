// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The notice to a member, and the mail relay's exact answer.

use std::time::Duration;

use kbox_proof::receipt::RECEIPT_MEDIA_TYPE;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message, SmtpTransport, Transport};

use crate::error::CouncilError;

/// The mail relay, on a network that is trusted: no TLS, no password.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Host name or address.
    pub host: String,
    /// Port, usually 25.
    pub port: u16,
    /// Sender's address.
    pub from: String,
    /// Sender's name.
    pub from_name: String,
}

/// What a member is told.
pub(crate) struct Notice<'a> {
    pub(crate) to_name: &'a str,
    pub(crate) to: &'a str,
    pub(crate) collectivite: &'a str,
    pub(crate) intitule: &'a str,
    pub(crate) lieu: &'a str,
    /// `mercredi 2 décembre 2026 à 18 h 30`.
    pub(crate) quand: &'a str,
    pub(crate) auteur: &'a str,
    pub(crate) papers: &'a [String],
    pub(crate) link: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) receipt: &'a str,
    pub(crate) demonstration: bool,
}

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The relay took it.
    Accepted,
    /// The relay said no to this message.
    Refused {
        /// Trying again changes nothing.
        permanent: bool,
        /// Reply code.
        code: String,
    },
    /// No relay, or none that answered: nothing is known against the address.
    NoRelay,
    /// No message can be made for this member.
    NotComposed,
}

/// What became of it, and in whose words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// The relay's words, or why there are none.
    pub(crate) text: Option<String>,
}

fn text(notice: &Notice<'_>) -> String {
    let mut body = String::new();
    if notice.demonstration {
        body.push_str("DÉMONSTRATION – sans valeur juridique, horloge non vérifiée\n\n");
    }
    body.push_str(&format!(
        "{},\n\n{} vous convoque à la séance suivante :\n\n    {}\n    {}\n    {}\n\nLes pièces sont à votre disposition :\n\n",
        notice.to_name, notice.auteur, notice.intitule, notice.quand, notice.lieu
    ));
    for paper in notice.papers {
        body.push_str(&format!("    - {paper}\n"));
    }
    body.push_str(&format!(
        "\nPour les ouvrir, suivez votre lien personnel (ne le transmettez à personne) :\n\n    {}\n\n\
         Le fichier joint est la preuve de la mise à disposition de ces pièces, avec sa date. Conservez-le : il vous permet,\n\
         sans passer par nous, d’établir ce qui vous a été adressé et quand.\n\n{}\n{}\n",
        notice.link, notice.auteur, notice.collectivite
    ));
    body
}

fn message(relay: &Relay, notice: &Notice<'_>) -> Result<Message, CouncilError> {
    let address = |text: &str| {
        text.parse::<Address>()
            .map_err(|error| CouncilError::Mail(format!("address {text:?}: {error}")))
    };
    let mail = |error: lettre::error::Error| CouncilError::Mail(error.to_string());
    let media = ContentType::parse(RECEIPT_MEDIA_TYPE)
        .map_err(|error| CouncilError::Mail(error.to_string()))?;
    Message::builder()
        .from(Mailbox::new(
            Some(relay.from_name.clone()),
            address(&relay.from)?,
        ))
        .to(Mailbox::new(
            Some(notice.to_name.to_string()),
            address(notice.to)?,
        ))
        .subject(format!(
            "Convocation : {}, {}",
            notice.intitule, notice.quand
        ))
        .message_id(Some(notice.message_id.to_string()))
        .multipart(
            MultiPart::mixed()
                .singlepart(SinglePart::plain(text(notice)))
                .singlepart(
                    Attachment::new("preuve-de-mise-a-disposition.kbox.json".to_string())
                        .body(notice.receipt.to_string(), media),
                ),
        )
        .map_err(mail)
}

/// A notice as any other, to see whether a message can be made of it.
fn trial<'a>(to_name: &'a str, to: &'a str) -> Notice<'a> {
    Notice {
        to_name,
        to,
        collectivite: "Commune",
        intitule: "Conseil",
        lieu: "Mairie",
        quand: "lundi",
        auteur: "Le maire",
        papers: &[],
        link: "https://example.invalid/m/x",
        message_id: "<x@example.invalid>",
        receipt: "{}",
        demonstration: false,
    }
}

/// Checks that a mail to this member can be made, before anything is recorded about the address: what parses as an
/// address need not fit into an envelope.
pub(crate) fn check_address(name: &str, address: &str) -> Result<(), CouncilError> {
    let relay = Relay {
        host: String::new(),
        port: 25,
        from: "secretariat@example.invalid".into(),
        from_name: "Secrétariat".into(),
    };
    message(&relay, &trial(name, address))
        .map(|_| ())
        .map_err(|error| match error {
            CouncilError::Mail(problem) => CouncilError::Field {
                field: "courriel",
                problem,
            },
            other => other,
        })
}

/// Checks the sender's side of every mail, so that a message that cannot be made is the member's affair alone.
pub(crate) fn check_sender(relay: &Relay) -> Result<(), CouncilError> {
    message(relay, &trial("Membre", "membre@example.invalid")).map(|_| ())
}

/// Hands the notice to the relay. Whatever happens is an [`Answer`]: one member's mail must not keep the others' back.
pub(crate) fn send(relay: &Relay, notice: &Notice<'_>) -> Answer {
    let not_composed = Answer {
        outcome: Outcome::NotComposed,
        text: None,
    };
    let Ok(message) = message(relay, notice) else {
        return not_composed;
    };
    let transport = SmtpTransport::builder_dangerous(&relay.host)
        .port(relay.port)
        .timeout(Some(Duration::from_secs(30)))
        .build();
    match transport.send(&message) {
        Ok(response) => {
            let lines: Vec<&str> = response.message().collect();
            Answer {
                outcome: Outcome::Accepted,
                text: Some(format!("{} {}", response.code(), lines.join(" | "))),
            }
        }
        // Not of the network: the relay cannot be given this message, such as an address beyond ASCII.
        Err(error) if error.is_client() => not_composed,
        Err(error) => {
            let words = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            match error.status() {
                Some(code) => Answer {
                    outcome: Outcome::Refused {
                        permanent: error.is_permanent(),
                        code: code.to_string(),
                    },
                    text: Some(format!("{code} {words}")),
                },
                None => Answer {
                    outcome: Outcome::NoRelay,
                    text: Some(words),
                },
            }
        }
    }
}
