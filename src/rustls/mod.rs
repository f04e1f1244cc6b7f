//! Verifiers, resolvers and fenced resumption for [rustls](https://docs.rs/rustls) 0.23.
//!
//! A handshake asks the snapshot in force ([`Live`](crate::live::Live)): trust, policy, evidence and
//! own credentials rotate under running services without a new configuration. The application gets a
//! [`LivePeer`](crate::live::LivePeer) for exactly the chain of its connection: a verified peer that
//! can be asked whether it still holds. Of every refusal it gets the whole
//! [`Decision`](crate::decision::Decision), and the peer the alert that fits.
//!
//! | to | use |
//! |---|---|
//! | connect or serve over any transport | [`ClientEndpoint::connect`], [`ServerEndpoint::accept`]: a [`Connection`] that is judged before it carries data, resumption included |
//! | serve with tokio-rustls, quinn | [`ServerEndpoint::handshake`]: a configuration for one connection, and what that handshake has shown |
//! | give hyper, axum, tonic, reqwest a configuration | [`ClientEndpoint::config`], [`ServerEndpoint::config`] (no resumption), then `verified_peer` |
//! | replace `WebPkiServerVerifier`, `WebPkiClientVerifier` | [`ServerVerifier::from_roots`], [`ClientVerifier::from_roots`] |
//! | serve names with different trust | [`EndpointsByName`] |
//! | pin raw public keys | [`PinnedKeys`] |
//! | present one's own credentials otherwise | [`ServerCredentials`], [`ClientCredentials`], [`certified_key`] |
//!
//! # Possession
//!
//! That the peer holds the key of its certificate is shown by the signature of the handshake. rustls
//! completes a handshake only after the verifier has seen a signature that holds, over the transcript,
//! by the key of exactly the chain that `peer_certificates()` returns; of a resumed handshake the
//! original one has. So a [`VerifiedPeer`](crate::decision::VerifiedPeer) is made of a finished
//! connection of a configuration of this room, and of nothing else. A [`ServerHandshake`] checks that it
//! is asked about its own connection, and a [`Connection`] holds its own; where a configuration is
//! shared, rustls does not tell which verifier a connection had, and the caller must not ask about a
//! stranger's.
//!
//! # Resumption
//!
//! rustls asks no verifier about a resumed connection: not after expiry, revocation or the removal of
//! an authority. Here sessions rest on what their peer's acceptance rests on: they end when the fence
//! of the snapshot moves ([`Snapshot::fence`](crate::live::Snapshot::fence)) and when the acceptance
//! does, those of a client also when its credentials change, and every resumed connection is judged again before it carries data. Early data, which comes
//! before any judgement, is off. Configurations handed out have no resumption unless their name says so.
//!
//! *TLS:* a peer that resumes is told of a refusal by an alert of the handshake. *Here:* so it is, since a
//! session that ended is not found and the handshake is a full one. Where trust changes between the two
//! looks at it, the connection is closed with `close_notify`: rustls sends no other alert by then.
//!
//! # What is asked
//!
//! The purpose follows from the role: serverAuth of servers, clientAuth of clients, whatever the policy
//! says, except that a policy for any purpose stays that. Revocation is what the snapshot has evidence
//! of; what a server stapled is heard, and is kept with the acceptance for when it is judged again.
//! Handshake signatures are verified here, from the key in the certificate, with the backend and the
//! algorithms of the snapshot: no other reader of certificates has a say, so that v1 certificates and
//! critical extensions with a handler pass where the policy lets them.
//!
//! # Left to the caller
//!
//! Connections that are open when trust changes: [`live`](crate::live) says which they are. A resumed
//! connection speaks for the credentials that its session began with. A client's sessions end where its
//! own change; a server's stay, and its clients judge the old one. The process-wide default provider is
//! never used.

mod alert;
mod by_name;
mod client;
mod connection;
mod pinned;
mod resolver;
mod roots;
mod server;
mod sessions_client;
mod sessions_server;
mod sign;
mod verifier;

pub use crate::tls::{
    ChainDigest, ExpectClient, ExpectServer, HandshakeEvents, NoCredential, PeerError, PeerRole,
    RejectedPeer,
};
pub use by_name::EndpointsByName;
pub use client::{ClientEndpoint, ClientEndpointBuilder, Presents};
pub use connection::{Connection, ConnectionError};
pub use pinned::PinnedKeys;
pub use resolver::{ClientCredentials, ServerCredentials};
pub use roots::{backend_of, bundle_of_anchors, bundle_of_certificates};
pub use server::{ClientAuth, ServerEndpoint, ServerEndpointBuilder, ServerHandshake};
pub use sessions_client::FencedClientSessions;
pub use sessions_server::{FencedServerSessions, FencedTicketer};
pub use sign::certified_key;
pub use verifier::{ClientVerifier, ServerVerifier};
