//! What a body's shape does not say of its texts.

use std::collections::BTreeSet;

use approvals_domain::amount::Amount;
use approvals_domain::facts::Delegation;
use approvals_domain::limits;
use approvals_domain::payload::{Attachment, is_blank};

use crate::store::requests::one_break;
use crate::wire::fault::{Fault, Faults, invalid};

/// Characters of a currency's name.
const CURRENCY_CHARS: usize = 16;

/// Said of a text that is not empty, and yet nothing can be read in it.
pub const UNSEEN: &str = "the text has only blanks or characters that cannot be seen: write at least one that can";

/// Checks a title: one line of 1 to 200 characters.
pub fn check_title(title: &str) -> Result<(), Faults> {
    let length = title.chars().count();
    if title.is_empty() || length > limits::TITLE_CHARS {
        return Err(invalid("/title", "length", format!("a title has 1 to {} characters, not {length}", limits::TITLE_CHARS)));
    }
    if is_blank(title) {
        return Err(invalid("/title", "length", UNSEEN.to_owned()));
    }
    if title.chars().any(|c| c.is_control()) {
        return Err(invalid("/title", "control_character", "a title is one line without control characters".to_owned()));
    }
    Ok(())
}

/// Checks a comment or reason: 1 to 4,000 characters, a line break counted as one, none of them NUL.
pub fn check_words(pointer: &str, words: &str) -> Result<(), Faults> {
    let length = one_break(words).chars().count();
    if words.is_empty() || length > limits::COMMENT_CHARS {
        return Err(invalid(pointer, "length", format!("1 to {} characters are allowed, not {length}", limits::COMMENT_CHARS)));
    }
    if words.contains('\0') {
        return Err(invalid(pointer, "control_character", "a text holds a NUL character".to_owned()));
    }
    if is_blank(words) {
        return Err(invalid(pointer, "length", UNSEEN.to_owned()));
    }
    Ok(())
}

/// What is wrong with a new delegation's scope, all of it.
pub fn check_scope(delegation: &Delegation) -> Vec<Fault> {
    let Delegation { templates, steps, max, .. } = delegation;
    let mut faults = Vec::new();
    let scopes = [("/templates", templates.as_ref().map(BTreeSet::len)), ("/steps", steps.as_ref().map(BTreeSet::len))];
    for (pointer, count) in scopes {
        if count.is_some_and(|count| count == 0 || count > limits::DELEGATION_SCOPE) {
            faults.push(Fault::new(pointer, "length", format!("1 to {} are allowed; leave it out for all", limits::DELEGATION_SCOPE)));
        }
    }
    let names = templates.iter().flatten().map(|key| key.as_str().len());
    let bytes: usize = names.chain(steps.iter().flatten().map(|step| step.as_str().len())).sum();
    if bytes > limits::DELEGATION_SCOPE_BYTES {
        let most = limits::DELEGATION_SCOPE_BYTES;
        faults.push(Fault::new(
            "",
            "scope_too_long",
            format!("the names of templates and steps have {bytes} bytes together, more than {most}"),
        ));
    }
    if let Some(Amount { value, currency }) = max {
        if !value.is_finite() || *value < 0.0 {
            faults.push(Fault::new("/max/amount", "out_of_range", "a number of at least 0 is wanted"));
        }
        let length = currency.chars().count();
        if is_blank(currency) || length > CURRENCY_CHARS {
            faults.push(Fault::new("/max/currency", "length", format!("1 to {CURRENCY_CHARS} characters are allowed, not {length}")));
        } else if currency.chars().any(char::is_control) {
            faults.push(Fault::new("/max/currency", "control_character", "one line without control characters is wanted"));
        }
    }
    faults
}

/// Checks references to files.
pub fn check_attachments(attachments: &[Attachment]) -> Result<(), Faults> {
    if attachments.len() > limits::ATTACHMENTS {
        return Err(invalid("/attachments", "too_many", format!("at most {} attachments are allowed", limits::ATTACHMENTS)));
    }
    for (index, file) in attachments.iter().enumerate() {
        let at = |field: &str| format!("/attachments/{index}/{field}");
        let hex = file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        let short = |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
        let wrong = [
            (!short(&file.name, 255), "name", "1 to 255 characters on one line"),
            (!short(&file.media_type, 127) || !file.media_type.contains('/'), "media_type", "a media type such as `application/pdf`"),
            (!hex, "sha256", "64 hexadecimal digits"),
            (!is_address(&file.url), "url", "an https address of at most 2,048 characters of RFC 3986, without a user's name in it"),
        ];
        if let Some((_, field, right)) = wrong.into_iter().find(|(wrong, _, _)| *wrong) {
            return Err(invalid(&at(field), "invalid", format!("expected {right}")));
        }
    }
    Ok(())
}

/// Whether a text is an address that can stand in a page as it is, and whose host is where it leads.
fn is_address(text: &str) -> bool {
    let spelled = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let escapes = text.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit()));
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, port),
        None => (authority, "443"),
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    };
    text.len() <= 2_048 && text.bytes().all(spelled) && escapes && named && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t16_a_line_break_counts_as_one_character() {
        let words = format!("{}\r\n", "x".repeat(3_999));
        assert!(check_words("/comment", &words).is_ok());
        assert!(check_words("/comment", &format!("{words}x")).is_err());
        assert!(check_words("/comment", &"a\r\n".repeat(2_000)).is_ok());
    }

    #[test]
    fn a_text_in_which_nothing_can_be_seen_is_refused_in_words_that_say_so() {
        for unseen in ["  ", "\u{200b}", "\u{2060}\u{3164}", "\u{ad}", "\u{2800}"] {
            assert_eq!(check_words("/reason", unseen).unwrap_err().detail, UNSEEN, "{unseen:?}");
            assert_eq!(check_title(unseen).unwrap_err().detail, UNSEEN, "{unseen:?}");
        }
        assert_eq!(check_words("/reason", "").unwrap_err().detail, "1 to 4000 characters are allowed, not 0");
    }

    #[test]
    fn an_attachment_lies_where_its_address_says() {
        for fine in [
            "https://a.example/x.pdf",
            "https://a.example:8443/a%20b?sig=a+b/c&x=(1)#p",
            "https://[2001:db8::1]/x",
            "https://xn--bcher-kva.example/'",
        ] {
            assert!(is_address(fine), "{fine}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2_048));
        for bad in [
            "https://bank.example@evil.example/x",
            "https://user:word@evil.example/",
            "https://a.example/<script>",
            "https://a.example/\"onclick=",
            "https://a.example/a b",
            "https://a.example/\\evil",
            "https://a.example/%zz",
            "https://a.example/%2",
            "https://a.example/é",
            "https://a.example/\u{202e}fdp",
            "https://",
            "https:///x",
            "https://:443/x",
            "http://a.example/x",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
