//! A record of an entry table: the key, date and reason, and an invalidity date where there are any.
//!
//! Records of one key are in the order in which they count: removals behind revocations, then
//! earlier dates before later ones.

use crate::revocation::answer::Revoked;
use crate::x509::{ReasonCode, Time};

/// How a record looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) key_length: usize,
    pub(super) with_invalidity: bool,
}

/// Date and reason.
const PAYLOAD: usize = 6;
/// An invalidity date.
const INVALIDITY: usize = 5;

impl Layout {
    /// Of most records. What is done with each of them stands twice, once for this layout alone:
    /// there a copy is a few moves.
    pub(super) const USUAL: Self = Self { key_length: 16, with_invalidity: false };

    #[inline(always)]
    pub(super) const fn stride(self) -> usize {
        self.key_length + PAYLOAD + if self.with_invalidity { INVALIDITY } else { 0 }
    }

    #[inline(always)]
    pub(super) fn key_of(self, record: &[u8]) -> &[u8] {
        record.get(..self.key_length).unwrap_or_default()
    }

    /// What a record says.
    #[inline(always)]
    pub(super) fn decode(self, record: &[u8]) -> Option<Revoked> {
        let (head, tail) = record.split_at_checked(self.key_length + PAYLOAD)?;
        // Octets of the key before them do no harm.
        let payload = match head.last_chunk() {
            Some(word) => u64::from_be_bytes(*word),
            None => head.iter().fold(0, |word, octet| word << 8 | u64::from(*octet)),
        };
        let [.., reason] = payload.to_be_bytes();
        Some(Revoked {
            reason: REASONS.get(usize::from(reason & NO_REASON)).copied().flatten(),
            at: decode_time(payload >> 8 & (REMOVAL - 1)),
            invalidity: match tail.first_chunk::<INVALIDITY>() {
                Some(&[a, b, c, d, e]) if a != NO_TIME => {
                    Some(decode_time(u64::from_be_bytes([0, 0, 0, a, b, c, d, e])))
                }
                _ => None,
            },
        })
    }

    /// Writes what follows the key.
    #[inline(always)]
    pub(super) fn encode(place: &mut [u8], entry: &Revoked) {
        if let Some((payload, invalidity)) = place.split_first_chunk_mut() {
            *payload = encode(entry);
            if let Some(invalidity) = invalidity.first_chunk_mut() {
                *invalidity = encode_time(entry.invalidity);
            }
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::USUAL
    }
}

#[inline]
fn encode(entry: &Revoked) -> [u8; PAYLOAD] {
    let reason = entry.reason.map_or(NO_REASON, ReasonCode::number);
    let removal = if entry.reason == Some(ReasonCode::RemoveFromCrl) { REMOVAL } else { 0 };
    let [_, _, payload @ ..] =
        ((seconds(entry.at) | removal) << 8 | u64::from(reason)).to_be_bytes();
    payload
}

/// A bit above those of a date, so that removals sort behind revocations.
const REMOVAL: u64 = 1 << 39;

/// What stands for no reason.
const NO_REASON: u8 = 15;

/// The reason of each octet that [`encode`] writes, so that reading one takes no decision.
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

/// 0000-01-01T00:00:00Z, before which no time in DER is; 9999 ends below 2³⁹ seconds later.
const YEAR_ZERO: i64 = -62_167_219_200;

/// What stands for no time, in each octet.
pub(super) const NO_TIME: u8 = 0xff;

#[inline]
fn encode_time(time: Option<Time>) -> [u8; INVALIDITY] {
    let Some(time) = time else { return [NO_TIME; INVALIDITY] };
    let [.., a, b, c, d, e] = seconds(time).to_be_bytes();
    [a, b, c, d, e]
}

/// Below 2³⁹.
#[inline]
fn seconds(time: Time) -> u64 {
    let seconds = time.unix().saturating_sub(YEAR_ZERO).clamp(0, (1 << 39) - 1);
    u64::try_from(seconds).unwrap_or(0)
}

#[inline(always)]
fn decode_time(seconds: u64) -> Time {
    Time::from_unix(i64::try_from(seconds).unwrap_or(0).saturating_add(YEAR_ZERO))
}
