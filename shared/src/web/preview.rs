//! What a submission would do, in an answer.

use approvals_domain::state::StepPhase;
use approvals_domain::template::Approver;
use serde::Serialize;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::app::queries::preview::Preview;
use crate::wire::view::CandidateView;

/// A preview.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Preview)]
pub struct PreviewView {
    template: Value,
    requester: String,
    /// Would be accepted.
    ok: bool,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    steps: Vec<PreviewStep>,
    /// What its approval would wait for; none: an approval is the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<PreviewEffect>,
}

/// The effect of an approval.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewEffect {
    /// Hours from the approval until the request would expire, if the effect is not started.
    within_hours: u32,
    /// Who may start and finish it, besides the submitter: as in the template.
    #[schema(value_type = Vec<Object>)]
    by: Vec<Approver>,
}

/// A step of a preview.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewStep {
    id: String,
    name: String,
    /// False: its condition does not hold.
    planned: bool,
    candidates: Vec<CandidateView>,
    /// How many approvals it would need.
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<u32>,
    /// Hours from opening until it is late.
    sla_hours: f64,
    /// When it would be late, by its calendar, for steps that open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// What is missing.
    gaps: Vec<String>,
}

impl PreviewView {
    /// Puts an answer together.
    pub fn new(preview: &Preview) -> Self {
        let planned = |id| preview.planned.step(id).is_some_and(|step| step.phase != StepPhase::Skipped);
        let steps = preview.template.all_steps().map(|rules| {
            let prospect = preview.prospects.iter().find(|prospect| prospect.step == rules.id);
            let candidates = prospect.into_iter().flat_map(|p| &p.candidates);
            let mut gaps = Vec::new();
            if let Some(prospect) = prospect {
                if prospect.later {
                    gaps.push("who approves depends on who approves an earlier step".to_owned());
                } else if !prospect.routable {
                    gaps.push(format!("too few could vote: {} approvals are needed, and no fallback stands in", prospect.need));
                } else if prospect.present < prospect.need {
                    let (present, need) = (prospect.present, prospect.need);
                    gaps.push(format!("{present} of {need} who are asked could vote; others stand in for the rest"));
                }
            }
            PreviewStep {
                id: rules.id.to_string(),
                name: rules.title().to_owned(),
                planned: planned(&rules.id),
                candidates: candidates.map(CandidateView::from).collect(),
                need: prospect.map(|prospect| prospect.need),
                sla_hours: rules.sla.hours,
                due_at: preview.due.get(&rules.id).map(ToString::to_string),
                gaps,
            }
        });
        Self {
            template: json!({ "key": preview.planned.template.key, "version": preview.planned.template.version }),
            requester: preview.planned.requester.to_string(),
            ok: preview.refusal.is_none(),
            problem: preview.refusal.clone().map(Problem::from),
            steps: steps.collect(),
            effect: preview.template.confirms().map(|effect| PreviewEffect { within_hours: effect.within.hours(), by: effect.by.clone() }),
        }
    }
}
