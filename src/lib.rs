//! Certificate-backed trust decisions with evidence.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod constraints;
pub mod credential;
pub mod decision;
pub mod identity;
mod path;
pub mod policy;
pub mod revocation;
pub mod signature;
pub mod trust;
pub mod verify;
pub mod x509;
