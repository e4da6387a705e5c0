//! Every key of the table is built and parsed here, and nowhere else. `docs/access-patterns.md` shows who asks what.
//!
//! `#` separates: it stands in no identifier.

use approvals_domain::candidate::Candidate;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{CalendarId, DelegationId, EndpointId, Entity, PersonId, RequestId, RoleId, StepId, TemplateKey, TenantId};
use approvals_domain::time::Timestamp;
use chrono::{DateTime, Datelike, Utc};

/// Partition key attribute.
pub const PK: &str = "PK";
/// Sort key attribute.
pub const SK: &str = "SK";
/// Index `by_requester`, and its partition key attribute.
pub const BY_REQUESTER: (&str, &str) = ("by_requester", "rq");
/// Index `by_template`, and its partition key attribute.
pub const BY_TEMPLATE: (&str, &str) = ("by_template", "tp");
/// Sort key attribute of both: `created_at#id`.
pub const CREATED: &str = "cr";
/// Index `due`, and its partition key attribute: the shard.
pub const DUE: (&str, &str) = ("due", "ds");
/// Its sort key attribute: milliseconds, 13 digits.
pub const DUE_AT: &str = "du";
/// Shards of the `due` index for requests.
pub const DUE_SHARDS: u8 = 8;
/// And for jobs.
pub const JOB_SHARDS: u8 = 2;
/// And for deliveries: one for people, one for endpoints. An idle tick costs half a unit for each shard there is.
pub const DELIVERY_SHARDS: u8 = 2;

/// A full primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Within it.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }
}

/// Sort key of a partition's main item.
pub const MAIN: &str = "A";

/// Prefix of requests' partitions.
pub const REQUESTS: &str = "REQ#";
/// Prefix of the directory's partitions.
pub const DIRECTORY: &str = "DIR#";
/// Prefix of entities' partitions.
pub const ENTITIES: &str = "ENT#";
/// Prefix of partitions of endpoints' secrets.
pub const ENDPOINT_SECRETS: &str = "SEC#";
/// Prefix of partitions of people's preferences.
pub const PREFERENCES: &str = "PRF#";
/// Prefix of templates' partitions.
pub const TEMPLATES: &str = "TPL#";

/// A key that never holds an item. [`super::Table::connect`] reads it to open the connection; every HTTP function may.
pub fn nowhere() -> Key {
    Key::new(TEMPLATES.to_owned(), MAIN)
}

/// Partition of a request.
pub fn request_pk(tenant: &TenantId, id: &RequestId) -> String {
    format!("{REQUESTS}{tenant}#{id}")
}

/// The request's item.
pub fn request(tenant: &TenantId, id: &RequestId) -> Key {
    Key::new(request_pk(tenant, id), MAIN)
}

/// Reads a request's partition key back.
pub fn parse_request_pk(pk: &str) -> Option<(TenantId, RequestId)> {
    let (tenant, id) = pk.strip_prefix(REQUESTS)?.split_once('#')?;
    Some((TenantId::new(tenant).ok()?, RequestId::new(id).ok()?))
}

/// Prefix of a request's pages.
const PAGES: &str = "P#";

/// A page of commits, by the version of its first one.
pub fn page(tenant: &TenantId, id: &RequestId, first: u64) -> Key {
    Key::new(request_pk(tenant, id), format!("{PAGES}{first:06}"))
}

/// Whether a key is a page's.
pub fn is_page(key: &Key) -> bool {
    key.pk.starts_with(REQUESTS) && key.sk.starts_with(PAGES)
}

/// A text of people, by its salted hash.
pub fn text(tenant: &TenantId, id: &RequestId, hash: &Hash) -> Key {
    Key::new(request_pk(tenant, id), format!("X#{hash}"))
}

/// Content of a revision, by its payload hash.
pub fn payload(tenant: &TenantId, id: &RequestId, hash: &Hash) -> Key {
    Key::new(request_pk(tenant, id), format!("M#{hash}"))
}

/// What a call for many requests said, under an id made of its Idempotency-Key. There is no request of that id.
pub fn bulk(tenant: &TenantId, id: &RequestId) -> Key {
    Key::new(request_pk(tenant, id), "B")
}

/// The guard of an entity.
pub fn entity(tenant: &TenantId, entity: &Entity, template: &TemplateKey) -> Key {
    Key::new(format!("{ENTITIES}{tenant}#{}#{}", entity.kind, encoded(entity.id.as_str())), template.as_str())
}

/// Any text in a key: what stands in no identifier is written as in addresses, byte by byte. Two texts never have one form.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@+|'-".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Inbox of a person.
pub fn inbox_user(tenant: &TenantId, person: &PersonId) -> String {
    format!("INB#{tenant}#U#{person}")
}

/// Inbox of a role.
pub fn inbox_role(tenant: &TenantId, role: &RoleId) -> String {
    format!("INB#{tenant}#R#{role}")
}

/// Blocked steps of a tenant.
pub fn inbox_blocked(tenant: &TenantId) -> String {
    format!("INB#{tenant}#B")
}

/// Reads the tenant of a hint's partition back.
pub fn parse_inbox_pk(pk: &str) -> Option<TenantId> {
    TenantId::new(pk.strip_prefix("INB#")?.split_once('#')?.0).ok()
}

/// Whether a hint's partition is that of a tenant's blocked steps.
pub fn is_inbox_blocked(pk: &str) -> bool {
    parse_inbox_pk(pk).is_some_and(|tenant| pk == inbox_blocked(&tenant))
}

/// Inboxes of a candidate.
pub fn inboxes<'a>(tenant: &'a TenantId, candidate: &'a Candidate) -> impl Iterator<Item = String> + 'a {
    candidate.members().iter().filter_map(move |member| match member {
        Candidate::User(id) => Some(inbox_user(tenant, id)),
        Candidate::Role(role) => Some(inbox_role(tenant, role)),
        Candidate::AnyOf(_) => None,
    })
}

/// Partition of a tenant's people, as they are looked for.
pub fn people_list(tenant: &TenantId) -> String {
    format!("LST#{tenant}#U")
}

/// Prefix of its rows by id.
pub const BY_ID: &str = "I#";
/// Prefix of its rows by the words of a name.
pub const BY_WORD: &str = "W#";

/// A row by id.
pub fn person_by_id(tenant: &TenantId, id: &PersonId) -> Key {
    Key::new(people_list(tenant), format!("{BY_ID}{id}"))
}

/// A row by a word of the name, in lower case.
pub fn person_by_word(tenant: &TenantId, word: &str, id: &PersonId) -> Key {
    Key::new(people_list(tenant), format!("{BY_WORD}{word}#{id}"))
}

/// Reads the person of a row back.
pub fn parse_person_row(sk: &str) -> Option<PersonId> {
    let rest = sk.strip_prefix(BY_ID).or_else(|| Some(sk.strip_prefix(BY_WORD)?.rsplit_once('#')?.1))?;
    PersonId::new(rest).ok()
}

/// Partition of a tenant's roles, as they are listed: each that somebody holds or held.
pub fn roles_list(tenant: &TenantId) -> String {
    format!("LST#{tenant}#R")
}

/// A row of it.
pub fn listed_role(tenant: &TenantId, role: &RoleId) -> Key {
    Key::new(roles_list(tenant), role.as_str())
}

/// Partition of a tenant's calendars, as they are listed.
pub fn calendars_list(tenant: &TenantId) -> String {
    format!("LST#{tenant}#C")
}

/// A row of it.
pub fn listed_calendar(tenant: &TenantId, id: &CalendarId) -> Key {
    Key::new(calendars_list(tenant), id.as_str())
}

/// Partition of a tenant's late steps. Its sort keys are [`hint_sk`].
pub fn overdue_list(tenant: &TenantId) -> String {
    format!("OVR#{tenant}")
}

/// A row of it.
pub fn overdue(tenant: &TenantId, due_at: Timestamp, id: &RequestId, step: &StepId) -> Key {
    Key::new(overdue_list(tenant), hint_sk(due_at, id, step))
}

/// Partition of the requests about entities of an id, whatever their type. Its sort keys are [`created`].
pub fn entity_list(tenant: &TenantId, id: &str) -> String {
    format!("LST#{tenant}#N#{}", encoded(id))
}

/// Partition of the requests that a person voted on. Its sort keys are [`created`].
pub fn decided_list(tenant: &TenantId, person: &PersonId) -> String {
    format!("LST#{tenant}#D#{person}")
}

/// Partition of the requests that were sent back to a person. Its sort keys are [`created`].
pub fn returned_list(tenant: &TenantId, person: &PersonId) -> String {
    format!("LST#{tenant}#B#{person}")
}

/// A hint's sort key: soonest due first.
pub fn hint_sk(due_at: Timestamp, id: &RequestId, step: &StepId) -> String {
    format!("{}#{id}#{step}", millis(due_at))
}

/// Reads a hint's sort key back.
pub fn parse_hint_sk(sk: &str) -> Option<(Timestamp, RequestId, StepId)> {
    let mut parts = sk.splitn(3, '#');
    let due = Timestamp::from_millis(parts.next()?.parse().ok()?);
    Some((due, RequestId::new(parts.next()?).ok()?, StepId::new(parts.next()?).ok()?))
}

/// Milliseconds as 13 digits, so text order is time order. Capped at the year 2286.
pub fn millis(at: Timestamp) -> String {
    format!("{:013}", at.millis().clamp(0, 9_999_999_999_999))
}

/// Partition of a person: the user item, memberships, delegations received. One query gives all that decides what they may do.
pub fn person_pk(tenant: &TenantId, person: &PersonId) -> String {
    format!("DIR#{tenant}#U#{person}")
}

/// The user item.
pub fn person(tenant: &TenantId, person: &PersonId) -> Key {
    Key::new(person_pk(tenant, person), MAIN)
}

/// Prefix of a person's memberships.
pub const MEMBERSHIPS: &str = "R#";

/// A membership.
pub fn membership(tenant: &TenantId, person: &PersonId, role: &RoleId) -> Key {
    Key::new(person_pk(tenant, person), format!("{MEMBERSHIPS}{role}"))
}

/// Prefix of delegations, received or given.
pub const DELEGATIONS: &str = "D#";

/// A delegation, with the person who received it.
pub fn delegation(tenant: &TenantId, to: &PersonId, id: &DelegationId) -> Key {
    Key::new(person_pk(tenant, to), format!("{DELEGATIONS}{id}"))
}

/// Partition of what a person gave.
pub fn given_pk(tenant: &TenantId, from: &PersonId) -> String {
    format!("DIR#{tenant}#G#{from}")
}

/// A row of it.
pub fn delegation_given(tenant: &TenantId, from: &PersonId, id: &DelegationId) -> Key {
    Key::new(given_pk(tenant, from), format!("{DELEGATIONS}{id}"))
}

/// Partition of a role: a row for each active member.
pub fn role_pk(tenant: &TenantId, role: &RoleId) -> String {
    format!("DIR#{tenant}#R#{role}")
}

/// A row of it.
pub fn role_row(tenant: &TenantId, role: &RoleId, person: &PersonId) -> Key {
    Key::new(role_pk(tenant, role), person.as_str())
}

/// Reserves an id whatever its letter case.
pub fn folded_id(tenant: &TenantId, person: &PersonId) -> Key {
    Key::new(format!("DIR#{tenant}#L#{}", person.as_str().to_lowercase()), MAIN)
}

/// Reserves a role's name whatever its letter case. No person's id begins so.
pub fn folded_role(tenant: &TenantId, role: &RoleId) -> Key {
    Key::new(format!("DIR#{tenant}#L#role:{}", role.as_str().to_lowercase()), MAIN)
}

/// Reserves a calendar's id whatever its letter case.
pub fn folded_calendar(tenant: &TenantId, id: &CalendarId) -> Key {
    Key::new(format!("DIR#{tenant}#L#calendar:{}", id.as_str().to_lowercase()), MAIN)
}

/// Reserves an endpoint's id whatever its letter case.
pub fn folded_endpoint(tenant: &TenantId, id: &EndpointId) -> Key {
    Key::new(format!("DIR#{tenant}#L#endpoint:{}", id.as_str().to_lowercase()), MAIN)
}

/// A calendar.
pub fn calendar(tenant: &TenantId, id: &str) -> Key {
    Key::new(format!("DIR#{tenant}#C#{id}"), MAIN)
}

/// The tenant's settings.
pub fn settings(tenant: &TenantId) -> Key {
    Key::new(format!("DIR#{tenant}#S"), MAIN)
}

/// That somebody administers, or once did: the bootstrap is over.
pub fn bootstrap(tenant: &TenantId) -> Key {
    Key::new(format!("DIR#{tenant}#B"), MAIN)
}

/// Partition of a tenant's webhook endpoints: all in one, since every notice asks for all of them.
pub fn endpoints_pk(tenant: &TenantId) -> String {
    format!("DIR#{tenant}#E")
}

/// One of them.
pub fn endpoint(tenant: &TenantId, id: &EndpointId) -> Key {
    Key::new(endpoints_pk(tenant), id.as_str())
}

/// The secrets of a webhook endpoint: a kind of their own, so that a policy can keep readers of the directory away from them.
pub fn endpoint_secret(tenant: &TenantId, id: &EndpointId) -> Key {
    Key::new(format!("{ENDPOINT_SECRETS}{tenant}#{id}"), MAIN)
}

/// A person's own preferences, outside the user item: a directory sync erases nobody's choices.
pub fn preferences(tenant: &TenantId, person: &PersonId) -> Key {
    Key::new(format!("{PREFERENCES}{tenant}#{person}"), MAIN)
}

/// Partition of the commits of a directory object; `object` is `user/ID`, `member/ROLE/ID`, `template/KEY`, ….
pub fn directory_log_pk(tenant: &TenantId, object: &str) -> String {
    format!("DIR#{tenant}#H#{object}")
}

/// One of them.
pub fn directory_log(tenant: &TenantId, object: &str, version: u64) -> Key {
    Key::new(directory_log_pk(tenant, object), format!("{version:09}"))
}

/// Reads the tenant and the object of a directory commit back.
pub fn parse_directory_log(key: &Key) -> Option<(TenantId, String)> {
    let (tenant, rest) = key.pk.strip_prefix(DIRECTORY)?.split_once('#')?;
    Some((TenantId::new(tenant).ok()?, rest.strip_prefix("H#")?.to_owned()))
}

/// Partition of all templates' pointers of a tenant.
pub fn templates_pk(tenant: &TenantId) -> String {
    format!("TPL#{tenant}")
}

/// Which version of a template is current.
pub fn template_pointer(tenant: &TenantId, key: &TemplateKey) -> Key {
    Key::new(templates_pk(tenant), key.as_str())
}

/// A version's content.
pub fn template_version(tenant: &TenantId, key: &TemplateKey, version: u32) -> Key {
    Key::new(format!("TPL#{tenant}#{key}"), format!("V#{version:06}"))
}

/// Reads the tenant and the key of a template's version back.
pub fn parse_template_version(key: &Key) -> Option<(TenantId, String)> {
    let (tenant, template) = key.pk.strip_prefix(TEMPLATES)?.split_once('#')?;
    Some((TenantId::new(tenant).ok()?, template.to_owned())).filter(|_| key.sk.starts_with("V#"))
}

/// Reads the number of a template's version back.
pub fn parse_template_number(key: &Key) -> Option<u32> {
    key.sk.strip_prefix("V#")?.parse().ok()
}

/// Which version holds a content already.
pub fn template_content(tenant: &TenantId, key: &TemplateKey, hash: &Hash) -> Key {
    Key::new(format!("TPL#{tenant}#{key}"), format!("H#{hash}"))
}

/// Prefix of jobs' partitions.
const JOBS: &str = "JOB#";

/// A job of the directory, done by the tick.
pub fn job(tenant: &TenantId, id: &str) -> Key {
    Key::new(format!("{JOBS}{tenant}#{id}"), MAIN)
}

/// Reads a job's key back.
pub fn parse_job(key: &Key) -> Option<(TenantId, String)> {
    let (tenant, id) = key.pk.strip_prefix(JOBS)?.split_once('#')?;
    Some((TenantId::new(tenant).ok()?, id.to_owned()))
}

/// Prefix of logs' partitions, in the archive's own table.
pub const LOGS: &str = "LOG#";

/// How long a tenant's log is, in the archive's own table.
pub fn log(tenant: &TenantId) -> Key {
    Key::new(format!("{LOGS}{tenant}"), MAIN)
}

/// Reads a log's key back.
pub fn parse_log(key: &Key) -> Option<TenantId> {
    TenantId::new(key.pk.strip_prefix(LOGS)?).ok()
}

/// How far the reconciliation that an alarm started has come, in the archive's own table.
pub fn reconciliation() -> Key {
    Key::new("RUN#reconcile".to_owned(), MAIN)
}

/// Prefix of deliveries' partitions.
const DELIVERIES: &str = "DLV#";

/// A notice's delivery to one recipient over one channel. All of a notice's lie in one partition.
pub fn delivery(tenant: &TenantId, notice: &Hash, channel: &str, to: &str) -> Key {
    Key::new(format!("{DELIVERIES}{tenant}#{notice}"), format!("{channel}#{to}"))
}

/// Partition of what was to be sent to a webhook endpoint: its log. Deliveries to endpoints lie here and not with their notices, so that
/// one query gives those of an endpoint in the order of time.
pub fn endpoint_log_pk(tenant: &TenantId, endpoint: &EndpointId) -> String {
    format!("{DELIVERIES}{tenant}#E#{endpoint}")
}

/// An event on its way to an endpoint: when its commit was made, the commit, and its place in it.
pub fn endpoint_delivery(tenant: &TenantId, endpoint: &EndpointId, at: Timestamp, commit: &Hash, index: u32) -> Key {
    Key::new(endpoint_log_pk(tenant, endpoint), format!("{}#{commit}#{index:04}", millis(at)))
}

/// Reads the endpoint and the event's place back.
pub fn parse_endpoint_delivery(key: &Key) -> Option<(EndpointId, u32)> {
    let (_, endpoint) = key.pk.strip_prefix(DELIVERIES)?.split_once("#E#")?;
    Some((EndpointId::new(endpoint).ok()?, key.sk.rsplit_once('#')?.1.parse().ok()?))
}

/// Whether a key is a delivery's.
pub fn is_delivery(key: &Key) -> bool {
    key.pk.starts_with(DELIVERIES)
}

/// Whether an item decides, entitles, or says whom the service tells of what, and so carries a tag. Hints, jobs and deliveries do not.
pub fn is_tagged(key: &Key) -> bool {
    let tagged = [REQUESTS, DIRECTORY, TEMPLATES, ENTITIES, ENDPOINT_SECRETS, PREFERENCES];
    is_session(key) || tagged.iter().any(|prefix| key.pk.starts_with(prefix))
}

/// How many commands came lately: of a person, or with none of all people of a tenant.
pub fn pace(tenant: &TenantId, person: Option<&PersonId>) -> Key {
    let whose = person.map_or_else(|| tenant.to_string(), |person| format!("{tenant}#{person}"));
    Key::new(format!("PAC#{whose}"), MAIN)
}

/// Prefix of sessions' partitions.
pub const SESSIONS: &str = "SES#";

/// A session, by the SHA-256 of its secret: who has not got the secret cannot ask for it.
pub fn session(secret: &Hash) -> Key {
    Key::new(format!("{SESSIONS}{secret}"), MAIN)
}

/// That a session was ended, beside it.
pub fn session_end(secret: &Hash) -> Key {
    Key::new(format!("{SESSIONS}{secret}"), "E")
}

/// Whether a key is a session's, or of the mark that ended it.
pub fn is_session(key: &Key) -> bool {
    key.pk.starts_with(SESSIONS) && matches!(key.sk.as_str(), MAIN | "E")
}

/// Partition of a person's sessions: a row for each.
pub fn sessions_pk(tenant: &TenantId, person: &PersonId) -> String {
    format!("{SESSIONS}{tenant}#{person}")
}

/// A row of it.
pub fn session_row(tenant: &TenantId, person: &PersonId, secret: &Hash) -> Key {
    Key::new(sessions_pk(tenant, person), secret.to_string())
}

/// Whose an item that carries a tag is, and what to call it: a request's id, or what follows the tenant in its key.
pub fn name(key: &Key) -> Option<(TenantId, String)> {
    if let Some((tenant, id)) = parse_request_pk(&key.pk) {
        let of = if key.sk == MAIN { id.to_string() } else { format!("{id}/{}", key.sk) };
        return Some((tenant, of));
    }
    if let Some((tenant, object)) = parse_directory_log(key) {
        return Some((tenant, object));
    }
    let mut parts = key.pk.splitn(3, '#');
    let (kind, tenant, rest) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let rest = [kind, rest, &key.sk].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    Some((TenantId::new(tenant).ok()?, rest))
}

/// Whether an item is a delegation's row, with its receiver or its giver.
pub fn is_delegation(key: &Key) -> bool {
    key.pk.starts_with(DIRECTORY) && key.sk.starts_with(DELEGATIONS)
}

/// Whether an item has a chain of commits of its own, so that its versions begin with 1.
pub fn is_chained(key: &Key) -> bool {
    let object = key.pk.strip_prefix(DIRECTORY).and_then(|rest| rest.split('#').nth(1)).unwrap_or_default();
    let pointer = key.pk.starts_with(TEMPLATES) && key.pk.matches('#').count() == 1;
    pointer || matches!(object, "U" | "C" | "S" | "E")
}

/// `by_requester` partition.
pub fn by_requester(tenant: &TenantId, requester: &PersonId) -> String {
    format!("{tenant}#{requester}")
}

/// `by_template` partition: a month of a template's requests.
pub fn by_template(tenant: &TenantId, template: &TemplateKey, month: Month) -> String {
    format!("{tenant}#{template}#{month}")
}

/// Sort key of both: `created_at#id`.
pub fn created(at: Timestamp, id: &RequestId) -> String {
    format!("{}#{id}", millis(at))
}

/// Reads the id out of [`created`].
pub fn parse_created(cr: &str) -> Option<RequestId> {
    RequestId::new(cr.split_once('#')?.1).ok()
}

/// Shard of the `due` index: by the last byte of a hash of the id, so that one second's timers spread.
pub fn due_shard(id: &str) -> String {
    let byte = Hash::of(&[id.as_bytes()]).0.last().copied().unwrap_or(0);
    due_partition(byte % DUE_SHARDS)
}

/// `due` partition of requests: one shard.
pub fn due_partition(shard: u8) -> String {
    format!("D#{shard}")
}

/// Shard of the `due` index for a job: by itself, so that no backlog of timers stands before the directory's changes.
pub fn job_shard(id: &str) -> String {
    let byte = Hash::of(&[id.as_bytes()]).0.last().copied().unwrap_or(0);
    job_partition(byte % JOB_SHARDS)
}

/// `due` partition of jobs: one shard.
pub fn job_partition(shard: u8) -> String {
    format!("J#{shard}")
}

/// Shard of the `due` index for a delivery to a person: apart from timers, so that a mail provider's bad day holds up nothing else.
pub fn delivery_shard() -> String {
    delivery_partition(0)
}

/// Shard of the `due` index for a delivery to an endpoint: apart from mails, so that no dead endpoint and no replay stands before them.
pub fn endpoint_shard() -> String {
    delivery_partition(1)
}

/// `due` partition of deliveries: one shard.
pub fn delivery_partition(shard: u8) -> String {
    format!("N#{shard}")
}

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a time.
    pub fn of(at: Timestamp) -> Self {
        let time = DateTime::<Utc>::from_timestamp_millis(at.millis()).unwrap_or_default();
        Self { year: time.year(), month: time.month() }
    }

    /// The month before.
    pub fn before(self) -> Self {
        if self.month == 1 { Self { year: self.year - 1, month: 12 } } else { Self { month: self.month - 1, ..self } }
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let month = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (1..=12).contains(&month.month).then_some(month)
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_sort_by_time_and_read_back() {
        let (id, step) = (RequestId::new("0abc").unwrap(), StepId::new("finance").unwrap());
        let early = hint_sk(Timestamp::from_millis(999), &id, &step);
        let late = hint_sk(Timestamp::from_millis(1_000_000_000_000), &id, &step);
        assert!(early < late);
        assert_eq!(parse_hint_sk(&late), Some((Timestamp::from_millis(1_000_000_000_000), id, step)));
    }

    #[test]
    fn an_endpoint_s_log_is_in_the_order_of_time_and_reads_back() {
        let (tenant, endpoint) = (TenantId::new("t").unwrap(), EndpointId::new("erp:E").unwrap());
        let key = |millis, index| endpoint_delivery(&tenant, &endpoint, Timestamp::from_millis(millis), &Hash::ZERO, index);
        assert!(key(999, 5) < key(1_000, 2) && key(1_000, 2) < key(1_000, 10));
        assert_eq!(parse_endpoint_delivery(&key(1_000, 10)), Some((endpoint, 10)));
        assert_eq!(parse_endpoint_delivery(&delivery(&tenant, &Hash::ZERO, "mail", "bob")), None);
    }

    #[test]
    fn months_count_backwards_over_new_year() {
        let january = Month::of(Timestamp::parse("2026-01-31T23:59:59Z").unwrap());
        assert_eq!(january.before().to_string(), "2025-12");
        assert_eq!(Month::parse("2025-12"), Some(january.before()));
    }
}
