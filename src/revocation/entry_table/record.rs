//! A record of an entry table: the key, date and reason, and an invalidity date where there are any.
//!
//! Records of one key are in the order in which they count: removals behind revocations, then
//! earlier dates before later ones. Records are short as long as every date of their group is one
//! that a UTCTime may have, and no invalidity date is there.

use crate::revocation::answer::Revoked;
use crate::x509::{ReasonCode, Time};

/// How a record looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) key_length: usize,
    /// With any date, and room for an invalidity date.
    pub(super) wide: bool,
}

/// Date and reason, where the date is in [`Dates::SHORT`].
const SHORT: usize = 5;
/// Date and reason, whatever the date.
const WIDE: usize = 6;
/// An invalidity date.
const INVALIDITY: usize = 5;

impl Layout {
    /// Of most records. What is done with each of them stands twice, once for this layout alone:
    /// there a copy is a few moves.
    pub(super) const USUAL: Self = Self { key_length: 16, wide: false };

    #[inline(always)]
    pub(super) const fn stride(self) -> usize {
        self.key_length + if self.wide { WIDE + INVALIDITY } else { SHORT }
    }

    #[inline(always)]
    pub(super) fn key_of(self, record: &[u8]) -> &[u8] {
        record.get(..self.key_length).unwrap_or_default()
    }

    /// Whether records of this layout can say what an entry says.
    #[inline(always)]
    pub(super) fn holds(self, entry: &Revoked) -> bool {
        self.wide || (entry.invalidity.is_none() && Dates::SHORT.have(entry.at))
    }

    /// What a record says.
    #[inline(always)]
    pub(super) fn decode(self, record: &[u8]) -> Option<Revoked> {
        let (length, dates) = if self.wide { (WIDE, Dates::ALL) } else { (SHORT, Dates::SHORT) };
        let (head, tail) = record.split_at_checked(self.key_length + length)?;
        // Octets of the key before them do no harm.
        let payload = match head.last_chunk() {
            Some(word) => u64::from_be_bytes(*word),
            None => head.iter().fold(0, |word, octet| word << 8 | u64::from(*octet)),
        };
        let [.., reason] = payload.to_be_bytes();
        Some(Revoked {
            reason: REASONS.get(usize::from(reason & NO_REASON)).copied().flatten(),
            at: dates.decode(payload >> 4),
            invalidity: match tail.first_chunk::<INVALIDITY>() {
                Some(&[a, b, c, d, e]) if a != NO_TIME => {
                    Some(Dates::ALL.decode(u64::from_be_bytes([0, 0, 0, a, b, c, d, e])))
                }
                _ => None,
            },
        })
    }

    /// Writes what follows the key, of an entry that this layout holds.
    #[inline(always)]
    pub(super) fn encode(self, place: &mut [u8], entry: &Revoked) {
        let reason = u64::from(entry.reason.map_or(NO_REASON, ReasonCode::number));
        let removal = u64::from(entry.reason == Some(ReasonCode::RemoveFromCrl));
        // The uppermost bit is that of a removal, so that these sort behind revocations.
        if !self.wide {
            let payload = removal << 39 | Dates::SHORT.encode(entry.at) << 4 | reason;
            if let Some(place) = place.first_chunk_mut::<SHORT>() {
                let [_, _, _, payload @ ..] = payload.to_be_bytes();
                *place = payload;
            }
        } else if let Some((place, invalidity)) = place.split_first_chunk_mut::<WIDE>() {
            let payload = removal << 47 | Dates::ALL.encode(entry.at) << 4 | reason;
            let [_, _, payload @ ..] = payload.to_be_bytes();
            *place = payload;
            if let Some(place) = invalidity.first_chunk_mut::<INVALIDITY>() {
                *place = match entry.invalidity {
                    Some(time) => {
                        let [_, _, _, octets @ ..] = Dates::ALL.encode(time).to_be_bytes();
                        octets
                    }
                    None => [NO_TIME; INVALIDITY],
                };
            }
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::USUAL
    }
}

/// What stands for no reason.
const NO_REASON: u8 = 15;

/// The reason of each number that [`Layout::encode`] writes, so that reading one takes no decision.
const REASONS: [Option<ReasonCode>; 16] = {
    const fn of(number: u8) -> Option<ReasonCode> {
        ReasonCode::from_number(number)
    }
    [
        of(0),
        of(1),
        of(2),
        of(3),
        of(4),
        of(5),
        of(6),
        of(7),
        of(8),
        of(9),
        of(10),
        of(11),
        of(12),
        of(13),
        of(14),
        of(NO_REASON),
    ]
};

/// What stands for no time, in each octet.
const NO_TIME: u8 = 0xff;

/// Dates in seconds from the first one.
#[derive(Clone, Copy)]
struct Dates {
    first: i64,
    /// The last one, counted from the first: one less than a power of two.
    last: u64,
}

impl Dates {
    /// From 1950-01-01T00:00:00Z, with which UTCTime begins; it ends with 2049, within 2³² seconds.
    const SHORT: Self = Self { first: -631_152_000, last: (1 << 32) - 1 };
    /// From 0000-01-01T00:00:00Z, before which no time in DER is; 9999 ends within 2³⁹ seconds.
    const ALL: Self = Self { first: -62_167_219_200, last: (1 << 39) - 1 };

    #[inline(always)]
    fn have(self, time: Time) -> bool {
        u64::try_from(time.unix().saturating_sub(self.first)).is_ok_and(|at| at <= self.last)
    }

    /// The nearest of these dates.
    #[inline(always)]
    fn encode(self, time: Time) -> u64 {
        let seconds = time.unix().saturating_sub(self.first).max(0);
        u64::try_from(seconds).unwrap_or(0).min(self.last)
    }

    /// What is above the bits of a date does no harm.
    #[inline(always)]
    fn decode(self, seconds: u64) -> Time {
        let seconds = i64::try_from(seconds & self.last).unwrap_or(0);
        Time::from_unix(seconds.saturating_add(self.first))
    }
}
