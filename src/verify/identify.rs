//! From names in a certificate to an identity: which trust domain speaks, and for what.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::ControlFlow;

#[cfg(feature = "std")]
use sha2::{Digest, Sha256};

use super::request::Expectation;
use crate::constraints::Violation;
use crate::identity::{
    DistinguishedName, ExpectedName, Identity, Mailbox, PeerIdentity, PresentedDnsName, SpiffeId,
    SpiffeIdRef, WorkloadUri, ip_from_octets,
};
use crate::trust::{Domain, TrustStore};
use crate::x509::{Certificate, GeneralName, GeneralNameForm, Name};

/// The trust domain that speaks for a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected<'s> {
    store: &'s TrustStore,
    pub(super) domain: &'s Arc<Domain>,
    /// The SPIFFE ID for which it was selected: not read again, nor looked for.
    by: Option<SpiffeIdRef<'s>>,
}

/// The trust domain that the expectation selects or, where it names nobody, the claim of the
/// certificate.
#[inline]
pub(super) fn select_domain<'s>(
    store: &'s TrustStore,
    certificate: &Certificate<'s>,
    expectation: Expectation<'s>,
) -> Result<Selected<'s>, Violation> {
    match expectation {
        Expectation::Names([first, ..]) => {
            let domain = domain_of_expected(store, first).ok_or_else(|| {
                Violation::NoTrustDomain { name: Some(alloc::format!("{first}")) }
            })?;
            let by = match first {
                ExpectedName::Spiffe(id) => Some(id.borrowed()),
                _ => None,
            };
            Ok(Selected { store, domain, by })
        }
        Expectation::Names([]) => Err(Violation::NoTrustDomain { name: None }),
        Expectation::Matching(_) | Expectation::Any => claimed_domain(store, certificate),
    }
}

fn domain_of_expected<'s>(
    store: &'s TrustStore,
    expected: &ExpectedName,
) -> Option<&'s Arc<Domain>> {
    match expected {
        ExpectedName::Spiffe(id) => store.for_spiffe(id.trust_domain().as_str()),
        ExpectedName::Uri(uri) => domain_of_uri(store, uri),
        ExpectedName::Dns(name) => store.for_dns(name.as_str()),
        ExpectedName::Ip(address) => store.for_ip(*address),
        ExpectedName::Email(mailbox) => store.for_email_domain(mailbox.host().as_str()),
    }
}

fn domain_of_uri<'s>(store: &'s TrustStore, uri: &WorkloadUri) -> Option<&'s Arc<Domain>> {
    match uri.host() {
        Some(host) => store.for_uri_host(host),
        None if uri.scheme() == "urn" => {
            store.for_urn_namespace(uri.path().split(':').next().unwrap_or_default())
        }
        None => None,
    }
}

/// How a name takes part in selecting a trust domain, first to last.
const PRECEDENCE: u8 = 6;

/// The first domain that speaks for a name of the certificate: SPIFFE IDs first, then other URIs,
/// DNS names, addresses, mailboxes, the subject; within a kind in the order of the certificate.
fn claimed_domain<'s>(
    store: &'s TrustStore,
    certificate: &Certificate<'s>,
) -> Result<Selected<'s>, Violation> {
    let mut best: Option<(u8, Selected<'s>)> = None;
    let mut first_name: Option<String> = None;
    for_each_name(certificate, None, |precedence, name| {
        if best.is_some_and(|(found, _)| found <= precedence) {
            return ControlFlow::Continue(());
        }
        match domain_of(store, &name) {
            Some(domain) => {
                let by = name.spiffe();
                best = Some((precedence, Selected { store, domain, by }));
            }
            None if first_name.is_none() => first_name = Some(name.text()),
            None => {}
        }
        // Nothing that follows a name of the first kind comes before it.
        match best {
            Some((0, _)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    best.map(|(_, selected)| selected).ok_or(Violation::NoTrustDomain { name: first_name })
}

/// A name of a certificate that can be an identity.
#[derive(Clone, Copy)]
enum Presented<'a> {
    Spiffe(SpiffeIdRef<'a>),
    Uri(&'a str),
    Dns(&'a str),
    Ip(&'a [u8]),
    Email(&'a str),
    Subject(Name<'a>),
}

impl<'a> Presented<'a> {
    const fn spiffe(&self) -> Option<SpiffeIdRef<'a>> {
        match *self {
            Self::Spiffe(id) => Some(id),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Spiffe(id) => alloc::format!("{id}"),
            Self::Uri(uri) => alloc::format!("{}", GeneralName::Uri(uri)),
            Self::Dns(name) => alloc::format!("{}", GeneralName::Dns(name)),
            Self::Ip(octets) => alloc::format!("{}", GeneralName::Ip(octets)),
            Self::Email(mailbox) => alloc::format!("{}", GeneralName::Rfc822(mailbox)),
            Self::Subject(name) => alloc::format!("{}", GeneralName::Directory(*name)),
        }
    }

    fn identity(&self) -> Option<Identity> {
        match *self {
            Self::Spiffe(id) => Some(Identity::Spiffe(SpiffeId::from(id))),
            Self::Uri(uri) => WorkloadUri::parse(uri).ok().map(Identity::Uri),
            Self::Dns(name) => PresentedDnsName::parse(name).ok().map(Identity::Dns),
            Self::Ip(octets) => ip_from_octets(octets).map(Identity::Ip),
            Self::Email(mailbox) => Mailbox::parse(mailbox).ok().map(Identity::Email),
            Self::Subject(name) => {
                DistinguishedName::from_der(name.as_der()).ok().map(Identity::Subject)
            }
        }
    }
}

/// Calls `each` with every name and its precedence, until it has enough. A SPIFFE ID that was read
/// before is recognised by its text.
fn for_each_name<'a>(
    certificate: &Certificate<'a>,
    known: Option<SpiffeIdRef<'a>>,
    mut each: impl FnMut(u8, Presented<'a>) -> ControlFlow<()>,
) {
    if let Some(names) = certificate.checked_subject_alt_name() {
        for (form, content) in names.contents() {
            let presented = match form {
                GeneralNameForm::Uri => match known {
                    Some(known) if known.as_str().as_bytes() == content => {
                        Some((0, Presented::Spiffe(known)))
                    }
                    // A SPIFFE ID that breaks the standard is no identity, and no other URI either.
                    _ if has_spiffe_scheme(content) => {
                        SpiffeIdRef::parse_bytes(content).ok().map(|id| (0, Presented::Spiffe(id)))
                    }
                    _ => ia5(content).map(|uri| (1, Presented::Uri(uri))),
                },
                GeneralNameForm::Dns => ia5(content).map(|name| (2, Presented::Dns(name))),
                GeneralNameForm::Ip => Some((3, Presented::Ip(content))),
                GeneralNameForm::Rfc822 => ia5(content).map(|name| (4, Presented::Email(name))),
                _ => None,
            };
            if let Some((precedence, name)) = presented
                && each(precedence, name).is_break()
            {
                return;
            }
        }
    }
    let subject = certificate.subject();
    if !subject.is_empty() {
        // The last one: there is nothing to go on to.
        let _ = each(PRECEDENCE - 1, Presented::Subject(subject));
    }
}

fn has_spiffe_scheme(uri: &[u8]) -> bool {
    uri.starts_with(b"spiffe:")
        || uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"spiffe:"))
}

/// The text of an IA5String.
fn ia5(content: &[u8]) -> Option<&str> {
    core::str::from_utf8(content).ok().filter(|text| text.is_ascii())
}

fn domain_of<'s>(store: &'s TrustStore, name: &Presented<'_>) -> Option<&'s Arc<Domain>> {
    match *name {
        Presented::Spiffe(id) => store.for_spiffe(id.trust_domain().as_str()),
        Presented::Uri(uri) => domain_of_uri(store, &WorkloadUri::parse(uri).ok()?),
        Presented::Dns(name) => store.for_dns(name.strip_prefix("*.").unwrap_or(name)),
        Presented::Ip(octets) => store.for_ip(ip_from_octets(octets)?),
        Presented::Email(mailbox) => store.for_email_domain(mailbox.rsplit_once('@')?.1),
        Presented::Subject(name) => store.for_directory(&name),
    }
}

/// Names which domains speak for the expected name and for each name of the certificate: while the
/// digest is the same, the same domain is selected and the same names make up the identity.
#[cfg(feature = "std")]
pub(super) fn speakers(
    store: &TrustStore,
    certificate: &Certificate<'_>,
    expectation: Expectation<'_>,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |domain: Option<&Arc<Domain>>| match domain {
        Some(domain) => {
            hash.update([1]);
            hash.update(domain.name().as_bytes());
            hash.update([0]);
        }
        None => hash.update([2]),
    };
    if let Expectation::Names([first, ..]) = expectation {
        add(domain_of_expected(store, first));
    }
    for_each_name(certificate, None, |_, name| {
        add(domain_of(store, &name));
        ControlFlow::Continue(())
    });
    hash.finalize().into()
}

/// The identity that `domain` speaks for, and names of the certificate left out of it.
pub(super) struct Identified {
    pub(super) identity: PeerIdentity,
    pub(super) left_out: Vec<String>,
}

/// How many names left out are noted.
const LEFT_OUT_NOTED: usize = 8;

/// The names of the certificate that the selected domain speaks for.
#[inline]
pub(super) fn identify<'s>(selected: &Selected<'s>, certificate: &Certificate<'s>) -> Identified {
    // Most workloads bear the SPIFFE ID for which the domain was selected, and nothing else that
    // anybody could speak for.
    if let Some(id) = selected.by
        && !selected.store.speaks_for_directory_names()
        && let Some(names) = certificate.checked_subject_alt_name()
        && names.only_short() == Some((GeneralNameForm::Uri, id.as_str().as_bytes()))
    {
        let identity = Identity::Spiffe(SpiffeId::from(id)).into();
        return Identified { identity, left_out: Vec::new() };
    }
    identify_each(selected, certificate)
}

fn identify_each<'s>(selected: &Selected<'s>, certificate: &Certificate<'s>) -> Identified {
    let Selected { store, domain, by } = *selected;
    let mut first = None;
    let mut others = Vec::new();
    let mut left_out = Vec::new();
    for_each_name(certificate, by, |_, name| {
        let speaks = (by.is_some() && name.spiffe() == by)
            || domain_of(store, &name).is_some_and(|found| Arc::ptr_eq(found, domain));
        match if speaks { name.identity() } else { None } {
            Some(identity) if first.is_none() => first = Some(identity),
            Some(identity) => others.push(identity),
            // That nobody speaks for a subject is the rule, not worth a note.
            None if matches!(name, Presented::Subject(_)) => {}
            None if left_out.len() < LEFT_OUT_NOTED => left_out.push(name.text()),
            None => {}
        }
        ControlFlow::Continue(())
    });
    let identity = match first {
        Some(only) if others.is_empty() => only.into(),
        first => PeerIdentity::new(first.into_iter().chain(others)),
    };
    Identified { identity, left_out }
}

/// Whether the identity is the one expected.
pub(super) fn check_expectation(
    expectation: Expectation<'_>,
    identity: &PeerIdentity,
) -> Result<(), Box<Violation>> {
    match expectation {
        Expectation::Names(names) => match names.iter().find(|name| !name.matches(identity)) {
            None => Ok(()),
            Some(expected) => Err(Box::new(Violation::NameMismatch {
                expected: alloc::format!("{expected}"),
                presented: same_form(expected, identity),
            })),
        },
        Expectation::Matching(matcher) => {
            let report = matcher.explain(identity);
            if report.holds() {
                Ok(())
            } else {
                Err(Box::new(Violation::NotAccepted { reason: alloc::format!("{report}") }))
            }
        }
        Expectation::Any if identity.is_empty() => Err(Box::new(Violation::NoIdentity)),
        Expectation::Any => Ok(()),
    }
}

/// A few of the identities that have the form of what is expected.
fn same_form(expected: &ExpectedName, identity: &PeerIdentity) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    let of_form = identity.iter().filter(|identity| {
        matches!(
            (expected, identity),
            (ExpectedName::Spiffe(_), Identity::Spiffe(_))
                | (ExpectedName::Uri(_), Identity::Uri(_))
                | (ExpectedName::Dns(_), Identity::Dns(_))
                | (ExpectedName::Ip(_), Identity::Ip(_))
                | (ExpectedName::Email(_), Identity::Email(_))
        )
    });
    for (index, identity) in of_form.enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        if index == SHOWN {
            text.push_str(", …");
            break;
        }
        if write!(text, "{separator}{identity}").is_err() {
            break;
        }
    }
    text
}
