//! What the reference request costs in request units and round trips. Nothing is timed: it is counted, so it is the same on every machine.
//! The README shows what comes out; `UPDATE=1 cargo test -p tests budget` writes it anew.

mod bench;
mod cost;

use std::fmt::Write as _;
use std::time::Duration;

use approvals::app::queries::list::Source;
use approvals::outbox::hints::listings;
use approvals::store::requests::lists::Window;
use approvals::store::table::meter::Units;
use approvals::wire::summary::everybody;
use approvals_domain::event::Decision;
use serde_json::{Value, json};

use crate::stage::{Stage, person_id, tenant};
use crate::tidy::keep_in_readme;

/// What one act cost, hints included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost {
    /// Round trips before the answer, one after the other.
    rounds: usize,
    wru: f64,
    rru: f64,
}

struct Scales<'a> {
    stage: &'a Stage,
    before: (Units, Units),
}

impl<'a> Scales<'a> {
    async fn new(stage: &'a Stage) -> Self {
        stage.drain().await;
        // Calls that are made together are under way together.
        stage.seam.latency(Duration::from_millis(20));
        stage.seam.take();
        Self { stage, before: Self::read(stage) }
    }

    fn read(stage: &Stage) -> (Units, Units) {
        (stage.app.stores.table.meter().units(), stage.relay.meter().units())
    }

    /// What was used since the last time, by the act and by relay behind it.
    async fn weigh(&mut self) -> Cost {
        let rounds = self.stage.seam.take().rounds;
        self.stage.drain().await;
        let now = Self::read(self.stage);
        let (app, relay) = (now.0 - self.before.0, now.1 - self.before.1);
        self.before = now;
        Cost { rounds, wru: app.wru + relay.wru, rru: app.rru + relay.rru }
    }
}

/// Ids of 8 characters, a title of 30, 120 bytes of metadata.
fn reference(entity: &str) -> Value {
    let supplier = "Chairs and Tables Limited";
    let metadata = json!({ "amount": 480, "currency": "EUR", "supplier": supplier, "cost_center": "4711", "remark": "x".repeat(17) });
    assert_eq!(metadata.to_string().len(), 120);
    json!({ "template": "t", "entity": { "type": "order", "id": entity }, "title": "Two chairs for the front desk.", "metadata": metadata })
}

/// Two steps; the template cache is warm. The reference asks a role of one member each time.
async fn service(unique_entity: bool, first: Value) -> Stage {
    let stage = Stage::new().await;
    stage.people("u_000001 u_000002 u_000003 u_000004").await;
    stage.role("managers", "u_000002").await;
    stage.role("finance", "u_000003").await;
    stage.template(steps(unique_entity, first, &json!({}))).await;
    stage.submit_body("u_000001", &reference("PO-00000"), None).await.unwrap();
    stage
}

/// The template; every step with what else a step may have.
fn steps(unique_entity: bool, first: Value, more: &Value) -> Value {
    let mut steps = [json!({ "id": "manager", "approvers": [first] }), json!({ "id": "finance", "approvers": [{ "role": "finance" }] })];
    for step in &mut steps {
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    json!({ "key": "t", "title": "T", "unique_entity": unique_entity, "steps": steps })
}

#[tokio::test]
async fn the_reference_request_keeps_its_budget() {
    let stage = service(true, json!({ "role": "managers" })).await;
    let mut scales = Scales::new(&stage).await;
    let shown = stage.submit_body("u_000001", &reference("PO-00001"), None).await.unwrap().record;
    let submit = scales.weigh().await;
    stage.vote("u_000002", &shown, "manager", Decision::Approve, "first-vote-22-charact.").await.unwrap();
    let first = scales.weigh().await;
    let after = stage.vote("u_000003", &shown, "finance", Decision::Approve, "last-vote-22-character").await.unwrap().record;
    let last = scales.weigh().await;
    assert!(after.item().size() <= 2_560, "{} bytes", after.item().size());

    let free = service(false, json!({ "role": "managers" })).await;
    let mut scales = Scales::new(&free).await;
    free.submit_body("u_000001", &reference("PO-00001"), None).await.unwrap();
    let unguarded = scales.weigh().await;

    let ladder = json!({ "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "role": "finance" }] }], "on_timeout": "expire" });
    let timed = service(true, json!({ "role": "managers" })).await;
    timed.template(steps(true, json!({ "role": "managers" }), &ladder)).await;
    // The current version is remembered for two seconds.
    timed.advance_seconds(3);
    timed.submit_body("u_000001", &reference("PO-00002"), None).await.unwrap();
    let mut scales = Scales::new(&timed).await;
    let shown = timed.submit_body("u_000001", &reference("PO-00001"), None).await.unwrap().record;
    timed.vote("u_000002", &shown, "manager", Decision::Approve, "first-vote-22-charact.").await.unwrap();
    timed.vote("u_000003", &shown, "finance", Decision::Approve, "last-vote-22-character").await.unwrap();
    let with_timers = scales.weigh().await;

    let named = service(false, json!({ "user": "u_000004" })).await;
    for n in 1..26 {
        named.submit_body("u_000001", &reference(&format!("PO-{n:05}")), None).await.unwrap();
    }
    let mut scales = Scales::new(&named).await;
    let (tasks, _) = named.app.inbox(&named.app.stores.inboxes, &named.identity("u_000004"), None, 25).await.unwrap();
    assert_eq!(tasks.len(), 25);
    let inbox = scales.weigh().await;
    let (source, window) = (Source::Requester(person_id("u_000001")), Window::until(named.app.clock.now()));
    let rita = named.identity("u_000001");
    let (records, _) = named.app.fitting(&named.app.stores.inboxes, &rita, (&source, window), |_| true, (None, 25)).await.unwrap();
    assert_eq!(records.len(), 25);
    named.app.named(&tenant(), records.iter().flat_map(|record| everybody(&record.state)).cloned()).await.unwrap();
    let list = scales.weigh().await;
    // A row is a put of less than a kilobyte: of the entity's list, and of each voter's.
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let rows = Cost { rounds: 0, wru: listings(&after.state).len() as f64, rru: 0.0 };

    let whole = Cost {
        rounds: submit.rounds + first.rounds + last.rounds,
        wru: submit.wru + first.wru + last.wru,
        rru: submit.rru + first.rru + last.rru,
    };
    let rows = [
        ("submit, with the guard of its entity", submit, Some(8.0), None),
        ("submit, without", unguarded, Some(5.0), None),
        ("approve, and the next step opens", first, Some(5.0), None),
        ("approve, the last step", last, Some(5.0), None),
        ("**the whole two-step approval**", whole, Some(18.0), Some(10.0)),
        ("of it the rows that lists are found by: the entity's, each voter's (`decided_by`)", rows, Some(3.0), None),
        ("the same with reminders, a level and a time-out on each step", with_timers, Some(20.0), Some(10.0)),
        ("25 tasks of an inbox, one partition", inbox, Some(0.0), Some(14.0)),
        ("25 requests of a list, with the names of their people", list, Some(0.0), Some(16.0)),
    ];
    let mut table = String::from(
        "| act, with the inbox hints it makes | round trips | write units | at most | read units | at most |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let cap = |cap: Option<f64>| cap.map(|cap| cap.to_string()).unwrap_or_default();
    for (act, cost, wru, rru) in rows {
        assert!(wru.is_none_or(|most| cost.wru <= most) && rru.is_none_or(|most| cost.rru <= most), "{act}: {cost:?}");
        writeln!(table, "| {act} | {} | {} | {} | {} | {} |", cost.rounds, cost.wru, cap(wru), cost.rru, cap(rru)).unwrap();
    }
    keep_in_readme("<!-- cost: written by `UPDATE=1 cargo test -p tests budget` -->\n", "<!-- /cost -->", &table);
}
