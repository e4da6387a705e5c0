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
    assert_eq!(house.heard().await, "", "ada did it herself");
    house.api.role("approval_admin", "zoe").await;
    assert_eq!(house.heard().await, "", "nor does the one it is about hear of it as an administrator");
    house.api.done("zoe", "DELETE /v1/roles/directory_admin/members/bob", None).await;
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        (mails[0].to.as_str(), mails[0].subject.as_str()),
        ("ada@example.com", "bob (bob) is no longer a member of directory_admin")
    );
    assert!(mails[0].text.contains("zoe (zoe) said so"), "{}", mails[0].text);
}
