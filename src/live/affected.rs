//! Who is affected by a publication, and what to do about it.

use alloc::sync::Arc;

use sha2::{Digest, Sha256};

use super::register::SessionId;
use super::ruling::LivePeer;
use crate::credential::Credential;
use crate::identity::{DistinguishedName, Identity, PeerIdentity, SpiffeIdRef};
use crate::revocation::Denied;
use crate::trust::TrustAnchor;
use crate::x509::{Certificate, GeneralName, Time};

/// What to do about a live session. Ordered by urgency, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum Advice {
    /// Close it now: no decision in force accepts the peer.
    Close,
    /// Ask its peer again now, and close it if the answer is no. Nothing more should be done for the peer
    /// before.
    AskAgain,
    /// Let it end by this time: what it rests on goes then, or is about to go.
    CloseBy(Time),
}

/// A live session that a publication affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Affected {
    /// Which session.
    pub session: SessionId,
    /// What to do about it.
    pub advice: Advice,
    /// Why: the code of what was [`Tightened`](super::Tightened), or of the credential's event.
    pub cause: &'static str,
}

/// Sessions that a publication affects, and what is to be done about each of them.
pub(super) struct Wanted {
    pub(super) selector: Selector,
    pub(super) advice: Advice,
    pub(super) cause: &'static str,
}

/// Which sessions are meant.
pub(super) enum Selector {
    /// Those with a certificate, key or name that is denied or revoked.
    Denied(Denied),
    /// Those whose path ends at an anchor.
    Anchor { label: Option<Arc<str>>, domain: Arc<str>, fingerprint: [u8; 32], spki: [u8; 32] },
    /// Those of a domain.
    Domain { label: Option<Arc<str>>, domain: Arc<str> },
    /// Those whose certificate has a SPIFFE ID of a trust domain, though another domain vouches for them.
    Claim { label: Option<Arc<str>>, trust_domain: Arc<str> },
    /// Those with a certificate of an issuer.
    Issuer(DistinguishedName),
    /// Those where one's own credential was presented.
    Credential([u8; 32]),
    /// Those of a domain that no longer stand. Found by looking at each.
    FallenOf { label: Option<Arc<str>>, domain: Arc<str> },
    /// All those that no longer stand, of one label or of all. Found by looking at each.
    Fallen { label: Option<Option<Arc<str>>> },
    /// All.
    Everybody,
}

/// What sessions are found by.
pub(super) enum Key<'k> {
    Serial(&'k [u8]),
    Spki([u8; 32]),
    Identity(&'k Identity),
    Domain(&'k str),
    Claim(&'k str),
    /// By the hash of its canonical form.
    Issuer(u64),
    Credential([u8; 32]),
}

pub(super) fn digest(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// What one's own credential is known by: its certificate.
pub(super) fn credential_digest(credential: &Credential) -> [u8; 32] {
    credential.chain().first().map_or([0; 32], |leaf| digest(leaf.as_der()))
}

impl Selector {
    pub(super) fn anchor(
        label: &Option<Arc<str>>,
        domain: &Arc<str>,
        anchor: &TrustAnchor,
    ) -> Self {
        let (label, domain) = (label.clone(), domain.clone());
        let (fingerprint, spki) = (*anchor.fingerprint(), digest(anchor.spki_der()));
        Self::Anchor { label, domain, fingerprint, spki }
    }

    /// The key that the sessions stand under; nothing where each has to be looked at.
    pub(super) fn key(&self) -> Option<Key<'_>> {
        Some(match self {
            Self::Denied(denied) => match denied {
                Denied::SerialOfKey { serial_number, .. }
                | Denied::SerialOfName { serial_number, .. } => Key::Serial(serial_number),
                Denied::Key { spki } | Denied::Authority { spki } => Key::Spki(*spki),
                Denied::Identity(identity) => Key::Identity(identity),
                Denied::TrustDomain(name) => Key::Domain(name),
                Denied::Matching(_) => return None,
            },
            Self::Anchor { spki, .. } => Key::Spki(*spki),
            Self::Domain { domain, .. } | Self::FallenOf { domain, .. } => Key::Domain(domain),
            Self::Claim { trust_domain, .. } => Key::Claim(trust_domain),
            Self::Issuer(name) => Key::Issuer(name.as_name().canonical_hash()),
            Self::Credential(digest) => Key::Credential(*digest),
            Self::Fallen { .. } | Self::Everybody => return None,
        })
    }

    /// Whether a session is meant; of those under the key, or of all.
    pub(super) fn means(
        &self,
        peer: &LivePeer,
        own: Option<&[u8; 32]>,
        stands: impl FnOnce(&LivePeer) -> bool,
    ) -> bool {
        let of = |label: &Option<Arc<str>>, domain: &Arc<str>| {
            peer.ruling().requirement().label() == label.as_ref()
                && peer.trust_domain() == &**domain
        };
        match self {
            Self::Denied(denied) => denies(denied, peer).is_some(),
            Self::Anchor { label, domain, fingerprint, .. } => {
                of(label, domain) && peer.anchor().fingerprint() == fingerprint
            }
            Self::Domain { label, domain } => of(label, domain),
            Self::FallenOf { label, domain } => of(label, domain) && !stands(peer),
            Self::Claim { label, trust_domain } => {
                let mut claims = false;
                for_each_claim(peer, |claim| claims |= *claim == **trust_domain);
                claims && peer.ruling().requirement().label() == label.as_ref()
            }
            Self::Issuer(name) => {
                peer.path().iter().any(|held| held.issuer().matches(&name.as_name()))
            }
            Self::Credential(digest) => own == Some(digest),
            Self::Fallen { label } => {
                let labelled = |label: &Option<Arc<str>>| {
                    peer.ruling().requirement().label() == label.as_ref()
                };
                label.as_ref().is_none_or(labelled) && !stands(peer)
            }
            Self::Everybody => true,
        }
    }

    /// What is to be done about a session that is meant: closing is advised where no other path could make
    /// up for what is denied.
    pub(super) fn advice(&self, peer: &LivePeer, advice: Advice) -> Advice {
        match (self, advice) {
            (Self::Denied(denied), Advice::Close) if denies(denied, peer) == Some(Reach::Path) => {
                Advice::AskAgain
            }
            _ => advice,
        }
    }
}

/// Calls `each` with the trust domain of every SPIFFE ID in the certificate of a peer that another domain
/// vouches for.
pub(super) fn for_each_claim(peer: &LivePeer, mut each: impl FnMut(&str)) {
    let Some(leaf) = peer.path().end_entity() else { return };
    let Some(Ok(names)) = leaf.subject_alt_name() else { return };
    for name in names.iter().flatten() {
        if let GeneralName::Uri(uri) = name
            && let Ok(id) = SpiffeIdRef::parse(uri)
            && id.trust_domain().as_str() != peer.trust_domain()
        {
            each(id.trust_domain().as_str());
        }
    }
}

/// How far a denial reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The peer, by whatever path.
    Peer,
    /// This path of the peer.
    Path,
}

/// Whether something that is denied is on the path of a peer.
fn denies(denied: &Denied, peer: &LivePeer) -> Option<Reach> {
    let at = |depth: usize| if depth == 0 { Reach::Peer } else { Reach::Path };
    let find = |is: &mut dyn FnMut(usize, &Certificate<'_>) -> bool| {
        let mut path = peer.path().iter().enumerate();
        path.find(|(depth, held)| is(*depth, held)).map(|(depth, _)| at(depth))
    };
    let spki_of = |certificate: &Certificate<'_>| {
        certificate.subject_public_key_info().map(|spki| digest(spki.der())).ok()
    };
    match denied {
        Denied::SerialOfKey { issuer_spki, serial_number } => find(&mut |depth, certificate| {
            certificate.serial_number() == serial_number && {
                let above = peer.path().get(depth + 1);
                let issuer = match above {
                    Some(above) => spki_of(&above),
                    None => Some(digest(peer.anchor().spki_der())),
                };
                issuer == Some(*issuer_spki)
            }
        }),
        Denied::SerialOfName { issuer, serial_number } => find(&mut |_, certificate| {
            certificate.serial_number() == serial_number
                && certificate.issuer().matches(&issuer.as_name())
        }),
        Denied::Key { spki } => find(&mut |_, certificate| spki_of(certificate) == Some(*spki)),
        Denied::Authority { spki } => {
            let above = peer.path().iter().skip(1);
            let mut above = above.filter_map(|held| spki_of(&held));
            (digest(peer.anchor().spki_der()) == *spki || above.any(|found| found == *spki))
                .then_some(Reach::Path)
        }
        Denied::Identity(identity) => {
            let has = |peer: &PeerIdentity| peer.iter().any(|held| held == identity);
            has(peer.identity()).then_some(Reach::Peer)
        }
        Denied::Matching(matcher) => matcher.matches(peer.identity()).then_some(Reach::Peer),
        Denied::TrustDomain(name) => (peer.trust_domain() == name).then_some(Reach::Peer),
    }
}
