//! SSRF: no byte goes where it must not, whatever an address says, a name means, or a receiver answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use notifications::webhook::carrier::{Carrier, Fault, Parcel};
use serde_json::json;

use super::receiver::{Act, PUBLIC, Receiver};
use super::{START, URL, endpoint, log, minutes, service, standing};

const TIME: Duration = Duration::from_secs(10);

fn parcel(url: &str) -> Parcel {
    Parcel { url: url.to_owned(), headers: vec![("webhook-id", "id".to_owned())], body: "{}".to_owned(), kind: "test" }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One of each range; the ranges themselves are held in `shared/src/destinations/ranges.rs`.
const INSIDE: [&str; 32] = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

#[tokio::test]
async fn a_name_that_means_an_address_inside_is_not_called() {
    let receiver = Receiver::start().await;
    for inside in INSIDE {
        // Alone, and hidden among good ones.
        for addresses in [vec![ip(inside)], vec![ip(PUBLIC), ip(inside)], vec![ip(inside), ip(PUBLIC)]] {
            let wire = receiver.wire_by(TIME, move |_| addresses.clone());
            assert_eq!(wire.carry(&parcel(URL)).await, Err(Fault::Forbidden), "{inside}");
        }
        assert_eq!(receiver.dialled(), [], "{inside}: nobody is called");
    }
    assert_eq!(receiver.wire_by(TIME, |_| Vec::new()).carry(&parcel(URL)).await, Err(Fault::Unresolved));
    assert_eq!((receiver.connections(), receiver.take().len()), (0, 0));
}

/// What an administrator may not write is not called either, should it stand in the table all the same.
#[tokio::test]
async fn an_address_that_may_not_be_written_is_not_even_looked_up() {
    let receiver = Receiver::start().await;
    let wire = receiver.wire(TIME);
    for url in [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com:80/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0x7f.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://metadata.google.internal/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "hooks.example.com",
        "",
    ] {
        assert_eq!(wire.carry(&parcel(url)).await, Err(Fault::Forbidden), "{url}");
    }
    assert_eq!((receiver.asked(), receiver.dialled(), receiver.connections()), (Vec::new(), Vec::new(), 0));
}

/// The connection goes to the address that was judged, on port 443; TLS and `host` go by the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_goes_to_the_address_that_was_judged_by_the_name_that_was_written() {
    let receiver = Receiver::start().await;
    let large = Parcel { body: "x".repeat(200 * 1024), ..parcel("https://HOOKS.example.com./a/b?c=%20d") };
    let answer = receiver.wire(TIME).carry(&large).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(receiver.dialled(), [format!("{PUBLIC}:443").parse().unwrap()]);
    assert_eq!((receiver.asked(), receiver.names()), (vec!["hooks.example.com".to_owned()], vec!["hooks.example.com".to_owned()]));
    let call = receiver.take().remove(0);
    assert_eq!(call.body.len(), 200 * 1024);
    assert_eq!((call.headers[":first"].as_str(), call.headers["host"].as_str()), ("POST /a/b?c=%20d HTTP/1.1", "hooks.example.com"));
    // Another name at the same address has no certificate for it.
    assert_eq!(receiver.wire(TIME).carry(&parcel("https://other.example.com/")).await, Err(Fault::Tls));
}

/// A name that meant the internet when it was written, and at the first call, and means this machine at the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_judged_anew_at_every_connect() {
    let receiver = Receiver::start().await;
    let wire = receiver.wire_by(TIME, |nth| vec![if nth == 0 { ip(PUBLIC) } else { ip("127.0.0.1") }]);
    let api = service(Some(START), Arc::new(wire)).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    receiver.acts(|_| Act::Answer("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"));
    api.submit("rita", "t", "PO-1", json!({})).await;
    api.drain().await;
    assert_eq!(standing(&log(&api, "erp").await[0]), "failed failing 500 after 1");
    assert_eq!(receiver.dialled().len(), 1);
    for hours in [1, 1, 2] {
        minutes(&api, hours * 60).await;
    }
    assert_eq!((receiver.dialled(), receiver.connections()), (Vec::new(), 1), "not one more connection");
    assert_eq!(receiver.asked().len(), 4, "and it was asked for each time");
    assert_eq!(standing(&log(&api, "erp").await[0]), "failed forbidden_address null after 4");
}
