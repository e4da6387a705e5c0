//! The engine on a TCP port of 127.0.0.1, for whoever is not in this process: the AWS CLI, `sam local`. Web pages are kept out.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::operations::Operations;
use crate::fence::{Allowed, Fence};

/// DynamoDB's own limit of a request body.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A listening engine; it stops when this is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Loopback {
    /// Listens on `port` of 127.0.0.1 (0: any free one). Signatures are not checked, hence never any other interface. Callers may name
    /// the port by further hosts; no page of any origin may call it.
    pub(super) async fn listen(port: u16, operations: Operations, hosts: &Allowed) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/", post(answer)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(operations);
        let router = Fence::new(address, hosts).around(router);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the engine's port is closed");
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens; what `AWS_ENDPOINT_URL_DYNAMODB` wants is `http://` in front of it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(operations): State<Operations>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let reply = operations.call(target, &body).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, kind, reply.body)
}
