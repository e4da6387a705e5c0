//! `approvals delegate`: pass a right on for a time, see who passed what to whom, take it back.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Session;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::list;
use crate::options::Once;
use crate::output::{Shown, Style, Table, plain, state};

/// What can be done with delegations.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Pass a right on for a time.
    Give(Box<Give>),
    /// List what was given, or received.
    List {
        /// What others passed to this person, not what they gave.
        #[arg(long)]
        received: bool,
        /// Whose [default: the caller's]; only administrators name another.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Take a delegation back, at once.
    Revoke {
        /// The delegation.
        #[arg(value_name = "DELEGATION")]
        id: String,
    },
}

/// A new delegation.
#[derive(Debug, clap::Args)]
pub struct Give {
    /// Who may use the right.
    to: String,
    /// From then on: RFC 3339.
    #[arg(long, value_name = "TIME")]
    starts: String,
    /// Until just before then: RFC 3339.
    #[arg(long, value_name = "TIME")]
    ends: String,
    /// Whose right [default: the caller's]; only administrators name another.
    #[arg(long, value_name = "USER")]
    from: Option<String>,
    /// Only requests of this template; may be repeated.
    #[arg(long = "template", value_name = "KEY")]
    templates: Vec<String>,
    /// Only this step; may be repeated.
    #[arg(long = "step", value_name = "STEP")]
    steps: Vec<String>,
    /// Only up to this amount.
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    max: Option<f64>,
    /// In this currency, such as EUR.
    #[arg(long, requires = "max")]
    currency: Option<String>,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    once: Once,
}

/// A delegation as shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delegation {
    id: String,
    from: String,
    to: String,
    starts_at: String,
    ends_at: String,
    templates: Option<Vec<String>>,
    steps: Option<Vec<String>>,
    max: Option<Max>,
    status: String,
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Max {
    amount: f64,
    currency: String,
}

/// Gives, lists or takes back.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    match action {
        Action::Give(give) => {
            let (key, body) = (give.once.key(), give.body());
            let call = Call::post("/v1/delegations".to_owned(), Some(&key), &body);
            let (made, answer) = session.client.ask::<Delegation>(&call)?;
            Ok(Shown { text: sentence(&made), body: answer.body })
        }
        Action::List { received, user } => {
            let direction = if *received { "received" } else { "given" };
            let filter = vec![("direction", Some(direction.to_owned())), ("user", user.clone())];
            let found = list::collect(session, "/v1/delegations", filter, usize::MAX)?;
            Ok(Shown { text: draw(&found.items(session)?, direction, session.style), body: found.body() })
        }
        Action::Revoke { id } => {
            let answer = session.client.send(&Call::delete(format!("/v1/delegations/{}", segment(id))))?;
            Ok(Shown { text: format!("delegation {} does not hold any more", plain(id)), body: answer.body })
        }
    }
}

impl Give {
    fn body(&self) -> Value {
        let mut body = json!({ "to": self.to, "starts_at": self.starts, "ends_at": self.ends, "reason": self.reason });
        let some = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        let max = self.max.zip(self.currency.as_ref()).map(|(amount, currency)| json!({ "amount": amount, "currency": currency }));
        let optional = [
            ("from", self.from.as_ref().map(|id| json!(id))),
            ("templates", some(&self.templates)),
            ("steps", some(&self.steps)),
            ("max", max),
        ];
        if let Some(fields) = body.as_object_mut() {
            fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        body
    }
}

/// `bob stands in for alice from … until …: delegation ID`.
fn sentence(made: &Delegation) -> String {
    let Delegation { id, from, to, starts_at, ends_at, .. } = made;
    plain(&format!("{to} stands in for {from} from {starts_at} until {ends_at}{}: delegation {id}", scope(made))).into_owned()
}

fn scope(of: &Delegation) -> String {
    let named =
        |what: &str, list: &Option<Vec<String>>| list.as_ref().map(|list| format!(", {what} {}", list.join(", "))).unwrap_or_default();
    let max = of.max.as_ref().map(|max| format!(", up to {} {}", max.amount, max.currency)).unwrap_or_default();
    format!("{}{}{max}", named("templates", &of.templates), named("steps", &of.steps))
}

fn draw(delegations: &[Delegation], direction: &str, style: Style) -> String {
    if delegations.is_empty() {
        return format!("no delegation was {direction}");
    }
    let mut table = Table::new(style, ["DELEGATION", "FROM", "TO", "STARTS", "ENDS", "NOW", "FOR", "REASON"]);
    for one in delegations {
        let scope = scope(one);
        table.row([
            one.id.clone(),
            one.from.clone(),
            one.to.clone(),
            one.starts_at.clone(),
            one.ends_at.clone(),
            state(&one.status),
            if scope.is_empty() { "everything".to_owned() } else { scope.trim_start_matches(", ").to_owned() },
            one.reason.clone().unwrap_or_else(|| "(erased)".to_owned()),
        ]);
    }
    table.draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegations_read_like_this() {
        let one: Delegation = serde_json::from_value(json!({
            "id": "d1", "from": "alice", "to": "bob", "starts_at": "2026-01-05T09:00:00.000Z", "ends_at": "2026-01-12T09:00:00.000Z",
            "steps": ["manager"], "max": {"amount": 1000.0, "currency": "EUR"}, "status": "in_force", "reason": "Holiday\u{1b}[2J"}))
        .unwrap();
        assert_eq!(
            sentence(&one),
            "bob stands in for alice from 2026-01-05T09:00:00.000Z until 2026-01-12T09:00:00.000Z, steps manager, up to 1000 EUR: delegation d1"
        );
        assert_eq!(
            draw(&[one], "given", Style::default()),
            "\
DELEGATION  FROM   TO   STARTS                    ENDS                      NOW       FOR                            REASON
d1          alice  bob  2026-01-05T09:00:00.000Z  2026-01-12T09:00:00.000Z  in force  steps manager, up to 1000 EUR  Holiday\\u{1b}[2J"
        );
        assert_eq!(draw(&[], "received", Style::default()), "no delegation was received");
    }
}
