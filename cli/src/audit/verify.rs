//! `approvals audit verify`: believes a key and nothing else.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use approvals_domain::time::Timestamp;
use audit_log::folder::Disk;
use audit_log::note::VerifierKey;
use audit_log::verify::{Code, Fault, Options, Place, Report, verify};
use serde_json::{Value, json};

use super::against::{self, Compared, Difference};
use super::bucket::Here;
use super::shelf::{self, Log};
use super::versions::Rewritten;
use super::{Error, key, named};
use crate::options::Shared;
use crate::output::plain;
use crate::progress;
use crate::token;

/// Faults shown in words, one by one.
const SHOWN: usize = 100;
/// How often a log that grows meanwhile is looked at.
const TRIES: u32 = 5;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A log's folder, or the archive with one folder for each tenant; `s3://BUCKET` or `s3://BUCKET/archive/TENANT` is copied first.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A key to believe, as `approvals audit key` prints it; several for several tenants, or while a key is rotated.
    #[arg(long = "key", value_name = "VKEY", required = true, value_parser = key)]
    keys: Vec<VerifierKey>,
    /// A checkpoint of this log that you kept: what it signed must still be the beginning.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Only files, hashes, signatures and chains; no decision is made again.
    #[arg(long)]
    chains_only: bool,
    /// Signatures by other keys than those given are no fault: witnesses, or the other key of a rotation.
    #[arg(long)]
    ignore_unknown_signatures: bool,
    /// Compare the log with the live service there, by --token or --as: a token with the scope `audit` sees every request.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Of an archive in S3 only the latest versions: whether files were written over is not looked at.
    #[arg(long)]
    latest_only: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, shared: &Shared, out: &mut impl Write) -> Result<(), Error> {
    let spill = tempfile::tempfile()?;
    let since = args.since.as_ref().map(|file| std::fs::read(file).map_err(named(file))).transpose()?;
    let options = Options {
        keys: &args.keys,
        since: since.as_deref(),
        chains_only: args.chains_only,
        ignore_unknown_signatures: args.ignore_unknown_signatures,
        spill: Some(&spill),
    };
    let (mut told, mut sound) = (Vec::new(), true);
    let here = Here::of(&args.path, args.latest_only)?;
    let logs = shelf::logs(&here.path)?;
    if args.against.is_some() && logs.len() > 1 {
        return Err(Error::Wrong("a service shows one tenant: name one log's folder with --against".to_owned()));
    }
    for log in &logs {
        let bar = progress::of(1, "leaves");
        let began = Instant::now();
        let mut report = settled(log, || {
            verify(&Disk::new(log), &options, &mut |progress| {
                bar.set_length(progress.of);
                bar.set_position(progress.done);
            })
        });
        for Rewritten { code, file, what } in here.rewritten_in(log, logs.len() == 1) {
            report.faults.push(Fault { code, place: Place { file: Some(file), ..Place::default() }, what });
            report.faults_total += 1;
            report.ok = false;
        }
        bar.finish_and_clear();
        let took = began.elapsed();
        if !args.json {
            write!(out, "{}", words(&here.shown(log), &report, took))?;
        }
        // What nobody signed is no measure of anything; of a log that somebody signed, what is sound is.
        let is_signed = report.faults.iter().all(|fault| fault.code != Code::Checkpoint);
        let compared = args.against.as_ref().filter(|_| is_signed).map(|url| beside(url, shared, log, &report)).transpose()?;
        sound &= report.ok && compared.as_ref().is_none_or(|compared| compared.differences_total == 0);
        if args.json {
            told.push(as_json(&here.shown(log), &report, took, compared.as_ref()));
        } else {
            write!(out, "{}", compared.as_ref().map(in_words).unwrap_or_default())?;
        }
    }
    if args.json {
        let whole = if told.len() == 1 { told.remove(0) } else { json!({ "ok": sound, "logs": told }) };
        writeln!(out, "{whole}")?;
    }
    if sound { Ok(()) } else { Err(Error::Unsound) }
}

/// What is found in a log that a service may be writing meanwhile: its files of before are swept away while it grows. So what was found while
/// the checkpoint changed is looked at again, a few times.
fn settled(log: &Path, mut look: impl FnMut() -> Report) -> Report {
    let signed = || std::fs::read(log.join("checkpoint")).ok();
    let mut tries = 0;
    loop {
        let before = signed();
        let report = look();
        tries += 1;
        if report.ok || tries == TRIES || before == signed() {
            return report;
        }
    }
}

/// The log beside the live service.
fn beside(url: &str, shared: &Shared, log: &Path, report: &Report) -> Result<Compared, Error> {
    let client = token::auditor(&Shared { url: url.to_owned(), ..shared.clone() })?;
    let signed_at = i64::try_from(report.signed_at_seconds.unwrap_or(0)).unwrap_or(0) * 1_000;
    let bar = progress::of(1, "requests");
    let compared = against::compare(&Log::open(log)?, report, Timestamp::from_millis(signed_at), &client, &bar);
    bar.finish_and_clear();
    compared
}

fn in_words(compared: &Compared) -> String {
    let Compared { url, requests, commits, fresh, erased, conditions, not_checked, not_compared, differences, differences_total } =
        compared;
    let verdict = if *differences_total == 0 { "the same" } else { "NOT THE SAME" };
    let mut text = format!("{verdict}: {}\n  {commits} commits of {requests} requests", plain(url));
    text += &if *fresh > 0 { format!(", and {fresh} things too fresh to be in the log\n") } else { "\n".to_owned() };
    text += &format!("  {conditions} conditions of templates hold of what it shows, {not_checked} not checked\n");
    if *erased > 0 {
        text += &format!("  {erased} requests erased, as their commits say\n");
    }
    if !not_compared.is_empty() {
        text += &format!("  {} requests not compared, whose commits in the log are not sound:\n", not_compared.len());
        for request in not_compared.iter().take(SHOWN) {
            text += &format!("    {}\n", plain(request));
        }
    }
    for Difference { code, request, version, what } in differences.iter().take(SHOWN) {
        let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
        text += &format!("  ! {}\n", plain(&format!("{code} at request {request}{version}: {what}")));
    }
    text + &more(differences.len())
}

fn as_json(folder: &str, report: &Report, took: Duration, compared: Option<&Compared>) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        if let Some(compared) = compared {
            fields.insert("ok".to_owned(), json!(report.ok && compared.differences_total == 0));
            fields.insert("against".to_owned(), json!(compared));
        }
        fields.insert("folder".to_owned(), json!(folder));
        fields.insert("seconds".to_owned(), json!(took.as_secs_f64()));
    }
    value
}

fn words(folder: &str, report: &Report, took: Duration) -> String {
    let verdict = if report.ok { "sound" } else { "NOT SOUND" };
    let mut text = format!("{verdict}: {} in {}\n", plain(&report.origin), plain(folder));
    text += &format!(
        "  {} leaves: {} commits of {} requests ({} open), {} of the directory, {} templates, {} twice\n",
        report.size, report.commits, report.requests, report.open, report.directory, report.templates, report.duplicates
    );
    if report.late > 0 {
        text += &format!("  {} of them late: a reconciliation brought them, and nobody saw when they were written\n", report.late);
    }
    if report.erased > 0 {
        text += &format!("  {} requests erased: their commits say so, and their hashes stand\n", report.erased);
    }
    let again = if report.replayed { "every decision made again" } else { "no decision made again" };
    text += &format!("  root {}, {again}, in {:.1} s\n", report.root, took.as_secs_f64());
    for file in report.unread.iter().take(SHOWN) {
        text += &format!("  not read: {}\n", plain(file));
    }
    for fault in report.faults.iter().take(SHOWN) {
        text += &format!("  ! {}\n", fault_in_words(fault));
    }
    text + &more(report.faults.len())
}

/// What stays unsaid in words.
fn more(total: usize) -> String {
    let more = total.saturating_sub(SHOWN);
    if more > 0 { format!("  ! and {more} more: `--json` names all\n") } else { String::new() }
}

fn fault_in_words(fault: &Fault) -> String {
    let code = serde_json::to_value(fault.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    let place = &fault.place;
    let parts = [
        place.file.as_ref().map(|file| format!("file {file}")),
        place.leaf.map(|leaf| format!("leaf {leaf}")),
        place.request.as_ref().map(|request| format!("request {request}")),
        place.object.as_ref().map(|object| format!("object {object}")),
        place.version.map(|version| format!("version {version}")),
        place.event.map(|event| format!("event {event}")),
    ];
    let at = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    plain(&format!("{code} at {at}: {}", fault.what)).into_owned()
}
