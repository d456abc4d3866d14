//! The key pair that an application's interactions are signed with: derived from the sealing key and the application's number, so
//! that no private key is stored.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::keys::SecretKey;
use crate::model::ApplicationId;

/// What keeps these seeds apart from whatever else is derived from the sealing key.
const PURPOSE: &str = "hearth interactions";

/// The key pair of an application (RFC 8032), whose seed is HMAC-SHA256 of its number under the sealing key.
fn key_pair(sealing: &SecretKey, application: ApplicationId) -> Ed25519KeyPair {
    let key = hmac::Key::new(hmac::HMAC_SHA256, sealing.expose());
    let seed = hmac::sign(&key, format!("{PURPOSE} {application}").as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("an HMAC-SHA256 has the 32 bytes of a seed")
}

/// The public key of an application as the API shows it: 64 hex digits.
pub fn verify_key(sealing: &SecretKey, application: ApplicationId) -> String {
    key_pair(sealing, application).public_key().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::auth::keys::Keys;

    #[test]
    fn the_shown_key_verifies_what_the_derived_pair_signs_and_no_other() {
        let data = tempfile::tempdir().unwrap();
        let keys = Keys::open(data.path()).unwrap();
        let shown = verify_key(&keys.sealing, ApplicationId::new(7));
        assert_eq!(shown, verify_key(&Keys::open(data.path()).unwrap().sealing, ApplicationId::new(7)));
        let public: Vec<u8> = (0..shown.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&shown[at..at + 2], 16).unwrap())
            .collect();
        let verifies = |application: u64| {
            let signature = key_pair(&keys.sealing, ApplicationId::new(application)).sign(b"1700000000{}");
            UnparsedPublicKey::new(&ED25519, &public).verify(b"1700000000{}", signature.as_ref()).is_ok()
        };
        assert!(verifies(7) && !verifies(8));
    }
}
