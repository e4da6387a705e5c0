//! Turns of jobs: tenants share the tick.

use std::collections::VecDeque;

use approvals::store::keys::{self, Key};
use approvals_domain::ids::TenantId;

/// Jobs by tenant; tenants in the order in which they have their turn.
///
/// INVARIANT (fair): however many jobs one tenant has, and however long they take, another's next one waits for one slice of each tenant.
#[derive(Debug, Default)]
pub(super) struct Turns(VecDeque<(TenantId, VecDeque<Key>)>);

impl Turns {
    /// At the end of its tenant's jobs.
    pub(super) fn put(&mut self, key: Key) {
        let Some((tenant, _)) = keys::parse_job(&key) else { return };
        match self.0.iter_mut().find(|(of, _)| *of == tenant) {
            Some((_, jobs)) => jobs.push_back(key),
            None => self.0.push_back((tenant, VecDeque::from([key]))),
        }
    }

    /// The next one; its tenant goes behind all others.
    pub(super) fn next(&mut self) -> Option<Key> {
        let (tenant, mut jobs) = self.0.pop_front()?;
        let key = jobs.pop_front();
        if !jobs.is_empty() {
            self.0.push_back((tenant, jobs));
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_what_goes_behind_waits_for_its_tenant_s_others() {
        let key = |tenant: &str, id: &str| keys::job(&TenantId::new(tenant).unwrap(), id);
        let mut turns = Turns::default();
        [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1")].into_iter().for_each(|(tenant, id)| turns.put(key(tenant, id)));
        let mut order = Vec::new();
        while let Some(next) = turns.next() {
            if order.is_empty() {
                turns.put(next.clone());
            }
            order.push(next);
        }
        let wanted = [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("a", "3"), ("a", "1")];
        assert_eq!(order, wanted.map(|(tenant, id)| key(tenant, id)));
    }
}
