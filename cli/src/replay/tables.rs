//! The summary in words and plain tables, for the terminal and the report.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::drive::Refusal;
use super::report::{AmountOnly, Refused, StepLine, Summary};
use super::sla;

/// One line of "what the log says, what the service says"; `None` where a side has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    pub what: &'static str,
    pub log: Option<u64>,
    pub service: Option<u64>,
    pub note: &'static str,
}

/// Log and service, line by line.
#[must_use]
pub fn beside(summary: &Summary) -> Vec<Beside> {
    let (log, ends) = (&summary.log, &summary.outcomes);
    let votes = |of: fn(&StepLine) -> u64| summary.steps.iter().map(of).sum();
    let line = |what, log, service, note| Beside { what, log, service, note };
    vec![
        line("cases", Some(summary.cases), Some(summary.cases), ""),
        line("  never submitted", Some(log.cases_never_submitted), Some(ends.never_submitted), "a draft at most"),
        line("  approved", None, Some(ends.approved + ends.started), "and its effect, such as a payment, was not reported as done"),
        line("    its effect started", None, Some(ends.started), ""),
        line("  done", Some(log.cases_with_effect), Some(ends.done), "in the log: the effect happened"),
        line("  cancelled", None, Some(ends.cancelled), "taken back for good"),
        line("  rejected or expired", None, Some(ends.rejected + ends.expired), ""),
        line("  left returned or open", None, Some(ends.returned + ends.open), ""),
        line("submissions", Some(log.submissions), Some(summary.requests + summary.resubmissions), ""),
        line("  requests", None, Some(summary.requests), "the first of a case, and each after a closed one"),
        line("  resubmissions", None, Some(summary.resubmissions), "after a return"),
        line("approvals", Some(log.approvals.iter().sum()), Some(votes(|step| step.approvals)), "votes"),
        line(
            "rejections",
            Some(log.rejections.iter().sum::<u64>() + log.rejections_unnamed),
            Some(votes(|step| step.rejections)),
            "votes that returned the request",
        ),
        line("  recalls", None, Some(summary.recalled), "rejections after the approval, before its effect"),
        line("effects", Some(log.effects), Some(summary.started + summary.finished), "started and finished"),
        line(
            "take-backs",
            Some(log.take_backs),
            Some(summary.cancelled_requests + summary.left_returned),
            "cancelled, or left returned for the next submission",
        ),
        line("refused acts", None, Some(summary.refused), ""),
    ]
}

/// Milliseconds for people: `14 min`, `5.3 h`, `2.1 d`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a wait of centuries would lose a digit that is not shown")]
pub fn duration(ms: i64) -> String {
    let minutes = ms as f64 / 60_000.0;
    match minutes {
        ..1.0 => format!("{:.0} s", minutes * 60.0),
        1.0..90.0 => format!("{minutes:.0} min"),
        90.0..2880.0 => format!("{:.1} h", minutes / 60.0),
        _ => format!("{:.1} d", minutes / 1440.0),
    }
}

/// A count with thousands set apart: `10,289`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A refusal in words: `reject on approved`.
#[must_use]
pub fn refused_what(refusal: &Refusal) -> String {
    let word = |value: serde_json::Result<String>| value.unwrap_or_default().trim_matches('"').replace('_', " ");
    let tried = word(serde_json::to_string(&refusal.tried));
    match refusal.on {
        Some(status) => format!("{tried}, the request was {}", word(serde_json::to_string(&status))),
        None => format!("{tried}, without a request"),
    }
}

/// The summary for people, as plain tables without colour.
#[must_use]
pub fn tables(summary: &Summary) -> String {
    let mut text = String::new();
    let days = |at: &str| at.get(..10).unwrap_or_default().to_owned();
    let _ = writeln!(
        text,
        "{}: {} cases, {} events, {} to {}, played with `{}`",
        summary.source,
        count(summary.cases),
        count(summary.events),
        days(&summary.first_at),
        days(&summary.last_at),
        summary.template
    );
    if summary.shifted_days > 0 {
        let _ = writeln!(text, "The service's clock stood later than the log: every act was moved by {} days.", summary.shifted_days);
    }
    let dash = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), count);
    let mut table = plain(&["", "log", "service", ""]);
    for line in beside(summary) {
        table.add_row([line.what.to_owned(), dash(line.log), dash(line.service), line.note.to_owned()]);
    }
    let _ = writeln!(text, "\n{}", right(table, &[1, 2]));

    if !summary.refusals.is_empty() {
        let mut table = plain(&["refused acts", "code", "status", "count"]);
        for Refused { refusal, count: times } in &summary.refusals {
            table.add_row([refused_what(refusal), refusal.code.clone(), refusal.status.to_string(), count(*times)]);
        }
        let _ = writeln!(text, "\n{}", right(table, &[3]));
    }

    let mut table = plain(&["step", "approved", "returned", "median wait", "p90 wait", "on by the amount alone", "agrees"]);
    let shown = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), duration);
    for (step, rule) in summary.steps.iter().zip(&summary.amount_only.rules) {
        table.add_row([
            step.id.clone(),
            count(step.approvals),
            count(step.rejections),
            shown(step.wait.median_ms),
            shown(step.wait.p90_ms),
            rule.rule.to_string(),
            count(rule.agrees),
        ]);
    }
    let _ = writeln!(text, "\n{}", right(table, &[1, 2, 3, 4, 6]));
    if let Some(sla) = &summary.sla {
        let _ = writeln!(text, "\n{}", by_clock(sla));
    }
    footer(&mut text, summary);
    text
}

/// What the clock would have done, by the log and by the service.
fn by_clock(sla: &sla::Beside) -> Table {
    let hours = |hours: f64| match &sla.calendar {
        Some(calendar) => format!("{hours} h of `{calendar}`"),
        None => format!("{hours} h"),
    };
    let mut table = plain(&["steps", "log", "service", ""]);
    let (log, service) = (sla.log, sla.service);
    for (what, log, service, note) in [
        ("opened", log.opened, service.opened, String::new()),
        ("reminded", log.reminded, service.reminded, format!("after {}", hours(sla.hours / 2.0))),
        ("escalated", log.escalated, service.escalated, format!("after {}", hours(sla.hours))),
        ("would have timed out", log.timed_out, service.timed_out, format!("after {}", hours(sla.hours * 2.0))),
    ] {
        table.add_row([what.to_owned(), count(log), count(service), note]);
    }
    right(table, &[1, 2])
}

fn footer(text: &mut String, summary: &Summary) {
    let shown = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), duration);
    if let Some(step) = &summary.busiest_step {
        let _ = writeln!(text, "\nBusiest step: {step} (most votes).");
    }
    let _ = writeln!(
        text,
        "Submission to approval: median {}, p90 {}.",
        shown(summary.to_approval.median_ms),
        shown(summary.to_approval.p90_ms)
    );
    let AmountOnly { cases, same, .. } = &summary.amount_only;
    let _ = writeln!(
        text,
        "By the amount alone, one threshold per step, {} of {} approved cases would be routed the same.",
        count(*same),
        count(*cases)
    );
    let _ = writeln!(
        text,
        "{} commands in {:.1} s: {:.0} commands/s, {:.0} HTTP requests/s; read back in {:.1} s, {} of {} cases differ.",
        count(summary.pace.commands),
        summary.pace.play_seconds,
        summary.commands_per_second,
        summary.http_requests_per_second,
        summary.pace.read_back_seconds,
        count(summary.read_back_differs),
        count(summary.cases)
    );
    if summary.without_request > 0 {
        let _ = writeln!(text, "{} acts had no request to act on.", count(summary.without_request));
    }
}

fn plain(header: &[&str]) -> Table {
    let style = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    let mut table = Table::new();
    table.load_style(style).set_header(header);
    table
}

fn right(mut table: Table, columns: &[usize]) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            ["0", "999", "1,000", "10,289", "1,234,567"],
            [0, 999, 1_000, 10_289, 1_234_567].map(count).each_ref().map(String::as_str)
        );
        let times = [30_000, 840_000, 19_080_000, 181_440_000].map(duration);
        assert_eq!(times.each_ref().map(String::as_str), ["30 s", "14 min", "5.3 h", "2.1 d"]);
    }
}
