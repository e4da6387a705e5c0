//! Mail, through SES v2 as MIME.

use std::time::{Duration, SystemTime};

use approvals::app;
use approvals::runtime::pause::pause;
use approvals::store::deliveries::{Delivery, message_id};
use approvals::wire::email::sendable;
use approvals::wire::plain::line;
use approvals::wiring::{Config, Error};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId};
use approvals_domain::time::Timestamp;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::{DisplayErrorContext, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use crate::Desk;
use crate::letter::{Button, Letter, Written};
use crate::listing::Listing;
use crate::results::Failed;
use crate::sheet::News;

/// How long SES may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Tries at once while SES says that we are too fast: then nothing was sent. About a quarter and half a second lie between them.
const ROUNDS: u32 = 3;
const FIRST_PAUSE: u32 = 4;

/// The way to people: a client of SES, and whom mails come from.
#[derive(Debug, Clone)]
pub struct Mail {
    client: Client,
    from: Mailbox,
    /// What SES is to send with; none: what its identity says.
    configuration_set: Option<String>,
}

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A class for logs and for the delivery: nobody's words, nobody's address.
    pub(crate) class: String,
    /// No further try could help.
    pub(crate) for_good: bool,
    /// No mail to anybody would leave: somebody must set up SES.
    pub(crate) needs_setup: bool,
}

impl From<Failure> for Failed {
    fn from(Failure { class, for_good, needs_setup }: Failure) -> Self {
        Self { class, for_good, needs_setup, ..Self::default() }
    }
}

/// A person with an address.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) id: PersonId,
    /// As deliveries name it: the person, with a step where one commit makes a letter for each.
    pub(crate) to: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) words: Words,
}

/// What they read.
#[derive(Debug, Clone)]
pub(crate) enum Words {
    /// About a request.
    Letter(Box<Letter>),
    /// About the directory.
    News(News),
    /// About several requests.
    Listing(Box<Listing>),
}

/// What a mail is called, and when it was first to leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) id: Hash,
    pub(crate) first_at: Timestamp,
    /// The request that it is about, if it is one.
    pub(crate) request: Option<&'a RequestId>,
}

impl<'a> Named<'a> {
    /// As a delivery says.
    pub(crate) fn of(delivery: &'a Delivery) -> Self {
        let id = message_id(&delivery.notice.id, MAIL, &delivery.to);
        Self { id, first_at: delivery.first_at, request: delivery.notice.request.as_ref() }
    }
}

impl Words {
    /// Something is asked of the reader.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Letter(letter) if letter.ask.is_some())
    }

    /// The reader's own link, if they have one.
    pub(crate) async fn link(&self, desk: &Desk, delivery: &Delivery, reader: &PersonId) -> Result<Option<Button>, app::Error> {
        match self {
            Self::Letter(letter) => letter.link(desk, delivery, reader).await,
            Self::News(_) | Self::Listing(_) => Ok(None),
        }
    }

    /// Why the reader gets it, in one word: what filters of mail programs sort by.
    fn reason(&self) -> &'static str {
        match self {
            Self::Letter(letter) => letter.kind.as_str(),
            Self::News(news) => news.reason,
            Self::Listing(listing) => listing.reason,
        }
    }

    fn write(&self, button: Option<&Button>) -> Result<Written, askama::Error> {
        match self {
            Self::Letter(letter) => letter.write(button),
            Self::News(news) => news.write(),
            Self::Listing(listing) => listing.write(),
        }
    }
}

pub(crate) use approvals::store::deliveries::MAIL;

impl Mail {
    /// Over a client, whose own retries are switched off: a mail whose answer was lost may be there, so the next try is the delivery's.
    /// `from` such as `Approvals <approvals@example.com>`.
    ///
    /// # Errors
    /// What is wrong with `from`.
    pub fn new(client: &Client, from: &str) -> Result<Self, String> {
        let patience = client.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout).unwrap_or(ANSWER);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(patience).build();
        let config = client.config().to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        let client = Client::from_conf(config);
        from.parse()
            .map(|from| Self { client, from, configuration_set: None })
            .map_err(|error: lettre::address::AddressError| error.to_string())
    }

    /// From a function's configuration; none: no mail is sent.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing or wrong.
    pub fn from_config(config: &Config) -> Result<Option<Self>, Error> {
        let Some(from) = config.mail_from() else { return Ok(None) };
        let (region, credentials, https, endpoint) = config.aws()?;
        let mut ses = aws_sdk_sesv2::Config::builder()
            .behavior_version(aws_sdk_sesv2::config::BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials)
            .http_client(https);
        ses.set_endpoint_url(endpoint);
        let mail = Self::new(&Client::from_conf(ses.build()), &from).map_err(|_| Error::wrong("MAIL_FROM", "is no mail address"))?;
        Ok(Some(Self { configuration_set: config.mail_configuration_set(), ..mail }))
    }

    /// Sends a letter; gives SES's id of it.
    pub(crate) async fn send(
        &self,
        reader: &Reader,
        named: Named<'_>,
        button: Option<&Button>,
        desk: &Desk,
    ) -> Result<Option<String>, Failure> {
        let for_good = |class: &str| Failure { class: class.to_owned(), for_good: true, needs_setup: false };
        let to = sendable(&reader.address).ok().and_then(|address| address.parse().ok());
        let to = to.ok_or_else(|| for_good("the address in the directory is none"))?;
        let name = Some(line(&reader.name, 100)).filter(|name| !name.is_empty());
        let to = Mailbox::new(name, to);
        let written = reader.words.write(button).map_err(|_| for_good("the letter could not be written"))?;
        let mime = self
            .mime(&to, (&written, reader.words.reason()), named, desk)
            .map_err(|_| for_good("the letter could not be put into MIME"))?;
        let raw = RawMessage::builder().data(Blob::new(mime)).build().map_err(|_| for_good("the letter is empty"))?;
        let call = self.client.send_email().from_email_address(self.from.to_string());
        let call = call.destination(Destination::builder().to_addresses(to.email.to_string()).build());
        let call = call.content(EmailContent::builder().raw(raw).build()).set_configuration_set_name(self.configuration_set.clone());
        let mut round = 0;
        loop {
            round += 1;
            match call.clone().send().await {
                Ok(answer) => return Ok(answer.message_id),
                Err(error) if too_fast(&error) && round < ROUNDS => pause(FIRST_PAUSE + round).await,
                Err(error) => return Err(sorted(&error)),
            }
        }
    }

    /// Everything in it follows from its name and its words, so a mail sent twice is the same mail, to its last byte.
    fn mime(
        &self,
        to: &Mailbox,
        (written, reason): (&Written, &str),
        Named { id, first_at, request }: Named<'_>,
        desk: &Desk,
    ) -> Result<Vec<u8>, lettre::error::Error> {
        let id = id.to_string();
        let at = Duration::from_millis(u64::try_from(first_at.millis()).unwrap_or(0));
        let host = desk.address.split("://").last().and_then(|rest| rest.split(['/', ':']).next()).unwrap_or("localhost");
        let parts = MultiPart::alternative()
            .boundary(format!("=_{id}"))
            .singlepart(SinglePart::plain(written.text.clone()))
            .singlepart(SinglePart::html(written.html.clone()));
        let raw = |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        // Given, since a header is not read back: lettre's reader takes the quotes off that some addresses need.
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()])?;
        let mut message = Message::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .to(to.clone())
            .subject(written.subject.clone())
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(format!("<{id}@{host}>")))
            // No vacation answers to a machine.
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Approvals-Reason", reason))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
            .multipart(parts)?;
        let headers = message.headers_mut();
        // SES gives each mail an id of its own, so what holds mails of one request together is none of theirs.
        if let Some(request) = request {
            headers.insert_raw(raw("References", &format!("<request.{request}@{host}>")));
        }
        if desk.pages {
            headers.insert_raw(raw("List-Unsubscribe", &format!("<{}/preferences>", desk.address)));
        }
        // What could pass for an encoded word would be read as what it decodes to.
        let mut encode = |name: &'static str, raw: &str, value: String| {
            let name = HeaderName::new_from_ascii_str(name);
            message.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(name, raw.to_owned(), value));
        };
        if written.subject.contains("=?") {
            encode("Subject", &written.subject, encoded(&written.subject));
        }
        if let Some(name) = to.name.as_deref().filter(|name| name.contains("=?")) {
            encode("To", &to.to_string(), format!("{}\r\n <{}>", encoded(name), to.email));
        }
        Ok(message.formatted())
    }
}

/// Bytes of text in one encoded word: with them a line that begins with `Subject: ` has at most 75 characters.
const WORD_BYTES: usize = 39;

/// A header's value as encoded words of RFC 2047, all of it.
fn encoded(text: &str) -> String {
    let mut words = vec![String::new()];
    for c in text.chars() {
        match words.last_mut().filter(|word| word.len() + c.len_utf8() <= WORD_BYTES) {
            Some(word) => word.push(c),
            None => words.push(c.to_string()),
        }
    }
    words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join("\r\n ")
}

/// SES took nothing, because it was asked too often.
fn too_fast(error: &SdkError<SendEmailError>) -> bool {
    let code = error.as_service_error().and_then(|error| error.meta().code());
    matches!(code, Some("TooManyRequestsException" | "ThrottlingException" | "Throttling"))
}

/// Codes of SES that say of every mail alike: a right is missing, the account or the sender's domain is stopped, the configuration set is none.
const NOT_SET_UP: [&str; 6] = [
    "AccessDeniedException",
    "AccessDenied",
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
    "NotFoundException",
];

/// What helps next.
fn sorted(error: &SdkError<SendEmailError>) -> Failure {
    let failure = |class: &str, for_good, needs_setup| Failure { class: class.to_owned(), for_good, needs_setup };
    let Some(service) = error.as_service_error() else {
        tracing::warn!(error = %DisplayErrorContext(error), "SES does not answer");
        return failure("SES does not answer", false, false);
    };
    let code = service.meta().code().unwrap_or("an unknown error");
    match service {
        // The sender is not verified; or, in the sandbox, the receiver: mails leave once that is mended.
        SendEmailError::MessageRejected(rejected) if rejected.message().is_some_and(|text| text.contains("not verified")) => {
            failure("SES: an address is not verified", false, true)
        }
        SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_) => failure("SES rejected the message", true, false),
        _ => failure(&format!("SES: {code}"), false, NOT_SET_UP.contains(&code)),
    }
}
