//! A mail about the directory: a subject, sentences, and a page where its reader can do something about it.

use approvals::wire::plain::unlinked;
use askama::Template;

use crate::Desk;
use crate::letter::{NO_REPLIES, Written};

/// A mail about the directory: a subject, and sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// Why the reader gets it, in one word.
    pub(crate) reason: &'static str,
    subject: String,
    sentences: Vec<String>,
    /// Where its reader can do something about it; none: there are no pages, or they cannot log in.
    link: Option<Place>,
}

/// A page that a mail about the directory leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) url: String,
    /// What is written on the button.
    pub(crate) words: &'static str,
}

impl Place {
    /// A page by its path; none: there are no pages.
    pub(crate) fn of(desk: &Desk, path: &str, words: &'static str) -> Option<Self> {
        desk.pages.then(|| Self { url: format!("{}{path}", desk.address), words })
    }
}

#[derive(Template)]
#[template(path = "news.html")]
struct NewsHtml<'a> {
    news: &'a News,
}

impl News {
    /// Of a reason, a subject and sentences with people's words in them.
    pub(crate) fn new(reason: &'static str, subject: &str, sentences: &[String], link: Option<Place>) -> Self {
        Self { reason, subject: unlinked(subject), sentences: sentences.iter().map(|sentence| unlinked(sentence)).collect(), link }
    }

    /// As text and as HTML.
    pub(crate) fn write(&self) -> Result<Written, askama::Error> {
        let html = NewsHtml { news: self }.render()?;
        let link = self.link.as_ref().map(|place| format!("{}:\n\n{}\n\n", place.words, place.url)).unwrap_or_default();
        let text = format!("{}\n\n{link}--\n{NO_REPLIES}\n", self.sentences.join("\n\n"));
        Ok(Written { subject: self.subject.clone(), text, html })
    }
}
