//! Who takes a webhook to its address. A deployed service has one, [`super::wire::Wire`]; the development server puts its own before it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// A webhook on its way.
#[derive(Clone)]
pub struct Parcel {
    /// Where to.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
    /// The event's type.
    pub kind: &'static str,
}

/// Says only what kind of event it is: an address may hold a secret of its receiver, and a signature is one.
impl Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parcel({})", self.kind)
    }
}

/// What the receiver said. Its body is nobody's concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// As it stands there.
    pub retry_after: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The address is none that webhooks may go to, or its name means one that is not on the internet. Nothing was sent.
    Forbidden,
    /// The name means nothing.
    Unresolved,
    /// Nobody takes the connection.
    Unreachable,
    /// Not who the name says, or no TLS.
    Tls,
    /// It took too long.
    TimedOut,
    /// What came back is no HTTP.
    Broken,
}

impl Fault {
    /// As in logs of endpoints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden_address",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken_answer",
        }
    }
}

/// An answer to come.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send + 'a>>;

/// Takes webhooks to their addresses.
pub trait Carrier: Debug + Send + Sync {
    /// Takes one there, once.
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> Carried<'a>;
}
