//! A log's folder, leaf by leaf, for those who have verified it or are about to.

use std::io;
use std::path::{Path, PathBuf};

use audit_log::checkpoint::Checkpoint;
use audit_log::tile::{self, Kind, Tile};

use super::{Error, named};

/// The folders of logs at a path: itself, or one for each tenant in it.
pub(super) fn logs(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_log = |folder: &Path| folder.join("checkpoint").is_file();
    // A folder of files that lost its checkpoint is a log that is not sound, and no archive of logs.
    if is_log(path) || path.join("tile").is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(named(path))? {
        let folder = entry?.path();
        if is_log(&folder) || folder.join("tile").is_dir() {
            found.push(folder);
        }
    }
    found.sort();
    if found.is_empty() {
        Err(Error::Wrong(format!("`{}` holds no log: no `checkpoint`, and no `tile`", path.display())))
    } else {
        Ok(found)
    }
}

/// A log on disk.
pub(super) struct Log {
    folder: PathBuf,
    /// The signed note, as it stands there.
    pub(super) note: String,
    /// How many leaves it signs.
    pub(super) size: u64,
}

impl Log {
    /// Opens the one log at a path. Its checkpoint is read, not verified.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let folder = match logs(path)?.as_slice() {
            [one] => one.clone(),
            _ => return Err(Error::Wrong(format!("`{}` holds several logs: name one of its folders", path.display()))),
        };
        let note = std::fs::read_to_string(folder.join("checkpoint"))?;
        let text = note.rsplit_once("\n\n").map_or(note.as_str(), |(text, _)| text);
        let checkpoint = Checkpoint::parse(&format!("{text}\n")).map_err(|error| Error::Wrong(error.to_string()))?;
        Ok(Self { folder, note, size: checkpoint.size })
    }

    /// Every leaf with its place.
    pub(super) fn each(&self, mut take: impl FnMut(u64, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut index = 0;
        for at in 0..tile::count(Kind::Entries, self.size) {
            let bundle = Tile { kind: Kind::Entries, index: at, width: tile::width(Kind::Entries, at, self.size) };
            let bytes = self.read(bundle)?;
            for leaf in tile::entries(&bytes, bundle.width).map_err(|error| Error::Wrong(format!("{bundle}: {error}")))? {
                take(index, leaf)?;
                index += 1;
            }
        }
        Ok(())
    }

    /// Every leaf that can be read: what cannot be was told by the verifier.
    pub(super) fn each_readable(&self, mut take: impl FnMut(&[u8])) {
        for at in 0..tile::count(Kind::Entries, self.size) {
            let bundle = Tile { kind: Kind::Entries, index: at, width: tile::width(Kind::Entries, at, self.size) };
            let Ok(bytes) = self.read(bundle) else { continue };
            tile::entries(&bytes, bundle.width).into_iter().flatten().for_each(&mut take);
        }
    }

    /// A file of it.
    pub(super) fn read(&self, tile: Tile) -> io::Result<Vec<u8>> {
        std::fs::read(self.folder.join(tile.to_string()))
    }
}

/// A tile's log and itself, from a name such as `archive/default/tile/0/000`.
pub(super) fn tile_of(name: &str) -> Option<(&str, Tile)> {
    let at = if name.starts_with("tile/") { 0 } else { name.find("/tile/")? + 1 };
    Some((name.get(..at)?, Tile::parse(name.get(at..)?)?))
}
