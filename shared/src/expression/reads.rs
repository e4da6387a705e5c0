//! Which fields of the metadata an expression reads, told from its text alone: whoever asks must not wait for a parser.

use std::collections::BTreeSet;

/// Names of the fields that a text reads; none: it may read any of them.
pub fn fields_read(text: &str) -> Option<BTreeSet<String>> {
    let (mut fields, mut rest, mut member) = (BTreeSet::new(), text, false);
    while let Some(next) = rest.chars().next() {
        match next {
            '"' | '\'' => (rest, member) = (literal(rest)?.1, false),
            '/' if rest.starts_with("//") => rest = rest.get(rest.find('\n').unwrap_or(rest.len())..)?,
            _ if is_name(next) => {
                let (word, after) = name(rest);
                rest = after;
                // `entity.metadata` is not the metadata.
                if word == "metadata" && !member {
                    let (field, after) = field(rest.trim_start())?;
                    fields.insert(field);
                    rest = after;
                }
                member = false;
            }
            _ => {
                rest = rest.get(next.len_utf8()..)?;
                member = next == '.' || (member && next.is_whitespace());
            }
        }
    }
    Some(fields)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()))
}

/// What stands behind `metadata`: `.name` or `["name"]`.
fn field(text: &str) -> Option<(String, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = name(rest.trim_start());
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    }
    let (name, rest) = literal(text.strip_prefix('[')?.trim_start())?;
    Some((name.to_owned(), rest.trim_start().strip_prefix(']')?))
}

/// A text literal, and what follows it. Escapes are not read.
fn literal(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.get(1..)?;
    let end = inner.find([quote, '\\']).filter(|end| !inner.get(*end..).is_some_and(|rest| rest.starts_with('\\')))?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t10_the_fields_that_an_amount_reads_are_known() {
        for (text, fields) in [
            ("metadata.sum", vec!["sum"]),
            ("metadata.price * metadata [ 'count' ] + 3.5", vec!["count", "price"]),
            ("has(metadata.a) ? metadata.a : size(metadata . list)", vec!["a", "list"]),
            ("\"EUR\"", vec![]),
            ("'metadata.x' == \"metadata\" ? entity.metadata : 1.0 // metadata.y", vec![]),
            ("metadata.a.b", vec!["a"]),
        ] {
            let fields = fields.into_iter().map(str::to_owned).collect();
            assert_eq!(fields_read(text), Some(fields), "{text}");
        }
        for any in ["size(metadata)", "metadata[metadata.key]", "metadata[\"a\\u0062\"]", "metadata['a'"] {
            assert_eq!(fields_read(any), None, "{any}");
        }
    }
}
