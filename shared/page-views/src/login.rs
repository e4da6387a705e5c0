//! `/login`, and pages that only say something.

use askama::Template;

use crate::frame::{Frame, Tab};
use crate::parts::Trouble;

/// Somebody to log in as, on a development server.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they are: roles, or whose manager.
    pub words: String,
}

/// `/login` of a development server, and the page after a logout.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "login.html")]
pub struct Login {
    /// Around it.
    pub frame: Frame,
    /// Where to go then: a path of ours, or empty.
    pub next: String,
    /// Where the issuer's login begins.
    pub login: String,
    /// The development server's people; empty elsewhere.
    pub people: Vec<Person>,
    /// The directory of a development server is empty: a form makes the first administrator.
    pub first: bool,
    /// Somebody has just logged out.
    pub left: bool,
    /// Where the reader logs out of the issuer too; empty: nowhere.
    pub end_session: String,
    /// The id in the form of the first administrator, as typed.
    pub user: String,
    /// The name in it, as typed.
    pub name: String,
    /// The mail address in it, as typed.
    pub email: String,
    /// Why they are not logged in.
    pub trouble: Option<Trouble>,
}

impl Login {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}

impl First {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().and_then(|trouble| trouble.of(field))
    }
}

/// The form that makes the first administrator.
#[derive(Debug, Clone, Template)]
#[template(path = "first.html")]
pub struct First {
    /// Around it.
    pub frame: Frame,
    /// Where to go then.
    pub next: String,
    /// Who they are to the issuer.
    pub subject: String,
    /// As typed, or as the issuer says.
    pub name: String,
    /// As typed, or as the issuer says.
    pub email: String,
    /// Why it was not taken.
    pub trouble: Option<Trouble>,
    /// Of the form.
    pub csrf: String,
}

/// A page that says something: an error, or what a press would do.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "said.html")]
pub struct Said {
    /// Around it.
    pub frame: Frame,
    /// In a few words.
    pub heading: String,
    /// What it means.
    pub lines: Vec<String>,
    /// Ways on: address and words. The first is the main one.
    pub ways: Vec<(String, String)>,
    /// Words that were typed and not taken: label and words, so that nothing is lost.
    pub kept: Vec<(String, String)>,
    /// The form as it was sent, to press again after a login: action, fields, button.
    pub again: Option<Again>,
}

/// A form that was sent without a session.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// Where it goes.
    pub action: String,
    /// All its fields but `csrf`.
    pub fields: Vec<(String, String)>,
    /// What the button says.
    pub button: String,
}
