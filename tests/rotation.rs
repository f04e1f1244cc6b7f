//! Rotations on a simulated clock.
//!
//! - [`month`]: one handle for a month, while issuers, disks and clocks fail at random.
//! - `scenarios`: the rotations of SPIRE that a fleet must survive, S1 to S24, each by its name.
//! - `campaigns`: random worlds by the hundred.
//!
//! The latter two meet over TLS and come with feature `rustls`.

#![cfg(all(feature = "std", feature = "ring"))]

#[cfg(feature = "rustls")]
#[path = "rotation/campaigns.rs"]
mod campaigns;
mod kit;
#[path = "rotation/month.rs"]
mod month;
#[cfg(feature = "rustls")]
#[path = "rotation/scenarios.rs"]
mod scenarios;
#[cfg(feature = "rustls")]
mod simulator;
