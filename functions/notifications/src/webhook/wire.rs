//! Over the internet: HTTPS to port 443, on a connection that is made for one call. No redirect is followed, no proxy is asked.
//!
//! INVARIANT (SSRF): the name is resolved once, all its addresses are judged before the first connect, and the connection goes to an
//! address that was judged. A name that means another address a moment later changes nothing.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use approvals::destinations::{Destinations, Target};
use approvals_domain::limits;
use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::carrier::{Answer, Carried, Carrier, Fault, Parcel};

/// So long one address may take to accept a connection, so that there is time for another.
const CONNECT: Duration = Duration::from_secs(3);
/// Bytes of an answer's head.
const HEAD_BYTES: usize = 16 * 1024;

/// A value to come.
type Coming<T> = Pin<Box<dyn Future<Output = std::io::Result<T>> + Send>>;
/// What a name means now.
pub type Names = Arc<dyn Fn(String) -> Coming<Vec<IpAddr>> + Send + Sync>;
/// A connection to an address.
pub type Dial = Arc<dyn Fn(SocketAddr) -> Coming<TcpStream> + Send + Sync>;

/// The way over the internet.
#[derive(Clone)]
pub struct Wire {
    destinations: Destinations,
    names: Names,
    dial: Dial,
    tls: TlsConnector,
    time: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// What lies under the way; tests lay something else there.
#[derive(Clone)]
pub struct Under {
    /// What names mean.
    pub names: Names,
    /// How connections are made.
    pub dial: Dial,
    /// Who vouches for receivers.
    pub roots: RootCertStore,
    /// How long one call may take.
    pub time: Duration,
}

impl fmt::Debug for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Under")
    }
}

impl Under {
    /// The system's names and connections, and the certificate authorities that browsers trust.
    pub fn system() -> Self {
        Self {
            names: Arc::new(|host| {
                Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
            }),
            dial: Arc::new(|address| Box::pin(TcpStream::connect(address))),
            roots: RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            time: Duration::from_secs(limits::WEBHOOK_SECONDS),
        }
    }
}

impl Wire {
    /// To the internet and nowhere else: what is deployed.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn internet() -> Result<Self, String> {
        Self::over(Under::system(), Destinations::Internet)
    }

    /// Over something else, to other destinations: for tests and the development server.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn over(under: Under, destinations: Destinations) -> Result<Self, String> {
        let Under { names, dial, roots, time } = under;
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { destinations, names, dial, tls: TlsConnector::from(Arc::new(config)), time })
    }

    async fn call(&self, target: &Target, parcel: &Parcel, answer: &mut Option<Answer>) -> Result<(), Fault> {
        let stream = self.connect(target).await?;
        if !target.tls {
            return exchange(stream, target, parcel, answer).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| Fault::Forbidden)?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| Fault::Tls)?;
        exchange(stream, target, parcel, answer).await
    }

    /// One connection to an address that was judged, or none at all.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Fault> {
        let bare = target.host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => (self.names)(target.host.clone()).await.map_err(|_| Fault::Unresolved)?,
        };
        if addresses.is_empty() {
            return Err(Fault::Unresolved);
        }
        if !addresses.iter().all(|address| target.may_be(*address)) {
            return Err(Fault::Forbidden);
        }
        for address in addresses.into_iter().take(limits::WEBHOOK_ADDRESSES) {
            if let Ok(Ok(stream)) = timeout(CONNECT, (self.dial)(SocketAddr::new(address, target.port))).await {
                return Ok(stream);
            }
        }
        Err(Fault::Unreachable)
    }
}

impl Carrier for Wire {
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Carried<'a> {
        Box::pin(async move {
            let target = self.destinations.target(&parcel.url).map_err(|_| Fault::Forbidden)?;
            let mut answer = None;
            let outcome = timeout(self.time, self.call(&target, parcel, &mut answer)).await;
            // Once it has answered, what goes on behind the head changes nothing.
            match (answer, outcome) {
                (Some(answer), _) => Ok(answer),
                (None, Ok(Err(fault))) => Err(fault),
                (None, Ok(Ok(()))) => Err(Fault::Broken),
                (None, Err(_)) => Err(Fault::TimedOut),
            }
        })
    }
}

async fn exchange<S>(stream: S, target: &Target, parcel: &Parcel, answer: &mut Option<Answer>) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::new(Full::new(Bytes::from(parcel.body.clone())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().map_err(|_| Fault::Forbidden)?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(target.authority()).map_err(|_| Fault::Forbidden)?);
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in &parcel.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(|_| Fault::Forbidden)?);
    }
    let made = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = made.map_err(|_| Fault::Broken)?;
    // Ends with this call, whatever the other side still has to say.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|_| Fault::Broken)?;
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    *answer = Some(Answer { status: response.status().as_u16(), retry_after });
    swallow(response.into_body()).await;
    Ok(())
}

/// Reads what a polite receiver sends, and throws it away.
async fn swallow(mut body: Incoming) {
    let mut bytes = 0;
    while bytes < limits::WEBHOOK_ANSWER_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}
