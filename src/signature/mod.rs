//! Signatures: the backend trait, algorithm sets, key and algorithm policy, the memo.
