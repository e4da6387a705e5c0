//! One request, worked on as the shell does it: load, decide, commit.

use approvals_domain::actor::{Actor, Caller, Channel, SystemPart};
use approvals_domain::candidate::Candidate;
use approvals_domain::command::{Command, Content, Resubmit, Results, Submit, Vote};
use approvals_domain::commit::{CommandTag, Commit, SCHEMA, Sealed};
use approvals_domain::context::{Context, No};
use approvals_domain::decide::decide;
use approvals_domain::event::{Decision, EffectEnd, Event};
use approvals_domain::evolve::apply;
use approvals_domain::facts::{Evidence, Facts};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{Entity, RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::TemplateRef;
use approvals_domain::refusal::Refusal;
use approvals_domain::standing::{self, Ballot, NoSeat};
use approvals_domain::state::{Request, State, Status, Step};
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;
use approvals_domain::timers::{self, Due, Timer};
use serde_json::{Value, json};

use crate::checks;
use crate::world::{Loads, MORNING, World, person, step};

/// What a command came to.
pub(crate) type Answer = Result<Vec<Event>, Refusal>;

/// A request and the world around it.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) world: World,
    /// Version 1: what the request runs by, unless it was submitted under a later one.
    pub(crate) template: Template,
    /// Versions published later, from 2 on. The last one is current: new requests take it, others keep theirs.
    pub(crate) later: Vec<Template>,
    pub(crate) tenant: TenantId,
    pub(crate) id: RequestId,
    pub(crate) state: State,
    pub(crate) commits: Vec<Sealed>,
    pub(crate) now: Timestamp,
    pub(crate) results: Results,
    pub(crate) channel: Channel,
    /// The most rounds a command took.
    pub(crate) rounds: usize,
    /// Folds from every page boundary are checked after each commit; long histories check only the last.
    pub(crate) thorough: bool,
    /// Persons are read from this older directory: reads of one decision need not show one moment.
    pub(crate) stale: Option<World>,
}

/// A template `t` of these steps.
pub(crate) fn template(steps: Value) -> Template {
    template_with(steps, json!({}))
}

/// With further fields beside `steps`.
pub(crate) fn template_with(steps: Value, more: Value) -> Template {
    let mut whole = json!({ "key": "t", "title": "T", "steps": steps });
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

/// A desk before anything was submitted.
pub(crate) fn desk(world: World, template: Template) -> Desk {
    Desk {
        world,
        template,
        later: Vec::new(),
        tenant: TenantId::new("default").unwrap(),
        id: RequestId::new("0123456789abcdefghjkmnpqrs").unwrap(),
        state: None,
        commits: Vec::new(),
        now: MORNING,
        results: Results::default(),
        channel: Channel::Api,
        rounds: 0,
        thorough: true,
        stale: None,
    }
}

/// A desk with a request submitted by `rita`.
pub(crate) fn submitted(world: World, template: Template) -> Desk {
    let mut desk = desk(world, template);
    desk.submit("rita").unwrap();
    desk
}

/// A person who calls.
pub(crate) fn caller(id: &str) -> Actor {
    let id = person(id);
    Actor::Person(Caller { id, method: "jwt".into(), client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false })
}

pub(crate) fn system() -> Actor {
    Actor::System { part: SystemPart::Directory }
}

/// The service's own clock.
pub(crate) fn clock() -> Actor {
    Actor::System { part: SystemPart::Escalation }
}

/// A hash that stands for some text.
pub(crate) fn text(said: &str) -> Hash {
    Hash::of(&[said.as_bytes()])
}

/// The code of a refusal.
pub(crate) fn code(answer: &Answer) -> &'static str {
    answer.as_ref().expect_err("a refusal").code()
}

/// The payload of a revision, from 1.
pub(crate) fn payload(revision: u32) -> Hash {
    text(&format!("payload {revision}"))
}

impl Desk {
    /// The whole loop. Decides twice, over all facts and over those asked for, and holds both answers equal.
    pub(crate) fn give(&mut self, actor: &Actor, command: &Command) -> Answer {
        let (answer, used) = self.decide(actor, command, Loads::Asked);
        if self.thorough {
            let (same, _) = self.decide(actor, command, Loads::Everything);
            assert_eq!(answer, same, "more facts than were asked for change the answer to {command:?}");
        }
        let events = answer?;
        if !events.is_empty() {
            self.commit(actor, command, events.clone(), used);
        }
        Ok(events)
    }

    fn decide(&mut self, actor: &Actor, command: &Command, loads: Loads) -> (Answer, Facts) {
        let mut facts = Facts::default();
        for round in 0..=limits::FACT_ROUNDS {
            let cx = self.context(actor, &facts);
            match decide(&self.state, command, &cx) {
                Ok(events) => return (Ok(events), cx.evidence.used()),
                Err(No::Refused(refusal)) => return (Err(refusal), Facts::default()),
                Err(No::Needs(query)) => {
                    assert!(round < limits::FACT_ROUNDS, "{command:?} needs more than {round} rounds: {query:?}");
                    assert!(!query.is_empty());
                    self.rounds = self.rounds.max(round + 1);
                    let mut more = self.world.load(&query, loads);
                    if let Some(stale) = &self.stale {
                        more.persons = stale.load(&query, loads).persons;
                    }
                    facts.extend(more);
                }
            }
        }
        unreachable!()
    }

    pub(crate) fn context<'a>(&'a self, actor: &'a Actor, facts: &'a Facts) -> Context<'a> {
        Context {
            tenant: &self.tenant,
            request: &self.id,
            actor,
            channel: self.channel,
            now: self.now,
            template: self.pinned(),
            evidence: Evidence::new(facts),
        }
    }

    fn commit(&mut self, actor: &Actor, command: &Command, events: Vec<Event>, facts: Facts) {
        let (before, id) = (self.state.clone(), format!("command-{:014}", self.commits.len()));
        let sealed = Commit {
            schema: SCHEMA,
            tenant: self.tenant.clone(),
            request: self.id.clone(),
            version: before.as_ref().map_or(0, |request| request.version) + 1,
            prev_hash: before.as_ref().map_or(Hash::ZERO, |request| request.hash),
            at: self.now,
            command: CommandTag { id, kind: command.kind(), channel: self.channel, quiet: false },
            actor: actor.clone(),
            facts,
            events,
        }
        .seal();
        self.state = apply(self.state.take(), &sealed);
        self.commits.push(sealed);
        checks::after_commit(self, &before);
        self.now = self.now.plus_millis(1);
    }

    /// The current version's number.
    pub(crate) fn current(&self) -> u32 {
        u32::try_from(self.later.len()).unwrap() + 1
    }

    /// The content of a version.
    pub(crate) fn version(&self, number: u32) -> &Template {
        let later = (number as usize).checked_sub(2);
        later.map_or(&self.template, |place| &self.later[place])
    }

    /// What the shell gives a decision: the version that the state names; before there is a state, the current one.
    pub(crate) fn pinned(&self) -> &Template {
        self.version(self.state.as_ref().map_or_else(|| self.current(), |request| request.template.version))
    }

    pub(crate) fn content(&self) -> Content {
        let revision = self.state.as_ref().map_or(1, |request| request.revision + 1);
        Content { payload_hash: payload(revision), results: self.results.clone() }
    }

    pub(crate) fn submission(&self) -> Submit {
        Submit {
            template: TemplateRef { key: self.template.key.clone(), version: self.current() },
            entity: Entity { kind: "purchase_order".parse().unwrap(), id: "po-1".parse().unwrap() },
            requester: None,
            previous: None,
            content: self.content(),
        }
    }

    pub(crate) fn submit(&mut self, by: &str) -> Answer {
        let command = Command::Submit(self.submission());
        self.give(&caller(by), &command)
    }

    /// `by` submits for `requester`, with a client that may.
    pub(crate) fn submit_for(&mut self, by: &str, requester: &str) -> Answer {
        let Actor::Person(mut client) = caller(by) else { unreachable!() };
        client.submit_for = true;
        let command = Command::Submit(Submit { requester: Some(person(requester)), ..self.submission() });
        self.give(&Actor::Person(client), &command)
    }

    pub(crate) fn resubmit(&mut self, by: &str) -> Answer {
        let command = Command::Resubmit(Resubmit { comment: None, content: self.content() });
        self.give(&caller(by), &command)
    }

    /// A vote on what stands there now.
    pub(crate) fn ballot(&self, on: &str, decision: Decision) -> Vote {
        let payload_hash = self.state.as_ref().map(|request| request.payload_hash);
        Vote { step: step(on), decision, payload_hash, revision: None, round: None, on_behalf_of: None, comment: None }
    }

    pub(crate) fn vote(&mut self, by: &str, on: &str, decision: Decision) -> Answer {
        let command = Command::Vote(self.ballot(on, decision));
        self.give(&caller(by), &command)
    }

    pub(crate) fn approve(&mut self, by: &str, on: &str) -> Answer {
        self.vote(by, on, Decision::Approve)
    }

    pub(crate) fn reject(&mut self, by: &str, on: &str) -> Answer {
        self.vote(by, on, Decision::Reject)
    }

    pub(crate) fn send_back(&mut self, by: &str, on: &str) -> Answer {
        self.vote(by, on, Decision::Return)
    }

    pub(crate) fn approve_for(&mut self, by: &str, person_voted_for: &str, on: &str) -> Answer {
        let vote = Vote { on_behalf_of: Some(person(person_voted_for)), ..self.ballot(on, Decision::Approve) };
        self.give(&caller(by), &Command::Vote(vote))
    }

    pub(crate) fn cancel(&mut self, by: &str) -> Answer {
        self.give(&caller(by), &Command::Cancel { reason: None })
    }

    pub(crate) fn reassign(&mut self, by: &str, on: &str, from: Option<&str>, to: &str) -> Answer {
        let command = Command::Reassign { step: step(on), from: from.map(person), to: person(to), reason: text("busy") };
        self.give(&caller(by), &command)
    }

    pub(crate) fn comment(&mut self, by: &str) -> Answer {
        self.give(&caller(by), &Command::Comment { comment: text("hello") })
    }

    pub(crate) fn reroute(&mut self) -> Answer {
        self.give(&system(), &Command::Reroute)
    }

    pub(crate) fn fire(&mut self, on: &str, timer: Timer) -> Answer {
        self.give(&clock(), &timer.command(step(on)))
    }

    /// A tick: fires what must fire now, until nothing must. What it fired.
    pub(crate) fn tick(&mut self) -> Vec<Due> {
        let mut fired = Vec::new();
        while let Some(due) = timers::first_due(self.request(), self.pinned(), self.now) {
            self.give(&clock(), &due.command()).unwrap();
            fired.push(due);
        }
        fired
    }

    pub(crate) fn transfer(&mut self, by: &str, to: &str) -> Answer {
        self.give(&caller(by), &Command::Transfer { to: person(to), reason: text("moved") })
    }

    /// `by` starts the effect of what stands there now.
    pub(crate) fn start(&mut self, by: &str) -> Answer {
        let payload_hash = self.state.as_ref().map_or(Hash::ZERO, |request| request.payload_hash);
        self.give(&caller(by), &Command::StartEffect { payload_hash })
    }

    pub(crate) fn finish(&mut self, by: &str, end: EffectEnd) -> Answer {
        self.give(&caller(by), &Command::FinishEffect { end, reference: Some(text("payment 17")) })
    }

    pub(crate) fn recall(&mut self, by: &str) -> Answer {
        self.give(&caller(by), &Command::Recall { reason: text("not yet"), on_behalf_of: None })
    }

    pub(crate) fn withdraw(&mut self, by: &str, on: &str) -> Answer {
        self.give(&caller(by), &Command::WithdrawVote { step: step(on), on_behalf_of: None })
    }

    /// Approves in a round.
    pub(crate) fn approve_in(&mut self, by: &str, on: &str, round: u32) -> Answer {
        let vote = Vote { round: Some(round), ..self.ballot(on, Decision::Approve) };
        self.give(&caller(by), &Command::Vote(vote))
    }

    /// The effect's state, and how often it was started.
    pub(crate) fn effect(&self) -> (&'static str, u32) {
        let request = self.request();
        (request.effect_state().as_str(), request.effect.as_ref().map_or(0, |effect| effect.attempts))
    }

    /// The last revision that a person may see.
    pub(crate) fn sight(&self, who: &str) -> Option<u32> {
        self.ask(|cx| approvals_domain::sight::may_see(self.request(), &person(who), cx))
    }

    /// The seat that a vote of this person would take, as `on SEAT`; else why there is none.
    pub(crate) fn seat(&self, who: &str, on: &str) -> String {
        let (step, rules) = (self.at(on), self.pinned().step(&step(on)).unwrap());
        let opening = step.opening.as_ref().unwrap();
        let ballot = Ballot::of(self.request(), rules, step, opening);
        match self.ask(|cx| standing::seat_for(ballot, &person(who), None, cx)) {
            Ok(seat) => format!("on {}", seat.key()),
            Err(NoSeat::NotEligible(why)) => why.code().to_owned(),
            Err(NoSeat::Taken { seat, by }) => format!("{} was taken by {by}", seat.key()),
        }
    }

    /// An answer out of everything there is to know.
    fn ask<T>(&self, question: impl Fn(&Context<'_>) -> Result<T, No>) -> T {
        let (mut facts, actor) = (Facts::default(), system());
        loop {
            match question(&self.context(&actor, &facts)) {
                Ok(answer) => return answer,
                Err(No::Needs(query)) => facts.extend(self.world.load(&query, Loads::Everything)),
                Err(No::Refused(refusal)) => panic!("{refusal}"),
            }
        }
    }

    pub(crate) fn request(&self) -> &Request {
        self.state.as_ref().unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.request().status()
    }

    pub(crate) fn at(&self, id: &str) -> &Step {
        self.request().step(&step(id)).unwrap()
    }

    /// All steps as `a:approved b:open`.
    pub(crate) fn steps(&self) -> String {
        self.request().steps.iter().map(|step| format!("{}:{}", step.id, step.phase.as_str())).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn need(&self, id: &str) -> u32 {
        self.at(id).opening.as_ref().unwrap().need
    }

    /// The candidates of a step as text.
    pub(crate) fn candidates(&self, id: &str) -> String {
        let opening = self.at(id).opening.as_ref().unwrap();
        opening.candidates.iter().map(|placed| String::from(placed.clone())).collect::<Vec<_>>().join(" ")
    }

    /// What the approver expression of that name gives from now on.
    pub(crate) fn expression(&mut self, name: &str, candidates: &[&str]) {
        let named: Vec<Candidate> = candidates.iter().map(|text| text.parse().unwrap()).collect();
        self.results.named.insert(name.to_owned(), named);
    }

    /// What the condition of a step gives from now on.
    pub(crate) fn condition(&mut self, id: &str, holds: bool) {
        self.results.conditions.insert(step(id), holds);
    }
}
