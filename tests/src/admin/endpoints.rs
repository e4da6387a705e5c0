//! Webhook endpoints and their secrets.

use approvals::store::Freshness;
use approvals::store::keys;
use approvals_domain::ids::{EndpointId, TenantId};
use approvals_domain::limits;
use serde_json::{Value, json};

use super::{ROOT, etag, history, if_match};
use crate::stage::api::Api;

fn hook(url: &str) -> Value {
    json!({ "url": url, "events": ["approvals.request.approved.v1", "approvals.request.rejected.v1"], "active": true })
}

const URL: &str = "https://hooks.example.com/approvals?k=sesame";

#[tokio::test]
async fn an_endpoint_has_a_secret_from_the_start_and_shows_it_once() {
    let api = Api::start().await;
    let made = api.call(ROOT, "PUT /v1/endpoints/erp", Some(&hook(URL))).await;
    assert_eq!((made.status, etag(&made).as_str()), (201, "\"1\""), "{}", made.body);
    assert_eq!(made.headers.get("cache-control").unwrap(), "no-store");
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    let read = api.done(ROOT, "GET /v1/endpoints/erp", None).await;
    let mut wanted = hook(URL);
    wanted["id"] = json!("erp");
    wanted["version"] = json!(1);
    assert_eq!(read, wanted);
    let changed = api.call(ROOT, "PUT /v1/endpoints/erp", Some(&hook("https://other.example.com"))).await;
    assert_eq!((changed.status, changed.body.get("secret")), (200, None));
}

#[tokio::test]
async fn a_secret_is_replaced_with_a_day_of_overlap() {
    let api = Api::start().await;
    let first = api.done(ROOT, "PUT /v1/endpoints/erp", Some(&hook(URL))).await["secret"].clone();
    let now = api.local.app.clock.now();
    let rotated = api.done(ROOT, "POST /v1/endpoints/erp/rotate", None).await;
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(json!(second), first);
    let (tenant, id) = (TenantId::new("default").unwrap(), EndpointId::new("erp").unwrap());
    let sealed = api.local.app.directory.endpoint_secrets(&tenant, &id).await.unwrap().unwrap();
    assert!(!sealed.present.contains("whsec"), "who reads the table reads no secret");
    let kept = sealed.unwrapped(&api.local.secrets.links, &tenant, &id).await.unwrap().unwrap();
    let other = EndpointId::new("other").unwrap();
    assert!(sealed.unwrapped(&api.local.secrets.links, &tenant, &other).await.unwrap().is_none(), "moved elsewhere it opens no more");
    let (previous, until) = kept.previous.clone().unwrap();
    assert_eq!((&kept.present, json!(previous), json!(until.to_string())), (&second, first, rotated["previous_valid_until"].clone()));
    assert!((86_400_000..86_460_000).contains(&(until.millis() - now.millis())));
    assert_eq!(format!("{kept:?}"), "Secrets");
    let kinds: Vec<Value> = history(&api, "/v1/endpoints/erp").await.into_iter().map(|commit| commit["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["endpoint.rotated", "endpoint.written"]);
    assert_eq!(if_match(&api, "\"1\"", "POST /v1/endpoints/erp/rotate", None).await.status, 412);
    assert_eq!(api.call(ROOT, "POST /v1/endpoints/other/rotate", None).await.status, 404);
}

#[tokio::test]
async fn what_is_removed_is_gone_with_its_secret_but_for_its_history() {
    let api = Api::start().await;
    let first = api.done(ROOT, "PUT /v1/endpoints/erp", Some(&hook(URL))).await["secret"].clone();
    assert_eq!(if_match(&api, "\"9\"", "DELETE /v1/endpoints/erp", None).await.status, 412);
    assert_eq!(api.call(ROOT, "DELETE /v1/endpoints/erp", None).await.status, 204);
    for gone in ["GET /v1/endpoints/erp", "DELETE /v1/endpoints/erp", "POST /v1/endpoints/erp/rotate"] {
        assert_eq!(api.call(ROOT, gone, None).await.status, 404, "{gone}");
    }
    let (tenant, id) = (TenantId::new("default").unwrap(), EndpointId::new("erp").unwrap());
    let left = api.local.stores.table.get(&keys::endpoint_secret(&tenant, &id), Freshness::Strong).await.unwrap();
    let left = left.expect("an item without a secret: who takes it away is not the service");
    assert!(left.get("s").is_none() && left.get("ps").is_none(), "{left:?}");
    let again = api.call(ROOT, "PUT /v1/endpoints/erp", Some(&hook(URL))).await;
    assert_eq!((again.status, &again.body["version"]), (201, &json!(3)), "{}", again.body);
    assert_ne!(again.body["secret"], first);
    let commits = history(&api, "/v1/endpoints/erp").await;
    assert_eq!((commits[1]["event"]["type"].as_str(), &commits[0]["event"]["url"]["text"]), (Some("endpoint.removed"), &json!(URL)));
    assert!(commits.iter().all(|commit| !commit["canonical"].as_str().unwrap().contains("sesame")));
    let all = serde_json::to_string(&commits).unwrap();
    assert!(!all.contains("whsec_"), "{all}");
}

#[tokio::test]
async fn a_tenant_has_so_many_and_no_more() {
    let api = Api::start().await;
    for n in 0..limits::ENDPOINTS {
        assert_eq!(api.call(ROOT, &format!("PUT /v1/endpoints/e{n}"), Some(&hook(URL))).await.status, 201);
    }
    let refused = api.call(ROOT, "PUT /v1/endpoints/more", Some(&hook(URL))).await;
    assert_eq!((refused.status, refused.code()), (422, "limit_reached"), "{}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains(&format!(" {} ", limits::ENDPOINTS)));
    assert_eq!(api.call(ROOT, "GET /v1/endpoints/more", None).await.status, 404);
    assert_eq!(api.call(ROOT, "PUT /v1/endpoints/e3", Some(&hook("https://other.example.com"))).await.status, 200);
    assert_eq!(api.call(ROOT, "DELETE /v1/endpoints/e3", None).await.status, 204);
    assert_eq!(api.call(ROOT, "PUT /v1/endpoints/more", Some(&hook(URL))).await.status, 201);
}
