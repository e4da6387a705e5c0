//! Content of a revision: title, metadata and attachments, held to the payload hash whenever they are read.

use approvals_domain::hash::Salt;
use approvals_domain::limits;
use approvals_domain::payload::{Attachment, Payload};
use approvals_domain::state::Request;

use crate::store::{Error, Item};

/// Content of a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// One line.
    pub title: String,
    /// Of the payload hash.
    pub salt: Salt,
    /// Metadata and attachments; `None`: they lie beside, under the payload hash.
    pub inline: Option<Data>,
}

impl Content {
    /// The content in an item, held to the payload hash.
    ///
    /// INVARIANT (erased): it is missing if the request's own commits say that it was erased, and then only.
    pub(super) fn read(item: &Item, state: &Request) -> Result<Option<Self>, Error> {
        if state.erased.is_some() {
            let left = ["ti", "sa", "md", "at"].into_iter().find(|name| item.get(name).is_some());
            return left.map_or(Ok(None), |name| Err(item.wrong(&format!("`{name}` lies there, though it was erased"))));
        }
        let inline = match item.opt_s("md") {
            Some(metadata) => Some(Data { metadata: metadata.to_owned(), attachments: item.opt_json("at")?.unwrap_or_default() }),
            None => None,
        };
        let salt = Salt(item.b("sa")?.try_into().map_err(|_| item.wrong("salt"))?);
        let content = Self { title: item.s("ti")?.to_owned(), salt, inline };
        if let Some(data) = &content.inline {
            content.check(state, data).map_err(|what| item.wrong(what))?;
        }
        Ok(Some(content))
    }

    /// INVARIANT (shown is signed): content is what the revision's payload hash says, or it is shown to nobody and decided on by nobody.
    pub(super) fn check(&self, state: &Request, data: &Data) -> Result<(), &'static str> {
        let metadata = serde_json::from_str(&data.metadata).map_err(|_| "the metadata is no JSON")?;
        let payload = Payload {
            salt: self.salt,
            request: state.id.clone(),
            revision: state.revision,
            template: state.template.clone(),
            entity: state.entity.clone(),
            requester: state.requester.clone(),
            title: self.title.clone(),
            metadata,
            attachments: data.attachments.clone(),
        };
        if payload.hash() == state.payload_hash { Ok(()) } else { Err("its content is not what its payload hash says") }
    }
}

/// Metadata and attachments.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// RFC 8785 text.
    pub metadata: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// Content goes into the item if it is small, else beside it: what stands in the item, and what lies beside.
pub(super) fn place(payload: Payload) -> (Content, Option<Content>) {
    let metadata = String::from_utf8(approvals_domain::hash::canonical(&payload.metadata)).unwrap_or_default();
    let attached = if payload.attachments.is_empty() { 0 } else { serde_json::to_vec(&payload.attachments).map_or(0, |json| json.len()) };
    let small = metadata.len() + attached <= limits::INLINE_METADATA_BYTES;
    let data = Data { metadata, attachments: payload.attachments };
    let whole = Content { title: payload.title, salt: payload.salt, inline: Some(data) };
    if small { (whole, None) } else { (Content { inline: None, ..whole.clone() }, Some(whole)) }
}
