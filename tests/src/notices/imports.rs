//! Imports: no person hears of them, by whichever way a commit is read again; systems do.

use approvals::notice::Audience;
use approvals::outbox::notices::notices;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::House;
use crate::stage::api::{Answer, asked};
use crate::stage::tenant;

fn order() -> Value {
    json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": "Two chairs", "metadata": {} })
}

async fn house() -> House {
    House::new("rita bob carl", json!([{ "id": "a", "approvers": [{ "user": "bob" }] }, { "id": "b", "approvers": [{ "user": "carl" }] }]))
        .await
}

/// Mails are none now, and none when everything is told again from the commits.
async fn silent(house: &House) {
    assert_eq!(house.told().await, "");
    let report = house.api.done("root", "POST /_dev/reconcile", Some(&json!({ "since": "2026-01-04T00:00:00Z" }))).await;
    assert!(report["notices"].as_u64().unwrap() > 0, "systems are told: {report}");
    assert_eq!(house.told().await, "");
}

#[tokio::test]
async fn nobody_hears_of_an_import_and_systems_do() {
    let house = house().await;
    let request = house.api.done("rita", "POST /v1/requests?notify=false", Some(&order())).await;
    silent(&house).await;
    let id = request["id"].as_str().unwrap();
    let vote = |step: &str| json!({ "step": step, "decision": "approve", "payload_hash": request["payload_hash"] });
    house.api.done("bob", &format!("POST /v1/requests/{id}/decisions?notify=false"), Some(&vote("a"))).await;
    let said = json!({ "comment": "As on paper" });
    house.api.done("bob", &format!("POST /v1/requests/{id}/comments?notify=false"), Some(&said)).await;
    silent(&house).await;
    let record =
        house.api.local.app.requests.load(&tenant(), &id.parse().unwrap(), approvals::store::Freshness::Strong).await.unwrap().unwrap();
    let made: Vec<Audience> = record.commits.iter().flat_map(notices).map(|notice| notice.audience).collect();
    assert_eq!(made, [Audience::Endpoints, Audience::Endpoints, Audience::Endpoints]);
    // Whatever comes after the import is told.
    house.api.done("carl", &format!("POST /v1/requests/{id}/decisions?notify=true"), Some(&vote("b"))).await;
    assert_eq!(house.told().await, "rita: approved");
}

/// Who may act for nobody else silences nothing: a requester could wait until silence approves.
#[tokio::test]
async fn only_a_client_that_acts_for_others_may_be_silent() {
    let house = house().await;
    let call = async |query: &str, scopes: &[&str]| -> Answer {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let token = house.api.local.token("rita", Some(&scopes), "default").unwrap();
        let request = asked(&format!("POST /v1/requests{query}"), Some(&token)).header(CONTENT_TYPE, "application/json");
        house.api.send(request.body(Body::from(order().to_string())).unwrap()).await
    };
    let answer = call("?notify=false", &["submit", "read"]).await;
    assert_eq!((answer.status, answer.code()), (403, "insufficient_scope"), "{}", answer.body);
    for query in ["?notify=no", "?notify=", "?notify=false&notify=true"] {
        let answer = call(query, &["submit", "submit_for", "read"]).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_query"), "{query}: {}", answer.body);
    }
    assert_eq!(house.told().await, "");
    assert_eq!(call("?notify=true", &["submit", "read"]).await.status, 201);
    assert_eq!(house.told().await, "bob: asked");
}
