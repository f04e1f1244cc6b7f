//! A bounded map that forgets what was not asked for longest, roughly: two generations of half the
//! capacity, the older one dropped when the younger one is full.

use core::borrow::Borrow;
use core::hash::Hash;
use core::mem;
use std::collections::HashMap;

pub(crate) struct Bounded<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { half: capacity.div_ceil(2).max(1), young: HashMap::new(), old: HashMap::new() }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(crate) const fn capacity(&self) -> usize {
        2 * self.half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays() {
        let mut map = Bounded::with_capacity(4);
        for key in 0..100 {
            map.insert(key, key);
            assert_eq!(map.get(&0), Some(&0), "after {key}");
            assert!(map.young.len() + map.old.len() <= 4);
        }
        assert_eq!(map.get(&50), None);
        map.insert(0, 7);
        assert_eq!(map.get(&0), Some(&7), "the newer value");
        map.remove(&0);
        assert_eq!(map.get(&0), None);
    }
}
