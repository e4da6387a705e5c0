//! Files are nouns or verbs of the domain, and rooms one can see across.

use super::{files, none, root};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 10] = ["utils", "util", "helpers", "helper", "manager", "service", "services", "models", "common", "misc"];

/// Lines of a source file beyond which it is two files.
const LINES: usize = 400;

/// Longer files, each with the reason.
const LONGER: &[(&str, &str)] = &[
    ("shared/domain/src/template.rs", "one shape, as administrators write it; mostly fields and their docs"),
    ("shared/domain/tests/domain/golden.rs", "one sample for each kind of event, and the meaning of each key beside it"),
    ("shared/domain/tests/domain/lifecycle.rs", "one table: each status by each command"),
    ("shared/src/store/table/keys.rs", "every key of the tables, in one file on purpose"),
];

#[test]
fn a_file_is_named_for_what_it_holds() {
    let all = files(".rs");
    let empty = |path: &str| path.split('/').any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")));
    none(all.iter().filter(|file| empty(&file.path)).map(|file| format!("{}: name it for what it holds", file.path)).collect());
}

#[test]
fn a_file_is_one_room() {
    let excused = |path: &str| LONGER.iter().any(|(longer, _)| *longer == path);
    let mut findings = Vec::new();
    for file in files(".rs") {
        let lines = file.text.lines().count();
        if lines > LINES && !excused(&file.path) {
            findings.push(format!("{}: {lines} lines, more than {LINES}; split it, or say in `LONGER` why not", file.path));
        }
        if lines <= LINES && excused(&file.path) {
            findings.push(format!("{}: {lines} lines; it needs no excuse in `LONGER` any more", file.path));
        }
    }
    findings.extend(
        LONGER.iter().filter(|(path, _)| !root().join(path).exists()).map(|(path, _)| format!("`LONGER` names {path}, which is gone")),
    );
    none(findings);
}

#[test]
fn a_function_main_only_wires() {
    let mains: Vec<_> = files("main.rs").into_iter().filter(|file| file.path.starts_with("functions/")).collect();
    assert_eq!(mains.len(), std::fs::read_dir(root().join("functions")).unwrap().count(), "every function has a main.rs");
    let long = mains.iter().map(|file| (&file.path, file.text.lines().count())).filter(|(_, lines)| *lines > 25);
    none(long.map(|(path, lines)| format!("{path}: {lines} lines, more than 25; the handler belongs in lib.rs")).collect());
}
