use super::*;
use crate::replay::amount::Rule;
use crate::replay::drive::{Refusal, Status, Tried};
use crate::replay::plan::Tally;
use crate::replay::play::Pace;
use crate::replay::report::{AmountOnly, Month, StepLine, StepRule, Wait};

fn summary() -> Summary {
    let wait = Wait { count: 2, median_ms: Some(60_000), p90_ms: Some(90_000_000) };
    let name = "Chief <script>".to_owned();
    let step = StepLine { id: "chief".into(), name, log_approvals: 2, log_rejections: 0, approvals: 2, rejections: 0, wait };
    let month = |month: &str| Month { month: month.to_owned(), submitted: 3, approved: 2 };
    let refusal = Refusal { tried: Tried::Reject, on: Some(Status::Approved), status: 409, code: "request_closed".into() };
    Summary {
        source: "a&b.xes".into(),
        template: "t".into(),
        first_at: "2017-01-09T00:00:00.000Z".into(),
        last_at: "2018-01-09T00:00:00.000Z".into(),
        shifted_days: 0,
        cases: 3,
        events: 9,
        acts: 8,
        requests: 3,
        resubmissions: 0,
        outcomes: Outcomes { approved: 2, cancelled: 1, ..Outcomes::default() },
        recalled: 0,
        started: 0,
        finished: 0,
        cancelled_requests: 1,
        left_returned: 0,
        refused: 1,
        refusals: vec![Refused { refusal, count: 1 }],
        without_request: 0,
        read_back_differs: 0,
        busiest_step: Some("chief".into()),
        steps: vec![step],
        to_approval: wait,
        amount_only: AmountOnly { cases: 2, same: 2, rules: vec![StepRule { step: "chief".into(), rule: Rule::Always, agrees: 2 }] },
        months: vec![month("2017-01"), month("2017-02")],
        sla: None,
        log: Tally { approvals: vec![2], rejections: vec![0], ..Tally::default() },
        pace: Pace { over_time: vec![(0.0, 0), (0.2, 3), (0.4, 8)], ..Pace::default() },
        http_requests_per_second: 40.0,
        commands_per_second: 20.0,
    }
}

#[test]
fn the_page_stands_alone_and_names_cannot_break_it() {
    let page = page(&summary());
    for outside in ["http://", "https://", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Replay of a&amp;b.xes") && page.contains("Chief &lt;script&gt;"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<svg").count(), 5);
}
