use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;

use super::source::{Reading, Source};
use super::*;
use crate::runtime::clock::Clock;

const NOW: i64 = 1_767_603_600_000;

/// A secret that tests change under the process that reads it.
#[derive(Clone)]
struct Shelf {
    text: Arc<Mutex<Result<String, String>>>,
    reads: Arc<AtomicUsize>,
    now: Arc<AtomicI64>,
}

impl Source for Shelf {
    fn read(&self) -> Reading<'_> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let text = self.text.lock().unwrap().clone();
        Box::pin(async { text })
    }
}

fn secret(n: u128) -> String {
    keys::secret_of([n, n + 1])
}

impl Shelf {
    fn new(keys: &Keys) -> Self {
        let text = Arc::new(Mutex::new(Ok(keys.text())));
        Self { text, reads: Arc::default(), now: Arc::new(AtomicI64::new(NOW)) }
    }

    fn put(&self, keys: &Keys) {
        *self.text.lock().unwrap() = Ok(keys.text());
    }

    fn ring(&self, name: &'static str) -> Ring {
        let now = Arc::clone(&self.now);
        Ring::new(name, self.clone(), Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst))))
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn later(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

fn subject<'a>(tenant: &'a str, key: &'a str, version: u64, content: &'a Hash) -> Subject<'a> {
    Subject { tenant, kind: "request", key, version, content }
}

#[tokio::test]
async fn a_tag_holds_for_what_it_was_made_for_and_nothing_else() {
    let keys = Keys::first(secret(1));
    let tags = Tags::new(Shelf::new(&keys).ring(Tags::NAME));
    let (content, other) = (Hash([1; 32]), Hash([2; 32]));
    let of = subject("t", "k", 3, &content);
    let tag = tags.tag(&of).await.unwrap();
    assert_eq!(Tag::read(tag.bytes()), Some(tag));
    assert!(tags.check(&of, &tag, None).await.unwrap());
    let elsewhere = [
        subject("u", "k", 3, &content),
        subject("t", "l", 3, &content),
        subject("t", "k", 4, &content),
        subject("t", "k", 3, &other),
        Subject { kind: "person", ..of },
        // The same letters, parted elsewhere.
        Subject { kind: "requestk", key: "", ..of },
    ];
    for wrong in elsewhere {
        assert!(!tags.check(&wrong, &tag, None).await.unwrap(), "{wrong:?}");
    }
    for bit in 32..160 {
        let mut bytes: Vec<u8> = tag.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!tags.check(&of, &Tag::read(&bytes).unwrap(), None).await.unwrap(), "bit {bit}");
    }
    let foreign = Tags::new(Shelf::new(&Keys::first(secret(9))).ring(Tags::NAME));
    assert!(!foreign.check(&of, &tag, None).await.unwrap());
}

#[tokio::test]
async fn a_new_version_ends_nothing_and_a_retired_one_makes_nothing_new() {
    let old = Keys::first(secret(1));
    let shelf = Shelf::new(&old);
    let (one, content) = (Tags::new(shelf.ring(Tags::NAME)), Hash([1; 32]));
    let of = subject("t", "k", 3, &content);
    let before = one.tag(&of).await.unwrap();
    let now = Timestamp::from_millis(NOW);
    shelf.put(&old.rotated(secret(3), now));
    let fresh = Tags::new(shelf.ring(Tags::NAME));
    let after = fresh.tag(&of).await.unwrap();
    assert_eq!((before.version(), after.version()), (1, 2));
    assert!(fresh.check(&of, &before, None).await.unwrap(), "an old tag holds for ever");
    assert!(fresh.check(&of, &before, Some(now.plus_millis(3_600_000))).await.unwrap(), "a process may not have heard of it yet");
    assert!(!fresh.check(&of, &before, Some(now.plus_millis(3_600_001))).await.unwrap(), "whoever stole it writes no more");
    assert!(one.check(&of, &after, None).await.unwrap(), "a version that is not known yet is read");
}

#[tokio::test]
async fn a_tag_of_a_version_that_nobody_has_is_not_of_the_service_and_is_asked_for_once() {
    let shelf = Shelf::new(&Keys::first(secret(1)));
    let (tags, content) = (Tags::new(shelf.ring(Tags::NAME)), Hash([1; 32]));
    let of = subject("t", "k", 3, &content);
    let mut bytes = tags.tag(&of).await.unwrap().bytes().to_vec();
    bytes[3] = 9;
    let unknown = Tag::read(&bytes).unwrap();
    for reads in [2, 2, 2] {
        assert_eq!(tags.check(&of, &unknown, None).await, Ok(false));
        assert_eq!(shelf.reads(), reads, "nobody's invention makes us ask and ask");
    }
    let asked_at = shelf.now();
    assert_eq!(tags.check(&of, &unknown, Some(asked_at.plus_millis(-2_001))).await, Ok(false));
    assert_eq!(shelf.reads(), 2, "it was written before that question");
    assert_eq!(tags.check(&of, &unknown, Some(asked_at)).await, Ok(false));
    assert_eq!(shelf.reads(), 3, "a version may have come since that question, and this with it");
    shelf.later(5_000);
    assert_eq!(tags.check(&of, &unknown, None).await, Ok(false));
    assert_eq!(shelf.reads(), 4);
    let mut below = bytes.clone();
    below[3] = 0;
    assert_eq!(tags.check(&of, &Tag::read(&below).unwrap(), None).await, Ok(false));
    assert_eq!(shelf.reads(), 4, "versions are only added");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_anew_is_used_as_it_was() {
    let shelf = Shelf::new(&Keys::first(secret(1)));
    let (tags, content) = (Tags::new(shelf.ring(Tags::NAME)), Hash([1; 32]));
    let of = subject("t", "k", 3, &content);
    let tag = tags.tag(&of).await.unwrap();
    shelf.later(10 * 60_000);
    *shelf.text.lock().unwrap() = Err("no route".to_owned());
    assert!(tags.check(&of, &tag, None).await.unwrap());
    let cold = Tags::new(shelf.ring(Tags::NAME));
    assert!(matches!(cold.tag(&of).await, Err(Error::Unreadable("tags", _))));
    *shelf.text.lock().unwrap() = Ok(r#"{"current":1,"keys":{"1":{"secret":"hush hush"}}}"#.to_owned());
    let Err(Error::Malformed("tags", what)) = cold.tag(&of).await else { panic!("a short secret is none") };
    assert!(!what.contains("hush"));
}

#[tokio::test]
async fn what_is_sealed_opens_for_its_purpose_and_its_place_alone() {
    let shelf = Shelf::new(&Keys::first(secret(1)));
    let (links, cursors) = (Links::new(shelf.ring(Links::NAME)), Cursors::new(shelf.ring(Cursors::NAME)));
    let sealed = cursors.seal(&[b"list", b"ann"], b"place").await.unwrap();
    assert_eq!(cursors.open(&[b"list", b"ann"], &sealed).await.unwrap().unwrap(), b"place");
    assert!(!sealed.windows(5).any(|bytes| bytes == b"place"), "sealed, not only signed");
    assert_eq!(cursors.seal(&[b"list", b"ann"], b"place").await.unwrap(), sealed, "no chance is needed");
    for of in [&[b"list".as_slice(), b"bob"] as &[&[u8]], &[b"lista", b"nn"], &[b"listann"], &[]] {
        assert_eq!(cursors.open(of, &sealed).await.unwrap(), None);
    }
    // The same secret would still be another key.
    assert_eq!(links.open_form(&[b"list", b"ann"], &sealed).await.unwrap(), None);
    assert_eq!(links.unwrap(&[b"list", b"ann"], &sealed).await.unwrap(), None);
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        assert_eq!(cursors.open(&[b"list", b"ann"], &bytes).await.unwrap(), None, "byte {at}");
        assert_eq!(cursors.open(&[b"list", b"ann"], &sealed[..at]).await.unwrap(), None, "cut at {at}");
    }
}

#[tokio::test]
async fn links_of_the_version_before_act_and_those_before_that_do_not_but_wrapped_secrets_stay() {
    let mut keys = Keys::first(secret(1));
    let shelf = Shelf::new(&keys);
    let links = Links::new(shelf.ring(Links::NAME));
    let link = links.seal_link(1, b"link").await.unwrap();
    let wrapped = links.wrap(&[b"hook"], "whsec_x").await.unwrap();
    for (n, acts) in [(3, true), (5, false)] {
        keys = keys.rotated(secret(n), Timestamp::from_millis(NOW));
        shelf.put(&keys);
        shelf.later(10 * 60_000);
        assert_eq!(links.open_link(&link).await.unwrap().is_some(), acts);
        assert_eq!(links.unwrap(&[b"hook"], &wrapped).await.unwrap().as_deref(), Some("whsec_x"));
    }
    assert_eq!(links.unwrap(&[b"another hook"], &wrapped).await.unwrap(), None);
    let mut forged = link.clone();
    forged[3] = 77;
    assert_eq!(links.open_link(&forged).await.unwrap(), None, "what strangers send is no reason to fail");
}

#[test]
fn keys_are_the_same_for_ever() {
    let keys = Keys::parse(&format!(r#"{{"current":1,"first":"{}"}}"#, "k7".repeat(32))).unwrap();
    let all = [Purpose::Tag, Purpose::Link, Purpose::Form, Purpose::Wrapping, Purpose::Cursor]
        .map(|of| Hash(keys.key(1, of).unwrap()).to_string());
    let mut different = all.to_vec();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), all.len());
    assert_eq!(all[0], "wkDWCQ8QOBqwWZiRuGYB-0tQDY1zo9F0VVYln-19kMo");
    assert_eq!(Keys::parse(&keys.text()).unwrap().key(1, Purpose::Tag), keys.key(1, Purpose::Tag), "as it is kept");
    for bad in ["", "{}", r#"{"current":2,"first":"x"}"#, r#"{"current":1,"keys":{}}"#] {
        assert!(Keys::parse(bad).is_err(), "{bad}");
    }
    let printed = format!("{keys:?}");
    assert!(!printed.contains("k7"), "{printed}");
}

#[tokio::test]
async fn a_receipt_is_signed_by_the_version_of_its_time_and_every_version_stays_known() {
    let first = Keys::first(secret(1));
    let shelf = Shelf::new(&first);
    let receipts = ReceiptKeys::new(shelf.ring(ReceiptKeys::NAME));
    let (before, rotated, after) = (NOW, NOW + 1_000, NOW + 2_000);
    let at = Timestamp::from_millis;
    let old = receipts.of(at(before)).await.unwrap();
    assert_eq!(receipts.all().await.unwrap(), [old]);

    shelf.put(&first.rotated(secret(2), at(rotated)));
    shelf.later(11 * 60_000);
    let new = receipts.of(at(after)).await.unwrap();
    assert_ne!(new, old);
    assert_eq!(receipts.of(at(rotated)).await.unwrap(), new, "the new version signs from its first moment on");
    assert_eq!(receipts.of(at(before)).await.unwrap(), old, "a receipt given again is the same");
    assert_eq!(receipts.all().await.unwrap(), [new, old], "the present one first");

    let links = Links::new(shelf.ring(Links::NAME));
    assert_ne!(links.0.present().await.unwrap().key(1, Purpose::Link), Some(old), "a key of its own");
}
