//! Bad input: each a problem with a stable code and a place, and nothing written.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::stage::api::{Answer, Api, asked};

async fn service() -> Api {
    let api = Api::start().await;
    api.people("ann bob rita<ann grace").await;
    api.role("approval_admin", "grace").await;
    let steps = json!([{ "id": "manager", "approvers": [{ "manager_of": "requester" }] }]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    let fields = json!({ "amount": { "type": "number", "required": true } });
    let when = json!([{ "id": "big", "when": "metadata.amount > metadata.limit", "approvers": [{ "user": "ann" }] }]);
    api.template(&json!({ "key": "strict", "title": "T", "fields": fields, "steps": steps })).await;
    api.template(&json!({ "key": "failing", "title": "T", "steps": when })).await;
    api.template(&json!({ "key": "empty", "title": "T", "steps": [{ "id": "s", "when": "false", "approvers": [{ "user": "ann" }] }] }))
        .await;
    let nobody = json!([{ "id": "s", "approvers": [{ "role": "nobody" }], "fallback": "none" }]);
    api.template(&json!({ "key": "dead", "title": "T", "steps": nobody })).await;
    api.template(&json!({ "key": "off", "title": "T", "steps": steps })).await;
    api.done("root", "POST /v1/templates/off/deactivate", None).await;
    api
}

fn good() -> Value {
    json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "Chairs", "metadata": {} })
}

/// [`good`] with one member set anew.
fn with(pointer: &str, value: Value) -> String {
    let mut body = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body.to_string()
}

async fn submit(api: &Api, body: impl Into<Body>, media_type: &str) -> Answer {
    let request = asked("POST /v1/requests", Some(&api.token("rita")));
    api.send(request.header(CONTENT_TYPE, media_type).body(body.into()).unwrap()).await
}

fn pointers(answer: &Answer) -> Vec<&str> {
    answer.body["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["pointer"].as_str()).collect()
}

#[tokio::test]
async fn a_submission_with_something_wrong_says_what_and_where_and_writes_nothing() {
    let api = service().await;
    let deep = format!("{{\"template\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let number = |text: &str| good().to_string().replace("\"metadata\":{}", &format!("\"metadata\":{{\"n\":{text}}}"));
    let cases: &[(String, u16, &str, &str)] = &[
        // Mass assignment and typing errors.
        (with("/status", json!("approved")), 400, "invalid_body", "/status"),
        (with("/version", json!(9)), 400, "invalid_body", "/version"),
        (with("/tenant", json!("other")), 400, "invalid_body", "/tenant"),
        (with("/requested_by", json!("ann")), 400, "invalid_body", "/requested_by"),
        (with("/entity/x", json!(1)), 400, "invalid_body", "/entity/x"),
        (with("/title", json!(7)), 400, "invalid_body", "/title"),
        (with("/title", json!("x".repeat(201))), 400, "invalid_body", "/title"),
        (with("/title", json!("")), 400, "invalid_body", "/title"),
        (with("/metadata", json!([])), 400, "invalid_body", "/metadata"),
        // An object is written as an object, at any depth.
        (json!(["t", good()["entity"], "Chairs", {}]).to_string(), 400, "invalid_body", ""),
        (with("/entity", json!(["order", "1"])), 400, "invalid_body", "/entity"),
        (with("/attachments", json!([["a.pdf", "application/pdf", 1, "0", "https://x.example/a"]])), 400, "invalid_body", "/attachments/0"),
        (with("/entity/id", json!("a\nb")), 400, "invalid_body", "/entity/id"),
        (with("/entity/id", json!("x".repeat(129))), 400, "invalid_body", "/entity/id"),
        (with("/template", json!("No Such")), 400, "invalid_body", "/template"),
        (with("/attachments", json!(vec![json!({}); 21])), 400, "invalid_body", ""),
        // JSON that two readers could read in two ways, or that hurts one.
        ("{\"template\":\"t\",\"template\":\"u\"}".to_owned(), 400, "invalid_json", "/template"),
        ("not json".to_owned(), 400, "invalid_json", ""),
        ("\u{feff}{}".to_owned(), 400, "invalid_json", ""),
        (deep, 400, "invalid_json", ""),
        (number("1e999"), 400, "invalid_json", "/metadata/n"),
        (number("9007199254740993"), 400, "invalid_json", "/metadata/n"),
        (number("\"\\ud800\""), 400, "invalid_json", ""),
        // Too much.
        (with("/metadata", json!({ "x": "y".repeat(65_536) })), 413, "too_large", "/metadata"),
        (with("/metadata", json!({ "x": "y".repeat(300_000) })), 413, "too_large", ""),
        // What the template or the directory says.
        (with("/template", json!("nosuch")), 422, "unknown_template", "/template"),
        (with("/template", json!("off")), 422, "template_inactive", "/template"),
        (with("/template", json!("strict")), 422, "invalid_metadata", "/metadata/amount"),
        (with("/template", json!("failing")), 422, "expression_failed", ""),
        (with("/template", json!("empty")), 422, "empty_plan", ""),
        (with("/template", json!("dead")), 422, "unroutable", ""),
        (with("/requester", json!("nobody")), 403, "unknown_user", ""),
    ];
    let before = api.local.stores.table.meter().units();
    for (body, status, code, pointer) in cases {
        let answer = submit(&api, body.clone(), "application/json").await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!((answer.status, answer.code()), (*status, *code), "{shown}: {}", answer.body);
        answer.is_problem(&shown);
        assert!(pointer.is_empty() || pointers(&answer).contains(pointer), "{shown}: {pointer} is not in {}", answer.body);
    }
    let after = api.local.stores.table.meter().units();
    assert!((after.wru - before.wru).abs() < f64::EPSILON, "something was written");
}

#[tokio::test]
async fn a_body_comes_as_what_it_says_it_is() {
    let api = service().await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let answer = submit(&api, good().to_string(), media_type).await;
        assert_eq!((answer.status, answer.code()), (415, "unsupported_media_type"), "{media_type}");
    }
    let answer = submit(&api, vec![b' '; 6 * 1024 * 1024], "application/json").await;
    assert_eq!((answer.status, answer.code()), (413, "too_large"));
    let answer = submit(&api, vec![b'"', 0xff, b'"'], "application/json").await;
    assert_eq!((answer.status, answer.code()), (400, "invalid_json"));
}

#[tokio::test]
async fn an_idempotency_key_is_short_and_visible() {
    let api = service().await;
    for key in ["", &"k".repeat(10_240), "é"] {
        let request = asked("POST /v1/requests", Some(&api.token("rita"))).header("idempotency-key", key.as_bytes());
        let answer = api.send(request.header(CONTENT_TYPE, "application/json").body(Body::from(good().to_string())).unwrap()).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_idempotency_key"), "{} characters", key.len());
    }
}

#[tokio::test]
async fn lists_take_no_forged_cursor_no_other_length_and_no_unknown_filter() {
    let api = service().await;
    for n in 0..3 {
        let mut body = good();
        body["entity"]["id"] = json!(n.to_string());
        api.done("rita", "POST /v1/requests", Some(&body)).await;
    }
    let page = api.done("rita", "GET /v1/requests?limit=2", None).await;
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let last = if cursor.ends_with('A') { "B" } else { "A" };
    let bent = format!("{}{last}", &cursor[..cursor.len() - 1]);
    let cases = [
        (format!("GET /v1/requests?cursor={bent}"), "invalid_cursor"),
        (format!("GET /v1/requests?limit=2&requester=ann&cursor={cursor}"), "invalid_cursor"),
        (format!("GET /v1/inbox?cursor={cursor}"), "invalid_cursor"),
        ("GET /v1/requests?cursor=x".to_owned(), "invalid_cursor"),
        ("GET /v1/requests?limit=0".to_owned(), "invalid_query"),
        ("GET /v1/requests?limit=101".to_owned(), "invalid_query"),
        ("GET /v1/requests?limit=many".to_owned(), "invalid_query"),
        ("GET /v1/requests?colour=red".to_owned(), "invalid_query"),
        ("GET /v1/requests?status=lost".to_owned(), "invalid_query"),
    ];
    for (what, code) in cases {
        let answer = api.call("rita", &what, None).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{what}: {}", answer.body);
        answer.is_problem(&what);
    }
    let rest = api.done("rita", &format!("GET /v1/requests?limit=2&cursor={cursor}"), None).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), rest.get("next_cursor")), (1, None));
}

#[tokio::test]
async fn a_template_that_could_hurt_is_refused_when_it_is_stored() {
    let api = service().await;
    let step = |more: Value| {
        let mut step = json!({ "id": "s", "approvers": [{ "user": "ann" }] });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "key": "x", "title": "X", "steps": [step] })
    };
    let nested = format!("{}1{}", "(".repeat(200), ")".repeat(200));
    let cases = [
        step(json!({ "when": nested })),
        step(json!({ "when": "metadata.a.map(x, metadata.a.map(y, y)).size() > 0" })),
        step(json!({ "when": "metadata.a.matches('(a+)+$')" })),
        step(json!({ "when": "true ".repeat(200) })),
        step(json!({ "colour": "red" })),
        step(json!({ "required": 5 })),
        step(json!({ "distinct_from": ["later"] })),
        json!({ "key": "x", "title": "X", "steps": [] }),
        json!({ "key": "y", "title": "X", "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] }),
    ];
    for template in cases {
        let answer = api.call("root", "PUT /v1/templates/x", Some(&template)).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid_template"), "{template}: {}", answer.body);
        answer.is_problem("a template");
        assert!(!pointers(&answer).is_empty(), "{template}: {}", answer.body);
    }
    assert_eq!(api.call("root", "GET /v1/templates/x", None).await.status, 404);
}

#[tokio::test]
async fn a_vote_on_what_was_not_shown_changes_nothing() {
    let api = service().await;
    let request = api.done("rita", "POST /v1/requests", Some(&good())).await;
    let what = format!("POST /v1/requests/{}/decisions", request["id"].as_str().unwrap());
    let vote = |hash: Value| json!({ "step": "manager", "decision": "approve", "payload_hash": hash });
    let cases = [
        (vote(json!("A".repeat(43))), 409, "stale_revision"),
        (vote(json!("short")), 400, "invalid_body"),
        (json!({ "step": "manager", "decision": "approve" }), 400, "payload_hash_required"),
        (json!({ "step": "manager", "decision": "maybe" }), 400, "invalid_body"),
        (json!({ "step": "nosuch", "decision": "reject" }), 404, "unknown_step"),
        (json!({ "step": "manager", "decision": "reject", "comment": "x".repeat(4_001) }), 400, "invalid_body"),
    ];
    for (body, status, code) in cases {
        let answer = api.call("ann", &what, Some(&body)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.body);
    }
    let own = api.call("rita", &what, Some(&vote(request["payload_hash"].clone()))).await;
    assert_eq!((own.status, own.code()), (403, "not_eligible"), "{}", own.body);
    let now = api.done("rita", &format!("GET /v1/requests/{}", request["id"].as_str().unwrap()), None).await;
    assert_eq!(now["version"], json!(1));
}

/// I13: across tenants, and for who is no party, a request is the same nothing as a missing one.
#[tokio::test]
async fn what_is_not_yours_to_see_is_the_same_nothing_as_what_is_missing() {
    let api = service().await;
    let request = api.done("rita", "POST /v1/requests", Some(&good())).await;
    let id = request["id"].as_str().unwrap();
    let foreign = api.local.token("rita", None, "elsewhere").unwrap();
    let missing = "0".repeat(26);
    for tail in ["", "/history", "/explain?user=ann"] {
        let nothing = api.call("bob", &format!("GET /v1/requests/{missing}{tail}"), None).await;
        let stranger = api.call("bob", &format!("GET /v1/requests/{id}{tail}"), None).await;
        let tenant = api.send(asked(&format!("GET /v1/requests/{id}{tail}"), Some(&foreign)).body(Body::empty()).unwrap()).await;
        assert_eq!((nothing.status, nothing.code()), (404, "not_found"), "{tail}");
        for other in [stranger, tenant] {
            assert_eq!((other.status, &other.body), (404, &nothing.body), "{tail}");
        }
    }
}
