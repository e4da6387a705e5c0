//! `/requests/{id}`: what is asked, who is next, what happened, and what the reader may do.

use askama::Template;

use crate::frame::{Frame, Tab};
use crate::parts::{Choice, Due, Fact, Moment, Tag, Tone, Trouble, Value};

/// An answer that the reader may give.
#[derive(Debug, Clone, Default)]
pub struct Decide {
    /// The step's id.
    pub step: String,
    /// The step's name.
    pub step_name: String,
    /// What an approval means; empty: approval.
    pub meaning: String,
    /// Why the reader is asked.
    pub why: String,
    /// `1 of 2 approvals`; empty where one is enough.
    pub progress: String,
    /// What was shown.
    pub payload_hash: String,
    /// Rounds that must be named, by the name of the field.
    pub rounds: Vec<(String, u32)>,
    /// For whom, if there is a choice.
    pub seats: Vec<Choice>,
    /// For whom, if it is another and there is no choice.
    pub on_behalf_of: String,
    /// The comment as typed.
    pub comment: String,
    /// Rejecting needs a reason.
    pub reject_reason: bool,
    /// Sending back needs a reason.
    pub return_reason: bool,
    /// The step needs a fresh login first: its address.
    pub step_up: Option<String>,
}

/// A change of a field.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Of the field.
    pub label: String,
    /// Before; empty: nothing was there.
    pub old: String,
    /// Now; empty: nothing is there.
    pub new: String,
}

/// Something that happened.
#[derive(Debug, Clone, Default)]
pub struct Happened {
    /// When.
    pub at: Moment,
    /// Who did what.
    pub what: String,
    /// In whose words; empty: none.
    pub words: String,
    /// The words were erased.
    pub erased: bool,
    /// What changed.
    pub changes: Vec<Change>,
    /// How it looks.
    pub tone: Tone,
}

/// A step.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: Tag,
    /// `✓`, `✕`, a number.
    pub mark: String,
    /// Who decided, or who may: one line each.
    pub lines: Vec<String>,
    /// By when, while it is open.
    pub due: Option<Due>,
    /// What the clock does next, in words; may be empty.
    pub next: String,
}

/// A commit.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// From 1.
    pub version: u64,
    /// When.
    pub at: Moment,
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
    /// Its hash.
    pub hash: String,
}

/// Why somebody may act, or not.
#[derive(Debug, Clone, Default)]
pub struct Why {
    /// Whom it is about, or which step.
    pub who: String,
    /// Why, or why not.
    pub words: String,
}

/// A seat the reader may pass on.
#[derive(Debug, Clone, Default)]
pub struct Reassign {
    /// The step's id.
    pub step: String,
    /// The step's name.
    pub step_name: String,
    /// Whose seat, if it is not the reader's own: choices.
    pub from: Vec<Choice>,
    /// To whom, as typed.
    pub to: String,
    /// Why, as typed.
    pub reason: String,
}

/// An answer the reader may take back.
#[derive(Debug, Clone, Default)]
pub struct Withdraw {
    /// The step's id.
    pub step: String,
    /// The step's name.
    pub step_name: String,
    /// For whom it was given, if for another than the voter.
    pub on_behalf_of: String,
    /// Their name; empty: the reader.
    pub who: String,
}

/// Forms that one text and one press make.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// As typed.
    pub text: String,
    /// It must not be empty.
    pub required: bool,
}

/// The page.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "request.html")]
pub struct Page {
    /// Around it.
    pub frame: Frame,
    /// The request's id.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// What kind of request it is.
    pub kind: String,
    /// Where it stands.
    pub status: Tag,
    /// Who asks.
    pub requester: String,
    /// How much; empty: it has no amount.
    pub amount: String,
    /// By when the reader's answer, or the open step's, is wanted.
    pub due: Option<Due>,
    /// What it is about.
    pub entity: String,
    /// Above 1: who changed it.
    pub revised_by: String,
    /// From 1.
    pub revision: u32,
    /// What the reader may answer.
    pub decide: Vec<Decide>,
    /// How things stand for the reader, if there is nothing to answer.
    pub stand: String,
    /// How that looks.
    pub stand_tone: Tone,
    /// What is new since this reader was last asked.
    pub news: Vec<Happened>,
    /// Every field of the template: the hash covers it.
    pub facts: Vec<Fact>,
    /// What no field declares, and the hash covers as well: its labels are the requester's.
    pub undeclared: Vec<Fact>,
    /// What else it covers: title, entity, requester, template.
    pub about: Vec<Fact>,
    /// Attached files.
    pub files: Vec<Value>,
    /// The route.
    pub steps: Vec<Step>,
    /// All that happened, newest first.
    pub story: Vec<Happened>,
    /// Older than the story shown: the address of all of it, and how many entries more.
    pub older: Option<(String, usize)>,
    /// Words that were typed and not taken, whose form is gone: label and words.
    pub kept: Vec<(String, String)>,
    /// Commits, for who wants to check.
    pub history: Vec<Commit>,
    /// Who may act and why.
    pub explain: Vec<Why>,
    /// Label and value of what proves it.
    pub receipt: Vec<(String, String)>,
    /// Its payload's hash.
    pub payload_hash: String,
    /// The reader may comment.
    pub comment: Option<Words>,
    /// The reader may cancel.
    pub cancel: Option<Words>,
    /// The reader may recall.
    pub recall: Option<Words>,
    /// Answers that the reader may take back.
    pub withdraw: Vec<Withdraw>,
    /// Seats the reader may pass on.
    pub reassign: Vec<Reassign>,
    /// The reader may change it and submit it again: the form's address.
    pub edit: Option<String>,
    /// The request of the same entity before it.
    pub previous: Option<String>,
    /// Why a form was not taken.
    pub trouble: Option<Trouble>,
}

impl Page {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}

/// What a rejection would do, asked once more.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    /// Around it.
    pub frame: Frame,
    /// The request's id.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// Who asks.
    pub requester: String,
    /// How much; empty: it has no amount.
    pub amount: String,
    /// What a rejection here does, in words.
    pub consequence: String,
    /// The step's id.
    pub step: String,
    /// What was shown.
    pub payload_hash: String,
    /// Of the seat that was chosen; empty: it need not be named.
    pub round: String,
    /// For whom; empty: for oneself.
    pub on_behalf_of: String,
    /// As typed.
    pub comment: String,
    /// A reason is needed.
    pub reason: bool,
    /// Why it was not taken.
    pub trouble: Option<Trouble>,
}
