// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Trust policies: which logs, which witnesses, and which of them are enough.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::checkpoint::{CheckpointError, VerifiedCheckpoint};
use super::cosignature::VerifiedCosignature;
use super::note::{Note, NoteError};
use super::vkey::{VerifierKey, VkeyError};
use crate::tsp::certificate_name::printable;

/// Longest policy accepted.
pub const MAX_POLICY_BYTES: usize = 512 * 1024;
/// Most logs, witnesses and groups, of each; the specification asks for 32 at least.
pub const MAX_POLICY_ENTRIES: usize = 64;

/// Why a policy cannot be read, or a checkpoint does not satisfy it. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The policy is longer than [`MAX_POLICY_BYTES`], or has more than [`MAX_POLICY_ENTRIES`] of a kind.
    TooLarge,
    /// A control character other than tab and newline, or DEL.
    ControlCharacter {
        /// The line.
        line: usize,
    },
    /// The last line does not end in a newline: the file may be cut off.
    CutOff,
    /// The line is none of `log`, `witness`, `group`, `quorum` in their form.
    Line {
        /// The line.
        line: usize,
    },
    /// A verifier key cannot be used.
    Key {
        /// The line.
        line: usize,
        /// Why.
        error: VkeyError,
    },
    /// A key of a type that signs no checkpoints (for logs) or no cosignatures (for witnesses).
    KeyType {
        /// The line.
        line: usize,
    },
    /// Two logs, or two witnesses, have the same public key.
    DuplicateKey {
        /// The line of the second.
        line: usize,
    },
    /// The name is taken, or is `none`.
    Name {
        /// The line.
        line: usize,
    },
    /// The name is not defined on an earlier line.
    UnknownName {
        /// The line.
        line: usize,
    },
    /// The name is already a member of a group.
    MemberTwice {
        /// The line.
        line: usize,
    },
    /// The threshold is not `all`, `any` or a number from 1 to the number of members.
    Threshold {
        /// The line.
        line: usize,
    },
    /// There is no quorum line, or more than one.
    Quorum,
    /// No log of the policy has the checkpoint's origin.
    UnknownLog {
        /// The origin.
        origin: String,
    },
    /// The log's signature does not hold.
    Checkpoint(CheckpointError),
    /// A known witness's cosignature does not hold.
    Cosignature(NoteError),
    /// The cosignatures hold but are not enough.
    QuorumNotMet {
        /// How many witnesses of the policy have cosigned.
        witnesses: usize,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(
                f,
                "the policy is over {MAX_POLICY_BYTES} bytes or {MAX_POLICY_ENTRIES} entries of a kind"
            ),
            Self::ControlCharacter { line } => write!(
                f,
                "policy line {line} has a control character; only tabs are allowed"
            ),
            Self::CutOff => {
                f.write_str("the policy's last line does not end in a newline; it may be cut off")
            }
            Self::Line { line } => write!(
                f,
                "policy line {line} is not a log, witness, group or quorum line in the form of C2SP tlog-policy"
            ),
            Self::Key { line, error } => write!(f, "policy line {line}: {error}"),
            Self::KeyType { line } => write!(
                f,
                "policy line {line}: a key of this type cannot sign for a log or a witness there"
            ),
            Self::DuplicateKey { line } => write!(
                f,
                "policy line {line} repeats a public key; one key counts once"
            ),
            Self::Name { line } => write!(
                f,
                "policy line {line} defines a name that is taken or reserved"
            ),
            Self::UnknownName { line } => write!(
                f,
                "policy line {line} uses a name that no earlier line defines"
            ),
            Self::MemberTwice { line } => write!(
                f,
                "policy line {line} puts a name into a second group; each may be in one only"
            ),
            Self::Threshold { line } => write!(
                f,
                "policy line {line}: the threshold must be all, any or a number from 1 to the number of members"
            ),
            Self::Quorum => f.write_str("the policy must have exactly one quorum line"),
            Self::UnknownLog { origin } => {
                write!(f, "the policy does not know the log {}", printable(origin))
            }
            Self::Checkpoint(error) => error.fmt(f),
            Self::Cosignature(error) => write!(f, "a cosignature does not hold: {error}"),
            Self::QuorumNotMet { witnesses: 0 } => {
                f.write_str("no witness of the policy cosigned, which is not a quorum")
            }
            Self::QuorumNotMet { witnesses: 1 } => {
                f.write_str("1 witness of the policy cosigned, which is not a quorum")
            }
            Self::QuorumNotMet { witnesses } => write!(
                f,
                "{witnesses} witnesses of the policy cosigned, which is not a quorum"
            ),
        }
    }
}

impl core::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Key { error, .. } => Some(error),
            Self::Checkpoint(error) => Some(error),
            Self::Cosignature(error) => Some(error),
            _ => None,
        }
    }
}

/// A log that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

impl PolicyLog {
    /// Its key; the key's name is the log's origin.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where to reach it, opaque octets.
    #[must_use]
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

/// A witness that the policy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    name: Vec<u8>,
    key: VerifierKey,
    url: Option<Vec<u8>>,
}

impl PolicyWitness {
    /// Its name within the policy, opaque octets; not the key's name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where to reach it, opaque octets.
    #[must_use]
    pub fn url(&self) -> Option<&[u8]> {
        self.url.as_deref()
    }
}

/// A member of a group, or the quorum: indexes into the policy's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    threshold: usize,
    members: Vec<Member>,
}

/// A policy in the form of C2SP tlog-policy. It proves inclusion, not time.
///
/// ```text
/// log <vkey> [<url>]
/// witness <name> <vkey> [<url>]
/// group <name> all|any|<k> <name>...
/// quorum <name>|none
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogPolicy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A checkpoint that satisfies a policy. Made only by [`TlogPolicy::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    checkpoint: VerifiedCheckpoint,
    cosignatures: Vec<VerifiedCosignature>,
}

impl WitnessedCheckpoint {
    /// The checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// All cosignatures by witnesses of the policy.
    #[must_use]
    pub fn cosignatures(&self) -> &[VerifiedCosignature] {
        &self.cosignatures
    }
}

impl TlogPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] with the line at fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge);
        }
        let body = bytes.strip_suffix(b"\n").ok_or(PolicyError::CutOff)?;
        let mut policy = Self {
            logs: Vec::new(),
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
        };
        let mut quorum_seen = false;
        // Which names are a member of a group already.
        let mut grouped: Vec<Member> = Vec::new();
        for (octets, line) in body.split(|b| *b == b'\n').zip(1..) {
            if octets
                .iter()
                .any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f)
            {
                return Err(PolicyError::ControlCharacter { line });
            }
            let mut items = octets
                .split(|b| matches!(b, b' ' | b'\t'))
                .filter(|item| !item.is_empty());
            let Some(keyword) = items.next() else {
                continue;
            };
            if keyword.starts_with(b"#") {
                continue;
            }
            let items: Vec<&[u8]> = items.collect();
            match (keyword, items.as_slice()) {
                (b"log", [vkey, url @ ..]) if url.len() <= 1 => {
                    let key = key(vkey, line)?;
                    if !key.signature_type().is_for_logs() {
                        return Err(PolicyError::KeyType { line });
                    }
                    if policy
                        .logs
                        .iter()
                        .any(|log| log.key.public_key() == key.public_key())
                    {
                        return Err(PolicyError::DuplicateKey { line });
                    }
                    policy.logs.push(PolicyLog {
                        key,
                        url: url.first().map(|url| url.to_vec()),
                    });
                }
                (b"witness", [name, vkey, url @ ..]) if url.len() <= 1 => {
                    policy.check_new_name(name, line)?;
                    let key = key(vkey, line)?;
                    if !key.signature_type().is_cosignature() {
                        return Err(PolicyError::KeyType { line });
                    }
                    if policy
                        .witnesses
                        .iter()
                        .any(|witness| witness.key.public_key() == key.public_key())
                    {
                        return Err(PolicyError::DuplicateKey { line });
                    }
                    let url = url.first().map(|url| url.to_vec());
                    policy.witnesses.push(PolicyWitness {
                        name: name.to_vec(),
                        key,
                        url,
                    });
                }
                (b"group", [name, threshold, names @ ..]) if !names.is_empty() => {
                    policy.check_new_name(name, line)?;
                    let mut members = Vec::new();
                    for name in names {
                        let member = policy
                            .lookup(name)
                            .ok_or(PolicyError::UnknownName { line })?;
                        if grouped.contains(&member) {
                            return Err(PolicyError::MemberTwice { line });
                        }
                        grouped.push(member);
                        members.push(member);
                    }
                    let threshold = threshold_of(threshold, members.len())
                        .ok_or(PolicyError::Threshold { line })?;
                    policy.groups.push(Group {
                        name: name.to_vec(),
                        threshold,
                        members,
                    });
                }
                (b"quorum", [name]) => {
                    if core::mem::replace(&mut quorum_seen, true) {
                        return Err(PolicyError::Quorum);
                    }
                    if *name != b"none" {
                        policy.quorum = Some(
                            policy
                                .lookup(name)
                                .ok_or(PolicyError::UnknownName { line })?,
                        );
                    }
                }
                _ => return Err(PolicyError::Line { line }),
            }
            let most = policy
                .logs
                .len()
                .max(policy.witnesses.len())
                .max(policy.groups.len());
            if most > MAX_POLICY_ENTRIES {
                return Err(PolicyError::TooLarge);
            }
        }
        if quorum_seen {
            Ok(policy)
        } else {
            Err(PolicyError::Quorum)
        }
    }

    /// The logs accepted.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses known.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether any witness is needed (`quorum none` needs none).
    #[must_use]
    pub const fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether these witnesses, by index into [`Self::witnesses`], are a quorum.
    #[must_use]
    pub fn is_quorum(&self, witnessed: impl Fn(usize) -> bool) -> bool {
        let Some(quorum) = self.quorum else {
            return true;
        };
        // Groups refer to earlier ones only, so one pass in order settles them all.
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, groups: &[bool]| match *member {
            Member::Witness(index) => witnessed(index),
            Member::Group(index) => groups.get(index).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group
                .members
                .iter()
                .filter(|member| holds(member, &groups))
                .count();
            groups.push(count >= group.threshold);
        }
        holds(&quorum, &groups)
    }

    /// Checks that a log of the policy signed the checkpoint, that every cosignature by a known witness holds, and that they
    /// are a quorum.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn verify(&self, note: &Note) -> Result<WitnessedCheckpoint, PolicyError> {
        let checkpoint = super::Checkpoint::parse(note.text()).map_err(PolicyError::Checkpoint)?;
        let mut verified = None;
        let mut failure = None;
        // Several keys may be listed for one origin: a signature by one is enough, but none that is there may be bad.
        for log in self
            .logs
            .iter()
            .filter(|log| log.key.name().as_str() == checkpoint.origin())
        {
            match VerifiedCheckpoint::verify(note, &log.key) {
                Ok(checkpoint) => verified = Some(checkpoint),
                Err(error @ CheckpointError::Note(NoteError::NotSignedBy { .. })) => {
                    failure = Some(error)
                }
                Err(error) => return Err(PolicyError::Checkpoint(error)),
            }
        }
        let checkpoint = match (verified, failure) {
            (Some(verified), _) => verified,
            (None, Some(error)) => return Err(PolicyError::Checkpoint(error)),
            (None, None) => {
                return Err(PolicyError::UnknownLog {
                    origin: checkpoint.origin().to_string(),
                });
            }
        };
        let mut cosignatures = Vec::new();
        let mut witnessed = Vec::with_capacity(self.witnesses.len());
        for witness in &self.witnesses {
            let found = checkpoint
                .cosignatures(&witness.key)
                .map_err(PolicyError::Cosignature)?;
            witnessed.push(!found.is_empty());
            cosignatures.extend(found);
        }
        if !self.is_quorum(|index| witnessed.get(index).copied().unwrap_or(false)) {
            let witnesses = witnessed.iter().filter(|cosigned| **cosigned).count();
            return Err(PolicyError::QuorumNotMet { witnesses });
        }
        Ok(WitnessedCheckpoint {
            checkpoint,
            cosignatures,
        })
    }

    fn lookup(&self, name: &[u8]) -> Option<Member> {
        let witness = self
            .witnesses
            .iter()
            .position(|witness| witness.name == name)
            .map(Member::Witness);
        witness.or_else(|| {
            self.groups
                .iter()
                .position(|group| group.name == name)
                .map(Member::Group)
        })
    }

    fn check_new_name(&self, name: &[u8], line: usize) -> Result<(), PolicyError> {
        if name == b"none" || self.lookup(name).is_some() {
            return Err(PolicyError::Name { line });
        }
        Ok(())
    }
}

fn key(octets: &[u8], line: usize) -> Result<VerifierKey, PolicyError> {
    let text = core::str::from_utf8(octets).map_err(|_| PolicyError::Key {
        line,
        error: VkeyError::Form,
    })?;
    VerifierKey::parse(text).map_err(|error| PolicyError::Key { line, error })
}

fn threshold_of(octets: &[u8], members: usize) -> Option<usize> {
    match octets {
        b"all" => Some(members),
        b"any" => Some(1),
        _ => {
            let number = super::decimal(core::str::from_utf8(octets).ok()?)?;
            usize::try_from(number)
                .ok()
                .filter(|k| (1..=members).contains(k))
        }
    }
}
