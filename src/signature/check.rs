//! One signature check: memo, prepared key, backend.
//!
//! The only place that inserts into a memo, and only after a backend said yes. Whether the algorithm
//! and the key are allowed was asked before (see [`AlgorithmPolicy`](super::AlgorithmPolicy)): a
//! memo filled under a lenient policy must not widen a strict one, so policy never comes after it.

use super::{
    MemoKey, Message, PreparedKey, PublicKey, SignatureBackend, SignatureError, SignatureMemo,
};
use crate::x509::AlgorithmIdentifier;

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureCheck<'a> {
    pub(crate) key: PublicKey<'a>,
    pub(crate) algorithm: AlgorithmIdentifier<'a>,
    pub(crate) message: &'a Message<'a>,
    /// The octets of the signature's BIT STRING, which had no unused bits.
    pub(crate) signature: &'a [u8],
}

/// How it is known that a signature holds; of interest to telemetry only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The backend verified it.
    Performed,
    /// The memo remembered it.
    Remembered,
}

impl SignatureCheck<'_> {
    /// Verifies, or remembers having verified. `prepared` was made from this check's key.
    pub(crate) fn run(
        &self,
        backend: &dyn SignatureBackend,
        prepared: Option<&dyn PreparedKey>,
        memo: Option<&dyn SignatureMemo>,
    ) -> Result<Checked, SignatureError> {
        let memo = memo.map(|memo| {
            (memo, MemoKey::new(self.key, self.algorithm, self.message, self.signature))
        });
        if let Some((memo, key)) = &memo
            && memo.contains(key)
        {
            return Ok(Checked::Remembered);
        }
        match prepared {
            Some(prepared) => prepared.verify(self.algorithm, self.message, self.signature)?,
            None => backend.verify(self.key, self.algorithm, self.message, self.signature)?,
        }
        if let Some((memo, key)) = memo {
            memo.insert(key);
        }
        Ok(Checked::Performed)
    }
}

#[cfg(all(test, target_has_atomic = "64"))]
mod tests {
    use super::super::vectors::{self, MESSAGE};
    use super::*;
    use crate::signature::SharedMemo;
    use crate::x509::SubjectPublicKeyInfo;
    use alloc::sync::Arc;
    use core::sync::atomic::{AtomicU32, Ordering};

    /// DSA with inherited parameters as a test would bring it: "signatures" are the effective
    /// parameters followed by the key's octets.
    #[derive(Debug, Default)]
    struct Toy {
        asked: AtomicU32,
    }

    impl SignatureBackend for Toy {
        fn verify(
            &self,
            key: PublicKey<'_>,
            _: AlgorithmIdentifier<'_>,
            _: &Message<'_>,
            signature: &[u8],
        ) -> Result<(), SignatureError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let parameters = key.parameters().ok_or(SignatureError::MalformedKey)?;
            match signature.strip_prefix(parameters) {
                Some(rest) if rest == key.spki().key() => Ok(()),
                _ => Err(SignatureError::Invalid),
            }
        }

        fn prepare(&self, _: PublicKey<'_>) -> Option<Arc<dyn PreparedKey>> {
            Some(Arc::new(Refusing))
        }
    }

    #[derive(Debug)]
    struct Refusing;

    impl PreparedKey for Refusing {
        fn verify(
            &self,
            _: AlgorithmIdentifier<'_>,
            _: &Message<'_>,
            _: &[u8],
        ) -> Result<(), SignatureError> {
            Err(SignatureError::Invalid)
        }
    }

    #[test]
    fn only_what_verified_is_remembered() {
        let vector = vectors::named("p-256 ecdsa-sha256");
        let key = vector.key();
        let signature = [key.parameters().unwrap(), key.spki().key()].concat();
        let (toy, memo) = (Toy::default(), SharedMemo::with_capacity(8));
        let sound = SignatureCheck {
            key,
            algorithm: vector.algorithm(),
            message: &Message::new(MESSAGE),
            signature: &signature,
        };
        let wrong = SignatureCheck { signature: &signature[1..], ..sound };
        for (case, check, memo, expected, asked) in [
            ("wrong", wrong, Some(&memo), Err(SignatureError::Invalid), 1),
            ("wrong again", wrong, Some(&memo), Err(SignatureError::Invalid), 2),
            ("no memo", sound, None, Ok(Checked::Performed), 3),
            ("cold", sound, Some(&memo), Ok(Checked::Performed), 4),
            ("warm", sound, Some(&memo), Ok(Checked::Remembered), 4),
            ("warm, no memo", sound, None, Ok(Checked::Performed), 5),
        ] {
            let memo = memo.map(|memo: &SharedMemo| -> &dyn SignatureMemo { memo });
            assert_eq!(check.run(&toy, None, memo), expected, "{case}");
            assert_eq!(toy.asked.load(Ordering::Relaxed), asked, "{case}");
        }
        let prepared = toy.prepare(key).unwrap();
        assert_eq!(sound.run(&toy, Some(&*prepared), None), Err(SignatureError::Invalid));
        assert_eq!(toy.asked.load(Ordering::Relaxed), 5, "the prepared key answers");
    }

    #[test]
    fn backends_see_inherited_parameters() {
        let issuer = [0x30, 0x0c, 0x30, 0x06, 0x06, 0x01, 0x2a, 0x04, 0x01, 7, 0x03, 0x02, 0, 1];
        let subject = [0x30, 0x09, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x09];
        let issuer = PublicKey::new(SubjectPublicKeyInfo::from_der(&issuer).unwrap());
        let subject = SubjectPublicKeyInfo::from_der(&subject).unwrap();
        for (case, key, expected) in [
            ("inherited", issuer.issued(subject), Ok(Checked::Performed)),
            ("alone", PublicKey::new(subject), Err(SignatureError::MalformedKey)),
        ] {
            let check = SignatureCheck {
                key,
                algorithm: subject.algorithm(),
                message: &Message::new(MESSAGE),
                signature: &[0x04, 0x01, 7, 9],
            };
            assert_eq!(check.run(&Toy::default(), None, None), expected, "{case}");
        }
    }
}
