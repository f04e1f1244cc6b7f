//! Trust that changes under live peers: publications, standings, the register of sessions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]
#![cfg(all(feature = "std", feature = "ring"))]

#[path = "kit/mod.rs"]
mod kit;
#[path = "live/world.rs"]
mod world;

#[path = "live/credentials.rs"]
mod credentials;
#[path = "live/properties.rs"]
mod properties;
#[path = "live/sessions.rs"]
mod sessions;
#[path = "live/standing.rs"]
mod standing;
