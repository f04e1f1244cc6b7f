//! A list of public suffixes as an input.
//!
//! The list at <https://publicsuffix.org> changes weekly, so this crate carries none. Without one,
//! only top level domains count as public suffixes, which is what the list's algorithm says of
//! names that no rule of it matches.

use core::fmt;

/// Tells public suffixes, such as `co.uk`, from names that somebody registered.
///
/// Must not block and must not depend on anything but its argument.
pub trait PublicSuffixes: fmt::Debug + Send + Sync {
    /// A name that changes whenever the list would answer differently, such as its version; part of
    /// the policy's canonical text.
    fn name(&self) -> &str;

    /// Whether `name` is itself a public suffix: a DNS name in lower case with at least two labels,
    /// internationalised ones as A-labels, without a trailing dot.
    fn is_public_suffix(&self, name: &str) -> bool;
}
