//! Why a revocation status may stay unknown, as policy tells the cases apart.

use core::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why evidence did not answer whether a certificate is revoked.
        ///
        /// Ordered from the reason that says least to the one that says most: where several sources
        /// cannot answer, the last in this order is reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum UnknownReason {
            $($(#[$doc])* $name,)*
        }

        impl UnknownReason {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable, machine-readable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => concat!("revocation.", $code),)* }
            }
        }
    };
}

reasons! {
    /// No source has anything for this issuer or certificate.
    NoSource = "no-source",
    /// There is evidence of the issuer, and it does not speak of this certificate.
    NotCovered = "not-covered",
    /// A list is for other certificates, by its issuing distribution point.
    ScopeMismatch = "scope-mismatch",
    /// A list is of a form that answers nothing by itself: a delta without its base.
    UnsupportedForm = "unsupported-form",
    /// The certificate or the evidence cannot be read.
    Malformed = "malformed",
    /// A critical extension in a list, an entry or a response is not known.
    UnknownCriticalExtension = "unknown-critical-extension",
    /// The responder reports an error instead of a status.
    ResponderError = "responder-error",
    /// The responder does not know the certificate.
    ResponderUnknown = "responder-unknown",
    /// The nonce of the response is not that of the request.
    NonceMismatch = "nonce-mismatch",
    /// The signature on the evidence does not hold.
    BadSignature = "bad-signature",
    /// Who signed the evidence may not speak for this certificate.
    SignerNotAuthorized = "signer-not-authorized",
    /// Whether the signer may speak was not decided.
    SignerUndecided = "signer-undecided",
    /// Newer evidence was held before.
    RolledBack = "rolled-back",
    /// The evidence is not valid yet.
    FromFuture = "from-future",
    /// The evidence is past its nextUpdate or older than the policy allows.
    Stale = "stale",
    /// Lists cover some revocation reasons only.
    PartialReasons = "partial-reasons",
    /// noRevAvail in a certificate that lives longer than the policy allows without revocation.
    ExemptionRefused = "exemption-refused",
    /// A bound on work was reached.
    Limit = "limit",
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
