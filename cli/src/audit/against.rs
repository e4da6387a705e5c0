//! `approvals audit verify --against URL`: a log beside the live service. What the service shows of each request must be what the log has, what it
//! decided more than a minute before the log was signed must be in it, and the conditions of templates must hold of the content that it shows.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::commit::Commit;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::event::Event;
use approvals_domain::evolve::replay;
use approvals_domain::hash::{self, Hash, Salt};
use approvals_domain::ids::{Entity, PersonId, RequestId, TemplateKey};
use approvals_domain::payload::{Attachment, Payload, TemplateRef};
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;
use audit_log::leaf::Leaf;
use audit_log::verify::{Code, Report};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use super::shelf::Log;
use super::{Error, conditions};
use crate::answer::Page;
use crate::client::{Call, Client, query, segment};
use crate::failure::Failure;

/// A commit is in the archive within a minute.
const PROMISED_MS: i64 = 60_000;
/// The pages the service allows.
const PAGE: &str = "100";

/// What the service says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// `differs`, `content`, `condition`, `behind`, `omitted` or `unknown`; docs/audit.md says what they mean.
    pub(super) code: &'static str,
    pub(super) request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
    pub(super) what: String,
}

/// The whole comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Compared {
    pub(super) url: String,
    /// Requests of the log that were asked for.
    pub(super) requests: u64,
    /// Commits that are the same here and there.
    pub(super) commits: u64,
    /// Commits and requests of the service that are too fresh to be in the log.
    pub(super) fresh: u64,
    /// Requests whose content is erased there, as their commits say.
    pub(super) erased: u64,
    /// Expressions of templates that give again what the commits say.
    pub(super) conditions: u64,
    /// Expressions that could not be evaluated again: they rest on the requester, on an earlier revision or on erased content.
    pub(super) not_checked: u64,
    /// Requests whose commits in the log are not sound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) not_compared: Vec<String>,
    pub(super) differences: Vec<Difference>,
    pub(super) differences_total: u64,
}

/// A commit as the service shows it.
#[derive(Deserialize)]
struct Shown {
    version: u64,
    at: String,
    hash: String,
    prev_hash: String,
    canonical: String,
}

/// A request's content as the service shows it, and so the payload that its hash is made of.
#[derive(Deserialize)]
struct Content {
    id: RequestId,
    template: TemplateRef,
    entity: Entity,
    requester: PersonId,
    title: Option<String>,
    revision: u32,
    salt: Option<Salt>,
    #[serde(default)]
    metadata: serde_json::Value,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

impl Content {
    /// None: something of it is not shown.
    fn hash(&self) -> Option<Hash> {
        let Self { id: request, template, entity, requester, title, revision, salt, metadata, attachments } = self;
        let (salt, title) = ((*salt)?, title.clone()?);
        let (request, template, entity, requester) = (request.clone(), template.clone(), entity.clone(), requester.clone());
        let (metadata, attachments) = (metadata.clone(), attachments.clone());
        Some(Payload { salt, request, revision: *revision, template, entity, requester, title, metadata, attachments }.hash())
    }

    /// Nothing of it is left.
    fn is_gone(&self) -> bool {
        self.title.is_none() && self.salt.is_none() && self.metadata.is_null() && self.attachments.is_empty()
    }
}

/// A request in a list.
#[derive(Deserialize)]
struct Listed {
    id: String,
    created_at: String,
}

/// What the log has: each request's commits by version, and the templates there are.
#[derive(Default)]
struct Held {
    requests: BTreeMap<String, BTreeMap<u64, Hash>>,
    templates: Vec<String>,
    /// Contents by hash, as far as they were read, in parts.
    parts: BTreeMap<Hash, BTreeMap<u32, Vec<u8>>>,
    /// Contents of versions.
    versions: BTreeMap<(TemplateKey, u32), Hash>,
}

impl Held {
    fn template(&self, of: &TemplateRef) -> Option<Template> {
        let parts = self.parts.get(self.versions.get(&(of.key.clone(), of.version))?)?;
        serde_json::from_slice(&parts.values().flatten().copied().collect::<Vec<u8>>()).ok()
    }
}

fn read(log: &Log) -> Result<Held, Error> {
    #[derive(Deserialize)]
    struct Link {
        #[serde(rename = "r")]
        request: String,
        #[serde(rename = "v")]
        version: u64,
    }
    let mut held = Held::default();
    log.each_readable(|leaf| match Leaf::read(leaf) {
        Ok(Leaf::Commit { hash, bytes }) => {
            if let Ok(link) = serde_json::from_slice::<Link>(bytes) {
                held.requests.entry(link.request).or_default().insert(link.version, hash);
            }
        }
        Ok(Leaf::Directory { bytes, .. }) => {
            if let Ok(DirectoryCommit { object, event: DirectoryEvent::Template { number, content }, .. }) = serde_json::from_slice(bytes) {
                let key = object.strip_prefix("template/").unwrap_or_default();
                held.templates.push(key.to_owned());
                held.versions.extend(TemplateKey::new(key).ok().map(|key| ((key, number), content)));
            }
        }
        Ok(Leaf::Template { hash, part, bytes, .. }) => {
            held.parts.entry(hash).or_default().insert(part, bytes.to_vec());
        }
        _ => {}
    });
    held.templates.sort();
    held.templates.dedup();
    Ok(held)
}

/// Compares a log that was signed at a time with what the service shows.
///
/// # Errors
/// If the log cannot be read, or the service does not answer. What it says otherwise is no error.
///
/// A request whose own commits in the log are not sound is named and not compared; all others are.
pub(super) fn compare(log: &Log, report: &Report, signed_at: Timestamp, client: &Client, bar: &ProgressBar) -> Result<Compared, Error> {
    let held = read(log)?;
    let mut compared = Compared { url: client.url().to_owned(), ..Compared::default() };
    bar.set_length(held.requests.len() as u64);
    // What the archiver saw of a request says nothing against its commits.
    let chains = report.faults.iter().filter(|fault| fault.code != Code::Violation);
    let unsound: BTreeSet<&str> = chains.filter_map(|fault| fault.place.request.as_deref()).collect();
    for (id, commits) in &held.requests {
        if unsound.contains(id.as_str()) {
            compared.not_compared.push(id.clone());
            continue;
        }
        compared.request(id, commits, &held, (signed_at, client))?;
        bar.inc(1);
    }
    // Requests that the log never heard of: of leaves that cannot be read nobody knows.
    for template in held.templates.iter().filter(|_| report.unread.is_empty()) {
        let each = |listed: Listed| {
            if !held.requests.contains_key(&listed.id) {
                compared.not_in_the_log(&listed.id, None, &listed.created_at, signed_at);
            }
        };
        pages(client, "/v1/requests", &[("template", template.clone())], each)?;
    }
    Ok(compared)
}

/// Every item of a list, page after page.
fn pages<T: serde::de::DeserializeOwned>(
    client: &Client,
    path: &str,
    filter: &[(&str, String)],
    mut each: impl FnMut(T),
) -> Result<(), Failure> {
    let mut cursor = None;
    loop {
        let filter = filter.iter().map(|(name, value)| (*name, Some(value.clone())));
        let pairs = filter.chain([("limit", Some(PAGE.to_owned())), ("cursor", cursor)]);
        let (page, _) = client.ask::<Page<T>>(&Call::get(format!("{path}{}", query(pairs))))?;
        page.items.into_iter().for_each(&mut each);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

impl Compared {
    fn tell(&mut self, code: &'static str, request: &str, version: Option<u64>, what: String) {
        self.differences_total += 1;
        self.differences.push(Difference { code, request: request.to_owned(), version, what });
    }

    fn request(
        &mut self,
        id: &str,
        commits: &BTreeMap<u64, Hash>,
        held: &Held,
        (signed_at, client): (Timestamp, &Client),
    ) -> Result<(), Error> {
        self.requests += 1;
        let mut theirs: Vec<Shown> = Vec::new();
        match pages(client, &format!("/v1/requests/{}/history", segment(id)), &[], |shown| theirs.push(shown)) {
            Err(Failure::Refused(problem)) if problem.status == 404 => {
                self.tell("unknown", id, None, "the service does not know it, or does not show it to this token".to_owned());
                return Ok(());
            }
            done => done?,
        }
        for shown in &theirs {
            let Some(ours) = commits.get(&shown.version) else {
                self.not_in_the_log(id, Some(shown.version), &shown.at, signed_at);
                return Ok(());
            };
            // What it shows is hashed again: a hash alone could be repeated beside other bytes.
            if hash_of(shown) != Some(*ours) {
                let what = format!("the service shows another commit than the log has: {} and {ours}", shown.hash);
                self.tell("differs", id, Some(shown.version), what);
                return Ok(());
            }
            self.commits += 1;
        }
        self.content(id, &theirs, held, client)?;
        let last = theirs.last().map_or(0, |shown| shown.version);
        if let Some((&most, _)) = commits.last_key_value().filter(|(most, _)| **most > last) {
            let what = format!("the service ends with version {last}, and the log with version {most}: an old copy was put back");
            self.tell("behind", id, Some(last + 1), what);
        }
        Ok(())
    }

    /// What the service shows of a request must have the hash that the log's commits say, or be gone if they say so; and the conditions of its
    /// template must give on it what the commits say.
    fn content(&mut self, id: &str, theirs: &[Shown], held: &Held, client: &Client) -> Result<(), Error> {
        let Ok(Some(state)) = replay(None, theirs.iter().map(|shown| shown.canonical.as_bytes())) else { return Ok(()) };
        let call = Call::get(format!("/v1/requests/{}", segment(id)));
        let (shown, _) = match client.ask::<Content>(&call) {
            Err(Failure::Refused(problem)) if problem.code == "damaged" => {
                self.tell("content", id, None, "the service says itself that what it holds is not what was written".to_owned());
                return Ok(());
            }
            shown => shown?,
        };
        let template = held.template(&state.template);
        let expressions = template.as_ref().map_or(0, |template| template.expressions().len() as u64);
        if state.erased.is_some() {
            self.erased += 1;
            self.not_checked += expressions;
            if !shown.is_gone() {
                self.tell("content", id, state.erased, "the service shows content that its commits say was erased".to_owned());
            }
            return Ok(());
        }
        match shown.hash() {
            Some(hash) if hash == state.payload_hash => {}
            Some(hash) => {
                let what = format!("the service shows a content with the hash {hash}, and its commits say {}", state.payload_hash);
                self.tell("content", id, None, what);
                return Ok(());
            }
            None => {
                self.tell("content", id, None, "the service shows no content, and no commit says that it was erased".to_owned());
                return Ok(());
            }
        }
        // The last revision's content is shown; those before it went with theirs.
        let revisions = theirs.iter().filter_map(|shown| serde_json::from_str::<Commit>(&shown.canonical).ok()).flat_map(|commit| {
            let version = commit.version;
            commit.events.into_iter().filter_map(move |event| match event {
                Event::Submitted { revision, .. } | Event::Resubmitted { revision, .. } => Some((version, revision)),
                _ => None,
            })
        });
        let last = revisions.last();
        self.not_checked += expressions * u64::from(state.revision - 1);
        if let (Some(template), Some((version, revision))) = (template, last) {
            let found = conditions::again(&template, &state, &revision, &shown.metadata);
            self.conditions += found.agreed;
            self.not_checked += found.not_checked;
            found.differs.into_iter().for_each(|what| self.tell("condition", id, Some(version), what));
        }
        Ok(())
    }

    fn not_in_the_log(&mut self, id: &str, version: Option<u64>, at: &str, signed_at: Timestamp) {
        let decided = Timestamp::parse(at);
        if decided.is_some_and(|decided| decided.plus_millis(PROMISED_MS) > signed_at) {
            self.fresh += 1;
        } else {
            self.tell("omitted", id, version, format!("of {at}, and not in the log, which was signed at {signed_at}"));
        }
    }
}

fn hash_of(shown: &Shown) -> Option<Hash> {
    let prev = Hash::try_from(shown.prev_hash.clone()).ok()?;
    let hash = Hash::of(&[hash::COMMIT, &prev.0, shown.canonical.as_bytes()]);
    (hash.to_string() == shown.hash).then_some(hash)
}
