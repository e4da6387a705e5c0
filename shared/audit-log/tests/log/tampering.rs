//! The list of TESTPLAN: everything an insider may do to files, with or without the key.

use approvals_domain::hash::{self, Hash};
use approvals_domain::ids::RequestId;
use audit_log::checkpoint::Checkpoint;
use audit_log::leaf::{self, Leaf, Violation};
use audit_log::note::{SignerKey, VerifierKey};
use audit_log::verify::{Code, Fault, Options, Report};

use crate::shelf::{SIGNED_AT, Shelf, checkpoint, codes, key};
use crate::story::usual;

fn leaves() -> Vec<Vec<u8>> {
    usual().leaves
}

#[test]
fn an_honest_log_verifies_and_its_figures_are_right() {
    let all = leaves();
    let report = Shelf::of(&all).verify();
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.size, report.commits, report.requests, report.open), (all.len() as u64, 8, 3, 1));
    assert_eq!((report.directory, report.templates, report.duplicates), (9, 1, 0));
    assert_eq!((report.origin.as_str(), report.signed_at_seconds), ("approvals.test/default", Some(SIGNED_AT)));
    assert!(report.replayed);
    let chains = Shelf::of(&all).verify_with(|options| options.chains_only = true);
    assert!(chains.ok && !chains.replayed && chains.commits == 8);
}

#[test]
fn a_log_in_many_batches_verifies_with_its_narrower_files_and_without() {
    let all: Vec<Vec<u8>> = leaves();
    let batches: Vec<&[Vec<u8>]> = all.chunks(3).collect();
    let whole = Shelf::in_batches(&batches);
    assert!(whole.verify().ok);
    let mut swept = whole.clone();
    swept.files.retain(|path, _| Shelf::of(&all).files.contains_key(path));
    assert!(swept.files.len() < whole.files.len() && swept.verify().ok);
    // A narrower file that is not the beginning of the present one.
    let mut other = whole.clone();
    *other.files.get_mut("tile/entries/000.p/3").unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(other.faults(), [Code::PartialDiffers]);
}

#[test]
fn a_log_across_full_tiles_verifies_and_a_changed_upper_tile_is_named() {
    let mut all = leaves();
    // Identical leaves are benign: a cheap way to a long log.
    while all.len() < 600 {
        all.push(all[all.len() % 17].clone());
    }
    let shelf = Shelf::of(&all);
    let report = shelf.verify();
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.size, report.commits + report.directory + 1 + report.duplicates), (600, 600));
    for path in ["tile/1/000.p/2", "tile/0/001", "tile/entries/001"] {
        let mut changed = shelf.clone();
        changed.files.get_mut(path).unwrap()[5] ^= 8;
        let report = changed.verify();
        let named = |fault: &Fault| fault.place.file.as_deref() == Some(path) || fault.what.contains(path);
        assert!(report.faults.iter().any(named), "{path}: {:?}", report.faults);
    }
}

/// Every bit of every file.
#[test]
fn any_flipped_bit_is_caught() {
    let all = usual().leaves;
    // A request of two commits and what it rests on: small, so that all of it can be tried.
    let shelf = Shelf::in_batches(&[&all[..9], &all[9..13]]);
    assert!(shelf.verify().ok, "{:#?}", shelf.verify().faults);
    let mut tried = 0;
    for (path, bytes) in &shelf.files {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = shelf.clone();
            flipped.files.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            assert!(!flipped.verify().ok, "bit {bit} of {path} may be anything");
            tried += 1;
        }
    }
    assert!(tried > 10_000);
}

#[test]
fn a_flipped_bit_of_an_entry_is_located() {
    let all = leaves();
    let shelf = Shelf::of(&all);
    for (index, leaf) in all.iter().enumerate() {
        let at = all[..index].iter().map(|leaf| leaf.len() + 2).sum::<usize>() + 2 + leaf.len() / 2;
        let mut flipped = shelf.clone();
        flipped.files.get_mut(&format!("tile/entries/000.p/{}", all.len())).unwrap()[at] ^= 1;
        let report = flipped.verify();
        assert!(report.faults.iter().any(|fault| fault.code == Code::TileDiffers && fault.place.leaf == Some(index as u64)), "{index}");
    }
}

/// Deleting, swapping, inserting entries with all hashes made anew, but no key: the root is not the signed one.
#[test]
fn entries_cannot_be_deleted_swapped_or_inserted() {
    let all = leaves();
    let honest = checkpoint(&all, &[key(1)]).into_bytes();
    let mut deleted = all.clone();
    deleted.remove(10);
    let mut swapped = all.clone();
    swapped.swap(9, 10);
    let mut inserted = all.clone();
    inserted.insert(12, all[11].clone());
    inserted.pop();
    for changed in [deleted, swapped, inserted] {
        let mut shelf = Shelf::of(&changed);
        shelf.files.insert("checkpoint".to_owned(), honest.clone());
        assert!(!shelf.verify().ok);
        // And with the files of a shorter log under a checkpoint made for it by another key.
        shelf.sign(&changed, &[key(2)]);
        assert_eq!(shelf.faults().first(), Some(&Code::Checkpoint));
    }
}

/// The right key, an honest log before: only what was seen earlier can tell.
#[test]
fn history_rewritten_with_the_right_key_is_caught_by_an_older_checkpoint() {
    let all = leaves();
    let seen = checkpoint(&all[..12], &[key(1)]);
    let since = |shelf: &Shelf, note: &str| {
        let keys = [key(1).verifier()];
        codes(&shelf.verify_by(&Options { keys: &keys, since: Some(note.as_bytes()), ..Options::default() }))
    };
    assert!(since(&Shelf::of(&all), &seen).is_empty());
    assert!(since(&Shelf::of(&all), &checkpoint(&[], &[key(1)])).is_empty(), "the empty log is everybody's past");

    let mut other = all.clone();
    other.remove(9);
    assert_eq!(since(&Shelf::of(&other), &seen).first(), Some(&Code::Rewritten));
    assert_eq!(since(&Shelf::of(&all[..11]), &seen), [Code::RolledBack], "the end cut off, and signed so");
    // Two roots of one size.
    let mut twin = all[..12].to_vec();
    twin.swap(0, 1);
    assert_eq!(since(&Shelf::of(&twin), &seen).first(), Some(&Code::Rewritten));
    // Not a checkpoint of this log.
    let stranger = SignerKey::new("approvals.test/other", &[1; 32]).unwrap();
    assert_eq!(since(&Shelf::of(&all), &checkpoint(&all[..12], &[stranger])), [Code::Since]);
    assert_eq!(since(&Shelf::of(&all), &checkpoint(&all[..12], &[key(2)])), [Code::Since]);
}

#[test]
fn an_older_checkpoint_over_a_longer_log_is_caught() {
    let all = leaves();
    let mut shelf = Shelf::in_batches(&[&all[..12], &all[12..]]);
    shelf.sign(&all[..12], &[key(1)]);
    assert_eq!(shelf.faults(), [Code::BeyondCheckpoint]);
}

#[test]
fn files_that_do_not_belong_are_named() {
    let all = leaves();
    for path in ["notes.txt", "tile/0/000.p/999", "tile/entries/../checkpoint", "checkpoint.bak", "tile/0/x000/000", "tile/4/000"] {
        let mut shelf = Shelf::of(&all);
        shelf.files.insert(path.to_owned(), b"x".to_vec());
        let report = shelf.verify();
        assert_eq!(report.faults.first().and_then(|fault| fault.place.file.clone()).as_deref(), Some(path), "{path}: {:?}", report.faults);
    }
    for path in Shelf::of(&all).files.keys() {
        let mut shelf = Shelf::of(&all);
        shelf.files.remove(path);
        assert!(matches!(shelf.faults().first(), Some(Code::Missing | Code::Checkpoint)), "{path}");
    }
}

/// Signed by the right key, but of another width or size than the files.
#[test]
fn hostile_sizes_end_in_a_fault_and_not_in_a_long_wait() {
    let all = leaves();
    for size in [0, 1, 256, 257, 70_000, u64::from(u32::MAX), u64::MAX] {
        let mut shelf = Shelf::of(&all);
        let root = approvals_domain::hash::Hash::ZERO;
        let note = Checkpoint { origin: "approvals.test/default".to_owned(), size, root }.sign(&[key(1)], SIGNED_AT);
        shelf.files.insert("checkpoint".to_owned(), note.into_bytes());
        assert!(!shelf.verify().ok, "{size}");
    }
    let mut empty = Shelf::default();
    empty.sign(&[], &[key(1)]);
    assert!(empty.verify().ok, "a log without leaves is a log");
    let mut huge = Shelf::of(&all);
    huge.files.insert("tile/0/001.p/1".to_owned(), vec![0; 33]);
    assert_eq!(huge.faults(), [Code::Malformed]);
}

#[test]
fn a_rotation_is_signed_by_both_keys_and_each_is_enough_if_told_so() {
    let all = leaves();
    let mut shelf = Shelf::of(&all);
    shelf.sign(&all, &[key(1), key(2)]);
    let (old, new) = ([key(1).verifier()], [key(2).verifier()]);
    let both = [key(1).verifier(), key(2).verifier()];
    let by = |keys: &[VerifierKey], ignore_unknown_signatures| {
        codes(&shelf.verify_by(&Options { keys, ignore_unknown_signatures, ..Options::default() }))
    };
    assert!(by(&both, false).is_empty());
    for one in [&old, &new] {
        assert_eq!(by(one, false), [Code::UnknownSignature]);
        assert!(by(one, true).is_empty());
    }
}

/// Commits appended by an honest archiver from a dishonest table: signed all right, but no chain.
#[test]
fn broken_chains_are_caught_and_located() {
    let all = leaves();
    let last = all.len() as u64 - 1;
    // The commit of `r3`, said to follow something.
    let Ok(Leaf::Commit { bytes, .. }) = Leaf::read(&all[all.len() - 1]) else { panic!() };
    let mut commit: approvals_domain::commit::Commit = serde_json::from_slice(bytes).unwrap();
    commit.prev_hash = Hash([7; 32]);
    let sealed = commit.clone().seal();
    let with = |leaf: Vec<u8>| {
        let mut changed = all.clone();
        *changed.last_mut().unwrap() = leaf;
        let report = Shelf::of(&changed).verify();
        let fault = report.faults.first().unwrap().clone();
        assert_eq!(fault.place.leaf, Some(last), "{fault:?}");
        fault.code
    };
    assert_eq!(with(leaf::commit(&sealed.hash, &sealed.bytes)), Code::Chain);
    assert_eq!(with(leaf::commit(&Hash([1; 32]), bytes)), Code::Chain, "the header's hash is not the bytes'");
    commit.prev_hash = Hash::ZERO;
    commit.version = 2;
    let early = commit.clone().seal();
    assert_eq!(with(leaf::commit(&early.hash, &early.bytes)), Code::Gap);
    commit.version = 0;
    let zero = commit.clone().seal();
    assert_eq!(with(leaf::commit(&zero.hash, &zero.bytes)), Code::Chain);
    commit.version = 1;
    commit.tenant = approvals_domain::ids::TenantId::new("other").unwrap();
    let foreign = commit.clone().seal();
    assert_eq!(with(leaf::commit(&foreign.hash, &foreign.bytes)), Code::OtherTenant);
    // A second commit of a version that stands.
    commit.tenant = crate::story::tenant();
    commit.request = RequestId::new("r2").unwrap();
    let fork = commit.seal();
    assert_eq!(with(leaf::commit(&fork.hash, &fork.bytes)), Code::Fork);
    assert_eq!(with(b"approvals/commit/2 x\ny".to_vec()), Code::Leaf);
    assert_eq!(with(b"no newline".to_vec()), Code::Leaf);
    assert_eq!(with(leaf::commit(&Hash::ZERO, b"{}")), Code::Commit);
    let seen = Violation { at: 1, of: "r1".into(), what: "version 3 was removed".into(), before: None, after: Some(Hash::ZERO) };
    assert_eq!(with(leaf::violation(&seen)), Code::Violation);
    let mut forged = leaf::violation(&seen);
    *forged.last_mut().unwrap() = b' ';
    assert_eq!(with(forged), Code::Leaf);
}

/// The same JSON in another form, sealed and chained as if it were the one form.
#[test]
fn duplicate_and_reordered_keys_are_caught() {
    let all = leaves();
    let Ok(Leaf::Commit { bytes, .. }) = Leaf::read(&all[all.len() - 1]) else { panic!() };
    let text = std::str::from_utf8(bytes).unwrap();
    let (first, rest) = text[1..].split_once(",\"at\"").unwrap();
    let reordered = format!("{{\"at\"{},{first}}}", &rest[..rest.len() - 1]);
    let doubled = format!("{{{first},{}", &text[1..]);
    let spaced = text.replacen(':', ": ", 1);
    let escaped = text.replacen("default", "\\u0064efault", 1);
    for other in [reordered, doubled, spaced, escaped] {
        assert_ne!(other, text);
        let hash = Hash::of(&[hash::COMMIT, &[0; 32], other.as_bytes()]);
        let mut changed = all.clone();
        *changed.last_mut().unwrap() = leaf::commit(&hash, other.as_bytes());
        let report = Shelf::of(&changed).verify();
        assert_eq!((codes(&report), report.faults[0].place.leaf), (vec![Code::Commit], Some(all.len() as u64 - 1)), "{other}");
    }
}

#[test]
fn the_directory_has_chains_of_its_own() {
    let all = leaves();
    // Leaf 4 is the second version of `user/rita`.
    let mut missing = all.clone();
    missing.remove(0);
    let report = Shelf::of(&missing).verify();
    assert_eq!((report.faults[0].code, report.faults[0].place.object.as_deref()), (Code::Gap, Some("user/rita")));
    let mut content = all.clone();
    let at = content.iter().position(|leaf| leaf.starts_with(b"approvals/template/1")).unwrap();
    let changed = String::from_utf8(content[at].clone()).unwrap().replace("\"required\":2", "\"required\":1").into_bytes();
    assert_ne!(changed, content[at]);
    content[at] = changed;
    let report = Shelf::of(&content).verify();
    assert_eq!(report.faults[0].code, Code::Template);
    assert!(!report.replayed || report.faults_total > 1);
}

#[test]
fn late_doubled_and_disordered_leaves_are_a_log_all_the_same() {
    let all = leaves();
    let mut backwards = all.clone();
    backwards.reverse();
    let report = Shelf::of(&backwards).verify();
    assert!(report.ok && report.commits == 8, "{:#?}", report.faults);
    let twice: Vec<Vec<u8>> = all.iter().chain(&backwards).cloned().collect();
    let report = Shelf::of(&twice).verify();
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.commits, report.duplicates), (8, all.len() as u64));
}

fn violation(of: &str) -> Vec<u8> {
    leaf::violation(&leaf::Violation { at: 1, of: of.to_owned(), what: "edited".to_owned(), before: None, after: None })
}

/// H2: a fault is no shade for another one. Beside a violation, a file that belongs to no log, and a bundle that is gone, what else is wrong is
/// named, and what is right is verified.
#[test]
fn h2_no_fault_hides_another() {
    let all = leaves();
    let honest = Shelf::of(&all).verify();
    // A vote cut out of a chain: what follows it is told, with and without something else that is wrong.
    let mut cut = all.clone();
    cut.remove(all.len() - 3);
    let alone = Shelf::of(&cut).verify();
    assert!(alone.faults_total > 0 && alone.replayed, "{:#?}", alone.faults);
    let codes_of = |report: &Report| report.faults.iter().map(|fault| (fault.code, fault.place.request.clone())).collect::<Vec<_>>();
    let mut violated = cut.clone();
    violated.push(violation("r9"));
    let report = Shelf::of(&violated).verify();
    let others: Vec<_> = codes_of(&report).into_iter().filter(|(code, _)| *code != Code::Violation).collect();
    assert_eq!(others, codes_of(&alone), "{:#?}", report.faults);
    assert_eq!(report.violations, 1);
    let mut littered = Shelf::of(&cut);
    littered.files.insert("notes.txt".to_owned(), b"x".to_vec());
    let report = littered.verify();
    let others: Vec<_> = codes_of(&report).into_iter().filter(|(code, _)| *code != Code::Unaccounted).collect();
    assert_eq!(others, codes_of(&alone), "{:#?}", report.faults);
    // Sound requests are counted as before beside one violation.
    let mut one = all.clone();
    one.push(violation("r9"));
    let report = Shelf::of(&one).verify();
    assert_eq!((report.commits, report.requests, report.replayed), (honest.commits, honest.requests, true));
    assert_eq!(codes(&report), [Code::Violation]);
    // A bundle in the middle that is gone: what lies before and after it is read.
    let mut long = all.clone();
    while long.len() < 512 {
        long.push(all[long.len() % all.len()].clone());
    }
    long.push(violation("r9"));
    let mut shelf = Shelf::of(&long);
    shelf.files.remove("tile/entries/001");
    let report = shelf.verify();
    assert_eq!(codes(&report), [Code::Missing, Code::Violation], "{:#?}", report.faults);
    assert_eq!((report.commits, report.unread.as_slice()), (honest.commits, ["tile/entries/001".to_owned()].as_slice()));
    // Its hashes gone, too: then nothing can be said of the root, and all the rest still is.
    shelf.files.remove("tile/0/001");
    let report = shelf.verify();
    assert_eq!((codes(&report), report.faults_total), (vec![Code::Missing, Code::Violation], 3), "{:#?}", report.faults);
}

/// M6: each fault is named, however many there are.
#[test]
fn m6_every_fault_is_named() {
    let mut all = leaves();
    all.extend((0..250).map(|n| violation(&format!("r{n}"))));
    let report = Shelf::of(&all).verify();
    assert_eq!((report.faults.len(), report.faults_total, report.violations), (250, 250, 250));
}
