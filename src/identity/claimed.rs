//! What a certificate claims, before anybody confirmed it.

use super::{
    DistinguishedName, Identity, Mailbox, PeerIdentity, PresentedDnsName, SpiffeId, WorkloadUri,
    ip_from_octets,
};
use crate::x509::{Certificate, GeneralName};

impl PeerIdentity {
    /// Collects every name of a certificate that can be an identity, whoever may speak for it: for
    /// one's own certificate. The identities of a peer come from a decision.
    pub(crate) fn claimed(certificate: &Certificate<'_>) -> Self {
        let names = certificate.subject_alt_name().and_then(Result::ok);
        let subject = certificate.subject();
        let subject = (!subject.is_empty()).then(|| subject.as_der());
        names
            .iter()
            .flat_map(|names| names.iter().flatten())
            .filter_map(|name| identity(&name))
            .chain(
                subject
                    .and_then(|der| DistinguishedName::from_der(der).ok())
                    .map(Identity::Subject),
            )
            .collect()
    }
}

fn identity(name: &GeneralName<'_>) -> Option<Identity> {
    match *name {
        // A URI with the scheme of SPIFFE that is no SPIFFE ID parses as neither.
        GeneralName::Uri(uri) => match SpiffeId::parse(uri) {
            Ok(id) => Some(Identity::Spiffe(id)),
            Err(_) => WorkloadUri::parse(uri).ok().map(Identity::Uri),
        },
        GeneralName::Dns(name) => PresentedDnsName::parse(name).ok().map(Identity::Dns),
        GeneralName::Ip(octets) => ip_from_octets(octets).map(Identity::Ip),
        GeneralName::Rfc822(mailbox) => Mailbox::parse(mailbox).ok().map(Identity::Email),
        _ => None,
    }
}
