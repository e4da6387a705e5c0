//! Calls to the issuer: HTTPS by the authorities that browsers trust, and by those of `SSL_CERT_FILE` (an issuer with an authority of its own);
//! plain HTTP to this machine only. Short, bounded, without redirects.

use std::sync::Arc;
use std::time::Duration;

use approvals::runtime::trust;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, Method, Request, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// So long one call may take.
const TIME: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 256 * 1024;

/// A way to the issuer.
#[derive(Clone)]
pub(super) struct Http(TlsConnector);

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

/// A form for the issuer, with what proves the client.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) body: String,
    pub(super) basic: Option<String>,
}

impl Http {
    pub(super) fn new() -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(file) = trust::further_authorities() {
            let own = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            roots.add_parsable_certificates(own.map_err(|error| format!("SSL_CERT_FILE: {error}"))?);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// What lies at an address. Errors say what went wrong, and never what was sent.
    pub(super) async fn get(&self, address: &str) -> Result<Bytes, String> {
        self.call(address, Method::GET, None).await
    }

    /// The answer to a form.
    pub(super) async fn post(&self, address: &str, form: Form) -> Result<Bytes, String> {
        self.call(address, Method::POST, Some(form)).await
    }

    async fn call(&self, address: &str, method: Method, form: Option<Form>) -> Result<Bytes, String> {
        let answer = timeout(TIME, self.exchange(address, method, form)).await;
        answer.map_err(|_| format!("{address} did not answer in {} seconds", TIME.as_secs()))?.map_err(|what| format!("{address}: {what}"))
    }

    async fn exchange(&self, address: &str, method: Method, form: Option<Form>) -> Result<Bytes, String> {
        let uri: Uri = address.parse().map_err(|_| "no address")?;
        let host = uri.host().ok_or("no host")?;
        let tls = is_tls(&uri)?;
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await.map_err(|error| error.to_string())?;
        let request = request(&uri, method, form)?;
        if !tls {
            return send(stream, request).await;
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| "no name of a host")?;
        send(self.0.connect(name, stream).await.map_err(|error| error.to_string())?, request).await
    }
}

/// Whether an address is reached by TLS. Without it only this machine is.
fn is_tls(uri: &Uri) -> Result<bool, String> {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(true),
        (Some("http"), Some("127.0.0.1" | "localhost" | "[::1]")) => Ok(false),
        _ => Err("an issuer is reached by https".to_owned()),
    }
}

fn request(uri: &Uri, method: Method, form: Option<Form>) -> Result<Request<Full<Bytes>>, String> {
    let authority = uri.authority().ok_or("no host")?.as_str();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method).uri(path).header(HOST, authority).header(ACCEPT, "application/json");
    let body = match form {
        None => Bytes::new(),
        Some(Form { body, basic }) => {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(basic) = basic {
                let mut value = HeaderValue::try_from(basic).map_err(|_| "a client's secret that no header can hold")?;
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
            Bytes::from(body)
        }
    };
    request.body(Full::new(body)).map_err(|error| error.to_string())
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Bytes, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // Ends with this call, whatever the other side still has to say.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?.to_bytes();
    if status.is_success() { Ok(body) } else { Err(format!("answered {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_nowhere_but_to_this_machine() {
        for (address, tls) in
            [("https://id.example/a", Some(true)), ("http://127.0.0.1:4000/x", Some(false)), ("http://localhost/x", Some(false))]
        {
            assert_eq!(is_tls(&address.parse().unwrap()).ok(), tls, "{address}");
        }
        for bad in ["http://id.example/a", "ftp://127.0.0.1/", "http://127.0.0.1.example/"] {
            assert!(is_tls(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }
}
