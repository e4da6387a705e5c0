//! A refusal as the service words it (RFC 9457), and as a person should read it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::output::{Ink, Style, plain};

/// A problem body. Fields it does not know are kept in `extra`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// What kind of thing went wrong, in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable, for machines.
    pub code: String,
    /// What went wrong this time.
    pub detail: String,
    /// Where in the body, one by one.
    pub errors: Vec<At>,
    /// What else the service says, for example `request` of `entity_busy`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// The body as it came.
    #[serde(skip)]
    pub raw: String,
}

/// One fault and its place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct At {
    /// JSON pointer into the body sent.
    pub pointer: String,
    /// Stable, for machines.
    pub code: String,
    /// In words.
    pub detail: String,
}

impl Problem {
    /// Reads the body of an answer with an error status. What is no problem body (a gateway's own words) becomes one.
    pub fn read(status: u16, raw: String) -> Self {
        let body: Option<Map<String, Value>> = serde_json::from_str(&raw).ok();
        let read: Option<Self> = body.clone().and_then(|body| serde_json::from_value(Value::Object(body)).ok());
        match read.filter(|problem| !problem.code.is_empty()) {
            Some(problem) => Self { status, raw, ..problem },
            None => {
                let message = body.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str).unwrap_or_default();
                Self { title: name(status).to_owned(), status, detail: message.to_owned(), raw, ..Self::default() }
            }
        }
    }

    /// A program can read the body.
    pub fn is_json(&self) -> bool {
        serde_json::from_str::<Value>(&self.raw).is_ok()
    }

    /// For people: what, where, and what would be right.
    pub fn draw(&self, style: Style) -> String {
        let title = if self.title.is_empty() { name(self.status) } else { &self.title };
        // A title is often the code with spaces; once is enough.
        let told = self.code.is_empty() || self.code.replace('_', " ") == *title;
        let code = if told { self.status.to_string() } else { format!("{} {}", self.status, self.code) };
        let mut lines = vec![format!("{} {} ({})", style.ink(Ink::Bad, "refused:"), style.ink(Ink::Bold, &plain(title)), plain(&code))];
        // A single fault says the same, and its place.
        let repeated = self.errors.iter().any(|error| !error.pointer.is_empty() && self.detail.ends_with(&error.detail));
        if !repeated && !self.detail.is_empty() && self.detail != self.title {
            lines.push(format!("  {}", plain(&self.detail)));
        }
        for error in self.errors.iter().filter(|error| !error.pointer.is_empty() || !self.detail.contains(&error.detail)) {
            let place = if error.pointer.is_empty() { String::new() } else { format!("{}: ", plain(&error.pointer)) };
            let words = if error.detail.is_empty() { &error.code } else { &error.detail };
            lines.push(format!("  - {place}{}", plain(words)));
        }
        if let Some(advice) = self.advice() {
            lines.push(format!("{} {advice}", style.ink(Ink::Faint, "what helps:")));
        }
        lines.join("\n")
    }

    /// What would be right, where a command of this program or an argument of it is the answer.
    fn advice(&self) -> Option<String> {
        Some(match self.code.as_str() {
            "entity_busy" => match self.extra.get("request").and_then(Value::as_str) {
                Some(open) => format!("look at the open request: approvals show {}", plain(open)),
                None => "wait until the open request of this entity has ended, or cancel it".to_owned(),
            },
            "stale_revision" => "look at it again (approvals show ID), then decide on what stands there now".to_owned(),
            "round_required" | "stale_round" => "pass --round N with the number above, if you still mean it".to_owned(),
            "payload_hash_required" => "pass --payload-hash as `approvals show ID` gives it, or leave it out to be asked".to_owned(),
            "not_eligible" => "approvals explain ID says who may vote and why".to_owned(),
            "from_required" => "name the seat to pass on with --from".to_owned(),
            "submit_for_required" => "leave --requester out, or use a token with the scope submit_for".to_owned(),
            "unknown_user" => "an administrator adds people with `approvals user put`".to_owned(),
            "unknown_template" => "see `approvals template list`, or publish it with `approvals template publish FILE`".to_owned(),
            "template_inactive" => "publish the template again, or switch a version on with `approvals template activate`".to_owned(),
            "insufficient_scope" => "use a token with that scope".to_owned(),
            "unroutable" => "give the step another approver or a fallback, or give the role approval_admin a member".to_owned(),
            "empty_plan" => "check the conditions of the steps with `approvals preview`, or say `when_empty: approve`".to_owned(),
            "expression_failed" => {
                "give the fields the conditions need in --metadata; `approvals preview` tries it without a trace".to_owned()
            }
            "already_voted" | "step_not_open" | "seat_taken" | "request_closed" => "approvals history ID says who did what when".to_owned(),
            _ if self.status == 401 => {
                "pass --token or set APPROVALS_TOKEN; on a local development server `--as USER` is enough".to_owned()
            }
            _ => return None,
        })
    }
}

/// What a status means, for answers that do not say.
const fn name(status: u16) -> &'static str {
    match status {
        401 => "no valid token",
        403 => "not allowed",
        404 => "not found",
        409 => "conflict",
        412 => "changed since it was read",
        413 => "too large",
        415 => "wrong content type",
        429 => "too many calls",
        500.. => "the service failed",
        _ => "the service said no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_where_and_what_helps() {
        let raw = r#"{"type":"urn:approvals:problem:invalid_body","title":"the body is not as it must be","status":400,"code":"invalid_body",
            "detail":"2 fields","errors":[{"pointer":"/metadata/amount","code":"type","detail":"expected a number, found `\"12\"`"},
            {"pointer":"/titel","code":"unknown_field","detail":"unknown field `titel`, did you mean `title`?\u001b[2J"}]}"#;
        let problem = Problem::read(400, raw.to_owned());
        assert_eq!(
            problem.draw(Style::default()),
            "refused: the body is not as it must be (400 invalid_body)\n  2 fields\n  \
             - /metadata/amount: expected a number, found `\"12\"`\n  \
             - /titel: unknown field `titel`, did you mean `title`?\\u{1b}[2J"
        );
        assert_eq!(problem.raw, raw);
    }

    #[test]
    fn nothing_is_said_twice() {
        let raw = r#"{"title":"invalid body","status":400,"code":"invalid_body","detail":"no scope","errors":[{"pointer":"/scopes","detail":"no scope"}]}"#;
        let drawn = Problem::read(400, raw.to_owned()).draw(Style::default());
        assert_eq!(drawn, "refused: invalid body (400)\n  - /scopes: no scope");
    }

    #[test]
    fn what_the_service_names_is_used_in_the_advice() {
        let raw = r#"{"title":"busy","status":409,"code":"entity_busy","detail":"already open","request":"01h"}"#;
        let drawn = Problem::read(409, raw.to_owned()).draw(Style::default());
        assert!(drawn.ends_with("what helps: look at the open request: approvals show 01h"), "{drawn}");
    }

    #[test]
    fn the_words_of_a_gateway_become_a_problem() {
        let drawn = |status, raw: &str| Problem::read(status, raw.to_owned()).draw(Style::default());
        assert_eq!(
            drawn(401, r#"{"message":"Unauthorized"}"#),
            "refused: no valid token (401)\n  Unauthorized\nwhat helps: pass --token or set APPROVALS_TOKEN; \
             on a local development server `--as USER` is enough"
        );
        assert_eq!(drawn(502, "<html>"), "refused: the service failed (502)");
    }
}
