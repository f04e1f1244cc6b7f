//! Live: what is in force at one moment, and who still stands under it.

mod affected;
mod error;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod live;
mod part;
mod path_memo;
mod publication;
mod published;
mod question;
mod register;
mod ruling;
mod session;
mod snapshot;
mod standing;

pub use affected::{Advice, Affected};
pub use error::PublishError;
pub use live::{Live, Settings};
pub use part::Part;
pub use publication::Publication;
pub use published::{LiveEvents, Published, Tightened};
pub use question::{Presented, Requirement};
pub use register::{RegisterError, SessionId};
pub use ruling::{LivePeer, NotOfThisRuling, Ruling};
pub use session::Session;
pub use snapshot::{InForce, Snapshot};
pub use standing::{Lapse, Standing};
