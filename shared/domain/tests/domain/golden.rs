//! The commit's bytes, for ever: one commit per kind of event, every optional field used. And docs/events.md, the meaning of each key.
//!
//! `UPDATE=1` adds lines for new names to the fixture and never changes one: an archive out there holds the old ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use approvals_domain::actor::{Actor, Caller, Channel, SystemPart};
use approvals_domain::amount::Amount;
use approvals_domain::commit::{CommandTag, Commit, Kind, SCHEMA, Sealed};
use approvals_domain::event::{Decision, EffectEnd, Event, PinnedTemplate, Resume, ReturnTo, Revision, StepEnd, Unapproved, Voted};
use approvals_domain::facts::{Delegation, Facts, Manager, Members, Person, WorkingTime};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{Entity, RequestId, TenantId};
use approvals_domain::time::Timestamp;
use serde_json::Value;

use crate::paper;
use crate::world::{HOUR, MORNING, euros, only_steps, only_templates, person, role, step};

fn hash(n: u8) -> Hash {
    Hash([n; 32])
}

fn caller(id: &str) -> Actor {
    Actor::Person(Caller {
        id: person(id),
        method: "jwt".into(),
        client_id: Some("web".into()),
        auth_time: Some(1_772_700_000),
        acr: Some("aal2".into()),
        amr: vec!["pwd".into(), "otp".into()],
        submit_for: true,
    })
}

fn plain(id: &str) -> Actor {
    Actor::Person(Caller {
        id: person(id),
        method: "jwt".into(),
        client_id: None,
        auth_time: None,
        acr: None,
        amr: vec![],
        submit_for: false,
    })
}

fn revision(n: u8) -> Revision {
    Revision {
        payload_hash: hash(n),
        plan: vec![step("manager"), step("finance")],
        skipped: vec![step("finance")],
        named: BTreeMap::from([(
            "approvers:manager:0".to_owned(),
            vec!["user:o'neil@x.org".parse().unwrap(), "role:finance".parse().unwrap()],
        )]),
        amount: Some(Amount { value: 12_500.5, currency: "EUR".into() }),
        calendar: None,
    }
}

fn facts() -> Facts {
    let delegation = Delegation {
        id: "d-1".parse().unwrap(),
        version: 3,
        from: person("ann"),
        giver_term: 2,
        starts_at: MORNING,
        ends_at: MORNING.plus_millis(HOUR),
        templates: only_templates("purchase_order"),
        steps: only_steps("manager"),
        max: Some(euros(1e21)),
    };
    let bob = Person {
        version: 2,
        active: true,
        term: 1,
        manager: Manager::Person(person("ann")),
        roles: None,
        received: Some(vec![delegation]),
    };
    let left = Person { version: 9, active: false, term: 0, manager: Manager::NotAsked, roles: None, received: None };
    let top = Person { version: 4, active: true, term: 0, manager: Manager::Nobody, roles: None, received: None };
    Facts {
        persons: BTreeMap::from([
            (person("bob"), Some(bob)),
            (person("left"), Some(left)),
            (person("never"), None),
            (person("top"), Some(top)),
        ]),
        roles: BTreeMap::from([(
            role("finance"),
            Members { versions: BTreeMap::from([(person("ann"), 7), (person("bob"), 0)]), complete: true },
        )]),
        delegates: BTreeMap::new(),
        calendars: BTreeMap::new(),
    }
}

fn opening() -> (Vec<approvals_domain::candidate::Placed>, Timestamp) {
    let texts = ["user:ann", "role:finance", "@2:any_of:role:legal,user:u_cfo"];
    (texts.map(|text| text.to_owned().try_into().unwrap()).to_vec(), MORNING.plus_hours(48.0))
}

fn clock() -> Actor {
    Actor::System { part: SystemPart::Escalation }
}

/// A revision whose steps keep office hours.
fn by_calendar() -> Vec<Event> {
    let (candidates, due_at) = opening();
    let working = vec![MORNING.plus_hours(24.0), due_at];
    vec![
        Event::Resubmitted { comment: None, revision: Revision { calendar: Some("office".parse().unwrap()), ..revision(3) } },
        Event::Submitted {
            template: PinnedTemplate { key: "purchase_order".parse().unwrap(), version: 3 },
            entity: Entity { kind: "purchase_order".parse().unwrap(), id: "po-1".parse().unwrap() },
            requester: None,
            previous: None,
            revision: Revision { calendar: Some("office".parse().unwrap()), ..revision(3) },
        },
        Event::Opened { step: step("manager"), candidates: candidates.clone(), need: 1, due_at, working: working.clone(), reminded: 0 },
        Event::Blocked { step: step("finance"), candidates, need: 1, due_at, working },
    ]
}

/// Name, command, actor, events, facts.
type Sample = (&'static str, Kind, Channel, Actor, Vec<Event>, Facts);

fn written() -> Vec<Sample> {
    let part = |text: &str| text.parse().unwrap();
    let (candidates, due_at) = opening();
    let voted = Voted {
        step: step("manager"),
        decision: Decision::Approve,
        payload_hash: Some(hash(1)),
        on_behalf_of: Some(person("ann")),
        any_of: Some("any_of:role:legal,user:u_cfo".parse().unwrap()),
        role: Some(role("legal")),
        delegations: vec!["d-1".parse().unwrap()],
        level: 2,
        reserve: false,
        revision: None,
        round: None,
        meaning: Some("budget approval — ¼ ☂".into()),
        comment: Some(hash(2)),
    };
    let submitted = Event::Submitted {
        template: PinnedTemplate { key: "purchase_order".parse().unwrap(), version: 3 },
        entity: Entity { kind: part("purchase_order"), id: "po-1".parse().unwrap() },
        requester: Some(person("rita")),
        previous: Some("00000000000000000000000000".parse().unwrap()),
        revision: revision(1),
    };
    let closed = |how| Event::Closed { step: step("manager"), how };
    let none = Facts::default;
    let mut samples = vec![
        ("submitted", Kind::Submit, Channel::Cli, caller("sam"), vec![submitted], facts()),
        (
            "blocked",
            Kind::Reroute,
            Channel::Api,
            Actor::System { part: SystemPart::Directory },
            vec![Event::Blocked { step: step("manager"), candidates: candidates.clone(), need: 2, due_at, working: Vec::new() }],
            none(),
        ),
        (
            "opened",
            Kind::Reroute,
            Channel::Api,
            Actor::System { part: SystemPart::Escalation },
            vec![Event::Opened {
                step: step("manager"),
                candidates: candidates.clone(),
                need: 2,
                due_at,
                working: Vec::new(),
                reminded: 0,
            }],
            none(),
        ),
        (
            "widened",
            Kind::Reroute,
            Channel::Api,
            Actor::System { part: SystemPart::Directory },
            vec![Event::Widened { step: step("manager"), candidates }],
            none(),
        ),
        ("commented", Kind::Comment, Channel::Page, plain("rita"), vec![Event::Commented { comment: hash(3) }], none()),
        (
            "reassigned",
            Kind::Reassign,
            Channel::Bulk,
            plain("ann"),
            vec![Event::Reassigned {
                step: step("manager"),
                from: person("ann"),
                to: person("bob"),
                level: 1,
                reserve: false,
                reason: hash(4),
            }],
            none(),
        ),
        ("voted", Kind::Vote, Channel::Link, caller("bob"), vec![Event::Voted(voted)], facts()),
        (
            "closed",
            Kind::Vote,
            Channel::Api,
            plain("bob"),
            [StepEnd::Approved, StepEnd::Rejected, StepEnd::Skipped, StepEnd::Returned, StepEnd::Closed].map(closed).to_vec(),
            none(),
        ),
        (
            "returned",
            Kind::Vote,
            Channel::Api,
            plain("bob"),
            vec![Event::Returned { to: ReturnTo::Requester, resume: Resume::Restart }],
            none(),
        ),
        (
            "resubmitted",
            Kind::Resubmit,
            Channel::Api,
            plain("rita"),
            vec![Event::Resubmitted { comment: Some(hash(5)), revision: revision(2) }],
            none(),
        ),
        (
            "approved",
            Kind::Submit,
            Channel::Api,
            plain("rita"),
            vec![Event::Approved { by: Some(SystemPart::Template), until: None }],
            none(),
        ),
        ("rejected", Kind::Vote, Channel::Api, plain("bob"), vec![Event::Rejected {}], none()),
        ("cancelled", Kind::Cancel, Channel::Api, plain("rita"), vec![Event::Cancelled { reason: Some(hash(6)) }], none()),
        ("expired", Kind::Reroute, Channel::Api, clock(), vec![Event::Expired {}], none()),
        ("reminded", Kind::Remind, Channel::Api, clock(), vec![Event::Reminded { step: step("manager"), number: 2 }], none()),
        (
            "escalated",
            Kind::Escalate,
            Channel::Api,
            clock(),
            vec![Event::Escalated { step: step("manager"), level: 2, candidates: vec!["@2:user:ann".to_owned().try_into().unwrap()] }],
            facts(),
        ),
        (
            "timed_out",
            Kind::TimeOut,
            Channel::Api,
            clock(),
            vec![Event::TimedOut { step: step("manager"), why: None, candidates: Vec::new() }],
            none(),
        ),
        (
            "resubmitted_by_calendar",
            Kind::Resubmit,
            Channel::Api,
            plain("rita"),
            by_calendar(),
            Facts {
                calendars: BTreeMap::from([
                    ("none".parse().unwrap(), WorkingTime::default()),
                    ("office".parse().unwrap(), WorkingTime { version: 4, from: None, ends: [(HOUR, due_at)].into() }),
                ]),
                ..none()
            },
        ),
    ];
    samples.extend(of_rulings());
    samples.extend(of_effects());
    samples.push(of_delegates());
    samples.push(("imported", Kind::Comment, Channel::Api, caller("erp"), vec![Event::Commented { comment: hash(12) }], Facts::default()));
    samples
}

/// What the rulings on decisions brought: reserves, seats that come back, time-outs that approve nothing, transfers, returned requests.
fn of_rulings() -> Vec<Sample> {
    let (mut candidates, due_at) = opening();
    candidates.push("~@1:role:approval_admin".to_owned().try_into().unwrap());
    let reserve = vec![candidates.last().unwrap().clone()];
    let directory = || Actor::System { part: SystemPart::Directory };
    let voted = Voted {
        step: step("manager"),
        decision: Decision::Reject,
        payload_hash: None,
        on_behalf_of: None,
        any_of: None,
        role: Some(role("approval_admin")),
        delegations: Vec::new(),
        level: 1,
        reserve: true,
        revision: Some(2),
        round: None,
        meaning: None,
        comment: None,
    };
    let opened = Event::Opened { step: step("manager"), candidates, need: 2, due_at, working: Vec::new(), reminded: 1 };
    let seat = Event::SeatReturned { step: step("manager"), from: person("bob"), to: person("ann") };
    let reassigned =
        Event::Reassigned { step: step("manager"), from: person("ann"), to: person("bob"), level: 0, reserve: true, reason: hash(7) };
    let unapproved = |why| Event::TimedOut {
        step: step("manager"),
        why: Some(why),
        candidates: vec!["@2:role:approval_admin".to_owned().try_into().unwrap()],
    };
    let api = |name, kind, actor, events| (name, kind, Channel::Api, actor, events, Facts::default());
    vec![
        api("opened_again", Kind::Reroute, directory(), vec![opened]),
        api("narrowed", Kind::Reroute, directory(), vec![Event::Narrowed { step: step("manager"), candidates: reserve }]),
        api("seat_returned", Kind::Reroute, directory(), vec![seat]),
        api("reassigned_by_reserve", Kind::Reassign, plain("ann"), vec![reassigned]),
        api("voted_as_reserve", Kind::Vote, plain("zoe"), vec![Event::Voted(voted)]),
        api("timed_out_blocked", Kind::TimeOut, clock(), [Unapproved::Blocked, Unapproved::Rejection].map(unapproved).to_vec()),
        api("transferred", Kind::Transfer, plain("zoe"), vec![Event::Transferred { to: person("roy"), reason: hash(8) }]),
        api("requester_reminded", Kind::RemindRequester, clock(), vec![Event::RequesterReminded { number: 2 }]),
        api("expired_with_requester", Kind::Expire, clock(), vec![Event::Expired {}]),
    ]
}

/// What came with the effect of an approval, and with changes of mind.
fn of_effects() -> Vec<Sample> {
    let voted = Voted {
        step: step("manager"),
        decision: Decision::Approve,
        payload_hash: Some(hash(1)),
        on_behalf_of: None,
        any_of: None,
        role: None,
        delegations: Vec::new(),
        level: 0,
        reserve: false,
        revision: None,
        round: Some(2),
        meaning: None,
        comment: None,
    };
    let until = Some(MORNING.plus_hours(720.0));
    let finished = |end, until| Event::EffectFinished { end, reference: Some(hash(9)), until };
    let ends = vec![finished(EffectEnd::Failed, until), finished(EffectEnd::Done, None)];
    let api = |name, kind, actor, events| (name, kind, Channel::Api, actor, events, Facts::default());
    vec![
        api("approved_for_effect", Kind::Vote, plain("bob"), vec![Event::Approved { by: None, until }]),
        api("effect_started", Kind::StartEffect, caller("erp"), vec![Event::EffectStarted { payload_hash: hash(1), attempt: 2 }]),
        api("effect_finished", Kind::FinishEffect, caller("erp"), ends),
        api("effect_reminded", Kind::RemindEffect, clock(), vec![Event::EffectReminded {}]),
        api("recalled", Kind::Recall, plain("bob"), vec![Event::Recalled { on_behalf_of: Some(person("ann")), reason: hash(10) }]),
        api(
            "vote_withdrawn",
            Kind::WithdrawVote,
            plain("bob"),
            vec![Event::VoteWithdrawn { step: step("manager"), person: person("ann") }],
        ),
        api("voted_in_a_round", Kind::Vote, plain("bob"), vec![Event::Voted(voted)]),
        api("erased", Kind::Erase, plain("zoe"), vec![Event::Erased { reason: hash(11) }]),
    ]
}

/// Facts of whom people gave delegations to: asked for those who have voted on another's right.
fn of_delegates() -> Sample {
    let delegates = BTreeMap::from([(person("ann"), BTreeSet::from([person("bob")])), (person("bob"), BTreeSet::new())]);
    let narrowed = Event::Narrowed { step: step("manager"), candidates: vec!["~role:approval_admin".to_owned().try_into().unwrap()] };
    let directory = Actor::System { part: SystemPart::Directory };
    ("narrowed_by_delegates", Kind::Reroute, Channel::Api, directory, vec![narrowed], Facts { delegates, ..facts() })
}

/// Every kind of event, by its name in the bytes. A new one does not compile until it stands here, and then needs a golden commit.
const fn name(event: &Event) -> &'static str {
    match event {
        Event::Submitted { .. } => "submitted",
        Event::Resubmitted { .. } => "resubmitted",
        Event::Opened { .. } => "opened",
        Event::Blocked { .. } => "blocked",
        Event::Widened { .. } => "widened",
        Event::Voted(_) => "voted",
        Event::Closed { .. } => "closed",
        Event::Reassigned { .. } => "reassigned",
        Event::Commented { .. } => "commented",
        Event::Returned { .. } => "returned",
        Event::Approved { .. } => "approved",
        Event::Rejected { .. } => "rejected",
        Event::Cancelled { .. } => "cancelled",
        Event::Expired { .. } => "expired",
        Event::Reminded { .. } => "reminded",
        Event::Escalated { .. } => "escalated",
        Event::TimedOut { .. } => "timed_out",
        Event::Narrowed { .. } => "narrowed",
        Event::SeatReturned { .. } => "seat_returned",
        Event::Transferred { .. } => "transferred",
        Event::RequesterReminded { .. } => "requester_reminded",
        Event::EffectStarted { .. } => "effect_started",
        Event::EffectFinished { .. } => "effect_finished",
        Event::EffectReminded { .. } => "effect_reminded",
        Event::Recalled { .. } => "recalled",
        Event::VoteWithdrawn { .. } => "vote_withdrawn",
        Event::Erased { .. } => "erased",
    }
}

fn sealed() -> Vec<(&'static str, Sealed)> {
    let mut chain: Vec<(&str, Sealed)> = Vec::new();
    for (name, kind, channel, actor, events, facts) in written() {
        let commit = Commit {
            schema: SCHEMA,
            tenant: TenantId::new("default").unwrap(),
            request: RequestId::new("0123456789abcdefghjkmnpqrs").unwrap(),
            version: chain.len() as u64 + 1,
            prev_hash: chain.last().map_or(Hash::ZERO, |(_, sealed)| sealed.hash),
            at: MORNING,
            command: CommandTag { id: format!("command-{name}"), kind, channel, quiet: name == "imported" },
            actor,
            facts,
            events,
        };
        chain.push((name, commit.seal()));
    }
    chain
}

#[test]
fn the_bytes_and_hashes_of_commits_never_change() {
    sealed().into_iter().for_each(|(name, sealed)| hold(name, sealed.hash, &sealed.bytes));
}

/// Holds bytes equal to those kept under that name; a new name is added with UPDATE=1.
pub(crate) fn hold(name: &str, hash: Hash, bytes: &[u8]) {
    static FIXTURE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = FIXTURE.lock();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/domain/golden_commits.txt");
    let mut kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = format!("{name} {hash} {}", std::str::from_utf8(bytes).unwrap());
    match kept.lines().find(|kept| kept.split(' ').next() == Some(name)) {
        Some(kept) => assert_eq!(line, kept, "archives hold this commit: it cannot change"),
        None => {
            assert!(std::env::var_os("UPDATE").is_some(), "no golden commit for `{name}`: UPDATE=1 adds it");
            kept.push_str(&line);
            kept.push('\n');
            std::fs::write(&path, &kept).unwrap();
        }
    }
}

#[test]
fn golden_commits_are_read_again_and_their_hashes_are_what_the_document_says() {
    use sha2::{Digest, Sha256};
    let (mut version, mut prev) = (0, Hash::ZERO);
    for (name, sealed) in sealed() {
        let again = Sealed::read(&sealed.bytes, version, prev).unwrap_or_else(|broken| panic!("{name}: {broken}"));
        assert_eq!(again, sealed, "{name}");
        let mut sha = Sha256::new();
        sha.update(b"approvals/commit/1");
        sha.update(prev.0);
        sha.update(&sealed.bytes);
        assert_eq!(sealed.hash.0.as_slice(), sha.finalize().as_slice(), "{name}");
        (version, prev) = (again.commit.version, again.hash);
    }
}

#[test]
fn a_token_that_claims_an_absurd_time_makes_a_commit_that_can_be_read() {
    for claimed in [i64::MAX, i64::MIN, (1 << 53) + 1] {
        let (_, first) = sealed().into_iter().next().unwrap();
        let Actor::Person(caller) = first.commit.actor.clone() else { unreachable!() };
        let actor = Actor::Person(Caller { auth_time: Some(claimed), ..caller });
        let sealed = Commit { actor, ..first.commit }.seal();
        assert_eq!(Sealed::read(&sealed.bytes, 0, Hash::ZERO), Ok(sealed));
    }
}

#[test]
fn bytes_that_say_the_same_in_another_form_are_no_commit() {
    let (_, first) = sealed().into_iter().next().unwrap();
    let text = String::from_utf8(first.bytes).unwrap();
    for (from, to) in [
        ("{\"a\"", "{ \"a\""),
        ("\"s\":1,\"t\":", "\"s\":2,\"t\":"),
        ("\"v\":1}", "\"v\":1,\"zz\":0}"),
        ("\"y\":{\"id\"", "\"y\":{\"a\":0,\"id\""),
        ("\"k\":\"submitted\"", "\"k\":\"unheard_of\""),
        ("\"v\":1}", "\"v\":1,\"v\":1}"),
        ("12500.5", "12500.50"),
        ("\"v\":1}", "\"v\":2}"),
        ("\"p\":\"AAAA", "\"p\":\"BAAA"),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text, "{from}");
        assert!(Sealed::read(forged.as_bytes(), 0, Hash::ZERO).is_err(), "{to}");
    }
}

/// Path in a commit and what stands there. `*` is a key that is data.
const KEYS: &[(&str, &str)] = &[
    ("s", "number of this format, 1"),
    ("t", "tenant"),
    ("r", "request"),
    ("v", "version, from 1 without gaps"),
    ("p", "hash of the commit before; 32 zero bytes before the first"),
    ("at", "when it was decided, milliseconds since 1970"),
    ("c", "command"),
    ("c.i", "the command's own id; a retry carries the same"),
    (
        "c.k",
        "its kind: `submit`, `vote`, `resubmit`, `cancel`, `reassign`, `comment`, `reroute`, `remind`, `escalate`, `time_out`, `transfer`, `remind_requester`, `expire`, `start_effect`, `finish_effect`, `remind_effect`, `recall`, `withdraw_vote`, `erase`",
    ),
    ("c.w", "the way it came: `bulk`, `cli`, `page`, `link`; absent: `api`"),
    ("c.q", "true: no person was to hear of it, as of an import; systems are told"),
    ("a", "actor"),
    ("a.u", "person: the token's subject"),
    ("a.m", "how the identity was proved"),
    ("a.c", "client that called for the person"),
    ("a.t", "`auth_time`, seconds since 1970"),
    ("a.r", "`acr`"),
    ("a.x", "`amr`"),
    ("a.f", "true: the client may submit for others"),
    ("a.y", "instead of a person, the part of the service: `escalation`, `directory`, `template`"),
    ("f", "facts the decision leaned on, no others"),
    ("f.p", "persons; `null`: not in the directory"),
    ("f.p.*", "a person"),
    ("f.p.*.v", "version of the directory's item"),
    ("f.p.*.a", "false: not active"),
    ("f.p.*.n", "term: how often the person came back after leaving for more than a day; absent: 0"),
    ("f.p.*.m", "manager, where the decision asked; `null`: they report to nobody; absent: it did not ask"),
    ("f.p.*.d", "delegations to this person that covered the step, where they were asked for"),
    ("f.p.*.d.i", "delegation"),
    ("f.p.*.d.v", "version of its item"),
    ("f.p.*.d.f", "whose right"),
    ("f.p.*.d.n", "the giver's term when they gave it; absent: 0"),
    ("f.p.*.d.s", "from then on"),
    ("f.p.*.d.e", "until just before then"),
    ("f.p.*.d.t", "only these templates"),
    ("f.p.*.d.p", "only these steps"),
    ("f.p.*.d.m", "only up to this amount"),
    ("f.p.*.d.m.v", "number"),
    ("f.p.*.d.m.c", "currency"),
    ("f.r", "roles"),
    ("f.r.*", "a role"),
    ("f.r.*.m", "versions of memberships looked at; 0: not a member"),
    ("f.r.*.m.*", "a person's"),
    ("f.r.*.all", "true: nobody else is a member"),
    ("f.g", "persons who voted on another's right, and their delegates"),
    ("f.g.*", "delegates of a person who counted: what they received stands in `p`"),
    ("f.w", "working time, counted from the commit's own moment"),
    ("f.w.*", "a calendar"),
    ("f.w.*.v", "version of the calendar; 0: there is none of that name, and the clock runs by the wall"),
    ("f.w.*.e", "after so many milliseconds of working time"),
    ("f.w.*.e.*", "it is then"),
    ("e", "events, in order"),
    ("submitted", "the request exists; its route is planned"),
    ("submitted.t", "template"),
    ("submitted.t.k", "its key"),
    ("submitted.t.v", "its version"),
    ("submitted.y", "what it is about"),
    ("submitted.y.type", "in the caller's terms"),
    ("submitted.y.id", "in the caller's terms"),
    ("submitted.q", "requester, if not the actor"),
    ("submitted.l", "the closed request of the same entity before it"),
    ("submitted.h", "payload hash"),
    ("submitted.p", "all steps, in the template's order"),
    ("submitted.x", "those whose condition was false"),
    ("submitted.e", "what approver expressions gave, by name"),
    ("submitted.e.*", "candidates"),
    ("submitted.m", "amount"),
    ("submitted.m.v", "number"),
    ("submitted.m.c", "currency"),
    ("submitted.w", "the tenant's calendar then, where a step follows it"),
    ("resubmitted", "the requester answered a return with a new revision"),
    ("resubmitted.c", "salted hash of the comment"),
    ("resubmitted.h", "payload hash"),
    ("resubmitted.p", "all steps, in the template's order"),
    ("resubmitted.x", "those whose condition was false"),
    ("resubmitted.e", "what approver expressions gave, by name"),
    ("resubmitted.e.*", "candidates"),
    ("resubmitted.m", "amount"),
    ("resubmitted.m.v", "number"),
    ("resubmitted.m.c", "currency"),
    ("resubmitted.w", "the tenant's calendar then, where a step follows it"),
    ("opened", "a step may be voted on"),
    ("opened.s", "step"),
    (
        "opened.c",
        "candidates: `user:ID`, `role:NAME`, `any_of:` and these with commas; from escalation level 1 on `@N:` before it; `~` first: a reserve, who serves only in need",
    ),
    ("opened.n", "approvals needed, from now on fixed"),
    ("opened.d", "when it is late"),
    (
        "opened.w",
        "by a calendar: when each distinct fraction of the SLA is over (reminders, levels, being late, time-out), ascending; only where the clock starts",
    ),
    ("opened.m", "it opened again: the last reminder whose time had come; asking counts as giving it"),
    ("blocked", "too few can vote, and nobody stands in"),
    ("blocked.s", "step"),
    ("blocked.c", "candidates"),
    ("blocked.n", "approvals needed; counted anew when it opens, if it never was open"),
    ("blocked.d", "when it is late"),
    ("blocked.w", "as in `opened`"),
    ("widened", "candidates were added, because too few could vote"),
    ("widened.s", "step"),
    ("widened.c", "those added"),
    ("narrowed", "reserves left: enough others can vote again"),
    ("narrowed.s", "step"),
    ("narrowed.c", "those who left"),
    ("seat_returned", "a passed seat went back to its giver: the holder has left"),
    ("seat_returned.s", "step"),
    ("seat_returned.f", "who has left"),
    ("seat_returned.o", "whose it is again"),
    ("voted", "an approver answered; who and when stand in the commit"),
    ("voted.s", "step"),
    ("voted.d", "`approve`, `reject`, `return`"),
    ("voted.h", "payload hash the approver gave"),
    ("voted.f", "person voted for, if not the voter"),
    ("voted.a", "`any_of` candidate filled"),
    ("voted.r", "role that gave the right"),
    ("voted.g", "delegations between, the voter's own first"),
    ("voted.l", "escalation level of the candidate; absent: 0"),
    ("voted.v", "true: cast as a reserve"),
    ("voted.n", "revision that the approver named"),
    ("voted.o", "round of the seat that the approver named"),
    ("voted.m", "meaning, if not `approval`"),
    ("voted.c", "salted hash of the comment"),
    ("closed", "a step came to its end"),
    ("closed.s", "step"),
    ("closed.r", "`approved`, `rejected`, `skipped`, `returned`, `closed` (its request ended or was returned around it)"),
    ("reassigned", "a seat passed to another person"),
    ("reassigned.s", "step"),
    ("reassigned.f", "whose it was"),
    ("reassigned.o", "whose it is"),
    ("reassigned.l", "escalation level of the seat; absent: 0"),
    ("reassigned.v", "true: a reserve's seat"),
    ("reassigned.c", "salted hash of the reason"),
    ("commented", "a party said something"),
    ("commented.c", "salted hash of the comment"),
    ("returned", "the request went back"),
    ("returned.o", "to whom: `requester`"),
    ("returned.m", "where it goes on: `restart`"),
    ("approved", "every step approved or skipped: the end, unless its effect waits to be started"),
    ("approved.u", "its effect waits to be started, until then"),
    ("approved.y", "the service's part whose act it was, if not the actor's: `template` (`when_empty: approve`)"),
    ("rejected", "the end: declined"),
    ("cancelled", "the end: taken back"),
    ("cancelled.c", "salted hash of the reason"),
    ("expired", "the end: too late"),
    ("reminded", "a reminder was due"),
    ("reminded.s", "step"),
    ("reminded.n", "which, from 1 in order of time; those before it are overtaken"),
    ("escalated", "a level of escalation fired"),
    ("escalated.s", "step"),
    ("escalated.l", "which, from 1"),
    ("escalated.c", "those added"),
    ("timed_out", "a step's time is up; what the template says follows in the same commit"),
    ("timed_out.s", "step"),
    ("timed_out.w", "why `on_timeout: approve` approved nothing: `blocked`, `rejection`"),
    ("timed_out.c", "who decides instead"),
    ("transferred", "another person asks from the next revision on"),
    ("transferred.o", "who"),
    ("transferred.c", "salted hash of the reason"),
    ("requester_reminded", "the requester of a returned request was reminded of it"),
    ("requester_reminded.n", "which reminder, from 1 in order of time"),
    ("effect_started", "the effect of the approval is under way; it is started once for each attempt"),
    ("effect_started.h", "payload hash that was approved, as whoever started it has it"),
    ("effect_started.n", "the attempt, from 1, counted over all revisions"),
    ("effect_finished", "what came of an attempt"),
    ("effect_finished.r", "`done`, `failed`"),
    ("effect_finished.c", "salted hash of the reference"),
    ("effect_finished.u", "after the first failure: it may be started once more, until then"),
    ("effect_reminded", "what was started is not finished, a day later: `approval_admin` is told"),
    ("recalled", "the approvals are void; the request goes back in the same commit"),
    ("recalled.f", "person whose approval it was, where the caller gave it for them"),
    ("recalled.c", "salted hash of the reason"),
    ("vote_withdrawn", "a vote on an open or blocked step was taken back; its seat is free again, in its next round"),
    ("vote_withdrawn.s", "step"),
    ("vote_withdrawn.f", "person whose right was used"),
    ("erased", "title, metadata, attachments and all texts of the commits before are erased, in every revision"),
    ("erased.c", "salted hash of the reason"),
];

const INTRO: &str = "# Events and commits\n\nWritten by `shared/domain/tests/domain/golden.rs` against commits that use every field. A commit is the events of one \
command, in\nRFC 8785 JSON (UTF-8). These bytes are for ever: a key is never renamed, removed or reused; a new field is optional; a new meaning is\na new event.\n\n\
```text\nhash = SHA-256(\"approvals/commit/1\" ‖ hash of the commit before, 32 bytes ‖ bytes)\n```\n\nHashes are base64url without padding (43 characters); the first commit names 32 zero bytes. \
Texts of people never stand here, only their\nsalted hashes: `SHA-256(\"approvals/text/1\" ‖ salt, 16 bytes ‖ text)`. Reading is strict: what is unknown, or not canonical, is no commit.\n\n\
A verifier folds the commits before, rebuilds the command from the events, and decides again with the recorded facts alone: the same\nevents must come out.\n\nWhat systems are told is made from these, and has a format of its own: [webhooks](webhooks.md).\n";

#[test]
fn the_catalogue_names_every_key_and_no_other() {
    let mut found = BTreeSet::new();
    for (_, sealed) in sealed() {
        for event in &sealed.commit.events {
            found.insert(name(event).to_owned());
        }
        paths(&serde_json::from_slice(&sealed.bytes).unwrap(), "", &mut found);
    }
    let named: BTreeSet<String> = KEYS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(named.len(), KEYS.len());
    assert_eq!(named, found, "only in the catalogue: {:?}; not in it: {:?}", named.difference(&found), found.difference(&named));

    let mut page = INTRO.to_owned();
    let split = KEYS.iter().position(|(path, _)| *path == "submitted").unwrap();
    let (commit, events) = KEYS.split_at(split);
    page.push_str("\n## A commit\n\n| key | meaning |\n|---|---|\n");
    for (path, meaning) in commit {
        writeln!(page, "| `{path}` | {meaning} |").unwrap();
    }
    page.push_str("\n## Its events\n\n`k` names the kind.\n\n| event | key | meaning |\n|---|---|---|\n");
    for (path, meaning) in events {
        let (event, key) =
            path.split_once('.').map_or((format!("`{path}`"), String::new()), |(_, key)| (String::new(), format!("`{key}`")));
        writeln!(page, "| {event} | {key} | {meaning} |").unwrap();
    }
    page.push_str(&crate::chronicle::section());
    paper::keep("events.md", &page);
}

/// Keys whose own keys are data.
const MAPS: [&str; 9] = ["f.p", "f.r", "f.r.*.m", "f.g", "f.w", "f.w.*.e", "submitted.e", "resubmitted.e", "document.d"];

pub(crate) fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if MAPS.contains(&path) { "*" } else { key.as_str() };
                let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                found.insert(below.clone());
                if below == "e" {
                    value.as_array().unwrap().iter().for_each(|event| of_event(event, found));
                } else {
                    paths(value, &below, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

pub(crate) fn of_event(event: &Value, found: &mut BTreeSet<String>) {
    let mut event = event.clone();
    let kind = event.as_object_mut().unwrap().remove("k").unwrap();
    paths(&event, kind.as_str().unwrap(), found);
}
