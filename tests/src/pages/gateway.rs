//! What API Gateway makes of a form: its body in base64, its cookies apart, and an answer that is compressed in base64.

use http::header::{CONTENT_ENCODING, COOKIE};
use http_body_util::BodyExt;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{HOST_NAME, SITE, decide, form, get, login, office, status_of};

/// An invocation of the HTTP API, as payload version 2.0.
fn invocation(method: &str, path: &str, cookies: &[&str], body: Option<&str>) -> Value {
    use base64::Engine;
    let mut headers = json!({ "host": HOST_NAME, "accept-encoding": "gzip, br" });
    if body.is_some() {
        headers["origin"] = json!(SITE);
        headers["content-type"] = json!("application/x-www-form-urlencoded");
    }
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": "", "cookies": cookies,
        "headers": headers, "isBase64Encoded": body.is_some(),
        "body": body.map(|body| base64::engine::general_purpose::STANDARD.encode(body)),
        "requestContext": {
            "accountId": "0", "apiId": "a", "domainName": HOST_NAME, "domainPrefix": "a", "requestId": "r",
            "routeKey": "r", "stage": "$default",
            "time": "05/Jan/2026:09:00:00 +0000", "timeEpoch": 1_767_603_600_000_i64,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "a" }
        }
    })
}

fn as_request(invocation: &Value) -> lambda_http::Request {
    let read: LambdaRequest = serde_json::from_str(&invocation.to_string()).unwrap();
    read.into()
}

#[tokio::test]
async fn a_form_in_base64_with_its_cookies_apart_is_taken() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let page = format!("/requests/{}", shown["id"].as_str().unwrap());
    let csrf = get(&api, &page, &bob).await.csrf();
    let body = form(&decide(&csrf, &shown, "approve"));
    let request = as_request(&invocation("POST", &format!("{page}/decide"), &["theme=dark", &bob, "more=1"], Some(&body)));
    let cookies = request.headers().get_all(COOKIE).iter().count();
    let answer = api.local.router.clone().oneshot(request.map(axum::body::Body::new)).await.unwrap();
    assert_eq!(answer.status(), 303, "{cookies} cookie headers");
    assert_eq!(status_of(&api, &shown).await, "approved");
}

#[tokio::test]
async fn a_page_is_compressed_for_who_takes_it() {
    let (api, _) = office().await;
    let bob = login(&api, "bob").await;
    let request = as_request(&invocation("GET", "/", &[&bob], None));
    let answer = api.local.router.clone().oneshot(request.map(axum::body::Body::new)).await.unwrap();
    assert_eq!(answer.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.first_chunk(), Some(&[0x1f, 0x8b]), "{} bytes", bytes.len());
    assert!(bytes.len() < 6_000, "{} bytes", bytes.len());
}
