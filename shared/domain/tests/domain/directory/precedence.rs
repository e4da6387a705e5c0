//! Which refusal comes first where two apply to a command of the directory.

use approvals_domain::directory::delegation::Earlier;
use approvals_domain::directory::endpoint;

use super::{
    Said, Town, amend_endpoint, attempt, ben_receives, client_of, hook, late, put_calendar, put_endpoint, put_member, put_settings,
    put_user, report_to, town,
};
use crate::world::person;

/// `(wins, loses, the situation in which both apply, the same situation without the first)`.
type Pair = (&'static str, &'static str, fn() -> Said, fn() -> Said);

/// The refusals of each command in their order.
pub(crate) fn precedence() -> Vec<(&'static str, Vec<Pair>)> {
    let make: Vec<Pair> = vec![
        (
            "not_allowed",
            "delegation_revoked",
            || town("ann ben").earlier(Earlier::Gone).make(&client_of("eve"), "ann", "ben", (0.0, 24.0)),
            || town("ann ben").earlier(Earlier::Gone).ann_to("ben"),
        ),
        ("delegation_revoked", "unknown_user", || town("ben").earlier(Earlier::Gone).ann_to("ben"), || town("ben").ann_to("ben")),
        ("unknown_user", "no_such_user", || town("cleo").ann_to("ben"), || town("ann").ann_to("ben")),
        (
            "no_such_user",
            "limit_reached",
            || Town { people: [person("ann")].into(), ..ben_receives(50) }.ann_to("ben"),
            || ben_receives(50).ann_to("ben"),
        ),
        (
            "limit_reached",
            "delegation_cycle",
            || ben_receives(50).with("ben", "ann", (0.0, 24.0)).ann_to("ben"),
            || ben_receives(49).with("ben", "ann", (0.0, 24.0)).ann_to("ben"),
        ),
    ];
    vec![
        (
            "write a person",
            vec![
                (
                    "precondition_failed",
                    "no_such_user",
                    || report_to(Some("eve"), 0, None, &late()),
                    || report_to(Some("eve"), 0, None, &attempt()),
                ),
                (
                    "no_such_user",
                    "id_case_conflict",
                    || report_to(Some("eve"), 0, Some("ANN"), &attempt()),
                    || put_user(0, Some("ANN"), &attempt()),
                ),
            ],
        ),
        (
            "add a member",
            vec![
                (
                    "no_such_user",
                    "precondition_failed",
                    || put_member(false, Some("R"), true, &late()),
                    || put_member(true, Some("R"), true, &late()),
                ),
                (
                    "precondition_failed",
                    "id_case_conflict",
                    || put_member(true, Some("R"), true, &late()),
                    || put_member(true, Some("R"), true, &attempt()),
                ),
                (
                    "id_case_conflict",
                    "limit_reached",
                    || put_member(true, Some("R"), true, &attempt()),
                    || put_member(true, None, true, &attempt()),
                ),
            ],
        ),
        (
            "end a membership",
            vec![(
                "not_found",
                "precondition_failed",
                || put_member(false, None, false, &late()),
                || put_member(true, None, false, &late()),
            )],
        ),
        ("make a delegation", make),
        (
            "write settings",
            vec![("no_such_calendar", "precondition_failed", || put_settings(false, &late()), || put_settings(true, &late()))],
        ),
        (
            "write a calendar",
            vec![(
                "precondition_failed",
                "id_case_conflict",
                || put_calendar(Some("OFFICE"), &late()),
                || put_calendar(Some("OFFICE"), &attempt()),
            )],
        ),
        (
            "write an endpoint",
            vec![
                (
                    "precondition_failed",
                    "id_case_conflict",
                    || put_endpoint(Some("HOOK"), &late()),
                    || put_endpoint(Some("HOOK"), &attempt()),
                ),
                ("id_case_conflict", "limit_reached", || put_endpoint(Some("HOOK"), &attempt()), || put_endpoint(None, &attempt())),
            ],
        ),
        (
            "remove an endpoint",
            vec![(
                "precondition_failed",
                "not_found",
                || amend_endpoint(None, 0, endpoint::Command::Remove, &late()),
                || amend_endpoint(None, 0, endpoint::Command::Remove, &attempt()),
            )],
        ),
        (
            "rotate an endpoint's secret",
            vec![(
                "not_found",
                "precondition_failed",
                || amend_endpoint(None, 0, endpoint::Command::Rotate, &late()),
                || amend_endpoint(Some(hook(true)), 1, endpoint::Command::Rotate, &late()),
            )],
        ),
    ]
}

#[test]
fn where_two_refusals_apply_to_a_command_of_the_directory_the_first_wins() {
    let code = |said: Said| said.unwrap_err().code();
    for (command, pairs) in precedence() {
        for (first, second, both, only_second) in &pairs {
            assert_eq!((code(both()), code(only_second())), (*first, *second), "{command}");
        }
        for (one, next) in pairs.iter().zip(pairs.iter().skip(1)) {
            assert_eq!(one.1, next.0, "{command}: the table is a chain");
        }
    }
}
