//! What people read: one letter as text and as HTML, from one set of words. It says what is asked, by whom, how much, until when, what
//! happened so far, and why them; and holds no secret but the link.

use approvals::app;
use approvals::app::queries::brief::{Brief, moment};
use approvals::link::{LINK_MILLIS, Link};
use approvals::notice::Kind;
use approvals::store::Freshness;
use approvals::store::deliveries::Delivery;
use approvals::wire::plain::unlinked;
use approvals_domain::ids::{PersonId, RequestId, StepId, TenantId};
use approvals_domain::time::Timestamp;
use askama::Template;

use crate::Desk;

/// A letter to one person, without its link.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) kind: Kind,
    /// The first line: what happened.
    pub(crate) lead: String,
    pub(crate) brief: Brief,
    /// What is asked of the reader, if something is.
    pub(crate) ask: Option<Ask>,
    /// What somebody said along with it.
    pub(crate) words: Vec<String>,
}

/// What is asked of the reader.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) step: String,
    /// Other steps that ask the reader as well, to be answered on the request's page.
    pub(crate) more: Vec<String>,
    pub(crate) meaning: Option<String>,
    pub(crate) due: String,
    pub(crate) due_at: Timestamp,
    pub(crate) why: String,
    pub(crate) progress: Option<String>,
    /// The link alone is not enough.
    pub(crate) login: bool,
    pub(crate) tenant: TenantId,
    pub(crate) request: RequestId,
    pub(crate) revision: u32,
    pub(crate) step_id: StepId,
    /// Of the reader's seat.
    pub(crate) round: u32,
    pub(crate) zone: chrono_tz::Tz,
}

/// A letter as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// A link in a letter.
#[derive(Debug, Clone)]
pub(crate) struct Button {
    pub(crate) url: String,
    /// Empty: the address is a page, which asks who looks.
    pub(crate) until: String,
    /// The link alone is not enough.
    pub(crate) login: bool,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
    rows: &'a [String],
    button: Option<&'a Button>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
    rows: &'a [(String, String)],
    button: Option<&'a Button>,
}

impl Letter {
    /// Its subject: one line of the title's words, whatever they are.
    pub(crate) fn subject(&self) -> String {
        let before = match self.kind {
            Kind::Asked => "Your approval is needed",
            Kind::Reminded | Kind::ReturnReminded => "Reminder",
            Kind::Escalated => "Overdue",
            Kind::Reassigned => "Passed on to you",
            Kind::OffDesk => "Off your desk",
            Kind::Blocked => "Blocked",
            Kind::Returned => "Sent back to you",
            Kind::SentBack => "Sent back",
            Kind::Recalled => "Recalled",
            Kind::Transferred => "Another requester",
            Kind::Withdrawn => "Your vote was taken back",
            Kind::Commented => "Comment",
            Kind::Approved => "Approved",
            Kind::Rejected => "Rejected",
            Kind::Cancelled => "Cancelled",
            Kind::Expired => "Expired",
            Kind::EffectLate => "Started, not finished",
            Kind::Settled => "No answer needed",
        };
        format!("{before}: {}", self.brief.title)
    }

    /// The facts, label and value.
    fn rows(&self) -> Vec<(String, String)> {
        let brief = &self.brief;
        let row = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        let mut rows = vec![row("Kind", &brief.template), row("About", &brief.entity), row("Asked by", &brief.requester)];
        rows.extend(brief.submitted_by.iter().map(|by| row("Submitted by", by)));
        rows.extend(brief.amount.iter().map(|amount| row("Amount", amount)));
        rows.extend(brief.fields.iter().cloned());
        if !brief.attachments.is_empty() {
            rows.push(row("Attached", &brief.attachments.join(", ")));
        }
        if brief.revision > 1 {
            rows.push(row("Revision", &brief.revision.to_string()));
        }
        if let Some(ask) = &self.ask {
            let meaning = ask.meaning.as_ref().map_or_else(String::new, |meaning| format!(" ({meaning})"));
            rows.push((String::from("Step"), format!("{}{meaning}", ask.step)));
            rows.extend(ask.more.iter().map(|step| row("Step", step)));
            rows.extend(ask.progress.iter().map(|progress| row("So far", progress)));
            rows.push(row("Answer by", &ask.due));
        }
        rows
    }

    /// The same, in which only our own link is one: people's words lead nowhere.
    fn unlinked(&self) -> Self {
        let Self { kind, lead, brief, ask, words } = self.clone();
        let ask = ask.map(|ask| Ask {
            step: unlinked(&ask.step),
            more: ask.more.iter().map(|step| unlinked(step)).collect(),
            meaning: ask.meaning.as_deref().map(unlinked),
            why: unlinked(&ask.why),
            ..ask
        });
        Self {
            kind,
            lead: unlinked(&lead),
            brief: brief.with_texts(unlinked),
            ask,
            words: words.iter().map(|line| unlinked(line)).collect(),
        }
    }

    /// As text and as HTML.
    pub(crate) fn write(&self, button: Option<&Button>) -> Result<Written, askama::Error> {
        self.unlinked().written(button)
    }

    fn written(&self, button: Option<&Button>) -> Result<Written, askama::Error> {
        let rows = self.rows();
        let wide = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).min(24) + 2;
        let lines: Vec<String> = rows.iter().map(|(label, value)| format!("{:<wide$}{value}", format!("{label}:"))).collect();
        let text = Text { letter: self, rows: &lines, button }.render()?;
        let html = Html { letter: self, rows: &rows, button }.render()?;
        Ok(Written { subject: self.subject(), text: text.trim_end().to_owned() + "\n", html })
    }

    /// The reader's own link; the same one each time this delivery is tried.
    pub(crate) async fn link(&self, desk: &Desk, delivery: &Delivery, reader: &PersonId) -> Result<Option<Button>, app::Error> {
        let Some(ask) = &self.ask else { return Ok(None) };
        let now = desk.app.clock.now();
        let reachable = desk.app.directory.reachable(&ask.tenant, reader, now, Freshness::Eventual).await?;
        let epoch = reachable.map_or(0, |reachable| reachable.link_epoch);
        if reachable.is_some_and(|reachable| reachable.settling) {
            // Whoever set the address may not be who reads it: the page asks who they are.
            return Ok(Some(ask.page(desk)));
        }
        if !ask.more.is_empty() {
            return Ok(Some(ask.page(desk)));
        }
        let version = delivery.key_id.as_deref().and_then(|version| version.parse().ok());
        let expires_at = delivery.first_at.plus_millis(LINK_MILLIS);
        let link = Link {
            tenant: ask.tenant.clone(),
            request: ask.request.clone(),
            revision: ask.revision,
            step: ask.step_id.clone(),
            round: ask.round,
            recipient: reader.clone(),
            epoch,
            expires_at,
        };
        let version = match version {
            Some(version) => version,
            None => desk.links.current().await?,
        };
        let token = link.token(&desk.links, version).await?;
        Ok(Some(Button {
            url: format!("{}/v1/actions/{}", desk.address, token.reveal()),
            until: moment(expires_at, ask.zone),
            login: ask.login,
        }))
    }
}

impl Ask {
    /// The request's page, which asks who looks.
    fn page(&self, desk: &Desk) -> Button {
        Button { url: format!("{}/requests/{}", desk.address, self.request), until: String::new(), login: true }
    }
}

/// A mail without a link: a subject, and sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    subject: String,
    sentences: Vec<String>,
}

#[derive(Template)]
#[template(path = "news.html")]
struct NewsHtml<'a> {
    news: &'a News,
}

impl News {
    /// Of a subject and sentences with people's words in them.
    pub(crate) fn new(subject: &str, sentences: &[String]) -> Self {
        Self { subject: unlinked(subject), sentences: sentences.iter().map(|sentence| unlinked(sentence)).collect() }
    }

    /// As text and as HTML.
    pub(crate) fn write(&self) -> Result<Written, askama::Error> {
        let html = NewsHtml { news: self }.render()?;
        Ok(Written { subject: self.subject.clone(), text: self.sentences.join("\n\n") + "\n", html })
    }
}
