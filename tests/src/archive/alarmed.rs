//! A reconciliation that an alarm starts, and the schedule that ends it.

use std::collections::BTreeSet;
use std::time::Duration;

use approvals::runtime::metrics::{heard, listen};
use audit::Error;
use serde_json::{Value, json};

use super::function::Deployed;
use crate::deployment::metrics::since;

/// What CloudWatch tells a function when an alarm changes its state.
fn alarm(state: &str) -> Value {
    json!({ "source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:x", "accountId": "1", "time": "2026-03-05T11:00:00Z",
        "region": "eu-west-1", "alarmData": { "alarmName": "x", "state": { "value": state, "reason": "r", "timestamp": "t" } } })
}

/// An alarm starts it; what time does not allow, the schedule goes on with, and then it is over.
#[tokio::test]
async fn an_alarm_starts_a_reconciliation_and_the_schedule_ends_it() {
    let it = Deployed::new().await;
    it.secret("first", None);
    super::reconcile::fill_pages(&it.site.table()).await;
    assert_eq!(it.run(alarm("OK")).await.unwrap(), json!({ "reconciled": null }));
    assert_eq!(it.run(json!({ "refresh": true })).await.unwrap()["reconciled"], Value::Null, "nothing was started");

    let now = Duration::ZERO;
    let first = it.run_for(alarm("ALARM"), now).await.unwrap();
    assert!(first["reconciled"]["next"].is_object(), "{first}");
    let size = it.size().await;
    assert!(size > 0 && size < 60, "{size}");
    let mut shares = 1;
    loop {
        let share = it.run_for(json!({ "refresh": true }), now).await.unwrap();
        shares += 1;
        if share["reconciled"]["next"].is_null() {
            assert!(share["reconciled"].is_object(), "{share}");
            break;
        }
    }
    assert_eq!((it.size().await, shares > 1), (60, true));
    assert_eq!(it.run(json!({ "refresh": true })).await.unwrap()["reconciled"], Value::Null, "it is over");
    // By hand, with words.
    let by_hand = it.run(json!({ "reconcile": { "since": "1970-01-01T00:00:00Z" } })).await.unwrap();
    assert_eq!((&by_hand["held"], &by_hand["appended"], &by_hand["next"]), (&json!(60), &json!(0), &Value::Null));
}

/// An alarm that comes again does not send it back to the beginning: it goes on, and once it is through it begins once more.
#[tokio::test]
async fn alarms_that_come_again_do_not_keep_a_reconciliation_at_its_beginning() {
    let it = Deployed::new().await;
    it.secret("first", None);
    super::reconcile::fill_pages(&it.site.table()).await;
    let mut places = BTreeSet::new();
    // Each alarm has time for one page; sixty commits lie in more than three. Nothing is published before the first.
    let mut shares = 0;
    while shares == 0 || it.size().await < 60 {
        let share = it.run_for(alarm("ALARM"), Duration::ZERO).await.unwrap();
        places.insert(share["reconciled"]["next"].to_string());
        shares += 1;
        assert!(shares < 60, "it never gets on: {places:?}");
    }
    assert!(places.len() > 1, "{places:?}");
    // The commits before its place were looked at before the last alarm came: they are looked at once more, and then it is over.
    let mut again = 0;
    while !it.run_for(json!({ "refresh": true }), Duration::ZERO).await.unwrap()["reconciled"].is_null() {
        again += 1;
        assert!(again < 60, "it never ends");
    }
    assert!(again > 1, "{again}");
}

/// What kills it at one place kills it again: three times, and then it is given up, loudly, until another alarm.
#[tokio::test]
async fn a_reconciliation_that_never_leaves_its_place_is_given_up() {
    let it = Deployed::new().await;
    it.secret("first", None);
    super::reconcile::fill(&it.site.table(), 0..3).await;
    it.site.s3.refuse(true);
    assert!(matches!(it.run(alarm("ALARM")).await, Err(Error::Archive(_))));
    for _ in 0..2 {
        assert!(matches!(it.run(json!({ "refresh": true })).await, Err(Error::Archive(_))));
    }
    it.site.s3.refuse(false);
    listen();
    assert!(matches!(it.run(json!({ "refresh": true })).await, Err(Error::GivenUp)));
    assert_eq!(since("audit", "LogsNotReconciled"), 1, "`ArchiveNotReconciled` rings");
    assert_eq!(it.run(json!({ "refresh": true })).await.unwrap()["reconciled"], Value::Null, "once");
    assert_eq!((since("audit", "LogsNotReconciled"), heard().len()), (0, 0));
    let anew = it.run(alarm("ALARM")).await.unwrap();
    assert_eq!(anew["reconciled"]["appended"], json!(3));
}
