//! `approvals audit export`: commits for a spreadsheet or a query engine. A copy for reading: what is verified is the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use approvals::wire::history::event_type;
use approvals_domain::commit::Commit;
use approvals_domain::time::Timestamp;
use audit_log::leaf::Leaf;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::Error;
use super::bucket::Here;
use super::shelf::Log;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log's folder, or the archive; or `s3://BUCKET/archive/TENANT`.
    #[arg(long, default_value = "./.approvals/archive", value_name = "PATH")]
    archive: PathBuf,
    /// From this time on: RFC 3339, or a day.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Until just before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
    /// JSON Lines with all that a commit says, or CSV with one line for each event.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// A folder, outside of the archive, for `date=YYYY-MM-DD/commits.jsonl.gz` [default: everything to standard output].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated, with a header.
    Csv,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z"));
    Timestamp::parse(text).or_else(day).ok_or_else(|| format!("`{text}` is no time: expected RFC 3339, or a day such as 2026-01-05"))
}

const HEADER: &str = "at,request,version,by,command,channel,event,step,decision,hash,leaf\r\n";

pub(super) fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let here = Here::of(&args.archive, true)?;
    let log = Log::open(&here.path)?;
    if let Some(folder) = &args.out {
        // Of a folder that is not there yet, the nearest one that is: nothing may be made in the archive, not even an empty folder.
        let there = std::path::absolute(folder)?.ancestors().find_map(|path| std::fs::canonicalize(path).ok());
        let archive = std::fs::canonicalize(&args.archive).ok();
        if there.zip(archive).is_some_and(|(there, archive)| there.starts_with(archive)) {
            return Err(Error::Wrong("the archive holds nothing but logs: name a folder outside of it with --out".to_owned()));
        }
        std::fs::create_dir_all(folder)?;
    }
    let (from, to) = (args.from.unwrap_or(Timestamp::from_millis(0)), args.to.unwrap_or(Timestamp::MAX));
    let mut days: BTreeMap<String, GzEncoder<File>> = BTreeMap::new();
    if args.out.is_none() && args.format == Format::Csv {
        out.write_all(HEADER.as_bytes())?;
    }
    // A leaf may stand twice.
    let mut seen = std::collections::HashSet::new();
    log.each(|index, leaf| {
        let Ok(Leaf::Commit { hash, bytes }) = Leaf::read(leaf) else { return Ok(()) };
        let Ok(commit) = serde_json::from_slice::<Commit>(bytes) else { return Ok(()) };
        if commit.at < from || commit.at >= to || !seen.insert(hash) {
            return Ok(());
        }
        let text = match args.format {
            Format::Jsonl => line(&commit, &hash.to_string(), index),
            Format::Csv => rows(&commit, &hash.to_string(), index),
        };
        match &args.out {
            None => out.write_all(text.as_bytes())?,
            Some(folder) => {
                let day = commit.at.to_string().get(..10).unwrap_or("unknown").to_owned();
                if !days.contains_key(&day) {
                    let folder = folder.join(format!("date={day}"));
                    std::fs::create_dir_all(&folder)?;
                    let name = if args.format == Format::Csv { "commits.csv.gz" } else { "commits.jsonl.gz" };
                    let mut file = GzEncoder::new(File::create(folder.join(name))?, Compression::default());
                    if args.format == Format::Csv {
                        file.write_all(HEADER.as_bytes())?;
                    }
                    days.insert(day.clone(), file);
                }
                if let Some(file) = days.get_mut(&day) {
                    file.write_all(text.as_bytes())?;
                }
            }
        }
        Ok(())
    })?;
    for file in days.into_values() {
        file.finish()?;
    }
    Ok(())
}

fn line(commit: &Commit, hash: &str, leaf: u64) -> String {
    let by = approvals::wire::view::actor_name(&commit.actor);
    let value = json!({
        "at": commit.at.to_string(), "request": commit.request, "version": commit.version, "by": by, "command": commit.command.kind,
        "channel": commit.command.channel, "events": commit.events, "facts": commit.facts, "hash": hash, "leaf": leaf,
    });
    format!("{value}\n")
}

fn rows(commit: &Commit, hash: &str, leaf: u64) -> String {
    let by = approvals::wire::view::actor_name(&commit.actor);
    let row = |event: &approvals_domain::event::Event| {
        let said = serde_json::to_value(event).unwrap_or_default();
        let text = |name: &str| said.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let decision = if event_type(event) == "vote.cast" { text("d") } else { String::new() };
        let step = if matches!(event_type(event).split_once('.'), Some(("step" | "vote", _))) { text("s") } else { String::new() };
        let cells = [
            commit.at.to_string(),
            commit.request.to_string(),
            commit.version.to_string(),
            harmless(&by),
            word(&commit.command.kind),
            word(&commit.command.channel),
            event_type(event).to_owned(),
            step,
            decision,
            hash.to_owned(),
            leaf.to_string(),
        ];
        cells.map(|cell| cell_of(&cell)).join(",") + "\r\n"
    };
    commit.events.iter().map(row).collect()
}

/// What people chose, so that no spreadsheet takes it for a formula. A hash may begin with `-` and must stay the hash.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// A cell that never ends its row.
fn cell_of(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A word of the wire.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_ends_its_row() {
        for formula in ["=1+1", "@x", "+x", "-x", "\tx"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        assert_eq!(harmless("ann"), "ann");
        assert_eq!(cell_of("-FpN5w"), "-FpN5w", "a hash names its commit");
        assert_eq!(cell_of("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(cell_of("plain"), "plain");
    }

    /// L7: one hash in sixty-four begins with `-`, and its row named no commit.
    #[test]
    fn l7_a_row_names_its_commit_whatever_the_hash_begins_with() {
        let golden = include_str!("../../../shared/domain/tests/domain/golden_commits.txt");
        let read = |line: &str| serde_json::from_str::<Commit>(line.split_at(line.find('{')?).1).ok();
        let commit = golden.lines().find_map(read).unwrap();
        for hash in ["-FpN5w", "=FpN5w", "plain"] {
            let rows = rows(&commit, hash, 7);
            assert!(!rows.is_empty() && rows.lines().all(|row| row.ends_with(&format!(",{hash},7"))), "{rows}");
        }
    }

    #[test]
    fn a_time_is_a_day_or_an_instant() {
        assert_eq!(time("2026-01-05"), time("2026-01-05T00:00:00Z"));
        assert!(time("yesterday").unwrap_err().contains("2026-01-05"));
    }
}
