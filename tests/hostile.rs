//! The hostile-input list: one test for every known way to crash a validator, to stall it or to lead
//! it astray that certificates alone can try, and the sizes that hostile pools come in.
//!
//! Tests assert verdicts and counters, never time; `benches/hostile.rs` has the times. Each row of
//! the list is named by the identifier of its advisory.
//!
//! Rows that need TLS stand in `tests/rustls.rs`: CVE-2021-34558 (key of another type than the
//! handshake asks for), CVE-2025-68121 (resumption after a rotation), CVE-2025-23419 and
//! CVE-2025-23048 (tickets across hosts). CVE-2026-3336 (of several PKCS #7 signers only the last is
//! verified) has no counterpart: a request has one target.

#![expect(clippy::unwrap_used, clippy::as_conversions, clippy::indexing_slicing, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of one test")]

#[path = "hostile/forgery.rs"]
mod forgery;
mod kit;
#[path = "hostile/names.rs"]
mod names;
#[path = "hostile/pools.rs"]
mod pools;
#[path = "hostile/revocation.rs"]
mod revocation;
#[path = "hostile/rules.rs"]
mod rules;
#[path = "hostile/sizes.rs"]
mod sizes;
