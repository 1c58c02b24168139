//! The token that an edge with tokens asks for. It comes from the environment or a file, never from an argument: those are shown
//! to every user of the machine.

use std::path::PathBuf;

const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// `IBMESH_TOKEN`, or the text of a file: of `file`, else of the one that `IBMESH_TOKEN_FILE` names.
pub(crate) fn bearer(file: Option<PathBuf>, env: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let env = |name: &str| env(name).filter(|text| !text.trim().is_empty());
    let file = file.or_else(|| env("IBMESH_TOKEN_FILE").map(PathBuf::from));
    let text = match (file, env("IBMESH_TOKEN")) {
        (Some(_), Some(_)) => return Err("both IBMESH_TOKEN and a file of a token are given; give one".to_owned()),
        (Some(file), None) => {
            std::fs::read_to_string(&file).map_err(|error| format!("the token file {} cannot be read: {error}", file.display()))?
        }
        (None, Some(text)) => text,
        (None, None) => return Ok(None),
    };
    let token = text.trim();
    // A header's value; the token itself is never shown.
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token must be one word of ASCII".to_owned());
    }
    Ok(Some(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_token_comes_from_one_place_and_is_one_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, "ibm_abc\n").expect("written");
        let path = file.to_str().expect("text").to_owned();
        let from = |file: Option<&PathBuf>, said: &[(&str, &str)]| {
            let said: BTreeMap<String, String> = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            bearer(file.cloned(), |name| said.get(name).cloned())
        };
        assert_eq!(from(None, &[]), Ok(None));
        assert_eq!(from(None, &[("IBMESH_TOKEN", " ")]), Ok(None));
        assert_eq!(from(None, &[("IBMESH_TOKEN", "ibm_x")]), Ok(Some("ibm_x".to_owned())));
        assert_eq!(from(Some(&file), &[]), Ok(Some("ibm_abc".to_owned())));
        assert_eq!(from(None, &[("IBMESH_TOKEN_FILE", &path)]), Ok(Some("ibm_abc".to_owned())));
        assert!(from(Some(&file), &[("IBMESH_TOKEN", "ibm_x")]).is_err());
        assert!(from(Some(&folder.path().join("none")), &[]).is_err());
        let refused = from(None, &[("IBMESH_TOKEN", "two words")]).expect_err("refused");
        assert!(!refused.contains("words"), "a secret is not quoted: {refused}");
    }
}
