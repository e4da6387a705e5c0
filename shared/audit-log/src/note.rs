//! Signed notes (C2SP `signed-note`): a text, an empty line, and a line for each signature. Ed25519 only.
//!
//! Beside the plain signature a note may carry the same key's statement of when it was given (C2SP `tlog-cosignature`, type 4): without
//! it a log at rest would sign the same bytes again and again.

use std::fmt;

use approvals_domain::hash::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature as Ed25519, Signer as _, SigningKey, VerifyingKey};

/// Signature lines looked at.
const SIGNATURES: usize = 64;
/// Bytes of a note.
pub const NOTE_BYTES: usize = 64 * 1024;
/// Type of a plain Ed25519 signature.
const PLAIN: u8 = 1;
/// Type of one that says when it was given.
const TIMED: u8 = 4;

/// Why a note, or a key, is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a verifier key.
    #[error("not a verifier key: expected NAME+8 hexadecimal digits+base64")]
    Key,
    /// Not of the form.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// A known key's signature is wrong.
    #[error("the signature of {0} is wrong")]
    Signature(String),
    /// None of the signatures is by a known key.
    #[error("no signature is by a key that was given")]
    Unsigned,
}

/// Whether a text may name a key: not empty, no blank, no `+`.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control())
}

fn key_id(name: &str, kind: u8, key: &VerifyingKey) -> u32 {
    let hash = Hash::of(&[name.as_bytes(), b"\n", &[kind], key.as_bytes()]);
    hash.0.first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A public key with its name: `NAME+ID+base64(1 ‖ 32 bytes)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = std::iter::once(PLAIN).chain(*self.key.as_bytes()).collect();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(bytes))
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Names have no `+`, but base64 has.
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(id), Some(key)) = (name, id, key) else { return Err(Error::Key) };
        let bytes = decode(key).ok_or(Error::Key)?;
        let Some((&PLAIN, key)) = bytes.split_first() else { return Err(Error::Key) };
        let key = <[u8; 32]>::try_from(key).map_err(|_| Error::Key)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| Error::Key)?;
        let found = Self { name: name.to_owned(), key };
        if is_name(name) && format!("{:08x}", found.id()) == id { Ok(found) } else { Err(Error::Key) }
    }
}

impl VerifierKey {
    /// The public key of a private one that lies elsewhere.
    ///
    /// # Errors
    /// [`Error::Key`] if the name cannot stand in a note, or the bytes are no public key.
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, Error> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| Error::Key)?;
        if is_name(name) { Ok(Self { name: name.to_owned(), key }) } else { Err(Error::Key) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id in plain signatures.
    pub fn id(&self) -> u32 {
        key_id(&self.name, PLAIN, &self.key)
    }

    fn line(&self, kind: u8, signature: &[u8]) -> String {
        let bytes: Vec<u8> = key_id(&self.name, kind, &self.key).to_be_bytes().iter().chain(signature).copied().collect();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }

    fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        Ed25519::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

/// A private key with its name.
#[derive(Clone)]
pub struct SignerKey {
    name: String,
    key: SigningKey,
}

/// Never shows the key.
impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier())
    }
}

impl SignerKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Key`] if the name cannot stand in a note.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        if is_name(name) { Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) }) } else { Err(Error::Key) }
    }

    /// What others verify with.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }
}

fn timed_message(text: &str, at_seconds: u64) -> String {
    format!("cosignature/v1\ntime {at_seconds}\n{text}")
}

/// A note: the text, which must end in a newline, signed by each key; with a time, each key says when as well.
pub fn sign(text: &str, keys: &[SignerKey], at_seconds: Option<u64>) -> String {
    let mut draft = Draft::new(text, at_seconds);
    for SignerKey { name, key } in keys {
        let signatures: Vec<_> = draft.messages().iter().map(|message| key.sign(message.as_bytes()).to_bytes()).collect();
        draft.write(&VerifierKey { name: name.clone(), key: key.verifying_key() }, &signatures);
    }
    draft.finish()
}

/// A note that is being signed, by private keys that may lie elsewhere: each signs the messages, in their order.
#[derive(Debug, Clone)]
pub struct Draft {
    text: String,
    at_seconds: Option<u64>,
    plain: String,
    timed: String,
}

impl Draft {
    /// Of a text, which must end in a newline; with a time, each key says when as well.
    pub fn new(text: &str, at_seconds: Option<u64>) -> Self {
        Self { text: text.to_owned(), at_seconds, plain: String::new(), timed: String::new() }
    }

    /// What each key signs: the text, and with a time the statement of when.
    pub fn messages(&self) -> Vec<String> {
        std::iter::once(self.text.clone()).chain(self.at_seconds.map(|at| timed_message(&self.text, at))).collect()
    }

    /// Adds a key's signatures, one for each message.
    ///
    /// # Errors
    /// [`Error::Signature`] if they are not that key's, of these messages: a note never holds a line that its readers refuse.
    pub fn add(&mut self, key: &VerifierKey, signatures: &[[u8; 64]]) -> Result<(), Error> {
        let messages = self.messages();
        let good = messages.iter().zip(signatures).filter(|(message, signature)| key.accepts(message.as_bytes(), *signature)).count();
        if good != messages.len() || good != signatures.len() {
            return Err(Error::Signature(key.name.clone()));
        }
        self.write(key, signatures);
        Ok(())
    }

    fn write(&mut self, key: &VerifierKey, signatures: &[[u8; 64]]) {
        let mut signatures = signatures.iter();
        if let Some(plain) = signatures.next() {
            self.plain.push_str(&key.line(PLAIN, plain));
        }
        if let (Some(timed), Some(at)) = (signatures.next(), self.at_seconds) {
            let bytes: Vec<u8> = at.to_be_bytes().iter().chain(timed).copied().collect();
            self.timed.push_str(&key.line(TIMED, &bytes));
        }
    }

    /// The note.
    pub fn finish(self) -> String {
        format!("{}\n{}{}", self.text, self.plain, self.timed)
    }
}

/// A note whose signatures by known keys are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The text, with its last newline.
    pub text: &'a str,
    /// Names of the keys that signed it, of those given.
    pub signed_by: Vec<String>,
    /// When, seconds since 1970: the latest a given key says.
    pub at_seconds: Option<u64>,
    /// Lines by keys that were not given. They prove nothing.
    pub unknown: usize,
}

/// Checks a note. Signatures by unknown keys are counted and ignored, a wrong one by a known key makes all of it worthless.
///
/// # Errors
/// [`Error`].
pub fn open<'a>(note: &'a [u8], keys: &[VerifierKey]) -> Result<Opened<'a>, Error> {
    if note.len() > NOTE_BYTES {
        return Err(Error::Form("it is too long"));
    }
    let note = std::str::from_utf8(note).map_err(|_| Error::Form("it is not UTF-8"))?;
    if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(Error::Form("it has control characters"));
    }
    let (text, lines) = note.rsplit_once("\n\n").ok_or(Error::Form("no empty line before the signatures"))?;
    // The text keeps the first of the two newlines.
    let text = note.get(..=text.len()).ok_or(Error::Form("no text"))?;
    let lines = lines.strip_suffix('\n').ok_or(Error::Form("no newline at its end"))?;
    let mut opened = Opened { text, signed_by: Vec::new(), at_seconds: None, unknown: 0 };
    let mut seen = Vec::new();
    for line in lines.split('\n') {
        let (name, id, signature) = read_line(line)?;
        if seen.len() >= SIGNATURES || seen.contains(&(name, id)) {
            return Err(Error::Form("too many signatures, or two by one key"));
        }
        seen.push((name, id));
        let wrong = || Error::Signature(name.to_owned());
        let of_name = || keys.iter().filter(|key| key.name == name);
        if let Some(key) = of_name().find(|key| key.id() == id) {
            if !key.accepts(text.as_bytes(), &signature) {
                return Err(wrong());
            }
            opened.signed_by.push(name.to_owned());
        } else if let Some(key) = of_name().find(|key| key_id(name, TIMED, &key.key) == id) {
            let (time, signature) = signature.split_first_chunk().ok_or_else(wrong)?;
            let at_seconds = u64::from_be_bytes(*time);
            if !key.accepts(timed_message(text, at_seconds).as_bytes(), signature) {
                return Err(wrong());
            }
            opened.at_seconds = opened.at_seconds.max(Some(at_seconds));
        } else {
            opened.unknown += 1;
        }
    }
    if opened.signed_by.is_empty() { Err(Error::Unsigned) } else { Ok(opened) }
}

/// Name, id and bytes of a signature line.
fn read_line(line: &str) -> Result<(&str, u32, Vec<u8>), Error> {
    let form = Error::Form("a line after the text is no signature");
    let (name, signature) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')).ok_or(form.clone())?;
    let bytes = decode(signature).ok_or(form.clone())?;
    match bytes.split_first_chunk() {
        Some((id, signature)) if is_name(name) && !signature.is_empty() => Ok((name, u32::from_be_bytes(*id), signature.to_vec())),
        _ => Err(form),
    }
}
