//! Which of several credentials is wanted.

use super::Credential;
use crate::identity::{DnsName, Identity};
use crate::signature::{KeyKind, SignatureAlgorithm};

/// Which of several credentials is wanted. By default any, so that the first one is presented.
///
/// Identity, hint and algorithms are demands; the server name is a preference: a workload whose
/// certificate has no DNS name at all is asked for one all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    identity: Option<&'a Identity>,
    hint: Option<&'a str>,
    server_name: Option<&'a DnsName>,
    algorithms: Option<&'a [SignatureAlgorithm]>,
    key_kinds: Option<&'a [KeyKind]>,
}

impl<'a> Selection<'a> {
    /// Any credential.
    pub const ANY: Self =
        Self { identity: None, hint: None, server_name: None, algorithms: None, key_kinds: None };

    /// Demands an identity.
    #[must_use]
    pub const fn with_identity(self, identity: &'a Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Demands a hint.
    #[must_use]
    pub const fn with_hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Prefers credentials that bear the name the peer asked for (RFC 6066 section 3).
    #[must_use]
    pub const fn with_server_name(self, name: &'a DnsName) -> Self {
        Self { server_name: Some(name), ..self }
    }

    /// Demands a key that signs with one of these algorithms.
    #[must_use]
    pub const fn with_algorithms(self, algorithms: &'a [SignatureAlgorithm]) -> Self {
        Self { algorithms: Some(algorithms), ..self }
    }

    /// Demands a key of one of these kinds: where an algorithm does not bind the curve.
    #[must_use]
    pub const fn with_key_kinds(self, kinds: &'a [KeyKind]) -> Self {
        Self { key_kinds: Some(kinds), ..self }
    }

    pub(super) const RANKS: u8 = 3;

    /// How well a credential fits, 0 best; nothing where it does not.
    pub(super) fn rank(&self, credential: &Credential) -> Option<u8> {
        let wanted = self.identity.is_none_or(|identity| credential.identity().contains(identity))
            && self.hint.is_none_or(|hint| credential.hint() == Some(hint))
            && self.algorithms.is_none_or(|algorithms| {
                credential.key().algorithms().iter().any(|offered| algorithms.contains(offered))
            })
            && self.key_kinds.is_none_or(|kinds| {
                credential.key_kind().is_some_and(|kind| kinds.contains(&kind))
            });
        if !wanted {
            return None;
        }
        Some(match self.server_name {
            Some(name) if credential.names_exactly(name) => 0,
            Some(name) if credential.covers(name) => 1,
            _ => 2,
        })
    }
}
