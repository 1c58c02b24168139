//! The tokens of this edge's own: how one looks, and the lines that remember it. Pure but for the kernel's random numbers.
//!
//! A line is `ID NAME SCOPES sha256:DIGEST CREATED EXPIRES`, apart by blanks, scopes by commas, times in RFC 3339, `never` where
//! one does not expire. A line that is taken out revokes its token.
//!
//! Invariant: a token's text is nowhere but with its owner. It is 256 random bits, so a plain digest gives nothing away.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::scope::Scopes;

/// What every token begins with, so that people and scanners know one where they see it.
pub(super) const PREFIX: &str = "ibm_";
const SECRET_BYTES: usize = 32;
const DIGEST_PREFIX: &str = "sha256:";
const NEVER: &str = "never";
/// Tokens of one file.
const TOKENS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 48;
const HEADER: &str = "# Tokens of ib-mesh's edge, written by `ibmesh token`: ID NAME SCOPES DIGEST CREATED EXPIRES\n";

/// The text of a token. Nothing prints it but [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn mint() -> io::Result<Self> {
        Ok(Self(format!("{PREFIX}{}", hex(&random::<SECRET_BYTES>()?))))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// From the kernel's generator.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// SHA-256 of a token's text.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Takes as long for every other digest.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u32>> = text.strip_prefix(DIGEST_PREFIX)?.chars().map(|c| c.to_digit(16)).collect();
        let pairs = digits.filter(|digits| digits.len() == 64)?;
        let bytes: Vec<u8> = pairs.chunks(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect();
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// One token, without its text.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: String,
    pub name: String,
    pub scopes: Scopes,
    pub digest: Digest,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
}

impl Entry {
    /// For a token that was just made.
    pub fn new(name: &str, scopes: Scopes, secret: &Secret, created: Timestamp, expires: Option<Timestamp>) -> Result<Self, String> {
        let id = hex(&random::<4>().map_err(|error| format!("no random numbers: {error}"))?);
        Ok(Self { id, name: good_name(name)?, scopes, digest: Digest::of(secret.reveal()), created, expires })
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn parse(line: &str) -> Result<Self, String> {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [id, name, scopes, digest, created, expires] = parts[..] else {
            return Err(format!("it has {} parts, not 6: ID NAME SCOPES DIGEST CREATED EXPIRES", parts.len()));
        };
        let time =
            |what: &str, text: &str| text.parse::<Timestamp>().map_err(|_| format!("{what} is no time such as 2026-11-21T12:00:00Z"));
        let good_id = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        Ok(Self {
            id: if good_id { id.to_owned() } else { return Err("the id must be 1 to 32 letters and digits".to_owned()) },
            name: good_name(name)?,
            scopes: Scopes::parse(scopes)?,
            // Not quoted: a person may have put the token itself there.
            digest: Digest::parse(digest).ok_or_else(|| format!("the digest must be {DIGEST_PREFIX} and 64 hexadecimal digits"))?,
            created: time("CREATED", created)?,
            expires: if expires == NEVER { None } else { Some(time("EXPIRES", expires)?) },
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, scopes, digest, created, expires } = self;
        let expires = expires.map_or_else(|| NEVER.to_owned(), |expires| expires.to_string());
        write!(f, "{id} {name} {} {DIGEST_PREFIX}{} {created} {expires}", scopes.joined(","), hex(&digest.0))
    }
}

fn good_name(name: &str) -> Result<String, String> {
    let good = (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if good { Ok(name.to_owned()) } else { Err(format!("a name is 1 to {NAME_CHARS_MAX} of letters, digits, - _ and .")) }
}

/// A line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Wrong {
    pub line: usize,
    pub why: String,
}

/// Reads a file's text. One wrong line makes the whole wrong: what it was meant to allow or to end is not known.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Wrong> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |why: String| Wrong { line: at + 1, why };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = Entry::parse(line).map_err(wrong)?;
        if entries.iter().any(|other| other.id == entry.id || other.name == entry.name || other.digest.is(&entry.digest)) {
            return Err(wrong(format!("another token has the id `{}`, its name or its digest already", entry.id)));
        }
        if entries.len() >= TOKENS_MAX {
            return Err(wrong(format!("more than {TOKENS_MAX} tokens")));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The text of a file.
pub(super) fn render(entries: &[Entry]) -> String {
    let lines = entries.iter().map(|entry| format!("{entry}\n"));
    std::iter::once(HEADER.to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, secret: &Secret) -> Entry {
        let created = "2026-11-21T12:00:00Z".parse().expect("a time");
        let mut entry = Entry::new(name, Scopes::parse("mcp.read,trade.approve").expect("scopes"), secret, created, None).expect("good");
        entry.expires = (name == "b").then(|| "2027-01-01T00:00:00Z".parse().expect("a time"));
        entry
    }

    #[test]
    fn what_is_written_is_read_again() {
        let secret = Secret::mint().expect("random");
        let text = render(&[entry("a", &secret), entry("b", &Secret::mint().expect("random"))]);
        let read = parse(&text).expect("good");
        assert_eq!(render(&read), text);
        assert!(read[0].digest.is(&Digest::of(secret.reveal())) && !read[1].digest.is(&Digest::of(secret.reveal())));
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        assert!(!read[0].is_expired(at("2999-01-01T00:00:00Z")));
        assert!(read[1].is_expired(at("2027-01-01T00:00:00Z")) && !read[1].is_expired(at("2026-12-31T23:59:59Z")));
    }

    #[test]
    fn a_token_is_long_and_its_text_is_nowhere() {
        let secret = Secret::mint().expect("random");
        assert_eq!((secret.reveal().len(), secret.reveal().starts_with(PREFIX)), (4 + 64, true));
        assert_ne!(secret, Secret::mint().expect("random"));
        let entry = entry("a", &secret);
        let shown = format!("{secret:?} {entry:?} {entry}");
        assert!(!shown.contains(&secret.reveal()[4..]), "{shown}");
    }

    #[test]
    fn a_wrong_line_is_named_and_never_quoted() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let good = format!("k1 desk mcp.read {digest} 2026-11-21T12:00:00Z never");
        assert_eq!(parse(&format!("\n# words\n{good}\n")).expect("good").len(), 1);
        for bad in [
            "k1 desk mcp.read".to_owned(),
            good.replace("never", "soon"),
            good.replace("mcp.read", "mcp.all"),
            good.replace("0a0a", "0a"),
            good.replace("0a0a", "zz0a"),
            good.replace("desk", "d/esk"),
            good.replace("k1", "k-1"),
            good.replace(&digest, "ibm_secret"),
            format!("{good}\n{}", good.replace("k1", "k2")),
            good.clone() + "\n" + &good,
        ] {
            let wrong = parse(&bad).expect_err(&bad);
            assert!(wrong.line == bad.lines().count() && !wrong.to_string().contains("ibm_secret"), "{wrong}");
        }
    }
}
