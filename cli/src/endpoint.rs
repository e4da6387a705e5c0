//! `approvals endpoint`: webhook endpoints, what became of their events, and sending some again.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Session;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::list;
use crate::options::Once;
use crate::output::{Shown, Style, Table, plain, state};

/// What can be done with endpoints.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add an endpoint, or replace it. A new one shows its secret, once.
    Put(Put),
    /// Show an endpoint, without its secret.
    Show {
        /// The endpoint.
        #[arg(value_name = "ENDPOINT")]
        id: String,
    },
    /// Give an endpoint a new secret and show it, once. The one before signs beside it for 24 hours.
    Rotate {
        /// The endpoint.
        #[arg(value_name = "ENDPOINT")]
        id: String,
    },
    /// Send again what an endpoint was to get in a time, what it missed while it was switched off included.
    Replay(Replay),
    /// List what was to be sent, newest first, and what became of it.
    Deliveries {
        /// The endpoint.
        #[arg(value_name = "ENDPOINT")]
        id: String,
        /// At most so many.
        #[arg(long, default_value_t = 25, value_name = "COUNT")]
        limit: usize,
    },
    /// Remove an endpoint and its secrets.
    Remove {
        /// The endpoint.
        #[arg(value_name = "ENDPOINT")]
        id: String,
    },
}

/// An endpoint, as typed.
#[derive(Debug, clap::Args)]
pub struct Put {
    /// A name of your own.
    #[arg(value_name = "ENDPOINT")]
    id: String,
    /// Where events go: https, port 443.
    // Not `url`: that is where the service is.
    address: String,
    /// A type of events, such as approvals.request.approved.v1; may be repeated.
    #[arg(long = "event", value_name = "TYPE", required = true)]
    events: Vec<String>,
    /// Keep events back; `replay` sends them later.
    #[arg(long)]
    inactive: bool,
}

/// What to send again, as typed.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The endpoint.
    #[arg(value_name = "ENDPOINT")]
    id: String,
    /// Events that happened from then on: RFC 3339.
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Until just before then: RFC 3339.
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Only events of this type; may be repeated.
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    #[command(flatten)]
    once: Once,
}

/// An endpoint, as the service answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    id: String,
    url: String,
    events: Vec<String>,
    active: bool,
    secret: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rotated {
    id: String,
    secret: String,
    previous_valid_until: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Replaying {
    endpoint: String,
    from: String,
    to: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    #[serde(rename = "type")]
    kind: String,
    request: String,
    at: String,
    state: String,
    attempts: u64,
    outcome: Option<String>,
    http_status: Option<u16>,
    next_try_at: Option<String>,
}

/// Does it.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    let client = &session.client;
    match action {
        Action::Put(put) => {
            let call = Call::put(path(&put.id, ""), "application/json", put.body().to_string());
            let (endpoint, answer) = client.ask::<Endpoint>(&call)?;
            let done = if answer.status == 201 { "added " } else { "replaced " };
            Ok(Shown { text: format!("{done}{}", draw(&endpoint)), body: answer.body })
        }
        Action::Show { id } => {
            let (endpoint, answer) = client.ask::<Endpoint>(&Call::get(path(id, "")))?;
            Ok(Shown { text: draw(&endpoint), body: answer.body })
        }
        Action::Rotate { id } => {
            let (rotated, answer) = client.ask::<Rotated>(&Call::post(path(id, "/rotate"), None, &json!({})))?;
            Ok(Shown { text: rotated.sentence(), body: answer.body })
        }
        Action::Replay(replay) => {
            let (key, body) = (replay.once.key(), replay.body());
            let (taken, answer) = client.ask::<Replaying>(&Call::post(path(&replay.id, "/replay"), Some(&key), &body))?;
            Ok(Shown { text: taken.sentence(), body: answer.body })
        }
        Action::Deliveries { id, limit } => {
            let found = list::collect(session, &path(id, "/deliveries"), Vec::new(), *limit)?;
            Ok(Shown { text: draw_deliveries(&found.items(session)?, session.style), body: found.body() })
        }
        Action::Remove { id } => {
            let answer = client.send(&Call::delete(path(id, "")))?;
            Ok(Shown { text: format!("endpoint {} is gone, with its secrets", plain(id)), body: answer.body })
        }
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/endpoints/{}{rest}", segment(id))
}

impl Put {
    fn body(&self) -> Value {
        json!({ "url": self.address, "events": self.events, "active": !self.inactive })
    }
}

impl Replay {
    fn body(&self) -> Value {
        let mut body = json!({ "from": self.from, "to": self.to });
        if let (Some(fields), false) = (body.as_object_mut(), self.events.is_empty()) {
            fields.insert("events".to_owned(), json!(self.events));
        }
        body
    }
}

impl Rotated {
    fn sentence(&self) -> String {
        let Self { id, secret, previous_valid_until } = self;
        let text = format!(
            "{id} signs with a new secret, which is not shown again: {secret}\nthe one before signs too until {previous_valid_until}"
        );
        text.lines().map(plain).collect::<Vec<_>>().join("\n")
    }
}

impl Replaying {
    fn sentence(&self) -> String {
        let Self { endpoint, from, to } = self;
        plain(&format!("{endpoint} gets again what happened from {from} until {to}, within a minute or so")).into_owned()
    }
}

fn draw(endpoint: &Endpoint) -> String {
    let mut lines = vec![format!("{}{}", plain(&endpoint.id), if endpoint.active { "" } else { " (switched off)" })];
    lines.push(format!("  url     {}", plain(&endpoint.url)));
    lines.extend(endpoint.events.iter().map(|event| format!("  event   {}", plain(event))));
    lines.extend(endpoint.secret.iter().map(|secret| format!("  secret  {} (not shown again)", plain(secret))));
    lines.join("\n")
}

fn draw_deliveries(deliveries: &[Delivery], style: Style) -> String {
    if deliveries.is_empty() {
        return "nothing was to be sent".to_owned();
    }
    let mut table = Table::new(style, ["HAPPENED", "EVENT", "REQUEST", "NOW", "TRIES", "WHY", "HTTP", "NEXT TRY"]);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for one in deliveries {
        table.row([
            one.at.clone(),
            one.kind.trim_start_matches("approvals.").to_owned(),
            one.request.clone(),
            state(&one.state),
            one.attempts.to_string(),
            or_none(one.outcome.clone()),
            or_none(one.http_status.map(|status| status.to_string())),
            or_none(one.next_try_at.clone()),
        ]);
    }
    table.draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_and_its_deliveries_read_like_this() {
        let endpoint: Endpoint = serde_json::from_value(json!({
            "id": "erp", "url": "https://hooks.example.com/a\u{1b}[2J", "events": ["approvals.request.approved.v1"], "active": false,
            "secret": "whsec_AAAA"}))
        .unwrap();
        assert_eq!(
            draw(&endpoint),
            "erp (switched off)\n  url     https://hooks.example.com/a\\u{1b}[2J\n  event   approvals.request.approved.v1\n  secret  whsec_AAAA (not shown again)"
        );
        let delivery: Delivery = serde_json::from_value(json!({
            "type": "approvals.request.approved.v1", "request": "01h", "at": "2026-01-05T09:00:00.000Z", "state": "failed", "attempts": 3,
            "outcome": "failing", "http_status": 500, "next_try_at": "2026-01-05T09:30:00.000Z"}))
        .unwrap();
        assert_eq!(
            draw_deliveries(&[delivery], Style::default()),
            "\
HAPPENED                  EVENT                REQUEST  NOW     TRIES  WHY      HTTP  NEXT TRY
2026-01-05T09:00:00.000Z  request.approved.v1  01h      failed  3      failing  500   2026-01-05T09:30:00.000Z"
        );
        assert_eq!(draw_deliveries(&[], Style::default()), "nothing was to be sent");
    }

    /// Every command takes `--url`, which says where the service is: an argument of that name would take its place.
    #[test]
    fn an_endpoint_s_address_is_not_where_the_service_is() {
        use clap::Parser;
        let cli = crate::args::Cli::try_parse_from([
            "approvals",
            "endpoint",
            "put",
            "erp",
            "https://there",
            "--event",
            "a",
            "--url",
            "http://here",
        ]);
        let crate::args::Cli { shared, command } = cli.unwrap();
        let crate::args::Command::Endpoint(Action::Put(put)) = command else { panic!("another command") };
        assert_eq!((shared.url.as_str(), put.body()), ("http://here", json!({ "url": "https://there", "events": ["a"], "active": true })));
    }

    #[test]
    fn what_is_replayed_is_what_was_typed() {
        let (id, from, to, once) = ("erp".to_owned(), "a".to_owned(), "b".to_owned(), Once::default());
        let mut replay = Replay { id, from, to, events: Vec::new(), once };
        assert_eq!(replay.body(), json!({ "from": "a", "to": "b" }));
        replay.events.push("x".to_owned());
        assert_eq!(replay.body()["events"], json!(["x"]));
    }
}
