//! A bounded memo that threads share without a lock.
//!
//! A table of buckets of eight slots; a key's first octets choose its bucket (they are uniformly
//! distributed, being a hash). Reading takes no lock and, for a key that is read often, writes
//! nothing, so that threads that ask for the same peer do not disturb one another.
//!
//! A slot is its key as four words and a version. A writer makes the version odd, stores the words,
//! and makes it even again; a reader that finds the same even version before and after reading the
//! words has read one key whole. Anything else is a miss: a memo may forget.
//!
//! A full bucket gives up a slot that nobody asked for since the hand last passed (the clock
//! algorithm), so that keys in use survive a stream of keys seen once. Somebody who can get many
//! signatures made under accepted keys could aim them at one bucket; that costs its peers the time of
//! a verification, no more.

use alloc::boxed::Box;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::{MemoKey, SignatureMemo};

/// A memo of bounded size, shared between threads without a lock. 41 bytes for each signature.
pub struct SharedMemo {
    /// INVARIANT: as many as a power of two.
    buckets: Box<[Bucket]>,
}

/// Slots of a bucket; as many as an octet has bits.
const WAYS: usize = 8;

#[derive(Default)]
struct Bucket {
    slots: [Slot; WAYS],
    /// One bit for each slot that was read since the hand last passed.
    touched: AtomicU8,
    /// Where the search for a slot to give up begins.
    hand: AtomicU8,
}

#[derive(Default)]
struct Slot {
    /// 0: never used; odd: being written.
    version: AtomicU64,
    words: [AtomicU64; 4],
}

impl SharedMemo {
    /// Makes a memo for about `capacity` signatures, rounded up to a power of two, at least eight.
    ///
    /// All its memory is taken at once; it never grows. The bound is of the caller's choosing: one
    /// signature for each certificate of the peers, intermediates and lists expected within a day.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        // An eighth of `usize::MAX`, rounded up, is a power of two: nothing overflows here.
        let buckets = capacity.div_ceil(WAYS).next_power_of_two();
        Self { buckets: (0..buckets).map(|_| Bucket::default()).collect() }
    }

    /// Returns how many signatures it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Counts the signatures that it holds; reads the whole table.
    #[must_use]
    pub fn count(&self) -> usize {
        let used = |slot: &&Slot| slot.version.load(Ordering::Relaxed) != 0;
        self.buckets.iter().map(|bucket| bucket.slots.iter().filter(used).count()).sum()
    }

    fn bucket(&self, words: [u64; 4]) -> Option<&Bucket> {
        // The count is a power of two.
        let mask = u64::try_from(self.buckets.len()).ok()?.wrapping_sub(1);
        let [first, ..] = words;
        self.buckets.get(usize::try_from(first & mask).ok()?)
    }
}

impl SignatureMemo for SharedMemo {
    fn contains(&self, key: &MemoKey) -> bool {
        let words = words(key);
        self.bucket(words).is_some_and(|bucket| bucket.find(words))
    }

    fn insert(&self, key: MemoKey) {
        let words = words(&key);
        if let Some(bucket) = self.bucket(words)
            && !bucket.find(words)
        {
            bucket.insert(words);
        }
    }
}

impl fmt::Debug for SharedMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemo").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl Bucket {
    fn find(&self, words: [u64; 4]) -> bool {
        let mut bit = 1_u8;
        for slot in &self.slots {
            if slot.holds(words) {
                // A store only where the bit is new keeps the line shared between readers.
                if self.touched.load(Ordering::Relaxed) & bit == 0 {
                    self.touched.fetch_or(bit, Ordering::Relaxed);
                }
                return true;
            }
            bit = bit.wrapping_shl(1);
        }
        false
    }

    fn insert(&self, words: [u64; 4]) {
        if let Some(free) = self.slots.iter().find(|slot| slot.version.load(Ordering::Relaxed) == 0)
            && free.write(words)
        {
            return;
        }
        let hand = usize::from(self.hand.fetch_add(1, Ordering::Relaxed));
        let touched = self.touched.load(Ordering::Relaxed);
        let places = (hand..hand + WAYS).map(|place| place % WAYS);
        let mut cold = places.filter(|place| touched & (1 << place) == 0);
        let place = cold.next().unwrap_or_else(|| {
            // All were asked for: each gets its second chance, and the hand decides.
            self.touched.store(0, Ordering::Relaxed);
            hand % WAYS
        });
        if let Some(slot) = self.slots.get(place) {
            slot.write(words);
        }
    }
}

impl Slot {
    fn holds(&self, words: [u64; 4]) -> bool {
        let before = self.version.load(Ordering::Acquire);
        if before == 0 || before & 1 == 1 {
            return false;
        }
        // Acquire: a word from a later writer makes that writer's odd version visible below.
        let same = self
            .words
            .iter()
            .zip(words)
            .fold(true, |same, (word, wanted)| same & (word.load(Ordering::Acquire) == wanted));
        same && self.version.load(Ordering::Relaxed) == before
    }

    /// Stores a key unless another thread is writing here; then the key is not remembered.
    fn write(&self, words: [u64; 4]) -> bool {
        let before = self.version.load(Ordering::Relaxed);
        let claimed = before & 1 == 0
            && self
                .version
                .compare_exchange(before, before + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if claimed {
            for (word, new) in self.words.iter().zip(words) {
                word.store(new, Ordering::Release);
            }
            self.version.store(before + 2, Ordering::Release);
        }
        claimed
    }
}

fn words(key: &MemoKey) -> [u64; 4] {
    let mut words = [0; 4];
    let (octets, _) = key.as_bytes().as_chunks::<8>();
    for (word, octets) in words.iter_mut().zip(octets) {
        *word = u64::from_be_bytes(*octets);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn key(number: u32) -> MemoKey {
        MemoKey(Sha256::digest(number.to_be_bytes()).into())
    }

    #[test]
    fn holds_what_was_inserted_and_nothing_else() {
        let memo = SharedMemo::with_capacity(1024);
        for number in 0..256 {
            assert!(!memo.contains(&key(number)), "{number} before");
            memo.insert(key(number));
            memo.insert(key(number));
            assert!(memo.contains(&key(number)), "{number} after");
        }
        assert_eq!(memo.count(), 256);
        assert!((256..10_000).all(|number| !memo.contains(&key(number))));
    }

    #[test]
    fn keys_are_compared_whole() {
        let memo = SharedMemo::with_capacity(8);
        memo.insert(key(1));
        for place in 0..32 {
            for bit in 0..8 {
                let mut other = key(1);
                other.0[place] ^= 1 << bit;
                assert!(!memo.contains(&other), "octet {place}, bit {bit}");
            }
        }
        assert!(memo.contains(&key(1)));
        assert!(!SharedMemo::with_capacity(8).contains(&MemoKey([0; 32])), "an empty slot");
    }

    #[test]
    fn capacity_is_a_bound() {
        for (asked, capacity) in [(0, 8), (1, 8), (8, 8), (9, 16), (1000, 1024)] {
            let memo = SharedMemo::with_capacity(asked);
            assert_eq!(memo.capacity(), capacity, "{asked} asked for");
            (0..5_000).for_each(|number| memo.insert(key(number)));
            assert_eq!(memo.count(), capacity, "{asked} asked for");
            let held = (0..5_000).filter(|&number| memo.contains(&key(number))).count();
            assert_eq!(held, capacity, "{asked} asked for");
        }
    }

    #[test]
    fn keys_in_use_survive_keys_seen_once() {
        let memo = SharedMemo::with_capacity(8);
        memo.insert(key(0));
        for number in 1..1_000 {
            assert!(memo.contains(&key(0)), "before {number}");
            memo.insert(key(number));
        }
        assert!(memo.contains(&key(0)));
        assert!(!memo.contains(&key(1)), "seen once");
    }

    #[cfg(feature = "std")]
    #[test]
    fn threads_share_it() {
        // Few slots and many keys: writers meet in every slot while readers look.
        let memo = SharedMemo::with_capacity(16);
        let keys: alloc::vec::Vec<MemoKey> = (0..64).map(key).collect();
        // Keys that a torn slot could look like: halves of two keys that share a bucket.
        let torn: alloc::vec::Vec<MemoKey> = keys
            .iter()
            .flat_map(|a| keys.iter().filter(move |b| *b != a).map(move |b| (a, b)))
            .map(|(a, b)| {
                let mut mixed = *a;
                mixed.0[16..].copy_from_slice(&b.0[16..]);
                mixed
            })
            .collect();
        std::thread::scope(|scope| {
            for start in 0..4 {
                let (memo, keys) = (&memo, &keys);
                scope.spawn(move || {
                    for round in 0..20_000 {
                        memo.insert(keys[(start * 16 + round * 7) % keys.len()]);
                    }
                });
            }
            for _ in 0..2 {
                let (memo, torn) = (&memo, &torn);
                scope.spawn(move || {
                    for _ in 0..10 {
                        assert!(torn.iter().all(|key| !memo.contains(key)));
                    }
                });
            }
        });
        assert_eq!(memo.count(), 16);
        assert_eq!(keys.iter().filter(|key| memo.contains(key)).count(), 16);
    }
}
