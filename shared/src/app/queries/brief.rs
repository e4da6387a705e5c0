//! A request in few words, for whoever has to answer it or asked for it: what mails and the pages behind their links say.
//!
//! Every text in it is one line (or lines) that acts on nothing; see [`crate::wire::plain`]. Markup is escaped where it is shown.

use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::limits;
use approvals_domain::payload::Attachment;
use approvals_domain::seat::Seat;
use approvals_domain::state::Request;
use approvals_domain::template::{self, Approver, Template};
use chrono_tz::Tz;
use serde_json::Value;

use crate::app::queries::conversation::Conversation;
use crate::app::queries::conversation::short::{Changed, Happened, Past};
use crate::app::queries::conversation::words::Teller;
use crate::app::queries::names::NAME_CHARS;
pub use crate::app::queries::names::{Names, moment, moment_in_utc, zone};
use crate::store::requests::{Data, Record};
use crate::wire::plain::line;

/// Characters of a field's value that are shown.
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
    /// Who called for them, if another.
    pub submitted_by: Option<String>,
    /// How much, if the template says.
    pub amount: Option<String>,
    /// Fields marked `mail`: label and value.
    pub fields: Vec<(String, String)>,
    /// Names of attached files.
    pub attachments: Vec<String>,
    /// All that the payload's hash covers beside the title: fields in the template's order, what no field declares, files. Nothing is cut.
    pub facts: Vec<(String, String)>,
    /// From 1.
    pub revision: u32,
    /// What happened so far.
    pub past: Past,
}

impl Brief {
    /// A request in few words for one reader, on a seat if they have one; times in a zone.
    pub fn new(source: Source<'_>, names: &Names, zone: Tz, reader: (&PersonId, Option<&Seat>)) -> Self {
        let Source { record, template, data, conversation } = source;
        let state = &record.state;
        let metadata: Value = data.as_ref().and_then(|data| serde_json::from_str(&data.metadata).ok()).unwrap_or_default();
        let teller = Teller { request: state, template, names, conversation, moment: &|at| moment(at, zone) };
        let attached = data.iter().flat_map(|data| &data.attachments);
        Self {
            title: title(record),
            template: line(&template.title, NAME_CHARS),
            entity: format!("{} {}", state.entity.kind, state.entity.id),
            requester: names.of(&state.requester),
            submitted_by: (state.submitted_by != state.requester).then(|| names.of(&state.submitted_by)),
            amount: state.amount.as_ref().map(|amount| format!("{} {}", line(&amount.currency, 10), grouped(amount.value))),
            fields: fields(template, &metadata, state.amount.is_some()),
            facts: data.as_ref().map(|data| facts(template, &metadata, &data.attachments)).unwrap_or_default(),
            attachments: attached.map(|attachment| line(&attachment.name, VALUE_CHARS)).collect(),
            revision: state.revision,
            past: teller.past(reader.0, reader.1),
        }
    }

    /// The same with every text changed alike.
    #[must_use]
    pub fn with_texts(self, change: impl Fn(&str) -> String) -> Self {
        let Self { title, template, entity, requester, submitted_by, amount, fields, attachments, facts, revision, past } = self;
        let all = |texts: Vec<String>| texts.iter().map(|text| change(text)).collect::<Vec<_>>();
        let changed = |of: Changed| Changed { label: change(&of.label), old: change(&of.old), new: change(&of.new), ..of };
        let happened = |of: Happened| Happened {
            what: change(&of.what),
            words: all(of.words),
            changes: of.changes.into_iter().map(&changed).collect(),
            ..of
        };
        let Past { news, so_far, older } = past;
        Self {
            title: change(&title),
            template: change(&template),
            entity: change(&entity),
            requester: change(&requester),
            submitted_by: submitted_by.map(|name| change(&name)),
            amount: amount.map(|amount| change(&amount)),
            fields: fields.iter().map(|(label, value)| (change(label), change(value))).collect(),
            attachments: all(attachments),
            facts: facts.iter().map(|(label, value)| (change(label), change(value))).collect(),
            revision,
            past: Past { news: news.into_iter().map(&happened).collect(), so_far: so_far.into_iter().map(&happened).collect(), older },
        }
    }
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

/// A request's title, on one line; or that it is gone.
pub fn title(record: &Record) -> String {
    record.title().map_or_else(|| "(erased)".to_owned(), |title| line(title, limits::TITLE_CHARS))
}

/// The fields marked `mail`, those that the amount says left out.
fn fields(template: &Template, metadata: &Value, amount: bool) -> Vec<(String, String)> {
    let said = |name: &str| {
        let path = format!("metadata.{name}");
        amount && template.amount.as_ref().is_some_and(|spec| spec.value.trim() == path || spec.currency.trim() == path)
    };
    let shown = template.fields_in_order().filter(|(name, field)| field.mail && !said(name));
    let value = |name: &str| metadata.get(name).filter(|value| !value.is_null());
    shown
        .filter_map(|(name, field)| {
            let label = line(field.label.as_deref().unwrap_or(name), NAME_CHARS);
            Some((label, written(value(name)?)))
        })
        .collect()
}

/// Everything that is signed, uncut: an approver is shown what they approve.
fn facts(template: &Template, metadata: &Value, attachments: &[Attachment]) -> Vec<(String, String)> {
    let whole = |value: &Value| match value {
        Value::String(text) => line(text, usize::MAX),
        other => line(&other.to_string(), usize::MAX),
    };
    let declared = template.fields_in_order().filter_map(|(name, field)| {
        let value = metadata.get(name).filter(|value| !value.is_null())?;
        Some((line(field.label.as_deref().unwrap_or(name), NAME_CHARS), whole(value)))
    });
    let undeclared = metadata.as_object().into_iter().flatten().filter(|(name, _)| !template.fields.contains_key(*name));
    let undeclared = undeclared.map(|(name, value)| (line(name, usize::MAX), whole(value)));
    let files = attachments.iter().map(|file| {
        let Attachment { name, size, sha256, url, .. } = file;
        let words = format!("{name} ({size} bytes) at {url}, SHA-256 {sha256}, not checked by this service");
        ("File".to_owned(), line(&words, usize::MAX))
    });
    declared.chain(undeclared).chain(files).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => line(text, VALUE_CHARS),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => line(&other.to_string(), VALUE_CHARS),
    }
}

/// `12,500.50`: thousands apart, two digits at least where there is a fraction.
fn grouped(value: f64) -> String {
    let plain = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value}") };
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    match fraction {
        "" => format!("{sign}{out}.00"),
        fraction => format!("{sign}{out}.{fraction:0<2}"),
    }
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

#[cfg(test)]
mod tests {
    use approvals_domain::time::Timestamp;

    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        for (value, text) in [
            (0.0, "0.00"),
            (480.0, "480.00"),
            (1_234_567.5, "1,234,567.50"),
            (12_500.125, "12,500.125"),
            (-1_000.0, "-1,000.00"),
            (1e15, "1,000,000,000,000,000.00"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn a_moment_is_said_in_the_readers_zone() {
        let at = Timestamp::parse("2026-07-01T22:30:00Z").unwrap();
        assert_eq!(moment(at, Tz::Europe__Amsterdam), "Thursday 2 July 2026, 00:30 (Europe/Amsterdam)");
        assert_eq!(moment(at, Tz::UTC), "Wednesday 1 July 2026, 22:30 (UTC)");
    }
}
