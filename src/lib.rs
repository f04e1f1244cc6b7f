//! Certificate-backed trust decisions with evidence.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod audit;
pub mod constraints;
pub mod decision;
pub mod identity;
mod path;
pub mod policy;
pub mod signature;
pub mod trust;
pub mod verify;
pub mod x509;
