//! Which of the published credentials a handshake presents.
//!
//! Each handshake looks at the snapshot in force and takes a chain with its key as one value, so that
//! a rotation never tears them apart. An expired credential is never presented.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::scheme::{Scheme, scheme_of};
use crate::credential::{Credential, Selection, Staple};
use crate::identity::DnsName;
use crate::live::Live;
use crate::x509::{Name, Time};

/// The credentials of one end.
#[derive(Debug)]
pub(crate) struct Choice {
    live: Live,
    /// Only those with this hint.
    pub(crate) hint: Option<String>,
}

/// What is presented.
pub(crate) struct Chosen {
    pub(crate) credential: Arc<Credential>,
    /// An OCSP response to go with it, of use to clients.
    pub(crate) staple: Option<Arc<Staple>>,
}

/// What a peer demands and prefers.
pub(crate) struct Wanted<'a> {
    pub(crate) server_name: Option<&'a DnsName>,
    /// In place of the usual hint.
    pub(crate) hint: Option<&'a str>,
    pub(crate) schemes: &'a [Scheme],
    /// Distinguished names, DER.
    pub(crate) authorities: &'a [&'a [u8]],
    pub(crate) others: Others,
}

/// Credentials of other authorities than those that the peer named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Presented,
    Kept,
}

impl Choice {
    pub(crate) const fn new(live: Live) -> Self {
        Self { live, hint: None }
    }

    /// The credential to present, with its staple; where there is none, how many there are of any sort.
    pub(crate) fn choose(&self, wanted: &Wanted<'_>, now: Time) -> Result<Chosen, usize> {
        let snapshot = self.live.snapshot();
        let credentials = snapshot.credentials();
        let mut selection = Selection::ANY;
        if let Some(name) = wanted.server_name {
            selection = selection.with_server_name(name);
        }
        if let Some(hint) = wanted.hint.or(self.hint.as_deref()) {
            selection = selection.with_hint(hint);
        }
        let candidates = || {
            credentials
                .candidates(selection, now)
                .filter(|credential| schemes(credential).any(|s| wanted.schemes.contains(&s)))
        };
        let chosen = if wanted.authorities.is_empty() {
            candidates().next()
        } else {
            let authorities: Vec<Name<'_>> =
                wanted.authorities.iter().filter_map(|name| Name::from_der(name).ok()).collect();
            let preferred = candidates().find(|credential| is_from(credential, &authorities));
            match wanted.others {
                Others::Presented => preferred.or_else(|| candidates().next()),
                Others::Kept => preferred,
            }
        };
        let credential = chosen.cloned().ok_or(credentials.len())?;
        let staple = credentials.staple(&credential, now).cloned();
        Ok(Chosen { credential, staple })
    }

    /// Whether there is a credential that is in date.
    #[cfg(feature = "rustls")]
    pub(crate) fn is_ready(&self, now: Time) -> bool {
        let any = Selection::ANY;
        let selection = self.hint.as_deref().map_or(any, |hint| any.with_hint(hint));
        self.live.snapshot().credentials().choose(selection, now).is_some()
    }
}

/// The schemes that a credential can sign handshakes with, the preferred one first.
fn schemes(credential: &Credential) -> impl Iterator<Item = Scheme> + '_ {
    let kind = credential.key_kind();
    let algorithms = credential.key().algorithms().iter();
    algorithms.filter_map(move |&algorithm| scheme_of(kind?, algorithm))
}

/// Whether a certificate of the chain was issued by one of the authorities.
fn is_from(credential: &Credential, authorities: &[Name<'_>]) -> bool {
    credential.chain().iter().any(|certificate| {
        let certificate = certificate.as_certificate();
        let issuer = certificate.issuer();
        authorities.iter().any(|authority| authority.matches(&issuer))
    })
}
