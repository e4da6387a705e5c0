//! Templates: immutable versions, and which one new requests start with.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, template};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TemplateKey;
use approvals_domain::template::Template;

use super::{Amend, amend};
use crate::app::Error;
use crate::store::directory::chain::Author;
use crate::store::directory::templates::StoredTemplate;
use crate::store::{self, Directory};

/// Stores content as a version. The number of the version stands for the object's version here.
#[derive(Debug)]
struct StoreVersion<'a> {
    key: &'a TemplateKey,
    canonical: &'a str,
    hash: Hash,
}

impl Amend for StoreVersion<'_> {
    type View = StoredTemplate;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the template";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<StoredTemplate, Error> {
        Ok(directory.stored_template(author.tenant, self.key, Some(&self.hash)).await?)
    }

    fn version(stored: &StoredTemplate) -> u64 {
        u64::from(versions(stored).number())
    }

    fn decide(&self, stored: &StoredTemplate, attempt: &Attempt) -> Result<Amendment, Undecided> {
        Ok(template::store(&versions(stored), self.hash, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        stored: &StoredTemplate,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_template_version(author, self.key, stored, (self.canonical, &self.hash), event).await
    }
}

fn versions(stored: &StoredTemplate) -> template::Versions {
    template::Versions { same_content: stored.same_content, latest: stored.pointer.map_or(0, |pointer| pointer.latest) }
}

/// Lets new requests start with a version, or with none.
#[derive(Debug)]
pub struct ActivateTemplate<'a> {
    /// Which template.
    pub key: &'a TemplateKey,
    /// Which version; none: no new request starts with the template.
    pub number: Option<u32>,
}

impl Amend for ActivateTemplate<'_> {
    type View = StoredTemplate;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the template";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<StoredTemplate, Error> {
        Ok(directory.stored_template(author.tenant, self.key, None).await?)
    }

    fn version(stored: &StoredTemplate) -> u64 {
        stored.pointer.map_or(0, |pointer| pointer.version)
    }

    fn decide(&self, stored: &StoredTemplate, attempt: &Attempt) -> Result<Amendment, Undecided> {
        let pointer = stored.pointer.as_ref();
        let current =
            pointer.map(|pointer| template::Current { version: pointer.version, number: pointer.current, latest: pointer.latest });
        Ok(template::activate(current.as_ref(), self.number, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        stored: &StoredTemplate,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_template_pointer(author, self.key, stored, self.number, event).await
    }
}

/// Stores a template. Known content keeps its number. `activate`: new requests start with it. Answers its number, and whether it is new.
///
/// That the version exists and that it is current are two facts with a commit each. The caller hears of neither before both hold, and a
/// retry after a crash in between finds the content known and moves the pointer.
///
/// # Errors
/// [`Error`] if the store is out of reach.
pub async fn put_template(
    directory: &Directory,
    author: &Author<'_>,
    template: &Template,
    canonical: &str,
    activate: bool,
) -> Result<(u32, bool), Error> {
    let (key, hash) = (&template.key, Hash::of(&[canonical.as_bytes()]));
    let stored = amend(directory, author, None, StoreVersion { key, canonical, hash }).await?;
    let number = u32::try_from(stored.version).unwrap_or(u32::MAX);
    if activate {
        amend(directory, author, None, ActivateTemplate { key, number: Some(number) }).await?;
    }
    Ok((number, stored.changed))
}
