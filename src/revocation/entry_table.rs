//! The entries of a revocation list as a table that answers one question: is this serial listed?
//!
//! The bytes of a list are large (some 42 bytes an entry) and most of them say nothing. The table
//! keeps what an answer needs: the serial number in full, so that an answer is exact; date and
//! reason; the invalidity date where the list has any. A record is 21 bytes for a serial of 16, its
//! share of what it is found by 1.8.
//!
//! Records of one length stand in buckets, by a hash. Of each sixteen buckets, a line of 64 bytes says
//! where they begin, and what octet of the hash each record has, its tag. A question touches one
//! line, where it compares the tags of its bucket all at once, and a record only where the tag is that
//! of the question: most certificates are not listed, and of those that are not, nearly all questions
//! end there. The lines of a million entries fit the second cache of a processor, the records do
//! not; so who asks waits for memory once, or not at all. How long, that depends on how many such
//! waits a processor has under way, and so on how few instructions a question is: serial numbers of 16
//! octets have a way of their own, and nothing is decoded by way of memory. The hash needs no key: where
//! a bucket grew large, by chance or by intent, the records of its line are sorted and searched by
//! halves.
//!
//! Serial numbers are told apart by their octets, never as numbers: a leading zero octet, which
//! DER has where the next bit is set, is dropped and negative numbers are kept apart, so that no
//! two serial numbers share a record.

mod builder;
mod line;
mod record;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub(super) use builder::EntryTableBuilder;
use line::Line;
use record::Layout;

use super::answer::Revoked;

/// All entries that one issuer's certificates have in a list.
#[derive(Debug, Default)]
pub(super) struct EntryTable {
    /// Those of [`Shape::USUAL`], unless one has an invalidity date.
    usual: Group,
    /// The others, in the order of shapes, of which honest lists have few.
    groups: Vec<(Shape, Group)>,
}

/// Serial numbers of one length and sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    length: usize,
    negative: bool,
}

impl Shape {
    /// Of most serial numbers.
    const USUAL: Self = Self { length: 16, negative: false };

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
        if let Some(key @ [1..0x80, ..]) = serial.first_chunk::<16>()
            && serial.len() == 16
        {
            let hash = hash(key);
            if let Some(line) = self.usual.line_of(hash) {
                return self.usual.probe(Layout::USUAL, line, hash, key);
            }
        }
        self.find_unusual(serial)
    }

    #[inline(never)]
    fn find_unusual(&self, serial: &[u8]) -> Option<Revoked> {
        let (shape, key) = Shape::of(serial);
        let (_, group) = self.groups().find(|(held, _)| *held == shape)?;
        let hash = hash(key);
        group.probe(group.layout, group.line_of(hash)?, hash, key)
    }

    fn groups(&self) -> impl Iterator<Item = (Shape, &Group)> {
        let usual = (!self.usual.lines.is_empty()).then_some((Shape::USUAL, &self.usual));
        usual.into_iter().chain(self.groups.iter().map(|(shape, group)| (*shape, group)))
    }

    /// Calls `each` with every serial number, as content octets of the INTEGER; more than once with
    /// those that are listed more than once.
    pub(super) fn serials(&self, mut each: impl FnMut(&[u8])) {
        let mut content = Vec::new();
        for (shape, group) in self.groups() {
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
        self.groups().map(|(_, group)| group.records.len() / group.layout.stride()).sum()
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let of = |group: &Group| group.records.len() + size_of_val::<[Line]>(&group.lines);
        self.groups().map(|(_, group)| size_of::<(Shape, Group)>() + of(group)).sum()
    }
}

/// The records of one shape, in buckets.
#[derive(Debug, Default)]
struct Group {
    layout: Layout,
    lines: Box<[Line]>,
    records: Box<[u8]>,
}

impl Group {
    #[inline(always)]
    fn line_of(&self, hash: u64) -> Option<&Line> {
        self.lines.get(place_among(hash, self.lines.len()))
    }

    /// Looks at the record whose tag is that of the key; the layout is that of the group.
    #[inline(always)]
    fn probe(&self, layout: Layout, line: &Line, hash: u64, key: &[u8]) -> Option<Revoked> {
        let bucket = line.bucket(bucket_of(hash))?;
        let Some(hits) = line.hits(&bucket, tag_of(hash)) else {
            return self.search(hash, key);
        };
        let record = self.record(layout, line.start() + bucket.start + hits.first()?)?;
        if hits.is_one() && same(layout.key_of(record), key) {
            return layout.decode(record);
        }
        // Another has the same tag, or it is listed more than once.
        self.search(hash, key)
    }

    #[inline(always)]
    fn record(&self, layout: Layout, number: usize) -> Option<&[u8]> {
        let stride = layout.stride();
        self.records.get(number * stride..number * stride + stride)
    }

    /// Searches a bucket without looking at tags. Of one serial number, the least record counts.
    #[cold]
    #[inline(never)]
    fn search(&self, hash: u64, key: &[u8]) -> Option<Revoked> {
        let (layout, at) = (self.layout, place_among(hash, self.lines.len()));
        let line = self.lines.get(at)?;
        let start = line.start();
        let records = if line.is_sorted() {
            let (mut begin, mut end) = (start, self.end_of(at));
            while end - begin > 1 {
                let middle = begin.midpoint(end);
                let before = layout.key_of(self.record(layout, middle - 1)?);
                if before < key { begin = middle } else { end = middle }
            }
            begin..end
        } else {
            let bucket = line.bucket(bucket_of(hash))?;
            start + bucket.start..start + bucket.end
        };
        let records = records.filter_map(|number| self.record(layout, number));
        layout.decode(records.filter(|record| layout.key_of(record) == key).min()?)
    }

    /// Where the records of a line end.
    fn end_of(&self, line: usize) -> usize {
        match self.lines.get(line + 1) {
            Some(next) => next.start(),
            None => self.records.len() / self.layout.stride(),
        }
    }

    /// Sorts the records of each line that says that they are sorted.
    fn sort_lines(&mut self) {
        let stride = self.layout.stride();
        for (at, line) in self.lines.iter().enumerate() {
            if !line.is_sorted() {
                continue;
            }
            let range = line.start() * stride..self.end_of(at) * stride;
            let Some(records) = self.records.get_mut(range) else { continue };
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
fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..16 => same_ends::<8>(a, b),
        16..=32 => same_ends::<16>(a, b),
        _ => a == b,
    }
}

/// Whether names are equal that have 16 to 64 octets; of others it does not say, so that it needs no
/// call.
#[inline(always)]
pub(super) fn same_name(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            16..=32 => same_ends::<16>(a, b),
            33..=64 => same_ends::<32>(a, b),
            _ => false,
        }
}

#[inline(always)]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    (a.first_chunk::<N>() == b.first_chunk()) & (a.last_chunk::<N>() == b.last_chunk())
}

/// Divides all hashes evenly among so many places, in their order.
#[inline]
fn place_among(hash: u64, places: usize) -> usize {
    let places = u64::try_from(places).unwrap_or(0);
    usize::try_from(((hash >> 32) * places) >> 32).unwrap_or(0)
}

/// Which of the buckets of a line.
#[inline(always)]
fn bucket_of(hash: u64) -> usize {
    let [_, bucket, ..] = hash.to_le_bytes();
    usize::from(bucket) % line::BUCKETS
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
        let long = [0, 0x9f, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
        let table = table(&[
            (&long, one),
            (&[0x41; 16], two),
            (&[0x42; 17], late),
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
            ("sixteen octets", &[0x41; 16], Some(two)),
            ("sixteen octets and a zero", &long, Some(one)),
            ("negative of those sixteen octets", &long[1..], None),
            ("seventeen octets", &[0x42; 17], Some(late)),
            ("absent sixteen octets", &[0x42; 16], None),
            ("absent", &[2], None),
            ("longer", &[1, 2, 3, 4], None),
            ("nothing", &[], None),
        ] {
            assert_eq!(table.find(serial), expected, "{case}");
        }
        assert_eq!(table.len(), 9);
    }

    #[test]
    fn a_date_beyond_those_of_records_is_kept_beside_others() {
        let early = listed(-631_152_000, Some(ReasonCode::Superseded));
        let (last, next) = (listed(3_663_815_295, None), listed(3_663_815_296, None));
        let first = listed(-62_167_219_200, Some(ReasonCode::KeyCompromise));
        for (case, wide) in [("after", next), ("before", first)] {
            let narrow = [(&[0x41; 16][..], early), (&[0x42; 16], last)];
            assert!(table(&narrow).groups.is_empty(), "{case}");
            let all = [narrow[0], (&[0x43; 16], wide), narrow[1]];
            let table = table(&all);
            assert_eq!(table.groups.len(), 1, "{case}");
            for (serial, expected) in all {
                assert_eq!(table.find(serial), Some(expected), "{case}");
            }
            assert_eq!(table.find(&[0x44; 16]), None, "{case}");
        }
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
    fn sequential_numbers_are_spread() {
        for length in [3, 4, 7, 8, 9, 12, 16, 17, 20] {
            let serial = |n: u32| {
                let mut serial = vec![0x35; length];
                serial[length - 3..].copy_from_slice(&(0x10_0000 + n).to_be_bytes()[1..]);
                serial
            };
            let serials: Vec<Vec<u8>> = (0..20_000).map(serial).collect();
            let entries: Vec<(&[u8], Revoked)> =
                serials.iter().map(|serial| (&serial[..], listed(1, None))).collect();
            let table = table(&entries);
            let lines = || table.groups().flat_map(|(_, group)| &group.lines);
            assert!(lines().all(|line| !line.is_sorted()), "{length} octets");
            assert!(serials.iter().all(|serial| table.find(serial).is_some()), "{length} octets");
        }
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
