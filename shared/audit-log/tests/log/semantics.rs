//! Legal cryptography, illegal semantics: everything is signed and chained as it should be, but could not have happened.

use approvals_domain::command::Results;
use approvals_domain::event::Decision;
use approvals_domain::facts::{Manager, Person};
use approvals_domain::ids::StepId;
use audit_log::leaf;
use audit_log::verify::{Code, Fault};
use serde_json::{Value, json};

use crate::shelf::Shelf;
use crate::story::{HOUR, Lies, Story, person, role, template, usual};

fn first(story: &Story) -> Fault {
    let report = Shelf::of(&story.leaves).verify();
    let chains = Shelf::of(&story.leaves).verify_with(|options| options.chains_only = true);
    assert!(chains.ok, "the cryptography is legal: {:#?}", chains.faults);
    report.faults.first().unwrap_or_else(|| panic!("nothing was noticed")).clone()
}

/// The last commit of the story is the first that cannot be.
#[track_caller]
fn last_is(story: &Story, code: Code, word: &str) {
    let fault = first(story);
    assert_eq!((fault.code, fault.place.leaf), (code, Some(story.leaves.len() as u64 - 1)), "{fault:?}");
    assert!(fault.what.contains(word), "{fault:?}");
    assert!(fault.place.request.is_some() && fault.place.version.is_some(), "{fault:?}");
}

fn finance(more: Value) -> Value {
    let mut step = json!({ "id": "finance", "approvers": [{ "role": "finance" }] });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([step])
}

fn lie(steps: Value) -> Lies {
    Lies { template: Some(template(steps)), ..Lies::default() }
}

#[test]
fn self_approval() {
    let mut story = Story::company(finance(json!({})));
    story.submit("r1", "ann", &Lies::default());
    story.vote("r1", "ann", "finance", Decision::Approve, &lie(finance(json!({ "allow_self": true }))));
    last_is(&story, Code::Illegal, "requester");
}

#[test]
fn a_quorum_short_by_one() {
    let mut story = Story::company(finance(json!({ "required": 2 })));
    story.submit("r1", "rita", &lie(finance(json!({ "required": 1 }))));
    last_is(&story, Code::Illegal, "not recorded");
    let mut story = Story::company(finance(json!({ "required": 2 })));
    story.submit("r1", "rita", &Lies::default());
    let mut approved = story.clone();
    approved.approve("r1", "ann", "finance");
    approved.approve("r1", "bob", "finance");
    let (first_vote, second) = (approved.commit_from_end(1), approved.commit_from_end(0));
    // The first vote, with the end that only the second brings.
    let mut forged = first_vote;
    forged.events.extend(second.events.into_iter().skip(1));
    story.put(forged);
    last_is(&story, Code::Illegal, "nothing more");
    assert_eq!(first(&story).place.event, Some(1));
}

#[test]
fn a_step_skipped() {
    let two = |when: Value| {
        let mut manager = json!({ "id": "manager", "approvers": [{ "manager_of": "requester" }] });
        manager.as_object_mut().unwrap().extend(when.as_object().unwrap().clone());
        json!([manager, { "id": "finance", "approvers": [{ "role": "finance" }] }])
    };
    let mut story = Story::company(two(json!({})));
    let conditions = [(StepId::new("manager").unwrap(), false)].into();
    let lies = Lies { results: Results { conditions, ..Results::default() }, ..lie(two(json!({ "when": "metadata.amount > 5.0" }))) };
    story.submit("r1", "rita", &lies);
    // The core opens the step, and asks who could vote there: the forger had no need to know.
    last_is(&story, Code::Illegal, "not recorded");
}

#[test]
fn a_decision_after_the_end() {
    let mut story = usual();
    let mut again = story.commit_from_end(1);
    let state = story.requests["r1"].0.clone().unwrap();
    assert!(state.outcome().is_some());
    (again.version, again.prev_hash, again.at) = (state.version + 1, state.hash, story.now);
    story.put(again);
    last_is(&story, Code::Illegal, "nothing more");
}

fn managed() -> Story {
    Story::company(json!([{ "id": "manager", "approvers": [{ "manager_of": "requester" }], "fallback": [{ "role": "finance" }] }]))
}

/// H2d: "not asked" is no way around a manager, and "nobody" is a fact that the directory must have said.
#[test]
fn h2d_a_manager_left_out_and_a_manager_denied() {
    let mut story = managed();
    story.now = story.now.plus_millis(2 * HOUR);
    let mut denied = story.clone();
    denied.facts.persons.get_mut(&person("rita")).unwrap().as_mut().unwrap().manager = Manager::Nobody;
    denied.submit("r1", "rita", &Lies::default());
    last_is(&denied, Code::Fact, "user/rita");
    // The same commit, the fact taken out of it.
    let mut forged = denied.commit_from_end(0);
    forged.facts.persons.get_mut(&person("rita")).unwrap().as_mut().unwrap().manager = Manager::NotAsked;
    denied.leaves.pop();
    denied.requests.get_mut("r1").unwrap().0 = None;
    denied.put(forged);
    last_is(&denied, Code::Illegal, "not recorded");
    // Whoever reports to nobody is recorded so.
    story.submit("r2", "bob", &Lies::default());
    let commit = String::from_utf8(approvals_domain::hash::canonical(&story.commit_from_end(0))).unwrap();
    assert!(commit.contains(r#""bob":{"m":null,"#), "{commit}");
    assert!(Shelf::of(&story.leaves).verify().ok);
}

/// H2e: a request begins with the version that was current then.
#[test]
fn h2e_a_version_that_was_not_current() {
    let mut story = Story::company(finance(json!({})));
    story.publish(&template(finance(json!({ "required": 2 }))));
    let mut soon = story.clone();
    soon.submit("r1", "rita", &Lies { version: Some(1), ..Lies::default() });
    assert!(Shelf::of(&soon.leaves).verify().ok, "pointers are read a moment old");
    story.now = story.now.plus_millis(2 * HOUR);
    story.submit("r1", "rita", &Lies { version: Some(1), ..Lies::default() });
    last_is(&story, Code::Template, "not what new requests start with");
}

/// What may follow an end is decided again like all else, from the state that the end left.
#[test]
fn what_follows_an_end_is_verified_too() {
    let mut story = usual();
    story.comment("r1", "rita", "thanks");
    story.comment("r2", "rita", "why?");
    story.member("approval_admin", "cyd", true);
    story.erase("r2", "cyd");
    story.comment("r2", "rita", "again");
    story.erase("r1", "cyd");
    let report = Shelf::of(&story.leaves).verify();
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.erased, report.open), (2, 1));
    // An erasure by somebody who administers nothing.
    let mut forged = story.commit_from_end(0);
    let state = story.requests["r1"].0.clone().unwrap();
    (forged.version, forged.prev_hash, forged.at, forged.actor) = (state.version + 1, state.hash, story.now, crate::story::caller("rita"));
    story.comment("r1", "rita", "so");
    let state = story.requests["r1"].0.clone().unwrap();
    (forged.version, forged.prev_hash) = (state.version + 1, state.hash);
    story.put(forged);
    last_is(&story, Code::Illegal, "not recorded");
}

/// An effect is started and finished after its approval, in its time.
#[test]
fn an_effect_is_verified_to_its_end() {
    let steps = json!([{ "id": "finance", "approvers": [{ "role": "finance" }] }]);
    let mut story = Story::company(steps.clone());
    let confirmed = json!({ "key": "t", "title": "T", "steps": steps, "effect": { "confirm": true } });
    story.publish(&serde_json::from_value(confirmed).unwrap());
    story.submit("r1", "rita", &Lies::default());
    story.approve("r1", "ann", "finance");
    story.start("r1", "rita");
    story.finish("r1", "rita");
    story.comment("r1", "rita", "paid");
    let report = Shelf::of(&story.leaves).verify();
    assert!(report.ok && report.open == 0, "{:#?}", report.faults);
    // A second end, after the end.
    let mut again = story.commit_from_end(1);
    let state = story.requests["r1"].0.clone().unwrap();
    (again.version, again.prev_hash, again.at) = (state.version + 1, state.hash, story.now);
    story.put(again);
    last_is(&story, Code::Illegal, "no effect is under way");
}

/// What came late is the same leaf, and says that nobody compared its time.
#[test]
fn late_leaves_are_counted_and_contradict_no_other() {
    let story = usual();
    let (mut leaves, last) = (story.leaves.clone(), story.leaves.len() - 1);
    leaves[last] = leaf::late(&leaves[last]);
    leaves.push(story.leaves[last].clone());
    leaves.push(leaf::late(&story.leaves[0]));
    let report = Shelf::of(&leaves).verify();
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.late, report.duplicates), (2, 2));
}

#[test]
fn an_expired_delegation() {
    let delegated = |hours: f64| {
        let mut story = Story::company(finance(json!({})));
        story.delegate("bob", "cyd", hours);
        story.submit("r1", "rita", &Lies::default());
        story
    };
    let mut fine = delegated(5.0);
    fine.approve("r1", "cyd", "finance");
    assert!(Shelf::of(&fine.leaves).verify().ok);
    // Sealed as if it were in time no longer.
    let mut late = delegated(5.0);
    let at = Some(late.now.plus_millis(6 * HOUR));
    late.vote("r1", "cyd", "finance", Decision::Approve, &Lies { at, ..Lies::default() });
    // The delegation gives no right any more, so the vote is not legal on what was recorded.
    last_is(&late, Code::Illegal, "facts that are not recorded");
    // Said to last longer than the directory says.
    let mut longer = delegated(5.0);
    let received = longer.facts.persons.get_mut(&person("cyd")).unwrap().as_mut().unwrap().received.as_mut().unwrap();
    received[0].ends_at = received[0].ends_at.plus_millis(24 * HOUR);
    longer.now = longer.now.plus_millis(6 * HOUR);
    longer.approve("r1", "cyd", "finance");
    last_is(&longer, Code::Fact, "delegation/d1");
    // Of somebody else, or never made.
    let mut stolen = delegated(5.0);
    let received = stolen.facts.persons[&person("cyd")].as_ref().unwrap().received.clone();
    stolen.user("dan", true, None);
    stolen.facts.persons.get_mut(&person("dan")).unwrap().as_mut().unwrap().received = received;
    stolen.approve("r1", "dan", "finance");
    last_is(&stolen, Code::Fact, "delegation/d1");
}

#[test]
fn a_swapped_template() {
    // Voted on by the rules of a later version.
    let mut story = Story::company(finance(json!({ "required": 2 })));
    story.submit("r1", "rita", &Lies::default());
    let later = finance(json!({ "required": 2, "allow_self": true }));
    story.publish(&template(later.clone()));
    story.member("finance", "rita", true);
    story.vote("r1", "rita", "finance", Decision::Approve, &lie(later));
    last_is(&story, Code::Illegal, "requester");
    // Pinned to a version that is not in the log.
    let mut story = usual();
    let mut commit = story.commit_from_end(0);
    let bytes = serde_json::to_string(&commit).unwrap().replace("\"t\":{\"k\":\"t\",\"v\":1}", "\"t\":{\"k\":\"t\",\"v\":9}");
    commit = serde_json::from_str(&bytes).unwrap();
    story.leaves.pop();
    story.requests.get_mut("r3").unwrap().0 = None;
    story.put(commit);
    last_is(&story, Code::Template, "version 9");
}

#[test]
fn facts_the_directory_never_said() {
    // A member of nothing.
    let mut story = Story::company(finance(json!({})));
    story.submit("r1", "rita", &Lies::default());
    let mut never = story.clone();
    never.facts.persons.get_mut(&person("cyd")).unwrap().as_mut().unwrap().roles.as_mut().unwrap().insert(role("finance"), 1);
    never.approve("r1", "cyd", "finance");
    last_is(&never, Code::Fact, "member/finance/cyd");
    // A member once, long ago.
    let mut left = story.clone();
    left.member("finance", "bob", false);
    left.now = left.now.plus_millis(2 * HOUR);
    left.facts.persons.get_mut(&person("bob")).unwrap().as_mut().unwrap().roles.as_mut().unwrap().insert(role("finance"), 1);
    left.approve("r1", "bob", "finance");
    last_is(&left, Code::Fact, "did not hold");
    // A moment ago is another matter: reads may be a moment old.
    let mut just = story.clone();
    just.member("finance", "bob", false);
    just.facts.persons.get_mut(&person("bob")).unwrap().as_mut().unwrap().roles.as_mut().unwrap().insert(role("finance"), 1);
    just.approve("r1", "bob", "finance");
    assert!(Shelf::of(&just.leaves).verify().ok);
    // Inactive, said to be active.
    let mut gone = story.clone();
    gone.user("bob", false, None);
    gone.now = gone.now.plus_millis(2 * HOUR);
    gone.facts.persons.get_mut(&person("bob")).unwrap().as_mut().unwrap().active = true;
    gone.approve("r1", "bob", "finance");
    last_is(&gone, Code::Fact, "user/bob");
    // Somebody else's manager.
    let mut story = Story::company(json!([{ "id": "manager", "approvers": [{ "manager_of": "requester" }] }]));
    story.facts.persons.get_mut(&person("rita")).unwrap().as_mut().unwrap().manager = Manager::Person(person("cyd"));
    story.submit("r1", "rita", &Lies::default());
    last_is(&story, Code::Fact, "user/rita");
}

/// To whom somebody gave delegations says whom to ask; it must be what those people received.
#[test]
fn a_delegate_who_received_nothing() {
    let mut story = Story::company(finance(json!({})));
    story.submit("r1", "rita", &Lies::default());
    let mut approved = story.clone();
    approved.approve("r1", "ann", "finance");
    let honest = approved.commit_from_end(0);
    let cyd = story.facts.persons.get(&person("cyd")).cloned().flatten().unwrap();
    for received in [None, Some(Vec::new())] {
        let mut lying = story.clone();
        let mut commit = honest.clone();
        commit.facts.persons.insert(person("cyd"), Some(Person { received, ..cyd.clone() }));
        commit.facts.delegates.insert(person("ann"), [person("cyd")].into());
        lying.put(commit);
        last_is(&lying, Code::Fact, "`cyd` received nothing from `ann`");
    }
}

/// "All members" is a fact too: whoever was left out could have been counted.
#[test]
fn a_member_left_out_of_all() {
    let mut story = Story::company(finance(json!({ "required": "all" })));
    story.now = story.now.plus_millis(2 * HOUR);
    story.facts.roles.get_mut(&role("finance")).unwrap().versions.remove(&person("bob"));
    story.submit("r1", "rita", &Lies::default());
    last_is(&story, Code::Fact, "`bob`");
}

#[test]
fn a_person_said_not_to_exist() {
    let mut story =
        Story::company(json!([{ "id": "manager", "approvers": [{ "manager_of": "requester" }], "fallback": [{ "role": "finance" }] }]));
    story.now = story.now.plus_millis(2 * HOUR);
    story.facts.persons.insert(person("ann"), None);
    story.facts.roles.get_mut(&role("finance")).unwrap().versions.remove(&person("ann"));
    story.submit("r1", "rita", &Lies::default());
    last_is(&story, Code::Fact, "`ann`");
}

#[test]
fn time_that_went_back() {
    let mut story = Story::company(finance(json!({})));
    story.now = story.now.plus_millis(1_000);
    story.submit("r1", "rita", &Lies::default());
    let at = Some(story.now.plus_millis(-5_000));
    story.vote("r1", "ann", "finance", Decision::Approve, &Lies { at, ..Lies::default() });
    last_is(&story, Code::Time, "before");
}

#[test]
fn facts_that_are_not_recorded() {
    let mut story = Story::company(finance(json!({})));
    story.submit("r1", "rita", &Lies::default());
    let mut approved = story.clone();
    approved.approve("r1", "ann", "finance");
    let mut commit = approved.commit_from_end(0);
    commit.facts.roles.clear();
    story.put(commit);
    last_is(&story, Code::Illegal, "not recorded");
}

/// The first illegal event of each request is told; what follows from it is not.
#[test]
fn only_the_first_of_a_request_is_told() {
    let mut story = Story::company(finance(json!({ "required": 2 })));
    story.member("finance", "cyd", true);
    story.submit("r1", "ann", &Lies::default());
    let lies = lie(finance(json!({ "required": 2, "allow_self": true })));
    story.vote("r1", "ann", "finance", Decision::Approve, &lies);
    let at = story.leaves.len() as u64 - 1;
    story.approve("r1", "bob", "finance");
    let report = Shelf::of(&story.leaves).verify();
    assert_eq!((report.faults_total, report.faults[0].place.leaf, report.faults[0].place.version), (1, Some(at), Some(2)));
}

fn timed(calendar: &str) -> Value {
    json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "sla": { "hours": 4, "calendar": calendar }, "remind": [0.5] }])
}

#[test]
fn working_time_of_a_calendar_that_stood_there_is_believed() {
    let mut story = Story::company(timed("office"));
    story.calendar("office");
    story.submit("r2", "rita", &Lies::default());
    let report = Shelf::of(&story.leaves).verify();
    assert!(report.ok, "{:#?}", report.faults);
}

#[test]
fn a_calendar_nobody_wrote_and_hours_that_never_passed() {
    let mut story = Story::company(timed("office"));
    story.calendar("office");
    let mut later = story.clone();
    // The commit knows a second version; the log does not.
    later.facts.calendars.values_mut().for_each(|time| time.version = 2);
    later.submit("r1", "rita", &Lies::default());
    last_is(&later, Code::Fact, "version 2 of `calendar/office` is not in the log");
    story.submit("r1", "rita", &Lies { faster: Some(()), ..Lies::default() });
    last_is(&story, Code::Fact, "cannot be over");
}

/// The clock's own commits are decided again like any other.
#[test]
fn a_level_that_fires_too_early() {
    let steps = json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "sla": { "hours": 4 }, "escalate": [{ "after": 1.0, "to": [{ "user": "cyd" }] }] }]);
    let mut story = Story::company(steps.clone());
    story.submit("r1", "rita", &Lies::default());
    let mut honest = story.clone();
    honest.now = honest.now.plus_millis(4 * HOUR);
    honest.escalate("r1", "finance", 1, &Lies::default());
    let report = Shelf::of(&honest.leaves).verify();
    assert!(report.ok, "{:#?}", report.faults);
    let hasty = json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "sla": { "hours": 4 }, "escalate": [{ "after": 0.5, "to": [{ "user": "cyd" }] }] }]);
    story.now = story.now.plus_millis(3 * HOUR);
    story.escalate("r1", "finance", 1, &lie(hasty));
    last_is(&story, Code::Illegal, "not due");
}
