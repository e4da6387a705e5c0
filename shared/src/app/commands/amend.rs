//! The loop that executes commands of the directory: load, decide, commit, and again if somebody was faster.

use approvals_domain::directory::delegation::{Needs, Undecided};
use approvals_domain::directory::{Amendment, Attempt};
use approvals_domain::limits;

use crate::app::Error;
use crate::runtime::pause::pause;
use crate::store::directory::chain::Author;
use crate::store::{self, Directory};

/// Questions that one decision may ask: two for each person of a ring, and a few for the rest.
const QUESTIONS: usize = 2 * limits::RING_PERSONS + 10;

/// A command of the directory.
pub trait Amend: Sync {
    /// What was read for the decision, with the items that the write must find unchanged.
    type View: Send;
    /// What is written.
    type Event: Send;
    /// The object, as its other writers are told of it.
    const WHAT: &'static str;

    /// Reads the object. `tried`: the version that an earlier attempt followed.
    fn load(
        &self,
        directory: &Directory,
        author: &Author<'_>,
        tried: Option<u64>,
    ) -> impl Future<Output = Result<Self::View, Error>> + Send;

    /// The version that the next one follows; 0: not there.
    fn version(view: &Self::View) -> u64;

    /// What the command comes to: the domain's decision.
    ///
    /// # Errors
    /// [`Undecided`]: a refusal, or something the view lacks.
    fn decide(&self, view: &Self::View, attempt: &Attempt) -> Result<Amendment<Self::Event>, Undecided>;

    /// Reads what a decision lacks.
    fn learn(
        &self,
        directory: &Directory,
        author: &Author<'_>,
        _view: &mut Self::View,
        needs: Needs,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (directory, author);
        async move { Err(store::Error::Refused(format!("a decision asked for what it cannot get: {needs:?}")).into()) }
    }

    /// Writes the event. `false`: something of the view has changed, and nothing was written.
    fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        view: &Self::View,
        event: Self::Event,
    ) -> impl Future<Output = Result<bool, store::Error>> + Send;
}

/// A command that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amended<V> {
    /// The version now.
    pub version: u64,
    /// The command changed something, by this attempt or an earlier one.
    pub changed: bool,
    /// What the decision looked at.
    pub before: V,
}

/// Executes a command of the directory. `if_match`: the version the caller saw, if they said.
///
/// # Errors
/// [`Error`]. A refusal writes nothing.
pub async fn amend<C: Amend>(
    directory: &Directory,
    author: &Author<'_>,
    if_match: Option<u64>,
    mut command: C,
) -> Result<Amended<C::View>, Error> {
    let mut tried = None;
    for round in 0..limits::TRIES {
        pause(u32::try_from(round).unwrap_or(0)).await;
        let mut before = command.load(directory, author, tried).await?;
        let version = C::version(&before);
        let attempt = Attempt { now: author.now, salt: author.salt, if_match, tried };
        let event = match answered(&command, directory, author, &mut before, &attempt).await? {
            Amendment::Change(event) => event,
            Amendment::Unchanged => return Ok(Amended { version, changed: false, before }),
            Amendment::Written => return Ok(Amended { version, changed: true, before }),
        };
        tried = Some(version);
        if command.commit(directory, author, &before, event).await? {
            return Ok(Amended { version: version + 1, changed: true, before });
        }
    }
    Err(Error::Busy(format!("{} is being written by others", C::WHAT)))
}

async fn answered<C: Amend>(
    command: &C,
    directory: &Directory,
    author: &Author<'_>,
    view: &mut C::View,
    attempt: &Attempt,
) -> Result<Amendment<C::Event>, Error> {
    for _ in 0..QUESTIONS {
        match command.decide(view, attempt) {
            Ok(amendment) => return Ok(amendment),
            Err(Undecided::Refused(refusal)) => return Err(refusal.into()),
            Err(Undecided::Needs(needs)) => command.learn(directory, author, view, needs).await?,
        }
    }
    Err(store::Error::Refused("a decision asked more questions than are allowed".to_owned()).into())
}
