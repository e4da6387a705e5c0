//! A small log, played against a whole service with an SLA on each step: what the clock did is what one can count on one's fingers.

use std::path::Path;

use clap::Parser;
use cli::fence::Allowed;
use cli::replay::{Args, Progress, Summary, play, prepare};

use crate::stage::api::Api;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Cases of `(activity, time)`.
fn log(folder: &Path, cases: &[&[(&str, &str)]]) -> String {
    let mut text = "<log>".to_owned();
    for (n, case) in cases.iter().enumerate() {
        text += &format!("<trace><string key='concept:name' value='case {n}'/><float key='Amount' value='10.0'/>");
        for (activity, at) in *case {
            let activity = if activity.contains(" by ") && !activity.starts_with("Request") {
                format!("Declaration {activity}")
            } else {
                (*activity).to_owned()
            };
            let event = format!("<string key='concept:name' value='{activity}'/><date key='time:timestamp' value='{at}'/>");
            text += &format!("<event>{event}</event>");
        }
        text += "</trace>";
    }
    let path = folder.join("log.xes");
    std::fs::write(&path, text + "</log>").unwrap();
    path.to_str().unwrap().to_owned()
}

async fn played(args: &[&str], cases: &[&[(&str, &str)]]) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), cases);
    let line = Line::parse_from([&["replay", &log], args].concat());
    let prepared = prepare(&line.args).unwrap();
    let api = Api::start_at(&chrono(prepared.starts_at_ms())).await;
    let (listener, address) = api.local.listen(0).await.unwrap();
    let router = api.local.fenced(address, &Allowed::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::task::spawn_blocking(move || play(&format!("http://{address}"), &prepared, Progress::Hidden).unwrap()).await.unwrap()
}

fn chrono(ms: i64) -> String {
    approvals_domain::time::Timestamp::from_millis(ms).to_string()
}

const SUBMITTED: &str = "SUBMITTED by EMPLOYEE";
const PRE: &str = "APPROVED by PRE_APPROVER";
const SENT_BACK: &str = "REJECTED by PRE_APPROVER";
const FINAL: &str = "FINAL_APPROVED by SUPERVISOR";

/// A Monday; two steps of one hour and of three days; one of exactly two days; one sent back after 25 hours and then done at once; and one
/// that nobody answers, until the log ends on Saturday.
const CASES: &[&[(&str, &str)]] = &[
    &[(SUBMITTED, "2017-01-09T10:00:00Z"), (PRE, "2017-01-09T11:00:00Z"), (FINAL, "2017-01-12T11:00:00Z")],
    &[(SUBMITTED, "2017-01-09T10:00:00Z"), (FINAL, "2017-01-11T10:00:00Z")],
    &[
        (SUBMITTED, "2017-01-09T12:00:00Z"),
        (SENT_BACK, "2017-01-10T13:00:00Z"),
        (SUBMITTED, "2017-01-14T09:00:00Z"),
        (FINAL, "2017-01-14T09:00:00Z"),
    ],
    &[(SUBMITTED, "2017-01-09T08:00:00Z")],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_sla_would_have_done_is_what_the_log_says() {
    let sla = played(&["--sla", "48h"], CASES).await.sla.unwrap();
    // 1 h, 72 h; 48 h to the millisecond; 25 h, 0 h; 121 h.
    assert_eq!((sla.service.opened, sla.service.reminded, sla.service.escalated, sla.service.timed_out), (6, 4, 3, 1));
    assert_eq!(sla.log, sla.service);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_an_office_calendar_only_its_hours_count() {
    let sla = played(&["--sla", "2d", "--calendar", "office"], CASES).await.sla.unwrap();
    // In Amsterdam it is an hour later: 1 h, 24 h; 16 h; 9 h, 0 h; 8 + 4 × 8 h.
    assert_eq!((sla.service.opened, sla.service.reminded, sla.service.escalated, sla.service.timed_out), (6, 2, 0, 0));
    assert_eq!(sla.log, sla.service);
    let sla = played(&["--sla", "16h", "--calendar", "office"], CASES).await.sla.unwrap();
    assert_eq!((sla.service.opened, sla.service.reminded, sla.service.escalated, sla.service.timed_out), (6, 4, 3, 1));
    assert_eq!(sla.log, sla.service);
}

/// Through the API, with its scopes: what is paid is started and finished by its requester; a rejection between approval and payment is a
/// recall, and one after the start is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_and_recalls_of_a_log_are_those_of_the_service() {
    const PAY: &str = "Request Payment";
    const PAID: &str = "Payment Handled";
    const MISSING: &str = "REJECTED by MISSING";
    let summary = played(
        &[],
        &[
            &[
                (SUBMITTED, "2017-01-09T10:00:00Z"),
                (FINAL, "2017-01-09T11:00:00Z"),
                (PAY, "2017-01-10T11:00:00Z"),
                (PAID, "2017-01-12T11:00:00Z"),
            ],
            &[
                (SUBMITTED, "2017-01-09T10:00:00Z"),
                (FINAL, "2017-01-09T11:00:00Z"),
                (PAY, "2017-01-10T11:00:00Z"),
                (MISSING, "2017-01-11T11:00:00Z"),
            ],
            &[
                (SUBMITTED, "2017-01-09T10:00:00Z"),
                (FINAL, "2017-01-09T11:00:00Z"),
                (MISSING, "2017-01-10T11:00:00Z"),
                (SUBMITTED, "2017-01-11T10:00:00Z"),
                (FINAL, "2017-01-11T11:00:00Z"),
                (PAY, "2017-01-12T11:00:00Z"),
                (PAID, "2017-01-12T12:00:00Z"),
            ],
        ],
    )
    .await;
    assert_eq!((summary.started, summary.finished, summary.recalled, summary.resubmissions), (3, 2, 1, 1));
    let codes: Vec<&str> = summary.refusals.iter().map(|refused| refused.refusal.code.as_str()).collect();
    assert_eq!((codes, summary.refused, summary.read_back_differs), (vec!["effect_started"], 1, 0));
}

/// What a log of payments needs: a mapping, with an activity that a director takes after a supervisor, and a template.
const PAYMENTS: &str = r#"
title: Request for payment
amount: ["(case)_RequestedAmount", Amount]
people: { employee: 20, supervisor: 6, director: 2 }
default_route: [supervisor]
ignore: [Start trip]
entities:
  payment:
    Request For Payment SUBMITTED by EMPLOYEE: submit
    Request For Payment APPROVED by SUPERVISOR: { approve: supervisor }
    Request For Payment FINAL_APPROVED by SUPERVISOR: { approve: supervisor }
    Request For Payment FINAL_APPROVED by DIRECTOR: { approve: director }
    Request For Payment REJECTED by MISSING: { reject: last }
    Request For Payment REJECTED by EMPLOYEE: take_back
    Request Payment: { effect: start }
    Payment Handled: { effect: finish }
"#;
const PAYMENT: &str = r"
key: request_for_payment
title: Request for payment
language: 1
unique_entity: true
fields:
  amount: { type: number, required: true }
  supervisor: { type: boolean }
  director: { type: boolean }
effect: { confirm: true, within: 30d }
steps:
  - id: supervisor
    when: has(metadata.supervisor) && metadata.supervisor
    approvers: [{ role: supervisor }]
    on_reject: return
  - id: director
    when: has(metadata.director) && metadata.director
    approvers: [{ role: director }]
    on_reject: return
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_the_family_runs_with_a_mapping_and_a_template_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (mapping, template) = (folder.path().join("mapping.yaml"), folder.path().join("template.yaml"));
    std::fs::write(&mapping, PAYMENTS).unwrap();
    std::fs::write(&template, PAYMENT).unwrap();
    const ASKED: &str = "Request For Payment SUBMITTED by EMPLOYEE";
    const FIRST: &str = "Request For Payment APPROVED by SUPERVISOR";
    const ONLY: &str = "Request For Payment FINAL_APPROVED by SUPERVISOR";
    const DIRECTOR: &str = "Request For Payment FINAL_APPROVED by DIRECTOR";
    const MISSING: &str = "Request For Payment REJECTED by MISSING";
    const BACK: &str = "Request For Payment REJECTED by EMPLOYEE";
    let summary = played(
        &["--mapping", mapping.to_str().unwrap(), "--template", template.to_str().unwrap()],
        &[
            // Both steps, then paid.
            &[
                (ASKED, "2017-01-09T10:00:00Z"),
                (FIRST, "2017-01-09T11:00:00Z"),
                (DIRECTOR, "2017-01-09T12:00:00Z"),
                ("Request Payment", "2017-01-10T11:00:00Z"),
                ("Payment Handled", "2017-01-12T11:00:00Z"),
            ],
            // Recalled by its director, taken back, asked again for one step; started, never finished.
            &[
                (ASKED, "2017-01-09T10:00:00Z"),
                (FIRST, "2017-01-09T11:00:00Z"),
                (DIRECTOR, "2017-01-09T12:00:00Z"),
                (MISSING, "2017-01-10T11:00:00Z"),
                (BACK, "2017-01-10T12:00:00Z"),
                (ASKED, "2017-01-11T10:00:00Z"),
                (ONLY, "2017-01-11T11:00:00Z"),
                ("Request Payment", "2017-01-12T11:00:00Z"),
            ],
            // Paid twice, says the log: the second is refused.
            &[
                (ASKED, "2017-01-09T10:00:00Z"),
                (ONLY, "2017-01-09T11:00:00Z"),
                ("Request Payment", "2017-01-10T11:00:00Z"),
                ("Request Payment", "2017-01-10T12:00:00Z"),
                ("Payment Handled", "2017-01-12T11:00:00Z"),
            ],
        ],
    )
    .await;
    assert_eq!((summary.requests, summary.resubmissions, summary.recalled), (3, 1, 1));
    assert_eq!((summary.started, summary.finished), (3, 2));
    let codes: Vec<&str> = summary.refusals.iter().map(|refused| refused.refusal.code.as_str()).collect();
    assert_eq!((codes, summary.refused, summary.read_back_differs), (vec!["effect_started"], 1, 0));
}
