//! `approvals admin reconcile`: has one function walk through the whole table, and goes on until it says that this was the end.

use std::time::Duration;

use approvals_domain::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::aws::{Access, invoke};
use crate::client::Client;
use crate::dev;
use crate::failure::Failure;
use crate::options::Shared;
use crate::output::Shown;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tell commits again from then on: RFC 3339 [default: three days ago]. Who was told is not told twice.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// A function of a stack on AWS that knows `reconcile`, such as its output `RelayFunction` [default: the development server at --url].
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
}

/// Pieces of one walk, at most: far more than the largest table has.
const PIECES: u32 = 100_000;
/// Tries of a piece, once the walk has come somewhere: an hour's walk is not begun anew for a moment's failure.
const TRIES: u32 = 5;
/// Before the second of them; before each further one twice as long.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn run(args: &Args, shared: &Shared) -> Result<Shown, Failure> {
    if let Some(since) = args.since.as_deref().filter(|since| Timestamp::parse(since).is_none()) {
        return Err(Failure::usage(format!("`--since {since}` is no time: expected RFC 3339, such as 2026-01-05T09:00:00Z")));
    }
    let bar = if shared.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    let totals = match &args.function {
        None => {
            let client = Client::new(&shared.url, None)?;
            walk(args.since.as_deref(), &bar, |asked| super::ask_dev(&client, "reconcile", asked))
        }
        Some(function) => {
            let (lambda, runtime) = (Access::from_env()?.lambda(), dev::runtime()?);
            walk(args.since.as_deref(), &bar, |asked| runtime.block_on(invoke(&lambda, function, &json!({ "reconcile": asked }))))
        }
    };
    bar.finish_and_clear();
    let totals = totals?;
    Ok(Shown { text: super::draw(&totals), body: Value::Object(totals).to_string() })
}

/// Calls until there is no `next`, and adds up the numbers of the answers, whatever they are called.
fn walk(
    since: Option<&str>,
    bar: &ProgressBar,
    mut call: impl FnMut(&Value) -> Result<Value, Failure>,
) -> Result<Map<String, Value>, Failure> {
    let mut asked: Map<String, Value> = since.map(|since| ("since".to_owned(), json!(since))).into_iter().collect();
    let mut totals: Map<String, Value> = Map::new();
    for _ in 0..PIECES {
        let answer = piece(&Value::Object(asked.clone()), &mut call)?;
        for (name, number) in answer.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_u64()?))) {
            let total = totals.get(name).and_then(Value::as_u64).unwrap_or(0);
            totals.insert(name.clone(), json!(total + number));
        }
        bar.set_message(super::draw(&totals).replace('\n', "  "));
        match answer.get("next").filter(|next| !next.is_null()) {
            None => return Ok(totals),
            Some(next) => drop(asked.insert("place".to_owned(), next.clone())),
        }
    }
    Err(Failure::Unreachable { url: "reconcile".to_owned(), cause: "it comes to no end".to_owned() })
}

/// One piece. The first one is asked once: whoever named the wrong function wants to know it now.
fn piece(asked: &Value, call: &mut impl FnMut(&Value) -> Result<Value, Failure>) -> Result<Value, Failure> {
    let mut tried = 0;
    loop {
        tried += 1;
        match call(asked) {
            Err(Failure::Unreachable { .. }) if tried < TRIES && asked.get("place").is_some() => {
                std::thread::sleep(PAUSE * 2_u32.pow(tried - 1))
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_each_place_to_the_end_and_adds_up() {
        let mut answers = vec![
            json!({ "leaves": 1, "next": { "after": "a" } }),
            json!({ "leaves": 2, "hints_put": 1, "next": { "after": "b" } }),
            json!({ "leaves": 4, "next": null }),
        ];
        let mut asked = Vec::new();
        let totals = walk(Some("2026-01-05T09:00:00Z"), &ProgressBar::hidden(), |ask| {
            asked.push(ask.clone());
            Ok(answers.remove(0))
        });
        assert_eq!(Value::Object(totals.unwrap()), json!({ "leaves": 7, "hints_put": 1 }));
        let places: Vec<&Value> = asked.iter().map(|ask| &ask["place"]).collect();
        assert_eq!(places, [&Value::Null, &json!({ "after": "a" }), &json!({ "after": "b" })]);
        assert!(asked.iter().all(|ask| ask["since"] == "2026-01-05T09:00:00Z"));
    }

    #[test]
    fn a_moment_s_failure_does_not_cost_the_place() {
        let failed = || Err(Failure::Unreachable { url: String::new(), cause: String::new() });
        let mut answers = vec![Ok(json!({ "leaves": 1, "next": 1 })), failed(), Ok(json!({ "leaves": 1 }))];
        let totals = walk(None, &ProgressBar::hidden(), |_| answers.remove(0)).unwrap();
        assert_eq!(totals["leaves"], 2);
        let mut calls = 0;
        let ends = walk(None, &ProgressBar::hidden(), |_| {
            calls += 1;
            failed()
        });
        assert!(ends.is_err() && calls == 1, "{calls} calls");
    }

    #[test]
    fn a_walk_without_an_end_is_left() {
        let ends = walk(None, &ProgressBar::hidden(), |_| Ok(json!({ "next": 1 })));
        assert!(ends.is_err());
    }

    #[test]
    fn numbers_are_drawn_in_words() {
        let numbers = json!({ "hints_put": 3, "requests": 12, "next": "x" });
        assert_eq!(super::super::draw(numbers.as_object().unwrap()), "hints put  3\nrequests   12");
    }
}
