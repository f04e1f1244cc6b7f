//! Services over real sockets. What the programs in `src/bin` share: an estate with authorities of its
//! own, connections over tokio that are judged before they carry data, and the means to tell a story.
//!
//! ```sh
//! cargo run --package bonafide-services --bin mtls    # or axum, tonic, quinn, pool
//! ```

#[path = "../../../tests/kit/mod.rs"]
mod kit;

pub mod estate;
pub mod tls;

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Fails the story where it is not as told.
///
/// # Errors
/// `what`, where it does not hold.
pub fn ensure(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("not as told: {what}").into()) }
}
