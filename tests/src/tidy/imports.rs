//! What a file of Rust imports from its own crate, read from its text: `use` trees and qualified paths.

use std::collections::{BTreeMap, BTreeSet};

use super::File;

/// A module's path from the root of its crate.
pub(crate) type Module = Vec<String>;

/// The module of a file below `source`; `None`: it lies elsewhere.
pub(crate) fn module(source: &str, path: &str) -> Option<Module> {
    let inner = path.strip_prefix(source)?.strip_prefix('/')?.strip_suffix(".rs")?;
    let mut module: Module = inner.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    Some(module)
}

/// What can be reached by arrows, itself only through a circle.
pub(crate) fn reachable(arrows: &BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = vec![from];
    while let Some(module) = open.pop() {
        for next in arrows.get(module).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

/// Whether a line of code names a crate: `name::` at the beginning of a path.
pub(crate) fn names_crate(line: &str, name: &str) -> bool {
    let code = without_comment(line);
    starts(code, name).iter().any(|at| code[at + name.len()..].trim_start().starts_with("::"))
}

/// Paths a file names, from the root of the crate, with the number of the line each begins on. `own` is the file's module.
pub(crate) fn imports(own: &Module, file: &File) -> Vec<(usize, Module)> {
    let lines: Vec<(usize, &str)> = file.shipped().map(|(number, line)| (number, without_comment(line))).collect();
    let code: String = lines.iter().flat_map(|(_, line)| [*line, "\n"]).collect();
    let mut found = Vec::new();
    for word in ["crate", "super", "self"] {
        for at in starts(&code, word) {
            let line = code[..at].matches('\n').count();
            let number = lines.get(line).map_or(0, |(number, _)| *number);
            let (paths, _) = tree(&code[at..]);
            found.extend(paths.into_iter().filter(|path| path.len() > 1).filter_map(|path| Some((number, resolve(own, &path)?))));
        }
    }
    found
}

fn without_comment(line: &str) -> &str {
    line.split_once(" //").map_or(line, |(code, _)| code)
}

/// Where a word stands by itself at the beginning of a path.
fn starts(code: &str, word: &str) -> Vec<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let begins =
        |at: usize| !code[..at].trim_end_matches(' ').ends_with("::") && !code[..at].ends_with(|c: char| part(c) || "$\"".contains(c));
    let ends = |at: usize| !code[at + word.len()..].starts_with(part);
    code.match_indices(word).map(|(at, _)| at).filter(|at| begins(*at) && ends(*at)).collect()
}

/// From the root; `None`: out of the crate.
fn resolve(own: &Module, path: &[String]) -> Option<Module> {
    let mut base = own.clone();
    let mut rest = path;
    while let Some((first, more)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()?),
            "self" => {}
            _ => break,
        }
        rest = more;
    }
    base.extend(rest.iter().filter(|part| *part != "*").cloned());
    Some(base)
}

/// The paths of a tree such as `a::{b, c::d as e}`, and how many bytes it takes.
fn tree(code: &str) -> (Vec<Module>, usize) {
    let (mut path, mut at) = (Module::new(), blank(code));
    loop {
        if code[at..].starts_with('{') {
            let (branches, length) = branches(&code[at + 1..]);
            return (branches.into_iter().map(|branch| [path.clone(), branch].concat()).collect(), at + 1 + length);
        }
        let word = code[at..].find(|c: char| !(c.is_alphanumeric() || "_*".contains(c))).unwrap_or(code.len() - at);
        if word == 0 {
            return (vec![path], at);
        }
        path.push(code[at..at + word].to_owned());
        at += word;
        let after = at + blank(&code[at..]);
        let Some(more) = code[after..].strip_prefix("::") else { return (vec![path], at) };
        at = after + 2 + blank(more);
    }
}

/// What stands between braces, up to and with the closing one.
fn branches(code: &str) -> (Vec<Module>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < code.len() {
        match code.as_bytes()[at] {
            b'}' => return (found, at + 1),
            b',' | b' ' | b'\n' => at += 1,
            _ => {
                let (paths, length) = tree(&code[at..]);
                found.extend(paths);
                // To the next comma: what a branch is called here is no path.
                at += length;
                at += code[at..].find([',', '}']).unwrap_or(code.len() - at);
            }
        }
    }
    (found, at)
}

fn blank(code: &str) -> usize {
    code.len() - code.trim_start().len()
}
