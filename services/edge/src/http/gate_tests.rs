use super::*;

fn gate(bound: &str) -> Gate {
    Gate::of(
        bound.parse().expect("ip"),
        "paper",
        &["mesh.example".to_owned(), "Other.Example:8443".to_owned()],
        &["https://app.example".to_owned(), "http://localhost:6274/".to_owned()],
    )
}

fn check(bound: &str, uri: &str, headers: &[(&str, &str)]) -> Result<Option<String>, u16> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(axum::http::HeaderName::from_bytes(name.as_bytes()).expect("name"), value.parse().expect("value"));
    }
    let allowed = gate(bound).check(&uri.parse().expect("uri"), &map);
    allowed.map(|origin| origin.map(|value| value.to_str().expect("ascii").to_owned())).map_err(|fault| fault.code.http_status())
}

#[test]
fn hosts() {
    let table = [
        ("127.0.0.1", "localhost", true),
        ("127.0.0.1", "LocalHost:48012", true),
        ("127.0.0.1", "localhost.", true),
        ("127.0.0.1", "app.localhost:1", true),
        ("127.0.0.1", "127.0.0.1:48012", true),
        ("127.0.0.1", "127.9.9.9", true),
        ("127.0.0.1", "[::1]:48012", true),
        ("127.0.0.1", "[::ffff:127.0.0.1]", true),
        ("127.0.0.1", "mesh.example", true),
        ("127.0.0.1", "MESH.example:80", true),
        ("127.0.0.1", "other.example:1", true),
        ("127.0.0.1", "mcp-ib-paper:8000", true),
        ("127.0.0.1", "mcp-ib-live:8000", false),
        ("127.0.0.1", "evil.example.com", false),
        ("127.0.0.1", "localhost.evil.com", false),
        ("127.0.0.1", "evillocalhost", false),
        ("127.0.0.1", "127.0.0.1.nip.io", false),
        ("127.0.0.1", "10.0.0.5:48012", false),
        ("127.0.0.1", "", false),
        ("127.0.0.1", "mesh.example@evil.com", false),
        ("127.0.0.1", "mesh.example:80:90", false),
        ("10.0.0.5", "10.0.0.5:48012", true),
        ("10.0.0.5", "10.0.0.6:48012", false),
        // Bound everywhere: an address cannot be rebound, a name can.
        ("0.0.0.0", "10.0.0.6:8000", true),
        ("0.0.0.0", "[2001:db8::1]:8000", true),
        ("0.0.0.0", "evil.example.com:8000", false),
    ];
    for (bound, host, good) in table {
        assert_eq!(check(bound, "/mcp", &[("host", host)]).is_ok(), good, "{host} at {bound}");
    }
}

#[test]
fn a_request_names_one_host() {
    assert_eq!(check("127.0.0.1", "/mcp", &[]), Err(403));
    assert_eq!(check("127.0.0.1", "/mcp", &[("host", "localhost"), ("host", "evil.com")]), Err(403));
    assert_eq!(check("127.0.0.1", "http://evil.com/mcp", &[("host", "localhost")]), Err(403));
    assert_eq!(check("127.0.0.1", "http://localhost:1/mcp", &[("host", "localhost:1")]), Ok(None));
}

#[test]
fn origins() {
    let table = [
        ("localhost:48012", "http://localhost:48012", true),
        ("127.0.0.1:48012", "http://127.0.0.1:48012", true),
        ("mesh.example", "https://mesh.example", true),
        ("localhost:48012", "https://app.example", true),
        ("localhost:48012", "https://APP.example", true),
        ("localhost:48012", "http://localhost:6274", true),
        // Another program of this machine.
        ("localhost:48012", "http://localhost:8888", false),
        ("localhost:48012", "http://127.0.0.1:48012", false),
        ("localhost:48012", "http://app.example", false),
        ("localhost:48012", "https://app.example.evil.com", false),
        ("localhost:48012", "http://evil.example.com", false),
        ("localhost:48012", "null", false),
        ("localhost:48012", "", false),
        ("localhost:48012", "file://", false),
    ];
    for (host, origin, good) in table {
        let said = check("127.0.0.1", "/mcp", &[("host", host), ("origin", origin)]);
        let expected = if good { Ok(Some(origin.to_owned())) } else { Err(403) };
        assert_eq!(said, expected, "{origin} to {host}");
    }
    let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.com")];
    assert_eq!(check("127.0.0.1", "/mcp", &two), Err(403));
}
