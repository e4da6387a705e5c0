//! Calendars and settings, and what people choose for themselves.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, calendar, preferences, settings};
use approvals_domain::ids::{CalendarId, PersonId};
use serde_json::Value;

use super::Amend;
use crate::app::Error;
use crate::calendar::Calendar;
use crate::store::directory::chain::Author;
use crate::store::directory::documents::{Preferences, Settings, StoredDocument};
use crate::store::{self, Directory, keys};

/// Writes a calendar whole.
#[derive(Debug)]
pub struct PutCalendar<'a> {
    id: &'a CalendarId,
    content: Value,
}

impl<'a> PutCalendar<'a> {
    /// The calendar `id` as it shall be.
    pub fn new(id: &'a CalendarId, calendar: &Calendar) -> Self {
        Self { id, content: serde_json::json!(calendar) }
    }
}

impl Amend for PutCalendar<'_> {
    type View = StoredDocument;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the calendar";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<StoredDocument, Error> {
        Ok(directory.stored_calendar(author.tenant, self.id).await?)
    }

    fn version(view: &StoredDocument) -> u64 {
        view.document.version
    }

    fn decide(&self, view: &StoredDocument, attempt: &Attempt) -> Result<Amendment, Undecided> {
        let same_letters = view.named.clone().filter(|named| named != self.id);
        Ok(calendar::decide(&calendar::View { document: view.document.clone(), same_letters }, &self.content, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        view: &StoredDocument,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_calendar(author, self.id, view, &self.content, event).await
    }
}

/// Writes the tenant's settings whole.
#[derive(Debug)]
pub struct PutSettings<'a> {
    calendar: Option<&'a CalendarId>,
    content: Value,
}

impl<'a> PutSettings<'a> {
    /// The settings as they shall be.
    pub fn new(settings: &'a Settings) -> Self {
        Self { calendar: settings.calendar.as_ref(), content: serde_json::json!(settings) }
    }
}

/// Settings as read, and what the domain decides on.
#[derive(Debug)]
pub struct ReadSettings {
    stored: StoredDocument,
    view: settings::View,
}

impl Amend for PutSettings<'_> {
    type View = ReadSettings;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the settings";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<ReadSettings, Error> {
        let calendar_known = match self.calendar {
            Some(id) => directory.document::<Calendar>(&keys::calendar(author.tenant, id.as_str())).await?.is_some(),
            None => false,
        };
        let stored = directory.stored_document(&keys::settings(author.tenant)).await?;
        let view = settings::View { settings: stored.document.clone(), calendar_known };
        Ok(ReadSettings { stored, view })
    }

    fn version(read: &ReadSettings) -> u64 {
        read.view.settings.version
    }

    fn decide(&self, read: &ReadSettings, attempt: &Attempt) -> Result<Amendment, Undecided> {
        Ok(settings::decide(&read.view, &settings::Put { calendar: self.calendar, content: &self.content }, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadSettings,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        let object = ("settings".to_owned(), keys::settings(author.tenant));
        directory.write_document(author, object, &read.stored, &self.content, event).await
    }
}

/// Writes a person's own choices whole. Who may, the caller has asked.
#[derive(Debug)]
pub struct PutPreferences<'a> {
    /// Whose.
    pub person: &'a PersonId,
    /// As they shall be.
    pub preferences: &'a Preferences,
}

impl Amend for PutPreferences<'_> {
    /// What stands, and its version.
    type View = Option<(Preferences, u64)>;
    type Event = ();
    const WHAT: &'static str = "the person's preferences";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<Self::View, Error> {
        Ok(directory.own_preferences(author.tenant, self.person).await?)
    }

    fn version(view: &Self::View) -> u64 {
        view.as_ref().map_or(0, |(_, version)| *version)
    }

    fn decide(&self, view: &Self::View, attempt: &Attempt) -> Result<Amendment<()>, Undecided> {
        let holds = view.as_ref().is_some_and(|(present, _)| present == self.preferences);
        Ok(preferences::decide(Self::version(view), holds, attempt)?)
    }

    async fn commit(&mut self, directory: &Directory, author: &Author<'_>, view: &Self::View, (): ()) -> Result<bool, store::Error> {
        directory.write_preferences(author.tenant, self.person, Self::version(view), self.preferences).await
    }
}
