// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Evidence events: what happened to a convocation, in the names of ETSI EN 319 522.
//!
//! A [`Body`] is what a caller asserts. The ledger adds the [`Header`] and makes the [`EvidenceEvent`], whose DER form is
//! timestamped. Nothing in it identifies a person: that stands in [`PersonalData`], bound by a salted digest and erasable
//! alone. The byte forms are in `docs/formats.md`; the ASN.1 stands above the wire types in `wire`.
//!
//! Out of scope: who may record an event (the server), whether its references exist (the ledger), and whether the
//! assertion is true (nobody can verify that).

pub(crate) mod encoded;
mod error;
mod personal;
mod submission;
mod text;
pub(crate) use text::hides_something;
mod wire;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use self::encoded::EncodedBody;
pub use self::error::EventError;
pub use self::personal::{Channel, ErasablePart, PersonalData, RecipientIdentity, RosterOpening};
pub use self::submission::{Nature, Paper, PaperNature, RosterEntry, Rule, Seance, Submission};
pub use self::text::Text;
use crate::digest::{Sha256Digest, hex};
use crate::time::Time;

/// No event is longer than this in DER: a roster of 4,096 and 1,024 papers fit.
pub const MAX_EVENT_BYTES: usize = 1 << 20;
/// No recipient list is longer; the largest French assembly has 577 members.
pub const MAX_ROSTER: usize = 4096;
/// No sending holds more papers.
pub const MAX_PAPERS: usize = 1024;
/// No event gives more reasons.
pub const MAX_REASONS: usize = 16;

const ETSI_EVENT: &str = "http://uri.etsi.org/19522/Event/";
/// Under the same arc as the timestamp policies, since ETSI has no name for it.
const TRUST_BUNDLE_PUBLICATION: &str = "urn:oid:2.25.51118242154837226066215980302773697965.2.1";
const PERSONAL_DATA_ERASURE: &str = "urn:oid:2.25.51118242154837226066215980302773697965.2.2";
const SHARD_OPENING: &str = "urn:oid:2.25.51118242154837226066215980302773697965.2.3";

/// 32 random bytes of the ledger's generator, one an event and one a personal part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Bytes drawn from a cryptographic generator.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Never printed: whoever knows a salt can guess what it hides.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Serialize for Salt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sha256Digest::from_bytes(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Sha256Digest::deserialize(deserializer).map(|bytes| Self(*bytes.as_bytes()))
    }
}

/// A random UUID of the ledger's, 16 bytes; written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId([u8; 16]);

impl EventId {
    /// Sixteen random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::digest::from_hex(text)?.try_into().ok().map(Self)
    }
}

impl TryFrom<String> for EventId {
    type Error = EventError;
    fn try_from(text: String) -> Result<Self, EventError> {
        Self::parse(&text).ok_or(EventError::Length { field: "eventId" })
    }
}
impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

const OPERATOR: &str = "kbox";

/// Whose event it is: a SIREN of nine digits, or `kbox` for the log's operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Collectivite(Owner);

/// There are few bytes, and copies of them in every structure of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Owner {
    Siren([u8; 9]),
    Operator,
}

impl Collectivite {
    /// Reads a SIREN, or `kbox`.
    ///
    /// # Errors
    /// [`EventError::NotASiren`].
    pub fn parse(text: &str) -> Result<Self, EventError> {
        match <[u8; 9]>::try_from(text.as_bytes()) {
            Ok(siren) if siren.iter().all(u8::is_ascii_digit) => Ok(Self(Owner::Siren(siren))),
            _ if text == OPERATOR => Ok(Self(Owner::Operator)),
            _ => Err(EventError::NotASiren),
        }
    }
    /// The log's own operator.
    #[must_use]
    pub fn operator() -> Self {
        Self(Owner::Operator)
    }
    /// The SIREN, or `kbox`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Nine digits.
            Owner::Siren(siren) => core::str::from_utf8(siren).unwrap_or_default(),
            Owner::Operator => OPERATOR,
        }
    }
}

impl TryFrom<String> for Collectivite {
    type Error = EventError;
    fn try_from(text: String) -> Result<Self, EventError> {
        Self::parse(&text)
    }
}
impl From<Collectivite> for String {
    fn from(value: Collectivite) -> Self {
        value.as_str().to_string()
    }
}
impl fmt::Display for Collectivite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a log (C2SP tlog-checkpoint): a schema-less URL, without space or `+`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// Reads an origin of at most 200 bytes.
    ///
    /// # Errors
    /// [`EventError::NotAnOrigin`].
    pub fn parse(text: &str) -> Result<Self, EventError> {
        let fits = (1..=200).contains(&text.len());
        if fits
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'+')
        {
            Ok(Self(text.to_string()))
        } else {
            Err(EventError::NotAnOrigin)
        }
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = EventError;
    fn try_from(text: String) -> Result<Self, EventError> {
        Self::parse(&text)
    }
}
impl From<Origin> for String {
    fn from(value: Origin) -> Self {
        value.0
    }
}
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the evidence is meant to prove anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real evidence.
    Production,
    /// Made to be looked at: keys without protection, an unverified clock.
    Demonstration,
}

/// What the ledger alone fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The log: an event cannot be moved to another.
    pub origin: Origin,
    /// Production or demonstration.
    pub environment: Environment,
    /// From the authenticated key, never from the body.
    pub collectivite: Collectivite,
    /// Random.
    pub event_id: EventId,
    /// Random: without it the digest of a short event could be guessed.
    pub salt: Salt,
    /// Dense in this collectivité, from 0: a missing event shows as a gap.
    pub rank: u64,
    /// Digest of this collectivité's event of rank - 1; absent at rank 0.
    pub previous: Option<Sha256Digest>,
    /// SHA-256 of the newest cosigned checkpoint seen: a true "not before".
    pub witnessed: Option<Sha256Digest>,
}

/// What happened, in the past tense: recorded after the act is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// The caller's clock, whole seconds; the legal instant is the token's genTime.
    pub claimed_time: Time,
    /// Why it failed; required on every negative event. Must not identify a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text>,
    /// Digest of the event that this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<Sha256Digest>,
    /// One alternative an event type.
    pub detail: Detail,
}

/// An event of one recipient, named by the index in the sending's roster, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientStep {
    /// Index in the roster.
    pub recipient: u32,
}

/// A paper that left for a recipient's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Index in the roster.
    pub recipient: u32,
    /// SHA-256 of the paper, one of the submission's.
    pub paper: Sha256Digest,
}

/// A version of the log's trust bundle was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustBundlePublication {
    /// From 1.
    pub version: u32,
    /// SHA-256 of the bytes served under `/trust`.
    pub bundle: Sha256Digest,
}

/// The ground of RGPD art. 17(1) on which personal data are erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureBasis {
    /// (a): no longer necessary for what they were collected for.
    NoLongerNecessary,
    /// (b): consent was withdrawn, and there is no other ground.
    ConsentWithdrawn,
    /// (c): the person objects.
    Objection,
    /// (d): they were processed unlawfully.
    UnlawfulProcessing,
    /// (e): a law demands it.
    LegalObligation,
    /// (f): collected from a child for a service of the information society.
    ChildsData,
}

impl ErasureBasis {
    /// All, in the order of their letters.
    pub const ALL: [Self; 6] = [
        Self::NoLongerNecessary,
        Self::ConsentWithdrawn,
        Self::Objection,
        Self::UnlawfulProcessing,
        Self::LegalObligation,
        Self::ChildsData,
    ];

    /// The letter in art. 17(1).
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::NoLongerNecessary => 'a',
            Self::ConsentWithdrawn => 'b',
            Self::Objection => 'c',
            Self::UnlawfulProcessing => 'd',
            Self::LegalObligation => 'e',
            Self::ChildsData => 'f',
        }
    }
}

/// The personal part of the event referred to is destroyed, and what compares its retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalDataErasure {
    /// Why it must be.
    pub basis: ErasureBasis,
    /// Where the decision is filed, such as a register's number. Must not identify a person.
    pub decision: Text,
    /// Function of whoever decided, such as « Déléguée à la protection des données ». Must not identify a person.
    pub by: Text,
}

/// Why a log was given up for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningReason {
    /// Its newest entries are lost: it was restored from a backup.
    Restore,
    /// A copy of it went on elsewhere.
    Copy,
    /// A wrong clock put a time into it that it cannot go back behind.
    WrongClock,
    /// What was written cannot be read any more.
    Damage,
}

impl OpeningReason {
    /// All.
    pub const ALL: [Self; 4] = [Self::Restore, Self::Copy, Self::WrongClock, Self::Damage];

    /// As the command line names it: `restore`, `copy`, `wrong-clock`, `damage`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Copy => "copy",
            Self::WrongClock => "wrong-clock",
            Self::Damage => "damage",
        }
    }
}

/// A log begins where an older one of the same operator ended: its leaf 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardOpening {
    /// The older log.
    pub previous: Origin,
    /// Entries under its highest known checkpoint.
    pub size: u64,
    /// Root of that checkpoint.
    pub root: Sha256Digest,
    /// SHA-256 of that checkpoint's note, as it is kept beside the older log.
    pub checkpoint: Sha256Digest,
    /// Why the older one is not continued.
    pub reason: OpeningReason,
}

/// What an event says, one alternative an event type, so that none can be read as another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "content")]
// One sending to many steps, and events are short-lived: a box would save nothing.
#[allow(clippy::large_enum_variant)]
#[non_exhaustive]
pub enum Detail {
    /// A sending was sealed: papers, rule and roster are fixed.
    SubmissionAcceptance(Submission),
    /// The papers were put at the recipient's disposal (*mise à disposition*).
    ContentConsignment(RecipientStep),
    /// They could not be.
    ContentConsignmentFailure(RecipientStep),
    /// The recipient was told (*avis*) otherwise than by a mail relay, for example by SMS.
    ConsignmentNotification(RecipientStep),
    /// The recipient could not be told.
    ConsignmentNotificationFailure(RecipientStep),
    /// A mail relay took the notice.
    #[serde(rename = "RelayToNonERDS")]
    RelayToNonErds(RecipientStep),
    /// A mail relay refused it.
    #[serde(rename = "RelayToNonERDSFailure")]
    RelayToNonErdsFailure(RecipientStep),
    /// The recipient opened the sending.
    ContentAccessTracking(RecipientStep),
    /// A paper was handed over to the recipient.
    ContentHandover(Handover),
    /// The recipient acknowledged (*accusé de réception*), as declared by the platform.
    ConsignmentAcceptance(RecipientStep),
    /// A version of the trust bundle was published by the log's operator.
    TrustBundlePublication(TrustBundlePublication),
    /// What identifies a person in an event is erased; recorded before it is destroyed.
    PersonalDataErasure(PersonalDataErasure),
    /// The log goes on for an older one that was closed.
    ShardOpening(ShardOpening),
}

impl Detail {
    /// The last part of the event's URI in EN 319 522-3.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SubmissionAcceptance(_) => "SubmissionAcceptance",
            Self::ContentConsignment(_) => "ContentConsignment",
            Self::ContentConsignmentFailure(_) => "ContentConsignmentFailure",
            Self::ConsignmentNotification(_) => "ConsignmentNotification",
            Self::ConsignmentNotificationFailure(_) => "ConsignmentNotificationFailure",
            Self::RelayToNonErds(_) => "RelayToNonERDS",
            Self::RelayToNonErdsFailure(_) => "RelayToNonERDSFailure",
            Self::ContentAccessTracking(_) => "ContentAccessTracking",
            Self::ContentHandover(_) => "ContentHandover",
            Self::ConsignmentAcceptance(_) => "ConsignmentAcceptance",
            Self::TrustBundlePublication(_) => "TrustBundlePublication",
            Self::PersonalDataErasure(_) => "PersonalDataErasure",
            Self::ShardOpening(_) => "ShardOpening",
        }
    }

    /// The event's URI (EN 319 522-3 table 2, or ours).
    #[must_use]
    pub fn uri(&self) -> String {
        match self {
            Self::TrustBundlePublication(_) => TRUST_BUNDLE_PUBLICATION.to_string(),
            Self::PersonalDataErasure(_) => PERSONAL_DATA_ERASURE.to_string(),
            Self::ShardOpening(_) => SHARD_OPENING.to_string(),
            _ => alloc::format!("{ETSI_EVENT}{}", self.name()),
        }
    }

    /// Whether it says that something failed, and so must give a reason.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        matches!(
            self,
            Self::ContentConsignmentFailure(_)
                | Self::ConsignmentNotificationFailure(_)
                | Self::RelayToNonErdsFailure(_)
        )
    }

    /// The recipient's index in the roster, for an event of one recipient.
    #[must_use]
    pub const fn recipient(&self) -> Option<u32> {
        match self {
            Self::SubmissionAcceptance(_)
            | Self::TrustBundlePublication(_)
            | Self::PersonalDataErasure(_)
            | Self::ShardOpening(_) => None,
            Self::ContentHandover(handover) => Some(handover.recipient),
            Self::ContentConsignment(step)
            | Self::ContentConsignmentFailure(step)
            | Self::ConsignmentNotification(step)
            | Self::ConsignmentNotificationFailure(step)
            | Self::RelayToNonErds(step)
            | Self::RelayToNonErdsFailure(step)
            | Self::ContentAccessTracking(step)
            | Self::ConsignmentAcceptance(step) => Some(step.recipient),
        }
    }

    /// What [`Body::refers_to`] must name.
    #[must_use]
    pub const fn refers_to(&self) -> Reference {
        match self {
            Self::TrustBundlePublication(_) | Self::ShardOpening(_) => Reference::Nothing,
            Self::PersonalDataErasure(_) => Reference::Erased,
            Self::SubmissionAcceptance(submission) if submission.version <= 1 => Reference::Nothing,
            Self::SubmissionAcceptance(_)
            | Self::ContentConsignment(_)
            | Self::ContentConsignmentFailure(_) => Reference::Submission,
            _ => Reference::Consignment,
        }
    }
}

/// The kind of event that another one follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// No `refersTo`.
    Nothing,
    /// The sending, or for a new version of it the version before.
    Submission,
    /// The same recipient's `ContentConsignment`.
    Consignment,
    /// The event whose personal part is erased: any but an erasure.
    Erased,
}

impl Body {
    /// Checks what the type system cannot: reasons, references, sizes.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn check(&self) -> Result<(), EventError> {
        if self.reasons.len() > MAX_REASONS {
            return Err(EventError::TooMany {
                what: "reasons",
                max: MAX_REASONS,
            });
        }
        if self.detail.is_negative() && self.reasons.is_empty() {
            return Err(EventError::ReasonMissing {
                event: self.detail.name(),
            });
        }
        match (self.detail.refers_to(), self.refers_to) {
            (Reference::Nothing, Some(_)) => {
                return Err(EventError::ReferenceUnexpected {
                    event: self.detail.name(),
                });
            }
            (Reference::Submission | Reference::Consignment | Reference::Erased, None) => {
                return Err(EventError::ReferenceMissing {
                    event: self.detail.name(),
                });
            }
            _ => {}
        }
        if self
            .detail
            .recipient()
            .is_some_and(|index| index as usize >= MAX_ROSTER)
        {
            return Err(EventError::TooMany {
                what: "recipients",
                max: MAX_ROSTER,
            });
        }
        if self.claimed_time.unix_nanos() % 1_000_000_000 != 0 {
            return Err(EventError::ClaimedTimeHasFraction);
        }
        match &self.detail {
            Detail::SubmissionAcceptance(submission) => submission.check(),
            Detail::TrustBundlePublication(publication) if publication.version == 0 => {
                Err(EventError::VersionZero)
            }
            _ => Ok(()),
        }
    }

    /// The bytes whose equality makes two requests the same request: everything but `claimed_time`.
    ///
    /// # Errors
    /// As [`Body::check`].
    pub fn idempotency_bytes(&self) -> Result<Vec<u8>, EventError> {
        EncodedBody::new(self)?.timeless()
    }
}

/// An event as it is timestamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceEvent {
    /// The ledger's part.
    pub header: Header,
    /// The caller's part.
    pub body: Body,
    /// [`ErasablePart::digest`] of what identifies a person.
    pub personal: Option<Sha256Digest>,
}

impl EvidenceEvent {
    /// The DER form.
    ///
    /// # Errors
    /// As [`Body::check`].
    pub fn to_der(&self) -> Result<Vec<u8>, EventError> {
        EncodedBody::new(&self.body)?.event(&self.header, self.personal.as_ref())
    }

    /// Reads the DER form; what is not exactly what [`EvidenceEvent::to_der`] writes is refused.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn from_der(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLong {
                found: bytes.len(),
                max: MAX_EVENT_BYTES,
            });
        }
        let event = wire::decode_event(bytes)?;
        if event.to_der()? != bytes {
            return Err(EventError::NotDer);
        }
        Ok(event)
    }
}

/// The digest of an event: what its timestamp token covers and what later events refer to.
#[must_use]
pub fn event_digest(event_der: &[u8]) -> Sha256Digest {
    Sha256Digest::of(event_der)
}
