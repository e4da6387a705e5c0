//! A server of a few lines for tests: it answers as it is told and keeps what it got.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::Session;
use crate::client::Client;
use crate::output::{Screen, Style};

/// Answers one call after the other with these texts, then stops; gives back head and body of each call.
pub(crate) fn server<T: Into<String>>(answers: impl IntoIterator<Item = T>) -> (String, JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<String> = answers.into_iter().map(Into::into).collect();
    let thread = std::thread::spawn(move || {
        let mut calls = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(reader.read_line(&mut head).unwrap() > 0, "cut off: {head}");
            }
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(|n| n.parse().unwrap()));
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            calls.push((head, String::from_utf8(body).unwrap()));
            stream.write_all(answer.as_bytes()).unwrap();
        }
        calls
    });
    (url, thread)
}

/// An answer with a JSON body.
pub(crate) fn answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ndate: Tue, 06 Jan 2026 09:00:00 GMT\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// A header of a call.
pub(crate) fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name))).map(|(_, value)| value)
}

/// A session with that server.
pub(crate) fn session(url: &str) -> Session {
    Session { client: Client::new(url, None).unwrap(), style: Style::default(), json: false, screen: Screen }
}
