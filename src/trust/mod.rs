//! Trust: anchors, bundles of anchors, and the trust domains that they belong to.
//!
//! An authority may speak only for the identities of its own trust domain. That is the difference
//! to a root store, in which every authority speaks for everybody: a store without scopes is the
//! explicit choice [`TrustStore::dangerously_unscoped`].
//!
//! SPIFFE trust domains come with their life: [`SpiffeBundle`] and, with the feature `spiffe`,
//! `BundleMap` are read and written; [`FederatedBundles`] orders what is retrieved and makes the
//! store; [`RefreshSchedule`] says when to retrieve, [`BundleEndpoint`] from where and from whom;
//! [`WorkloadState`] follows the Workload API. None of them does IO or reads a clock.
//!
//! This room holds trust; it does not judge. Which domain a request or a leaf selects, and what
//! becomes of names outside it, is decided in `verify`.

mod anchor;
mod bundle;
mod bundle_error;
#[cfg(feature = "std")]
mod difference;
mod endpoint;
mod federation;
mod federation_event;
mod high_water;
mod refresh;
mod scope;
mod spiffe_bundle;
#[cfg(feature = "spiffe")]
mod spiffe_json;
#[cfg(feature = "spiffe")]
mod spiffe_jwk;
mod store;
mod voucher;
mod workload_api;
mod workload_endpoint;
mod workload_message;

pub use anchor::{AnchorError, AnchorExtensions, AnchorState, EndEntityUse, TrustAnchor};
pub use bundle::TrustBundle;
pub use bundle_error::{BundleError, BundleErrorKind, SkipReason, SkippedElement};
#[cfg(feature = "std")]
pub(crate) use difference::{AnchorDifference, DomainDifference};
pub use endpoint::{BundleEndpoint, EndpointError, EndpointProfile, EndpointServer, EndpointUrl};
pub use federation::FederatedBundles;
pub use federation_event::{BundleEvent, BundleSource, Change, Refused};
pub use high_water::{HighWaterMark, HighWaterMarks, ParseHighWaterError};
pub use refresh::{Bootstrap, Freshness, Poll, PollFailure, RefreshPolicy, RefreshSchedule};
pub use scope::{Scope, ScopeError};
pub use spiffe_bundle::{SpiffeBundle, bundle_from_der, bundle_from_pem};
#[cfg(feature = "spiffe")]
#[cfg_attr(docsrs, doc(cfg(feature = "spiffe")))]
pub use spiffe_json::BundleMap;
pub use store::{Domain, TrustStore, TrustStoreError};
pub(crate) use voucher::Voucher;
pub use workload_api::{
    Reconnect, StreamEnd, Update, WorkloadContext, WorkloadEvent, WorkloadState,
};
pub use workload_endpoint::{ParseWorkloadEndpointError, WorkloadEndpoint};
pub use workload_message::{
    MessageErrorKind, MessageRejected, SvidKey, WorkloadSvid, X509BundlesMessage, X509SvidEntry,
    X509SvidMessage,
};
