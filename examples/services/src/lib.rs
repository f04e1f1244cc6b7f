//! Services over real sockets. What the programs in `src/bin` share: an estate with authorities of its
//! own, connections over tokio that are judged before they carry data, and the means to tell a story.
//!
//! ```sh
//! cargo run --package bonafide-services --bin mtls    # or axum, tonic, quinn, pool, fetch
//! ```

#[path = "../../../tests/kit/mod.rs"]
mod kit;

pub mod estate;
pub mod fetch;
pub mod tls;

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// By when every story is over.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Fails the story where it is not as told.
///
/// # Errors
/// `what`, where it does not hold.
pub fn ensure(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("not as told: {what}").into()) }
}

/// Prints what somebody has to say.
pub fn say(who: &str, what: &str) {
    for (number, line) in what.lines().enumerate() {
        let who = if number == 0 { who } else { "" };
        println!("{who:>8} | {line}");
    }
}
