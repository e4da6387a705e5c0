//! Rules about the tree itself. Each failure says the place, the rule, and why it is one.

mod access_patterns;
mod documents;
mod floors;
mod imports;
mod limits_table;
mod manifests;
mod names;
mod places;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A text file of the repository.
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    text: String,
}

impl File {
    /// The lines of code that ship, numbered from 1: no comments, no test file, and nothing from the test module on, which stands last.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = || self.text.lines();
        let tests = lines().zip(lines().skip(1)).position(|(a, b)| a == "#[cfg(test)]" && b.starts_with("mod ") && b.ends_with('{'));
        let shipped = if self.is_test() { 0 } else { tests.unwrap_or(usize::MAX) };
        lines().enumerate().take(shipped).map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// All of it is compiled for tests only.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// Files whose name ends so, in the order of their paths. Hidden folders and what builds leave behind are no part of it.
pub(crate) fn files(ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), ending, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no file ends in `{ending}`");
    found
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(File { path: path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"), text });
        }
    }
}

/// Fails with all findings at once, one a line.
#[track_caller]
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Holds what stands in the README between two marks equal to `content`; with `UPDATE=1` writes it.
pub(crate) fn keep_in_readme(from: &str, to: &str, content: &str) {
    keep("README.md", from, to, content);
}

/// The same in any document.
pub(crate) fn keep(document: &str, from: &str, to: &str, content: &str) {
    // Tests that write the same document do not undo each other's work.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = root().join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(from).unwrap_or_else(|| panic!("{document}: no mark {from}"));
    let (stands, after) = rest.split_once(to).unwrap_or_else(|| panic!("{document}: no mark {to}"));
    if stands != content && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{from}{content}{to}{after}")).unwrap();
    } else {
        let first = stands.lines().zip(content.lines()).find(|(stands, content)| stands != content);
        assert!(stands == content, "{document}: what follows {} has drifted; first difference: {first:?}", from.trim());
    }
}
