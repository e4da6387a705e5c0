//! A conversation in an answer.

use approvals_domain::ids::{PersonId, StepId};
use serde::Serialize;
use serde_json::Value;

use super::changes::Change;
use super::words::{Teller, Told};
use super::{ENTRIES, Entry, Kind};

/// One thing that happened.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ConversationEntry)]
pub struct EntryView {
    /// The same for ever.
    id: String,
    at: String,
    /// A person's id, or `system`.
    by: String,
    /// `submitted`, `resubmitted`, `approved`, `rejected`, `returned`, `commented`, `reassigned`, `escalated`, `reminded`, `cancelled`,
    /// `expired`, `transferred`, `recalled`, `withdrawn`, `effect_started` or `effect_finished`.
    #[schema(value_type = String)]
    kind: Kind,
    /// In force then, from 1.
    revision: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    step: Option<StepId>,
    /// Whose right was used, if another's than that of `by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// To whom it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    to: Option<PersonId>,
    /// The same in one sentence, with names: what pages and mails say.
    summary: String,
    /// What was written along with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What was written is erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    /// What a resubmission changed. Missing once erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeView>>,
}

/// A value that is another one now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Change)]
pub struct ChangeView {
    /// A JSON pointer into what was sent, such as `/metadata/supplier`; files share `/attachments`, and what else is said of the same bytes has `/attachments/0/url`.
    field: String,
    /// For people.
    label: String,
    /// Before; missing if there was none. Of a file: its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    old: Option<Value>,
    /// Now; missing if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    new: Option<Value>,
}

impl From<Change> for ChangeView {
    fn from(Change { pointer, label, old, new, .. }: Change) -> Self {
        Self { field: pointer, label, old, new }
    }
}

impl Teller<'_> {
    /// The newest of so many first entries, oldest first; and how many stand before them, if any does.
    pub fn page(&self, first: usize, most: usize) -> (Vec<EntryView>, Option<usize>) {
        let all = self.conversation.entries();
        let until = first.min(all.len());
        let from = until.saturating_sub(most.min(ENTRIES));
        let page = all.get(from..until).unwrap_or_default();
        // What the service notes beside an act is for people: the kinds of an answer are those of the acts.
        let acts = page.iter().filter(|entry| entry.kind != Kind::Noted);
        (acts.map(|entry| self.view(entry)).collect(), (from > 0).then_some(from))
    }

    fn view(&self, entry: &Entry<'_>) -> EntryView {
        let said = entry.text().map(|hash| self.conversation.texts.get(&hash));
        let Told { what, erased, changes, .. } = self.told(entry);
        EntryView {
            id: entry.id(),
            at: entry.at().to_string(),
            by: entry.by().map_or_else(|| "system".to_owned(), ToString::to_string),
            kind: entry.kind,
            revision: entry.revision,
            step: entry.step().cloned(),
            on_behalf_of: entry.on_behalf_of().cloned(),
            to: entry.to().cloned(),
            summary: what,
            text: said.flatten().map(|said| said.words.clone()),
            erased,
            changes: changes.map(|changes| changes.into_iter().map(ChangeView::from).collect()),
        }
    }
}
