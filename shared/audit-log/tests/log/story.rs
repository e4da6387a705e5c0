//! Leaves of a small company: its directory, its templates, and requests that go their way through the pure core.

use std::collections::{BTreeMap, HashMap};

use approvals_domain::actor::{Actor, Caller, Channel, SystemPart};
use approvals_domain::command::{Command, Content, Results, Submit, Vote};
use approvals_domain::commit::{CommandTag, Commit, SCHEMA, Sealed};
use approvals_domain::context::{Context, No};
use approvals_domain::decide::decide;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::event::{Decision, EffectEnd};
use approvals_domain::evolve::apply;
use approvals_domain::facts::{Delegation, Evidence, Facts, Manager, Members, Person, Wanted, WorkingTime};
use approvals_domain::hash::{Hash, canonical};
use approvals_domain::ids::{DelegationId, Entity, PersonId, RequestId, RoleId, StepId, TenantId};
use approvals_domain::payload::TemplateRef;
use approvals_domain::state::State;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;
use audit_log::leaf;
use serde_json::{Value, json};

pub(crate) const MORNING: Timestamp = Timestamp::from_millis(1_772_704_800_000);
pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

pub(crate) fn person(id: &str) -> PersonId {
    PersonId::new(id).unwrap()
}

pub(crate) fn role(id: &str) -> RoleId {
    RoleId::new(id).unwrap()
}

pub(crate) fn caller(id: &str) -> Actor {
    Actor::Person(Caller {
        id: person(id),
        method: "jwt".into(),
        client_id: None,
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        submit_for: false,
    })
}

fn system() -> Actor {
    Actor::System { part: SystemPart::Directory }
}

/// A template `t` of these steps.
pub(crate) fn template(steps: Value) -> Template {
    serde_json::from_value(json!({ "key": "t", "title": "T", "steps": steps })).unwrap()
}

/// What the core is told, which may be a lie: a way to make commits that the log's own words do not allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lies {
    /// Instead of the pinned template.
    pub(crate) template: Option<Template>,
    /// Instead of now, in the sealed bytes only.
    pub(crate) at: Option<Timestamp>,
    /// Results of the template's expressions.
    pub(crate) results: Results,
    /// Another version of the template to pin than the current one.
    pub(crate) version: Option<u32>,
    /// Working time that is over before it began.
    pub(crate) faster: Option<()>,
}

#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) leaves: Vec<Vec<u8>>,
    pub(crate) now: Timestamp,
    pub(crate) facts: Facts,
    pub(crate) requests: BTreeMap<String, (State, Template)>,
    heads: HashMap<String, (u64, Hash)>,
    templates: BTreeMap<u32, Template>,
}

impl Story {
    pub(crate) fn new() -> Self {
        let facts = Facts::default();
        Self { leaves: Vec::new(), now: MORNING, facts, requests: BTreeMap::new(), heads: HashMap::new(), templates: BTreeMap::new() }
    }

    /// A small company and the template `t` of these steps.
    pub(crate) fn company(steps: Value) -> Self {
        let mut story = Self::new();
        for id in ["rita", "ann", "bob", "cyd"] {
            story.user(id, true, None);
        }
        story.user("rita", true, Some("ann"));
        for id in ["ann", "bob"] {
            story.member("finance", id, true);
        }
        story.publish(&template(steps));
        story
    }

    fn directory(&mut self, object: &str, event: DirectoryEvent) -> u64 {
        let head = self.heads.get(object).copied().unwrap_or((0, Hash::ZERO));
        let commit = DirectoryCommit::next(&tenant(), object, head, self.now, &system(), event);
        let (bytes, hash) = commit.seal();
        self.heads.insert(object.to_owned(), (commit.version, hash));
        self.leaves.push(leaf::directory(&hash, &bytes));
        commit.version
    }

    pub(crate) fn user(&mut self, id: &str, active: bool, manager: Option<&str>) {
        let manager = manager.map(person);
        let event = DirectoryEvent::User { active, manager: manager.clone(), details: Hash::of(&[id.as_bytes()]), link_epoch: 0, term: 0 };
        let version = self.directory(&format!("user/{id}"), event);
        let known = self.facts.persons.entry(person(id)).or_default();
        let mut now = known.take().unwrap_or(Person {
            version,
            active,
            term: 0,
            manager: Manager::Nobody,
            roles: Some(BTreeMap::new()),
            received: Some(Vec::new()),
        });
        (now.version, now.active, now.manager) = (version, active, manager.into());
        *known = Some(now);
    }

    pub(crate) fn member(&mut self, of: &str, id: &str, member: bool) {
        let event = DirectoryEvent::Member { role: role(of), user: person(id), member, term: 0 };
        let version = self.directory(&format!("member/{of}/{id}"), event);
        let members = self.facts.roles.entry(role(of)).or_insert(Members { complete: true, ..Members::default() });
        let known = self.facts.persons.get_mut(&person(id)).unwrap().as_mut().unwrap().roles.as_mut().unwrap();
        if member {
            members.versions.insert(person(id), version);
            known.insert(role(of), version);
        } else {
            members.versions.remove(&person(id));
            known.remove(&role(of));
        }
    }

    /// `from` passes everything on to `to` for so many hours.
    pub(crate) fn delegate(&mut self, from: &str, to: &str, hours: f64) {
        let (starts_at, ends_at) = (self.now, self.now.plus_hours(hours));
        let (by, receiver) = (person(from), person(to));
        let event = DirectoryEvent::Delegation {
            from_term: 0,
            to_term: 0,
            from: by.clone(),
            to: receiver.clone(),
            starts_at,
            ends_at,
            templates: None,
            steps: None,
            max: None,
            reason: None,
            revoked: false,
        };
        let version = self.directory("delegation/d1", event);
        let id = DelegationId::new("d1").unwrap();
        let delegation = Delegation { id, version, from: by, giver_term: 0, starts_at, ends_at, templates: None, steps: None, max: None };
        self.facts.persons.get_mut(&receiver).unwrap().as_mut().unwrap().received = Some(vec![delegation]);
    }

    /// A calendar in which three hours pass for one of work.
    pub(crate) fn calendar(&mut self, id: &str) {
        let content = json!({ "time_zone": "UTC" });
        let version = self.directory(&format!("calendar/{id}"), DirectoryEvent::Document { content: Some(content) });
        let time = WorkingTime { version, ..WorkingTime::default() };
        self.facts.calendars.insert(id.parse().unwrap(), time);
    }

    pub(crate) fn publish(&mut self, template: &Template) -> u32 {
        let number = u32::try_from(self.templates.len()).unwrap() + 1;
        let content = canonical(template);
        self.leaves.extend(leaf::template(&content));
        self.directory("template/t", DirectoryEvent::Template { number, content: Hash::of(&[&content]) });
        self.directory("template/t", DirectoryEvent::TemplateCurrent { number: Some(number) });
        self.templates.insert(number, template.clone());
        number
    }

    pub(crate) fn submit(&mut self, id: &str, by: &str, lies: &Lies) {
        let version = lies.version.unwrap_or_else(|| *self.templates.keys().last().unwrap());
        let template = TemplateRef { key: "t".parse().unwrap(), version };
        let content = Content { payload_hash: Hash::of(&[id.as_bytes()]), results: lies.results.clone() };
        let entity = Entity { kind: "order".parse().unwrap(), id: id.parse().unwrap() };
        let pinned = self.templates[&version].clone();
        self.requests.insert(id.to_owned(), (None, pinned));
        self.give(id, &caller(by), &Command::Submit(Submit { template, entity, requester: None, previous: None, content }), lies);
    }

    pub(crate) fn vote(&mut self, id: &str, by: &str, step: &str, decision: Decision, lies: &Lies) {
        let payload_hash = self.requests[id].0.as_ref().map(|request| request.payload_hash);
        let vote = Vote {
            step: StepId::new(step).unwrap(),
            decision,
            payload_hash,
            revision: None,
            round: None,
            on_behalf_of: None,
            comment: None,
        };
        self.give(id, &caller(by), &Command::Vote(vote), lies);
    }

    pub(crate) fn approve(&mut self, id: &str, by: &str, step: &str) {
        self.vote(id, by, step, Decision::Approve, &Lies::default());
    }

    pub(crate) fn comment(&mut self, id: &str, by: &str, words: &str) {
        let command = Command::Comment { comment: Hash::of(&[words.as_bytes()]) };
        self.give(id, &caller(by), &command, &Lies::default());
    }

    pub(crate) fn erase(&mut self, id: &str, by: &str) {
        self.give(id, &caller(by), &Command::Erase { reason: Hash::of(&[b"asked"]) }, &Lies::default());
    }

    pub(crate) fn start(&mut self, id: &str, by: &str) {
        let payload_hash = self.requests[id].0.as_ref().unwrap().payload_hash;
        self.give(id, &caller(by), &Command::StartEffect { payload_hash }, &Lies::default());
    }

    pub(crate) fn finish(&mut self, id: &str, by: &str) {
        let command = Command::FinishEffect { end: EffectEnd::Done, reference: None };
        self.give(id, &caller(by), &command, &Lies::default());
    }

    pub(crate) fn escalate(&mut self, id: &str, step: &str, level: u32, lies: &Lies) {
        let clock = Actor::System { part: SystemPart::Escalation };
        self.give(id, &clock, &Command::Escalate { step: StepId::new(step).unwrap(), level }, lies);
    }

    fn give(&mut self, id: &str, actor: &Actor, command: &Command, lies: &Lies) {
        let (state, pinned) = self.requests[id].clone();
        let request = RequestId::new(id).unwrap();
        let template = lies.template.as_ref().unwrap_or(&pinned);
        let mut facts = Facts::default();
        let (events, used) = loop {
            let cx = Context {
                tenant: &tenant(),
                request: &request,
                actor,
                channel: Channel::Api,
                now: self.now,
                template,
                evidence: Evidence::new(&facts),
            };
            match decide(&state, command, &cx) {
                Ok(events) => break (events, cx.evidence.used()),
                Err(No::Needs(query)) => {
                    for wanted in query {
                        match wanted {
                            Wanted::Person(id) => drop(facts.persons.insert(id.clone(), self.facts.persons.get(&id).cloned().flatten())),
                            Wanted::Role(name, _) => {
                                let none = Members { complete: true, ..Members::default() };
                                facts.roles.insert(name.clone(), self.facts.roles.get(&name).cloned().unwrap_or(none));
                            }
                            Wanted::Delegates(id) => {
                                let gave = |person: &Person| person.received.iter().flatten().any(|d| d.from == id);
                                let to = self.facts.persons.iter().filter(|(_, person)| person.as_ref().is_some_and(gave));
                                facts.persons.insert(id.clone(), self.facts.persons.get(&id).cloned().flatten());
                                let delegates = to.map(|(to, _)| to.clone()).collect();
                                facts.delegates.insert(id, delegates);
                            }
                            Wanted::WorkingTime(calendar, from, millis) => {
                                let known = self.facts.calendars.get(&calendar).map_or(0, |time| time.version);
                                let ends = [(millis, from.plus_millis(millis * lies.faster.map_or(3, |()| 0)))];
                                let ends = if known == 0 { BTreeMap::new() } else { ends.into() };
                                let time = WorkingTime { version: known, from: Some(from), ends };
                                facts.extend(Facts { calendars: [(calendar, time)].into(), ..Facts::default() });
                            }
                        }
                    }
                }
                Err(No::Refused(refusal)) => panic!("{refusal}"),
            }
        };
        assert!(!events.is_empty());
        let (version, prev_hash) = state.as_ref().map_or((0, Hash::ZERO), |request| (request.version, request.hash));
        let tag = CommandTag { id: format!("{id}-{version}"), kind: command.kind(), channel: Channel::Api, quiet: false };
        let commit = Commit {
            schema: SCHEMA,
            tenant: tenant(),
            request,
            version: version + 1,
            prev_hash,
            at: lies.at.unwrap_or(self.now),
            command: tag,
            actor: actor.clone(),
            facts: used,
            events,
        };
        self.put(commit);
        self.now = self.now.plus_millis(1_000);
    }

    /// Seals a commit and appends it, whatever it says.
    pub(crate) fn put(&mut self, commit: Commit) -> Sealed {
        let sealed = commit.seal();
        self.leaves.push(leaf::commit(&sealed.hash, &sealed.bytes));
        let (state, _) = self.requests.get_mut(sealed.commit.request.as_str()).unwrap();
        *state = apply(state.take(), &sealed);
        sealed
    }

    /// The commit in a leaf counted from the end: 0 is the last.
    pub(crate) fn commit_from_end(&self, back: usize) -> Commit {
        let leaf = &self.leaves[self.leaves.len() - 1 - back];
        match audit_log::leaf::Leaf::read(leaf).unwrap() {
            audit_log::leaf::Leaf::Commit { bytes, .. } => serde_json::from_slice(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// Two steps: a manager, then two of finance. Three requests: one approved, one rejected, one open.
pub(crate) fn usual() -> Story {
    let mut story = Story::company(json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }] },
        { "id": "finance", "approvers": [{ "role": "finance" }], "required": 2 },
    ]));
    story.submit("r1", "rita", &Lies::default());
    story.submit("r2", "rita", &Lies::default());
    story.approve("r1", "ann", "manager");
    story.comment("r1", "rita", "soon please");
    story.vote("r2", "ann", "manager", Decision::Reject, &Lies::default());
    story.approve("r1", "bob", "finance");
    story.approve("r1", "ann", "finance");
    story.submit("r3", "rita", &Lies::default());
    story
}
