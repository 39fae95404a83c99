// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why evidence is not proven. Codes are stable; texts may be reworded.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::witnesses::Witnessing;
use crate::digest::Sha256Digest;
use crate::event::EventError;
use crate::merkle::MerkleError;
use crate::receipt::Demand;
use crate::time::Time;
use crate::tlog::{CheckpointError, NoteError, TlogProofError};
use crate::tsp::{TspError, TspRejection};

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? })? $(($inner:ty))?
        => $code:literal $(, undecided $undecided:literal)?;)+) => {
        /// The step that failed and what was found there.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Rejection {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type),+ })? $(($inner))?,)+
        }

        impl Rejection {
            /// Every code of this type, without those of tokens (`tsp.…`).
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// The stable code; that of the token's own rejection where there is one.
            #[must_use]
            #[allow(unused_variables)]
            pub fn code(&self) -> &'static str {
                if let Self::Token(inner) = self {
                    return inner.code();
                }
                match self {
                    $(Self::$name $({ $($field: _),+ })? $((rejections!(@ignore $inner)))? => $code,)+
                }
            }

            fn undecided_by_kind(&self) -> bool {
                match self {
                    $(Self::$name { .. } => false $(|| $undecided)?,)+
                }
            }
        }
    };
    (@ignore $inner:ty) => { _ };
}

rejections! {
    /// The event's bytes are not an evidence event.
    Event(EventError) => "event.malformed", undecided true;
    /// The event says demonstration where production is trusted, or the other way round.
    Environment => "event.environment";
    /// The event names a log that the trust policy does not know.
    LogUnknown { /** The event's origin. */ origin: String } => "log.unknown", undecided true;
    /// The token's bytes are not a token, or not one with the leaf's skeleton.
    TokenMalformed(TspError) => "token.malformed", undecided true;
    /// The token does not prove this event.
    Token(TspRejection) => "token.rejected";
    /// The token was made under another policy than the evidence authority's, for example by the public `/tsa`.
    TokenPolicy { /** Policy found. */ policy: String } => "token.policy";
    /// The token was signed by a certificate that is not the evidence authority's.
    TokenAuthority => "token.authority";
    /// The token is dated later than the verifier's own clock: one of the two is wrong.
    FromTheFuture { /** The token's. */ gen_time: Time, /** The verifier's. */ now: Time } => "token.from_the_future", undecided true;
    /// The authority was not active at this index of the log.
    AuthorityRange { /** Index in the log. */ index: u64 } => "token.authority_range";
    /// The proof's text is malformed, the log's signature does not hold, or the token is not in its tree.
    Proof(TlogProofError) => "log.proof", undecided true;
    /// The checkpoint is of another log than the event.
    CheckpointOrigin { /** Origin found. */ found: String } => "log.origin", undecided true;
    /// A checkpoint of a closed log lies beyond its end. The log's key signed it, and who closed the log where it did may have lost what was
    /// recorded since, or wants to be rid of it: that voids nobody's receipt, and proves none.
    BeyondEnd { /** Entries under the checkpoint. */ size: u64, /** Size of the closed log. */ final_size: u64 } => "log.beyond_end", undecided true;
    /// The trust bundle gives a closed log another root at the checkpoint's size: two histories.
    TwoHistories { /** A quorum of witnesses cosigned the one that is shown: then nobody can tell that it is the false one. */ witnessed: bool } => "log.two_histories";
    /// The receipt stands under an earlier checkpoint of a log that is closed: fetch it again under the final one.
    NotFinal { /** Its size. */ size: u64, /** Size of the closed log. */ final_size: u64 } => "log.not_final", undecided true;
    /// A log's first leaf, a ShardOpening, says that the log before it ended elsewhere than where the trust bundle closes that one.
    Opening { /** The log before. */ previous: String, /** Its entries, as the leaf says. */ size: u64, /** As the trust bundle says; `None` when it does not close that log. */ closed: Option<u64> } => "log.opening";
    /// A checkpoint beside the proof is malformed or not signed by the log.
    Checkpoint(CheckpointError) => "log.checkpoint", undecided true;
    /// Two checkpoints of the receipt are not shown to belong to one history.
    Consistency(MerkleError) => "log.consistency", undecided true;
    /// The checkpoint shown as "before" already contains the entry.
    BeforeContainsEntry => "log.before_contains_entry", undecided true;
    /// A cosignature of a trusted witness does not hold.
    Cosignature(NoteError) => "witness.cosignature", undecided true;
    /// The token's time lies outside what the witnesses saw: backdated or postdated.
    OutsideBounds { /** The token's. */ gen_time: Time, /** Witnessed without the entry. */ low: Option<Time>, /** Witnessed with it. */ high: Option<Time> } => "witness.outside_bounds";
    /// The witnesses' bounds lie too far from the token's time to exclude backdating.
    Gap { /** The token's. */ gen_time: Time, /** Witnessed without the entry. */ low: Time, /** Witnessed with it. */ high: Time } => "witness.gap", undecided true;
    /// An anchor's token is malformed. Anybody can add an anchor to a good receipt: whatever is wrong with one tells nothing against
    /// the rest.
    AnchorMalformed(TspError) => "anchor.malformed", undecided true;
    /// An anchor's token does not prove its checkpoint.
    Anchor(TspRejection) => "anchor.rejected", undecided true;
    /// The evidence authority anchors itself.
    AnchorNotOutside => "anchor.not_outside", undecided true;
    /// An outside authority stamped the entry before the token says that it was made. Which of the two clocks is wrong nobody can tell.
    AnchorBefore { /** The token's. */ gen_time: Time, /** The latest that the anchor's token allows. */ anchored: Time } => "anchor.before_gen_time", undecided true;
    /// The level reached is below the one demanded.
    Level { /** Reached. */ reached: Demand, /** Demanded. */ demanded: Demand, /** By which witnesses. */ shown: Box<Witnessing> } => "level.below_demand", undecided true;
    /// The personal part does not belong to this event.
    Personal => "personal.mismatch";
    /// The personal part names another person than the roster.
    Roster { /** Index. */ recipient: u32 } => "personal.roster";
    /// The file holds no receipt of a sending.
    NoSubmission => "file.no_submission", undecided true;
    /// So many receipts of the file were rejected that those after them were not judged.
    Unjudged { /** How many were not. */ left: usize } => "file.unjudged", undecided true;
    /// The file mixes logs or collectivités.
    Mixed => "file.mixed", undecided true;
    /// Two receipts of one event, or two events of one rank.
    Duplicate { /** Rank. */ rank: u64, /** They are of one event. */ same: bool } => "file.duplicate";
    /// Events are missing between two others.
    Gaps { /** First missing rank. */ from: u64, /** Last missing rank. */ to: u64 } => "file.gap", undecided true;
    /// An event does not cite the one before it.
    Chain { /** Rank. */ rank: u64 } => "file.chain";
    /// An event refers to one that is not in the file, or of the wrong kind or recipient.
    Reference { /** Rank. */ rank: u64 } => "file.reference";
    /// An event names a recipient or paper that its sending does not have.
    OutsideSending { /** Rank. */ rank: u64 } => "file.outside_sending";
    /// A document of the file is no paper of its sendings: its bytes were changed, or it was added.
    DocumentUnknown { /** File name. */ name: String } => "document.unknown";
    /// A paper of a sending is not in the file.
    DocumentMissing { /** Title. */ title: String, /** Its SHA-256. */ digest: Sha256Digest } => "document.missing", undecided true;
    /// The rule declared is not the law's for the facts declared.
    Rule { /** Declared. */ declared: String, /** The law's. */ law: String } => "law.rule";
    /// The law of this assembly is not known to this program, or the declared facts contradict themselves.
    Law { /** The problem. */ problem: String } => "law.unknown", undecided true;
}

impl Rejection {
    /// "Cannot decide" rather than "disproven": more trust, more evidence or a newer program could change it, or it is about a part of
    /// the file that nobody signs and anybody can have changed. Disproven is what the signatures of the authority, the log and the
    /// witnesses contradict.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Token(inner) => inner.is_undecided(),
            // A trust bundle that leaves the old log open may be older than the new log.
            Self::Opening { closed, .. } => closed.is_none(),
            Self::TwoHistories { witnessed } => *witnessed,
            // Who put the receipt in twice changed nothing of what happened.
            Self::Duplicate { same, .. } => *same,
            _ => self.undecided_by_kind(),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(error) => write!(f, "the event: {error}"),
            Self::Environment => f.write_str("the event is of another environment (production or demonstration) than the one trusted"),
            Self::LogUnknown { origin } => write!(f, "the log {origin} is not in the trust bundle"),
            Self::TokenMalformed(error) => write!(f, "the timestamp token: {error}"),
            Self::Token(error) => write!(f, "the timestamp token: {error}"),
            Self::TokenPolicy { policy } => write!(f, "the token was made under policy {policy}, which is not the evidence authority's"),
            Self::TokenAuthority => f.write_str("the token was signed by another authority than the evidence authority trusted"),
            Self::AuthorityRange { index } => write!(f, "the authority was not active at index {index} of the log"),
            Self::Proof(error) => write!(f, "the log's proof: {error}"),
            Self::CheckpointOrigin { found } => write!(f, "the proof is of the log {found}, not of the event's"),
            Self::BeyondEnd { size, final_size } => write!(f, "the log's key signed {size} entries, and the trust bundle closes that log at {final_size}"),
            Self::TwoHistories { witnessed: false } => f.write_str("the log shows another root than the trust bundle at one size: two histories"),
            Self::TwoHistories { witnessed: true } => f.write_str("a quorum of witnesses cosigned another root than the trust bundle gives at that size: two histories"),
            Self::Opening { previous, closed: None, .. } => write!(f, "the log goes on for {previous}, which the trust bundle does not close"),
            Self::Opening { previous, size, closed: Some(closed) } if closed == size => write!(f, "the log goes on for {previous} from another tree of {size} entries than the one at which the trust bundle closes it"),
            Self::Opening { previous, size, closed: Some(closed) } => write!(f, "the log goes on for {previous} from {size} entries, and the trust bundle closes that one at {closed}"),
            Self::Checkpoint(error) => write!(f, "a checkpoint: {error}"),
            Self::Consistency(error) => write!(f, "nothing shows that two checkpoints belong to one history: {error}"),
            Self::BeforeContainsEntry => f.write_str("the checkpoint shown as \"before\" already contains the entry"),
            Self::Cosignature(error) => write!(f, "a witness's cosignature: {error}"),
            Self::OutsideBounds { gen_time, low: Some(low), high: Some(high) } => write!(f, "the token says {gen_time}, but the witnesses bound the entry between {low} and {high}"),
            Self::OutsideBounds { gen_time, low: Some(low), .. } => write!(f, "the token says {gen_time}, but witnesses saw the log without the entry at {low}"),
            Self::OutsideBounds { gen_time, high, .. } => {
                write!(f, "the token says {gen_time}, but witnesses saw the entry before that")?;
                high.map_or(Ok(()), |high| write!(f, ", at {high}"))
            }
            Self::Gap { gen_time, low, high } => write!(f, "the token says {gen_time}; the witnesses' bounds, {low} and {high}, are too far from it to exclude backdating"),
            Self::AnchorMalformed(error) => write!(f, "an anchor's token: {error}"),
            Self::Anchor(error) => write!(f, "an anchor's token: {error}"),
            Self::AnchorBefore { gen_time, anchored } => write!(f, "the token says {gen_time}, but an outside authority stamped the entry by {anchored}: one of the two clocks is wrong"),
            Self::AnchorNotOutside => f.write_str("the evidence authority cannot anchor its own log"),
            Self::Level { reached, demanded, .. } => write!(f, "the level reached is {reached:?}, {demanded:?} is demanded"),
            Self::Personal => f.write_str("the personal part does not belong to this event"),
            Self::Roster { recipient } => write!(f, "the personal part names another person than recipient {recipient} of the roster"),
            Self::NoSubmission => f.write_str("the file holds no sending (SubmissionAcceptance)"),
            Self::Unjudged { left } => write!(f, "of the receipts after these {left} were not judged, as so many were rejected"),
            Self::Mixed => f.write_str("the file mixes logs or collectivités"),
            Self::Duplicate { rank, same: true } => write!(f, "the receipt of rank {rank} is there twice"),
            Self::Duplicate { rank, same: false } => write!(f, "two events of rank {rank}: the log shows two histories"),
            Self::Gaps { from, to } if from == to => write!(f, "the event of rank {from} is missing: the file is incomplete"),
            Self::Gaps { from, to } => write!(f, "events of ranks {from} to {to} are missing: the file is incomplete"),
            Self::NotFinal { size, final_size } => write!(f, "the receipt stands under a checkpoint of {size} entries of a log that was closed at {final_size}: fetch it again"),
            Self::FromTheFuture { gen_time, now } => write!(f, "the token is dated {gen_time}, and the verifier's clock says {now}: one of them is wrong"),
            Self::Chain { rank } => write!(f, "the event of rank {rank} does not cite the one before it"),
            Self::Reference { rank } => write!(f, "the event of rank {rank} refers to an event that is not in the file or does not fit it"),
            Self::OutsideSending { rank } => write!(f, "the event of rank {rank} names a recipient or paper that its sending does not have"),
            Self::DocumentUnknown { name } => write!(f, "the document {name} is not one of those that were sent: its bytes differ or it was added"),
            Self::DocumentMissing { title, digest } => write!(f, "the paper {title:?} (SHA-256 {digest}) is not in the file"),
            Self::Rule { declared, law } => write!(f, "the rule declared, {declared}, is not the law's for the declared facts: {law}"),
            Self::Law { problem } => write!(f, "the convening period cannot be judged: {problem}"),
        }
    }
}

impl core::error::Error for Rejection {}

/// A rejection and the receipt it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Position of the receipt in the file, from 0; absent when it concerns the whole.
    pub receipt: Option<usize>,
    /// What was found.
    pub rejection: Rejection,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.receipt {
            Some(index) => write!(f, "receipt {index}: {}", self.rejection),
            None => self.rejection.fmt(f),
        }
    }
}
