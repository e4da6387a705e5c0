//! The archive in S3, over the HTTP client and the TLS that everything else here uses.

use std::time::Duration;

use approvals::runtime::trust;
use async_trait::async_trait;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential, Checksum};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long S3 may take to begin an answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Who calls S3, and where it is.
#[derive(Clone)]
pub struct Access {
    /// The bucket's region, such as `eu-west-1`.
    pub region: String,
    /// Of the credentials.
    pub key_id: String,
    /// Of the credentials.
    pub secret_key: String,
    /// Of temporary credentials.
    pub token: Option<String>,
    /// Instead of S3 itself: an emulator.
    pub endpoint: Option<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("region", &self.region).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A bucket. What is put says its SHA-256, which a bucket with Object Lock asks for.
///
/// # Errors
/// If the access makes no sense, such as an endpoint that is no address.
pub fn open(name: &str, access: &Access) -> Result<AmazonS3, object_store::Error> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(&access.region)
        .with_access_key_id(&access.key_id)
        .with_secret_access_key(&access.secret_key)
        .with_checksum_algorithm(Checksum::SHA256)
        // One object at a time: nothing but what was staged is ever taken away.
        .with_disable_bulk_delete(true)
        .with_http_connector(Ours);
    if let Some(token) = &access.token {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    builder.build()
}

/// One signed GET of a bucket, for what `object_store` has no words for: its old versions. `path` is a key, or empty for the bucket itself.
///
/// # Errors
/// If S3 does not answer, or refuses.
pub async fn get(name: &str, access: &Access, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, object_store::Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
    let base = access.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", access.region));
    let query: Vec<String> = query.iter().map(|(key, value)| format!("{}={}", escaped(key, false), escaped(value, false))).collect();
    let place = if path.is_empty() { name.to_owned() } else { format!("{name}/{}", escaped(path, true)) };
    let address = format!("{}/{place}?{}", base.trim_end_matches('/'), query.join("&"));
    let mut request = http::Request::get(address).body(HttpRequestBody::empty()).map_err(|error| failed(error.into()))?;
    let (key_id, secret_key, token) = (access.key_id.clone(), access.secret_key.clone(), access.token.clone());
    let credential = AwsCredential { key_id, secret_key, token };
    AwsAuthorizer::new(&credential, "s3", &access.region).try_authorize(&mut request, None)?;
    let answer = Ours.connect(&ClientOptions::default())?.execute(request).await.map_err(|error| failed(error.into()))?;
    let status = answer.status();
    let bytes = answer.into_body().bytes().await.map_err(|error| failed(error.into()))?;
    if !status.is_success() {
        let words = String::from_utf8_lossy(bytes.get(..bytes.len().min(300)).unwrap_or_default()).into_owned();
        return Err(failed(format!("{status}: {words}").into()));
    }
    Ok(bytes.to_vec())
}

/// As a signature wants it: everything but letters, digits and `-._~`; in a path slashes stay.
fn escaped(text: &str, path: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (path && byte == b'/');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Makes clients of [`Wire`].
#[derive(Debug)]
struct Ours;

impl HttpConnector for Ours {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let connector = Connector::builder()
            .tls_provider(trust::TLS)
            .tls_context(trust::aws())
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .build();
        Ok(HttpClient::new(Wire(connector)))
    }
}

/// The AWS SDK's HTTP client, as `object_store` calls one.
#[derive(Debug)]
struct Wire(Connector);

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let request = http::Request::from_parts(parts, SdkBody::from(bytes));
        let request = request.try_into().map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let response = self.0.call(request).await.map_err(failed)?;
        let response = response.try_into_http1x().map_err(|error| HttpError::new(HttpErrorKind::Decode, error))?;
        let (parts, body) = response.into_parts();
        // Answers are files of a log, or a page of their names: all of it is used at once.
        let bytes = body.collect().await.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(bytes)))
    }
}

/// What `object_store` needs to know to try again.
fn failed(error: ConnectorError) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_io() => HttpErrorKind::Interrupted,
        () => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
