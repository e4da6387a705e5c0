//! Did you mean?

/// The candidate nearest to a word, if one is near: at most two edits, and fewer than half of its letters.
pub fn nearest<'n>(word: &str, among: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word: Vec<char> = word.to_lowercase().chars().take(100).collect();
    let near = |name: &'n str| {
        let letters: Vec<char> = name.to_lowercase().chars().take(100).collect();
        let edits = edits(&word, &letters);
        (edits <= 2 && edits * 2 < letters.len().max(word.len())).then_some((edits, name))
    };
    among.into_iter().filter_map(near).min().map(|(_, name)| name)
}

/// Levenshtein's distance, with a swap of neighbours as one edit.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            let swap = if swapped { at(&before, j - 1) + 1 } else { usize::MAX };
            next.push((at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1).min(swap));
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_another_word_is_not() {
        let names = ["approvers", "required", "remind", "when", "id"];
        for (word, near) in [
            ("aprovers", Some("approvers")),
            ("approver", Some("approvers")),
            ("reqiured", Some("required")),
            ("Whne", Some("when")),
            ("cheese", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }
}
