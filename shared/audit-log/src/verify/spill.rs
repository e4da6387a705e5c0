//! States of requests that are over, kept in a file: what may follow an end is verified from them, and memory holds eight bytes each.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::num::NonZeroU64;

use approvals_domain::state::State;

/// Bytes gathered before they are written.
const GATHERED: usize = 64 * 1024;

/// Where a state stands, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(NonZeroU64);

/// An open file that nobody else has; without one, memory.
#[derive(Debug)]
pub(super) struct Spill<'a> {
    file: Option<&'a File>,
    /// Bytes in the file.
    written: u64,
    /// What is not in the file yet.
    gathered: Vec<u8>,
}

impl<'a> Spill<'a> {
    pub(super) fn new(file: Option<&'a File>) -> Self {
        Self { file, written: 0, gathered: Vec::new() }
    }

    /// Keeps a state. What stood there for the same request before is not used again.
    pub(super) fn write(&mut self, state: &State) -> Result<Place, String> {
        let bytes = serde_json::to_vec(state).map_err(|error| error.to_string())?;
        let place = self.written + self.gathered.len() as u64 + 1;
        self.gathered.extend((bytes.len() as u64).to_be_bytes());
        self.gathered.extend(bytes);
        if let Some(mut file) = self.file.filter(|_| self.gathered.len() >= GATHERED) {
            let at_end = file.seek(SeekFrom::Start(self.written)).and_then(|_| file.write_all(&self.gathered));
            at_end.map_err(|error| format!("the file for states of closed requests cannot be written: {error}"))?;
            self.written += self.gathered.len() as u64;
            self.gathered.clear();
        }
        NonZeroU64::new(place).map(Place).ok_or_else(|| "no place".to_owned())
    }

    /// A state that was kept.
    pub(super) fn read(&self, place: Place) -> Result<State, String> {
        let at = place.0.get() - 1;
        let length = self.bytes(at, 8)?.first_chunk().map_or(0, |length| u64::from_be_bytes(*length));
        let length = usize::try_from(length).map_err(|error| error.to_string())?;
        serde_json::from_slice(&self.bytes(at + 8, length)?).map_err(|error| error.to_string())
    }

    fn bytes(&self, at: u64, length: usize) -> Result<Vec<u8>, String> {
        if let Some(within) = at.checked_sub(self.written) {
            let within = usize::try_from(within).map_err(|error| error.to_string())?;
            return self.gathered.get(within..within + length).map(<[u8]>::to_vec).ok_or_else(|| "a state is not there".to_owned());
        }
        let mut bytes = vec![0; length];
        let mut file = self.file.ok_or_else(|| "a state is not there".to_owned())?;
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        read.map(|()| bytes).map_err(|error| format!("the file for states of closed requests cannot be read: {error}"))
    }
}
