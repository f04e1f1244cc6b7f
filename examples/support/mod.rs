//! What `decide` is made of.

pub(crate) mod arguments;
pub(crate) mod estate;
pub(crate) mod files;
pub(crate) mod unusable;
