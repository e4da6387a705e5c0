//! `approvals inbox`: what waits for the caller, soonest due first.

use crate::Session;
use crate::answer::{Count, Me, Task};
use crate::client::Call;
use crate::failure::Failure;
use crate::list;
use crate::output::{Now, Shown, Style, Table, due};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Everything, not only the 25 most urgent.
    #[arg(long)]
    all: bool,
}

/// Asks page by page.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let found = list::collect(session, "/v1/inbox", Vec::new(), if args.all { usize::MAX } else { 25 })?;
    let tasks = found.items::<Task>(session)?;
    let mut text = draw(&tasks, session.style, found.now);
    if found.next_cursor.is_some() {
        text.push_str("\nthere is more: approvals inbox --all");
    }
    let (me, _): (Me, _) = session.client.ask(&Call::get("/v1/me".to_owned()))?;
    text.push_str(&sent_back(&me.counts.returned));
    Ok(Shown { body: found.body(), text })
}

/// That the caller's own requests wait for them as well.
fn sent_back(returned: &Count) -> String {
    let (count, more) = (returned.count, if returned.more { " or more" } else { "" });
    match count {
        0 => String::new(),
        1 => "\n1 request was sent back to you: approvals list --status returned".to_owned(),
        _ => format!("\n{count}{more} requests were sent back to you: approvals list --status returned"),
    }
}

fn draw(tasks: &[Task], style: Style, now: Now) -> String {
    if tasks.is_empty() {
        return "nothing waits for you".to_owned();
    }
    let mut table = Table::new(style, ["DUE", "REQUEST", "STEP", "TITLE", "FROM", "ON BEHALF OF"]);
    for task in tasks {
        let request = &task.request;
        table.row([
            task.due_at.map(|at| due(at, now)).unwrap_or_default(),
            request.id.clone(),
            task.step.clone(),
            request.title.clone().unwrap_or_else(|| "(erased)".to_owned()),
            request.requester.clone(),
            task.on_behalf_of.clone().unwrap_or_default(),
        ]);
    }
    format!("{}\n\nlook: approvals show REQUEST   vote: approvals decide REQUEST STEP approve", table.draw())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_inbox_reads_like_this() {
        let tasks: Vec<Task> = serde_json::from_value(json!([
            {"request": {"id": "01hzy3k8m2n4p6q8r0s2t4v6w8", "title": "Two chairs\u{1b}[2J", "template": {"key": "purchase_order", "version": 1},
                "requester": "alice", "revision": 1, "payload_hash": "h"}, "step": "manager", "seat": "bob", "due_at": "2026-01-06T09:00:00.000Z"},
            {"request": {"id": "01hzy3k8m2n4p6q8r0s2t4v6w9", "title": "Desk", "template": {"key": "purchase_order", "version": 1},
                "requester": "carol", "revision": 2, "payload_hash": "h"}, "step": "finance", "seat": "eve", "on_behalf_of": "eve",
                "due_at": "2026-01-08T09:00:00.000Z", "new_field": 1}
        ]))
        .unwrap();
        let now = Some("2026-01-06T10:30:00Z".parse().unwrap());
        assert_eq!(
            draw(&tasks, Style::default(), now),
            "\
DUE                                       REQUEST                     STEP     TITLE                FROM   ON BEHALF OF
overdue by 90 min, Tue 2026-01-06 09:00Z  01hzy3k8m2n4p6q8r0s2t4v6w8  manager  Two chairs\\u{1b}[2J  alice
in 47 h, Thu 2026-01-08 09:00Z            01hzy3k8m2n4p6q8r0s2t4v6w9  finance  Desk                 carol  eve

look: approvals show REQUEST   vote: approvals decide REQUEST STEP approve"
        );
        assert_eq!(draw(&[], Style::default(), None), "nothing waits for you");
        assert_eq!(sent_back(&Count::default()), "");
        assert_eq!(sent_back(&Count { count: 2, more: false }), "\n2 requests were sent back to you: approvals list --status returned");
    }
}
