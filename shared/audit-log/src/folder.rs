//! Where a log's files lie. A verifier reads; it follows no link and trusts no name.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the log's folder, with `/`.
    pub path: String,
    /// Its bytes; `None`: no plain file (a link, a pipe, a name that is no text).
    pub bytes: Option<u64>,
}

/// A log's folder.
pub trait Folder {
    /// Every file, in any order.
    ///
    /// # Errors
    /// If it cannot be read.
    fn list(&self) -> io::Result<Vec<File>>;

    /// A file's content.
    ///
    /// # Errors
    /// If there is none, if it cannot be read, or if it has more than `most` bytes.
    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>>;
}

/// A folder on this machine.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
}

/// Folders within folders: `tile/entries/` and seven elements of three digits hold 2^64 tiles.
const DEPTH: usize = 12;

impl Disk {
    /// At that place.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn collect(&self, folder: &Path, before: &str, depth: usize, found: &mut Vec<File>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let path = format!("{before}{}", name.to_string_lossy());
            let kind = entry.file_type()?;
            let is_text = name.to_str().is_some();
            if kind.is_dir() && is_text && depth > 0 {
                self.collect(&entry.path(), &format!("{path}/"), depth - 1, found)?;
            } else {
                let bytes = if kind.is_file() && is_text { Some(entry.metadata()?.len()) } else { None };
                found.push(File { path, bytes });
            }
        }
        Ok(())
    }
}

impl Folder for Disk {
    fn list(&self) -> io::Result<Vec<File>> {
        let mut found = Vec::new();
        self.collect(&self.root, "", DEPTH, &mut found)?;
        Ok(found)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.root.join(path))?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most { Err(io::Error::new(io::ErrorKind::InvalidData, "too large")) } else { Ok(bytes) }
    }
}
