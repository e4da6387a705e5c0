//! What `approvals bench` says of a run, whatever its figures are.

use clap::Parser;
use cli::args;
use cli::local::Local;
use serde_json::Value;

fn bench(more: &[&str]) -> String {
    let line = ["approvals", "bench", "--lifecycles", "4", "--concurrency", "2"].into_iter().chain(more.iter().copied());
    let args::Command::Local(Local::Bench(args)) = args::Cli::parse_from(line).command else { panic!("only the bench") };
    let mut out = Vec::new();
    cli::bench::run(&args, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The price of tags stands beside the speed, for people and for programs, and is the sum of its parts.
#[test]
fn the_bench_says_what_tags_and_hashes_cost_a_lifecycle() {
    let figures: Value = serde_json::from_str(&bench(&["--json"])).unwrap();
    let (each, part) = (&figures["per_lifecycle"], |name: &str| figures["tags_us"][name].as_f64().unwrap());
    let (sum, calls) = (each["cpu_us_tags_and_hashes_at_most"].as_f64().unwrap(), each["store_calls"].as_f64().unwrap());
    let parts = 3.0 * (part("made") + part("read_with_hashes") + part("archived")) + (calls - 3.0) * part("checked");
    assert!(part("made") > 0.0 && part("checked") > 0.0 && (sum - parts).abs() < 1e-6, "{figures}");
    let words = bench(&[]);
    assert!(words.contains("tags and hashes per lifecycle: at most "), "{words}");
}
