//! Random templates, directories and commands, read at different moments: whatever comes of them must replay from what was recorded.
//!
//! `APPROVALS_CASES=100000 cargo test -p approvals-domain random` is the nightly number; `APPROVALS_SEED=7` makes other ones. What must come
//! of them says the reference model.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::timers::Timer;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::desk::{Desk, caller, desk};
use crate::strategies::{chosen, template, world};
use crate::world::{only_steps, person};

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
    Vote(Decision),
    VoteFor(usize, Decision),
    Resubmit,
    Cancel,
    Comment,
    Reassign(Option<usize>, usize),
    Transfer(usize),
    Reroute,
    /// Whatever must fire now, on every step.
    Tick,
    /// A tick that is behind: something that need not fire.
    Fire(Timer),
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
    prop_oneof![
        18 => decision().prop_map(Act::Vote),
        4 => (somebody(), decision()).prop_map(|(person, decision)| Act::VoteFor(person, decision)),
        3 => Just(Act::Resubmit),
        1 => Just(Act::Cancel),
        1 => Just(Act::Comment),
        5 => (prop::option::of(somebody()), somebody()).prop_map(|(from, to)| Act::Reassign(from, to)),
        1 => somebody().prop_map(Act::Transfer),
        5 => Just(Act::Reroute),
        5 => Just(Act::Tick),
        2 => timer().prop_map(Act::Fire),
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

fn timer() -> impl Strategy<Value = Timer> {
    let number = || 1..3u32;
    prop_oneof![number().prop_map(Timer::Remind), number().prop_map(Timer::Escalate), Just(Timer::TimeOut)]
}

/// Reads of one decision may show the directory at different moments. The answer may be either; the record must give it again.
#[test]
fn facts_of_different_moments_are_recorded_so_that_they_replay() {
    let config = scenarios(2);
    let acts = prop::collection::vec((somebody(), 0..4usize, act()), 0..24);
    let old = prop::option::weighted(0.5, world());
    let result = TestRunner::new(config).run(&(template(), old, world(), acts), |(template, old, new, acts)| {
        let mut desk = desk(new, serde_json::from_value(template).unwrap());
        (desk.thorough, desk.stale) = (false, old);
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

/// What is answered does not matter here; the desk checks every commit that comes of it.
fn blindly(desk: &mut Desk, by: &str, on: usize, act: &Act) {
    let on = format!("s{}", on.min(desk.request().steps.len() - 1));
    let _ = match act {
        Act::Vote(decision) => desk.vote(by, &on, *decision),
        Act::VoteFor(other, decision) => {
            let vote = Vote { on_behalf_of: Some(person(&name(*other))), ..desk.ballot(&on, *decision) };
            desk.give(&caller(by), &Command::Vote(vote))
        }
        Act::Resubmit => desk.resubmit("p0"),
        Act::Cancel => desk.cancel(by),
        Act::Comment => desk.comment(by),
        Act::Reassign(from, to) => desk.reassign(by, &on, from.map(name).as_deref(), &name(*to)),
        Act::Transfer(to) => desk.transfer(by, &name(*to)),
        Act::Reroute => desk.reroute(),
        Act::Fire(timer) => desk.fire(&on, *timer),
        Act::Tick => return drop(desk.tick()),
        other => return change(desk, other),
    };
}

fn change(desk: &mut Desk, act: &Act) {
    match act {
        Act::Leave(who) => desk.world.leave(&name(*who)),
        Act::Join(who) => desk.world.join(&name(*who)),
        Act::Role(role, members) => {
            let active: Vec<bool> = members.iter().enumerate().map(|(n, is)| *is && desk.world.is_active(&person(&name(n)))).collect();
            desk.world.set_role(ROLES[*role], &chosen(&active));
        }
        Act::Manager(of, manager) => desk.world = std::mem::take(&mut desk.world).manager(&name(*of), &name(*manager)),
        Act::Delegate { between: (from, to), after, hours, only } if from != to => {
            let (id, now) = (format!("e{}", desk.world.writes()), desk.now);
            desk.world = std::mem::take(&mut desk.world).delegation_with(&id, &name(*from), &name(*to), |d| {
                d.starts_at = now.plus_hours(f64::from(*after));
                d.ends_at = d.starts_at.plus_hours(f64::from(*hours));
                d.steps = only.and_then(|n| only_steps(&format!("s{n}")));
            });
        }
        Act::Revoke(nth) => desk.world.revoke(*nth),
        Act::Wait(quarters) => desk.now = desk.now.plus_hours(f64::from(*quarters) / 4.0),
        _ => {}
    }
}

/// So many random scenarios as the environment says, by default 2,000, or a share of them. They are the same ones each time, so that a run
/// which fails can be run again: `APPROVALS_SEED` chooses others.
pub(crate) fn scenarios(share: u32) -> Config {
    let said = |name| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let cases = said("APPROVALS_CASES").map_or(2_000, |cases: u64| u32::try_from(cases).unwrap_or(u32::MAX)) / share;
    let rng_seed = RngSeed::Fixed(said("APPROVALS_SEED").unwrap_or(1));
    Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}
