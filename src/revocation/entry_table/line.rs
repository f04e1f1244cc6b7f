//! What a question looks at before it looks at a record: one line of a processor's cache.
//!
//! A line is for sixteen buckets of records that stand side by side, some 36 in all. It has a tag for
//! each record, an octet of its hash, as far as there is room; where the first record stands among
//! all; and where each bucket begins and ends, counted from there. Within a bucket, records are in no
//! order. Where one of the sixteen is too large to be scanned, all records of the line are sorted
//! instead.

use core::ops::Range;

use super::widen;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Line([u8; LINE]);

const LINE: usize = 64;
/// Buckets of a line.
pub(super) const BUCKETS: usize = 16;
/// Records that a line should have.
pub(super) const RECORDS: usize = 36;
/// Tags that a line has room for; buckets whose tags have none are scanned.
const TAGS: usize = 43;
/// Where the edges of buckets stand, behind the number of the first record.
const EDGES: usize = TAGS + 4;
/// Tags that are compared at once; nearly all buckets have fewer.
const WINDOW: usize = 8;
/// Buckets up to this many records may be scanned.
const SCANNED: u32 = 15;
/// Every edge of a line whose records are sorted.
const SORTED: u8 = 0xff;

impl Line {
    /// A line from where its buckets begin and the last one ends, counted among all records, and the
    /// tags from there on.
    pub(super) fn new(edges: &[u32; BUCKETS + 1], tags: &[u8]) -> Self {
        let mut line = [0; LINE];
        let [start, ends @ ..] = edges;
        let large = edges.iter().zip(ends).any(|(begin, end)| end - begin > SCANNED);
        let edge = |edge: &u32| match large {
            true => SORTED,
            false => u8::try_from(edge - start).unwrap_or(SORTED),
        };
        let (to_tags, rest) = line.split_at_mut(TAGS);
        let (to_start, to_edges) = rest.split_at_mut(EDGES - TAGS);
        to_tags.iter_mut().zip(tags).for_each(|(to, tag)| *to = *tag);
        to_start.copy_from_slice(&start.to_le_bytes());
        to_edges.iter_mut().zip(edges.iter().map(edge)).for_each(|(to, edge)| *to = edge);
        Self(line)
    }

    /// The number of the first record among all.
    #[inline(always)]
    pub(super) fn start(&self) -> usize {
        let start = self.0.get(TAGS..EDGES).and_then(<[u8]>::first_chunk);
        widen(start.map_or(0, |start| u32::from_le_bytes(*start)))
    }

    /// Whether the records are sorted, whatever their buckets.
    pub(super) fn is_sorted(&self) -> bool {
        self.0.get(EDGES) == Some(&SORTED)
    }

    /// Where a bucket begins and ends, counted from the first record.
    #[inline(always)]
    pub(super) fn bucket(&self, number: usize) -> Option<Range<usize>> {
        let &[begin, end] = self.0.get(EDGES + number..)?.first_chunk()?;
        Some(begin.into()..end.into())
    }

    /// The records of a bucket that have a tag, or may have; nothing where tags do not say.
    #[inline(always)]
    pub(super) fn hits(&self, bucket: &Range<usize>, tag: u8) -> Option<Hits> {
        if bucket.end > TAGS {
            return None;
        }
        let of_bucket = FIRST.get(bucket.end.wrapping_sub(bucket.start))?;
        let window = self.0.get(bucket.start..bucket.start + WINDOW)?.first_chunk()?;
        Some(Hits(equal_octets(*window, tag) & of_bucket))
    }
}

/// Places within a window: the uppermost bit of each octet that is one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hits(u64);

impl Hits {
    #[inline(always)]
    pub(super) const fn first(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(widen(self.0.trailing_zeros() / 8)) }
    }

    /// Whether there is no second one.
    #[inline(always)]
    pub(super) const fn is_one(self) -> bool {
        self.0 & self.0.wrapping_sub(1) == 0
    }
}

/// The uppermost bit of each octet that is `octet`, and of some that stand behind one.
#[inline(always)]
const fn equal_octets(octets: [u8; WINDOW], octet: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WINDOW]);
    let differ = u64::from_le_bytes(octets) ^ u64::from_le_bytes([octet; WINDOW]);
    // Of those that are zero.
    differ.wrapping_sub(ONES) & !differ & ONES << 7
}

/// The bits of so many first octets.
const FIRST: [u64; WINDOW + 1] = [
    0,
    0xff,
    0xffff,
    0xff_ffff,
    0xffff_ffff,
    0xff_ffff_ffff,
    0xffff_ffff_ffff,
    0xff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_find_the_places_of_their_bucket() {
        let tags: [u8; 60] = core::array::from_fn(|n| u8::try_from(n / 2 * 4).unwrap());
        let edges = [0, 0, 3, 11, 20, 20, 20, 28, 30, 37, 40, 43, 46, 46, 50, 55, 60];
        let line = Line::new(&edges.map(|edge| 70 + edge), &tags);
        assert_eq!((line.start(), line.is_sorted()), (70, false));
        for (case, number, bucket, tag, expected) in [
            ("none", 0, 0..0, 0, Some((None, true))),
            ("two", 1, 0..3, 0, Some((Some(0), false))),
            ("its own only", 1, 0..3, 4, Some((Some(2), true))),
            ("a whole window", 2, 3..11, 20, Some((Some(7), true))),
            ("too many for a window", 3, 11..20, 24, None),
            ("up to the last tag", 10, 40..43, 80, Some((Some(0), false))),
            ("beyond the last tag", 11, 43..46, 88, None),
            ("the last", 15, 55..60, 112, None),
        ] {
            assert_eq!(line.bucket(number), Some(bucket.clone()), "{case}");
            let hits = line.hits(&bucket, tag);
            assert_eq!(hits.map(|hits| (hits.first(), hits.is_one())), expected, "{case}");
        }
    }

    #[test]
    fn a_large_bucket_has_its_line_sorted() {
        let line = |size: u32| {
            let mut edges = [4; BUCKETS + 1];
            edges[BUCKETS] = 4 + size;
            Line::new(&edges, &[])
        };
        assert!(!line(SCANNED).is_sorted());
        for size in [SCANNED + 1, 1_000_000] {
            let line = line(size);
            assert!(line.is_sorted());
            assert!(line.hits(&line.bucket(0).unwrap(), 0).is_none());
        }
    }
}
