//! Action links: a way to one decision, for one person, on one step of one revision.
//!
//! A token is all there is of a link: its content, sealed under the secret of links. Nothing of it lies in the table, so nobody can press a
//! link who was not sent it. Made of the same content it is the same token, so a mail sent twice carries the same link.

use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId, StepId, TenantId};
use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::secrets::{Error, Links};

/// Domain of a token's hash.
const TOKEN: &[u8] = b"approvals/link/2";
/// How long a link can be used.
pub const LINK_MILLIS: i64 = 30 * 24 * 3_600_000;
/// How long after that it still explains itself.
const EXPLAINS_MILLIS: i64 = 90 * 24 * 3_600_000;
/// How long a page that was shown may be sent back.
pub const FORM_MILLIS: i64 = 15 * 60_000;
/// The longest token: ids of 128 characters, a step of 100, and what is sealed around them.
const TOKEN_CHARS_MAX: usize = 1_024;

/// What somebody presses. Never stored, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Vec<u8>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads one out of an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TOKEN_CHARS_MAX {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok().map(Self)
    }

    /// For an address.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// What stands for it everywhere but in its address.
    pub fn hash(&self) -> Hash {
        Hash::of(&[TOKEN, &self.0])
    }
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// The request.
    #[serde(rename = "r")]
    pub request: RequestId,
    /// Of the request: what the recipient was told of.
    #[serde(rename = "v")]
    pub revision: u32,
    /// The step.
    #[serde(rename = "s")]
    pub step: StepId,
    /// Of the step, from 1.
    #[serde(rename = "n")]
    pub round: u32,
    /// Who may press it.
    #[serde(rename = "u")]
    pub recipient: PersonId,
    /// Of the recipient, when it was made: a later one ends it.
    #[serde(rename = "k")]
    pub epoch: u32,
    /// Until when.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
}

impl Link {
    /// Its token, by a version of the secret.
    ///
    /// # Errors
    /// [`Error`] if the secret, or that version, cannot be had.
    pub async fn token(&self, links: &Links, version: u32) -> Result<Token, Error> {
        let content = serde_json::to_vec(self).unwrap_or_default();
        links.seal_link(version, &content).await.map(Token)
    }

    /// What a token is for; none: it is not one of ours, or is too old to explain itself.
    ///
    /// # Errors
    /// [`Error`] if the secret cannot be had.
    pub async fn of(links: &Links, token: &Token, now: Timestamp) -> Result<Option<Self>, Error> {
        let content = links.open_link(&token.0).await?;
        let link: Option<Self> = content.and_then(|content| serde_json::from_slice(&content).ok());
        Ok(link.filter(|link| now < link.expires_at.plus_millis(EXPLAINS_MILLIS)))
    }
}

/// What a page's form carries: that it was shown for this link, for which seat, and until when it may come back.
///
/// # Errors
/// [`Error`] if the secret cannot be had.
pub async fn form(links: &Links, token: &Token, seat: &str, until: Timestamp) -> Result<String, Error> {
    let sealed = links.seal_form(&[&token.0, seat.as_bytes()], &until.millis().to_be_bytes()).await?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Whether a form is ours, for this link and seat, and not too old.
///
/// # Errors
/// [`Error`] if the secret cannot be had.
pub async fn form_holds(links: &Links, token: &Token, seat: &str, form: &str, now: Timestamp) -> Result<bool, Error> {
    let Some(sealed) = URL_SAFE_NO_PAD.decode(form).ok().filter(|_| form.len() <= TOKEN_CHARS_MAX) else { return Ok(false) };
    let until = links.open_form(&[&token.0, seat.as_bytes()], &sealed).await?;
    let until = until.and_then(|bytes| bytes.try_into().ok()).map(|bytes| Timestamp::from_millis(i64::from_be_bytes(bytes)));
    Ok(until.is_some_and(|until| now < until && until <= now.plus_millis(FORM_MILLIS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock::Clock;
    use crate::secrets::source::Fixed;
    use crate::secrets::{Keys, Ring, secret_of};

    fn links(n: u128) -> Links {
        Links::new(Ring::new(Links::NAME, Fixed(Keys::first(secret_of([n, n])).text()), Clock::system()))
    }

    fn link() -> Link {
        Link {
            tenant: TenantId::new("default").unwrap(),
            request: RequestId::new("r").unwrap(),
            revision: 2,
            step: "finance".parse().unwrap(),
            round: 1,
            recipient: PersonId::new("bob").unwrap(),
            epoch: 0,
            expires_at: Timestamp::from_millis(1_000_000),
        }
    }

    #[tokio::test]
    async fn a_token_is_all_there_is_of_a_link() {
        let (links, now) = (links(1), Timestamp::from_millis(0));
        let token = link().token(&links, 1).await.unwrap();
        let text = token.reveal();
        assert!(text.len() < 250, "{}", text.len());
        assert_eq!(link().token(&links, 1).await.unwrap().reveal(), text, "a mail sent twice carries the same link");
        let read = Token::parse(&text).unwrap();
        assert_eq!(Link::of(&links, &read, now).await.unwrap(), Some(link()));
        assert_eq!(Link::of(&links, &read, link().expires_at.plus_millis(EXPLAINS_MILLIS)).await.unwrap(), None);
        assert_eq!(Link::of(&self::links(2), &read, now).await.unwrap(), None, "another installation's");
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let forged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if let Some(token) = Token::parse(&forged) {
                assert_eq!(Link::of(&links, &token, now).await.unwrap(), None, "character {at}");
            }
        }
    }

    #[tokio::test]
    async fn a_form_is_good_for_its_link_and_seat_and_a_quarter_of_an_hour() {
        let (links, now) = (links(1), Timestamp::from_millis(1_767_603_600_000));
        let token = link().token(&links, 1).await.unwrap();
        let other = Link { revision: 3, ..link() }.token(&links, 1).await.unwrap();
        let until = now.plus_millis(FORM_MILLIS);
        let form = self::form(&links, &token, "bob", until).await.unwrap();
        let holds = async |token: &Token, seat: &str, form: &str, now| form_holds(&links, token, seat, form, now).await.unwrap();
        assert!(holds(&token, "bob", &form, now).await);
        assert!(!holds(&token, "bob", &form, until).await, "too old");
        assert!(!holds(&token, "bob", &form, now.plus_millis(-1)).await, "made for later");
        assert!(!holds(&other, "bob", &form, now).await, "another link's");
        assert!(!holds(&token, "ann", &form, now).await, "another seat's");
        for bad in ["", ".", "AAAA", &form[1..], &format!("{form}AAAA"), &"A".repeat(5_000)] {
            assert!(!holds(&token, "bob", bad, now).await, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token(vec![9; 36])), "Token");
        for bad in ["x", &"A".repeat(1_025), "====", &"é".repeat(24)] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
