//! How far something long has come, on standard error: a bar on a terminal, else a line now and then. What is asked for goes to standard
//! output alone.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Of so many of `what`.
pub(crate) fn of(count: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(count);
    let style = ProgressStyle::with_template(&format!("{{wide_bar}} {{human_pos}}/{{human_len}} {what}, {{per_sec}}, {{eta}} left"));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !std::io::stderr().is_terminal() {
        let seen = bar.downgrade();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                let Some(bar) = seen.upgrade().filter(|bar| !bar.is_finished()) else { return };
                let _ = writeln!(std::io::stderr(), "{} of {} {what}", bar.position(), bar.length().unwrap_or(count));
            }
        });
    }
    bar
}
