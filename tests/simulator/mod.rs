//! A simulator of rotations: what SPIRE does to a fleet, with real certificates, real messages and
//! real handshakes in memory, on a clock that only moves when told.
//!
//! Two accounts of the same world are kept and compared at every step:
//!
//! - *facts* ([`facts`]): which key vouches for which, from when until when, and what each workload was
//!   told last. The [`oracle`] judges by them alone and calls no library code.
//! - *bytes*: certificates of the kit, documents and messages, which workloads ([`party`]) take in
//!   through the library and with which they meet each other ([`tls`]).
//!
//! | room | holds |
//! |---|---|
//! | `facts`, `oracle` | what is so, and which failures the standard then demands |
//! | `server` | the signing side: prepare, activate, taint, revoke, upstream authorities |
//! | `relay` | bundles of other trust domains, as a server fetches them |
//! | `party`, `tls` | a workload over the library, and how two of them meet |
//! | `world`, `observe` | time, delays, what is on its way; the invariants, after every event |
//! | `campaign` | random worlds |
//!
//! The invariants (I1 to I6 of the project's notes on SPIFFE) and where they are checked: an accepted
//! peer rests on the current bundle of its own trust domain (I1), nothing is accepted after a removal
//! was applied, not by resumption and not by a session that asks again (I2), and nothing fails that must
//! not (I3): `observe::World::meet` and `observe::World::ask`. Certificate and key change together (I4),
//! generations only grow (I5), one handshake uses one snapshot whatever is published in its midst (I6):
//! `observe::World::inspect` and `tls`.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    reason = "test code"
)]

pub mod campaign;
pub mod facts;
pub mod observe;
pub mod oracle;
pub mod party;
pub mod relay;
pub mod server;
pub mod tally;
pub mod tls;
pub mod world;
