//! The API behind screens: lists that are found and not filtered, summaries, people by name, and pages that can be read to their end.

mod conversation;
mod directory;
mod lists;
mod people;

use serde_json::{Value, json};

use crate::stage::api::Api;

const START: &str = "2026-01-05T09:00:00Z";

/// All items of a list, page by page of `limit`, and how many pages there were.
async fn all(api: &Api, who: &str, path: &str, limit: usize) -> (Vec<Value>, usize) {
    let (mut items, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    let mark = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = api.done(who, &format!("GET {path}{mark}limit={limit}{cursor}"), None).await;
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit, "{path}");
        items.extend(found.iter().cloned());
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { return (items, pages) };
        cursor = format!("&cursor={next}");
    }
}

/// What each item says under a pointer.
fn texts(items: &[Value], pointer: &str) -> Vec<String> {
    items.iter().map(|item| item.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned()).collect()
}

/// Rita asks, Ann decides `slow` and `plain`, finance (Ben and Cleo) decides `money`; Ada administers.
async fn office() -> Api {
    let api = Api::start_at(START).await;
    api.people("ada ann ben cleo rita<ann zoe").await;
    api.role("approval_admin", "ada").await;
    api.role("finance", "ben cleo").await;
    let one = |approver: Value, more: Value| {
        let mut step = json!({ "id": "s", "approvers": [approver], "sla": { "hours": 10 } });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([step])
    };
    let fields = json!({
        "what": { "type": "string", "label": "What for", "mail": true },
        "amount": { "type": "number", "mail": true },
        "currency": { "type": "string" },
        "because": { "type": "string" },
    });
    for (key, steps, more) in [
        ("plain", one(json!({ "user": "ann" }), json!({})), json!({})),
        ("slow", one(json!({ "user": "ann" }), json!({ "remind": [0.5] })), json!({})),
        (
            "money",
            one(json!({ "role": "finance" }), json!({ "escalate": [{ "after": 3, "to": [{ "user": "ada" }] }] })),
            json!({ "fields": fields, "field_order": ["what", "amount", "currency", "because"], "amount": { "value": "metadata.amount", "currency": "metadata.currency" } }),
        ),
    ] {
        let mut template = json!({ "key": key, "title": key, "unique_entity": false, "steps": steps });
        template.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.template(&template).await;
    }
    api
}
