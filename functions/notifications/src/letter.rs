//! What people read: one letter as text and as HTML, from one set of words. It says who asks, what, how much, until when, and why the
//! reader; then what is new to them and what happened before. It holds no secret but the link.

use approvals::app;
use approvals::app::queries::brief::{Brief, Shown, moment};
use approvals::app::queries::conversation::short::{Past, excerpt};
use approvals::link::{LINK_MILLIS, Link};
use approvals::notice::Kind;
use approvals::store::Freshness;
use approvals::store::deliveries::Delivery;
use approvals::wire::plain::{isolated, unlinked};
use approvals_domain::ids::{PersonId, RequestId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use askama::Template;

use crate::Desk;
use crate::subject::{self, Day};

/// Said where there is no page to lead to.
pub(crate) const NO_LINK: &str = "This mail has no link: pages for people are not set up here.";
/// Said at the end of each mail.
pub(crate) const NO_REPLIES: &str = "Replies to this mail are not read.";

/// Entries of what happened in a mail; older ones are counted.
const NEWEST: usize = 10;
/// Bytes of a letter's HTML at most: mail programs cut what is longer.
const HTML_BYTES: usize = 60_000;
/// Characters of each entry's words, the more the better: the first number that fits is taken.
const WORDS_CHARS: [usize; 5] = [limits::COMMENT_CHARS, 1_500, 700, 300, 100];
/// Lines, and characters, of somebody's words that stand above the link: the rest is below it. So the link is in the first screen.
const ABOVE: (usize, usize) = (3, 240);

/// A letter to one person, without its link.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) kind: Kind,
    /// The first line: what happened.
    pub(crate) lead: String,
    pub(crate) tenant: TenantId,
    pub(crate) request: RequestId,
    /// The entity's id alone, for the subject.
    pub(crate) entity: String,
    pub(crate) brief: Brief,
    /// What is asked of the reader, if something is.
    pub(crate) ask: Option<Ask>,
    /// What somebody said along with it.
    pub(crate) words: Vec<String>,
    /// The reader may see the request.
    pub(crate) sees: bool,
}

/// What is asked of the reader.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) step: String,
    /// Other steps that ask the reader as well, to be answered on the request's page.
    pub(crate) more: Vec<String>,
    pub(crate) meaning: Option<String>,
    /// By when, in words.
    pub(crate) due: String,
    pub(crate) due_at: Timestamp,
    /// The same, short; and whether it is over.
    pub(crate) day: Day,
    pub(crate) why: String,
    pub(crate) progress: Option<String>,
    /// The link alone is not enough.
    pub(crate) login: bool,
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
    pub(crate) to: To,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// To a page that takes the reader's answer, until then; `login`: the link alone is not enough.
    Answer { until: String, login: bool },
    /// To the request's page, which asks who looks; something is asked there.
    PageAsks,
    /// To the request's page.
    Page,
    /// To the reader's inbox: the request is not open to them.
    Inbox,
}

impl Button {
    /// What is written on it.
    pub(crate) const fn words(&self) -> &'static str {
        match self.to {
            To::Answer { .. } | To::PageAsks => "Look and answer",
            To::Page => "Look at the request",
            To::Inbox => "Open your inbox",
        }
    }

    /// What it does not do.
    pub(crate) const fn note(&self) -> &'static str {
        match self.to {
            To::Answer { login: false, .. } => "Nothing is decided before you say so on that page.",
            To::Answer { login: true, .. } | To::PageAsks => {
                "Nothing is decided before you say so on that page. Your own login is needed as well."
            }
            To::Page => "The page asks you to log in.",
            To::Inbox => "You were asked in another’s place, so the request is not open to you any more.",
        }
    }
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
    rows: &'a [String],
    steps: &'a [String],
    foot: &'a [String],
    button: Option<&'a Button>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
    subject: &'a str,
    rows: &'a [(String, String)],
    steps: &'a [(String, String)],
    foot: &'a [String],
    button: Option<&'a Button>,
}

impl Letter {
    /// The same for somebody who was asked in another's place and may not see the request any more: nothing that they were not told when
    /// they were asked, but what became of it.
    pub(crate) fn that_it_is_over(self) -> Self {
        let Brief { title, template, entity, requester, submitted_by, mail, revision, .. } = self.brief;
        let nothing = (Vec::new(), Vec::new(), Shown::default(), Past::default());
        let (fields, attachments, content, past) = nothing;
        let brief = Brief {
            title,
            template,
            entity,
            requester,
            submitted_by,
            amount: None,
            fields,
            attachments,
            more: false,
            mail,
            content,
            revision,
            past,
        };
        Self { brief, words: Vec::new(), sees: false, ..self }
    }

    /// Its title: the request's, unless the template keeps that out of mails.
    pub(crate) fn title(&self) -> &str {
        self.brief.mail_title()
    }

    /// Its subject, on one line.
    pub(crate) fn subject(&self) -> String {
        let end = match self.kind {
            Kind::Asked | Kind::Reminded | Kind::Escalated | Kind::Reassigned => self.ask.as_ref().map(|ask| ask.day.words()),
            Kind::OffDesk => Some("off your desk".to_owned()),
            Kind::Blocked => Some("blocked".to_owned()),
            Kind::Returned => Some("sent back to you".to_owned()),
            Kind::Commented => Some("comment".to_owned()),
            Kind::Approved => Some("approved".to_owned()),
            Kind::Rejected => Some("rejected".to_owned()),
            Kind::Cancelled => Some("cancelled".to_owned()),
            Kind::Expired => Some("expired".to_owned()),
            Kind::EffectLate => Some("started, not finished".to_owned()),
            Kind::RequesterLeft => Some("its requester has left".to_owned()),
            Kind::EffectFailed => Some("its effect failed".to_owned()),
            Kind::Outvoted => Some("approved by others".to_owned()),
            Kind::ReturnReminded => Some("still with you".to_owned()),
            Kind::SentBack => Some("sent back".to_owned()),
            Kind::Recalled => Some("recalled".to_owned()),
            Kind::Transferred => Some("another requester".to_owned()),
            Kind::Withdrawn => Some("your vote was taken back".to_owned()),
            Kind::Settled => Some("no answer needed".to_owned()),
        };
        subject::line(&self.entity, self.title(), self.brief.amount.as_deref(), end.as_deref())
    }

    /// What a list of mails shows beside the subject: who asks, and what the reader is to them.
    pub(crate) fn preheader(&self) -> String {
        let revision = if self.brief.revision > 1 { format!(" · revision {}", self.brief.revision) } else { String::new() };
        match &self.ask {
            Some(ask) => format!("{} asks · {}{revision}", self.brief.requester, ask.why),
            None => format!("{}{revision}", self.lead),
        }
    }

    /// How much, and by when.
    pub(crate) fn key(&self) -> String {
        let by = self.ask.as_ref().map(|ask| format!("{} {}", ask.day.by(), ask.due));
        self.brief.amount.iter().cloned().chain(by).collect::<Vec<_>>().join(" · ")
    }

    /// What kind of request it is, about what, by whom.
    pub(crate) fn about(&self) -> String {
        let brief = &self.brief;
        // Texts of people side by side on one line: none turns its neighbour.
        let by = brief.submitted_by.as_ref().map(|by| format!(", submitted by {}", isolated(by))).unwrap_or_default();
        let revision = if brief.revision > 1 { format!(" · revision {}", brief.revision) } else { String::new() };
        let template = if self.brief.mail.title { format!("{} · ", isolated(&brief.template)) } else { String::new() };
        format!("{template}{} · asked by {}{by}{revision}", isolated(&brief.entity), isolated(&brief.requester))
    }

    /// What was filled in and attached, label and value. A template may call a field as our rows are called: so these stand apart.
    fn rows(&self) -> Vec<(String, String)> {
        let attached = Some(self.brief.attachments.join(", ")).filter(|files| !files.is_empty());
        self.brief.fields.iter().cloned().chain(attached.map(|files| ("Attached".to_owned(), files))).collect()
    }

    /// What is said of the step.
    fn steps(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        if let Some(ask) = &self.ask {
            let meaning = ask.meaning.as_ref().map_or_else(String::new, |meaning| format!(" ({meaning})"));
            rows.push(("Step".to_owned(), format!("{}{meaning}", ask.step)));
            rows.extend(ask.more.iter().map(|step| ("Step".to_owned(), step.clone())));
            rows.extend(ask.progress.iter().map(|progress| ("So far".to_owned(), progress.clone())));
        }
        rows
    }

    /// What stands over what is not new.
    pub(crate) fn before(&self) -> &'static str {
        if self.brief.past.news.is_empty() { "What happened so far" } else { "What happened before" }
    }

    /// That older entries are left out.
    pub(crate) fn older(&self) -> String {
        match self.brief.past.older {
            1 => "1 older entry is left out here.".to_owned(),
            older => format!("{older} older entries are left out here."),
        }
    }

    /// What stands at the end.
    fn foot(&self, button: Option<&Button>) -> Vec<String> {
        let mut foot = Vec::new();
        if let Some(To::Answer { until, login }) = button.map(|button| &button.to) {
            foot.push(format!("This link is yours alone. It works until {until}."));
            if !login {
                foot.push("Whoever has it can answer in your name: do not forward this mail.".to_owned());
            }
        }
        foot.push(format!("{NO_REPLIES} You choose in your preferences which mails you get."));
        foot
    }

    /// People's words, or that the page has them.
    fn said(&self, lines: Vec<String>) -> Vec<String> {
        if self.brief.mail.words || lines.is_empty() { lines } else { vec!["(what was written stands on the page)".to_owned()] }
    }

    /// What mails may say of it, in which only our own link is one: people's words lead nowhere.
    fn mailed(&self) -> Self {
        let mut letter = self.clone();
        letter.words = self.said(above(&letter.words));
        letter.brief.past.keep_newest(NEWEST);
        letter.brief.past.keep_to(|change| change.mailed, |lines| self.said(lines));
        let ask = letter.ask.map(|ask| Ask {
            step: unlinked(&ask.step),
            more: ask.more.iter().map(|step| unlinked(step)).collect(),
            meaning: ask.meaning.as_deref().map(unlinked),
            why: unlinked(&ask.why),
            ..ask
        });
        Self {
            lead: unlinked(&letter.lead),
            entity: unlinked(&letter.entity),
            brief: letter.brief.with_texts(unlinked),
            ask,
            words: letter.words.iter().map(|line| unlinked(line)).collect(),
            ..letter
        }
    }

    /// As text and as HTML.
    ///
    /// A mail is read on a phone and kept in a mailbox: the newest entries, and of long words their beginning if all of it would be too much.
    pub(crate) fn write(&self, button: Option<&Button>) -> Result<Written, askama::Error> {
        let mut letter = self.mailed();
        for chars in WORDS_CHARS {
            letter.brief.past.cut_words(chars);
            let written = letter.written(button)?;
            if written.html.len() <= HTML_BYTES {
                return Ok(written);
            }
        }
        letter.brief.past.keep_newest(0);
        letter.written(button)
    }

    fn written(&self, button: Option<&Button>) -> Result<Written, askama::Error> {
        let (rows, steps, foot, subject) = (self.rows(), self.steps(), self.foot(button), self.subject());
        let wide = rows.iter().chain(&steps).map(|(label, _)| label.chars().count()).max().unwrap_or(0).min(24) + 2;
        let line = |(label, value): &(String, String)| format!("{:<wide$}{value}", format!("{label}:"));
        let (lines, of_step): (Vec<String>, Vec<String>) = (rows.iter().map(line).collect(), steps.iter().map(line).collect());
        let text = Text { letter: self, rows: &lines, steps: &of_step, foot: &foot, button }.render()?;
        let html = Html { letter: self, subject: &subject, rows: &rows, steps: &steps, foot: &foot, button }.render()?;
        Ok(Written { subject, text: text.trim_end().to_owned() + "\n", html })
    }

    /// The reader's own link; the same one each time this delivery is tried. None: there is no page for it.
    pub(crate) async fn link(&self, desk: &Desk, delivery: &Delivery, reader: &PersonId) -> Result<Option<Button>, app::Error> {
        let page = |to| desk.pages.then(|| Button { url: format!("{}/requests/{}", desk.address, self.request), to });
        if !self.sees {
            return Ok(desk.pages.then(|| Button { url: format!("{}/", desk.address), to: To::Inbox }));
        }
        let Some(ask) = &self.ask else { return Ok(page(To::Page)) };
        if !ask.more.is_empty() {
            return Ok(page(To::PageAsks));
        }
        let now = desk.app.clock.now();
        let reachable = desk.app.directory.reachable(&self.tenant, reader, now, Freshness::Eventual).await?;
        let epoch = reachable.map_or(0, |reachable| reachable.link_epoch);
        if reachable.is_some_and(|reachable| reachable.settling) {
            // Whoever set the address may not be who reads it: the page asks who they are.
            return Ok(page(To::PageAsks));
        }
        let version = delivery.key_id.as_deref().and_then(|version| version.parse().ok());
        let expires_at = delivery.first_at.plus_millis(LINK_MILLIS);
        let link = Link {
            tenant: self.tenant.clone(),
            request: self.request.clone(),
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
        let to = To::Answer { until: moment(expires_at, ask.zone), login: ask.login };
        Ok(Some(Button { url: format!("{}/v1/actions/{}", desk.address, token.reveal()), to }))
    }
}

/// The beginning of somebody's words.
fn above(words: &[String]) -> Vec<String> {
    let (lines, chars) = ABOVE;
    let mut first = excerpt(words.get(..lines).unwrap_or(words), chars);
    if first.len() < words.len() && !first.last().is_some_and(|line| line.ends_with('…')) {
        first.push("…".to_owned());
    }
    first
}
