//! Documents: what administrators write whole and nobody searches (calendars, settings), and what people write for themselves.

use std::collections::BTreeMap;

use approvals_domain::directory::{DirectoryEvent, Document};
use approvals_domain::facts::WorkingTime;
use approvals_domain::ids::{CalendarId, PersonId, TenantId};
use approvals_domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::User;
use super::chain::{Author, Chained, reserve};
use crate::calendar::{Calendar, WorkingHours};
use crate::store::keys::{self, Key};
use crate::store::{Condition, Directory, Error, Freshness, Item, Write, Written};

/// What holds for the whole tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The calendar of templates that name none; none: SLAs run by the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub calendar: Option<CalendarId>,
}

/// How a person wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Through which channels.
    pub channels: Channels,
    /// Colours of the pages; as the device is set if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// IANA name; as the directory says if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// Colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the device is set.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Ways to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// Mail to the address in the directory.
    pub mail: bool,
    /// The tenant's webhooks say that a notice is for this person; true if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<bool>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { channels: Channels { mail: true, webhook: None }, theme: None, time_zone: None }
    }
}

/// A document as read for a write.
#[derive(Debug)]
pub struct StoredDocument {
    item: Option<Item>,
    /// The document as the domain decides on it.
    pub document: Document,
    /// For a calendar: whose id these letters are, in whatever case; none, if nobody wrote it yet.
    pub named: Option<CalendarId>,
}

impl StoredDocument {
    /// Its item, if there is one.
    pub(super) fn item(&self) -> Option<&Item> {
        self.item.as_ref()
    }
}

impl Directory {
    /// A document and its version.
    pub async fn document<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<(T, u64)>, Error> {
        self.document_as(key, Freshness::Strong).await
    }

    async fn document_as<T: DeserializeOwned>(&self, key: &Key, freshness: Freshness) -> Result<Option<(T, u64)>, Error> {
        let Some(item) = self.table.get(key, freshness).await? else { return Ok(None) };
        Ok(Some((item.of_json("d")?, item.n("v")?)))
    }

    /// When so many milliseconds of a calendar's working time are over. A calendar that is not there is version 0.
    pub async fn working_time(
        &self,
        tenant: &TenantId,
        id: &CalendarId,
        from: Timestamp,
        millis: i64,
        freshness: Freshness,
    ) -> Result<WorkingTime, Error> {
        let key = keys::calendar(tenant, id.as_str());
        let mut found = self.document_as::<Calendar>(&key, freshness).await?;
        if found.is_none() && freshness == Freshness::Eventual {
            found = self.document_as(&key, Freshness::Strong).await?;
        }
        let Some((calendar, version)) = found else { return Ok(WorkingTime { from: Some(from), ..WorkingTime::default() }) };
        let unknown = || Error::Damaged { at: format!("calendar {id}"), what: format!("time zone {} is not known", calendar.time_zone) };
        let hours = WorkingHours::new(&calendar).ok_or_else(unknown)?;
        Ok(WorkingTime { version, from: Some(from), ends: [(millis, hours.after(from, millis))].into() })
    }

    /// The tenant's calendar: of steps that name none, in templates that name none. At most a minute old.
    pub async fn tenant_calendar(&self, tenant: &TenantId, now: Timestamp) -> Result<Option<CalendarId>, Error> {
        if let Some(known) = self.cache.calendar(tenant, now) {
            return Ok(known);
        }
        let found: Option<(Settings, u64)> = self.document(&keys::settings(tenant)).await?;
        let calendar = found.and_then(|(settings, _)| settings.calendar);
        self.cache.keep_calendar(tenant, now, calendar.clone());
        Ok(calendar)
    }

    /// The time zone of the tenant's calendar; none: it names no calendar. Which calendar that is may be a minute old.
    pub async fn tenant_zone(&self, tenant: &TenantId, now: Timestamp) -> Result<Option<String>, Error> {
        let Some(id) = self.tenant_calendar(tenant, now).await? else { return Ok(None) };
        let found: Option<(Calendar, u64)> = self.document(&keys::calendar(tenant, id.as_str())).await?;
        Ok(found.map(|(calendar, _)| calendar.time_zone))
    }

    /// A document with the item that a write of it must find unchanged.
    pub async fn stored_document(&self, key: &Key) -> Result<StoredDocument, Error> {
        let item = self.table.get(key, Freshness::Strong).await?;
        let content = item.as_ref().map(|item| item.of_json("d")).transpose()?;
        let version = item.as_ref().and_then(|item| item.opt_n("v")).unwrap_or(0);
        Ok(StoredDocument { item, document: Document { version, content }, named: None })
    }

    /// A calendar with the item that a write of it must find unchanged.
    pub async fn stored_calendar(&self, tenant: &TenantId, id: &CalendarId) -> Result<StoredDocument, Error> {
        let (key, letters) = (keys::calendar(tenant, id.as_str()), keys::folded_calendar(tenant, id));
        let (stored, named) = tokio::try_join!(self.stored_document(&key), self.named(&letters, CalendarId::new))?;
        Ok(StoredDocument { named, ..stored })
    }

    /// Writes a calendar whole; the first version reserves its id, whatever the letter case. `false`: something has changed since.
    pub async fn write_calendar(
        &self,
        author: &Author<'_>,
        id: &CalendarId,
        before: &StoredDocument,
        content: &serde_json::Value,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (object, key) = (format!("calendar/{id}"), keys::calendar(author.tenant, id.as_str()));
        let change = Chained { object, key, before: before.item.as_ref() }.change(author, event);
        let mut writes = change.fact(|item| item.json("d", content)).writes();
        if before.named.is_none() {
            writes.push(reserve(&keys::folded_calendar(author.tenant, id), id.as_str()));
            writes.push(Write::Put(Item::new(&keys::listed_calendar(author.tenant, id)), None));
        }
        Ok(self.table.transact(writes).await?.is_empty())
    }

    /// Writes a document whole; its content stands in its commit. `false`: it has changed since it was read.
    pub async fn write_document(
        &self,
        author: &Author<'_>,
        (object, key): (String, Key),
        before: &StoredDocument,
        content: &serde_json::Value,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let change = Chained { object, key, before: before.item.as_ref() }.change(author, event);
        let writes = change.fact(|item| item.json("d", content)).writes();
        Ok(self.table.transact(writes).await?.is_empty())
    }

    /// A page of calendars with their versions, by id; and after which id to go on, if there may be more. May miss the last second.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn calendars_page(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(CalendarId, Calendar, u64)>, Option<String>), Error> {
        let (ids, more) = self.listed(&keys::calendars_list(tenant), after, limit).await?;
        let next = ids.last().filter(|_| more).cloned();
        let ids: Vec<CalendarId> = ids.into_iter().filter_map(|id| CalendarId::new(id).ok()).collect();
        let wanted: Vec<Key> = ids.iter().map(|id| keys::calendar(tenant, id.as_str())).collect();
        let mut found = BTreeMap::new();
        let items = self.table.batch_get_each(&wanted, Freshness::Eventual).await?;
        for item in self.table.sound(items).await? {
            if let Some(key) = item.key() {
                found.insert(key, (item.of_json("d")?, item.n("v")?));
            }
        }
        let each =
            ids.into_iter().zip(&wanted).filter_map(|(id, key)| found.remove(key).map(|(calendar, version)| (id, calendar, version)));
        Ok((each.collect(), next))
    }

    /// A person's own choices, with their version; the defaults are version 0.
    pub async fn preferences(&self, tenant: &TenantId, id: &PersonId) -> Result<(Preferences, u64), Error> {
        Ok(self.own_preferences(tenant, id).await?.unwrap_or_default())
    }

    /// The same as they lie there; none: nobody chose anything. What the service did not write are the defaults, in the version that it says:
    /// so the person can write over it. It is logged and counted, and the archive tells of it.
    pub async fn own_preferences(&self, tenant: &TenantId, id: &PersonId) -> Result<Option<(Preferences, u64)>, Error> {
        let found = self.table.batch_get_each(&[keys::preferences(tenant, id)], Freshness::Strong).await?;
        let version = found.first().map(|item| item.opt_n("v").unwrap_or(0));
        let sound = self.table.sound(found).await?.pop();
        let chosen = sound.as_ref().map(|item| item.of_json("d")).transpose()?;
        Ok(version.map(|version| (chosen.unwrap_or_default(), version)))
    }

    /// Persons as written, and their own choices where they made any; who is not there is missing. One read of both. May miss the last second.
    pub async fn with_choices(
        &self,
        tenant: &TenantId,
        ids: &[PersonId],
    ) -> Result<BTreeMap<PersonId, (User, Option<Preferences>)>, Error> {
        let wanted: Vec<Key> = ids.iter().flat_map(|id| [keys::person(tenant, id), keys::preferences(tenant, id)]).collect();
        let found = self.table.batch_get_each(&wanted, Freshness::Eventual).await?;
        let sound = self.table.sound(found).await?;
        let by_key: BTreeMap<Key, &Item> = sound.iter().filter_map(|item| Some((item.key()?, item))).collect();
        let mut people = BTreeMap::new();
        for id in ids {
            let Some(user) = by_key.get(&keys::person(tenant, id)) else { continue };
            let choices = by_key.get(&keys::preferences(tenant, id)).map(|item| item.of_json("d")).transpose()?;
            people.insert(id.clone(), (user.of_json("d")?, choices));
        }
        Ok(people)
    }

    /// Writes a person's own choices whole, as the version after `version`. They decide nothing and so have no commits. `false`: they
    /// have changed since.
    pub async fn write_preferences(
        &self,
        tenant: &TenantId,
        id: &PersonId,
        version: u64,
        preferences: &Preferences,
    ) -> Result<bool, Error> {
        let condition = if version == 0 { Condition::absent() } else { Condition::version(version) };
        let item = Item::new(&keys::preferences(tenant, id)).number("v", version + 1).json("d", preferences);
        Ok(matches!(self.table.put(item, Some(condition)).await?, Written::Done))
    }
}
