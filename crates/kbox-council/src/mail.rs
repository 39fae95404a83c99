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

/// What the relay said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) accepted: bool,
    /// Refused for good: trying again changes nothing.
    pub(crate) permanent: bool,
    /// Its words, or why there are none.
    pub(crate) text: String,
    /// Reply code, where there is one.
    pub(crate) code: Option<String>,
}

fn text(notice: &Notice<'_>) -> String {
    let mut body = String::new();
    if notice.demonstration {
        body.push_str("DÉMONSTRATION – sans valeur juridique\n\n");
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

/// Checks that an address can stand in a mail, before anything is recorded about it.
pub(crate) fn check_address(text: &str) -> Result<(), CouncilError> {
    text.parse::<Address>()
        .map(|_| ())
        .map_err(|error| CouncilError::Field {
            field: "courriel",
            problem: error.to_string(),
        })
}

/// Hands the notice to the relay. Only a message that cannot be built is an error; every answer is an [`Answer`].
pub(crate) fn send(relay: &Relay, notice: &Notice<'_>) -> Result<Answer, CouncilError> {
    let message = message(relay, notice)?;
    let transport = SmtpTransport::builder_dangerous(&relay.host)
        .port(relay.port)
        .timeout(Some(Duration::from_secs(30)))
        .build();
    Ok(match transport.send(&message) {
        Ok(response) => {
            let lines: Vec<&str> = response.message().collect();
            Answer {
                accepted: true,
                permanent: true,
                text: format!("{} {}", response.code(), lines.join(" | ")),
                code: Some(response.code().to_string()),
            }
        }
        Err(error) => {
            let code = error.status().map(|code| code.to_string());
            let words = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            Answer {
                accepted: false,
                permanent: error.is_permanent(),
                text: code
                    .as_ref()
                    .map_or_else(|| words.clone(), |code| format!("{code} {words}")),
                code,
            }
        }
    })
}
