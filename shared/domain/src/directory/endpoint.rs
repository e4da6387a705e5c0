//! A webhook endpoint: where events go.

use std::collections::BTreeSet;

use super::{Amendment, Attempt, DirectoryEvent, differs_in_letters, precondition};
use crate::hash::Hash;
use crate::ids::EndpointId;
use crate::limits;
use crate::refusal::{Limit, Refusal};

/// An endpoint, as far as commits speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where events go. Commits hold only its salted hash.
    pub url: String,
    /// Types of the events it gets.
    pub events: BTreeSet<String>,
    /// Switched on.
    pub active: bool,
}

/// What the rules of endpoints look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// From 1, over removals; 0: there never was one.
    pub version: u64,
    /// The endpoint; none: it is not there, or was removed.
    pub present: Option<Webhook>,
    /// Another endpoint of the same letters but for case, there or removed.
    pub same_letters: Option<EndpointId>,
    /// Endpoints the tenant has, this one included. Read only when this one is not there.
    pub endpoints: usize,
    /// The secret that a rotation brings signs already.
    pub secret_signs: bool,
}

/// What may be done to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Writes it whole.
    Put(&'a Webhook),
    /// Removes it with its secrets. Its commits stay.
    Remove,
    /// Gives it a new secret. The commit repeats the endpoint as it is.
    Rotate,
}

/// What a command does to an endpoint.
///
/// # Errors
/// [`Refusal::NoObject`] and [`Refusal::PreconditionFailed`], a removal the other way round; then [`Refusal::IdCaseConflict`], [`Refusal::LimitReached`].
pub fn decide(view: &View, command: Command<'_>, attempt: &Attempt) -> Result<Amendment, Refusal> {
    match command {
        Command::Put(webhook) => put(view, webhook, attempt),
        Command::Remove => remove(view, attempt),
        Command::Rotate => rotate(view, attempt),
    }
}

/// Whether events that an endpoint missed may be sent again.
///
/// # Errors
/// [`Refusal::NoObject`], then [`Refusal::EndpointInactive`].
pub fn may_replay(present: Option<&Webhook>) -> Result<(), Refusal> {
    let webhook = present.ok_or(Refusal::NoObject("endpoint"))?;
    if webhook.active { Ok(()) } else { Err(Refusal::EndpointInactive) }
}

fn put(view: &View, webhook: &Webhook, attempt: &Attempt) -> Result<Amendment, Refusal> {
    if let Some(settled) = precondition(view.version, view.present.as_ref() == Some(webhook), attempt)? {
        return Ok(settled);
    }
    differs_in_letters(view.same_letters.as_ref())?;
    has_room(view)?;
    Ok(Amendment::Change(stands(webhook, attempt)))
}

fn remove(view: &View, attempt: &Attempt) -> Result<Amendment, Refusal> {
    match precondition(view.version, view.present.is_none(), attempt)? {
        Some(Amendment::Unchanged) => Err(Refusal::NoObject("endpoint")),
        Some(settled) => Ok(settled),
        None => Ok(Amendment::Change(DirectoryEvent::Endpoint { url: None, events: Vec::new(), active: false })),
    }
}

fn rotate(view: &View, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let webhook = view.present.as_ref().ok_or(Refusal::NoObject("endpoint"))?;
    let settled = precondition(view.version, view.secret_signs, attempt)?;
    Ok(settled.unwrap_or_else(|| Amendment::Change(stands(webhook, attempt))))
}

/// Two who add the last one at the same moment make one too many, which harms nobody.
fn has_room(view: &View) -> Result<(), Refusal> {
    if view.present.is_none() && view.endpoints >= limits::ENDPOINTS { Err(Refusal::LimitReached(Limit::Endpoints)) } else { Ok(()) }
}

fn stands(webhook: &Webhook, attempt: &Attempt) -> DirectoryEvent {
    let Webhook { url, events, active } = webhook;
    DirectoryEvent::Endpoint { url: Some(Hash::text(&attempt.salt, url)), events: events.iter().cloned().collect(), active: *active }
}
