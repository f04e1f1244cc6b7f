//! Authorities that live as long as the program: what SPIRE, cert-manager or a CA is elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bonafide::credential::{Credential, CredentialChecks, SoftwareKey, Update};
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{RingBackend, default_backend};
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use crate::Failure;
use crate::kit::{self, GeneralName, Key, Kind, Name, ext};

const HOUR: i64 = 3_600;

/// Keys and serial numbers that were made.
static MADE: AtomicU64 = AtomicU64::new(1);

/// The time of the system.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The authority of a SPIFFE trust domain.
#[derive(Clone, Debug)]
pub struct Authority {
    domain: String,
    root: kit::Authority,
}

impl Authority {
    /// A new authority for `domain`; with another key each time.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        let key = Key::new(Kind::Ed25519, MADE.fetch_add(1, Ordering::Relaxed));
        let name = Name::of(&[(kit::name::attribute::ORGANIZATION, domain)]);
        Self { domain: domain.to_owned(), root: kit::Authority::root(&name, &key) }
    }

    /// The trust domain, with this authority as its only one.
    ///
    /// # Errors
    /// Where the name is none of a trust domain.
    pub fn domain(&self) -> Result<Domain, Failure> {
        Ok(Domain::spiffe(self.domain.parse()?, bundle([self])?))
    }

    /// An X.509-SVID and its key, good for an hour. Like an authority that was broken into, it issues
    /// for whatever ID it is asked.
    ///
    /// # Errors
    /// Where peers would refuse it.
    pub fn issue(&self, id: &str) -> Result<Credential, Failure> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let key = Key::new(Kind::Ed25519, number);
        let (id, now) = ([GeneralName::uri(id)], now());
        let purposes = [ext::purpose::SERVER_AUTH, ext::purpose::CLIENT_AUTH];
        // A positive INTEGER in its shortest form.
        let serial = [&[0x40], number.to_be_bytes().as_slice()].concat();
        let leaf = self.root.leaf(&Name::empty(), &key, &id, |builder| {
            builder
                .serial(&serial)
                .validity(now.unix() - 60, now.unix() + HOUR)
                .replace(ext::subject_alt_name(&id).critical())
                .with(ext::extended_key_usage(&purposes))
        });
        let pkcs8 = key.pkcs8().ok_or("the key cannot be written")?;
        let (policy, backend) = (ValidationPolicy::spiffe(), default_backend());
        let checks = CredentialChecks::new(&policy, backend, now);
        Ok(checks.check(&[CertificateDer::from(leaf)], Arc::new(SoftwareKey::from_der(&pkcs8)?))?)
    }
}

/// The bundle that has these authorities.
///
/// # Errors
/// Where a certificate is malformed.
pub fn bundle<'a>(
    authorities: impl IntoIterator<Item = &'a Authority>,
) -> Result<TrustBundle, Failure> {
    let anchors = authorities.into_iter().map(|a| TrustAnchor::from_der(&a.root.certificate));
    Ok(TrustBundle::new(anchors.collect::<Result<Vec<_>, _>>()?))
}

/// A workload: whom it trusts, and what it presents.
///
/// # Errors
/// Where these do not go together.
pub fn workload(trusts: &[&Authority], credential: Credential) -> Result<Live, Failure> {
    let domains = trusts.iter().map(|authority| authority.domain());
    let trust = TrustStore::new(domains.collect::<Result<Vec<_>, _>>()?)?;
    let policy = ValidationPolicy::spiffe();
    let live = Live::new(Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW)));
    live.publish(Publication::new().credentials(Update::install(credential)), now())?;
    Ok(live)
}
