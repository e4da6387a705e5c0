//! Limits reached on a whole service: a refusal with its code, nothing written, and a way out.

pub(crate) mod pace;
mod tenants;

use approvals::app::Error;
use approvals_domain::actor::Caller;
use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use serde_json::json;

use crate::stage::{Stage, caller};

/// DynamoDB's own limit, and its own way to count.
const ITEM_BYTES_MAX: usize = 400 * 1024;

/// F23: a request that outgrows its item is told so in time, and can still end.
#[tokio::test]
async fn a_request_that_outgrows_its_item_can_still_be_cancelled() {
    let stage = Stage::new().await;
    let voters: Vec<String> = (0..limits::QUORUM).map(|n| format!("v{n:02}")).collect();
    stage.people(&format!("rita {}", voters.join(" "))).await;
    stage.role("all", &voters.join(" ")).await;
    let steps: Vec<_> =
        (0..5).map(|n| json!({ "id": format!("s{n}"), "approvers": [{ "role": "all" }], "required": limits::QUORUM })).collect();
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;

    // An identity provider that has much to say of each login: every vote keeps it.
    let wordy = |id: &str| Caller { acr: Some("x".repeat(1_700)), ..caller(id) };
    let (mut largest, mut refused) = (0, None);
    for (step, voter) in (0..5).flat_map(|step| voters.iter().map(move |voter| (format!("s{step}"), voter))) {
        let payload_hash = Some(shown.state.payload_hash);
        let vote = Vote {
            step: step.parse().unwrap(),
            decision: Decision::Approve,
            payload_hash,
            revision: None,
            round: None,
            on_behalf_of: None,
            comment: None,
        };
        match stage.command(wordy(voter), &shown, Command::Vote(vote), &format!("{step} {voter}")).await {
            Ok(outcome) => largest = largest.max(outcome.record.item().size()),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the request outgrows its item");
    assert!(matches!(refused, Error::Refused(Refusal::RequestFull(_))), "{refused:?}");

    let cancelled = stage.command(wordy("rita"), &shown, Command::Cancel { reason: None }, "cancel").await.unwrap().record;
    assert_eq!(cancelled.state.status(), Status::Cancelled);
    largest = largest.max(cancelled.item().size());
    assert!(largest > limits::ITEM_BYTES - limits::COMMIT_BYTES && largest < ITEM_BYTES_MAX, "{largest} bytes");
    let (commits, _) = stage.app.requests.history(&cancelled).await.unwrap();
    assert_eq!(commits.len() as u64, cancelled.state.version);
}
