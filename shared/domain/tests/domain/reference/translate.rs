//! The seam: the model's acts as the core's commands, and the core's answers in the model's words. Nothing else here knows the core.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use approvals_domain::actor::Actor;
use approvals_domain::amount::Amount;
use approvals_domain::candidate::Candidate;
use approvals_domain::command::{Command, Resubmit, Results, Submit, Vote};
use approvals_domain::event::EffectEnd;
use approvals_domain::facts::FactsQuery;
use approvals_domain::ids::PersonId;
use approvals_domain::refusal::Refusal;
use approvals_domain::sight;
use approvals_domain::standing::{self, Ballot, Search};
use approvals_domain::template::Template;
use approvals_domain::timers;

use super::acts::{Change, Deed, Submission};
use super::clock::{Due, SLOW};
use super::effect::Move;
use super::people::{Directory, Money};
use super::seats::{Ticket, Who};
use super::{Answer, Content, Model};
use crate::desk::{self, Desk, caller, clock, desk as empty_desk, payload, system};
use crate::world::{Loads, MORNING, World};

/// A desk with the model's directory, before anything is submitted.
pub(crate) fn desk(directory: &Directory, template: &Template) -> Desk {
    let mut world = World::of(&directory.people.keys().map(PersonId::as_str).collect::<Vec<_>>().join(" "));
    for (id, record) in &directory.people {
        if let Some(manager) = &record.manager {
            world = world.manager(id.as_str(), manager.as_str());
        }
        if !record.active {
            world.leave(id.as_str());
        }
    }
    for (role, members) in &directory.roles {
        world.set_role(role.as_str(), &joined(members));
    }
    let mut desk = empty_desk(world.calendar(SLOW.0, SLOW.1), template.clone());
    (desk.thorough, desk.now) = (false, MORNING);
    directory.delegations.iter().for_each(|delegation| change(&mut desk, &Change::Delegate(delegation.clone())));
    desk
}

fn joined(people: &BTreeSet<PersonId>) -> String {
    people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(" ")
}

/// Submits, and says what came of it.
pub(crate) fn submit(desk: &mut Desk, new: &Submission) -> Answer {
    let Actor::Person(mut client) = caller(new.by.as_str()) else { unreachable!() };
    client.submit_for = new.submit_for;
    desk.results = results(desk.pinned(), &new.content);
    let requester = (new.by != new.requester).then(|| new.requester.clone());
    let command = Command::Submit(Submit { requester, ..desk.submission() });
    told(desk.give(&Actor::Person(client), &command))
}

/// Does an act, and says what came of it.
pub(crate) fn act(desk: &mut Desk, deed: &Deed) -> Answer {
    let (actor, command) = match deed {
        Deed::Vote(ballot) => {
            let payload_hash = ballot.shown.map(|right| if right { desk.request().payload_hash } else { payload(999) });
            let revision = ballot.revision.map(|right| if right { desk.request().revision } else { 999 });
            let comment = ballot.comment.then(|| desk::text("because"));
            let (step, decision, on_behalf_of) = (ballot.on.clone(), ballot.decision, ballot.behalf.clone());
            (caller(ballot.by.as_str()), Command::Vote(Vote { step, decision, payload_hash, revision, round: None, on_behalf_of, comment }))
        }
        Deed::Resubmit { by, content } => {
            desk.results = results(desk.pinned(), content);
            (caller(by.as_str()), Command::Resubmit(Resubmit { comment: None, content: desk.content() }))
        }
        Deed::Cancel { by } => (caller(by.as_str()), Command::Cancel { reason: None }),
        Deed::Comment { by } => (caller(by.as_str()), Command::Comment { comment: desk::text("hello") }),
        Deed::Reassign { by, on, from, to } => {
            (caller(by.as_str()), Command::Reassign { step: on.clone(), from: from.clone(), to: to.clone(), reason: desk::text("busy") })
        }
        Deed::Transfer { by, to } => (caller(by.as_str()), Command::Transfer { to: to.clone(), reason: desk::text("moved") }),
        Deed::Reroute => (system(), Command::Reroute),
        Deed::Returned(what) => (clock(), due(what).command()),
        Deed::Fire { on, timer } => (clock(), timer.command(on.clone())),
        Deed::Directory(what) => {
            change(desk, what);
            return Ok(false);
        }
        Deed::Wait { millis } => {
            desk.now = desk.now.plus_millis(*millis);
            return Ok(false);
        }
    };
    give(desk, &actor, &command)
}

/// What may be asked around the effect.
pub(crate) fn make(desk: &mut Desk, what: &Move) -> Answer {
    let (actor, command) = match what {
        Move::Start { by, shown } => {
            let payload_hash = if *shown { desk.request().payload_hash } else { payload(999) };
            (caller(by.as_str()), Command::StartEffect { payload_hash })
        }
        Move::Finish { by, done } => {
            let end = if *done { EffectEnd::Done } else { EffectEnd::Failed };
            (caller(by.as_str()), Command::FinishEffect { end, reference: None })
        }
        Move::Recall { by, behalf } => (caller(by.as_str()), Command::Recall { reason: desk::text("no"), on_behalf_of: behalf.clone() }),
        Move::WithdrawVote { by, on, behalf } => {
            (caller(by.as_str()), Command::WithdrawVote { step: on.clone(), on_behalf_of: behalf.clone() })
        }
        Move::Lapse => (clock(), Command::Expire),
    };
    give(desk, &actor, &command)
}

/// What the desk's own checks find after a commit counts as an answer too.
fn give(desk: &mut Desk, actor: &Actor, command: &Command) -> Answer {
    let answer = catch_unwind(AssertUnwindSafe(|| match (desk.give(actor, command), command) {
        // Who is told the round votes again and names it: the model knows of no rounds.
        (Err(Refusal::RoundRequired(round)), Command::Vote(vote)) => {
            told(desk.give(actor, &Command::Vote(Vote { round: Some(round), ..vote.clone() })))
        }
        (answer, _) => told(answer),
    }));
    answer.unwrap_or(Err("the desk's checks fail"))
}

/// The core's word for what must happen.
fn due(what: &Due) -> timers::Due {
    match what {
        Due::Step(on, timer) => timers::Due::Step(on.clone(), *timer),
        Due::Remind(n) => timers::Due::Returned(timers::Wait::Remind(*n)),
        Due::Expire => timers::Due::Returned(timers::Wait::Expire),
        Due::Lapse => timers::Due::EffectExpired,
        Due::Late => timers::Due::EffectLate,
    }
}

fn told(answer: desk::Answer) -> Answer {
    answer.map(|events| !events.is_empty()).map_err(|refusal| refusal.code())
}

fn change(desk: &mut Desk, what: &Change) {
    match what {
        Change::Leave(id) => desk.world.leave(id.as_str()),
        Change::Join(id) => desk.world.join(id.as_str()),
        Change::Members(role, members) => desk.world.set_role(role.as_str(), &joined(members)),
        Change::Manager(of, id) => desk.world = std::mem::take(&mut desk.world).manager(of.as_str(), id.as_str()),
        Change::Revoke(nth) => desk.world.revoke(*nth),
        Change::Delegate(delegation) => {
            let id = format!("d{:06}", desk.world.writes());
            let (from, to) = (delegation.from.as_str(), delegation.to.as_str());
            desk.world = std::mem::take(&mut desk.world).delegation_with(&id, from, to, |d| {
                (d.starts_at, d.ends_at) = (delegation.starts_at, delegation.ends_at);
                (d.steps, d.templates) = (delegation.steps.clone(), delegation.templates.clone());
                d.max = delegation.max.as_ref().map(amount);
            });
        }
    }
}

fn amount((value, currency): &Money) -> Amount {
    Amount { value: *value, currency: currency.clone() }
}

fn candidate(who: &Who) -> Candidate {
    who.to_string().parse().unwrap()
}

fn results(template: &Template, content: &Content) -> Results {
    let named = template
        .expressions()
        .into_iter()
        .filter_map(|expression| Some((expression.name, content.named.get(expression.text)?.iter().map(candidate).collect())));
    Results { conditions: content.conditions.clone(), named: named.collect(), amount: content.amount.as_ref().map(amount), calendar: None }
}

/// The members of an `any_of` in one order.
fn canon(who: &impl ToString) -> String {
    let text = who.to_string();
    let mut members: Vec<&str> = text.trim_start_matches("any_of:").split(',').collect();
    members.sort_unstable();
    members.join(",")
}

/// Where core and model differ: which kind of thing, and in full.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    pub(crate) kind: String,
    pub(crate) detail: String,
}

/// Equal, or the gap.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(kind: &str, detail: &str, core: T, model: T) -> Result<(), Gap> {
    if core == model {
        Ok(())
    } else {
        Err(Gap { kind: kind.to_owned(), detail: format!("{kind} {detail}\n  core: {core:?}\n model: {model:?}") })
    }
}

/// Holds the whole request against the model, and everybody's rights on every live step.
pub(crate) fn compare(desk: &Desk, model: &Model) -> Result<(), Gap> {
    let request = desk.request();
    same("revision", "", request.revision, model.revision)?;
    for (step, wanted) in request.steps.iter().zip(&model.steps) {
        let on = &format!("of {}", step.id);
        same("state", on, step.phase.as_str(), wanted.phase.as_str())?;
        same("need", on, step.opening.as_ref().map_or(0, |opening| opening.need), wanted.need)?;
        let votes = |of: Vec<(&PersonId, &PersonId, Option<String>)>| of.into_iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
        let cast = step.votes.iter().map(|v| (&v.by.id, v.person(), v.voted.any_of.as_ref().map(canon))).collect();
        let kept = wanted.votes.iter().map(|v| (&v.by, &v.person, v.any_of.as_ref().map(canon))).collect();
        same("votes", on, votes(cast), votes(kept))?;
        let rules = desk.pinned().step(&step.id).unwrap();
        same("next timer", on, timers::next(rules, step), model.next_timer(wanted))?;
    }
    same("status", "", request.status().as_str(), model.status())?;
    let attempts = request.effect.as_ref().map_or(0, |effect| effect.attempts);
    same("effect", "", (request.effect_state().as_str(), attempts), (model.effect_state(), model.attempts))?;
    same("due", "", timers::first_due(request, desk.pinned(), desk.now), model.first_due().as_ref().map(due))?;
    same("soonest", "", timers::soonest(request, desk.pinned()), model.soonest())?;
    rights(desk, model)
}

/// Who may vote where, on whose right and seat: for everybody, as the core says and as the model does.
fn rights(desk: &Desk, model: &Model) -> Result<(), Gap> {
    let mut facts = desk.world.load(&FactsQuery::new(), Loads::Everything);
    let stranger: PersonId = "stranger".parse().unwrap();
    facts.persons.insert(stranger.clone(), None);
    let actor = system();
    let cx = desk.context(&actor, &facts);
    for who in model.directory.people.keys().chain([&stranger]) {
        same("sight", &format!("of {who}"), sight::may_see(desk.request(), who, &cx).unwrap(), model.sight(who))?;
    }
    for (on, opening) in desk.request().live_steps() {
        let rules = desk.pinned().step(&on.id).unwrap();
        let ballot = Ballot::of(desk.request(), rules, on, opening);
        let step = &model.steps[model.at(&on.id).unwrap()];
        for who in model.directory.people.keys().chain([&stranger]) {
            let seats = standing::seats(ballot, who, Search::All, &cx).unwrap().unwrap_or_default();
            let tickets = seats.into_iter().map(|seat| Ticket {
                human: who.clone(),
                person: seat.person,
                any_of: seat.any_of.map(|any_of| Who::read(&any_of.to_string())),
                reserve: false,
            });
            // The members of an `any_of` may stand in another order on either side.
            let seat = |any_of: &Option<Who>| any_of.as_ref().map(canon);
            let filled =
                |ticket: &Ticket| step.votes.iter().any(|vote| vote.any_of.is_some() && seat(&vote.any_of) == seat(&ticket.any_of));
            let free = |of: &mut dyn Iterator<Item = Ticket>| -> BTreeSet<_> {
                of.filter(|ticket| ticket.is_free(&step.votes) && !filled(ticket))
                    .map(|ticket| (ticket.person, ticket.any_of.as_ref().map(canon)))
                    .collect()
            };
            let (seen, wanted) = (free(&mut tickets.into_iter()), free(&mut model.tickets(step, who).into_iter()));
            same("rights", &format!("of {who} on {}", on.id), seen, wanted)?;
        }
    }
    Ok(())
}
