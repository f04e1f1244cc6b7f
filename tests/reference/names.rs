//! Name constraints (RFC 5280 4.2.1.10), one form after the other.
//!
//! A wildcard name stands for all names that it matches: permitted subtrees must cover every one
//! of them, and an excluded subtree hits it when it holds any.

use super::certificate::{Certificate, Dn, Name, Value};

const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// `permitted_subtrees` and `excluded_subtrees` of 6.1.1.
#[derive(Clone, Debug, Default)]
pub struct Subtrees {
    /// One list for each certificate that permits. Their intersection, form by form, is what
    /// 6.1.4 (g) (1) calls the state variable: a name must be within one base of its form of
    /// *every* list that has the form.
    pub permitted_subtrees: Vec<Vec<Name>>,
    /// The union of 6.1.4 (g) (2).
    pub excluded_subtrees: Vec<Name>,
}

impl Subtrees {
    /// Whether 6.1.3 (b) and (c) hold for the names of `certificate`.
    pub fn hold(&self, certificate: &Certificate) -> bool {
        // 4.2.1.10: "Restrictions of the form directoryName MUST be applied to the subject field in
        // the certificate (when the certificate includes a non-empty subject field) and to any
        // names of type directoryName in the subjectAltName extension."
        let mut names = certificate.names.clone();
        if certificate.subject != Dn::default() {
            names.push(Name::Directory(certificate.subject.clone()));
        }
        // 4.2.1.10: "… but the certificate does not include a subject alternative name, the
        // rfc822Name constraint MUST be applied to the attribute of type emailAddress in the
        // subject distinguished name."
        if certificate.san.is_none() {
            for (oid, value) in certificate.subject.0.iter().flatten() {
                if let Value::Text(text) = value
                    && oid.to_string() == EMAIL_ADDRESS
                {
                    names.push(Name::Email(text.clone()));
                }
            }
        }
        names.iter().all(|name| self.permits(name) && self.does_not_exclude(name))
    }

    fn permits(&self, name: &Name) -> bool {
        self.permitted_subtrees.iter().all(|list| {
            let mut of_form = list.iter().filter(|base| base.form() == name.form()).peekable();
            of_form.peek().is_none() || of_form.any(|base| covers(base, name) == Some(true))
        })
    }

    fn does_not_exclude(&self, name: &Name) -> bool {
        let mut of_form = self.excluded_subtrees.iter().filter(|base| base.form() == name.form());
        of_form.all(|base| hits(base, name) == Some(false))
    }
}

/// Whether all names that `name` stands for are within `base`; `None` if that cannot be known.
fn covers(base: &Name, name: &Name) -> Option<bool> {
    match (base, name) {
        (Name::Dns(base), Name::Dns(name)) => {
            Some(domain_within(name.strip_prefix("*.").unwrap_or(name), base))
        }
        (Name::Email(base), Name::Email(name)) => {
            let (local, host) = name.rsplit_once('@')?;
            if let Some((base_local, base_host)) = base.rsplit_once('@') {
                return Some(local == base_local && host.eq_ignore_ascii_case(base_host));
            }
            Some(host_within(host, base))
        }
        (Name::Uri(base), Name::Uri(name)) => Some(host_within(uri_host(name)?, base)),
        (Name::Ip(base), Name::Ip(name)) => {
            if base.len() != 2 * name.len() {
                return Some(false);
            }
            let (address, mask) = base.split_at(name.len());
            Some((0..name.len()).all(|i| name[i] & mask[i] == address[i] & mask[i]))
        }
        (Name::Directory(Dn(base)), Name::Directory(Dn(name))) => Some(name.starts_with(base)),
        // 4.2.1.10: "… then the application MUST either process the constraint or reject the
        // certificate." These are not processed.
        _ => None,
    }
}

/// Whether any name that `name` stands for is within `base`.
fn hits(base: &Name, name: &Name) -> Option<bool> {
    if let (Name::Dns(base), Name::Dns(name)) = (base, name)
        && let Some(parent) = name.strip_prefix("*.")
    {
        // One label in place of the asterisk: a base of that very depth below the parent.
        let one_below = base
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent));
        return Some(domain_within(parent, base) || one_below);
    }
    covers(base, name)
}

/// 4.2.1.10: "Any DNS name that can be constructed by simply adding zero or more labels to the
/// left-hand side of the name satisfies the name constraint."
fn domain_within(name: &str, base: &str) -> bool {
    labels(name).ends_with(&labels(base))
}

fn labels(name: &str) -> Vec<String> {
    name.split('.').filter(|label| !label.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Hosts of mail and URIs: a base that begins with a period holds what is below it, another base
/// only itself.
fn host_within(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(parent) => domain_within(host, parent) && labels(host).len() > labels(parent).len(),
        None => host.eq_ignore_ascii_case(base),
    }
}

/// The host of a URI if it is a fully qualified domain name. 4.2.1.10: "If a constraint is applied
/// to the uniformResourceIdentifier name form and a subsequent certificate includes a
/// subjectAltName extension with a uniformResourceIdentifier that does not include an authority
/// component with a host name specified as a fully qualified domain name […] then the application
/// MUST reject the certificate."
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.starts_with('[') {
        return None;
    }
    let host = host.split(':').next()?;
    let last = host.rsplit('.').next()?;
    let is_name = !last.is_empty() && !last.bytes().all(|octet| octet.is_ascii_digit());
    is_name.then_some(host)
}
