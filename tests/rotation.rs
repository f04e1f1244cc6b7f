//! Rotations on a simulated clock.
//!
//! - [`month`]: one handle for a month, while issuers, disks and clocks fail at random.
//! - [`scenarios`]: the rotations of SPIRE that a fleet must survive, S1 to S24, each by its name.

#![cfg(all(feature = "std", feature = "ring"))]

mod kit;
#[path = "rotation/month.rs"]
mod month;
#[cfg(feature = "rustls")]
#[path = "rotation/scenarios.rs"]
mod scenarios;
#[cfg(feature = "rustls")]
mod simulator;
