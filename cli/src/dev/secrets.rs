//! The secrets of a data folder: files that nobody else on this machine may read. On AWS they lie in Secrets Manager.

use std::path::{Path, PathBuf};

use approvals::runtime::clock::Clock;
use approvals::secrets::source::File;
use approvals::secrets::{Cursors, Keys, Links, ReceiptKeys, Ring, Tags, secret_of};

use super::gate::write_private;

/// The secrets of a data folder, read when they are needed.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Of everybody who writes or decides.
    pub tags: Tags,
    /// Of action links and webhook secrets.
    pub links: Links,
    /// Of cursors.
    pub cursors: Cursors,
    /// Of receipts of effects.
    pub receipts: ReceiptKeys,
    folder: PathBuf,
}

pub(super) fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.secret"))
}

/// Whole or not at all: half a secret would be none.
fn write(folder: &Path, name: &str, keys: &Keys) -> std::io::Result<()> {
    let fresh = file(folder, name).with_extension("new");
    write_private(&fresh, keys.text().as_bytes())?;
    std::fs::rename(fresh, file(folder, name))
}

fn ring(folder: &Path, name: &'static str) -> std::io::Result<Ring> {
    if !file(folder, name).exists() {
        write(folder, name, &Keys::first(secret_of([rand::random(), rand::random()])))?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A copy may have made it everybody's to read.
        std::fs::set_permissions(file(folder, name), std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(Ring::new(name, File(file(folder, name)), Clock::system()))
}

impl Secrets {
    /// Of a data folder; made at the first start.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        Ok(Self {
            tags: Tags::new(ring(folder, Tags::NAME)?),
            links: Links::new(ring(folder, Links::NAME)?),
            cursors: Cursors::new(ring(folder, Cursors::NAME)?),
            receipts: ReceiptKeys::new(ring(folder, ReceiptKeys::NAME)?),
            folder: folder.to_owned(),
        })
    }

    /// Makes a new version of a secret. What the old one made stays valid; links only until the next one.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn rotate(&self, name: &str) -> std::io::Result<u32> {
        let text = std::fs::read_to_string(file(&self.folder, name))?;
        let keys = Keys::parse(&text).map_err(std::io::Error::other)?;
        let keys = keys.rotated(secret_of([rand::random(), rand::random()]), Clock::system().now());
        write(&self.folder, name, &keys)?;
        Ok(keys.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn secrets_are_files_of_one_reader_and_stay_over_a_restart() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Secrets::open(folder.path()).unwrap();
        let read =
            || [Tags::NAME, Links::NAME, Cursors::NAME, ReceiptKeys::NAME].map(|name| std::fs::read(file(folder.path(), name)).unwrap());
        let first = read();
        assert!(first[0] != first[1] && first[1] != first[2]);
        for name in [Tags::NAME, Links::NAME, Cursors::NAME, ReceiptKeys::NAME] {
            assert_eq!(std::fs::metadata(file(folder.path(), name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::set_permissions(file(folder.path(), Links::NAME), std::fs::Permissions::from_mode(0o644)).unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(file(folder.path(), Links::NAME)).unwrap().permissions().mode() & 0o777, 0o600, "as it was copied");
        assert_eq!(read(), first);
        assert_eq!(secrets.rotate(Links::NAME).unwrap(), 2);
        assert_eq!(std::fs::metadata(file(folder.path(), Links::NAME)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read()[1] != first[1] && read()[0] == first[0]);
    }
}
