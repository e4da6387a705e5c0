//! Files, tree and signatures: every file is one the tree needs, every hash is recomputed from the entries.

use std::collections::BTreeMap;

use approvals_domain::hash::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Code, Options, Place, Report};
use crate::checkpoint::{Checkpoint, Signed};
use crate::folder::Folder;
use crate::note::NOTE_BYTES;
use crate::tile::{self, Kind, Tile, WIDTH};
use crate::tree::{Frontier, leaf_hash, root_of};

/// The checkpoint's name.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// Leaves a log has at most, for this verifier: it keeps places in four bytes.
const LEAVES: u64 = u32::MAX as u64;

/// Takes each leaf with its place.
type Sink<'a> = &'a mut dyn FnMut(&mut Report, u64, &[u8]);

/// Files by place and width, with their bytes. What is accounted for is taken out.
type Inventory = BTreeMap<(Kind, u64), BTreeMap<u16, u64>>;

/// What the second reading must find again: the length of the log and the hash of each bundle.
pub(super) struct Bundles {
    size: u64,
    hashes: Vec<Hash>,
}

/// Reads all there is. `None`: it could not be read to the end, or the entries are not those that were signed.
pub(super) fn read(
    folder: &dyn Folder,
    options: &Options<'_>,
    report: &mut Report,
    sink: Sink<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Option<Bundles> {
    let signed = open(folder, options, report)?;
    let Checkpoint { origin, size, root } = signed.checkpoint;
    (report.origin, report.size, report.root) = (origin, size, STANDARD.encode(root.0));
    report.signed_at_seconds = signed.at_seconds;
    let since = options.since.and_then(|note| earlier(note, options, report));
    let inventory = inventory(folder, report)?;
    if size > LEAVES {
        report.fault(Code::Checkpoint, Place::file(CHECKPOINT), format!("{size} leaves are more than this verifier reads"));
        return None;
    }
    let mut reader = Reader { folder, inventory, frontier: Frontier::default(), levels: Vec::new(), hashes: Vec::new() };
    let faults = report.faults_total;
    if let Some((0, root)) = since {
        reader.compare_with_earlier(report, root);
    }
    for index in 0..tile::count(Kind::Entries, size) {
        let bundle = Tile { kind: Kind::Entries, index, width: tile::width(Kind::Entries, index, size) };
        reader.bundle(bundle, since, report, sink)?;
        progress(reader.frontier.size(), size);
    }
    reader.right_edge(report);
    for ((kind, index), widths) in std::mem::take(&mut reader.inventory) {
        for width in widths.into_keys() {
            let path = Tile { kind, index, width }.to_string();
            let what =
                "belongs to a longer log than the checkpoint signs: an archiver is at work, or was stopped, or the checkpoint is old";
            report.fault(Code::BeyondCheckpoint, Place::file(path), what);
        }
    }
    if reader.frontier.root() != root {
        report.fault(Code::RootDiffers, Place::file(CHECKPOINT), "the entries do not have the root that is signed");
        return None;
    }
    (report.faults_total == faults).then_some(Bundles { size, hashes: reader.hashes })
}

fn open(folder: &dyn Folder, options: &Options<'_>, report: &mut Report) -> Option<Signed> {
    let place = || Place::file(CHECKPOINT);
    let note = match folder.read(CHECKPOINT, NOTE_BYTES as u64) {
        Ok(note) => note,
        Err(error) => {
            report.fault(Code::Checkpoint, place(), format!("cannot be read: {error}"));
            return None;
        }
    };
    match Checkpoint::open(&note, options.keys) {
        Ok(signed) => {
            if signed.unknown > 0 && !options.ignore_unknown_signatures {
                let what = format!("{} of its signatures are by keys that were not given", signed.unknown);
                report.fault(Code::UnknownSignature, place(), what);
            }
            Some(signed)
        }
        Err(error) => {
            report.fault(Code::Checkpoint, place(), error.to_string());
            None
        }
    }
}

/// Size and root of the earlier checkpoint, if it can be one of this log's past.
fn earlier(note: &[u8], options: &Options<'_>, report: &mut Report) -> Option<(u64, Hash)> {
    let earlier = match Checkpoint::open(note, options.keys) {
        Ok(signed) => signed.checkpoint,
        Err(error) => {
            report.fault(Code::Since, Place::default(), format!("the earlier checkpoint: {error}"));
            return None;
        }
    };
    if earlier.origin != report.origin {
        report.fault(Code::Since, Place::default(), format!("the earlier checkpoint is of the log `{}`", earlier.origin));
        return None;
    }
    if earlier.size > report.size {
        let what = format!("the log has {} leaves, but had {}: its end was cut off, or an old copy put back", report.size, earlier.size);
        report.fault(Code::RolledBack, Place::leaf(report.size), what);
        return None;
    }
    Some((earlier.size, earlier.root))
}

fn inventory(folder: &dyn Folder, report: &mut Report) -> Option<Inventory> {
    let files = match folder.list() {
        Ok(files) => files,
        Err(error) => {
            report.fault(Code::Unreadable, Place::default(), format!("the folder cannot be read: {error}"));
            return None;
        }
    };
    let mut found = Inventory::new();
    for file in files {
        match (Tile::parse(&file.path), file.bytes) {
            _ if file.path == CHECKPOINT && file.bytes.is_some() => {}
            (Some(tile), Some(bytes)) if bytes <= tile.bytes_max() => {
                found.entry((tile.kind, tile.index)).or_default().insert(tile.width, bytes);
            }
            (Some(_), Some(_)) => report.fault(Code::Malformed, Place::file(file.path), "is larger than it can be"),
            (_, None) => report.fault(Code::Unaccounted, Place::file(file.path), "is no plain file"),
            (None, _) => report.fault(Code::Unaccounted, Place::file(file.path), "belongs to no log"),
        }
    }
    Some(found)
}

struct Reader<'a> {
    folder: &'a dyn Folder,
    inventory: Inventory,
    frontier: Frontier,
    /// The hashes of each level's rightmost tile so far, with its index.
    levels: Vec<(u64, Vec<Hash>)>,
    hashes: Vec<Hash>,
}

impl Reader<'_> {
    /// Reads one file and takes it out of the inventory.
    fn take(&mut self, tile: Tile, report: &mut Report) -> Option<Vec<u8>> {
        let path = tile.to_string();
        let there = self.inventory.get_mut(&(tile.kind, tile.index)).and_then(|widths| widths.remove(&tile.width));
        if there.is_none() {
            report.fault(Code::Missing, Place::file(path), "is not there");
            return None;
        }
        match self.folder.read(&path, tile.bytes_max()) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                report.fault(Code::Unreadable, Place::file(path), error.to_string());
                None
            }
        }
    }

    /// Files of narrower trees must be the beginning of this one's.
    fn narrower(&mut self, tile: Tile, beginning: impl Fn(u16) -> Vec<u8>, report: &mut Report) {
        let widths = self.inventory.get(&(tile.kind, tile.index)).map(|widths| widths.keys().copied().collect::<Vec<_>>());
        for width in widths.unwrap_or_default().into_iter().filter(|width| *width < tile.width) {
            let narrow = tile.of_width(width);
            if let Some(bytes) = self.take(narrow, report)
                && bytes != beginning(width)
            {
                let what = format!("is not the beginning of `{tile}`: it was another log's, or was changed");
                report.fault(Code::PartialDiffers, Place::file(narrow.to_string()), what);
            }
        }
    }

    fn bundle(&mut self, bundle: Tile, since: Option<(u64, Hash)>, report: &mut Report, sink: Sink<'_>) -> Option<()> {
        let bytes = self.take(bundle, report)?;
        report.bytes += bytes.len() as u64;
        let entries = match tile::entries(&bytes, bundle.width) {
            Ok(entries) => entries,
            Err(error) => {
                report.fault(Code::Malformed, Place::file(bundle.to_string()), error.to_string());
                return None;
            }
        };
        let leaves = Tile { kind: Kind::Hashes(0), ..bundle };
        let said = self.take(leaves, report)?;
        self.narrower(leaves, |width| said.get(..usize::from(width) * 32).unwrap_or_default().to_vec(), report);
        let said = tile::hashes(&said, bundle.width).map_err(|error| {
            report.fault(Code::Malformed, Place::file(leaves.to_string()), error.to_string());
        });
        let said = said.ok()?;
        for (entry, said) in entries.iter().zip(&said) {
            let index = self.frontier.size();
            let hash = leaf_hash(entry);
            if hash != *said {
                let place = Place { file: Some(bundle.to_string()), ..Place::leaf(index) };
                report.fault(Code::TileDiffers, place, format!("the entry does not have the hash that stands in `{leaves}`"));
            }
            sink(report, index, entry);
            self.frontier.push(hash);
            self.append(0, hash, report);
            if let Some((size, root)) = since
                && size == self.frontier.size()
            {
                self.compare_with_earlier(report, root);
            }
        }
        self.hashes.push(Hash::of(&[&bytes]));
        self.narrower(bundle, |width| beginning(&entries, width), report);
        Some(())
    }

    fn compare_with_earlier(&self, report: &mut Report, root: Hash) {
        if self.frontier.root() != root {
            let what = "the first leaves do not have the root of the earlier checkpoint: the past was rewritten, or two logs were signed";
            report.fault(Code::Rewritten, Place::leaf(self.frontier.size()), what);
        }
    }

    /// Adds a hash to a level; a full tile is compared and its root goes one level up. Level 0 was compared with its entries.
    fn append(&mut self, level: u8, hash: Hash, report: &mut Report) {
        let place = usize::from(level);
        if self.levels.len() <= place {
            self.levels.push((0, Vec::new()));
        }
        let Some((index, hashes)) = self.levels.get_mut(place) else { return };
        hashes.push(hash);
        if hashes.len() == usize::from(WIDTH) {
            let (at, full) = (*index, std::mem::take(hashes));
            *index += 1;
            if level > 0 {
                self.compare(Tile { kind: Kind::Hashes(level), index: at, width: WIDTH }, &full, report);
            }
            self.append(level + 1, root_of(&full), report);
        }
    }

    fn compare(&mut self, tile: Tile, hashes: &[Hash], report: &mut Report) {
        let bytes = tile::hash_bytes(hashes);
        if let Some(said) = self.take(tile, report)
            && said != bytes
        {
            report.fault(Code::TileDiffers, Place::file(tile.to_string()), "its hashes are not the roots of the tiles below");
        }
        self.narrower(tile, |width| bytes.get(..usize::from(width) * 32).unwrap_or_default().to_vec(), report);
    }

    /// The tiles that are not full.
    fn right_edge(&mut self, report: &mut Report) {
        for (level, (index, hashes)) in std::mem::take(&mut self.levels).into_iter().enumerate().skip(1) {
            if let (Ok(level), Ok(width @ 1..)) = (u8::try_from(level), u16::try_from(hashes.len())) {
                self.compare(Tile { kind: Kind::Hashes(level), index, width }, &hashes, report);
            }
        }
    }
}

/// The bytes of a bundle of the first so many entries.
fn beginning(entries: &[&[u8]], width: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries.iter().take(usize::from(width)) {
        // They came out of a bundle, so they fit one.
        let _ = tile::push_entry(&mut bytes, entry);
    }
    bytes
}

/// Reads the entries a second time, and makes sure that they are the same.
pub(super) fn read_again(folder: &dyn Folder, bundles: &Bundles, report: &mut Report, sink: Sink<'_>, progress: &mut dyn FnMut(u64)) {
    let mut index = 0;
    for (place, hash) in bundles.hashes.iter().enumerate() {
        let at = place as u64;
        let bundle = Tile { kind: Kind::Entries, index: at, width: tile::width(Kind::Entries, at, bundles.size) };
        let bytes = folder.read(&bundle.to_string(), bundle.bytes_max()).unwrap_or_default();
        let entries = tile::entries(&bytes, bundle.width).unwrap_or_default();
        if Hash::of(&[&bytes]) != *hash {
            report.fault(Code::Unreadable, Place::file(bundle.to_string()), "changed while it was verified");
            return;
        }
        for entry in entries {
            sink(report, index, entry);
            index += 1;
        }
        progress(index);
    }
}

/// One leaf again, by its place: for comparing what stands twice.
pub(super) fn leaf_at(folder: &dyn Folder, size: u64, index: u64) -> Option<Vec<u8>> {
    let place = index / u64::from(WIDTH);
    let bundle = Tile { kind: Kind::Entries, index: place, width: tile::width(Kind::Entries, place, size) };
    let bytes = folder.read(&bundle.to_string(), bundle.bytes_max()).ok()?;
    let within = usize::try_from(index % u64::from(WIDTH)).ok()?;
    tile::entries(&bytes, bundle.width).ok()?.get(within).map(|entry| entry.to_vec())
}
