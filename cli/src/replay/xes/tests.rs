use super::*;
use std::io::Write;

const SMALL: &str = r#"<?xml version="1.0"?>
<log xmlns="http://www.xes-standard.org">
  <global scope="event"><string key="concept:name" value="ignored"/></global>
  <trace>
    <string key="concept:name" value="declaration 1"/>
    <float key="Amount" value="12.5"/>
    <event>
      <string key="concept:name" value="Submitted &amp; sent"><string key="concept:name" value="nested"/></string>
      <date key="time:timestamp" value="2017-01-09T09:49:50.000+01:00"/>
    </event>
    <event>
      <string key="org:role" value="SUPERVISOR"/>
      <date key="time:timestamp" value="2017-01-09T08:49:50.001Z"/>
      <string key="concept:name" value="Approved"/>
      <string key="Amount" value="13"/>
    </event>
  </trace>
</log>"#;

fn keys() -> Vec<String> {
    vec!["Amount".to_owned()]
}

fn failure(text: &str) -> String {
    read(text.as_bytes(), &keys()).unwrap_err().to_string()
}

#[test]
fn rows_carry_time_names_and_amount() {
    let log = read(SMALL.as_bytes(), &keys()).unwrap();
    assert_eq!(log.cases, ["declaration 1"]);
    let first = log.rows[0];
    assert_eq!(first.at_ms, 1_483_951_790_000);
    assert_eq!(log.names.text(first.activity), "Submitted & sent");
    assert_eq!(first.amount, 12.5);
    let second = log.rows[1];
    assert_eq!((second.at_ms - first.at_ms, second.amount), (1, 13.0));
    assert_eq!(log.names.text(second.role), "SUPERVISOR");
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    let folder = std::env::temp_dir().join(format!("approvals-xes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("log.xes");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(SMALL.as_bytes()).unwrap();
    std::fs::write(&path, gzip.finish().unwrap()).unwrap();
    assert_eq!(read_file(&path, &keys()).unwrap().rows.len(), 2);
    std::fs::write(&path, SMALL).unwrap();
    assert_eq!(read_file(&path, &keys()).unwrap().rows.len(), 2);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn errors_say_what_and_where() {
    assert!(failure("<html/>").contains("the outermost element is `html`"));
    assert!(failure("").contains("ends inside an element at byte 0"));
    assert!(failure("<log><trace>").contains("at byte 12"));
    assert!(failure("<log><event/></log>").contains("outside a trace"));
    assert!(failure("<log><trace></trace></log>").contains("a trace without `concept:name`"));
    assert!(failure("<log><trace><event></event></trace></log>").contains("an event without `concept:name` at byte 27"));
    assert!(failure(&SMALL.replace("08:49:50.001Z", "soon")).contains("`2017-01-09Tsoon` is not a time"));
    assert!(failure(&SMALL.replace("\"13\"", "\"1e999\"")).contains("`1e999` is not a number"));
    let twice = "<trace><string key='concept:name' value='a'/></trace>";
    assert!(failure(&format!("<log>{twice}{twice}</log>")).contains("a second trace named `a`"));
    let deep = "<a>".repeat(80);
    assert!(failure(&format!("<log>{deep}")).contains("nested more than 64 deep"));
}

/// 3 GB of comment in 14 MB of gzip would otherwise be 3 GB of memory.
#[test]
fn a_token_without_end_is_refused_before_it_fills_the_memory() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(b'x');
            self.0 += into.len() as u64;
            assert!(self.0 < 8 << 20, "read on and on");
            Ok(into.len())
        }
    }
    for begun in ["<log><!--", "<log a='", "<log>", "<log><![CDATA["] {
        let source = std::io::BufReader::new(std::io::Read::chain(begun.as_bytes(), Endless(0)));
        let error = read(source, &keys()).unwrap_err().to_string();
        assert!(error.contains("of more than 1048576 bytes"), "{begun}: {error}");
    }
    let long = format!("<log><!--{}--><trace><string key='concept:name' value='a'/></trace></log>", "x".repeat(900_000));
    assert_eq!(read(long.as_bytes(), &keys()).unwrap().cases, ["a"], "a long comment is no fault");
}
