//! `decide`: what a command does to a request, or why not. Sync, total, the same everywhere: commands, preview, verifier.

mod cancel;
mod clock;
mod comment;
mod draft;
mod effect;
mod erase;
mod guards;
mod reassign;
mod recall;
mod reroute;
mod steps;
mod submit;
mod transfer;
mod vote;
mod withdraw;

use crate::command::Command;
use crate::context::{Context, No};
use crate::event::Event;
use crate::limits;
use crate::refusal::Refusal;
use crate::sight::{connected, may_see};
use crate::state::{Request, State};
use crate::timers::{Timer, Wait};

pub use crate::sight::is_party;
pub use steps::{Prospect, ahead, deadlines, prospects};
pub use submit::plan;

/// The events of a command. None: what was asked holds already (`already_applied`), and nothing is written.
pub fn decide(state: &State, command: &Command, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let events = guarded(state, cx, answer(state, command, cx))?;
    if !events.is_empty()
        && crate::hash::canonical(&events).len() + cx.evidence.used_bytes() + limits::ENVELOPE_BYTES > limits::COMMIT_BYTES
    {
        return Err(Refusal::RequestFull("what happened and was known would not fit a commit of 32 kB").into());
    }
    Ok(events)
}

/// Whether the caller may give a new revision of a request now, refused as the command would be: for whoever reads its content first.
pub fn may_resubmit(request: &Request, cx: &Context<'_>) -> Result<(), No> {
    match submit::may_resubmit(request, cx) {
        Err(No::Refused(refusal)) => Err(unless_strange(request, refusal, cx)?.into()),
        other => other,
    }
}

/// INVARIANT (authority before content): a stranger hears that there is no such request, whatever they ask of it.
fn guarded(state: &State, cx: &Context<'_>, answer: Result<Vec<Event>, No>) -> Result<Vec<Event>, No> {
    match (state, answer) {
        (Some(request), Err(No::Refused(refusal))) => Err(unless_strange(request, refusal, cx)?.into()),
        (_, answer) => answer,
    }
}

/// The refusal, for whoever may see the request; for others there is none.
///
/// One who has left and had to do with it hears that they are not active.
fn unless_strange(request: &Request, refusal: Refusal, cx: &Context<'_>) -> Result<Refusal, No> {
    let Some(person) = cx.actor.person() else { return Ok(refusal) };
    let known = may_see(request, person, cx)?.is_some() || connected(request, person, cx)?.is_some();
    Ok(if known { refusal } else { Refusal::NoRequest })
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
        (Some(request), Command::Transfer { to, reason }) => transfer::transfer(request, to, *reason, cx),
        (Some(request), Command::RemindRequester { number }) => clock::wait(request, Wait::Remind(*number), cx),
        (Some(request), Command::Expire) if request.is_pending() => effect::expire(request, cx),
        (Some(request), Command::Expire) => clock::wait(request, Wait::Expire, cx),
        (Some(request), Command::StartEffect { payload_hash }) => effect::start(request, *payload_hash, cx),
        (Some(request), Command::FinishEffect { end, reference }) => effect::finish(request, *end, *reference, cx),
        (Some(request), Command::RemindEffect) => effect::remind(request, cx),
        (Some(request), Command::Recall { reason, on_behalf_of }) => recall::recall(request, *reason, on_behalf_of.as_ref(), cx),
        (Some(request), Command::Erase { reason }) => erase::erase(request, *reason, cx),
        (Some(request), Command::WithdrawVote { step, on_behalf_of }) => withdraw::withdraw(request, step, on_behalf_of.as_ref(), cx),
    }
}
