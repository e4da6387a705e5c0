//! Tokens of five identity providers, as API Gateway hands their claims on: each a text, lists as `[a b]`. docs/authentication.md names the
//! parameters that are tried here.

use approvals::identity::{ClaimNames, Identity};
use approvals::web::Names;
use axum::Router;
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The parameters `SubjectClaim`, `TenantClaim` and `ScopeClaim` of a stack.
#[derive(Clone)]
struct Told(ClaimNames);

impl Names for Told {
    fn names(&self) -> &ClaimNames {
        &self.0
    }
}

fn told(subject: &str, tenant: Option<&str>, scopes: &str) -> Told {
    let scopes = scopes.split(',').map(str::to_owned).collect();
    Told(ClaimNames { subject: subject.to_owned(), tenant: tenant.map(str::to_owned), scopes })
}

/// Who calls, by a function's own extractor, from an invocation as Lambda gives it.
async fn caller(told: &Told, claims: Value) -> (u16, Value) {
    let path = crate::tidy::root().join("events/queries_inbox.json");
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let claims = claims.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!(value.as_str().unwrap())));
    // The gateway says which scopes of the route it found: none, since routes ask for none.
    event["requestContext"]["authorizer"]["jwt"] = json!({ "claims": Value::Object(claims.collect()), "scopes": null });
    let who = |identity: Identity| async move {
        let scopes: Vec<&str> = identity.scopes.iter().map(|scope| scope.as_str()).collect();
        let caller = &identity.caller;
        axum::Json(
            json!({ "id": caller.id, "tenant": identity.tenant, "scopes": scopes, "client": caller.client_id, "at": caller.auth_time }),
        )
    };
    let router = Router::new().route("/v1/inbox", get(who)).with_state(told.clone());
    let answer = router.oneshot(lambda_http::request::from_str(&event.to_string()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap())
}

async fn is(told: &Told, claims: Value, id: &str, scopes: &[&str], client: &str) {
    let (status, found) = caller(told, claims).await;
    assert_eq!((status, &found["id"], &found["client"]), (200, &json!(id), &json!(client)), "{found}");
    assert_eq!(found["scopes"], json!(scopes), "{id}");
}

#[tokio::test]
async fn cognito_has_no_audience_and_its_scopes_have_a_slash() {
    let told = told("sub", None, "scope,scp");
    let person = json!({
        "sub": "8a7d0f6e-70b1-4c2e-9b44-1d5f0c0a9f11", "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123",
        "client_id": "5k2m8v9q1r3t5u7w9y1a3c5e7g", "origin_jti": "1f1e0d0c-0000-4000-8000-000000000000", "event_id": "e-1", "token_use": "access",
        "scope": "openid approvals/submit approvals/decide approvals/read", "auth_time": "1767603600", "exp": "1767607200", "iat": "1767603600",
        "jti": "j-1", "username": "8a7d0f6e-70b1-4c2e-9b44-1d5f0c0a9f11", "cognito:groups": "[managers]", "version": "2",
    });
    is(&told, person, "8a7d0f6e-70b1-4c2e-9b44-1d5f0c0a9f11", &["submit", "decide", "read"], "5k2m8v9q1r3t5u7w9y1a3c5e7g").await;
    let machine = json!({
        "sub": "6h7j8k9l0m1n2b3v4c5x6z7a8s", "token_use": "access", "scope": "approvals/submit approvals/submit_for", "auth_time": "1767603600",
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123", "exp": "1767607200", "iat": "1767603600", "version": "2",
        "jti": "j-2", "client_id": "6h7j8k9l0m1n2b3v4c5x6z7a8s",
    });
    is(&told, machine, "6h7j8k9l0m1n2b3v4c5x6z7a8s", &["submit", "submit_for"], "6h7j8k9l0m1n2b3v4c5x6z7a8s").await;
    // An ID token's audience is the client, so it passes the gateway: it may do nothing.
    let id_token =
        json!({ "sub": "8a7d0f6e-70b1-4c2e-9b44-1d5f0c0a9f11", "aud": "5k2m8v9q1r3t5u7w9y1a3c5e7g", "token_use": "id", "email": "a@b.de" });
    assert_eq!(caller(&told, id_token).await.1["scopes"], json!([]));
}

/// Version 2. A person's token has `scp`, a machine's has `roles` and never `scp`; `sub` is another one for each client.
#[tokio::test]
async fn machines_of_entra_id_bring_roles() {
    let told = told("oid", Some("tid"), "scp,roles");
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let person = json!({
        "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "iat": "1767603600",
        "nbf": "1767603600", "exp": "1767607500", "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "azpacr": "1", "name": "Ann Smith",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "preferred_username": "ann@mycompany.com", "rh": "0.ARoAv", "scp": "approvals:decide approvals:read",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": tenant, "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
    });
    let client = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    is(&told, person.clone(), "690222be-ff1a-4d56-abd1-7e4f7d38e474", &["decide", "read"], client).await;
    assert_eq!(caller(&told, person).await.1["tenant"], tenant);
    let machine = json!({
        "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "iat": "1767603600",
        "nbf": "1767603600", "exp": "1767607500", "azp": "11112222-bbbb-3333-cccc-4444dddd5555", "azpacr": "1",
        "oid": "a1b2c3d4-0000-4000-8000-0123456789ab", "rh": "0.ARoAv", "roles": "[approvals:submit approvals:submit_for]",
        "sub": "a1b2c3d4-0000-4000-8000-0123456789ab", "tid": tenant, "uti": "x", "ver": "2.0", "idtyp": "app",
    });
    is(&told, machine.clone(), "a1b2c3d4-0000-4000-8000-0123456789ab", &["submit", "submit_for"], "11112222-bbbb-3333-cccc-4444dddd5555")
        .await;
    // Only where the stack says so: roles are scopes nowhere else.
    assert_eq!(caller(&self::told("oid", None, "scope,scp"), machine).await.1["scopes"], json!([]));
    // Version 1 has `appid`.
    let first = json!({ "oid": "o", "tid": tenant, "appid": "old-client", "scp": "approvals:read", "ver": "1.0", "amr": "[pwd mfa]" });
    is(&told, first, "o", &["read"], "old-client").await;
}

/// The list `scp` arrives as one text in brackets, and the client is `cid`.
#[tokio::test]
async fn okta_has_a_list_of_scopes() {
    let told = told("sub", None, "scope,scp");
    let person = json!({
        "ver": "1", "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": "https://mycompany.okta.com/oauth2/ausab1c2d3e4f5g6h7i8",
        "aud": "api://approvals", "iat": "1767603600", "exp": "1767607200", "cid": "0oab8om4bars6Y80Z0h7", "uid": "00uid4BxXw6I6TV4m0g3",
        "scp": "[openid approvals:submit approvals:decide approvals:read]", "auth_time": "1767603500", "sub": "ann@mycompany.com",
    });
    is(&told, person, "ann@mycompany.com", &["submit", "decide", "read"], "0oab8om4bars6Y80Z0h7").await;
    let machine = json!({
        "ver": "1", "jti": "AT.x", "iss": "https://mycompany.okta.com/oauth2/ausab1c2d3e4f5g6h7i8", "aud": "api://approvals", "iat": "1767603600",
        "exp": "1767607200", "cid": "0oamachine", "scp": "[approvals:submit]", "sub": "0oamachine",
    });
    is(&told, machine, "0oamachine", &["submit"], "0oamachine").await;
}

/// Subjects have a bar or an at sign; with RBAC permissions stand in a list of their own.
#[tokio::test]
async fn auth0_has_permissions_beside_scopes() {
    let plain = told("sub", Some("org_id"), "scope,scp");
    let person = json!({
        "iss": "https://mycompany.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "aud": "[https://approvals.mycompany.com https://mycompany.eu.auth0.com/userinfo]",
        "iat": "1767603600", "exp": "1767690000", "azp": "my_client_id", "scope": "openid profile approvals:decide approvals:read", "org_id": "org_9ybsU1dN2dKfDkBi",
    });
    is(&plain, person.clone(), "auth0|5f7c8ec7c33c6c004bbafe82", &["decide", "read"], "my_client_id").await;
    assert_eq!(caller(&plain, person).await.1["tenant"], "org_9ybsU1dN2dKfDkBi");
    let machine = json!({
        "iss": "https://mycompany.eu.auth0.com/", "sub": "erpclientid@clients", "aud": "https://approvals.mycompany.com", "iat": "1767603600",
        "exp": "1767690000", "azp": "erpclientid", "gty": "client-credentials", "permissions": "[approvals:submit approvals:submit_for]",
    });
    is(&told("sub", None, "scope,permissions"), machine, "erpclientid@clients", &["submit", "submit_for"], "erpclientid").await;
}

/// Roles of a realm stand in an object, which the gateway writes as a text: it names no scope.
#[tokio::test]
async fn keycloak_s_roles_are_no_scopes() {
    let told = told("sub", None, "scope,scp,roles,realm_access");
    let person = json!({
        "exp": "1767603900", "iat": "1767603600", "auth_time": "1767603590", "jti": "onrtac:6e0c", "iss": "https://login.mycompany.com/realms/staff",
        "aud": "[approvals account]", "sub": "f1d2d2f9-24e9-86ac-8634-0fd6ed2e2a11", "typ": "Bearer", "azp": "portal", "sid": "s", "acr": "1",
        "allowed-origins": "[https://portal.mycompany.com]", "realm_access": "map[roles:[approvals:admin offline_access]]",
        "scope": "openid email approvals:submit approvals:read", "email_verified": "true", "preferred_username": "ann",
    });
    is(&told, person, "f1d2d2f9-24e9-86ac-8634-0fd6ed2e2a11", &["submit", "read"], "portal").await;
    let machine = json!({
        "exp": "1767603900", "iat": "1767603600", "jti": "trrtcc:1", "iss": "https://login.mycompany.com/realms/staff", "aud": "approvals",
        "sub": "0b6ad1b2-5e0d-4b5c-8f1e-5f4c9f0e1a22", "typ": "Bearer", "azp": "erp", "acr": "1", "scope": "approvals:submit approvals:submit_for",
        "clientHost": "10.0.0.1", "preferred_username": "service-account-erp", "client_id": "erp",
    });
    is(&told, machine, "0b6ad1b2-5e0d-4b5c-8f1e-5f4c9f0e1a22", &["submit", "submit_for"], "erp").await;
}

/// A token without the claims that the stack names is nobody's: 401, and nothing of the token is said.
#[tokio::test]
async fn a_token_of_another_kind_is_nobody() {
    for claims in
        [json!({ "sub": "ann" }), json!({ "oid": "ann" }), json!({ "oid": "a b", "tid": "t" }), json!({ "oid": "ann", "tid": "" })]
    {
        let (status, said) = caller(&told("oid", Some("tid"), "scp,roles"), claims.clone()).await;
        assert_eq!((status, &said["code"]), (401, &json!("unauthorized")), "{claims}");
    }
}
