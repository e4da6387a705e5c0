//! Mail addresses: one rule for the directory, which takes them, and the mailer, which sends to them.

/// Characters of an address (RFC 5321: a path of 256 with its two brackets).
const CHARS: usize = 254;
/// Bytes of what stands before the `@`, with its quotes (RFC 5321).
const LOCAL_BYTES: usize = 64;

/// An address as a mail is sent to it: ASCII, its host by IDNA, and what stands before the `@` in quotes where RFC 5322 asks for them. Some
/// providers gave out addresses such as `taro.@docomo.ne.jp`: in quotes they are sound, and go where they went before.
///
/// # Errors
/// Why no mail can be sent there.
pub fn sendable(text: &str) -> Result<String, &'static str> {
    if text.chars().count() > CHARS {
        return Err("an address has at most 254 characters");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("an address has no blanks and no control characters");
    }
    let (local, host) = text.rsplit_once('@').ok_or("an address has an `@`, as in `alice@example.com`")?;
    Ok(format!("{}@{}", before(local)?, behind(host)?))
}

fn before(written: &str) -> Result<String, &'static str> {
    let local = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(written);
    if local.is_empty() {
        return Err("something stands before the `@`");
    }
    if !local.is_ascii() {
        return Err("letters outside ASCII before the `@` cannot be delivered: the mail service does not speak SMTPUTF8");
    }
    if !local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b)) {
        return Err("before the `@` only letters, digits and ! # $ % & ' * + - / = ? ^ _ ` { | } ~ . can be delivered");
    }
    let sound = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let sent = if sound { local.to_owned() } else { format!("\"{local}\"") };
    if sent.len() > LOCAL_BYTES {
        return Err("before the `@` stand at most 64 characters");
    }
    Ok(sent)
}

fn behind(host: &str) -> Result<String, &'static str> {
    if host.starts_with('[') {
        return Err("the mail service sends to names of hosts, not to numbers in brackets");
    }
    let host = idna::domain_to_ascii_strict(host).map_err(|_| "what stands behind the `@` is no name of a host")?;
    let sound = |label: &str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !ends && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let numbers = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if host.len() > 253 || numbers || !host.split('.').all(sound) {
        return Err("what stands behind the `@` is no name of a host: parts of letters, digits and `-`, with one dot between two");
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_addresses_that_people_have_are_sent_to() {
        for (text, sent) in [
            ("alice@example.com", "alice@example.com"),
            ("o'neil+x@localhost", "o'neil+x@localhost"),
            ("taro.@docomo.ne.jp", "\"taro.\"@docomo.ne.jp"),
            ("\"taro.\"@docomo.ne.jp", "\"taro.\"@docomo.ne.jp"),
            (".a..b@docomo.ne.jp", "\".a..b\"@docomo.ne.jp"),
            ("ann@müller.de", "ann@xn--mller-kva.de"),
            ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
            ("Ann@Example.COM", "Ann@example.com"),
        ] {
            assert_eq!(sendable(text).as_deref(), Ok(sent));
        }
    }

    #[test]
    fn t15_what_no_mail_reaches_is_refused_with_the_reason() {
        let long = format!("{}@example.com", "x".repeat(65));
        for (text, why) in [
            ("", "`@`"),
            ("alice", "`@`"),
            ("@example.com", "before"),
            ("\"\"@example.com", "before"),
            ("jürgen@example.com", "SMTPUTF8"),
            ("a@b@c.example", "before the `@` only"),
            ("a,b@example.com", "before the `@` only"),
            ("\"a b\"@example.com", "blanks"),
            ("a b@c.d", "blanks"),
            ("a@b.c\r\nbcc: x@y.z", "blanks"),
            ("alice@", "host"),
            ("x@a..com", "host"),
            ("x@.a.com", "host"),
            ("x@a.com.", "host"),
            ("x@-a.com", "host"),
            ("x@a_b.com", "host"),
            ("x@[192.0.2.1]", "brackets"),
            ("x@192.0.2.1", "host"),
            (&long, "64"),
        ] {
            assert!(sendable(text).unwrap_err().contains(why), "{text}: {:?}", sendable(text));
        }
        assert!(sendable(&format!("a@{}.example", "x".repeat(300))).is_err());
    }
}
