//! The limits in docs/limits.md are those of `approvals_domain::limits`, with the words that stand beside each constant there.

use approvals_domain::limits;

use super::{keep, root};

const FROM: &str = "<!-- limits: written by `UPDATE=1 cargo test -p tests limits`, from shared/domain/src/limits.rs -->\n";
const TO: &str = "<!-- /limits -->";

macro_rules! values {
    ($($name:ident)*) => {
        [$((stringify!($name), u64::try_from(limits::$name).unwrap())),*]
    };
}

/// Every constant there; one that is missing here fails the test.
fn value(name: &str) -> Option<u64> {
    let all = values![
        ID_CHARS KEY_CHARS STEPS APPROVERS CANDIDATES QUORUM SEATS_PER_REVISION COMMITS COMMITS_KEPT COMMITS_REVISED COMMITS_OPEN COMMITS_END
        EFFECT_FAILURES EFFECT_HOURS COMMENTS COMMIT_BYTES COMMENTS_EACH REASSIGNMENTS_EACH RECALLS_EACH WITHDRAWALS_EACH REVISIONS DELEGATIONS_BETWEEN
        ASKED ENVELOPE_BYTES OPENING_BYTES ITEM_BYTES DELEGATORS INLINE_COMMIT_BYTES INLINE_METADATA_BYTES INLINE_TEXT_BYTES METADATA_BYTES BODY_BYTES JSON_DEPTH TITLE_CHARS COMMENT_CHARS
        ATTACHMENTS EXPRESSION_BYTES EXPRESSION_TOKENS CLIMB_HOPS DELEGATION_HOPS DELEGATIONS_GIVEN RING_PERSONS INBOXES DELEGATION_SCOPE DELEGATION_SCOPE_BYTES DELEGATION_REASON_CHARS TOLD COMMANDS_ALONE COMMANDS_PER_MINUTE TENANT_PORTIONS FACT_ROUNDS TRIES BULK_VOTES PAGE PAGE_DEFAULT ROLES_PER_PERSON
        ENDPOINTS EVENT_BYTES WEBHOOK_SECONDS WEBHOOK_ANSWER_BYTES WEBHOOK_ADDRESSES RETRY_AFTER_SECONDS TASK_TOKEN_CHARS REPLAYED_PER_TICK
    ];
    all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// 65536 as `65,536`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn table() -> String {
    let source = std::fs::read_to_string(root().join("shared/domain/src/limits.rs")).unwrap();
    let mut rows = String::from("| limit | value | what is counted |\n|---|---:|---|\n");
    let mut words: Vec<&str> = Vec::new();
    for line in source.lines() {
        if let Some(comment) = line.strip_prefix("/// ") {
            words.push(comment);
        } else if let Some((name, _)) = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(':')) {
            let value = value(name).unwrap_or_else(|| panic!("add `{name}` to the list of this test"));
            rows.push_str(&format!("| `{name}` | {} | {} |\n", grouped(value), words.join(" ")));
            words.clear();
        } else {
            words.clear();
        }
    }
    rows
}

#[test]
fn documented_limits_are_those_of_the_code() {
    keep("docs/limits.md", FROM, TO, &table());
}
