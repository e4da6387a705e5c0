//! Random templates and directories, small enough to read in a failure.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::random::{PEOPLE, ROLES, name, somebody};
use crate::world::{World, only_steps};

/// An approver of step `n`.
pub(crate) fn approver(n: usize) -> impl Strategy<Value = Value> {
    let simple = prop_oneof![
        3 => somebody().prop_map(|p| json!({ "user": name(p) })),
        5 => (0..2usize).prop_map(|r| json!({ "role": ROLES[r] })),
        1 => Just(json!({ "manager_of": "requester" })),
        1 => (0..n.max(1)).prop_map(move |of| if n == 0 { json!({ "manager_of": "requester" }) } else { json!({ "manager_of": format!("s{of}") }) }),
    ];
    let simple = simple.boxed();
    prop_oneof![5 => simple.clone(), 1 => prop::collection::vec(simple, 1..3).prop_map(|inner| json!({ "any_of": inner }))]
}

fn one_step(n: usize) -> impl Strategy<Value = Value> {
    let required = prop_oneof![
        5 => Just(json!(1)), 3 => Just(json!(2)), 1 => Just(json!(3)), 1 => Just(json!("all")), 1 => Just(json!("majority")), 1 => Just(json!("60%"))
    ];
    let on_reject = prop_oneof![2 => Just("reject"), 2 => Just("return"), 3 => Just("majority")];
    let earlier = || {
        prop::collection::vec(prop::bool::weighted(0.2), n)
            .prop_map(|picks| picks.iter().enumerate().filter(|(_, pick)| **pick).map(|(n, _)| format!("s{n}")).collect::<Vec<_>>())
    };
    let fallback = prop_oneof![
        4 => Just(None), 2 => Just(Some(json!("none"))), 2 => approver(0).prop_map(|a| Some(json!([a])))
    ];
    let shape = (prop::collection::vec(approver(n), 1..3), required, on_reject, prop::bool::weighted(0.1));
    (shape, earlier(), earlier(), fallback, ladder(n)).prop_map(
        move |((approvers, required, on_reject, allow_self), distinct, skip, fallback, ladder)| {
            let mut step = json!({
                "id": format!("s{n}"), "approvers": approvers, "required": required, "on_reject": on_reject, "allow_self": allow_self,
                "distinct_from": distinct, "skip_if_approved_by": skip
            });
            step.as_object_mut().unwrap().extend(ladder);
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
        3 => Just(json!({ "manager_of": "approver" })), 2 => approver(n), 1 => Just(json!({ "any_of": [{ "manager_of": "approver" }, { "role": "r1" }] }))
    ];
    let levels = prop::collection::vec((prop_oneof![Just(0.25), Just(0.5), Just(1.0)], prop::collection::vec(to, 1..3)), 0..4);
    let remind = prop_oneof![3 => Just(json!([])), 1 => Just(json!([0.5])), 2 => Just(json!([0.25, 0.75]))];
    let on_timeout = prop_oneof![4 => Just("none"), 1 => Just("approve"), 1 => Just("reject"), 1 => Just("expire")];
    (1..5u8, remind, levels, on_timeout).prop_map(|(hours, remind, levels, on_timeout)| {
        let mut after = 0.0;
        let escalate: Vec<Value> = levels
            .into_iter()
            .map(|(gap, to)| {
                after += gap;
                json!({ "after": after, "to": to })
            })
            .collect();
        let ladder = json!({ "sla": { "hours": hours }, "remind": remind, "escalate": escalate, "on_timeout": on_timeout });
        ladder.as_object().unwrap().clone()
    })
}

/// A template as JSON: short enough to read in a failure.
pub(crate) fn template() -> impl Strategy<Value = Value> {
    let barred = prop_oneof![4 => Just(json!([])), 1 => approver(0).prop_map(|a| json!([a]))];
    ((one_step(0), one_step(1), one_step(2), one_step(3)), 1..5usize, 0..4u8, barred).prop_map(|((a, b, c, d), count, grouping, barred)| {
        let steps: Vec<Value> = [a, b, c, d].into_iter().take(count).collect();
        let grouped = match (grouping, steps.as_slice()) {
            (1, [a, b, rest @ ..]) => [vec![json!([a, b])], rest.to_vec()].concat(),
            (2, [a, b, c, rest @ ..]) => [vec![a.clone(), json!([b, c])], rest.to_vec()].concat(),
            (3, all) => vec![json!(all)],
            (_, all) => all.to_vec(),
        };
        json!({ "key": "t", "title": "T", "steps": grouped, "barred": barred })
    })
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let members = || prop::collection::vec(prop::bool::weighted(0.5), PEOPLE);
    let managers = prop::collection::vec(prop::option::of(somebody()), PEOPLE);
    let delegations = prop::collection::vec((somebody(), somebody(), prop::option::weighted(0.2, 0..4usize)), 0..7);
    (members(), members(), prop::collection::vec(prop::bool::weighted(0.2), PEOPLE), managers, delegations).prop_map(
        |(r0, r1, admins, managers, delegations)| {
            let everybody: Vec<String> = (0..PEOPLE).map(name).collect();
            let mut world = World::of(&everybody.join(" "));
            for (role, members) in ROLES.iter().zip([r0, r1, admins]) {
                world.set_role(role, &chosen(&members));
            }
            for (of, manager) in managers.iter().enumerate().filter_map(|(of, m)| Some((of, (*m)?))) {
                world = world.manager(&name(of), &name(manager));
            }
            for (n, (from, to, only)) in delegations.into_iter().enumerate().filter(|(_, (from, to, _))| from != to) {
                world = world.delegation_with(&format!("d{n}"), &name(from), &name(to), |d| {
                    d.steps = only.and_then(|n| only_steps(&format!("s{n}")));
                });
            }
            world
        },
    )
}

pub(crate) fn chosen(members: &[bool]) -> String {
    members.iter().enumerate().filter(|(_, is)| **is).map(|(n, _)| name(n)).collect::<Vec<_>>().join(" ")
}
