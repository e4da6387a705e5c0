//! What may be said where. The architecture's absences, as far as a text search can see them; clippy and Cargo see the rest.

use super::{files, none};

/// Words that belong to few places.
struct Rule {
    words: &'static [&'static str],
    /// Beginnings of the paths of files that may say them.
    only_in: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        words: &["REQ#", "ENT#", "INB#", "TPL#", "DIR#", "JOB#", "DLV#", "LNK#", "PRF#", "KEY#", "SEC#", "LST#", "OVR#", "SES#"],
        only_in: &["shared/src/store/table/keys.rs"],
        why: "one file builds and parses keys, so that IAM can fence them and docs/access-patterns.md can list them",
    },
    Rule {
        words: &["std::env", "env::var"],
        only_in: &["shared/src/wiring.rs", "shared/src/runtime/", "cli/"],
        why: "the environment is read once, at start, and a bad value fails the start",
    },
    Rule {
        words: &["Utc::now", "Local::now", "SystemTime::now", "Instant::now"],
        only_in: &["shared/src/runtime/", "cli/"],
        why: "time enters at the edge as a value, so that everything can be replayed",
    },
    Rule {
        words: &["thread_rng", "rand::rng", "rand::random", "OsRng", "SysRng", "getrandom"],
        only_in: &["shared/src/runtime/", "cli/"],
        why: "chance enters at the edge as a value, so that everything can be replayed",
    },
    Rule {
        words: &["Destinations::Loopback", "Wire::over"],
        only_in: &["functions/notifications/src/webhook/wire.rs", "shared/src/destinations/", "cli/src/dev/"],
        why: "a deployed function sends to the internet and nowhere else: it has no way to say otherwise",
    },
    Rule {
        words: &[".scan()", "Scan::"],
        only_in: &["shared/src/store/table/walk.rs"],
        why: "cost follows what is due or asked for, never the size of the table; a reconciliation alone reads all of it",
    },
    Rule {
        words: &["table::walk", "KeyWalk"],
        only_in: &["shared/archive/src/reconcile.rs", "shared/src/outbox/", "shared/src/store/", "cli/src/dev/folder.rs", "cli/src/bench/"],
        why: "nothing that people wait for may read the whole table: a start on this machine looks until it finds one sound item, and a bench waits for nobody",
    },
    Rule {
        words: &["transact_write_items()"],
        only_in: &["shared/src/store/"],
        why: "one command is one conditional write; the few transactions stand together",
    },
];

/// What a pure crate has no use for.
const IMPURE: &[&str] = &[
    "async fn",
    ".await",
    "std::fs",
    "std::net",
    "std::io",
    "std::thread",
    "std::process",
    "std::time::",
    "Mutex",
    "println!",
    "tracing::",
];

#[test]
fn words_stay_where_they_belong() {
    let mut findings = Vec::new();
    for file in files(".rs") {
        for rule in RULES.iter().filter(|rule| !rule.only_in.iter().any(|place| file.path.starts_with(place))) {
            for (number, line) in file.shipped() {
                findings.extend(
                    rule.words
                        .iter()
                        .filter(|word| line.contains(**word))
                        .map(|word| format!("{}:{number}: `{word}`: {}", file.path, rule.why)),
                );
            }
        }
    }
    none(findings);
}

#[test]
fn the_domain_is_pure() {
    let mut findings = Vec::new();
    for file in files(".rs").iter().filter(|file| file.path.starts_with("shared/domain/src/")) {
        for (number, line) in file.shipped() {
            findings.extend(IMPURE.iter().filter(|word| line.contains(**word)).map(|word| format!("{}:{number}: `{word}`", file.path)));
        }
    }
    none(findings);
}
