//! Tokens of another issuer: JWTs, as RFC 9068 and 8725 have them. Pure.
//!
//! ring verifies the signatures. The common JWT crates bring a second cryptographic library for it, one of them with an RSA
//! under an open advisory, and what is left beside the signature is the strict reading below.
//!
//! Invariants: only RS256 and ES256 exist here, whatever a token's header says, so neither `none` nor a public key used as
//! an HMAC secret can pass; nothing of the claims is looked at before the signature is good; a claim of the wrong type is a
//! bad token, never an absent claim.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::scope::Scopes;

/// Clocks differ.
const LEEWAY_S: f64 = 30.0;
/// In the year 9000: beyond it is as good as never.
const MAX_S: f64 = 221_845_392_000.0;
/// A subject is a uuid or an address of mail.
const SUBJECT_BYTES_MAX: usize = 256;
/// Keys of one issuer that are kept.
const KEYS_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

/// One public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kid: String,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed.
    P256(Vec<u8>),
}

impl Key {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok(),
        }
    }
}

/// One key as RFC 7517 writes it. Keys for other purposes stand beside those that are of use.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that can verify; `None` where it is no key set.
pub(super) fn keys(body: &[u8]) -> Option<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(body).ok()?;
    Some(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).filter_map(key).take(KEYS_MAX).collect())
}

fn key(jwk: Jwk) -> Option<Key> {
    if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let decoded = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let (algorithm, material) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            // ring wants no zeros in front, which some issuers write.
            let number = |text| decoded(text).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect());
            ("RS256", Material::Rsa { n: number(jwk.n)?, e: number(jwk.e)? })
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (decoded(jwk.x)?, decoded(jwk.y)?);
            let point = [&[4][..], &x, &y].concat();
            ("ES256", Material::P256(Some(point).filter(|_| x.len() == 32 && y.len() == 32)?))
        }
        _ => return None,
    };
    jwk.alg.is_none_or(|alg| alg == algorithm).then_some(Key { kid: jwk.kid?, material })
}

/// A token's header and the pieces that its signature is about. Nothing in it is trusted yet.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    message: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

/// Who the issuer says the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) subject: String,
    pub(super) scopes: Scopes,
    pub(super) until: Timestamp,
}

/// What must be claimed.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// Why a token is not good. Said to whoever sent it.
pub(super) type Bad = &'static str;

const NO_JWT: Bad = "the token cannot be read";

impl<'a> Unverified<'a> {
    pub(super) fn read(token: &'a str) -> Result<Self, Bad> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: Option<String>,
            crit: Option<Value>,
        }
        let (message, signature) = token.rsplit_once('.').ok_or(NO_JWT)?;
        let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(NO_JWT)?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).map_err(|_| NO_JWT)?).map_err(|_| NO_JWT)?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            _ => return Err("the token must be signed with RS256 or ES256"),
        };
        if header.crit.is_some() {
            return Err("the token uses an extension that is not known here");
        }
        Ok(Self {
            algorithm,
            kid: header.kid.ok_or("the token does not name its key (kid)")?,
            message,
            claims,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| NO_JWT)?,
        })
    }

    pub(super) fn verify(&self, key: &Key, expected: &Expected, now: Timestamp) -> Result<Claimed, Bad> {
        if key.algorithm() != self.algorithm || !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err("the token's signature is wrong");
        }
        let claims: Claims = URL_SAFE_NO_PAD.decode(self.claims).ok().and_then(|json| serde_json::from_slice(&json).ok()).ok_or(NO_JWT)?;
        claims.checked(expected, now)
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: OneOrMany,
    exp: f64,
    nbf: Option<f64>,
    sub: String,
    scope: Option<String>,
    scp: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let many = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        };
        many.iter().map(String::as_str)
    }
}

impl Claims {
    fn checked(self, expected: &Expected, now: Timestamp) -> Result<Claimed, Bad> {
        let now_s = now.as_duration().as_secs_f64();
        if self.iss != expected.issuer {
            return Err("the token is of another issuer");
        }
        if !self.aud.iter().any(|audience| audience == expected.audience) {
            return Err("the token is meant for another service");
        }
        // JSON has no infinity and nothing that is no number.
        if self.exp + LEEWAY_S <= now_s {
            return Err("the token has expired");
        }
        if !self.nbf.is_none_or(|nbf| nbf <= now_s + LEEWAY_S) {
            return Err("the token is not valid yet");
        }
        if self.sub.is_empty() || self.sub.len() > SUBJECT_BYTES_MAX {
            return Err("the token does not say who calls (sub)");
        }
        let said = self.scope.iter().flat_map(|scope| scope.split(' '));
        let said = said.chain(self.scp.iter().flat_map(OneOrMany::iter).flat_map(|scope| scope.split(' ')));
        let until = Timestamp::from_duration(SignedDuration::from_secs_f64(self.exp.min(MAX_S) + LEEWAY_S)).unwrap_or(Timestamp::MAX);
        Ok(Claimed { scopes: Scopes::known(said), subject: self.sub, until })
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
pub(crate) mod tests;
