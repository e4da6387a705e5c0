//! Webhooks: one POST for each event, signed as Standard Webhooks says, and what each answer means.
//!
//! - [`carrier`]: who takes it there; [`wire`]: over the internet, behind a fence; [`signature`]: what receivers check.

pub mod carrier;
mod signature;
pub mod wire;

use approvals::app;
use approvals::app::commands::endpoints::switch_off_endpoint;
use approvals::notice::Notice;
use approvals::store::directory::chain::Author;
use approvals::store::directory::endpoints::Endpoint;
use approvals::store::webhook::{WEBHOOK, parse_to_endpoint, to_endpoint};
use approvals::wire::event_v1::{self, MEDIA_TYPE, Told};
use approvals_domain::actor::{Actor, SystemPart};
use approvals_domain::ids::{EndpointId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;

use crate::Desk;
use crate::results::{Failed, Sent};
use carrier::{Answer, Fault, Parcel};

/// One event for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    /// As deliveries name it.
    pub(crate) to: String,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    pub(crate) told: Told,
    /// The endpoint and its version; else why nothing is sent.
    pub(crate) door: Result<(Endpoint, u64), Shut>,
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shut {
    Off,
    Removed,
}

impl Shut {
    /// As in logs of endpoints.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "switched_off",
            Self::Removed => "removed",
        }
    }
}

/// For each endpoint whose filter takes it, each event of the commit; of a delivery that is tried again, or replayed, exactly that one,
/// whatever the filter says now.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice) -> Result<Vec<Hook>, app::Error> {
    let only = notice.retry.as_ref().filter(|retry| retry.channel == WEBHOOK).map(|retry| parse_to_endpoint(&retry.to));
    let endpoints = match (&only, &notice.retry) {
        (Some(Some((id, _))), _) => {
            let found = desk.app.directory.endpoint(&notice.tenant, id).await?;
            vec![(id.clone(), found.ok_or(Shut::Removed))]
        }
        // Another kind of system is meant, or nobody that is known.
        (Some(None), _) | (None, Some(_)) => return Ok(Vec::new()),
        (None, None) => {
            let all = desk.app.directory.endpoints(&notice.tenant).await?;
            all.into_iter().map(|(id, endpoint, version)| (id, Ok((endpoint, version)))).collect()
        }
    };
    if endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let told = desk.app.told(notice).await?;
    let mut hooks = Vec::new();
    for (id, found) in endpoints {
        let wants = |told: &Told| match (&only, &found) {
            (Some(Some((_, index))), _) => told.index == *index,
            (_, Ok((endpoint, _))) => endpoint.events.contains(told.kind),
            (_, Err(_)) => false,
        };
        for told in told.iter().filter(|told| wants(told)) {
            let door = found.clone().and_then(|(endpoint, version)| if endpoint.active { Ok((endpoint, version)) } else { Err(Shut::Off) });
            let (tenant, to) = (notice.tenant.clone(), to_endpoint(&id, told.index));
            hooks.push(Hook { to, tenant, endpoint: id.clone(), told: told.clone(), door });
        }
    }
    if let (Some(Some((endpoint, index))), true) = (only, hooks.is_empty()) {
        // The request is gone, and its event with it: what waits for it ends.
        let (tenant, to) = (notice.tenant.clone(), to_endpoint(&endpoint, index));
        let told = Told { index, kind: "", id: event_v1::id(&notice.commit, index), body: String::new() };
        hooks.push(Hook { to, tenant, endpoint, told, door: Err(Shut::Removed) });
    }
    Ok(hooks)
}

impl Hook {
    /// Sends; the outer error: nothing was tried, or what must follow could not be done; the lease runs out.
    pub(crate) async fn send(&self, desk: &Desk) -> Result<Result<Sent, Failed>, app::Error> {
        let Ok((endpoint, version)) = &self.door else { return Ok(Err(Failed::new("switched_off"))) };
        let Some(secrets) = desk.app.directory.endpoint_secrets(&self.tenant, &self.endpoint).await? else {
            return Ok(Err(Failed::new("removed")));
        };
        let secrets = secrets.unwrapped(&desk.links, &self.tenant, &self.endpoint).await?;
        let damaged = || app::Error::Damaged("an endpoint's secret was wrapped by nobody of ours".to_owned());
        let secrets = secrets.ok_or_else(damaged)?;
        let now = desk.now();
        let seconds = now.millis().div_euclid(1_000);
        let signature = signature::sign(&secrets, &self.told.id, seconds, &self.told.body, now)
            .ok_or_else(|| app::Error::Damaged("an endpoint's secret is none".to_owned()))?;
        let headers = vec![
            ("content-type", MEDIA_TYPE.to_owned()),
            ("user-agent", "approvals-webhook/1".to_owned()),
            ("webhook-id", self.told.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        let kind = self.told.kind;
        let parcel = Parcel { url: endpoint.url.clone(), headers, body: self.told.body.clone(), kind };
        let answer = desk.carrier.carry(&parcel).await;
        let gone = matches!(&answer, Ok(answer) if answer.status == 410);
        if gone && !self.switch_off(desk, endpoint, *version).await? {
            // Somebody changed the endpoint meanwhile: what the old one says means nothing for the new one.
            return Ok(Err(Failed { status: Some(410), spreads: true, ..Failed::new("gone") }));
        }
        Ok(meaning(answer, now))
    }

    /// The receiver is gone for good, as it says itself: the service switches its endpoint off, by the same write as an administrator.
    /// `false`: it is another one by now, and stays as it is.
    async fn switch_off(&self, desk: &Desk, endpoint: &Endpoint, version: u64) -> Result<bool, app::Error> {
        let actor = Actor::System { part: SystemPart::Directory };
        let (salt, now) = (desk.app.entropy.salt(), desk.now());
        let author = Author::new(&self.tenant, &actor, now, salt);
        match switch_off_endpoint(&desk.app.directory, &author, &self.endpoint, (endpoint, version)).await {
            Ok(()) => {
                tracing::warn!(endpoint = %self.endpoint, "a receiver answered 410: its endpoint is switched off");
                Ok(true)
            }
            Err(app::Error::Refused(refusal)) => {
                tracing::warn!(endpoint = %self.endpoint, %refusal, "a receiver answered 410: its endpoint has changed since");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// What an answer means.
fn meaning(answer: Result<Answer, Fault>, now: Timestamp) -> Result<Sent, Failed> {
    let Answer { status, retry_after } = match answer {
        Ok(answer) => answer,
        // Whoever does not answer one call will not answer the next one.
        Err(fault) => return Err(Failed { spreads: true, ..Failed::new(fault.as_str()) }),
    };
    let failed = |class: &str| Failed { status: Some(status), ..Failed::new(class) };
    Err(match status {
        200..=299 => return Ok(Sent { provider_id: None, status: Some(status) }),
        410 => Failed { for_good: true, gone: true, ..failed("gone") },
        429 | 503 => Failed { not_before: retry_after.and_then(|asked| later(&asked, now)), spreads: true, ..failed("busy") },
        300..=399 => failed("redirected"),
        400..=499 => failed("refused"),
        _ => failed("failing"),
    })
}

/// `Retry-After`: seconds or a date, and no later than [`limits::RETRY_AFTER_SECONDS`] from now.
fn later(asked: &str, now: Timestamp) -> Option<Timestamp> {
    let millis = match asked.trim().parse::<u64>() {
        Ok(seconds) => i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX),
        Err(_) => chrono::DateTime::parse_from_rfc2822(asked.trim()).ok()?.timestamp_millis().saturating_sub(now.millis()),
    };
    let most = i64::try_from(limits::RETRY_AFTER_SECONDS * 1_000).unwrap_or(i64::MAX);
    Some(now.plus_millis(millis.clamp(1_000, most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_means_this() {
        let now = Timestamp::parse("2026-01-05T09:00:00Z").unwrap();
        let of = |status: u16, retry_after: Option<&str>| meaning(Ok(Answer { status, retry_after: retry_after.map(str::to_owned) }), now);
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(of(status, None), Ok(Sent { provider_id: None, status: Some(status) }));
        }
        for (status, class, for_good, spreads) in [
            (301, "redirected", false, false),
            (302, "redirected", false, false),
            (307, "redirected", false, false),
            (400, "refused", false, false),
            (401, "refused", false, false),
            (404, "refused", false, false),
            (410, "gone", true, false),
            (429, "busy", false, true),
            (500, "failing", false, false),
            (503, "busy", false, true),
            (599, "failing", false, false),
            (101, "failing", false, false),
        ] {
            let failed = of(status, None).unwrap_err();
            assert_eq!((failed.class.as_str(), failed.for_good, failed.spreads, failed.status), (class, for_good, spreads, Some(status)));
            assert_eq!(failed.not_before, None, "{status}");
        }
        let asked = |text: &str| of(503, Some(text)).unwrap_err().not_before.map(|then| (then.millis() - now.millis()) / 1_000);
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Mon, 05 Jan 2026 09:05:00 GMT"), Some(300));
        assert_eq!(asked("Mon, 05 Jan 2026 08:00:00 GMT"), Some(1), "a time that is over");
        assert_eq!(asked("0"), Some(1));
        assert_eq!(asked("99999999999999999999"), None, "no number");
        assert_eq!(asked("18446744073709551615"), Some(6 * 3_600));
        assert_eq!(asked("soon"), None);
        assert_eq!(meaning(Err(Fault::TimedOut), now).unwrap_err().class, "timed_out");
    }
}
