//! Patterns over one kind of name, for the clauses of a matcher.
//!
//! A path pattern matches on segment borders only (ID-15). `*` stands for exactly one segment, `**` for
//! one or more; a wildcard is always a whole segment, and `**` occurs at most once, so matching compares
//! from both ends and never goes back. The trust domain, or scheme and authority, is always literal
//! (ID-18).

use alloc::sync::Arc;
use core::fmt;

use super::dns::{DnsName, PresentedDnsName};
use super::email::{Mailbox, parse_host};
use super::error::NameError;
use super::matcher_error::{MatcherError, MatcherErrorKind};
use super::spiffe::{SCHEME, SpiffeIdRef, check_segment};
use super::trust_domain::TrustDomainRef;
use super::uri::WorkloadUri;

/// `spiffe://example.org/ns/*/sa/web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpiffePattern {
    // INVARIANT: a SPIFFE ID, but for segments `*` and at most one `**`.
    text: Arc<str>,
    path: usize,
}

impl SpiffePattern {
    pub(super) fn parse(text: &str) -> Result<Self, MatcherError> {
        let rest = text.strip_prefix(SCHEME).filter(|rest| rest.contains('*'));
        let Some(rest) = rest.filter(|_| text.len() <= SpiffeIdRef::MAX_LENGTH) else {
            let id = SpiffeIdRef::parse(text).map_err(NameError::from)?;
            return Ok(Self::exact(id));
        };
        let (domain, segments) = rest.split_once('/').unwrap_or((rest, ""));
        let at = |error: NameError, by: usize| MatcherError::from(error.shifted(by));
        TrustDomainRef::parse(domain).map_err(|error| at(error.into(), SCHEME.len()))?;
        let path = SCHEME.len() + domain.len();
        let mut start = path + 1;
        let mut deep = false;
        for segment in segments.split('/') {
            if !check_wildcard(segment, &mut deep).map_err(|error| error.shifted(start))? {
                check_segment(segment.as_bytes()).map_err(|error| at(error.into(), start))?;
            }
            start += segment.len() + 1;
        }
        Ok(Self { text: Arc::from(text), path })
    }

    pub(super) fn exact(id: SpiffeIdRef<'_>) -> Self {
        let path = id.as_str().len() - id.path().len();
        Self { text: Arc::from(id.as_str()), path }
    }

    pub(super) fn matches(&self, id: SpiffeIdRef<'_>) -> bool {
        let Some((domain, path)) = self.text.split_at_checked(self.path) else { return false };
        let id_domain = id.as_str().len() - id.path().len();
        id.as_str().get(..id_domain) == Some(domain) && path_matches(path, id.path())
    }
}

impl fmt::Display for SpiffePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `https://example.org/ns/*/web`; `*` is a legal character of a URI, which makes it one to parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UriPattern(WorkloadUri);

impl UriPattern {
    pub(super) fn parse(text: &str) -> Result<Self, MatcherError> {
        let uri = WorkloadUri::parse(text)?;
        let mut deep = false;
        for segment in uri.path().split('/') {
            // The place in the normal form is not that in the text: the whole pattern is at fault.
            check_wildcard(segment, &mut deep).map_err(|error| error.at(0))?;
        }
        Ok(Self(uri))
    }

    pub(super) fn matches(&self, uri: &WorkloadUri) -> bool {
        self.0.before_path() == uri.before_path()
            && self.0.query() == uri.query()
            && path_matches(self.0.path(), uri.path())
    }
}

impl fmt::Display for UriPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// `www.example.org`, `*.example.org` or `**.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DnsPattern {
    /// The name, or a wildcard that speaks for it.
    Name(DnsName),
    /// Exactly one label before the name.
    OneBelow(DnsName),
    /// One or more labels before the name.
    Below(DnsName),
}

impl DnsPattern {
    pub(super) fn parse(text: &str) -> Result<Self, MatcherError> {
        let below = |name: &str, by| DnsName::parse(name).map_err(|error| error.shifted(by).into());
        if let Some(name) = text.strip_prefix("**.") {
            return below(name, 3).map(Self::Below);
        }
        match text.strip_prefix("*.") {
            Some(name) => below(name, 2).map(Self::OneBelow),
            None => below(text, 0).map(Self::Name),
        }
    }

    pub(super) fn matches(&self, presented: &PresentedDnsName) -> bool {
        let labels_before = |name: &DnsName| {
            let labels = presented.as_str().strip_suffix(name.as_str())?;
            labels.strip_suffix('.').filter(|labels| !labels.is_empty())
        };
        match self {
            Self::Name(name) => presented.matches(name),
            Self::OneBelow(name) => labels_before(name).is_some_and(|label| !label.contains('.')),
            Self::Below(name) => labels_before(name).is_some(),
        }
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::OneBelow(name) => write!(f, "*.{name}"),
            Self::Below(name) => write!(f, "**.{name}"),
        }
    }
}

/// `ann@example.org` or `*@example.org`; the local part `*` itself is written `"*"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EmailPattern {
    Mailbox(Mailbox),
    Host(DnsName),
}

impl EmailPattern {
    pub(super) fn parse(text: &str) -> Result<Self, MatcherError> {
        match text.strip_prefix("*@") {
            Some(host) => Ok(Self::Host(parse_host(host).map_err(|error| error.shifted(2))?)),
            None => Ok(Self::Mailbox(Mailbox::parse(text)?)),
        }
    }

    pub(super) fn matches(&self, presented: &Mailbox) -> bool {
        match self {
            Self::Mailbox(mailbox) => mailbox == presented,
            Self::Host(host) => host == presented.host(),
        }
    }
}

impl fmt::Display for EmailPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(mailbox) if mailbox.local_part() == "*" => {
                write!(f, "\"*\"@{}", mailbox.host())
            }
            Self::Mailbox(mailbox) => write!(f, "{mailbox}"),
            Self::Host(host) => write!(f, "*@{host}"),
        }
    }
}

/// Whether a segment is a wildcard; the second `**` and a `*` within a segment are errors.
fn check_wildcard(segment: &str, deep: &mut bool) -> Result<bool, MatcherError> {
    match segment {
        "*" => Ok(true),
        "**" if *deep => Err(MatcherError::new(0, MatcherErrorKind::RepeatedDeepWildcard)),
        "**" => {
            *deep = true;
            Ok(true)
        }
        other => match other.find('*') {
            Some(at) => Err(MatcherError::new(at, MatcherErrorKind::PartialWildcard)),
            None => Ok(false),
        },
    }
}

/// Compares segments from the front to `**`, then from the back to it: linear in the path.
fn path_matches(pattern: &str, path: &str) -> bool {
    let same = |pattern: &str, segment: &str| match pattern {
        // `*` stands for a segment, and an empty string between slashes is hardly one.
        "*" => !segment.is_empty(),
        literal => literal == segment,
    };
    let mut patterns = pattern.split('/');
    let mut segments = path.split('/');
    loop {
        match patterns.next() {
            Some("**") => break,
            Some(pattern) => match segments.next() {
                Some(segment) if same(pattern, segment) => {}
                _ => return false,
            },
            None => return segments.next().is_none(),
        }
    }
    while let Some(pattern) = patterns.next_back() {
        match segments.next_back() {
            Some(segment) if same(pattern, segment) => {}
            _ => return false,
        }
    }
    // `**` takes what is left: at least one segment, none of them empty.
    let mut rest = segments.peekable();
    rest.peek().is_some() && rest.all(|segment| !segment.is_empty())
}

impl From<NameError> for MatcherError {
    fn from(error: NameError) -> Self {
        Self::new(error.offset(), MatcherErrorKind::Name(error.kind()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn id_15_a_path_pattern_matches_on_segment_borders() {
        let cases = [
            ("exact", "spiffe://td/a/b", "spiffe://td/a/b", true),
            ("exact, longer", "spiffe://td/a", "spiffe://td/a/b", false),
            ("exact, prefix of a segment", "spiffe://td/a", "spiffe://td/ab", false),
            ("domain alone", "spiffe://td", "spiffe://td", true),
            ("domain alone, path", "spiffe://td", "spiffe://td/a", false),
            ("id-18 other domain", "spiffe://td/**", "spiffe://sub.td/a", false),
            ("id-18 longer domain", "spiffe://td/**", "spiffe://tdx/a", false),
            ("one", "spiffe://td/ns/*/sa/web", "spiffe://td/ns/prod/sa/web", true),
            ("one is not two", "spiffe://td/ns/*/sa/web", "spiffe://td/ns/a/b/sa/web", false),
            ("one is not none", "spiffe://td/*", "spiffe://td", false),
            ("deep", "spiffe://td/ns/prod/**", "spiffe://td/ns/prod/sa/web", true),
            ("deep is not none", "spiffe://td/ns/prod/**", "spiffe://td/ns/prod", false),
            ("deep on a border", "spiffe://td/ns/prod/**", "spiffe://td/ns/prod2/a", false),
            ("deep over a domain", "spiffe://td/**", "spiffe://td", false),
            ("deep in front", "spiffe://td/**/web", "spiffe://td/a/b/web", true),
            ("deep in front is not none", "spiffe://td/**/web", "spiffe://td/web", false),
            ("deep within", "spiffe://td/a/**/b/*", "spiffe://td/a/x/y/b/z", true),
            ("deep within, nothing left", "spiffe://td/a/**/b", "spiffe://td/a/b", false),
            ("ends do not overlap", "spiffe://td/a/**/a", "spiffe://td/a", false),
        ];
        for (case, pattern, id, expected) in cases {
            let parsed = SpiffePattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(SpiffeIdRef::parse(id).unwrap()), expected, "{case}");
            assert_eq!(parsed.to_string(), pattern, "{case}");
            let uri = |text: &str| text.replace("spiffe://", "wimse://");
            let parsed = UriPattern::parse(&uri(pattern)).unwrap();
            let id = WorkloadUri::parse(&uri(id)).unwrap();
            assert_eq!(parsed.matches(&id), expected, "{case}");
        }
    }

    #[test]
    fn patterns_agree_with_a_search_that_tries_everything() {
        fn slow(pattern: &[&str], path: &[&str]) -> bool {
            match (pattern, path) {
                ([], []) => true,
                (["**", rest @ ..], [_, tail @ ..]) => slow(rest, tail) || slow(pattern, tail),
                ([first, rest @ ..], [segment, tail @ ..]) => {
                    (*first == "*" || first == segment) && slow(rest, tail)
                }
                _ => false,
            }
        }
        let mut seed = 1_u64;
        let mut pick = |choices: &[&'static str], most: u64| {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed >> 33
            };
            let count = next() % (most + 1);
            let choose = |_| choices[usize::try_from(next()).unwrap() % choices.len()];
            (0..count).map(choose).collect::<Vec<_>>()
        };
        let text = |segments: &[&str]| {
            segments.iter().fold("spiffe://td".to_string(), |text, next| format!("{text}/{next}"))
        };
        let mut accepted = 0;
        for _ in 0..20_000 {
            let pattern = pick(&["a", "b", "*", "**"], 5);
            let path = pick(&["a", "b"], 6);
            let Ok(parsed) = SpiffePattern::parse(&text(&pattern)) else {
                assert!(pattern.iter().filter(|segment| **segment == "**").count() > 1);
                continue;
            };
            let id_text = text(&path);
            let id = SpiffeIdRef::parse(&id_text).unwrap();
            let found = parsed.matches(id);
            assert_eq!(found, slow(&pattern, &path), "{parsed} {id}");
            accepted += u32::from(found);
        }
        assert!(accepted > 1_000);
    }

    #[test]
    fn names_of_hosts_are_matched_by_labels() {
        let cases = [
            ("name", "a.org", "a.org", true),
            ("name, wildcard speaks for it", "x.a.org", "*.a.org", true),
            ("one below", "*.a.org", "x.a.org", true),
            ("one below, wildcard", "*.a.org", "*.a.org", true),
            ("one below, two", "*.a.org", "x.y.a.org", false),
            ("one below, none", "*.a.org", "a.org", false),
            ("one below, no border", "*.a.org", "xa.org", false),
            ("below", "**.a.org", "x.y.a.org", true),
            ("below, none", "**.a.org", "a.org", false),
            ("below, no border", "**.a.org", "xa.org", false),
        ];
        for (case, pattern, name, expected) in cases {
            let parsed = DnsPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(&PresentedDnsName::parse(name).unwrap()), expected, "{case}");
            assert_eq!(parsed.to_string(), pattern, "{case}");
        }
    }

    #[test]
    fn mailboxes_are_matched_whole_or_by_host() {
        let cases = [
            ("mailbox", "a@b", "a@b", true),
            ("other local part", "a@b", "A@b", false),
            ("host", "*@b", "a@b", true),
            ("host below", "*@b", "a@x.b", false),
            ("the mailbox of a star", "\"*\"@b", "a@b", false),
            ("the mailbox of a star itself", "\"*\"@b", "*@b", true),
        ];
        for (case, pattern, mailbox, expected) in cases {
            let parsed = EmailPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(&Mailbox::parse(mailbox).unwrap()), expected, "{case}");
            assert_eq!(parsed.to_string(), pattern, "{case}");
        }
    }

    #[test]
    fn the_query_of_a_uri_is_literal() {
        let pattern = UriPattern::parse("https://a/*?x").unwrap();
        assert!(pattern.matches(&WorkloadUri::parse("https://a/b?x").unwrap()));
        assert!(!pattern.matches(&WorkloadUri::parse("https://a/b?y").unwrap()));
        let pattern = UriPattern::parse("https://a/**").unwrap();
        assert!(!pattern.matches(&WorkloadUri::parse("https://a/b?x").unwrap()));
        assert!(!pattern.matches(&WorkloadUri::parse("https://a/b//c").unwrap()));
    }
}
