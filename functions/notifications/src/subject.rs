//! The subject of a letter: what a list of mails shows.

use approvals::wire::plain::isolated;
use approvals_domain::time::Timestamp;
use chrono::{DateTime, Datelike};
use chrono_tz::Tz;

/// Characters of a subject at most; the title is cut first.
const CHARS: usize = 120;
/// Characters of a title that stay, whatever else there is to say.
const TITLE_CHARS: usize = 20;

/// A day by which something is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    day: String,
    late: bool,
}

impl Day {
    /// Of a moment, in the reader's zone, with the year if it is another than that of now.
    pub(crate) fn of(at: Timestamp, now: Timestamp, zone: Tz) -> Self {
        let local = |at: Timestamp| DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().with_timezone(&zone);
        // What is wanted by the first moment of a day is wanted on the day before.
        let (due, today) = (local(Timestamp::from_millis(at.millis() - 1)), local(now));
        let form = if due.year() == today.year() { "%a %-d %b" } else { "%a %-d %b %Y" };
        Self { day: due.format(form).to_string(), late: at <= now }
    }

    /// Whether it is over.
    pub(crate) const fn is_over(&self) -> bool {
        self.late
    }

    /// What is said before it: whether it is still to come.
    pub(crate) const fn by(&self) -> &'static str {
        if self.late { "was due" } else { "answer by" }
    }

    /// `answer by Fri 4 Dec`, or `was due Fri 4 Dec`.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.by(), self.day)
    }
}

/// `[ENTITY] TITLE · AMOUNT · END`; what is absent is left out.
pub(crate) fn line(entity: &str, title: &str, amount: Option<&str>, end: Option<&str>) -> String {
    let rest: String = amount.iter().chain(&end).map(|part| format!(" · {part}")).collect();
    let left = CHARS.saturating_sub(rest.chars().count());
    // An id may be longer than a subject. What runs from right to left stands between isolates.
    let entity = format!("[{}] ", apart(entity, left.saturating_sub(TITLE_CHARS + 3)));
    format!("{entity}{}{rest}", apart(title, left.saturating_sub(entity.chars().count())))
}

/// At most so many characters of a text, with the two isolates that it may need.
fn apart(text: &str, chars: usize) -> String {
    let marks = isolated(text).chars().count() - text.chars().count();
    let short = cut(text, chars.saturating_sub(marks));
    if marks > 0 { isolated(&short) } else { short }
}

/// Joins two pictures into one.
const JOINER: char = '\u{200d}';

/// What belongs to the character before it: joiners, variation selectors, colours of skin, marks, tags of flags.
fn holds_on(c: char) -> bool {
    matches!(c, JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{300}'..='\u{36f}' | '\u{e0020}'..='\u{e007f}')
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut short: Vec<char> = text.chars().take(chars.saturating_sub(1)).collect();
    let mut next = text.chars().nth(short.len());
    // A picture made of several is not cut in half, nor a letter from its mark.
    while let Some(last) = short.last().copied().filter(|last| next.is_some_and(holds_on) || *last == JOINER) {
        next = Some(last);
        short.pop();
    }
    format!("{}…", short.into_iter().collect::<String>().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_what_how_much_and_by_when() {
        let (title, end) = ("Two chairs", Some("answer by Fri 4 Dec"));
        assert_eq!(line("PO-1", title, Some("EUR 480.00"), end), "[PO-1] Two chairs · EUR 480.00 · answer by Fri 4 Dec");
        assert_eq!(line("PO-1", title, None, None), "[PO-1] Two chairs");
        assert_eq!(line("PO-1", title, None, Some("approved")), "[PO-1] Two chairs · approved");
    }

    #[test]
    fn the_title_is_cut_first_and_the_rest_stays() {
        let long = line("PO-1", &"very long ".repeat(50), Some("EUR 480.00"), Some("answer by Fri 4 Dec"));
        assert_eq!(long.chars().count(), 120, "{long}");
        assert!(long.starts_with("[PO-1] very long") && long.ends_with("… · EUR 480.00 · answer by Fri 4 Dec"), "{long}");
        let both = line(&"x".repeat(300), &"y".repeat(300), Some("EUR 480.00"), Some("answer by Fri 4 Dec"));
        assert_eq!(both.chars().count(), 120, "{both}");
        assert!(both.contains("…] yyyyyyyyyyyyyyy"), "{both}");
    }

    #[test]
    fn a_picture_is_not_cut_in_half() {
        let family = "👩\u{200d}👩\u{200d}👧";
        for before in 100..115 {
            let said = line("PO-1", &format!("{}{family}{family}{family}{family}", "x".repeat(before)), None, None);
            let rest = said.trim_end_matches('…').replace(family, "");
            assert!(!rest.contains(['👩', '👧', '\u{200d}']), "{said}");
        }
    }

    #[test]
    fn t13_a_title_from_right_to_left_turns_nothing_around_it() {
        let said = line("PO-1", "הצעה 5", Some("EUR 480.00"), None);
        assert_eq!(said, "[PO-1] \u{2068}הצעה 5\u{2069} · EUR 480.00");
        let long = line("PO-1", &"הצעה ".repeat(50), Some("EUR 480.00"), Some("answer by Fri 4 Dec"));
        assert_eq!(line("הז-1", "Two chairs", None, Some("approved")), "[\u{2068}הז-1\u{2069}] Two chairs · approved");
        // A space before the cut goes too.
        assert!((118..=120).contains(&long.chars().count()), "{long}");
        assert!(long.contains("…\u{2069} · EUR 480.00"), "{long}");
    }

    #[test]
    fn a_day_is_that_of_the_reader_and_says_if_it_is_over() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let now = at("2026-12-01T00:00:00Z");
        assert_eq!(Day::of(at("2026-12-04T23:30:00Z"), now, Tz::UTC).words(), "answer by Fri 4 Dec");
        assert_eq!(Day::of(at("2026-12-04T23:30:00Z"), now, Tz::Asia__Tokyo).words(), "answer by Sat 5 Dec");
        assert_eq!(Day::of(at("2026-12-07T00:00:00Z"), now, Tz::UTC).words(), "answer by Sun 6 Dec");
        assert_eq!(Day::of(at("2027-01-04T10:00:00Z"), now, Tz::UTC).words(), "answer by Mon 4 Jan 2027");
        assert_eq!(Day::of(at("2026-11-30T10:00:00Z"), now, Tz::UTC).words(), "was due Mon 30 Nov");
    }
}
