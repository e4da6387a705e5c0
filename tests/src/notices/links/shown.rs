//! What the page behind a link shows: all that is signed, in one form, in the template's order; and nothing that only a login shows.

use serde_json::{Value, json};

use super::super::{House, words_of};

/// A template with a field of each kind, and one whose label is a word of ours.
fn order(more: Value) -> Value {
    let mut template = json!({
        "key": "order", "title": "Purchase order", "unique_entity": false,
        "fields": {
            "kind": { "type": "string", "label": "Kind", "mail": true }, "amount": { "type": "number", "label": "Amount" },
            "currency": { "type": "string", "label": "Currency" }, "count": { "type": "number", "label": "Pieces", "mail": true },
            "owner": { "type": "user", "label": "Owner", "mail": true }, "until": { "type": "date", "label": "Until", "mail": true },
            "why": { "type": "string", "label": "Why" }, "tags": { "type": "list", "label": "Tags" }, "urgent": { "type": "boolean", "label": "Urgent" },
            "more": { "type": "object", "label": "More" },
        },
        "field_order": ["kind", "amount", "currency", "count", "owner", "until", "why", "tags", "urgent", "more"],
        "amount": { "value": "metadata.amount", "currency": "metadata.currency" },
        "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }],
    });
    template.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    template
}

fn metadata() -> Value {
    json!({ "kind": "chair", "amount": 91_234.5, "currency": "BHD", "count": 1_200, "owner": "cleo", "until": "2026-01-30", "why": "The old ones broke",
        "tags": ["red", "blue"], "urgent": true, "more": { "place": { "floor": 3 } } })
}

async fn asked(template: &Value) -> (House, Value) {
    let house = House::new("rita bob ada", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    house.administered_by("ada").await;
    house.person("cleo", json!({ "name": "Cleo <b>Maas</b>" })).await;
    house.api.template(template).await;
    let attachments = json!([{ "name": "quote.pdf", "media_type": "application/pdf", "size": 182_400, "sha256": "ab".repeat(32),
        "url": "https://files.example.com/quote.pdf" }]);
    let body = json!({ "template": "order", "entity": { "type": "order", "id": "PO-1" }, "title": "Two chairs", "metadata": metadata(),
        "attachments": attachments });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    (house, request)
}

#[tokio::test]
async fn t9_the_page_shows_every_field_in_the_templates_order_and_in_one_form() {
    let (house, request) = asked(&order(json!({}))).await;
    let page = house.look(&house.link_to("bob").await).await;
    let words = words_of(&page.html);
    let mut from = 0;
    for row in [
        "Kind chair",
        "Amount BHD 91,234.500",
        "Currency BHD",
        "Pieces 1,200",
        "Owner Cleo <b>Maas</b> (cleo)",
        "Until Friday 30 January 2026",
        "Why The old ones broke",
        "Tags red blue",
        "Urgent yes",
        "More place: floor: 3",
        "Attached quote.pdf application/pdf, 182 kB, on files.example.com, not checked by this service.",
    ] {
        let at = words[from..].find(row).unwrap_or_else(|| panic!("`{row}` comes too early or not at all: {words}"));
        from += at;
    }
    assert!(page.html.contains("href=\"https://files.example.com/quote.pdf\"") && words.contains(&"ab".repeat(32)), "T12: {words}");
    // Our own rows stand apart, below their own heading.
    let (fields, ours) = page.html.split_once("<h2>The request itself</h2>").unwrap();
    assert_eq!((fields.matches(">Kind<").count(), ours.matches("<dt>Kind</dt>").count()), (1, 1), "{}", page.html);
    assert!(!words.contains("Your approval means"), "an approval means an approval: {words}");
    let cookie = house.login("bob").await;
    let own = crate::pages::get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await.html;
    let (fields, ours) = own.split_once("<h3>The request itself</h3>").unwrap();
    assert_eq!((fields.matches(">Kind<").count(), ours.matches("<dt>Kind</dt>").count()), (1, 1), "T9, section 4: {own}");
}

#[tokio::test]
async fn t9_a_long_value_is_not_cut_and_no_words_of_it_are_lost() {
    let template =
        json!({ "key": "order", "title": "T", "unique_entity": false, "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] });
    let house = House::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    house.api.template(&template).await;
    let long = "w".repeat(5_000);
    let request = house.api.submit("rita", "order", "PO-1", json!({ "essay": long, "deep": [{ "a": { "b": false } }] })).await;
    let page = house.look(&house.link_to("bob").await).await;
    assert!(page.html.contains(&long) && words_of(&page.html).contains("deep • a: b: no"), "{}", words_of(&page.html));
    let cookie = house.login("bob").await;
    let own = crate::pages::get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await;
    assert!(own.html.contains(&long) && words_of(&own.html).contains("deep • a: b: no"), "one form: {}", words_of(&own.html));
}

#[tokio::test]
async fn t10_an_amount_whose_fields_nobody_marked_is_on_the_page_and_in_no_mail() {
    let (house, _) = asked(&order(json!({}))).await;
    let mail = house.mails().await.remove(0);
    for text in [&mail.subject, &mail.text, &mail.html] {
        assert!(!text.contains("91,234") && !text.contains("91234"), "{text}");
    }
    assert!(words_of(&house.look(&mail.token().unwrap()).await.html).contains("Amount BHD 91,234.500"));
}

#[tokio::test]
async fn t11_a_mail_says_people_days_and_numbers_as_the_page_does() {
    let (house, _) = asked(&order(json!({}))).await;
    let mail = house.mails().await.remove(0);
    let words = words_of(&mail.html);
    for row in ["1,200", "Cleo <b>Maas</b>", "Friday 30 January 2026"] {
        assert!(words.contains(row) && mail.text.contains(row), "`{row}`: {}", mail.text);
    }
    assert!(!mail.text.contains("cleo") && !mail.text.contains("2026-01-30"), "{}", mail.text);
}

#[tokio::test]
async fn c1_a_sensitive_field_is_behind_no_link_and_in_no_mail_and_a_login_shows_it() {
    let mut template = order(json!({ "steps": [{ "id": "s", "approvers": [{ "user": "bob" }], "assurance": "login" }] }));
    template["fields"]["amount"]["sensitive"] = json!(true);
    template["fields"]["why"]["sensitive"] = json!(true);
    let (house, request) = asked(&template).await;
    let mail = house.mails().await.remove(0);
    let token = mail.token().unwrap();
    let page = house.look(&token).await;
    let path = format!("/requests/{}", request["id"].as_str().unwrap());
    for text in [&mail.text, &mail.html, &page.html] {
        for secret in ["91,234", "91234", "The old ones broke", "quote.pdf"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    page.says("The request’s page shows it after a login");
    assert!(page.html.contains(&format!("href=\"{path}\"")) && words_of(&page.html).contains("Why on the request’s page"));
    // With a login the link still shows and decides nothing of it; the request's page does both.
    let cookie = house.login("bob").await;
    house.look_as(&cookie, &token).await.says("The request’s page shows it after a login");
    assert_eq!(house.press_as(&cookie, &token, "x").await.status, 403);
    let own = words_of(&crate::pages::get(&house.api, &path, &cookie).await.html);
    assert!(own.contains("Why The old ones broke") && own.contains("BHD 91,234.500") && own.contains("quote.pdf"), "{own}");
    assert_eq!(house.version(&request).await, 1);
    // What a revision changed of it neither.
    let back = json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "Why?" });
    house.did("bob", &request, "decisions", back).await;
    let mut metadata = metadata();
    (metadata["why"], metadata["amount"], metadata["count"]) = (json!("They squeak"), json!(77_001), json!(1_300));
    house.did("rita", &request, "resubmit", json!({ "metadata": metadata })).await;
    let mail = house.mails().await.into_iter().find(|mail| mail.to.starts_with("bob")).unwrap();
    let page = house.look(&mail.token().unwrap()).await;
    for text in [&mail.text, &mail.html, &page.html] {
        for secret in ["The old ones broke", "They squeak", "91,234", "77,001", "91234", "77001"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let words = words_of(&page.html);
    for told in ["Pieces : 1,200 → 1,300", "2 more values changed: the request’s page shows them."] {
        assert!(words.contains(told), "`{told}` is not in {words}");
    }
    let own = words_of(&crate::pages::get(&house.api, &path, &cookie).await.html);
    assert!(own.contains("The old ones broke → They squeak"), "{own}");
}

/// 422 with the place, by the API as in the linter.
#[tokio::test]
async fn c1_a_template_whose_link_would_decide_unseen_is_refused() {
    let house = House::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    let mut template = order(json!({}));
    template["fields"]["why"]["sensitive"] = json!(true);
    let refused = house.api.call("root", "PUT /v1/templates/order", Some(&template)).await;
    let fault = &refused.body["errors"][0];
    assert_eq!(
        (refused.status, &fault["pointer"], &fault["code"]),
        (422, &json!("/steps/0/assurance"), &json!("sensitive_by_link")),
        "{}",
        refused.body
    );
}

/// The other sum was in another currency: neither is said in that of the other.
#[tokio::test]
async fn t11_a_changed_sum_is_said_in_its_own_currency_or_in_none() {
    for (currency, told) in [("BHD", "Amount : BHD 91,234.500 → BHD 5.000"), ("EUR", "Amount : 91,234.5 → 5")] {
        let (house, request) = asked(&order(json!({}))).await;
        let back = json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "Why?" });
        house.did("bob", &request, "decisions", back).await;
        house.mails().await;
        let mut metadata = metadata();
        (metadata["amount"], metadata["currency"]) = (json!(5), json!(currency));
        house.did("rita", &request, "resubmit", json!({ "metadata": metadata })).await;
        let words = words_of(&house.look(&house.link_to("bob").await).await.html);
        assert!(words.contains(told), "`{told}` is not in {words}");
    }
}
