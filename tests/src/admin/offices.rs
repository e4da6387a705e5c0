//! Administrators are people: what the scope alone allows, how the first one comes to be, and what the smaller offices reach.

use admin::Admin;
use approvals::destinations::Destinations;
use approvals::identity::{ClaimNames, Claims};
use approvals::web::Service;
use approvals_domain::directory::authority::FirstAdmin;
use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{history, person};
use crate::stage::api::{Answer, Api, asked};

fn template() -> Value {
    json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "role": "finance" }] }] })
}

/// Calls as a person with these scopes, whoever administers.
async fn with_scopes(api: &Api, who: &str, scopes: &[&str], what: &str, body: Option<&Value>) -> Answer {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let token = api.local.token(who, Some(&scopes), "default").unwrap();
    let request = asked(what, Some(&token)).header(CONTENT_TYPE, "application/json");
    api.send(request.body(body.map_or_else(Body::empty, |body| body.to_string().into())).unwrap()).await
}

async fn told(api: &Api, who: &str, scopes: &[&str], what: &str, body: Option<&Value>) -> (u16, String) {
    let answer = with_scopes(api, who, scopes, what, body).await;
    (answer.status, answer.code().to_owned())
}

/// The reproducer of H4: an employee makes themselves an approver, somebody unknown an administrator, somebody who left a colleague.
#[tokio::test]
async fn h4_the_scope_admin_makes_nobody_an_administrator() {
    let api = Api::start().await;
    api.people("boss emp gone vic").await;
    api.role("finance", "vic").await;
    api.role("approval_admin", "boss").await;
    api.done("boss", "PUT /v1/users/gone", Some(&json!({ "name": "Gone", "email": "g@example.com", "active": false }))).await;
    for (who, code) in [("emp", "not_allowed"), ("ghost77", "not_allowed"), ("root", "not_allowed"), ("gone", "unknown_user")] {
        for (what, body) in [
            (format!("PUT /v1/roles/finance/members/{who}"), json!({})),
            (format!("PUT /v1/roles/approval_admin/members/{who}"), json!({})),
            ("PUT /v1/users/vic".to_owned(), person("Mine")),
            (format!("PUT /v1/users/{who}"), person("Me")),
            ("PUT /v1/templates/t".to_owned(), template()),
            ("PUT /v1/settings".to_owned(), json!({})),
        ] {
            let answer = told(&api, who, &["admin", "read"], &what, Some(&body)).await;
            assert_eq!(answer, (403, code.to_owned()), "{who}: {what}");
        }
    }
    let refused = with_scopes(&api, "emp", &["admin"], "PUT /v1/users/vic", Some(&person("Mine"))).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("`directory_admin`"), "{}", refused.body);
    assert_eq!(told(&api, "boss", &["read"], "PUT /v1/templates/t", Some(&template())).await, (403, "insufficient_scope".to_owned()));
    assert_eq!(told(&api, "boss", &["admin"], "PUT /v1/templates/t", Some(&template())).await.0, 201);
}

#[tokio::test]
async fn the_bootstrap_ends_with_the_first_active_administrator_and_for_good() {
    let api = Api::start().await;
    let scopes = &["admin", "read", "decide"];
    let inactive = json!({ "name": "Ann", "email": "ann@example.com", "active": false });
    let active = json!({ "name": "Ann", "email": "ann@example.com", "active": true });
    assert_eq!(told(&api, "first", scopes, "PUT /v1/users/ann", Some(&inactive)).await.0, 201);
    assert_eq!(told(&api, "first", scopes, "PUT /v1/roles/approval_admin/members/ann", None).await.0, 201);
    assert_eq!(told(&api, "second", scopes, "PUT /v1/users/ben", Some(&person("Ben"))).await.0, 201, "nobody active administers yet");
    assert_eq!(told(&api, "first", scopes, "PUT /v1/users/ann", Some(&active)).await.0, 200);
    assert_eq!(told(&api, "first", scopes, "PUT /v1/users/ben", Some(&person("B"))).await, (403, "not_allowed".to_owned()));
    assert_eq!(told(&api, "ann", scopes, "PUT /v1/users/ben", Some(&person("B"))).await.0, 200);
    let commits = history(&api, "/v1/users/ben").await;
    assert_eq!([&commits[0]["bootstrap"], &commits[1]["bootstrap"]], [&json!(null), &json!(true)], "commits say it");
    assert!(commits[1]["canonical"].as_str().unwrap().contains(r#""b":true"#), "and it is hashed");
    // The role is empty again, and stays hers to give back: the operator names another first administrator.
    assert_eq!(told(&api, "ann", scopes, "DELETE /v1/roles/approval_admin/members/ann", None).await.0, 200);
    for who in ["first", "ann", "second"] {
        assert_eq!(told(&api, who, scopes, "PUT /v1/users/ben", Some(&person("C"))).await, (403, "not_allowed".to_owned()), "{who}");
    }
}

/// A deployed `admin`, with the parameter `FirstAdmin`.
fn deployed(api: &Api, first: FirstAdmin) -> Router {
    let (app, secrets) = (&api.local.app, &api.local.secrets);
    let reach = (Destinations::Internet, first);
    let parts =
        Admin::new(&api.local.stores, (secrets.cursors.clone(), secrets.links.clone()), (app.clock.clone(), app.entropy.clone()), reach);
    admin::router().with_state(Service::new(parts, ClaimNames::default()))
}

async fn put(router: &Router, who: &str, path: &str, body: Value) -> u16 {
    let claims = json!({ "sub": who, "scope": "approvals/admin" });
    let request = Request::put(path).header(CONTENT_TYPE, "application/json").extension(Claims(claims.as_object().unwrap().clone()));
    let answer = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let _ = answer.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn deployed_only_the_subject_named_is_the_first_and_another_name_opens_it_for_that_one() {
    let api = Api::start().await;
    let named = |who: &str| FirstAdmin::Named(who.parse().unwrap());
    let unnamed = deployed(&api, FirstAdmin::Nobody);
    assert_eq!(put(&unnamed, "ann", "/v1/users/ann", person("Ann")).await, 403, "nobody is named");
    let router = deployed(&api, named("ann"));
    assert_eq!(put(&router, "ben", "/v1/users/ben", person("Ben")).await, 403);
    assert_eq!(put(&router, "ann", "/v1/users/ann", person("Ann")).await, 201);
    assert_eq!(put(&router, "ann", "/v1/users/ben", person("Ben")).await, 201);
    assert_eq!(put(&router, "ann", "/v1/roles/approval_admin/members/ben", json!({})).await, 201);
    assert_eq!(put(&router, "ann", "/v1/users/cleo", person("Cleo")).await, 403, "Ben administers now");
    assert_eq!(put(&router, "ben", "/v1/users/cleo", person("Cleo")).await, 201);
    // Ben is lost. The stack's parameter names Dora, and nobody else comes in with her.
    let router = deployed(&api, named("dora"));
    assert_eq!(put(&router, "ann", "/v1/users/ann", person("A")).await, 403);
    assert_eq!(put(&router, "dora", "/v1/users/dora", person("Dora")).await, 201);
    assert_eq!(put(&router, "dora", "/v1/roles/approval_admin/members/dora", json!({})).await, 201);
    assert_eq!(put(&router, "dora", "/v1/users/ann", person("Ann B")).await, 200, "by her role");
    let commits = api.done("dora", "GET /v1/users/ann/history", None).await["items"].clone();
    assert_eq!([&commits[0]["bootstrap"], &commits[1]["bootstrap"]], [&json!(null), &json!(true)]);
}

#[tokio::test]
async fn a_directory_administrator_reaches_nobody_who_administers_and_no_template() {
    let api = Api::start().await;
    api.people("boss clerk eve aud").await;
    api.role("directory_admin", "clerk").await;
    api.role("approval_audit", "aud").await;
    api.role("approval_admin", "boss").await;
    for (what, body) in [
        ("PUT /v1/users/eve", person("Eve")),
        ("PUT /v1/users/new", person("New")),
        ("PUT /v1/roles/finance/members/eve", json!({})),
        ("PUT /v1/settings", json!({})),
    ] {
        let answer = api.call("clerk", what, Some(&body)).await;
        assert!(answer.status < 300, "{what}: {}", answer.body);
    }
    for (what, body) in [
        ("PUT /v1/users/boss", person("Mine")),
        ("PUT /v1/users/clerk", person("Clerk")),
        ("PUT /v1/users/aud", person("Mine")),
        ("PUT /v1/roles/approval_admin/members/clerk", json!({})),
        ("PUT /v1/roles/approval_effect/members/eve", json!({})),
        ("PUT /v1/roles/directory_admin/members/eve", json!({})),
        ("PUT /v1/roles/finance/members/boss", json!({})),
        ("DELETE /v1/roles/approval_audit/members/aud", json!({})),
        ("PUT /v1/templates/t", template()),
        ("PUT /v1/endpoints/erp", json!({ "url": "https://example.com", "events": ["approvals.request.approved.v1"], "active": true })),
        ("GET /v1/endpoints/erp", json!(null)),
    ] {
        let answer = api.call("clerk", what, Some(&body).filter(|body| !body.is_null())).await;
        assert_eq!((answer.status, answer.code()), (403, "not_allowed"), "{what}: {}", answer.body);
    }
    let blocked = api.call("clerk", "GET /v1/requests?blocked=true", None).await;
    assert_eq!((blocked.status, blocked.code()), (403, "not_allowed"), "the role says nothing of requests");
}

#[tokio::test]
async fn the_scope_audit_needs_the_role_for_it() {
    let api = Api::start().await;
    api.people("req fin aud emp").await;
    api.role("finance", "fin").await;
    api.template(&template()).await;
    let request = api.submit("req", "t", "1", json!({})).await;
    let path = format!("GET /v1/requests/{}", request["id"].as_str().unwrap());
    let audit = &["audit"];
    for who in ["emp", "nobody", "root"] {
        assert_eq!(told(&api, who, audit, &path, None).await, (404, "not_found".to_owned()), "{who}");
        for what in ["GET /v1/users/req", "GET /v1/templates", "GET /v1/requests?blocked=true"] {
            assert_eq!(told(&api, who, audit, what, None).await, (403, "not_allowed".to_owned()), "{who}: {what}");
        }
        assert_eq!(with_scopes(&api, who, audit, "GET /v1/requests?template=t", None).await.body["items"], json!([]), "{who}");
    }
    api.role("approval_audit", "aud").await;
    for what in [path.as_str(), "GET /v1/users/req", "GET /v1/templates", "GET /v1/requests?blocked=true"] {
        assert_eq!(told(&api, "aud", audit, what, None).await.0, 200, "{what}");
    }
    assert_eq!(with_scopes(&api, "aud", audit, "GET /v1/requests?template=t", None).await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(told(&api, "aud", &["read"], &path, None).await.0, 404, "the role alone shows nothing either");
    api.done("root", "PUT /v1/users/aud", Some(&json!({ "name": "A", "email": "a@example.com", "active": false }))).await;
    assert_eq!(told(&api, "aud", audit, &path, None).await, (403, "unknown_user".to_owned()));
}

#[tokio::test]
async fn who_has_left_is_refused_every_read() {
    let api = Api::start().await;
    api.people("req fin").await;
    api.role("finance", "fin").await;
    api.role("approval_audit", "fin").await;
    api.template(&template()).await;
    let request = api.submit("req", "t", "1", json!({})).await;
    let id = request["id"].as_str().unwrap();
    let reads = [format!("GET /v1/requests/{id}"), format!("GET /v1/requests/{id}/history"), format!("GET /v1/requests/{id}/explain")];
    let others = [
        "GET /v1/requests",
        "GET /v1/requests?template=t",
        "GET /v1/inbox",
        "GET /v1/me",
        "GET /v1/users?q=re",
        "GET /v1/users/req",
        "GET /v1/users/req/history",
        "GET /v1/roles/finance",
        "GET /v1/templates",
        "GET /v1/templates/t",
        "GET /v1/settings",
        "GET /v1/delegations",
        "GET /v1/users/fin/preferences",
    ];
    let all = || reads.iter().map(String::as_str).chain(others);
    for what in all() {
        assert_eq!(api.call("fin", what, None).await.status, 200, "{what}");
    }
    api.done("root", "PUT /v1/users/fin", Some(&json!({ "name": "F", "email": "f@example.com", "active": false }))).await;
    for what in all() {
        let answer = api.call("fin", what, None).await;
        assert_eq!((answer.status, answer.code()), (403, "unknown_user"), "{what}: {}", answer.body);
    }
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "2" }, "title": "T", "metadata": {} });
    let preview = api.call("fin", "POST /v1/requests/preview", Some(&body)).await;
    assert_eq!((preview.status, preview.code()), (403, "unknown_user"), "{}", preview.body);
}
