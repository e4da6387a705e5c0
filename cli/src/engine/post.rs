//! A post office in this process, behind the SDK's HTTP client: SES's `SendEmail`. What is sent lands as a file in a folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::queues::json_response;

/// A folder of sent messages, one file each, numbered in the order sent. Clones share it.
#[derive(Clone)]
pub struct Post(Arc<Folder>);

struct Folder {
    path: PathBuf,
    next: Mutex<u64>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

impl Post {
    /// Opens or makes the folder; what lies there stays.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let next = files(path)?.iter().filter_map(|file| number(file)).max().map_or(1, |last| last + 1);
        Ok(Self(Arc::new(Folder { path: path.to_owned(), next: Mutex::new(next) })))
    }

    /// The seam: an SDK HTTP client that is answered in this process.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// Puts a message down as the next file, whole or not at all; gives its number. `ending` says what it is, such as `eml`.
    ///
    /// # Errors
    /// If the folder takes no file.
    pub fn put(&self, ending: &str, bytes: &[u8]) -> std::io::Result<u64> {
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.0.path.join(format!("{:06}.{ending}", *next));
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, bytes)?;
        std::fs::rename(&fresh, &file)?;
        *next += 1;
        Ok(*next - 1)
    }

    /// All messages in the order sent: what they are, and their bytes.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn all(&self) -> std::io::Result<Vec<(String, Vec<u8>)>> {
        let mut files: Vec<PathBuf> = files(&self.0.path)?.into_iter().filter(|file| number(file).is_some()).collect();
        files.sort();
        files.into_iter().map(|file| Ok((ending(&file).to_owned(), std::fs::read(file)?))).collect()
    }

    fn answer(&self, request: &HttpRequest) -> (u16, Value) {
        if !request.uri().ends_with("/v2/email/outbound-emails") {
            return (404, json!({ "message": "the embedded post office only sends" }));
        }
        let ask: Option<Value> = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let raw = ask.as_ref().and_then(|ask| ask.pointer("/Content/Raw/Data")).and_then(Value::as_str);
        let Some(mime) = raw.and_then(|raw| STANDARD.decode(raw).ok()) else {
            return (400, json!({ "__type": "BadRequestException", "message": "only raw mails are sent here" }));
        };
        match self.put("eml", &mime) {
            Ok(number) => (200, json!({ "MessageId": format!("mail-{number}") })),
            Err(error) => (500, json!({ "message": error.to_string() })),
        }
    }
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn ending(file: &Path) -> &str {
    file.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

fn number(file: &Path) -> Option<u64> {
    if ending(file) == "new" { None } else { file.file_stem()?.to_str()?.parse().ok() }
}

impl HttpClient for Post {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Post {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.answer(&request);
        HttpConnectorFuture::ready(json_response(status, &body, "application/json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_order_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let post = Post::open(folder.path()).unwrap();
        post.put("eml", b"one").unwrap();
        post.put("json", b"two").unwrap();
        std::fs::write(folder.path().join("000003.new"), b"half").unwrap();
        let again = Post::open(folder.path()).unwrap();
        assert_eq!(again.put("eml", b"three").unwrap(), 3);
        let all: Vec<_> =
            again.all().unwrap().into_iter().map(|(kind, bytes)| format!("{kind} {}", String::from_utf8(bytes).unwrap())).collect();
        assert_eq!(all, ["eml one", "json two", "eml three"]);
    }
}
