//! How fast the commands of all people of a tenant come: one tenant that is busy, or whose program runs wild, leaves the others their share.

use approvals::app::error::Whose;
use approvals::app::{Error, Pace, PerMinute};
use approvals_domain::ids::TenantId;
use serde_json::json;

use super::pace::{limited, roads};
use crate::stage::api::asked;
use crate::stage::{Stage, person_id, tenant};

/// A limit of a tenant alone.
const fn of_tenant(tenant: u32) -> PerMinute {
    PerMinute { person: 0, tenant }
}

fn is_throttled(taken: &Result<(), Error>) -> bool {
    matches!(taken, Err(Error::TooFast { whose: Whose::Tenant, .. }))
}

#[tokio::test]
async fn a_tenant_that_is_too_busy_is_told_to_wait_on_every_road() {
    const MOST: u32 = 40;
    let api = limited(of_tenant(MOST)).await;
    api.people("rita bob dora").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let id = shown["id"].as_str().unwrap();
    let comment = format!("POST /v1/requests/{id}/comments");
    // None of them alone is fast.
    for n in 2..=MOST {
        let who = ["rita", "bob"][n as usize % 2];
        api.done(who, &comment, Some(&json!({ "comment": format!("{n}") }))).await;
    }
    for (road, body) in roads(id, &shown["payload_hash"]) {
        let answer = api.call("rita", &road, body.as_ref()).await;
        assert_eq!((answer.status, answer.code()), (429, "tenant_throttled"), "{road}: {}", answer.body);
        answer.is_problem(&road);
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{road}: {seconds}");
    }
    assert_eq!(
        api.call("dora", &comment, Some(&json!({ "comment": "my first" }))).await.code(),
        "tenant_throttled",
        "it is of all together"
    );
    let now = api.done("rita", &format!("GET /v1/requests/{id}"), None).await;
    assert_eq!(now["version"], json!(MOST), "nothing of it was done, and reading is free");
    // The directory is loaded as fast as it comes, and another tenant is served.
    api.people("eve fred").await;
    let other = api.local.token("rita", None, "other").unwrap();
    let call = asked(&format!("POST /v1/requests/{id}/comments"), Some(&other)).header("content-type", "application/json");
    let answer = api.send(call.body(axum::body::Body::from("{\"comment\":\"hello\"}")).unwrap()).await;
    assert_eq!((answer.status, answer.code()), (404, "not_found"), "{}", answer.body);
    api.clock("2026-01-05T09:01:00Z").await;
    api.done("bob", &comment, Some(&json!({ "comment": "after a minute" }))).await;
}

/// Where the limit is off, and below a twentieth of it in a minute, a command costs no call; then one call for as many.
#[tokio::test]
async fn a_tenant_is_counted_by_portions() {
    let stage = Stage::new().await;
    let (now, rita) = (|| stage.app.clock.now(), person_id("rita"));
    let calls = async |pace: &Pace, commands: usize| {
        stage.seam.take();
        for _ in 0..commands {
            pace.take(&tenant(), &rita, now()).await.unwrap();
        }
        stage.seam.take().calls
    };
    let paces = || stage.app.stores.paces.clone();
    assert!(calls(&Pace::limited(of_tenant(0), paces()), 500).await.is_empty());
    let pace = Pace::limited(of_tenant(200), paces());
    assert!(calls(&pace, 9).await.is_empty(), "an ordinary command costs no call");
    assert_eq!(calls(&pace, 1).await, ["PutItem"]);
    assert_eq!(calls(&pace, 100).await, ["PutItem"; 10]);
    // A limit however large is told of in portions that a person's would be told in.
    assert_eq!(calls(&Pace::limited(of_tenant(1_000_000), paces()), 90).await.len(), 3 + 1, "one more: it learns what stands there");
    stage.advance_seconds(61);
    assert!(calls(&pace, 9).await.is_empty(), "a new minute");
}

/// Many instances at once: together they take the limit, and no more than what none of them has told of yet.
#[tokio::test]
async fn all_instances_count_a_tenant_together() {
    const INSTANCES: usize = 7;
    const MOST: usize = 100;
    const PORTION: usize = MOST / 20;
    let stage = Stage::new().await;
    let paces: Vec<Pace> = (0..INSTANCES).map(|_| Pace::limited(of_tenant(100), stage.app.stores.paces.clone())).collect();
    let people: Vec<_> = (0..50).map(|n| person_id(&format!("p{n}"))).collect();
    let rush = async || {
        let mut taken = 0;
        for round in 0..60 {
            for (at, pace) in paces.iter().enumerate() {
                let done = pace.take(&tenant(), &people[(round + at) % people.len()], stage.app.clock.now()).await;
                assert!(done.is_ok() || is_throttled(&done), "{done:?}");
                taken += usize::from(done.is_ok());
            }
        }
        taken
    };
    let untold = INSTANCES * (PORTION - 1);
    let first = rush().await;
    assert!((MOST - PORTION + 1..=MOST + untold).contains(&first), "{first} of {MOST} a minute");
    stage.seam.take();
    assert_eq!(rush().await, 0);
    let asked = stage.seam.take().calls.len();
    assert!(asked <= INSTANCES, "a refusal costs nothing, once an instance knows: {asked}");
    // A sixth of a minute lets a sixth of the limit in.
    stage.advance_seconds(10);
    let later = rush().await;
    assert!((MOST / 6 - PORTION..=MOST / 6 + untold).contains(&later), "{later}");
    let other = TenantId::new("other").unwrap();
    paces[0].take(&other, &people[0], stage.app.clock.now()).await.unwrap();
}

/// Whoever is over their own limit hears so, and takes nothing from their colleagues.
#[tokio::test]
async fn one_s_own_limit_comes_first() {
    let stage = Stage::new().await;
    let pace = Pace::limited(PerMinute { person: 30, tenant: 60 }, stage.app.stores.paces.clone());
    let take = async |who: &str| pace.take(&tenant(), &person_id(who), stage.app.clock.now()).await;
    for _ in 0..30 {
        take("rita").await.unwrap();
    }
    for _ in 0..100 {
        let refused = take("rita").await;
        assert!(matches!(refused, Err(Error::TooFast { whose: Whose::Person, .. })), "{refused:?}");
    }
    for _ in 0..27 {
        take("bob").await.unwrap();
    }
    let mut last = Ok(());
    for who in ["bob", "dora", "eve", "fred"] {
        last = take(who).await;
    }
    assert!(is_throttled(&last), "{last:?}");
}

/// Whoever counts cannot be reached: commands go on, for they need the same table themselves.
#[tokio::test]
async fn a_table_that_does_not_count_holds_up_no_tenant() {
    let stage = Stage::new().await;
    let pace = Pace::limited(of_tenant(20), stage.app.stores.paces.clone());
    stage.seam.script(|_| crate::stage::seam::Fault::ServerError);
    for n in 0..5 {
        pace.take(&tenant(), &person_id(&format!("p{n}")), stage.app.clock.now()).await.unwrap();
    }
}
