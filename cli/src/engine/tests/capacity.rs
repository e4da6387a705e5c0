//! What the engine charges is what DynamoDB charges, since the cost budget is asserted from it.

use aws_sdk_dynamodb::types::{
    ConsumedCapacity, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity, TransactWriteItem, WriteRequest,
};

use super::{TABLE, n, s, start};

/// Table, by_requester, by_template, due.
fn units(consumed: Option<ConsumedCapacity>) -> [f64; 4] {
    let consumed = consumed.unwrap();
    let indexes = consumed.global_secondary_indexes.unwrap_or_default();
    let index = |name: &str| indexes.get(name).and_then(|c| c.capacity_units()).unwrap_or(0.0);
    let table = consumed.table.and_then(|c| c.capacity_units()).unwrap_or(0.0);
    let all = [table, index("by_requester"), index("by_template"), index("due")];
    assert_eq!(consumed.capacity_units, Some(all.iter().sum()));
    all
}

#[tokio::test]
async fn single_writes_charge_table_and_touched_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    let put = |bytes: usize, due: &'static str| {
        let put = clients
            .dynamodb
            .put_item()
            .table_name(TABLE)
            .item("PK", s("REQ#1"))
            .item("SK", s("A"))
            .item("rq", s("u1"))
            .item("tp", s("t1"))
            .item("cr", s("2026"))
            .item("body", s("x".repeat(bytes)))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        let put = if due.is_empty() { put } else { put.item("ds", s("0")).item("du", s(due)) };
        async move { units(put.send().await.unwrap().consumed_capacity) }
    };
    assert_eq!(put(100, "a").await, [1.0, 1.0, 1.0, 1.0], "new: table and three indexes");
    assert_eq!(put(200, "a").await, [1.0, 0.0, 0.0, 0.0], "keys untouched: the table alone");
    assert_eq!(put(1_500, "a").await, [2.0, 0.0, 0.0, 0.0], "per started kB");
    assert_eq!(put(100, "a").await, [2.0, 0.0, 0.0, 0.0], "the larger of old and new");
    assert_eq!(put(100, "b").await, [1.0, 0.0, 0.0, 2.0], "a moved index entry is a delete and a put");
    assert_eq!(put(100, "").await, [1.0, 0.0, 0.0, 1.0], "leaving a sparse index");

    let update = clients.dynamodb.update_item().table_name(TABLE).key("PK", s("REQ#1")).key("SK", s("A"));
    let update = update
        .update_expression("SET ds = :s, du = :u")
        .expression_attribute_values(":s", s("0"))
        .expression_attribute_values(":u", s("c"))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    assert_eq!(units(update.send().await.unwrap().consumed_capacity), [1.0, 0.0, 0.0, 1.0]);
}

#[tokio::test]
async fn transactions_charge_double_and_batches_per_row() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    let row = |pk: &str| {
        let put = Put::builder().table_name(TABLE).item("PK", s(pk)).item("SK", s("A")).item("ds", s("0")).item("du", s("1"));
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let done = clients
        .dynamodb
        .transact_write_items()
        .transact_items(row("REQ#1"))
        .transact_items(row("REQ#2"))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .unwrap();
    let [consumed] = <[_; 1]>::try_from(done.consumed_capacity.unwrap()).unwrap();
    assert_eq!(units(Some(consumed)), [4.0, 0.0, 0.0, 2.0], "double on the table, single on an index");

    let hints = (0..10).map(|i| {
        let hint = PutRequest::builder().item("PK", s("INB#t#U#u1")).item("SK", s(format!("2026#{i}")));
        WriteRequest::builder().put_request(hint.build().unwrap()).build()
    });
    let done = clients
        .dynamodb
        .batch_write_item()
        .request_items(TABLE, hints.collect())
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .unwrap();
    let [consumed] = <[_; 1]>::try_from(done.consumed_capacity.unwrap()).unwrap();
    assert_eq!(units(Some(consumed)), [10.0, 0.0, 0.0, 0.0]);
}

#[tokio::test]
async fn reads_charge_by_4_kb_and_half_when_eventual() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    let client = &clients.dynamodb;
    for i in 0..3 {
        let item = client.put_item().table_name(TABLE).item("PK", s("REQ#1")).item("SK", s(format!("P#{i}")));
        item.item("v", n(i)).item("body", s("x".repeat(1_500))).send().await.unwrap();
    }
    for (consistent, get, query) in [(true, 1.0, 2.0), (false, 0.5, 1.0)] {
        let one = client.get_item().table_name(TABLE).key("PK", s("REQ#1")).key("SK", s("P#0"));
        let one = one.consistent_read(consistent).return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        assert_eq!(units(one.send().await.unwrap().consumed_capacity)[0], get);
        let all = client.query().table_name(TABLE).key_condition_expression("PK = :p").expression_attribute_values(":p", s("REQ#1"));
        let all = all.consistent_read(consistent).return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        assert_eq!(units(all.send().await.unwrap().consumed_capacity)[0], query, "4.6 kB together");
    }
    let missing = client.get_item().table_name(TABLE).key("PK", s("REQ#2")).key("SK", s("A")).consistent_read(true);
    let missing = missing.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(missing.consumed_capacity.unwrap().capacity_units, Some(1.0), "a miss costs a read");

    let keys = (0..3).map(|i| std::collections::HashMap::from([("PK".to_owned(), s("REQ#1")), ("SK".to_owned(), s(format!("P#{i}")))]));
    let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect())).consistent_read(true).build().unwrap();
    let batch = client.batch_get_item().request_items(TABLE, keys).return_consumed_capacity(ReturnConsumedCapacity::Total);
    let [consumed] = <[_; 1]>::try_from(batch.send().await.unwrap().consumed_capacity.unwrap()).unwrap();
    assert_eq!(consumed.capacity_units, Some(3.0), "each item by itself");
}

#[tokio::test]
async fn a_refused_condition_still_costs_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, clients) = start(folder.path()).await;
    super::put(&clients.dynamodb, "REQ#1", 1).await;
    let refused = clients
        .dynamodb
        .put_item()
        .table_name(TABLE)
        .item("PK", s("REQ#1"))
        .item("SK", s("A"))
        .condition_expression("attribute_not_exists(PK)")
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .unwrap_err();
    // DynamoDB charges the write and, with an exception, says nothing of it: a meter has to add it by itself.
    assert!(refused.into_service_error().is_conditional_check_failed_exception());
}
