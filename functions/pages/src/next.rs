//! Where a login leads: a page of ours, and nowhere else.

use approvals::web::form::encoded;

/// A path of this site: it begins with one slash, and nothing in it can be taken for a host.
pub(crate) fn own_path(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    // What is no page to come back to: the way in and out, and what is not for people.
    let page = next.split(['?', '#']).next().unwrap_or(next);
    let own = own
        && !["/login", "/logout", "/v1", "/_dev"]
            .iter()
            .any(|no| page == *no || page.strip_prefix(no).is_some_and(|rest| rest.starts_with('/')));
    if own && next.len() <= 2_000 && !next.chars().any(char::is_control) { next } else { "/" }
}

/// A path as an address is written: what is no ASCII in it is encoded.
pub(crate) fn ascii(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_graphic() { c.to_string() } else { encoded(&c.to_string()) }).collect()
}

#[cfg(test)]
mod tests {
    use super::{ascii, own_path};

    #[test]
    fn after_a_login_nobody_is_led_elsewhere() {
        for own in ["/", "/requests/x", "/?template=a&cursor=b", "/new/purchase_order", "/find?q=/login"] {
            assert_eq!(own_path(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "evil",
            "/a\r\nb",
            "\\/x",
            "/logout",
            "/login?next=/",
            "/login/first",
            "/v1/me",
            "/_dev/mail",
        ] {
            assert_eq!(own_path(other), "/", "{other:?}");
        }
        assert_eq!(ascii("/find?q=ä b&x=%20"), "/find?q=%C3%A4%20b&x=%20");
    }
}
