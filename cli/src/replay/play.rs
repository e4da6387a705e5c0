//! Plays a prepared log over the public HTTP API of one service and reads the outcome back from it.

use std::time::{Duration, Instant};

use approvals::calendar::Calendar;
use indicatif::ProgressBar;

use super::client::Error;
use super::desk::{Seen, Service};
use super::drive::{self, Record};
use super::{Prepared, Progress};
use crate::progress;

const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// What a play gave: the answers on the way, the requests as read back, and what it took.
#[derive(Debug)]
pub struct Played {
    pub record: Record,
    /// By docket, each of its requests in the order submitted, as the service says at the end.
    pub read_back: Vec<Vec<Seen>>,
    pub pace: Pace,
    /// Milliseconds added to every time of the log, because the service's clock stood later.
    pub shift_ms: i64,
    /// The calendar of the SLA.
    pub calendar: Option<Calendar>,
}

/// How long things took, by the clock on the wall.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Pace {
    /// People, roles and the template.
    pub setup_seconds: f64,
    /// From the first act until the service has nothing left to do.
    pub play_seconds: f64,
    pub read_back_seconds: f64,
    /// HTTP calls of the play, the clock's included.
    pub calls: u64,
    /// Commands of people among them.
    pub commands: u64,
    /// Commands sent by then: `[seconds, commands]`.
    pub over_time: Vec<(f64, u64)>,
}

/// Plays everything against the service at `base`.
///
/// # Errors
/// [`Error`] when the service cannot be reached, is not for development, or answers what the API does not promise.
pub(super) fn play(base: &str, prepared: &Prepared, progress: Progress) -> Result<Played, Error> {
    let mut service = Service::new(base, prepared);
    let began = Instant::now();
    service.set_up()?;
    let calendar = service.calendar()?;
    let setup_seconds = began.elapsed().as_secs_f64();

    let bar = if progress == Progress::Shown { progress::of(prepared.plan.acts.len() as u64, "acts") } else { ProgressBar::hidden() };
    let (began, calls_before) = (Instant::now(), service.client.calls());
    let mut over_time = vec![(0.0, 0)];
    let mut sampled = began;
    let record = drive::drive(&prepared.plan, &mut service, |record| {
        bar.inc(1);
        if sampled.elapsed() >= SAMPLE_EVERY {
            sampled = Instant::now();
            over_time.push((began.elapsed().as_secs_f64(), record.commands));
        }
    })?;
    service.drain()?;
    bar.finish_and_clear();
    let play_seconds = began.elapsed().as_secs_f64();
    over_time.push((play_seconds, record.commands));
    let calls = service.client.calls() - calls_before;

    let began = Instant::now();
    let read_back = service.read_back(&record)?;
    let read_back_seconds = began.elapsed().as_secs_f64();
    let pace = Pace { setup_seconds, play_seconds, read_back_seconds, calls, commands: record.commands, over_time };
    Ok(Played { record, read_back, pace, shift_ms: service.shift_ms, calendar })
}
