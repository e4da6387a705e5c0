//! Text of people, made harmless for a terminal.

use std::borrow::Cow;

/// One line of text that moves no cursor, sets no colour, hides nothing and turns no direction.
///
/// Line breaks and tabs become a space; every other control character and every invisible formatting character is shown as
/// `\u{1b}`, so that a reader sees it was there. The joiners that scripts and emoji need (U+200C, U+200D) stay.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' | '\r' => safe.push(' '),
            c if c.is_control() || is_hidden(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The same for text of several lines, such as a comment: its line breaks stay.
pub fn plain_lines(text: &str) -> Vec<String> {
    text.lines().map(|line| plain(line).into_owned()).collect()
}

/// Characters that are no control characters, and yet hide or reorder what stands around them.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200e}' | '\u{200f}'              // direction marks
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates
        | '\u{2028}' | '\u{2029}'                           // line and paragraph separators
        | '\u{00ad}' | '\u{034f}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // fillers that look like nothing
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        for text in ["Büro, 12 € — 日本語", "نص عربي", "می‌خواهم", "👩‍💻 ok"] {
            assert!(matches!(plain(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn nothing_moves_the_cursor_or_sets_a_colour() {
        assert_eq!(plain("a\u{1b}[31mb\u{1b}]8;;http://x\u{7}"), r"a\u{1b}[31mb\u{1b}]8;;http://x\u{7}");
        assert_eq!(plain("\u{9b}2J \u{8}\u{7f}\0"), r"\u{9b}2J \u{8}\u{7f}\u{0}");
        assert_eq!(plain("one\r\ntwo\tthree\rfour\nfive"), "one two three four five");
    }

    #[test]
    fn nothing_turns_the_direction_or_hides() {
        assert_eq!(plain("pay \u{202e}000,1\u{202c}"), r"pay \u{202e}000,1\u{202c}");
        for c in ['\u{2066}', '\u{2069}', '\u{200f}', '\u{061c}', '\u{feff}', '\u{200b}', '\u{e0041}', '\u{2028}', '\u{3164}'] {
            assert!(!plain(&format!("a{c}b")).contains(c), "{c:?}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(plain_lines("a\r\nb\u{1b}c"), ["a", r"b\u{1b}c"]);
    }
}
