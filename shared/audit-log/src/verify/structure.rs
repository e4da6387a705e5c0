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
    /// Of those that could be read.
    hashes: BTreeMap<u64, Hash>,
}

/// Reads all there is, and goes on after whatever is wrong. `None`: there is no list of files, or nobody can tell how many leaves there are.
pub(super) fn read(
    folder: &dyn Folder,
    options: &Options<'_>,
    report: &mut Report,
    sink: Sink<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Option<Bundles> {
    let Signed { checkpoint: Checkpoint { origin, size, root }, at_seconds, .. } = open(folder, options, report)?;
    (report.origin, report.size, report.root) = (origin, size, STANDARD.encode(root.0));
    report.signed_at_seconds = at_seconds;
    let since = options.since.and_then(|note| earlier(note, options, report));
    let inventory = inventory(folder, report)?;
    if size > LEAVES {
        report.fault(Code::Checkpoint, Place::file(CHECKPOINT), format!("{size} leaves are more than this verifier reads"));
        return None;
    }
    let mut reader = Reader { folder, inventory, frontier: Frontier::default(), whole: true, levels: Vec::new(), hashes: BTreeMap::new() };
    if let Some((0, root)) = since {
        reader.compare_with_earlier(report, root);
    }
    let (mut index, end) = (0, tile::count(Kind::Entries, size));
    while index < end {
        // A signed size may be anything: what is not there is told once, however much it is.
        let next = reader.next_there(index).min(end);
        if next > index + 1 {
            let of = |index| Tile { kind: Kind::Entries, index, width: tile::width(Kind::Entries, index, size) }.to_string();
            let (first, last) = (of(index), of(next - 1));
            report.fault(Code::Missing, Place::file(first.clone()), format!("is not there, nor is any file up to `{last}`"));
            report.unread.push(format!("{first} to {last}"));
            reader.whole = false;
            index = next;
            continue;
        }
        let bundle = Tile { kind: Kind::Entries, index, width: tile::width(Kind::Entries, index, size) };
        reader.bundle(bundle, since, report, sink);
        index += 1;
        progress(index.saturating_mul(u64::from(WIDTH)).min(size), size);
    }
    // Upper hashes are of leaves below: where these are not all known, nothing can be said of them.
    if reader.whole {
        reader.right_edge(report);
    }
    for ((kind, index), widths) in std::mem::take(&mut reader.inventory) {
        // Others are beginnings of a file that could not be read, which was told.
        for width in widths.into_keys().filter(|width| *width > tile::width(kind, index, size)) {
            let path = Tile { kind, index, width }.to_string();
            let what =
                "belongs to a longer log than the checkpoint signs: an archiver is at work, or was stopped, or the checkpoint is old";
            report.fault(Code::BeyondCheckpoint, Place::file(path), what);
        }
    }
    if reader.whole && reader.frontier.root() != root {
        report.fault(Code::RootDiffers, Place::file(CHECKPOINT), "the entries do not have the root that is signed");
    }
    Some(Bundles { size, hashes: reader.hashes })
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
            unsigned(&note)
        }
    }
}

/// What a note says that nobody believed: how long the log is said to be, so that the rest can be looked at.
fn unsigned(note: &[u8]) -> Option<Signed> {
    let (text, _) = std::str::from_utf8(note).ok()?.rsplit_once("\n\n")?;
    let checkpoint = Checkpoint::parse(&format!("{text}\n")).ok()?;
    Some(Signed { checkpoint, at_seconds: None, unknown: 0 })
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
    /// All leaves so far are known by their hashes.
    whole: bool,
    /// The hashes of each level's rightmost tile so far, with its index.
    levels: Vec<(u64, Vec<Hash>)>,
    hashes: BTreeMap<u64, Hash>,
}

impl Reader<'_> {
    /// The first place from one on where a bundle or its tile of hashes lies.
    fn next_there(&self, from: u64) -> u64 {
        let first =
            |kind| self.inventory.range((kind, from)..).next().filter(|((found, _), _)| *found == kind).map(|((_, index), _)| *index);
        first(Kind::Entries).into_iter().chain(first(Kind::Hashes(0))).min().unwrap_or(u64::MAX)
    }

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

    /// One bundle of entries with its tile of hashes. What can be read of it is taken, whatever is wrong with the rest.
    fn bundle(&mut self, bundle: Tile, since: Option<(u64, Hash)>, report: &mut Report, sink: Sink<'_>) {
        let leaves = Tile { kind: Kind::Hashes(0), ..bundle };
        let bytes = self.take(bundle, report);
        report.bytes += bytes.as_ref().map_or(0, Vec::len) as u64;
        let malformed = |report: &mut Report, tile: Tile, error: tile::Malformed| {
            report.fault(Code::Malformed, Place::file(tile.to_string()), error.to_string());
        };
        let entries =
            bytes.as_deref().and_then(|bytes| tile::entries(bytes, bundle.width).map_err(|error| malformed(report, bundle, error)).ok());
        let said = self.take(leaves, report);
        if let Some(said) = &said {
            self.narrower(leaves, |width| said.get(..usize::from(width) * 32).unwrap_or_default().to_vec(), report);
        }
        let said = said.and_then(|said| tile::hashes(&said, bundle.width).map_err(|error| malformed(report, leaves, error)).ok());
        match (&bytes, &entries) {
            (Some(bytes), Some(_)) => drop(self.hashes.insert(bundle.index, Hash::of(&[bytes]))),
            _ => report.unread.push(bundle.to_string()),
        }
        let first = bundle.index.saturating_mul(u64::from(WIDTH));
        for place in 0..usize::from(bundle.width) {
            let index = first + place as u64;
            let entry = entries.as_ref().and_then(|entries| entries.get(place));
            let said = said.as_ref().and_then(|said| said.get(place));
            let hash = entry.map(|entry| leaf_hash(entry));
            if let (Some(hash), Some(said)) = (hash, said)
                && hash != *said
            {
                let place = Place { file: Some(bundle.to_string()), ..Place::leaf(index) };
                report.fault(Code::TileDiffers, place, format!("the entry does not have the hash that stands in `{leaves}`"));
            }
            if let Some(entry) = entry {
                sink(report, index, entry);
            }
            match hash.or(said.copied()) {
                Some(hash) if self.whole => self.push(hash, since, report),
                Some(_) => {}
                None => self.whole = false,
            }
        }
        if let Some(entries) = entries {
            self.narrower(bundle, |width| beginning(&entries, width), report);
        }
    }

    /// One leaf more, by its hash.
    fn push(&mut self, hash: Hash, since: Option<(u64, Hash)>, report: &mut Report) {
        self.frontier.push(hash);
        self.append(0, hash, report);
        if let Some((size, root)) = since
            && size == self.frontier.size()
        {
            self.compare_with_earlier(report, root);
        }
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
    for (at, hash) in &bundles.hashes {
        let at = *at;
        let bundle = Tile { kind: Kind::Entries, index: at, width: tile::width(Kind::Entries, at, bundles.size) };
        let bytes = folder.read(&bundle.to_string(), bundle.bytes_max()).unwrap_or_default();
        let entries = tile::entries(&bytes, bundle.width).unwrap_or_default();
        if Hash::of(&[&bytes]) != *hash {
            report.fault(Code::Unreadable, Place::file(bundle.to_string()), "changed while it was verified");
            continue;
        }
        let first = at.saturating_mul(u64::from(WIDTH));
        for (within, entry) in entries.into_iter().enumerate() {
            sink(report, first + within as u64, entry);
        }
        progress(first + u64::from(bundle.width));
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
