//! The directory as the log tells it: each object's chain, and whether what a commit says it knew was so. Reads may be a moment old, and
//! clocks differ, so a fact must have been so at some moment within [`LAG`] of the commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use approvals_domain::directory::authority::BootstrapEnd;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::facts::{Delegation, Facts, Manager, Members, Person, WorkingTime};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{CalendarId, DelegationId, PersonId, RoleId, TemplateKey};
use approvals_domain::payload::TemplateRef;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;

use super::{Code, Place, Report};
use crate::checkpoint::place;
use crate::leaf::{Leaf, TIME, Violation};

/// How far from a commit's time what it knew may have changed: clocks ten minutes apart either way, and reads a moment old. Milliseconds.
const LAG: i64 = 30 * 60 * 1_000;
/// A write that was begun before the bootstrap ended is through within this: a minute.
const OPEN: i64 = 60_000;

/// A commit of the directory.
#[derive(Debug)]
struct Entry {
    leaf: u64,
    hash: Hash,
    prev: Hash,
    at: Timestamp,
    event: DirectoryEvent,
    /// Who wrote it before anybody administered, and over which mark of an end.
    bootstrap: Option<(Option<PersonId>, u64)>,
}

/// Versions of one object, from 1.
type Versions = BTreeMap<u64, Entry>;

/// Objects, templates, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    objects: HashMap<String, Versions>,
    parts: HashMap<Hash, BTreeMap<u32, (u32, Vec<u8>)>>,
    contents: HashMap<Hash, Template>,
    versions: HashMap<(TemplateKey, u32), Hash>,
    members: HashMap<RoleId, BTreeSet<PersonId>>,
}

impl Directory {
    /// Takes a leaf, unless it is a request's commit.
    pub(super) fn take(&mut self, report: &mut Report, index: u64, leaf: &[u8]) -> bool {
        match Leaf::read(leaf) {
            Ok(Leaf::Commit { .. }) => return false,
            Ok(Leaf::Directory { hash, bytes }) => self.commit(report, index, hash, bytes),
            Ok(Leaf::Template { hash, part, parts, bytes }) => {
                let known = self.parts.entry(hash).or_default();
                match known.get(&part) {
                    Some((of, content)) if *of == parts && content == bytes => report.duplicates += 1,
                    Some(_) => {
                        report.fault(Code::Fork, Place::leaf(index), format!("part {part} of template {hash} stands here otherwise"))
                    }
                    None => drop(known.insert(part, (parts, bytes.to_vec()))),
                }
            }
            Ok(Leaf::Violation { bytes, .. }) => {
                report.violations += 1;
                match serde_json::from_slice::<Violation>(bytes) {
                    Ok(seen) => {
                        let place = Place { request: Some(seen.of), ..Place::leaf(index) };
                        let code = if seen.what.starts_with(TIME) { Code::Time } else { Code::Violation };
                        report.fault(code, place, format!("the archiver saw at {}: {}", Timestamp::from_millis(seen.at), seen.what));
                    }
                    Err(error) => report.fault(Code::Violation, Place::leaf(index), format!("not a violation's form: {error}")),
                }
            }
            Err(error) => report.fault(Code::Leaf, Place::leaf(index), error.to_string()),
        }
        true
    }

    fn commit(&mut self, report: &mut Report, index: u64, hash: Hash, bytes: &[u8]) {
        let commit: DirectoryCommit = match serde_json::from_slice(bytes) {
            Ok(commit) => commit,
            Err(error) => return report.fault(Code::Commit, Place::leaf(index), format!("no commit of the directory: {error}")),
        };
        let at = Place { object: Some(commit.object.clone()), version: Some(commit.version), ..Place::leaf(index) };
        if commit.seal() != (bytes.to_vec(), hash) {
            return report.fault(Code::Commit, at, "not in canonical form, or not of the hash in its header");
        }
        if !report.origin.ends_with(&format!("/{}", place(&commit.tenant))) {
            return report.fault(Code::OtherTenant, at, format!("a commit of the tenant `{}`", commit.tenant));
        }
        if !named(&commit.object, &commit.event) {
            return report.fault(Code::Commit, at, "the event is not one of this object");
        }
        let versions = self.objects.entry(commit.object).or_default();
        match versions.get(&commit.version) {
            Some(stands) if stands.hash == hash => report.duplicates += 1,
            Some(stands) => report.fault(Code::Fork, at, format!("leaf {} says otherwise", stands.leaf)),
            None => {
                report.directory += 1;
                let bootstrap = commit.bootstrap.then(|| (commit.actor.person().cloned(), commit.ended_before));
                let entry = Entry { leaf: index, hash, prev: commit.prev_hash, at: commit.at, event: commit.event, bootstrap };
                versions.insert(commit.version, entry);
            }
        }
    }

    /// Once all leaves are read: chains without gaps, templates whole.
    pub(super) fn settle(&mut self, report: &mut Report) {
        let mut names: Vec<&String> = self.objects.keys().collect();
        names.sort();
        for name in names {
            let Some(versions) = self.objects.get(name) else { continue };
            let mut before = (0, Hash::ZERO);
            for (version, entry) in versions {
                let at = Place { object: Some(name.clone()), version: Some(*version), ..Place::leaf(entry.leaf) };
                if *version != before.0 + 1 {
                    let missing = before.0 + 1;
                    let at = Place { version: Some(missing), ..at };
                    report.fault(Code::Gap, at, format!("version {missing} is not in the log, but a later one stands here"));
                } else if entry.prev != before.1 {
                    report.fault(Code::Chain, at, "does not name the hash of the commit before");
                }
                before = (*version, entry.hash);
                if let Err(what) = self.check_bootstrap(entry) {
                    let at = Place { object: Some(name.clone()), version: Some(*version), ..Place::leaf(entry.leaf) };
                    report.fault(Code::Fact, at, what);
                }
                match &entry.event {
                    DirectoryEvent::Template { number, content } => {
                        let key = name.strip_prefix("template/").and_then(|key| TemplateKey::new(key).ok());
                        self.versions.extend(key.map(|key| ((key, *number), *content)));
                    }
                    DirectoryEvent::Member { role, user, .. } => drop(self.members.entry(role.clone()).or_default().insert(user.clone())),
                    _ => {}
                }
            }
        }
        for (hash, parts) in std::mem::take(&mut self.parts) {
            match assembled(hash, &parts) {
                Ok(template) => drop(self.contents.insert(hash, template)),
                Err(what) => report.fault(Code::Template, Place::default(), format!("the content {hash}: {what}")),
            }
        }
        report.templates = self.versions.values().filter(|hash| self.contents.contains_key(hash)).count() as u64;
    }

    /// Whether a commit that says `bootstrap` was made before somebody administered, or by another subject than the one who ended it.
    fn check_bootstrap(&self, entry: &Entry) -> Result<(), String> {
        let Some((who, over)) = &entry.bootstrap else { return Ok(()) };
        let marks = self.objects.get("bootstrap");
        if let Some((_, end)) =
            marks.and_then(|marks| marks.get_key_value(&(over + 1))).filter(|(_, end)| end.at.plus_millis(OPEN) < entry.at)
        {
            return Err(format!("says `bootstrap`, but the bootstrap had ended at {} (leaf {})", end.at, end.leaf));
        }
        if *over == 0 {
            return Ok(());
        }
        let end = marks
            .and_then(|marks| marks.get(over))
            .ok_or_else(|| format!("names an end of the bootstrap, version {over}, that is not in the log"))?;
        let by = match &end.event {
            DirectoryEvent::Document { content: Some(content) } => serde_json::from_value::<BootstrapEnd>(content.clone()).ok(),
            _ => None,
        };
        match by {
            Some(end) if end.by != *who => Ok(()),
            _ => Err("says `bootstrap`, but its author had ended it before".to_owned()),
        }
    }

    /// The content of a template's version.
    pub(super) fn template(&self, of: &TemplateRef) -> Result<&Template, String> {
        let known = self.versions.get(&(of.key.clone(), of.version));
        let hash = known.ok_or_else(|| format!("version {} of template `{}` is not in the log", of.version, of.key))?;
        let content = self.contents.get(hash).filter(|content| content.key == of.key);
        content.ok_or_else(|| format!("the content of version {} of template `{}` is not in the log", of.version, of.key))
    }

    /// Whether new requests started with a version at that time.
    pub(super) fn check_current(&self, of: &TemplateRef, at: Timestamp) -> Result<(), String> {
        let versions = self.objects.get(&format!("template/{}", of.key));
        let pointed = versions.into_iter().flatten().filter_map(|(_, entry)| match entry.event {
            DirectoryEvent::TemplateCurrent { number } => Some((entry.at, number)),
            _ => None,
        });
        let pointed: Vec<_> = pointed.collect();
        let until = |place: usize| pointed.get(place + 1).map_or(Timestamp::MAX, |(next, _)| *next);
        let mut then =
            pointed.iter().enumerate().filter(|(place, (from, _))| *from <= at.plus_millis(LAG) && until(*place) >= earliest(at));
        if then.any(|(_, (_, number))| *number == Some(of.version)) {
            return Ok(());
        }
        Err(format!("version {} of template `{}` is not what new requests start with at {at}", of.version, of.key))
    }

    /// Whether all that a commit knew was so.
    pub(super) fn check(&self, facts: &Facts, at: Timestamp) -> Result<(), String> {
        for (id, person) in &facts.persons {
            match person {
                None if self.could_be_unknown(id, at) => {}
                None => return Err(format!("`{id}` was in the directory")),
                Some(person) => self.check_person(id, person, at)?,
            }
        }
        for (giver, to) in facts.delegates.iter().flat_map(|(giver, all)| all.iter().map(move |to| (giver, to))) {
            // What they received was checked with them.
            let received = facts.persons.get(to).and_then(Option::as_ref).and_then(|person| person.received.as_ref());
            if !received.is_some_and(|all| all.iter().any(|delegation| delegation.from == *giver)) {
                return Err(format!("`{to}` received nothing from `{giver}`"));
            }
        }
        facts.roles.iter().try_for_each(|(role, members)| self.check_members(role, members, at))?;
        facts.calendars.iter().try_for_each(|(id, time)| self.check_calendar(id, time, at))
    }

    /// The calendar stood there in that version; and working time never runs faster than the wall clock. That the hours were counted rightly
    /// is not for a verifier: a zone's rules are no part of the log, and change.
    fn check_calendar(&self, id: &CalendarId, time: &WorkingTime, at: Timestamp) -> Result<(), String> {
        let object = format!("calendar/{id}");
        let versions = self.objects.get(&object);
        if time.version == 0 {
            let there = versions.and_then(|versions| versions.first_key_value()).is_some_and(|(_, first)| first.at <= earliest(at));
            return if there { Err(format!("`{object}` was in the directory")) } else { Ok(()) };
        }
        let versions = versions.ok_or_else(|| format!("`{object}` is not in the log's directory"))?;
        let wanted = |event: &DirectoryEvent| matches!(event, DirectoryEvent::Document { content: Some(_) });
        held(versions, time.version, at, wanted).map_err(|what| format!("version {} of `{object}` {what}", time.version))?;
        match time.ends.iter().find(|(millis, end)| **end < at.plus_millis(**millis)) {
            Some((millis, end)) => Err(format!("{millis} ms of working time cannot be over at {end}")),
            None => Ok(()),
        }
    }

    fn user(&self, id: &PersonId) -> Option<&Versions> {
        self.objects.get(&format!("user/{id}"))
    }

    fn could_be_unknown(&self, id: &PersonId, at: Timestamp) -> bool {
        self.user(id).and_then(|versions| versions.first_key_value()).is_none_or(|(_, first)| first.at > earliest(at))
    }

    fn check_person(&self, id: &PersonId, person: &Person, at: Timestamp) -> Result<(), String> {
        let versions = self.user(id).ok_or_else(|| format!("`{id}` is not in the log's directory"))?;
        let wanted = |event: &DirectoryEvent| match event {
            DirectoryEvent::User { active, manager, term, .. } => {
                let so = person.manager == Manager::NotAsked || person.manager == manager.clone().into();
                (*active, *term) == (person.active, person.term) && so
            }
            _ => false,
        };
        held(versions, person.version, at, wanted).map_err(|what| format!("version {} of `user/{id}` {what}", person.version))?;
        person.received.iter().flatten().try_for_each(|delegation| self.check_delegation(id, delegation, at))
    }

    fn check_delegation(&self, to: &PersonId, said: &Delegation, at: Timestamp) -> Result<(), String> {
        let object = delegation_object(&said.id);
        let versions = self.objects.get(&object).ok_or_else(|| format!("`{object}` is not in the log's directory"))?;
        let wanted = |event: &DirectoryEvent| match event {
            DirectoryEvent::Delegation {
                from,
                from_term,
                to: receiver,
                to_term,
                starts_at,
                ends_at,
                templates,
                steps,
                max,
                revoked,
                ..
            } => {
                let all = templates.as_ref().map(|all| all.iter().cloned().collect()) == said.templates
                    && steps.as_ref().map(|all| all.iter().cloned().collect()) == said.steps;
                let in_term = |event: &DirectoryEvent| matches!(event, DirectoryEvent::User { active: true, term, .. } if term == to_term);
                all && (from, from_term) == (&said.from, &said.giver_term)
                    && receiver == to
                    && self.user(to).is_some_and(|versions| sometimes(versions, at, in_term))
                    && (*starts_at, *ends_at) == (said.starts_at, said.ends_at)
                    && *max == said.max
                    && !revoked
            }
            _ => false,
        };
        held(versions, said.version, at, wanted).map_err(|what| format!("version {} of `{object}` {what}", said.version))
    }

    fn check_members(&self, role: &RoleId, members: &Members, at: Timestamp) -> Result<(), String> {
        for (id, version) in &members.versions {
            let (role_has, object) = (self.member(role, id), format!("member/{role}/{id}"));
            if *version == 0 {
                if self.throughout(role, id, at) {
                    return Err(format!("`{id}` was a member of `{role}`, but is said to be none"));
                }
                continue;
            }
            let versions = role_has.ok_or_else(|| format!("`{object}` is not in the log's directory"))?;
            let wanted = |event: &DirectoryEvent| matches!(event, DirectoryEvent::Member { member: true, .. });
            held(versions, *version, at, wanted).map_err(|what| format!("version {version} of `{object}` {what}"))?;
            // A membership of another term is one of whoever had the id before.
            let of = versions.get(version).and_then(|entry| match &entry.event {
                DirectoryEvent::Member { term, .. } => Some(*term),
                _ => None,
            });
            let active = |event: &DirectoryEvent| matches!(event, DirectoryEvent::User { active: true, term, .. } if Some(*term) == of);
            if !self.user(id).is_some_and(|versions| sometimes(versions, at, active)) {
                return Err(format!("`{id}` was not active, and so no member of `{role}`"));
            }
        }
        let others = self.members.get(role).into_iter().flatten().filter(|id| !members.versions.contains_key(*id));
        match others.filter(|id| members.complete && self.throughout(role, id, at)).min() {
            Some(left_out) => Err(format!("`{left_out}` was a member of `{role}`, but is left out of all its members")),
            None => Ok(()),
        }
    }

    fn member(&self, role: &RoleId, id: &PersonId) -> Option<&Versions> {
        self.objects.get(&format!("member/{role}/{id}"))
    }

    /// An active member at every moment that counts.
    fn throughout(&self, role: &RoleId, id: &PersonId, at: Timestamp) -> bool {
        let none = |event: &DirectoryEvent| matches!(event, DirectoryEvent::Member { member: false, .. });
        let left = |event: &DirectoryEvent| matches!(event, DirectoryEvent::User { active: false, .. });
        let all = |versions: Option<&Versions>, not: fn(&DirectoryEvent) -> bool| {
            versions.is_some_and(|versions| {
                versions.first_key_value().is_some_and(|(_, first)| first.at <= earliest(at)) && !sometimes(versions, at, not)
            })
        };
        let terms = |versions: Option<&Versions>| -> BTreeSet<u32> {
            let counted =
                versions.into_iter().flatten().filter(|(version, entry)| versions.is_some_and(|all| counted(all, **version, entry, at)));
            counted.filter_map(|(_, entry)| term_of(&entry.event)).collect()
        };
        let (theirs, of_membership) = (terms(self.user(id)), terms(self.member(role, id)));
        all(self.member(role, id), none) && all(self.user(id), left) && theirs.len() == 1 && theirs == of_membership
    }
}

/// The term that a person, or a membership, says.
fn term_of(event: &DirectoryEvent) -> Option<u32> {
    match event {
        DirectoryEvent::User { term, .. } | DirectoryEvent::Member { term, .. } => Some(*term),
        _ => None,
    }
}

fn delegation_object(id: &DelegationId) -> String {
    format!("delegation/{id}")
}

fn earliest(at: Timestamp) -> Timestamp {
    at.plus_millis(-LAG)
}

/// Whether a version held within [`LAG`] of a time.
fn counted(versions: &Versions, version: u64, entry: &Entry, at: Timestamp) -> bool {
    let until = versions.get(&(version + 1)).map_or(Timestamp::MAX, |next| next.at);
    entry.at <= at.plus_millis(LAG) && until >= earliest(at)
}

fn sometimes(versions: &Versions, at: Timestamp, like: impl Fn(&DirectoryEvent) -> bool) -> bool {
    versions.iter().any(|(version, entry)| like(&entry.event) && counted(versions, *version, entry, at))
}

/// Why a version cannot have been known.
fn held(versions: &Versions, version: u64, at: Timestamp, like: impl Fn(&DirectoryEvent) -> bool) -> Result<(), String> {
    let entry = versions.get(&version).ok_or("is not in the log")?;
    if !like(&entry.event) {
        return Err(format!("says otherwise (leaf {})", entry.leaf));
    }
    if !counted(versions, version, entry, at) {
        return Err(format!("did not hold at {at} (leaf {})", entry.leaf));
    }
    Ok(())
}

/// Whether an object's name is that of what the event is about.
fn named(object: &str, event: &DirectoryEvent) -> bool {
    match event {
        DirectoryEvent::User { .. } => object.starts_with("user/"),
        DirectoryEvent::Member { role, user, .. } => object == format!("member/{role}/{user}"),
        DirectoryEvent::Template { .. } | DirectoryEvent::TemplateCurrent { .. } => object.starts_with("template/"),
        DirectoryEvent::Document { .. } => ["settings", "bootstrap"].contains(&object) || object.starts_with("calendar/"),
        DirectoryEvent::Endpoint { .. } => object.starts_with("endpoint/"),
        DirectoryEvent::Delegation { .. } => object.starts_with("delegation/"),
    }
}

fn assembled(hash: Hash, parts: &BTreeMap<u32, (u32, Vec<u8>)>) -> Result<Template, String> {
    let content: Vec<u8> = parts.values().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    if parts.values().any(|(of, _)| *of != count) || Hash::of(&[&content]) != hash {
        return Err("its parts are not whole, or do not have its hash".to_owned());
    }
    serde_json::from_slice(&content).map_err(|error| format!("no template: {error}"))
}
