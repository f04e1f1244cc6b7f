//! A program without the standard library that decides on a peer.
//!
//! It has its own panic handler and its own allocator. Were `std` linked, by this crate or by
//! anything below it, the build would fail: there would be two panic handlers. Of the operating
//! system it uses what the C start-up code calls and what `memcpy` and its like need.
//!
//! Exit status 0 means: the right peer is accepted, and the same peer under another name, at
//! another time and with a bit of its signature flipped is refused, each for its own reason.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use bonafide::policy::ValidationPolicy;
use bonafide::signature::SignatureBackend;
use bonafide::trust::{TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

const ROOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/root.der"));
const INTERMEDIATE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/intermediate.der"));
const LEAF: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/leaf.der"));

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let mut forged = LEAF.to_vec();
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let cases = [
        (LEAF, "dns:leaf.example.test", "2026-07-01T00:00:00Z", "accepted"),
        (LEAF, "dns:other.example.test", "2026-07-01T00:00:00Z", "identity.name-mismatch"),
        (LEAF, "dns:leaf.example.test", "2050-01-01T00:00:00Z", "validity.expired"),
        (&forged, "dns:leaf.example.test", "2026-07-01T00:00:00Z", "signature.invalid"),
    ];
    for ((leaf, name, time, code), failure) in cases.into_iter().zip(1..) {
        if decide(leaf, name, time) != Some(code) {
            return failure;
        }
    }
    0
}

fn decide(leaf: &[u8], name: &str, time: &str) -> Option<&'static str> {
    let anchor = TrustAnchor::from_der(ROOT).ok()?;
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
    let policy = ValidationPolicy::tls_server();
    let verifier = Verifier::new(Arc::new(trust), Arc::new(policy), backend());
    let leaf = CertificateDer::from(leaf);
    let others = Vec::from([CertificateDer::from(INTERMEDIATE)]);
    let expected = name.parse().ok()?;
    let request = Request::new(&leaf, &others, Expect::name(&expected));
    let decision = verifier.decide(&request, time.parse::<Time>().ok()?);
    (alloc::format!("{}", decision.explain()).len() > 100).then(|| decision.code())
}

#[cfg(feature = "ring")]
fn backend() -> Arc<dyn SignatureBackend> {
    Arc::new(bonafide::signature::RingBackend::NEW)
}

#[cfg(not(feature = "ring"))]
fn backend() -> Arc<dyn SignatureBackend> {
    Arc::new(table::Table)
}

/// A backend without arithmetic: it knows the signatures that were made, and no others.
#[cfg(not(feature = "ring"))]
mod table {
    use bonafide::signature::{Message, PublicKey, SignatureBackend, SignatureError};
    use bonafide::x509::AlgorithmIdentifier;
    use sha2::{Digest, Sha256};

    const SIGNATURES: [[u8; 32]; 2] = include!(concat!(env!("OUT_DIR"), "/signatures.rs"));

    #[derive(Debug)]
    pub struct Table;

    impl SignatureBackend for Table {
        fn verify(
            &self,
            key: PublicKey<'_>,
            _algorithm: AlgorithmIdentifier<'_>,
            message: &Message<'_>,
            signature: &[u8],
        ) -> Result<(), SignatureError> {
            let digest: [u8; 32] = Sha256::new()
                .chain_update(key.spki().der())
                .chain_update(message.octets())
                .chain_update(signature)
                .finalize()
                .into();
            if SIGNATURES.contains(&digest) { Ok(()) } else { Err(SignatureError::Invalid) }
        }
    }
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Links the C library, for its start-up code and `memcpy` as well.
    #[link(name = "c")]
    unsafe extern "C" {
        fn abort() -> !;
    }
    // SAFETY: abort of the C library takes nothing and does not return.
    unsafe { abort() }
}

const ARENA: usize = 1 << 20;

/// Hands out an arena from its start and takes nothing back.
struct Arena {
    bytes: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

// SAFETY: the bytes are reached only through `alloc`, which gives each of them out once.
unsafe impl Sync for Arena {}

#[global_allocator]
static ALLOCATOR: Arena = Arena { bytes: UnsafeCell::new([0; ARENA]), used: AtomicUsize::new(0) };

// SAFETY: blocks lie within the arena, are aligned, and do not overlap since `used` only grows.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.bytes.get().cast::<u8>();
        let place = |used: usize| {
            let start = (base.addr() + used).next_multiple_of(layout.align()) - base.addr();
            Some((start, start.checked_add(layout.size()).filter(|&end| end <= ARENA)?))
        };
        let end = |used| place(used).map(|(_, end)| end);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end) {
            // SAFETY: `place` gave a start within the arena.
            Ok(used) => place(used).map_or(null_mut(), |(start, _)| unsafe { base.add(start) }),
            Err(_) => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
