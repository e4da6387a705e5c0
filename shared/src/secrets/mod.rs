//! Secrets that entitle. None of them lies in the table: whoever reads the table, an export or a backup learns nothing to act with.
//!
//! There are four, each in a place of its own, so that each function reads only what it needs (docs/security.md):
//! [`Tags`] authenticates writers, [`Links`] makes action links and wraps webhook secrets, [`Cursors`] seals cursors, [`ReceiptKeys`] signs
//! receipts of effects.
//! A secret has numbered versions. What a version made names it, so a new version ends nothing that the old one made.
//!
//! From each version and purpose HKDF-SHA-256 derives a key of its own: a tag is never a link, and a cursor never a wrapped secret.

mod keys;
mod ring;
mod seal;
pub mod source;
mod tag;
#[cfg(test)]
mod tests;

pub use keys::{Keys, secret_of};
pub use ring::Ring;
pub use tag::{Subject, Tag};

/// Why a secret was of no help. Nothing is wrong with what was read with it: the caller tries again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its source did not answer.
    #[error("the secret `{0}` cannot be read: {1}")]
    Unreadable(&'static str, String),
    /// Its source answered something else than a secret.
    #[error("the secret `{0}` is not in its form: {1}")]
    Malformed(&'static str, String),
    /// It has no such version, not even when it is read anew.
    #[error("the secret `{0}` has no version {1}")]
    Unknown(&'static str, u32),
}

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Tag,
    Link,
    Form,
    Wrapping,
    Cursor,
    Receipt,
}

impl Purpose {
    /// Names the key in its derivation; for ever, since another name is another key.
    const fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Link => "link",
            Self::Form => "form",
            Self::Wrapping => "wrapping",
            Self::Cursor => "cursor",
            Self::Receipt => "receipt",
        }
    }
}

/// Authenticates writers: see [`Tag`].
#[derive(Debug, Clone)]
pub struct Tags(Ring);

impl Tags {
    /// Name of the secret.
    pub const NAME: &'static str = "tags";

    /// Over a ring.
    pub const fn new(ring: Ring) -> Self {
        Self(ring)
    }

    /// Reads the secret, so that the first tag need not wait for it.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.present().await.map(|_| ())
    }

    /// A tag of something as it is written now.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn tag(&self, of: &Subject<'_>) -> Result<Tag, Error> {
        let keys = self.0.present().await?;
        Ok(Tag::make(keys.current(), &keys.key(keys.current(), Purpose::Tag).ok_or(Error::Unknown(Self::NAME, keys.current()))?, of))
    }

    /// Whether a tag was made by one of ours for exactly this. A version retired before `written_at` makes no valid tag; none: it is not
    /// known when this was written. A tag of a version that nobody has is not of the service.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn check(&self, of: &Subject<'_>, tag: &Tag, written_at: Option<approvals_domain::time::Timestamp>) -> Result<bool, Error> {
        let keys = match self.0.with(tag.version(), written_at).await {
            // INVARIANT (strangers stop nobody): what anybody may write down is no reason to try again.
            Err(Error::Unknown(..)) => return Ok(false),
            keys => keys?,
        };
        let late = written_at.is_some_and(|at| keys.retired_before(tag.version(), at));
        let key = keys.key(tag.version(), Purpose::Tag).ok_or(Error::Unknown(Self::NAME, tag.version()))?;
        Ok(!late && tag.holds(&key, of))
    }
}

/// Makes action links and the forms of their pages, and wraps webhook secrets.
#[derive(Debug, Clone)]
pub struct Links(Ring);

/// Versions that still make old links valid, the present one included.
const ACTING: usize = 2;

impl Links {
    /// Name of the secret.
    pub const NAME: &'static str = "links";

    /// Over a ring.
    pub const fn new(ring: Ring) -> Self {
        Self(ring)
    }

    /// The version that seals now.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn current(&self) -> Result<u32, Error> {
        Ok(self.0.present().await?.current())
    }

    /// Seals a link's content by a version. The same content gives the same bytes, so a mail sent twice carries the same link.
    ///
    /// # Errors
    /// [`Error`] if the secret, or that version, cannot be had.
    pub async fn seal_link(&self, version: u32, content: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.with(version, None).await?.seal(version, Purpose::Link, &[], content).ok_or(Error::Unknown(Self::NAME, version))
    }

    /// The content of a link; none: not one of ours, or of a version that two others have followed.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had. A version that nobody knows is no link of ours.
    pub async fn open_link(&self, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(version) = seal::version(sealed) else { return Ok(None) };
        let keys = match self.0.with(version, None).await {
            Err(Error::Unknown(..)) => return Ok(None),
            keys => keys?,
        };
        Ok(keys.open(Purpose::Link, &[], sealed).filter(|_| keys.is_among_newest(version, ACTING)))
    }

    /// Seals what a page's form carries, bound to what the page was shown for.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn seal_form(&self, of: &[&[u8]], content: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.seal(Purpose::Form, of, content).await
    }

    /// What a form carries; none: not one of ours, or of another page.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn open_form(&self, of: &[&[u8]], sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.0.open(Purpose::Form, of, sealed).await
    }

    /// Wraps a webhook's secret for the item it lies in and the address it is for: moved elsewhere, it opens no more.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn wrap(&self, of: &[&[u8]], secret: &str) -> Result<Vec<u8>, Error> {
        self.0.seal(Purpose::Wrapping, of, secret.as_bytes()).await
    }

    /// A wrapped secret; none: wrapped by nobody of ours, by a version that nobody has, or for something else.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn unwrap(&self, of: &[&[u8]], sealed: &[u8]) -> Result<Option<String>, Error> {
        let Some(version) = seal::version(sealed) else { return Ok(None) };
        let keys = match self.0.with(version, None).await {
            Err(Error::Unknown(..)) => return Ok(None),
            keys => keys?,
        };
        let opened = keys.open(Purpose::Wrapping, of, sealed);
        Ok(opened.and_then(|bytes| String::from_utf8(bytes).ok()))
    }
}

/// Seals cursors.
#[derive(Debug, Clone)]
pub struct Cursors(Ring);

impl Cursors {
    /// Name of the secret.
    pub const NAME: &'static str = "cursors";

    /// Over a ring.
    pub const fn new(ring: Ring) -> Self {
        Self(ring)
    }

    /// Seals a place in a list, bound to the query it belongs to.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn seal(&self, of: &[&[u8]], place: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.seal(Purpose::Cursor, of, place).await
    }

    /// The place; none: not one of ours for this query.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn open(&self, of: &[&[u8]], sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.0.open(Purpose::Cursor, of, sealed).await
    }
}

/// Seeds of the keys that sign receipts of effects.
#[derive(Debug, Clone)]
pub struct ReceiptKeys(Ring);

impl ReceiptKeys {
    /// Name of the secret.
    pub const NAME: &'static str = "receipts";

    /// Over a ring.
    pub const fn new(ring: Ring) -> Self {
        Self(ring)
    }

    /// The seed that signs what happened at a time: of the version that was present then, so that a receipt given again is the same.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn of(&self, at: approvals_domain::time::Timestamp) -> Result<[u8; 32], Error> {
        let keys = self.0.present().await?;
        let version = keys.present_at(at);
        keys.key(version, Purpose::Receipt).ok_or(Error::Unknown(Self::NAME, version))
    }

    /// All seeds, the present one first: what an old version signed stays good.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn all(&self) -> Result<Vec<[u8; 32]>, Error> {
        let keys = self.0.present().await?;
        let mut versions = keys.versions();
        versions.sort_by_key(|version| (*version != keys.current(), std::cmp::Reverse(*version)));
        Ok(versions.into_iter().filter_map(|version| keys.key(version, Purpose::Receipt)).collect())
    }
}
