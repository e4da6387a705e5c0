//! Webhooks of this machine: kept beside the mails, where `GET /_dev/outbox` shows them. Nothing leaves the machine; addresses on it are
//! called if the server was started so.

use approvals::destinations::Destinations;
use notifications::webhook::carrier::{Answer, Carried, Carrier, Fault, Parcel};
use notifications::webhook::wire::{Under, Wire};
use serde_json::{Value, json};

use crate::engine::post::Post;

/// What a kept webhook's file ends in.
pub(super) const ENDING: &str = "json";

/// Keeps webhooks, and sends those to this machine if it may.
#[derive(Debug)]
pub struct Hooks {
    post: Post,
    loopback: Option<Wire>,
}

impl Hooks {
    /// Keeps all of them, as if their receivers had taken them.
    pub fn kept(post: Post) -> Self {
        Self { post, loopback: None }
    }

    /// The same; those to addresses of this machine are sent as well, and kept once they are taken.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn with_loopback(post: Post) -> Result<Self, String> {
        Ok(Self { post, loopback: Some(Wire::over(Under::system(), Destinations::Loopback)?) })
    }

    async fn take(&self, parcel: &Parcel) -> Result<Answer, Fault> {
        let here = Destinations::Internet.check(&parcel.url).is_err();
        let answer = match &self.loopback {
            Some(wire) if here => wire.carry(parcel).await?,
            None if here => return Err(Fault::Forbidden),
            _ => Answer { status: 200, retry_after: None },
        };
        if (200..300).contains(&answer.status) {
            let kept = json!({ "to": parcel.url, "subject": parcel.kind, "text": parcel.body, "headers": parcel.headers });
            self.post.put(ENDING, kept.to_string().as_bytes()).map_err(|_| Fault::Broken)?;
        }
        Ok(answer)
    }
}

impl Carrier for Hooks {
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Carried<'a> {
        Box::pin(self.take(parcel))
    }
}

/// A kept webhook, or what else went to a system, as the outbox shows it.
pub(super) fn shown(channel: &str, bytes: &[u8]) -> Option<Value> {
    let kept: Value = serde_json::from_slice(bytes).ok()?;
    let text = |name: &str| kept.get(name).and_then(Value::as_str);
    Some(json!({ "channel": channel, "to": text("to")?, "subject": text("subject")?, "text": text("text")?, "html": "" }))
}
