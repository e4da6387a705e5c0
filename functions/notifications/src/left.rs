//! News for administrators that somebody has left to whom requests were sent back: nobody else can bring these to an end.

use approvals::app;
use approvals::app::queries::brief::{Brief, Source, zone};
use approvals::app::queries::conversation::Conversation;
use approvals::notice::Notice;
use approvals::store::directory::DirectoryChange;
use approvals::store::requests::Record;
use approvals_domain::ids::PersonId;
use chrono_tz::Tz;

use crate::Desk;
use crate::channel::Recipient;
use crate::listing::{Item, Listing};
use crate::mail::Words;
use crate::names::{by, name_of};
use crate::offices::administering;
use crate::sheet::Place;

/// Requests that a mail lists.
const LISTED: usize = 20;

/// Members of `approval_admin`, if anything is with somebody who has left.
pub(crate) async fn left(desk: &Desk, notice: &Notice, change: &DirectoryChange, id: &PersonId) -> Result<Vec<Recipient>, app::Error> {
    let (app, tenant) = (&desk.app, &notice.tenant);
    let (records, more) = app.returned(&desk.inboxes, (tenant, id), LISTED).await?;
    let Some(first) = records.first() else { return Ok(Vec::new()) };
    let (by, who) = (by(desk, &change.commit).await?, name_of(desk, tenant, id).await?);
    let what = if records.len() == 1 { "A request was" } else { "Requests were" };
    let sentences = [
        format!("{by} said that {who} has left. {what} sent back to {who} and cannot go on by anybody else."),
        "As an administrator you can hand each over, change it and submit it again, or cancel it:".to_owned(),
    ];
    let link = match records.len() {
        1 => Place::of(desk, &format!("/requests/{}", first.state.id), "Look at the request"),
        _ => Place::of(desk, "/find", "Find a request"),
    };
    let rest = if more { "There are more.".to_owned() } else { String::new() };
    let mut told = Vec::new();
    for (id, user) in administering(desk, notice, |_| true).await? {
        let mut items = Vec::new();
        for record in &records {
            items.push(item(desk, record, &id, zone(&user)).await?);
        }
        let listing = Listing::new("requester_left", &format!("{who} has left"), &sentences, (items, rest.clone()), link.clone());
        told.push(Recipient::mail(&id, id.to_string(), &user, Words::Listing(Box::new(listing))));
    }
    Ok(told)
}

async fn item(desk: &Desk, record: &Record, reader: &PersonId, zone: Tz) -> Result<Item, app::Error> {
    let template = desk.app.pinned(&record.state.tenant, &record.state.template).await?;
    let (names, data) = tokio::try_join!(desk.app.names(&record.state, []), async { Ok(desk.app.requests.data(record).await?) })?;
    // What happened is not listed.
    let conversation = Conversation::default();
    let source = Source { record, template: &template, data: data.as_ref(), conversation: &conversation };
    Ok(Item::new(&Brief::new(source, &names, zone, (reader, None)), String::new(), (String::new(), false), String::new()))
}
