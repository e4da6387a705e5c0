//! Who may act on a request now, and why or why not.

use approvals_domain::actor::{Actor, Caller, SystemPart};
use approvals_domain::candidate::Candidate;
use approvals_domain::context::{Context, No};
use approvals_domain::decide::{self, Prospect};
use approvals_domain::facts::{FactsQuery, Wanted};
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::limits;
use approvals_domain::refusal::WhyNot;
use approvals_domain::seat::Seat;
use approvals_domain::standing::{self, Ballot, Search};
use approvals_domain::state::{Opening, Phase, Request, Step, StepPhase};

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
                stands.push(stand(Ballot::of(request, rules, step, opening), step, person, Search::All, cx)?);
            }
            Ok(stands)
        })
        .await
    }

    /// What those who are asked may do by their own right, on each step that is open or blocked: named people and members of roles, at
    /// most [`ASKED`] a step. After them, as many delegates of theirs who could vote now.
    pub async fn asked(&self, request: &Request, known: &mut Known) -> Result<Vec<(PersonId, Stand)>, Error> {
        let template = self.pinned(&request.tenant, &request.template).await?;
        let nobody = Actor::System { part: SystemPart::Directory };
        self.ask(request, &template, &nobody, known, |cx| {
            let roles = request.live_steps().flat_map(|(_, opening)| &opening.candidates).flat_map(|placed| placed.candidate.members());
            let roles = roles.filter_map(Candidate::role).map(|role| Wanted::Role(role.clone(), ASKED));
            cx.evidence.require(roles)?;
            let (mut asked, mut missing) = (Vec::new(), FactsQuery::new());
            for (step, opening) in request.live_steps() {
                let Some(rules) = template.step(&step.id) else { continue };
                let ballot = Ballot::of(request, rules, step, opening);
                let people = people(opening, cx);
                let delegates = delegates(&people, cx).unwrap_or_else(|more| {
                    missing.extend(more);
                    Vec::new()
                });
                let own = people.iter().map(|person| (*person, Search::For(person)));
                for (person, search) in own.chain(delegates.into_iter().map(|person| (person, Search::Nearest))) {
                    match stand(ballot, step, person, search, cx) {
                        Ok(stand) if search != Search::Nearest || stand.takes.is_some() => asked.push((person.clone(), stand)),
                        Ok(_) => {}
                        Err(No::Needs(more)) => missing.extend(more),
                        Err(refused) => return Err(refused),
                    }
                }
            }
            if missing.is_empty() { Ok(asked) } else { Err(missing.into()) }
        })
        .await
    }

    /// The steps that are still to open, in order, as far as is known now.
    pub async fn ahead(&self, request: &Request, known: &mut Known) -> Result<Vec<Prospect>, Error> {
        if request.phase != Phase::Running {
            return Ok(Vec::new());
        }
        let template = self.pinned(&request.tenant, &request.template).await?;
        let nobody = Actor::System { part: SystemPart::Directory };
        self.ask(request, &template, &nobody, known, |cx| decide::ahead(request, cx)).await
    }
}

/// People of one step that are explained one by one.
const ASKED: usize = 25;

/// Named people and members of roles, each once, the first so many.
fn people<'a>(opening: &'a Opening, cx: &Context<'a>) -> Vec<&'a PersonId> {
    let mut found: Vec<&PersonId> = Vec::new();
    for member in opening.candidates.iter().flat_map(|placed| placed.candidate.members()) {
        let more: Vec<&PersonId> = match member {
            Candidate::User(id) => vec![id],
            Candidate::Role(role) => cx.evidence.listed(role).0.take(ASKED).collect(),
            Candidate::AnyOf(_) => Vec::new(),
        };
        for id in more {
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found.truncate(ASKED);
    found
}

/// Those to whom these people gave delegations, and those to whom they did, the first so many. Whether they may vote is another question.
fn delegates<'a>(people: &[&'a PersonId], cx: &Context<'a>) -> Result<Vec<&'a PersonId>, FactsQuery> {
    cx.evidence.require(people.iter().map(|id| Wanted::Delegates((*id).clone())))?;
    let mut found: Vec<&PersonId> = Vec::new();
    let mut frontier = people.to_vec();
    for _ in 0..limits::DELEGATION_HOPS {
        // Of those who were not followed, because there are so many, no more is said.
        let next = frontier.iter().filter_map(|id| cx.evidence.delegates(id).ok()).flatten();
        let mut new: Vec<&PersonId> = next.filter(|id| !people.contains(id) && !found.contains(id)).collect();
        new.sort();
        new.dedup();
        found.extend(&new);
        frontier = new;
    }
    found.truncate(ASKED);
    Ok(found)
}

fn stand(ballot: Ballot<'_>, step: &Step, person: &PersonId, search: Search<'_>, cx: &Context<'_>) -> Result<Stand, No> {
    let seats = standing::seats(ballot, person, search, cx)?;
    let voted = step.votes.iter().any(|vote| vote.by.id == *person);
    let takes = match &seats {
        Ok(seats) if step.phase == StepPhase::Open && !voted => standing::choose(ballot, person, seats, cx)?.ok(),
        _ => None,
    };
    Ok(Stand { step: step.id.clone(), phase: step.phase, seats, voted, takes })
}

/// A person who only looks.
fn reader(person: &PersonId) -> Actor {
    let (id, method) = (person.clone(), "none".to_owned());
    Actor::Person(Caller { id, method, client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false })
}
