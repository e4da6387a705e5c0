//! Texts that must not be empty.

use approvals_domain::payload::is_blank;

#[test]
fn a_text_in_which_nothing_can_be_seen_is_empty() {
    for unseen in
        ['\u{200b}', '\u{2060}', '\u{3164}', '\u{ad}', '\u{2800}', '\u{feff}', '\u{202e}', '\u{fe0f}', '\u{e0020}', '\u{a0}', '\t']
    {
        assert!(is_blank(&unseen.to_string()), "{unseen:?}");
        assert!(is_blank(&format!(" {unseen}\r\n{unseen}")), "{unseen:?}");
        assert!(!is_blank(&format!("{unseen}x{unseen}")), "{unseen:?} beside a letter");
    }
    assert!(is_blank("") && is_blank("  "));
}

/// The marks stand where scripts need them: a text is empty only if there is nothing else.
#[test]
fn a_text_with_anything_to_see_is_not_empty() {
    for seen in ["x", ".", "\u{645}\u{200c}\u{62e}", "\u{2764}\u{fe0f}", "\u{1f468}\u{200d}\u{1f469}", "\u{e01}", "\u{2801}", "\u{ac00}"] {
        assert!(!is_blank(seen), "{seen:?}");
    }
}
