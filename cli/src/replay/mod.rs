//! `approvals replay`: plays a real approval log through the public API and sets what the service says beside it.
//!
//! [`prepare`] reads log, mapping and template and plans the acts; [`play`](fn@play) drives them against a service and
//! reads the outcome back; [`publish`] prints it and writes the report. The caller starts an embedded service, with its
//! clock at [`Prepared::starts_at_ms`], when `--against` names none; [`run`] is for when it does.

pub mod amount;
pub mod client;
mod desk;
pub mod drive;
pub mod html;
pub mod mapping;
#[cfg(test)]
mod model;
pub mod plan;
mod play;
pub mod report;
pub mod sla;
mod svg;
pub mod tables;
pub mod template;
#[cfg(test)]
mod tests;
pub mod xes;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use desk::{Seen, person};
pub use play::{Pace, Played};
pub use report::Summary;

use approvals_domain::ids::CalendarId;

use mapping::Mapping;
use plan::{Docket, Plan};
use template::Template;

/// What the command line says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The event log: XES, plain or gzip.
    pub log: PathBuf,
    /// The template to play it with [default: the built-in expense declaration].
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// What the activities mean [default: the built-in mapping of domestic declarations].
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Play against this service, started with `approvals dev`, instead of an embedded one.
    #[arg(long, value_name = "URL")]
    pub against: Option<String>,
    /// Give each step so much time (48h, 2d, 90m), and count who would have been reminded, escalated, timed out.
    #[arg(long, value_name = "TIME")]
    pub sla: Option<sla::Span>,
    /// Count the time by this calendar; `office` is made if the service has none.
    #[arg(long, value_name = "CALENDAR", requires = "sla")]
    pub calendar: Option<CalendarId>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a report with plots, one HTML file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Whether standard error says how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Shown,
    Hidden,
}

/// Why a replay did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{path}`: {cause}")]
    Read { path: PathBuf, cause: io::Error },
    #[error("cannot write `{path}`: {cause}")]
    Write { path: PathBuf, cause: io::Error },
    #[error("cannot print the summary: {0}")]
    Print(#[from] io::Error),
    #[error("{path}: {cause}")]
    Log { path: PathBuf, cause: xes::Error },
    #[error("mapping `{path}`: {cause}")]
    Mapping { path: PathBuf, cause: mapping::Error },
    #[error("template `{path}`: {cause}")]
    Template { path: PathBuf, cause: template::Error },
    #[error(transparent)]
    Plan(#[from] plan::Error),
    #[error("the cases `{0}` and another would be the same entity: ids allow letters, digits and _.:@+|'-, other characters become -")]
    SameEntity(String),
    #[error("no service to play against: name one with --against")]
    NoService,
    #[error(transparent)]
    Service(#[from] client::Error),
}

/// A log ready to be played.
#[derive(Debug)]
pub struct Prepared {
    /// The file's name, for the report.
    pub source: String,
    pub log: xes::Log,
    pub mapping: Mapping,
    pub template: Template,
    pub plan: Plan,
    /// What `--sla` asks of each step.
    pub terms: Option<sla::Terms>,
    entity_ids: Vec<String>,
}

impl Prepared {
    /// When the first act happens, milliseconds since 1970: where the service's clock should start.
    #[must_use]
    pub fn starts_at_ms(&self) -> i64 {
        self.plan.acts.first().map_or(0, |act| act.at_ms)
    }

    /// The id of a docket's entity.
    #[must_use]
    pub fn entity_id(&self, docket: &Docket) -> &str {
        self.entity_ids.get(docket.case as usize).map_or("", String::as_str)
    }
}

/// Reads log, mapping and template, and plans the acts.
///
/// # Errors
/// Every [`Error`] but those of a service.
pub fn prepare(args: &Args) -> Result<Prepared, Error> {
    let (path, text) = text_or(args.mapping.as_deref(), "built-in", mapping::BUILT_IN)?;
    let mapping = Mapping::parse(&text).map_err(|cause| Error::Mapping { path, cause })?;
    let (path, text) = text_or(args.template.as_deref(), "built-in", template::BUILT_IN)?;
    let template = Template::parse(&text)
        .and_then(|template| template.holds(mapping.steps.iter().map(|pool| pool.role.as_str())).map(|()| template))
        .map_err(|cause| Error::Template { path: path.clone(), cause })?;
    let terms = args.sla.map(|span| sla::Terms { hours: span.0, calendar: args.calendar.clone() });
    let template = match &terms {
        Some(terms) => terms.on(&template).map_err(|cause| Error::Template { path, cause })?,
        None => template,
    };
    let log = xes::read_file(&args.log, &mapping.amount).map_err(|cause| Error::Log { path: args.log.clone(), cause })?;
    let plan = plan::plan(&log, &mapping)?;
    let entity_ids = entity_ids(&log.cases)?;
    let source = args.log.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Prepared { source, log, mapping, template, plan, terms, entity_ids })
}

/// Plays a prepared log against the service at `base` and sums up.
///
/// # Errors
/// [`Error::Service`].
pub fn play(base: &str, prepared: &Prepared, progress: Progress) -> Result<Summary, Error> {
    let played = play::play(base, prepared, progress)?;
    Ok(report::sum_up(prepared, &played))
}

/// Prints the summary and writes the HTML report, as the arguments say.
///
/// # Errors
/// [`Error::Write`] and [`Error::Print`].
pub fn publish(summary: &Summary, args: &Args, out: &mut impl Write) -> Result<(), Error> {
    if let Some(path) = &args.report {
        std::fs::write(path, html::page(summary)).map_err(|cause| Error::Write { path: path.clone(), cause })?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, summary).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", tables::tables(summary))?;
        if let Some(path) = &args.report {
            writeln!(out, "\nReport: {}", path.display())?;
        }
    }
    Ok(())
}

/// The whole command against the service that `--against` names; prints to `out`.
///
/// # Errors
/// Any [`Error`]; [`Error::NoService`] without `--against`.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Summary, Error> {
    let base = args.against.as_deref().ok_or(Error::NoService)?;
    let prepared = prepare(args)?;
    let summary = play(base, &prepared, Progress::Shown)?;
    publish(&summary, args, out)?;
    Ok(summary)
}

fn text_or(path: Option<&Path>, name: &str, built_in: &str) -> Result<(PathBuf, String), Error> {
    match path {
        None => Ok((PathBuf::from(name), built_in.to_owned())),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
            Ok((path.to_owned(), text))
        }
    }
}

/// Case ids as entity ids: characters an id may not hold become `-`.
fn entity_ids(cases: &[String]) -> Result<Vec<String>, Error> {
    const ID_CHARS_MAX: usize = 128;
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(cases.len());
    for case in cases {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:@+|'-".contains(c);
        let id: String = case.chars().map(|c| if allowed(c) { c } else { '-' }).take(ID_CHARS_MAX).collect();
        if id.is_empty() || !seen.insert(id.clone()) {
            return Err(Error::SameEntity(case.clone()));
        }
        ids.push(id);
    }
    Ok(ids)
}
