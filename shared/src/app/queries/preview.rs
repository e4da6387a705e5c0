//! What a submission would do. Writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::command::Command;
use approvals_domain::decide;
use approvals_domain::ids::{RequestId, StepId};
use approvals_domain::refusal::Refusal;
use approvals_domain::state::{Request, StepPhase};
use approvals_domain::template;
use approvals_domain::time::Timestamp;

use crate::app::commands::submit::Prepared;
use crate::app::{App, Error, Known, Question};
use crate::identity::Identity;
use crate::store::Freshness;
use crate::store::directory::templates::Pinned;

/// What a submission would do.
#[derive(Debug)]
pub struct Preview {
    /// The version it would pin.
    pub template: Arc<Pinned>,
    /// The request with its plan, before any step opens.
    pub planned: Request,
    /// Who could vote on each planned step.
    pub prospects: Vec<decide::Prospect>,
    /// Why it would be refused.
    pub refusal: Option<Refusal>,
    /// When the steps that open at once would be late.
    pub due: BTreeMap<StepId, Timestamp>,
}

impl App {
    /// What a submission would do: the request it would make, its prospects, and who could vote. Writes nothing.
    pub async fn preview(&self, identity: &Identity, prepared: Prepared, id: &RequestId) -> Result<Preview, Error> {
        let Prepared { template, submit, facts, .. } = prepared;
        let mut known = Known { facts, freshness: Freshness::Strong };
        let actor = Actor::Person(Caller { submit_for: true, ..identity.caller.clone() });
        let now = self.clock.now();
        let question = Question { tenant: &identity.tenant, request: id, actor: &actor, channel: Channel::Api, now, template: &template };
        let command = Command::Submit(submit);
        let planned = question.settle(&self.directory, &mut known, |cx| decide::plan(&command, cx)).await??.0;
        let prospects = question.settle(&self.directory, &mut known, |cx| decide::prospects(&planned, cx)).await??.0;
        let refusal = question.settle(&self.directory, &mut known, |cx| decide::decide(&None, &command, cx)).await?.err();
        let is_planned = |rules: &template::Step| planned.step(&rules.id).is_some_and(|step| step.phase != StepPhase::Skipped);
        let first = template.steps.iter().find(|group| group.steps().iter().any(is_planned));
        let opening: Vec<&template::Step> = first.into_iter().flat_map(|group| group.steps()).filter(|rules| is_planned(rules)).collect();
        let due = question.settle(&self.directory, &mut known, |cx| decide::deadlines(&planned, &opening, cx)).await??.0;
        Ok(Preview { template, planned, prospects, refusal, due })
    }
}
