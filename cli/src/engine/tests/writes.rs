//! Conditions, races, transactions, and the index that keeps writes fast.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::{TABLE, n, put, s, start, version};
use crate::engine::sqlite;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_conditional_writes_exactly_one_wins_each_version() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    put(&clients.dynamodb, "REQ#1", 0).await;
    for round in 0..10 {
        let racers = (0..16).map(|_| {
            let attempt = clients
                .dynamodb
                .put_item()
                .table_name(TABLE)
                .item("PK", s("REQ#1"))
                .item("SK", s("A"))
                .item("v", n(round + 1))
                .condition_expression("v = :v")
                .expression_attribute_values(":v", n(round))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            tokio::spawn(attempt.send())
        });
        let mut won = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Ok(_) => won += 1,
                Err(lost) => {
                    let lost = lost.into_service_error();
                    let present = match &lost {
                        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(lost) => lost.item(),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(present.unwrap()["v"], n(round + 1), "a loser is shown what is there now");
                }
            }
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn a_cancelled_transaction_shows_the_item_in_the_way_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    put(&clients.dynamodb, "ENT#1", 5).await;
    let fresh = |pk: &str| {
        let put = Put::builder()
            .table_name(TABLE)
            .item("PK", s(pk))
            .item("SK", s("A"))
            .item("v", n(1))
            .condition_expression("attribute_not_exists(PK)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let cancelled = clients
        .dynamodb
        .transact_write_items()
        .transact_items(fresh("REQ#1"))
        .transact_items(fresh("ENT#1"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled
    else {
        panic!("{cancelled:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item().unwrap()["v"], n(5));
    assert_eq!(version(&clients.dynamodb, "REQ#1").await, None);
}

#[tokio::test]
async fn a_transaction_repeated_with_its_token_is_answered_and_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    let submit = |v: i64| {
        let put = Put::builder()
            .table_name(TABLE)
            .item("PK", s("REQ#1"))
            .item("SK", s("A"))
            .item("v", n(v))
            .condition_expression("attribute_not_exists(PK)");
        clients
            .dynamodb
            .transact_write_items()
            .client_request_token("once")
            .transact_items(TransactWriteItem::builder().put(put.build().unwrap()).build())
            .send()
    };
    submit(1).await.unwrap();
    submit(1).await.unwrap();
    let other = submit(2).await.unwrap_err().into_service_error();
    assert!(other.is_idempotent_parameter_mismatch_exception(), "{other:?}");
    assert_eq!(version(&clients.dynamodb, "REQ#1").await, Some(1));
}

#[test]
fn dynoxides_stream_statements_use_our_index() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.sqlite");
    let storage = dynoxide::storage::Storage::new(&file.to_string_lossy()).unwrap();
    sqlite::prepare(storage.conn()).unwrap();
    // As dynoxide 3.2.0 words them (`storage.rs`: next_stream_sequence_number, stream_records_with_event_ids,
    // get_shard_sequence_range).
    for statement in [
        "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 't'",
        "SELECT event_name FROM _stream_records WHERE table_name = 't' AND shard_id = 's' \
         AND CAST(sequence_number AS INTEGER) > 1 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 9",
    ] {
        let plan: Vec<String> = storage
            .conn()
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(
            plan.iter().all(|step| step.contains("USING INDEX approvals_stream_position")
                || step.contains("USING COVERING INDEX approvals_stream_position")),
            "{plan:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_group_a_failed_request_leaves_no_trace_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    put(&clients.dynamodb, "ENT#taken", 1).await;
    // All are queued before the first is done, so they share groups; every odd one must fail as a whole.
    let submit = |i: i64| {
        let item = |pk: String| {
            let put = Put::builder().table_name(TABLE).item("PK", s(pk)).item("SK", s("A")).item("v", n(i));
            let put = put.condition_expression("attribute_not_exists(PK)").build().unwrap();
            TransactWriteItem::builder().put(put).build()
        };
        let guard = if i % 2 == 0 { format!("ENT#{i}") } else { "ENT#taken".to_owned() };
        let call = clients.dynamodb.transact_write_items();
        tokio::spawn(call.transact_items(item(format!("REQ#{i}"))).transact_items(item(guard)).send())
    };
    let submitted: Vec<_> = (0..100).map(submit).collect();
    for (i, submitted) in (0..).zip(submitted) {
        assert_eq!(submitted.await.unwrap().is_ok(), i % 2 == 0);
        assert_eq!(version(&clients.dynamodb, &format!("REQ#{i}")).await, (i % 2 == 0).then_some(i));
    }
}
