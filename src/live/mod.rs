//! Live: what is in force at one moment, and who still stands under it.

mod error;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod live;
mod part;
mod path_memo;
mod publication;
mod published;
mod question;
mod ruling;
mod snapshot;
mod standing;

pub use error::PublishError;
pub use live::Live;
pub use part::Part;
pub use publication::Publication;
pub use published::{Published, Tightened};
pub use question::{Presented, Requirement};
pub use ruling::{LivePeer, NotOfThisRuling, Ruling};
pub use snapshot::{InForce, Snapshot};
pub use standing::{Lapse, Standing};
