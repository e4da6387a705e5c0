//! Stream records as Lambda delivers them.

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::{Event, EventRecord, StreamRecord, StreamViewType, UserIdentity};
use aws_sdk_dynamodbstreams::types;
use chrono::DateTime;

/// The invocation payload for `records` of the stream `arn`.
pub(super) fn event(arn: &str, records: Vec<types::Record>) -> Event {
    let mut event = Event::default();
    event.records = records.into_iter().map(|record| event_record(arn, record)).collect();
    event
}

/// Where a record stands in its shard.
pub(super) fn sequence_number(record: &types::Record) -> Option<&str> {
    record.dynamodb()?.sequence_number()
}

/// The `PK` of the item it is about.
pub(super) fn partition_key(record: &types::Record) -> Option<&str> {
    record.dynamodb()?.keys()?.get("PK")?.as_s().ok().map(String::as_str)
}

fn event_record(arn: &str, record: types::Record) -> EventRecord {
    let mut out = EventRecord::default();
    out.aws_region = record.aws_region.unwrap_or_default();
    out.event_id = record.event_id.unwrap_or_default();
    out.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    out.event_source = record.event_source;
    out.event_version = record.event_version;
    out.event_source_arn = Some(arn.to_owned());
    out.user_identity = record.user_identity.map(|who| {
        let mut identity = UserIdentity::default();
        identity.type_ = who.r#type.unwrap_or_default();
        identity.principal_id = who.principal_id.unwrap_or_default();
        identity
    });
    out.change = record.dynamodb.map(change).unwrap_or_default();
    out
}

fn change(record: types::StreamRecord) -> StreamRecord {
    let mut out = StreamRecord::default();
    out.approximate_creation_date_time =
        record.approximate_creation_date_time.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos())).unwrap_or_default();
    out.keys = item(record.keys);
    out.new_image = item(record.new_image);
    out.old_image = item(record.old_image);
    out.sequence_number = record.sequence_number;
    out.size_bytes = record.size_bytes.unwrap_or_default();
    out.stream_view_type = record.stream_view_type.and_then(|view| match view {
        types::StreamViewType::NewAndOldImages => Some(StreamViewType::NewAndOldImages),
        types::StreamViewType::NewImage => Some(StreamViewType::NewImage),
        types::StreamViewType::OldImage => Some(StreamViewType::OldImage),
        types::StreamViewType::KeysOnly => Some(StreamViewType::KeysOnly),
        _ => None,
    });
    out
}

fn item(image: Option<HashMap<String, types::AttributeValue>>) -> serde_dynamo::Item {
    image
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name, serde_dynamo::AttributeValue::from(value)))
        .collect::<HashMap<_, _>>()
        .into()
}
