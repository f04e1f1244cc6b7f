//! Trust: anchors, bundles of anchors, and the trust domains that they belong to.
//!
//! An authority may speak only for the identities of its own trust domain. That is the difference
//! to a root store, in which every authority speaks for everybody: a store without scopes is the
//! explicit choice [`TrustStore::dangerously_unscoped`].
//!
//! This room holds trust; it does not judge. Which domain a request or a leaf selects, and what
//! becomes of names outside it, is decided in `verify`.

mod anchor;
mod bundle;
mod scope;
mod store;

pub use anchor::{AnchorError, AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
pub use bundle::TrustBundle;
pub use scope::{Scope, ScopeError};
pub use store::{Domain, TrustStore, TrustStoreError};
