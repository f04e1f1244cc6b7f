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
//!   extension is critical. Enforced here: critical or not*, where a name of the form is present.
//! - A base that the RFC gives no meaning to (a leading dot in a dNSName, a mailbox with two `@` or
//!   a quoted local part, a URI as the base for URIs) refuses every name of its form. OpenSSL, Go
//!   and BoringSSL each read a meaning of their own into the leading dot; a CA cannot know which.
//! - A name that no constraint of its form could judge for certain (an empty or badly formed
//!   dNSName, a quoted local part, an address literal as mail host, a URI without a host name) is
//!   refused where its form is constrained, so that no spelling evades an excluded subtree.
//! - One final dot of a host name is no part of the comparison.
//! - A wildcard dNSName `*.x` stands for all names with one label in place of `*`: permitted
//!   subtrees must hold all of them, excluded ones none. `*` elsewhere in the first label is a
//!   letter, as no matcher of this crate expands it.

use crate::policy::{Budget, LimitExceeded};
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
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPermitted { .. } => "name-constraints.not-permitted",
            Self::Excluded { .. } => "name-constraints.excluded",
            Self::UnsupportedForm { .. } => "name-constraints.unsupported-form",
            Self::MalformedName { .. } | Self::MalformedNames(_) => {
                "name-constraints.malformed-name"
            }
            Self::MalformedConstraint { .. } => "name-constraints.malformed-constraint",
            Self::Limit(limit) => limit.limit().code(),
        }
    }
}

/// Applies one name constraints extension to the names of one certificate.
///
/// # Errors
/// The first name that is refused, and by which constraint.
pub(crate) fn check_name_constraints<'a>(
    constraints: &NameConstraints<'a>,
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
        check_name(constraints, name, budget)?;
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
            let mailbox = attribute.ascii().ok_or(malformed)?;
            check_name(constraints, GeneralName::Rfc822(mailbox), budget)?;
        }
    }
    for name in san.iter().flat_map(GeneralNames::iter) {
        let name = name.map_err(NameConstraintFailure::MalformedNames)?;
        if constrained(name.form()) {
            check_name(constraints, name, budget)?;
        }
    }
    Ok(())
}

/// Judges one name whose form is constrained.
fn check_name<'a>(
    constraints: &NameConstraints<'a>,
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
            (_, Some(constraint)) => NameConstraintFailure::UnsupportedForm { name, constraint },
        });
    };
    // RFC 5280 6.1.3 (c): "Verify that the subject name is not within any of the excluded_subtrees".
    // Before (b), as an excluded name is the plainer answer; all bases are seen either way, so that
    // one without meaning is found whatever stands before it.
    let excluded =
        find(constraints.excluded(), name, budget, |base| candidate.may_be_within(base))?;
    let permitted = find(constraints.permitted(), name, budget, |base| candidate.is_within(base))?;
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
        // A base passed over costs too. Long bases count as several: comparing a directory name
        // means preparing its text.
        let cost = u32::try_from(element.content.len() / 64).unwrap_or(u32::MAX);
        budget.name_comparisons(cost.saturating_add(1))?;
        if GeneralNameForm::of(element.tag) != Some(name.form()) {
            continue;
        }
        let Some(base) = GeneralSubtrees::base(&element) else { continue };
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
    fn is_within(&self, base: &GeneralName<'_>) -> Option<bool> {
        match (self, *base) {
            (Self::Dns(name), GeneralName::Dns(base)) => {
                Some(name.is_within(&DnsName::read_base(base)?))
            }
            (Self::Mailbox(mailbox), GeneralName::Rfc822(base)) => mailbox.is_within(base),
            (Self::Uri(host), GeneralName::Uri(base)) => host_within(host, base),
            (Self::Ip(address), GeneralName::Ip(base)) => Some(ip_within(address, base)),
            (Self::Directory(name), GeneralName::Directory(base)) => Some(name.is_within(&base)),
            _ => Some(false),
        }
    }

    /// Whether something that the name stands for is within the subtree.
    fn may_be_within(&self, base: &GeneralName<'_>) -> Option<bool> {
        match (self, *base) {
            (Self::Dns(name), GeneralName::Dns(base)) => {
                Some(name.may_be_within(&DnsName::read_base(base)?))
            }
            _ => self.is_within(base),
        }
    }
}

/// A host name without its final dot.
///
/// INVARIANT: nonempty labels of at most 63 octets of letters, digits, `-`, `_`, and `*` in the
/// first label; as a base also no label at all.
#[derive(Clone, Copy)]
struct DnsName<'a> {
    /// What stands after a wildcard label `*.`, or all.
    suffix: &'a str,
    wildcard: bool,
}

impl<'a> DnsName<'a> {
    fn read(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > 253 || !is_host_name(name, true) {
            return None;
        }
        Some(match name.strip_prefix('*') {
            Some("") => Self { suffix: "", wildcard: true },
            Some(rest) if rest.starts_with('.') => {
                Self { suffix: rest.get(1..).unwrap_or(""), wildcard: true }
            }
            _ => Self { suffix: name, wildcard: false },
        })
    }

    /// Reads the base of a subtree: a host name, or nothing at all, which holds all names.
    fn read_base(base: &'a str) -> Option<Self> {
        if base.is_empty() {
            return Some(Self { suffix: base, wildcard: false });
        }
        let base = base.strip_suffix('.').unwrap_or(base);
        is_host_name(base, false).then_some(Self { suffix: base, wildcard: false })
    }

    /// RFC 5280 4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels
    /// to the left-hand side of the name satisfies the name constraint."
    fn is_within(&self, base: &DnsName<'_>) -> bool {
        ends_with_labels(self.suffix, base.suffix)
    }

    fn may_be_within(&self, base: &DnsName<'_>) -> bool {
        let below = || {
            let (_, parent) = base.suffix.split_once('.').unwrap_or(("", ""));
            self.suffix.eq_ignore_ascii_case(parent)
        };
        self.is_within(base) || (self.wildcard && !base.suffix.is_empty() && below())
    }
}

fn is_host_name(name: &str, wildcard: bool) -> bool {
    name.split('.').enumerate().all(|(at, label)| {
        matches!(label.len(), 1..=63)
            && label.bytes().all(|octet| {
                octet.is_ascii_alphanumeric()
                    || matches!(octet, b'-' | b'_')
                    || (octet == b'*' && wildcard && at == 0)
            })
    })
}

/// Whether `name` is `base` or ends with `.` and `base`; every name ends with no labels.
fn ends_with_labels(name: &str, base: &str) -> bool {
    let Some(at) = name.len().checked_sub(base.len()) else { return false };
    let Some((head, tail)) = name.as_bytes().split_at_checked(at) else { return false };
    tail.eq_ignore_ascii_case(base.as_bytes())
        && (head.is_empty() || base.is_empty() || head.ends_with(b"."))
}

/// A mailbox whose local part is no quoted string and whose host is a name.
///
/// A quoted local part has many spellings (`"u"@h` is `u@h`). None of them occurs in a sound
/// certificate, so all are refused, as by BoringSSL.
struct Mailbox<'a> {
    local: &'a str,
    host: DnsName<'a>,
}

impl<'a> Mailbox<'a> {
    fn read(mailbox: &'a str) -> Option<Self> {
        let (local, host) = mailbox.split_once('@')?;
        let sound = !local.is_empty() && local.bytes().all(is_atom_or_dot);
        let host = DnsName::read_base(host).filter(|host| !host.suffix.is_empty())?;
        sound.then_some(Self { local, host })
    }

    /// RFC 5280 4.2.1.10: "A name constraint for Internet mail addresses MAY specify a particular
    /// mailbox, all addresses at a particular host, or all mailboxes in a domain." The local part
    /// is compared with regard to case (section 7.5).
    fn is_within(&self, base: &str) -> Option<bool> {
        if base.contains('@') {
            let base = Mailbox::read(base)?;
            return Some(
                self.local == base.local && self.host.suffix.eq_ignore_ascii_case(base.host.suffix),
            );
        }
        host_within(&self.host, base)
    }
}

/// RFC 5321 4.1.2: `atext` or the dot of a Dot-string.
const fn is_atom_or_dot(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
                | b'.'
        )
}

/// The rule that mail hosts and URI hosts share: `h` is that host alone, `.h` all below it.
///
/// RFC 5280 4.2.1.10: "When the constraint begins with a period, it MAY be expanded with one or more
/// labels. … When the constraint does not begin with a period, it specifies a host."
fn host_within(host: &DnsName<'_>, base: &str) -> Option<bool> {
    let (below, base) = match base.strip_prefix('.') {
        Some(base) => (true, base),
        None => (false, base),
    };
    let base = DnsName::read_base(base).filter(|base| !base.suffix.is_empty())?;
    Some(if below {
        host.suffix.len() > base.suffix.len() && ends_with_labels(host.suffix, base.suffix)
    } else {
        host.suffix.eq_ignore_ascii_case(base.suffix)
    })
}

/// Whether a host name is `base` or below it; a wildcard only with all names that it stands for.
///
/// A name or base that is no host name is within nothing.
pub(crate) fn dns_within(name: &str, base: &str) -> bool {
    match (DnsName::read(name), DnsName::read_base(base)) {
        (Some(name), Some(base)) => name.is_within(&base),
        _ => false,
    }
}

/// Whether an address of 4 or 16 octets is in a range of address and mask of the same family.
pub(crate) fn ip_within(address: &[u8], range: &[u8]) -> bool {
    if !matches!(address.len(), 4 | 16) || range.len() != 2 * address.len() {
        return false;
    }
    let (base, mask) = range.split_at(address.len());
    address.iter().zip(base).zip(mask).all(|((address, base), mask)| (address ^ base) & mask == 0)
}

/// Whether a mailbox is within a base: a mailbox, a host, or `.` and a domain.
pub(crate) fn email_within(mailbox: &str, base: &str) -> bool {
    Mailbox::read(mailbox).and_then(|mailbox| mailbox.is_within(base)).unwrap_or(false)
}

/// The host of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// A registered name of letters, digits, `-`, `_` and `.`.
    Name(&'a str),
    /// An IPv4 address, or what URL parsers would take for one.
    Ipv4(&'a str),
    /// What stands between brackets: an IPv6 address, zone included, or a later literal.
    IpLiteral(&'a str),
}

/// Takes the host out of a URI by RFC 3986 section 3.2, or nothing where there is none for certain.
///
/// Stricter than the RFC where parsers disagree: percent-encoding in the host, `\`, and characters
/// that no URI has make the answer uncertain.
pub(crate) fn uri_host(uri: &str) -> Option<Host<'_>> {
    let (scheme, rest) = uri.split_once(':')?;
    let sound = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'-' | b'.'));
    let uncertain =
        |octet: u8| !octet.is_ascii_graphic() || matches!(octet, b'\\' | b'"' | b'<' | b'>');
    if !sound || rest.bytes().any(uncertain) {
        return None;
    }
    let rest = rest.strip_prefix("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_port = match authority.rsplit_once('@') {
        // "userinfo" has no "@" and no brackets of its own.
        Some((userinfo, _)) if userinfo.contains(['@', '[', ']']) => return None,
        Some((_, host_port)) => host_port,
        None => authority,
    };
    let is_port = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    if let Some(literal) = host_port.strip_prefix('[') {
        let (literal, rest) = literal.split_once(']')?;
        let sound = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return sound.then_some(Host::IpLiteral(literal));
    }
    let host = match host_port.split_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) => return None,
        None => host_port,
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    if !is_host_name(name, false) {
        return None;
    }
    let last = name.rsplit('.').next()?;
    let numeric = last.bytes().all(|octet| octet.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or(last.strip_prefix("0X"))
            .is_some_and(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()));
    Some(if numeric { Host::Ipv4(host) } else { Host::Name(host) })
}
