//! The page of a link as HTML: nothing of it is kept, framed, or told to another site.

use approvals::app;
use approvals::app::queries::brief::Brief;
use approvals::app::queries::values::{Fact, Value};
use approvals::runtime::entropy::Entropy;
use approvals::web::problem::Problem;
use approvals::wire::plain::{line, lines};
use approvals_domain::event::Decision;
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use askama::Template;
use axum::response::{IntoResponse, Response};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode, header};

use super::reasons::Reasons;

/// Fields above the buttons: the first of the template's, as long as they are short. A phone shows them and the buttons in its first screen.
const ABOVE: usize = 5;
/// Characters of a short value.
const SHORT_CHARS: usize = 60;

/// A page to be rendered.
#[derive(Debug)]
pub(crate) struct Page {
    status: u16,
    heading: String,
    lines: Vec<String>,
    parts: Parts,
}

/// By when an answer is wanted, and why from the reader.
#[derive(Debug, Clone)]
pub(super) struct Asks {
    /// What stands before the time: whether it is over.
    pub(super) label: &'static str,
    pub(super) due: String,
    pub(super) why: String,
}

/// What a page holds beside what it says.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// What is asked; none: the reader may see nothing of it.
    pub(super) brief: Option<Brief>,
    /// What is said of the step.
    pub(super) rows: Vec<(String, String)>,
    pub(super) asks: Option<Asks>,
    /// What the form carries; none: nothing can be pressed.
    pub(super) form: Option<String>,
    /// The reader must log in first.
    pub(super) login: bool,
    pub(super) reasons: Reasons,
    /// What the reader wrote, when it did not count.
    pub(super) words: String,
    pub(super) person: String,
    pub(super) seat: String,
    pub(super) request: String,
    /// The reader is asked once more whether this is to be rejected.
    pub(super) confirms: bool,
    /// The answer that may be sent once more as it was, since nobody could look at it.
    pub(super) again: Option<Decision>,
}

#[derive(Template)]
#[template(path = "action.html")]
struct Html<'a> {
    nonce: &'a str,
    heading: &'a str,
    lines: &'a [String],
    parts: &'a Parts,
    /// The amount, if no field above the buttons is it.
    sum: Option<&'a str>,
    above: &'a [Fact],
    below: &'a [Fact],
    /// What no field of the template declares: its labels are the requester's.
    undeclared: &'a [Fact],
}

impl Page {
    pub(super) fn new(status: u16, heading: &str, lines: Vec<String>, parts: Parts) -> Self {
        Self { status, heading: heading.to_owned(), lines, parts }
    }

    pub(super) fn said(status: u16, heading: &str, said: String) -> Self {
        Self::new(status, heading, vec![said], Parts::default())
    }

    /// No link of ours: the same for one that never was and one long gone.
    pub(crate) fn unknown() -> Self {
        Self::said(404, "This link leads nowhere", "It may be cut short, or too old. Log in to see what waits for you.".to_owned())
    }

    /// A failure.
    pub(crate) fn of(error: app::Error) -> Self {
        if matches!(error, app::Error::NotFound | app::Error::Refused(Refusal::NoRequest | Refusal::UnknownStep(_))) {
            return Self::unknown();
        }
        let Problem { status, detail, .. } = error.into();
        Self::said(status, "That did not work", line(&detail, 500))
    }

    /// With another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With what the reader wrote in its place: it did not count, and is not lost. Words that stand there as an answer already did count.
    pub(crate) fn with_words(self, words: String) -> Self {
        let wrote = lines(&words, limits::COMMENT_CHARS);
        let counted = self.parts.brief.iter().flat_map(|brief| brief.past.all()).any(|happened| happened.words == wrote);
        let words = if counted && self.parts.form.is_none() { String::new() } else { words };
        Self { parts: Parts { words, ..self.parts }, ..self }
    }

    /// That asks once more before it rejects.
    pub(crate) fn confirming(self) -> Self {
        let heading = "Reject this?".to_owned();
        Self { heading, parts: Parts { confirms: true, ..self.parts }, ..self }
    }

    /// After a failure that may be over in a moment: with the same answer, to be sent once more.
    pub(crate) fn trying_again(self, form: &str, decision: Option<Decision>) -> Self {
        let passing = matches!(self.status, 429 | 503) && !form.is_empty() && decision.is_some();
        if !passing {
            return self;
        }
        Self { parts: Parts { form: Some(form.to_owned()), again: decision, ..self.parts }, ..self }
    }

    /// As HTTP.
    pub(crate) fn response(self, entropy: &Entropy) -> Response {
        let nonce = entropy.salt().to_string();
        let Self { status, heading, lines, parts } = &self;
        let facts = parts.brief.as_ref().map(|brief| brief.content.facts.as_slice()).unwrap_or_default();
        let short = |fact: &Fact| {
            fact.declared
                && match &fact.value {
                    Value::Text(text) => text.chars().count() <= SHORT_CHARS && !text.contains('\n'),
                    Value::Person { .. } | Value::Day(..) | Value::Nothing => true,
                    Value::List(_) | Value::Nested(_) | Value::File(_) | Value::Hidden => false,
                }
        };
        let above = if parts.form.is_some() {
            facts.iter().take(ABOVE).take_while(|fact| short(fact)).count()
        } else {
            facts.iter().take_while(|fact| fact.declared).count()
        };
        let (above, below) = facts.split_at(above);
        let declared = below.iter().take_while(|fact| fact.declared).count();
        let (below, undeclared) = below.split_at(declared);
        let said = |sum: &&str| !parts.confirms && above.iter().any(|fact| matches!(&fact.value, Value::Text(text) if text == sum));
        let sum = parts.brief.as_ref().and_then(|brief| brief.content.amount.as_deref()).filter(|sum| !said(sum));
        let html = Html { nonce: &nonce, heading, lines, parts, sum, above, below, undeclared }.render();
        let Ok(html) = html else { return Problem::internal("the page of a link could not be written").into_response() };
        let scripted = parts.login && parts.form.is_some();
        let scripts = if scripted { format!("script-src 'nonce-{nonce}'; connect-src 'self'; ") } else { String::new() };
        let policy =
            format!("default-src 'none'; style-src 'nonce-{nonce}'; {scripts}form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
        let mut response = (StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), html).into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.extend(HeaderValue::try_from(policy).map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
        response
    }
}
