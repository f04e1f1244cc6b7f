//! `IntermediatePool`: certificates that many items share, found by subject.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rustls_pki_types::CertificateDer;

use crate::policy::Limits;
use crate::x509::Certificate;

/// Certificates of authorities, without duplicates, indexed by the name of their subject.
///
/// Being in a pool vouches for nothing: what is found here is judged like anything that a peer
/// presents.
#[derive(Clone, Debug, Default)]
pub struct IntermediatePool {
    members: Vec<Member>,
    /// Members by the number of their subject.
    by_subject: Vec<Vec<usize>>,
    /// Canonical names by number.
    names: BTreeMap<Vec<u8>, usize>,
    unreadable: usize,
}

#[derive(Clone, Debug)]
struct Member {
    der: CertificateDer<'static>,
    issuer: usize,
    key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

/// What a path of one item may need.
pub(super) struct Selection<'a> {
    pub(super) certificates: Vec<CertificateDer<'a>>,
    /// How many more would have been, had limits allowed.
    pub(super) left_out: usize,
}

/// A name that is looked for, and the key identifier that its bearer should have.
struct Wanted {
    name: usize,
    key_id: Option<Vec<u8>>,
}

impl IntermediatePool {
    /// Takes certificates in any order. Those that cannot be read are left out and counted.
    #[must_use]
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let mut pool = Self::default();
        let mut certificates: Vec<_> = certificates.into_iter().collect();
        certificates.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
        certificates.dedup();
        for der in certificates {
            let Ok(certificate) = Certificate::from_der(&der) else {
                pool.unreadable += 1;
                continue;
            };
            let subject = pool.intern(certificate.subject().to_canonical());
            let issuer = pool.intern(certificate.issuer().to_canonical());
            let key_id = certificate.key_id().map(<[u8]>::to_vec);
            let issuer_key_id = certificate.issuer_key_id().map(<[u8]>::to_vec);
            let number = pool.members.len();
            pool.members.push(Member { der, issuer, key_id, issuer_key_id });
            if let Some(members) = pool.by_subject.get_mut(subject) {
                members.push(number);
            }
        }
        pool
    }

    /// Returns how many certificates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns how many of the certificates given could not be read.
    #[must_use]
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    fn intern(&mut self, name: Vec<u8>) -> usize {
        let next = self.by_subject.len();
        let number = *self.names.entry(name).or_insert(next);
        if number == next {
            self.by_subject.push(Vec::new());
        }
        number
    }

    /// Presented certificates first, then what the pool has on the way up from them, level by level,
    /// in each level those first whose key identifier is the one asked for.
    pub(super) fn select<'a>(
        &'a self,
        end_entity: &'a CertificateDer<'a>,
        presented: &'a [CertificateDer<'a>],
        limits: &Limits,
    ) -> Selection<'a> {
        let mut certificates: Vec<_> = presented.iter().map(borrowed).collect();
        let most = usize::try_from(limits.pool_certificates).unwrap_or(usize::MAX);
        let most_bytes = usize::try_from(limits.pool_bytes).unwrap_or(usize::MAX);
        let mut bytes: usize = presented.iter().map(|der| der.len()).sum();
        let mut left_out = 0;
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        let mut level: Vec<Wanted> = core::iter::once(end_entity)
            .chain(presented)
            .filter_map(|der| self.wanted(der))
            .collect();
        while !level.is_empty() {
            let mut found: Vec<(bool, usize)> = level
                .iter()
                .flat_map(|wanted| {
                    let members = self.by_subject.get(wanted.name).into_iter().flatten();
                    members.map(|&number| (!self.agrees(number, wanted), number))
                })
                .filter(|(_, number)| !chosen.contains(number))
                .collect();
            found.sort_unstable();
            level.clear();
            for (_, number) in found {
                let Some(member) = self.members.get(number) else { continue };
                if !chosen.insert(number) || presented.contains(&member.der) {
                    continue;
                }
                if certificates.len() >= most || bytes.saturating_add(member.der.len()) > most_bytes
                {
                    left_out += 1;
                    continue;
                }
                bytes += member.der.len();
                certificates.push(borrowed(&member.der));
                level.push(Wanted { name: member.issuer, key_id: member.issuer_key_id.clone() });
            }
        }
        Selection { certificates, left_out }
    }

    /// Whom the pool would have to name as the issuer of a certificate, where it knows the name.
    fn wanted(&self, der: &CertificateDer<'_>) -> Option<Wanted> {
        let certificate = Certificate::from_der(der).ok()?;
        let name = *self.names.get(&certificate.issuer().to_canonical())?;
        Some(Wanted { name, key_id: certificate.issuer_key_id().map(<[u8]>::to_vec) })
    }

    /// Whether nothing speaks against the member's key being the one that is looked for.
    fn agrees(&self, number: usize, wanted: &Wanted) -> bool {
        let key_id = self.members.get(number).and_then(|member| member.key_id.as_ref());
        matches!((key_id, &wanted.key_id), (Some(has), Some(wanted)) if has == wanted)
    }
}

fn borrowed<'a>(der: &'a CertificateDer<'_>) -> CertificateDer<'a> {
    CertificateDer::from(der.as_ref())
}
