//! What a form sent. Line breaks count as one character, as in the browser.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::payload::is_blank;

use crate::store::requests::one_break;

/// The field by which a form whose session has ended shows whose it was.
pub const AGAIN: &str = "again";

/// Names and values, in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    sent: Vec<(String, String)>,
    /// What no browser sends, and the API would not take either.
    fault: Option<&'static str>,
}

impl Fields {
    /// Reads an `application/x-www-form-urlencoded` body. What cannot be taken as it is can still be shown.
    ///
    /// INVARIANT (one admission): no field holds what strict JSON refuses, and no field stands twice.
    pub fn read(body: &[u8]) -> Self {
        let (mut sent, mut names, mut fault) = (Vec::new(), BTreeSet::new(), None);
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut part = || match String::from_utf8(decoded(parts.next().unwrap_or_default())) {
                Ok(text) if text.contains('\0') => {
                    fault = Some("It held a character that cannot be kept (NUL).");
                    text.replace('\0', "\u{fffd}")
                }
                Ok(text) => text,
                Err(error) => {
                    fault = Some("It held text that is not UTF-8.");
                    String::from_utf8_lossy(error.as_bytes()).into_owned()
                }
            };
            let (name, value) = (part(), one_break(&part()));
            if !names.insert(name.clone()) {
                fault = Some("It said one thing twice.");
            }
            sent.push((name, value));
        }
        Self { sent, fault }
    }

    /// Why the form cannot be taken, if it cannot.
    pub fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    /// Whether a name was sent, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.sent.iter().any(|(known, _)| known == name)
    }

    /// The value of a name; empty if it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.sent.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value of a name, without blanks around it; none: it was not sent, or is empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    /// Words of a name; none: nothing that can be seen.
    pub fn words(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|words| !is_blank(words)).map(str::to_owned)
    }

    /// Lines of a name that are not empty.
    pub fn lines(&self, name: &str) -> Vec<&str> {
        self.get(name).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// What stands under names with this prefix.
    pub fn under(&self, prefix: &str) -> BTreeMap<&str, &str> {
        self.sent.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value.as_str()))).collect()
    }

    /// Everything that a person typed, for a page that has no form for it: label and words.
    pub fn typed(&self) -> Vec<(String, String)> {
        let label = |name: &str| match name {
            "comment" | "reason" => Some("What you wrote".to_owned()),
            "title" => Some("Title".to_owned()),
            "metadata" => Some("What belongs to it".to_owned()),
            _ => name.strip_prefix("field.").map(str::to_owned),
        };
        let typed = self.sent.iter().filter(|(_, value)| !value.trim().is_empty());
        typed.filter_map(|(name, value)| Some((label(name)?, value.clone()))).collect()
    }

    /// All but these.
    pub fn without(&self, left_out: &[&str]) -> Vec<(String, String)> {
        self.sent.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).cloned().collect()
    }

    /// Bytes that stand for all but what says whose form it is: the same form sent again has the same.
    pub fn bytes(&self) -> Vec<u8> {
        let parts = self.without(&["csrf", AGAIN]);
        parts.iter().flat_map(|(name, value)| [name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat()).collect()
    }
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let ahead = rest.clone().take(2).filter_map(|digit| char::from(digit).to_digit(16)).collect::<Vec<_>>();
                match ahead.as_slice() {
                    [high, low] => {
                        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                        rest.next();
                        rest.next();
                    }
                    _ => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    bytes
}

/// A text inside a query of an address.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_is_one_character_and_text_comes_as_it_was_typed() {
        let fields = Fields::read("comment=one%0D%0Atwo+%C3%A4%25&x=&field.a=1&field.b=%zz".as_bytes());
        assert_eq!(fields.get("comment"), "one\ntwo ä%");
        assert_eq!(fields.given("x"), None);
        assert_eq!(fields.under("field."), BTreeMap::from([("a", "1"), ("b", "%zz")]));
        assert_eq!(fields.fault(), None);
    }

    #[test]
    fn what_no_browser_sends_is_shown_and_not_taken() {
        for body in ["comment=a%00b", "comment=%ff", "comment=a&comment=b", "%00=a"] {
            assert!(Fields::read(body.as_bytes()).fault().is_some(), "{body}");
        }
        assert_eq!(Fields::read(b"comment=a%00b").get("comment"), "a\u{fffd}b");
    }

    #[test]
    fn what_was_encoded_reads_back() {
        for text in ["/requests/x?a=b&c=d", "שלום + %", "a b"] {
            assert_eq!(decoded(encoded(text).as_bytes()), text.as_bytes());
        }
    }
}
