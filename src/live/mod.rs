//! Live: what is in force at one moment, and who still stands under it.

mod error;
#[expect(clippy::module_inception, reason = "the room is named after its first type")]
mod live;
mod part;
mod publication;
mod published;
mod question;
mod snapshot;

pub use error::PublishError;
pub use live::Live;
pub use part::Part;
pub use publication::Publication;
pub use published::{Published, Tightened};
pub use question::{Presented, Requirement};
pub use snapshot::{InForce, Snapshot};
