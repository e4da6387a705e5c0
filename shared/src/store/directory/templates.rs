//! Templates: immutable versions and one pointer to the current one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{CalendarId, TemplateKey, TenantId};
use approvals_domain::payload::TemplateRef;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;

use super::chain::{Author, Chained};
use crate::expression::Program;

use crate::store::{Ask, Condition, Directory, Error, Freshness, Item, Range, Write, keys};

/// How long a pointer is believed. A version never changes, so those are kept.
const POINTER_MILLIS: i64 = 2_000;
/// The tenant's calendar is remembered so long.
const CALENDAR_MILLIS: i64 = 60_000;
/// Versions kept in memory at most; then all are dropped and read again.
const KEPT: usize = 1_000;

/// Which versions of a template there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// What new requests start with; none: the template is inactive.
    pub current: Option<u32>,
    /// The highest number given.
    pub latest: u32,
    /// Of the pointer's item.
    pub version: u64,
    /// When the first version was stored.
    pub since: Timestamp,
}

impl Pointer {
    fn read(item: &Item) -> Result<Self, Error> {
        let number = |name| item.n(name).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let current = if item.get("cu").is_some() { Some(number("cu")?) } else { None };
        #[allow(clippy::cast_possible_wrap, reason = "milliseconds")]
        Ok(Self { current, latest: number("la")?, version: item.n("v")?, since: Timestamp::from_millis(item.n("si")? as i64) })
    }
}

/// A stored version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// SHA-256 of its canonical content.
    pub hash: Hash,
    /// Its content.
    pub template: Template,
    /// Its canonical content.
    pub canonical: String,
    /// When it was stored.
    pub at: Timestamp,
}

impl Version {
    fn read(item: &Item) -> Result<Self, Error> {
        let canonical = item.s("y")?.to_owned();
        let hash = item.b("ch")?.try_into().map(Hash).map_err(|_| item.wrong("content hash"))?;
        // A version that was edited in place must not decide anything.
        if Hash::of(&[canonical.as_bytes()]) != hash {
            return Err(item.wrong("the content is not what its hash says"));
        }
        let template = serde_json::from_str(&canonical).map_err(|error| item.wrong(&error.to_string()))?;
        #[allow(clippy::cast_possible_wrap, reason = "milliseconds")]
        let at = Timestamp::from_millis(item.n("at")? as i64);
        Ok(Self { number: u32::try_from(item.n("n")?).unwrap_or(u32::MAX), hash, template, canonical, at })
    }
}

/// A template as read for a write.
#[derive(Debug)]
pub struct StoredTemplate {
    /// The version that has the content asked for.
    pub same_content: Option<u32>,
    item: Option<Item>,
    /// Its pointer; none: there is no such template, or the content was found.
    pub pointer: Option<Pointer>,
}

impl StoredTemplate {
    fn chained(&self, tenant: &TenantId, key: &TemplateKey) -> Chained<'_> {
        Chained { object: format!("template/{key}"), key: keys::template_pointer(tenant, key), before: self.item.as_ref() }
    }
}

type Name = (TenantId, TemplateKey);

/// A template's version, ready for use.
#[derive(Debug)]
pub struct Pinned {
    /// Its content.
    pub template: Template,
    /// Its expressions, compiled once: a version never changes.
    pub program: Program,
}

impl std::ops::Deref for Pinned {
    type Target = Template;
    fn deref(&self) -> &Template {
        &self.template
    }
}

/// What this process remembers of templates, and of the tenants' settings.
#[derive(Debug, Default)]
pub(in crate::store) struct Cache {
    versions: Mutex<HashMap<(Name, u32), Arc<Pinned>>>,
    pointers: Mutex<HashMap<Name, (Timestamp, Option<u32>)>>,
    calendars: Mutex<HashMap<TenantId, (Timestamp, Option<CalendarId>)>>,
}

impl Cache {
    pub(super) fn calendar(&self, tenant: &TenantId, now: Timestamp) -> Option<Option<CalendarId>> {
        let calendars = self.calendars.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, calendar) = calendars.get(tenant)?;
        (0..CALENDAR_MILLIS).contains(&(now.millis() - at.millis())).then(|| calendar.clone())
    }

    pub(super) fn keep_calendar(&self, tenant: &TenantId, now: Timestamp, calendar: Option<CalendarId>) {
        self.calendars.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), (now, calendar));
    }
}

impl Directory {
    /// Forgets which version of a template is current, because it was just moved here.
    pub fn forget_pointer(&self, tenant: &TenantId, key: &TemplateKey) {
        self.cache.pointers.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant.clone(), key.clone()));
    }

    /// Forgets the tenant's calendar, because it was just written here.
    pub fn forget_calendar(&self, tenant: &TenantId) {
        self.cache.calendars.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    /// The content of a version that a request pins: it must exist.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is missing.
    pub async fn pinned(&self, tenant: &TenantId, of: &TemplateRef) -> Result<Arc<Pinned>, Error> {
        let name = ((tenant.clone(), of.key.clone()), of.version);
        if let Some(known) = self.cache.versions.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(known));
        }
        let damaged = |what: String| Error::Damaged { at: format!("template {} version {}", of.key, of.version), what };
        let version = self.template_version(tenant, of).await?.ok_or_else(|| damaged("it is missing".to_owned()))?;
        // Stored templates passed the linter; one that does not compile was written by another hand.
        let program = Program::compile(&version.template).map_err(|failed| damaged(format!("{failed:?}")))?;
        let pinned = Arc::new(Pinned { template: version.template, program });
        let mut versions = self.cache.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.len() >= KEPT {
            versions.clear();
        }
        versions.insert(name, Arc::clone(&pinned));
        Ok(pinned)
    }

    /// A version with all that is known of it.
    pub async fn template_version(&self, tenant: &TenantId, of: &TemplateRef) -> Result<Option<Version>, Error> {
        let item = self.table.get(&keys::template_version(tenant, &of.key, of.version), Freshness::Strong).await?;
        item.as_ref().map(Version::read).transpose()
    }

    /// Versions, newest first, from below a number on.
    pub async fn template_versions(
        &self,
        tenant: &TenantId,
        key: &TemplateKey,
        below: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Version>, Error> {
        let first = keys::template_version(tenant, key, 1);
        let last = match below {
            None => 999_999,
            Some(0 | 1) => return Ok(Vec::new()),
            Some(number) => number - 1,
        };
        let last = keys::template_version(tenant, key, last).sk;
        let sk = Range::Between(&first.sk, &last);
        let (limit, freshness) = (i32::try_from(limit).ok(), Freshness::Eventual);
        let page = self.table.query(Ask { sk, descending: true, limit, freshness, ..Ask::partition(&first.pk) }).await?;
        page.items.iter().map(Version::read).collect()
    }

    /// The version new requests start with: `None`: unknown template; `Some(None)`: inactive. At most two seconds old.
    pub async fn current(&self, tenant: &TenantId, key: &TemplateKey, now: Timestamp) -> Result<Option<Option<u32>>, Error> {
        let name = (tenant.clone(), key.clone());
        let known = self.cache.pointers.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        if let Some((at, current)) = known
            && (0..POINTER_MILLIS).contains(&(now.millis() - at.millis()))
        {
            return Ok(Some(current));
        }
        let Some(pointer) = self.pointer(tenant, key).await? else { return Ok(None) };
        self.cache.pointers.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (now, pointer.current));
        Ok(Some(pointer.current))
    }

    /// The pointer, strongly.
    pub async fn pointer(&self, tenant: &TenantId, key: &TemplateKey) -> Result<Option<Pointer>, Error> {
        let item = self.table.get(&keys::template_pointer(tenant, key), Freshness::Strong).await?;
        item.as_ref().map(Pointer::read).transpose()
    }

    /// A page of all templates' keys and pointers, by key.
    pub async fn pointers(&self, tenant: &TenantId, after: Option<&str>, limit: i32) -> Result<(Vec<(TemplateKey, Pointer)>, bool), Error> {
        let pk = keys::templates_pk(tenant);
        let sk = after.map_or(Range::All, Range::After);
        let page = self.table.query(Ask { sk, limit: Some(limit), ..Ask::partition(&pk) }).await?;
        let read =
            |item: &Item| Ok((TemplateKey::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?, Pointer::read(item)?));
        Ok((page.items.iter().map(read).collect::<Result<_, Error>>()?, page.next.is_some()))
    }

    /// A template's pointer with the item that a write of it must find unchanged. With `content`, which version has it: then the pointer
    /// is read only if there is none.
    pub async fn stored_template(&self, tenant: &TenantId, key: &TemplateKey, content: Option<&Hash>) -> Result<StoredTemplate, Error> {
        if let Some(hash) = content
            && let Some(item) = self.table.get(&keys::template_content(tenant, key, hash), Freshness::Strong).await?
        {
            let number = u32::try_from(item.n("n")?).unwrap_or(u32::MAX);
            return Ok(StoredTemplate { same_content: Some(number), item: None, pointer: None });
        }
        let item = self.table.get(&keys::template_pointer(tenant, key), Freshness::Strong).await?;
        let pointer = item.as_ref().map(Pointer::read).transpose()?;
        Ok(StoredTemplate { same_content: None, item, pointer })
    }

    /// Writes a version after those there are. `false`: the template has changed since it was read.
    pub async fn write_template_version(
        &self,
        author: &Author<'_>,
        key: &TemplateKey,
        before: &StoredTemplate,
        (canonical, hash): (&str, &Hash),
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (tenant, pointer) = (author.tenant, before.pointer);
        let number = pointer.map_or(0, |pointer| pointer.latest) + 1;
        let (current, since) = (pointer.and_then(|pointer| pointer.current), pointer.map_or(author.now, |pointer| pointer.since));
        let change = before.chained(tenant, key).change(author, event);
        let mut writes = change.fact(|item| pointed(item, current, number, since)).writes();
        let version = Item::new(&keys::template_version(tenant, key, number)).number("n", number).bytes("ch", hash.0);
        writes.push(Write::Put(version.text("y", canonical).number("at", author.now.millis()), Some(Condition::absent())));
        let content = Item::new(&keys::template_content(tenant, key, hash)).number("n", number);
        writes.push(Write::Put(content, Some(Condition::absent())));
        Ok(self.table.transact(writes).await?.is_empty())
    }

    /// Moves the pointer. `false`: the template has changed since it was read.
    pub async fn write_template_pointer(
        &self,
        author: &Author<'_>,
        key: &TemplateKey,
        before: &StoredTemplate,
        number: Option<u32>,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let Some(Pointer { latest, since, .. }) = before.pointer else { return Ok(false) };
        let change = before.chained(author.tenant, key).change(author, event).fact(|item| pointed(item, number, latest, since));
        Ok(self.table.transact(change.writes()).await?.is_empty())
    }
}

fn pointed(item: Item, current: Option<u32>, latest: u32, since: Timestamp) -> Item {
    let item = item.number("la", latest).number("si", since.millis());
    match current {
        Some(number) => item.number("cu", number),
        None => item,
    }
}
