//! Random templates, directories and acts. Small enough to read in a failure.
//!
//! `APPROVALS_CASES=100000 cargo test -p approvals-domain reference` is the number that counts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::template::Template;
use approvals_domain::timers::Timer;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Value, json};

use super::acts::{Ballot, Change, Deed, Submission};
use super::clock::{Due, SLOW};
use super::effect::{Effect, Move, Terms};
use super::people::{Delegation, Directory, Money, Record};
use super::seats::Who;
use super::translate::{Gap, same};
use super::{Answer, Content, Model, translate};
use crate::world::{HOUR, MORNING, person, role, step};

const PEOPLE: usize = 7;
const ROLES: [&str; 3] = ["r0", "r1", "approval_admin"];
const STEPS: usize = 4;

/// What is played. Each is a part of the rulings; the core gets them one by one.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Fallback and `approval_admin` as stand-ins.
    reserve: bool,
}

const PARTS: Parts = Parts { reserve: true };

fn id(n: usize) -> PersonId {
    person(&format!("p{n}"))
}

fn somebody() -> impl Strategy<Value = usize> {
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
    let fallback = if PARTS.reserve {
        prop_oneof![4 => Just(None), 2 => Just(Some(json!("none"))), 2 => approver(0).prop_map(|a| Some(json!([a])))].boxed()
    } else {
        Just(Some(json!("none"))).boxed()
    };
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
enum Plan {
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
fn deed(model: &Model, plan: &Plan) -> Option<Deed> {
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
struct Scenario {
    template: Value,
    directory: Directory,
    new: Submission,
    acts: Vec<Plan>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let by = prop_oneof![12 => Just(0), 6 => Just(1usize), 1 => Just(PEOPLE)];
    (template(), directory(), by, prop::bool::weighted(0.95), content(), prop::collection::vec(act(), 0..24)).prop_map(
        |(template, directory, by, submit_for, content, acts)| {
            let parsed: Template = serde_json::from_value(template.clone()).unwrap();
            let new = Submission { by: id(by), requester: id(0), submit_for, content: content_of(&parsed, &content) };
            Scenario { template, directory, new, acts }
        },
    )
}

/// What was played, for the report of a failure and for the count of what was seen.
#[derive(Debug, Default)]
struct Played {
    done: Vec<String>,
    seen: BTreeMap<String, usize>,
}

impl Played {
    fn note(&mut self, what: String) {
        *self.seen.entry(what).or_default() += 1;
    }
}

/// Plays a scenario on both sides, and holds them against each other after each act.
fn play(scenario: &Scenario, log: &mut Played) -> Result<(), Gap> {
    log.done.clear();
    let template: Template = serde_json::from_value(scenario.template.clone()).unwrap();
    let mut desk = translate::desk(&scenario.directory, &template);
    let told = translate::submit(&mut desk, &scenario.new);
    let model = Model::submit(scenario.directory.clone(), template, MORNING, &scenario.new);
    log.note(format!("Submit: {:?}", model.as_ref().map(|_| ())));
    answers("Submit", "", told, model.as_ref().map(|_| true).map_err(|code| *code))?;
    let Ok(mut model) = model else { return Ok(()) };
    model.now = desk.now;
    translate::compare(&desk, &model)?;
    for plan in
        scenario.acts.iter().flat_map(|plan| if let Plan::Soonest = plan { vec![Plan::Soonest, Plan::Tick] } else { vec![plan.clone()] })
    {
        while let Some(deed) = deed(&model, &plan) {
            let said = format!("{deed:?}");
            let kind: String = said.chars().take_while(|c| c.is_alphabetic()).collect();
            log.done.push(said.clone());
            let wanted = model.act(&deed);
            let told = translate::act(&mut desk, &deed);
            log.note(format!("{kind}: {wanted:?}"));
            answers(&kind, &said, told, wanted)?;
            model.now = desk.now;
            translate::compare(&desk, &model)
                .map_err(|gap| Gap { kind: format!("{} after {kind}", gap.kind), detail: format!("after {said}\n{}", gap.detail) })?;
            if !matches!(plan, Plan::Tick) {
                break;
            }
        }
    }
    log.note(format!("ends {}", model.status()));
    Ok(())
}

fn answers(kind: &str, said: &str, core: Answer, model: Answer) -> Result<(), Gap> {
    same(&format!("{kind}: {core:?} or {model:?}"), said, core, model)
}

fn told(scenario: &Scenario, log: &Played) -> String {
    let Scenario { template, directory, new, .. } = scenario;
    format!("template: {template}\ndirectory: {}\nnew: {new:?}\nacts:\n{}", brief(directory), log.done.join("\n"))
}

fn cases() -> u32 {
    std::env::var("APPROVALS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

#[test]
fn the_core_and_the_reference_model_agree() {
    let config = Config { cases: cases(), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let log = RefCell::new(Played::default());
    let result = TestRunner::new(config)
        .run(&scenario(), |scenario| play(&scenario, &mut log.borrow_mut()).map_err(|gap| TestCaseError::fail(gap.detail)));
    if let Err(TestError::Fail(why, scenario)) = result {
        let gap = play(&scenario, &mut log.borrow_mut());
        panic!("{why}\n{gap:?}\n{}", told(&scenario, &log.borrow()));
    }
    println!("{:#?}", log.into_inner().seen);
}

/// Every kind of disagreement there is, each with the shortest scenario that shows it: a survey, not a test.
#[test]
#[ignore = "prints; finds nothing that the test above does not find one by one"]
fn survey() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut found: BTreeMap<String, (usize, usize, String)> = BTreeMap::new();
    let mut log = Played::default();
    for _ in 0..cases() {
        let scenario = scenario().new_tree(&mut runner).unwrap().current();
        if let Err(gap) = play(&scenario, &mut log) {
            let size = scenario.template.to_string().len() + 200 * log.done.len() + brief(&scenario.directory).len();
            let entry = found.entry(gap.kind).or_insert((0, usize::MAX, String::new()));
            entry.0 += 1;
            if size < entry.1 {
                (entry.1, entry.2) = (size, format!("{}\n{}", gap.detail, told(&scenario, &log)));
            }
        }
    }
    for (kind, (count, _, shortest)) in found {
        println!("===== {count} × {kind}\n{shortest}\n");
    }
    println!("{:#?}", log.seen);
}

fn movement() -> impl Strategy<Value = Move> {
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

/// Part G on the model alone: starts once, absorbs what is over, and nobody loses more by a withdrawal than their vote.
#[test]
fn the_effect_and_second_thoughts_keep_their_promises() {
    let config = Config { cases: cases() / 4, failure_persistence: None, ..Config::default() };
    let terms = (1..4u8, any::<bool>()).prop_map(|(hours, recall)| Terms {
        within_hours: f64::from(hours),
        by: vec![serde_json::from_value(json!({ "role": "r1" })).unwrap()],
        recall,
    });
    let strategy = (scenario(), terms, prop::collection::vec(movement(), 20));
    let seen = RefCell::new(Played::default());
    let result = TestRunner::new(config).run(&strategy, |(scenario, terms, moves)| {
        let template: Template = serde_json::from_value(scenario.template.clone()).unwrap();
        let Ok(mut model) = Model::submit(scenario.directory.clone(), template, MORNING, &scenario.new) else { return Ok(()) };
        model.terms = Some(terms);
        for (plan, movement) in scenario.acts.iter().zip(&moves) {
            if let Some(deed) = deed(&model, plan) {
                let before = model.clone();
                let answer = model.act(&deed);
                prop_assert!(!before.is_closed() || before.status == model.status, "I2: {deed:?} is {answer:?} after the end");
            }
            let before = model.clone();
            let answer = model.make(movement);
            seen.borrow_mut().note(format!("{}: {answer:?}", format!("{movement:?}").split(' ').next().unwrap()));
            let votes = |model: &Model| model.steps.iter().map(|step| step.votes.len()).sum::<usize>();
            match (movement, answer) {
                (_, Err(_)) => prop_assert_eq!(&before.effect, &model.effect),
                (Move::Start { .. }, Ok(_)) => {
                    prop_assert!(before.is_pending() && model.is_closed());
                    let again = model.clone().make(movement);
                    prop_assert_eq!(again, Err("effect_started"));
                }
                (Move::Finish { .. }, Ok(_)) => {
                    let started = matches!(before.effect, Some(Effect::Started { .. }));
                    prop_assert!(started);
                }
                (Move::Recall { .. }, Ok(_)) => prop_assert_eq!(model.status(), "returned"),
                (Move::WithdrawVote { .. }, Ok(_)) => prop_assert_eq!(votes(&before), votes(&model) + 1),
                (Move::Lapse, Ok(_)) => prop_assert!(before.is_pending() && model.status() == "expired"),
            }
        }
        Ok(())
    });
    if let Err(TestError::Fail(why, (scenario, terms, moves))) = result {
        panic!("{why}\n{scenario:?}\n{terms:?}\n{moves:?}");
    }
    let seen = seen.into_inner().seen;
    for wanted in [
        "Start: Ok(true)",
        "Finish: Ok(true)",
        "Recall: Ok(true)",
        "WithdrawVote: Ok(true)",
        "Lapse: Ok(true)",
        "Start: Err(\"effect_started\")",
    ] {
        assert!(seen.contains_key(wanted), "{wanted} never happened: {seen:#?}");
    }
}

/// A directory in a few lines.
fn brief(directory: &Directory) -> String {
    let record = |(id, record): (&PersonId, &Record)| {
        format!(
            "{id}{}{}",
            if record.active { "" } else { " (left)" },
            record.manager.as_ref().map_or(String::new(), |m| format!(" under {m}"))
        )
    };
    let people: Vec<String> = directory.people.iter().map(record).collect();
    let roles: Vec<String> = directory
        .roles
        .iter()
        .map(|(role, members)| format!("{role}: {:?}", members.iter().map(PersonId::as_str).collect::<Vec<_>>()))
        .collect();
    let delegations: Vec<String> = directory
        .delegations
        .iter()
        .map(|d| {
            let hour = |at: approvals_domain::time::Timestamp| (at.millis() - MORNING.millis()) / HOUR;
            format!("{} → {} {}h..{}h {:?} {:?} {:?}", d.from, d.to, hour(d.starts_at), hour(d.ends_at), d.steps, d.templates, d.max)
        })
        .collect();
    format!("{}; {}; {}", people.join(", "), roles.join(", "), delegations.join(", "))
}
