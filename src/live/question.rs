//! Questions that are asked again: whom one expects, and what a peer presented.
//!
//! A [`Requirement`] is shared by all the peers that it is asked of. What a peer presented is kept with
//! it in bounds; its path is kept by the decision already.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::CertificateDer;

use crate::decision::CertifiedPeer;
use crate::identity::{ExpectedName, IdentityMatcher};
use crate::policy::Purpose;
use crate::verify::{Expect, Request};

/// Whom one expects, for which purpose, by whose trust: the part of a request that is one's own. Share
/// it: each peer keeps it to be asked again.
#[derive(Clone, Debug)]
pub struct Requirement {
    expect: Expected,
    purpose: Option<Purpose>,
    label: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
enum Expected {
    Names(Box<[ExpectedName]>),
    Matching(IdentityMatcher),
    Any,
}

impl Requirement {
    /// As [`Expect::name`].
    #[must_use]
    pub fn name(name: ExpectedName) -> Self {
        Self::all_names([name])
    }

    /// As [`Expect::all_names`].
    #[must_use]
    pub fn all_names(names: impl IntoIterator<Item = ExpectedName>) -> Self {
        Self::new(Expected::Names(names.into_iter().collect()))
    }

    /// As [`Expect::matching`].
    #[must_use]
    pub const fn matching(matcher: IdentityMatcher) -> Self {
        Self::new(Expected::Matching(matcher))
    }

    /// As [`Expect::dangerously_any_identity`].
    #[must_use]
    pub const fn dangerously_any_identity() -> Self {
        Self::new(Expected::Any)
    }

    const fn new(expect: Expected) -> Self {
        Self { expect, purpose: None, label: None }
    }

    /// Sets the purpose that the peer's key must be certified for. Default: that of the policy.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose: Some(purpose), ..self }
    }

    /// Names the listener or tenant whose trust applies. Default: none.
    #[must_use]
    pub fn with_label(self, label: &str) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// Returns the label.
    #[must_use]
    pub const fn label(&self) -> Option<&Arc<str>> {
        self.label.as_ref()
    }

    /// Makes the request about what a peer presented.
    #[must_use]
    pub fn request<'a>(&'a self, presented: &Presented<'a>) -> Request<'a> {
        let expect = match &self.expect {
            Expected::Names(names) => Expect::all_names(names),
            Expected::Matching(matcher) => Expect::matching(matcher),
            Expected::Any => Expect::dangerously_any_identity(),
        };
        let mut request = Request::new(presented.end_entity, presented.intermediates, expect);
        if let Some(purpose) = &self.purpose {
            request = request.with_purpose(purpose.clone());
        }
        if let Some(label) = &self.label {
            request = request.with_label(label);
        }
        if let Some(response) = presented.stapled_ocsp {
            request = request.with_stapled_ocsp(response);
        }
        if let Some(list) = presented.scts {
            request = request.with_scts(list);
        }
        request
    }
}

/// What a peer presented.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    end_entity: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    stapled_ocsp: Option<&'a [u8]>,
    scts: Option<&'a [u8]>,
}

impl<'a> Presented<'a> {
    /// The peer's own certificate, and others in any order.
    #[must_use]
    pub const fn new(
        end_entity: &'a CertificateDer<'a>,
        intermediates: &'a [CertificateDer<'a>],
    ) -> Self {
        Self { end_entity, intermediates, stapled_ocsp: None, scts: None }
    }

    /// Adds the OCSP response that the peer stapled, as it came.
    #[must_use]
    pub const fn with_stapled_ocsp(self, response: &'a [u8]) -> Self {
        Self { stapled_ocsp: Some(response), ..self }
    }

    /// Adds the list of signed certificate timestamps that the peer sent, as it came.
    #[must_use]
    pub const fn with_scts(self, list: &'a [u8]) -> Self {
        Self { scts: Some(list), ..self }
    }
}

/// What is kept of what a peer presented, beside its path.
///
/// What exceeds the bounds is not kept. Who is asked again then answers with less, and at worst is
/// refused and connects anew.
#[derive(Default)]
pub(super) struct Kept {
    /// Certificates that are not on the path, staple and timestamps: none, for most peers.
    extra: Option<Box<Extra>>,
}

#[derive(Clone, Default)]
struct Extra {
    certificates: Box<[Box<[u8]>]>,
    stapled_ocsp: Option<Box<[u8]>>,
    scts: Option<Box<[u8]>>,
}

/// Octets of certificates beside the path that are kept with a peer: a cross-signed intermediate or
/// two.
pub(super) const MAX_POOL: usize = 8 * 1024;

/// Octets of a staple, and of a list of timestamps, that are kept: responses with a delegated
/// responder's certificate have about 2 KiB.
pub(super) const MAX_EVIDENCE: usize = 8 * 1024;

impl Kept {
    pub(super) fn of(presented: &Presented<'_>, peer: &CertifiedPeer) -> Self {
        let mut room = MAX_POOL;
        let on_path = |der: &[u8]| peer.path().ders().any(|held| held == der);
        let certificates: Vec<Box<[u8]>> = presented
            .intermediates
            .iter()
            .map(AsRef::as_ref)
            .filter(|der: &&[u8]| !on_path(der))
            .take_while(|der| {
                let fits = der.len() <= room;
                room = room.saturating_sub(der.len());
                fits
            })
            .map(Box::from)
            .collect();
        let bounded =
            |octets: Option<&[u8]>| octets.filter(|o| o.len() <= MAX_EVIDENCE).map(Box::from);
        let (stapled_ocsp, scts) = (bounded(presented.stapled_ocsp), bounded(presented.scts));
        if certificates.is_empty() && stapled_ocsp.is_none() && scts.is_none() {
            return Self::default();
        }
        let certificates = certificates.into();
        Self { extra: Some(Box::new(Extra { certificates, stapled_ocsp, scts })) }
    }

    pub(super) fn stapled_ocsp(&self) -> Option<&[u8]> {
        self.extra.as_ref()?.stapled_ocsp.as_deref()
    }

    /// Presents again what `peer` presented.
    pub(super) fn present<R>(
        &self,
        peer: &CertifiedPeer,
        then: impl FnOnce(&Presented<'_>) -> R,
    ) -> Option<R> {
        let mut path = peer.path().ders().map(CertificateDer::from);
        let end_entity = path.next()?;
        let mut intermediates: Vec<CertificateDer<'_>> = path.collect();
        let (mut stapled_ocsp, mut scts) = (None, None);
        if let Some(extra) = &self.extra {
            intermediates.extend(extra.certificates.iter().map(|der| CertificateDer::from(&**der)));
            (stapled_ocsp, scts) = (extra.stapled_ocsp.as_deref(), extra.scts.as_deref());
        }
        let presented = Presented {
            end_entity: &end_entity,
            intermediates: &intermediates,
            stapled_ocsp,
            scts,
        };
        Some(then(&presented))
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("extra", &self.extra.is_some()).finish()
    }
}
