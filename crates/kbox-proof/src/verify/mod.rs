// SPDX-License-Identifier: Apache-2.0 OR MIT
//! **The** verification: the server, the library's users, the verifier and the tests all call it.
//!
//! [`verify_receipt`] proves one event, [`verify_proof_file`] a whole séance on top of it. Whom to trust is the auditor's
//! to say: a [`TrustPolicy`] comes from outside the evidence. A success proves that an assertion existed no later than a
//! moment. It does not prove that the assertion is true.

mod policy;
mod proof_file;
mod receipt;
mod rejection;
mod witnesses;

pub use self::policy::{TrustPolicy, TrustProblem};
pub use self::proof_file::{
    LegalVerdict, Period, RecipientLine, SendingVerdict, VerifiedErasure, VerifiedProofFile,
    VerifiedSending, check_rule, verify_proof_file,
};
pub use self::receipt::{VerifiedAnchor, VerifiedReceipt, verify_receipt};
pub use self::rejection::{Finding, Rejection};
pub use self::witnesses::{Bound, Cosigned, OperatorShown, Witnessing};
