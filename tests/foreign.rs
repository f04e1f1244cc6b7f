//! Foreign peers over real sockets: OpenSSL's `s_client` and `s_server`, curl, Python's `ssl`. Each
//! class of rejection reaches them as the right alert; sessions that they saved are refused after
//! trust was tightened and after the certificates expired, and resumed when nothing changed.
//!
//! Without one of the programs its tests say so and pass, unless `CI` is `true`.

#![cfg(all(feature = "rustls", feature = "ring"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "test code"
)]

mod kit;
#[path = "foreign/programs.rs"]
mod programs;
#[path = "foreign/refusals.rs"]
mod refusals;
#[path = "foreign/sessions.rs"]
mod sessions;
#[path = "foreign/stage.rs"]
mod stage;
