//! CRLite filters: revocation of the Web PKI in some megabytes, with its coverage as part of the
//! answer.
//!
//! A filter is exact for the certificates that it was made from and says nonsense of all others, so
//! it answers only for issuers that are enrolled and certificates whose log timestamps lie in what
//! the filter covers. Everything else is [`Unknown::NotCovered`], never good.
//!
//! Timestamps come from the certificate, where its issuer signed them, or from the handshake, where
//! anybody may have written them (this crate holds no log keys). Those of the handshake may show that
//! a certificate is revoked and never that it is good: a made-up timestamp would make a filter cover
//! what it does not know.
//!
//! Left to the host: where filters come from and whether they are authentic. A filter has no
//! signature and no date of its own; both come with it.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use clubcard_crlite::{CRLiteClubcard, CRLiteKey, CRLiteStatus, IssuerSpkiHash, LogId, Timestamp};
use sha2::{Digest, Sha256};

use super::answer::{Authority, Revoked};
use super::{About, Answer, EvidenceBudget, EvidenceId, Query, RevocationSource, Unknown, Verdict};
use crate::x509::{SctList, Time};

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter cannot be read: {reason}")]
#[non_exhaustive]
pub struct FilterError {
    /// What is wrong, in the words of the reader.
    pub reason: String,
}

/// CRLite filters as a source: a full one and the deltas to it.
#[derive(Clone, Debug)]
pub struct CrliteFilters {
    filters: Vec<Arc<Filter>>,
    max_age_seconds: u32,
    digest: EvidenceId,
}

struct Filter {
    id: EvidenceId,
    made_at: Time,
    clubcard: CRLiteClubcard,
}

impl Default for CrliteFilters {
    fn default() -> Self {
        Self::new()
    }
}

impl CrliteFilters {
    /// The age up to which "good" holds by default, in seconds: Mozilla publishes twice a day and a
    /// full filter every few weeks; ten days is what the CA/Browser Forum allows between lists of
    /// subscriber certificates.
    pub const MAX_AGE: u32 = 10 * 86_400;

    /// No filters.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Vec::new(), Self::MAX_AGE)
    }

    fn of(mut filters: Vec<Arc<Filter>>, max_age_seconds: u32) -> Self {
        filters.sort_by_key(|filter| (filter.made_at, filter.id));
        filters.dedup_by_key(|filter| (filter.made_at, filter.id));
        let mut hash = Sha256::new();
        hash.update(b"bonafide-crlite 1");
        hash.update(max_age_seconds.to_be_bytes());
        for filter in &filters {
            hash.update(filter.id.as_bytes());
            hash.update(filter.made_at.unix().to_be_bytes());
        }
        Self { filters, max_age_seconds, digest: EvidenceId::from_digest(hash.finalize().into()) }
    }

    /// Adds a filter that was made at `made_at`.
    ///
    /// # Errors
    /// [`FilterError`] where it cannot be read.
    pub fn with(&self, bytes: &[u8], made_at: Time) -> Result<Self, FilterError> {
        let clubcard = CRLiteClubcard::from_bytes(bytes)
            .map_err(|error| FilterError { reason: error.to_string() })?;
        let mut filters = self.filters.clone();
        filters.push(Arc::new(Filter { id: EvidenceId::of(bytes), made_at, clubcard }));
        Ok(Self::of(filters, self.max_age_seconds))
    }

    /// Sets up to which age "good" holds. Default: [`CrliteFilters::MAX_AGE`].
    #[must_use]
    pub fn with_max_age_seconds(self, seconds: u32) -> Self {
        Self::of(self.filters, seconds)
    }
}

impl RevocationSource for CrliteFilters {
    fn name(&self) -> &'static str {
        "crlite"
    }

    fn digest(&self) -> EvidenceId {
        self.digest
    }

    fn status(&self, query: &Query<'_>, budget: &mut EvidenceBudget<'_>) -> Answer {
        if self.filters.is_empty() {
            return Answer::unknown(Unknown::NoSource);
        }
        let embedded = match query.certificate.sct_list() {
            Some(Err(error)) => return Answer::unknown(Unknown::MalformedCertificate(error)),
            Some(Ok(list)) => timestamps(&list),
            None => Vec::new(),
        };
        let presented = query.scts.and_then(|list| SctList::from_tls(list).ok());
        let presented = presented.map(|list| timestamps(&list)).unwrap_or_default();
        let issuer = IssuerSpkiHash(Sha256::digest(query.issuer.key.spki().der()).into());
        let serial = query.certificate.serial_number();
        let mut hash = Sha256::new();
        hash.update(issuer.0);
        hash.update(serial);
        let key = CRLiteKey::with_hash(&issuer, serial, hash.finalize().into());
        let mut why = Unknown::NotCovered;
        let mut good: Option<Answer> = None;
        for filter in &self.filters {
            if let Err(limit) = budget.evidence_check() {
                return Answer::unknown(Unknown::Limit(limit));
            }
            let says = |timestamps: &[(LogId, Timestamp)]| {
                filter.clubcard.contains(&key, timestamps.iter().copied())
            };
            let answer = |verdict| Answer {
                authority: Some(Authority::Filter { id: filter.id }),
                evidence: alloc::vec![filter.id],
                this_update: Some(filter.made_at),
                ..Answer::new(verdict)
            };
            let status = says(&embedded);
            if status == CRLiteStatus::Revoked || says(&presented) == CRLiteStatus::Revoked {
                // Filters have no dates: it was revoked when the filter was made.
                return answer(Verdict::Revoked(Revoked {
                    reason: None,
                    at: filter.made_at,
                    invalidity: None,
                }));
            }
            if status != CRLiteStatus::Good {
                continue;
            }
            match query.clock().fresh_until(filter.made_at, None, None, self.max_age_seconds) {
                // In the order of age: the newest that covers it remains.
                Ok(until) => {
                    good = Some(Answer { fresh_until: Some(until), ..answer(Verdict::Good) });
                }
                Err(stale) => why = stale,
            }
        }
        good.unwrap_or(Answer::unknown(why))
    }

    fn digest_about(&self, _: &About<'_>) -> Option<EvidenceId> {
        Some(self.digest)
    }
}

fn timestamps(list: &SctList<'_>) -> Vec<(LogId, Timestamp)> {
    list.iter().map(|sct| (LogId(*sct.log_id), Timestamp(sct.timestamp_ms))).collect()
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("id", &self.id)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}
