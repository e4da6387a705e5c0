//! Limits, and that the largest legal request stays within them.

use approvals_domain::actor::{Actor, Caller};
use approvals_domain::limits;
use approvals_domain::state::Status;
use approvals_domain::timers::Timer;
use serde_json::{Value, json};

use crate::checks::folds_alike_from_every_page;
use crate::desk::{Desk, code, desk, submitted, template};
use crate::world::World;

/// Ten parallel steps `s0`… of 50 votes each that one more could still change, and `x` for `last`.
fn full_of_votes() -> Desk {
    let voters: Vec<String> = (0..50).map(|n| format!("v{n:02}")).collect();
    let members = voters.join(" ");
    let group: Vec<Value> = (0..10)
        .map(|n| json!({ "id": format!("s{n}"), "approvers": [{ "role": "p" }], "required": 51 }))
        .chain([json!({ "id": "x", "approvers": [{ "user": "last" }] })])
        .collect();
    let world = World::of(&format!("rita last extra {members}")).role("p", &format!("{members} extra"));
    let mut desk = desk(world, template(json!([group])));
    desk.thorough = false;
    desk.submit("rita").unwrap();
    for voter in &voters {
        for n in 0..10 {
            desk.approve(voter, &format!("s{n}")).unwrap();
        }
    }
    desk
}

/// [`full_of_votes`], built once: it takes 500 commits.
pub(crate) fn crowded() -> Desk {
    static CROWDED: std::sync::OnceLock<Desk> = std::sync::OnceLock::new();
    CROWDED.get_or_init(full_of_votes).clone()
}

#[test]
fn a_revision_takes_five_hundred_votes_and_still_ends() {
    let mut desk = crowded();
    assert_eq!(desk.request().votes().count(), limits::SEATS_PER_REVISION);
    assert_eq!(code(&desk.approve("extra", "s0")), "request_full");
    assert_eq!(code(&desk.comment("rita")), "request_full", "no room but for what leads to the end");
    folds_alike_from_every_page(&desk);
    desk.cancel("rita").unwrap();
    assert_eq!(desk.status(), Status::Cancelled);
}

#[test]
fn a_thousand_commits_hold_the_worst_request_to_its_end() {
    // Commits that lead nowhere, new revisions, then as many votes as a revision takes, every step timed out, then the end.
    let votes_and_timers = limits::SEATS_PER_REVISION as u64 + limits::STEPS as u64;
    assert_eq!(limits::COMMITS_OPEN + limits::COMMITS_KEPT + votes_and_timers + limits::COMMITS_END, limits::COMMITS);
    // One seat goes round among so many that nobody uses up what one person may pass on.
    let ring: Vec<String> =
        (0..limits::COMMITS_OPEN.div_ceil(u64::from(limits::REASSIGNMENTS_EACH)) + 1).map(|n| format!("h{n}")).collect();
    let steps = json!([{ "id": "x", "approvers": [{ "user": "h0" }, { "user": "b" }], "fallback": "none", "remind": [0.5] }]);
    let mut desk = submitted(World::of(&format!("rita b {}", ring.join(" "))), template(steps));
    desk.thorough = false;
    let mut holder = 0;
    while desk.request().version < limits::COMMITS_OPEN {
        let next = (holder + 1) % ring.len();
        desk.reassign(&ring[holder], "x", None, &ring[next]).unwrap();
        holder = next;
    }
    assert_eq!(code(&desk.reassign(&ring[holder], "x", None, "rita")), "invalid_target");
    assert_eq!(code(&desk.comment("rita")), "request_full");
    desk.now = desk.now.plus_hours(24.0);
    assert_eq!(code(&desk.fire("x", Timer::Remind(1))), "request_full", "nor does the clock");
    ring.iter().for_each(|id| desk.world.leave(id));
    desk.world.leave("b");
    assert_eq!(code(&desk.reroute()), "request_full", "a directory that flaps does not fill a request");
    desk.cancel("rita").unwrap();
}

/// An id of 128 characters.
fn long(name: &str, n: usize) -> String {
    format!("{name}{n:03}{}", "x".repeat(limits::ID_CHARS - name.len() - 3))
}

fn people(n: usize) -> Vec<String> {
    (0..n).map(|n| long("p", n)).collect()
}

fn largest(desk: &Desk) -> usize {
    desk.commits.iter().map(|sealed| sealed.bytes.len()).max().unwrap()
}

#[test]
fn a_hundred_candidates_of_the_longest_ids_fit_a_commit_when_all_are_needed() {
    let people = people(limits::CANDIDATES);
    let mut desk = desk(
        World::of(&format!("rita {}", people.join(" "))),
        template(json!([{ "id": "x", "approvers": [{ "expression": "e" }], "required": "all" }])),
    );
    let named: Vec<String> = people.iter().map(|id| format!("user:{id}")).collect();
    // Submission itself holds the names twice (result and opening) and the facts once: that is what does not fit.
    desk.expression("approvers:x:0", &named.iter().map(String::as_str).take(70).collect::<Vec<_>>());
    desk.submit("rita").unwrap();
    println!("70 named persons of 128 characters, all: {} bytes", largest(&desk));
    assert_eq!(desk.need("x"), 70);
}

#[test]
fn an_expression_names_at_most_a_hundred() {
    let mut desk = desk(World::of("rita a"), template(json!([{ "id": "x", "approvers": [{ "expression": "e" }] }])));
    let named: Vec<String> = (0..=limits::CANDIDATES).map(|n| format!("user:u{n}")).collect();
    desk.expression("approvers:x:0", &named.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code(&desk.submit("rita")), "request_full");
    desk.expression("approvers:x:0", &[&format!("any_of:{}", named.join(","))]);
    assert_eq!(code(&desk.submit("rita")), "request_full");
}

#[test]
fn all_members_of_a_large_role_fit_a_commit() {
    let people = people(100);
    let world = World::of(&format!("rita {}", people.join(" "))).role("p", &people.join(" "));
    let desk = submitted(world, template(json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": "all" }])));
    println!("100 members of 128 characters, all: {} bytes", largest(&desk));
    assert_eq!(desk.need("x"), 100);
}

#[test]
fn a_quorum_above_a_hundred_and_more_seats_than_five_hundred_are_refused_early() {
    for (rule, members, wanted) in [
        ("all", 100, None),
        ("all", 101, Some("unroutable")),
        ("majority", 199, None),
        ("majority", 200, Some("unroutable")),
        ("1%", 500, None),
        ("1%", 501, Some("unroutable")),
    ] {
        let members: Vec<String> = (0..members).map(|n| format!("u_{n:06}")).collect();
        let world = World::of(&format!("rita z {}", members.join(" "))).role("p", &members.join(" ")).role("approval_admin", "z");
        let mut desk = desk(world, template(json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": rule }])));
        desk.thorough = false;
        assert_eq!(desk.submit("rita").err().map(|refusal| refusal.code()), wanted, "{rule} of {}", members.len());
    }
}

#[test]
fn a_role_of_thousands_costs_a_commit_no_more_than_the_members_it_leaned_on() {
    let members: Vec<String> = (0..3_000).map(|n| format!("u_{n:06}")).collect();
    let world = World::of(&format!("rita {}", members.join(" "))).role("p", &members.join(" "));
    let desk = submitted(world, template(json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 2 }])));
    assert!(largest(&desk) < 600, "{}", largest(&desk));
}

#[test]
fn candidates_that_would_not_fit_the_commit_that_opens_them_are_refused_early() {
    let people = people(100);
    let group: Vec<Value> = (0..8)
        .map(|n| json!({ "id": format!("s{n}"), "approvers": people.iter().skip(n * 12).take(20).map(|id| json!({ "user": id })).collect::<Vec<_>>() }))
        .collect();
    let world = World::of(&format!("rita z {}", people.join(" ")));
    let mut desk = desk(world, template(json!([{ "id": "first", "approvers": [{ "user": "z" }] }, group])));
    assert_eq!(code(&desk.submit("rita")), "request_full");
}

#[test]
fn a_vote_looks_at_no_more_than_fifty_delegators_a_hop_unless_one_is_named() {
    let people: Vec<String> = (0..150).map(|n| format!("u_{n:06}")).collect();
    let mut world = World::of(&format!("rita v {}", people.join(" "))).role("p", &people.join(" "));
    for id in &people {
        world = world.delegation(&format!("d{id}"), id, "v");
    }
    let mut desk = submitted(world, template(json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 3 }])));
    desk.approve("v", "x").unwrap();
    assert_eq!(desk.at("x").votes[0].person().as_str(), "u_000000");
    println!("150 delegators: {} bytes", largest(&desk));
    let world = std::mem::take(&mut desk.world);
    desk.world = world.delegation("dw", "u_000149", "z");
    desk.world.join("z");
    desk.approve_for("z", "u_000149", "x").unwrap();
    desk.world.join("w");
    desk.world = std::mem::take(&mut desk.world).delegation("dx", "v", "w");
    desk.approve_for("w", "u_000148", "x").expect("the person named is looked for among all");
}

#[test]
fn an_escaped_claim_counts_into_the_envelope() {
    // The shell bounds what a token may say; this is what the arithmetic leaves for it.
    let mut claims = Caller {
        id: long("p", 0).parse().unwrap(),
        method: "jwt".into(),
        client_id: Some(long("c", 1)),
        auth_time: Some(1_772_704_800),
        acr: Some("urn:mace:incommon:iap:silver".into()),
        amr: vec!["pwd".into(), "otp".into(), "hwk".into()],
        submit_for: true,
    };
    claims.method.push_str("+dpop");
    let bytes = approvals_domain::hash::canonical(&Actor::Person(claims)).len();
    let ids = 3 * limits::ID_CHARS + 2 * 43 + 200;
    assert!(bytes + ids <= limits::ENVELOPE_BYTES, "{bytes} + {ids}");
}
