//! The plots of the report, as SVG text. Colours are CSS variables of the page, so they follow light and dark.

use std::fmt::Write as _;

/// Width of every plot in its own units; the page scales it.
const WIDTH: f64 = 720.0;
/// Room at the left for names.
const NAMES: f64 = 150.0;
/// Room at the right for values.
const VALUES: f64 = 170.0;
const ROW: f64 = 34.0;

/// A name with a range on a logarithmic time axis: median to 90th percentile, in milliseconds.
pub(super) struct Range {
    pub(super) name: String,
    pub(super) median_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) note: String,
}

/// A named count.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) note: String,
    /// CSS class: `one`, `two` or `quiet`.
    pub(super) class: &'static str,
}

/// Points of one line over an axis of text or numbers, with its name at its end.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Text that cannot break out of the page.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
        safe
    })
}

fn figure(height: f64, label: &str, inside: &str) -> String {
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">{inside}</svg></div>",
        escape(label)
    )
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escape(words));
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64), class: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = write!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>");
}

/// Horizontal ranges on a logarithmic axis from ten seconds to a hundred days.
pub(super) fn ranges(label: &str, rows: &[Range]) -> String {
    const TICKS: [(f64, &str); 6] =
        [(10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"), (3_600.0, "1 h"), (86_400.0, "1 d"), (864_000.0, "10 d")];
    let (left, right) = (NAMES, WIDTH - VALUES);
    let place = |ms: f64| {
        let share = ((ms / 1000.0).max(10.0).log10() - 1.0) / (8_640_000_f64.log10() - 1.0);
        left + share.min(1.0) * (right - left)
    };
    let mut svg = String::new();
    #[expect(clippy::cast_precision_loss, reason = "a template has at most 50 steps")]
    let bottom = 8.0 + ROW * rows.len() as f64;
    for (seconds, name) in TICKS {
        let x = place(seconds * 1000.0);
        rule(&mut svg, (x, 4.0), (x, bottom), "grid");
        text(&mut svg, x, bottom + 16.0, "tick middle", name);
    }
    let mut y = 8.0 + ROW / 2.0;
    for row in rows {
        let (median, p90) = (place(row.median_ms), place(row.p90_ms));
        text(&mut svg, left - 12.0, y + 4.0, "name end", &row.name);
        let _ = write!(svg, "<g><title>{}: {}</title>", escape(&row.name), escape(&row.note));
        rule(&mut svg, (median, y), (p90, y), "range");
        rule(&mut svg, (p90, y - 6.0), (p90, y + 6.0), "cap");
        let _ = write!(svg, "<circle cx=\"{median:.1}\" cy=\"{y:.1}\" r=\"5.5\" class=\"dot\"/></g>");
        text(&mut svg, right + 14.0, y + 4.0, "value", &row.note);
        y += ROW;
    }
    figure(bottom + 24.0, label, &svg)
}

/// Horizontal bars from zero, each with its value.
pub(super) fn bars(label: &str, rows: &[Bar]) -> String {
    let (left, right) = (NAMES, WIDTH - VALUES);
    let most = rows.iter().map(|bar| bar.value).fold(1.0, f64::max);
    let mut svg = String::new();
    let mut y = 6.0;
    for bar in rows {
        let width = if bar.value > 0.0 { (bar.value / most * (right - left)).max(2.0) } else { 0.0 };
        text(&mut svg, left - 12.0, y + 18.0, "name end", &bar.name);
        let _ = write!(
            svg,
            "<rect x=\"{left}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"20\" rx=\"3\" class=\"{}\"><title>{}: {}</title></rect>",
            y + 3.0,
            bar.class,
            escape(&bar.name),
            escape(&bar.note)
        );
        text(&mut svg, left + width + 8.0, y + 18.0, "value", &bar.note);
        y += 30.0;
    }
    rule(&mut svg, (left, 2.0), (left, y), "axis");
    figure(y + 4.0, label, &svg)
}

/// The plotting area of a line plot.
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x_max: f64,
    y_max: f64,
}

impl Area {
    fn x(&self, value: f64) -> f64 {
        self.left + value / self.x_max * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - value / self.y_max * (self.bottom - self.top)
    }
}

/// Lines from zero; `x_ticks` are places on the x axis with their names.
pub(super) fn lines(label: &str, unit: &str, series: &[Line], x_ticks: &[(f64, String)]) -> String {
    let points = || series.iter().flat_map(|line| &line.points);
    let x_max = points().map(|(x, _)| *x).fold(1e-9, f64::max);
    let (y_max, y_step) = round_axis(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let area = Area { left: 52.0, right: WIDTH - 96.0, top: 26.0, bottom: 224.0, x_max, y_max };
    let mut svg = String::new();
    let mut tick = 0.0;
    while tick <= y_max + y_step / 2.0 {
        rule(&mut svg, (area.left, area.y(tick)), (area.right, area.y(tick)), if tick > 0.0 { "grid" } else { "axis" });
        text(&mut svg, area.left - 8.0, area.y(tick) + 4.0, "tick end", &format!("{tick:.0}"));
        tick += y_step;
    }
    text(&mut svg, 0.0, 12.0, "tick", unit);
    for (x, name) in x_ticks {
        text(&mut svg, area.x(*x), area.bottom + 18.0, "tick middle", name);
    }
    let mut ends: Vec<f64> = Vec::new();
    for line in series {
        let path = line.points.iter().fold(String::new(), |mut path, (x, y)| {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", area.x(*x), area.y(*y));
            path
        });
        let _ = write!(svg, "<path d=\"{path}\" class=\"line {}\"><title>{}</title></path>", line.class, escape(line.name));
        if let Some((x, y)) = line.points.last() {
            // Two names at one height would cover each other.
            let mut y = area.y(*y) + 4.0;
            while ends.iter().any(|other| (other - y).abs() < 15.0) {
                y -= 15.0;
            }
            ends.push(y);
            text(&mut svg, area.x(*x) + 8.0, y, &format!("value text-{}", line.class), line.name);
        }
    }
    figure(252.0, label, &svg)
}

/// An axis end and step that read well for a greatest value: a round number of steps, four or so.
fn round_axis(most: f64) -> (f64, f64) {
    let rough = (most / 4.0).max(1.0);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    ((most / step).ceil().max(1.0) * step, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_round_numbers() {
        assert_eq!(round_axis(0.0), (1.0, 1.0));
        assert_eq!(round_axis(468.0), (600.0, 200.0));
        assert_eq!(round_axis(1000.0), (1000.0, 250.0));
    }

    #[test]
    fn names_cannot_break_out() {
        let bar = Bar { name: "</svg><script>".to_owned(), value: 1.0, note: "\"1\"".to_owned(), class: "one" };
        let svg = bars("a & b", &[bar]);
        assert!(!svg.contains("<script>") && svg.contains("aria-label=\"a &amp; b\""));
    }
}
