//! A secret in a process: read when it is first needed, and again when something names a version that is not known yet.

use std::sync::Arc;

use approvals_domain::time::Timestamp;
use tokio::sync::Mutex;

use super::keys::Keys;
use super::source::Source;
use super::{Error, keys};
use crate::runtime::clock::Clock;

/// A secret is read again after so long, so that a new version is used soon.
const FRESH_MILLIS: i64 = 10 * 60_000;
/// After a version was asked for in vain, nobody asks again for so long: what names versions may be anybody's invention.
const IN_VAIN_MILLIS: i64 = 5_000;
/// What was written so long before such a question cannot name a version that came after it. Times of records are whole seconds.
const SKEW_MILLIS: i64 = 2_000;

/// One secret, read from its source. Clones share what was read.
#[derive(Clone)]
pub struct Ring(Arc<Inner>);

struct Inner {
    name: &'static str,
    source: Box<dyn Source>,
    clock: Clock,
    known: Mutex<Option<Known>>,
}

struct Known {
    keys: Arc<Keys>,
    read_at: Timestamp,
    in_vain_at: Option<Timestamp>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ring({})", self.0.name)
    }
}

impl Ring {
    /// A secret of a name, from a source. `clock` is the machine's.
    pub fn new(name: &'static str, source: impl Source + 'static, clock: Clock) -> Self {
        Self(Arc::new(Inner { name, source: Box::new(source), clock, known: Mutex::new(None) }))
    }

    pub(super) fn name(&self) -> &'static str {
        self.0.name
    }

    /// The secret, at most ten minutes old. One that cannot be read anew is used as it was.
    pub(super) async fn present(&self) -> Result<Arc<Keys>, Error> {
        let (mut known, now) = (self.0.known.lock().await, self.0.clock.now());
        if let Some(known) = known.as_mut() {
            if (0..FRESH_MILLIS).contains(&(now.millis() - known.read_at.millis())) {
                return Ok(Arc::clone(&known.keys));
            }
            match self.read().await {
                Ok(keys) => known.keys = Arc::new(keys),
                Err(error) => tracing::warn!(%error, "a secret is used as it was"),
            }
            known.read_at = now;
            return Ok(Arc::clone(&known.keys));
        }
        let keys = Arc::new(self.read().await?);
        *known = Some(Known { keys: Arc::clone(&keys), read_at: now, in_vain_at: None });
        Ok(keys)
    }

    /// The secret with a version, read once more if that may help: a version is known before anything is made with it. `made_at`: when what
    /// names the version was written, if that is known.
    ///
    /// # Errors
    /// [`Error::Unknown`]: there is no such version, and there was none when this was made.
    pub(super) async fn with(&self, version: u32, made_at: Option<Timestamp>) -> Result<Arc<Keys>, Error> {
        let keys = self.present().await?;
        if keys.has(version) {
            return Ok(keys);
        }
        let unknown = || Error::Unknown(self.0.name, version);
        // Versions are only added: one below the newest never comes.
        if version < keys.newest() {
            return Err(unknown());
        }
        let (mut known, now) = (self.0.known.lock().await, self.0.clock.now());
        let Some(known) = known.as_mut() else { return Err(unknown()) };
        let lately = known.in_vain_at.is_some_and(|at| {
            let made_before = made_at.is_none_or(|made_at| made_at.plus_millis(SKEW_MILLIS) < at);
            made_before && (0..IN_VAIN_MILLIS).contains(&(now.millis() - at.millis()))
        });
        if !known.keys.has(version) {
            if lately {
                return Err(unknown());
            }
            known.keys = Arc::new(self.read().await?);
            known.read_at = now;
        }
        if known.keys.has(version) {
            return Ok(Arc::clone(&known.keys));
        }
        known.in_vain_at = Some(now);
        Err(unknown())
    }

    async fn read(&self) -> Result<Keys, Error> {
        let text = self.0.source.read().await.map_err(|what| Error::Unreadable(self.0.name, what))?;
        keys::Keys::parse(&text).map_err(|what| Error::Malformed(self.0.name, what))
    }
}
