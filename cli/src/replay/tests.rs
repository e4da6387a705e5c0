//! The plan and the drive against the model of the service.

use std::collections::BTreeMap;
use std::io::Write;

use approvals_domain::effect::EffectState;

use super::drive::{self, Record, Status, Tried};
use super::mapping::{self, Mapping};
use super::model::Model;
use super::plan::{self, Plan};
use super::xes;

const START: &str = "Declaration SUBMITTED by EMPLOYEE";
const FINAL: &str = "Declaration FINAL_APPROVED by SUPERVISOR";

/// A log of one trace per list, one event per minute.
fn log(cases: &[&[&str]]) -> xes::Log {
    let mut text = "<log>".to_owned();
    for (case, events) in cases.iter().enumerate() {
        text += &format!("<trace><string key='concept:name' value='case {case}'/>");
        for (minute, activity) in events.iter().enumerate() {
            text += &format!(
                "<event><string key='concept:name' value='{activity}'/>\
                 <date key='time:timestamp' value='2017-01-09T10:{minute:02}:00Z'/></event>"
            );
        }
        text += "</trace>";
    }
    xes::read((text + "</log>").as_bytes(), &[]).unwrap()
}

fn played(cases: &[&[&str]]) -> (Plan, Record) {
    let mapping = Mapping::parse(mapping::BUILT_IN).unwrap();
    let plan = plan::plan(&log(cases), &mapping).unwrap();
    let record = drive::drive(&plan, &mut Model::default(), |_| ()).unwrap();
    (plan, record)
}

/// The same with an effect that is started and finished, as the built-in mapping and template have it.
fn with_effect(cases: &[&[&str]]) -> Record {
    let mapping = Mapping::parse(mapping::BUILT_IN).unwrap();
    let plan = plan::plan(&log(cases), &mapping).unwrap();
    drive::drive(&plan, &mut Model::confirming(), |_| ()).unwrap()
}

#[test]
fn g5_a_rejection_between_approval_and_effect_is_a_recall_and_later_ones_are_refused() {
    let (missing, start, finish) = ("Declaration REJECTED by MISSING", "Request Payment", "Payment Handled");
    let record =
        with_effect(&[&[START, FINAL, missing, START, FINAL, start, finish], &[START, FINAL, start, missing], &[START, FINAL, missing]]);
    assert_eq!((record.requests, record.resubmissions, record.recalled, record.started, record.finished), (3, 1, 2, 2, 1));
    let refused: Vec<_> = record.refused.iter().map(|(refusal, count)| (refusal.tried, refusal.code.as_str(), *count)).collect();
    assert_eq!(refused, [(Tried::Reject, "effect_started", 1)]);
    let ends: Vec<_> = record.standings.iter().map(|standing| standing.current.as_ref().unwrap()).map(|c| (c.status, c.effect)).collect();
    assert_eq!(
        ends,
        [(Status::Approved, EffectState::Done), (Status::Approved, EffectState::Started), (Status::Returned, EffectState::None)]
    );
}

#[test]
fn g5_an_effect_before_its_approval_or_twice_is_refused() {
    let record = with_effect(&[&[START, "Request Payment", FINAL, "Payment Handled", "Request Payment", "Request Payment"]]);
    let refused: Vec<_> = record.refused.iter().map(|(refusal, count)| (refusal.tried, refusal.code.as_str(), *count)).collect();
    assert_eq!(
        refused,
        [
            (Tried::StartEffect, "not_approved", 1),
            (Tried::StartEffect, "effect_started", 1),
            (Tried::FinishEffect, "effect_not_started", 1)
        ]
    );
}

fn ends(record: &Record) -> Vec<Option<Status>> {
    record.standings.iter().map(|standing| standing.current.as_ref().map(|current| current.status)).collect()
}

#[test]
fn a_rejection_returns_and_the_next_submission_resubmits() {
    let admin = "Declaration REJECTED by ADMINISTRATION";
    let take = "Declaration REJECTED by EMPLOYEE";
    let (_, record) = played(&[&[START, admin, take, START, FINAL]]);
    assert_eq!((record.requests, record.resubmissions, record.left_returned), (1, 1, 1));
    assert_eq!(ends(&record), [Some(Status::Approved)]);
    assert!(record.refused.is_empty());
}

#[test]
fn a_take_back_cancels_unless_the_returned_request_comes_again() {
    let admin = "Declaration REJECTED by ADMINISTRATION";
    let take = "Declaration REJECTED by EMPLOYEE";
    let (_, record) = played(&[&[START, admin, take], &[START, take], &[START, take, START, FINAL]]);
    assert_eq!(ends(&record), [Some(Status::Cancelled), Some(Status::Cancelled), Some(Status::Approved)]);
    assert_eq!((record.requests, record.resubmissions, record.cancelled), (4, 0, 3));
}

#[test]
fn a_rejection_after_the_final_approval_is_refused_and_the_next_submission_is_a_new_request() {
    let (_, record) = played(&[&[START, FINAL, "Declaration REJECTED by MISSING", START, FINAL]]);
    assert_eq!((record.requests, record.resubmissions), (2, 0));
    let refused: Vec<_> = record.refused.iter().map(|(refusal, count)| (refusal.tried, refusal.on, *count)).collect();
    assert_eq!(refused, [(Tried::Reject, Some(Status::Approved), 1)]);
    assert_eq!(record.standings[0].earlier.len(), 1);
}

#[test]
fn drafts_are_no_acts_and_unknown_activities_are_named() {
    let (plan, record) = played(&[&["Declaration SAVED by EMPLOYEE", "Request Payment"], &[START, FINAL]]);
    assert_eq!((plan.dockets.len(), plan.tally.cases_never_submitted), (1, 1));
    assert_eq!(plan.tally.cases_with_effect_never_submitted, 1);
    assert_eq!(record.requests, 1);
    let mapping = Mapping::parse(mapping::BUILT_IN).unwrap();
    let error = plan::plan(&log(&[&[START, "Send Reminder"], &["Send Reminder", "Start trip"]]), &mapping).unwrap_err();
    assert!(error.to_string().contains("`Send Reminder` (2 events), `Start trip` (1 events)"), "{error}");
}

#[test]
fn acts_run_in_time_order_and_ties_keep_the_order_of_the_file() {
    let (plan, _) = played(&[&[START, FINAL], &[START, FINAL]]);
    let order: Vec<_> = plan.acts.iter().map(|act| (act.docket, act.at_ms % 3_600_000)).collect();
    assert_eq!(order, [(0, 0), (1, 0), (0, 60_000), (1, 60_000)]);
}

/// Permits and declarations of one case are entities of their own; a director signs last; reminders are no acts.
#[test]
fn another_log_of_the_family_needs_only_a_mapping() {
    let mapping = Mapping::parse(
        "people: { employee: 3, supervisor: 2, director: 2 }\n\
         default_route: [supervisor]\n\
         ignore: [Start trip, Send Reminder]\n\
         entities:\n\
         \x20 permit: { Permit SUBMITTED: submit, Permit APPROVED: { approve: supervisor }, Permit FINAL: { approve: director } }\n\
         \x20 declaration: { Declaration SUBMITTED: submit, Declaration FINAL: { approve: supervisor } }\n",
    )
    .unwrap();
    let log = log(&[&[
        "Permit SUBMITTED",
        "Permit APPROVED",
        "Declaration SUBMITTED",
        "Send Reminder",
        "Permit FINAL",
        "Start trip",
        "Declaration FINAL",
    ]]);
    let plan = plan::plan(&log, &mapping).unwrap();
    let record = drive::drive(&plan, &mut Model::default(), |_| ()).unwrap();
    assert_eq!(ends(&record), [Some(Status::Approved), Some(Status::Approved)]);
    assert!(record.refused.is_empty());
}

/// The figures a right service gives for the log of the challenge; see the README of the data set.
#[test]
fn the_real_log_gives_the_known_figures() {
    let Ok(path) = std::env::var("APPROVALS_REPLAY_LOG") else {
        // Straight to standard error, since a passing test's prints are captured.
        let _ = writeln!(std::io::stderr(), "skipped: the real log, set APPROVALS_REPLAY_LOG to DomesticDeclarations.xes.gz");
        return;
    };
    let mapping = Mapping::parse(mapping::BUILT_IN).unwrap();
    let log = xes::read_file(path.as_ref(), &mapping.amount).unwrap();
    assert_eq!((log.cases.len(), log.rows.len()), (10_357, 55_628));
    let plan = plan::plan(&log, &mapping).unwrap();
    let mut model = Model::confirming();
    let record = drive::drive(&plan, &mut model, |_| ()).unwrap();
    eprintln!("{} requests, {} resubmissions, {:?}, {:?}", record.requests, record.resubmissions, record.refused, plan.tally);
    let ended = |wanted| {
        let now = record.standings.iter().filter_map(|standing| standing.current.as_ref());
        now.filter(|current| (current.status, current.effect) == wanted).count()
    };
    assert_eq!((record.requests, record.resubmissions, record.recalled), (10_228, 1_143, 86));
    assert_eq!(ended((Status::Approved, EffectState::Done)), 9_909);
    assert_eq!(ended((Status::Approved, EffectState::Started)), 3);
    assert_eq!(ended((Status::Approved, EffectState::Pending)), 1);
    assert_eq!(ended((Status::Cancelled, EffectState::None)), 284);
    assert_eq!(ended((Status::Returned, EffectState::None)), 25);
    assert_eq!(plan.tally.cases_never_submitted, 135);
    let mut refused: BTreeMap<Tried, u64> = BTreeMap::new();
    record.refused.iter().for_each(|(refusal, count)| *refused.entry(refusal.tried).or_default() += count);
    assert_eq!(refused, BTreeMap::from([(Tried::Reject, 3), (Tried::StartEffect, 2), (Tried::FinishEffect, 3)]));
    assert_eq!(record.without_request, 0);
    for standing in &record.standings {
        let current = standing.current.as_ref().unwrap();
        assert_eq!(model.status(&current.id), current.status);
    }
}

/// Sums up a play against the model, as `play` does one against a service.
#[test]
fn the_summary_sets_the_service_beside_the_log() {
    let admin = "Declaration REJECTED by ADMINISTRATION";
    let missing = "Declaration REJECTED by MISSING";
    let log = log(&[&[START, admin, START, FINAL, missing, "Payment Handled"], &[START, "Declaration REJECTED by EMPLOYEE"], &[]]);
    let mapping = Mapping::parse(mapping::BUILT_IN).unwrap();
    let plan = plan::plan(&log, &mapping).unwrap();
    let mut model = Model::default();
    let record = drive::drive(&plan, &mut model, |_| ()).unwrap();
    let read_back = record.standings.iter().map(|standing| model.read_back(standing)).collect();
    let template = super::template::Template::parse(super::template::BUILT_IN).unwrap();
    let entity_ids = super::entity_ids(&log.cases).unwrap();
    assert_eq!(entity_ids[1], "case-1");
    let prepared = super::Prepared { source: "small".to_owned(), log, mapping, template, plan, terms: None, entity_ids };
    let played = super::Played { record, read_back, pace: super::Pace::default(), shift_ms: 0, calendar: None };
    let summary = super::report::sum_up(&prepared, &played);

    let ends = summary.outcomes;
    assert_eq!((ends.approved, ends.cancelled, ends.never_submitted), (1, 1, 1));
    // The rejection after the approval, and an effect that this template does not confirm.
    assert_eq!((summary.requests, summary.resubmissions, summary.refused, summary.read_back_differs), (2, 1, 2, 0));
    assert_eq!((summary.log.cases_with_effect, summary.log.rejections_unnamed), (1, 1));
    let supervisor = summary.steps.iter().find(|step| step.id == "supervisor").unwrap();
    assert_eq!((supervisor.approvals, supervisor.wait.median_ms), (1, Some(60_000)));
    let text = super::tables::tables(&summary);
    assert!(text.contains("request_closed") && text.contains("never submitted"), "{text}");
    assert!(super::html::page(&summary).contains("request_closed"));
}

/// The example in the documentation is a mapping that reads.
#[test]
fn the_documented_mapping_reads() {
    let page = include_str!("../../../docs/replay.md");
    let yaml = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let mapping = Mapping::parse(yaml).unwrap();
    assert_eq!(mapping.entities, ["permit", "declaration"]);
    assert!(mapping.meaning("Permit REJECTED by MISSING").is_some() && mapping.meaning("Start trip").is_some());
}
