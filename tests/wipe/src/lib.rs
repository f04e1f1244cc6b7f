//! An allocator that looks for secrets in every block that is given back.
//!
//! A package of its own, since it needs `unsafe`, which the crate forbids.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;

/// The system's allocator, watched.
#[derive(Debug)]
pub struct Watched;

/// How many octets of a secret in a row count as a find.
const WINDOW: usize = 12;

static SECRETS: OnceLock<&'static [Vec<u8>]> = OnceLock::new();

thread_local! {
    static FOUND: Cell<usize> = const { Cell::new(0) };
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Says what is not to be found in memory that is given back.
///
/// # Panics
/// When called twice.
pub fn plant(secrets: Vec<Vec<u8>>) {
    SECRETS.set(Vec::leak(secrets)).expect("secrets are planted once");
}

/// Counts the blocks with a piece of a secret in them that this thread gives back in `work`.
pub fn found_in<T>(work: impl FnOnce() -> T) -> (T, usize) {
    FOUND.set(0);
    LOOKING.set(true);
    let result = work();
    LOOKING.set(false);
    (result, FOUND.get())
}

fn look(block: &[u8]) {
    // An allocator may be called while a thread ends.
    if !LOOKING.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    let Some(secrets) = SECRETS.get() else { return };
    let holds = |secret: &Vec<u8>| {
        secret
            .windows(WINDOW)
            .step_by(WINDOW)
            .any(|piece| block.windows(WINDOW).any(|window| window == piece))
    };
    if secrets.iter().any(holds) {
        FOUND.set(FOUND.get() + 1);
    }
}

// SAFETY: every call goes to the system's allocator as it came; blocks are only read, between their
// allocation, which zeroes them so that every octet is initialised, and their end.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as our caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as our caller promises, `block` is one of ours with this layout.
        unsafe {
            look(std::slice::from_raw_parts(block, layout.size()));
            System.dealloc(block, layout);
        }
    }

    // `realloc` is the default one: a new block, a copy, and a `dealloc` that looks at the old one.
}
