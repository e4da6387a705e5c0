//! How people are found: rows by id and by the words of a name, kept by the transaction of the person. What the person's item says is shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use approvals_domain::ids::{PersonId, TenantId, normal};
use aws_sdk_dynamodb::types::AttributeValue;

use super::User;
use crate::store::keys::{self, Key};
use crate::store::{Ask, Directory, Error, Freshness, Item, Range, Write};

impl Directory {
    /// People whose id begins with a text, or a word of whose name with its first word, in the order of ids; all, if it is empty. At most so many rows of
    /// each kind are read. For showing only: may miss the last second.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn people(&self, tenant: &TenantId, text: &str, limit: usize) -> Result<BTreeMap<PersonId, User>, Error> {
        let pk = keys::people_list(tenant);
        let word = first_word(text);
        let prefixes = [format!("{}{text}", keys::BY_ID), format!("{}{word}", keys::BY_WORD)];
        let mut ids: Vec<PersonId> = Vec::new();
        for prefix in prefixes.iter().take(if word.is_empty() { 1 } else { 2 }) {
            let last = format!("{prefix}\u{10ffff}");
            let sk = Range::Between(prefix, &last);
            let ask = Ask { sk, limit: i32::try_from(limit).ok(), freshness: Freshness::Eventual, ..Ask::partition(&pk) };
            let page = self.table.query(ask).await?;
            ids.extend(page.items.iter().filter_map(|item| keys::parse_person_row(item.opt_s(keys::SK)?)));
        }
        ids.sort();
        ids.dedup();
        self.users(tenant, &ids).await
    }

    /// A page of people whose id begins with a text, or a word of whose name with its first word: those by id first, each person once; and where the next
    /// page starts, if there may be more. A page may be short or empty. For showing only: may miss the last second.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn people_page(
        &self,
        tenant: &TenantId,
        text: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(PersonId, User)>, Option<String>), Error> {
        let (pk, folded) = (keys::people_list(tenant), first_word(text));
        let by_word = after.is_some_and(|after| after.starts_with(keys::BY_WORD));
        let prefix = if by_word { format!("{}{folded}", keys::BY_WORD) } else { format!("{}{text}", keys::BY_ID) };
        // The bare prefix stands for the beginning of the words: no row has that key.
        let start = after.filter(|after| *after != keys::BY_WORD).map(|sk| {
            let key = [(keys::PK, pk.as_str()), (keys::SK, sk)];
            HashMap::from(key.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))))
        });
        let last = format!("{prefix}\u{10ffff}");
        let sk = Range::Between(&prefix, &last);
        let ask = Ask { sk, start, limit: i32::try_from(limit).ok(), freshness: Freshness::Eventual, ..Ask::partition(&pk) };
        let page = self.table.query(ask).await?;
        let next = page.next.as_ref().and_then(|key| key.get(keys::SK)).and_then(|sk| sk.as_s().ok()).cloned();
        let next = next.or_else(|| (!by_word && !folded.is_empty()).then(|| keys::BY_WORD.to_owned()));
        let rows: Vec<(&str, PersonId)> =
            page.items.iter().filter_map(|item| item.opt_s(keys::SK)).filter_map(|sk| Some((sk, keys::parse_person_row(sk)?))).collect();
        let ids: Vec<PersonId> = rows.iter().map(|(_, id)| id.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let users = self.users(tenant, &ids).await?;
        // A person stands in many rows, and is shown at the first of them.
        let first = |sk: &str, id: &PersonId, user: &User| {
            let word = words(user).into_iter().filter(|word| word.starts_with(&folded)).min();
            !by_word || !id.as_str().starts_with(text) && word.is_some_and(|word| keys::person_by_word(tenant, &word, id).sk == sk)
        };
        let shown = rows.into_iter().filter_map(|(sk, id)| {
            let user = users.get(&id).filter(|user| first(sk, &id, user))?;
            Some((id, user.clone()))
        });
        Ok((shown.collect(), next))
    }
}

/// Whether a person is found by a text: their id, their name or a word of it begins with it.
pub fn is_found_by(id: &PersonId, user: &User, text: &str) -> bool {
    let wanted = folded(text);
    let within = format!(" {}", folded(&user.name)).contains(&format!(" {wanted}"));
    id.as_str().starts_with(text) || within || words(user).iter().any(|word| word.starts_with(&wanted))
}

/// A name as names are compared: in one spelling of what looks the same, in lower case, with one blank between words.
pub fn folded(name: &str) -> String {
    normal(&name.to_lowercase()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first word of a text, as rows have it; may be empty.
fn first_word(text: &str) -> String {
    let folded = folded(text);
    let mut words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.next().unwrap_or_default().chars().take(40).collect()
}

/// Words of a name, in lower case, that its person is found by.
fn words(user: &User) -> Vec<String> {
    let folded = folded(&user.name);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS);
    words.map(|word| word.chars().take(40).collect()).collect()
}

/// Words of a name that a person is found by.
const WORDS: usize = 6;

/// Where a person of this name is found.
fn found_by(tenant: &TenantId, id: &PersonId, user: &User) -> BTreeSet<Key> {
    let by_word = words(user).into_iter().map(|word| keys::person_by_word(tenant, &word, id));
    by_word.chain([keys::person_by_id(tenant, id)]).collect()
}

/// The rows by which a person is found, where they change.
pub(super) fn rows(tenant: &TenantId, id: &PersonId, before: Option<&User>, user: &User) -> Vec<Write> {
    let (old, new) = (before.map(|user| found_by(tenant, id, user)).unwrap_or_default(), found_by(tenant, id, user));
    let puts = new.difference(&old).map(|key| Write::Put(Item::new(key), None));
    puts.chain(old.difference(&new).map(|key| Write::Delete(key.clone()))).collect()
}
