//! `NATS_URL`: what of it is an address, and what a secret.

/// A URL may carry a user and password; logs and errors must not. The scheme may be absent: the client takes that too.
pub(crate) fn redacted(url: &str) -> String {
    let (scheme, rest) = split_scheme(url);
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    scheme.map_or_else(|| address.to_owned(), |scheme| format!("{scheme}://{address}"))
}

/// Who to connect as.
#[derive(PartialEq, Eq)]
pub(crate) enum Login {
    User { name: String, password: String },
    Token(String),
}

/// The part before the `@`. The client library reads none of it: it would connect as nobody.
pub(crate) fn login(url: &str) -> Option<Login> {
    let (secret, _) = split_scheme(url).1.rsplit_once('@')?;
    Some(match secret.split_once(':') {
        Some((name, password)) => Login::User { name: decoded(name), password: decoded(password) },
        None => Login::Token(decoded(secret)),
    })
}

fn split_scheme(url: &str) -> (Option<&str>, &str) {
    url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest))
}

/// `%40` is an `@`; what is no such escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, ..] if first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_no_trace_in_a_url() {
        assert_eq!(redacted("nats://user:pass@host:4222"), "nats://host:4222");
        assert_eq!(redacted("nats://host:4222"), "nats://host:4222");
        assert_eq!(redacted("user:p@ss@host:4222"), "host:4222");
        assert_eq!(redacted("nats://token@host"), "nats://host");
        assert_eq!(redacted("host"), "host");
    }

    #[test]
    fn a_login_is_read_as_it_was_meant() {
        let user = |name: &str, password: &str| Some(Login::User { name: name.to_owned(), password: password.to_owned() });
        assert!(login("nats://bob:p%40ss%2f1@host:4222") == user("bob", "p@ss/1"));
        assert!(login("bob:100%@host") == user("bob", "100%"));
        assert!(login("nats://s3cret@host") == Some(Login::Token("s3cret".to_owned())));
        assert!(login("nats://host:4222").is_none());
    }
}
