//! Verifiers and resolvers for [rustls](https://docs.rs/rustls) 0.24, which is a pre-release: the
//! feature names one, and moves with it. Builds beside the adapter for 0.23 (feature `rustls`), over the
//! same body.
//!
//! | to | use |
//! |---|---|
//! | connect or serve over any transport | [`ClientEndpoint::connect`], [`ServerEndpoint::accept`]: a [`Connection`] that is judged before it carries data, resumption included |
//! | serve otherwise | [`ServerEndpoint::handshake`]: a configuration for one connection, and what that handshake has shown |
//! | give others a configuration | [`ServerVerifier::client_config`], [`ClientVerifier::server_config`]: no resumption, no early data |
//! | get the peer of a finished handshake | [`ServerVerifier::verified_peer`], [`ClientVerifier::verified_peer`] |
//! | wait for evidence within a handshake | [`ServerVerifier::suspend`], [`ClientVerifier::suspend`], [`ClientVerifier::suspend_quic`]: a [`Suspended`] |
//! | present published credentials | [`ServerCredentials`], [`ClientCredentials`] |
//!
//! # Suspended handshakes
//!
//! 0.24 lets a host verify outside the verifier: its handshakes (`ClientConnectionBuilder::start_handshake`,
//! `ServerHandshake::start`) stop at a peer's certificates. A [`Suspended`] asks about them, says which
//! evidence is wanted, takes what the host fetches, and lets the handshake go on with the answer:
//!
//! ```
//! # fn example(
//! #     verifier: &std::sync::Arc<bonafide::rustls_0_24::ServerVerifier>,
//! #     handshake: rustls_0_24::VerifyPeerIdentity<rustls_0_24::ClientSide, rustls_0_24::Tcp>,
//! #     fetch: impl Fn(Vec<bonafide::revocation::EvidenceRequest>)
//! #         -> Vec<std::sync::Arc<dyn bonafide::revocation::RevocationSource>>,
//! #     tls: &mut Vec<u8>,
//! # ) -> Result<(), rustls_0_24::Error> {
//! use bonafide::rustls_0_24::Progress;
//!
//! let mut suspended = verifier.suspend(handshake);
//! while let Progress::Needs(wants) = suspended.step()? {
//!     suspended.supply(fetch(wants));             // may await: nothing is borrowed, nothing blocked
//! }
//! let (handshake, expected) = suspended.resume(tls)?; // refused: the alert is in `tls`
//! // ... and when it is over: `expected.verified_peer(&connection.outputs, now)?`
//! # let _ = (handshake, expected);
//! # Ok(()) }
//! ```
//!
//! # Possession
//!
//! rustls names a peer's identity in its outputs when it has verified the peer's Finished, and with it
//! that the key of exactly these certificates signed the handshake, or the one that is resumed. So a
//! [`LivePeer`](crate::live::LivePeer) is made of the outputs of a connection whose configuration has the
//! verifier that is asked; that it has, the caller knows and rustls does not tell.
//!
//! # Resumption
//!
//! As in 0.23, rustls asks no verifier about a resumed connection, and no resumed handshake stops for
//! verification. Configurations that are handed out have resumption off, so that every connection is
//! decided upon. Those of the endpoints have it on: their sessions end when the fence of the snapshot
//! moves and when the acceptance that they rest on does, those of a client also with the credential that
//! they speak for, and a [`Connection`] judges each resumed peer before it carries data. A suspended
//! handshake begins no session: its answer goes past the verifier that would stamp one.
//!
//! # Left to the caller
//!
//! The signature backend: unlike that of 0.23, a `CryptoProvider` of 0.24 does not hand out its
//! verification algorithms. Take a backend of this crate, or give the algorithms of the provider's crate to
//! [`PkiTypesBackend`](crate::signature::PkiTypesBackend).
//!
//! Raw public keys are refused. QUIC connections use the verifiers and are not wrapped: they have no
//! resumption. What suspends a QUIC handshake of a client is missing in this pre-release: its
//! `VerifyPeerIdentity<ClientSide, Quic>` leads to no handshake (`impl FromConn<ClientSide> for ()`), so that
//! servers suspend and clients ask the verifier. Trust by the name that a client asks for needs no room
//! here: `Accepted::choose_config` of rustls takes [`ServerHandshake::config`] of any endpoint.

mod alert;
mod connection;
mod credentials;
mod endpoint;
mod sessions;
mod suspended;
mod verifier;

pub use crate::tls::{
    ChainDigest, ExpectClient, ExpectServer, HandshakeEvents, NoCredential, PeerError, PeerRole,
    RejectedPeer,
};
pub use connection::{Connection, ConnectionError};
pub use credentials::{ClientCredentials, ServerCredentials};
pub use endpoint::{ClientEndpoint, ServerEndpoint, ServerHandshake};
pub use suspended::{ExpectedPeer, Progress, Suspended};
pub use verifier::{ClientVerifier, ServerVerifier};
