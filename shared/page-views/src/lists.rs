//! Pages that list: what waits for the reader, what they asked for, what they decided, what they look for.

use askama::Template;

use crate::frame::{Frame, Tab};
use crate::parts::{Choice, Due, Moment, Tag, Trouble};

/// Something that waits for the reader's answer.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// Its page.
    pub href: String,
    /// What is asked.
    pub title: String,
    /// What kind of request it is.
    pub kind: String,
    /// What it is about.
    pub entity: String,
    /// How much; empty: it has no amount.
    pub amount: String,
    /// Who asks.
    pub requester: String,
    /// The step.
    pub step: String,
    /// Why the reader: `you are Alice's manager`.
    pub why: String,
    /// By when.
    pub due: Due,
    /// Fields marked for short views: label and value.
    pub fields: Vec<(String, String)>,
    /// Above 1: it was changed and submitted again.
    pub revision: u32,
}

/// `/`: what waits for the reader, soonest first.
#[derive(Debug, Clone, Template)]
#[template(path = "inbox.html")]
pub struct Inbox {
    /// Around it.
    pub frame: Frame,
    /// How many wait: `3`, `100+`.
    pub count: String,
    /// On this page.
    pub tasks: Vec<Task>,
    /// Filter by template; empty: there is nothing to choose.
    pub templates: Vec<Choice>,
    /// A filter is set.
    pub filtered: bool,
    /// The next page.
    pub next: Option<String>,
    /// The first page, if this is another.
    pub first: Option<String>,
    /// Sent back to the reader, who asked: title and page.
    pub returned: Vec<(String, String)>,
}

/// A request in a list.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Its page.
    pub href: String,
    /// What was asked.
    pub title: String,
    /// What kind of request it is.
    pub kind: String,
    /// What it is about.
    pub entity: String,
    /// How much; empty: it has no amount.
    pub amount: String,
    /// Who asked; empty: the reader.
    pub requester: String,
    /// Where it stands.
    pub status: Tag,
    /// What that means for the reader: `waits for Bob Martin`, `you approved`.
    pub words: String,
    /// When it last changed.
    pub at: Moment,
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// `/mine`.
    Mine,
    /// `/decided`.
    Decided,
}

/// `/mine` and `/decided`.
#[derive(Debug, Clone, Template)]
#[template(path = "list.html")]
pub struct List {
    /// Around it.
    pub frame: Frame,
    /// Which.
    pub which: Which,
    /// On this page, newest first.
    pub rows: Vec<Row>,
    /// Filter by status.
    pub statuses: Vec<Choice>,
    /// Filter by template; empty: there is nothing to choose.
    pub templates: Vec<Choice>,
    /// A filter is set.
    pub filtered: bool,
    /// The next page.
    pub next: Option<String>,
    /// The first page, if this is another.
    pub first: Option<String>,
}

impl List {
    fn path(&self) -> &'static str {
        if self.which == Which::Mine { "/mine" } else { "/decided" }
    }
}

/// `/find`.
#[derive(Debug, Clone, Template)]
#[template(path = "find.html")]
pub struct Find {
    /// Around it.
    pub frame: Frame,
    /// What is looked for; empty: nothing yet.
    pub q: String,
    /// What was found.
    pub rows: Vec<Row>,
    /// The query cannot be looked for.
    pub trouble: Option<Trouble>,
}

/// A kind of request that can be submitted.
#[derive(Debug, Clone, Default)]
pub struct Kind {
    /// Its form.
    pub href: String,
    /// Its title.
    pub title: String,
    /// Who approves, in a few words.
    pub words: String,
}

/// `/new`: what can be asked for.
#[derive(Debug, Clone, Template)]
#[template(path = "kinds.html")]
pub struct Kinds {
    /// Around it.
    pub frame: Frame,
    /// Active templates, by title.
    pub kinds: Vec<Kind>,
}
