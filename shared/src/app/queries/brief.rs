//! A request in few words, for whoever has to answer it or asked for it: what mails and the pages behind their links say.
//!
//! Every text in it is one line (or lines) that acts on nothing; see [`crate::wire::plain`]. Markup is escaped where it is shown.

use std::collections::BTreeSet;

use approvals_domain::event::{Decision, Event};
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::seat::Seat;
use approvals_domain::state::{Opening, Request, Vote};
use approvals_domain::template::{self, Approver, Fallback, MailRules, Template};
use chrono_tz::Tz;

use super::conversation::Conversation;
use super::conversation::short::{Happened, Past};
use super::conversation::words::{NOT_YET, Teller};
use super::names::NAME_CHARS;
use super::values::{self, Content, Fact, File};
use crate::app::{App, Error};
use crate::store::Freshness;
use crate::store::requests::{Data, Record};
use crate::wire::plain::line;
use crate::wire::words;

pub use super::names::{Names, zone};
pub use crate::wire::words::moment;

/// Characters of a file's name in a mail.
const VALUE_CHARS: usize = 200;

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
    /// Who wrote what stands, if another: who called for them, or changed it since.
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
    /// What happened so far.
    pub past: Past,
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

impl Brief {
    /// A request in few words for one reader, on a seat if they have one; times in a zone.
    pub fn new(source: Source<'_>, names: &Names, zone: Tz, reader: (&PersonId, Option<&Seat>)) -> Self {
        let Source { record, template, data, conversation } = source;
        let state = &record.state;
        let metadata = values::object(data.map_or("", |data| &data.metadata));
        let amount = state.amount.as_ref().filter(|_| data.is_some());
        let content = Content { template, metadata: &metadata, amount, names, zone };
        let files: Vec<File> = data.iter().flat_map(|data| &data.attachments).map(values::file).collect();
        let teller = Teller { request: state, template, names, conversation, zone, moment: &|at| moment(at, zone) };
        let past = teller.past(reader.0, reader.1);
        let (fields, unsaid) = content.by_mail();
        let spoken = past.all().any(|happened| !happened.words.is_empty());
        // A file's name says what its request is about.
        let named = template.mail.title && !template.has_sensitive();
        let attached = |file: &File| format!("{} ({})", line(&file.name, VALUE_CHARS), file.size);
        Self {
            title: title(record),
            template: line(&template.title, NAME_CHARS),
            entity: words::entity(&state.entity),
            requester: names.of(&state.requester),
            submitted_by: author(state, conversation).filter(|author| **author != state.requester).map(|author| names.of(author)),
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
                objection: teller.objection(),
            },
            revision: state.revision,
            past,
        }
    }

    /// The title as mails may say it: the template's, if the request's stays on the pages.
    pub fn mail_title(&self) -> &str {
        if self.mail.title { &self.title } else { &self.template }
    }

    /// The same with every text changed alike.
    #[must_use]
    pub fn with_texts(self, change: impl Fn(&str) -> String) -> Self {
        let Self { title, template, entity, requester, submitted_by, amount, fields, attachments, past, .. } = self;
        Self {
            title: change(&title),
            template: change(&template),
            entity: change(&entity),
            requester: change(&requester),
            submitted_by: submitted_by.map(|name| change(&name)),
            amount: amount.map(|amount| change(&amount)),
            fields: fields.iter().map(|(label, value)| (change(label), change(value))).collect(),
            attachments: attachments.iter().map(|name| change(name)).collect(),
            past: past.with_texts(change),
            ..self
        }
    }
}

/// Who submitted the revision that stands; none: it is not known here.
fn author<'a>(state: &'a Request, conversation: &'a Conversation) -> Option<&'a PersonId> {
    let sent = |event: &Event| matches!(event, Event::Submitted { .. } | Event::Resubmitted { .. });
    let last = conversation.commits.iter().rev().find(|sealed| sealed.commit.events.iter().any(sent));
    let first = Some(&state.submitted_by).filter(|_| state.revision == 1);
    last.and_then(|sealed| sealed.commit.actor.person()).or(first)
}

/// What a request is told from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The request.
    pub record: &'a Record,
    /// Its template.
    pub template: &'a Template,
    /// Content of its present revision; none: it was erased.
    pub data: Option<&'a Data>,
    /// What happened.
    pub conversation: &'a Conversation,
}

impl Source<'_> {
    /// Everybody whom it names, but for those of the state itself.
    pub fn people(&self) -> BTreeSet<PersonId> {
        let metadata = values::object(self.data.map_or("", |data| &data.metadata));
        let mut named = self.conversation.people(self.template);
        named.extend(values::people(self.template, &metadata));
        named
    }
}

/// A request's title, on one line; or that it is gone.
pub fn title(record: &Record) -> String {
    record.title().map_or_else(|| "(erased)".to_owned(), |title| line(title, usize::MAX))
}

impl App {
    /// Why a step asks whoever stands in there, after "because": nobody holds its roles. None: others are asked too, or it asks by name.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn gap(&self, request: &Request, step: &StepId) -> Result<Option<String>, Error> {
        let opening = request.step(step).and_then(|step| step.opening.as_ref());
        let first = opening.iter().flat_map(|opening| &opening.candidates).filter(|placed| !placed.reserve && placed.level == 0);
        let roles: Option<Vec<&RoleId>> = first.map(|placed| placed.candidate.role()).collect();
        let Some(roles) = roles.filter(|roles| !roles.is_empty()) else { return Ok(None) };
        for role in &roles {
            if self.directory.members(&request.tenant, role, 1, Freshness::Eventual).await?.present().next().is_some() {
                return Ok(None);
            }
        }
        let named: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
        Ok(Some(format!("nobody holds {}", named.join(" or "))))
    }
}

/// Why this person is asked, after "because". `rules`: of the step; `gap`: what [`App::gap`] says of it.
pub fn why(
    seat: &Seat,
    (request, rules, gap): (&Request, Option<&template::Step>, Option<&str>),
    person: &PersonId,
    names: &Names,
) -> String {
    let stands = rules.and_then(|rules| request.step(&rules.id));
    let opening = stands.and_then(|step| step.opening.as_ref());
    let all = || rules.iter().flat_map(|rules| asked_by(rules));
    let summoned = opening.is_some_and(|opening| opening.timed_out)
        && seat
            .role
            .as_ref()
            .is_some_and(|role| *role == RoleId::approval_admin() && !all().any(|approver| *approver == Approver::Role(role.clone())));
    let late = match (seat.reserve, seat.level) {
        (true, _) => format!(", asked because {}", gap.unwrap_or("too few others can answer")),
        (false, _) if summoned => {
            let rejected = stands.is_some_and(|step| step.votes.iter().any(|vote| vote.voted.decision == Decision::Reject));
            let because = if rejected { "somebody had rejected it" } else { "too few could answer" };
            format!(", asked because the time was up and {because}")
        }
        (false, 0) => String::new(),
        (false, _) => format!(", added because {NOT_YET}"),
    };
    let own = seat.person == *person;
    // Who holds the seat of somebody else is named by nobody's rule.
    let passed = opening.iter().flat_map(|opening| &opening.released).find(|(_, passed)| passed.to == seat.person);
    let named = all().any(|approver| matches!(approver, Approver::User(id) if *id == seat.person));
    if let (Some((giver, _)), None, None, false) = (passed, &seat.role, &seat.any_of, named) {
        let giver = names.of(giver);
        return if own {
            format!("{giver}’s place was passed on to you{late}")
        } else {
            format!("you stand in for {}, to whom {giver}’s place was passed on{late}", names.of(&seat.person))
        };
    }
    let right = match (&seat.role, &seat.any_of) {
        (Some(role), _) => format!("a member of {role}"),
        (None, Some(_)) => "one of those who may answer here".to_owned(),
        (None, None) if named => "named as an approver of this step".to_owned(),
        (None, None) => managed(all(), (request, opening), &seat.person, names),
    };
    if own { format!("you are {right}{late}") } else { format!("you stand in for {}, who is {right}{late}", names.of(&seat.person)) }
}

/// Everybody whom the rules of a step may ask.
fn asked_by(rules: &template::Step) -> impl Iterator<Item = &Approver> {
    let reserves = if let Fallback::These(these) = &rules.fallback { these.as_slice() } else { &[] };
    rules.approvers.iter().chain(rules.escalate.iter().flat_map(|level| &level.to)).chain(reserves)
}

/// What somebody is whom no rule of a step names by id or role: a manager, or whom an expression gave.
fn managed<'a>(
    rules: impl Iterator<Item = &'a Approver>,
    (request, opening): (&Request, Option<&Opening>),
    manager: &PersonId,
    names: &Names,
) -> String {
    let mut climbs = false;
    for of in rules.filter_map(|approver| if let Approver::ManagerOf(of) = approver { Some(of) } else { None }) {
        climbs = true;
        let candidates = opening.iter().flat_map(|opening| &opening.candidates).filter_map(|placed| placed.candidate.person());
        let voters = request.steps.iter().filter(|step| step.id.as_str() == of).flat_map(|step| step.votes.iter().map(Vote::person));
        let whose: Vec<&PersonId> = match of.as_str() {
            "requester" => vec![&request.requester],
            "approver" => candidates.collect(),
            _ => voters.collect(),
        };
        if let Some(of) = whose.into_iter().find(|id| names.reports_to(id, manager)) {
            return format!("{}’s manager", names.of(of));
        }
    }
    if climbs { "a manager of those concerned" } else { "one of those whom the rules of this step give" }.to_owned()
}

/// How far a step is: `1 of 2 approvals`; nothing where one is enough.
pub fn progress(request: &Request, step: &StepId) -> Option<String> {
    let step = request.step(step)?;
    let need = step.opening.as_ref()?.need;
    (need > 1).then(|| format!("{} of {need} approvals", step.approvals()))
}
