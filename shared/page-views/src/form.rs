//! `/new/{template}` and `/requests/{id}/edit`: a form from a template's fields.

use askama::Template;

use crate::frame::{Frame, Tab};
use crate::parts::{Choice, Due, Trouble};

/// What a field takes.
#[derive(Debug, Clone)]
pub enum Input {
    /// One line.
    Text,
    /// `-?\d+(\.\d+)?`.
    Number,
    /// One of these.
    Choice(Vec<Choice>),
    /// Yes, no, or nothing if it is optional.
    YesNo(Vec<Choice>),
    /// A day.
    Date,
    /// An id or a unique name.
    Person,
    /// One a line.
    List,
    /// JSON.
    Json,
}

/// A field of the form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name and id: `field.amount`.
    pub name: String,
    /// For people.
    pub label: String,
    /// What is allowed, in words; may be empty.
    pub hint: String,
    /// What it takes.
    pub input: Input,
    /// It must be there.
    pub required: bool,
    /// As typed.
    pub value: String,
}

impl Field {
    /// The attribute that names what describes it: the hint, and what is wrong.
    fn about(&self, wrong: bool) -> String {
        let name = &self.name;
        match (self.hint.is_empty(), wrong) {
            (true, false) => String::new(),
            (false, false) => format!("{name}-hint"),
            (true, true) => format!("{name}-wrong"),
            (false, true) => format!("{name}-hint {name}-wrong"),
        }
    }
}

/// A step in a preview.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its condition does not hold.
    pub skipped: bool,
    /// Who approves: `Bob Martin`, `2 of finance (Erin Sato, Frank Müller)`.
    pub who: String,
    /// By when, if it opens at once.
    pub due: Option<Due>,
    /// What is missing.
    pub gaps: Vec<String>,
}

/// What a submission would do.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// It would be accepted.
    pub ok: bool,
    /// Why not.
    pub problem: String,
    /// How much, as it was understood; empty: no amount.
    pub sum: String,
    /// The plan.
    pub steps: Vec<Planned>,
}

/// The form.
#[derive(Debug, Clone, Template)]
#[template(path = "form.html")]
pub struct Form {
    /// Around it.
    pub frame: Frame,
    /// What is asked for.
    pub kind: String,
    /// Where it is sent.
    pub action: String,
    /// None: a new request. Some: what was sent back or is changed: title and page.
    pub edits: Option<(String, String)>,
    /// Who sent it back, and with which words.
    pub why_back: Option<(String, String)>,
    /// As typed.
    pub title: String,
    /// As typed; cannot be changed later.
    pub entity_type: String,
    /// As typed; cannot be changed later.
    pub entity_id: String,
    /// From the template.
    pub fields: Vec<Field>,
    /// What changed, on a resubmission.
    pub comment: String,
    /// What it would do.
    pub preview: Option<Preview>,
    /// Why it was not taken.
    pub trouble: Option<Trouble>,
    /// Files stay as they are; their names.
    pub files: Vec<String>,
}

impl Form {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}
