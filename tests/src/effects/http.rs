//! Effects, recalls and withdrawn votes as callers see them.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::stage::api::{Answer, Api};

async fn house() -> Api {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("rita ann ben erp").await;
    api.role("approval_effect", "erp").await;
    let steps = json!([{ "id": "finance", "approvers": [{ "user": "ann" }, { "user": "ben" }] }]);
    let template = json!({ "key": "t", "title": "T", "steps": steps, "effect": { "confirm": true } });
    api.done("root", "PUT /v1/templates/t", Some(&template)).await;
    api
}

/// Calls with a key and with these scopes alone.
async fn call(api: &Api, who: &str, scopes: &[&str], what: &str, key: &str, body: &Value) -> Answer {
    let (method, path) = what.split_once(' ').unwrap();
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let token = api.local.token(who, Some(&scopes), "default").unwrap();
    let request = Request::builder().method(method).uri(path).header(AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(CONTENT_TYPE, "application/json").header("idempotency-key", key);
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn approved(api: &Api) -> Value {
    let request = api.submit("rita", "t", "1", json!({})).await;
    let answer = api.vote("ann", &request, "finance", "approve", None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.body["status"], &answer.body["effect"]["state"]), (&json!("approved"), &json!("pending")));
    assert_eq!(answer.body.get("closed_at"), None, "it is not over");
    answer.body
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn g1_a_receipt_is_checked_by_the_public_key_alone_and_a_retry_has_the_same_one() {
    let api = house().await;
    let request = approved(&api).await;
    let path = format!("POST /v1/requests/{}/effect/start", request["id"].as_str().unwrap());
    let body = json!({ "payload_hash": request["payload_hash"] });
    let refused = call(&api, "erp", &["decide", "read"], &path, "k", &body).await;
    assert_eq!((refused.status, refused.code()), (403, "insufficient_scope"));
    let stale = call(&api, "erp", &["effect"], &path, "other", &json!({ "payload_hash": "A".repeat(43) })).await;
    assert_eq!((stale.status, stale.code()), (409, "stale_revision"));
    let first = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert_eq!((again.body, again.headers["idempotent-replayed"].to_str().unwrap()), (first.body.clone(), "true"));
    let other = call(&api, "erp", &["effect"], &path, "k2", &body).await;
    assert_eq!((other.status, other.code(), &other.body["effect"]["by"]), (409, "effect_started", &json!("erp")));

    let finish = format!("POST /v1/requests/{}/effect/finish", request["id"].as_str().unwrap());
    let done = json!({ "outcome": "done", "reference": "payment 17" });
    let finished = call(&api, "erp", &["submit_for"], &finish, "f", &done).await;
    assert_eq!((&finished.body["effect"]["state"], &finished.body["effect"]["reference"]), (&json!("done"), &json!("payment 17")));
    let late = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert_eq!(late.body, first.body, "the same key, the same receipt, whatever happened since");

    let receipt = first.body["receipt"].as_str().unwrap();
    let [header, claims, signature] = receipt.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let keys = api.send(Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap()).await.body;
    let (header, claims, key) = (decoded(header), decoded(claims), &keys["keys"][0]);
    assert_eq!(
        (&header["alg"], &header["kid"], &key["kty"], &key["crv"]),
        (&json!("EdDSA"), &key["kid"], &json!("OKP"), &json!("Ed25519"))
    );
    let public: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    let signed = receipt.rsplit_once('.').unwrap().0;
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&public).unwrap();
    public.verify_strict(signed.as_bytes(), &signature).unwrap();
    assert!(public.verify_strict(format!("{signed}A").as_bytes(), &signature).is_err());
    assert_eq!(claims["jti"], json!(format!("{}#1", request["id"].as_str().unwrap())));
    assert_eq!((&claims["payload_hash"], &claims["sub"]), (&request["payload_hash"], &json!("erp")));
    assert_eq!(claims["approvers"], json!([{ "by": "ann", "step": "finance" }]));
}

#[tokio::test]
async fn g2_a_recall_gives_the_request_back_with_its_reason() {
    let api = house().await;
    let request = approved(&api).await;
    let path = format!("POST /v1/requests/{}/recall", request["id"].as_str().unwrap());
    let refused = api.call("rita", &path, Some(&json!({ "reason": "too dear" }))).await;
    assert_eq!((refused.status, refused.code()), (403, "not_allowed"));
    let wordless = api.call("ann", &path, Some(&json!({ "reason": " " }))).await;
    assert_eq!(wordless.status, 400, "{}", wordless.body);
    let recalled = api.done("ann", &path, Some(&json!({ "reason": "too dear" }))).await;
    assert_eq!((&recalled["status"], &recalled["effect"]["state"]), (&json!("returned"), &json!("none")));
    let history = api.done("rita", &format!("GET /v1/requests/{}/history", request["id"].as_str().unwrap()), None).await;
    let last = &history["items"].as_array().unwrap().last().unwrap()["events"][0];
    assert_eq!((&last["type"], &last["reason"]), (&json!("request.recalled"), &json!("too dear")));
}

#[tokio::test]
async fn g3_who_votes_again_names_the_round() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("rita ann ben").await;
    let steps = json!([{ "id": "finance", "approvers": [{ "user": "ann" }, { "user": "ben" }], "required": 2 }]);
    api.done("root", "PUT /v1/templates/t", Some(&json!({ "key": "t", "title": "T", "steps": steps }))).await;
    let request = api.submit("rita", "t", "1", json!({})).await;
    api.vote("ann", &request, "finance", "approve", None).await;
    let path = format!("POST /v1/requests/{}/withdraw-vote", request["id"].as_str().unwrap());
    let withdrawn = api.done("ann", &path, Some(&json!({ "step": "finance" }))).await;
    assert_eq!((&withdrawn["steps"][0]["votes"], &withdrawn["steps"][0]["rounds"]["ann"]), (&json!([]), &json!(2)));
    let late = api.vote("ann", &request, "finance", "approve", None).await;
    assert_eq!((late.status, late.code(), &late.body["round"]), (422, "round_required", &json!(2)));
    let body = json!({ "step": "finance", "decision": "approve", "payload_hash": request["payload_hash"], "round": 2 });
    let decisions = format!("POST /v1/requests/{}/decisions", request["id"].as_str().unwrap());
    api.done("ann", &decisions, Some(&body)).await;
    let approved = api.vote("ben", &request, "finance", "approve", None).await;
    assert_eq!(approved.body["status"], json!("approved"), "ben's round is the first");
}

/// A4, A6: the receipt is the request's. Whoever started keeps sight of it; who has left gets none.
#[tokio::test]
async fn g1_whoever_started_keeps_the_receipt_without_the_role_and_not_after_leaving() {
    let api = house().await;
    let request = approved(&api).await;
    let path = format!("POST /v1/requests/{}/effect/start", request["id"].as_str().unwrap());
    let body = json!({ "payload_hash": request["payload_hash"] });
    let started = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert!(started.body["receipt"].is_string());
    api.done("root", "DELETE /v1/roles/approval_effect/members/erp", None).await;
    let again = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert_eq!((again.status, &again.body["receipt"]), (200, &started.body["receipt"]));
    api.done("root", "PATCH /v1/users/erp", Some(&json!({ "active": false }))).await;
    let left = call(&api, "erp", &["effect"], &path, "k", &body).await;
    assert_eq!((left.status, left.code()), (403, "unknown_user"));
}

/// A scope limits the client: one that submits takes back its own user's request, and nobody's approval.
#[tokio::test]
async fn g2_an_approval_is_taken_back_by_a_client_that_decides() {
    let api = house().await;
    api.people("eve").await;
    let request = approved(&api).await;
    let path = format!("POST /v1/requests/{}/recall", request["id"].as_str().unwrap());
    let body = json!({ "reason": "too dear" });
    let refused = call(&api, "ann", &["submit"], &path, "1", &body).await;
    assert_eq!((refused.status, refused.code()), (403, "insufficient_scope"));
    let stranger = call(&api, "eve", &["submit"], &path, "1", &body).await;
    assert_eq!((stranger.status, stranger.code()), (404, "not_found"));
    let recalled = call(&api, "ann", &["decide"], &path, "2", &body).await;
    assert_eq!(recalled.body["status"], json!("returned"));
    let step = &recalled.body["steps"][0];
    assert_eq!((&step["state"], &step["required"]["have"], &step["votes"][0]["void"]), (&json!("closed"), &json!(0), &json!(true)));
    let own = api.submit("rita", "t", "2", json!({})).await;
    let path = format!("POST /v1/requests/{}/recall", own["id"].as_str().unwrap());
    assert_eq!(call(&api, "rita", &["submit"], &path, "3", &body).await.body["status"], json!("returned"));
}
