//! `approvals list`, and lists in general: page after page until enough is there.

use clap::ArgGroup;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Session;
use crate::answer::{Page, Request};
use crate::client::{Call, query};
use crate::content::entity;
use crate::failure::Failure;
use crate::output::{Now, Shown, Style, Table, mark, state, when};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("which").args(["requester", "entity", "decided_by", "blocked", "overdue", "approver"])))]
pub struct Args {
    /// Requests of this person [default: the caller].
    #[arg(long, value_name = "USER")]
    requester: Option<String>,
    /// Requests about this.
    #[arg(long, value_name = "TYPE/ID", value_parser = entity)]
    entity: Option<Value>,
    /// Requests that this person voted on.
    #[arg(long, value_name = "USER")]
    decided_by: Option<String>,
    /// Requests that nobody can move: for administrators.
    #[arg(long)]
    blocked: bool,
    /// Requests with a step that is late, of templates with a clock: for administrators.
    #[arg(long)]
    overdue: bool,
    /// Requests that wait for this person's vote: for administrators.
    #[arg(long, value_name = "USER")]
    approver: Option<String>,
    /// Requests of this template; with another list only these of it.
    #[arg(long, value_name = "KEY")]
    template: Option<String>,
    /// Only in this status.
    #[arg(long, value_parser = STATUSES)]
    status: Option<String>,
    /// Only created at or after this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    created_from: Option<String>,
    /// Only created at or before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    created_to: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on where an earlier list ended.
    #[arg(long)]
    cursor: Option<String>,
}

const STATUSES: [&str; 7] = ["pending", "in_progress", "returned", "approved", "rejected", "cancelled", "expired"];

/// Lists requests: newest first, or what is due soonest first.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let entity = |field: &str| args.entity.as_ref().and_then(|e| e.get(field)).and_then(Value::as_str).map(str::to_owned);
    let filter = vec![
        ("requester", args.requester.clone()),
        ("template", args.template.clone()),
        ("blocked", args.blocked.then(|| "true".to_owned())),
        ("overdue", args.overdue.then(|| "true".to_owned())),
        ("approver", args.approver.clone()),
        ("decided_by", args.decided_by.clone()),
        ("entity_type", entity("type")),
        ("entity_id", entity("id")),
        ("status", args.status.clone()),
        ("created_from", args.created_from.clone()),
        ("created_to", args.created_to.clone()),
        ("cursor", args.cursor.clone()),
    ];
    let found = collect(session, "/v1/requests", filter, usize::try_from(args.limit).unwrap_or(usize::MAX))?;
    let mut text = draw(&found.items::<Request>(session)?, session.style, found.now);
    if let Some(cursor) = &found.next_cursor {
        text.push_str(&format!("\n\nthere is more: --limit N, or --cursor {cursor}"));
    }
    Ok(Shown { body: found.body(), text })
}

fn draw(requests: &[Request], style: Style, now: Now) -> String {
    if requests.is_empty() {
        return "no requests".to_owned();
    }
    let mut table = Table::new(style, ["", "REQUEST", "STATUS", "TITLE", "REQUESTER", "TEMPLATE", "CREATED"]);
    for request in requests {
        let mark = if request.blocked { mark("blocked").0 } else { mark(&request.status).0 };
        table.row([
            mark.to_string(),
            request.id.clone(),
            if request.blocked { format!("{}, blocked", state(&request.status)) } else { state(&request.status) },
            request.title.clone().unwrap_or_else(|| "(erased)".to_owned()),
            request.requester.clone(),
            request.template.key.clone(),
            request.created_at.map(|at| when(at, now)).unwrap_or_default(),
        ]);
    }
    table.draw()
}

/// Several pages as one.
#[derive(Debug)]
pub struct Found {
    /// As they came.
    items: Vec<Box<RawValue>>,
    /// Where more would begin.
    pub next_cursor: Option<String>,
    /// The service's clock.
    pub now: Now,
}

impl Found {
    /// In a shape.
    pub fn items<T: DeserializeOwned>(&self, session: &Session) -> Result<Vec<T>, Failure> {
        let read = self.items.iter().map(|item| serde_json::from_str(item.get())).collect::<Result<_, _>>();
        read.map_err(|error| session.client.not_understood(&error))
    }

    /// As one answer would be: every item to the byte.
    pub fn body(&self) -> String {
        let items = self.items.iter().map(|item| item.get()).collect::<Vec<_>>().join(",");
        let next = self.next_cursor.as_ref().map(|cursor| format!(",\"next_cursor\":{}", Value::from(cursor.as_str())));
        format!("{{\"items\":[{items}]{}}}", next.unwrap_or_default())
    }
}

/// The pages the service allows.
const PAGE_MAX: usize = 100;

/// Follows the cursors until `limit` items are there, or no more. A page may be short, or empty, and yet not the last.
pub fn collect(session: &Session, path: &str, filter: Vec<(&str, Option<String>)>, limit: usize) -> Result<Found, Failure> {
    let mut found = Found { items: Vec::new(), next_cursor: None, now: None };
    let mut filter = filter;
    loop {
        let wanted = limit.saturating_sub(found.items.len()).min(PAGE_MAX);
        if wanted == 0 {
            return Ok(found);
        }
        let pairs = filter.iter().cloned().chain([("limit", Some(wanted.to_string()))]);
        let (page, answer) = session.client.ask::<Page<Box<RawValue>>>(&Call::get(format!("{path}{}", query(pairs))))?;
        found.items.extend(page.items);
        found.now = answer.now;
        found.next_cursor = page.next_cursor;
        let Some(next) = found.next_cursor.clone() else { return Ok(found) };
        filter.retain(|(name, _)| *name != "cursor");
        filter.push(("cursor", Some(next)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trial::{answer, server, session};

    #[test]
    fn pages_are_followed_until_there_is_enough_even_past_a_short_one() {
        let (url, thread) = server([
            answer("200 OK", &json!({"items": [1, 2], "next_cursor": "c/1"})),
            answer("200 OK", &json!({"items": [], "next_cursor": "c2"})),
            answer("200 OK", &json!({"items": [3], "next_cursor": "c3"})),
        ]);
        let found = collect(&session(&url), "/v1/inbox", vec![("status", None)], 3).unwrap();
        assert_eq!(found.body(), r#"{"items":[1,2,3],"next_cursor":"c3"}"#);
        let asked: Vec<String> = thread.join().unwrap().into_iter().map(|(head, _)| head.lines().next().unwrap().to_owned()).collect();
        assert_eq!(
            asked,
            ["GET /v1/inbox?limit=3 HTTP/1.1", "GET /v1/inbox?cursor=c%2F1&limit=1 HTTP/1.1", "GET /v1/inbox?cursor=c2&limit=1 HTTP/1.1"]
        );
    }

    #[test]
    fn a_list_reads_like_this() {
        let requests: Vec<Request> = serde_json::from_value(json!([
            {"id": "01a", "status": "in_progress", "blocked": true, "title": "Two chairs", "requester": "alice",
                "template": {"key": "purchase_order", "version": 1}, "created_at": "2026-01-05T09:00:00.000Z"},
            {"id": "01b", "status": "approved", "title": null, "requester": "bob", "template": {"key": "refund", "version": 2},
                "created_at": "2026-01-01T09:00:00.000Z"}
        ]))
        .unwrap();
        let now = Some("2026-01-05T09:02:00Z".parse().unwrap());
        assert_eq!(
            draw(&requests, Style::default(), now),
            "   REQUEST  STATUS                TITLE       REQUESTER  TEMPLATE        CREATED
!  01a      in progress, blocked  Two chairs  alice      purchase_order  2 min ago, Mon 2026-01-05 09:00Z
✓  01b      approved              (erased)    bob        refund          4 d ago, Thu 2026-01-01 09:00Z"
        );
    }
}
