//! Who may act on a request now, and why or why not.

use approvals_domain::actor::{Actor, Caller};
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::refusal::WhyNot;
use approvals_domain::standing::{self, Ballot, Search, Seat};
use approvals_domain::state::{Request, StepPhase};

use crate::app::{App, Error, Known};

/// What a person may do on a step now.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// The step.
    pub step: StepId,
    /// Where it stands.
    pub phase: StepPhase,
    /// The seats the person may fill, or why none.
    pub seats: Result<Vec<Seat>, WhyNot>,
    /// The person has voted here already.
    pub voted: bool,
    /// The seat that a vote of the person would take now, if one is free.
    pub takes: Option<Seat>,
}

impl App {
    /// What a person may do on each step that is open or blocked, and why or why not.
    pub async fn stands(&self, request: &Request, person: &PersonId, known: &mut Known) -> Result<Vec<Stand>, Error> {
        let template = self.pinned(&request.tenant, &request.template).await?;
        let actor = reader(person);
        self.ask(request, &template, &actor, known, |cx| {
            let mut stands = Vec::new();
            for (step, opening) in request.live_steps() {
                let Some(rules) = template.step(&step.id) else { continue };
                let ballot = Ballot::of(request, rules, step, opening);
                let seats = standing::seats(ballot, person, Search::All, cx)?;
                let voted = step.votes.iter().any(|vote| vote.by.id == *person);
                let takes = match &seats {
                    Ok(seats) if step.phase == StepPhase::Open && !voted => standing::choose(ballot, person, seats, cx)?.ok(),
                    _ => None,
                };
                stands.push(Stand { step: step.id.clone(), phase: step.phase, seats, voted, takes });
            }
            Ok(stands)
        })
        .await
    }
}

/// A person who only looks.
fn reader(person: &PersonId) -> Actor {
    let (id, method) = (person.clone(), "none".to_owned());
    Actor::Person(Caller { id, method, client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false })
}
