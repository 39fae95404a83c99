// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Wire types: the ASN.1 of `docs/formats.md`, field for field. Reading them checks shape only; the conversions make
//! the checked types of the parent module. rasn takes some non-canonical encodings, so the callers encode again and
//! compare.
#![allow(missing_docs, clippy::large_enum_variant)]

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rasn::prelude::*;
use rasn::{AsnType, Decode, Encode};

use super::{self as event, EventError};
use crate::digest::Sha256Digest;
use crate::time::Time;
use crate::tsp::tst_info::write_gen_time;

#[derive(AsnType, Encode, Decode)]
struct EvidenceEvent {
    version: u64,
    header: Header,
    body: Body,
    personal: Option<OctetString>,
}

#[derive(AsnType, Encode, Decode)]
struct Header {
    origin: Utf8String,
    environment: Environment,
    collectivite: Utf8String,
    event_id: OctetString,
    salt: OctetString,
    rank: u64,
    #[rasn(tag(context, 0))]
    previous: Option<OctetString>,
    #[rasn(tag(context, 1))]
    witnessed: Option<OctetString>,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum Environment {
    Production = 0,
    Demonstration = 1,
}

/// `GeneralizedTime` as DER writes whole seconds: `20261124183000Z`.
#[derive(AsnType, Encode, Decode)]
#[rasn(delegate, tag(universal, 24))]
struct Instant(VisibleString);

#[derive(AsnType, Encode, Decode)]
struct Body {
    event: Utf8String,
    claimed_time: Instant,
    #[rasn(tag(context, 0))]
    reasons: Option<SequenceOf<Utf8String>>,
    #[rasn(tag(context, 1))]
    refers_to: Option<OctetString>,
    #[rasn(tag(explicit(context, 2)))]
    detail: Detail,
}

#[derive(AsnType, Encode, Decode)]
struct RecipientStep {
    recipient: u32,
}

#[derive(AsnType, Encode, Decode)]
struct Handover {
    recipient: u32,
    paper: OctetString,
}

#[derive(AsnType, Encode, Decode)]
struct TrustBundlePublication {
    version: u32,
    bundle: OctetString,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum ErasureBasis {
    NoLongerNecessary = 0,
    ConsentWithdrawn = 1,
    Objection = 2,
    UnlawfulProcessing = 3,
    LegalObligation = 4,
    ChildsData = 5,
}

#[derive(AsnType, Encode, Decode)]
struct PersonalDataErasure {
    basis: ErasureBasis,
    decision: Utf8String,
    by: Utf8String,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum OpeningReason {
    Restore = 0,
    Copy = 1,
    WrongClock = 2,
    Damage = 3,
}

#[derive(AsnType, Encode, Decode)]
struct ShardOpening {
    previous: Utf8String,
    size: u64,
    root: OctetString,
    checkpoint: OctetString,
    reason: OpeningReason,
}

#[derive(AsnType, Encode, Decode)]
#[rasn(choice)]
enum Detail {
    #[rasn(tag(context, 0))]
    SubmissionAcceptance(Submission),
    #[rasn(tag(context, 1))]
    ContentConsignment(RecipientStep),
    #[rasn(tag(context, 2))]
    ContentConsignmentFailure(RecipientStep),
    #[rasn(tag(context, 3))]
    ConsignmentNotification(RecipientStep),
    #[rasn(tag(context, 4))]
    ConsignmentNotificationFailure(RecipientStep),
    #[rasn(tag(context, 5))]
    RelayToNonErds(RecipientStep),
    #[rasn(tag(context, 6))]
    RelayToNonErdsFailure(RecipientStep),
    #[rasn(tag(context, 7))]
    ContentAccessTracking(RecipientStep),
    #[rasn(tag(context, 8))]
    ContentHandover(Handover),
    #[rasn(tag(context, 9))]
    ConsignmentAcceptance(RecipientStep),
    #[rasn(tag(context, 10))]
    TrustBundlePublication(TrustBundlePublication),
    #[rasn(tag(context, 11))]
    PersonalDataErasure(PersonalDataErasure),
    #[rasn(tag(context, 12))]
    ShardOpening(ShardOpening),
}

#[derive(AsnType, Encode, Decode)]
struct Submission {
    seance: Seance,
    rule: Rule,
    author: Utf8String,
    version: u32,
    papers: SequenceOf<Paper>,
    roster: SequenceOf<RosterEntry>,
}

#[derive(AsnType, Encode, Decode)]
struct Seance {
    id: Utf8String,
    instance: Utf8String,
    intitule: Utf8String,
    lieu: Utf8String,
    debut: Utf8String,
    fuseau: Utf8String,
    utc_offset: i32,
    tzdb: Utf8String,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum Nature {
    Franc = 0,
    NonFranc = 1,
}

#[derive(AsnType, Encode, Decode)]
struct Rule {
    id: Utf8String,
    article: Utf8String,
    jours: u16,
    nature: Nature,
    #[rasn(tag(context, 0))]
    population: Option<u32>,
    #[rasn(tag(context, 1))]
    departement: Option<Utf8String>,
    #[rasn(tag(context, 2))]
    urgence: Option<Utf8String>,
    seconde_convocation: bool,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum PaperNature {
    Convocation = 0,
    OrdreDuJour = 1,
    NoteDeSynthese = 2,
    Rapport = 3,
    Annexe = 4,
}

#[derive(AsnType, Encode, Decode)]
struct Paper {
    digest: OctetString,
    size: u64,
    titre: Utf8String,
    nature: PaperNature,
}

#[derive(AsnType, Encode, Decode)]
struct RosterEntry {
    commitment: OctetString,
    for_information: bool,
}

#[derive(AsnType, Encode, Decode)]
struct RecipientIdentity {
    id: Utf8String,
    name: Utf8String,
    function: Utf8String,
}

#[derive(AsnType, Encode, Decode)]
struct RosterOpening {
    identity: RecipientIdentity,
    salt: OctetString,
}

#[derive(AsnType, Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
#[rasn(enumerated)]
enum Channel {
    Dematerialise = 0,
    Papier = 1,
}

#[derive(AsnType, Encode, Decode)]
struct PersonalData {
    #[rasn(tag(context, 0))]
    recipient: Option<RosterOpening>,
    #[rasn(tag(context, 1))]
    address: Option<Utf8String>,
    #[rasn(tag(context, 2))]
    channel: Option<Channel>,
    #[rasn(tag(context, 3))]
    channel_chosen_on: Option<Utf8String>,
    #[rasn(tag(context, 4))]
    relay_answer: Option<Utf8String>,
    #[rasn(tag(context, 5))]
    message_id: Option<Utf8String>,
    #[rasn(tag(context, 6))]
    network_address: Option<Utf8String>,
}

#[derive(AsnType, Encode, Decode)]
struct ErasablePart {
    salt: OctetString,
    data: PersonalData,
}

fn to_der<T: Encode>(value: &T) -> Result<Vec<u8>, EventError> {
    rasn::der::encode(value).map_err(|error| EventError::Asn1(error.to_string()))
}

fn from_der<T: Decode>(bytes: &[u8]) -> Result<T, EventError> {
    rasn::der::decode(bytes).map_err(|error| EventError::Asn1(error.to_string()))
}

fn octets(bytes: &[u8]) -> OctetString {
    OctetString::from(bytes.to_vec())
}

fn fixed<const N: usize>(bytes: &OctetString, field: &'static str) -> Result<[u8; N], EventError> {
    bytes
        .as_ref()
        .try_into()
        .map_err(|_| EventError::Length { field })
}

fn digest(bytes: &OctetString, field: &'static str) -> Result<Sha256Digest, EventError> {
    fixed(bytes, field).map(Sha256Digest::from_bytes)
}

fn text(value: &event::Text) -> String {
    value.as_str().to_string()
}

fn optional_text(value: Option<String>) -> Result<Option<event::Text>, EventError> {
    value.map(event::Text::new).transpose()
}

fn instant(time: Time) -> Result<Instant, EventError> {
    let seconds = Time::from_unix_secs(time.unix_secs()).unwrap_or(time);
    let mut der = Vec::with_capacity(17);
    write_gen_time(&mut der, seconds);
    // After its identifier and length.
    VisibleString::from_iso646_bytes(der.get(2..).unwrap_or_default())
        .map(Instant)
        .map_err(|_| EventError::NotAnInstant)
}

fn read_instant(wire: &Instant) -> Result<Time, EventError> {
    // The comparison with the re-encoded bytes catches what strptime tolerates.
    let text =
        core::str::from_utf8(wire.0.as_iso646_bytes()).map_err(|_| EventError::NotAnInstant)?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text)
        .map_err(|_| EventError::NotAnInstant)?;
    let timestamp = jiff::tz::TimeZone::UTC
        .to_timestamp(civil)
        .map_err(|_| EventError::NotAnInstant)?;
    Time::from_unix_secs(timestamp.as_second()).map_err(|_| EventError::NotAnInstant)
}

pub(super) fn encode_header(header: &event::Header) -> Result<Vec<u8>, EventError> {
    if (header.rank == 0) != header.previous.is_none() {
        return Err(EventError::PreviousAndRank);
    }
    to_der(&Header {
        origin: header.origin.as_str().to_string(),
        environment: match header.environment {
            event::Environment::Production => Environment::Production,
            event::Environment::Demonstration => Environment::Demonstration,
        },
        collectivite: header.collectivite.as_str().to_string(),
        event_id: octets(header.event_id.as_bytes()),
        salt: octets(header.salt.as_bytes()),
        rank: header.rank,
        previous: header.previous.map(|digest| octets(digest.as_bytes())),
        witnessed: header.witnessed.map(|digest| octets(digest.as_bytes())),
    })
}

pub(super) fn decode_event(bytes: &[u8]) -> Result<event::EvidenceEvent, EventError> {
    let wire: EvidenceEvent = from_der(bytes)?;
    if wire.version != 1 {
        return Err(EventError::UnknownVersion(wire.version));
    }
    let header = wire.header;
    Ok(event::EvidenceEvent {
        header: event::Header {
            origin: event::Origin::parse(&header.origin)?,
            environment: match header.environment {
                Environment::Production => event::Environment::Production,
                Environment::Demonstration => event::Environment::Demonstration,
            },
            collectivite: event::Collectivite::parse(&header.collectivite)?,
            event_id: event::EventId::from_bytes(fixed(&header.event_id, "eventId")?),
            salt: event::Salt::from_bytes(fixed(&header.salt, "salt")?),
            rank: header.rank,
            previous: header
                .previous
                .map(|bytes| digest(&bytes, "previous"))
                .transpose()?,
            witnessed: header
                .witnessed
                .map(|bytes| digest(&bytes, "witnessed"))
                .transpose()?,
        },
        body: read_body(wire.body)?,
        personal: wire
            .personal
            .map(|bytes| digest(&bytes, "personal"))
            .transpose()?,
    })
}

pub(super) fn encode_body(value: &event::Body) -> Result<Vec<u8>, EventError> {
    to_der(&body(value)?)
}

fn body(value: &event::Body) -> Result<Body, EventError> {
    let reasons: Vec<String> = value.reasons.iter().map(text).collect();
    Ok(Body {
        event: value.detail.uri(),
        claimed_time: instant(value.claimed_time)?,
        reasons: (!reasons.is_empty()).then_some(reasons),
        refers_to: value.refers_to.map(|digest| octets(digest.as_bytes())),
        detail: detail(&value.detail),
    })
}

fn read_body(wire: Body) -> Result<event::Body, EventError> {
    let body = event::Body {
        claimed_time: read_instant(&wire.claimed_time)?,
        reasons: wire
            .reasons
            .unwrap_or_default()
            .into_iter()
            .map(event::Text::new)
            .collect::<Result<_, _>>()?,
        refers_to: wire
            .refers_to
            .map(|bytes| digest(&bytes, "refersTo"))
            .transpose()?,
        detail: read_detail(wire.detail)?,
    };
    if body.detail.uri() != wire.event {
        return Err(EventError::NameMismatch {
            found: wire.event.chars().take(120).collect(),
        });
    }
    Ok(body)
}

fn detail(value: &event::Detail) -> Detail {
    let step = |step: &event::RecipientStep| RecipientStep {
        recipient: step.recipient,
    };
    match value {
        event::Detail::SubmissionAcceptance(value) => {
            Detail::SubmissionAcceptance(submission(value))
        }
        event::Detail::ContentConsignment(value) => Detail::ContentConsignment(step(value)),
        event::Detail::ContentConsignmentFailure(value) => {
            Detail::ContentConsignmentFailure(step(value))
        }
        event::Detail::ConsignmentNotification(value) => {
            Detail::ConsignmentNotification(step(value))
        }
        event::Detail::ConsignmentNotificationFailure(value) => {
            Detail::ConsignmentNotificationFailure(step(value))
        }
        event::Detail::RelayToNonErds(value) => Detail::RelayToNonErds(step(value)),
        event::Detail::RelayToNonErdsFailure(value) => Detail::RelayToNonErdsFailure(step(value)),
        event::Detail::ContentAccessTracking(value) => Detail::ContentAccessTracking(step(value)),
        event::Detail::ContentHandover(value) => Detail::ContentHandover(Handover {
            recipient: value.recipient,
            paper: octets(value.paper.as_bytes()),
        }),
        event::Detail::ConsignmentAcceptance(value) => Detail::ConsignmentAcceptance(step(value)),
        event::Detail::TrustBundlePublication(value) => {
            Detail::TrustBundlePublication(TrustBundlePublication {
                version: value.version,
                bundle: octets(value.bundle.as_bytes()),
            })
        }
        event::Detail::PersonalDataErasure(value) => {
            Detail::PersonalDataErasure(PersonalDataErasure {
                basis: match value.basis {
                    event::ErasureBasis::NoLongerNecessary => ErasureBasis::NoLongerNecessary,
                    event::ErasureBasis::ConsentWithdrawn => ErasureBasis::ConsentWithdrawn,
                    event::ErasureBasis::Objection => ErasureBasis::Objection,
                    event::ErasureBasis::UnlawfulProcessing => ErasureBasis::UnlawfulProcessing,
                    event::ErasureBasis::LegalObligation => ErasureBasis::LegalObligation,
                    event::ErasureBasis::ChildsData => ErasureBasis::ChildsData,
                },
                decision: text(&value.decision),
                by: text(&value.by),
            })
        }
        event::Detail::ShardOpening(value) => Detail::ShardOpening(ShardOpening {
            previous: value.previous.as_str().to_string(),
            size: value.size,
            root: octets(value.root.as_bytes()),
            checkpoint: octets(value.checkpoint.as_bytes()),
            reason: match value.reason {
                event::OpeningReason::Restore => OpeningReason::Restore,
                event::OpeningReason::Copy => OpeningReason::Copy,
                event::OpeningReason::WrongClock => OpeningReason::WrongClock,
                event::OpeningReason::Damage => OpeningReason::Damage,
            },
        }),
    }
}

fn read_detail(wire: Detail) -> Result<event::Detail, EventError> {
    let step = |step: RecipientStep| event::RecipientStep {
        recipient: step.recipient,
    };
    Ok(match wire {
        Detail::SubmissionAcceptance(value) => {
            event::Detail::SubmissionAcceptance(read_submission(value)?)
        }
        Detail::ContentConsignment(value) => event::Detail::ContentConsignment(step(value)),
        Detail::ContentConsignmentFailure(value) => {
            event::Detail::ContentConsignmentFailure(step(value))
        }
        Detail::ConsignmentNotification(value) => {
            event::Detail::ConsignmentNotification(step(value))
        }
        Detail::ConsignmentNotificationFailure(value) => {
            event::Detail::ConsignmentNotificationFailure(step(value))
        }
        Detail::RelayToNonErds(value) => event::Detail::RelayToNonErds(step(value)),
        Detail::RelayToNonErdsFailure(value) => event::Detail::RelayToNonErdsFailure(step(value)),
        Detail::ContentAccessTracking(value) => event::Detail::ContentAccessTracking(step(value)),
        Detail::ContentHandover(value) => event::Detail::ContentHandover(event::Handover {
            recipient: value.recipient,
            paper: digest(&value.paper, "paper")?,
        }),
        Detail::ConsignmentAcceptance(value) => event::Detail::ConsignmentAcceptance(step(value)),
        Detail::TrustBundlePublication(value) => {
            event::Detail::TrustBundlePublication(event::TrustBundlePublication {
                version: value.version,
                bundle: digest(&value.bundle, "bundle")?,
            })
        }
        Detail::PersonalDataErasure(value) => {
            event::Detail::PersonalDataErasure(event::PersonalDataErasure {
                basis: match value.basis {
                    ErasureBasis::NoLongerNecessary => event::ErasureBasis::NoLongerNecessary,
                    ErasureBasis::ConsentWithdrawn => event::ErasureBasis::ConsentWithdrawn,
                    ErasureBasis::Objection => event::ErasureBasis::Objection,
                    ErasureBasis::UnlawfulProcessing => event::ErasureBasis::UnlawfulProcessing,
                    ErasureBasis::LegalObligation => event::ErasureBasis::LegalObligation,
                    ErasureBasis::ChildsData => event::ErasureBasis::ChildsData,
                },
                decision: event::Text::new(value.decision)?,
                by: event::Text::new(value.by)?,
            })
        }
        Detail::ShardOpening(value) => event::Detail::ShardOpening(event::ShardOpening {
            previous: event::Origin::parse(&value.previous)?,
            size: value.size,
            root: digest(&value.root, "root")?,
            checkpoint: digest(&value.checkpoint, "checkpoint")?,
            reason: match value.reason {
                OpeningReason::Restore => event::OpeningReason::Restore,
                OpeningReason::Copy => event::OpeningReason::Copy,
                OpeningReason::WrongClock => event::OpeningReason::WrongClock,
                OpeningReason::Damage => event::OpeningReason::Damage,
            },
        }),
    })
}

fn submission(value: &event::Submission) -> Submission {
    let event::Submission {
        seance,
        rule,
        author,
        version,
        papers,
        roster,
    } = value;
    Submission {
        seance: Seance {
            id: text(&seance.id),
            instance: text(&seance.instance),
            intitule: text(&seance.intitule),
            lieu: text(&seance.lieu),
            debut: text(&seance.debut),
            fuseau: text(&seance.fuseau),
            utc_offset: seance.utc_offset,
            tzdb: text(&seance.tzdb),
        },
        rule: Rule {
            id: text(&rule.id),
            article: text(&rule.article),
            jours: rule.jours,
            nature: match rule.nature {
                event::Nature::Franc => Nature::Franc,
                event::Nature::NonFranc => Nature::NonFranc,
            },
            population: rule.population,
            departement: rule.departement.as_ref().map(text),
            urgence: rule.urgence.as_ref().map(text),
            seconde_convocation: rule.seconde_convocation,
        },
        author: text(author),
        version: *version,
        papers: papers
            .iter()
            .map(|paper| Paper {
                digest: octets(paper.digest.as_bytes()),
                size: paper.size,
                titre: text(&paper.titre),
                nature: match paper.nature {
                    event::PaperNature::Convocation => PaperNature::Convocation,
                    event::PaperNature::OrdreDuJour => PaperNature::OrdreDuJour,
                    event::PaperNature::NoteDeSynthese => PaperNature::NoteDeSynthese,
                    event::PaperNature::Rapport => PaperNature::Rapport,
                    event::PaperNature::Annexe => PaperNature::Annexe,
                },
            })
            .collect(),
        roster: roster
            .iter()
            .map(|entry| RosterEntry {
                commitment: octets(entry.commitment.as_bytes()),
                for_information: entry.for_information,
            })
            .collect(),
    }
}

fn read_submission(wire: Submission) -> Result<event::Submission, EventError> {
    let Submission {
        seance,
        rule,
        author,
        version,
        papers,
        roster,
    } = wire;
    Ok(event::Submission {
        seance: event::Seance {
            id: event::Text::new(seance.id)?,
            instance: event::Text::new(seance.instance)?,
            intitule: event::Text::new(seance.intitule)?,
            lieu: event::Text::new(seance.lieu)?,
            debut: event::Text::new(seance.debut)?,
            fuseau: event::Text::new(seance.fuseau)?,
            utc_offset: seance.utc_offset,
            tzdb: event::Text::new(seance.tzdb)?,
        },
        rule: event::Rule {
            id: event::Text::new(rule.id)?,
            article: event::Text::new(rule.article)?,
            jours: rule.jours,
            nature: match rule.nature {
                Nature::Franc => event::Nature::Franc,
                Nature::NonFranc => event::Nature::NonFranc,
            },
            population: rule.population,
            departement: optional_text(rule.departement)?,
            urgence: optional_text(rule.urgence)?,
            seconde_convocation: rule.seconde_convocation,
        },
        author: event::Text::new(author)?,
        version,
        papers: papers
            .into_iter()
            .map(|paper| {
                Ok(event::Paper {
                    digest: digest(&paper.digest, "papers.digest")?,
                    size: paper.size,
                    titre: event::Text::new(paper.titre)?,
                    nature: match paper.nature {
                        PaperNature::Convocation => event::PaperNature::Convocation,
                        PaperNature::OrdreDuJour => event::PaperNature::OrdreDuJour,
                        PaperNature::NoteDeSynthese => event::PaperNature::NoteDeSynthese,
                        PaperNature::Rapport => event::PaperNature::Rapport,
                        PaperNature::Annexe => event::PaperNature::Annexe,
                    },
                })
            })
            .collect::<Result<_, EventError>>()?,
        roster: roster
            .into_iter()
            .map(|entry| {
                Ok(event::RosterEntry {
                    commitment: digest(&entry.commitment, "roster.commitment")?,
                    for_information: entry.for_information,
                })
            })
            .collect::<Result<_, EventError>>()?,
    })
}

fn identity(value: &event::RecipientIdentity) -> RecipientIdentity {
    RecipientIdentity {
        id: text(&value.id),
        name: text(&value.name),
        function: text(&value.function),
    }
}

pub(super) fn encode_identity(value: &event::RecipientIdentity) -> Result<Vec<u8>, EventError> {
    to_der(&identity(value))
}

fn personal(value: &event::PersonalData) -> PersonalData {
    PersonalData {
        recipient: value.recipient.as_ref().map(|opening| RosterOpening {
            identity: identity(&opening.identity),
            salt: octets(opening.salt.as_bytes()),
        }),
        address: value.address.as_ref().map(text),
        channel: value.channel.map(|channel| match channel {
            event::Channel::Dematerialise => Channel::Dematerialise,
            event::Channel::Papier => Channel::Papier,
        }),
        channel_chosen_on: value.channel_chosen_on.as_ref().map(text),
        relay_answer: value.relay_answer.as_ref().map(text),
        message_id: value.message_id.as_ref().map(text),
        network_address: value.network_address.as_ref().map(text),
    }
}

pub(super) fn encode_personal(value: &event::PersonalData) -> Result<Vec<u8>, EventError> {
    to_der(&personal(value))
}

pub(super) fn decode_erasable(bytes: &[u8]) -> Result<event::ErasablePart, EventError> {
    let ErasablePart { salt, data } = from_der(bytes)?;
    Ok(event::ErasablePart {
        salt: event::Salt::from_bytes(fixed(&salt, "salt")?),
        data: event::PersonalData {
            recipient: data
                .recipient
                .map(|opening| {
                    Ok::<_, EventError>(event::RosterOpening {
                        identity: event::RecipientIdentity {
                            id: event::Text::new(opening.identity.id)?,
                            name: event::Text::new(opening.identity.name)?,
                            function: event::Text::new(opening.identity.function)?,
                        },
                        salt: event::Salt::from_bytes(fixed(&opening.salt, "recipient.salt")?),
                    })
                })
                .transpose()?,
            address: optional_text(data.address)?,
            channel: data.channel.map(|channel| match channel {
                Channel::Dematerialise => event::Channel::Dematerialise,
                Channel::Papier => event::Channel::Papier,
            }),
            channel_chosen_on: optional_text(data.channel_chosen_on)?,
            relay_answer: optional_text(data.relay_answer)?,
            message_id: optional_text(data.message_id)?,
            network_address: optional_text(data.network_address)?,
        },
    })
}
