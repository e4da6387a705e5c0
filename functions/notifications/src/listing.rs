//! A mail about several requests: a few sentences, what waits, and one link to the inbox.

use approvals::app::queries::brief::Brief;
use approvals::wire::plain::unlinked;
use approvals::wire::words::due_label;
use askama::Template;

use crate::letter::{NO_REPLIES, Written};
use crate::sheet::Place;

/// Written on a link to the inbox.
pub(crate) const INBOX: &str = "Open your inbox";

/// A list of what waits for its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Why the reader gets it, in one word.
    pub(crate) reason: &'static str,
    subject: String,
    sentences: Vec<String>,
    items: Vec<Item>,
    /// What is not in the list; empty: nothing.
    rest: String,
    /// Where all of it is; none: nobody can log in there.
    link: Option<Place>,
}

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The request's title.
    pub(crate) title: String,
    /// Label and value.
    pub(crate) rows: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "listing.txt", escape = "none")]
struct Text<'a> {
    listing: &'a Listing,
}

#[derive(Template)]
#[template(path = "listing.html")]
struct Html<'a> {
    listing: &'a Listing,
}

impl Item {
    /// A request in few words: what happened to it, by when an answer is wanted and whether that is over, and why from the reader. What is
    /// empty is left out.
    pub(crate) fn new(brief: &Brief, what: String, (due, late): (String, bool), why: String) -> Self {
        let amount = brief.amount.clone().unwrap_or_default();
        let (about, by) = (brief.entity.clone(), brief.requester.clone());
        let rows = [("What", what), ("About", about), ("Asked by", by), ("Amount", amount), (due_label(late), due), ("Why you", why)];
        let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
        let rows = rows.map(|(label, value)| (label.to_owned(), unlinked(&value)));
        Self { title: unlinked(brief.mail_title()), rows: rows.collect() }
    }
}

impl Listing {
    /// Of a reason, a subject and sentences with people's words in them.
    pub(crate) fn new(
        reason: &'static str,
        subject: &str,
        sentences: &[String],
        (items, rest): (Vec<Item>, String),
        link: Option<Place>,
    ) -> Self {
        let sentences = sentences.iter().map(|sentence| unlinked(sentence)).collect();
        Self { reason, subject: unlinked(subject), sentences, items, rest, link }
    }

    /// What a list of mails shows beside the subject: what waits first.
    fn preheader(&self) -> String {
        self.items.iter().take(3).map(|item| item.title.as_str()).collect::<Vec<_>>().join(" · ")
    }

    /// As text and as HTML.
    pub(crate) fn write(&self) -> Result<Written, askama::Error> {
        let text = Text { listing: self }.render()?;
        let html = Html { listing: self }.render()?;
        Ok(Written { subject: self.subject.clone(), text: format!("{}\n\n--\n{NO_REPLIES}\n", text.trim()), html })
    }
}
