//! The entries of a revocation list as a table that answers one question: is this serial listed?
//!
//! The bytes of a list are large (some 42 bytes an entry) and most of them say nothing. The table
//! keeps what an answer needs: the serial number in full, so that an answer is exact; date and
//! reason; the invalidity date where the list has any. A record is 22 bytes for a serial of 16.
//!
//! Records of one length stand in regions of some thousands, by the upper bits of a hash, and
//! within a region in buckets, about four to a bucket, by the next bits. Records are appended to
//! their regions while the list is read, in blocks, so that nothing is copied for growth; a region
//! is put in order when all is read, while it fits a processor's cache, and its blocks go before
//! the next one is begun. The hash needs no key: a bucket that grew large, by chance or by intent,
//! is sorted and searched by halves.
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

/// Takes entries in the order of the list.
#[derive(Debug)]
pub(super) struct EntryTableBuilder {
    expected: usize,
    shapes: BTreeMap<Shape, usize>,
    groups: Vec<GroupBuilder>,
    /// The shape of the last entry, which the next one most often has.
    last: Option<(Shape, usize)>,
}

impl EntryTableBuilder {
    /// Prepares for about `expected` entries.
    pub(super) const fn new(expected: usize) -> Self {
        Self { expected, shapes: BTreeMap::new(), groups: Vec::new(), last: None }
    }

    #[inline]
    pub(super) fn add(&mut self, serial: &[u8], listed: &Listed) {
        let (shape, key) = Shape::of(serial);
        let at = match self.last {
            Some((last, at)) if last == shape => at,
            _ => self.group_of(shape),
        };
        if let Some(group) = self.groups.get_mut(at) {
            group.add(key, listed);
        }
    }

    #[cold]
    fn group_of(&mut self, shape: Shape) -> usize {
        let next = self.groups.len();
        let at = *self.shapes.entry(shape).or_insert(next);
        if at == next {
            // Regions are worth their room for the few shapes that honest lists have.
            let expected = if next < 4 { self.expected } else { 0 };
            self.groups.push(GroupBuilder::new(shape.length, expected));
        }
        self.last = Some((shape, at));
        at
    }

    /// Puts all in order.
    pub(super) fn finish(self) -> EntryTable {
        let mut groups: Vec<Option<GroupBuilder>> = self.groups.into_iter().map(Some).collect();
        let groups = self
            .shapes
            .into_iter()
            .filter_map(|(shape, at)| Some((shape, groups.get_mut(at)?.take()?.finish())));
        EntryTable { groups: groups.collect() }
    }
}

/// Records of one shape, by region.
#[derive(Debug)]
struct GroupBuilder {
    layout: Layout,
    regions: Vec<Blocks>,
}

/// The records of a region as they came.
#[derive(Debug, Default)]
struct Blocks {
    full: Vec<Vec<u8>>,
    current: Vec<u8>,
}

/// Where the parts of a record stand, and which region it is in.
#[derive(Clone, Copy, Debug)]
struct Layout {
    key_length: usize,
    with_invalidity: bool,
    region_bits: u32,
}

impl Layout {
    #[inline]
    const fn stride(self) -> usize {
        self.key_length + PAYLOAD + if self.with_invalidity { INVALIDITY } else { 0 }
    }

    #[inline]
    fn region(self, hash: u64) -> usize {
        upper_bits(hash, self.region_bits)
    }
}

/// Records that a region should have.
const REGION: usize = 4_096;
/// Bytes of a block.
const BLOCK: usize = 4_096;

impl GroupBuilder {
    fn new(key_length: usize, expected: usize) -> Self {
        let regions = (expected / REGION).clamp(1, 256).next_power_of_two();
        let region_bits = regions.trailing_zeros();
        Self {
            layout: Layout { key_length, with_invalidity: false, region_bits },
            regions: (0..regions).map(|_| Blocks::default()).collect(),
        }
    }

    #[inline]
    fn add(&mut self, key: &[u8], listed: &Listed) {
        if listed.invalidity.is_some() && !self.layout.with_invalidity {
            self.widen();
        }
        let stride = self.layout.stride();
        let Some(blocks) = self.regions.get_mut(self.layout.region(hash(key))) else { return };
        if blocks.current.len() + stride > BLOCK && !blocks.current.is_empty() {
            blocks.full.push(core::mem::replace(
                &mut blocks.current,
                Vec::with_capacity(BLOCK.max(stride)),
            ));
        }
        blocks.current.extend_from_slice(key);
        blocks.current.extend_from_slice(&encode(listed));
        if self.layout.with_invalidity {
            blocks.current.extend_from_slice(&encode_time(listed.invalidity));
        }
    }

    /// Makes room for invalidity dates, when the first one comes.
    #[cold]
    fn widen(&mut self) {
        let stride = self.layout.stride();
        self.layout.with_invalidity = true;
        for blocks in &mut self.regions {
            for block in blocks.full.iter_mut().chain([&mut blocks.current]) {
                let wide = block
                    .chunks_exact(stride)
                    .flat_map(|record| record.iter().copied().chain(encode_time(None)));
                *block = wide.collect();
            }
        }
    }

    fn finish(self) -> Group {
        let layout = self.layout;
        let regions = self.regions.into_iter().map(|blocks| Region::of(layout, blocks));
        Group { layout, regions: regions.collect() }
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

    /// Calls `each` with every serial number, as content octets of the INTEGER; more than once with
    /// those that are listed more than once.
    pub(super) fn serials(&self, mut each: impl FnMut(&[u8])) {
        let mut content = Vec::new();
        for (shape, group) in &self.groups {
            let stride = group.layout.stride();
            let records = group.regions.iter().flat_map(|r| r.records.chunks_exact(stride));
            for key in records.map(|record| key_of(group.layout, record)) {
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
        self.groups.values().map(Group::len).sum()
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let regions = self.groups.values().flat_map(|group| &group.regions);
        let of = |region: &Region| {
            size_of::<Region>() + region.records.capacity() + 4 * region.directory.capacity()
        };
        regions.map(of).sum()
    }
}

/// The records of one shape.
#[derive(Debug)]
struct Group {
    layout: Layout,
    regions: Vec<Region>,
}

/// Records in buckets.
#[derive(Debug)]
struct Region {
    /// Where each bucket begins, counted in records, and where the last one ends.
    directory: Vec<u32>,
    bucket_bits: u32,
    records: Vec<u8>,
}

/// Buckets up to this many records are scanned, larger ones are sorted.
const SCANNED: usize = 16;
/// Date and reason.
const PAYLOAD: usize = 6;
/// An invalidity date.
const INVALIDITY: usize = 5;

impl Group {
    fn len(&self) -> usize {
        self.regions.iter().map(|region| region.records.len()).sum::<usize>() / self.layout.stride()
    }

    #[inline]
    fn find(&self, key: &[u8]) -> Option<Listed> {
        let hash = hash(key);
        let record = self.regions.get(self.layout.region(hash))?.find(self.layout, hash, key)?;
        self.decode(record)
    }

    fn decode(&self, record: &[u8]) -> Option<Listed> {
        let payload = record.get(self.layout.key_length..)?;
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
}

impl Region {
    /// Puts the records of a region into buckets.
    fn of(layout: Layout, blocks: Blocks) -> Self {
        let stride = layout.stride();
        let blocks: Vec<Vec<u8>> = blocks.full.into_iter().chain([blocks.current]).collect();
        let length = blocks.iter().map(Vec::len).sum::<usize>();
        let buckets = (length / stride / 4).max(1).next_power_of_two();
        let bucket_bits = buckets.trailing_zeros();
        let mut region =
            Self { directory: vec![0; buckets + 1], bucket_bits, records: vec![0; length] };
        let records = || blocks.iter().flat_map(|block| block.chunks_exact(stride));
        let bucket_of =
            |record: &[u8]| region_bucket(layout, bucket_bits, hash(key_of(layout, record)));
        for record in records() {
            if let Some(count) = region.directory.get_mut(bucket_of(record)) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for place in &mut region.directory {
            sum += *place;
            *place = sum;
        }
        // From their ends, buckets fill towards their beginnings.
        for record in records() {
            let Some(place) = region.directory.get_mut(bucket_of(record)) else { continue };
            *place = place.saturating_sub(1);
            let start = widen(*place) * stride;
            if let Some(target) = region.records.get_mut(start..start + stride) {
                target.copy_from_slice(record);
            }
        }
        region.sort_large_buckets(stride);
        region
    }

    #[inline]
    fn find(&self, layout: Layout, hash: u64, key: &[u8]) -> Option<&[u8]> {
        let stride = layout.stride();
        let bucket = region_bucket(layout, self.bucket_bits, hash);
        let &[start, end] = self.directory.get(bucket..)?.first_chunk()?;
        let records = self.records.get(widen(start) * stride..widen(end) * stride)?;
        if records.len() <= SCANNED * stride {
            // Of one serial number, the least record counts.
            let same = |record: &&[u8]| key_of(layout, record) == key;
            return records.chunks_exact(stride).filter(same).min();
        }
        let (mut low, mut high) = (0, records.len() / stride);
        while low < high {
            let middle = low.midpoint(high);
            let record = records.get(middle * stride..)?;
            if key_of(layout, record) < key { low = middle + 1 } else { high = middle }
        }
        let record = records.get(low * stride..)?.get(..stride)?;
        (key_of(layout, record) == key).then_some(record)
    }

    fn sort_large_buckets(&mut self, stride: usize) {
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

#[inline]
fn key_of(layout: Layout, record: &[u8]) -> &[u8] {
    record.get(..layout.key_length).unwrap_or_default()
}

/// The bits of the hash below those that chose the region.
#[inline]
fn region_bucket(layout: Layout, bucket_bits: u32, hash: u64) -> usize {
    upper_bits(hash << layout.region_bits, bucket_bits)
}

#[inline]
fn upper_bits(hash: u64, bits: u32) -> usize {
    usize::try_from(hash.checked_shr(64 - bits).unwrap_or(0)).unwrap_or(0)
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
        // Regions as of a large list, whatever the number.
        let mut builder = EntryTableBuilder::new(16 * REGION);
        entries.iter().for_each(|(serial, listed)| builder.add(serial, listed));
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
}
