//! Hours of a calendar, over HTTP: named by the step, the template, the tenant; what is shown; and what a later change does not move.

use serde_json::{Value, json};

use crate::stage::api::Api;

/// A Friday in Amsterdam, 15:00; on Sunday summer time comes, and Monday is a holiday.
const FRIDAY: &str = "2026-03-27T14:00:00.000Z";

fn office(from: &str, to: &str) -> Value {
    let day = json!([{ "from": from, "to": to }]);
    json!({ "time_zone": "Europe/Amsterdam", "weekly": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day }, "holidays": ["2026-03-30"] })
}

async fn start() -> Api {
    let api = Api::start_at(FRIDAY).await;
    api.people("rita eve boss lead").await;
    api.role("finance_lead", "lead").await;
    api.done("root", "PUT /v1/calendars/office", Some(&office("09:00", "17:00"))).await;
    api.done("root", "PUT /v1/calendars/short", Some(&office("10:00", "12:00"))).await;
    api
}

fn steps(sla: Value) -> Value {
    let levels = json!([{ "after": 1.0, "to": [{ "role": "finance_lead" }] }, { "after": 1.5, "to": [{ "manager_of": "approver" }] }]);
    json!([{ "id": "s", "approvers": [{ "user": "eve" }], "sla": sla, "remind": [0.5], "escalate": levels }])
}

#[tokio::test]
async fn hours_are_working_hours_of_the_step_the_template_or_the_tenant() {
    let api = start().await;
    let hours = json!({ "hours": 4 });
    let own = json!({ "hours": 4, "calendar": "short" });
    api.template(&json!({ "key": "wall", "title": "T", "steps": steps(hours.clone()) })).await;
    api.template(&json!({ "key": "by_template", "title": "T", "calendar": "office", "steps": steps(hours.clone()) })).await;
    api.template(&json!({ "key": "by_step", "title": "T", "calendar": "office", "steps": steps(own) })).await;
    let due = |request: &Value| request["steps"][0]["due_at"].as_str().unwrap().to_owned();
    let wall = api.submit("rita", "wall", "1", json!({})).await;
    assert_eq!(due(&wall), "2026-03-27T18:00:00.000Z");
    api.done("root", "PUT /v1/settings", Some(&json!({ "calendar": "office" }))).await;
    for (template, late) in [
        // Two hours are left of Friday; Tuesday begins at nine, in summer time.
        ("wall", "2026-03-31T09:00:00.000Z"),
        ("by_template", "2026-03-31T09:00:00.000Z"),
        // Two hours on Tuesday, two on Wednesday.
        ("by_step", "2026-04-01T10:00:00.000Z"),
    ] {
        let preview = json!({ "template": template, "entity": { "type": "order", "id": "p" }, "title": "T", "metadata": {} });
        let preview = api.done("rita", "POST /v1/requests/preview", Some(&preview)).await;
        assert_eq!(preview["steps"][0]["due_at"], json!(late), "{template}");
        let request = api.submit("rita", template, "2", json!({})).await;
        assert_eq!(due(&request), late, "{template}");
    }
}

#[tokio::test]
async fn a_running_clock_is_moved_by_nothing_and_shows_what_comes_next() {
    let api = start().await;
    api.template(&json!({ "key": "t", "title": "T", "calendar": "office", "steps": steps(json!({ "hours": 4 })) })).await;
    let request = api.submit("rita", "t", "1", json!({})).await;
    let path = format!("GET /v1/requests/{}", request["id"].as_str().unwrap());
    // The calendar becomes another one, and so do the settings.
    api.done("root", "PUT /v1/calendars/office", Some(&office("00:00", "24:00"))).await;
    api.done("root", "PUT /v1/settings", Some(&json!({ "calendar": "short" }))).await;
    let next = async |now: &str| {
        api.clock(now).await;
        let (shown, explained) = (api.done("rita", &path, None).await, api.done("rita", &format!("{path}/explain"), None).await);
        let step = &shown["steps"][0];
        for field in ["next_timer", "due_at", "level"] {
            assert_eq!(step[field], explained["steps"][0][field], "{field}: request and explanation say the same");
        }
        (step["level"].clone(), step["next_timer"].clone())
    };
    assert_eq!(next(FRIDAY).await, (json!(0), json!({ "does": "remind", "at": "2026-03-27T16:00:00.000Z" })));
    assert_eq!(
        next("2026-03-27T16:00:00.000Z").await,
        (json!(0), json!({ "does": "escalate", "at": "2026-03-31T09:00:00.000Z", "level": 1, "to": ["role:finance_lead"] }))
    );
    assert_eq!(next("2026-03-31T08:59:59.999Z").await.0, json!(0));
    assert_eq!(
        next("2026-03-31T09:00:00.000Z").await,
        (json!(1), json!({ "does": "escalate", "at": "2026-03-31T11:00:00.000Z", "level": 2, "to": ["manager_of:approver"] }))
    );
    assert_eq!(next("2026-04-01T00:00:00.000Z").await, (json!(2), Value::Null));
    assert_eq!(api.inbox("lead").await, [format!("{} s -", request["id"].as_str().unwrap())], "who came with a level has a task");
    let history = api.done("rita", &format!("{path}/history"), None).await;
    let by_clock: Vec<&Value> = history["items"].as_array().unwrap().iter().filter(|commit| commit["actor"] == json!("system")).collect();
    assert_eq!(by_clock.len(), 3, "{history}");
}

/// A template may name a calendar that nobody has written yet: that is a warning, and its requests are refused until there is one.
#[tokio::test]
async fn f10_a_calendar_that_is_not_there_is_warned_of_and_then_refused() {
    let api = start().await;
    for (whole, pointer) in [
        (json!({ "key": "t", "title": "T", "steps": steps(json!({ "hours": 4, "calendar": "nights" })) }), "/steps/0/sla/calendar"),
        (json!({ "key": "t", "title": "T", "calendar": "nights", "steps": steps(json!({ "hours": 4 })) }), "/calendar"),
    ] {
        let stored = api.done("root", "PUT /v1/templates/t", Some(&whole)).await;
        let linted = api.done("root", "POST /v1/templates/lint", Some(&whole)).await;
        for found in [&stored["warnings"], &linted["findings"]] {
            assert_eq!((&found[0]["code"], &found[0]["pointer"]), (&json!("unknown_calendar"), &json!(pointer)), "{found}");
        }
    }
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T", "metadata": {} });
    let refused = api.call("rita", "POST /v1/requests", Some(&body)).await;
    assert_eq!((refused.status, refused.code()), (422, "no_such_calendar"), "{}", refused.body);
}
