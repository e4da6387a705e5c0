//! Random templates, directories and commands: the core and the naive model must say the same, step by step.
//!
//! `APPROVALS_CASES=100000 cargo test -p approvals-domain random` is the nightly number.

use std::cell::RefCell;
use std::collections::BTreeMap;

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::template::Template;
use approvals_domain::timers::{self, Timer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::Value;

use crate::checks::folds_alike_from_page;
use crate::desk::{Answer, Desk, caller, desk, payload};
use crate::model::{Model, Told};
use crate::rights::{never_stuck, same_rights};
use crate::strategies::{chosen, template, world};
use crate::world::{MORNING, World, only_steps, person, step};

pub(crate) const PEOPLE: usize = 7;
pub(crate) const ROLES: [&str; 3] = ["r0", "r1", "approval_admin"];

pub(crate) fn name(n: usize) -> String {
    format!("p{n}")
}

pub(crate) fn somebody() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

#[derive(Debug, Clone)]
enum Act {
    /// The n-th who may vote passes the seat on.
    Pass {
        pick: prop::sample::Index,
        to: usize,
    },
    /// The n-th who may vote for another does, whether the seat is free or not.
    Behalf {
        pick: prop::sample::Index,
        decision: Decision,
    },
    /// By the n-th who may vote, if anybody may.
    Likely {
        pick: prop::sample::Index,
        decision: Decision,
    },
    Vote {
        by: usize,
        on: usize,
        decision: Decision,
        hash: Option<bool>,
        behalf: Option<usize>,
    },
    Resubmit(usize),
    Cancel(usize),
    Comment(usize),
    Reassign {
        by: usize,
        on: usize,
        from: Option<usize>,
        to: usize,
    },
    Reroute,
    /// Whatever must fire now, on every step.
    Tick,
    /// A tick that is behind: something that need not fire.
    Fire(usize, Timer),
    Leave(usize),
    Join(usize),
    Role(usize, Vec<bool>),
    Manager(usize, usize),
    /// From and to, after so many hours for so many; of one step only, or of all.
    Delegate {
        between: (usize, usize),
        after: u8,
        hours: u8,
        only: Option<usize>,
    },
    Revoke(usize),
    /// So many quarters of an hour pass.
    Wait(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let decision = || prop_oneof![7 => Just(Decision::Approve), 3 => Just(Decision::Reject), 1 => Just(Decision::Return)];
    // One more person than there are: unknown to the directory.
    let anybody = || 0..=PEOPLE;
    let hash = prop_oneof![8 => Just(Some(true)), 1 => Just(None), 1 => Just(Some(false))];
    prop_oneof![
        12 => (any::<prop::sample::Index>(), decision()).prop_map(|(pick, decision)| Act::Likely { pick, decision }),
        5 => (anybody(), 0..4usize, decision(), hash, prop::option::weighted(0.3, somebody()))
            .prop_map(|(by, on, decision, hash, behalf)| Act::Vote { by, on, decision, hash, behalf }),
        2 => (any::<prop::sample::Index>(), somebody()).prop_map(|(pick, to)| Act::Pass { pick, to }),
        2 => (any::<prop::sample::Index>(), decision()).prop_map(|(pick, decision)| Act::Behalf { pick, decision }),
        3 => prop_oneof![3 => Just(0), 1 => anybody()].prop_map(Act::Resubmit),
        1 => anybody().prop_map(Act::Cancel),
        1 => anybody().prop_map(Act::Comment),
        3 => (anybody(), 0..4usize, prop::option::of(somebody()), anybody()).prop_map(|(by, on, from, to)| Act::Reassign { by, on, from, to }),
        5 => Just(Act::Reroute),
        5 => Just(Act::Tick),
        2 => (0..4usize, timer()).prop_map(|(on, timer)| Act::Fire(on, timer)),
        1 => somebody().prop_map(Act::Leave),
        1 => somebody().prop_map(Act::Join),
        4 => (0..3usize, prop::collection::vec(prop::bool::weighted(0.35), PEOPLE)).prop_map(|(role, members)| Act::Role(role, members)),
        1 => (somebody(), somebody()).prop_map(|(of, manager)| Act::Manager(of, manager)),
        3 => ((somebody(), somebody()), 0..4u8, 1..5u8, prop::option::weighted(0.2, 0..4usize))
            .prop_map(|(between, after, hours, only)| Act::Delegate { between, after, hours, only }),
        1 => (0..6usize).prop_map(Act::Revoke),
        3 => (1..12u8).prop_map(Act::Wait),
    ]
}

/// Both sides' answers in the same words.
fn told(answer: Answer) -> Told {
    answer.map(|events| !events.is_empty()).map_err(|refusal| refusal.code())
}

fn compare(desk: &Desk, model: &Model, act: &str) {
    assert_eq!(desk.status().as_str(), model.status(), "status after {act}");
    for step in &desk.request().steps {
        let wanted = &model.steps[&step.id];
        let opening = step.opening.as_ref();
        let seen = (step.phase.as_str(), opening.map_or(0, |o| o.need), step.votes.len());
        assert_eq!(seen, (wanted.state, wanted.need, wanted.votes.len()), "step {} after {act}", step.id);
    }
}

fn play(desk: &mut Desk, model: &mut Model, act: &Act, seen_so_far: &mut Seen) {
    let last = model.steps.len() - 1;
    let id = |n: usize| person(&name(n));
    let on = |n: usize| step(&format!("s{}", n.min(last)));
    let vote = |desk: &mut Desk, by: &PersonId, on, decision, hash: Option<bool>, behalf: Option<PersonId>| {
        let payload_hash = hash.map(|right| if right { desk.request().payload_hash } else { payload(999) });
        let vote = Vote { step: on, decision, payload_hash, on_behalf_of: behalf, comment: None };
        told(desk.give(&caller(by.as_str()), &Command::Vote(vote)))
    };
    let people: Vec<PersonId> = (0..PEOPLE).map(id).collect();
    let (seen, wanted) = match act {
        Act::Likely { pick, decision } => {
            let voters = model.voters(&people);
            if voters.is_empty() {
                return;
            }
            let (by, on) = pick.get(&voters);
            (vote(desk, by, on.clone(), *decision, Some(true), None), model.vote(by, on, *decision, Some(true), None))
        }
        Act::Pass { pick, to } => {
            let voters = model.voters(&people);
            if voters.is_empty() {
                return;
            }
            let (by, on) = pick.get(&voters);
            (told(desk.reassign(by.as_str(), on.as_str(), None, &name(*to))), model.reassign(by, on, None, &id(*to)))
        }
        Act::Behalf { pick, decision } => {
            let rights = model.rights_for_others(&people);
            if rights.is_empty() {
                return;
            }
            let (by, on, behalf) = pick.get(&rights);
            let seen = vote(desk, by, on.clone(), *decision, Some(true), Some(behalf.clone()));
            (seen, model.vote(by, on, *decision, Some(true), Some(behalf)))
        }
        Act::Vote { by, on: n, decision, hash, behalf } => {
            let (by, on, behalf) = (id(*by), on(*n), behalf.map(id));
            let seen = vote(desk, &by, on.clone(), *decision, *hash, behalf.clone());
            (seen, model.vote(&by, &on, *decision, *hash, behalf.as_ref()))
        }
        Act::Resubmit(by) => (told(desk.resubmit(&name(*by))), model.resubmit(&id(*by))),
        Act::Cancel(by) => (told(desk.cancel(&name(*by))), model.cancel(&id(*by))),
        Act::Comment(by) => (told(desk.comment(&name(*by))), model.comment(&id(*by))),
        Act::Reassign { by, on: n, from, to } => {
            let from_name = from.map(name);
            let seen = told(desk.reassign(&name(*by), on(*n).as_str(), from_name.as_deref(), &name(*to)));
            (seen, model.reassign(&id(*by), &on(*n), from.map(id).as_ref(), &id(*to)))
        }
        Act::Reroute => (told(desk.reroute()), model.reroute()),
        Act::Fire(n, timer) => (told(desk.fire(on(*n).as_str(), *timer)), model.fire(&on(*n), *timer)),
        Act::Tick => return tick(desk, model, seen_so_far),
        Act::Leave(who) => return desk.world.leave(&name(*who)),
        Act::Join(who) => return desk.world.join(&name(*who)),
        Act::Role(role, members) => {
            let active: Vec<bool> = members.iter().enumerate().map(|(n, is)| *is && desk.world.is_active(&id(n))).collect();
            return desk.world.set_role(ROLES[*role], &chosen(&active));
        }
        Act::Manager(of, manager) => {
            desk.world = std::mem::take(&mut desk.world).manager(&name(*of), &name(*manager));
            return;
        }
        Act::Delegate { between: (from, to), after, hours, only } => {
            if from != to {
                let (id, now) = (format!("e{}", desk.world.writes()), desk.now);
                desk.world = std::mem::take(&mut desk.world).delegation_with(&id, &name(*from), &name(*to), |d| {
                    d.starts_at = now.plus_hours(f64::from(*after));
                    d.ends_at = d.starts_at.plus_hours(f64::from(*hours));
                    d.steps = only.and_then(|n| only_steps(&format!("s{n}")));
                });
            }
            return;
        }
        Act::Revoke(nth) => return desk.world.revoke(*nth),
        Act::Wait(quarters) => {
            desk.now = desk.now.plus_hours(f64::from(*quarters) / 4.0);
            return;
        }
    };
    assert_eq!(seen, wanted, "{act:?}");
    seen_so_far.count(seen.err().unwrap_or("accepted"));
    compare(desk, model, &format!("{act:?}"));
    if matches!(act, Act::Reroute) {
        never_stuck(model);
    }
}

/// Both sides fire what they think must fire, one by one.
fn tick(desk: &mut Desk, model: &mut Model, seen_so_far: &mut Seen) {
    loop {
        model.now = desk.now;
        let steps: Vec<StepId> = desk.template.all_steps().map(|rules| rules.id.clone()).collect();
        let wanted = steps.into_iter().find_map(|id| Some((id.clone(), model.due(&id)?)));
        assert_eq!(timers::first_due(desk.request(), &desk.template, desk.now), wanted);
        let Some((id, timer)) = wanted else { return };
        let seen = told(desk.fire(id.as_str(), timer));
        assert_eq!(seen, model.fire(&id, timer), "{timer:?} on {id}");
        seen_so_far.count(seen.err().unwrap_or("fired"));
        compare(desk, model, &format!("{timer:?} on {id}"));
    }
}

fn timer() -> impl Strategy<Value = Timer> {
    let number = || 1..3u32;
    prop_oneof![number().prop_map(Timer::Remind), number().prop_map(Timer::Escalate), Just(Timer::TimeOut)]
}

/// How often each thing was seen: a random test that never gets anywhere proves nothing.
#[derive(Debug, Default)]
struct Seen(BTreeMap<String, usize>);

impl Seen {
    fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }
}

fn case(template: Value, world: World, submitter: usize, acts: &[Act], seen_so_far: &mut Seen) {
    let template: Template = serde_json::from_value(template).unwrap();
    let mut desk = desk(world, template);
    desk.thorough = false;
    let (by, requester) = (name(submitter), name(0));
    let wanted = Model::submit(desk.world.clone(), desk.template.clone(), &person(&by), &person(&requester), MORNING);
    let seen = told(desk.submit_for(&by, &requester));
    let mut model = match wanted {
        Ok(model) => model,
        Err(code) => {
            seen_so_far.count(code);
            return assert_eq!(seen, Err(code));
        }
    };
    assert_eq!(seen, Ok(true));
    compare(&desk, &model, "submission");
    // One more person than there are: unknown to the directory.
    let people: Vec<PersonId> = (0..=PEOPLE).map(|n| person(&name(n))).collect();
    for act in acts {
        play(&mut desk, &mut model, act, seen_so_far);
        (model.world, model.now) = (desk.world.clone(), desk.now);
        same_rights(&desk, &model, &people, &format!("{act:?}"));
    }
    folds_alike_from_page(&desk, desk.commits.len() / 2);
    seen_so_far.count(&format!("ends {}", desk.status().as_str()));
    seen_so_far.count(&format!("rounds {}", desk.rounds));
    for event in desk.commits.iter().flat_map(|sealed| &sealed.commit.events) {
        seen_so_far.count(&format!("event {}", crate::lifecycle::kind(event)));
    }
    for step in &desk.request().steps {
        seen_so_far.count(&format!("step {}", step.phase.as_str()));
        for vote in &step.votes {
            seen_so_far.count(&format!("vote over {} hops", vote.voted.delegations.len()));
        }
    }
}

#[test]
fn the_core_and_the_naive_model_agree() {
    let config = Config { cases: cases(), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let submitter = prop_oneof![3 => Just(0), 1 => Just(1usize)];
    let strategy = (template(), world(), submitter, prop::collection::vec(act(), 0..20));
    let seen = RefCell::new(Seen::default());
    let result = TestRunner::new(config).run(&strategy, |(template, world, submitter, acts)| {
        case(template, world, submitter, &acts, &mut seen.borrow_mut());
        Ok(())
    });
    if let Err(TestError::Fail(why, (template, world, submitter, acts))) = result {
        panic!("{why}\ntemplate: {template}\nworld: {world:?}\nsubmitter: p{submitter}\nacts: {acts:#?}");
    }
    println!("{:#?}", seen.into_inner().0);
}

/// Reads of one decision may show the directory at different moments. The answer may be either; the record must give it again.
#[test]
fn facts_of_different_moments_are_recorded_so_that_they_replay() {
    let config = Config { cases: cases() / 4, failure_persistence: None, ..Config::default() };
    let acts = prop::collection::vec((somebody(), 0..4usize, act()), 0..20);
    let result = TestRunner::new(config).run(&(template(), world(), world(), acts), |(template, old, new, acts)| {
        let mut desk = desk(new, serde_json::from_value(template).unwrap());
        (desk.thorough, desk.stale) = (false, Some(old));
        if desk.submit("p0").is_ok() {
            for (by, on, act) in &acts {
                blindly(&mut desk, &name(*by), *on, act);
            }
        }
        Ok(())
    });
    if let Err(TestError::Fail(why, (template, old, new, acts))) = result {
        panic!("{why}\ntemplate: {template}\nold: {old:?}\nnew: {new:?}\nacts: {acts:#?}");
    }
}

/// What is asked does not matter here; the desk checks every commit that comes of it.
fn blindly(desk: &mut Desk, by: &str, on: usize, act: &Act) {
    let on = format!("s{}", on.min(desk.request().steps.len() - 1));
    let _ = match act {
        Act::Pass { to, .. } => desk.reassign(by, &on, None, &name(*to)),
        Act::Reassign { from, to, .. } => desk.reassign(by, &on, from.map(name).as_deref(), &name(*to)),
        Act::Likely { decision, .. } | Act::Behalf { decision, .. } | Act::Vote { decision, .. } => desk.vote(by, &on, *decision),
        Act::Resubmit(_) => desk.resubmit("p0"),
        Act::Cancel(_) => desk.cancel(by),
        Act::Comment(_) => desk.comment(by),
        Act::Fire(_, timer) => desk.fire(&on, *timer),
        Act::Tick => return drop(desk.tick()),
        Act::Wait(quarters) => return desk.now = desk.now.plus_hours(f64::from(*quarters) / 4.0),
        _ => desk.reroute(),
    };
}

fn cases() -> u32 {
    std::env::var("APPROVALS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}
