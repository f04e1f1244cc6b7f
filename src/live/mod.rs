//! Live: what is in force, published as a whole, and who still stands under it.
//!
//! A decision is true when it is made. This room keeps it answerable: hours later, after a bundle was
//! rotated, an authority removed, a certificate revoked or one's own credential renewed, a service asks of
//! each session whether its peer still is who it was, and is told in nanoseconds.
//!
//! - [`Live`] serves one [`Snapshot`] to any number of threads: trust of all labels, policy, deny list,
//!   evidence and one's own credentials, each a [`Part`] with an epoch that only grows. A [`Publication`]
//!   changes any of them in one instant or nothing at all, and [`Published`] says what it took from whom.
//!   It is one body with the credentials' own handle
//!   ([`CredentialHandle`](crate::credential::CredentialHandle)), to which the rest is attached; readers
//!   never wait.
//! - A [`Ruling`] is a decision and what it rests on; a [`LivePeer`] is one whose key was proven. Asked, it
//!   answers with its [`Standing`]: current, lapsed for good, or to be asked again. Asking again is a whole
//!   decision without the signatures of the path, which were verified.
//! - A [`Session`] is a peer in the register. After a publication [`Published::affected`] names exactly the
//!   sessions that it is about, with [`Advice`]: close, ask again, or close by some time.
//!
//! What is said of a peer after a publication is exact in one direction and nearly so in the other.
//! [`Standing::Current`] means that a decision made now would accept. [`Standing::AskAgain`] means that
//! something on which this answer rests is not what it was: its anchor, its policy, the domains that speak
//! for its names, the evidence about its path. What happens to other domains, anchors, issuers and
//! identities disturbs nobody. Where evidence rests on others than the issuer (indirect lists, delegated
//! responders, sources that cannot tell), any change of evidence asks again.
//!
//! Costs. A publication that one certificate, key or name is about costs what it finds, however many
//! sessions there are; a new list costs its entries. Looked at one by one are the sessions of a store in
//! which domains begin to speak for other names than their own SPIFFE IDs, those of a domain that distrusts an
//! authority, all sessions where a deny rule is a matcher, and where a source cannot tell what changed.
//!
//! Left to the caller: closing sessions, asking those that are idle, fetching, the time. Clocks that are set
//! back are no matter: a ruling remembers the latest time that it was asked at.
//!
//! *Specification:* no SPIFFE standard speaks of tainted authorities, SPIRE has them. *Decided here:* peers
//! under one are accepted; their sessions are advised to end some time after.

mod affected;
mod error;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod live;
mod part;
mod path_memo;
mod publication;
mod published;
mod question;
mod register;
mod ruling;
mod session;
mod snapshot;
mod standing;

pub use affected::{Advice, Affected};
pub use error::PublishError;
pub use live::{Live, Settings};
pub use part::Part;
pub use publication::Publication;
pub use published::{LiveEvents, Published, Tightened};
pub use question::{Presented, Requirement};
pub use register::{RegisterError, SessionId};
pub use ruling::{LivePeer, NotOfThisRuling, Ruling};
pub use session::Session;
pub use snapshot::{InForce, Snapshot};
pub use standing::{Lapse, Standing};
