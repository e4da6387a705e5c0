//! The second verifier, in another language by the specifications alone, says the same of every folder, and names the same place: whole ones,
//! tampered ones, and ones whose cryptography is legal. It knows chains and facts but no decisions, so it is set beside `chains_only`, and for facts
//! beside all.

use std::path::{Path, PathBuf};
use std::process::Command;

use approvals_domain::facts::{Facts, Manager, Person};
use audit_log::leaf;
use audit_log::verify::{Fault, Options, Report};
use serde_json::{Value, json};

use crate::shelf::{Shelf, checkpoint, key};
use crate::story::{HOUR, Lies, Story, person, template, usual};

/// What Python says of each folder.
fn verdicts(folders: &[PathBuf], since: Option<&Path>) -> Vec<(bool, Value)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verify_log.py");
    let mut python = Command::new("python3");
    python.arg(script).arg("--key").arg(key(1).verifier().to_string());
    if let Some(since) = since {
        python.arg("--since").arg(since);
    }
    let output = python.args(folders).output().expect("python3 runs");
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), folders.len(), "{}", String::from_utf8_lossy(&output.stderr));
    lines.into_iter().map(|line| (line["ok"].as_bool().unwrap(), line)).collect()
}

/// Both verifiers over the same folders, compared one by one; how many are not sound.
fn agree(shelves: &[(String, Shelf)], since: Option<&str>) -> usize {
    agree_on(shelves, since, true)
}

fn agree_on(shelves: &[(String, Shelf)], since: Option<&str>, chains_only: bool) -> usize {
    let home = tempfile::tempdir().unwrap();
    let write = |(n, (_, shelf)): (usize, &(String, Shelf))| {
        let folder = home.path().join(n.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        shelf.write(&folder);
        folder
    };
    let folders: Vec<PathBuf> = shelves.iter().enumerate().map(write).collect();
    let file = since.map(|note| {
        let file = home.path().join("since");
        std::fs::write(&file, note).unwrap();
        file
    });
    let keys = [key(1).verifier()];
    let options = Options { keys: &keys, chains_only, since: since.map(str::as_bytes), ..Options::default() };
    let mut unsound = 0;
    for ((name, shelf), (ok, line)) in shelves.iter().zip(verdicts(&folders, file.as_deref())) {
        let report = shelf.verify_by(&options);
        assert_eq!(ok, report.ok, "{name}: {line}, {:?}", report.faults);
        assert!(ok || same_place(&line, &report), "{name}: {line}, {:?}", report.faults);
        if ok {
            assert_eq!((line["size"].as_u64(), line["commits"].as_u64()), (Some(report.size), Some(report.commits)), "{name}");
            assert_eq!(line["late"].as_u64(), Some(report.late), "{name}");
            assert!(chains_only || line["erased"].as_u64() == Some(report.erased), "{name}: {line}");
        }
        unsound += usize::from(!ok);
    }
    unsound
}

/// Whether one of the faults is where Python saw one: in that file, at that leaf, in that history.
fn same_place(line: &Value, report: &Report) -> bool {
    let (at, named) = (&line["at"], |text: &Option<String>, value: &Value| text.is_some() && text.as_deref() == value.as_str());
    let there = |fault: &Fault| {
        let place = &fault.place;
        let same_leaf = place.leaf.is_some() && place.leaf == at["leaf"].as_u64();
        let of = at["of"].as_str().unwrap_or("-");
        let same_thing = named(&place.request, &at["of"]) || named(&place.object, &at["of"]) || fault.what.contains(of);
        let same_version = at["version"].is_null() || place.version == at["version"].as_u64();
        same_leaf || named(&place.file, &at["file"]) || same_thing && same_version
    };
    at.as_object().is_some_and(|at| !at.is_empty()) && report.faults.iter().any(there)
}

fn named(name: &str, shelf: Shelf) -> (String, Shelf) {
    (name.to_owned(), shelf)
}

#[test]
fn both_verifiers_believe_the_same_honest_logs() {
    let all = usual().leaves;
    let batches: Vec<&[Vec<u8>]> = all.chunks(3).collect();
    let mut backwards = all.clone();
    backwards.reverse();
    let mut long = all.clone();
    while long.len() < 600 {
        long.push(long[long.len() % 17].clone());
    }
    let mut empty = Shelf::default();
    empty.sign(&[], &[key(1)]);
    let mut template = all.clone();
    template.extend(leaf::template("x".repeat(150_000).as_bytes()));
    let shelves = [
        named("whole", Shelf::of(&all)),
        named("in batches", Shelf::in_batches(&batches)),
        named("disordered", Shelf::of(&backwards)),
        named("across full tiles", Shelf::of(&long)),
        named("empty", empty),
    ];
    assert_eq!(agree(&shelves, None), 0);
    assert_eq!(agree(&shelves[..2], Some(&checkpoint(&all[..7], &[key(1)]))), 0);
}

#[test]
fn both_verifiers_catch_every_way_of_tampering() {
    let all = usual().leaves;
    let honest = Shelf::in_batches(&[&all[..9], &all[9..]]);
    let mut shelves = Vec::new();
    for (path, bytes) in &honest.files {
        for bit in (0..bytes.len() * 8).step_by(211) {
            let mut flipped = honest.clone();
            flipped.files.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            shelves.push((format!("bit {bit} of {path}"), flipped));
        }
        let mut without = honest.clone();
        without.files.remove(path);
        shelves.push((format!("without {path}"), without));
        let mut longer = honest.clone();
        longer.files.get_mut(path).unwrap().push(0);
        shelves.push((format!("{path} and a byte"), longer));
    }
    for path in ["notes.txt", "tile/0/000.p/200", "tile/0/001.p/1", "tile/4/000", "checkpoint.bak"] {
        let mut more = honest.clone();
        more.files.insert(path.to_owned(), b"x".to_vec());
        shelves.push((format!("with {path}"), more));
    }
    let mut stranger = Shelf::of(&all);
    stranger.sign(&all, &[key(2)]);
    shelves.push(named("signed by another key", stranger));
    let mut old = honest.clone();
    old.sign(&all[..9], &[key(1)]);
    shelves.push(named("under an older checkpoint", old));
    for (name, change) in changes() {
        let mut changed = all.clone();
        change(&mut changed);
        shelves.push((name.to_owned(), Shelf::of(&changed)));
    }
    // Each narrower file is the beginning of a wider one, or is gone: only that may be taken away unnoticed.
    let narrower = shelves.iter().filter(|(name, _)| name.starts_with("without tile/") && name.ends_with(".p/9")).count();
    assert_eq!(agree(&shelves, None), shelves.len() - narrower);
    assert!(shelves.len() > 300, "only {} folders were tried", shelves.len());
}

type Change = fn(&mut Vec<Vec<u8>>);

/// Signed all right, but no chains.
fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("a version missing", |leaves| drop(leaves.remove(leaves.len() - 3))),
        ("the directory's first word missing", |leaves| drop(leaves.remove(0))),
        ("a leaf of an unknown kind", |leaves| leaves.push(b"approvals/secret/1 x\ny".to_vec())),
        ("a leaf without a header", |leaves| leaves.push(b"x".to_vec())),
        ("half a template", |leaves| leaves.push(leaf::template(&[b'x'; 130_000]).remove(0))),
        ("a violation", |leaves| {
            let seen = leaf::Violation { at: 1, of: "r1".into(), what: "edited".into(), before: None, after: None };
            leaves.push(leaf::violation(&seen));
        }),
    ]
}

#[test]
fn both_verifiers_see_that_history_was_rewritten() {
    let all = usual().leaves;
    let seen = checkpoint(&all[..12], &[key(1)]);
    let mut twin = all.clone();
    twin.swap(0, 1);
    let shelves = [named("another past", Shelf::of(&twin)), named("the end cut off", Shelf::of(&all[..11]))];
    assert_eq!(agree(&shelves, Some(&seen)), 2);
}

/// What a commit says it knew is checked by both: a manager left out or denied, a template that was not current, a member who was none.
#[test]
fn both_verifiers_see_what_nobody_could_have_known() {
    let managed = || {
        let steps = json!([{ "id": "manager", "approvers": [{ "manager_of": "requester" }], "fallback": [{ "role": "finance" }] }]);
        let mut story = Story::company(steps);
        story.now = story.now.plus_millis(2 * HOUR);
        story
    };
    fn rita(facts: &mut Facts) -> &mut Person {
        facts.persons.get_mut(&person("rita")).unwrap().as_mut().unwrap()
    }
    let mut denied = managed();
    rita(&mut denied.facts).manager = Manager::Nobody;
    denied.submit("r1", "rita", &Lies::default());
    // H2d: the fact taken out of the commit.
    let mut left_out = denied.clone();
    let mut forged = left_out.commit_from_end(0);
    rita(&mut forged.facts).manager = Manager::NotAsked;
    left_out.leaves.pop();
    left_out.requests.get_mut("r1").unwrap().0 = None;
    left_out.put(forged);
    // H2e.
    let mut old = managed();
    old.publish(&template(json!([{ "id": "manager", "approvers": [{ "user": "ann" }] }])));
    old.now = old.now.plus_millis(2 * HOUR);
    old.submit("r1", "rita", &Lies { version: Some(1), ..Lies::default() });
    let mut unknown = managed();
    rita(&mut unknown.facts).version = 9;
    unknown.submit("r1", "rita", &Lies::default());
    let stories = [("denied", denied), ("left out", left_out), ("an old version", old), ("a version nobody wrote", unknown)];
    let shelves: Vec<(String, Shelf)> = stories.iter().map(|(name, story)| named(name, Shelf::of(&story.leaves))).collect();
    assert_eq!(agree_on(&shelves, None, false), shelves.len());
    // And what could have been: by whoever reports to nobody, after an end, and late.
    let mut honest = managed();
    honest.submit("r1", "rita", &Lies::default());
    honest.submit("r2", "bob", &Lies::default());
    honest.approve("r1", "ann", "manager");
    honest.member("approval_admin", "cyd", true);
    honest.erase("r1", "cyd");
    honest.comment("r1", "rita", "thanks");
    let mut leaves = usual().leaves;
    leaves.iter_mut().for_each(|one| *one = leaf::late(one));
    assert_eq!(agree_on(&[named("honest", Shelf::of(&honest.leaves)), named("late", Shelf::of(&leaves))], None, false), 0);
}
