//! People's texts on their way to people: what would act on a terminal, a mail header or the order of letters is made visible instead.
//! Markup is escaped where it is made, in the templates.

/// One line of at most so many characters.
pub fn line(text: &str, chars: usize) -> String {
    let one = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&inert(&one), chars)
}

/// Lines of at most so many characters together, without blank ones at the ends.
pub fn lines(text: &str, chars: usize) -> Vec<String> {
    let inert: Vec<String> = text.trim().lines().map(|line| inert(line.trim_end())).collect();
    let mut left = chars;
    let mut kept = Vec::new();
    for line in inert {
        let line = cut(&line, left.max(1));
        left = left.saturating_sub(line.chars().count() + 1);
        kept.push(line);
        if left == 0 {
            break;
        }
    }
    kept
}

/// The same text, in which mail programs find no address to turn into a link: `://` and `www.` are broken.
pub fn unlinked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.replace("://", ": //");
    while let Some(at) = rest.to_ascii_lowercase().find("www.") {
        let tail = rest.split_off(at + "www".len());
        out.push_str(&rest);
        out.push(' ');
        rest = tail;
    }
    out + &rest
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Controls become pictures of themselves, and what turns the order of letters, or cannot be seen, its number. What a script or a picture is written
/// with stays: joiners, marks of direction (they turn nothing but their neighbours), variation selectors, the tags of a flag.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\t' => out.push(' '),
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            BLACK_FLAG => {
                out.push(c);
                let tags: String = rest.as_str().chars().take_while(|c| is_tag(*c)).collect();
                // A region's flag is its code in tags, and ends. Anything else in tags cannot be seen.
                if is_region(&tags) {
                    out.push_str(&tags);
                    rest = rest.as_str().get(tags.len()..).unwrap_or_default().chars();
                }
            }
            '\u{80}'..='\u{9f}'
            | '\u{200b}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

/// What the flags of England, Scotland and other regions are written with.
const BLACK_FLAG: char = '\u{1f3f4}';

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// A region's code in tags (letters and digits, as `gbeng`), and the tag that ends it.
fn is_region(tags: &str) -> bool {
    let code = tags.strip_suffix('\u{e007f}').unwrap_or_default();
    (3..=6).contains(&code.chars().count()) && code.chars().all(|c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'))
}

/// The same text as a part of a line of ours: one with letters that run from right to left stands between isolates, so that it turns nothing
/// around it. For places without markup, such as the subject of a mail.
pub fn isolated(text: &str) -> String {
    if text.chars().any(runs_left) { format!("\u{2068}{text}\u{2069}") } else { text.to_owned() }
}

/// Letters of scripts that run from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and those behind them, their presentation forms, and the
/// planes of old and young ones.
fn runs_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_is_seen_and_does_nothing() {
        for (text, shown) in [
            ("Two chairs", "Two chairs"),
            ("a\r\nBcc: all@example.com", "a Bcc: all@example.com"),
            ("\u{1b}[2Jgone", "␛[2Jgone"),
            ("pay \u{202e}000,1", "pay [U+202E]000,1"),
            ("a\u{0}b\u{7}", "a␀b␇"),
            ("ze\u{200b}ro \u{2066}x\u{2069}", "ze[U+200B]ro [U+2066]x[U+2069]"),
            ("line\u{2028}separator", "line separator"),
            ("<b>bold</b>", "<b>bold</b>"),
            ("नमस्ते 👩‍👩‍👧 שלום", "नमस्ते 👩‍👩‍👧 שלום"),
        ] {
            assert_eq!(line(text, 200), shown);
        }
        assert_eq!(line("abcdef", 4), "abc…");
    }

    /// What a script or a picture needs stays itself; what acts beyond its neighbours is seen.
    #[test]
    fn t13_marks_that_scripts_need_stay_themselves() {
        for whole in [
            "הצעה 5\u{200f} (דחוף)",
            "\u{200e}+972 (דחוף)",
            "\u{61c}٣ + ٤",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "Trip 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!",
            "❤\u{fe0f} 葛\u{e0100}",
        ] {
            assert_eq!(line(whole, 200), whole);
        }
        for (text, shown) in [
            ("a\u{202a}b\u{202b}c\u{202c}d\u{202d}e", "a[U+202A]b[U+202B]c[U+202C]d[U+202D]e"),
            ("\u{2067}x\u{2068}y\u{2069}", "[U+2067]x[U+2068]y[U+2069]"),
            ("🏴\u{e0067}\u{e0062}", "🏴[U+E0067][U+E0062]"),
            ("🏴\u{e0041}\u{e0042}\u{e0043}\u{e007f}", "🏴[U+E0041][U+E0042][U+E0043][U+E007F]"),
            ("hi\u{e0068}\u{e0069}", "hi[U+E0068][U+E0069]"),
        ] {
            assert_eq!(line(text, 200), shown);
        }
    }

    #[test]
    fn t13_a_title_that_runs_from_right_to_left_stands_between_isolates() {
        assert_eq!(isolated("הצעה 5"), "\u{2068}הצעה 5\u{2069}");
        assert_eq!(isolated("PO 7: عرض"), "\u{2068}PO 7: عرض\u{2069}");
        for plain in ["Two chairs", "Größe 王", "ratio 1:2", ""] {
            assert_eq!(isolated(plain), plain);
        }
    }

    #[test]
    fn addresses_are_no_links_any_more() {
        for (text, shown) in [
            ("log in at https://evil.example/x", "log in at https: //evil.example/x"),
            ("WWW.evil.example and www.www.x", "WWW .evil.example and www .www .x"),
            ("ratio 1:2 // aww. Größe www", "ratio 1:2 // aww. Größe www"),
            ("ftp:///x javascript://y", "ftp: ///x javascript: //y"),
        ] {
            assert_eq!(unlinked(text), shown);
        }
    }

    #[test]
    fn lines_stay_lines_and_end() {
        assert_eq!(lines("one\r\n\ntwo \u{1b}[31m\n\n", 100), ["one", "", "two ␛[31m"]);
        assert_eq!(lines(&"x\n".repeat(1_000), 10).len(), 5);
        assert!(lines(&"word ".repeat(1_000), 20).concat().chars().count() <= 20);
        assert_eq!(lines("", 10), [] as [&str; 0]);
    }
}
