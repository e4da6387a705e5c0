//! Which people a rule means now, and whether what it says of them still holds.

use std::collections::BTreeSet;

use approvals::app;
use approvals::app::Known;
use approvals::app::queries::explain::Stand;
use approvals::notice::{Kind, Notice};
use approvals::outbox::hears::Who;
use approvals::store::Freshness;
use approvals_domain::candidate::Candidate;
use approvals_domain::effect::EffectState;
use approvals_domain::event::Event;
use approvals_domain::ids::{PersonId, RoleId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::seat::Seat;
use approvals_domain::state::{Phase, Request, StepPhase};

use crate::Desk;
use crate::mail::MAIL;
use crate::matter::Of;

/// Between a person and a step, in the names of deliveries of a commit that makes a letter for each step. No id of a person has it.
const PART: char = '#';

/// Names the delivery of a letter about one step of several.
pub(crate) fn part(person: &PersonId, step: &StepId) -> String {
    format!("{person}{PART}{step}")
}

/// Whether a notice is of a delivery with such a name.
pub(crate) fn is_part(notice: &Notice) -> bool {
    notice.retry.as_ref().is_some_and(|retry| retry.to.contains(PART))
}

/// The person that a delivery is to.
fn person_of(to: &str) -> Option<PersonId> {
    PersonId::new(to.split(PART).next().unwrap_or_default()).ok()
}

/// Finds the people of a notice.
pub(crate) struct Crowd<'a> {
    of: &'a Of<'a>,
    found: BTreeSet<PersonId>,
}

impl<'a> Crowd<'a> {
    pub(crate) fn new(of: &'a Of<'a>) -> Self {
        Self { of, found: BTreeSet::new() }
    }

    /// The people that a rule may mean, those who stand in for them included, and what it would mean to each. Whether they may vote is asked
    /// for each. A delivery that is tried again is for its one recipient.
    pub(crate) async fn meant(&mut self, kind: Kind, who: &Who) -> Result<Vec<(Kind, PersonId)>, app::Error> {
        let of = self.of;
        let alike = |people: Vec<PersonId>| people.into_iter().map(|id| (kind, id)).collect::<Vec<_>>();
        let people = match who {
            Who::MayVote(step, candidate) if waits(of, step) => {
                let people = self.with_delegates(candidate.members()).await?;
                // A seat passed to its new holder. Whoever stands in for them is asked.
                let to_holder = |id: &PersonId| kind != Kind::Reassigned || candidate.person() == Some(id);
                people.into_iter().map(|id| (if to_holder(&id) { kind } else { Kind::Asked }, id)).collect()
            }
            Who::CouldVote(_, person) if is_news(of) => alike(self.with_delegates(&[Candidate::User(person.clone())]).await?),
            Who::StandsIn(step, person) if waits(of, step) => alike(self.with_delegates(&[Candidate::User(person.clone())]).await?),
            Who::MayVote(..) | Who::CouldVote(..) | Who::StandsIn(..) => Vec::new(),
            Who::Person(person) => alike(Some(person.clone()).into_iter().filter(|_| self.holds(kind)).collect()),
            Who::Requester if self.holds(kind) => self.requester(kind).await?,
            Who::Administrators if self.holds(kind) => alike(self.members(&RoleId::approval_admin()).await?),
            Who::Requester | Who::Administrators => Vec::new(),
        };
        let concerned = |id: &PersonId| match &of.notice.retry {
            Some(retry) => retry.channel == MAIL && person_of(&retry.to).as_ref() == Some(id),
            None => true,
        };
        let room = limits::TOLD.saturating_sub(self.found.len());
        let people: Vec<(Kind, PersonId)> = people.into_iter().filter(|(_, id)| concerned(id)).collect();
        let new: Vec<PersonId> = people.iter().map(|(_, id)| id).filter(|id| !self.found.contains(*id)).take(room).cloned().collect();
        self.found.extend(new);
        Ok(people.into_iter().filter(|(_, id)| self.found.contains(id)).collect())
    }

    /// Whether what a kind says is so still.
    fn holds(&self, kind: Kind) -> bool {
        let (of, state) = (self.of, &self.of.record.state);
        match kind {
            Kind::Blocked => state.blocked(),
            Kind::EffectLate => state.effect_state() == EffectState::Started,
            // A later return has a notice of its own.
            Kind::Returned | Kind::ReturnReminded => matches!(state.phase, Phase::Returned { .. }) && last_return(of) <= of.notice.version,
            Kind::Recalled | Kind::SentBack | Kind::Settled => is_news(of),
            _ => true,
        }
    }

    /// Who asks. What is returned to somebody who has left is for administrators to bring to an end.
    async fn requester(&self, kind: Kind) -> Result<Vec<(Kind, PersonId)>, app::Error> {
        let (directory, asks) = (&self.of.desk.app.directory, self.of.turn.after.asks());
        let mut people = vec![(kind, asks.clone())];
        if matches!(kind, Kind::Returned | Kind::ReturnReminded)
            && !directory.users(&self.of.notice.tenant, std::slice::from_ref(asks)).await?.values().any(|user| user.active)
        {
            let administrators = self.members(&RoleId::approval_admin()).await?;
            people.extend(administrators.into_iter().map(|id| (Kind::RequesterLeft, id)));
        }
        Ok(people)
    }

    async fn members(&self, role: &RoleId) -> Result<Vec<PersonId>, app::Error> {
        let directory = &self.of.desk.app.directory;
        let members = directory.members(&self.of.notice.tenant, role, limits::TOLD, Freshness::Eventual).await?;
        Ok(members.present().take(limits::TOLD).cloned().collect())
    }

    /// People, members of roles, and whoever stands in for them now.
    async fn with_delegates(&self, members: &[Candidate]) -> Result<Vec<PersonId>, app::Error> {
        if let Some(retry) = &self.of.notice.retry {
            return Ok(person_of(&retry.to).into_iter().collect());
        }
        let mut found = BTreeSet::new();
        for member in members {
            match member {
                Candidate::User(id) => drop(found.insert(id.clone())),
                Candidate::Role(role) => found.extend(self.members(role).await?),
                Candidate::AnyOf(_) => {}
            }
        }
        Ok(with_stand_ins(self.of.desk, &self.of.notice.tenant, found).await?.into_iter().collect())
    }
}

/// People, and whoever stands in for them now, through as many hops as count.
pub(crate) async fn with_stand_ins(desk: &Desk, tenant: &TenantId, people: BTreeSet<PersonId>) -> Result<BTreeSet<PersonId>, app::Error> {
    let (directory, now) = (&desk.app.directory, desk.now());
    let mut frontier: Vec<PersonId> = people.iter().cloned().collect();
    let mut found = people;
    for _ in 0..limits::DELEGATION_HOPS {
        let mut next = Vec::new();
        for id in &frontier {
            // All of them: whoever gives many short ones has old ones in force beside them.
            let given = directory.given_all(tenant, id).await?;
            let in_force = given.into_iter().filter(|given| given.delegation.starts_at <= now && now < given.delegation.ends_at);
            next.extend(in_force.map(|given| given.to).filter(|to| found.insert(to.clone())));
        }
        if next.is_empty() || found.len() > limits::TOLD {
            break;
        }
        frontier = next;
    }
    Ok(found)
}

/// A step that the commit asks about is open still, and was not opened anew since: that commit has a notice of its own.
fn waits(of: &Of<'_>, step: &StepId) -> bool {
    let state = &of.record.state;
    let opening = state.step(step).filter(|step| step.phase == StepPhase::Open).and_then(|step| step.opening.as_ref());
    state.revision == of.turn.after.revision && opening.is_some_and(|opening| opening.opened_at <= of.notice.at)
}

/// No later revision has begun: what that one asks is told by itself.
fn is_news(of: &Of<'_>) -> bool {
    of.record.state.revision == of.turn.after.revision
}

/// Version of the commit that sent a returned request back, as far as it can be seen.
fn last_return(of: &Of<'_>) -> u64 {
    let returns = |event: &Event| matches!(event, Event::Returned { .. } | Event::Transferred { .. });
    let commits = of.record.commits.iter().map(|sealed| &sealed.commit);
    commits.filter(|commit| commit.events.iter().any(returns)).map(|commit| commit.version).max().unwrap_or(0)
}

/// What a commit means to somebody.
#[derive(Debug)]
pub(crate) struct Holds {
    pub(crate) kind: Kind,
    /// What they may answer, each step with the seat they would fill; empty: they are only informed.
    pub(crate) asks: Vec<(StepId, Seat)>,
    /// They may see the request. Who stood in for somebody and was asked may not, once it is over: they hear that it is, and no more.
    pub(crate) sees: bool,
}

/// The first of a person's claims that holds, and the steps they may answer if it asks.
pub(crate) async fn first_that_holds(
    of: &Of<'_>,
    person: &PersonId,
    claims: &[(Kind, &Who)],
    known: &mut Known,
) -> Result<Option<Holds>, app::Error> {
    let (app, state) = (&of.desk.app, &of.record.state);
    let (mut now, mut then): (Option<Vec<Stand>>, Option<Vec<Stand>>) = (None, None);
    let (mut first, mut asks): (Option<Kind>, Vec<(StepId, Seat)>) = (None, Vec::new());
    // Nobody hears of their own act, but that it asks something new of them. Who takes a seat over, or their own vote back, knows of it.
    let takes_back = of.has(|event| matches!(event, Event::VoteWithdrawn { .. }));
    let knows = |kind: Kind| !kind.is_to_do() || kind == Kind::Reassigned || takes_back;
    let own = |kind: Kind| of.by() == Some(person) && knows(kind);
    let informed = |kind: Kind, sees: bool| Some(Holds { kind, asks: Vec::new(), sees });
    for (kind, who) in claims.iter().filter(|(kind, _)| !own(*kind)) {
        match who {
            Who::MayVote(step, candidate) => {
                let stands = standing(&mut now, of, state, person, known).await?;
                let seat = free(stands, step).filter(|seat| comes_from(seat, candidate));
                let Some(seat) = seat.filter(|_| !asks.iter().any(|(asked, _)| asked == step)).cloned() else { continue };
                // Who could answer already is not asked anew by a level that names them.
                let again = match (&of.turn.before, kind) {
                    (Some(before), Kind::Escalated) => free(standing(&mut then, of, before, person, known).await?, step).is_some(),
                    _ => false,
                };
                first = first.or(Some(if again { Kind::Reminded } else { *kind }));
                asks.push((step.clone(), seat));
            }
            // Once something is asked, nothing else needs saying.
            _ if first.is_some() => break,
            Who::CouldVote(step, named) => {
                let Some(before) = &of.turn.before else { continue };
                let stands = standing(&mut then, of, before, person, known).await?;
                if stands.iter().find(|stand| stand.step == *step).is_some_and(|stand| could_vote(stand, named)) {
                    let sees = app.shows(person, "mail", of.record, known).await?;
                    if sees || person != named {
                        return Ok(informed(*kind, sees));
                    }
                }
            }
            Who::StandsIn(step, named) => {
                let stands = standing(&mut now, of, state, person, known).await?;
                if person != named && free(stands, step).is_some_and(|seat| seat.person == *named) {
                    return Ok(informed(*kind, true));
                }
            }
            Who::Requester | Who::Administrators => return Ok(informed(*kind, true)),
            Who::Person(_) => {
                // Whose request it is sees all of it.
                if state.acts_for(person) || app.shows(person, "mail", of.record, known).await? {
                    return Ok(informed(*kind, true));
                }
            }
        }
    }
    Ok(first.map(|kind| Holds { kind, asks, sees: true }))
}

/// What somebody may do on each step of a request as it is or was, asked once.
async fn standing<'s>(
    kept: &'s mut Option<Vec<Stand>>,
    of: &Of<'_>,
    request: &Request,
    person: &PersonId,
    known: &mut Known,
) -> Result<&'s [Stand], app::Error> {
    if kept.is_none() {
        *kept = Some(of.desk.app.stands(request, person, known).await?);
    }
    Ok(kept.as_deref().unwrap_or_default())
}

fn free<'a>(stands: &'a [Stand], step: &StepId) -> Option<&'a Seat> {
    stands.iter().find(|stand| stand.step == *step).and_then(|stand| stand.takes.as_ref())
}

/// Whether a person could have answered for somebody named; of a blocked step, once it had gone on.
fn could_vote(stand: &Stand, named: &PersonId) -> bool {
    let of_theirs = |seat: &Seat| seat.person == *named;
    match (&stand.takes, stand.phase, &stand.seats) {
        (Some(seat), ..) => of_theirs(seat),
        (None, StepPhase::Blocked, Ok(seats)) => !stand.voted && seats.iter().any(of_theirs),
        _ => false,
    }
}

/// Whether a seat is one that a candidate gives.
fn comes_from(seat: &Seat, candidate: &Candidate) -> bool {
    match candidate {
        Candidate::User(id) => seat.any_of.is_none() && seat.person == *id,
        Candidate::Role(role) => seat.any_of.is_none() && seat.role.as_ref() == Some(role),
        Candidate::AnyOf(_) => seat.any_of.as_ref() == Some(candidate),
    }
}
