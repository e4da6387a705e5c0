//! Addresses that events may be sent to. The sender checks the resolved address once more, for names can be made to point anywhere.

use http::Uri;

/// Characters of an address.
const URL_CHARS: usize = 2_048;
/// Names that never mean a host on the internet, with all that end in them.
const LOCAL: [&str; 6] = ["localhost", "local", "internal", "intranet", "lan", "home.arpa"];

/// Not an address at all.
pub(super) const INVALID: (&str, &str) =
    ("invalid_url", "an address such as `https://example.com/hooks` of at most 2,048 characters is wanted");

/// Says what is wrong: a code, and what would be right.
pub(super) fn check(url: &str) -> Result<(), (&'static str, &'static str)> {
    if url.len() > URL_CHARS || !url.is_ascii() || url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return Err(INVALID);
    }
    if url.contains('#') {
        return Err(("fragment", "a fragment is never sent; leave `#` and what follows out"));
    }
    let uri: Uri = url.parse().map_err(|_| INVALID)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(INVALID) };
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(("not_https", "events are sent by https only"));
    }
    if authority.as_str().contains('@') {
        return Err(("userinfo", "an address with a user or password in it is not taken; events are signed instead"));
    }
    // Past the host nothing may stand but `:443`; an empty or malformed port would otherwise read as none.
    let host = authority.host();
    if !matches!(authority.as_str().strip_prefix(host), Some("" | ":443")) {
        return Err(("port", "events are sent to port 443 only"));
    }
    check_host(&host.trim_end_matches('.').to_ascii_lowercase())
}

fn check_host(host: &str) -> Result<(), (&'static str, &'static str)> {
    // Every way to write an IPv4 address, `127.1`, `0x7f.1` and `2130706433` included, ends in a label that begins with a digit.
    let last = host.rsplit('.').next().unwrap_or_default();
    if host.starts_with('[') || last.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(("ip_address", "a host's name is wanted, not an address: certificates and checks go by name"));
    }
    let local = |name: &&str| host.strip_suffix(*name).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    if LOCAL.iter().any(local) {
        return Err(("local_host", "a host on the internet is wanted, not one of a local network"));
    }
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    if host.len() > 253 || !host.contains('.') || !host.split('.').all(label) {
        return Err(("invalid_host", "a full host name such as `hooks.example.com` is wanted; write others than ASCII as punycode"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_on_the_internet_by_https_are_taken() {
        for url in [
            "https://example.com",
            "https://example.com:443/hooks?tenant=1&x=%20",
            "HTTPS://Hooks.Example.COM/a/b",
            "https://xn--bcher-kva.example/",
            "https://4chan.example.org.",
            "https://localhost.example.com/",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (url, code) in [
            ("", "invalid_url"),
            ("example.com/hooks", "invalid_url"),
            ("https://", "invalid_url"),
            ("https:///path", "invalid_url"),
            ("https://exa mple.com", "invalid_url"),
            ("https://example.com\\@evil.example", "invalid_url"),
            ("https://bücher.example", "invalid_url"),
            ("https://example.com/#x", "fragment"),
            ("http://example.com", "not_https"),
            ("ftp://example.com", "not_https"),
            ("https://user@example.com", "userinfo"),
            ("https://user:secret@example.com", "userinfo"),
            ("https://example.com:8443", "port"),
            ("https://example.com:80", "port"),
            ("https://example.com:0443", "port"),
            ("https://127.0.0.1/", "ip_address"),
            ("https://127.1/", "ip_address"),
            ("https://0x7f.0x0.0x0.0x1/", "ip_address"),
            ("https://2130706433/", "ip_address"),
            ("https://017700000001/", "ip_address"),
            ("https://169.254.169.254/latest/meta-data", "ip_address"),
            ("https://10.0.0.1.", "ip_address"),
            ("https://[::1]/", "ip_address"),
            ("https://[::ffff:127.0.0.1]/", "ip_address"),
            ("https://localhost/", "local_host"),
            ("https://LOCALHOST./", "local_host"),
            ("https://x.localhost/", "local_host"),
            ("https://metadata.google.internal/", "local_host"),
            ("https://printer.local", "local_host"),
            ("https://intern/", "invalid_host"),
            ("https://-a.example/", "invalid_host"),
            ("https://a..example/", "invalid_host"),
            ("https://a*.example/", "invalid_host"),
        ] {
            assert_eq!(check(url).unwrap_err().0, code, "{url}");
        }
        assert!(check(&format!("https://example.com/{}", "x".repeat(2_048))).is_err());
    }
}
