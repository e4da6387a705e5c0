//! Whom functions believe to be AWS: Amazon's own roots. The system's hundred and forty take longer to read than all else at a start, and
//! none of the others has a word in it. `tests/src/deployment` compares these with Mozilla's list.

use std::ffi::OsString;

use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Amazon Root CA 1 to 4, and the one of Starfield Services that they are signed by for old clients.
pub const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// Partitions of AWS with roots of their own.
const ELSEWHERE: &[&str] = &["cn-", "us-iso", "eu-iso"];

/// The TLS of every client.
pub const TLS: tls::Provider = tls::Provider::Rustls(CryptoMode::Ring);

/// Whom a client of AWS believes. The system's roots where somebody names them by `SSL_CERT_FILE` or `SSL_CERT_DIR`, as for an emulator.
pub fn aws() -> TlsContext {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let region = std::env::var("AWS_REGION").unwrap_or_default();
    if set("SSL_CERT_FILE") || set("SSL_CERT_DIR") || ELSEWHERE.iter().any(|partition| region.starts_with(partition)) {
        return TlsContext::default();
    }
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    TlsContext::builder().with_trust_store(amazon).build().unwrap_or_default()
}

/// The HTTP client under the SDK.
pub fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(TLS).tls_context(aws()).build_https()
}

/// A file with authorities that an issuer may be certified by, besides those that browsers trust: `SSL_CERT_FILE`.
pub fn further_authorities() -> Option<OsString> {
    std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty())
}
