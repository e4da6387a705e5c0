//! Random templates, directories and acts: small enough to read in a failure.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::template::Template;
use approvals_domain::timers::Timer;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::acts::{Ballot, Change, Deed, Submission};
use super::clock::{Due, SLOW};
use super::effect::Move;
use super::people::{Delegation, Directory, Money, Record};
use super::seats::Who;
use super::{Content, Model};
use crate::world::{HOUR, MORNING, person, role, step};

pub(super) const PEOPLE: usize = 7;
const ROLES: [&str; 3] = ["r0", "r1", "approval_admin"];
pub(super) const STEPS: usize = 4;

pub(super) fn id(n: usize) -> PersonId {
    person(&format!("p{n}"))
}

pub(super) fn somebody() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn chosen(flags: &[bool]) -> BTreeSet<PersonId> {
    flags.iter().enumerate().filter(|(_, is)| **is).map(|(n, _)| id(n)).collect()
}

fn some_people(share: f64) -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(share), PEOPLE)
}

/// An approver of step `n`, where earlier steps can be named.
fn approver(n: usize) -> BoxedStrategy<Value> {
    let of = if n == 0 { Just("requester".to_owned()).boxed() } else { (0..n).prop_map(|of| format!("s{of}")).boxed() };
    let simple = prop_oneof![
        4 => somebody().prop_map(|p| json!({ "user": format!("p{p}") })),
        5 => (0..2usize).prop_map(|r| json!({ "role": ROLES[r] })),
        1 => Just(json!({ "manager_of": "requester" })),
        1 => of.prop_map(|of| json!({ "manager_of": of })),
        1 => (0..2usize).prop_map(|e| json!({ "expression": format!("e{e}") })),
    ]
    .boxed();
    prop_oneof![6 => simple.clone(), 1 => prop::collection::vec(simple, 1..3).prop_map(|inner| json!({ "any_of": inner }))].boxed()
}

fn some_steps_before(n: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::bool::weighted(0.2), n)
        .prop_map(|picks| picks.iter().enumerate().filter(|(_, pick)| **pick).map(|(n, _)| format!("s{n}")).collect())
}

fn reasons() -> impl Strategy<Value = Value> {
    prop_oneof![4 => Just(json!([])), 1 => Just(json!(["reject"])), 1 => Just(json!(["reject", "return"]))]
}

fn one_step(n: usize) -> impl Strategy<Value = Value> {
    let required = prop_oneof![
        5 => Just(json!(1)), 3 => Just(json!(2)), 1 => Just(json!(3)), 1 => Just(json!("all")), 1 => Just(json!("majority")), 1 => Just(json!("60%"))
    ];
    let on_reject = prop_oneof![2 => Just("reject"), 2 => Just("return"), 3 => Just("majority")];
    let fallback = prop_oneof![4 => Just(None), 2 => Just(Some(json!("none"))), 2 => approver(0).prop_map(|a| Some(json!([a])))];
    let approvers = prop::collection::vec(approver(n), 1..4);
    let shape =
        (approvers, required, on_reject, prop::bool::weighted(0.1), prop::bool::weighted(0.15), prop::option::weighted(0.2, reasons()));
    (shape, some_steps_before(n), some_steps_before(n), fallback, ladder(n)).prop_map(
        move |((approvers, required, on_reject, allow_self, conditional, reasons), distinct, skip, fallback, ladder)| {
            let mut step = json!({
                "id": format!("s{n}"), "approvers": approvers, "required": required, "on_reject": on_reject, "allow_self": allow_self,
                "distinct_from": distinct, "skip_if_approved_by": skip
            });
            step.as_object_mut().unwrap().extend(ladder);
            if let Some(reasons) = reasons {
                step["reasons"] = reasons;
            }
            if conditional {
                step["when"] = json!("x");
            }
            if let Some(fallback) = fallback {
                step["fallback"] = fallback;
            }
            step
        },
    )
}

/// Hours, reminders, levels, and what happens in the end.
fn ladder(n: usize) -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let to = prop_oneof![
        3 => Just(json!({ "manager_of": "approver" })),
        2 => approver(n),
        1 => Just(json!({ "any_of": [{ "manager_of": "approver" }, { "role": "r1" }] })),
        1 => Just(json!({ "role": "approval_admin" }))
    ];
    let levels = prop::collection::vec((prop_oneof![Just(0.25), Just(0.5), Just(1.0)], prop::collection::vec(to, 1..3)), 0..4);
    let remind = prop_oneof![3 => Just(json!([])), 1 => Just(json!([0.5])), 2 => Just(json!([0.75, 0.25]))];
    let on_timeout = prop_oneof![4 => Just("none"), 2 => Just("approve"), 1 => Just("reject"), 1 => Just("expire")];
    let calendar = prop_oneof![6 => Just(None), 1 => Just(Some(SLOW.0)), 1 => Just(Some("unknown"))];
    (1..5u8, remind, levels, on_timeout, calendar).prop_map(|(hours, remind, levels, on_timeout, calendar)| {
        let mut after = 0.0;
        let mut escalate = Vec::new();
        for (gap, to) in levels {
            after += gap;
            escalate.push(json!({ "after": after, "to": to }));
        }
        let ladder =
            json!({ "sla": { "hours": hours, "calendar": calendar }, "remind": remind, "escalate": escalate, "on_timeout": on_timeout });
        ladder.as_object().unwrap().clone()
    })
}

/// Steps that run side by side name no manager of each other's approvers: `manager_of` is of an earlier step.
fn without_neighbours(group: Value) -> Value {
    let Value::Array(steps) = &group else { return group };
    let mut text = group.to_string();
    for step in steps {
        text = text.replace(&json!({ "manager_of": step["id"] }).to_string(), &json!({ "manager_of": "requester" }).to_string());
    }
    serde_json::from_str(&text).unwrap()
}

/// A template as JSON: short enough to read in a failure.
fn template() -> impl Strategy<Value = Value> {
    let barred = prop_oneof![4 => Just(json!([])), 1 => approver(0).prop_map(|a| json!([a]))];
    let remind = prop_oneof![2 => Just(json!({})), 1 => Just(json!({ "remind": ["8h", "4h"], "expire": "12h" })), 1 => Just(json!({ "remind": [], "expire": "2h" }))];
    let more = (0..4u8, barred, prop::bool::weighted(0.3), prop::bool::weighted(0.1), remind, reasons());
    ((one_step(0), one_step(1), one_step(2), one_step(3)), 1..=STEPS, more).prop_map(|((a, b, c, d), count, (groups, barred, empty, open, returned, reasons))| {
        let steps: Vec<Value> = [a, b, c, d].into_iter().take(count).collect();
        let steps = match (groups, steps.as_slice()) {
            (1, [a, b, rest @ ..]) => [vec![json!([a, b])], rest.to_vec()].concat(),
            (2, [a, b, c, rest @ ..]) => [vec![a.clone(), json!([b, c])], rest.to_vec()].concat(),
            (3, all) => vec![json!(all)],
            (_, all) => all.to_vec(),
        };
        let steps: Vec<Value> = steps.into_iter().map(without_neighbours).collect();
        let when_empty = if empty { "approve" } else { "refuse" };
        let visibility = if open { "tenant" } else { "parties" };
        json!({ "key": "t", "title": "T", "steps": steps, "barred": barred, "when_empty": when_empty, "visibility": visibility, "returned": returned, "reasons": reasons })
    })
}

fn delegation() -> impl Strategy<Value = Delegation> {
    let scope = (prop::option::weighted(0.2, 0..STEPS), prop::option::weighted(0.1, any::<bool>()), prop::option::weighted(0.2, money()));
    (somebody(), 1..PEOPLE, -2..3i64, 1..8i64, scope).prop_map(|(from, further, after, hours, (only, ours, max))| Delegation {
        from: id(from),
        to: id((from + further) % PEOPLE),
        starts_at: MORNING.plus_millis(after * HOUR),
        ends_at: MORNING.plus_millis((after + hours) * HOUR),
        steps: only.map(|n| [step(&format!("s{n}"))].into()),
        templates: ours.map(|ours| [if ours { "t" } else { "other" }.parse().unwrap()].into()),
        max,
    })
}

fn money() -> impl Strategy<Value = Money> {
    (prop_oneof![Just(10.0), Just(100.0)], prop_oneof![4 => Just("EUR"), 1 => Just("USD")]).prop_map(|(value, of)| (value, of.to_owned()))
}

fn directory() -> impl Strategy<Value = Directory> {
    let managers = prop::collection::vec(prop::option::of(somebody()), PEOPLE);
    let roles = (some_people(0.4), some_people(0.5), some_people(0.25));
    (some_people(0.93), managers, roles, prop::collection::vec(delegation(), 0..7)).prop_map(|(active, managers, roles, delegations)| {
        let record = |n: usize| Record { active: active[n], manager: managers[n].map(id) };
        let people: BTreeMap<_, _> = (0..PEOPLE).map(|n| (id(n), record(n))).collect();
        let roles = ROLES.iter().zip([roles.0, roles.1, roles.2]).map(|(name, members)| {
            let members = chosen(&members).into_iter().filter(|id| people[id].active).collect();
            (role(name), members)
        });
        Directory { roles: roles.collect(), people, delegations }
    })
}

/// What a revision's expressions give: conditions by step, candidates by expression, the amount.
fn content() -> impl Strategy<Value = Content> {
    let who = prop_oneof![3 => somebody().prop_map(|p| Who::User(id(p))), 1 => (0..2usize).prop_map(|r| Who::Role(role(ROLES[r])))];
    let whos = || prop::collection::vec(who.clone(), 0..3);
    let amount = prop::option::weighted(0.7, (prop_oneof![Just(5.0), Just(50.0), Just(500.0)], money()));
    (prop::collection::vec(prop::bool::weighted(0.6), STEPS), whos(), whos(), amount).prop_map(|(conditions, e0, e1, amount)| Content {
        conditions: conditions.into_iter().enumerate().map(|(n, holds)| (step(&format!("s{n}")), holds)).collect(),
        named: [("e0".to_owned(), e0), ("e1".to_owned(), e1)].into(),
        amount: amount.map(|(value, (_, currency))| (value, currency)),
    })
}

/// An act before it is known who may vote.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// The n-th who may vote does, for themselves or for whom they stand in.
    Likely {
        pick: Index,
        decision: Decision,
        behalf: bool,
    },
    /// The n-th who may vote passes the seat on.
    Pass {
        pick: Index,
        to: usize,
    },
    Vote {
        by: usize,
        on: usize,
        decision: Decision,
        sent: (Option<bool>, Option<bool>, bool),
        behalf: Option<usize>,
    },
    Resubmit {
        by: usize,
        content: Content,
    },
    Cancel(usize),
    Transfer(usize, usize),
    Returned(Due),
    Comment(usize),
    Reassign {
        by: usize,
        on: usize,
        from: Option<usize>,
        to: usize,
    },
    Directory(Change),
    Reroute,
    /// Whatever must fire now, on every step.
    Tick,
    /// Until the next timer, and a tick.
    Soonest,
    /// A tick that is behind: something that need not fire.
    Fire(usize, Timer),
    Wait(u8),
    /// Another version of the template becomes current. What runs keeps the one it was submitted under.
    Publish(Value),
    /// Once the request is over, another one, under the version that is current then.
    Anew(Submission),
}

fn act() -> impl Strategy<Value = Plan> {
    let decision = || prop_oneof![7 => Just(Decision::Approve), 3 => Just(Decision::Reject), 1 => Just(Decision::Return)];
    // One more person than there are: unknown to the directory. One more step than there are, too.
    let anybody = || 0..=PEOPLE;
    let shown = prop_oneof![8 => Just(Some(true)), 2 => Just(None), 1 => Just(Some(false))];
    let named = prop_oneof![6 => Just(None), 2 => Just(Some(true)), 1 => Just(Some(false))];
    let timer = prop_oneof![(1..3u32).prop_map(Timer::Remind), (1..3u32).prop_map(Timer::Escalate), Just(Timer::TimeOut)];
    prop_oneof![
        14 => (any::<Index>(), decision(), prop::bool::weighted(0.2)).prop_map(|(pick, decision, behalf)| Plan::Likely { pick, decision, behalf }),
        5 => (anybody(), 0..=STEPS, decision(), (shown, named, any::<bool>()), prop::option::weighted(0.3, somebody()))
            .prop_map(|(by, on, decision, sent, behalf)| Plan::Vote { by, on, decision, sent, behalf }),
        2 => (any::<Index>(), somebody()).prop_map(|(pick, to)| Plan::Pass { pick, to }),
        3 => (prop_oneof![3 => Just(0), 1 => anybody()], content()).prop_map(|(by, content)| Plan::Resubmit { by, content }),
        1 => anybody().prop_map(Plan::Cancel),
        1 => (anybody(), anybody()).prop_map(|(by, to)| Plan::Transfer(by, to)),
        1 => prop_oneof![(1..4u32).prop_map(Due::Remind), Just(Due::Expire)].prop_map(Plan::Returned),
        2 => anybody().prop_map(Plan::Comment),
        3 => (anybody(), 0..=STEPS, prop::option::of(somebody()), anybody()).prop_map(|(by, on, from, to)| Plan::Reassign { by, on, from, to }),
        8 => change().prop_map(Plan::Directory),
        5 => Just(Plan::Reroute),
        2 => Just(Plan::Tick),
        6 => Just(Plan::Soonest),
        2 => (0..=STEPS, timer).prop_map(|(on, timer)| Plan::Fire(on, timer)),
        3 => (1..12u8).prop_map(Plan::Wait),
        2 => template().prop_map(Plan::Publish),
        3 => submission().prop_map(Plan::Anew),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => somebody().prop_map(|n| Change::Leave(id(n))),
        2 => somebody().prop_map(|n| Change::Join(id(n))),
        4 => (0..3usize, some_people(0.35)).prop_map(|(nth, members)| Change::Members(role(ROLES[nth]), chosen(&members))),
        1 => (somebody(), somebody()).prop_map(|(of, manager)| Change::Manager(id(of), id(manager))),
        2 => delegation().prop_map(Change::Delegate),
        1 => (0..6usize).prop_map(Change::Revoke),
    ]
}

/// The acts a plan means in this state; several for a tick.
pub(super) fn deed(model: &Model, plan: &Plan) -> Option<Deed> {
    let on = |n: usize| step(&format!("s{}", if n == STEPS { n } else { n % model.steps.len() }));
    Some(match plan {
        Plan::Likely { pick, decision, behalf } => {
            let (by, on, person) = voter(model, pick, *behalf)?;
            let behalf = behalf.then_some(person);
            Deed::Vote(Ballot { by, on, decision: *decision, shown: Some(true), revision: None, comment: true, behalf })
        }
        Plan::Pass { pick, to } => {
            let (by, on, _) = voter(model, pick, false)?;
            Deed::Reassign { by, on, from: None, to: id(*to) }
        }
        Plan::Vote { by, on: n, decision, sent: (shown, revision, comment), behalf } => {
            let (by, on, behalf) = (id(*by), on(*n), behalf.map(id));
            Deed::Vote(Ballot { by, on, decision: *decision, shown: *shown, revision: *revision, comment: *comment, behalf })
        }
        Plan::Resubmit { by, content } => Deed::Resubmit { by: id(*by), content: content_of(&model.template, content) },
        Plan::Transfer(by, to) => Deed::Transfer { by: id(*by), to: id(*to) },
        Plan::Returned(due) => Deed::Returned(due.clone()),
        Plan::Cancel(by) => Deed::Cancel { by: id(*by) },
        Plan::Comment(by) => Deed::Comment { by: id(*by) },
        Plan::Reassign { by, on: n, from, to } => Deed::Reassign { by: id(*by), on: on(*n), from: from.map(id), to: id(*to) },
        // Who has left is a member of nothing.
        Plan::Directory(Change::Members(role, members)) => {
            let members = members.iter().filter(|id| model.directory.is_active(id)).cloned().collect();
            Deed::Directory(Change::Members(role.clone(), members))
        }
        Plan::Directory(change) => Deed::Directory(change.clone()),
        Plan::Reroute => Deed::Reroute,
        Plan::Fire(n, timer) => Deed::Fire { on: on(*n), timer: *timer },
        Plan::Publish(_) | Plan::Anew(_) => return None,
        Plan::Wait(quarters) => Deed::Wait { millis: i64::from(*quarters) * HOUR / 4 },
        Plan::Soonest => Deed::Wait { millis: (model.soonest()?.millis() - model.now.millis()).max(0) },
        Plan::Tick => match model.first_due()? {
            Due::Step(on, timer) => Deed::Fire { on, timer },
            wait => Deed::Returned(wait),
        },
    })
}

/// Conditions only of steps that have one.
fn content_of(template: &Template, content: &Content) -> Content {
    let mut content = content.clone();
    content.conditions.retain(|id, _| template.step(id).is_some_and(|rules| rules.when.is_some()));
    content
}

/// Somebody who could vote now, where, and on whose right.
fn voter(model: &Model, pick: &Index, for_another: bool) -> Option<(PersonId, StepId, PersonId)> {
    let mut all = Vec::new();
    for step in model.steps.iter().filter(|step| step.phase == super::Phase::Open) {
        for human in model.directory.people.keys() {
            let tickets = model.tickets(step, human).into_iter().filter(|t| t.is_free(&step.votes) && (!for_another || t.person != *human));
            all.extend(tickets.map(|t| (human.clone(), step.id.clone(), t.person)));
        }
    }
    if all.is_empty() { None } else { Some(pick.get(&all).clone()) }
}

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) template: Value,
    pub(super) directory: Directory,
    pub(super) new: Submission,
    pub(super) acts: Vec<Plan>,
}

/// Somebody's request for the first person. The content may name conditions that its template does not have.
fn submission() -> impl Strategy<Value = Submission> {
    let by = prop_oneof![12 => Just(0), 6 => Just(1usize), 1 => Just(PEOPLE)];
    (by, prop::bool::weighted(0.95), content()).prop_map(|(by, submit_for, content)| Submission {
        by: id(by),
        requester: id(0),
        submit_for,
        content,
    })
}

impl Submission {
    /// As the service would evaluate it under a template.
    pub(super) fn under(&self, template: &Template) -> Self {
        Self { content: content_of(template, &self.content), ..self.clone() }
    }
}

pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    (template(), directory(), submission(), prop::collection::vec(act(), 0..24)).prop_map(|(template, directory, new, acts)| Scenario {
        template,
        directory,
        new,
        acts,
    })
}

/// Something around the effect, by anybody.
pub(super) fn movement() -> impl Strategy<Value = Move> {
    let who = || prop_oneof![2 => Just(0), 1 => 0..=PEOPLE].prop_map(id);
    let behalf = || prop::option::weighted(0.2, somebody().prop_map(id));
    prop_oneof![
        3 => (who(), prop::bool::weighted(0.8)).prop_map(|(by, shown)| Move::Start { by, shown }),
        2 => (who(), any::<bool>()).prop_map(|(by, done)| Move::Finish { by, done }),
        2 => (who(), behalf()).prop_map(|(by, behalf)| Move::Recall { by, behalf }),
        2 => (who(), 0..STEPS, behalf()).prop_map(|(by, n, behalf)| Move::WithdrawVote { by, on: step(&format!("s{n}")), behalf }),
        3 => Just(Move::Lapse),
    ]
}
