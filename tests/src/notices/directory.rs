//! News of the directory: whose address changed, and who administers.

use serde_json::json;

use super::{House, Mail};

async fn house() -> House {
    let house = House::new("rita bob ada zoe", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    house.api.role("approval_admin", "ada").await;
    house.mails().await;
    house
}

/// H4: the requester who set an approver's address to their own mailbox, and back, was told of by nobody.
#[tokio::test]
async fn h4_a_change_of_address_is_told_to_both_addresses_once() {
    let house = house().await;
    house.person("bob", json!({ "email": "evil@example.net", "name": "Bob, see https://evil.example" })).await;
    let mails = house.mails().await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["bob@example.com", "evil@example.net"], "{mails:?}");
    for Mail { subject, text, html, .. } in &mails {
        assert_eq!(subject, "Your address for approvals was changed");
        assert!(text.contains("ada (ada)") && text.contains("tell an administrator"), "{text}");
        assert_eq!((text.matches("://").count(), html.matches("://").count()), (1, 1), "one link, and it is ours: {html}");
        assert!(text.contains("/preferences"), "{text}");
    }
    assert!(mails[0].text.contains("no longer come to this address") && mails[1].text.contains("come to this address from now on"));

    // Who wants no mail hears of this all the same; what is written again, or changes something else, is no news.
    house.api.done("bob", "PUT /v1/users/bob/preferences", Some(&json!({ "channels": { "mail": false } }))).await;
    house.person("bob", json!({ "email": "evil@example.net", "name": "Bob" })).await;
    assert_eq!(house.heard().await, "");
    house.person("bob", json!({})).await;
    let to: Vec<String> = house.mails().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["bob@example.com", "evil@example.net"]);
}

/// For a week whoever reads a new address must say who they are: nothing that is mailed acts by itself.
#[tokio::test]
async fn h4_for_seven_days_after_a_change_of_address_no_mail_has_a_link_that_acts() {
    let house = house().await;
    house.person("bob", json!({ "email": "evil@example.net" })).await;
    house.mails().await;
    let link = async |day: &str| {
        house.api.clock(&format!("2026-01-{day}T09:00:00.000Z")).await;
        house.mails().await;
        house.submit("rita").await;
        let mails = house.mails().await;
        mails.iter().find(|mail| mail.to == "evil@example.net").unwrap().token()
    };
    for day in ["05", "08", "11"] {
        assert_eq!(link(day).await, None, "{day}");
    }
    assert!(link("12").await.is_some());
}

/// H4: whoever became an administrator was seen by nobody.
#[tokio::test]
async fn h4_administrators_hear_who_else_administers() {
    let house = house().await;
    house.api.role("finance", "bob").await;
    assert_eq!(house.heard().await, "", "other roles are no news");
    house.api.role("directory_admin", "bob").await;
    assert_eq!(house.heard().await, "bob: office_changed", "ada did it herself, and hears nothing");
    house.api.role("approval_admin", "zoe").await;
    assert_eq!(house.heard().await, "zoe: office_changed", "the one it is about hears of it once, and not as an administrator");
    house.api.done("zoe", "DELETE /v1/roles/directory_admin/members/bob", None).await;
    let mails = house.mails().await;
    let [to_ada, to_bob] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((to_ada.to.as_str(), to_ada.subject.as_str()), ("ada@example.com", "bob (bob) is no longer a member of directory_admin"));
    assert_eq!((to_bob.to.as_str(), to_bob.subject.as_str()), ("bob@example.com", "You are no longer a member of directory_admin"));
    for Mail { text, .. } in &mails {
        assert!(text.contains("zoe (zoe)"), "{text}");
    }
}

/// M12: administrators were deactivated, let in again and put out, and neither they nor any other administrator heard of it.
#[tokio::test]
async fn m12_what_one_administrator_does_to_another_is_told_to_the_others_and_to_them_once_each() {
    let house = house().await;
    house.api.people("max").await;
    house.api.role("approval_admin", "zoe max").await;
    house.mails().await;
    // Whoever has switched mails off may not be put out in silence.
    house.api.done("zoe", "PUT /v1/users/zoe/preferences", Some(&json!({ "channels": { "mail": false } }))).await;
    let mut wrong = Vec::new();
    let mut told = async |act: &str, wanted: &[(&str, &str)]| {
        let mails = house.mails().await;
        let all: Vec<(&str, &str)> = mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect();
        if all != wanted || mails.iter().any(|mail| !mail.text.contains("ada (ada)")) {
            wrong.push(format!("{act}: {mails:?}"));
        }
    };
    house.person("zoe", json!({ "active": false })).await;
    told("leaves", &[("max@example.com", "zoe (zoe) was deactivated"), ("zoe@example.com", "You were deactivated for approvals")]).await;
    house.person("zoe", json!({})).await;
    told("returns", &[("max@example.com", "zoe (zoe) was reactivated"), ("zoe@example.com", "You were reactivated for approvals")]).await;
    house.api.done("root", "POST /v1/users/zoe/revoke-links", None).await;
    let (others, own) = ("Links and sessions of zoe (zoe) were ended", "Your links and sessions for approvals were ended");
    told("links", &[("max@example.com", others), ("zoe@example.com", own)]).await;
    house.person("zoe", json!({ "email": "evil@example.net" })).await;
    let own = "Your address for approvals was changed";
    told("moves", &[("evil@example.net", own), ("max@example.com", "The address of zoe (zoe) was changed"), ("zoe@example.com", own)])
        .await;
    // Several at once are one mail to each address.
    house.person("zoe", json!({ "active": false })).await;
    let own = "You were deactivated for approvals";
    told("both", &[("evil@example.net", own), ("max@example.com", "zoe (zoe) was deactivated"), ("zoe@example.com", own)]).await;
    house.person("zoe", json!({ "email": "zoe@example.com" })).await;
    house.mails().await;
    house.api.done("root", "DELETE /v1/roles/approval_admin/members/zoe", None).await;
    let (others, own) = ("zoe (zoe) is no longer a member of approval_admin", "You are no longer a member of approval_admin");
    told("put out", &[("max@example.com", others), ("zoe@example.com", own)]).await;
    // Of whoever administers nothing only the person's address is news.
    house.person("zoe", json!({ "active": false })).await;
    told("no administrator", &[]).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One who comes back after more than a day, without their roles, is no administrator: that is no news of one.
#[tokio::test]
async fn m12_whoever_comes_back_without_their_roles_administers_nothing() {
    let house = house().await;
    house.api.role("approval_admin", "zoe").await;
    assert_eq!(house.heard().await, "zoe: office_changed");
    house.person("zoe", json!({ "active": false })).await;
    assert_eq!(house.heard().await, "zoe: administrator_changed");
    house.api.clock("2026-01-07T09:00:00.000Z").await;
    house.person("zoe", json!({})).await;
    assert_eq!(house.heard().await, "");
    // With them they are.
    house.person("zoe", json!({ "active": false })).await;
    house.api.role("approval_admin", "zoe").await;
    house
        .api
        .done("root", "PUT /v1/users/zoe?keep_roles=true", Some(&json!({ "name": "zoe", "email": "zoe@example.com", "active": true })))
        .await;
    let told = house.heard().await;
    assert!(told.contains("zoe: administrator_changed"), "{told}");
}

/// What waits for a new administrator stands in the one mail that says so.
#[tokio::test]
async fn m12_a_new_administrator_hears_once_that_they_are_one_and_what_waits() {
    let house = House::new("rita bob ada zoe", json!([{ "id": "s", "approvers": [{ "role": "approval_admin" }] }])).await;
    house.api.role("approval_admin", "ada").await;
    house.submit("rita").await;
    house.mails().await;
    house.api.role("approval_admin", "zoe").await;
    let mails = house.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(mail.text.contains("ada (ada) made you a member of approval_admin") && mail.text.contains("Two chairs"), "{}", mail.text);
}
