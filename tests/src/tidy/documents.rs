//! What the documents point at is there.

use super::{File, files, none, root};

/// The documents people read; templates of issues and licences are none.
fn documents() -> Vec<File> {
    files(".md")
}

/// Targets of `[text](target)` outside of code blocks.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next()).collect()
}

/// A heading's anchor: lower case, blanks as `-`, no other signs.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut findings = Vec::new();
    for file in documents() {
        let here = root().join(&file.path);
        for link in links(&file.text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { here.clone() } else { here.parent().unwrap().join(path) };
            let Ok(place) = target.canonicalize() else {
                findings.push(format!("{}: {link} is not there", file.path));
                continue;
            };
            if place.extension().is_some_and(|ending| ending == "md") && !fragment.is_empty() {
                let text = std::fs::read_to_string(place).unwrap();
                if !text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == fragment) {
                    findings.push(format!("{}: {link}: no such heading", file.path));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn source_files_named_in_documents_exist() {
    let mut findings = Vec::new();
    for file in documents() {
        let prose: String = file.text.split("```").step_by(2).collect();
        let quoted = prose.split('`').skip(1).step_by(2);
        let tree = ["shared/", "functions/", "cli/", "tests/", "docs/", "examples/", ".ci/"];
        let named = quoted.filter(|text| tree.iter().any(|top| text.starts_with(top)) && !text.contains(['*', ' ', '{', '<', '…']));
        let plain = named.map(|text| text.split(':').next().unwrap_or(text));
        findings.extend(plain.filter(|path| !root().join(path).exists()).map(|path| format!("{}: `{path}` is not there", file.path)));
    }
    none(findings);
}

/// What the runbook has people look for in a log is what the code writes there.
#[test]
fn every_log_line_that_the_runbook_looks_for_is_written() {
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let sought = runbook.split("--filter-pattern '\"").skip(1).filter_map(|rest| rest.split('"').next());
    let named = ["a piece of reconcile", "damaged"];
    let source: Vec<File> = files(".rs").into_iter().filter(|file| !file.path.starts_with("tests/")).collect();
    let code: String = source.iter().flat_map(|file| file.shipped().map(|(_, line)| format!("{line}\n")).collect::<Vec<_>>()).collect();
    let written = |phrase: &str| {
        let calls = code.split("tracing::").skip(1).filter_map(|call| call.split(");").next());
        calls.into_iter().any(|call| call.contains(&format!("\"{phrase}")))
    };
    let all: Vec<&str> = sought.chain(named).collect();
    assert!(all.len() > 5, "the runbook says what to look for: {all:?}");
    none(
        all.into_iter().filter(|phrase| !written(phrase)).map(|phrase| format!("docs/runbook.md: `{phrase}` is logged nowhere")).collect(),
    );
}

#[test]
fn the_readme_gives_the_two_commands_and_they_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["\ncargo dev", "\ncargo test"] {
        assert!(readme.contains(command), "README: no line `{}`", command.trim());
    }
    let config = std::fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    assert!(config.contains("dev = \"run -p cli --bin approvals -- dev --demo\""), "`cargo dev` is an alias of the embedded engine");
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("\nphase tests cargo test\n"), "CI runs the README's test command");
}
