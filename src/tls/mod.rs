//! What verifiers and resolvers of any version of a TLS stack have in common: no type of a stack
//! stands here.

mod alert;
mod bounded;
mod choice;
mod client_fence;
#[cfg(feature = "rustls-0-24")]
mod deferred;
mod event;
mod expect;
mod fence;
mod judge;
mod scheme;
mod slot;
mod table;

pub(crate) use alert::{AlertClass, classify};
pub(crate) use bounded::Bounded;
pub(crate) use choice::{Choice, Chosen, Others, Wanted};
pub(crate) use client_fence::{ClientFence, Era, Speaks};
#[cfg(feature = "rustls-0-24")]
pub(crate) use deferred::{Deferred, HasJudge, Progress, Question};
pub use event::{HandshakeEvents, NoCredential, PeerRole, RejectedPeer};
pub use expect::{ExpectClient, ExpectServer};
pub(crate) use fence::Fence;
pub use judge::PeerError;
pub(crate) use judge::{Judge, judge_settings};
#[cfg(feature = "rustls")]
pub(crate) use scheme::supported;
pub(crate) use scheme::{HandshakeSignature, Scheme, SignatureRefused, Version, scheme_of};
pub(crate) use slot::{Slot, Stamp};
pub use table::ChainDigest;
