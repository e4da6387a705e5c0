//! A connection that died while the function was frozen never answers: the call ends all the same, and in time to be tried again.

use std::time::{Duration, Instant};

use approvals::runtime::trust::https;
use approvals::store::table::{Freshness, Table, keys};
use approvals::wiring::patience;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

#[tokio::test]
async fn a_store_that_never_answers_takes_five_seconds_and_no_more() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(format!("http://{}", deaf.local_addr().unwrap()))
        .timeout_config(patience())
        .http_client(https());
    let table = Table::new(aws_sdk_dynamodb::Client::from_conf(config.build()), "approvals");
    let began = Instant::now();
    table.get(&keys::nowhere(), Freshness::Eventual).await.unwrap_err();
    // Three attempts of a second and a half, and their pauses.
    assert!((Duration::from_secs(3)..Duration::from_secs(12)).contains(&began.elapsed()), "{:?}", began.elapsed());
}
