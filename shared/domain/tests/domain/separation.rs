//! Separation of duties: every way by which somebody who must not vote could come to a vote of their own, and each is refused, while
//! another approver can still act.
//!
//! Whoever asks, whoever submits for them, whoever the template bars by name or by role — times every kind of right — times every way to
//! use it: oneself, for somebody, through others, as the one between, as the one voted for — times every way a vote can arrive.

use approvals_domain::actor::Channel;
use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::event::Decision::Approve;
use approvals_domain::state::Status;
use serde_json::{Value, json};

use crate::desk::{Desk, code, desk, template_with};
use crate::world::{World, person, role};

const CHANNELS: [Channel; 5] = [Channel::Api, Channel::Bulk, Channel::Cli, Channel::Page, Channel::Link];
/// Who must not vote: rita asks, sam submits for her, bo is barred by name, rob by role.
const OUT: [&str; 4] = ["rita", "sam", "bo", "rob"];

/// A kind of right, and the step that gives it to `who` and to `other`.
fn rights(who: &str) -> Vec<(&'static str, Value)> {
    let both = |by: Value| json!([by, { "user": "other" }]);
    let step = |approvers: Value| json!({ "id": "x", "approvers": approvers });
    let reserve = |fallback: Value| json!({ "id": "x", "approvers": [{ "role": "nobody" }], "fallback": fallback });
    let mut all = vec![
        ("user", step(both(json!({ "user": who })))),
        ("role", step(json!([{ "role": "both" }]))),
        ("any_of user", step(both(json!({ "any_of": [{ "user": who }, { "user": "third" }] })))),
        ("any_of role", step(both(json!({ "any_of": [{ "role": "only" }, { "user": "third" }] })))),
        ("expression user", step(both(json!({ "expression": "metadata.who" })))),
        ("expression role", step(both(json!({ "expression": "metadata.which" })))),
        ("fallback user", reserve(both(json!({ "user": who })))),
        ("fallback role", reserve(json!([{ "role": "both" }]))),
        (ESCALATED, step(json!([{ "user": "other" }]))),
        ("approval_admin", json!({ "id": "x", "approvers": [{ "role": "nobody" }] })),
    ];
    if who != "rita" {
        all.push(("manager", step(both(json!({ "manager_of": "requester" })))));
    }
    all
}

/// The right that an escalation gives: the state as if a level had added them, by name and by role.
const ESCALATED: &str = "escalation";

fn added_by_a_level(desk: &mut Desk, who: &str) {
    let opening = desk.state.as_mut().unwrap().steps[0].opening.as_mut().unwrap();
    let added = [Candidate::User(person(who)), Candidate::Role(role("both"))];
    opening.candidates.extend(added.map(|candidate| Placed { candidate, level: 2, reserve: false }));
}

/// A way to a vote: delegations, who votes, and for whom.
struct Way {
    name: &'static str,
    /// From and to.
    delegations: Vec<(&'static str, &'static str)>,
    voter: &'static str,
    on_behalf_of: Option<&'static str>,
}

fn ways(who: &'static str) -> Vec<Way> {
    let way = |name, delegations: &[(&'static str, &'static str)], voter, on_behalf_of| Way {
        name,
        delegations: delegations.to_vec(),
        voter,
        on_behalf_of,
    };
    vec![
        way("oneself", &[], who, None),
        way("oneself, by name", &[], who, Some(who)),
        way("for another", &[("other", who)], who, Some("other")),
        way("for another, unnamed", &[("other", who)], who, None),
        way("over two hops", &[("other", "d1"), ("d1", who)], who, Some("other")),
        way("over three hops", &[("other", "d1"), ("d1", "d2"), ("d2", who)], who, Some("other")),
        way("as the one voted for", &[(who, "d1")], "d1", Some(who)),
        way("as the one voted for, far", &[(who, "d1"), ("d1", "d2"), ("d2", "d3")], "d3", Some(who)),
        way("as the one between", &[("other", who), (who, "d1")], "d1", Some("other")),
        way("as the one between, first", &[("other", "d1"), ("d1", who), (who, "d2")], "d2", Some("other")),
    ]
}

fn opened(who: &'static str, step: Value, way: &Way) -> Desk {
    let mut world = World::of("rita sam bo rob other third d1 d2 d3")
        .role("both", &format!("{who} other"))
        .role("only", who)
        .role("suppliers", "rob")
        .role("approval_admin", &format!("{who} other"));
    if who != "rita" {
        world = world.manager("rita", who);
    }
    for (n, (from, to)) in way.delegations.iter().enumerate() {
        world = world.delegation(&format!("d{n}"), from, to);
    }
    let barred = json!({ "barred": [{ "user": "bo" }, { "role": "suppliers" }] });
    let mut desk = desk(world, template_with(json!([step]), barred));
    desk.expression("approvers:x:0", &[&format!("user:{who}")]);
    if step_uses(&desk, "metadata.which") {
        desk.expression("approvers:x:0", &["role:both"]);
    }
    desk.submit_for("sam", "rita").unwrap();
    desk
}

fn step_uses(desk: &Desk, expression: &str) -> bool {
    serde_json::to_string(&desk.template).unwrap().contains(expression)
}

#[test]
fn nobody_who_must_not_vote_finds_a_way_to() {
    let mut tried = 0;
    for who in OUT {
        for (kind, step) in rights(who) {
            for way in ways(who) {
                for channel in CHANNELS {
                    let what = format!("{who} by {kind}, {}, over {channel:?}", way.name);
                    let mut desk = opened(who, step.clone(), &way);
                    desk.channel = channel;
                    let opened = desk.state.clone();
                    if kind == ESCALATED {
                        added_by_a_level(&mut desk, who);
                    }
                    let refused = match way.on_behalf_of {
                        Some(person) => desk.approve_for(way.voter, person, "x"),
                        None => desk.approve(way.voter, "x"),
                    };
                    // Whoever has no right here at all does not even see the request.
                    assert!(["not_eligible", "not_found"].contains(&code(&refused)), "{what}");
                    assert_eq!(desk.commits.len(), 1, "{what}: something was written");
                    desk.state = opened;
                    desk.vote("other", "x", Approve).unwrap_or_else(|no| panic!("{what}: {no}"));
                    assert_eq!(desk.status(), Status::Approved, "{what}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, (10 + 3 * 11) * 10 * 5);
}

/// No seat is passed to them, none of theirs is passed on by them, and as administrators they choose no judge of their own.
#[test]
fn no_seat_moves_by_their_hand_or_into_it() {
    for who in OUT {
        for (kind, step) in rights(who) {
            let no_way = Way { name: "", delegations: Vec::new(), voter: who, on_behalf_of: None };
            let mut desk = opened(who, step, &no_way);
            let into = desk.reassign("other", "x", None, who);
            assert_eq!(code(&into), "invalid_target", "{who} by {kind}: into");
            let by_admin = desk.reassign(who, "x", Some("other"), "d1");
            assert_eq!(code(&by_admin), "not_eligible", "{who} by {kind}: as an administrator, another's seat");
            let own = desk.reassign(who, "x", Some(who), "d1");
            assert_eq!(code(&own), "not_eligible", "{who} by {kind}: the own seat");
            assert_eq!(desk.commits.len(), 1);
            desk.approve("other", "x").unwrap();
        }
    }
}

/// A step may say that they can. Then they can, by each kind of right.
#[test]
fn allow_self_is_the_one_way() {
    for who in OUT {
        for (kind, mut step) in rights(who).into_iter().filter(|(kind, _)| *kind != ESCALATED) {
            step["allow_self"] = json!(true);
            let no_way = Way { name: "", delegations: Vec::new(), voter: who, on_behalf_of: None };
            let mut desk = opened(who, step, &no_way);
            // Of `approval_admin` and fallback only when the step was too short of voters.
            desk.approve(who, "x").unwrap_or_else(|no| panic!("{who} by {kind}: {no}"));
        }
    }
}
