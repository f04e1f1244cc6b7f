//! Name constraints: RFC 5280 section 6.1.3 steps (b) and (c) for one extension and one certificate.
//!
//! [`check_name_constraints`] judges the names of one certificate by the constraints of one
//! certificate above it. The caller applies it to every pair of a path, so that permitted subtrees
//! intersect and excluded ones unite (section 6.1.4 step (g)), and leaves out self-issued
//! certificates that are not the last of the path.
//!
//! A constraint binds only names of its own form. These names count: every subject alternative
//! name; a nonempty subject as directoryName; `emailAddress` attributes of the subject as
//! rfc822Name. A common name is never read as a host name.
//!
//! Where this differs from RFC 5280 section 4.2.1.10, or decides what it leaves open:
//! - *Specification: `emailAddress` counts where there is no subject alternative name. Enforced
//!   here: always*, as BoringSSL does. A second address does not hide the first.
//! - *Specification: a constrained form that is not understood rejects the certificate where the
//!   extension is critical. Enforced here: critical or not*, where a name of the form is present,
//!   except by [`Reading::Loose`].
//! - A base that the RFC gives no meaning to (a leading dot in a dNSName, a mailbox with two `@` or
//!   a quoted local part, a URI as the base for URIs) refuses every name of its form. OpenSSL, Go
//!   and BoringSSL read a leading dot as "below, but not the name itself"; so does
//!   [`Reading::Loose`], and a dot alone holds nothing.
//! - A name that no constraint of its form could judge for certain (an empty or badly formed
//!   dNSName, a quoted local part, an address literal as mail host, a URI without a host name) is
//!   refused where its form is constrained, so that no spelling evades an excluded subtree.
//! - *Specification: local parts of mailboxes are compared with regard to case (section 7.5).
//!   Enforced here: for permitted subtrees*; an excluded mailbox excludes all its spellings in case,
//!   which most mail systems deliver to one box (so BoringSSL).
//! - One final dot of a host name is no part of the comparison.
//! - A wildcard dNSName `*.x` stands for all names with one label in place of `*`: permitted
//!   subtrees must hold all of them, excluded ones none. `*` elsewhere in the first label is a
//!   letter, as no matcher of this crate expands it.

use super::name_grammar::{DnsBase, DnsName, Host, Mailbox, host_within, ip_within, uri_host};
use crate::policy::{Budget, Limit, LimitExceeded};
use crate::x509::{
    GeneralName, GeneralNameForm, GeneralNames, GeneralSubtrees, Name, NameConstraints,
};

/// Why name constraints refuse a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameConstraintFailure<'a> {
    /// The form is constrained to permitted subtrees and the name lies in none.
    #[error("{name} is within no permitted subtree")]
    NotPermitted {
        /// The name in the certificate.
        name: GeneralName<'a>,
    },
    /// The name lies, or for a wildcard may lie, within an excluded subtree.
    #[error("{name} is within the excluded subtree {constraint}")]
    Excluded {
        /// The name in the certificate.
        name: GeneralName<'a>,
        /// The base of the subtree.
        constraint: GeneralName<'a>,
    },
    /// The form is constrained and no rule is known that compares it.
    #[error("{name} has a form that is constrained by {constraint} and cannot be compared")]
    UnsupportedForm {
        /// The name in the certificate.
        name: GeneralName<'a>,
        /// The first constraint of that form.
        constraint: GeneralName<'a>,
    },
    /// The form is constrained and this name cannot be judged.
    #[error("{name} cannot be judged by the name constraints")]
    MalformedName {
        /// The name in the certificate; the subject where an attribute of it is malformed.
        name: GeneralName<'a>,
    },
    /// The list of subject alternative names is malformed.
    #[error("the subject alternative names cannot be read: {0}")]
    MalformedNames(crate::x509::DerError),
    /// The base of a constraint on the form of this name has no defined meaning.
    #[error("the constraint {constraint} on {name} has no defined meaning")]
    MalformedConstraint {
        /// The name in the certificate.
        name: GeneralName<'a>,
        /// The base of the subtree.
        constraint: GeneralName<'a>,
    },
    /// The bound on comparisons was reached.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

impl NameConstraintFailure<'_> {
    codes!(code(&self) {
        Self::NotPermitted { .. } => "name-constraints.not-permitted",
        Self::Excluded { .. } => "name-constraints.excluded",
        Self::UnsupportedForm { .. } => "name-constraints.unsupported-form",
        Self::MalformedName { .. } | Self::MalformedNames(_) => "name-constraints.malformed-name",
        Self::MalformedConstraint { .. } => "name-constraints.malformed-constraint",
    } nested {
        Self::Limit(limit) => limit.limit().code(), Limit::CODES.iter().copied();
    });
}

/// What constraints mean where RFC 5280 section 4.2.1.10 says nothing or leaves a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What cannot be judged is refused.
    Strict,
    /// A leading dot in the base of a dNSName stands for all names below.
    Loose {
        /// Whether the extension is critical: where it is not, constraints of a form that cannot be
        /// compared are passed over.
        critical: bool,
    },
}

/// Applies one name constraints extension to the names of one certificate.
///
/// # Errors
/// The first name that is refused, and by which constraint.
pub(crate) fn check_name_constraints<'a>(
    constraints: &NameConstraints<'a>,
    reading: Reading,
    subject: Name<'a>,
    san: Option<GeneralNames<'a>>,
    budget: &mut Budget,
) -> Result<(), NameConstraintFailure<'a>> {
    let constrained = |form| constraints.permitted().has(form) || constraints.excluded().has(form);
    // RFC 5280 4.2.1.10: "Restrictions of the form directoryName MUST be applied to the subject
    // field in the certificate (when the certificate includes a non-empty subject field) and to any
    // names of type directoryName in the subjectAltName extension."
    if constrained(GeneralNameForm::Directory) && !subject.is_empty() {
        let name = GeneralName::Directory(subject);
        if subject.check(0).is_err() {
            return Err(NameConstraintFailure::MalformedName { name });
        }
        check_name(constraints, reading, name, budget)?;
    }
    // "the rfc822Name constraint MUST be applied to the attribute of type emailAddress in the
    // subject distinguished name."
    if constrained(GeneralNameForm::Rfc822) {
        let malformed =
            NameConstraintFailure::MalformedName { name: GeneralName::Directory(subject) };
        if subject.check(0).is_err() {
            return Err(malformed);
        }
        for attribute in subject.email_addresses() {
            // RFC 5280 appendix A.1: "EmailAddress ::= IA5String".
            let mailbox = attribute.ia5().ok_or(malformed)?;
            check_name(constraints, reading, GeneralName::Rfc822(mailbox), budget)?;
        }
    }
    for name in san.iter().flat_map(GeneralNames::iter) {
        let name = name.map_err(NameConstraintFailure::MalformedNames)?;
        if constrained(name.form()) {
            check_name(constraints, reading, name, budget)?;
        }
    }
    Ok(())
}

/// Judges one name whose form is constrained.
fn check_name<'a>(
    constraints: &NameConstraints<'a>,
    reading: Reading,
    name: GeneralName<'a>,
    budget: &mut Budget,
) -> Result<(), NameConstraintFailure<'a>> {
    let form = name.form();
    let Some(candidate) = Candidate::of(name) else {
        let mut bases = constraints.permitted().bases().chain(constraints.excluded().bases());
        return Err(match (form, bases.find(|base| base.form() == form)) {
            (
                GeneralNameForm::Rfc822
                | GeneralNameForm::Dns
                | GeneralNameForm::Uri
                | GeneralNameForm::Ip
                | GeneralNameForm::Directory,
                _,
            )
            | (_, None) => NameConstraintFailure::MalformedName { name },
            // RFC 5280 4.2.1.10: "If a name constraints extension that is marked as critical
            // imposes constraints on a particular name form, and an instance of that name form
            // appears …, then the application MUST either process the constraint or reject the
            // certificate."
            (_, Some(_)) if reading == (Reading::Loose { critical: false }) => return Ok(()),
            (_, Some(constraint)) => NameConstraintFailure::UnsupportedForm { name, constraint },
        });
    };
    // RFC 5280 6.1.3 (c): "Verify that the subject name is not within any of the excluded_subtrees".
    // Before (b), as an excluded name is the plainer answer; all bases are seen either way, so that
    // one without meaning is found whatever stands before it.
    let excluded =
        find(constraints.excluded(), name, budget, |base| candidate.may_be_within(base, reading))?;
    let permitted =
        find(constraints.permitted(), name, budget, |base| candidate.is_within(base, reading))?;
    match (excluded, permitted) {
        (Some(constraint), _) => Err(NameConstraintFailure::Excluded { name, constraint }),
        // 6.1.3 (b): "Verify that the subject name is within one of the permitted_subtrees".
        (None, None) if constraints.permitted().has(form) => {
            Err(NameConstraintFailure::NotPermitted { name })
        }
        _ => Ok(()),
    }
}

/// The first base of the name's form for which `within` says yes.
fn find<'a>(
    subtrees: GeneralSubtrees<'a>,
    name: GeneralName<'a>,
    budget: &mut Budget,
    within: impl Fn(&GeneralName<'a>) -> Option<bool>,
) -> Result<Option<GeneralName<'a>>, NameConstraintFailure<'a>> {
    let mut found = None;
    if !subtrees.has(name.form()) {
        return Ok(found);
    }
    for element in subtrees.base_elements() {
        // A base passed over costs too.
        budget.name_comparisons(cost(&name, element.content.len()))?;
        if GeneralNameForm::of(element.tag) != Some(name.form()) {
            continue;
        }
        let base =
            GeneralSubtrees::base(&element).ok_or(NameConstraintFailure::MalformedName { name })?;
        match within(&base) {
            Some(true) => found = found.or(Some(base)),
            Some(false) => {}
            None => {
                return Err(NameConstraintFailure::MalformedConstraint { name, constraint: base });
            }
        }
    }
    Ok(found)
}

/// What one comparison costs: more than one where a name or a base is long, so that the bound on
/// comparisons bounds octets, too. Preparing the text of directory names is the dear part.
fn cost(name: &GeneralName<'_>, base: usize) -> u32 {
    let (octets, per_unit) = match name {
        GeneralName::Directory(name) => (name.as_der().len(), 32),
        GeneralName::Rfc822(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => {
            (text.len(), 256)
        }
        _ => (0, 256),
    };
    u32::try_from((octets + base) / per_unit).unwrap_or(u32::MAX).saturating_add(1)
}

/// A name that constraints can judge.
enum Candidate<'a> {
    Dns(DnsName<'a>),
    Mailbox(Mailbox<'a>),
    Uri(DnsName<'a>),
    Ip(&'a [u8]),
    Directory(Name<'a>),
}

impl<'a> Candidate<'a> {
    fn of(name: GeneralName<'a>) -> Option<Self> {
        Some(match name {
            GeneralName::Dns(name) => Self::Dns(DnsName::read(name)?),
            GeneralName::Rfc822(mailbox) => Self::Mailbox(Mailbox::read(mailbox)?),
            // RFC 5280 4.2.1.10: "If a constraint is applied to the uniformResourceIdentifier
            // name form and a subsequent certificate includes a subjectAltName extension with a
            // uniformResourceIdentifier that does not include an authority component with a host
            // name specified as a fully qualified domain name …, then the application MUST reject
            // the certificate."
            GeneralName::Uri(uri) => match uri_host(uri)? {
                Host::Name(host) => Self::Uri(DnsName::read(host)?),
                Host::Ipv4(_) | Host::IpLiteral(_) => return None,
            },
            GeneralName::Ip(octets) => Self::Ip(octets),
            GeneralName::Directory(name) => Self::Directory(name),
            GeneralName::OtherName { .. }
            | GeneralName::X400(_)
            | GeneralName::EdiParty(_)
            | GeneralName::RegisteredId(_) => return None,
        })
    }

    /// Whether all that the name stands for is within the subtree; nothing where the base has no
    /// meaning.
    fn is_within(&self, base: &GeneralName<'_>, reading: Reading) -> Option<bool> {
        match (self, *base) {
            (Self::Dns(name), GeneralName::Dns(base)) => {
                Some(DnsBase::read(base, reading)?.holds(name))
            }
            (Self::Mailbox(mailbox), GeneralName::Rfc822(base)) => mailbox.is_within(base, str::eq),
            (Self::Uri(host), GeneralName::Uri(base)) => host_within(host, base),
            (Self::Ip(address), GeneralName::Ip(base)) => Some(ip_within(address, base)),
            (Self::Directory(name), GeneralName::Directory(base)) => Some(name.is_within(&base)),
            _ => Some(false),
        }
    }

    /// Whether something that the name stands for is within the subtree.
    fn may_be_within(&self, base: &GeneralName<'_>, reading: Reading) -> Option<bool> {
        match (self, *base) {
            (Self::Dns(name), GeneralName::Dns(base)) => {
                Some(DnsBase::read(base, reading)?.may_hold(name))
            }
            (Self::Mailbox(mailbox), GeneralName::Rfc822(base)) => {
                mailbox.is_within(base, str::eq_ignore_ascii_case)
            }
            _ => self.is_within(base, reading),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Limits;
    use alloc::vec::Vec;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let header = match length {
            0..0x80 => [&[tag][..], &length.to_be_bytes()[1..]].concat(),
            0x80..0x100 => [&[tag, 0x81][..], &length.to_be_bytes()[1..]].concat(),
            _ => [&[tag, 0x82][..], &length.to_be_bytes()].concat(),
        };
        [&header[..], content].concat()
    }

    fn general(name: &(u8, &[u8])) -> Vec<u8> {
        tlv(name.0, name.1)
    }

    fn constraints(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Vec<u8> {
        let field = |tag, bases: &[(u8, &[u8])]| {
            let content: Vec<u8> =
                bases.iter().flat_map(|base| tlv(0x30, &general(base))).collect();
            if bases.is_empty() { Vec::new() } else { tlv(tag, &content) }
        };
        tlv(0x30, &[field(0xa0, permitted), field(0xa1, excluded)].concat())
    }

    fn codes(
        constraints: &[u8],
        subject: &[u8],
        san: &[(u8, &[u8])],
        limits: Limits,
    ) -> Result<(), &'static str> {
        read_codes(constraints, Reading::Strict, subject, san, limits)
    }

    fn read_codes(
        constraints: &[u8],
        reading: Reading,
        subject: &[u8],
        san: &[(u8, &[u8])],
        limits: Limits,
    ) -> Result<(), &'static str> {
        let constraints = NameConstraints::from_der(constraints).unwrap();
        let san = tlv(0x30, &san.iter().flat_map(general).collect::<Vec<_>>());
        let san = if san.len() == 2 {
            None
        } else {
            Some(GeneralNames::trusted(&san[san.len() - usize::from(san[1])..], 0))
        };
        let mut budget = Budget::new(limits);
        check_name_constraints(&constraints, reading, Name::trusted(subject), san, &mut budget)
            .map_err(|failure| failure.code())
    }

    const OTHER: u8 = 0xa0;
    const MAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const URI: u8 = 0x86;
    const IP: u8 = 0x87;
    const RID: u8 = 0x88;
    const DIRECTORY: u8 = 0xa4;

    const OK: Result<(), &str> = Ok(());
    const NOT_PERMITTED: Result<(), &str> = Err("name-constraints.not-permitted");
    const EXCLUDED: Result<(), &str> = Err("name-constraints.excluded");
    const UNSUPPORTED: Result<(), &str> = Err("name-constraints.unsupported-form");
    const MALFORMED: Result<(), &str> = Err("name-constraints.malformed-name");
    const MALFORMED_BASE: Result<(), &str> = Err("name-constraints.malformed-constraint");

    /// Case, form, base, name, result where the base is permitted, result where it is excluded.
    type Row<'a> = (&'a str, u8, &'a [u8], &'a [u8], Result<(), &'a str>, Result<(), &'a str>);

    /// Under [`Reading::Loose`], not critical.
    const LOOSE_ROWS: &[Row<'static>] = &[
        ("dot: below", DNS, b".example.com", b"a.b.example.com", OK, EXCLUDED),
        ("dot: final dots", DNS, b".example.com.", b"a.example.com.", OK, EXCLUDED),
        ("dot: itself", DNS, b".example.com", b"example.com", NOT_PERMITTED, OK),
        ("dot: no label border", DNS, b".example.com", b"badexample.com", NOT_PERMITTED, OK),
        ("dot: wildcard", DNS, b".example.com", b"*.example.com", OK, EXCLUDED),
        ("dot: wildcard above", DNS, b".a.example.com", b"*.example.com", NOT_PERMITTED, OK),
        ("dot alone", DNS, b".", b"example.com", NOT_PERMITTED, OK),
        ("two dots", DNS, b"..a", b"b.a", MALFORMED_BASE, MALFORMED_BASE),
        ("without dot", DNS, b"example.com", b"example.com", OK, EXCLUDED),
        ("dns: empty name", DNS, b"example.com", b"", MALFORMED, MALFORMED),
        ("registered id", RID, b"\x2a\x03", b"\x2a\x03", OK, OK),
        ("other name", OTHER, b"\x06\x01\x2a", b"\x06\x01\x2a", OK, OK),
        ("uri as base", URI, b"http://a", b"http://a", MALFORMED_BASE, MALFORMED_BASE),
    ];

    #[test]
    fn loose_reading() {
        for &(case, form, base, name, permitted, excluded) in LOOSE_ROWS {
            let loose = Reading::Loose { critical: false };
            for (place, der, expected) in [
                ("permitted", constraints(&[(form, base)], &[]), permitted),
                ("excluded", constraints(&[], &[(form, base)]), excluded),
            ] {
                let found =
                    read_codes(&der, loose, Name::EMPTY.as_der(), &[(form, name)], Limits::DEFAULT);
                assert_eq!(found, expected, "{case}, {place}");
                let critical = Reading::Loose { critical: true };
                let found = read_codes(
                    &der,
                    critical,
                    Name::EMPTY.as_der(),
                    &[(form, name)],
                    Limits::DEFAULT,
                );
                let unsupported = matches!(form, RID | OTHER);
                let expected = if unsupported { UNSUPPORTED } else { expected };
                assert_eq!(found, expected, "{case}, {place}, critical");
            }
        }
    }

    const ROWS: &[Row<'static>] = &[
        ("dns: itself", DNS, b"example.com", b"Example.com", OK, EXCLUDED),
        ("dns: below", DNS, b"EXAMPLE.com", b"a.b.example.com", OK, EXCLUDED),
        ("dns: no label border", DNS, b"example.com", b"badexample.com", NOT_PERMITTED, OK),
        ("dns: above", DNS, b"a.example.com", b"example.com", NOT_PERMITTED, OK),
        ("dns: all", DNS, b"", b"a", OK, EXCLUDED),
        ("dns: final dots", DNS, b"example.com.", b"a.example.com.", OK, EXCLUDED),
        ("dns: wildcard inside", DNS, b"example.com", b"*.example.com", OK, EXCLUDED),
        (
            "dns: wildcard over base",
            DNS,
            b"A.example.com",
            b"*.example.com",
            NOT_PERMITTED,
            EXCLUDED,
        ),
        ("dns: wildcard far above", DNS, b"a.b.example.com", b"*.example.com", NOT_PERMITTED, OK),
        ("dns: lone wildcard", DNS, b"com", b"*", NOT_PERMITTED, EXCLUDED),
        (
            "dns: partial wildcard is text",
            DNS,
            b"aa.example.com",
            b"a*.example.com",
            NOT_PERMITTED,
            OK,
        ),
        ("dns: inner wildcard", DNS, b"example.com", b"a.*.example.com", MALFORMED, MALFORMED),
        ("dns: empty name", DNS, b"example.com", b"", MALFORMED, MALFORMED),
        ("dns: nul", DNS, b"example.com", b"a\0.example.com", MALFORMED, MALFORMED),
        ("dns: empty label", DNS, b"example.com", b"a..example.com", MALFORMED, MALFORMED),
        (
            "dns: base with leading dot",
            DNS,
            b".example.com",
            b"a.example.com",
            MALFORMED_BASE,
            MALFORMED_BASE,
        ),
        ("ip: v4 inside", IP, b"\x0a\0\0\0\xff\0\0\0", b"\x0a\x01\x02\x03", OK, EXCLUDED),
        ("ip: v4 outside", IP, b"\x0a\0\0\0\xff\0\0\0", b"\x0b\x01\x02\x03", NOT_PERMITTED, OK),
        ("ip: v6 by v4", IP, b"\0\0\0\0\0\0\0\0", &[0; 16], NOT_PERMITTED, OK),
        ("ip: v6 inside", IP, &[0; 32], &[7; 16], OK, EXCLUDED),
        ("ip: five octets", IP, &[0; 8], &[0; 5], MALFORMED, MALFORMED),
        ("mail: mailbox", MAIL, b"u@example.com", b"u@EXAMPLE.com", OK, EXCLUDED),
        ("mail: local case", MAIL, b"u@example.com", b"U@example.com", NOT_PERMITTED, EXCLUDED),
        ("mail: host", MAIL, b"example.com", b"u@example.com", OK, EXCLUDED),
        ("mail: host is no domain", MAIL, b"example.com", b"u@a.example.com", NOT_PERMITTED, OK),
        ("mail: domain", MAIL, b".example.com", b"u@a.example.com", OK, EXCLUDED),
        ("mail: domain is no host", MAIL, b".example.com", b"u@example.com", NOT_PERMITTED, OK),
        ("mail: asterisk is text", MAIL, b"*@example.com", b"u@example.com", NOT_PERMITTED, OK),
        ("mail: quoted", MAIL, b"u@example.com", b"\"u\"@example.com", MALFORMED, MALFORMED),
        ("mail: two at signs", MAIL, b"example.com", b"a@b@example.com", MALFORMED, MALFORMED),
        ("mail: address literal", MAIL, b"example.com", b"a@[10.0.0.1]", MALFORMED, MALFORMED),
        (
            "mail: base without local part",
            MAIL,
            b"@example.com",
            b"u@example.com",
            MALFORMED_BASE,
            MALFORMED_BASE,
        ),
        (
            "mail: base of two at signs",
            MAIL,
            b"a@b@example.com",
            b"u@example.com",
            MALFORMED_BASE,
            MALFORMED_BASE,
        ),
        ("uri: host", URI, b"td.example", b"spiffe://TD.example/ns/a", OK, EXCLUDED),
        (
            "uri: host is no domain",
            URI,
            b"td.example",
            b"spiffe://a.td.example/x",
            NOT_PERMITTED,
            OK,
        ),
        ("uri: domain", URI, b".td.example", b"spiffe://a.b.td.example", OK, EXCLUDED),
        (
            "uri: domain is no host",
            URI,
            b".td.example",
            b"spiffe://td.example/x",
            NOT_PERMITTED,
            OK,
        ),
        ("uri: one label", URI, b"td", b"spiffe://td/path", OK, EXCLUDED),
        (
            "uri: userinfo and port",
            URI,
            b"td.example",
            b"https://u:p@td.example:8443/",
            OK,
            EXCLUDED,
        ),
        (
            "uri: userinfo is no host",
            URI,
            b"good.example",
            b"https://good.example@evil.example/",
            NOT_PERMITTED,
            OK,
        ),
        ("uri: final dot", URI, b"td.example", b"https://td.example./", OK, EXCLUDED),
        ("uri: ipv4", URI, b".1", b"https://10.0.0.1/", MALFORMED, MALFORMED),
        (
            "uri: ipv6 zone",
            URI,
            b".td.example",
            b"https://[fe80::1%25.td.example]/",
            MALFORMED,
            MALFORMED,
        ),
        ("uri: no authority", URI, b"td.example", b"urn:td.example", MALFORMED, MALFORMED),
        ("uri: empty host", URI, b"td.example", b"file:///etc", MALFORMED, MALFORMED),
        ("uri: percent", URI, b"td.example", b"https://t%64.example/", MALFORMED, MALFORMED),
        (
            "uri: base is a uri",
            URI,
            b"http://td.example",
            b"http://td.example",
            MALFORMED_BASE,
            MALFORMED_BASE,
        ),
        ("registered: same", RID, b"\x2a\x03", b"\x2a\x03", UNSUPPORTED, UNSUPPORTED),
        ("registered: other", RID, b"\x2a\x03", b"\x2a\x04", UNSUPPORTED, UNSUPPORTED),
        (
            "directory: folded",
            DIRECTORY,
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01A",
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01a",
            OK,
            EXCLUDED,
        ),
        (
            "directory: other",
            DIRECTORY,
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01A",
            b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01b",
            NOT_PERMITTED,
            OK,
        ),
        ("directory: empty name", DIRECTORY, b"\x30\0", b"\x30\0", OK, EXCLUDED),
    ];

    #[test]
    fn one_name_and_one_base() {
        for &(case, tag, base, name, permitted, excluded) in ROWS {
            let check = |constraints: &[u8]| {
                codes(constraints, Name::EMPTY.as_der(), &[(tag, name)], Limits::DEFAULT)
            };
            assert_eq!(check(&constraints(&[(tag, base)], &[])), permitted, "{case}, permitted");
            assert_eq!(check(&constraints(&[], &[(tag, base)])), excluded, "{case}, excluded");
            // A constraint binds no name of another form.
            let other: (u8, &[u8]) = if tag == DNS { (MAIL, b"x@y") } else { (DNS, b"x") };
            let apart = codes(
                &constraints(&[(tag, base)], &[]),
                Name::EMPTY.as_der(),
                &[other],
                Limits::DEFAULT,
            );
            assert_eq!(apart, OK, "{case}, absent form");
        }
    }

    #[test]
    fn the_subject_counts() {
        let attribute = |oid: &[u8], tag, value: &[u8]| {
            tlv(0x31, &tlv(0x30, &[tlv(0x06, oid), tlv(tag, value)].concat()))
        };
        let common = attribute(&[0x55, 4, 3], 0x0c, b"evil.example");
        let mail_oid = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
        let mail = |tag, value| tlv(0x30, &attribute(mail_oid, tag, value));
        let common = tlv(0x30, &common);
        let good = (MAIL, &b"u@example.com"[..]);
        for (case, base, subject, san, expected) in [
            ("common name is no host", (DNS, &b"example.com"[..]), &common, None, OK),
            (
                "subject is a directory name",
                (DIRECTORY, &mail(0x16, b"a@b")),
                &common,
                None,
                NOT_PERMITTED,
            ),
            ("address", (MAIL, b"example.com"), &mail(0x16, b"u@example.com"), None, OK),
            (
                "address elsewhere",
                (MAIL, b"example.com"),
                &mail(0x16, b"u@evil.example"),
                None,
                NOT_PERMITTED,
            ),
            (
                "beside a sound alternative name",
                (MAIL, b"example.com"),
                &mail(0x16, b"u@evil.example"),
                Some(good),
                NOT_PERMITTED,
            ),
            (
                "address in no ascii",
                (MAIL, b"example.com"),
                &mail(0x14, b"u@example.com"),
                None,
                MALFORMED,
            ),
            (
                "malformed subject",
                (MAIL, b"example.com"),
                &mail(0x16, b"\xff@example.com"),
                None,
                MALFORMED,
            ),
        ] {
            let san: Vec<_> = san.into_iter().collect();
            let found = codes(&constraints(&[base], &[]), subject, &san, Limits::DEFAULT);
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn every_name_and_every_constraint_counts() {
        let two =
            constraints(&[(DNS, b"a.example"), (DNS, b"b.example")], &[(DNS, b"x.b.example")]);
        for (case, names, expected) in [
            ("both permitted", &[&b"a.example"[..], b"y.b.example"][..], OK),
            ("second is not", &[b"a.example", b"c.example"], NOT_PERMITTED),
            ("excluded wins", &[b"a.example", b"x.b.example"], EXCLUDED),
        ] {
            let san: Vec<_> = names.iter().map(|&name| (DNS, name)).collect();
            assert_eq!(
                codes(&two, Name::EMPTY.as_der(), &san, Limits::DEFAULT),
                expected,
                "{case}"
            );
        }
        let long = tlv(
            0x30,
            &tlv(0x31, &tlv(0x30, &[&[6, 3, 0x55, 4, 3][..], &tlv(0x0c, &[b'a'; 4096])].concat())),
        );
        let limits = Limits { name_comparisons: 100, ..Limits::DEFAULT };
        assert_eq!(
            codes(&constraints(&[], &[(DIRECTORY, &long[..])]), &long, &[], limits),
            Err("limit.name-comparisons"),
            "long names cost more"
        );
        let limits = Limits { name_comparisons: 5, ..Limits::DEFAULT };
        let san = [(DNS, &b"a.example"[..]), (DNS, b"b.example")];
        assert_eq!(codes(&two, Name::EMPTY.as_der(), &san, limits), Err("limit.name-comparisons"));
    }
}
