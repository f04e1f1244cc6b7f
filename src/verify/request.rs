//! What a caller asks.

use rustls_pki_types::CertificateDer;

use crate::identity::{ExpectedName, IdentityMatcher};
use crate::policy::Purpose;

/// Whom the caller is prepared to accept.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a>(pub(super) Expectation<'a>);

#[derive(Clone, Copy, Debug)]
pub(super) enum Expectation<'a> {
    Names(&'a [ExpectedName]),
    Matching(&'a IdentityMatcher),
    Any,
}

impl<'a> Expect<'a> {
    /// The peer must bear this name, which also selects the trust domain.
    #[must_use]
    pub const fn name(name: &'a ExpectedName) -> Self {
        Self(Expectation::Names(core::slice::from_ref(name)))
    }

    /// The peer must bear all of these names; the first selects the trust domain. No names at all
    /// accept nobody.
    #[must_use]
    pub const fn all_names(names: &'a [ExpectedName]) -> Self {
        Self(Expectation::Names(names))
    }

    /// The matcher must accept the peer's identity; the peer's own claim selects the trust domain.
    #[must_use]
    pub const fn matching(matcher: &'a IdentityMatcher) -> Self {
        Self(Expectation::Matching(matcher))
    }

    /// Any identity that some trust domain speaks for is accepted: the caller authorizes it.
    #[must_use]
    pub const fn dangerously_any_identity() -> Self {
        Self(Expectation::Any)
    }
}

/// One question: may the peer that presents these certificates be treated as whom I expect?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) expect: Expectation<'a>,
    pub(super) purpose: Option<Purpose>,
    pub(super) stapled_ocsp: Option<&'a [u8]>,
    pub(super) scts: Option<&'a [u8]>,
    pub(super) label: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Asks about the certificates that a peer presented: its own, and others in any order. What
    /// cannot be read among the others is skipped, with a finding.
    #[must_use]
    pub const fn new(
        end_entity: &'a CertificateDer<'a>,
        intermediates: &'a [CertificateDer<'a>],
        expect: Expect<'a>,
    ) -> Self {
        Self {
            end_entity,
            intermediates,
            expect: expect.0,
            purpose: None,
            stapled_ocsp: None,
            scts: None,
            label: None,
        }
    }

    /// Sets the purpose that the peer's key must be certified for. Default: that of the policy.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose: Some(purpose), ..self }
    }

    /// Adds the OCSP response that the peer stapled, as it came.
    #[must_use]
    pub fn with_stapled_ocsp(self, response: &'a [u8]) -> Self {
        Self { stapled_ocsp: Some(response), ..self }
    }

    /// Adds the list of signed certificate timestamps that the peer sent, as it came. Filters of
    /// revoked certificates (feature `crlite`) look whether they cover a certificate by its
    /// timestamps; those of the peer may show that it is revoked and never that it is not. Nothing
    /// else looks at them, and their signatures are not checked.
    #[must_use]
    pub fn with_scts(self, list: &'a [u8]) -> Self {
        Self { scts: Some(list), ..self }
    }

    /// Names the listener or tenant whose trust applies; see
    /// [`Verifier::with_labelled_trust`](super::Verifier::with_labelled_trust).
    #[must_use]
    pub fn with_label(self, label: &'a str) -> Self {
        Self { label: Some(label), ..self }
    }
}
