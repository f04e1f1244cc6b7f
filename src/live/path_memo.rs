//! The signatures of a path that was accepted: they hold, whatever a shared memo has forgotten since.

use alloc::sync::Arc;

use smallvec::SmallVec;

use crate::decision::CertifiedPeer;
use crate::signature::{MemoKey, Message, SignatureMemo};

/// A memo that knows the signatures of one path beside those of another memo.
///
/// INVARIANT: the keys are of signatures that verified: a [`CertifiedPeer`] exists for valid paths only.
#[derive(Debug)]
pub(super) struct PathMemo {
    keys: SmallVec<[MemoKey; 4]>,
    shared: Option<Arc<dyn SignatureMemo>>,
}

impl PathMemo {
    pub(super) fn new(peer: &CertifiedPeer, shared: Option<Arc<dyn SignatureMemo>>) -> Self {
        let mut keys = SmallVec::new();
        let mut issuer = peer.anchor().public_key();
        for certificate in peer.path().iter().rev() {
            let (Some(key), Ok(algorithm)) = (issuer, certificate.signature_algorithm()) else {
                break;
            };
            let message = Message::new(certificate.tbs_certificate());
            let signature = certificate.signature_value();
            // A pinned certificate is its own anchor, and its signature need not have been checked.
            if peer.anchor().certificate() != Some(certificate) {
                keys.push(MemoKey::new(key, algorithm, &message, signature));
            }
            issuer = certificate.subject_public_key_info().ok().map(|spki| key.issued(spki));
        }
        Self { keys, shared }
    }
}

impl SignatureMemo for PathMemo {
    fn contains(&self, key: &MemoKey) -> bool {
        self.keys.contains(key) || self.shared.as_ref().is_some_and(|memo| memo.contains(key))
    }

    fn insert(&self, key: MemoKey) {
        if let Some(memo) = &self.shared {
            memo.insert(key);
        }
    }
}
