//! Who may know whom. Rooms stand on floors: a file imports its own room and what stands below. No function names another function. Files
//! of one crate import each other in circles only if one is the parent of the other.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Module, imports, module, reachable};
use super::{File, files, none, root};

/// A crate's source and its rooms, the lowest first.
struct House {
    source: &'static str,
    floors: &'static [&'static str],
}

const HOUSES: &[House] = &[
    House {
        source: "shared/domain/src",
        floors: &[
            "limits",
            "ids",
            "time",
            "pace",
            "hash",
            "candidate",
            "amount",
            "actor",
            "payload",
            "template",
            "facts",
            "seat",
            "event",
            "effect",
            "quota",
            "commit",
            "state",
            "command",
            "refusal",
            "context",
            "timers",
            "evolve",
            "route",
            "standing",
            "sight",
            "decide",
            "directory",
        ],
    },
    House {
        source: "shared/src",
        floors: &[
            "spelling",
            "json",
            "destinations",
            "runtime",
            "secrets",
            "link",
            "expression",
            "template",
            "calendar",
            "identity",
            "notice",
            "queue",
            "receipt",
            "store",
            "wire",
            "app",
            "outbox",
            "web",
            "wiring",
        ],
    },
];

/// Crates whose files may not stand in circles: all that ship.
const CRATES: &[&str] = &["shared/", "functions/", "cli/"];

/// Imports of a higher floor, and rooms without a floor.
fn arrows_up(house: &House, files: &[File]) -> Vec<String> {
    let floor = |room: &str| house.floors.iter().position(|floor| *floor == room);
    let mut findings = BTreeSet::new();
    for file in files {
        let Some(own) = module(house.source, &file.path) else { continue };
        // The root only lists its rooms.
        let Some(room) = own.first() else { continue };
        let Some(standing_on) = floor(room) else {
            findings.insert(format!("{}: the room `{room}` has no floor; give it one in tests/src/tidy/floors.rs", file.path));
            continue;
        };
        for (number, path) in imports(&own, file) {
            match path.first().map(|room| (room, floor(room))) {
                Some((other, Some(above))) if above > standing_on => {
                    findings.insert(format!("{}:{number}: `{room}` imports `{other}`, which stands above it", file.path));
                }
                Some((other, None)) => drop(findings.insert(format!("{}:{number}: `{other}` is no room with a floor", file.path))),
                Some((_, Some(_))) | None => {}
            }
        }
    }
    findings.into_iter().collect()
}

/// Circles of files, each named once; a parent and what it holds are no circle.
fn circles(source: &str, files: &[File]) -> Vec<String> {
    let modules: BTreeMap<Module, &File> = files.iter().filter_map(|file| Some((module(source, &file.path)?, file))).collect();
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (own, file) in &modules {
        for (_, mut path) in imports(own, file) {
            while !modules.contains_key(&path) && path.pop().is_some() {}
            if !path.starts_with(own) && !own.starts_with(&path) {
                arrows.entry(own.clone()).or_default().insert(path);
            }
        }
    }
    let name = |module: &Module| module.join("::");
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for own in modules.keys() {
        let there = reachable(&arrows, own);
        if there.contains(own) {
            let back = |other: &&Module| reachable(&arrows, other).contains(own);
            found.insert(there.iter().filter(back).map(name).collect());
        }
    }
    found.into_iter().map(|circle| format!("{source}: files import each other in a circle: {}", circle.join(", "))).collect()
}

/// Functions that a function's manifest or code names.
fn functions_named(functions: &[String], files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some((own, _)) = file.path.strip_prefix("functions/").and_then(|path| path.split_once('/')) else { continue };
        let others = || functions.iter().filter(|other| *other != own);
        for (number, line) in file.shipped() {
            let names = |other: &String| {
                let depends = file.path.ends_with(".toml") && line.split(['.', ' ', '=']).next() == Some(other);
                depends || file.path.ends_with(".rs") && super::imports::names_crate(line, other)
            };
            findings.extend(others().filter(|other| names(other)).map(|other| format!("{}:{number}: names `{other}`", file.path)));
        }
    }
    findings
}

fn functions() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("functions")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn nothing_imports_a_higher_floor() {
    let all = files(".rs");
    let mut findings = Vec::new();
    for house in HOUSES {
        findings.extend(arrows_up(house, &all));
        let rooms: BTreeSet<String> = all.iter().filter_map(|file| module(house.source, &file.path)?.first().cloned()).collect();
        let stale = house.floors.iter().filter(|floor| !rooms.contains(**floor));
        findings.extend(stale.map(|floor| format!("{}: the floor `{floor}` has no room", house.source)));
    }
    none(findings);
}

#[test]
fn files_stand_in_no_circle() {
    let all = files(".rs");
    let sources: BTreeSet<&str> = all
        .iter()
        .filter(|file| CRATES.iter().any(|place| file.path.starts_with(place)))
        .filter_map(|file| file.path.find("/src/").map(|end| &file.path[..end + 4]))
        .collect();
    none(sources.into_iter().flat_map(|source| circles(source, &all)).collect());
}

#[test]
fn a_function_names_no_other() {
    let all: Vec<File> = files(".rs").into_iter().chain(files("Cargo.toml")).collect();
    none(functions_named(&functions(), &all));
}

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn an_arrow_up_is_found_however_it_is_written() {
    let house = House { source: "s/src", floors: &["low", "middle", "high"] };
    let up = [
        "use crate::high::Thing;",
        "pub(crate) use crate::{\n    low::A,\n    high::{B, C as D},\n};",
        "use super::high;",
        "fn f() -> crate::high::Thing { todo() }",
        "fn f() { let x = super::high::make(&crate::low::A); }",
        "use crate::{low, high as h};",
        "use crate :: high :: *;",
    ];
    for text in up {
        let found = arrows_up(&house, &[file("s/src/middle.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("s/src/middle.rs:"), "{found:?}");
    }
    assert_eq!(arrows_up(&house, &[file("s/src/middle/child.rs", "use super::super::high::A;")]).len(), 1);
    assert_eq!(arrows_up(&house, &[file("s/src/middle.rs", "use crate::nowhere::A;")]).len(), 1);
    assert_eq!(arrows_up(&house, &[file("s/src/attic.rs", "")]).len(), 1, "a room without a floor");
    let fine = [
        ("s/src/middle/mod.rs", "use crate::low::{A, B};\nuse self::child::C;\nuse super::low::D;"),
        ("s/src/middle/child.rs", "use super::Thing;\nuse crate::middle::other::A;"),
        ("s/src/middle.rs", "//! See [`crate::high`].\nfn f() {} // crate::high::x\n#[cfg(test)]\nmod tests {\nuse crate::high::A;\n}"),
        ("s/src/middle/tests.rs", "use crate::high::A;"),
        ("s/src/lib.rs", "pub use high::A;"),
        ("t/src/low.rs", "use crate::high::A;"),
        ("s/src/middle.rs", "use approvals::high::A;\nmacro_rules! m { () => { $crate::high::A } }"),
    ];
    for (path, text) in fine {
        assert_eq!(arrows_up(&house, &[file(path, text)]), [""; 0], "{path}: {text}");
    }
}

#[test]
fn a_circle_is_found_and_a_parent_with_its_child_is_none() {
    let circle = [
        file("s/src/a/mod.rs", "use one::X;"),
        file("s/src/a/one.rs", "use super::two::{Y, Z};\nuse super::Parent;"),
        file("s/src/a/two.rs", "use crate::b::W;"),
        file("s/src/b.rs", "use crate::a::one;"),
        file("s/src/c.rs", "use crate::a::one::X;"),
    ];
    assert_eq!(circles("s/src", &circle), ["s/src: files import each other in a circle: a::one, a::two, b"]);
    assert_eq!(circles("s/src", &circle[..3]), [""; 0]);
}

#[test]
fn a_function_that_names_another_is_found() {
    let names = ["relay".to_owned(), "audit".to_owned()];
    for (path, text) in [
        ("functions/audit/Cargo.toml", "[dependencies]\nrelay.workspace = true"),
        ("functions/audit/Cargo.toml", "[dependencies]\nrelay = { path = \"../relay\" }"),
        ("functions/audit/src/lib.rs", "use relay::handle;"),
        ("functions/audit/src/lib.rs", "fn f() { relay::handle(); }"),
    ] {
        assert_eq!(functions_named(&names, &[file(path, text)]).len(), 1, "{path}: {text}");
    }
    let fine = [
        ("functions/relay/src/main.rs", "relay::run(); // audit::run"),
        ("functions/relay/Cargo.toml", "name = \"relay\"\naudit-log.workspace = true"),
        ("functions/audit/src/lib.rs", "use crate::relay::x;\nlet relay = 1;\nemit(\"relay\");"),
        ("cli/src/lib.rs", "use relay::handle;"),
    ];
    for (path, text) in fine {
        assert_eq!(functions_named(&names, &[file(path, text)]), [""; 0], "{path}: {text}");
    }
}
