//! DSA, for PKITS 4.1.4 to 4.1.6: a backend that adds it to another one.
//!
//! FIPS 186-4 section 4.7, literally, with big integers: slow, and fit for public values only. It
//! shows what a backend can bring that the library does not know of, inherited parameters included
//! (RFC 5280 section 6.1.4 (d) to (f), RFC 3279 section 2.3.2).

use bonafide::signature::{
    KeyAlgorithm, Message, PreparedKey, PublicKey, SignatureAlgorithm, SignatureBackend,
    SignatureError,
};
use bonafide::x509::AlgorithmIdentifier;
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use num_bigint::BigUint;
use sha2::Digest as _;
use std::sync::Arc;

/// Another backend, and DSA.
#[derive(Clone, Debug)]
pub struct WithDsa<B>(pub B);

impl<B: SignatureBackend> SignatureBackend for WithDsa<B> {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if KeyAlgorithm::classify(&key.spki()) != KeyAlgorithm::Dsa {
            return self.0.verify(key, algorithm, message, signature);
        }
        let hash = match SignatureAlgorithm::recognize(algorithm) {
            Some(SignatureAlgorithm::DsaSha1) => sha1::Sha1::digest(message.octets()).to_vec(),
            Some(SignatureAlgorithm::DsaSha256) => sha2::Sha256::digest(message.octets()).to_vec(),
            Some(_) => return Err(SignatureError::KeyMismatch),
            None => return Err(SignatureError::UnsupportedAlgorithm),
        };
        let parameters = key.parameters().ok_or(SignatureError::UnsupportedKey)?;
        let [p, q, g] = integers(parameters).ok_or(SignatureError::MalformedKey)?;
        let y = UintRef::from_der(key.spki().key()).map_err(|_| SignatureError::MalformedKey)?;
        let y = BigUint::from_bytes_be(y.as_bytes());
        let [r, s] = integers(signature).ok_or(SignatureError::Invalid)?;
        if holds([&p, &q, &g, &y], [&r, &s], &hash) { Ok(()) } else { Err(SignatureError::Invalid) }
    }

    fn prepare(&self, key: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
        self.0.prepare(key)
    }
}

/// A SEQUENCE of `N` positive integers.
fn integers<const N: usize>(der: &[u8]) -> Option<[BigUint; N]> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader
        .sequence(|inner| {
            let mut numbers = Vec::new();
            while !inner.is_finished() {
                numbers.push(BigUint::from_bytes_be(UintRef::decode(inner)?.as_bytes()));
            }
            Ok::<_, der::Error>(numbers)
        })
        .ok()?;
    reader.is_finished().then_some(())?;
    numbers.try_into().ok()
}

/// FIPS 186-4 section 4.7.
fn holds([p, q, g, y]: [&BigUint; 4], [r, s]: [&BigUint; 2], hash: &[u8]) -> bool {
    let zero = BigUint::ZERO;
    if *r == zero || r >= q || *s == zero || s >= q || *p == zero {
        return false;
    }
    let Some(w) = s.modinv(q) else { return false };
    // The leftmost min(N, outlen) bits of the hash; N is a multiple of 8.
    let octets = usize::try_from(q.bits() / 8).unwrap_or(usize::MAX).min(hash.len());
    let (z, _) = hash.split_at(octets);
    let u1 = BigUint::from_bytes_be(z) * &w % q;
    let u2 = r * &w % q;
    let v = g.modpow(&u1, p) * y.modpow(&u2, p) % p % q;
    v == *r
}
