//! A template: its versions, and the one that new requests start with. That a version exists and that it is current are two facts with a
//! commit each.

use super::{Amendment, Attempt, DirectoryEvent, precondition};
use crate::hash::Hash;
use crate::refusal::Refusal;

/// What storing content looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The version that has this content already.
    pub same_content: Option<u32>,
    /// The highest number given; 0: none.
    pub latest: u32,
}

impl Versions {
    /// The number that counts for this content: of the version that has it, else the highest one.
    pub fn number(&self) -> u32 {
        self.same_content.unwrap_or(self.latest)
    }
}

/// Stores content as a new version. Known content keeps its number.
///
/// # Errors
/// None today: storing names no precondition.
pub fn store(versions: &Versions, content: Hash, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let settled = precondition(u64::from(versions.number()), versions.same_content.is_some(), attempt)?;
    Ok(settled.unwrap_or(Amendment::Change(DirectoryEvent::Template { number: versions.latest + 1, content })))
}

/// Which version is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    /// Of the pointer, from 1.
    pub version: u64,
    /// What new requests start with; none: the template is inactive.
    pub number: Option<u32>,
    /// The highest number given.
    pub latest: u32,
}

/// Lets new requests start with a version; `None`: with none. Running requests keep theirs.
///
/// # Errors
/// [`Refusal::NoObject`] if there is no such template or version.
pub fn activate(current: Option<&Current>, number: Option<u32>, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let current = current.ok_or(Refusal::NoObject("template"))?;
    version_known(current, number)?;
    let settled = precondition(current.version, current.number == number, attempt)?;
    Ok(settled.unwrap_or(Amendment::Change(DirectoryEvent::TemplateCurrent { number })))
}

fn version_known(current: &Current, number: Option<u32>) -> Result<(), Refusal> {
    match number {
        Some(number) if number == 0 || number > current.latest => Err(Refusal::NoObject("version of the template")),
        _ => Ok(()),
    }
}
