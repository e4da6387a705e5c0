//! `approvals show`, and a request on the screen.

use serde_json::Value;

use crate::Session;
use crate::answer::{Entry, Request, Step, Time, Timer, actor};
use crate::client::{Answer, Call, segment};
use crate::failure::Failure;
use crate::output::{Ink, Now, Shown, Style, Table, due, mark, plain, soon, state, when};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
}

/// Shows it.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let (request, answer) = fetch(session, &args.id)?;
    Ok(Shown { text: draw(&request, session.style, answer.now), body: answer.body })
}

/// Reads a request.
pub fn fetch(session: &Session, id: &str) -> Result<(Request, Answer), Failure> {
    session.client.ask(&Call::get(format!("/v1/requests/{}", segment(id))))
}

/// What a command has done, and how the request stands after it.
pub fn after(done: &str, request: &Request, answer: Answer, style: Style) -> Shown {
    let done = match request.code.as_deref() {
        _ if answer.replayed => "nothing new: this call was answered before, with the same key",
        Some("already_applied") => "nothing new: this was so already",
        _ => done,
    };
    Shown { text: format!("{done}\n\n{}", draw(request, style, answer.now)), body: answer.body }
}

/// A request for people.
pub fn draw(request: &Request, style: Style, now: Now) -> String {
    let mut lines = head(request, style, now);
    lines.push(String::new());
    let content = content(request);
    if !content.is_empty() {
        lines.extend(content);
        lines.push(String::new());
    }
    lines.push(steps(&request.steps, style, now));
    lines.push(String::new());
    let told = told(&request.conversation, style, now);
    if !told.is_empty() {
        lines.extend(told);
        lines.push(String::new());
    }
    lines.push(style.ink(Ink::Faint, &format!("payload hash {}", plain(&request.payload_hash))));
    lines.join("\n")
}

/// Title, status, whose, since when, and how it ended.
pub fn head(request: &Request, style: Style, now: Now) -> Vec<String> {
    let title = request.title.as_deref().map_or_else(|| "(title erased)".into(), plain);
    let (sign, ink) = mark(&request.status);
    let sign = style.ink(ink, &sign.to_string());
    let mut lines = vec![style.ink(Ink::Bold, &title), format!("request {}", plain(&request.id))];
    lines.push(format!(
        "{sign} {} · revision {} · {} v{} · {}/{}",
        style.ink(ink, &state(&request.status)),
        request.revision,
        plain(&request.template.key),
        request.template.version,
        plain(&request.entity.kind),
        plain(&request.entity.id),
    ));
    let by = if request.submitted_by == request.requester || request.submitted_by.is_empty() {
        String::new()
    } else {
        format!(", submitted by {}", plain(&request.submitted_by))
    };
    let since = request.created_at.map(|at| format!(", {}", when(at, now))).unwrap_or_default();
    lines.push(format!("requested by {}{by}{since}", plain(&request.requester)));
    if let Some(outcome) = &request.outcome {
        let at = outcome.at.or(request.closed_at).map(|at| format!(", {}", when(at, now))).unwrap_or_default();
        let reason = outcome.reason.as_deref().map(|reason| format!(": “{}”", plain(reason))).unwrap_or_default();
        lines.push(format!("{} by {}{at}{reason}", state(&request.status), plain(actor(&outcome.by))));
    }
    let effect = &request.effect;
    if !matches!(effect.state.as_str(), "" | "none") {
        let failed = if effect.state == "pending" && effect.attempts > 0 { ", the first attempt failed" } else { "" };
        let by = effect.by.as_deref().map(|by| format!(", started by {}", plain(by))).unwrap_or_default();
        let until = effect.expires_at.map(|at| format!(", to be started: {}", due(at, now))).unwrap_or_default();
        let reference = effect.reference.as_deref().map(|reference| format!(": “{}”", plain(reference))).unwrap_or_default();
        lines.push(format!("effect {}{failed}{by}{until}{reference}", plain(&effect.state)));
    }
    if let Some(previous) = &request.previous {
        lines.push(format!("follows {}", plain(previous)));
    }
    if request.blocked {
        lines.push(style.ink(Ink::Bad, "! blocked: too few people can vote; it goes on by itself once enough can"));
    }
    lines
}

/// Metadata and attachments, indented.
pub fn content(request: &Request) -> Vec<String> {
    let mut lines = Vec::new();
    if let Value::Object(fields) = &request.metadata {
        let widest = fields.keys().map(|name| plain(name).chars().count()).max().unwrap_or(0).min(30);
        for (name, value) in fields {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.push(format!("  {:<widest$}  {}", plain(name), plain(&shown)));
        }
    }
    for file in &request.attachments {
        lines.push(format!("  file {} ({}, {} bytes) {}", plain(&file.name), plain(&file.media_type), file.size, plain(&file.url)));
    }
    lines
}

/// What happened, oldest first, with what was said and what changed.
fn told(entries: &[Entry], style: Style, now: Now) -> Vec<String> {
    let mut lines: Vec<String> = entries.iter().take(1).map(|_| "what happened".to_owned()).collect();
    if entries.first().is_some_and(|first| first.id != "1-0") {
        lines.push(style.ink(Ink::Faint, "  (older entries: approvals history)"));
    }
    for entry in entries {
        let at = entry.at.map(|at| when(at, now)).unwrap_or_default();
        lines.push(format!("  {} {}", plain(&entry.summary), style.ink(Ink::Faint, &format!("· {at}"))));
        let text = entry.text.as_ref().map(|text| text.trim().lines().map(|line| plain(line).into_owned()).collect::<Vec<_>>());
        lines.extend(text.map(|text| format!("      “{}”", text.join("\n       "))));
        if entry.erased {
            lines.push(style.ink(Ink::Faint, "      (erased)"));
        }
        let value = |value: &Option<Value>| match value {
            None => "none".to_owned(),
            Some(Value::String(text)) => plain(text).into_owned(),
            Some(other) => plain(&other.to_string()).into_owned(),
        };
        lines.extend(entry.changes.iter().map(|of| format!("      {}: {} → {}", plain(&of.label), value(&of.old), value(&of.new))));
    }
    lines
}

/// The steps as a table; on a narrow terminal one below the other.
pub fn steps(steps: &[Step], style: Style, now: Now) -> String {
    if style.width.is_some_and(|width| width < 100) {
        return steps.iter().map(|step| block(step, style, now)).collect::<Vec<_>>().join("\n");
    }
    let mut table = Table::new(style, ["", "STEP", "NAME", "STATE", "VOTES", "WHO", "DUE"]);
    for step in steps {
        table.row([
            mark(&step.state).0.to_string(),
            step.id.clone(),
            if step.name == step.id { String::new() } else { step.name.clone() },
            state(&step.state),
            votes(step),
            [who(step), next(step.next_timer.as_ref(), style, now).into_iter().collect()].concat().join("\n"),
            step.due_at.filter(|_| is_live(step)).map(|at| due(at, now)).unwrap_or_default(),
        ]);
    }
    table.draw()
}

fn block(step: &Step, style: Style, now: Now) -> String {
    let (sign, ink) = mark(&step.state);
    let name = if step.name == step.id { String::new() } else { format!(" ({})", plain(&step.name)) };
    let due = step.due_at.filter(|_| is_live(step)).map(|at| format!(", due {}", due(at, now))).unwrap_or_default();
    let mut head = format!("{} {}{name}: {} {}", style.ink(ink, &sign.to_string()), plain(&step.id), state(&step.state), votes(step));
    head.truncate(head.trim_end().len());
    let people = who(step).into_iter().chain(next(step.next_timer.as_ref(), style, now)).map(|line| format!("    {}", plain(&line)));
    std::iter::once(head + &due).chain(people).collect::<Vec<_>>().join("\n")
}

/// Takes votes, or would.
fn is_live(step: &Step) -> bool {
    matches!(step.state.as_str(), "open" | "blocked")
}

/// Approvals, and how many it takes: `1/2`, before it opens also `0/majority`.
fn votes(step: &Step) -> String {
    let required = &step.required;
    match (required.need, &required.rule) {
        _ if step.state == "skipped" => String::new(),
        (Some(need), _) => format!("{}/{need}", required.have),
        (None, Value::Null) => String::new(),
        (None, Value::String(rule)) => format!("{}/{rule}", required.have),
        (None, rule) => format!("{}/{rule}", required.have),
    }
}

/// The votes cast, then whom the step waits for.
fn who(step: &Step) -> Vec<String> {
    let mut lines: Vec<String> = step
        .votes
        .iter()
        .map(|vote| {
            let behalf = vote.on_behalf_of.as_deref().filter(|id| *id != vote.by).map(|id| format!(" on behalf of {id}"));
            let comment = vote.comment.as_deref().map(|words| format!(", “{}”", plain(words)));
            let void = if vote.void { " (void: recalled)" } else { "" };
            format!("{}{}: {}{void}{}", vote.by, behalf.unwrap_or_default(), vote.decision, comment.unwrap_or_default())
        })
        .collect();
    lines.extend(step.rounds.iter().map(|(seat, round)| format!("round {round} for {seat}, whose answer was taken back")));
    lines.extend(step.candidates.iter().filter(|_| !CLOSED.contains(&step.state.as_str())).map(|candidate| match candidate.level {
        0 => format!("waits for {}", seat(&candidate.seat)),
        level => format!("waits for {} (level {level})", seat(&candidate.seat)),
    }));
    lines
}

/// What the clock does next: `escalates to finance_lead in 5 h (Tue 09:00 Europe/Amsterdam)`.
pub fn next(timer: Option<&Timer>, style: Style, now: Now) -> Option<String> {
    let timer = timer?;
    let name = |who: &String| who.strip_prefix("role:").map_or_else(|| seat(who), str::to_owned);
    let whom = || timer.to.iter().map(name).collect::<Vec<_>>().join(" and ");
    let does = match timer.does.as_str() {
        "remind" => "reminds".to_owned(),
        "escalate" if timer.to.is_empty() => "escalates".to_owned(),
        "escalate" => format!("escalates to {}", whom()),
        "time_out" => match timer.then.as_deref() {
            Some("approve") => "is approved by the clock".to_owned(),
            Some("reject") => "is rejected by the clock".to_owned(),
            _ => "expires".to_owned(),
        },
        _ => return None,
    };
    Some(format!("{does} {}", soon(timer.at?, now, style.zone)))
}

/// States in which a step waits for nobody.
const CLOSED: [&str; 5] = ["approved", "rejected", "skipped", "returned", "closed"];

/// A candidate in words: `bob`, `role finance`, `one of role legal or eve`; `@1:role:x`, from a history, is one of escalation level 1.
pub fn seat(text: &str) -> String {
    let one = |text: &str| match text.split_once(':') {
        Some(("user", id)) => id.to_owned(),
        Some(("role", name)) => format!("role {name}"),
        Some(("manager_of", "approver")) => "the manager above".to_owned(),
        Some(("manager_of", of)) => format!("the manager of {of}"),
        _ => text.to_owned(),
    };
    if let Some(rest) = text.strip_prefix('~') {
        return format!("{} (stands in)", seat(rest));
    }
    if let Some((level, rest)) = text.strip_prefix('@').and_then(|rest| rest.split_once(':')) {
        return format!("{} (level {level})", seat(rest));
    }
    match text.strip_prefix("any_of:") {
        Some(members) => format!("one of {}", members.split(',').map(one).collect::<Vec<_>>().join(" or ")),
        None => one(text),
    }
}

/// Reads RFC 3339.
pub fn moment(text: &str) -> Option<Time> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A request in full bloom: parallel steps, a delegate's vote, a foreign submitter, hostile text.
    pub(crate) fn sample() -> Request {
        serde_json::from_value(json!({
            "id": "01hzy3k8m2n4p6q8r0s2t4v6w8", "template": {"key": "purchase_order", "version": 3},
            "entity": {"type": "order", "id": "PO-1042"}, "requester": "alice", "submitted_by": "erp",
            "title": "Two chairs\u{202e}", "status": "in_progress", "blocked": false, "revision": 2, "version": 5,
            "payload_hash": "k3Jx0aQm5tYw9LrB2nVc7dHf4gSp8uEi1oZkXyTqWvA",
            "metadata": {"amount": 12000.5, "currency": "EUR", "note": "a\nb", "lines": [1, 2]},
            "attachments": [{"name": "offer.pdf", "media_type": "application/pdf", "size": 120, "sha256": "x", "url": "https://x/offer.pdf"}],
            "steps": [
                {"id": "manager", "name": "Manager approval", "state": "approved", "required": {"rule": 1, "need": 1, "have": 1},
                    "votes": [{"by": "bob", "on_behalf_of": "eve", "decision": "approve", "comment": "fine\u{1b}[2J"}],
                    "candidates": [{"seat": "user:eve", "level": 0}], "due_at": "2026-01-06T09:00:00.000Z", "level": 0},
                {"id": "director", "name": "Director", "state": "skipped", "required": {"rule": 1, "have": 0}, "votes": [], "candidates": []},
                {"id": "finance", "name": "finance", "state": "open", "required": {"rule": 2, "need": 2, "have": 1},
                    "votes": [{"by": "carol", "decision": "approve"}],
                    "candidates": [{"seat": "role:finance", "level": 0}, {"seat": "any_of:role:legal,user:u_cfo", "level": 1}],
                    "next_timer": {"does": "escalate", "at": "2026-01-06T14:00:00.000Z", "level": 2, "to": ["role:finance_lead"]},
                    "due_at": "2026-01-08T09:00:00.000Z", "level": 1},
                {"id": "security", "name": "Security", "state": "waiting", "required": {"rule": "60%", "have": 0}, "votes": [], "candidates": []}
            ],
            "conversation": [
                {"id": "1-0", "at": "2026-01-05T09:00:00.000Z", "by": "erp", "kind": "submitted", "summary": "ERP asked for it, for Alice"},
                {"id": "2-0", "at": "2026-01-05T09:30:00.000Z", "by": "bob", "kind": "returned", "summary": "Bob sent it back: Manager approval",
                    "text": "Which supplier?\nA \u{1b}[2Jsecond offer?"},
                {"id": "3-0", "at": "2026-01-05T09:40:00.000Z", "by": "alice", "kind": "resubmitted", "summary": "Alice changed it and submitted it again (revision 2)",
                    "erased": true, "changes": [{"field": "/metadata/supplier", "label": "Supplier", "new": "Ikea"}, {"field": "/metadata/amount", "label": "Amount", "old": 5, "new": 12000.5}]}
            ],
            "previous": "01gzy3k8m2n4p6q8r0s2t4v6w8", "created_at": "2026-01-05T09:00:00.000Z", "updated_at": "2026-01-05T10:00:00.000Z",
            "something_new": true
        }))
        .unwrap()
    }

    #[test]
    fn a_request_reads_like_this() {
        let now = Some("2026-01-06T09:00:00Z".parse().unwrap());
        let drawn = draw(&sample(), Style::default(), now);
        assert_eq!(drawn, include_str!("golden/show.txt").trim_end_matches('\n'), "\n{drawn}");
    }

    #[test]
    fn on_a_narrow_terminal_the_steps_stand_one_below_the_other() {
        let now = Some("2026-01-06T09:00:00Z".parse().unwrap());
        let drawn = steps(&sample().steps, Style { width: Some(80), ..Style::default() }, now);
        assert_eq!(drawn, include_str!("golden/steps_narrow.txt").trim_end_matches('\n'), "\n{drawn}");
    }

    #[test]
    fn a_closed_request_says_how_it_ended() {
        let mut request = sample();
        request.status = "rejected".to_owned();
        request.outcome = serde_json::from_value(json!({"by": "bob", "at": "2026-01-06T08:00:00.000Z", "reason": "too dear"})).unwrap();
        let head = head(&request, Style::default(), Some("2026-01-06T09:00:00Z".parse().unwrap())).join("\n");
        assert!(head.contains("rejected by bob, 60 min ago, Tue 2026-01-06 08:00Z: “too dear”"), "{head}");
    }

    #[test]
    fn candidates_read_as_words() {
        assert_eq!(seat("user:bob"), "bob");
        assert_eq!(seat("any_of:role:legal,user:u_cfo"), "one of role legal or u_cfo");
        assert_eq!(seat("@2:role:cfo"), "role cfo (level 2)");
        assert_eq!(seat("bob"), "bob");
    }
}
