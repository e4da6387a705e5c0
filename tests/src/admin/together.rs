//! Administrators at the same time, and on a network that loses answers.

use std::collections::BTreeMap;
use std::time::Duration;

use approvals::app::Error;
use approvals::app::commands::people::{PutMember, PutUser};
use approvals::app::commands::{self, Amend, Amended, templates};
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::store::directory::chain::Author;
use approvals::template::{Syntax, parse};
use approvals_domain::actor::Actor;
use approvals_domain::ids::{PersonId, RoleId, TenantId};
use approvals_domain::refusal::Refusal;
use serde_json::json;

use crate::stage::seam::Fault;
use crate::stage::{Stage, caller};

fn user(name: &str, active: bool) -> User {
    let (name, email) = (name.to_owned(), "a@example.com".to_owned());
    User { name, email, manager: None, active, time_zone: None, attributes: BTreeMap::new() }
}

fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

async fn write<T>(stage: &Stage, write: impl AsyncFnOnce(&Author<'_>) -> T) -> T {
    let (tenant, actor) = (tenant(), Actor::Person(caller("root")));
    let now = stage.app.clock.now();
    write(&Author::new(&tenant, &actor, now, stage.app.entropy.salt())).await
}

/// The version, and whether the command changed something; or why it was declined.
type Answer = Result<(u64, bool), Refusal>;

fn answer<V>(amended: Result<Amended<V>, Error>) -> Answer {
    match amended {
        Ok(Amended { version, changed, .. }) => Ok((version, changed)),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

async fn amend<C: Amend>(stage: &Stage, if_match: Option<u64>, command: C) -> Answer {
    write(stage, async |author| answer(commands::amend(&stage.app.directory, author, if_match, command).await)).await
}

async fn put_user(stage: &Stage, if_match: Option<u64>, id: &PersonId, user: &User) -> Answer {
    amend(stage, if_match, PutUser::new(id, user)).await
}

async fn put_member(stage: &Stage, role: &RoleId, id: &PersonId, member: bool) -> Answer {
    amend(stage, None, PutMember { role, person: id, member }).await
}

/// Rows of a role stand exactly while membership and person are both active, whoever was faster.
#[tokio::test]
async fn somebody_leaves_and_returns_while_their_roles_change() {
    let stage = Stage::new().await;
    let ann = PersonId::new("ann").unwrap();
    let roles = ["r1", "r2"].map(|role| RoleId::new(role).unwrap());
    stage.person("ann", None, true).await;
    // Calls made together are seen together: all read before anybody writes.
    stage.seam.latency(Duration::from_millis(2));
    for round in 0..16 {
        let (person, member) = (user("Ann", round % 2 == 1), round % 4 < 2);
        let _ = tokio::join!(
            put_user(&stage, None, &ann, &person),
            put_member(&stage, &roles[0], &ann, member),
            put_member(&stage, &roles[1], &ann, !member),
        );
        let record = stage.app.directory.person(&tenant(), &ann, Freshness::Strong).await.unwrap().unwrap();
        assert_eq!(record.user, person);
        for (role, wanted) in roles.iter().zip([member, !member]) {
            let listed = stage.app.directory.members(&tenant(), role, 10, Freshness::Strong).await.unwrap();
            let holds = record.memberships.get(role).is_some_and(|(_, holds)| *holds);
            assert_eq!((holds, listed.present().any(|id| *id == ann)), (wanted, wanted && person.active), "{role} in round {round}");
        }
    }
}

/// Two who saw the same version: one of them writes.
#[tokio::test]
async fn of_two_who_saw_the_same_version_one_is_told() {
    let stage = Stage::new().await;
    let ann = PersonId::new("ann").unwrap();
    stage.person("ann", None, true).await;
    stage.seam.latency(Duration::from_millis(2));
    let (one, two) = (user("One", true), user("Two", true));
    let (one, two) = tokio::join!(put_user(&stage, Some(1), &ann, &one), put_user(&stage, Some(1), &ann, &two));
    let mut both = [one, two];
    both.sort_by_key(Result::is_err);
    assert_eq!(both, [Ok((2, true)), Err(Refusal::PreconditionFailed { version: 2 })]);
}

/// Two ids that differ only in letter case, at the same moment: one stands.
#[tokio::test]
async fn of_two_ids_alike_but_for_case_one_stands() {
    let stage = Stage::new().await;
    stage.seam.latency(Duration::from_millis(2));
    let (upper, lower) = (PersonId::new("ANN").unwrap(), PersonId::new("ann").unwrap());
    let person = user("Ann", true);
    let (one, two) = tokio::join!(put_user(&stage, None, &upper, &person), put_user(&stage, None, &lower, &person));
    let clashes = [&one, &two].into_iter().filter(|put| matches!(put, Err(Refusal::IdCaseConflict(_)))).count();
    assert_eq!(clashes, 1, "{one:?} {two:?}");
}

/// The write holds, its answer is lost, the SDK sends it again: it is the caller's own, not somebody else's.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_ones_own() {
    let stage = Stage::new().await;
    let (ann, role) = (PersonId::new("ann").unwrap(), RoleId::new("r").unwrap());
    let lose_next = || {
        let mut lost = false;
        stage.seam.script(move |operation| {
            let first = operation == "TransactWriteItems" && !std::mem::replace(&mut lost, true);
            if first { Fault::DropAfter } else { Fault::None }
        });
    };
    lose_next();
    assert_eq!(put_user(&stage, Some(0), &ann, &user("Ann", true)).await, Ok((1, true)));
    lose_next();
    assert_eq!(put_user(&stage, Some(1), &ann, &user("Ann B.", true)).await, Ok((2, true)));
    lose_next();
    assert_eq!(put_member(&stage, &role, &ann, true).await, Ok((1, true)));
    lose_next();
    let parsed =
        parse(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] }).to_string(), Syntax::Json)
            .unwrap();
    let canonical = String::from_utf8(parsed.canonical).unwrap();
    let stored = write(&stage, async |author| {
        templates::put_template(&stage.app.directory, author, &parsed.template, &canonical, true).await.unwrap()
    })
    .await;
    assert_eq!(stored, (1, true));
}

/// Many store the same and other content at once: each content has one number, numbers have no gaps, the chain is whole.
#[tokio::test]
async fn templates_stored_at_once_get_a_number_each() {
    let stage = Stage::new().await;
    stage.seam.latency(Duration::from_millis(2));
    let put = async |title: &str| {
        let content = json!({ "key": "t", "title": title, "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] });
        let parsed = parse(&content.to_string(), Syntax::Json).unwrap();
        let canonical = String::from_utf8(parsed.canonical).unwrap();
        write(&stage, async |author| {
            templates::put_template(&stage.app.directory, author, &parsed.template, &canonical, true).await.unwrap()
        })
        .await
        .0
    };
    let (a, b, again) = tokio::join!(put("A"), put("B"), put("A"));
    assert_eq!(a, again);
    let mut numbers = [a, b];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    let log = stage.app.directory.directory_log(&tenant(), "template/t", None, 100).await.unwrap();
    let versions: Vec<u64> = log.iter().rev().map(|item| item.s("SK").unwrap().parse().unwrap()).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    let current = stage.app.directory.pointer(&tenant(), &"t".parse().unwrap()).await.unwrap().unwrap().current;
    assert!(current.is_some_and(|current| numbers.contains(&current)));
}
