//! The entries of a revocation list as a table that answers one question: is this serial listed?
//!
//! The bytes of a list are large (some 42 bytes an entry) and most of them say nothing. The table
//! keeps what an answer needs: the serial number in full, so that an answer is exact; date and
//! reason; the invalidity date where the list has any. A record is 22 bytes for a serial of 16.
//!
//! Records of one length stand together, sorted into buckets by a hash, about four to a bucket, so
//! that a lookup reads two places in memory. The lists are counted first and placed afterwards:
//! nothing grows, and the table is written once. The hash needs no key: a bucket that grew large,
//! by chance or by intent, is sorted and searched by halves.
//!
//! Serial numbers are told apart by their octets, never as numbers: a leading zero octet, which
//! DER has where the next bit is set, is dropped and negative numbers are kept apart, so that no
//! two serial numbers share a record.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::x509::{ReasonCode, Time};

/// What a list says of one serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) reason: Option<ReasonCode>,
    pub(super) at: Time,
    pub(super) invalidity: Option<Time>,
}

/// All entries that one issuer's certificates have in a list.
#[derive(Debug, Default)]
pub(super) struct EntryTable {
    groups: BTreeMap<Shape, Group>,
}

/// Serial numbers of one length and sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    length: usize,
    negative: bool,
}

impl Shape {
    /// The shape of the content octets of an INTEGER, and the octets that tell it from others of
    /// its shape.
    #[inline]
    fn of(serial: &[u8]) -> (Self, &[u8]) {
        let (key, negative) = match *serial {
            [0, ref magnitude @ ..] if magnitude.first().is_some_and(|octet| *octet >= 0x80) => {
                (magnitude, false)
            }
            [first, ..] => (serial, first >= 0x80),
            [] => (serial, false),
        };
        (Self { length: key.len(), negative }, key)
    }
}

/// Counts entries before they are placed.
#[derive(Debug, Default)]
pub(super) struct EntryCounts {
    shapes: BTreeMap<Shape, Count>,
    /// The shape counted last, which the next entry most often has.
    last: Option<(Shape, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    entries: u32,
    invalidity: bool,
}

impl EntryCounts {
    #[inline]
    pub(super) fn add(&mut self, serial: &[u8]) {
        let (shape, _) = Shape::of(serial);
        match &mut self.last {
            Some((last, count)) if *last == shape => *count += 1,
            _ => {
                self.flush();
                self.last = Some((shape, 1));
            }
        }
    }

    /// Reserves room for invalidity dates beside every serial number of this shape.
    pub(super) fn add_invalidity(&mut self, serial: &[u8]) {
        self.shapes.entry(Shape::of(serial).0).or_default().invalidity = true;
    }

    fn flush(&mut self) {
        if let Some((shape, count)) = self.last.take() {
            let entry = self.shapes.entry(shape).or_default();
            entry.entries = entry.entries.saturating_add(count);
        }
    }

    /// Makes room for all that was counted.
    pub(super) fn finish(mut self) -> EntryTableBuilder {
        self.flush();
        let groups = self.shapes.into_iter().map(|(shape, count)| {
            (shape, Group::with_room(shape.length, count.entries, count.invalidity))
        });
        EntryTableBuilder { groups: groups.collect() }
    }
}

/// Distributes, then places: both passes see the same entries.
#[derive(Debug)]
pub(super) struct EntryTableBuilder {
    groups: BTreeMap<Shape, Group>,
}

impl EntryTableBuilder {
    /// First pass: learns how many entries each bucket has.
    #[inline]
    pub(super) fn distribute(&mut self, serial: &[u8]) {
        let (shape, key) = Shape::of(serial);
        if let Some(group) = self.groups.get_mut(&shape) {
            let bucket = group.bucket(key);
            if let Some(count) = group.directory.get_mut(bucket) {
                *count += 1;
            }
        }
    }

    /// Between the passes: turns counts into the ends of the buckets.
    pub(super) fn lay_out(&mut self) {
        for group in self.groups.values_mut() {
            let mut sum = 0;
            for place in &mut group.directory {
                sum += *place;
                *place = sum;
            }
        }
    }

    /// Second pass: writes a record, buckets from their ends.
    #[inline]
    pub(super) fn place(&mut self, serial: &[u8], listed: &Listed) {
        let (shape, key) = Shape::of(serial);
        let Some(group) = self.groups.get_mut(&shape) else { return };
        let bucket = group.bucket(key);
        let stride = group.stride();
        let Some(place) = group.directory.get_mut(bucket) else { return };
        *place = place.saturating_sub(1);
        let start = widen(*place).saturating_mul(stride);
        let Some(record) = group.records.get_mut(start..start.saturating_add(stride)) else {
            return;
        };
        let (key_part, rest) = record.split_at_mut(key.len().min(stride));
        key_part.copy_from_slice(key);
        let payload = encode(listed);
        if let Some((head, tail)) = rest.split_first_chunk_mut() {
            *head = payload;
            if let Some(place) = tail.first_chunk_mut() {
                *place = encode_time(listed.invalidity);
            }
        }
    }

    /// Sorts the buckets that grew large.
    pub(super) fn finish(mut self) -> EntryTable {
        for group in self.groups.values_mut() {
            group.sort_large_buckets();
        }
        EntryTable { groups: self.groups }
    }
}

impl EntryTable {
    /// What the list says of `serial`, the content octets of the INTEGER.
    ///
    /// Where a serial number is listed more than once, a revocation comes before a removal and
    /// the earliest before later ones, in whatever order the list has them.
    #[inline]
    pub(super) fn find(&self, serial: &[u8]) -> Option<Listed> {
        let (shape, key) = Shape::of(serial);
        self.groups.get(&shape)?.find(key)
    }

    pub(super) fn len(&self) -> usize {
        self.groups.values().map(Group::len).sum()
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let of = |group: &Group| group.records.len() + 4 * group.directory.len();
        self.groups.values().map(of).sum()
    }
}

/// The records of one shape.
#[derive(Debug)]
struct Group {
    key_length: usize,
    with_invalidity: bool,
    shift: u32,
    /// Where each bucket begins, counted in records; a bucket ends where the next one begins.
    directory: Vec<u32>,
    records: Vec<u8>,
}

/// Buckets up to this many records are scanned, larger ones are sorted.
const SCANNED: usize = 16;
/// Date and reason.
const PAYLOAD: usize = 6;
/// An invalidity date.
const INVALIDITY: usize = 5;

impl Group {
    fn with_room(key_length: usize, entries: u32, with_invalidity: bool) -> Self {
        let buckets = (entries / 4).max(1).next_power_of_two();
        // One more, that holds the end of the last bucket.
        let directory = vec![0; widen(buckets) + 1];
        let mut group = Self {
            key_length,
            with_invalidity,
            shift: 64 - buckets.trailing_zeros(),
            directory,
            records: Vec::new(),
        };
        group.records = vec![0; widen(entries).saturating_mul(group.stride())];
        group
    }

    #[inline]
    fn stride(&self) -> usize {
        self.key_length + PAYLOAD + if self.with_invalidity { INVALIDITY } else { 0 }
    }

    fn len(&self) -> usize {
        self.records.len() / self.stride()
    }

    /// The upper bits of the hash.
    #[inline]
    fn bucket(&self, key: &[u8]) -> usize {
        let hash = hash(key).checked_shr(self.shift).unwrap_or(0);
        usize::try_from(hash).unwrap_or(0)
    }

    #[inline]
    fn records_of(&self, bucket: usize) -> &[u8] {
        let [start, end] = [bucket, bucket + 1]
            .map(|at| widen(self.directory.get(at).copied().unwrap_or(0)) * self.stride());
        self.records.get(start..end).unwrap_or(&[])
    }

    #[inline]
    fn find(&self, key: &[u8]) -> Option<Listed> {
        let stride = self.stride();
        let records = self.records_of(self.bucket(key));
        let mut best: Option<&[u8]> = None;
        if records.len() <= SCANNED * stride {
            for record in records.chunks_exact(stride) {
                if record.get(..key.len()) == Some(key) && best.is_none_or(|best| record < best) {
                    best = Some(record);
                }
            }
        } else {
            let (mut low, mut high) = (0, records.len() / stride);
            while low < high {
                let middle = low.midpoint(high);
                let record = records.get(middle * stride..)?.get(..stride)?;
                if record.get(..key.len())? < key { low = middle + 1 } else { high = middle }
            }
            best = records.get(low * stride..).and_then(|rest| rest.get(..stride));
            best = best.filter(|record| record.get(..key.len()) == Some(key));
        }
        self.decode(best?)
    }

    fn decode(&self, record: &[u8]) -> Option<Listed> {
        let payload = record.get(self.key_length..)?;
        let (head, tail) = payload.split_first_chunk::<PAYLOAD>()?;
        let [a, b, c, d, e, reason] = *head;
        let date = u64::from_be_bytes([0, 0, 0, a & 0x7f, b, c, d, e]);
        Some(Listed {
            reason: ReasonCode::from_number(reason),
            at: decode_time(date)?,
            invalidity: match tail.first_chunk::<INVALIDITY>() {
                Some(&[a, b, c, d, e]) if a != 0xff => {
                    decode_time(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
                }
                _ => None,
            },
        })
    }

    fn sort_large_buckets(&mut self) {
        let stride = self.stride();
        let mut edges = self.directory.iter().map(|&edge| widen(edge)).peekable();
        while let (Some(start), Some(&end)) = (edges.next(), edges.peek()) {
            if end.saturating_sub(start) <= SCANNED {
                continue;
            }
            let Some(records) = self.records.get_mut(start * stride..end * stride) else {
                continue;
            };
            let copy = records.to_vec();
            let mut order: Vec<&[u8]> = copy.chunks_exact(stride).collect();
            order.sort_unstable();
            for (place, record) in records.chunks_exact_mut(stride).zip(order) {
                place.copy_from_slice(record);
            }
        }
    }
}

/// Removals sort behind revocations, then earlier dates before later ones.
#[inline]
fn encode(listed: &Listed) -> [u8; PAYLOAD] {
    let removal = listed.reason == Some(ReasonCode::RemoveFromCrl);
    let [a, b, c, d, e] = encode_time(Some(listed.at));
    let reason = listed.reason.map_or(NO_REASON, ReasonCode::number);
    [a | if removal { 0x80 } else { 0 }, b, c, d, e, reason]
}

const NO_REASON: u8 = 0xff;

/// 0000-01-01T00:00:00Z, before which no time in DER is; 9999 ends below 2³⁹ seconds later.
const YEAR_ZERO: i64 = -62_167_219_200;

/// All ones where there is no time.
#[inline]
fn encode_time(time: Option<Time>) -> [u8; 5] {
    let Some(time) = time else { return [0xff; 5] };
    let seconds = u64::try_from(time.unix().saturating_sub(YEAR_ZERO)).unwrap_or(0);
    let [_, _, _, a, b, c, d, e] = seconds.min((1 << 39) - 1).to_be_bytes();
    [a, b, c, d, e]
}

fn decode_time(seconds: u64) -> Option<Time> {
    Some(Time::from_unix(i64::try_from(seconds).ok()?.saturating_add(YEAR_ZERO)))
}

/// Spreads serial numbers, random or sequential, over the upper bits.
#[inline]
fn hash(key: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = ODD;
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(ODD);
        hash ^= hash >> 32;
    }
    for &octet in rest {
        hash = (hash ^ u64::from(octet)).wrapping_mul(ODD);
    }
    (hash ^ (hash >> 29)).wrapping_mul(ODD)
}

#[expect(clippy::as_conversions, reason = "u32 fits usize wherever there is an allocator")]
#[inline]
const fn widen(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&[u8], Listed)]) -> EntryTable {
        let mut counts = EntryCounts::default();
        for (serial, listed) in entries {
            counts.add(serial);
            if listed.invalidity.is_some() {
                counts.add_invalidity(serial);
            }
        }
        let mut builder = counts.finish();
        entries.iter().for_each(|(serial, _)| builder.distribute(serial));
        builder.lay_out();
        entries.iter().for_each(|(serial, listed)| builder.place(serial, listed));
        builder.finish()
    }

    fn listed(at: i64, reason: Option<ReasonCode>) -> Listed {
        Listed { reason, at: Time::from_unix(at), invalidity: None }
    }

    #[test]
    fn a_serial_number_is_found_exactly() {
        let one = listed(1, None);
        let two = listed(2, Some(ReasonCode::KeyCompromise));
        let dated = Listed { invalidity: Some(Time::from_unix(-5)), ..listed(3, None) };
        let late = listed(253_402_300_799, Some(ReasonCode::AaCompromise));
        let table = table(&[
            (&[1], one),
            (&[0x80], two),
            (&[0, 0x81], late),
            (&[0], late),
            (&[1, 2, 3], dated),
            (&[1, 2, 4], one),
        ]);
        for (case, serial, expected) in [
            ("small", &[1][..], Some(one)),
            ("negative", &[0x80], Some(two)),
            ("positive of the octets of the negative", &[0, 0x80], None),
            ("with a leading zero", &[0, 0x81], Some(late)),
            ("negative of the octets of the positive", &[0x81], None),
            ("zero", &[0], Some(late)),
            ("two zeros, which is no DER", &[0, 0], None),
            ("invalidity date", &[1, 2, 3], Some(dated)),
            ("room for an invalidity date", &[1, 2, 4], Some(one)),
            ("absent", &[2], None),
            ("longer", &[1, 2, 3, 4], None),
            ("nothing", &[], None),
        ] {
            assert_eq!(table.find(serial), expected, "{case}");
        }
        assert_eq!(table.len(), 6);
    }

    #[test]
    fn listed_twice_is_revoked_since_the_first_time() {
        let removed = listed(1, Some(ReasonCode::RemoveFromCrl));
        let (early, late) = (listed(5, None), listed(9, Some(ReasonCode::KeyCompromise)));
        for count in [1, 20] {
            for order in [[removed, early, late], [late, early, removed], [early, removed, late]] {
                let entries: Vec<(&[u8], Listed)> =
                    order.iter().flat_map(|l| vec![(&[7][..], *l); count]).collect();
                let table = table(&entries);
                assert_eq!(table.find(&[7]), Some(early), "{count}");
                assert_eq!(table.find(&[8]), None);
            }
        }
        assert_eq!(table(&[(&[7], removed)]).find(&[7]), Some(removed));
    }

    #[test]
    fn many_are_found_and_others_are_not() {
        let serials: Vec<[u8; 4]> = (0_u32..5_000).map(|n| (2 * n).to_be_bytes()).collect();
        let entries: Vec<(&[u8], Listed)> =
            serials.iter().zip(0..).map(|(s, n)| (&s[..], listed(n, None))).collect();
        let table = table(&entries);
        for (n, serial) in serials.iter().enumerate() {
            assert_eq!(table.find(serial).unwrap().at.unix(), i64::try_from(n).unwrap());
            let odd = u32::from_be_bytes(*serial) + 1;
            assert_eq!(table.find(&odd.to_be_bytes()), None);
        }
        assert!(table.heap_bytes() < 5_000 * 12);
    }
}
