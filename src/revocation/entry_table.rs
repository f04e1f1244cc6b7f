//! The entries of a revocation list as a table that answers one question: is this serial listed?
//!
//! The bytes of a list are large (some 42 bytes an entry) and most of them say nothing. The table
//! keeps what an answer needs: the serial number in full, so that an answer is exact; date and
//! reason; the invalidity date where the list has any. A record is 22 bytes for a serial of 16, its
//! share of what it is found by one and a half.
//!
//! Records of one length stand in buckets, eight to a bucket on average, by the upper half of a hash; a
//! directory says where each bucket begins. Beside each record stands a tag, an octet of the lower
//! half. A question touches the directory, then the tags of its bucket, all of them at once, and a
//! record only where the tag is that of the question: most certificates are not listed, and of those
//! that are not, most questions end there. Directory and tags of a million entries fit the second
//! cache of a processor, the records do not; so who asks waits for memory once, or not at all. The
//! hash needs no key: a bucket that grew large, by chance or by intent, is sorted and searched by
//! halves.
//!
//! Serial numbers are told apart by their octets, never as numbers: a leading zero octet, which
//! DER has where the next bit is set, is dropped and negative numbers are kept apart, so that no
//! two serial numbers share a record.

mod builder;

use alloc::vec::Vec;
use core::ops::Range;

pub(super) use builder::EntryTableBuilder;

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
    /// In the order of shapes, of which honest lists have few.
    groups: Vec<(Shape, Group)>,
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

impl EntryTable {
    /// What the list says of `serial`, the content octets of the INTEGER.
    ///
    /// Where a serial number is listed more than once, a revocation comes before a removal and
    /// the earliest before later ones, in whatever order the list has them.
    #[inline]
    pub(super) fn find(&self, serial: &[u8]) -> Option<Listed> {
        let (shape, key) = Shape::of(serial);
        let (_, group) = self.groups.iter().find(|(held, _)| *held == shape)?;
        group.find(key)
    }

    /// Calls `each` with every serial number, as content octets of the INTEGER; more than once with
    /// those that are listed more than once.
    pub(super) fn serials(&self, mut each: impl FnMut(&[u8])) {
        let mut content = Vec::new();
        for (shape, group) in &self.groups {
            for record in group.records.chunks_exact(group.layout.stride()) {
                let key = group.layout.key_of(record);
                content.clear();
                if !shape.negative && key.first().is_some_and(|octet| *octet >= 0x80) {
                    content.push(0);
                }
                content.extend_from_slice(key);
                each(&content);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(|(_, group)| group.records.len() / group.layout.stride()).sum()
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let of = |group: &Group| {
            group.records.capacity() + group.tags.capacity() + 4 * group.directory.capacity()
        };
        self.groups.iter().map(|(_, group)| size_of::<(Shape, Group)>() + of(group)).sum()
    }
}

/// How a record looks: key, date and reason, invalidity date where there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    key_length: usize,
    with_invalidity: bool,
}

impl Layout {
    /// Of most records. What is done with each of them stands twice, once for this layout alone:
    /// there a copy is a few moves.
    const USUAL: Self = Self { key_length: 16, with_invalidity: false };

    #[inline(always)]
    const fn stride(self) -> usize {
        self.key_length + PAYLOAD + if self.with_invalidity { INVALIDITY } else { 0 }
    }

    #[inline(always)]
    fn key_of(self, record: &[u8]) -> &[u8] {
        record.get(..self.key_length).unwrap_or_default()
    }
}

/// The records of one shape, in buckets.
#[derive(Debug)]
struct Group {
    layout: Layout,
    /// Where each bucket begins, counted in records, and where the last one ends.
    directory: Vec<u32>,
    /// An octet of the hash of each record, then [`WINDOW`] more.
    tags: Vec<u8>,
    records: Vec<u8>,
}

/// Records that a bucket has on average: nearly all fit a window, and the directory of a million fits
/// the second cache of a processor, as do the tags.
const BUCKET: usize = 8;
/// Tags that are compared at once.
const WINDOW: usize = 16;
const WINDOW_BITS: u32 = 16;
/// Buckets up to this many records are scanned, larger ones are sorted.
const SCANNED: usize = 32;
/// Date and reason.
const PAYLOAD: usize = 6;
/// An invalidity date.
const INVALIDITY: usize = 5;

impl Group {
    #[inline]
    fn find(&self, key: &[u8]) -> Option<Listed> {
        // Most are of 16 octets: one more copy of the same code, without loops over octets.
        let record = match key.first_chunk::<16>() {
            Some(first) if key.len() == 16 => self.probe(first),
            _ => self.probe(key),
        };
        self.decode(record?)
    }

    /// Looks at the records whose tag is that of the key. Of one serial number, the least counts.
    #[inline(always)]
    fn probe(&self, key: &[u8]) -> Option<&[u8]> {
        let hash = hash(key);
        let bucket = place_among(hash, self.directory.len().wrapping_sub(1));
        let &[start, end] = self.directory.get(bucket..)?.first_chunk()?;
        let count = end.wrapping_sub(start);
        if count > WINDOW_BITS {
            return self.search(widen(start)..widen(end), key);
        }
        let tags = self.tags.get(widen(start)..)?.first_chunk()?;
        let mut hits = equal_octets(tags, tag_of(hash)) & ((1 << count) - 1);
        while hits != 0 {
            let record = self.record(widen(start + hits.trailing_zeros()))?;
            if same(record.get(..key.len())?, key) {
                if hits & (hits - 1) != 0 {
                    // It may be listed more than once.
                    return self.search(widen(start)..widen(end), key);
                }
                return Some(record);
            }
            hits &= hits - 1;
        }
        None
    }

    #[inline]
    fn record(&self, number: usize) -> Option<&[u8]> {
        let stride = self.layout.stride();
        self.records.get(number * stride..)?.get(..stride)
    }

    /// Searches a bucket without looking at tags. Of one serial number, the least record counts.
    #[cold]
    fn search(&self, mut bucket: Range<usize>, key: &[u8]) -> Option<&[u8]> {
        if bucket.len() > SCANNED {
            while bucket.len() > 1 {
                let middle = bucket.start.midpoint(bucket.end);
                let before = self.layout.key_of(self.record(middle - 1)?);
                if before < key { bucket.start = middle } else { bucket.end = middle }
            }
        }
        let records = bucket.filter_map(|number| self.record(number));
        records.filter(|record| self.layout.key_of(record) == key).min()
    }

    #[inline]
    fn decode(&self, record: &[u8]) -> Option<Listed> {
        let payload = record.get(self.layout.key_length..)?;
        let (head, tail) = payload.split_first_chunk::<PAYLOAD>()?;
        let [a, b, c, d, e, reason] = *head;
        let date = u64::from_be_bytes([0, 0, 0, a & 0x7f, b, c, d, e]);
        Some(Listed {
            reason: REASONS.get(usize::from(reason & NO_REASON)).copied().flatten(),
            at: decode_time(date)?,
            invalidity: match tail.first_chunk::<INVALIDITY>() {
                Some(&[a, b, c, d, e]) if a != NO_TIME => {
                    decode_time(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
                }
                _ => None,
            },
        })
    }

    fn sort_large_buckets(&mut self) {
        let stride = self.layout.stride();
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

/// Whether slices of one length are equal; the usual ones without a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..16 => same_ends::<8>(a, b),
        16..=32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

#[inline]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    (a.first_chunk::<N>() == b.first_chunk()) & (a.last_chunk::<N>() == b.last_chunk())
}

/// A bit for each octet that is `octet`.
#[inline]
fn equal_octets(octets: &[u8; WINDOW], octet: u8) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let (words, _) = octets.as_chunks();
    words.iter().rev().fold(0, |bits, word| {
        let differ = u64::from_le_bytes(*word) ^ u64::from_le_bytes([octet; 8]);
        let equal = !(((differ & LOW) + LOW) | differ | LOW) >> 7;
        // Brings bit 8 n to bit 56 + n.
        let [.., gathered] = equal.wrapping_mul(0x0102_0408_1020_4080).to_le_bytes();
        bits << 8 | u32::from(gathered)
    })
}

/// Divides all hashes evenly among so many places, in their order.
#[inline]
fn place_among(hash: u64, places: usize) -> usize {
    let places = u64::try_from(places).unwrap_or(0);
    usize::try_from(((hash >> 32) * places) >> 32).unwrap_or(0)
}

#[inline]
const fn tag_of(hash: u64) -> u8 {
    let [tag, ..] = hash.to_le_bytes();
    tag
}

/// Removals sort behind revocations, then earlier dates before later ones.
#[inline]
fn encode(listed: &Listed) -> [u8; PAYLOAD] {
    let reason = listed.reason.map_or(NO_REASON, ReasonCode::number);
    let removal = u64::from(listed.reason == Some(ReasonCode::RemoveFromCrl)) << 39;
    let [_, _, payload @ ..] =
        ((seconds(listed.at) | removal) << 8 | u64::from(reason)).to_be_bytes();
    payload
}

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
const NO_TIME: u8 = 0xff;

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

fn decode_time(seconds: u64) -> Option<Time> {
    Some(Time::from_unix(i64::try_from(seconds).ok()?.saturating_add(YEAR_ZERO)))
}

/// Spreads serial numbers, random or sequential, over all bits. Of numbers of one length.
#[inline(always)]
fn hash(key: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: [u8; 8]| {
        let product = (hash ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
        product ^ (product >> 32)
    };
    let mut hash = ODD;
    match (key.first_chunk(), key.last_chunk()) {
        // Words that overlap where there are fewer octets.
        (Some(first), Some(last)) => {
            let (words, _) = key.get(8..).unwrap_or_default().as_chunks();
            hash = mix(hash, *first);
            if key.len() > 16 {
                hash = words.iter().fold(hash, |hash, word| mix(hash, *word));
            }
            hash = mix(hash, *last);
        }
        _ => hash = key.iter().fold(hash, |hash, octet| mix(hash, [*octet; 8])),
    }
    hash.wrapping_mul(ODD)
}

#[expect(clippy::as_conversions, reason = "u32 fits usize wherever there is an allocator")]
#[inline]
const fn widen(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn table(entries: &[(&[u8], Listed)]) -> EntryTable {
        let total = 40 * entries.len();
        let mut builder = EntryTableBuilder::new(total);
        let reads = (40..).step_by(40);
        entries.iter().zip(reads).for_each(|((serial, l), read)| builder.add(serial, *l, read));
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
        assert!(table.heap_bytes() < 5_000 * 12 + 1_000);
    }

    #[test]
    fn all_stay_whatever_the_list_promised() {
        let key = |n: u64| [&[0x40][..], &[0; 7], &n.to_be_bytes()].concat();
        let dated = |n: u64| (n == 30_000).then(|| Time::from_unix(-5));
        // What was read of the list when an entry came, for a list of a million octets.
        let promises = [("as it is", 20, 0), ("too much", 1, 0), ("too little", 0, 999_999)];
        for (case, each, once) in promises {
            let read = |n: usize| each * n + once;
            let mut builder = EntryTableBuilder::new(1_000_000);
            for (n, at) in (0..50_000_u64).zip(0..) {
                let entry = Listed { invalidity: dated(n), ..listed(at, None) };
                builder.add(&key(n), entry, read(usize::try_from(n).unwrap()));
            }
            let table = builder.finish();
            assert_eq!(table.len(), 50_000, "{case}");
            for (n, at) in (0..50_000_u64).zip(0..) {
                let expected = Listed { invalidity: dated(n), ..listed(at, None) };
                assert_eq!(table.find(&key(n)), Some(expected), "{case}");
                assert_eq!(table.find(&key(n + 50_000)), None, "{case}");
            }
        }
    }

    #[test]
    fn the_same_last_octets_are_not_the_same_number() {
        let keys = |tail: u8| (1..40).map(move |head| [&[head][..], &[0; 10], &[tail; 8]].concat());
        let all: Vec<Vec<u8>> = keys(7).chain(keys(9)).collect();
        let entries: Vec<(&[u8], Listed)> =
            all.iter().zip(0..).map(|(key, n)| (&key[..], listed(n, None))).collect();
        let table = table(&entries);
        for (key, listed) in entries {
            assert_eq!(table.find(key), Some(listed));
        }
        assert_eq!(table.find(&[&[41][..], &[0; 10], &[7; 8]].concat()), None);
    }
}
