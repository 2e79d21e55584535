//! X-Wing, by the vectors of draft-connolly-cfrg-xwing-kem (`x_wing_vectors.json`: its
//! `spec/test-vectors.json`, as the crate `x-wing` 0.1.1 has it).

use std::convert::Infallible;

use channel::Suite;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, Serializable as _};
use sealing::KemSecret;
use serde_json::Value;
use zeroize::Zeroizing;

/// Draws the vector's randomness.
struct Drawn(Vec<u8>);

impl rand_core::TryRng for Drawn {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("randomness is drawn as bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("randomness is drawn as bytes")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Drawn {}

#[test]
fn vectors_of_the_draft() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("x_wing_vectors.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let field = |name: &str| -> Vec<u8> {
            let hex = vector[name].as_str().unwrap();
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (0..hex.len()).step_by(2).map(byte).collect()
        };
        let seed = Zeroizing::new(<[u8; 32]>::try_from(field("sk")).unwrap());
        let ours = KemSecret::from_bytes(Suite::XWingAes256Gcm, &seed).unwrap();
        assert_eq!(ours.public().as_bytes(), field("pk"));
        assert_eq!(*ours.to_bytes(), *seed);
        let secret = <XWing as Kem>::PrivateKey::from_bytes(&*seed).unwrap();
        let public = <XWing as Kem>::PublicKey::from_bytes(&field("pk")).unwrap();
        let (shared, encapsulated) =
            XWing::encap_with_rng(&public, None, &mut Drawn(field("eseed"))).unwrap();
        assert_eq!(shared.0.as_slice(), field("ss"));
        assert_eq!(encapsulated.to_bytes().as_slice(), field("ct"));
        let shared = XWing::decap(&secret, None, &encapsulated).unwrap();
        assert_eq!(shared.0.as_slice(), field("ss"));
    }
}
