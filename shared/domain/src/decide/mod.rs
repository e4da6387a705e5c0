//! `decide`: what a command does to a request, or why not. Sync, total, the same everywhere: commands, preview, verifier.

mod cancel;
mod clock;
mod comment;
mod draft;
mod guards;
mod reassign;
mod reroute;
mod steps;
mod submit;
mod vote;

use crate::command::Command;
use crate::context::{Context, No};
use crate::event::Event;
use crate::limits;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timers::Timer;

pub use comment::is_party;
pub use steps::{Prospect, deadlines, prospects};
pub use submit::plan;

/// The events of a command. None: what was asked holds already (`already_applied`), and nothing is written.
pub fn decide(state: &State, command: &Command, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let events = answer(state, command, cx)?;
    if !events.is_empty()
        && crate::hash::canonical(&events).len() + cx.evidence.used_bytes() + limits::ENVELOPE_BYTES > limits::COMMIT_BYTES
    {
        return Err(Refusal::RequestFull("what happened and was known would not fit a commit of 32 kB").into());
    }
    Ok(events)
}

fn answer(state: &State, command: &Command, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    match (state, command) {
        (None, Command::Submit(submit)) => submit::submit(submit, cx),
        // Ids are derived or random: a second submission under one id is a retry, which the loop has answered before.
        (Some(request), Command::Submit(_)) => Err(Refusal::EntityBusy(request.id.clone()).into()),
        (None, _) => Err(Refusal::NoRequest.into()),
        (Some(request), Command::Vote(vote)) => vote::vote(request, vote, cx),
        (Some(request), Command::Resubmit(resubmit)) => submit::resubmit(request, resubmit, cx),
        (Some(request), Command::Cancel { reason }) => cancel::cancel(request, *reason, cx),
        (Some(request), Command::Reassign { step, from, to, reason }) => {
            reassign::reassign(request, &reassign::Pass { step, from: from.as_ref(), to, reason: *reason }, cx)
        }
        (Some(request), Command::Comment { comment }) => comment::comment(request, *comment, cx),
        (Some(request), Command::Reroute) => reroute::reroute(request, cx),
        (Some(request), Command::Remind { step, number }) => clock::fire(request, step, Timer::Remind(*number), cx),
        (Some(request), Command::Escalate { step, level }) => clock::fire(request, step, Timer::Escalate(*level), cx),
        (Some(request), Command::TimeOut { step }) => clock::fire(request, step, Timer::TimeOut, cx),
    }
}
