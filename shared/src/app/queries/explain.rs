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
}

impl Stand {
    /// The first seat that is free, if the person can vote now.
    pub fn free<'s>(&'s self, request: &Request) -> Option<&'s Seat> {
        let step = request.step(&self.step)?;
        let open = self.phase == StepPhase::Open && !self.voted;
        self.seats.as_ref().ok()?.iter().find(|seat| open && standing::filled_by(&step.votes, seat).is_none())
    }
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
                let ballot = Ballot { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes };
                let seats = standing::seats(ballot, person, Search::All, cx)?;
                let voted = step.votes.iter().any(|vote| vote.by.id == *person);
                stands.push(Stand { step: step.id.clone(), phase: step.phase, seats, voted });
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
