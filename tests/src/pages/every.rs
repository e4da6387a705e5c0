//! What holds for every page: nothing of another host, in the template's order, and light enough for a phone.

use axum::body::Body;
use cli::dev::demo;
use http::Request;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, COOKIE, HOST};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::{HOST_NAME, TIME, get, login};
use crate::stage::api::Api;

async fn demonstrated() -> Api {
    let api = Api::start_at(TIME).await;
    demo::seed(&api.local).await.unwrap();
    demo::requests(&api.local).await.unwrap();
    api
}

/// Addresses in a page's text that a browser would follow or load, of whatever host.
fn loads(html: &str) -> Vec<String> {
    let marks = ["src=\"", "href=\"", "action=\"", "poster=\"", "srcset=\"", "data=\"", "url(", "@import", "content=\"0;url="];
    let after = marks.iter().flat_map(|mark| html.split(mark).skip(1));
    after.map(|rest| rest.split(['"', ')', ' ']).next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn no_page_names_another_host() {
    let api = demonstrated().await;
    let list = api.done("alice", "GET /v1/requests?limit=100", None).await;
    let ids: Vec<String> = list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    let fixed =
        ["/", "/mine", "/decided", "/find", "/find?q=x", "/new", "/delegations", "/preferences", "/login", "/nothing", "/requests/x"];
    let kinds = api.done("alice", "GET /v1/templates", None).await;
    let kinds = kinds["items"].as_array().unwrap().iter().map(|kind| format!("/new/{}", kind["key"].as_str().unwrap()));
    let requests = ids.iter().flat_map(|id| [format!("/requests/{id}"), format!("/requests/{id}/edit")]);
    let paths: Vec<String> = fixed.iter().map(|path| (*path).to_owned()).chain(kinds).chain(requests).collect();
    assert!(paths.len() > 20, "{paths:?}");
    for who in ["alice", "bob", "grace"] {
        let cookie = login(&api, who).await;
        for path in &paths {
            let page = get(&api, path, &cookie).await;
            assert!(page.status < 500, "{path}");
            for to in loads(&page.html) {
                assert!(to.starts_with('/') && !to.starts_with("//") || to.starts_with('#'), "{who}, {path}: {to}");
            }
        }
    }
}

#[tokio::test]
async fn an_inbox_of_25_weighs_at_most_30_kilobytes() {
    let api = demonstrated().await;
    for n in 0..30 {
        let metadata =
            json!({ "amount": 1_250.5 + f64::from(n), "currency": "EUR", "supplier": format!("Supplier number {n} of Utrecht") });
        let title = format!("Twelve chairs and a table for meeting room {n}, second floor");
        let body = json!({ "template": "purchase_order", "entity": { "type": "purchase_order", "id": format!("PO-{n}") },
            "title": title, "metadata": metadata });
        let answer = api.call("alice", "POST /v1/requests", Some(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    api.drain().await;
    let bob = login(&api, "bob").await;
    let request = Request::get("/").header(HOST, HOST_NAME).header(COOKIE, &bob).header(ACCEPT_ENCODING, "gzip");
    let answer = api.local.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
    let head: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(get(&api, "/", &bob).await.html.matches("/requests/").count(), 25, "25 tasks on it");
    assert!(head + body.len() <= 30_000, "{} bytes", head + body.len());
}

/// The stored form of a template sorts its fields: people see them as they were written.
#[tokio::test]
async fn a_form_and_a_page_have_the_fields_in_the_template_s_order() {
    let api = Api::start_at(TIME).await;
    api.people("ann rita").await;
    let yaml = "key: t\ntitle: Thing\nfields:\n  zeal: { type: string }\n  what: { type: string }\n  amount: { type: number }\n  \
                by: { type: date }\nsteps:\n  - id: s\n    approvers: [{ user: ann }]\n";
    let stored = api.put_yaml("root", "/v1/templates/t", yaml.to_owned()).await;
    let rita = login(&api, "rita").await;
    let places = |html: &str, marks: [&str; 4]| marks.map(|mark| html.find(mark).unwrap_or_else(|| panic!("no {mark} in {html}")));
    let form = get(&api, "/new/t", &rita).await.html;
    assert!(places(&form, ["field.zeal", "field.what", "field.amount", "field.by"]).is_sorted());
    let metadata = json!({ "by": "2026-02-01", "amount": 3, "what": "chairs", "zeal": "some" });
    let shown = api.submit("rita", "t", "T-1", metadata).await;
    let page = get(&api, &format!("/requests/{}", shown["id"].as_str().unwrap()), &rita).await.html;
    let marks = [">zeal<", ">what<", ">amount<", ">by<"];
    assert!(places(&page, marks).is_sorted(), "{page}");
    // What is stored, sent back as JSON, is the same version.
    let content = api.done("root", "GET /v1/templates/t", None).await["template"].clone();
    let again = api.done("root", "PUT /v1/templates/t", Some(&content)).await;
    assert_eq!((&again["version"], &content["field_order"]), (&stored["version"], &json!(["zeal", "what", "amount", "by"])), "{again}");
}
