//! The commands of a service over its public HTTP API, with made-up people and its development clock.

use approvals::calendar::Calendar;
use approvals_domain::effect::EffectState;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::client::{ADMINISTRATOR, Call, Client, Error, Reply, bytes};
use super::drive::{self, Answer, Ask, Ballot, Desk, Record, Status, View};
use super::mapping::Pool;
use super::plan::Docket;
use super::{Prepared, sla};

const TITLE_CHARS_MAX: usize = 200;
/// Threads that read the requests back; each keeps a connection of its own.
const READERS: usize = 4;

const SUBMITS: &[&str] = &["submit", "submit_for", "effect", "read"];
const DECIDES: &[&str] = &["decide", "submit_for", "read"];

/// A command of which nobody is told: what is replayed was years ago.
fn quietly(path: &str) -> String {
    format!("{path}?notify=false")
}

/// A request as read back at the end. Times are milliseconds since 1970 by the service's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub status: Status,
    pub effect: EffectState,
    pub revision: u32,
    pub created_ms: Option<i64>,
    pub closed_ms: Option<i64>,
    /// What the clock did, if the steps had an SLA.
    pub clock: sla::Counts,
}

/// The service under replay; the desk that `drive` works at.
pub(super) struct Service<'p> {
    pub(super) client: Client,
    prepared: &'p Prepared,
    /// Makes the keys of this run its own, so that a second replay makes new requests.
    run: String,
    commands: u64,
    /// Added to every time of the log; see `start_clock`.
    pub(super) shift_ms: i64,
    /// Where the clock was put last, by the log's time.
    now_ms: Option<i64>,
    /// Who writes people, roles and the template.
    administrator: String,
}

/// Who holds a role.
#[derive(serde::Deserialize)]
struct Members {
    items: Vec<Member>,
}

#[derive(serde::Deserialize)]
struct Member {
    user: String,
}

#[derive(serde::Deserialize)]
struct Shown {
    id: String,
    status: Status,
    revision: u32,
    #[serde(default)]
    payload_hash: String,
    effect: ShownEffect,
    #[serde(default)]
    steps: Vec<ShownStep>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
}

#[derive(serde::Deserialize)]
struct ShownEffect {
    state: EffectState,
}

#[derive(serde::Deserialize)]
struct ShownStep {
    id: String,
    state: String,
    opened_at: Option<DateTime<Utc>>,
    #[serde(default)]
    votes: Vec<ShownVote>,
}

#[derive(serde::Deserialize)]
struct ShownVote {
    at: DateTime<Utc>,
}

impl Shown {
    /// How long the step had been open when its last vote closed it.
    fn waited_ms(&self, step: &str) -> Option<i64> {
        let step = self.steps.iter().find(|shown| shown.id == step && shown.state != "open")?;
        let closed_at = step.votes.iter().map(|vote| vote.at).max().or(self.updated_at)?;
        Some((closed_at - step.opened_at?).num_milliseconds())
    }
}

/// The name of person `number` (from 0) of a pool: `supervisor-03`, as wide as the pool needs.
#[must_use]
pub fn person(pool: &Pool, number: u32) -> String {
    let width = pool.people.to_string().len().max(2);
    format!("{}-{:0width$}", pool.role, number + 1)
}

impl<'p> Service<'p> {
    pub(super) fn new(base: &str, prepared: &'p Prepared) -> Self {
        let run = format!("{:016x}", rand::random::<u64>());
        Self { client: Client::new(base), prepared, run, commands: 0, shift_ms: 0, now_ms: None, administrator: ADMINISTRATOR.to_owned() }
    }

    pub(super) fn set_up(&mut self) -> Result<(), Error> {
        self.client.sign_in(ADMINISTRATOR, &["admin", "read"])?;
        // A server that somebody administers takes nothing from anybody else; one that nobody does lets the first one write.
        let members = self.client.send_signed(Call::get("/v1/roles/approval_admin", ADMINISTRATOR), &["admin", "read"])?.success()?;
        if let Some(first) = members.json::<Members>()?.items.into_iter().next() {
            self.client.sign_in(&first.user, &["admin", "read"])?;
            self.administrator = first.user;
        }
        self.start_clock()?;
        let mapping = &self.prepared.mapping;
        for pool in std::iter::once(&mapping.requesters).chain(&mapping.steps) {
            for number in 0..pool.people {
                let id = person(pool, number);
                let name = format!("{} {:02}", pool.role.replace('_', " "), number + 1);
                let user = json!({ "name": name, "email": format!("{id}@example.org"), "active": true });
                self.put(&format!("/v1/users/{id}"), "application/json", &bytes(&user))?;
                // A pool may have dozens of people: whoever replays years of work does not want a mail to each of them at each step.
                let asks = pool.role == mapping.requesters.role;
                let quiet = bytes(&json!({ "channels": { "mail": false } }));
                let path = format!("/v1/users/{id}/preferences");
                let call = Call { method: "PUT", path: &path, person: Some(&id), ..Call::json(&quiet) };
                self.client.send_signed(call, if asks { SUBMITS } else { DECIDES })?.success()?;
                if !asks {
                    self.put(&format!("/v1/roles/{}/members/{id}", pool.role), "application/json", b"{}")?;
                }
            }
        }
        let template = &self.prepared.template;
        self.put(&format!("/v1/templates/{}", template.key), "application/yaml", template.text.as_bytes())
    }

    fn put(&mut self, path: &str, content_type: &'static str, body: &[u8]) -> Result<(), Error> {
        let call = Call { method: "PUT", path, content_type, person: Some(&self.administrator), ..Call::json(body) };
        self.client.send_signed(call, &["admin", "read"])?.success().map(drop)
    }

    /// Sets the clock to the first act. It never goes back, so if it already stands later, the whole log is moved by
    /// whole days: waits and order stay, only the dates differ.
    fn start_clock(&mut self) -> Result<(), Error> {
        #[derive(serde::Deserialize)]
        struct Clock {
            now: DateTime<Utc>,
        }
        const DAY_MS: i64 = 24 * 3_600_000;
        let first_ms = self.prepared.starts_at_ms();
        let mut reply = self.dev("/_dev/clock", &json!({ "now": rfc3339(first_ms) }))?;
        if !reply.is_success() {
            reply = self.dev("/_dev/clock", &json!({ "advance_seconds": 0 }))?.success()?;
        }
        let Clock { now } = reply.json()?;
        let ahead_ms = now.timestamp_millis() - first_ms;
        if ahead_ms > 0 {
            self.shift_ms = (ahead_ms + DAY_MS - 1) / DAY_MS * DAY_MS;
        }
        Ok(())
    }

    pub(super) fn drain(&mut self) -> Result<(), Error> {
        self.dev("/_dev/drain", &json!({}))?.success().map(drop)
    }

    fn stop_at(&mut self, now_ms: i64) -> Result<(), Error> {
        self.now_ms = Some(now_ms);
        self.dev("/_dev/clock", &json!({ "now": rfc3339(now_ms + self.shift_ms), "drain": false }))?.success().map(drop)
    }

    /// The calendar of the terms, as the service has it; `office` is given to a service that has none.
    pub(super) fn calendar(&mut self) -> Result<Option<Calendar>, Error> {
        let Some(id) = self.prepared.terms.as_ref().and_then(|terms| terms.calendar.as_ref()) else { return Ok(None) };
        let path = format!("/v1/calendars/{id}");
        let reply = self.client.send_signed(Call::get(&path, ADMINISTRATOR), &["admin", "read"])?;
        if reply.status == 404 && id.as_str() == "office" {
            self.put(&path, "application/json", sla::OFFICE.as_bytes())?;
            return Ok(serde_json::from_str(sla::OFFICE).ok());
        }
        let mut shown: Value = reply.success()?.json()?;
        if let Some(shown) = shown.as_object_mut() {
            shown.retain(|name, _| !matches!(name.as_str(), "id" | "version"));
        }
        serde_json::from_value(shown).map(Some).map_err(|cause| Error::Shape { path, cause })
    }

    fn dev(&self, path: &str, body: &Value) -> Result<Reply, Error> {
        self.client.send(Call { path, person: None, ..Call::json(&bytes(body)) })
    }

    fn requester(&self, docket: &Docket) -> String {
        person(&self.prepared.mapping.requesters, docket.requester)
    }

    fn metadata(&self, ask: Ask<'_>) -> Value {
        let flags = self.prepared.mapping.steps.iter().zip(0_u32..);
        let mut metadata: Map<_, _> = flags.map(|(pool, bit)| (pool.role.clone(), Value::from(ask.route >> bit & 1 == 1))).collect();
        if let Some(amount) = ask.docket.amount {
            metadata.insert("amount".to_owned(), Value::from(amount));
        }
        Value::Object(metadata)
    }

    /// Sends a command of a person; a refusal is an answer, anything else that is no success ends the replay.
    fn call(&mut self, path: &str, person: &str, body: &Value, scopes: &[&str]) -> Result<Result<Reply, Answer>, Error> {
        self.commands += 1;
        let key = format!("{}-{}", self.run, self.commands);
        let body = bytes(body);
        let call = Call { path, person: Some(person), key: Some(&key), ..Call::json(&body) };
        let reply = self.client.send_signed(call, scopes)?;
        if (400..500).contains(&reply.status) && !matches!(reply.status, 401 | 429) {
            return Ok(Err(Answer::Refused { status: reply.status, code: reply.code() }));
        }
        Ok(Ok(reply.success()?))
    }

    /// A command that is answered with the request.
    fn command(&mut self, path: &str, person: &str, body: &Value, scopes: &[&str], voted: Option<&str>) -> Result<Answer, Error> {
        let shown: Shown = match self.call(path, person, body, scopes)? {
            Ok(reply) => reply.json()?,
            Err(refused) => return Ok(refused),
        };
        let waited_ms = voted.and_then(|step| shown.waited_ms(step));
        let (status, effect, payload_hash) = (shown.status, shown.effect.state, shown.payload_hash);
        Ok(Answer::Done(View { id: shown.id, status, payload_hash, effect, waited_ms }))
    }

    /// Asks the service for every request, in several threads since only reading is left.
    pub(super) fn read_back(&self, record: &Record) -> Result<Vec<Vec<Seen>>, Error> {
        let work: Vec<_> = self.prepared.plan.dockets.iter().zip(&record.standings).collect();
        let share = work.len().div_ceil(READERS).max(1);
        std::thread::scope(|scope| {
            let readers: Vec<_> = work.chunks(share).map(|part| scope.spawn(move || self.read_part(part))).collect();
            let mut all = Vec::with_capacity(work.len());
            for reader in readers {
                match reader.join() {
                    Ok(part) => all.extend(part?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(all)
        })
    }

    fn read_part(&self, part: &[(&Docket, &drive::Standing)]) -> Result<Vec<Vec<Seen>>, Error> {
        part.iter()
            .map(|(docket, standing)| {
                let ids = standing.earlier.iter().chain(standing.current.as_ref().map(|current| &current.id));
                let person = self.requester(docket);
                ids.map(|id| self.read_one(id, &person)).collect()
            })
            .collect()
    }

    fn read_one(&self, id: &str, person: &str) -> Result<Seen, Error> {
        let path = format!("/v1/requests/{id}");
        let shown: Shown = self.client.send_signed(Call::get(&path, person), SUBMITS)?.success()?.json()?;
        let ms = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_millis());
        let (status, revision, created_ms, closed_ms) = (shown.status, shown.revision, ms(shown.created_at), ms(shown.closed_at));
        let effect = shown.effect.state;
        let clock = if self.prepared.terms.is_some() { self.clock_acts(id, person)? } else { sla::Counts::default() };
        Ok(Seen { status, effect, revision, created_ms, closed_ms, clock })
    }

    /// What the clock did to a request.
    fn clock_acts(&self, id: &str, person: &str) -> Result<sla::Counts, Error> {
        let (mut counts, mut cursor) = (sla::Counts::default(), String::new());
        loop {
            let path = format!("/v1/requests/{id}/history?limit=100{cursor}");
            let page: Value = self.client.send_signed(Call::get(&path, person), SUBMITS)?.success()?.json()?;
            let commits = page.get("items").and_then(Value::as_array).into_iter().flatten();
            commits.filter_map(|commit| commit.get("events")).for_each(|events| counts.add(events));
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(counts),
            }
        }
    }
}

fn rfc3339(at_ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Desk for Service<'_> {
    type Error = Error;

    fn clock(&mut self, now_ms: i64) -> Result<(), Error> {
        // With an SLA the clock stops on its way, so that what is due fires in its time.
        let stride = self.prepared.terms.as_ref().map_or(i64::MAX, sla::Terms::stride_ms).max(1);
        while let Some(stop) = self.now_ms.and_then(|before| before.checked_add(stride)).filter(|stop| *stop < now_ms) {
            self.stop_at(stop)?;
        }
        self.stop_at(now_ms)
    }

    fn submit(&mut self, ask: Ask<'_>) -> Result<Answer, Error> {
        let mapping = &self.prepared.mapping;
        let case = self.prepared.log.cases.get(ask.docket.case as usize).map_or("", String::as_str);
        let title: String = format!("{} {case}", mapping.title).chars().take(TITLE_CHARS_MAX).collect();
        let body = json!({
            "template": self.prepared.template.key,
            "entity": { "type": mapping.entities.get(ask.docket.entity), "id": self.prepared.entity_id(ask.docket) },
            "title": title,
            "metadata": self.metadata(ask),
        });
        self.command(&quietly("/v1/requests"), &self.requester(ask.docket), &body, SUBMITS, None)
    }

    fn resubmit(&mut self, request: &str, ask: Ask<'_>) -> Result<Answer, Error> {
        let body = json!({ "metadata": self.metadata(ask) });
        self.command(&quietly(&format!("/v1/requests/{request}/resubmit")), &self.requester(ask.docket), &body, SUBMITS, None)
    }

    fn vote(&mut self, ballot: Ballot<'_>) -> Result<Answer, Error> {
        let Some(pool) = self.prepared.mapping.steps.get(usize::from(ballot.step)) else {
            return Ok(Answer::Refused { status: 0, code: "no_such_step".to_owned() });
        };
        let decision = if ballot.approve { "approve" } else { "reject" };
        let body = json!({ "step": pool.role, "decision": decision, "payload_hash": ballot.payload_hash });
        let path = quietly(&format!("/v1/requests/{}/decisions", ballot.request));
        self.command(&path, &person(pool, ballot.person.into()), &body, DECIDES, Some(&pool.role))
    }

    fn cancel(&mut self, request: &str, docket: &Docket) -> Result<Answer, Error> {
        let body = json!({ "reason": "taken back by the requester" });
        self.command(&quietly(&format!("/v1/requests/{request}/cancel")), &self.requester(docket), &body, SUBMITS, None)
    }

    fn recall(&mut self, request: &str, step: u8, by: u16) -> Result<Answer, Error> {
        let Some(pool) = self.prepared.mapping.steps.get(usize::from(step)) else {
            return Ok(Answer::Refused { status: 0, code: "no_such_step".to_owned() });
        };
        let body = json!({ "reason": "rejected after the approval" });
        self.command(&quietly(&format!("/v1/requests/{request}/recall")), &person(pool, by.into()), &body, DECIDES, None)
    }

    fn start_effect(&mut self, request: &str, payload_hash: &str, docket: &Docket) -> Result<Answer, Error> {
        let (path, body) = (format!("/v1/requests/{request}/effect/start"), json!({ "payload_hash": payload_hash }));
        Ok(match self.call(&path, &self.requester(docket), &body, SUBMITS)? {
            Err(refused) => refused,
            Ok(_) => Answer::Done(View {
                id: request.to_owned(),
                status: Status::Approved,
                payload_hash: payload_hash.to_owned(),
                effect: EffectState::Started,
                waited_ms: None,
            }),
        })
    }

    fn finish_effect(&mut self, request: &str, docket: &Docket) -> Result<Answer, Error> {
        let path = format!("/v1/requests/{request}/effect/finish");
        self.command(&path, &self.requester(docket), &json!({ "outcome": "done" }), SUBMITS, None)
    }
}
