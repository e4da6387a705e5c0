//! Delegations over the public routes: who may make, see and take back which, every refusal, and what two at once come to.

use std::sync::Arc;

use approvals::app::Error;
use approvals_domain::refusal::Refusal;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::stage::api::{Answer, Api, asked};
use crate::stage::seam::Fault;

const NOW: &str = "2026-06-30T12:00:00.000Z";
const FROM: &str = "2026-07-01T00:00:00.000Z";
const UNTIL: &str = "2026-07-15T00:00:00.000Z";

fn to(person: &str) -> Value {
    json!({ "to": person, "starts_at": FROM, "ends_at": UNTIL, "reason": "Holiday" })
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn start() -> Api {
    let api = Api::start_at(NOW).await;
    api.people("ann ben cleo dora boss").await;
    api.role("approval_admin", "boss").await;
    api
}

async fn make(api: &Api, who: &str, body: &Value) -> Answer {
    api.call(who, "POST /v1/delegations", Some(body)).await
}

async fn listed(api: &Api, who: &str, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.done(who, &format!("GET /v1/delegations?limit=2{query}{cursor}"), None).await;
        ids.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            None => return ids,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
}

#[tokio::test]
async fn made_shown_listed_and_taken_back() {
    let api = start().await;
    let scope = json!({ "templates": ["order"], "steps": ["finance", "legal"], "max": { "amount": 1_000.5, "currency": "EUR" } });
    let made = make(&api, "ann", &with(to("ben"), scope.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let wanted = with(
        json!({ "id": id, "from": "ann", "to": "ben", "starts_at": FROM, "ends_at": UNTIL, "reason": "Holiday", "status": "upcoming",
            "created_by": "ann", "created_at": NOW }),
        scope,
    );
    let warned = with(
        wanted.clone(),
        json!({ "warnings": [{ "pointer": "/templates/0", "code": "unknown_template", "detail": "there is no template `order`" }] }),
    );
    assert_eq!(made.body, warned, "what can never match is taken, and said");
    for who in ["ann", "ben", "boss"] {
        assert_eq!(api.done(who, &format!("GET /v1/delegations/{id}"), None).await, wanted, "{who}");
    }
    let mut given = vec![id.clone()];
    for other in ["cleo", "dora", "boss"] {
        api.done("root", "POST /_dev/clock", Some(&json!({ "advance_seconds": 1 }))).await;
        given.push(make(&api, "ann", &to(other)).await.body["id"].as_str().unwrap().to_owned());
    }
    // Newest first.
    given.reverse();
    assert_eq!(listed(&api, "ann", "").await, given);
    assert_eq!(listed(&api, "boss", "&user=ann&direction=given").await, given);
    assert_eq!(listed(&api, "ben", "&direction=received").await, vec![id.clone()]);
    assert_eq!(listed(&api, "ben", "").await, Vec::<String>::new());

    api.clock(FROM).await;
    assert_eq!(api.done("ann", &format!("GET /v1/delegations/{id}"), None).await["status"], "in_force");
    let revoked = api.call("ann", &format!("DELETE /v1/delegations/{id}"), None).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(api.call("ann", &format!("DELETE /v1/delegations/{id}"), None).await.status, 404, "gone is gone");
    assert_eq!(listed(&api, "ben", "&direction=received").await, Vec::<String>::new());
    assert_eq!(listed(&api, "ann", "").await.len(), 3);

    let history = api.done("boss", &format!("GET /v1/delegations/{id}/history"), None).await;
    let kinds: Vec<&str> = history["items"].as_array().unwrap().iter().map(|commit| commit["event"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["delegation.revoked", "delegation.made"]);
    assert_eq!(history["items"][0]["prev_hash"], history["items"][1]["hash"]);
    let made = &history["items"][1];
    assert_eq!(made["event"]["reason"]["text"], "Holiday");
    assert!(!made["canonical"].as_str().unwrap().contains("Holiday"), "personal text stands in no hashed byte");

    api.clock(UNTIL).await;
    let dora = listed(&api, "dora", "&direction=received").await;
    assert_eq!(api.done("dora", &format!("GET /v1/delegations/{}", dora[0]), None).await["status"], "ended");
}

#[tokio::test]
async fn every_refusal_says_what_and_where() {
    let api = start().await;
    let past = json!({ "starts_at": "2026-06-01T00:00:00Z", "ends_at": NOW });
    let faults = [
        (json!({ "to": "ann" }), "/to", "same_person"),
        (json!({ "starts_at": "tomorrow" }), "/starts_at", "no_time"),
        (json!({ "ends_at": FROM }), "/ends_at", "window"),
        (past, "/ends_at", "over"),
        (json!({ "templates": [] }), "/templates", "length"),
        (json!({ "steps": (0..51).map(|n| format!("s{n}")).collect::<Vec<_>>() }), "/steps", "length"),
        (json!({ "max": { "amount": -1, "currency": "EUR" } }), "/max/amount", "out_of_range"),
        (json!({ "max": { "amount": 1, "currency": "" } }), "/max/currency", "length"),
        (json!({ "reason": " " }), "/reason", "length"),
        (json!({ "reason": "x".repeat(501) }), "/reason", "length"),
        (
            json!({ "templates": ["t".repeat(100), "u".repeat(100)], "steps": ["s".repeat(100), "v".repeat(100), "w"] }),
            "",
            "scope_too_long",
        ),
    ];
    for (change, pointer, code) in faults {
        let answer = make(&api, "ann", &with(to("ben"), change.clone())).await;
        answer.is_problem(&change.to_string());
        let fault = &answer.body["errors"][0];
        assert_eq!((answer.status, fault["pointer"].as_str(), fault["code"].as_str()), (400, Some(pointer), Some(code)), "{}", answer.body);
    }
    api.people("gone").await;
    let gone = json!({ "name": "Gone", "email": "g@example.com", "active": false });
    api.done("root", "PUT /v1/users/gone", Some(&gone)).await;
    for (who, body, status, code) in [
        ("ann", to("nobody"), 422, "no_such_user"),
        ("ann", to("gone"), 422, "no_such_user"),
        ("nobody", to("ann"), 403, "unknown_user"),
        ("gone", to("ann"), 403, "unknown_user"),
        ("ann", with(to("ben"), json!({ "from": "cleo" })), 403, "not_allowed"),
        ("boss", with(to("ben"), json!({ "from": "nobody" })), 422, "no_such_user"),
        ("ann", with(to("ben"), json!({ "tenant": "other" })), 400, "invalid_body"),
    ] {
        let answer = make(&api, who, &body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{who}: {body}: {}", answer.body);
    }
    assert_eq!(listed(&api, "boss", "&user=ann").await, Vec::<String>::new(), "a refusal writes nothing");
    assert_eq!(api.call("ann", "GET /v1/delegations?user=ben", None).await.code(), "not_allowed");
}

#[tokio::test]
async fn others_delegations_are_nobody_s_business() {
    let api = start().await;
    let by_admin = make(&api, "boss", &with(to("ben"), json!({ "from": "ann" }))).await;
    assert_eq!((by_admin.status, &by_admin.body["created_by"]), (201, &json!("boss")), "{}", by_admin.body);
    let path = format!("/v1/delegations/{}", by_admin.body["id"].as_str().unwrap());
    let missing = api.call("cleo", "GET /v1/delegations/01234567890123456789012345", None).await;
    for method in ["GET", "DELETE"] {
        let answer = api.call("cleo", &format!("{method} {path}"), None).await;
        assert_eq!((answer.status, &answer.body), (404, &missing.body));
    }
    // The scope alone makes nobody an administrator, and the role alone does not either.
    let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    for (who, names) in [("cleo", scopes(&["decide", "admin"])), ("boss", scopes(&["decide"]))] {
        let token = api.local.token(who, Some(&names), "default").unwrap();
        let answer = api.send(asked(&format!("GET {path}"), Some(&token)).body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 404, "{who}");
    }
    let other_tenant = api.local.token("boss", None, "other").unwrap();
    let answer = api.send(asked(&format!("GET {path}"), Some(&other_tenant)).body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.body), (404, missing.body));
    assert_eq!(api.call("boss", &format!("DELETE {path}"), None).await.status, 204);
}

/// The reproducer of M6b: a colleague fills up what another may receive, and nobody asks them.
#[tokio::test]
async fn one_giver_gives_one_receiver_five_and_the_receiver_declines() {
    let api = start().await;
    let mut last = String::new();
    for _ in 0..5 {
        let made = make(&api, "ann", &to("ben")).await;
        assert_eq!(made.status, 201, "{}", made.body);
        last = made.body["id"].as_str().unwrap().to_owned();
    }
    let sixth = make(&api, "ann", &to("ben")).await;
    assert_eq!((sixth.status, sixth.code()), (422, "limit_reached"), "{}", sixth.body);
    assert_eq!(make(&api, "cleo", &to("ben")).await.status, 201, "others give as before");
    assert_eq!(api.call("cleo", &format!("DELETE /v1/delegations/{last}"), None).await.status, 404, "nobody else declines for him");
    assert_eq!(api.call("ben", &format!("DELETE /v1/delegations/{last}"), None).await.status, 204);
    assert_eq!(make(&api, "ann", &to("ben")).await.status, 201, "what was declined makes room");
}

#[tokio::test]
async fn a_ring_is_refused_and_named() {
    let api = start().await;
    assert_eq!(make(&api, "ann", &to("ben")).await.status, 201);
    assert_eq!(make(&api, "ben", &to("cleo")).await.status, 201);
    let ring = make(&api, "cleo", &to("ann")).await;
    assert_eq!((ring.status, ring.code()), (409, "delegation_cycle"));
    assert_eq!(ring.body["cycle"], json!(["cleo", "ann", "ben", "cleo"]));
    assert!(ring.body["detail"].as_str().unwrap().contains("cleo → ann → ben → cleo"));
    let direct = make(&api, "ben", &to("ann")).await;
    assert_eq!(direct.body["cycle"], json!(["ben", "ann", "ben"]));
    // Windows that touch do not overlap; and a ring must hold as a whole at some instant.
    let after = json!({ "starts_at": UNTIL, "ends_at": "2026-08-01T00:00:00Z" });
    assert_eq!(make(&api, "cleo", &with(to("ann"), after)).await.status, 201);
    let wide = json!({ "starts_at": NOW, "ends_at": "2026-07-01T00:00:00.001Z" });
    assert_eq!(make(&api, "cleo", &with(to("ann"), wide)).await.code(), "delegation_cycle");
    let before = json!({ "starts_at": NOW, "ends_at": FROM });
    assert_eq!(make(&api, "cleo", &with(to("ann"), before)).await.status, 201);
}

#[tokio::test]
async fn a_person_holds_so_many_and_no_more() {
    let api = start().await;
    let many: Vec<String> = (0..51).map(|n| format!("p{n:02}")).collect();
    api.people(&many.join(" ")).await;
    for id in &many[..50] {
        assert_eq!(make(&api, id, &to("ann")).await.status, 201);
        assert_eq!(make(&api, "ben", &to(id)).await.status, 201);
    }
    for (from, receiver) in [(many[50].as_str(), "ann"), ("ben", many[50].as_str())] {
        let full = make(&api, from, &to(receiver)).await;
        assert_eq!((full.status, full.code()), (422, "limit_reached"), "{from} to {receiver}: {}", full.body);
    }
    // What has ended does not count.
    api.clock(UNTIL).await;
    let later = json!({ "starts_at": UNTIL, "ends_at": "2026-08-01T00:00:00Z" });
    assert_eq!(make(&api, &many[50], &with(to("ann"), later)).await.status, 201);
}

#[tokio::test]
async fn the_same_key_makes_one() {
    let api = start().await;
    let keyed = async |body: &Value| {
        let request = asked("POST /v1/delegations", Some(&api.token("ann"))).header(CONTENT_TYPE, "application/json");
        api.send(request.header("idempotency-key", "k").body(body.to_string().into()).unwrap()).await
    };
    let (first, second) = (keyed(&to("ben")).await, keyed(&to("ben")).await);
    assert_eq!((first.status, second.status, &first.body), (201, 201, &second.body));
    assert_eq!(second.headers.get("idempotent-replayed").unwrap(), "true");
    let other = keyed(&to("cleo")).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    api.done("ann", &format!("DELETE /v1/delegations/{}", first.body["id"].as_str().unwrap()), None).await;
    assert_eq!(keyed(&to("ben")).await.code(), "delegation_revoked");
    assert_eq!(listed(&api, "ann", "").await.len(), 0);
}

/// Three who would close a ring from three sides at once: at most two of them succeed.
#[tokio::test]
async fn a_ring_is_not_closed_from_several_sides_at_once() {
    for _ in 0..10 {
        let api = start().await;
        let bodies = [to("ben"), to("cleo"), to("ann")];
        let [ab, bc, ca] = &bodies;
        let (one, two, three) = tokio::join!(make(&api, "ann", ab), make(&api, "ben", bc), make(&api, "cleo", ca));
        let mut statuses = [one.status, two.status, three.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 409], "{} {} {}", one.body, two.body, three.body);
    }
}

/// Two who share nobody close a ring of four at once: `ann → ben` is about to be written, having seen `ben → cleo`, when `cleo → dora` closes
/// the way round to `dora → ann`. Whoever was seen on the way is held by the write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_is_not_closed_by_two_who_share_nobody() {
    let stage = Arc::new(Stage::new().await);
    stage.people("ann ben cleo dora").await;
    stage.delegate("ben", "cleo", "d1").await;
    stage.delegate("dora", "ann", "d2").await;
    stage.seam.hold("TransactWriteItems");
    let late = Arc::clone(&stage);
    let slow = tokio::spawn(async move { late.delegate_through(&late.app, "ann", "ben", "d3").await });
    stage.seam.somebody_waits().await;
    let first = stage.delegate_through(&stage.aside, "cleo", "dora", "d4").await;
    assert!(first.unwrap().changed);
    stage.seam.let_through();
    let Err(Error::Refused(Refusal::DelegationCycle(ring))) = slow.await.unwrap() else { panic!("the ring was closed") };
    assert_eq!(ring.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ann", "ben", "cleo", "dora", "ann"]);
    assert_eq!(stage.delegations_received("ben").await, Vec::<String>::new());
}

/// The answer to the write is lost on the way, once: there is one delegation, and the caller hears of it.
#[tokio::test]
async fn a_lost_answer_makes_no_second_one() {
    let stage = Stage::new().await;
    stage.people("ann ben").await;
    let mut lost = false;
    stage.seam.script(move |operation| {
        if operation == "TransactWriteItems" && !lost {
            lost = true;
            return Fault::DropAfter;
        }
        Fault::None
    });
    stage.delegate("ann", "ben", "d1").await;
    stage.seam.heal();
    assert_eq!(stage.delegations_received("ben").await, ["d1"]);
}
