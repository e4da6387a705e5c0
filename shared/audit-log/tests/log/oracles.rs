//! Other people's readings of the same formats say the same, for random trees, notes and paths.

use audit_log::checkpoint::Checkpoint;
use audit_log::edge::{Edge, Files};
use audit_log::note::{self, SignerKey, VerifierKey};
use audit_log::proof::Proof;
use audit_log::tile::{Kind, Tile, Tiles, grown, hashes, width};
use audit_log::tree::{self, Frontier, leaf_hash};
use ct_merkle::digest::Update;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use signed_note::{StandardVerifier, VerifierList};

use crate::vectors::Plain;

/// Cases; more by night.
fn cases() -> ProptestConfig {
    let cases = std::env::var("APPROVALS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(128);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[derive(Clone)]
struct Bytes(Vec<u8>);

impl ct_merkle::HashableLeaf for Bytes {
    fn hash<H: Update>(&self, hasher: &mut H) {
        hasher.update(&self.0);
    }
}

fn leaves(most: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..most)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn trees_and_proofs_are_those_of_ct_merkle(all in leaves(300), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let mut theirs = MemoryBackedTree::<sha2::Sha256, Bytes>::new();
        all.iter().for_each(|leaf| theirs.push(Bytes(leaf.clone())));
        let hashes: Vec<_> = all.iter().map(|leaf| leaf_hash(leaf)).collect();
        let (root, size) = (tree::root_of(&hashes), hashes.len() as u64);
        prop_assert_eq!(theirs.root().as_bytes().to_vec(), root.0.to_vec());

        let index = a.index(all.len());
        let ours = tree::inclusion(&mut Plain(hashes.clone()), index as u64, size).unwrap();
        let bytes: Vec<u8> = ours.iter().flat_map(|hash| hash.0).collect();
        prop_assert_eq!(theirs.prove_inclusion(index).as_bytes().to_vec(), bytes);
        prop_assert_eq!(tree::check_inclusion(hashes[index], index as u64, size, &ours, root), Ok(()));

        let old = b.index(all.len()) + 1;
        let ours = tree::consistency(&mut Plain(hashes.clone()), old as u64, size).unwrap();
        let bytes: Vec<u8> = ours.iter().flat_map(|hash| hash.0).collect();
        if old < all.len() {
            prop_assert_eq!(theirs.prove_consistency(all.len() - old).as_bytes().to_vec(), bytes);
        }
        let before = (old as u64, tree::root_of(&hashes[..old]));
        prop_assert_eq!(tree::check_consistency(before, (size, root), &ours), Ok(()));
    }

    /// A proof with anything changed, put at another place or for another size, proves nothing.
    #[test]
    fn a_changed_proof_proves_nothing(all in leaves(70), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let hashes: Vec<_> = all.iter().enumerate().map(|(at, leaf)| leaf_hash(&[leaf.as_slice(), &at.to_be_bytes()].concat())).collect();
        let (root, size, index) = (tree::root_of(&hashes), hashes.len() as u64, a.index(all.len()));
        let proof = tree::inclusion(&mut Plain(hashes.clone()), index as u64, size).unwrap();
        let check = |index: usize, proof: &[_]| tree::check_inclusion(hashes[index], index as u64, size, proof, root);
        prop_assert!(check(index, &proof).is_ok());
        let other = b.index(all.len());
        prop_assert_eq!(check(other, &proof).is_ok(), other == index);
        if let Some(at) = (!proof.is_empty()).then(|| b.index(proof.len())) {
            let mut changed = proof.clone();
            changed[at].0[usize::from(bit)] ^= 1 << bit;
            prop_assert!(check(index, &changed).is_err());
            prop_assert!(check(index, &proof[1..]).is_err());
        }
        let longer: Vec<_> = proof.iter().copied().chain([root]).collect();
        prop_assert!(check(index, &longer).is_err());
    }

    #[test]
    fn paths_are_those_of_tlog_tiles(level in 0_u8..8, index in 0_u64..2_000_000_000_000, width in 1_u16..=256) {
        for (kind, theirs) in [(Kind::Hashes(level), level), (Kind::Entries, 0)] {
            let ours = Tile { kind, index, width };
            let tile = tlog_tiles::tile::Tile::new(8, theirs, index, width.into(), kind == Kind::Entries);
            // Theirs has the height of tiles in its paths, and `data` for entries, as Go's checksum database has.
            let theirs = tile.path().replacen("tile/8/", "tile/", 1).replacen("tile/data/", "tile/entries/", 1);
            prop_assert_eq!(ours.to_string(), theirs);
            prop_assert_eq!(Tile::parse(&ours.to_string()), Some(ours));
        }
    }

    #[test]
    fn notes_are_those_of_signed_note(seed in any::<[u8; 32]>(), text in "([ -~]{0,30}\n){1,5}", at in prop::option::of(any::<u32>())) {
        let key = SignerKey::new("example.com/log", &seed).unwrap();
        let verifier = key.verifier();
        let theirs = StandardVerifier::new(&verifier.to_string()).unwrap();
        let signed = note::sign(&text, &[key], at.map(u64::from));
        let opened = note::open(signed.as_bytes(), &[verifier]).unwrap();
        prop_assert_eq!(opened.text, text.as_str());
        let parsed = signed_note::Note::from_bytes(signed.as_bytes()).unwrap();
        let (known, others) = parsed.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
        prop_assert_eq!((known.len(), others.len()), (1, usize::from(at.is_some())));
        prop_assert_eq!(known[0].name(), "example.com/log");
    }

    /// Whatever the batches: the same files in the end, the same root, and an edge read back from its files goes on as if never put away.
    #[test]
    fn appending_in_any_batches_makes_the_same_log(sizes in prop::collection::vec(0_usize..700, 1..6)) {
        let total: usize = sizes.iter().sum();
        let all: Vec<Vec<u8>> = (0..total).map(|n| n.to_be_bytes().to_vec()).collect();
        let (mut edge, mut files, mut done) = (Edge::default(), Files::new(), 0);
        for size in sizes {
            let before = edge.size();
            let new = edge.append(&all[done..done + size]).unwrap();
            prop_assert_eq!(new.keys().copied().collect::<Vec<_>>(), {
                let mut tiles: Vec<_> = grown(before, edge.size()).collect();
                tiles.sort();
                tiles
            });
            files.extend(new);
            done += size;
            let kept: Files = Edge::files(edge.size()).map(|tile| (tile, files[&tile].clone())).collect();
            let again = Edge::read(edge.size(), &kept).unwrap();
            prop_assert_eq!(again.root(), edge.root());
            edge = again;
        }
        let hashes_: Vec<_> = all.iter().map(|leaf| leaf_hash(leaf)).collect();
        prop_assert_eq!(edge.root(), tree::root_of(&hashes_));
        let size = total as u64;
        let mut frontier = Frontier::default();
        hashes_.iter().for_each(|hash| frontier.push(*hash));
        prop_assert_eq!(frontier.root(), edge.root());
        if size > 0 {
            let mut tiles = Tiles::new(size, |tile: Tile| hashes(&files[&tile], tile.width));
            let index = size / 3;
            let proof = tree::inclusion(&mut tiles, index, size).unwrap();
            prop_assert_eq!(tree::check_inclusion(hashes_[usize::try_from(index).unwrap()], index, size, &proof, edge.root()), Ok(()));
            prop_assert_eq!(width(Kind::Entries, size / 256, size), u16::try_from(size % 256).unwrap());
        }
    }

    /// A note's reader, a path's, a proof's: any bytes are answered, none panics.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
        let key: VerifierKey = SignerKey::new("a", &[1; 32]).unwrap().verifier();
        let _ = note::open(&bytes, std::slice::from_ref(&key));
        let _ = note::open(format!("{text}\n\n— a {text}\n").as_bytes(), &[key]);
        let _ = (Tile::parse(&text), Checkpoint::parse(&text), text.parse::<VerifierKey>().is_ok());
        let _ = (audit_log::leaf::Leaf::read(&bytes), Proof::parse(&bytes), Proof::parse(text.as_bytes()));
        let _ = (audit_log::tile::entries(&bytes, 3), audit_log::tile::hashes(&bytes, 3));
    }
}
