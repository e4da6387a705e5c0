//! Who is told what and when, by whom a link can be pressed, and what becomes of both when anything fails.

mod addresses;
mod audiences;
mod crash;
mod delivery;
mod directory;
mod imports;
mod letters;
mod links;
mod looks;
mod outcome;
mod poison;
mod queues;
mod quiet;
mod reconcile;
mod redrive;
mod repeats;
mod rig;
mod setup;
mod together;
mod told;
mod trust;
mod truth;
mod truth_pages;
mod webhooks;
mod who;

use std::cell::Cell;

use serde_json::{Value, json};

use crate::stage::api::{Answer, Api};

/// A Monday.
const START: &str = "2026-01-05T09:00:00.000Z";

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mail {
    to: String,
    subject: String,
    text: String,
    html: String,
    /// Why it was sent.
    reason: String,
}

impl Mail {
    fn read(item: &Value) -> Self {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(item["channel"], "mail");
        Self {
            to: text("to"),
            subject: text("subject"),
            text: text("text").replace("\r\n", "\n"),
            html: text("html").replace("\r\n", "\n"),
            reason: text("reason"),
        }
    }

    /// The token of its link, if it has one.
    fn token(&self) -> Option<String> {
        let mut found = self.text.split("/v1/actions/").skip(1).map(|rest| rest.split_whitespace().next().unwrap().to_owned());
        let token = found.next()?;
        assert_eq!(found.next(), None, "one link a mail: {}", self.text);
        assert!((100..250).contains(&token.len()), "{token}");
        Some(token)
    }

    /// `bob: Comment`: to whom, and what it is in general.
    fn short(&self) -> String {
        format!("{}: {}", self.to.split('@').next().unwrap(), in_short(&self.reason))
    }
}

/// A mail's reason in the tests' words.
fn in_short(reason: &str) -> &str {
    match reason {
        "asked" => "Your approval is needed",
        "reminded" => "Reminder",
        "escalated" => "Overdue",
        "reassigned" => "Passed on to you",
        "off_desk" => "Off your desk",
        "blocked" => "Blocked",
        "returned" => "Sent back to you",
        "commented" => "Comment",
        "approved" => "Approved",
        "rejected" => "Rejected",
        "cancelled" => "Cancelled",
        "expired" => "Expired",
        "effect_late" => "Started, not finished",
        other => other,
    }
}

/// A service, and what was read of its outbox.
struct House {
    api: Api,
    read: Cell<usize>,
}

impl House {
    /// Persons as [`Api::people`] takes them, and a template `t` with these steps.
    async fn new(people: &str, steps: Value) -> Self {
        let api = Api::start_at(START).await;
        api.people(people).await;
        let house = Self { api, read: Cell::new(0) };
        house.template(steps).await;
        house
    }

    async fn template(&self, steps: Value) {
        self.api.template(&json!({ "key": "t", "title": "Order", "unique_entity": false, "steps": steps })).await;
    }

    /// Whoever administers hears that they do, before anything else is told.
    async fn administered_by(&self, who: &str) {
        self.api.role("approval_admin", who).await;
        assert_eq!(self.heard().await, format!("{who}: office_changed"));
    }

    async fn submit(&self, who: &str) -> Value {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": "Two chairs", "metadata": {} });
        self.api.done(who, "POST /v1/requests", Some(&body)).await
    }

    /// Mails since the last time, once nothing is under way: of those sent side by side, by their readers.
    async fn mails(&self) -> Vec<Mail> {
        self.api.drain().await;
        let all = self.api.done("root", "GET /_dev/outbox", None).await;
        let all = all["items"].as_array().unwrap();
        let mut new: Vec<Mail> = all.iter().skip(self.read.replace(all.len())).map(Mail::read).collect();
        new.sort();
        new
    }

    /// The same in short, as one line.
    async fn heard(&self) -> String {
        self.mails().await.iter().map(Mail::short).collect::<Vec<_>>().join(", ")
    }

    /// `bob: asked`, by what each mail is to its reader, as one line.
    async fn told(&self) -> String {
        let mails = self.mails().await;
        mails.iter().map(|mail| format!("{}: {}", mail.to.split('@').next().unwrap(), mail.reason)).collect::<Vec<_>>().join(", ")
    }

    /// The link in the newest mail to somebody, of those sent since the last time.
    async fn link_to(&self, who: &str) -> String {
        let mails = self.mails().await;
        let to = format!("{who}@example.com");
        mails.iter().rev().find(|mail| mail.to == to).unwrap_or_else(|| panic!("no mail to {who} in {mails:?}")).token().unwrap()
    }

    /// A call about a request.
    async fn about(&self, who: &str, request: &Value, what: &str, body: Value) -> Answer {
        let path = format!("POST /v1/requests/{}/{what}", request["id"].as_str().unwrap());
        self.api.call(who, &path, Some(&body)).await
    }

    /// The same, which must succeed.
    async fn did(&self, who: &str, request: &Value, what: &str, body: Value) -> Value {
        let answer = self.about(who, request, what, body).await;
        assert_eq!(answer.status / 100, 2, "{what}: {}", answer.body);
        answer.body
    }

    /// The request as it is now.
    async fn now(&self, request: &Value) -> Value {
        self.api.done("rita", &format!("GET /v1/requests/{}", request["id"].as_str().unwrap()), None).await
    }

    /// What the directory says of somebody.
    async fn person(&self, id: &str, fields: Value) {
        let mut user = json!({ "name": id, "email": format!("{id}@example.com"), "active": true });
        user.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.api.done("root", &format!("PUT /v1/users/{id}"), Some(&user)).await;
    }
}

/// The words of a page, without its markup.
fn words_of(html: &str) -> String {
    let body = html.split("<body").nth(1).unwrap_or(html);
    let mut text = String::new();
    let mut inside = true;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'")];
    let text = named.iter().fold(text, |text, (name, c)| text.replace(name, c)).replace("&#38;", "&").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
