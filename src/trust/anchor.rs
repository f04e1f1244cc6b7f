//! Trust anchors: a name, a key, and what they may be used for (RFC 5280 section 6.1.1 (d),
//! RFC 5914, RFC 5937).
//!
//! RFC 5280 takes of an anchor its name and key only. So does this crate by default: the anchor
//! certificate's own validity and extensions do not constrain paths, unless
//! [`TrustAnchor::with_expiry_enforced`] or [`TrustAnchor::with_extensions_enforced`] say so, and
//! constraints may be given beside the certificate, or without one.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use core::fmt;

use rustls_pki_types::TrustAnchor as PkiTrustAnchor;
use sha2::{Digest, Sha256};

use crate::signature::{PreparedKey, PublicKey, SignatureBackend};
use crate::x509::{
    Certificate, CertificateError, DerError, Name, NameConstraints, OwnedCertificate, OwnedOid,
    SubjectPublicKeyInfo, Time,
};

/// Whether an anchor's authority stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AnchorState {
    /// Paths end here.
    Active,
    /// Paths still end here, with a finding: the authority is about to be removed, and whoever
    /// holds a credential under it should renew.
    Tainted {
        /// Since when.
        since: Time,
    },
    /// Paths that end here are refused, with a finding that names this anchor.
    Distrusted,
}

/// Whether the certificate of an anchor may itself be the peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndEntityUse {
    /// It may not: peers present certificates issued under it.
    Refused,
    /// It may, byte for byte: a pinned certificate.
    Pinned,
    /// It may, byte for byte, and its signature must verify with its own key.
    PinnedSelfSigned,
}

/// How much the extensions of an anchor's certificate constrain the paths below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AnchorExtensions {
    /// Not at all, as RFC 5280 section 6.1 has it.
    Ignored,
    /// As if the anchor were the first certificate of the path (RFC 5937); an anchor without
    /// basicConstraints is a CA.
    Enforced,
    /// The same, and basicConstraints must be present.
    EnforcedWithBasicConstraints,
}

/// Something that cannot be a trust anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The certificate cannot be read.
    #[error("the certificate of the anchor cannot be read")]
    Certificate(#[source] CertificateError),
    /// The name is no distinguished name in DER.
    #[error("the name of the anchor cannot be read")]
    Name(#[source] DerError),
    /// The key is no SubjectPublicKeyInfo in DER.
    #[error("the key of the anchor cannot be read")]
    Key(#[source] DerError),
    /// The constraints are no NameConstraints in DER.
    #[error("the name constraints of the anchor cannot be read")]
    NameConstraints(#[source] DerError),
    /// The name is empty: no certificate can name it as its issuer.
    #[error("the name of the anchor is empty")]
    EmptyName,
}

/// An authority that paths may end at.
#[derive(Clone)]
pub struct TrustAnchor {
    certificate: Option<OwnedCertificate>,
    subject: Arc<[u8]>,
    spki: Arc<[u8]>,
    key_id: Option<Arc<[u8]>>,
    fingerprint: [u8; 32],
    pub(crate) state: AnchorState,
    pub(crate) end_entity_use: EndEntityUse,
    pub(crate) extensions: AnchorExtensions,
    pub(crate) expiry_enforced: bool,
    pub(crate) distrust_after: Option<Time>,
    pub(crate) path_len: Option<u32>,
    pub(crate) purposes: Option<BTreeSet<OwnedOid>>,
    pub(crate) policy_set: Option<BTreeSet<OwnedOid>>,
    name_constraints: Option<Arc<[u8]>>,
    pub(crate) prepared: Option<Arc<dyn PreparedKey>>,
}

impl TrustAnchor {
    /// Takes the name and key of a certificate: v1 or v3, self-signed or not, a root, an
    /// intermediate or a leaf to be pinned.
    ///
    /// # Errors
    /// [`AnchorError`] where subject or key cannot be read, or the subject is empty.
    pub fn from_certificate(certificate: OwnedCertificate) -> Result<Self, AnchorError> {
        let view = certificate.as_certificate();
        let key_id = view.key_id().map(Arc::from);
        let subject = view.subject();
        let spki = view.subject_public_key_info().map_err(AnchorError::Certificate)?.der();
        let mut anchor = Self::of(subject.as_der(), spki)?;
        anchor.key_id = key_id;
        anchor.fingerprint = Sha256::digest(certificate.as_der()).into();
        anchor.certificate = Some(certificate);
        Ok(anchor)
    }

    /// Takes the DER of a certificate.
    ///
    /// # Errors
    /// As [`TrustAnchor::from_certificate`], and where the certificate cannot be read at all.
    pub fn from_der(der: &[u8]) -> Result<Self, AnchorError> {
        Self::from_certificate(OwnedCertificate::from_der(der).map_err(AnchorError::Certificate)?)
    }

    /// Takes a bare name and key: the DER of a Name and of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`AnchorError`] where one of them cannot be read, or the name is empty.
    pub fn from_name_and_key(name: &[u8], spki: &[u8]) -> Result<Self, AnchorError> {
        Self::of(name, spki)
    }

    /// Takes an anchor as rustls has it: name, key and name constraints.
    ///
    /// # Errors
    /// As [`TrustAnchor::from_name_and_key`], and where the name constraints cannot be read.
    pub fn from_pki_types(anchor: &PkiTrustAnchor<'_>) -> Result<Self, AnchorError> {
        let this =
            Self::of(&sequence(&anchor.subject), &sequence(&anchor.subject_public_key_info))?;
        match &anchor.name_constraints {
            Some(constraints) => this.with_name_constraints(&sequence(constraints)),
            None => Ok(this),
        }
    }

    fn of(subject: &[u8], spki: &[u8]) -> Result<Self, AnchorError> {
        let name = Name::from_der(subject).map_err(AnchorError::Name)?;
        if name.is_empty() {
            return Err(AnchorError::EmptyName);
        }
        SubjectPublicKeyInfo::from_der(spki).map_err(AnchorError::Key)?;
        let mut hash = Sha256::new();
        hash.update(subject);
        hash.update(spki);
        Ok(Self {
            certificate: None,
            subject: subject.into(),
            spki: spki.into(),
            key_id: None,
            fingerprint: hash.finalize().into(),
            state: AnchorState::Active,
            end_entity_use: EndEntityUse::Refused,
            extensions: AnchorExtensions::Ignored,
            expiry_enforced: false,
            distrust_after: None,
            path_len: None,
            purposes: None,
            policy_set: None,
            name_constraints: None,
            prepared: None,
        })
    }

    /// Sets the state. Default: [`AnchorState::Active`].
    #[must_use]
    pub fn with_state(self, state: AnchorState) -> Self {
        Self { state, ..self }
    }

    /// Sets whether the anchor's certificate may be the peer's. Default: refused.
    #[must_use]
    pub fn with_end_entity_use(self, end_entity_use: EndEntityUse) -> Self {
        Self { end_entity_use, ..self }
    }

    /// Refuses paths while the anchor's certificate is not in date. Default: its validity is not
    /// looked at.
    #[must_use]
    pub fn with_expiry_enforced(self) -> Self {
        Self { expiry_enforced: true, ..self }
    }

    /// Sets how much the extensions of the anchor's certificate count. Default: not at all.
    #[must_use]
    pub fn with_extensions_enforced(self, extensions: AnchorExtensions) -> Self {
        Self { extensions, ..self }
    }

    /// Refuses end entities whose notBefore is later than `time`. Default: none.
    #[must_use]
    pub fn with_distrust_after(self, time: Time) -> Self {
        Self { distrust_after: Some(time), ..self }
    }

    /// Sets how many non-self-issued intermediates may stand below the anchor. Default: no bound.
    #[must_use]
    pub fn with_path_len(self, path_len: u32) -> Self {
        Self { path_len: Some(path_len), ..self }
    }

    /// Sets the key purposes that the anchor may vouch for. Default: all.
    #[must_use]
    pub fn with_purposes(self, purposes: impl IntoIterator<Item = OwnedOid>) -> Self {
        Self { purposes: Some(purposes.into_iter().collect()), ..self }
    }

    /// Sets the certificate policies that the anchor may vouch for: the initial policy set of a
    /// decision is cut down to these. Default: all.
    #[must_use]
    pub fn with_policy_set(self, policies: impl IntoIterator<Item = OwnedOid>) -> Self {
        Self { policy_set: Some(policies.into_iter().collect()), ..self }
    }

    /// Sets initial name constraints (RFC 5280 section 6.1.1 (h), (i) per anchor): the DER of a
    /// NameConstraints value. Default: none.
    ///
    /// # Errors
    /// [`AnchorError::NameConstraints`] where the value cannot be read.
    pub fn with_name_constraints(self, der: &[u8]) -> Result<Self, AnchorError> {
        NameConstraints::from_der(der).map_err(AnchorError::NameConstraints)?;
        Ok(Self { name_constraints: Some(der.into()), ..self })
    }

    /// Lets `backend` parse the key once, for all verifications under this anchor. A verifier
    /// uses what the backend kept, whichever backend the verifier has for other keys.
    #[must_use]
    pub fn prepared_by(self, backend: &dyn SignatureBackend) -> Self {
        let prepared = self.public_key().and_then(|key| backend.prepare(key));
        Self { prepared, ..self }
    }

    /// Returns the certificate that the anchor was made from.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate<'_>> {
        self.certificate.as_ref().map(OwnedCertificate::as_certificate)
    }

    pub(crate) fn owned_certificate(&self) -> Option<&OwnedCertificate> {
        self.certificate.as_ref()
    }

    /// Returns the name.
    #[must_use]
    pub fn subject(&self) -> Name<'_> {
        Name::trusted(&self.subject)
    }

    /// Returns the DER of the key's SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    #[cfg(feature = "std")]
    pub(crate) const fn shared_spki(&self) -> &Arc<[u8]> {
        &self.spki
    }

    pub(crate) fn public_key(&self) -> Option<PublicKey<'_>> {
        SubjectPublicKeyInfo::from_der(&self.spki).ok().map(PublicKey::new)
    }

    /// Returns the subject key identifier, if the certificate has one.
    #[must_use]
    pub fn key_id(&self) -> Option<&[u8]> {
        self.key_id.as_deref()
    }

    /// Returns the SHA-256 of the certificate or, without one, of name and key.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Returns the state.
    #[must_use]
    pub const fn state(&self) -> AnchorState {
        self.state
    }

    /// Whether the other anchor is the same authority on the same terms: no path is judged in
    /// another way under it.
    #[cfg(feature = "std")]
    pub(crate) fn judges_like(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && self.key_id == other.key_id
            && self.state == other.state
            && self.end_entity_use == other.end_entity_use
            && self.extensions == other.extensions
            && self.expiry_enforced == other.expiry_enforced
            && self.distrust_after == other.distrust_after
            && self.path_len == other.path_len
            && self.purposes == other.purposes
            && self.policy_set == other.policy_set
            && self.name_constraints == other.name_constraints
    }

    /// The same with another key identifier, which otherwise comes from a certificate.
    #[cfg(test)]
    pub(super) fn with_key_id(self, key_id: &[u8]) -> Self {
        Self { key_id: Some(key_id.into()), ..self }
    }

    /// Whether it asks nothing of a path beyond its name and key, and is not distrusted.
    pub(crate) fn is_plain(&self) -> bool {
        let Self {
            // Who it is.
            certificate: _,
            subject: _,
            spki: _,
            key_id: _,
            fingerprint: _,
            prepared: _,
            // What it says of itself as a peer.
            end_entity_use: _,
            state,
            extensions,
            expiry_enforced,
            distrust_after,
            path_len,
            purposes,
            policy_set,
            name_constraints,
        } = self;
        *state != AnchorState::Distrusted
            && *extensions == AnchorExtensions::Ignored
            && !expiry_enforced
            && distrust_after.is_none()
            && path_len.is_none()
            && purposes.is_none()
            && policy_set.is_none()
            && name_constraints.is_none()
    }

    /// Returns the initial name constraints.
    #[must_use]
    pub fn name_constraints(&self) -> Option<NameConstraints<'_>> {
        NameConstraints::from_der(self.name_constraints.as_deref()?).ok()
    }

    /// Writes one line of the canonical text of a bundle.
    pub(crate) fn write_canonical(&self, f: &mut dyn fmt::Write) -> fmt::Result {
        write!(f, "anchor ")?;
        for octet in self.fingerprint {
            write!(f, "{octet:02x}")?;
        }
        match self.state {
            AnchorState::Active => {}
            AnchorState::Tainted { since } => write!(f, " tainted={since}")?,
            AnchorState::Distrusted => write!(f, " distrusted")?,
        }
        match self.end_entity_use {
            EndEntityUse::Refused => {}
            EndEntityUse::Pinned => write!(f, " pinned")?,
            EndEntityUse::PinnedSelfSigned => write!(f, " pinned-self-signed")?,
        }
        match self.extensions {
            AnchorExtensions::Ignored => {}
            AnchorExtensions::Enforced => write!(f, " extensions")?,
            AnchorExtensions::EnforcedWithBasicConstraints => {
                write!(f, " extensions-with-basic-constraints")?;
            }
        }
        if self.expiry_enforced {
            write!(f, " expiry")?;
        }
        if let Some(time) = self.distrust_after {
            write!(f, " distrust-after={time}")?;
        }
        if let Some(path_len) = self.path_len {
            write!(f, " path-len={path_len}")?;
        }
        for (key, set) in [("purpose", &self.purposes), ("policy", &self.policy_set)] {
            if let Some(set) = set {
                write!(f, " {key}s={}", set.len())?;
                for oid in set {
                    write!(f, ",{oid}")?;
                }
            }
        }
        if let Some(der) = &self.name_constraints {
            write!(f, " name-constraints=")?;
            for octet in der.iter() {
                write!(f, "{octet:02x}")?;
            }
        }
        writeln!(f)
    }
}

impl fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustAnchor")
            .field("subject", &format_args!("{}", self.subject()))
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Puts the identifier and length octets of a SEQUENCE before its content.
fn sequence(content: &[u8]) -> alloc::vec::Vec<u8> {
    let mut der = alloc::vec![0x30];
    let length = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => der.extend(length.last()),
        _ => {
            let octets: alloc::vec::Vec<u8> =
                length.iter().copied().skip_while(|&octet| octet == 0).collect();
            der.push(0x80 | u8::try_from(octets.len()).unwrap_or(0x7f));
            der.extend(octets);
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_anchor_that_asks_for_nothing_is_plain() {
        let name = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01A";
        let key = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &[7; 32]].concat();
        let plain = || TrustAnchor::from_name_and_key(name, &key).unwrap();
        let no_dns = b"\x30\x07\xa1\x05\x30\x03\x82\x01a";
        let required = AnchorExtensions::EnforcedWithBasicConstraints;
        for (case, anchor, expected) in [
            ("as it comes", plain(), true),
            ("tainted", plain().with_state(AnchorState::Tainted { since: Time::MIN }), true),
            ("may be a peer", plain().with_end_entity_use(EndEntityUse::Pinned), true),
            ("distrusted", plain().with_state(AnchorState::Distrusted), false),
            ("extensions", plain().with_extensions_enforced(AnchorExtensions::Enforced), false),
            ("basicConstraints", plain().with_extensions_enforced(required), false),
            ("expiry", plain().with_expiry_enforced(), false),
            ("distrusted after", plain().with_distrust_after(Time::MIN), false),
            ("path length", plain().with_path_len(9), false),
            ("purposes", plain().with_purposes([]), false),
            ("policies", plain().with_policy_set([]), false),
            ("names", plain().with_name_constraints(no_dns).unwrap(), false),
        ] {
            assert_eq!(anchor.is_plain(), expected, "{case}");
        }
    }
}
