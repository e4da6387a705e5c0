//! What receivers check, checked with Standard Webhooks' own library.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use serde_json::json;
use standardwebhooks::Webhook;

use super::{Heard, URL, World, endpoint, service};

fn headers(call: &Heard) -> HeaderMap {
    let pairs = call.headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    pairs.collect()
}

fn verifies(secret: &str, call: &Heard) -> bool {
    Webhook::new(secret).unwrap().verify(call.body.as_bytes(), &headers(call)).is_ok()
}

#[tokio::test]
async fn a_receiver_with_the_project_s_own_library_believes_what_is_ours_and_nothing_else() {
    let world = World::new();
    let api = service(None, Arc::new(world.clone())).await;
    let first = endpoint(&api, "erp", URL, &["request.submitted"], true).await.unwrap();
    let send = async || {
        api.submit("rita", "t", "PO-1", json!({})).await;
        api.drain().await;
        world.take().remove(0)
    };
    let call = send().await;
    assert!(verifies(&first, &call));
    assert_eq!(call.headers["content-type"], "application/cloudevents+json");
    assert_eq!(call.event()["id"], json!(call.id), "the id of the message is that of the event");
    for bent in [
        Heard { body: call.body.replace("submitted", "approved"), ..call.clone() },
        Heard {
            headers: [call.headers.clone(), [("webhook-id".to_owned(), "other".to_owned())].into()].into_iter().flatten().collect(),
            ..call.clone()
        },
    ] {
        assert!(!verifies(&first, &bent));
    }

    // While receivers change over, both secrets sign.
    let second = api.done("root", "POST /v1/endpoints/erp/rotate", None).await["secret"].as_str().unwrap().to_owned();
    let call = send().await;
    assert_eq!(call.headers["webhook-signature"].split(' ').count(), 2);
    assert!(verifies(&first, &call) && verifies(&second, &call));
    let third = api.done("root", "POST /v1/endpoints/erp/rotate", None).await["secret"].as_str().unwrap().to_owned();
    let call = send().await;
    assert!(!verifies(&first, &call) && verifies(&second, &call) && verifies(&third, &call));

    // A day later only the new one does. The library would call the time wrong now, so it signs instead of us.
    api.done("root", "POST /_dev/clock", Some(&json!({ "advance_seconds": 24 * 3_600 }))).await;
    let call = send().await;
    let seconds = call.headers["webhook-timestamp"].parse().unwrap();
    let signed = Webhook::new(&third).unwrap().sign(&call.id, seconds, call.body.as_bytes()).unwrap();
    assert_eq!(call.headers["webhook-signature"], signed);
}
