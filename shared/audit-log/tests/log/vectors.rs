//! Published vectors: the Merkle tree of the Certificate Transparency reference implementation (RFC 6962), the note of Go's `sumdb/note`,
//! the paths and numbers in the text of C2SP `tlog-tiles`, the checkpoint's form in `tlog-checkpoint`.

use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use audit_log::checkpoint::{Checkpoint, place};
use audit_log::note::{self, Error, SignerKey, VerifierKey};
use audit_log::tile::{Kind, Tile, count, kinds, width};
use audit_log::tree::{self, Nodes, empty_root, leaf_hash, node_hash};
use base64::{Engine, engine::general_purpose::STANDARD};

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    Hash(unhex(text).try_into().unwrap())
}

const LEAVES: [&str; 8] = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size, path.
const INCLUSION: &[(u64, u64, &[&str])] = &[
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Old size, new size, path.
const CONSISTENCY: &[(u64, u64, &[&str])] = &[
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

/// Perfect subtrees straight from leaves' hashes.
pub(crate) struct Plain(pub(crate) Vec<Hash>);

impl Nodes for Plain {
    type Error = std::convert::Infallible;
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let (from, span) = (usize::try_from(index << level).unwrap(), 1_usize << level);
        Ok(tree::root_of(&self.0[from..from + span]))
    }
}

fn hashes() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&unhex(leaf))).collect()
}

fn path(hashes: &[&str]) -> Vec<Hash> {
    hashes.iter().map(|text| hash(text)).collect()
}

#[test]
fn roots_and_proofs_are_those_of_rfc_6962() {
    assert_eq!(empty_root(), hash(ROOTS[0]));
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(tree::root_of(&hashes()[..size]), hash(root), "size {size}");
    }
    let mut nodes = Plain(hashes());
    for (index, size, said) in INCLUSION {
        let at = usize::try_from(*index).unwrap();
        let root = hash(ROOTS[usize::try_from(*size).unwrap()]);
        assert_eq!(tree::inclusion(&mut nodes, *index, *size), Ok(path(said)));
        assert_eq!(tree::check_inclusion(hashes()[at], *index, *size, &path(said), root), Ok(()));
    }
    for (old, new, said) in CONSISTENCY {
        let root = |size: u64| (size, hash(ROOTS[usize::try_from(size).unwrap()]));
        assert_eq!(tree::consistency(&mut nodes, *old, *new), Ok(path(said)));
        assert_eq!(tree::check_consistency(root(*old), root(*new), &path(said)), Ok(()));
    }
}

#[test]
fn an_interior_node_is_no_leaf() {
    let all = hashes();
    let node = node_hash(&all[0], &all[1]);
    let as_leaf = leaf_hash(&[all[0].0, all[1].0].concat());
    assert_ne!(node, as_leaf);
    // Presented one level up, with the rest of the path: the number of hashes does not fit the place.
    let (_, _, said) = INCLUSION[1];
    let shorter = path(&said[1..]);
    assert_eq!(tree::check_inclusion(node, 0, 8, &shorter, hash(ROOTS[8])), Err(tree::Wrong::Length));
    assert_eq!(tree::check_inclusion(node, 0, 4, &shorter, hash(ROOTS[8])), Ok(()), "only a lie about the size lets it pass");
}

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const SAID: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
                    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn peter() -> SignerKey {
    let bytes = STANDARD.decode(PETERS).unwrap();
    SignerKey::new("PeterNeumann", bytes[1..].try_into().unwrap()).unwrap()
}

#[test]
fn keys_and_notes_are_those_of_the_reference() {
    let key: VerifierKey = PETER.parse().unwrap();
    assert_eq!(key.to_string(), PETER);
    assert_eq!(peter().verifier(), key);
    assert_eq!(note::sign(SAID, &[peter()], None), NOTE);
    let opened = note::open(NOTE.as_bytes(), std::slice::from_ref(&key)).unwrap();
    assert_eq!((opened.text, opened.unknown, opened.at_seconds), (SAID, 0, None));
    assert_eq!(note::open(NOTE.as_bytes(), &[]), Err(Error::Unsigned));
    assert_eq!(note::open(NOTE.replace("answer", "ansver").as_bytes(), &[key]), Err(Error::Signature("PeterNeumann".to_owned())));
}

/// As the reference's own test does.
#[test]
fn a_mangled_key_is_no_key() {
    for from in 0..PETER.len() {
        for to in from + 1..=PETER.len() {
            assert!((from, to) == (0, PETER.len()) || PETER[from..to].parse::<VerifierKey>().is_err(), "{}", &PETER[from..to]);
        }
    }
    for at in 0..PETER.len() {
        let mut mangled = PETER.as_bytes().to_vec();
        mangled[at] += 1;
        assert!(String::from_utf8(mangled).unwrap().parse::<VerifierKey>().is_err(), "{at}");
    }
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
}

/// The published cosignature of `tlog-cosignature` has a key we do not have; what is signed, and when, reads back.
#[test]
fn a_note_says_when_it_was_signed() {
    let signed = note::sign(SAID, &[peter()], Some(1_679_315_147));
    assert!(signed.starts_with(NOTE));
    let opened = note::open(signed.as_bytes(), &[peter().verifier()]).unwrap();
    assert_eq!((opened.at_seconds, opened.unknown), (Some(1_679_315_147), 0));
    let line = signed.lines().last().unwrap().rsplit(' ').next().unwrap();
    let bytes = STANDARD.decode(line).unwrap();
    assert_eq!(bytes.len(), 4 + 8 + 64);
    assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
}

#[test]
fn the_published_checkpoint_reads() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.text(), text);
    for bad in [
        "example.com/x\n020\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/x\n+20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/x\n20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "\n20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/x\n20\n",
        "example.com/x\n20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }
}

/// The two examples in the text of `tlog-tiles`: index 1,234,067, and a tree of 70,000 (and of 256) leaves.
#[test]
fn paths_and_widths_are_those_of_the_specification() {
    let tile = Tile { kind: Kind::Hashes(3), index: 1_234_067, width: 256 };
    assert_eq!(tile.to_string(), "tile/3/x001/x234/067");
    assert_eq!(Tile::parse("tile/3/x001/x234/067"), Some(tile));
    assert_eq!(Tile::parse("tile/entries/x001/x234/067.p/5"), Some(Tile { kind: Kind::Entries, index: 1_234_067, width: 5 }));

    assert_eq!(count(Kind::Hashes(0), 70_000), 274);
    assert_eq!((width(Kind::Hashes(0), 272, 70_000), width(Kind::Hashes(0), 273, 70_000)), (256, 112));
    assert_eq!((width(Kind::Hashes(1), 0, 70_000), width(Kind::Hashes(1), 1, 70_000)), (256, 17));
    assert_eq!((width(Kind::Hashes(2), 0, 70_000), width(Kind::Hashes(3), 0, 70_000)), (1, 0));
    assert_eq!(kinds(256).collect::<Vec<_>>(), [Kind::Entries, Kind::Hashes(0), Kind::Hashes(1)]);
    assert_eq!((width(Kind::Hashes(0), 0, 256), width(Kind::Hashes(1), 0, 256)), (256, 1));
}

#[test]
fn hostile_paths_are_no_tiles() {
    for bad in [
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/+0/001",
        "tile/8/001",
        "tile/64/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/+1",
        "tile/0/001.p/",
        "tile/0/../0/001",
        "tile/0//001",
        "/tile/0/001",
        "tile/data/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "checkpoint",
        "",
    ] {
        assert_eq!(Tile::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_tenant_has_one_place_whatever_its_name() {
    let place = |id: &str| place(&TenantId::new(id).unwrap());
    assert_eq!(place("acme.com"), "acme.com");
    assert_eq!(place("A+b|c"), "=41=2Bb=7Cc");
    assert_ne!(place("Acme").to_lowercase(), place("acme").to_lowercase());
}

#[test]
fn a_place_names_its_tenant() {
    use approvals_domain::ids::TenantId;
    use audit_log::checkpoint::{place, tenant_of};
    for name in ["default", "Acme", "a.b", "_x-1", ".hidden", "o'neil@x.org", "a+b|c"] {
        if let Ok(tenant) = TenantId::new(name) {
            assert_eq!(tenant_of(&place(&tenant)), Some(tenant), "{name}");
        }
    }
    for other in ["", "A", "=41=", "=6", "=zz", "=61", "..", "a/b"] {
        assert_eq!(tenant_of(other), None, "{other}");
    }
}
