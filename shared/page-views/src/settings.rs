//! `/delegations` and `/preferences`.

use askama::Template;

use crate::frame::{Frame, Tab};
use crate::parts::{Choice, Moment, Tag, Trouble};

/// Somebody stands in for somebody.
#[derive(Debug, Clone, Default)]
pub struct Delegation {
    /// Of the form that ends it.
    pub id: String,
    /// Given: who receives. Received: who gives.
    pub person: String,
    /// From when to when, in the reader's zone.
    pub when: String,
    /// What it covers: templates, steps, up to how much.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Whether it counts now.
    pub tag: Tag,
    /// What of it can never count.
    pub warnings: Vec<String>,
}

/// What the form of a delegation holds, as typed.
#[derive(Debug, Clone, Default)]
pub struct DelegationForm {
    /// Who stands in: an id or a unique name.
    pub to: String,
    /// First day, in the reader's zone.
    pub starts: String,
    /// Last day, included.
    pub ends: String,
    /// Keys, one a line; empty: all.
    pub templates: String,
    /// Step ids, one a line; empty: all.
    pub steps: String,
    /// Empty: any.
    pub max_amount: String,
    /// Of the amount.
    pub max_currency: String,
    /// Why.
    pub reason: String,
}

/// `/delegations`.
#[derive(Debug, Clone, Template)]
#[template(path = "delegations.html")]
pub struct Delegations {
    /// Around it.
    pub frame: Frame,
    /// The reader's own.
    pub given: Vec<Delegation>,
    /// Others' to the reader.
    pub received: Vec<Delegation>,
    /// The form.
    pub form: DelegationForm,
    /// In whose zone days are.
    pub zone: String,
    /// Why it was not taken.
    pub trouble: Option<Trouble>,
}

impl Delegations {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}

/// A session of the reader.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Of the form that ends it.
    pub handle: String,
    /// When it began.
    pub since: Moment,
    /// When it was last used.
    pub used: Moment,
    /// The present one.
    pub here: bool,
}

/// `/preferences`.
#[derive(Debug, Clone, Template)]
#[template(path = "preferences.html")]
pub struct Preferences {
    /// Around it.
    pub frame: Frame,
    /// Who the reader is: name, id, address.
    pub about: Vec<(String, String)>,
    /// Which mails are wanted: name of the field, words, wanted.
    pub channels: Vec<(String, String, bool)>,
    /// Colours.
    pub themes: Vec<Choice>,
    /// IANA name; empty: as the directory says.
    pub time_zone: String,
    /// The zone if none is chosen.
    pub default_zone: String,
    /// The reader's sessions.
    pub sessions: Vec<Session>,
    /// Why it was not taken.
    pub trouble: Option<Trouble>,
    /// It was taken.
    pub saved: bool,
}

impl Preferences {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}
