use super::*;

const EXAMPLES: [(&str, &str); 5] = [
    ("purchase_order", include_str!("../../../examples/purchase_order.yaml")),
    ("content_publish", include_str!("../../../examples/content_publish.yaml")),
    ("refund", include_str!("../../../examples/refund.yaml")),
    ("access_request", include_str!("../../../examples/access_request.yaml")),
    ("contract", include_str!("../../../examples/contract.yaml")),
];

#[test]
fn every_example_lints_clean_and_means_the_same_as_json() {
    for (key, text) in EXAMPLES {
        assert_eq!(lint(text, Syntax::Yaml, None).findings, [], "{key}");
        let parsed = parse(text, Syntax::Yaml).unwrap();
        assert_eq!(parsed.template.key.as_str(), key);
        assert_eq!(parsed.hash.len(), 43);
        let canonical = String::from_utf8(parsed.canonical.clone()).unwrap();
        let again = parse(&canonical, Syntax::Json).unwrap();
        assert_eq!((again.canonical, again.hash), (parsed.canonical, parsed.hash), "{key}");
    }
}
