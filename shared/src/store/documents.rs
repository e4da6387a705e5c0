//! Documents: what administrators write whole and nobody searches (calendars, settings), and what people write for themselves.

use std::collections::BTreeSet;

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::ids::{CalendarId, PersonId, TenantId};
use approvals_domain::limits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::directory::{Author, Chained, Put};
use super::keys::{self, Key};
use super::{Condition, Error, Freshness, Item, Store, Written, pause};

/// Working hours. Times are local to the zone; outside of the hours and on holidays no SLA runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// IANA name, for example `Europe/Amsterdam`.
    pub time_zone: String,
    /// Hours of each day of the week.
    pub weekly: Week,
    /// Days without hours, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
}

/// Hours of each day of the week; a day left out has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the days of the week")]
pub struct Week {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<Hours>,
}

impl Week {
    /// Monday first, with the names on the wire.
    pub fn days(&self) -> [(&'static str, &[Hours]); 7] {
        [
            ("mon", &self.mon),
            ("tue", &self.tue),
            ("wed", &self.wed),
            ("thu", &self.thu),
            ("fri", &self.fri),
            ("sat", &self.sat),
            ("sun", &self.sun),
        ]
    }
}

/// A stretch of one day: from the first minute to just before the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// `HH:MM`, from `00:00`.
    pub from: String,
    /// `HH:MM`, later than `from`, up to `24:00`. Hours over midnight are two stretches.
    pub to: String,
}

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
        Self { channels: Channels { mail: true, webhook: None } }
    }
}

impl Store {
    /// A document and its version.
    pub async fn document<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<(T, u64)>, Error> {
        let Some(item) = self.get(key, Freshness::Strong).await? else { return Ok(None) };
        Ok(Some((item.of_json("d")?, item.n("v")?)))
    }

    /// Writes a document whole; its content stands in its commit.
    pub async fn put_document(&self, author: &Author<'_>, (object, key): (&str, Key), content: &serde_json::Value) -> Result<Put, Error> {
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before = self.get(&key, Freshness::Strong).await?;
            let chained = Chained { object: object.to_owned(), key: key.clone(), before: before.as_ref() };
            let version = chained.version();
            let present: Option<serde_json::Value> = before.as_ref().map(|item| item.of_json("d")).transpose()?;
            if author.if_match.is_some_and(|seen| seen != version) {
                return Ok(Put::Precondition(version));
            }
            if present.as_ref() == Some(content) {
                return Ok(Put::Done(version, false));
            }
            let change = chained.change(author, DirectoryEvent::Document { content: Some(content.clone()) });
            if self.transact(change.fact(|item| item.json("d", content)).writes()).await?.is_empty() {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the document is being written by others".to_owned()))
    }

    /// A person's own choices, with their version; the defaults are version 0.
    pub async fn preferences(&self, tenant: &TenantId, id: &PersonId) -> Result<(Preferences, u64), Error> {
        Ok(self.document(&keys::preferences(tenant, id)).await?.unwrap_or_default())
    }

    /// Writes a person's own choices whole. They decide nothing and so have no commits.
    pub async fn put_preferences(
        &self,
        tenant: &TenantId,
        id: &PersonId,
        preferences: &Preferences,
        if_match: Option<u64>,
    ) -> Result<Put, Error> {
        let key = keys::preferences(tenant, id);
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before: Option<(Preferences, u64)> = self.document(&key).await?;
            let version = before.as_ref().map_or(0, |(_, version)| *version);
            if if_match.is_some_and(|seen| seen != version) {
                return Ok(Put::Precondition(version));
            }
            if before.is_some_and(|(present, _)| present == *preferences) {
                return Ok(Put::Done(version, false));
            }
            let condition = if version == 0 { Condition::absent() } else { Condition::version(version) };
            let item = Item::new(&key).number("v", version + 1).json("d", preferences);
            if let Written::Done = self.put(item, Some(condition)).await? {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the preferences are being written elsewhere".to_owned()))
    }
}
