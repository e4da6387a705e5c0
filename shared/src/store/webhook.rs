//! How deliveries name webhooks: the channel, and one event on its way to an endpoint.

use approvals_domain::ids::EndpointId;

/// The name of webhooks in deliveries.
pub const WEBHOOK: &str = "webhook";

/// One event of a notice's commit on its way to an endpoint, as deliveries name it: `endpoint/place`.
pub fn to_endpoint(endpoint: &EndpointId, index: u32) -> String {
    format!("{endpoint}/{index}")
}

/// Reads [`to_endpoint`] back.
pub fn parse_to_endpoint(to: &str) -> Option<(EndpointId, u32)> {
    let (endpoint, index) = to.rsplit_once('/')?;
    Some((EndpointId::new(endpoint).ok()?, index.parse().ok()?))
}
