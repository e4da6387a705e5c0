//! `approvals explain`: who may act now, and why; why not this person.

use serde::Deserialize;

use crate::Session;
use crate::answer::{Candidate, Timer};
use crate::client::{Call, query, segment};
use crate::failure::Failure;
use crate::output::{Ink, Now, Shown, Style, plain, state};
use crate::show::next;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Why this person may, or may not [default: the caller].
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// What a person may do on a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Explanation {
    user: String,
    status: String,
    steps: Vec<Step>,
    waiting: Vec<Waiting>,
    reason: Option<Reason>,
}

/// The same for a step that is open or blocked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    step: String,
    state: String,
    may_vote: bool,
    asked: Vec<Asked>,
    seats: Vec<Seat>,
    reason: Option<Reason>,
    next_timer: Option<Timer>,
}

/// Somebody who is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    user: String,
    may_vote: bool,
    seat: Option<Seat>,
    reason: Option<Reason>,
}

/// A step that is still to open.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    step: String,
    next: bool,
    candidates: Vec<Candidate>,
    need: u64,
    depends_on_earlier: bool,
}

/// A right to one vote.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seat {
    seat: String,
    on_behalf_of: Option<String>,
    role: Option<String>,
    delegations: Vec<String>,
    chain: Vec<String>,
    level: u64,
    reserve: bool,
}

/// Why not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    detail: String,
}

/// Asks and shows.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let path = format!("/v1/requests/{}/explain{}", segment(&args.id), query([("user", args.user.clone())]));
    let (explanation, answer) = session.client.ask::<Explanation>(&Call::get(path))?;
    Ok(Shown { text: draw(&explanation, session.style, answer.now), body: answer.body })
}

fn draw(explanation: &Explanation, style: Style, now: Now) -> String {
    let user = plain(&explanation.user);
    if explanation.steps.is_empty() {
        let plainly = || format!("the request is {}", state(&explanation.status));
        let why = explanation.reason.as_ref().map_or_else(plainly, |reason| plain(&reason.detail).into_owned());
        return format!("no step takes votes: {why}");
    }
    let mut lines = Vec::new();
    for step in &explanation.steps {
        let (sign, verb) =
            if step.may_vote { (style.ink(Ink::Good, "✓"), "may vote") } else { (style.ink(Ink::Bad, "✗"), "may not vote") };
        lines.push(format!("{sign} {user} {verb} on step {} ({})", plain(&step.step), state(&step.state)));
        if let Some(reason) = &step.reason {
            lines.push(format!("    because {}", plain(&reason.detail)));
        }
        lines.extend(step.seats.iter().map(|seat| format!("    {}", right(seat))));
        for asked in step.asked.iter().filter(|asked| asked.user != explanation.user) {
            lines.push(format!("    {}", of_other(asked, style)));
        }
        lines.extend(next(step.next_timer.as_ref(), style, now).map(|timer| format!("    the step {}", plain(&timer))));
    }
    for step in &explanation.waiting {
        let who: Vec<String> = step.candidates.iter().map(|candidate| plain(&crate::show::seat(&candidate.seat)).into_owned()).collect();
        let depends = if step.depends_on_earlier { "whoever the steps before decide" } else { "nobody yet" };
        let who = if who.is_empty() { depends.to_owned() } else { who.join(", ") };
        let when = if step.next { "next" } else { "later" };
        lines.push(format!("{when}: step {} asks {} of {who}", plain(&step.step), step.need));
    }
    lines.join("\n")
}

/// Another person who is asked, and why, or why not.
fn of_other(asked: &Asked, style: Style) -> String {
    let user = plain(&asked.user);
    match (&asked.seat, &asked.reason) {
        (Some(seat), _) if asked.may_vote => format!("{} {user}: {}", style.ink(Ink::Good, "✓"), right(seat)),
        (_, reason) => {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {}", plain(&reason.detail)));
            format!("{} {user}{why}", style.ink(Ink::Bad, "✗"))
        }
    }
}

/// A right in words: `own seat, through role finance`.
fn right(seat: &Seat) -> String {
    let whose = match (&seat.on_behalf_of, seat.seat.starts_with("any_of:")) {
        (None, false) => "own seat".to_owned(),
        (None, true) => format!("the seat of {}", crate::show::seat(&seat.seat)),
        (Some(person), _) => format!("on behalf of {person}"),
    };
    let role = seat.role.as_deref().map(|role| format!(", through role {role}")).unwrap_or_default();
    let between = match seat.chain.as_slice() {
        [_, between @ .., _] if !between.is_empty() => format!(" (via {})", between.join(", ")),
        _ => String::new(),
    };
    let hops = match seat.delegations.as_slice() {
        [] => String::new(),
        [one] => format!("{between}, by delegation {one}"),
        several => format!("{between}, by delegations {}", several.join(" then ")),
    };
    let level = if seat.level > 0 { format!(", added by escalation level {}", seat.level) } else { String::new() };
    let reserve = if seat.reserve { ", as a reserve while others are missing" } else { "" };
    plain(&format!("{whose}{role}{hops}{level}{reserve}")).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_explanation_reads_like_this() {
        let explanation: Explanation = serde_json::from_value(json!({
            "user": "bob", "may_vote": true, "status": "in_progress", "steps": [
                {"step": "finance", "state": "open", "may_vote": true, "asked": [
                    {"user": "bob", "may_vote": true, "seat": {"seat": "bob", "role": "finance", "level": 0}},
                    {"user": "zoe", "may_vote": true, "seat": {"seat": "zoe", "role": "approval_admin", "level": 0, "reserve": true}},
                    {"user": "rita", "may_vote": false, "reason": {"code": "own_request", "detail": "`rita` is or was the requester"}},
                    {"user": "dan", "may_vote": true, "seat": {"seat": "eve", "on_behalf_of": "eve", "delegations": ["d3"], "chain": ["dan", "eve"]}}],
                "seats": [
                    {"seat": "bob", "role": "finance", "level": 0}, {"seat": "eve", "on_behalf_of": "eve", "delegations": ["d1", "d2"],
                        "chain": ["bob", "carol", "eve"], "level": 1}]},
                {"step": "legal", "state": "blocked", "may_vote": false, "seats": [],
                    "next_timer": {"does": "time_out", "at": "2026-01-06T14:00:00Z", "then": "expire"},
                    "reason": {"code": "not_a_candidate", "detail": "`bob` is no candidate of this step and delegate of none"}}],
            "waiting": [
                {"step": "pay", "next": true, "need": 1, "candidates": [{"seat": "role:clerks", "level": 0}]},
                {"step": "check", "need": 1, "candidates": [], "depends_on_earlier": true}]
        }))
        .unwrap();
        assert_eq!(
            draw(&explanation, Style::default(), None),
            "✓ bob may vote on step finance (open)\n    own seat, through role finance\n    on behalf of eve (via carol), by delegations d1 \
             then d2, added by escalation level 1\n    ✓ zoe: own seat, through role approval_admin, as a reserve while others are missing\n    \
             ✗ rita: `rita` is or was the requester\n    ✓ dan: on behalf of eve, by delegation d3\n✗ bob may not vote on step legal (blocked)\n    because `bob` is no candidate of this \
             step and delegate of none\n    the step expires at (Tue 2026-01-06 14:00 UTC)\nnext: step pay asks 1 of role clerks\n\
             later: step check asks 1 of whoever the steps before decide"
        );
        let over = Explanation { status: "approved".to_owned(), ..Explanation::default() };
        assert_eq!(draw(&over, Style::default(), None), "no step takes votes: the request is approved");
        let reason = Some(Reason { detail: "the request is approved since 2026-01-05T09:00:00.000Z, by `bob`".to_owned() });
        assert_eq!(
            draw(&Explanation { reason, ..over }, Style::default(), None),
            "no step takes votes: the request is approved since 2026-01-05T09:00:00.000Z, by `bob`"
        );
    }
}
