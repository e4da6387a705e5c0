//! Every status × every command: what comes of it. The table and the diagram in docs/lifecycle.md are drawn from what was seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use approvals_domain::command::Command;
use approvals_domain::commit::Kind;
use approvals_domain::effect::EffectState;
use approvals_domain::event::{EffectEnd, Event};
use approvals_domain::state::Status;
use approvals_domain::template::{EffectRules, Group, OnTimeout};
use approvals_domain::timers::{Due, Timer, Wait};
use serde_json::json;

use crate::desk::{Answer, Desk, clock, desk, template_with};
use crate::paper;
use crate::refusals;
use crate::world::{MORNING, World};

/// Where a request stands: a name, its status, and how far its effect is. `approved` is without an effect that waits.
type Stand = (&'static str, Option<Status>, EffectState);

/// Every status there is, and none; then `approved` with `effect.confirm`.
const STANDS: [Stand; 11] = [
    ("none", None, EffectState::None),
    ("pending", Some(Status::Pending), EffectState::None),
    ("in_progress", Some(Status::InProgress), EffectState::None),
    ("returned", Some(Status::Returned), EffectState::None),
    ("approved", Some(Status::Approved), EffectState::None),
    ("rejected", Some(Status::Rejected), EffectState::None),
    ("cancelled", Some(Status::Cancelled), EffectState::None),
    ("expired", Some(Status::Expired), EffectState::None),
    ("effect_pending", Some(Status::Approved), EffectState::Pending),
    ("effect_started", Some(Status::Approved), EffectState::Started),
    ("effect_done", Some(Status::Approved), EffectState::Done),
];

/// A new status does not compile until it has a column.
const fn column(status: Status) -> usize {
    match status {
        Status::Pending => 1,
        Status::InProgress => 2,
        Status::Returned => 3,
        Status::Approved => 4,
        Status::Rejected => 5,
        Status::Cancelled => 6,
        Status::Expired => 7,
    }
}

/// The row's command. A new kind does not compile until it has a row.
const fn kind_has_a_row(kind: Kind) -> &'static str {
    match kind {
        Kind::Submit => "submit",
        Kind::Vote => "approve",
        Kind::Resubmit => "resubmit",
        Kind::Cancel => "cancel",
        Kind::Reassign => "reassign",
        Kind::Comment => "comment",
        Kind::Reroute => "reroute",
        Kind::Remind => "remind",
        Kind::Escalate => "escalate",
        Kind::TimeOut => "time out",
        Kind::Transfer => "transfer",
        Kind::RemindRequester => "remind the requester",
        Kind::Expire => "expire",
        Kind::StartEffect => "start",
        Kind::FinishEffect => "finish",
        Kind::RemindEffect => "remind of the effect",
        Kind::Recall => "recall",
        Kind::WithdrawVote => "withdraw",
        Kind::Erase => "erase",
    }
}

type Row = (&'static str, fn(&mut Desk) -> Answer);

/// Commands by those who may give them, in the variants that end differently.
const ROWS: [Row; 35] = [
    ("submit", |desk| desk.submit("rita")),
    ("submit, too few can vote", |desk| {
        desk.world.set_role("p", "a");
        desk.submit("rita")
    }),
    ("submit, no step applies", |desk| {
        desk.condition("x", false);
        desk.submit("rita")
    }),
    ("approve, more needed", |desk| desk.approve("a", "x")),
    ("approve, the last", |desk| {
        let _ = desk.approve("b", "x");
        desk.approve("a", "x")
    }),
    ("reject", |desk| desk.reject("a", "x")),
    ("return", |desk| desk.send_back("a", "x")),
    ("resubmit", |desk| desk.resubmit("rita")),
    ("resubmit, too few can vote", |desk| {
        desk.world.set_role("p", "a");
        desk.resubmit("rita")
    }),
    ("cancel", |desk| desk.cancel("rita")),
    ("reassign", |desk| desk.reassign("a", "x", None, "c")),
    ("comment", |desk| desk.comment("rita")),
    ("reroute, too few left", |desk| {
        desk.world.set_role("p", "a");
        desk.reroute()
    }),
    ("reroute, enough again", |desk| {
        desk.world.set_role("p", "a b");
        desk.reroute()
    }),
    ("remind", |desk| fire(desk, 24.0, Timer::Remind(1))),
    ("escalate, too early", |desk| fire(desk, 47.0, Timer::Escalate(1))),
    ("escalate, somebody more", |desk| fire(desk, 48.0, Timer::Escalate(1))),
    ("time out, approve", |desk| time_out(desk, OnTimeout::Approve)),
    ("time out, reject", |desk| time_out(desk, OnTimeout::Reject)),
    ("time out, expire", |desk| time_out(desk, OnTimeout::Expire)),
    ("transfer", |desk| desk.transfer("z", "c")),
    ("remind the requester", |desk| wait(desk, 48.0, Wait::Remind(1))),
    ("expire, too early", |desk| wait(desk, 48.0, Wait::Expire)),
    ("expire", |desk| wait(desk, 24.0 * 60.0, Wait::Expire)),
    ("approve, the last before an effect", |desk| {
        desk.template.effect = with_effect();
        let _ = desk.approve("b", "x");
        desk.approve("a", "x")
    }),
    ("start", |desk| desk.start("rita")),
    ("finish, done", |desk| desk.finish("rita", EffectEnd::Done)),
    ("finish, failed", |desk| desk.finish("rita", EffectEnd::Failed)),
    ("remind of the effect", |desk| {
        desk.now = desk.now.plus_hours(24.0);
        desk.give(&clock(), &Command::RemindEffect)
    }),
    ("recall, by an approver", |desk| {
        let _ = desk.approve("b", "x");
        desk.recall("b")
    }),
    ("recall, by the requester", |desk| desk.recall("rita")),
    ("recall, by an administrator", |desk| desk.recall("z")),
    ("withdraw", |desk| {
        let _ = desk.approve("b", "x");
        desk.withdraw("b", "x")
    }),
    ("withdraw, while too few can vote", |desk| {
        let _ = desk.approve("a", "x");
        desk.world.set_role("p", "a");
        let _ = desk.reroute();
        desk.withdraw("a", "x")
    }),
    ("erase", |desk| desk.erase("z")),
];

fn with_effect() -> Option<EffectRules> {
    serde_json::from_value(json!({ "confirm": true })).unwrap()
}

fn wait(desk: &mut Desk, after_hours: f64, wait: Wait) -> Answer {
    desk.now = desk.now.max(MORNING.plus_hours(after_hours).plus_millis(10));
    desk.give(&clock(), &Due::Returned(wait).command())
}

fn fire(desk: &mut Desk, after_hours: f64, timer: Timer) -> Answer {
    desk.now = desk.now.max(MORNING.plus_hours(after_hours).plus_millis(1));
    desk.fire("x", timer)
}

/// Two gaps of 48 hours after the opening, the level having fired.
fn time_out(desk: &mut Desk, on_timeout: OnTimeout) -> Answer {
    if let [Group::One(step)] = desk.template.steps.as_mut_slice() {
        step.on_timeout = on_timeout;
    }
    let _ = fire(desk, 48.0, Timer::Escalate(1));
    fire(desk, 96.0, Timer::TimeOut)
}

fn fresh() -> Desk {
    let steps = json!([{ "id": "x", "when": "metadata.x", "approvers": [{ "role": "p" }], "required": 2, "fallback": "none",
        "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "user": "c" }] }], "on_timeout": "expire" }]);
    let more = json!({ "when_empty": "approve", "returned": { "expire": "60d" } });
    desk(World::of("rita a b c z").role("p", "a b").role("approval_admin", "z"), template_with(steps, more))
}

fn at_stand((_, status, effect): Stand) -> Desk {
    let mut desk = fresh();
    desk.template.effect = with_effect().filter(|_| effect != EffectState::None);
    let Some(status) = status else { return desk };
    if status == Status::Pending {
        desk.world.set_role("p", "a");
    }
    desk.submit("rita").unwrap();
    match status {
        Status::Pending | Status::InProgress => {}
        Status::Returned => drop(desk.send_back("b", "x").unwrap()),
        Status::Approved => {
            desk.approve("b", "x").unwrap();
            desk.world.set_role("p", "a b c");
            desk.approve("c", "x").unwrap();
            desk.world.set_role("p", "a b");
            if matches!(effect, EffectState::Started | EffectState::Done) {
                desk.start("rita").unwrap();
            }
            if effect == EffectState::Done {
                desk.finish("rita", EffectEnd::Done).unwrap();
            }
        }
        Status::Rejected => drop(desk.reject("b", "x").unwrap()),
        Status::Cancelled => drop(desk.cancel("rita").unwrap()),
        Status::Expired => drop(time_out(&mut desk, OnTimeout::Expire).unwrap()),
    }
    assert_eq!((desk.status(), desk.request().effect_state()), (status, effect));
    desk
}

/// The name of where a request stands now.
fn name(desk: &Desk) -> &'static str {
    let Some(request) = &desk.state else { return "none" };
    match (request.effect_state(), request.status()) {
        (EffectState::Pending, _) => "effect_pending",
        (EffectState::Started, _) => "effect_started",
        (EffectState::Done, _) => "effect_done",
        (EffectState::Failed, _) => "effect_failed",
        (EffectState::None, status) => status.as_str(),
    }
}

fn outcome(desk: &Desk, answer: &Answer) -> String {
    match answer {
        Err(refusal) => format!("{} `{}`", refusals::status(refusal), refusal.code()),
        Ok(events) if events.is_empty() => "nothing".to_owned(),
        Ok(events) => {
            let kinds: Vec<String> = events.iter().map(kind).collect();
            format!("**{}**: {}", desk.status().as_str(), kinds.join(", "))
        }
    }
}

/// The event's own name in the bytes.
pub(crate) fn kind(event: &Event) -> String {
    serde_json::to_value(event).unwrap()["k"].as_str().unwrap().to_owned()
}

const BUSY: &str = "409 `entity_busy`";
const CLOSED: &str = "409 `request_closed`";
const ABSENT: &str = "404 `not_found`";
const NOT_OPEN: &str = "409 `step_not_open`";
const COUNTED: &str = "409 `vote_counted`";
const NOT_RETURNED: &str = "409 `not_returned`";
const NOT_CLOSED: &str = "409 `not_closed`";
const NOT_APPROVED: &str = "409 `not_approved`";
const NOT_STARTED: &str = "409 `effect_not_started`";
const STARTED: &str = "409 `effect_started`";
const NOT_ALLOWED: &str = "403 `not_allowed`";
const NO_VOTE: &str = "409 `no_such_vote`";
const NOTHING: &str = "nothing";

/// What must come of each cell, by row; columns as in [`STANDS`].
const EXPECTED: &[(&str, [&str; 11])] = &[
    ("submit", ["**in_progress**: submitted, opened", BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY]),
    ("submit, too few can vote", ["**pending**: submitted, blocked", BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY]),
    ("submit, no step applies", ["**approved**: submitted, approved", BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY]),
    (
        "approve, more needed",
        [ABSENT, NOT_OPEN, "**in_progress**: voted", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED],
    ),
    (
        "approve, the last",
        [ABSENT, NOT_OPEN, "**approved**: voted, closed, approved", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED],
    ),
    (
        "reject",
        [ABSENT, NOT_OPEN, "**rejected**: voted, closed, rejected", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED],
    ),
    (
        "return",
        [ABSENT, NOT_OPEN, "**returned**: voted, closed, returned", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED],
    ),
    (
        "resubmit",
        [
            ABSENT,
            NOT_RETURNED,
            NOT_RETURNED,
            "**in_progress**: resubmitted, opened",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_RETURNED,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "resubmit, too few can vote",
        [
            ABSENT,
            NOT_RETURNED,
            NOT_RETURNED,
            "**pending**: resubmitted, blocked",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_RETURNED,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "cancel",
        [
            ABSENT,
            "**cancelled**: closed, cancelled",
            "**cancelled**: closed, cancelled",
            "**cancelled**: cancelled",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            "**cancelled**: cancelled",
            STARTED,
            STARTED,
        ],
    ),
    (
        "reassign",
        [
            ABSENT,
            "**pending**: reassigned",
            "**in_progress**: reassigned",
            NOT_OPEN,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_OPEN,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "comment",
        [
            ABSENT,
            "**pending**: commented",
            "**in_progress**: commented",
            "**returned**: commented",
            "**approved**: commented",
            "**rejected**: commented",
            "**cancelled**: commented",
            "**expired**: commented",
            "**approved**: commented",
            "**approved**: commented",
            "**approved**: commented",
        ],
    ),
    (
        "reroute, too few left",
        [ABSENT, NOTHING, "**pending**: blocked", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING],
    ),
    (
        "reroute, enough again",
        [ABSENT, "**in_progress**: opened", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING],
    ),
    ("remind", [ABSENT, "409 `not_due`", "**in_progress**: reminded", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED]),
    ("escalate, too early", [ABSENT, "409 `not_due`", "409 `not_due`", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED]),
    (
        "escalate, somebody more",
        [
            ABSENT,
            "**in_progress**: escalated, opened",
            "**in_progress**: escalated",
            NOT_OPEN,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_OPEN,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "time out, approve",
        [
            ABSENT,
            "**approved**: timed_out, closed, approved",
            "**approved**: timed_out, closed, approved",
            NOT_OPEN,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_OPEN,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "time out, reject",
        [
            ABSENT,
            "**rejected**: timed_out, closed, rejected",
            "**rejected**: timed_out, closed, rejected",
            NOT_OPEN,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_OPEN,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "time out, expire",
        [
            ABSENT,
            "**expired**: timed_out, closed, expired",
            "**expired**: timed_out, closed, expired",
            NOT_OPEN,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_OPEN,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "transfer",
        [
            ABSENT,
            "**returned**: transferred, closed, returned",
            "**returned**: transferred, closed, returned",
            "**returned**: transferred",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            "**returned**: transferred, returned",
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "remind the requester",
        [
            ABSENT,
            NOT_RETURNED,
            NOT_RETURNED,
            "**returned**: requester_reminded",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            NOT_RETURNED,
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "expire, too early",
        [ABSENT, NOT_RETURNED, NOT_RETURNED, "409 `not_due`", CLOSED, CLOSED, CLOSED, CLOSED, "409 `not_due`", CLOSED, CLOSED],
    ),
    (
        "expire",
        [
            ABSENT,
            NOT_RETURNED,
            NOT_RETURNED,
            "**expired**: expired",
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            "**expired**: expired",
            CLOSED,
            CLOSED,
        ],
    ),
    (
        "approve, the last before an effect",
        [ABSENT, NOT_OPEN, "**approved**: voted, closed, approved", NOT_OPEN, CLOSED, CLOSED, CLOSED, CLOSED, NOT_OPEN, CLOSED, CLOSED],
    ),
    (
        "start",
        [
            ABSENT,
            NOT_APPROVED,
            NOT_APPROVED,
            NOT_APPROVED,
            NOT_APPROVED,
            NOT_APPROVED,
            NOT_APPROVED,
            NOT_APPROVED,
            "**approved**: effect_started",
            STARTED,
            STARTED,
        ],
    ),
    (
        "finish, done",
        [
            ABSENT,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            "**approved**: effect_finished",
            NOT_STARTED,
        ],
    ),
    (
        "finish, failed",
        [
            ABSENT,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            "**approved**: effect_finished",
            NOT_STARTED,
        ],
    ),
    (
        "remind of the effect",
        [
            ABSENT,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            NOT_STARTED,
            "**approved**: effect_reminded",
            NOT_STARTED,
        ],
    ),
    (
        "recall, by an approver",
        [
            ABSENT,
            ABSENT,
            "**returned**: recalled, closed, returned",
            NOT_ALLOWED,
            CLOSED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            "**returned**: recalled, returned",
            STARTED,
            STARTED,
        ],
    ),
    (
        "recall, by the requester",
        [
            ABSENT,
            "**returned**: recalled, closed, returned",
            "**returned**: recalled, closed, returned",
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
            NOT_ALLOWED,
        ],
    ),
    (
        "recall, by an administrator",
        [
            ABSENT,
            "**returned**: recalled, closed, returned",
            "**returned**: recalled, closed, returned",
            NOT_APPROVED,
            CLOSED,
            CLOSED,
            CLOSED,
            CLOSED,
            "**returned**: recalled, returned",
            STARTED,
            STARTED,
        ],
    ),
    ("withdraw", [ABSENT, ABSENT, "**in_progress**: vote_withdrawn", NOT_OPEN, CLOSED, CLOSED, NO_VOTE, NO_VOTE, COUNTED, CLOSED, CLOSED]),
    (
        "withdraw, while too few can vote",
        [ABSENT, NO_VOTE, "**pending**: vote_withdrawn", NO_VOTE, NO_VOTE, NO_VOTE, NO_VOTE, NO_VOTE, NO_VOTE, NO_VOTE, NO_VOTE],
    ),
    (
        "erase",
        [
            ABSENT,
            NOT_CLOSED,
            NOT_CLOSED,
            NOT_CLOSED,
            "**approved**: erased",
            "**rejected**: erased",
            "**cancelled**: erased",
            "**expired**: erased",
            NOT_CLOSED,
            NOT_CLOSED,
            "**approved**: erased",
        ],
    ),
];

#[test]
fn every_status_answers_every_command_as_the_table_says() {
    let mut page = String::from(
        "# Lifecycle of a request\n\nWritten by `shared/domain/tests/domain/lifecycle.rs`, which visits every cell. The request has one step that needs two of \
         the role's members `a` and `b`,\n`fallback: none`. `effect_pending`, `effect_started` and `effect_done` are `approved` in a template with `effect.confirm`. A cell is the new status and the events, or the refusal; **nothing** means: accepted, \
         and nothing is written.\n\n```mermaid\nstateDiagram-v2\n",
    );
    let mut table = String::from("| command |");
    for (stand, ..) in STANDS {
        write!(table, " {stand} |").unwrap();
    }
    table.push_str(&format!("\n|{}\n", "---|".repeat(STANDS.len() + 1)));
    let mut edges = BTreeSet::new();
    let mut wrong = String::new();
    for (row, (command, give)) in ROWS.iter().enumerate() {
        write!(table, "| {command} |").unwrap();
        for (column, stand) in STANDS.into_iter().enumerate() {
            let mut desk = at_stand(stand);
            let before = name(&desk);
            let answer = give(&mut desk);
            let seen = outcome(&desk, &answer);
            write!(table, " {seen} |").unwrap();
            let wanted = EXPECTED.get(row).map_or("", |(_, cells)| cells[column]);
            if EXPECTED.get(row).map(|(name, _)| name) != Some(command) || wanted != seen {
                writeln!(wrong, "{command} × {}: {seen}, expected {wanted}", stand.0).unwrap();
            }
            let after = name(&desk);
            if after != before && answer.is_ok() {
                edges.insert((before, after, *command));
            }
        }
        table.push('\n');
    }
    for (from, to, command) in &edges {
        writeln!(page, "    {} --> {to}: {command}", if *from == "none" { "[*]" } else { from }).unwrap();
    }
    for end in ["approved", "rejected", "cancelled", "expired", "effect_done"] {
        writeln!(page, "    {end} --> [*]").unwrap();
    }
    writeln!(page, "```\n\n{table}").unwrap();
    page.truncate(page.trim_end().len());
    page.push('\n');
    assert!(wrong.is_empty(), "{wrong}\n{table}");
    paper::keep("lifecycle.md", &page);
}

#[test]
fn every_kind_of_command_and_every_status_is_in_the_table() {
    for kind in [
        Kind::Submit,
        Kind::Vote,
        Kind::Resubmit,
        Kind::Cancel,
        Kind::Reassign,
        Kind::Comment,
        Kind::Reroute,
        Kind::Remind,
        Kind::Escalate,
        Kind::TimeOut,
        Kind::Transfer,
        Kind::RemindRequester,
        Kind::Expire,
        Kind::StartEffect,
        Kind::FinishEffect,
        Kind::RemindEffect,
        Kind::Recall,
        Kind::WithdrawVote,
        Kind::Erase,
    ] {
        let row = kind_has_a_row(kind);
        assert!(ROWS.iter().any(|(command, _)| command.starts_with(row)), "{row}");
    }
    for (place, (name, status, _)) in STANDS.into_iter().take(8).enumerate() {
        assert_eq!((status.map_or(0, column), status.map_or("none", Status::as_str)), (place, name));
    }
}
