//! Each example: what is asked by it is shown whole, behind the link and on the request's page.

use std::cell::Cell;

use cli::dev::demo;
use serde_json::{Value, json};

use super::super::{House, words_of};
use crate::stage::api::Api;

/// Labels and values.
type Shown = Vec<(&'static str, &'static str)>;

/// Every field of each example that is given, and how it is said after its label.
fn asked() -> Vec<(&'static str, Value, Shown)> {
    let yes = |keys: &[&'static str]| keys.iter().map(|key| (*key, "yes")).collect::<Vec<_>>();
    let steps = ["pre_approver", "administration", "budget_owner", "supervisor", "director"];
    let mut expense = json!({ "amount": 1_480.0 });
    steps.iter().for_each(|step| expense[*step] = json!(true));
    vec![
        (
            "purchase_order",
            json!({ "amount": 25_000, "currency": "EUR", "capex": true, "supplier": "Sit and Stand", "security_owner": "ivan" }),
            vec![
                ("amount", "EUR 25,000.00"),
                ("currency", "EUR"),
                ("capex", "yes"),
                ("supplier", "Sit and Stand"),
                ("security_owner", "Ivan Petrov (ivan)"),
            ],
        ),
        ("expense_declaration", expense, [vec![("amount", "1,480")], yes(&steps)].concat()),
        (
            "content_publish",
            json!({ "section": "press", "url": "https://preview.example.com", "publish_on": "2026-02-02", "mentions_customers": true }),
            vec![
                ("section", "press"),
                ("url", "https://preview.example.com"),
                ("publish_on", "Monday 2 February 2026"),
                ("mentions_customers", "yes"),
            ],
        ),
        (
            "refund",
            json!({ "amount": 6_000, "currency": "GBP", "reason": "goodwill", "sold_by": "judy" }),
            vec![("amount", "GBP 6,000.00"), ("currency", "GBP"), ("reason", "goodwill"), ("sold_by", "Judy Chen (judy)")],
        ),
        (
            "access_request",
            json!({ "system": "ledger", "level": "admin", "owner": "ivan", "until": "2027-01-01", "justification": "The yearly audit" }),
            vec![
                ("system", "ledger"),
                ("level", "admin"),
                ("owner", "Ivan Petrov (ivan)"),
                ("until", "Friday 1 January 2027"),
                ("justification", "The yearly audit"),
            ],
        ),
        (
            "contract",
            json!({ "value": 300_000, "currency": "EUR", "counterparty": "Acme", "kind": "purchase", "months": 24, "reviewers": ["judy"] }),
            vec![
                ("value", "EUR 300,000.00"),
                ("currency", "EUR"),
                ("counterparty", "Acme"),
                ("kind", "purchase"),
                ("months", "24"),
                ("reviewers", "judy"),
            ],
        ),
        (
            "salary_change",
            json!({ "employee": "judy", "salary": 91_234.5, "currency": "EUR", "starts_on": "2027-01-01", "reason": "A new post" }),
            vec![
                ("employee", "Judy Chen (judy)"),
                ("salary", "EUR 91,234.50"),
                ("currency", "EUR"),
                ("starts_on", "Friday 1 January 2027"),
                ("reason", "A new post"),
            ],
        ),
    ]
}

#[tokio::test]
async fn t9_every_example_shows_each_of_its_fields_behind_the_link_and_on_its_page() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    demo::seed(&api.local).await.unwrap();
    let house = House { api, read: Cell::new(0) };
    let examples = std::fs::read_dir(crate::tidy::root().join("examples")).unwrap();
    let templates = examples.filter(|entry| !entry.as_ref().unwrap().path().to_str().unwrap().contains(".mapping.")).count();
    assert_eq!(asked().len(), templates, "each example is asked by");
    for (key, metadata, said) in asked() {
        let template = house.api.done("alice", &format!("GET /v1/templates/{key}"), None).await["template"].clone();
        let fields = template["fields"].as_object().unwrap();
        assert_eq!(fields.len(), said.len(), "{key}: each field is given");
        house.mails().await;
        let request = house.api.submit("alice", key, &format!("E-{key}"), metadata).await;
        let mail = house.mails().await.into_iter().find(|mail| mail.token().is_some()).unwrap();
        let who = mail.to.split('@').next().unwrap().to_owned();
        let link = words_of(&house.look(&mail.token().unwrap()).await.html);
        let cookie = house.login(&who).await;
        let page = words_of(&crate::pages::get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await.html);
        for (field, value) in said {
            let label = fields[field]["label"].as_str().unwrap();
            let row = format!("{label} {value}");
            assert!(page.contains(&row), "{key}, its page: `{row}` is not in {page}");
            let row = if fields[field]["sensitive"] == true { format!("{label} on the request’s page") } else { row };
            assert!(link.contains(&row), "{key}, behind the link: `{row}` is not in {link}");
        }
    }
}
