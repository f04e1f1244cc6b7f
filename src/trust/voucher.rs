//! What an acceptance names of the trust that it rests on, in one piece.
//!
//! Every peer that is accepted counts one reference, and threads that judge peers of one authority
//! change that count in turns. So it stands apart from whatever a decision reads.

use alloc::sync::Arc;

use super::anchor::TrustAnchor;
use super::bundle::TrustBundle;

/// An anchor, and the trust domain and bundle that had it.
#[derive(Debug)]
pub(crate) struct Voucher {
    pub(crate) anchor: Arc<TrustAnchor>,
    pub(crate) trust_domain: Arc<str>,
    pub(crate) bundle_digest: [u8; 32],
    pub(crate) bundle_sequence: Option<u64>,
}

/// The vouchers of a domain, in the order of its anchors.
#[derive(Clone, Debug)]
pub(super) struct Vouchers(Arc<[Arc<Voucher>]>);

impl Vouchers {
    pub(super) fn new(trust_domain: &Arc<str>, bundle: &TrustBundle) -> Self {
        let voucher = |anchor: &Arc<TrustAnchor>| {
            Arc::new(Voucher {
                anchor: anchor.clone(),
                trust_domain: trust_domain.clone(),
                bundle_digest: *bundle.digest(),
                bundle_sequence: bundle.sequence(),
            })
        };
        Self(bundle.shared_anchors().iter().map(voucher).collect())
    }

    /// That of the anchor at this place of the bundle.
    pub(super) fn at(&self, place: usize) -> Option<&Arc<Voucher>> {
        self.0.get(place)
    }

    /// That of this anchor.
    pub(super) fn of(&self, anchor: &Arc<TrustAnchor>) -> Option<&Arc<Voucher>> {
        self.0.iter().find(|voucher| Arc::ptr_eq(&voucher.anchor, anchor))
    }
}
