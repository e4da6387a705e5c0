//! Pieces that several pages share.

/// How good or bad something is; words always say the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// It is at work, or waits for the reader.
    Now,
    /// It went well.
    Good,
    /// Somebody should look.
    Warn,
    /// It went badly.
    Bad,
}

impl Tone {
    /// Its class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Now => "now",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// Where something stands, in one or two words.
#[derive(Debug, Clone, Default)]
pub struct Tag {
    /// The words.
    pub words: String,
    /// How it looks.
    pub tone: Tone,
}

impl Tag {
    /// A tag.
    pub fn new(words: impl Into<String>, tone: Tone) -> Self {
        Self { words: words.into(), tone }
    }
}

/// A moment.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// RFC 3339, for machines.
    pub iso: String,
    /// In the reader's zone and words.
    pub words: String,
}

/// By when something is wanted.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// The moment.
    pub at: Moment,
    /// How far away: `in 3 hours`, `2 days late`.
    pub far: String,
    /// It is over.
    pub late: bool,
}

/// A value as it is shown.
#[derive(Debug, Clone)]
pub enum Value {
    /// Words of a person, or a number; line breaks stay.
    Text(String),
    /// Several.
    List(Vec<String>),
    /// A person: name and id.
    Person(String, String),
    /// A day or moment.
    Moment(Moment),
    /// A link to a file: nothing of it was checked here.
    File(File),
    /// JSON that nobody declared the shape of.
    Code(String),
    /// Nothing was given.
    Nothing,
    /// It was erased, or is not shown here: why.
    Hidden(String),
}

/// An attached file.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// File name.
    pub name: String,
    /// `https` only; empty: no link is shown.
    pub href: String,
    /// Its host.
    pub host: String,
    /// For people, such as `182 kB`.
    pub size: String,
    /// Media type.
    pub kind: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// A labelled value.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: Value,
}

impl Fact {
    /// Words under a label.
    pub fn text(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: label.into(), value: Value::Text(text.into()) }
    }
}

/// What kept a form from being taken, in words, with the words typed kept in the form.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// What did not happen.
    pub heading: String,
    /// Each with the id of the field it is about, or an empty one.
    pub items: Vec<(String, String)>,
    /// A way on: address and words.
    pub way: Option<(String, String)>,
}

impl Trouble {
    /// What is wrong with the field of this id.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.items.iter().find(|(id, _)| id == field).map(|(_, words)| words.as_str())
    }
}

/// A choice of a select, radio or filter.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// The present one.
    pub chosen: bool,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>, chosen: &str) -> Self {
        let value = value.into();
        Self { chosen: value == chosen, label: label.into(), value }
    }
}
