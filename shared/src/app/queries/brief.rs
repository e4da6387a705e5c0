//! A request in few words, for whoever has to answer it or asked for it: what mails and the pages behind their links say.
//!
//! Every text in it is one line (or lines) that acts on nothing; see [`crate::wire::plain`]. Markup is escaped where it is shown.

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::limits;
use approvals_domain::seat::Seat;
use approvals_domain::state::{Request, Vote};
use approvals_domain::template::{self, Approver, MailRules, Template};
use chrono_tz::Tz;

use super::names::NAME_CHARS;
use super::values::{self, Content, Fact, File};
use crate::app::{App, Error};
use crate::store::directory::User;
use crate::store::requests::Record;
use crate::wire::plain::{line, lines};
use crate::wire::view::texts_of;

pub use super::names::Names;
pub use crate::wire::words::moment;

/// Characters of a file's name in a mail.
const VALUE_CHARS: usize = 200;
/// Said of a rejection or a return whose author wrote nothing.
pub const NO_REASON: &str = "no reason given";

/// A request in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// What is asked.
    pub title: String,
    /// What kind of request it is.
    pub template: String,
    /// What it is about: type and id.
    pub entity: String,
    /// Who asks.
    pub requester: String,
    /// Who called for them, if another.
    pub submitted_by: Option<String>,
    /// How much, if the template says and a mail may say it: every field that the amount reads is marked `mail`.
    pub amount: Option<String>,
    /// Fields marked `mail`: label and value, each on one line.
    pub fields: Vec<(String, String)>,
    /// Names and sizes of attached files; none if the template keeps words of the request from mails.
    pub attachments: Vec<String>,
    /// The pages show more than a mail says here.
    pub more: bool,
    /// What the template lets mails say.
    pub mail: MailRules,
    /// What a page behind a link shows.
    pub content: Shown,
    /// From 1.
    pub revision: u32,
    /// What happened so far, oldest first.
    pub so_far: Vec<Happened>,
}

/// What a page behind a link shows of what an approval covers, beside the title.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// How much, if no sensitive field is read for it.
    pub amount: Option<String>,
    /// Every field in the template's order, then what no field declares. Nothing is cut.
    pub facts: Vec<Fact>,
    /// Attached files.
    pub files: Vec<File>,
    /// Something is not shown here, but on the request's page.
    pub hides: bool,
    /// The last rejection or return of this revision, with its words or that there are none.
    pub objection: Option<Happened>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When, in the reader's zone.
    pub at: String,
    /// Who did what.
    pub what: String,
    /// In whose words.
    pub words: Vec<String>,
}

impl Brief {
    /// The title as mails may say it: the template's, if the request's stays on the pages.
    pub fn mail_title(&self) -> &str {
        if self.mail.title { &self.title } else { &self.template }
    }

    /// The same with every text changed alike.
    #[must_use]
    pub fn with_texts(self, change: impl Fn(&str) -> String) -> Self {
        let Self { title, template, entity, requester, submitted_by, amount, fields, attachments, so_far, .. } = self;
        let all = |texts: Vec<String>| texts.iter().map(|text| change(text)).collect::<Vec<_>>();
        let happened = |Happened { at, what, words }| Happened { at, what: change(&what), words: all(words) };
        Self {
            title: change(&title),
            template: change(&template),
            entity: change(&entity),
            requester: change(&requester),
            submitted_by: submitted_by.map(|name| change(&name)),
            amount: amount.map(|amount| change(&amount)),
            fields: fields.iter().map(|(label, value)| (change(label), change(value))).collect(),
            attachments: all(attachments),
            so_far: so_far.into_iter().map(happened).collect(),
            ..self
        }
    }
}

/// A person's zone; UTC if none is known.
pub fn zone(user: &User) -> Tz {
    user.time_zone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

impl App {
    /// A request in few words, times in a zone.
    pub async fn brief(&self, record: &Record, template: &Template, names: &Names, zone: Tz) -> Result<Brief, Error> {
        let state = &record.state;
        let (data, texts) = tokio::try_join!(self.requests.data(record), self.requests.texts(record, texts_of(record)))?;
        let metadata = values::object(data.as_ref().map_or("", |data| &data.metadata));
        // Whom fields name is mostly known: callers ask for them where they can.
        let unknown = names.without(values::people(template, &metadata));
        let known = if unknown.is_empty() { None } else { Some(names.and(self.people(&state.tenant, unknown).await?)) };
        let content = Content {
            template,
            metadata: &metadata,
            amount: state.amount.as_ref().filter(|_| data.is_some()),
            names: known.as_ref().unwrap_or(names),
            zone,
        };
        let files: Vec<File> = data.iter().flat_map(|data| &data.attachments).map(values::file).collect();
        let mut so_far = vec![submitted(state, names, zone)];
        // Parallel steps take turns: the order is that of the commits.
        let mut votes: Vec<&Vote> = state.votes().collect();
        votes.sort_by_key(|vote| vote.version);
        let objection = votes.iter().rposition(|vote| vote.voted.decision != Decision::Approve);
        so_far.extend(votes.into_iter().map(|vote| {
            let step = template.step(&vote.voted.step).map_or(vote.voted.step.as_str(), template::Step::title);
            let words = vote.voted.comment.and_then(|hash| texts.get(&hash)).map(|text| lines(&text.words, limits::COMMENT_CHARS));
            let silent = (vote.voted.decision != Decision::Approve && vote.voted.comment.is_none()).then(|| NO_REASON.to_owned());
            let words = words.unwrap_or_else(|| silent.into_iter().collect());
            Happened { at: moment(vote.at, zone), what: voted(vote, step, names), words }
        }));
        let (fields, unsaid) = content.by_mail();
        let spoken = so_far.iter().any(|happened| !happened.words.is_empty());
        // A file's name says what its request is about.
        let named = template.mail.title && !template.has_sensitive();
        let attached = |file: &File| format!("{} ({})", line(&file.name, VALUE_CHARS), file.size);
        Ok(Brief {
            title: title(record),
            template: line(&template.title, NAME_CHARS),
            entity: format!("{} {}", state.entity.kind, state.entity.id),
            requester: names.of(&state.requester),
            submitted_by: (state.submitted_by != state.requester).then(|| names.of(&state.submitted_by)),
            amount: content.amount_by_mail(),
            fields,
            attachments: files.iter().filter(|_| named).map(attached).collect(),
            more: unsaid || !files.is_empty() || !template.mail.title || (!template.mail.words && spoken),
            mail: template.mail,
            content: Shown {
                amount: content.amount_by_link(),
                facts: if data.is_some() { content.facts_by_link() } else { Vec::new() },
                files: if template.has_sensitive() { Vec::new() } else { files },
                hides: data.is_some() && template.has_sensitive(),
                objection: objection.and_then(|index| so_far.get(index + 1)).cloned(),
            },
            revision: state.revision,
            so_far,
        })
    }
}

/// A request's title, on one line; or that it is gone.
pub fn title(record: &Record) -> String {
    record.title().map_or_else(|| "(erased)".to_owned(), |title| line(title, usize::MAX))
}

fn submitted(state: &Request, names: &Names, zone: Tz) -> Happened {
    let requester = names.of(&state.requester);
    let what = if state.submitted_by == state.requester {
        format!("{requester} asked for it")
    } else {
        format!("{} asked for it, for {requester}", names.of(&state.submitted_by))
    };
    Happened { at: moment(state.created_at, zone), what, words: Vec::new() }
}

fn voted(vote: &Vote, step: &str, names: &Names) -> String {
    let did = match vote.voted.decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
        Decision::Return => "sent it back",
    };
    let instead = vote.voted.on_behalf_of.as_ref().map_or_else(String::new, |person| format!(", for {}", names.of(person)));
    let meaning = vote.voted.meaning.as_ref().map_or_else(String::new, |meaning| format!(" ({})", line(meaning, NAME_CHARS)));
    format!("{} {did}{instead}: {}{meaning}", names.of(&vote.by.id), line(step, NAME_CHARS))
}

/// Why this person is asked, after "because". `rules`: of the step.
pub fn why(seat: &Seat, (request, rules): (&Request, Option<&template::Step>), person: &PersonId, names: &Names) -> String {
    let of_requester = |approver: &Approver| matches!(approver, Approver::ManagerOf(of) if of == "requester");
    let manager = rules.is_some_and(|rules| rules.approvers.iter().any(of_requester));
    let right = match (&seat.role, &seat.any_of) {
        (Some(role), _) => format!("a member of {role}"),
        (None, Some(_)) => "one of those who may answer here".to_owned(),
        (None, None) if manager && names.reports_to(&request.requester, &seat.person) => {
            format!("{}’s manager", names.of(&request.requester))
        }
        (None, None) => "an approver of this step".to_owned(),
    };
    let late = if seat.level > 0 { ", added because nobody answered in time" } else { "" };
    if seat.person == *person {
        format!("you are {right}{late}")
    } else {
        format!("you stand in for {}, who is {right}{late}", names.of(&seat.person))
    }
}

/// How far a step is: `1 of 2 approvals`; nothing where one is enough.
pub fn progress(request: &Request, step: &StepId) -> Option<String> {
    let step = request.step(step)?;
    let need = step.opening.as_ref()?.need;
    (need > 1).then(|| format!("{} of {need} approvals", step.approvals()))
}
