//! `approvals history`: what happened, one line per event.

use serde_json::Value;

use crate::Session;
use crate::answer::{Commit, Event, Time, actor};
use crate::client::segment;
use crate::failure::Failure;
use crate::list;
use crate::output::{Now, Shown, Style, Table, absolute, plain, short, when};
use crate::show::{moment, seat};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
}

/// Reads all commits.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let found = list::collect(session, &format!("/v1/requests/{}/history", segment(&args.id)), Vec::new(), usize::MAX)?;
    let commits = found.items::<Commit>(session)?;
    Ok(Shown { text: draw(&commits, session.style, found.now), body: found.body() })
}

fn draw(commits: &[Commit], style: Style, now: Now) -> String {
    let mut table = Table::new(style, ["#", "WHEN", "WHAT", "COMMIT"]);
    let mut revision = 1;
    for commit in commits {
        revision += commit.events.iter().filter(|event| event.kind == "request.resubmitted").count();
        for (index, event) in commit.events.iter().enumerate() {
            table.row([
                commit.version.to_string(),
                commit.at.map(to_the_second).unwrap_or_default(),
                sentence(event, actor(&commit.actor), revision),
                if index == 0 { short(&commit.hash) } else { String::new() },
            ]);
        }
    }
    if table.is_empty() {
        return "no history".to_owned();
    }
    let last = commits.last().and_then(|commit| commit.at).map(|at| format!("\n\nlast change {}", when(at, now)));
    format!("{}{}", table.draw(), last.unwrap_or_default())
}

/// Acts often follow each other within a minute.
fn to_the_second(at: Time) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// An event in plain English, on one line.
fn sentence(event: &Event, who: &str, revision: usize) -> String {
    let text = |name: &str| event.text(name).unwrap_or("?").to_owned();
    let said = |name: &str| event.text(name).map(|words| format!(": “{}”", plain(words))).unwrap_or_default();
    let step = text("step");
    match event.kind.as_str() {
        "request.submitted" => {
            let whom = event.text("requester").filter(|id| *id != who).map(|id| format!(" for {id}")).unwrap_or_default();
            format!("{who} submitted it{whom}{}", route(event))
        }
        "request.resubmitted" => format!("{who} resubmitted it as revision {revision}{}{}", said("comment"), route(event)),
        "step.opened" => {
            let due = time(event, "due_at").map(|at| format!(", due {}", absolute(at))).unwrap_or_default();
            format!("step {step} opened for {}{}{due}", seats(event), need(event))
        }
        "step.blocked" => format!("step {step} is blocked: too few people can vote{}", need(event)),
        "step.widened" => format!("step {step} was opened to {} as well, because too few people could vote", seats(event)),
        "step.reminded" => format!("those who may vote on step {step} were reminded"),
        "step.escalated" => format!("step {step} escalated to {}", seats(event)),
        "step.narrowed" => format!("enough others can vote on step {step} again, without {}", seats(event)),
        "step.seat_returned" => format!("the seat of {} on step {step} went back to {}: its holder has left", text("from"), text("to")),
        "step.timed_out" => match event.text("not_approved_because") {
            Some("blocked") => format!("the time of step {step} is up; too few could vote, so administrators decide"),
            Some(_) => format!("the time of step {step} is up; somebody rejected, so administrators decide"),
            None => format!("the time of step {step} is up"),
        },
        "vote.cast" => {
            let verb = match event.text("decision") {
                Some("approve") => "approved",
                Some("reject") => "rejected",
                Some("return") => "returned the request at",
                _ => "voted on",
            };
            let behalf = event.text("on_behalf_of").map(|id| format!(" on behalf of {id}")).unwrap_or_default();
            format!("{who} {verb} step {step}{behalf}{}", said("comment"))
        }
        "step.closed" => format!("step {step} ended: {}", text("state")),
        "step.reassigned" => format!("{who} passed the seat of {} on step {step} to {}{}", text("from"), text("to"), said("reason")),
        "comment.added" => format!("{who} commented{}", said("comment")),
        "request.transferred" => format!("{who} transferred the request to {}{}", text("to"), said("reason")),
        "request.erased" => format!("{who} erased what was written before{}", said("reason")),
        "request.recalled" => format!("{who} recalled the request: its approvals are void{}", said("reason")),
        "vote.withdrawn" => format!("{who} took back the vote on {} that used the right of {}", text("step"), text("person")),
        "effect.started" => format!("{who} started its effect"),
        "effect.finished" => format!("{who} reported its effect as {}{}", text("outcome"), said("reference")),
        "effect.reminded" => "administrators were told that its effect is not finished".to_owned(),
        "request.reminded" => "the requester was reminded that the request is with them".to_owned(),
        "request.returned" => "the request went back to the requester".to_owned(),
        "request.approved" => match event.text("by") {
            // Without a step to vote on, as the template allows.
            Some(by) => format!("the request is approved by {}", actor(by)),
            None => "the request is approved".to_owned(),
        },
        "request.rejected" => "the request is rejected".to_owned(),
        "request.expired" => "the request has expired".to_owned(),
        "request.cancelled" => format!("{who} cancelled the request{}", said("reason")),
        other => format!("{who}: {other} {}", Value::Object(event.fields.clone())),
    }
}

fn route(event: &Event) -> String {
    let names = |field: &str| -> Vec<&str> {
        event.fields.get(field).and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    };
    let skipped = names("skipped");
    let plan: Vec<&str> = names("plan").into_iter().filter(|step| !skipped.contains(step)).collect();
    let mut words = if plan.is_empty() { String::new() } else { format!("; steps {}", plan.join(", ")) };
    if !skipped.is_empty() {
        words.push_str(&format!("; not needed: {}", skipped.join(", ")));
    }
    words
}

fn need(event: &Event) -> String {
    match event.fields.get("need").and_then(Value::as_u64) {
        None | Some(1) => String::new(),
        Some(need) => format!(", {need} approvals needed"),
    }
}

fn seats(event: &Event) -> String {
    let candidates = event.fields.get("candidates").and_then(Value::as_array);
    let seats = candidates.into_iter().flatten().filter_map(|c| c.as_str());
    let words: Vec<String> = seats.map(seat).collect();
    if words.is_empty() { "nobody".to_owned() } else { words.join(", ") }
}

fn time(event: &Event, name: &str) -> Option<Time> {
    event.text(name).and_then(moment)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_history_reads_like_this() {
        let commits: Vec<Commit> = serde_json::from_value(json!([
            {"version": 1, "at": "2026-01-05T09:00:00.000Z", "actor": "erp", "hash": "k3Jx0aQm5tYw9LrB2nVc7dHf4gSp8uEi1oZkXyTqWvA", "events": [
                {"type": "request.submitted", "requester": "alice", "plan": ["manager", "director", "finance"], "skipped": ["director"]},
                {"type": "step.opened", "step": "manager", "candidates": ["user:eve"], "need": 1, "due_at": "2026-01-07T09:00:00.000Z"}]},
            {"version": 2, "at": "2026-01-05T10:00:00.000Z", "actor": "bob", "hash": "z3Jx0aQm5tYw9LrB2nVc7dHf4gSp8uEi1oZkXyTqWvA", "events": [
                {"type": "vote.cast", "step": "manager", "decision": "approve", "on_behalf_of": "eve", "comment": "ok\u{1b}[2J\nand more"},
                {"type": "step.closed", "step": "manager", "state": "approved"},
                {"type": "step.opened", "step": "finance", "candidates": ["role:finance", "@1:user:cfo"], "need": 2}]},
            {"version": 3, "at": "2026-01-05T11:00:00.000Z", "actor": "system", "hash": "y3Jx", "events": [
                {"type": "step.blocked", "step": "finance", "need": 2}, {"type": "telepathy", "step": "finance"}]},
            {"version": 4, "at": "2026-01-05T11:00:09.500Z", "actor": "alice", "hash": "x3Jx", "events": [
                {"type": "request.resubmitted", "plan": ["manager"], "skipped": [], "comment": "a second offer"}]}
        ]))
        .unwrap();
        let drawn = draw(&commits, Style::default(), Some("2026-01-05T11:30:00Z".parse().unwrap()));
        assert_eq!(drawn, include_str!("golden/history.txt").trim_end_matches('\n'), "\n{drawn}");
    }
}
