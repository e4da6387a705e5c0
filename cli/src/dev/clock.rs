//! The development clock: the machine's, moved forward, or one that stands still until it is moved. It never goes back, a restart included.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use approvals::runtime::clock::Clock;
use approvals_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Kept in the data folder.
const FILE: &str = "clock.json";

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Runs {
    /// So many milliseconds ahead of the machine's clock.
    Ahead(i64),
    /// Stands still.
    At(Timestamp),
}

/// A clock that can be moved.
#[derive(Debug)]
pub(super) struct DevClock {
    system: Clock,
    runs: Mutex<Runs>,
    file: PathBuf,
}

impl DevClock {
    /// As it was left in the data folder; with `start` it stands still, there or later.
    pub(super) fn load(folder: &Path, start: Option<Timestamp>) -> std::io::Result<Self> {
        let file = folder.join(FILE);
        let left: Runs = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let what =
                    format!("`{}` is no clock: {error}. Put the file back, or delete it: the machine's clock counts then", file.display());
                std::io::Error::new(std::io::ErrorKind::InvalidData, what)
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => start.map_or(Runs::Ahead(0), Runs::At),
            Err(error) => return Err(error),
        };
        let clock = Self { system: Clock::system(), runs: Mutex::new(left), file };
        if let Some(start) = start {
            let runs = Runs::At(start.max(if matches!(left, Runs::At(_)) { clock.now() } else { start }));
            clock.keep(runs)?;
        }
        Ok(clock)
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        match *self.runs.lock().unwrap_or_else(PoisonError::into_inner) {
            Runs::Ahead(millis) => self.system.now().plus_millis(millis),
            Runs::At(time) => time,
        }
    }

    /// The clock as the service takes it.
    pub(super) fn clock(self: &Arc<Self>) -> Clock {
        let this = Arc::clone(self);
        Clock::new(move || this.now())
    }

    /// Moves it forward to a time; `Err` with the present time if that would be back.
    pub(super) fn move_to(&self, time: Timestamp) -> std::io::Result<Result<(), Timestamp>> {
        let now = self.now();
        if time < now {
            return Ok(Err(now));
        }
        let runs = match *self.runs.lock().unwrap_or_else(PoisonError::into_inner) {
            Runs::Ahead(_) => Runs::Ahead(time.millis() - self.system.now().millis()),
            Runs::At(_) => Runs::At(time),
        };
        self.keep(runs).map(Ok)
    }

    fn keep(&self, runs: Runs) -> std::io::Result<()> {
        std::fs::write(&self.file, serde_json::to_vec(&runs)?)?;
        *self.runs.lock().unwrap_or_else(PoisonError::into_inner) = runs;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back_not_even_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |text| Timestamp::parse(text).unwrap();
        let clock = DevClock::load(folder.path(), Some(at("2026-01-05T09:00:00Z"))).unwrap();
        assert_eq!(clock.now(), at("2026-01-05T09:00:00Z"));
        assert_eq!(clock.move_to(at("2026-01-05T10:00:00Z")).unwrap(), Ok(()));
        assert_eq!(clock.move_to(at("2026-01-05T09:30:00Z")).unwrap(), Err(at("2026-01-05T10:00:00Z")));
        let again = DevClock::load(folder.path(), Some(at("2026-01-05T09:00:00Z"))).unwrap();
        assert_eq!(again.now(), at("2026-01-05T10:00:00Z"));
    }

    #[test]
    fn without_a_start_it_runs_on_from_where_it_was_moved() {
        let folder = tempfile::tempdir().unwrap();
        let clock = DevClock::load(folder.path(), None).unwrap();
        let day_later = clock.now().plus_hours(24.0);
        clock.move_to(day_later).unwrap().unwrap();
        assert!(DevClock::load(folder.path(), None).unwrap().now() >= day_later);
    }
}
