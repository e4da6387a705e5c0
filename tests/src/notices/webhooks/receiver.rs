//! A receiver on this machine that does what it is told: a socket, TLS and HTTP by hand, so that it can do all of it wrong. It stands where
//! a name of the internet leads, as far as our side can tell.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use approvals::destinations::Destinations;
use notifications::webhook::wire::{Under, Wire};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::Heard;

/// Where the name leads, by its own account.
pub(super) const PUBLIC: &str = "93.184.216.34";

/// What the receiver does with one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Answers this, and closes.
    Answer(&'static str),
    /// Reads, and says nothing.
    Hang,
    /// Answers byte by byte, and never gets to the end.
    Drip,
    /// Answers 200 with a body without end.
    EndlessBody,
    /// Answers with a head without end.
    EndlessHead,
    /// Closes before it answers.
    Close,
    /// Is somebody else.
    Stranger,
    /// Knows no TLS.
    Plain,
}

pub(super) const OK: Act = Act::Answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

type Acts = Box<dyn FnMut(usize) -> Act + Send>;

#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    roots: RootCertStore,
    shared: Arc<Shared>,
}

struct Shared {
    acts: Mutex<Acts>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    /// Addresses that were called.
    dialled: Mutex<Vec<SocketAddr>>,
    /// Names that were looked up.
    asked: Mutex<Vec<String>>,
    /// Bytes of bodies that were taken from it.
    given: AtomicUsize,
    /// Names that TLS asked for.
    names: Mutex<Vec<String>>,
}

fn certificate(name: &str) -> (Arc<ServerConfig>, RootCertStore) {
    let key = KeyPair::generate().unwrap();
    let made = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.der().clone()).unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    (Arc::new(config.with_single_cert(vec![made.der().clone()], secret).unwrap()), roots)
}

impl Receiver {
    /// At `hooks.example.com`; it answers 200 to everything.
    pub(super) async fn start() -> Self {
        let (own, roots) = certificate("hooks.example.com");
        let (stranger, _) = certificate("hooks.example.com");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            acts: Mutex::new(Box::new(|_| OK)),
            heard: Mutex::default(),
            connections: AtomicUsize::new(0),
            dialled: Mutex::default(),
            asked: Mutex::default(),
            given: AtomicUsize::new(0),
            names: Mutex::default(),
        });
        let receiver = Self { address, roots, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let nth = shared.connections.fetch_add(1, Ordering::SeqCst);
                let act = (shared.acts.lock().unwrap())(nth);
                let tls = TlsAcceptor::from(if act == Act::Stranger { Arc::clone(&stranger) } else { Arc::clone(&own) });
                tokio::spawn(serve(Arc::clone(&shared), stream, tls, act));
            }
        });
        receiver
    }

    /// From now on `acts` says what becomes of each connection, counted from 0.
    pub(super) fn acts(&self, acts: impl FnMut(usize) -> Act + Send + 'static) {
        self.shared.connections.store(0, Ordering::SeqCst);
        *self.shared.acts.lock().unwrap() = Box::new(acts);
    }

    /// Calls that were read to their end since the last time.
    pub(super) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.shared.heard.lock().unwrap())
    }

    /// Connections since the script began.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes of endless bodies that somebody took.
    pub(super) fn given(&self) -> usize {
        self.shared.given.load(Ordering::SeqCst)
    }

    /// Addresses that were called since the last time.
    pub(super) fn dialled(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut *self.shared.dialled.lock().unwrap())
    }

    /// Names that were looked up since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    /// Names that TLS asked for since the last time.
    pub(super) fn names(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.names.lock().unwrap())
    }

    /// The way to it, behind the fence of a deployed service: every name means one public address, and its connections end here.
    pub(super) fn wire(&self, time: Duration) -> Wire {
        self.wire_by(time, |_| vec![PUBLIC.parse().unwrap()])
    }

    /// The same, where names mean what `names` says, asked for the nth time.
    pub(super) fn wire_by(&self, time: Duration, mut names: impl FnMut(usize) -> Vec<IpAddr> + Send + 'static) -> Wire {
        let (mut count, address) = (0, self.address);
        let names = Mutex::new(move || {
            count += 1;
            names(count - 1)
        });
        let (asked, dialled) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        let under = Under {
            names: Arc::new(move |name| {
                asked.asked.lock().unwrap().push(name);
                let found = (names.lock().unwrap())();
                Box::pin(async move { Ok(found) })
            }),
            dial: Arc::new(move |wanted| {
                dialled.dialled.lock().unwrap().push(wanted);
                Box::pin(TcpStream::connect(address))
            }),
            roots: self.roots.clone(),
            time,
        };
        Wire::over(under, Destinations::Internet).unwrap()
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, tls: TlsAcceptor, act: Act) {
    if act == Act::Plain {
        let mut stream = stream;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
    shared.names.lock().unwrap().push(name);
    let Some(heard) = read(&mut stream).await else { return };
    shared.heard.lock().unwrap().push(heard);
    match act {
        Act::Answer(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Act::Hang => std::future::pending().await,
        Act::Drip => {
            for byte in "HTTP/1.1 200 OK\r\nx: ".bytes().chain(std::iter::repeat(b'y')) {
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Act::EndlessBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4_096]).await.is_ok() {
                shared.given.fetch_add(4_096, Ordering::SeqCst);
            }
        }
        Act::EndlessHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(&[b'x'; 4_096]).await.is_ok() {
                shared.given.fetch_add(4_096, Ordering::SeqCst);
            }
        }
        Act::Close | Act::Stranger | Act::Plain => {}
    }
}

/// Reads one call; none if it breaks off.
async fn read(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<Heard> {
    let mut bytes = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let first = lines.next()?.to_owned();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let mut headers: BTreeMap<String, String> = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        headers.insert(":first".to_owned(), first);
        if body.len() == headers["content-length"].parse::<usize>().unwrap() {
            return Some(Heard { id: headers["webhook-id"].clone(), headers, body: body.to_owned() });
        }
    }
}
