//! Asks to one person in one batch of the queue are one mail: a list, and one link to the inbox.

use std::collections::BTreeMap;

use approvals::notice::Kind;
use approvals::store::deliveries::{Delivery, message_id};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, TenantId};

use crate::Desk;
use crate::channel::Recipient;
use crate::errand::Errand;
use crate::letter::Letter;
use crate::listing::{INBOX, Item, Listing};
use crate::mail::{MAIL, Named, Reader, Words};
use crate::results::{Failed, Sent};
use crate::sheet::Place;

/// Whose tenant, who, and where they are reached.
type Whom = (TenantId, PersonId, String);

/// Takes out of a batch what goes together: two or more asks for one person. Without pages each keeps its own mail, since only its link
/// leads to it.
pub(crate) fn gathered(desk: &Desk, errands: &mut [(usize, Errand)]) -> Vec<Vec<(usize, Box<Reader>)>> {
    let mut found: BTreeMap<Whom, Vec<(usize, Box<Reader>)>> = BTreeMap::new();
    if !desk.pages || desk.mail.is_none() {
        return Vec::new();
    }
    let mut count: BTreeMap<Whom, usize> = BTreeMap::new();
    for (_, errand) in errands.iter() {
        let of = |reader: &Reader| (errand.notice.tenant.clone(), reader.id.clone(), reader.address.clone());
        errand
            .recipients
            .iter()
            .filter_map(|recipient| ask(errand, recipient))
            .for_each(|reader| *count.entry(of(reader)).or_default() += 1);
    }
    for (place, errand) in errands {
        for recipient in std::mem::take(&mut errand.recipients) {
            let key = ask(errand, &recipient).map(|reader| (errand.notice.tenant.clone(), reader.id.clone(), reader.address.clone()));
            match (recipient, key.filter(|key| count.get(key).is_some_and(|count| *count > 1))) {
                (Recipient::Mail(reader), Some(key)) => found.entry(key).or_default().push((*place, reader)),
                (recipient, _) => errand.recipients.push(recipient),
            }
        }
    }
    found.into_values().collect()
}

/// Whether a recipient is asked for something that a list says as well. Who passed a seat on says why, and is read alone.
fn ask<'a>(errand: &Errand, recipient: &'a Recipient) -> Option<&'a Reader> {
    let Recipient::Mail(reader) = recipient else { return None };
    let Words::Letter(letter) = &reader.words else { return None };
    let listed = matches!(letter.kind, Kind::Asked | Kind::Escalated | Kind::Reminded);
    (letter.ask.is_some() && listed && errand.notice.retry.is_none()).then_some(reader)
}

/// Sends one mail for all of these; nothing, if there are none. What it is called follows from all of them: the same ones are the same
/// mail, and others are another.
pub(crate) async fn send(desk: &Desk, together: &[(usize, Recipient, Box<Delivery>)]) -> Result<Sent, Failed> {
    let mut letters: Vec<(&Letter, &Delivery)> = Vec::new();
    let mut to: Option<&Reader> = None;
    for (_, recipient, delivery) in together {
        let Recipient::Mail(reader) = recipient else { continue };
        let Words::Letter(letter) = &reader.words else { continue };
        letters.push((letter, delivery));
        to = to.or(Some(reader));
    }
    let (Some(to), Some(mail)) = (to, &desk.mail) else { return Ok(Sent::default()) };
    letters.sort_by_key(|(letter, delivery)| (letter.ask.as_ref().map(|ask| ask.due_at), delivery.notice.id));
    let mut ids: Vec<Hash> = letters.iter().map(|(_, delivery)| message_id(&delivery.notice.id, MAIL, &delivery.to)).collect();
    ids.sort();
    let parts: Vec<&[u8]> = std::iter::once(&b"approvals/digest/1"[..]).chain(ids.iter().map(|id| &id.0[..])).collect();
    let items: Vec<Item> = letters.iter().map(|(letter, _)| item(letter)).collect();
    let first = letters.iter().map(|(_, delivery)| delivery.first_at).min().unwrap_or_else(|| desk.now());
    let count = items.len();
    let sentence = format!("{count} requests wait for your answer, the soonest first:");
    let listing = Listing::new(
        "asked",
        &format!("{count} requests wait for your answer"),
        &[sentence],
        (items, String::new()),
        Place::of(desk, "/", INBOX),
    );
    let reader = Reader { words: Words::Listing(Box::new(listing)), ..to.clone() };
    let sent = mail.send(&reader, Named { id: Hash::of(&parts), first_at: first, request: None }, None, desk).await;
    Ok(Sent { provider_id: sent.map_err(Failed::from)?, status: None })
}

fn item(letter: &Letter) -> Item {
    let (due, why) = letter.ask.as_ref().map_or_else(Default::default, |ask| ((ask.due.clone(), ask.day.is_over()), ask.why.clone()));
    // What a plain ask says by standing here need not be said.
    let what = if letter.kind == Kind::Asked { String::new() } else { letter.lead.clone() };
    Item::new(&letter.brief, what, due, why)
}
