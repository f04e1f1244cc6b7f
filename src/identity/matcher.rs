//! Which peers are meant: clauses over the identities of a peer, written as text in configuration.
//!
//! ```text
//! matcher = "any(" [ matcher *( "," matcher ) ] ")"     ; at least one holds
//!         / "all(" [ matcher *( "," matcher ) ] ")"     ; every one holds
//!         / "not(" matcher ")"                          ; it does not hold
//!         / "trust-domain(" trust-domain ")"            ; a SPIFFE ID of exactly this trust domain
//!         / "one-of(" [ spiffe-id *( "," spiffe-id ) ] ")"
//!         / name / DQUOTE name DQUOTE                   ; in quotes, \" and \\ stand for " and \
//! name    = "spiffe://…"    ; segments may be "*" (exactly one) and, once, "**" (one or more)
//!         / "uri:…"         ; another workload URI, the same wildcards in its path
//!         / "dns:a.b" / "dns:*.b" / "dns:**.b"          ; the name, one label below, any depth below
//!         / "ip:10.0.0.1" / "ip:10.0.0.0/8"
//!         / "email:a@b" / "email:*@b"
//!         / "dn:#…"                                     ; the subject as hexadecimal DER
//! ```
//!
//! A clause on a name holds if one identity of the peer matches, whichever it is; a URI clause never
//! looks at a SPIFFE ID nor the reverse. `dns:a.b` is a reference identity: a presented `*.b` speaks for
//! it.
//!
//! Nothing is accepted by accident:
//! - A peer without any identity is refused before the first clause, so that a `not` cannot accept it.
//! - `any()` and `all()` over nothing hold for nobody. Logic would let `all()` hold; a configuration from
//!   which the last clause was deleted must not open a door.
//! - `not(spiffe://b/**)` does accept a peer that has only a DNS name. Say what a peer *is* with `all`:
//!   `all(trust-domain(b), not(spiffe://b/ns/dev/**))`.
//!
//! Cost: each clause on a name looks once at each identity, in time linear in it; there is no
//! backtracking. Text nests at most [`IdentityMatcher::MAX_DEPTH`] deep.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::ip::IpPrefix;
use super::pattern::{DnsPattern, EmailPattern, SpiffePattern, UriPattern};
use super::peer::{DistinguishedName, Identity, PeerIdentity};
use super::spiffe::{SpiffeId, SpiffeIdRef};
use super::text::serde_as_text;
use super::trust_domain::TrustDomain;

/// Says which peers are meant.
///
/// # Examples
///
/// ```
/// use bonafide::identity::{IdentityMatcher, PeerIdentity};
///
/// let matcher: IdentityMatcher =
///     "all(trust-domain(example.org), not(spiffe://example.org/ns/dev/**))".parse()?;
/// let peer = |id: &str| Ok::<_, bonafide::identity::NameError>(PeerIdentity::new([id.parse()?]));
///
/// assert!(matcher.matches(&peer("spiffe://example.org/ns/prod/sa/web")?));
/// let dev = peer("spiffe://example.org/ns/dev/sa/web")?;
/// assert_eq!(
///     matcher.explain(&dev).to_string(),
///     "refused: not(spiffe://example.org/ns/dev/**) does not hold: the peer is \
///      spiffe://example.org/ns/dev/sa/web",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityMatcher(pub(super) Clause);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Any(Vec<IdentityMatcher>),
    All(Vec<IdentityMatcher>),
    Not(Box<IdentityMatcher>),
    TrustDomain(TrustDomain),
    OneOf(BTreeSet<SpiffeId>),
    Spiffe(SpiffePattern),
    Uri(UriPattern),
    Dns(DnsPattern),
    Ip(IpPrefix),
    Email(EmailPattern),
    Subject(DistinguishedName),
}

impl IdentityMatcher {
    /// How deep clauses may stand within one another in text.
    pub const MAX_DEPTH: usize = 32;

    /// Holds for exactly this SPIFFE ID.
    #[must_use]
    pub fn exact(id: SpiffeIdRef<'_>) -> Self {
        Self(Clause::Spiffe(SpiffePattern::exact(id)))
    }

    /// Holds for each of these SPIFFE IDs; found in logarithmic time.
    #[must_use]
    pub fn one_of(ids: impl IntoIterator<Item = SpiffeId>) -> Self {
        Self(Clause::OneOf(ids.into_iter().collect()))
    }

    /// Holds for SPIFFE IDs of exactly this trust domain.
    #[must_use]
    pub const fn trust_domain(domain: TrustDomain) -> Self {
        Self(Clause::TrustDomain(domain))
    }

    /// Holds for IP addresses with this prefix.
    #[must_use]
    pub const fn ip(prefix: IpPrefix) -> Self {
        Self(Clause::Ip(prefix))
    }

    /// Holds for exactly this subject.
    #[must_use]
    pub const fn subject(name: DistinguishedName) -> Self {
        Self(Clause::Subject(name))
    }

    /// Holds if one of the matchers does; over nothing, for nobody.
    #[must_use]
    pub fn any_of(matchers: impl IntoIterator<Item = Self>) -> Self {
        Self(Clause::Any(matchers.into_iter().collect()))
    }

    /// Holds if every one of the matchers does; over nothing, for nobody.
    #[must_use]
    pub fn all_of(matchers: impl IntoIterator<Item = Self>) -> Self {
        Self(Clause::All(matchers.into_iter().collect()))
    }

    /// Holds for a peer that has an identity and that the matcher does not hold for.
    #[must_use]
    pub fn negate(self) -> Self {
        Self(Clause::Not(Box::new(self)))
    }

    /// Whether the peer is meant.
    #[must_use]
    pub fn matches(&self, peer: &PeerIdentity) -> bool {
        self.explain(peer).holds
    }

    /// Says whether the peer is meant, and which clause decided; allocates nothing.
    #[must_use]
    pub fn explain<'a>(&'a self, peer: &'a PeerIdentity) -> MatchReport<'a> {
        if peer.is_empty() {
            return MatchReport { holds: false, clause: self, identity: None, peer };
        }
        self.decide(peer)
    }

    fn decide<'a>(&'a self, peer: &'a PeerIdentity) -> MatchReport<'a> {
        let report = |holds, identity| MatchReport { holds, clause: self, identity, peer };
        match &self.0 {
            Clause::Any(matchers) => matchers
                .iter()
                .map(|matcher| matcher.decide(peer))
                .find(|part| part.holds)
                .unwrap_or(report(false, None)),
            Clause::All(matchers) => matchers
                .iter()
                .map(|matcher| matcher.decide(peer))
                .find(|part| !part.holds)
                .unwrap_or(report(!matchers.is_empty(), None)),
            Clause::Not(matcher) => {
                let part = matcher.decide(peer);
                report(!part.holds, part.identity)
            }
            _ => {
                let identity = peer.iter().find(|identity| self.0.names(identity));
                report(identity.is_some(), identity)
            }
        }
    }
}

impl Clause {
    /// Whether a clause on names matches an identity.
    fn names(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Self::TrustDomain(domain), Identity::Spiffe(id)) => *domain == id.trust_domain(),
            (Self::OneOf(ids), Identity::Spiffe(id)) => ids.contains(id),
            (Self::Spiffe(pattern), Identity::Spiffe(id)) => pattern.matches(id.borrowed()),
            (Self::Uri(pattern), Identity::Uri(uri)) => pattern.matches(uri),
            (Self::Dns(pattern), Identity::Dns(name)) => pattern.matches(name),
            (Self::Ip(prefix), Identity::Ip(address)) => prefix.contains(*address),
            (Self::Email(pattern), Identity::Email(mailbox)) => pattern.matches(mailbox),
            (Self::Subject(expected), Identity::Subject(name)) => expected == name,
            _ => false,
        }
    }
}

impl fmt::Display for IdentityMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Clause::Any(matchers) => write_list(f, "any", matchers),
            Clause::All(matchers) => write_list(f, "all", matchers),
            Clause::Not(matcher) => write!(f, "not({matcher})"),
            Clause::TrustDomain(domain) => write!(f, "trust-domain({domain})"),
            Clause::OneOf(ids) => write_list(f, "one-of", ids),
            Clause::Spiffe(pattern) => write!(f, "{pattern}"),
            // Brackets, commas and quotes can stand in these two only.
            Clause::Uri(pattern) => write_quoted(f, format_args!("uri:{pattern}")),
            Clause::Email(pattern) => write_quoted(f, format_args!("email:{pattern}")),
            Clause::Dns(pattern) => write!(f, "dns:{pattern}"),
            Clause::Ip(prefix) => write!(f, "ip:{prefix}"),
            Clause::Subject(name) => write!(f, "dn:{name}"),
        }
    }
}

serde_as_text!(IdentityMatcher, "an identity matcher");

/// Why a matcher accepts or refuses a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchReport<'a> {
    holds: bool,
    clause: &'a IdentityMatcher,
    identity: Option<&'a Identity>,
    peer: &'a PeerIdentity,
}

impl<'a> MatchReport<'a> {
    /// Whether the peer is meant.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.holds
    }

    /// Returns the clause that decided: for a list, the part that settled it, or the list itself
    /// where all parts had to be looked at; the whole matcher for a peer without identity.
    #[must_use]
    pub const fn clause(&self) -> &'a IdentityMatcher {
        self.clause
    }

    /// Returns the identity that the clause looked for and found.
    #[must_use]
    pub const fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }
}

impl fmt::Display for MatchReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.peer.is_empty() {
            return f.write_str("refused: the peer has no identity");
        }
        f.write_str(if self.holds { "accepted: " } else { "refused: " })?;
        write!(f, "{} ", self.clause)?;
        f.write_str(if self.holds { "holds" } else { "does not hold" })?;
        // Who it is otherwise, where no identity is the one looked for.
        let others = self.peer.iter().filter(|_| !self.holds && self.identity.is_none());
        for (index, identity) in self.identity.into_iter().chain(others).enumerate() {
            match index {
                0 => write!(f, ": the peer is {identity}")?,
                1..SHOWN => write!(f, ", {identity}")?,
                _ => return f.write_str(", …"),
            }
        }
        Ok(())
    }
}

/// How many identities of a peer a report names.
const SHOWN: usize = 3;

fn write_list<'a, T: fmt::Display + 'a>(
    f: &mut fmt::Formatter<'_>,
    word: &str,
    parts: impl IntoIterator<Item = &'a T>,
) -> fmt::Result {
    write!(f, "{word}(")?;
    for (index, part) in parts.into_iter().enumerate() {
        f.write_str(if index > 0 { ", " } else { "" })?;
        write!(f, "{part}")?;
    }
    f.write_str(")")
}

/// Writes a name in quotes if one of its characters would end it otherwise.
fn write_quoted(f: &mut fmt::Formatter<'_>, name: fmt::Arguments<'_>) -> fmt::Result {
    let text = alloc::fmt::format(name);
    if !text.contains(['(', ')', ',', '"', '\\', ' ']) {
        return f.write_str(&text);
    }
    f.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        f.write_char(character)?;
    }
    f.write_str("\"")
}
