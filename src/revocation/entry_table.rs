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
mod record;

use alloc::vec::Vec;
use core::ops::Range;

pub(super) use builder::EntryTableBuilder;
use record::Layout;

use super::answer::Revoked;

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
    pub(super) fn find(&self, serial: &[u8]) -> Option<Revoked> {
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
/// Buckets up to this many records are scanned, larger ones are sorted.
const SCANNED: usize = 32;

impl Group {
    #[inline]
    fn find(&self, key: &[u8]) -> Option<Revoked> {
        match key.first_chunk::<16>() {
            Some(key) if self.layout == Layout::USUAL => self.probe(Layout::USUAL, key),
            _ => self.find_unusual(key),
        }
    }

    #[inline(never)]
    fn find_unusual(&self, key: &[u8]) -> Option<Revoked> {
        self.probe(self.layout, key)
    }

    /// Looks at the records whose tag is that of the key; the layout is that of the group. Of one
    /// serial number, the least counts.
    #[inline(always)]
    fn probe(&self, layout: Layout, key: &[u8]) -> Option<Revoked> {
        let hash = hash(key);
        let bucket = place_among(hash, self.directory.len().wrapping_sub(1));
        let &[start, end] = self.directory.get(bucket..bucket + 2)?.first_chunk()?;
        let bucket = widen(start)..widen(end);
        let Some(of_bucket) = FIRST.get(bucket.end.wrapping_sub(bucket.start)) else {
            return self.search(bucket, key);
        };
        let tags = self.tags.get(bucket.start..bucket.start + WINDOW)?.first_chunk()?;
        let mut hits = hits(tags, tag_of(hash)) & of_bucket;
        while hits != 0 {
            let record = self.record(layout, bucket.start + place_of(hits))?;
            hits &= hits - 1;
            if same(layout.key_of(record), key) {
                if hits != 0 {
                    // It may be listed more than once.
                    return self.search(bucket, key);
                }
                return layout.decode(record);
            }
        }
        None
    }

    #[inline(always)]
    fn record(&self, layout: Layout, number: usize) -> Option<&[u8]> {
        let stride = layout.stride();
        self.records.get(number * stride..number * stride + stride)
    }

    /// Searches a bucket without looking at tags. Of one serial number, the least record counts.
    #[cold]
    #[inline(never)]
    fn search(&self, mut bucket: Range<usize>, key: &[u8]) -> Option<Revoked> {
        let layout = self.layout;
        if bucket.len() > SCANNED {
            while bucket.len() > 1 {
                let middle = bucket.start.midpoint(bucket.end);
                let before = layout.key_of(self.record(layout, middle - 1)?);
                if before < key { bucket.start = middle } else { bucket.end = middle }
            }
        }
        let records = bucket.filter_map(|number| self.record(layout, number));
        layout.decode(records.filter(|record| layout.key_of(record) == key).min()?)
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
#[inline(always)]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..16 => same_ends::<8>(a, b),
        16..=32 => same_ends::<16>(a, b),
        33..=64 => same_ends::<32>(a, b),
        _ => a == b,
    }
}

#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    (a.first_chunk::<N>() == b.first_chunk()) & (a.last_chunk::<N>() == b.last_chunk())
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// A bit for each octet that is `octet`; behind one of them, another may have a bit too.
#[inline(always)]
fn hits(octets: &[u8; WINDOW], octet: u8) -> u64 {
    let wanted = u64::from_le_bytes([octet; 8]);
    let (words, _) = octets.as_chunks();
    words.iter().zip([7, 6]).fold(0, |hits, (word, shift)| {
        let differ = u64::from_le_bytes(*word) ^ wanted;
        // The uppermost bit of each octet that is zero.
        hits | (differ.wrapping_sub(ONES) & !differ & ONES << 7) >> shift
    })
}

/// The first octet that has a bit: those of the first word have the lowest bit of an octet each, those
/// of the second the one above.
#[inline(always)]
const fn place_of(hits: u64) -> usize {
    let bit = hits.trailing_zeros();
    widen(bit >> 3 | (bit & 1) << 3)
}

/// The bits of so many first octets.
const FIRST: [u64; WINDOW + 1] = {
    const fn of_word(octets: u32) -> u64 {
        match 1_u64.checked_shl(8 * octets) {
            Some(end) => ONES & (end - 1),
            None => ONES,
        }
    }
    let mut first = [0; WINDOW + 1];
    let (mut rest, mut octets) = (first.as_mut_slice(), 0_u32);
    while let [bits, next @ ..] = rest {
        *bits = of_word(octets) | of_word(octets.saturating_sub(8)) << 1;
        (rest, octets) = (next, octets + 1);
    }
    first
};

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

/// Spreads serial numbers, random or sequential, over all bits. Of numbers of one length.
#[inline(always)]
fn hash(key: &[u8]) -> u64 {
    const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
    let mix = |a: u64, b: u64| {
        let [first, second] = ODD;
        let product = (u128::from(a ^ first) * u128::from(b ^ second)).to_le_bytes();
        let (halves, _) = product.as_chunks();
        halves.iter().fold(0, |hash, half| hash ^ u64::from_le_bytes(*half))
    };
    match (key.first_chunk(), key.last_chunk()) {
        // Words that overlap where there are fewer octets.
        (Some(first), Some(last)) => {
            let mut hash = u64::from_le_bytes(*first);
            if key.len() > 16 {
                let (words, _) = key.get(8..).unwrap_or_default().as_chunks();
                hash = words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
            }
            mix(hash, u64::from_le_bytes(*last))
        }
        _ => mix(0, key.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))),
    }
}

#[expect(clippy::as_conversions, reason = "u32 fits usize wherever there is an allocator")]
#[inline]
const fn widen(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::{ReasonCode, Time};
    use alloc::vec;

    fn table(entries: &[(&[u8], Revoked)]) -> EntryTable {
        let total = 40 * entries.len();
        let mut builder = EntryTableBuilder::new(total);
        let reads = (40..).step_by(40);
        entries.iter().zip(reads).for_each(|((serial, l), read)| builder.add(serial, *l, read));
        builder.finish()
    }

    fn listed(at: i64, reason: Option<ReasonCode>) -> Revoked {
        Revoked { reason, at: Time::from_unix(at), invalidity: None }
    }

    #[test]
    fn a_serial_number_is_found_exactly() {
        let one = listed(1, None);
        let two = listed(2, Some(ReasonCode::KeyCompromise));
        let dated = Revoked { invalidity: Some(Time::from_unix(-5)), ..listed(3, None) };
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
                let entries: Vec<(&[u8], Revoked)> =
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
        let entries: Vec<(&[u8], Revoked)> =
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
                let entry = Revoked { invalidity: dated(n), ..listed(at, None) };
                builder.add(&key(n), entry, read(usize::try_from(n).unwrap()));
            }
            let table = builder.finish();
            assert_eq!(table.len(), 50_000, "{case}");
            for (n, at) in (0..50_000_u64).zip(0..) {
                let expected = Revoked { invalidity: dated(n), ..listed(at, None) };
                assert_eq!(table.find(&key(n)), Some(expected), "{case}");
                assert_eq!(table.find(&key(n + 50_000)), None, "{case}");
            }
        }
    }

    #[test]
    fn the_same_last_octets_are_not_the_same_number() {
        let keys = |tail: u8| (1..40).map(move |head| [&[head][..], &[0; 10], &[tail; 8]].concat());
        let all: Vec<Vec<u8>> = keys(7).chain(keys(9)).collect();
        let entries: Vec<(&[u8], Revoked)> =
            all.iter().zip(0..).map(|(key, n)| (&key[..], listed(n, None))).collect();
        let table = table(&entries);
        for (key, listed) in entries {
            assert_eq!(table.find(key), Some(listed));
        }
        assert_eq!(table.find(&[&[41][..], &[0; 10], &[7; 8]].concat()), None);
    }
}
