//! What an ID token must say to be believed.

use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Seconds by which clocks may differ.
const SKEW: i64 = 60;

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    /// The person was asked to prove who they are now.
    pub(super) fresh: bool,
    /// When the login began: seconds since 1970.
    pub(super) begun: i64,
    pub(super) now: Timestamp,
}

/// The algorithm and key id that a token names; none: an algorithm that we do not take, such as `none` or one with a shared secret.
pub(super) fn named(token: &str) -> Result<(Algorithm, Option<String>), String> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    // RFC 7515: who does not know what `crit` names must not read on, and we know none of it.
    let raw = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).map_err(|error| error.to_string())?;
    let raw: Map<String, Value> = serde_json::from_slice(&raw).map_err(|error| error.to_string())?;
    if raw.contains_key("crit") {
        return Err("the token names what is critical to it (`crit`), and nothing of that is known here".to_owned());
    }
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match header.alg {
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | EdDSA => Ok((header.alg, header.kid)),
        other => Err(format!("tokens signed by {other:?} are not taken")),
    }
}

/// The claims of a token that is the issuer's, for us, for this login, and in its time.
pub(super) fn claims(token: &str, algorithm: Algorithm, jwk: &Jwk, expected: &Expected<'_>) -> Result<Map<String, Value>, String> {
    if !suits(algorithm, jwk) {
        return Err(format!("the key is not one for {algorithm:?}"));
    }
    let key = DecodingKey::from_jwk(jwk).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(algorithm);
    // Times are looked at below, by our own clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation).map_err(|error| error.to_string())?.claims;
    check(&claims, expected)?;
    Ok(claims)
}

/// A key is used for its own kind of algorithm only.
fn suits(algorithm: Algorithm, jwk: &Jwk) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let named = jwk.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    named
        && match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
            AlgorithmParameters::EllipticCurve(_) => matches!(algorithm, ES256 | ES384),
            AlgorithmParameters::OctetKeyPair(_) => algorithm == EdDSA,
            AlgorithmParameters::OctetKey(_) => false,
            #[allow(unreachable_patterns, reason = "kinds of keys that a later version of the library adds are not taken")]
            _ => false,
        }
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err("`iss` is another issuer".to_owned());
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.client) {
        return Err("`aud` is another client".to_owned());
    }
    let party = text("azp");
    if party.is_some_and(|party| party != expected.client) || audiences.len() > 1 && party.is_none() {
        return Err("`azp` is another client".to_owned());
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("`nonce` is of another login".to_owned());
    }
    let now = expected.now.millis() / 1_000;
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    if time("exp").is_none_or(|end| end + SKEW <= now) {
        return Err("the token is too old".to_owned());
    }
    if time("iat").is_none_or(|made| made > now + SKEW) || time("nbf").is_some_and(|from| from > now + SKEW) {
        return Err("the token is of a time to come".to_owned());
    }
    if time("auth_time").is_some_and(|at| at > now + SKEW) {
        return Err("the person proves who they are at a time to come".to_owned());
    }
    if expected.fresh && time("auth_time").is_none_or(|at| at + SKEW < expected.begun) {
        return Err("nobody proved anew who they are".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expected(fresh: bool) -> Expected<'static> {
        let now = Timestamp::from_millis(1_767_603_600_000);
        Expected { issuer: "https://id.example", client: "approvals", nonce: "n", fresh, begun: 1_767_603_590, now }
    }

    fn good() -> Value {
        json!({ "iss": "https://id.example", "aud": "approvals", "nonce": "n", "sub": "bob", "iat": 1_767_603_595, "exp": 1_767_603_900,
            "auth_time": 1_767_603_594 })
    }

    fn judged(change: &[(&str, Value)], fresh: bool) -> Result<(), String> {
        let Value::Object(mut claims) = good() else { unreachable!() };
        for (name, value) in change {
            claims.insert((*name).to_owned(), value.clone());
        }
        check(&claims, &expected(fresh))
    }

    #[test]
    fn a_token_is_believed_only_if_all_of_it_is_right() {
        assert_eq!(judged(&[], true), Ok(()));
        for (name, bad) in [
            ("iss", json!("https://id.example/")),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("aud", json!(["approvals", "other"])),
            ("azp", json!("other")),
            ("nonce", json!("m")),
            ("nonce", Value::Null),
            ("exp", json!(1_767_603_540)),
            ("exp", json!("1767603900")),
            ("iat", json!(1_767_603_661)),
            ("nbf", json!(1_767_603_661)),
            ("auth_time", json!(1_767_603_661)),
        ] {
            assert!(judged(&[(name, bad.clone())], false).is_err(), "{name} {bad}");
        }
        assert_eq!(judged(&[("aud", json!(["approvals", "other"])), ("azp", json!("approvals"))], false), Ok(()));
        assert_eq!(judged(&[("exp", json!(1_767_603_541))], false), Ok(()), "clocks differ by a minute");
    }

    #[test]
    fn a_step_up_needs_a_new_proof() {
        assert!(judged(&[("auth_time", json!(1_767_600_000))], true).is_err());
        assert!(judged(&[("auth_time", Value::Null)], true).is_err());
        assert_eq!(judged(&[("auth_time", json!(1_767_600_000))], false), Ok(()));
    }

    #[test]
    fn no_token_without_a_signature_or_by_a_shared_secret_is_read() {
        let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        for alg in ["none", "HS256", "HS512"] {
            let token = format!("{}.{}.", encode(json!({ "alg": alg })), encode(good()));
            assert!(named(&token).is_err(), "{alg}");
        }
        let critical = format!("{}.{}.x", encode(json!({ "alg": "RS256", "crit": ["b64"], "b64": false })), encode(good()));
        assert!(named(&critical).unwrap_err().contains("crit"));
        assert!(named(&format!("{}.{}.x", encode(json!({ "alg": "RS256" })), encode(good()))).is_ok());
    }
}
