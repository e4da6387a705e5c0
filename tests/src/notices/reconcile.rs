//! Reconcile: the stream lost something, and the requests themselves make it good; what was right stays, and nobody hears anything twice.

use std::collections::BTreeSet;
use std::time::Duration;

use approvals::app::commands::execute::How;
use approvals::outbox::reconcile::{Place, Report, walk};
use approvals::store::keys::{self, Key};
use approvals::store::table::walk::Segment;
use approvals::store::{Freshness, Item};
use approvals_domain::event::Decision;
use approvals_domain::ids::StepId;
use approvals_domain::time::Timestamp;
use serde_json::{Value, json};

use super::rig::{Rig, TIME, everywhere};
use crate::stage::seam::{Fault, dying};
use crate::stage::tenant;

const DAY: i64 = 24 * 3_600;

impl Rig {
    async fn asked(&self, asked: Value) -> Result<Value, String> {
        relay::run(&self.app.outbox(), asked, TIME).await.map_err(|error| error.to_string())
    }

    /// A whole walk over a sound network, page by page; what it came to.
    async fn reconcile(&self) -> Report {
        self.heal();
        walk(&self.app.outbox(), Place::of(&json!({}), self.app.clock.now()).unwrap(), TIME).await.unwrap()
    }

    async fn all_keys(&self) -> BTreeSet<Key> {
        let (mut all, mut after) = (BTreeSet::new(), None);
        loop {
            let (page, next) = self.stage.aside.stores.keys.page(Segment::WHOLE, after.as_ref(), 1_000).await.unwrap();
            all.extend(page);
            match next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    async fn hints(&self) -> BTreeSet<Key> {
        self.all_keys().await.into_iter().filter(|key| keys::parse_inbox_pk(&key.pk).is_some()).collect()
    }

    async fn forget(&self, hints: &BTreeSet<Key>) {
        let gone: Vec<Key> = hints.iter().cloned().collect();
        self.stage.aside.stores.table.batch_write(Vec::new(), &gone).await.unwrap();
    }
}

fn steps() -> Value {
    json!([{ "id": "a", "approvers": [{ "user": "bob" }], "sla": { "hours": 240 }, "remind": [0.01] }, { "id": "b", "approvers": [{ "role": "finance" }] }])
}

/// Requests in every state: one waits for bob, one for finance, one is approved; and what relay filed for them.
async fn busy() -> (Rig, BTreeSet<Key>) {
    let rig = Rig::new("rita bob erin", steps()).await;
    rig.stage.role("finance", "erin").await;
    for (entity, votes) in [("1", 0), ("2", 1), ("3", 2)] {
        let shown = rig.stage.submit("rita", entity, None).await.unwrap().record;
        for (who, step) in [("bob", "a"), ("erin", "b")].into_iter().take(votes) {
            rig.stage.vote_aside(who, &shown, step, Decision::Approve, &format!("{entity} {step}")).await.unwrap();
        }
    }
    rig.stage.settle().await;
    let filed = rig.hints().await;
    assert_eq!(filed.len(), 2);
    (rig, filed)
}

const MISSED: [&str; 3] = ["bob: Your approval is needed", "erin: Your approval is needed", "rita: Approved"];

/// F12: the stream was trimmed before relay read any of it.
#[tokio::test]
async fn what_the_stream_lost_is_made_good_from_the_requests() {
    let (rig, filed) = busy().await;
    rig.forget(&filed).await;
    let bogus =
        Key { pk: keys::inbox_user(&tenant(), &"bob".parse().unwrap()), sk: filed.iter().next().unwrap().sk.replacen('#', "#0", 1) };
    rig.stage.aside.stores.table.put(Item::new(&bogus), None).await.unwrap();
    let report = rig.reconcile().await;
    assert_eq!(rig.hints().await, filed);
    assert_eq!((report.requests, report.hints_put, report.hints_deleted, report.damaged), (3, 2, 1, 0), "{report:?}");
    rig.deliver().await;
    assert_eq!(rig.told(), MISSED);
    // Once more, and days later: nothing is missing, and nobody is told again, of an outcome neither.
    for days in [0, 2] {
        rig.stage.advance_seconds(days * DAY);
        let again = rig.reconcile().await;
        assert_eq!((again.hints_put, again.hints_deleted, again.timers_set), (0, 0, 0), "{again:?}");
        assert!(again.notices > 0);
        rig.deliver().await;
        assert_eq!((rig.told(), rig.extra()), (MISSED.map(str::to_owned).to_vec(), 0));
    }
    // What came by the stream is not told again by a walk, nor the other way round.
    rig.settle().await;
    assert_eq!(rig.told().iter().filter(|told| !told.ends_with("Reminder")).collect::<Vec<_>>(), MISSED.iter().collect::<Vec<_>>());
}

/// Only commits since then are told; the hints are made good however old they are.
#[tokio::test]
async fn since_says_which_commits_are_told_again() {
    let (rig, filed) = busy().await;
    rig.forget(&filed).await;
    rig.stage.advance_seconds(4 * DAY);
    let report = rig.reconcile().await;
    assert_eq!((report.notices, report.hints_put), (0, 2), "three days are the default");
    let start = rig.app.clock.now().plus_millis(-4 * DAY * 1_000);
    let answer = rig.asked(json!({ "reconcile": { "since": start.to_string() } })).await.unwrap();
    assert!(answer["notices"].as_u64().unwrap() > 3 && answer["next"].is_null(), "{answer}");
    for (asked, why) in [
        (json!({ "since": "2025-01-01T00:00:00Z" }), "at most 60 days back"),
        (json!({ "since": "yesterday" }), "RFC 3339"),
        (json!({ "until": 1 }), "takes `since`"),
        (json!({ "segment": 3, "segments": 3 }), "counts from 0"),
    ] {
        let error = rig.asked(json!({ "reconcile": asked })).await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

/// Commits that lie in pages are told as well.
#[tokio::test]
async fn commits_in_pages_are_told_too() {
    let rig = Rig::new("rita bob", json!([{ "id": "a", "approvers": [{ "user": "bob" }] }])).await;
    let shown = rig.stage.submit("rita", "1", None).await.unwrap().record;
    for n in 0..30 {
        let comment = approvals_domain::command::Command::Comment { comment: approvals_domain::hash::Hash([n; 32]) };
        let by = crate::stage::caller("bob");
        assert_eq!(rig.stage.command_aside(by, &shown, comment, &format!("c{n}")).await.unwrap().how, How::Done);
    }
    let record = rig.stage.load(&shown.state.id).await;
    assert!(record.base.is_some(), "it has pages");
    rig.reconcile().await;
    while !rig.deliver().await.is_empty() {}
    let told = rig.told();
    assert_eq!((told.len(), told.iter().filter(|told| *told == "rita: Comment").count()), (31, 30));
}

/// A request that cannot be read harms no other, and its hints stay as they are.
#[tokio::test]
async fn a_damaged_request_is_counted_and_harms_no_other() {
    let (rig, filed) = busy().await;
    let (lost, kept): (BTreeSet<Key>, BTreeSet<Key>) = filed.iter().cloned().partition(|key| key.pk.contains("#R#"));
    rig.forget(&lost).await;
    let damaged = keys::parse_hint_sk(&kept.iter().next().unwrap().sk).unwrap().1;
    rig.stage.damage(&damaged).await;
    let report = rig.reconcile().await;
    assert_eq!((report.damaged > 0, report.hints_put, report.hints_deleted), (true, 1, 0), "{report:?}");
    assert_eq!(rig.hints().await, filed);
}

/// A timer that fell out of the index, or stands too late, is due again; an early one stays.
#[tokio::test]
async fn a_timer_that_fell_out_of_the_index_is_set_again() {
    let (rig, filed) = busy().await;
    let id = keys::parse_hint_sk(&filed.iter().find(|key| key.pk.contains("#U#")).unwrap().sk).unwrap().1;
    let record = rig.stage.load(&id).await;
    let right = record.timer().unwrap();
    for (wrong, set) in [(None, 1), (Some(right.plus_hours(1.0)), 1), (Some(right), 0), (Some(Timestamp::from_millis(5)), 0)] {
        rig.stage.aside.requests.rewind(&record, wrong).await.unwrap();
        assert_eq!(rig.reconcile().await.timers_set, set, "{wrong:?}");
        assert!(rig.stage.load(&id).await.timer().unwrap() <= right);
    }
}

/// A larger table in many pieces, one page a call; and in parts side by side.
#[tokio::test]
async fn a_walk_in_pieces_is_the_whole_walk() {
    for segments in [1, 3] {
        let (rig, filed) = busy().await;
        rig.forget(&filed).await;
        // Of requests that never were.
        let stale: Vec<Key> = (0..1_000)
            .map(|n| {
                let sk = keys::hint_sk(Timestamp::from_millis(n), &format!("gone{n}").parse().unwrap(), &StepId::new("a").unwrap());
                Key { pk: keys::inbox_user(&tenant(), &format!("p{}", n % 7).parse().unwrap()), sk }
            })
            .collect();
        rig.stage.aside.stores.table.batch_write(stale.iter().map(Item::new).collect(), &[]).await.unwrap();
        let (mut calls, mut put, mut deleted, mut requests) = (0, 0, 0, 0);
        for segment in 0..segments {
            let mut asked = json!({ "segment": segment, "segments": segments });
            loop {
                let place = Place::of(&asked, rig.app.clock.now()).unwrap();
                let report = walk(&rig.app.outbox(), place, Duration::ZERO).await.unwrap();
                (calls, put, deleted) = (calls + 1, put + report.hints_put, deleted + report.hints_deleted);
                requests += report.requests;
                // As it comes over the wire.
                let answer = json!(report);
                match answer.get("next") {
                    Some(next) => asked = json!({ "place": next }),
                    None => break,
                }
            }
        }
        assert!(calls > 2, "{calls} calls");
        assert_eq!((put, deleted, requests), (2, 1_000, 3), "{segments} segments");
        assert_eq!(rig.hints().await, filed);
    }
}

/// Killed at any of its calls and begun again, it leaves everything as it must be.
#[tokio::test]
async fn killed_anywhere_it_is_simply_begun_again() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let places = everywhere(async |at| {
            let (rig, filed) = busy().await;
            rig.forget(&filed).await;
            rig.calls();
            rig.script(dying(at, last));
            let _ = rig.asked(json!({ "reconcile": {} })).await;
            let crossed = rig.calls();
            rig.reconcile().await;
            assert_eq!(rig.hints().await, filed, "killed at call {at}, {last:?}");
            rig.deliver().await;
            assert_eq!((rig.told(), rig.extra()), (MISSED.map(str::to_owned).to_vec(), 0), "killed at call {at}, {last:?}");
            crossed > at
        });
        let places = places.await;
        assert!(places > 6, "only {places} places to die at were tried");
    }
}

/// An alarm files a job, once; the tick walks, and the job is gone.
#[tokio::test]
async fn an_alarm_has_the_tick_reconcile() {
    let (rig, filed) = busy().await;
    rig.forget(&filed).await;
    let alarm = json!({
        "source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:RelayParked", "accountId": "123456789012",
        "time": "2026-01-05T09:00:00.000+0000", "region": "eu-central-1", "alarmData": { "alarmName": "RelayParked" },
    });
    let first = rig.asked(alarm.clone()).await.unwrap();
    rig.stage.advance_seconds(60);
    assert_eq!(rig.asked(alarm).await.unwrap(), first, "told twice, it is one job");
    let jobs = rig.all_keys().await.into_iter().filter(|key| keys::parse_job(key).is_some()).count();
    assert_eq!(jobs, 1);
    let report = rig.tick().await;
    assert_eq!((report.jobs, report.failed), (1, 0), "{report:?}");
    assert_eq!(rig.hints().await, filed);
    rig.deliver().await;
    assert_eq!(rig.told(), MISSED);
    let left = rig.all_keys().await.into_iter().filter(|key| keys::parse_job(key).is_some()).count();
    assert_eq!(left, 0);
    for unknown in [json!({}), json!({ "source": "aws.s3" }), json!([]), json!({ "detail": "reconcile" })] {
        assert!(rig.asked(unknown).await.unwrap_err().contains("not known"));
    }
}

/// The walk of an alarm fails while the store does; later ticks go on from its place.
#[tokio::test]
async fn a_walk_that_fails_is_gone_on_with() {
    let (rig, filed) = busy().await;
    rig.forget(&filed).await;
    rig.asked(json!({ "source": "aws.cloudwatch" })).await.unwrap();
    let app = rig.app.clone();
    rig.sqs.script(|_| Fault::DropBefore);
    let report = crate::stage::tick(&app, TIME).await.unwrap();
    assert_eq!((report.jobs, report.failed), (0, 1), "{report:?}");
    rig.heal();
    assert_eq!(rig.tick().await.jobs, 0, "not at once");
    rig.stage.advance_seconds(60);
    assert_eq!(rig.tick().await.jobs, 1);
    rig.deliver().await;
    assert_eq!(rig.told(), MISSED);
    assert_eq!(rig.hints().await, filed);
}

/// Somebody left while a step's hints were missing, so the walk of the leavers could not find it: looked at again, it goes on.
#[tokio::test]
async fn who_left_while_hints_were_missing_is_noticed() {
    let rig = Rig::new("rita bob boss", json!([{ "id": "a", "approvers": [{ "user": "bob" }] }])).await;
    rig.stage.role("approval_admin", "boss").await;
    let shown = rig.stage.submit("rita", "1", None).await.unwrap().record;
    rig.stage.settle().await;
    let filed = rig.hints().await;
    rig.forget(&filed).await;
    rig.stage.person("bob", None, false).await;
    rig.stage.settle().await;
    assert_eq!(rig.stage.load(&shown.state.id).await.state.version, 1, "nobody finds it");
    rig.reconcile().await;
    rig.stage.settle().await;
    let record = rig.stage.load(&shown.state.id).await;
    assert_eq!(record.state.live_steps().next().unwrap().1.candidates.len(), 2, "the administrators are asked");
    let there =
        rig.stage.aside.stores.table.batch_get(&rig.hints().await.into_iter().collect::<Vec<_>>(), Freshness::Strong).await.unwrap();
    assert_eq!(there.len(), 2);
}
