//! `Summary`: a batch in numbers.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;

use rustls_pki_types::CertificateDer;

use crate::decision::Decision;
use crate::x509::{Certificate, Time};

/// Accepted and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How many were accepted.
    pub accepted: u64,
    /// How many were rejected.
    pub rejected: u64,
}

impl Counts {
    const fn count(&mut self, accepted: bool) {
        if accepted {
            self.accepted += 1;
        } else {
            self.rejected += 1;
        }
    }

    #[cfg(feature = "rayon")]
    const fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
    }
}

/// A month of the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// The month that a time lies in.
    #[must_use]
    pub fn of(time: Time) -> Self {
        let (year, month) = time.year_and_month();
        Self { year, month }
    }
}

impl fmt::Display for Month {
    /// Writes `2026-11`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Counts of a batch: by cause, by the authority that issued the end entity's certificate, and by
/// the month in which that certificate expires.
///
/// Issuers and months are what certificates say, rejected ones included. Of issuers and months at most
/// 4,096 each are told apart, so that made-up ones do not fill the memory; the others are counted
/// together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    causes: BTreeMap<&'static str, u64>,
    authorities: BTreeMap<String, Counts>,
    other_authorities: Counts,
    expiry: BTreeMap<Month, Counts>,
    other_expiry: Counts,
    unreadable: u64,
}

/// How many issuers, and how many months, are told apart.
const DISTINCT: usize = 4_096;

impl Summary {
    /// Returns how many items there were by [`Decision::code`], in the order of the codes.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.causes.iter().map(|(code, count)| (*code, *count))
    }

    /// Returns how many items there were by the issuer that their certificate names, written by
    /// RFC 4514, in the order of the text.
    pub fn authorities(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.authorities.iter().map(|(name, counts)| (name.as_str(), *counts))
    }

    /// Returns how many items have issuers beyond those told apart.
    #[must_use]
    pub const fn other_authorities(&self) -> Counts {
        self.other_authorities
    }

    /// Returns how many items there were by the month of notAfter, in the order of time.
    pub fn expiry(&self) -> impl Iterator<Item = (Month, Counts)> {
        self.expiry.iter().map(|(month, counts)| (*month, *counts))
    }

    /// Returns how many items expire in months beyond those told apart.
    #[must_use]
    pub const fn other_expiry(&self) -> Counts {
        self.other_expiry
    }

    /// Returns how many certificates could not be read: they are rejected and have neither issuer
    /// nor month.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Returns how many items were decided.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.causes.values().sum()
    }

    pub(super) fn count(&mut self, end_entity: &CertificateDer<'_>, decision: &Decision) {
        *self.causes.entry(decision.code()).or_default() += 1;
        let Ok(certificate) = Certificate::from_der(end_entity) else {
            self.unreadable += 1;
            return;
        };
        let accepted = decision.is_accepted();
        let issuer = certificate.issuer().to_string();
        slot(&mut self.authorities, &mut self.other_authorities, issuer).count(accepted);
        let month = Month::of(certificate.not_after());
        slot(&mut self.expiry, &mut self.other_expiry, month).count(accepted);
    }

    /// Adds up two summaries.
    #[cfg(feature = "rayon")]
    pub(super) fn merge(mut self, other: Self) -> Self {
        for (code, count) in other.causes {
            *self.causes.entry(code).or_default() += count;
        }
        for (issuer, counts) in other.authorities {
            slot(&mut self.authorities, &mut self.other_authorities, issuer).add(counts);
        }
        for (month, counts) in other.expiry {
            slot(&mut self.expiry, &mut self.other_expiry, month).add(counts);
        }
        self.other_authorities.add(other.other_authorities);
        self.other_expiry.add(other.other_expiry);
        self.unreadable += other.unreadable;
        self
    }
}

/// Where to count `key`: its own place, or the place of the others once there are too many.
fn slot<'m, K: Ord>(
    counts: &'m mut BTreeMap<K, Counts>,
    others: &'m mut Counts,
    key: K,
) -> &'m mut Counts {
    if counts.len() >= DISTINCT && !counts.contains_key(&key) {
        return others;
    }
    counts.entry(key).or_default()
}

impl fmt::Display for Summary {
    /// Writes three tables of text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} certificates", self.total())?;
        for (code, count) in self.causes() {
            writeln!(f, "  {count:>8}  {code}")?;
        }
        writeln!(f, "accepted and rejected, by issuer")?;
        for (issuer, counts) in self.authorities() {
            writeln!(f, "  {:>8} {:>8}  {issuer}", counts.accepted, counts.rejected)?;
        }
        write_others(f, self.other_authorities)?;
        writeln!(f, "accepted and rejected, by month of expiry")?;
        for (month, counts) in self.expiry() {
            writeln!(f, "  {:>8} {:>8}  {month}", counts.accepted, counts.rejected)?;
        }
        write_others(f, self.other_expiry)?;
        if self.unreadable > 0 {
            writeln!(f, "  {:>8} {:>8}  cannot be read", 0, self.unreadable)?;
        }
        Ok(())
    }
}

fn write_others(f: &mut fmt::Formatter<'_>, counts: Counts) -> fmt::Result {
    if counts == Counts::default() {
        return Ok(());
    }
    writeln!(f, "  {:>8} {:>8}  others", counts.accepted, counts.rejected)
}
