//! The report: one HTML file without scripts or outside parts, for light and dark.

use std::fmt::Write as _;

use super::report::{Outcomes, Refused, Summary};
use super::svg::{self, Bar, Line, Range, escape};
use super::tables::{beside, count, duration, refused_what};

const STYLE: &str = include_str!("report.css");

/// The whole page.
#[must_use]
pub fn page(summary: &Summary) -> String {
    let title = format!("Replay of {}", escape(&summary.source));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n"
    );
    lead(&mut page, summary);
    tiles(&mut page, summary);
    section(&mut page, "The service beside the log", "", &beside_table(summary));
    section(&mut page, "How the cases ended", "Each case ends as its last request does.", &outcomes(&summary.outcomes));
    section(&mut page, "Refused acts", "What the service declined, and why.", &refusals(summary));
    section(
        &mut page,
        "How long each step waits",
        "From a step's opening to the vote that closed it, by the service's clock: the dot is the median, the bar ends at the 90th \
         percentile. The axis is logarithmic.",
        &waits(summary),
    );
    section(
        &mut page,
        "Votes by step",
        "Counted by the service; a returning vote sends the request back to its requester.",
        &votes(summary),
    );
    section(&mut page, "Requests by month", "By the service's clock.", &months(summary));
    section(&mut page, "How fast it ran", "Commands of people per second, by the clock on the wall.", &throughput(summary));
    let amount = &summary.amount_only;
    let note = format!(
        "For each step, the one threshold on the amount that agrees with the most approved cases was looked for. With these rules \
         {} of {} approved cases take the same steps.",
        count(amount.same),
        count(amount.cases)
    );
    section(&mut page, "What the amount alone would route", &note, &amount_table(summary));
    page.push_str("</main>\n</html>\n");
    page
}

fn section(page: &mut String, title: &str, note: &str, inside: &str) {
    if inside.is_empty() {
        return;
    }
    let _ = write!(page, "<section>\n<h2>{title}</h2>\n");
    if !note.is_empty() {
        let _ = writeln!(page, "<p class=\"note\">{note}</p>");
    }
    let _ = write!(page, "{inside}\n</section>\n");
}

fn lead(page: &mut String, summary: &Summary) {
    let day = |at: &str| at.get(..10).unwrap_or_default().to_owned();
    let _ = writeln!(
        page,
        "<p class=\"lead\">{} cases and {} events from {} to {}, played with the template <code>{}</code> through the public API.</p>",
        count(summary.cases),
        count(summary.events),
        day(&summary.first_at),
        day(&summary.last_at),
        escape(&summary.template)
    );
    if summary.shifted_days > 0 {
        let _ = writeln!(
            page,
            "<p class=\"note\">The service's clock stood later than the log, so every act was moved by {} days.</p>",
            summary.shifted_days
        );
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate rounded to a whole number to be read")]
fn tiles(page: &mut String, summary: &Summary) {
    let shown = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), duration);
    let tiles = [
        (count(summary.requests), "requests"),
        (count(summary.resubmissions), "resubmissions"),
        (count(summary.outcomes.approved + summary.outcomes.started + summary.outcomes.done), "cases approved"),
        (count(summary.refused), "acts refused"),
        (shown(summary.to_approval.median_ms), "median to approval"),
        (count(summary.http_requests_per_second.max(0.0) as u64), "HTTP requests/s"),
    ];
    page.push_str("<dl class=\"tiles\">");
    for (value, name) in tiles {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    page.push_str("</dl>\n");
}

/// A table; the columns named in `numbers` are set right.
fn table(header: &[&str], numbers: &[usize], rows: &[Vec<String>]) -> String {
    let class = |column: usize| if numbers.contains(&column) { " class=\"number\"" } else { "" };
    let mut html = "<div class=\"wide\"><table><thead><tr>".to_owned();
    for (column, name) in header.iter().enumerate() {
        let _ = write!(html, "<th{}>{name}</th>", class(column));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(html, "<td{}>{}</td>", class(column), escape(cell));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn beside_table(summary: &Summary) -> String {
    let shown = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), count);
    let rows: Vec<_> = beside(summary)
        .into_iter()
        .map(|line| vec![line.what.replace("  ", "\u{2003}"), shown(line.log), shown(line.service), line.note.to_owned()])
        .collect();
    table(&["", "log", "service", ""], &[1, 2], &rows)
}

fn refusals(summary: &Summary) -> String {
    let rows: Vec<_> = summary
        .refusals
        .iter()
        .map(|Refused { refusal, count: times }| {
            vec![refused_what(refusal), refusal.code.clone(), refusal.status.to_string(), count(*times)]
        })
        .collect();
    if rows.is_empty() { "<p>None.</p>".to_owned() } else { table(&["tried", "code", "status", "count"], &[3], &rows) }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn bar(name: &str, value: u64, class: &'static str) -> Bar {
    Bar { name: name.to_owned(), value: value as f64, note: count(value), class }
}

fn outcomes(ends: &Outcomes) -> String {
    let rows = [
        bar("done", ends.done, "one"),
        bar("approved", ends.approved + ends.started, "one"),
        bar("cancelled", ends.cancelled, "two"),
        bar("never submitted", ends.never_submitted, "quiet"),
        bar("rejected", ends.rejected, "two"),
        bar("expired", ends.expired, "two"),
        bar("left returned", ends.returned, "two"),
        bar("left open", ends.open, "two"),
    ];
    // The outcomes a replay is about are always shown, the others when they happened.
    let shown: Vec<_> =
        rows.into_iter().enumerate().filter(|(place, bar)| (1..4).contains(place) || bar.value > 0.0).map(|(_, bar)| bar).collect();
    svg::bars("Cases by outcome", &shown)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a log stay far below 2^53")]
fn waits(summary: &Summary) -> String {
    let rows: Vec<_> = summary
        .steps
        .iter()
        .filter_map(|step| {
            let (median, p90) = (step.wait.median_ms?, step.wait.p90_ms?);
            let note = format!("{} · p90 {}", duration(median), duration(p90));
            Some(Range { name: step.name.clone(), median_ms: median as f64, p90_ms: p90 as f64, note })
        })
        .collect();
    if rows.is_empty() { String::new() } else { svg::ranges("Median and 90th percentile wait per step", &rows) }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn votes(summary: &Summary) -> String {
    let rows: Vec<_> = summary
        .steps
        .iter()
        .filter(|step| step.approvals + step.rejections > 0)
        .map(|step| Bar {
            name: step.name.clone(),
            value: (step.approvals + step.rejections) as f64,
            note: format!("{} + {} returned", count(step.approvals), count(step.rejections)),
            class: "one",
        })
        .collect();
    let busiest = summary.steps.iter().find(|step| Some(&step.id) == summary.busiest_step.as_ref());
    let busiest = busiest.map_or_else(String::new, |step| format!("<p class=\"note\">Busiest: {}.</p>", escape(&step.name)));
    format!("{}{busiest}", svg::bars("Votes by step", &rows))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn months(summary: &Summary) -> String {
    if summary.months.len() < 2 {
        return String::new();
    }
    let points = |of: fn(&super::report::Month) -> u64| {
        summary.months.iter().enumerate().map(|(place, month)| (place as f64, of(month) as f64)).collect()
    };
    let every = summary.months.len().div_ceil(8);
    let ticks: Vec<_> = summary
        .months
        .iter()
        .enumerate()
        .filter(|(place, _)| place % every == 0)
        .map(|(place, month)| (place as f64, month.month.clone()))
        .collect();
    let series = [
        Line { name: "submitted", class: "one", points: points(|month| month.submitted) },
        Line { name: "approved", class: "two", points: points(|month| month.approved) },
    ];
    svg::lines("Requests submitted and approved by month", "requests", &series, &ticks)
}

/// Commands per second between samples, joined so that at most some 60 points are drawn.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn throughput(summary: &Summary) -> String {
    const POINTS: usize = 60;
    let samples = &summary.pace.over_time;
    let every = samples.len().div_ceil(POINTS).max(1);
    let kept: Vec<_> = samples.iter().step_by(every).collect();
    let points: Vec<_> = kept
        .windows(2)
        .filter_map(|pair| match pair {
            [(from, before), (to, after)] if to > from => Some((f64::midpoint(*from, *to), (after - before) as f64 / (to - from))),
            _ => None,
        })
        .collect();
    if points.len() < 2 {
        return String::new();
    }
    let last = points.last().map_or(0.0, |(at, _)| *at);
    let ticks: Vec<_> = (0..=4_u32).map(|part| last * f64::from(part) / 4.0).map(|at| (at, format!("{at:.0} s"))).collect();
    let line = Line { name: "commands/s", class: "one", points };
    svg::lines("Commands per second over the run", "commands per second", &[line], &ticks)
}

fn amount_table(summary: &Summary) -> String {
    let cases = summary.amount_only.cases;
    if cases == 0 {
        return String::new();
    }
    let rows: Vec<_> = summary
        .amount_only
        .rules
        .iter()
        .map(|rule| {
            let name = summary.steps.iter().find(|step| step.id == rule.step).map_or(rule.step.as_str(), |step| &step.name);
            vec![name.to_owned(), rule.rule.to_string().replace(">=", "≥"), format!("{} of {}", count(rule.agrees), count(cases))]
        })
        .collect();
    table(&["step", "asked", "agrees in cases"], &[2], &rows)
}

#[cfg(test)]
mod tests;
