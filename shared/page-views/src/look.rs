//! The one stylesheet and the one script, and the policy that allows them and nothing else.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Inline on each page.
pub const STYLE: &str = include_str!("../assets/style.css");
/// Inline on each page of a session: says five minutes before the session ends that it does. No task needs it.
pub const SCRIPT: &str = include_str!("../assets/page.js");

/// `Content-Security-Policy` of each page. No host stands in it, the own one only for forms.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_the_style_names_no_place() {
        assert!(SCRIPT.len() <= 4_096, "{} bytes", SCRIPT.len());
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("//") && !text.contains("url(") && !text.contains("@import") && !text.contains("</"));
        }
    }

    #[test]
    fn the_policy_names_no_host_and_allows_no_inline_code_but_ours() {
        for unwanted in ["unsafe", "http", "*", "data:"] {
            assert!(!POLICY.contains(unwanted), "{}", *POLICY);
        }
    }
}
