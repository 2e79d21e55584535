//! RFC 9180, appendix A.7.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export only, mode Base.

use std::convert::Infallible;

use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const IKM_E: &str = "55bc245ee4efda25d38f2d54d5bb6665291b99f8108a8c4b686c2b14893ea5d9";
const IKM_R: &str = "683ae0da1d22181e74ed2e503ebf82840deb1d5e872cade20f4b458d99783e31";
const PK_R: &str = "194141ca6c3c3beb4792cd97ba0ea1faff09d98435012345766ee33aae2d7664";
const SK_R: &str = "33d196c830a12f9ac65d6e565a590d80f04ee9b19c83c87f2c170d972a812848";
const ENC: &str = "e5e8f9bfff6c2f29791fc351d2c25ce1299aa5eaca78a757c0b4fb4bcd830918";
const EXPORTS: [(&str, &str); 3] = [
    ("", "7a36221bd56d50fb51ee65edfd98d06a23c4dc87085aa5866cb7087244bd2a36"),
    ("00", "d5535b87099c6c3ce80dc112a2671c6ec8e811a2f284f948cec6dd1708ee33f0"),
    ("54657374436f6e74657874", "ffaabc85a776136ca0c378e5d084c9140ab552b78f039d2e8775f26efff4c70e"),
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Draws the vector's keying material, from which the ephemeral key is derived.
struct Ikm;

impl rand_core::TryRng for Ikm {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keying material is drawn as bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keying material is drawn as bytes")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&bytes(IKM_E));
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Ikm {}

#[test]
fn rfc_9180_a_7_1() {
    let (secret, public) = X25519HkdfSha256::derive_keypair(&bytes(IKM_R));
    // The appendix prints it before clamping (RFC 7748 section 5), which taking it in does.
    assert!(
        <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(&bytes(SK_R)).unwrap() == secret
    );
    assert_eq!(public.to_bytes().as_slice(), bytes(PK_R));
    let info = bytes(INFO);
    let (encapsulated, sender) = hpke::setup_sender_with_rng::<
        ExportOnlyAead,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &public, &info, &mut Ikm)
    .unwrap();
    assert_eq!(encapsulated.to_bytes().as_slice(), bytes(ENC));
    let encapsulated =
        <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(&bytes(ENC)).unwrap();
    let reader = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        &info,
    )
    .unwrap();
    for (context, value) in EXPORTS {
        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        sender.export(&bytes(context), &mut ours).unwrap();
        reader.export(&bytes(context), &mut theirs).unwrap();
        assert_eq!((ours.as_slice(), theirs.as_slice()), (&*bytes(value), &*bytes(value)));
    }
}
