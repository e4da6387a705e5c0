//! A limit on everything. Exceeding one is a refusal, never a panic. docs/limits.md shows these, with their arithmetic.

/// Characters of an identifier.
pub const ID_CHARS: usize = 128;
/// Characters of a template's key and of a step's id.
pub const KEY_CHARS: usize = 100;
/// Steps of a template, parallel ones counted one by one.
pub const STEPS: usize = 50;
/// Approver specifications of one list (a step's approvers, a level, a fallback, barred).
pub const APPROVERS: usize = 20;
/// Candidates of an open step, all levels together.
pub const CANDIDATES: usize = 100;
/// Highest number of votes a step may need.
pub const QUORUM: u32 = 100;
/// Votes of one revision, all steps together: 50 steps of 100 votes would not fit an item, 500 votes of 500 bytes in pages do.
pub const SEATS_PER_REVISION: usize = 500;
/// Persons asked by name who keep sight of a request, beyond the revision that stands: those asked longest ago are dropped.
pub const ASKED: usize = 500;
/// Commits of a request.
pub const COMMITS: u64 = 1_000;
/// Commits kept free for the end: a cancellation or an expiry, recalls, starts and finishes of the effect.
pub const COMMITS_END: u64 = 20;
/// Commits kept free for new revisions, beside votes and timers.
pub const COMMITS_KEPT: u64 = 20;
/// Commits after which a request takes no new revision: 1,000 − 500 votes − 50 steps that time out − 20 that end it. So a full request still
/// ends.
pub const COMMITS_REVISED: u64 = COMMITS - SEATS_PER_REVISION as u64 - STEPS as u64 - COMMITS_END;
/// Commits after which only acts that lead to the end are taken.
pub const COMMITS_OPEN: u64 = COMMITS_REVISED - COMMITS_KEPT;
/// Failed attempts of an effect, after which it has failed for good.
pub const EFFECT_FAILURES: u32 = 2;
/// Hours after which an effect that was started and not finished is late.
pub const EFFECT_HOURS: u32 = 24;
/// Comments of a request.
pub const COMMENTS: u32 = 200;
/// Comments of one person on a request: nobody alone fills it up.
pub const COMMENTS_EACH: u32 = 50;
/// Seats that one person passes on in a request.
pub const REASSIGNMENTS_EACH: u32 = 20;
/// Recalls of a request by one person: each costs its requester a new revision.
pub const RECALLS_EACH: u32 = 20;
/// Votes that one person takes back in a request.
pub const WITHDRAWALS_EACH: u32 = 20;
/// Revisions of a request.
pub const REVISIONS: u32 = 50;
/// Bytes of a commit.
pub const COMMIT_BYTES: usize = 32 * 1024;
/// Bytes of a commit besides its events and facts: ids, hashes, who called and how.
pub const ENVELOPE_BYTES: usize = 2 * 1024;
/// Bytes of the candidates of steps that open together. As many again go into facts, so that the commit that opens them fits.
pub const OPENING_BYTES: usize = COMMIT_BYTES / 2 - ENVELOPE_BYTES;
/// Bytes of a request's item while its steps are under way. Beyond, it can be rejected, returned or cancelled: one page's growth of the
/// state (52 kB), one commit (32 kB) and the rest (8 kB) still fit the 400 kB that DynamoDB allows.
pub const ITEM_BYTES: usize = 300 * 1024;
/// Bytes of commits an item may hold when read; what it holds above goes to a page before the next write.
pub const INLINE_COMMIT_BYTES: usize = 2 * 1024;
/// Bytes of metadata kept in the request's item; larger ones lie beside it.
pub const INLINE_METADATA_BYTES: usize = 512;
/// Bytes of a text (comment, reason) kept in the request's item; longer ones lie beside it.
pub const INLINE_TEXT_BYTES: usize = 256;
/// Bytes of metadata in canonical form.
pub const METADATA_BYTES: usize = 64 * 1024;
/// Bytes of an HTTP body.
pub const BODY_BYTES: usize = 256 * 1024;
/// Nesting of a JSON body.
pub const JSON_DEPTH: usize = 32;
/// Characters of a title.
pub const TITLE_CHARS: usize = 200;
/// Characters of a comment or a reason.
pub const COMMENT_CHARS: usize = 4_000;
/// Attachments of a revision.
pub const ATTACHMENTS: usize = 20;
/// Bytes of an expression's text.
pub const EXPRESSION_BYTES: usize = 512;
/// Operators and brackets of an expression (the parser recurses).
pub const EXPRESSION_TOKENS: usize = 64;
/// Managers looked at above an approver when a level climbs: those who cannot vote are passed over, one round of reads each.
pub const CLIMB_HOPS: usize = 3;
/// Hops of a chain of delegations.
pub const DELEGATION_HOPS: usize = 3;
/// Delegators looked at per hop, smallest ids first: 3 × 50 persons with their delegations, some 150 bytes each, fit a commit.
pub const DELEGATORS: usize = 50;
/// Delegations a person gives at a time, in force or to come.
pub const DELEGATIONS_GIVEN: usize = 50;
/// Delegations in force or to come from one giver to one receiver.
pub const DELEGATIONS_BETWEEN: usize = 5;
/// Persons looked at for a ring that a new delegation would close: with the two rows, the commit and two ends they fit the 100 items of
/// one transaction. A longer ring is cut where somebody votes.
pub const RING_PERSONS: usize = 80;
/// Inboxes merged into one person's, the nearest first: their own, their roles', and those of whom they stand in for. 200 queries of one
/// page cost at most 100 read units.
pub const INBOXES: usize = 200;
/// Templates, and steps, that one delegation names.
pub const DELEGATION_SCOPE: usize = 50;
/// Bytes of all their names together: a vote records the delegations that covered it, and 50 of these fit a commit.
pub const DELEGATION_SCOPE_BYTES: usize = 400;
/// Characters of a delegation's reason: it lies with whoever received it, and is read along with each of their votes.
pub const DELEGATION_REASON_CHARS: usize = 500;
/// People told of one notice, smallest ids first: as many as one function tells in a few of its runs.
pub const TOLD: usize = 1_000;
/// Commands of one person in a minute that one instance of a function counts in its memory alone. From this one on all instances count together.
pub const COMMANDS_ALONE: u32 = 30;
/// Commands of one person in a minute, if the deployment says nothing else: three full bulk calls of votes.
pub const COMMANDS_PER_MINUTE: u32 = 300;
/// Portions of a tenant's limit: an instance counts its commands in memory alone up to one of them, and at most as many as of one person.
pub const TENANT_PORTIONS: u32 = 20;
/// Rounds in which `decide` may ask for facts.
pub const FACT_ROUNDS: usize = 6;
/// Tries of one command against a moving request.
pub const TRIES: usize = 8;
/// Items of one bulk vote.
pub const BULK_VOTES: usize = 100;
/// Items of a list page.
pub const PAGE: usize = 100;
/// Items of a list page when none is named.
pub const PAGE_DEFAULT: usize = 25;
/// Roles of one person: their rows are rewritten in one transaction when the person leaves.
pub const ROLES_PER_PERSON: usize = 40;
/// Webhook endpoints of a tenant: every commit reads all of them, 20 of at most 3 kB, for at most 8 read units.
pub const ENDPOINTS: usize = 20;
/// Bytes of an event's body: 500 votes of 230 bytes, 50 steps of 400 and what an event holds of its own (32 kB at most) stay below. One
/// that would be larger, with the longest ids, tells no votes; then 50 steps, an event and the rest are at most 60 kB.
pub const EVENT_BYTES: usize = 200 * 1024;
/// Seconds that a webhook may take, from the look-up of its name to the head of its answer.
pub const WEBHOOK_SECONDS: u64 = 10;
/// Bytes read of an answer to a webhook. Nothing in them is looked at.
pub const WEBHOOK_ANSWER_BYTES: usize = 64 * 1024;
/// Addresses of one name that a webhook tries, one after the other.
pub const WEBHOOK_ADDRESSES: usize = 4;
/// Seconds that an answer's `Retry-After` may ask for: as long as the longest pause between two tries.
pub const RETRY_AFTER_SECONDS: u64 = 6 * 3_600;
/// Characters of a Step Functions task's token, as Step Functions itself has it. It stands in the request's item.
pub const TASK_TOKEN_CHARS: usize = 2_048;
/// Events that one tick of the clock replays for one job: half a minute of writes, so that a long replay leaves room for the rest.
pub const REPLAYED_PER_TICK: usize = 1_000;
