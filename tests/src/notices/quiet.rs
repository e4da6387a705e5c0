//! I18: whatever fails on the way of a mail, the logs hold no address, no link and nobody's words.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::rig::Rig;
use crate::stage::seam::Fault;

/// What is logged on this thread.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_holds_an_address_a_link_or_anybodys_words() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_max_level(tracing::Level::INFO).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    let records = rig.stream().await;
    for fault in [Fault::DropBefore, Fault::Throttle, Fault::ServerError] {
        rig.script(move |_| fault);
        rig.relay(records.clone()).await;
        rig.heal();
        rig.relay(records.clone()).await;
        rig.db.script(move |_| fault);
        rig.deliver().await;
        rig.heal();
    }
    for fault in [
        Fault::DropAfter,
        Fault::Hang,
        Fault::Answer(429, "TooManyRequestsException"),
        Fault::Answer(500, "InternalFailure"),
        Fault::Answer(400, "AccountSuspendedException"),
        Fault::Answer(400, "MessageRejected"),
    ] {
        rig.ses.script(move |_| fault);
        rig.deliver().await;
        rig.stage.advance_seconds(120);
    }
    let link = rig.sent()[0].bytes.clone();
    let mail = mail_parser::MessageParser::default().parse(&link).unwrap().body_text(0).unwrap().into_owned();
    let token = mail.split("/v1/actions/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let logs = lines.text();
    assert!(logs.lines().count() > 8, "it is said what failed: {logs}");
    for secret in ["bob@", "example.com", "Two chairs", "/v1/actions", token.as_str()] {
        assert!(!logs.contains(secret), "`{secret}` in {logs}");
    }
}
