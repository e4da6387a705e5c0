//! `ClientRequestToken`: a transaction repeated within ten minutes is answered from memory, as DynamoDB does.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynoxide::DynoxideError;
use dynoxide::actions::transact_write_items::{TransactWriteItemsRequest, TransactWriteItemsResponse};
use serde_json::Value;

/// DynamoDB's own window.
const WINDOW: Duration = Duration::from_secs(600);

/// The transactions of the last ten minutes; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    answers: HashMap<String, (u64, TransactWriteItemsResponse)>,
    order: VecDeque<(Instant, String)>,
}

/// A token with a digest of what it was sent for.
pub(super) struct Claim {
    token: Option<String>,
    digest: u64,
}

impl Tokens {
    /// The claim of a request, made before it is given away.
    pub(super) fn claim(request: &TransactWriteItemsRequest) -> dynoxide::Result<Claim> {
        let token = request.client_request_token.clone();
        let digest = match token {
            None => 0,
            Some(_) => serde_json::to_value(&request.transact_items)
                .map(|items| digest(&items))
                .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?,
        };
        Ok(Claim { token, digest })
    }

    /// Runs `work` unless the claim's token has been answered already. Only the engine's thread calls this, one call
    /// at a time, so nothing can slip between looking and remembering.
    pub(super) fn once(
        &self,
        claim: Claim,
        work: impl FnOnce() -> dynoxide::Result<TransactWriteItemsResponse>,
    ) -> dynoxide::Result<TransactWriteItemsResponse> {
        let Some(token) = claim.token else {
            return work();
        };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_before(Instant::now().checked_sub(WINDOW));
        match seen.answers.get(&token) {
            Some((digest, answer)) if *digest == claim.digest => return Ok(answer.clone()),
            Some(_) => {
                return Err(DynoxideError::IdempotentParameterMismatchException("the token was used for another transaction".to_owned()));
            }
            None => {}
        }
        let answer = work()?;
        seen.order.push_back((Instant::now(), token.clone()));
        seen.answers.insert(token, (claim.digest, answer.clone()));
        Ok(answer)
    }

    /// A transaction that did not happen after all.
    pub(super) fn forget(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answers.remove(token);
    }
}

impl Seen {
    fn forget_before(&mut self, horizon: Option<Instant>) {
        while let Some((at, token)) = self.order.front()
            && horizon.is_some_and(|horizon| *at < horizon)
        {
            self.answers.remove(token);
            self.order.pop_front();
        }
    }
}

/// A digest that does not depend on the order of a map's keys, which no two parses need to agree on.
fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let mut one = DefaultHasher::new();
                (name, digest(member)).hash(&mut one);
                one.finish()
            })
            .fold(0, u64::wrapping_add)
            .hash(&mut hasher),
        Value::Array(items) => items.iter().map(digest).for_each(|d| d.hash(&mut hasher)),
        scalar => scalar.to_string().hash(&mut hasher),
    }
    hasher.finish()
}
