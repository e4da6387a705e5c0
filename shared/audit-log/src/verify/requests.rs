//! Each request's commits: one chain from version 1, and each commit what the core decides.
//!
//! The stream may deliver late and twice, so leaves may stand in another order than versions, and more than once: a leaf that comes too
//! early waits, an identical one is counted, a different one of a version that stands is a fork.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use approvals_domain::command::Command;
use approvals_domain::commit::{Commit, Sealed};
use approvals_domain::context::{Context, No};
use approvals_domain::decide::decide;
use approvals_domain::event::Event;
use approvals_domain::evolve::apply;
use approvals_domain::facts::Evidence;
use approvals_domain::hash::{self, Hash};
use approvals_domain::ids::TenantId;
use approvals_domain::payload::TemplateRef;
use approvals_domain::state::{Request, State};
use serde::Deserialize;

use super::directory::Directory;
use super::spill::{Place as Kept, Spill};
use super::structure::leaf_at;
use super::{Code, Place, Report};
use crate::checkpoint::place;
use crate::folder::Folder;
use crate::leaf::{self, Leaf};

/// Where a request's state waits if it is over, and whether it was erased for the first time.
type Followed = (Option<Kept>, bool);
/// What is wrong, and where.
type Wrong = (Code, Place, String);

/// A request, short: the first half of its id's SHA-256.
type Key = [u8; 16];

/// What is kept of a request for good: with its key 80 bytes and 4 for each commit, which `tests/memory.rs` holds.
#[derive(Debug)]
struct Thread {
    /// Of its last commit.
    hash: Hash,
    /// Where each version stands.
    leaves: Vec<u32>,
    /// Where its state waits, once it is over.
    over: Option<Kept>,
}

/// What every commit has, whatever its events: enough for the chain.
#[derive(Deserialize)]
struct Link<'a> {
    #[serde(rename = "t", borrow)]
    tenant: std::borrow::Cow<'a, str>,
    #[serde(rename = "r", borrow)]
    request: std::borrow::Cow<'a, str>,
    #[serde(rename = "v")]
    version: u64,
    #[serde(rename = "p")]
    prev: Hash,
}

/// Requests so far.
pub(super) struct Requests<'a> {
    folder: &'a dyn Folder,
    /// To decide again with; without it only chains are checked.
    directory: Option<&'a Directory>,
    /// A tree: a hash table would need three times its size whenever it grows.
    threads: BTreeMap<Key, Thread>,
    open: HashMap<Key, State>,
    /// States of requests that are over: words, an effect's end or an erasure may follow.
    spill: Spill<'a>,
    /// By version.
    early: HashMap<Key, BTreeMap<u64, Vec<u32>>>,
    /// Where something was wrong: what follows is not looked at.
    broken: HashSet<Key>,
    /// The last tenant that was right.
    tenant: RefCell<String>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(folder: &'a dyn Folder, directory: Option<&'a Directory>, spill: Spill<'a>) -> Self {
        let (threads, open, early, broken) = (BTreeMap::new(), HashMap::new(), HashMap::new(), HashSet::new());
        Self { folder, directory, threads, open, spill, early, broken, tenant: RefCell::default() }
    }

    /// Takes a leaf if it is a request's commit.
    pub(super) fn take(&mut self, report: &mut Report, index: u64, leaf: &[u8]) {
        let Ok(Leaf::Commit { hash, bytes }) = Leaf::read(leaf) else { return };
        let link: Link<'_> = match serde_json::from_slice(bytes) {
            Ok(link) => link,
            Err(error) => return report.fault(Code::Commit, Place::leaf(index), format!("no commit: {error}")),
        };
        let at = Place { request: Some(link.request.to_string()), version: Some(link.version), ..Place::leaf(index) };
        if !self.is_own(&link.tenant, &report.origin) {
            return report.fault(Code::OtherTenant, at, format!("a commit of the tenant `{}`", link.tenant));
        }
        let key = key(&link.request);
        if self.broken.contains(&key) {
            return;
        }
        let (Ok(leaf_index), versions) = (u32::try_from(index), self.threads.get(&key).map_or(0, |thread| thread.leaves.len() as u64))
        else {
            return;
        };
        if link.version > versions + 1 {
            self.early.entry(key).or_default().entry(link.version).or_default().push(leaf_index);
        } else if link.version <= versions {
            self.again(report, key, &link, at, leaf);
        } else if self.follow(report, key, &link, hash, bytes, at) {
            self.catch_up(report, key);
        }
    }

    fn is_own(&self, tenant: &str, origin: &str) -> bool {
        if *self.tenant.borrow() == tenant {
            return true;
        }
        let own = TenantId::new(tenant).is_ok_and(|tenant| origin.ends_with(&format!("/{}", place(&tenant))));
        if own {
            self.tenant.replace(tenant.to_owned());
        }
        own
    }

    /// A version that stands: the same leaf is benign.
    fn again(&mut self, report: &mut Report, key: Key, link: &Link<'_>, at: Place, leaf: &[u8]) {
        let version = usize::try_from(link.version).unwrap_or(0);
        let stands = self.threads.get(&key).and_then(|thread| thread.leaves.get(version.checked_sub(1)?));
        let Some(stands) = stands.map(|index| u64::from(*index)) else {
            return report.fault(Code::Chain, at, "versions begin at 1");
        };
        if leaf_at(self.folder, report.size, stands).is_some_and(|first| same(&first, leaf)) {
            report.duplicates += 1;
        } else {
            report.fault(Code::Fork, at, format!("leaf {stands} is another commit of this version"));
        }
    }

    /// The next version. `false`: something is wrong, and this request is not followed any further.
    fn follow(&mut self, report: &mut Report, key: Key, link: &Link<'_>, hash: Hash, bytes: &[u8], at: Place) -> bool {
        let prev = self.threads.get(&key).map_or(Hash::ZERO, |thread| thread.hash);
        let leaf = at.leaf.and_then(|leaf| u32::try_from(leaf).ok()).unwrap_or(u32::MAX);
        let decided = if link.prev != prev {
            Err((Code::Chain, at, "does not name the hash of the commit before".to_owned()))
        } else if Hash::of(&[hash::COMMIT, &prev.0, bytes]) != hash {
            Err((Code::Chain, at, "does not have the hash in its header".to_owned()))
        } else {
            self.decide_again(key, link.version - 1, prev, bytes, at)
        };
        let (over, erases) = match decided {
            Ok(decided) => decided,
            Err((code, at, what)) => {
                report.fault(code, at, what);
                self.broken.insert(key);
                return false;
            }
        };
        report.erased += u64::from(erases);
        report.commits += 1;
        let thread = self.threads.entry(key).or_insert_with(|| Thread { hash, leaves: Vec::new(), over });
        report.requests += u64::from(thread.leaves.is_empty());
        (thread.hash, thread.over) = (hash, over);
        thread.leaves.push(leaf);
        true
    }

    /// Commits that came too early and fit now.
    fn catch_up(&mut self, report: &mut Report, key: Key) {
        loop {
            let next = self.threads.get(&key).map_or(0, |thread| thread.leaves.len() as u64) + 1;
            let Some(early) = self.early.get_mut(&key) else { return };
            let found = early.remove(&next);
            if early.is_empty() {
                self.early.remove(&key);
            }
            let Some(found) = found else { return };
            for leaf in found {
                if let Some(bytes) = leaf_at(self.folder, report.size, u64::from(leaf)) {
                    self.take(report, u64::from(leaf), &bytes);
                }
            }
        }
    }

    /// What the core makes of the commits before, the command, the recorded facts and the pinned template. Where the state waits if the request
    /// is over now, and whether this is the first commit that erases something.
    fn decide_again(&mut self, key: Key, version: u64, prev: Hash, bytes: &[u8], at: Place) -> Result<Followed, Wrong> {
        let Some(directory) = self.directory else { return Ok((None, false)) };
        let sealed = match Sealed::read(bytes, version, prev) {
            Ok(sealed) => sealed,
            Err(error) => return Err((Code::Commit, at, error.to_string())),
        };
        let state = match (self.open.remove(&key), self.threads.get(&key).and_then(|thread| thread.over)) {
            (Some(state), _) => state,
            (None, Some(kept)) => self.spill.read(kept).map_err(|error| (Code::Unreadable, at.clone(), error))?,
            (None, None) => None,
        };
        if state.as_ref().map_or((0, Hash::ZERO), |request| (request.version, request.hash)) != (version, prev) {
            return Err((Code::Unreadable, at, "the state that the commits before left is lost".to_owned()));
        }
        let commit = &sealed.commit;
        if state.as_ref().is_some_and(|request| commit.at < request.updated_at) {
            return Err((Code::Time, at, "before the commit it follows".to_owned()));
        }
        let pinned = state.as_ref().map(|request| &request.template).cloned().or_else(|| submitted(commit));
        let Some(pinned) = pinned else { return Err((Code::Illegal, at, "does not begin with a submission".to_owned())) };
        let template = directory.template(&pinned).map_err(|what| (Code::Template, at.clone(), what))?;
        if state.is_none() {
            directory.check_current(&pinned, commit.at).map_err(|what| (Code::Template, at.clone(), what))?;
        }
        let Some(command) = Command::of(commit) else {
            return Err((Code::Illegal, at, "no command makes these events".to_owned()));
        };
        let cx = Context {
            tenant: &commit.tenant,
            request: &commit.request,
            actor: &commit.actor,
            channel: commit.command.channel,
            now: commit.at,
            template,
            evidence: Evidence::new(&commit.facts),
        };
        match decide(&state, &command, &cx) {
            Ok(events) if events == commit.events => {}
            Ok(events) => return Err(differs(&events, &commit.events, at)),
            Err(No::Refused(refusal)) => {
                let place = Place { event: Some(0), ..at };
                return Err((Code::Illegal, place, format!("the core refuses it: {refusal}")));
            }
            Err(No::Needs(missing)) => {
                let place = Place { event: Some(0), ..at };
                return Err((Code::Illegal, place, format!("it rests on facts that are not recorded: {missing:?}")));
            }
        }
        directory.check(&commit.facts, commit.at).map_err(|what| (Code::Fact, at.clone(), what))?;
        let before = state.as_ref().and_then(|request| request.erased);
        let state = apply(state, &sealed);
        let erases = before.is_none() && state.as_ref().is_some_and(|request| request.erased.is_some());
        if state.as_ref().is_some_and(Request::may_change) {
            self.open.insert(key, state);
            return Ok((None, erases));
        }
        let kept = self.spill.write(&state).map_err(|error| (Code::Unreadable, at, error))?;
        Ok((Some(kept), erases))
    }

    /// Once all leaves are read: nothing waits for a version that never came.
    pub(super) fn settle(&mut self, report: &mut Report) {
        let mut gaps: Vec<(u32, u64)> = Vec::new();
        for (key, early) in &self.early {
            let next = self.threads.get(key).map_or(0, |thread| thread.leaves.len() as u64) + 1;
            let first = early.values().flatten().min();
            gaps.extend(first.filter(|_| !self.broken.contains(key)).map(|leaf| (*leaf, next)));
        }
        gaps.sort_unstable();
        for (leaf, missing) in gaps {
            let index = u64::from(leaf);
            let bytes = leaf_at(self.folder, report.size, index).unwrap_or_default();
            let request = match Leaf::read(&bytes) {
                Ok(Leaf::Commit { bytes, .. }) => serde_json::from_slice::<Link<'_>>(bytes).ok().map(|link| link.request.to_string()),
                _ => None,
            };
            let place = Place { request, version: Some(missing), ..Place::leaf(index) };
            report.fault(Code::Gap, place, format!("version {missing} is not in the log, but a later one stands here"));
        }
        report.open = self.open.len() as u64;
    }
}

/// Whether two leaves are one, whichever of them came late.
fn same(first: &[u8], second: &[u8]) -> bool {
    first == second || leaf::in_time(first).as_deref().unwrap_or(first) == leaf::in_time(second).as_deref().unwrap_or(second)
}

fn key(request: &str) -> Key {
    Hash::of(&[request.as_bytes()]).0.first_chunk().copied().unwrap_or_default()
}

/// The template that a first commit pins.
fn submitted(commit: &Commit) -> Option<TemplateRef> {
    match commit.events.first() {
        Some(Event::Submitted { template, .. }) => Some(template.clone().into()),
        _ => None,
    }
}

/// The first event that is not the core's.
fn differs(decided: &[Event], recorded: &[Event], at: Place) -> (Code, Place, String) {
    let first = decided.iter().zip(recorded).take_while(|(decided, recorded)| decided == recorded).count();
    let json = |event: Option<&Event>| {
        event.map_or("nothing more".to_owned(), |event| String::from_utf8_lossy(&hash::canonical(event)).into_owned())
    };
    let (decided, recorded) = (json(decided.get(first)), json(recorded.get(first)));
    (Code::Illegal, Place { event: Some(first), ..at }, format!("the core decides {decided}, but {recorded} stands there"))
}
