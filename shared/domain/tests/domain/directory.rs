//! The deciders of the directory: what they refuse, what comes first, and what a retry is told.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::context::No;
use approvals_domain::directory::authority::{Asker, BootstrapEnd, FirstAdmin, may_choose_for, may_see_delegation};
use approvals_domain::directory::delegation::{self, Earlier, Hop, Make, Needs, Revoke, Scope, Undecided, View};
use approvals_domain::directory::endpoint::{self, Webhook};
use approvals_domain::directory::user::Ties;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, Document, calendar, member, settings, template, user};
use approvals_domain::facts::{Delegation, Evidence, Facts, Manager, Person};
use approvals_domain::hash::{Hash, Salt};
use approvals_domain::ids::{CalendarId, DelegationId, PersonId, RoleId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use serde_json::{Value, json};

use crate::refusals::refusals;
use crate::world::{MORNING, only_steps, only_templates, person, role};

mod precedence;

pub(crate) use precedence::precedence;

type Said = Result<Amendment, Refusal>;

fn attempt() -> Attempt {
    Attempt { now: MORNING, salt: Salt([7; 16]), if_match: None, tried: None }
}

/// Of a caller who saw a version that is not there any more.
fn late() -> Attempt {
    Attempt { if_match: Some(99), ..attempt() }
}

/// Persons and what they passed on. Answers what a decision asks, and nothing else.
struct Town {
    people: BTreeSet<PersonId>,
    given: Vec<(PersonId, PersonId, f64, f64)>,
    /// Of what a person was given; everything if nothing is said.
    scopes: BTreeMap<PersonId, Scope>,
    earlier: Earlier,
}

fn town(people: &str) -> Town {
    Town { people: people.split(' ').map(person).collect(), given: Vec::new(), scopes: BTreeMap::new(), earlier: Earlier::Nothing }
}

fn client_of(id: &str) -> Asker {
    Asker { person: person(id), may_decide: true, may_administer: true }
}

fn passes_on(from: &str, hours: (f64, f64)) -> Delegation {
    let (id, from) = (DelegationId::new("d").unwrap(), person(from));
    let (starts_at, ends_at) = (MORNING.plus_hours(hours.0), MORNING.plus_hours(hours.1));
    Delegation { id, version: 1, from, giver_term: 0, starts_at, ends_at, templates: None, steps: None, max: None }
}

/// `boss` is the one administrator.
fn facts_of(id: &PersonId) -> Facts {
    let roles: BTreeMap<RoleId, u64> = [(role("approval_admin"), 1)].into_iter().filter(|_| id.as_str() == "boss").collect();
    let known = Person { version: 1, active: true, term: 0, manager: Manager::NotAsked, roles: Some(roles), received: None };
    Facts { persons: [(id.clone(), Some(known))].into(), ..Facts::default() }
}

impl Town {
    fn with(mut self, from: &str, to: &str, hours: (f64, f64)) -> Self {
        self.given.push((person(from), person(to), hours.0, hours.1));
        self
    }

    fn scope(mut self, to: &str, templates: Option<&str>, steps: Option<&str>) -> Self {
        self.scopes.insert(person(to), Scope { templates: templates.and_then(only_templates), steps: steps.and_then(only_steps) });
        self
    }

    fn earlier(self, earlier: Earlier) -> Self {
        Self { earlier, ..self }
    }

    fn hops(&self, of: impl Fn(&(PersonId, PersonId, f64, f64)) -> bool) -> Vec<Hop> {
        let hop = |(_, to, starts, ends): &(PersonId, PersonId, f64, f64)| Hop {
            to: to.clone(),
            starts_at: MORNING.plus_hours(*starts),
            ends_at: MORNING.plus_hours(*ends),
            scope: self.scopes.get(to).cloned().unwrap_or_default(),
        };
        self.given.iter().filter(|given| of(given)).map(hop).collect()
    }

    fn make(&self, asker: &Asker, from: &str, to: &str, hours: (f64, f64)) -> Said {
        let (delegation, to) = (passes_on(from, hours), person(to));
        let command = Make { asker, delegation: &delegation, to: &to, reason: Some("Holiday") };
        let mut view = View::default();
        loop {
            match delegation::make(&view, &command, &attempt()) {
                Ok(amendment) => return Ok(amendment),
                Err(Undecided::Refused(refusal)) => return Err(refusal),
                Err(Undecided::Needs(Needs::Facts(_))) => view.facts.extend(facts_of(&asker.person)),
                Err(Undecided::Needs(Needs::Earlier)) => view.earlier = Some(self.earlier),
                Err(Undecided::Needs(Needs::Active(id))) => {
                    let active = self.people.contains(&id);
                    view.active.insert(id, active);
                }
                Err(Undecided::Needs(Needs::Received(id))) => {
                    let hops = self.hops(|(_, to, ..)| *to == id);
                    view.received.insert(id, hops);
                }
                Err(Undecided::Needs(Needs::Given(id))) => {
                    let hops = self.hops(|(from, ..)| *from == id);
                    view.given.insert(id, hops);
                }
            }
        }
    }

    /// `ann` passes on a day of her own rights.
    fn ann_to(&self, to: &str) -> Said {
        self.make(&client_of("ann"), "ann", to, (0.0, 24.0))
    }
}

/// So many others gave to `ben`.
fn ben_receives(count: usize) -> Town {
    (0..count).fold(town("ann ben"), |town, n| town.with(&format!("p{n}"), "ben", (0.0, 1.0)))
}

fn revoke(asker: &Asker) -> Said {
    let (delegation, to) = (passes_on("ann", (0.0, 24.0)), person("ben"));
    let command = Revoke { asker, delegation: &delegation, to: &to, terms: (0, 0), revoked: false };
    match delegation::revoke(&facts_of(&asker.person), &command) {
        Ok(amendment) => Ok(amendment),
        Err(No::Refused(refusal)) => Err(refusal),
        Err(No::Needs(query)) => panic!("{query:?} was known"),
    }
}

fn put_user(version: u64, same_letters: Option<&str>, attempt: &Attempt) -> Said {
    report_to(None, version, same_letters, attempt)
}

fn report_to(manager: Option<&str>, version: u64, same_letters: Option<&str>, attempt: &Attempt) -> Said {
    let profile = |name: &str| user::Profile { active: true, manager: None, details: json!({ "name": name }) };
    let view = user::View {
        version,
        profile: (version > 0).then(|| profile("Ann")),
        manager_known: false,
        ties: Ties::default(),
        left_at: None,
        same_letters: same_letters.map(person),
    };
    user::decide(&view, &user::Profile { manager: manager.map(person), ..profile("Ann B.") }, false, attempt)
}

/// Into a role when `other` is there, by somebody who holds forty.
fn put_member(person_known: bool, other: Option<&str>, member: bool, attempt: &Attempt) -> Said {
    let (roles_held, same_letters) = (limits::ROLES_PER_PERSON, other.map(role));
    let view = member::View { person_known, version: 0, holds: !member, term: 0, roles_held, same_letters };
    member::decide(&view, &member::Put { role: &role("r"), person: &person("ann"), member }, attempt)
}

fn put_calendar(other: Option<&str>, attempt: &Attempt) -> Said {
    let same_letters = other.map(|id| CalendarId::new(id).unwrap());
    calendar::decide(&calendar::View { document: Document { version: 0, content: None }, same_letters }, &json!({}), attempt)
}

fn put_settings(calendar_known: bool, attempt: &Attempt) -> Said {
    let view = settings::View { settings: Document { version: 1, content: Some(json!({})) }, calendar_known };
    let (calendar, content) = (CalendarId::new("nl").unwrap(), json!({ "calendar": "nl" }));
    settings::decide(&view, &settings::Put { calendar: Some(&calendar), content: &content }, attempt)
}

fn hook(active: bool) -> Webhook {
    Webhook { url: "https://example.com".to_owned(), events: ["e".to_owned()].into(), active }
}

fn amend_endpoint(present: Option<Webhook>, endpoints: usize, command: endpoint::Command<'_>, attempt: &Attempt) -> Said {
    let view = endpoint::View { version: 3, present, same_letters: None, endpoints, secret_signs: false };
    endpoint::decide(&view, command, attempt)
}

/// One more than there may be, when `other` is there.
fn put_endpoint(other: Option<&str>, attempt: &Attempt) -> Said {
    let same_letters = other.map(|id| id.parse().unwrap());
    let view = endpoint::View { version: 0, present: None, same_letters, endpoints: limits::ENDPOINTS, secret_signs: false };
    endpoint::decide(&view, endpoint::Command::Put(&hook(true)), attempt)
}

refusals! {
    passing_on_ones_own_rights_needs_the_scope_decide: "insufficient_scope", 403, || {
        town("ann ben").make(&Asker { may_decide: false, ..client_of("ann") }, "ann", "ben", (0.0, 24.0))
    };
    who_saw_an_older_version_writes_nothing: "precondition_failed", 412, || put_user(1, None, &late());
    a_right_passes_only_to_an_active_person: "no_such_user", 422, || town("ann").ann_to("ben");
    settings_name_a_calendar_that_is_there: "no_such_calendar", 422, || put_settings(false, &attempt());
    two_ids_differ_in_more_than_letter_case: "id_case_conflict", 409, || put_user(0, Some("ANN"), &attempt());
    a_person_holds_forty_roles: "limit_reached", 422, || put_member(true, None, true, &attempt());
    delegations_make_no_ring: "delegation_cycle", 409, || town("ann ben").with("ben", "ann", (0.0, 24.0)).ann_to("ben");
    a_delegation_taken_back_is_not_made_again_by_a_retry: "delegation_revoked", 409, || town("ann ben").earlier(Earlier::Gone).ann_to("ben");
    nothing_is_replayed_to_an_endpoint_that_is_off: "endpoint_inactive", 409, || endpoint::may_replay(Some(&hook(false)));
    what_is_not_there_is_not_found: "not_found", 404, || amend_endpoint(None, 0, endpoint::Command::Rotate, &attempt());
}

#[test]
fn a_ring_is_one_only_if_all_its_hops_hold_at_some_instant() {
    let ring = |hours| town("ann ben cleo").with("ben", "cleo", (0.0, 12.0)).with("cleo", "ann", hours).ann_to("ben");
    let Err(Refusal::DelegationCycle(persons)) = ring((11.0, 30.0)) else { panic!("it was not refused") };
    assert_eq!(persons, ["ann", "ben", "cleo", "ann"].map(person));
    for never_together in [(12.0, 30.0), (-9.0, -1.0)] {
        assert!(matches!(ring(never_together), Ok(Amendment::Change(_))), "{never_together:?}");
    }
}

#[test]
fn f11_whatever_the_directory_holds_differs_in_more_than_letter_case() {
    let (role, person) = (role("Finance"), person("eve"));
    let view = member::View {
        person_known: true,
        version: 0,
        holds: false,
        term: 0,
        roles_held: 0,
        same_letters: Some("finance".parse().unwrap()),
    };
    let put = |member| member::decide(&view, &member::Put { role: &role, person: &person, member }, &attempt());
    assert_eq!(put(true), Err(Refusal::IdCaseConflict("finance".to_owned())));
    for said in [put_user(0, Some("ANN"), &attempt()), put_calendar(Some("OFFICE"), &attempt()), put_endpoint(Some("HOOK"), &attempt())] {
        assert_eq!(said.unwrap_err().code(), "id_case_conflict");
    }
    assert_ne!(put(false).err().map(|refusal| refusal.code()), Some("id_case_conflict"), "what is there may end");
}

#[test]
fn s8_a_ring_is_one_only_if_a_task_could_travel_round_it() {
    let ring = |cleo: (Option<&str>, Option<&str>), ann: (Option<&str>, Option<&str>)| {
        let town = town("ann ben cleo").with("ben", "cleo", (0.0, 12.0)).with("cleo", "ann", (0.0, 12.0));
        town.scope("cleo", cleo.0, cleo.1).scope("ann", ann.0, ann.1).ann_to("ben").is_err()
    };
    assert!(ring((Some("a b"), None), (Some("b c"), None)), "a task of template `b` could");
    assert!(ring((Some("a"), None), (None, Some("x"))), "a task of step `x` of `a` could");
    assert!(!ring((Some("a"), None), (Some("b"), None)));
    assert!(!ring((Some("a"), Some("x")), (Some("a"), Some("y"))));
}

#[test]
fn a_ring_behind_a_way_that_was_walked_before_is_found() {
    // Two ways lead to dora, and only the second one holds while dora's delegation to ann does.
    let town = town("ann ben cleo dora").with("ben", "dora", (0.0, 2.0)).with("ben", "cleo", (0.0, 24.0));
    let town = town.with("cleo", "dora", (0.0, 24.0)).with("dora", "ann", (3.0, 24.0));
    assert_eq!(town.ann_to("ben").unwrap_err().code(), "delegation_cycle");
}

#[test]
fn delegations_that_are_over_count_for_no_limit() {
    let over = (0..60).fold(ben_receives(49), |town, n| town.with(&format!("q{n}"), "ben", (-2.0, -1.0)));
    assert!(matches!(over.ann_to("ben"), Ok(Amendment::Change(_))));
    let giving = (0..50).fold(town("ann ben"), |town, n| town.with("ann", &format!("p{n}"), (0.0, 1.0)));
    assert_eq!(giving.ann_to("ben").unwrap_err().to_string(), "a person gives at most 50 delegations at a time");
}

#[test]
fn an_administrator_passes_on_and_takes_back_for_others_and_a_receiver_declines() {
    let town = town("ann ben boss");
    assert!(matches!(town.make(&client_of("boss"), "ann", "ben", (0.0, 24.0)), Ok(Amendment::Change(_))));
    assert!(matches!(revoke(&client_of("boss")), Ok(Amendment::Change(DirectoryEvent::Delegation { revoked: true, reason: None, .. }))));
    assert!(
        matches!(revoke(&client_of("ben")), Ok(Amendment::Change(DirectoryEvent::Delegation { revoked: true, .. }))),
        "nobody must act for another"
    );
    let no_administration = Asker { may_administer: false, ..client_of("boss") };
    assert_eq!(revoke(&no_administration).unwrap_err().code(), "not_allowed");
    assert_eq!(town.earlier(Earlier::Stands).ann_to("ben"), Ok(Amendment::Unchanged));
}

#[test]
fn only_its_persons_and_administrators_know_of_a_delegation() {
    let sees = |id: &str| {
        let facts = facts_of(&person(id));
        may_see_delegation(&client_of(id), (&person("ann"), &person("ben")), &Evidence::new(&facts)).is_ok()
    };
    assert_eq!(["ann", "ben", "boss", "cleo"].map(sees), [true, true, true, false]);
}

#[test]
fn nobody_chooses_for_another_person() {
    let facts = facts_of(&person("boss"));
    let chooses = |whose: &str| may_choose_for(&person("boss"), &person(whose), &Evidence::new(&facts));
    assert_eq!(chooses("boss"), Ok(()));
    assert!(matches!(chooses("ann"), Err(No::Refused(Refusal::NotAllowed { .. }))));
    let gone = Facts { persons: [(person("boss"), None)].into(), ..Facts::default() };
    let answer = may_choose_for(&person("boss"), &person("boss"), &Evidence::new(&gone));
    assert_eq!(answer, Err(No::Refused(Refusal::UnknownUser(person("boss")))));
}

#[test]
fn a_write_whose_answer_was_lost_is_ones_own_whatever_version_one_saw() {
    let wanted = json!({ "weekly": {} });
    let stands = |version: u64, content: &Value| calendar::View {
        document: Document { version, content: Some(content.clone()) },
        same_letters: None,
    };
    let again = Attempt { if_match: Some(4), tried: Some(4), ..attempt() };
    assert_eq!(calendar::decide(&stands(5, &wanted), &wanted, &again), Ok(Amendment::Written));
    // Somebody else's write in between is none of this command's.
    assert_eq!(calendar::decide(&stands(5, &json!({})), &wanted, &again), Err(Refusal::PreconditionFailed { version: 5 }));
    assert_eq!(calendar::decide(&stands(5, &wanted), &wanted, &attempt()), Ok(Amendment::Unchanged));
}

#[test]
fn known_content_keeps_its_number_and_new_content_gets_the_next() {
    let content = Hash([1; 32]);
    let known = template::Versions { same_content: Some(2), latest: 0 };
    assert_eq!(template::store(&known, content, &attempt()), Ok(Amendment::Unchanged));
    assert_eq!(template::store(&known, content, &Attempt { tried: Some(1), ..attempt() }), Ok(Amendment::Written));
    let new = template::Versions { same_content: None, latest: 2 };
    let stored = template::store(&new, content, &attempt());
    assert_eq!(stored, Ok(Amendment::Change(DirectoryEvent::Template { number: 3, content })));
    let current = template::Current { version: 4, number: Some(2), latest: 3 };
    for (number, said) in [(Some(0), "not_found"), (Some(4), "not_found")] {
        assert_eq!(template::activate(Some(&current), number, &attempt()).unwrap_err().code(), said);
    }
    assert_eq!(template::activate(None, None, &attempt()).unwrap_err().code(), "not_found");
    assert_eq!(template::activate(Some(&current), Some(2), &attempt()), Ok(Amendment::Unchanged));
}

#[test]
fn the_bootstrap_is_open_to_whoever_is_named_until_they_end_it() {
    let (ann, ben) = (person("ann"), person("ben"));
    let ended = |by: Option<&PersonId>| BootstrapEnd { by: by.cloned() };
    let named = FirstAdmin::Named(ann.clone());
    assert!(named.is_open_to(&ann, None) && !named.is_open_to(&ben, None));
    assert!(!named.is_open_to(&ann, Some(&ended(Some(&ann)))), "she ended it, and for good");
    assert!(named.is_open_to(&ann, Some(&ended(Some(&ben)))), "another name opens it again");
    assert!(FirstAdmin::Anybody.is_open_to(&ben, None) && !FirstAdmin::Anybody.is_open_to(&ben, Some(&ended(None))));
    assert!(!FirstAdmin::Nobody.is_open_to(&ann, None));
    let kept = BootstrapEnd::after(Some(&ended(Some(&ann))), None);
    assert_eq!(kept, ended(Some(&ann)), "a member who adds another opens nothing");
    assert_eq!(BootstrapEnd::after(Some(&kept), Some(&ben)), ended(Some(&ben)));
}

#[test]
fn links_end_with_leaving_and_moving_and_terms_with_a_late_return() {
    let detailed = |active, email: &str| user::Profile { active, manager: None, details: json!({ "email": email }) };
    let hours = |hours: f64| MORNING.plus_hours(hours);
    let attempt = |now| Attempt { now, salt: Salt([1; 16]), if_match: None, tried: None };
    let asked = |before: user::Profile, left_at, put: user::Profile, keep| {
        let ties = Ties { link_epoch: 3, term: 1 };
        let view = user::View { version: 4, profile: Some(before), manager_known: true, ties, left_at, same_letters: None };
        match user::decide(&view, &put, keep, &attempt(hours(30.0))).unwrap() {
            Amendment::Change(DirectoryEvent::User { link_epoch, term, .. }) => (link_epoch, term),
            other => panic!("{other:?}"),
        }
    };
    let (here, gone) = (|| detailed(true, "a@x"), || detailed(false, "a@x"));
    assert_eq!(asked(here(), None, gone(), false), (4, 1));
    assert_eq!(asked(here(), None, detailed(true, "b@x"), false), (4, 1));
    assert_eq!(asked(gone(), Some(hours(7.0)), here(), false), (3, 1), "back within a day");
    assert_eq!(asked(gone(), Some(hours(6.0)), here(), false), (3, 2));
    assert_eq!(asked(gone(), Some(hours(6.0)), here(), true), (3, 1), "the same human");
    assert_eq!(asked(gone(), None, here(), false), (3, 1), "who was never here has not left");
}
