//! Reads a matcher from text; the grammar stands in the header of `matcher`.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use super::error::{NameError, NameErrorKind};
use super::ip::IpPrefix;
use super::matcher::{Clause, IdentityMatcher};
use super::matcher_error::{MatcherError, MatcherErrorKind};
use super::pattern::{DnsPattern, EmailPattern, SpiffePattern, UriPattern};
use super::peer::{DistinguishedName, split_kind};
use super::spiffe::SpiffeId;
use super::trust_domain::TrustDomain;

impl FromStr for IdentityMatcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, MatcherError> {
        let mut parser = Parser { text, at: 0 };
        let matcher = parser.matcher(0)?;
        parser.blanks();
        match parser.rest().is_empty() {
            true => Ok(matcher),
            false => Err(parser.error(MatcherErrorKind::Trailing)),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// Recursion is bounded by `MAX_DEPTH`.
    fn matcher(&mut self, depth: usize) -> Result<IdentityMatcher, MatcherError> {
        self.blanks();
        let start = self.at;
        if depth >= IdentityMatcher::MAX_DEPTH {
            return Err(self.error(MatcherErrorKind::TooDeep));
        }
        if self.rest().starts_with('"') {
            let name = self.quoted()?;
            return name_clause(&name).map(IdentityMatcher).map_err(|error| error.at(start));
        }
        let word = self.word();
        if word.is_empty() {
            let end = self.rest().is_empty();
            let kind =
                if end { MatcherErrorKind::UnexpectedEnd } else { MatcherErrorKind::UnknownClause };
            return Err(self.error(kind));
        }
        if !self.take('(') {
            return name_clause(word).map(IdentityMatcher).map_err(|error| error.shifted(start));
        }
        let clause = match word {
            "any" => Clause::Any(self.list(|parser| parser.matcher(depth + 1))?),
            "all" => Clause::All(self.list(|parser| parser.matcher(depth + 1))?),
            "one-of" => Clause::OneOf(BTreeSet::from_iter(self.list(Self::spiffe_id)?)),
            "not" => {
                let matcher = self.matcher(depth + 1)?;
                self.close()?;
                Clause::Not(Box::new(matcher))
            }
            "trust-domain" => {
                self.blanks();
                let start = self.at;
                let domain = TrustDomain::parse(self.word()).map_err(NameError::from);
                let domain = domain.map_err(|error| MatcherError::from(error).shifted(start))?;
                self.close()?;
                Clause::TrustDomain(domain)
            }
            _ => return Err(MatcherError::new(start, MatcherErrorKind::UnknownClause)),
        };
        Ok(IdentityMatcher(clause))
    }

    fn spiffe_id(&mut self) -> Result<SpiffeId, MatcherError> {
        let start = self.at;
        let id = SpiffeId::parse(self.word()).map_err(NameError::from);
        id.map_err(|error| MatcherError::from(error).shifted(start))
    }

    /// What follows an opening bracket, the closing one included.
    fn list<T>(
        &mut self,
        mut part: impl FnMut(&mut Self) -> Result<T, MatcherError>,
    ) -> Result<Vec<T>, MatcherError> {
        let mut parts = Vec::new();
        self.blanks();
        if self.take(')') {
            return Ok(parts);
        }
        loop {
            self.blanks();
            parts.push(part(self)?);
            self.blanks();
            if !self.take(',') {
                self.close()?;
                return Ok(parts);
            }
        }
    }

    fn close(&mut self) -> Result<(), MatcherError> {
        self.blanks();
        if self.take(')') {
            return Ok(());
        }
        let end = self.rest().is_empty();
        let kind = if end { MatcherErrorKind::UnexpectedEnd } else { MatcherErrorKind::Delimiter };
        Err(self.error(kind))
    }

    fn quoted(&mut self) -> Result<String, MatcherError> {
        let mut name = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(name);
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) => name.push(escaped),
                    None => break,
                },
                other => name.push(other),
            }
        }
        Err(MatcherError::new(self.text.len(), MatcherErrorKind::UnexpectedEnd))
    }

    /// Everything to the next bracket, comma, quote or blank.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let ends = |character: char| matches!(character, '(' | ')' | ',' | '"') || blank(character);
        let word = rest.split(ends).next().unwrap_or_default();
        self.at += word.len();
        word
    }

    fn take(&mut self, character: char) -> bool {
        let found = self.rest().starts_with(character);
        self.at += if found { character.len_utf8() } else { 0 };
        found
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(blank).len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    const fn error(&self, kind: MatcherErrorKind) -> MatcherError {
        MatcherError::new(self.at, kind)
    }
}

const fn blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn name_clause(text: &str) -> Result<Clause, MatcherError> {
    let (kind, at, name) = split_kind(text)?;
    match kind {
        "spiffe:" => return SpiffePattern::parse(text).map(Clause::Spiffe),
        "uri:" => UriPattern::parse(name).map(Clause::Uri),
        "dns:" => DnsPattern::parse(name).map(Clause::Dns),
        "ip:" => IpPrefix::parse(name).map(Clause::Ip).map_err(MatcherError::from),
        "email:" => EmailPattern::parse(name).map(Clause::Email),
        "dn:" => DistinguishedName::parse(name).map(Clause::Subject).map_err(MatcherError::from),
        _ => return Err(NameError::new(0, NameErrorKind::UnknownKind).into()),
    }
    .map_err(|error| error.shifted(at))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;
    use crate::identity::PeerIdentity;

    fn peer(names: &[&str]) -> PeerIdentity {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_matcher_is_read_back_from_its_text() {
        let cases = [
            ("exact", "spiffe://a/x"),
            ("path", "spiffe://a/ns/*/sa/web"),
            ("deep", "spiffe://a/ns/**"),
            ("nested", "any(spiffe://a/x, all(trust-domain(b), not(spiffe://b/**)))"),
            ("nothing", "any()"),
            ("nothing at all", "all()"),
            ("set", "one-of(spiffe://a/x, spiffe://b/y)"),
            ("empty set", "one-of()"),
            ("uri", "uri:wimse://a/*/b"),
            ("uri with a comma", "not(\"uri:https://a/(b),c\")"),
            ("urn", "uri:urn:a:b"),
            ("dns", "all(dns:a.b, dns:*.b, dns:**.b)"),
            ("ip", "any(ip:10.0.0.0/8, ip:::1)"),
            ("email", "any(email:a@b, email:*@b)"),
            ("email with quotes", "\"email:\\\"a, \\\\\\\"b\\\"@c\""),
            ("the mailbox of a star", "\"email:\\\"*\\\"@c\""),
            ("subject", "dn:#3000"),
        ];
        for (case, text) in cases {
            let matcher: IdentityMatcher = text.parse().unwrap();
            assert_eq!(matcher.to_string(), text, "{case}");
            let loose = text.replace(", ", " ,\n ").replace("all(", " all( ");
            if !text.contains('"') {
                assert_eq!(loose.parse(), Ok(matcher), "{case}");
            }
        }
    }

    #[test]
    fn a_text_that_is_no_matcher_is_refused_at_the_byte_at_fault() {
        let cases = [
            ("empty", "", 0, "matcher.unexpected-end"),
            ("blank", "  ", 2, "matcher.unexpected-end"),
            ("unknown word", "some(dns:a)", 0, "matcher.unknown-clause"),
            ("unknown kind", "any(cn:a)", 4, "name.unknown-kind"),
            ("bare word", "any(a)", 4, "name.unknown-kind"),
            ("not closed", "any(dns:a", 9, "matcher.unexpected-end"),
            ("no comma", "any(dns:a dns:b)", 10, "matcher.delimiter"),
            ("comma at the end", "any(dns:a,)", 10, "matcher.unknown-clause"),
            ("two in a not", "not(dns:a, dns:b)", 9, "matcher.delimiter"),
            ("none in a not", "not()", 4, "matcher.unknown-clause"),
            ("text after it", "dns:a dns:b", 6, "matcher.trailing"),
            ("bracket after it", "dns:a)", 5, "matcher.trailing"),
            ("quote not closed", "\"dns:a", 6, "matcher.unexpected-end"),
            ("part of a segment", "any(spiffe://a/web-*)", 19, "matcher.partial-wildcard"),
            ("part of a uri segment", "uri:https://a/web-*", 4, "matcher.partial-wildcard"),
            ("two deep ones", "spiffe://a/**/b/**", 16, "matcher.repeated-deep-wildcard"),
            ("wildcard trust domain", "spiffe://*/a", 9, "spiffe-id.trust-domain-character"),
            ("id-13 trailing slash", "spiffe://a/*/", 13, "spiffe-id.empty-segment"),
            ("id-05 trust domain", "trust-domain(A)", 13, "spiffe-id.upper-case"),
            ("id-02 trust domain", "trust-domain()", 13, "spiffe-id.empty-trust-domain"),
            ("pattern in a set", "one-of(spiffe://a/*)", 18, "spiffe-id.segment-character"),
            ("spiffe as a uri", "uri:spiffe://a/b", 4, "name.spiffe-scheme"),
            ("host bits", "ip:10.0.0.1/8", 3, "name.host-bits"),
            ("name within brackets", "any(dns:a..b)", 10, "name.empty-label"),
        ];
        for (case, text, offset, code) in cases {
            let error = text.parse::<IdentityMatcher>().unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}dns:a{}", "not(".repeat(depth), ")".repeat(depth));
        assert!(nested(IdentityMatcher::MAX_DEPTH - 1).parse::<IdentityMatcher>().is_ok());
        for depth in [IdentityMatcher::MAX_DEPTH, 100_000] {
            let error = nested(depth).parse::<IdentityMatcher>().unwrap_err();
            assert_eq!((error.offset(), error.code()), (128, "matcher.too-deep"));
        }
    }

    #[test]
    fn cut_and_changed_texts_never_panic_and_what_parses_is_read_back() {
        let text =
            "any(\"uri:https://a/(b)\", all(trust-domain(b), not(spiffe://b/*/**)), ip:::/0)";
        for at in 0..text.len() {
            for byte in b"(),\"\\*/ :a%#@.\xc3" {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = *byte;
                for changed in [String::from_utf8_lossy(&bytes).as_ref(), &text[..at]] {
                    if let Ok(matcher) = changed.parse::<IdentityMatcher>() {
                        assert_eq!(matcher.to_string().parse(), Ok(matcher), "{changed}");
                    }
                }
            }
        }
    }

    #[test]
    fn clauses_hold_for_the_peers_they_mean() {
        let spiffe: &[&str] = &["spiffe://b/ns/prod/web"];
        let mixed: &[&str] = &["spiffe://b/x", "dns:a.org", "ip:10.1.2.3", "dn:#3000"];
        let uri: &[&str] = &["uri:wimse://b/ns/prod/web"];
        let cases = [
            ("trust domain", "trust-domain(b)", spiffe, true),
            ("id-18 trust domain", "trust-domain(sub.b)", spiffe, false),
            ("trust domain and uri", "trust-domain(b)", uri, false),
            ("set", "one-of(spiffe://a/x, spiffe://b/x)", mixed, true),
            ("set, not in it", "one-of(spiffe://a/x)", mixed, false),
            ("path", "spiffe://b/ns/*/web", spiffe, true),
            ("spiffe pattern and uri", "spiffe://b/**", uri, false),
            ("uri pattern", "uri:wimse://b/**", uri, true),
            ("uri pattern and spiffe", "uri:wimse://b/**", spiffe, false),
            ("any identity", "dns:a.org", mixed, true),
            ("ip", "ip:10.0.0.0/8", mixed, true),
            ("subject", "dn:#3000", mixed, true),
            ("all", "all(trust-domain(b), dns:a.org)", mixed, true),
            ("all, one missing", "all(trust-domain(b), dns:b.org)", mixed, false),
            ("not", "not(spiffe://b/ns/dev/**)", spiffe, true),
            ("not, held", "not(spiffe://b/ns/prod/**)", spiffe, false),
            ("any of nothing", "any()", mixed, false),
            ("all of nothing", "all()", mixed, false),
            ("not any of nothing", "not(any())", mixed, true),
            ("nobody, not", "not(dns:a)", &[], false),
            ("nobody, nested not", "any(not(any()), not(dns:a))", &[], false),
        ];
        for (case, text, names, expected) in cases {
            let matcher: IdentityMatcher = text.parse().unwrap();
            assert_eq!(matcher.matches(&peer(names)), expected, "{case}");
            assert_eq!(matcher.explain(&peer(names)).holds(), expected, "{case}");
        }
    }

    #[test]
    fn an_answer_names_the_clause_that_decided() {
        let web: &[&str] = &["spiffe://b/web"];
        let cases = [
            (
                "any",
                "any(dns:a, trust-domain(b))",
                web,
                "accepted: trust-domain(b) holds: the peer is spiffe://b/web",
            ),
            (
                "no part of any",
                "any(dns:a, dns:b)",
                web,
                "refused: any(dns:a, dns:b) does not hold: the peer is spiffe://b/web",
            ),
            (
                "part of all, of many names",
                "all(trust-domain(b), dns:a)",
                &["spiffe://b/web", "dns:b", "dns:c", "dns:d"],
                "refused: dns:a does not hold: the peer is spiffe://b/web, dns:b, dns:c, …",
            ),
            (
                "all",
                "all(trust-domain(b), not(dns:a))",
                web,
                "accepted: all(trust-domain(b), not(dns:a)) holds",
            ),
            (
                "not",
                "all(trust-domain(b), not(spiffe://b/**))",
                web,
                "refused: not(spiffe://b/**) does not hold: the peer is spiffe://b/web",
            ),
            ("nobody", "not(dns:a)", &[], "refused: the peer has no identity"),
        ];
        for (case, text, names, expected) in cases {
            let matcher: IdentityMatcher = text.parse().unwrap();
            assert_eq!(matcher.explain(&peer(names)).to_string(), expected, "{case}");
        }
    }

    #[test]
    fn matchers_made_by_hand_are_those_of_their_text() {
        let id = |text| SpiffeId::parse(text).unwrap();
        let made = IdentityMatcher::any_of([
            IdentityMatcher::exact(id("spiffe://a/x").borrowed()),
            IdentityMatcher::one_of([id("spiffe://a/y"), id("spiffe://a/y")]),
            IdentityMatcher::all_of([IdentityMatcher::trust_domain("b".parse().unwrap())]).negate(),
            IdentityMatcher::ip("10.0.0.0/8".parse().unwrap()),
            IdentityMatcher::subject(DistinguishedName::from_der(&[0x30, 0]).unwrap()),
        ]);
        let text = "any(spiffe://a/x, one-of(spiffe://a/y), not(all(trust-domain(b))), \
                    ip:10.0.0.0/8, dn:#3000)";
        assert_eq!(text.parse(), Ok(made));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_reads_and_writes_text() {
        let matcher: IdentityMatcher = "any(dns:a)".parse().unwrap();
        assert_eq!(serde_json::to_string(&matcher).unwrap(), "\"any(dns:a)\"");
        assert_eq!(serde_json::from_str::<IdentityMatcher>("\"any(dns:a)\"").unwrap(), matcher);
        assert!(serde_json::from_str::<IdentityMatcher>("\"any(\"").is_err());
    }
}
