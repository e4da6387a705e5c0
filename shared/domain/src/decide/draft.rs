//! A commit in the making: the events so far, and the state they make.

use crate::context::{Context, No};
use crate::event::Event;
use crate::evolve::{Stamp, evolve};
use crate::refusal::Refusal;
use crate::state::{Request, State};

/// Events so far, and the state they make.
pub(super) struct Draft<'a, 'c> {
    pub(super) cx: &'a Context<'c>,
    pub(super) state: State,
    pub(super) version: u64,
    pub(super) events: Vec<Event>,
}

impl<'a, 'c> Draft<'a, 'c> {
    pub(super) fn new(state: State, cx: &'a Context<'c>) -> Self {
        let version = state.as_ref().map_or(0, |request| request.version) + 1;
        Self { cx, state, version, events: Vec::new() }
    }

    pub(super) fn push(&mut self, event: Event) {
        let cx = self.cx;
        let stamp =
            Stamp { tenant: cx.tenant, request: cx.request, version: self.version, at: cx.now, actor: cx.actor, channel: cx.channel };
        self.state = evolve(self.state.take(), &stamp, &event);
        self.events.push(event);
    }

    /// The request as it stands now. A draft that has none is of a command no person gave.
    pub(super) fn request(&self) -> Result<&Request, No> {
        self.state.as_ref().ok_or(No::Refused(Refusal::NoRequest))
    }
}
