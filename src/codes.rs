//! Codes and the list of them from one table, so that the two cannot part.

/// Writes `code()` of an error, and `CODES`, all that it can return.
///
/// Where a variant holds an error with codes of its own, the table says so after `nested`, with an
/// iterator over those codes; the list is then an iterator, `codes()`.
macro_rules! codes {
    (code($self:ident) { $($pattern:pat => $code:literal,)* }) => {
        /// All codes.
        pub const CODES: &'static [&'static str] = &[$($code),*];

        /// Returns the stable, machine-readable name.
        #[must_use]
        pub const fn code($self) -> &'static str {
            match $self { $($pattern => $code,)* }
        }
    };
    (code(&$self:ident) {
        $($pattern:pat => $code:literal,)*
    } nested {
        $($inner:pat => $inner_code:expr, $codes:expr;)*
    }) => {
        /// All codes.
        pub fn codes() -> impl Iterator<Item = &'static str> {
            let own: &[&'static str] = &[$($code),*];
            own.iter().copied()$(.chain($codes))*
        }

        /// Returns the stable, machine-readable name.
        #[must_use]
        pub fn code(&$self) -> &'static str {
            match $self {
                $($pattern => $code,)*
                $($inner => $inner_code,)*
            }
        }
    };
}
