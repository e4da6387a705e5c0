//! Where mails go, and what their headers say: an address that is taken is mailed, and a header reads as it was written.

use serde_json::{Value, json};

use super::House;

async fn house() -> House {
    House::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await
}

#[tokio::test]
async fn t15_an_address_that_is_taken_is_mailed() {
    // The outbox reads `"taro."@docomo.ne.jp` as any mail program does.
    for (address, to) in
        [("taro.@docomo.ne.jp", "taro.@docomo.ne.jp"), ("ann@müller.de", "ann@xn--mller-kva.de"), ("b@example.org", "b@example.org")]
    {
        let house = house().await;
        house.person("bob", json!({ "email": address })).await;
        house.mails().await;
        house.submit("rita").await;
        let mails = house.mails().await;
        assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [to], "{address}");
    }
}

#[tokio::test]
async fn t15_an_address_that_no_mail_reaches_is_refused_with_the_reason() {
    let house = house().await;
    for (address, why) in [("jürgen@example.com", "SMTPUTF8"), ("x@a..com", "host"), ("nowhere", "`@`"), ("a b@example.com", "blanks")] {
        let person = json!({ "name": "X", "email": address, "active": true });
        for (what, body) in [("PUT /v1/users/x", person), ("PATCH /v1/users/bob", json!({ "email": address }))] {
            let refused = house.api.call("root", what, Some(&body)).await;
            refused.is_problem(what);
            let fault = &refused.body["errors"][0];
            let told = (refused.status, refused.code(), &fault["pointer"], &fault["code"]);
            assert_eq!(told, (422, "undeliverable_address", &json!("/email"), &json!("undeliverable_address")), "{what} {address}");
            assert!(refused.body["detail"].as_str().unwrap().contains(why), "{}", refused.body);
        }
    }
    // Who leaves need not have an address that works.
    house.api.done("root", "PUT /v1/users/gone", Some(&json!({ "name": "G", "email": "jürgen@example.com", "active": false }))).await;
    let back = house.api.call("root", "PATCH /v1/users/gone", Some(&json!({ "active": true }))).await;
    assert_eq!((back.status, back.code()), (422, "undeliverable_address"));
}

async fn asked(house: &House, title: &str) -> Value {
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": title, "metadata": {} });
    house.api.done("rita", "POST /v1/requests", Some(&body)).await
}

#[tokio::test]
async fn t14_a_subject_reads_as_the_title_was_written() {
    let house = house().await;
    house.person("bob", json!({ "name": "Bob =?utf-8?q?=41?= B" })).await;
    for title in [
        "=?utf-8?b?4oCuMDAwLDE=?= EUR",
        "Größe =?utf-8?q?=E2=80=AE?= and =?us-ascii?q?x?=",
        "=?",
        &format!("{} =?utf-8?b?4oCu?=", "ä".repeat(40)),
    ] {
        asked(&house, title).await;
        let mail = house.mails().await.remove(0);
        assert!(mail.subject.contains(title), "`{title}` became `{}`", mail.subject);
        assert_eq!(mail.to, "bob@example.com");
    }
}

/// In subject, mail and page alike, names as well.
#[tokio::test]
async fn t13_what_a_script_is_written_with_stays_and_what_turns_letters_is_seen() {
    let house = house().await;
    house.person("rita", json!({ "name": "רות \u{200f}(כהן)" })).await;
    for (title, shown) in [
        ("הצעה 5\u{200f} (דחוף)", "הצעה 5\u{200f} (דחוף)"),
        ("Trip 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "Trip 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"),
        ("pay \u{202e}000,1\u{2066}", "pay [U+202E]000,1[U+2066]"),
    ] {
        let request = asked(&house, title).await;
        let mail = house.mails().await.remove(0);
        let cookie = house.login("bob").await;
        let page = crate::pages::get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await;
        let link = house.look(&mail.token().unwrap()).await;
        for said in [&mail.subject, &mail.text, &mail.html, &page.html, &link.html] {
            assert!(said.contains(shown), "`{shown}` is not in {said}");
        }
        for said in [&mail.text, &page.html, &link.html] {
            assert!(said.contains("רות \u{200f}(כהן)"), "{said}");
        }
    }
}
