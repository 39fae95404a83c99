// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who asks, and how often: API keys, browser sessions, rate limits.

pub(crate) mod keyring;
pub(crate) mod limits;
pub(crate) mod sessions;

/// `len` random bytes in base64url without padding: 32 bytes make 43 characters.
pub(crate) fn secret() -> Result<zeroize::Zeroizing<String>, kbox_proof::key::KeyError> {
    use base64::Engine;
    let bytes = zeroize::Zeroizing::new(kbox_proof::key::random_bytes::<32>()?);
    Ok(zeroize::Zeroizing::new(
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_slice()),
    ))
}
