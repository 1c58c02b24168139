use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::json;

use super::*;
use crate::auth::Scope;

pub(crate) const ISSUER: &str = "https://id.example/";
pub(crate) const AUDIENCE: &str = "https://mesh.example/mcp";

/// An issuer with a key of each kind: `rsa` and `ec`.
#[derive(Debug)]
pub(crate) struct Signer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new() -> Self {
        // Made for these tests and used nowhere else.
        let rsa = RsaKeyPair::from_pkcs8(include_bytes!("jwt_test_key.der")).expect("a key");
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
        let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &SystemRandom::new()).expect("a key");
        Self { rsa, ec }
    }

    pub(crate) fn jwks(&self) -> Value {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let rsa: PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": part(&[&[0], &rsa.n[..]].concat()), "e": part(&rsa.e) },
            { "kty": "EC", "kid": "ec", "crv": "P-256", "x": part(&point[1..33]), "y": part(&point[33..]) },
            { "kty": "RSA", "kid": "encrypts", "use": "enc", "n": part(&rsa.n), "e": part(&rsa.e) },
            { "kty": "oct", "kid": "secret", "k": "AAAA" },
            { "kty": "OKP", "kid": "later", "crv": "Ed25519", "x": "AAAA" },
            "nonsense",
        ]})
    }

    fn modulus(&self) -> Vec<u8> {
        let public: PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        public.n
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = if header["alg"] == "ES256" {
            self.ec.sign(&SystemRandom::new(), message.as_bytes()).expect("signed").as_ref().to_vec()
        } else {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("signed");
            signature
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" }), claims)
    }
}

/// Good for an hour around `now_s`.
pub(crate) fn claims(now_s: i64) -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": now_s + 3_600, "nbf": now_s, "sub": "auth0|7", "scope": "openid mcp.read" })
}

const NOW_S: i64 = 1_800_000_000;

fn verify(signer: &Signer, token: &str) -> Result<Claimed, Bad> {
    let keys = keys(signer.jwks().to_string().as_bytes()).expect("a set");
    let unverified = Unverified::read(token)?;
    let key = keys.iter().find(|key| key.kid == unverified.kid).ok_or("no key")?;
    let expected = Expected { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
    unverified.verify(key, &expected, Timestamp::from_second(NOW_S).expect("a time"))
}

#[test]
fn keys_that_verify_are_taken_and_others_passed_over() {
    let found = keys(Signer::new().jwks().to_string().as_bytes()).expect("a set");
    assert_eq!(found.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["rsa", "ec"]);
    for bad in ["", "[]", "{}", r#"{"keys":7}"#] {
        assert_eq!(keys(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn good_tokens_of_both_kinds() {
    let signer = Signer::new();
    for (alg, kid) in [("RS256", "rsa"), ("ES256", "ec")] {
        let claimed = verify(&signer, &signer.sign(&json!({ "alg": alg, "kid": kid }), &claims(NOW_S))).expect(alg);
        assert_eq!((claimed.subject.as_str(), claimed.scopes), ("auth0|7", [Scope::Read].into_iter().collect()));
    }
}

#[test]
fn what_is_claimed_must_be_right() {
    let signer = Signer::new();
    let with = |name: &str, value: Value| {
        let mut claims = claims(NOW_S);
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value,
        }
        verify(&signer, &signer.token(&claims))
    };
    for (name, value) in [
        ("aud", json!(["other", AUDIENCE])),
        ("exp", json!(NOW_S - 29)),
        ("exp", json!(1_800_003_600.5)),
        ("exp", json!(1e300)),
        ("nbf", json!(NOW_S + 29)),
        ("nbf", Value::Null),
        ("scope", Value::Null),
    ] {
        assert!(with(name, value.clone()).is_ok(), "{name} {value}");
    }
    for (name, value) in [
        ("iss", json!("https://id.example")),
        ("iss", json!([ISSUER])),
        ("iss", Value::Null),
        ("aud", json!("https://mesh.example")),
        ("aud", json!(["a", "b"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("exp", json!(NOW_S - 31)),
        ("exp", json!("2999999999")),
        ("exp", Value::Null),
        ("nbf", json!(NOW_S + 31)),
        ("nbf", json!("0")),
        ("sub", json!("")),
        ("sub", json!("x".repeat(257))),
        ("sub", Value::Null),
        ("scope", json!(7)),
    ] {
        assert!(with(name, value.clone()).is_err(), "{name} {value}");
    }
    let both = with("scp", json!(["mcp.trade", "mcp.admin"])).expect("good");
    assert_eq!(both.scopes, Scopes::parse("mcp.read mcp.trade mcp.admin").expect("known"));
}

#[test]
fn a_header_cannot_choose_its_own_check() {
    let signer = Signer::new();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let good = signer.token(&claims(NOW_S));
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (_, body) = message.split_once('.').expect("three parts");
    for alg in ["none", "None", "HS256", "RS384", "PS256", "EdDSA", "rs256", ""] {
        let header = part(json!({ "alg": alg, "kid": "rsa" }).to_string().as_bytes());
        // With the public key as the secret, as HS256 would have it.
        let tag =
            ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &signer.modulus()), format!("{header}.{body}").as_bytes());
        for signature in ["", signature, &part(tag.as_ref())] {
            assert!(verify(&signer, &format!("{header}.{body}.{signature}")).is_err(), "{alg}");
        }
    }
    // A key of another kind than the algorithm, a key inside the header, an extension, no name of a key.
    for header in [
        json!({ "alg": "RS256", "kid": "ec" }),
        json!({ "alg": "RS256", "kid": "none" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "RS256", "kid": "rsa", "crit": ["b64"] }),
        json!({ "alg": "RS256", "kid": 7 }),
        json!({ "alg": "RS256", "jwk": signer.jwks()["keys"][0] }),
    ] {
        assert!(verify(&signer, &signer.sign(&header, &claims(NOW_S))).is_err(), "{header}");
    }
}

#[test]
fn what_was_signed_cannot_be_changed() {
    let signer = Signer::new();
    let good = signer.token(&claims(NOW_S));
    assert!(verify(&signer, &good).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let more = URL_SAFE_NO_PAD.encode(claims(NOW_S).to_string().replace("mcp.read", "mcp.admin"));
    for bad in [
        format!("{}.{more}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>()),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.x"),
        format!("{good}="),
        "..".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        String::new(),
    ] {
        assert!(verify(&signer, &bad).is_err(), "{bad}");
    }
    assert!(verify(&Signer::new(), &signer.sign(&json!({ "alg": "ES256", "kid": "ec" }), &claims(NOW_S))).is_err(), "another's key");
}
