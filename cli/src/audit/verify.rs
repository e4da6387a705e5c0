//! `approvals audit verify`: believes a key and nothing else.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use audit_log::folder::Disk;
use audit_log::note::VerifierKey;
use audit_log::verify::{Fault, Options, Report, verify};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::bucket::Here;
use super::{Error, key, shelf};
use crate::output::plain;

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
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let since = args.since.as_ref().map(std::fs::read).transpose()?;
    let options = Options {
        keys: &args.keys,
        since: since.as_deref(),
        chains_only: args.chains_only,
        ignore_unknown_signatures: args.ignore_unknown_signatures,
    };
    let (mut told, mut sound) = (Vec::new(), true);
    let here = Here::of(&args.path)?;
    for log in shelf::logs(&here.path)? {
        let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(1) };
        let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} leaves, {per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let began = Instant::now();
        let report = verify(&Disk::new(&log), &options, &mut |progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.done);
        });
        bar.finish_and_clear();
        sound &= report.ok;
        if args.json {
            told.push(as_json(&here.shown(&log), &report, began.elapsed()));
        } else {
            write!(out, "{}", words(&here.shown(&log), &report, began.elapsed()))?;
        }
    }
    if args.json {
        let whole = if told.len() == 1 { told.remove(0) } else { json!({ "ok": sound, "logs": told }) };
        writeln!(out, "{whole}")?;
    }
    if sound { Ok(()) } else { Err(Error::Unsound) }
}

fn as_json(folder: &str, report: &Report, took: Duration) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
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
    let again = if report.replayed { "every decision made again" } else { "no decision made again" };
    text += &format!("  root {}, {again}, in {:.1} s\n", report.root, took.as_secs_f64());
    for fault in &report.faults {
        text += &format!("  ! {}\n", fault_in_words(fault));
    }
    if report.faults_total > report.faults.len() as u64 {
        text += &format!("  ! and {} more\n", report.faults_total - report.faults.len() as u64);
    }
    text
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
