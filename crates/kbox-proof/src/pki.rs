// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A development PKI: a root and the certificates of the two timestamp authorities. Nobody has cause to trust it but whoever
//! made it; the root's key is dropped once it has signed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm,
};

use crate::key::{KeyError, TokenKeyKind, TokenSigner};
use crate::time::Time;
use crate::tsp::der;
use crate::tsp::oid::known;

/// What stands in every name of a demonstration's certificates.
pub const DEMONSTRATION: &str = "DEMONSTRATION - sans valeur probante";

/// Why no PKI could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PkiError {
    /// A key could not be made.
    Key(KeyError),
    /// A certificate could not be made.
    Certificate(String),
}

impl fmt::Display for PkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => error.fmt(f),
            Self::Certificate(cause) => write!(f, "the certificate could not be made: {cause}"),
        }
    }
}

impl core::error::Error for PkiError {}

impl From<KeyError> for PkiError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

/// A token key and its chain, the signer's certificate first, the root last.
#[derive(Debug)]
pub struct DevAuthority {
    /// The key.
    pub signer: TokenSigner,
    /// The certificates, in DER.
    pub chain: Vec<Vec<u8>>,
}

/// A root and two authorities under it.
#[derive(Debug)]
pub struct DevPki {
    /// The root's certificate, in DER.
    pub root: Vec<u8>,
    /// The authority that stamps evidence events.
    pub evidence: DevAuthority,
    /// The authority of the public `POST /tsa`.
    pub public: DevAuthority,
}

impl DevPki {
    /// Makes a PKI valid for ten years from the day before `now`; P-256 throughout.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn generate(now: Time, demonstration: bool) -> Result<Self, PkiError> {
        let (evidence, public) = (TokenSigner::generate()?, TokenSigner::generate()?);
        Self::with_keys(now, demonstration, evidence, public)
    }

    /// As [`DevPki::generate`], with these keys for the two authorities.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn with_keys(
        now: Time,
        demonstration: bool,
        evidence: TokenSigner,
        public: TokenSigner,
    ) -> Result<Self, PkiError> {
        let root_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(now, "kbox Root", demonstration)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = alloc::vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&root_key)?.der().to_vec();
        let issuer = Issuer::new(params, root_key);
        let authority = |name, signer| issue(&issuer, &root, now, name, signer, demonstration);
        Ok(Self {
            evidence: authority("kbox Evidence TSU", evidence)?,
            public: authority("kbox Public TSU", public)?,
            root,
        })
    }
}

/// The public half of a token key, as rcgen wants it.
pub(crate) struct PublicHalf<'a>(&'a TokenSigner, Vec<u8>);

impl<'a> PublicHalf<'a> {
    pub(crate) fn new(signer: &'a TokenSigner) -> Self {
        Self(signer, signer.public_key_bits())
    }
}

impl PublicKeyData for PublicHalf<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.1
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.0.kind() {
            TokenKeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            TokenKeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            TokenKeyKind::Rsa { .. } => &rcgen::PKCS_RSA_SHA256,
            TokenKeyKind::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }
}

fn issue(
    issuer: &Issuer<'_, KeyPair>,
    root: &[u8],
    now: Time,
    name: &str,
    signer: TokenSigner,
    demonstration: bool,
) -> Result<DevAuthority, PkiError> {
    let mut params = params(now, name, demonstration)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = alloc::vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // RFC 3161 §2.3: critical, and timeStamping alone; rcgen's own extKeyUsage is never critical.
    let purpose = der::element(
        der::SEQUENCE,
        &[&der::element(der::OID, &[known::TIME_STAMPING])],
    );
    let mut usage = CustomExtension::from_oid_content(&[2, 5, 29, 37], purpose);
    usage.set_criticality(true);
    params.custom_extensions.push(usage);
    let half = PublicHalf::new(&signer);
    let certificate = params.signed_by(&half, issuer)?.der().to_vec();
    Ok(DevAuthority {
        signer,
        chain: alloc::vec![certificate, root.to_vec()],
    })
}

fn params(now: Time, name: &str, demonstration: bool) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    let suffix = crate::digest::hex(&crate::key::random_bytes::<4>()?);
    let name = match demonstration {
        true => alloc::format!("{name} {suffix} {DEMONSTRATION}"),
        false => alloc::format!("{name} {suffix}"),
    };
    subject.push(DnType::CountryName, "FR");
    subject.push(
        DnType::OrganizationName,
        if demonstration { DEMONSTRATION } else { "kbox" },
    );
    // RFC 5280 appendix A: at most 64 characters.
    subject.push(
        DnType::CommonName,
        name.chars().take(64).collect::<String>(),
    );
    params.distinguished_name = subject;
    let day = now.saturating_sub(core::time::Duration::from_secs(86_400));
    let date = jiff::tz::Offset::UTC.to_datetime(day.to_timestamp());
    let (month, day) = (
        date.month().unsigned_abs(),
        date.day().unsigned_abs().min(28),
    );
    params.not_before = rcgen::date_time_ymd(date.year().into(), month, day);
    params.not_after = rcgen::date_time_ymd(i32::from(date.year()) + 10, month, day);
    Ok(params)
}
