//! A bounded table that threads share without a lock.
//!
//! Buckets of four slots; a tag, which its user makes of what is looked for, chooses the bucket. A slot
//! is an `Arc` that is swapped whole, beside its tag, which is a hint: whoever looks compares what it
//! finds. A full bucket gives up a slot that nobody found since the hand last passed (the clock
//! algorithm), so that what is in use survives a stream of what is seen once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

/// Values by tags.
pub(crate) struct SharedTable<T> {
    /// INVARIANT: as many as a power of two.
    buckets: Box<[Bucket<T>]>,
}

/// Slots of a bucket.
const WAYS: usize = 4;

struct Bucket<T> {
    tags: [AtomicU64; WAYS],
    slots: [ArcSwapOption<T>; WAYS],
    /// One bit for each slot that was found since the hand last passed.
    touched: AtomicU8,
    hand: AtomicU8,
}

impl<T> SharedTable<T> {
    /// Makes a table of `capacity` slots, rounded up to a power of two, at least four: 17 bytes each
    /// and what stands in them.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        // A quarter of `usize::MAX`, rounded up, is a power of two: nothing overflows here.
        let buckets = capacity.div_ceil(WAYS).next_power_of_two();
        let empty = || Bucket {
            tags: Default::default(),
            slots: Default::default(),
            touched: AtomicU8::new(0),
            hand: AtomicU8::new(0),
        };
        Self { buckets: (0..buckets).map(|_| empty()).collect() }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Looks at the whole table.
    pub(crate) fn count(&self) -> usize {
        let used = |slot: &&ArcSwapOption<T>| slot.load().is_some();
        self.buckets.iter().map(|bucket| bucket.slots.iter().filter(used).count()).sum()
    }

    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.slots.iter().for_each(|slot| slot.store(None));
        }
    }

    fn bucket(&self, tag: u64) -> Option<&Bucket<T>> {
        // The count is a power of two.
        let mask = u64::try_from(self.buckets.len()).ok()?.wrapping_sub(1);
        self.buckets.get(usize::try_from(tag & mask).ok()?)
    }

    /// Hands the value with this tag that is the one looked for to `then`, and returns what that
    /// makes of it. No counter is touched, so that threads that find the same do not disturb one
    /// another.
    pub(crate) fn find<R>(
        &self,
        tag: u64,
        is_it: impl Fn(&T) -> bool,
        then: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let bucket = self.bucket(tag)?;
        let mut bit = 1_u8;
        for (held, slot) in bucket.tags.iter().zip(&bucket.slots) {
            if held.load(Ordering::Relaxed) == tag
                && let Some(value) = &*slot.load()
                && is_it(value)
            {
                // A store only where the bit is new keeps the line shared between readers.
                if bucket.touched.load(Ordering::Relaxed) & bit == 0 {
                    bucket.touched.fetch_or(bit, Ordering::Relaxed);
                }
                return Some(then(value));
            }
            bit = bit.wrapping_shl(1);
        }
        None
    }

    /// Adds a value that was not found.
    pub(crate) fn insert(&self, tag: u64, value: T) {
        let Some(bucket) = self.bucket(tag) else { return };
        let empty = bucket.slots.iter().position(|slot| slot.load().is_none());
        let place = empty.unwrap_or_else(|| bucket.to_give_up());
        if let (Some(held), Some(slot)) = (bucket.tags.get(place), bucket.slots.get(place)) {
            held.store(tag, Ordering::Relaxed);
            slot.store(Some(Arc::new(value)));
        }
    }
}

impl<T> Bucket<T> {
    /// The first slot from the hand on that nobody asked for since it last passed.
    fn to_give_up(&self) -> usize {
        let hand = usize::from(self.hand.fetch_add(1, Ordering::Relaxed));
        let touched = self.touched.load(Ordering::Relaxed);
        let mut places = (hand..hand + WAYS).map(|place| place % WAYS);
        places.find(|place| touched & (1 << place) == 0).unwrap_or_else(|| {
            // All were asked for: each gets its second chance, and the hand decides.
            self.touched.store(0, Ordering::Relaxed);
            hand % WAYS
        })
    }
}

impl<T> fmt::Debug for SharedTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTable").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// A tag of octets that are distributed evenly, such as those of a signature or a key, but perhaps
/// for their last few.
pub(crate) fn tag(octets: &[u8]) -> u64 {
    let chunk = |octets: &[u8]| octets.last_chunk().map_or(0, |tail| u64::from_be_bytes(*tail));
    let before =
        octets.split_at_checked(octets.len().saturating_sub(8)).map_or(0, |(b, _)| chunk(b));
    let mixed = (chunk(octets) ^ before.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_use_survive_and_others_are_given_up() {
        for (asked, capacity) in [(0, 4), (4, 4), (5, 8), (100, 128)] {
            assert_eq!(SharedTable::<u32>::with_capacity(asked).capacity(), capacity, "{asked}");
        }
        let table = SharedTable::with_capacity(4);
        table.insert(7, 0_u32);
        for number in 1..100 {
            assert_eq!(table.find(7, |&held| held == 0, |&held| held), Some(0), "before {number}");
            assert_eq!(table.find(7, |&held| held == number, |_| ()), None);
            table.insert(7, number);
            assert!(table.count() <= 4);
        }
        assert_eq!(table.find(8, |_| true, |_| ()), None, "another tag");
        table.clear();
        assert_eq!((table.count(), table.find(7, |_| true, |_| ())), (0, None));
    }

    #[test]
    fn keys_that_end_alike_have_tags_of_their_own() {
        let rsa = |octet: u8| [&[octet; 9][..], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        assert_ne!(tag(&rsa(1)), tag(&rsa(2)));
        assert_ne!(tag(b"short"), tag(b"12345678"));
    }
}
