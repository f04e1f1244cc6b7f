//! What the application is told: every rejection with its decision, and what there was nothing for.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::table::ChainDigest;
use crate::decision::Decision;
use crate::x509::Time;

/// The part that the peer plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "TLS has these two")]
pub enum PeerRole {
    /// The peer is a server, this side the client.
    Server,
    /// The peer is a client, this side the server.
    Client,
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// A peer whose certificates were refused.
#[derive(Clone, Debug)]
pub struct RejectedPeer {
    pub(crate) role: PeerRole,
    pub(crate) chain: ChainDigest,
    pub(crate) requirement: Arc<str>,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) decision: Decision,
    pub(crate) epoch: u64,
    pub(crate) stapled: bool,
}

impl RejectedPeer {
    /// The part that the peer plays.
    #[must_use]
    pub const fn role(&self) -> PeerRole {
        self.role
    }

    /// The chain that it presented.
    #[must_use]
    pub const fn chain(&self) -> ChainDigest {
        self.chain
    }

    /// What was required of it, in words.
    #[must_use]
    pub fn requirement(&self) -> &str {
        &self.requirement
    }

    /// The label whose trust applied.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The decision, with everything that was found.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The epoch of the snapshot that was in force.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the peer stapled an OCSP response.
    pub(crate) const fn stapled(&self) -> bool {
        self.stapled
    }
}

impl fmt::Display for RejectedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is not {}: {}", self.role, self.requirement, self.decision.code())
    }
}

impl core::error::Error for RejectedPeer {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.decision.rejection().map(|rejection| -> &dyn core::error::Error { rejection })
    }
}

/// A handshake for which there was no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoCredential {
    /// The part that the peer plays.
    pub peer: PeerRole,
    /// The server name that was asked for, where this side is a server.
    pub server_name: Option<String>,
    /// How many credentials there are, in date or not.
    pub credentials: usize,
    /// When.
    pub now: Time,
}

/// Receives what happens in handshakes. Called on their threads; should be quick.
pub trait HandshakeEvents: fmt::Debug + Send + Sync {
    /// A peer was refused; by its certificates alone, whether it holds the key was not asked.
    fn on_rejected(&self, rejected: &RejectedPeer) {
        let _ = rejected;
    }

    /// There is no credential to present: a client goes on without one, a server gives up.
    fn on_no_credential(&self, missing: &NoCredential) {
        let _ = missing;
    }
}
