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

/// Controls become pictures of themselves, and what turns the order of letters, or cannot be seen, its number.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
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
