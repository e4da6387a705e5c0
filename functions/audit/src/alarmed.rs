//! The reconciliation that an alarm starts: its place is kept in the archive's own table, page by page, so an end of time loses nothing; the
//! schedule's hourly word goes on with it.
//!
//! INVARIANT: it ends. Each page moves the place on, what was begun at one place is begun three times at most, and a newer alarm begins anew
//! instead of beside it.

use approvals::runtime::deadline::Deadline;
use approvals::store::keys::{self, Key};
use approvals::store::{Condition, Freshness, Item, Table, Written};
use approvals_domain::time::Timestamp;
use archive::archiver::{self, Archiver};
use archive::reconcile::{Place, Reconciliation, Report};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

/// How often it is begun at one place: what kills it there, kills it again.
const TRIES: u32 = 3;

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    /// Whose: an alarm that comes later takes another one.
    id: String,
    /// When the alarm came.
    began: Timestamp,
    /// Where to go on; none: at the beginning.
    #[serde(default)]
    place: Option<Place>,
    /// How often it was begun at this place.
    #[serde(default)]
    tries: u32,
    /// It is through, or given up.
    #[serde(default)]
    over: bool,
}

/// What became of one invocation's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Share {
    /// Nothing is under way.
    None,
    /// This much; `next` says where it goes on.
    Done(Report),
    /// It was begun three times at one place and never left it.
    GivenUp,
}

/// Begins one, in place of any that is under way: what is missing now may lie before its place.
pub(crate) async fn begin(archiver: &Archiver, id: String) -> Result<(), archiver::Error> {
    let run = Run { id, began: archiver.now(), place: None, tries: 0, over: false };
    archiver.locks().put(item(&run), None).await?;
    Ok(())
}

/// Goes on with the one that is under way, if there is one.
pub(crate) async fn go_on(archiver: &Archiver, table: &Table, until: Deadline) -> Result<Share, archiver::Error> {
    let locks = archiver.locks();
    let Some(found) = locks.get(&key(), Freshness::Strong).await? else { return Ok(Share::None) };
    let mut run: Run = found.of_json("d")?;
    if run.over {
        return Ok(Share::None);
    }
    run.tries += 1;
    run.over = run.tries > TRIES;
    if !keep(locks, &run).await? {
        return Ok(Share::None);
    }
    if run.over {
        return Ok(Share::GivenUp);
    }
    let mut work = Reconciliation::new(archiver, table, None);
    loop {
        let next = work.page(run.place.take()).await?;
        run = Run { over: next.is_none(), place: next, tries: 0, ..run };
        let ours = keep(locks, &run).await?;
        if !ours || run.over || until.has_come() {
            return Ok(Share::Done(Report { next: run.place, ..work.report }));
        }
    }
}

/// `false`: a newer one has begun.
async fn keep(locks: &Table, run: &Run) -> Result<bool, archiver::Error> {
    let ours = Condition::equals("i", AttributeValue::S(run.id.clone()));
    Ok(matches!(locks.put(item(run), Some(ours)).await?, Written::Done))
}

fn key() -> Key {
    keys::reconciliation()
}

fn item(run: &Run) -> Item {
    Item::new(&key()).text("i", &run.id).json("d", run)
}
