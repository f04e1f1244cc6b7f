//! Filling an entry table while its list is read.
//!
//! While the list is read, records go to regions of some thousands, by the uppermost bits, in one
//! piece of memory with room for as many as the list should have by what was read of it. In the end
//! each region is put in order by way of a copy, while it fits a processor's cache, and written
//! where the one before it ends; the room that is left is given back. So nothing is allocated
//! twice, and the most that is held is little more than what stays. Where the expectation was
//! wrong, all is moved to a larger piece.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::line::{BUCKETS, Line, RECORDS};
use super::record::Layout;
use super::{EntryTable, Group, Shape, bucket_of, hash, place_among, tag_of, widen};
use crate::revocation::answer::Revoked;
use crate::x509::{ReasonCode, Time};

/// Takes entries in the order of the list.
#[derive(Debug)]
pub(in crate::revocation) struct EntryTableBuilder {
    /// Bytes that all entries of the list have.
    total: usize,
    shapes: BTreeMap<Shape, usize>,
    groups: Vec<GroupBuilder>,
    /// The shape of the last entry, which the next one most often has.
    last: Option<(Shape, usize)>,
}

impl EntryTableBuilder {
    /// Prepares for a list whose entries have `total` bytes.
    pub(in crate::revocation) const fn new(total: usize) -> Self {
        Self { total, shapes: BTreeMap::new(), groups: Vec::new(), last: None }
    }

    /// Files an entry, when `read` bytes of the entries were read.
    #[inline(always)]
    pub(in crate::revocation) fn add(&mut self, serial: &[u8], listed: Revoked, read: usize) {
        let (shape, key) = match serial {
            [1..0x80, ..] if serial.len() == Shape::USUAL.length => (Shape::USUAL, serial),
            _ => Shape::of(serial),
        };
        let at = match self.last {
            Some((last, at)) if last == shape => at,
            _ => self.group_of(shape),
        };
        if let Some(group) = self.groups.get_mut(at) {
            group.add(key, listed, (read, self.total));
        }
    }

    #[cold]
    fn group_of(&mut self, shape: Shape) -> usize {
        let next = self.groups.len();
        let at = *self.shapes.entry(shape).or_insert(next);
        if at == next {
            let layout = Layout { key_length: shape.length, wide: false };
            self.groups.push(GroupBuilder::new(layout, 1, 0));
        }
        self.last = Some((shape, at));
        at
    }

    /// Puts all in order.
    pub(in crate::revocation) fn finish(self) -> EntryTable {
        let mut groups: Vec<Option<GroupBuilder>> = self.groups.into_iter().map(Some).collect();
        let groups = self
            .shapes
            .into_iter()
            .filter_map(|(shape, at)| Some((shape, groups.get_mut(at)?.take()?.finish())));
        let is_usual = |(shape, group): &mut (Shape, Group)| {
            *shape == Shape::USUAL && group.layout == Layout::USUAL
        };
        let mut groups: Vec<(Shape, Group)> = groups.collect();
        let usual = groups.extract_if(.., is_usual).next().map(|(_, group)| group);
        EntryTable { usual: usual.unwrap_or_default(), groups }
    }
}

/// Records of one shape, by region.
#[derive(Debug)]
struct GroupBuilder {
    layout: Layout,
    regions: Vec<Region>,
    /// Records that a region has room for.
    room: usize,
    /// Regions one after the other, what is not used of them included.
    records: Vec<u8>,
    /// One region grew out of proportion: there is one only.
    uneven: bool,
}

/// Places in the octets of all records.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: usize,
    /// Where the next record goes.
    next: usize,
    end: usize,
}

/// Records that a region should have.
const REGION: usize = 4_096;
/// Records from which on the number of all is told by the share of the list that was read.
const SAMPLE: usize = 1_024;

impl GroupBuilder {
    /// Regions with room for so many records each.
    fn new(layout: Layout, regions: usize, room: usize) -> Self {
        let length = room * layout.stride();
        let region = |number: usize| {
            let start = number * length;
            Region { start, next: start, end: start + length }
        };
        let regions: Vec<Region> = (0..regions).map(region).collect();
        let records = vec![0; regions.len() * length];
        Self { layout, regions, room, records, uneven: false }
    }

    #[inline(always)]
    fn add(&mut self, key: &[u8], listed: Revoked, progress: (usize, usize)) {
        let Revoked { reason, at, invalidity } = listed;
        match key.first_chunk::<16>() {
            Some(key) if self.layout == Layout::USUAL && Layout::USUAL.holds(&listed) => {
                self.put(Layout::USUAL, key, &listed, progress);
            }
            // In parts, which then stay in registers until here.
            _ => self.add_unusual(key, reason, at, invalidity, progress),
        }
    }

    #[inline(never)]
    fn add_unusual(
        &mut self,
        key: &[u8],
        reason: Option<ReasonCode>,
        at: Time,
        invalidity: Option<Time>,
        progress: (usize, usize),
    ) {
        let listed = Revoked { reason, at, invalidity };
        if !self.layout.holds(&listed) {
            let layout = Layout { wide: true, ..self.layout };
            self.relay(layout, self.regions.len(), self.room);
        }
        self.put(self.layout, key, &listed, progress);
    }

    /// Writes a record; the layout is that of the group.
    #[inline(always)]
    fn put(&mut self, layout: Layout, key: &[u8], listed: &Revoked, progress: (usize, usize)) {
        let hash = hash(key);
        let place = loop {
            match self.place(layout, hash) {
                Some(start) => break start..start + layout.stride(),
                None => self.grow(progress),
            }
        };
        if let Some(place) = self.records.get_mut(place)
            && let Some((place, payload)) = place.split_at_mut_checked(layout.key_length)
        {
            copy(place, key);
            layout.encode(payload, listed);
        }
    }

    fn count(&self) -> usize {
        self.regions.iter().map(|region| region.next - region.start).sum::<usize>()
            / self.layout.stride()
    }

    /// Where one more record goes; nothing where its region is full.
    #[inline(always)]
    fn place(&mut self, layout: Layout, hash: u64) -> Option<usize> {
        let number = place_among(hash, self.regions.len());
        let region = self.regions.get_mut(number)?;
        let start = region.next;
        if start == region.end {
            return None;
        }
        region.next = start + layout.stride();
        Some(start)
    }

    /// Makes room for as many more records as the list should have, and for one at least.
    #[cold]
    fn grow(&mut self, (read, total): (usize, usize)) {
        let count = self.count();
        // Half empty, and one region is full: by intent, or the hash is bad.
        self.uneven |= count < self.regions.len() * self.room / 2;
        let by_share = count.saturating_mul(total) / read.max(1);
        let expected = match count {
            SAMPLE.. if !self.uneven => by_share.max(count + count / 2),
            _ => (4 * count).max(64),
        };
        let regions = match self.uneven {
            true => 1,
            false => (expected / REGION).clamp(1, 256),
        };
        // Random numbers are spread so evenly that a sixteenth more is enough.
        let room = expected.div_ceil(regions);
        self.relay(self.layout, regions, room + room / 16);
    }

    /// Moves all records.
    fn relay(&mut self, layout: Layout, regions: usize, room: usize) {
        let mut next = Self { uneven: self.uneven, ..Self::new(layout, regions, room) };
        if !next.take(self) {
            let count = self.count();
            next = Self { uneven: true, ..Self::new(layout, 1, 2 * count) };
            next.take(self);
        }
        *self = next;
    }

    /// Takes the records of another; whether there was room.
    fn take(&mut self, other: &Self) -> bool {
        let (layout, stride) = (self.layout, other.layout.stride());
        let regions = other.regions.iter();
        let octets = regions.filter_map(|region| other.records.get(region.start..region.next));
        let mut records = octets.flat_map(|octets| octets.chunks_exact(stride));
        records.all(|record| {
            let Some(start) = self.place(layout, hash(other.layout.key_of(record))) else {
                return false;
            };
            if let Some(place) = self.records.get_mut(start..start + layout.stride()) {
                if layout == other.layout {
                    copy(place, record);
                } else if let Some((place, payload)) = place.split_at_mut_checked(layout.key_length)
                    && let Some(listed) = other.layout.decode(record)
                {
                    copy(place, other.layout.key_of(record));
                    layout.encode(payload, &listed);
                }
            }
            true
        })
    }

    /// Puts the regions in order, each where the one before it ends.
    fn finish(self) -> Group {
        match self.layout {
            Layout::USUAL => self.arrange(Layout::USUAL),
            layout => self.arrange(layout),
        }
    }

    /// The same; the layout is that of the group.
    #[inline(always)]
    fn arrange(self, layout: Layout) -> Group {
        let total = self.count();
        let Self { regions, mut records, .. } = self;
        let stride = layout.stride();
        let lines_in_region = total.div_ceil(RECORDS * regions.len().max(1)).max(1);
        let lines_in_all = lines_in_region * regions.len();
        let mut lines = Vec::with_capacity(lines_in_all);
        let (mut scratch, mut places, mut tags) = (Vec::new(), Vec::<(u32, u8)>::new(), Vec::new());
        // Of the buckets of a region, and one more.
        let mut edges = vec![0_u32; BUCKETS * lines_in_region + 1];
        let mut end = 0;
        for (number, region) in regions.into_iter().enumerate() {
            scratch.clear();
            scratch.extend_from_slice(records.get(region.start..region.next).unwrap_or_default());
            let first = number * lines_in_region;
            edges.fill(0);
            places.clear();
            places.resize(scratch.len() / stride, (0, 0));
            // A loop, which knows the layout; what extends a vector stands apart and does not.
            for (record, place) in scratch.chunks_exact(stride).zip(&mut places) {
                let hash = hash(layout.key_of(record));
                let line = place_among(hash, lines_in_all) - first;
                let bucket = BUCKETS * line + bucket_of(hash);
                if let Some(count) = edges.get_mut(bucket) {
                    *count += 1;
                }
                // Buckets, like records, are counted in 32 bits.
                *place = (u32::try_from(bucket).unwrap_or(u32::MAX), tag_of(hash));
            }
            let start = widen(end);
            for edge in &mut edges {
                end += *edge;
                *edge = end;
            }
            tags.resize(places.len(), 0);
            // From their ends, buckets fill towards their beginnings.
            for (record, &(bucket, tag)) in scratch.chunks_exact(stride).zip(&places) {
                let Some(edge) = edges.get_mut(widen(bucket)) else { continue };
                *edge = edge.saturating_sub(1);
                let number = widen(*edge);
                if let Some(place) = tags.get_mut(number.wrapping_sub(start)) {
                    *place = tag;
                }
                if let Some(target) = records.get_mut(number * stride..number * stride + stride) {
                    copy(target, record);
                }
            }
            lines.extend(edges.windows(BUCKETS + 1).step_by(BUCKETS).filter_map(|edges| {
                let edges: &[u32; BUCKETS + 1] = edges.first_chunk()?;
                let [first, ..] = *edges;
                Some(Line::new(edges, tags.get(widen(first) - start..)?))
            }));
        }
        records.truncate(total * stride);
        let (lines, records) = (lines.into_boxed_slice(), records.into_boxed_slice());
        let mut group = Group { layout, lines, records };
        group.sort_lines();
        group
    }
}

/// Copies between slices of one length; the usual ones without a call.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        8..16 => copy_ends::<8>(to, from),
        16..=32 => copy_ends::<16>(to, from),
        _ => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// Copies slices of `N` to 2 `N` octets.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_chosen_for_one_region_cost_no_more_memory() {
        const COUNT: usize = 2 * REGION;
        let keys = (0_u64..).map(|n| [&[0x40][..], &[0; 7], &n.to_be_bytes()].concat());
        let keys: Vec<Vec<u8>> =
            keys.filter(|key| place_among(hash(key), 256) == 3).take(COUNT).collect();
        let listed = Revoked { reason: None, at: Time::from_unix(1), invalidity: None };
        let mut builder = EntryTableBuilder::new(40_000_000);
        for (n, key) in keys.iter().enumerate() {
            builder.add(key, listed, 40 * n + 40);
        }
        assert!(builder.groups.iter().all(|group| group.records.len() < 8 * COUNT * 22));
        let table = builder.finish();
        assert_eq!(table.len(), COUNT);
        assert!(keys.iter().all(|key| table.find(key).is_some()));
        assert_eq!(table.find(&[0x41; 16]), None);
    }
}
