//! The pages as people see them: plain values in, HTML out.
//!
//! Nothing here reads a request, a clock or a directory. A page shows what its struct holds, escaped by askama, and every text of a person
//! stands in an element with `dir="auto"`. Style and script are inline; [`look::POLICY`] names them by their hashes.

pub mod form;
pub mod frame;
pub mod lists;
pub mod login;
pub mod look;
pub mod parts;
pub mod request;
pub mod settings;

pub use askama::Template;
pub use frame::{Frame, Reader, Tab, Theme};

/// Writes a page.
///
/// # Errors
/// [`askama::Error`] if a value cannot be written, which no value of ours does.
pub fn write(page: &impl Template) -> Result<String, askama::Error> {
    page.render()
}
