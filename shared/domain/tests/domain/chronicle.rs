//! The directory's commits, for ever too: one per kind of event in the golden fixture, and their part of docs/events.md.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use approvals_domain::actor::{Actor, SystemPart};
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use serde_json::{Value, json};

use crate::golden::{hold, paths};
use crate::world::{HOUR, MORNING, euros, only_steps, only_templates, person, role};

fn written() -> Vec<(&'static str, DirectoryEvent)> {
    let hash = |n| Hash([n; 32]);
    vec![
        ("user", DirectoryEvent::User { active: true, manager: Some(person("ann")), details: hash(1), link_epoch: 3, term: 1 }),
        ("member", DirectoryEvent::Member { role: role("finance"), user: person("bob"), member: true, term: 1 }),
        ("template", DirectoryEvent::Template { number: 3, content: hash(2) }),
        ("template_current", DirectoryEvent::TemplateCurrent { number: Some(3) }),
        ("document", DirectoryEvent::Document { content: Some(json!({ "time_zone": "Europe/Berlin", "holidays": ["2026-03-30"] })) }),
        ("endpoint", DirectoryEvent::Endpoint { url: Some(hash(3)), events: vec!["approvals.vote.cast.v1".into()], active: true }),
        (
            "delegation",
            DirectoryEvent::Delegation {
                from_term: 1,
                to_term: 2,
                from: person("ann"),
                to: person("bob"),
                starts_at: MORNING,
                ends_at: MORNING.plus_millis(HOUR),
                templates: only_templates("purchase_order").map(|keys| keys.into_iter().collect()),
                steps: only_steps("manager").map(|steps| steps.into_iter().collect()),
                max: Some(euros(5_000.0)),
                reason: Some(hash(4)),
                revoked: true,
            },
        ),
    ]
}

/// A new kind of event does not compile until it stands here, and then needs a golden commit.
const fn name(event: &DirectoryEvent) -> &'static str {
    match event {
        DirectoryEvent::User { .. } => "user",
        DirectoryEvent::Member { .. } => "member",
        DirectoryEvent::Template { .. } => "template",
        DirectoryEvent::TemplateCurrent { .. } => "template_current",
        DirectoryEvent::Document { .. } => "document",
        DirectoryEvent::Endpoint { .. } => "endpoint",
        DirectoryEvent::Delegation { .. } => "delegation",
    }
}

fn commits() -> Vec<(&'static str, DirectoryCommit)> {
    let (tenant, actor) = (TenantId::new("default").unwrap(), Actor::System { part: SystemPart::Directory });
    let mut before = (0, Hash::ZERO);
    let commit = |(name, event): (&'static str, DirectoryEvent)| {
        let commit = DirectoryCommit::next(&tenant, "user/bob", before, MORNING, &actor, event);
        before = (commit.version, commit.seal().1);
        (name, commit)
    };
    written().into_iter().map(commit).collect()
}

#[test]
fn the_bytes_and_hashes_of_directory_commits_never_change() {
    let names: BTreeSet<&str> = commits().iter().map(|(_, commit)| name(&commit.event)).collect();
    assert_eq!(names.len(), written().len());
    for (name, commit) in commits() {
        let (bytes, hash) = commit.seal();
        assert_eq!(serde_json::from_slice::<DirectoryCommit>(&bytes).unwrap(), commit, "{name}");
        hold(&format!("directory/{name}"), hash, &bytes);
    }
}

/// Key and what stands there.
const KEYS: &[(&str, &str)] = &[
    ("s", "number of this format, 1"),
    ("t", "tenant"),
    ("o", "object: `user/ID`, `member/ROLE/ID`, `template/KEY`, `calendar/ID`, `settings`, `endpoint/ID`, `delegation/ID`"),
    ("v", "version of the object, from 1 without gaps: what facts of a commit refer to"),
    ("p", "hash of the commit before; 32 zero bytes before the first"),
    ("at", "when, milliseconds since 1970"),
    ("a", "actor, as in a request's commit"),
    ("e", "what holds from now on"),
    ("user", "a person"),
    ("user.a", "active"),
    ("user.m", "manager"),
    ("user.l", "link epoch: links and sessions of an earlier one do nothing; absent: 0"),
    ("user.n", "term: how often the person came back after leaving for more than a day; absent: 0"),
    ("user.h", "salted hash of name, address, time zone and attributes"),
    ("member", "a membership"),
    ("member.r", "role"),
    ("member.u", "person"),
    ("member.n", "the person's term when they got it: in another one it does not count; absent: 0"),
    ("member.m", "holds, or holds no longer"),
    ("template", "a version of a template exists"),
    ("template.n", "its number"),
    ("template.h", "SHA-256 of its canonical content"),
    ("template_current", "which version new requests start with"),
    ("template_current.n", "its number; absent: the template is inactive"),
    ("document", "a calendar or the settings, whole"),
    ("document.d", "content; absent: removed"),
    ("endpoint", "a webhook endpoint"),
    ("endpoint.h", "salted hash of its address; absent: removed"),
    ("endpoint.f", "events it gets"),
    ("endpoint.a", "switched on"),
    ("delegation", "a right passed on for a time"),
    ("delegation.f", "whose right"),
    ("delegation.g", "the giver's term when they gave it; absent: 0"),
    ("delegation.w", "the receiver's term then; absent: 0"),
    ("delegation.u", "who may use it"),
    ("delegation.b", "from then on"),
    ("delegation.z", "until just before then"),
    ("delegation.t", "only these templates"),
    ("delegation.p", "only these steps"),
    ("delegation.m", "only up to this amount"),
    ("delegation.m.v", "number"),
    ("delegation.m.c", "currency"),
    ("delegation.c", "salted hash of the reason"),
    ("delegation.x", "true: taken back"),
];

#[test]
fn the_catalogue_names_every_key_of_the_directory_and_no_other() {
    let mut found = BTreeSet::new();
    for (name, commit) in commits() {
        let mut bytes: Value = serde_json::from_slice(&commit.seal().0).unwrap();
        let mut event = bytes["e"].take();
        event.as_object_mut().unwrap().remove("k").unwrap();
        bytes["a"] = Value::Null;
        paths(&json!({ name: event }), "", &mut found);
        bytes["e"] = json!([]);
        paths(&bytes, "", &mut found);
    }
    // What a document holds is its own.
    found.remove("document.d.*");
    let named: BTreeSet<String> = KEYS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(named, found, "only in the catalogue: {:?}; not in it: {:?}", named.difference(&found), found.difference(&named));
}

/// The directory's part of docs/events.md.
pub(crate) fn section() -> String {
    let mut page = String::from(
        "\n## A commit of the directory\n\nEach object has a chain of its own: `hash = SHA-256(\"approvals/directory/1\" ‖ hash before ‖ bytes)`.\n\n\
         | kind | key | meaning |\n|---|---|---|\n",
    );
    let kinds: BTreeSet<&str> = written().iter().map(|(name, _)| *name).collect();
    for (path, meaning) in KEYS {
        match path.split_once('.') {
            Some((_, key)) => writeln!(page, "| | `{key}` | {meaning} |").unwrap(),
            None if kinds.contains(path) => writeln!(page, "| `{path}` | | {meaning} |").unwrap(),
            None => writeln!(page, "| | `{path}` | {meaning} |").unwrap(),
        }
    }
    page
}
