//! A link is of the round in which it was made, whoever's answer on its seat was taken back since.

use serde_json::json;

use crate::notices::House;

#[tokio::test]
async fn a_link_ends_with_its_round_whoever_answered_on_its_seat() {
    for by in ["bob", "cleo"] {
        let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "ada" }], "required": 2 }]);
        let house = House::new("rita bob ada cleo", steps).await;
        let whole = json!({ "to": "cleo", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z", "reason": "away" });
        house.api.done("bob", "POST /v1/delegations", Some(&whole)).await;
        let request = house.submit("rita").await;
        let token = house.link_to("bob").await;
        let form = house.look(&token).await.form().unwrap();
        let vote = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"], "on_behalf_of": (by != "bob").then_some("bob") });
        house.did(by, &request, "decisions", vote).await;
        house.did("bob", &request, "withdraw-vote", json!({ "step": "s", "on_behalf_of": null })).await;
        let version = house.version(&request).await;
        house.look(&token).await.says("An answer was taken back since this link was made");
        house.press(&token, &form, "approve", "").await.says("An answer was taken back");
        assert_eq!(house.version(&request).await, version, "{by}");
    }
}
