//! Where events may be sent: one policy, asked when an administrator writes an address and again on every connect.
//!
//! INVARIANT (SSRF): no byte goes to an address that is not global, whatever a name resolves to at that moment. A name is resolved once for
//! each connect, every address it gives is judged, and the connection is made to one of those, not to the name.

mod address;
pub mod ranges;

use std::net::IpAddr;

use http::Uri;

/// Which addresses are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Destinations {
    /// https, port 443, a host by name, on the internet. The only policy of a deployed service.
    #[default]
    Internet,
    /// Also `http` and `https` on any port of this machine. Only the development server knows it, and only when told so.
    Loopback,
}

/// Where exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name, or an address of this machine.
    pub host: String,
    /// 443, but on this machine.
    pub port: u16,
    /// By https.
    pub tls: bool,
    /// With the query, and a slash at its beginning.
    pub path: String,
    /// On this machine, as the policy allows.
    local: bool,
}

impl Destinations {
    /// Whether events may be sent to this address.
    ///
    /// # Errors
    /// A code, and what would be right.
    pub fn check(self, url: &str) -> Result<(), (&'static str, &'static str)> {
        self.target(url).map(|_| ())
    }

    /// Reads an address that events may be sent to.
    ///
    /// # Errors
    /// A code, and what would be right.
    pub fn target(self, url: &str) -> Result<Target, (&'static str, &'static str)> {
        if self == Self::Loopback
            && let Some(target) = local(url)
        {
            return Ok(target);
        }
        address::check(url)?;
        let uri: Uri = url.parse().map_err(|_| address::INVALID)?;
        let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        Ok(Target { host, port: 443, tls: true, path: path(&uri), local: false })
    }
}

impl Target {
    /// Whether a connection may be made to an address its host has now.
    pub fn may_be(&self, address: IpAddr) -> bool {
        if self.local { address.is_loopback() } else { ranges::is_global(address) }
    }

    /// What stands in `host`.
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

fn path(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), |path| if path.path().is_empty() { format!("/{path}") } else { path.to_string() })
}

/// An address on this machine, by a name that can mean no other.
fn local(url: &str) -> Option<Target> {
    let uri: Uri = url.parse().ok()?;
    let tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    (here && plain && !url.contains('#')).then(|| Target { host, port, tls, path: path(&uri), local: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_what_its_address_says() {
        let target = |url: &str| Destinations::Internet.target(url).unwrap();
        let plain = target("https://Hooks.Example.COM.");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls, plain.path.as_str()), ("hooks.example.com", 443, true, "/"));
        assert_eq!(target("https://example.com:443/a/b?c=%20d").path, "/a/b?c=%20d");
        assert_eq!(target("https://example.com?c").path, "/?c");
        assert_eq!(target("https://example.com/a").authority(), "example.com");
    }

    #[test]
    fn this_machine_is_reached_only_by_its_own_policy_and_nothing_else_through_it() {
        for url in ["http://127.0.0.1:9000/x", "https://localhost/x", "http://[::1]:80/", "http://127.8.9.1/"] {
            assert!(Destinations::Internet.check(url).is_err(), "{url}");
            let target = Destinations::Loopback.target(url).unwrap();
            assert!(target.may_be("127.0.0.1".parse().unwrap()), "{url}");
            // A `localhost` that resolves elsewhere is none.
            for elsewhere in ["10.0.0.1", "169.254.169.254", "93.184.216.34", "::ffff:127.0.0.1"] {
                assert!(!target.may_be(elsewhere.parse().unwrap()), "{url} at {elsewhere}");
            }
        }
        for url in
            ["http://127.0.0.1@example.com/", "http://10.0.0.1/", "http://localhost.example.com/", "ftp://localhost/", "http://example.com"]
        {
            assert!(Destinations::Loopback.check(url).is_err(), "{url}");
        }
        let internet = Destinations::Loopback.target("https://example.com/").unwrap();
        assert!(!internet.may_be("127.0.0.1".parse().unwrap()), "the exception is for addresses that say so themselves");
    }
}
