//! Reads. Nothing here writes.

pub mod brief;
pub mod conversation;
pub mod explain;
pub mod inbox;
pub mod list;
pub mod names;
pub mod preview;
pub mod published;
pub mod request;
pub mod scope;
pub mod values;
