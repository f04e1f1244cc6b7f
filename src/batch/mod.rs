//! Batch decisions: the same question about very many certificates, offline.
//!
//! An inventory, a transparency log or a migration asks the engine millions of times. A [`Batch`]
//! takes an iterator of [`Item`]s, each with a key of the caller's choice, and hands every decision
//! out as soon as it is made: neither items nor decisions pile up, whatever their number. What an
//! item's presented certificates lack is taken from an [`IntermediatePool`] that all items share,
//! in which only certificates that can lie on a path of the item are looked up, so that the cost of
//! an item does not grow with the pool. A [`Summary`] counts by cause, by issuing authority and by
//! month of expiry.
//!
//! Decisions are exactly those of [`Verifier::decide`](crate::verify::Verifier::decide): the pool
//! only adds certificates to a request. Give the verifier a
//! [memo](crate::verify::Verifier::with_memo), and the signature of every intermediate is verified
//! once for the whole batch.
//!
//! The engine bounds what one request may bring. Where a selection from the pool would exceed those
//! limits, certificates nearest to the end entity whose key identifiers agree go first, and
//! [`Progress::left_out`] counts the rest: an item can then be rejected for want of an issuer, never
//! accepted for it.

mod item;
mod pool;
mod run;
mod summary;

pub use item::Item;
pub use pool::IntermediatePool;
pub use run::{Answer, Batch, Progress};
pub use summary::{Counts, Month, Summary};
