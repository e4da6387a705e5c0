//! Webhooks: what systems get, how it is signed, what becomes of it when receivers or we ourselves fail, and where nothing may go.

mod answers;
mod crash;
mod events;
mod fence;
mod machine;
mod receiver;
mod replay;
mod signatures;
mod works;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use approvals::destinations::Destinations;
use approvals_domain::time::Timestamp;
use cli::dev::notices::Ways;
use cli::dev::{Local, Start};
use notifications::webhook::carrier::{Answer, Carried, Carrier, Fault, Parcel};
use serde_json::{Value, json};

use crate::stage::api::Api;

/// A Monday.
const START: &str = "2026-01-05T09:00:00.000Z";
const URL: &str = "https://hooks.example.com/approvals?k=sesame";

/// What arrived at a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    /// `webhook-id`.
    id: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Heard {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// `vote.cast` of `approvals.vote.cast.v1`.
    fn kind(&self) -> String {
        let event = self.event();
        event["type"].as_str().unwrap().trim_start_matches("approvals.").trim_end_matches(".v1").to_owned()
    }
}

type Script = Box<dyn FnMut(&Parcel) -> Result<Answer, Fault> + Send>;

/// A carrier that is all of the world there is.
#[derive(Clone)]
struct World {
    heard: Arc<Mutex<Vec<(String, Heard)>>>,
    script: Arc<Mutex<Script>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

fn answered(status: u16) -> Result<Answer, Fault> {
    Ok(Answer { status, retry_after: None })
}

impl World {
    fn new() -> Self {
        Self { heard: Arc::default(), script: Arc::new(Mutex::new(Box::new(|_| answered(200)))) }
    }

    /// From now on `script` answers.
    fn script(&self, script: impl FnMut(&Parcel) -> Result<Answer, Fault> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// What was carried since the last time, in that order, whatever was answered.
    fn take(&self) -> Vec<Heard> {
        self.take_all().into_iter().map(|(_, heard)| heard).collect()
    }

    /// The same with the addresses.
    fn take_all(&self) -> Vec<(String, Heard)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Carrier for World {
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Carried<'a> {
        let headers: BTreeMap<String, String> = parcel.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let heard = Heard { id: headers["webhook-id"].clone(), headers, body: parcel.body.clone() };
        self.heard.lock().unwrap().push((parcel.url.clone(), heard));
        let answer = (self.script.lock().unwrap())(parcel);
        Box::pin(async move { answer })
    }
}

/// A service whose webhooks go this way, with a template `t` of one step that bob answers, and mail to nobody but him.
async fn service(time: Option<&str>, carrier: Arc<dyn Carrier>) -> Api {
    let folder = tempfile::TempDir::new().unwrap();
    let ways = Ways::local(folder.path()).unwrap().with_carrier(carrier);
    let start = Start { data: folder.path(), clock: time.and_then(Timestamp::parse), clients: None };
    let local = Local::start_through(start, "http://127.0.0.1:8080", ways, Destinations::Internet).await.unwrap();
    let api = Api::with(local, folder);
    api.people("rita bob").await;
    api.template(
        &json!({ "key": "t", "title": "Order", "unique_entity": false, "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] }),
    )
    .await;
    api
}

/// Writes an endpoint; answers with its secret, if it is new.
async fn endpoint(api: &Api, id: &str, url: &str, events: &[&str], active: bool) -> Option<String> {
    let events: Vec<String> = events.iter().map(|event| format!("approvals.{event}.v1")).collect();
    let written =
        api.done("root", &format!("PUT /v1/endpoints/{id}"), Some(&json!({ "url": url, "events": events, "active": active }))).await;
    written["secret"].as_str().map(str::to_owned)
}

/// An endpoint's log, newest first, page by page of two.
async fn log(api: &Api, id: &str) -> Vec<Value> {
    let (mut items, mut cursor): (Vec<Value>, _) = (Vec::new(), String::new());
    loop {
        let page = api.done("root", &format!("GET /v1/endpoints/{id}/deliveries?limit=2{cursor}"), None).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// `failed failing 500 after 2`: where a delivery stands.
fn standing(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {} after {}", text("state"), text("outcome"), item["http_status"], item["attempts"])
}

/// Moves the clock on by minutes, and lets happen what is due.
async fn minutes(api: &Api, minutes: u32) {
    api.done("root", "POST /_dev/clock", Some(&json!({ "advance_seconds": minutes * 60 }))).await;
}

/// Mails in the outbox so far.
async fn mails(api: &Api) -> usize {
    let all = api.done("root", "GET /_dev/outbox", None).await;
    all["items"].as_array().unwrap().iter().filter(|item| item["channel"] == "mail").count()
}
