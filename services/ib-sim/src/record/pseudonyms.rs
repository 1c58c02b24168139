//! Names in place of accounts, people and ids: the same one for the same thing throughout a recording.
//!
//! Invariant: what comes out never holds what went in, and the tables never grow past [`MAX_KNOWN`]: beyond it all
//! newcomers share one name, which loses a distinction and gives nothing away.

use std::collections::HashMap;

/// Distinct values of one kind that are told apart.
const MAX_KNOWN: usize = 100_000;
/// Permanent ids of IB's have nine digits or more; these stay recognisable beside them.
const FIRST_PERM: i64 = 9_000_000_000;
/// Shorter words give nobody away and occur in ordinary texts.
const MIN_WORD: usize = 4;
/// Names of several words that free texts are searched for; a login has a handful.
const MAX_PHRASES: usize = 200;

#[derive(Debug, Default)]
struct Table(HashMap<String, usize>);

impl Table {
    /// The number of a value, counted from 1; 0 once the table is full.
    fn number(&mut self, value: &str) -> usize {
        if let Some(number) = self.0.get(value) {
            return *number;
        }
        if self.0.len() >= MAX_KNOWN {
            return 0;
        }
        let number = self.0.len() + 1;
        self.0.insert(value.to_owned(), number);
        number
    }
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Pseudonyms {
    accounts: Table,
    names: Table,
    references: Table,
    executions: Table,
    perms: Table,
    /// Names and references that one word cannot hold, such as `Smith Family`.
    phrases: Vec<(String, String)>,
}

impl Pseudonyms {
    /// `U1234567` becomes `DU0000001`; what IB itself says for "no account in particular" stays.
    pub(crate) fn account(&mut self, account: &str) -> String {
        if account.is_empty() || account == "All" {
            return account.to_owned();
        }
        format!("DU{:07}", self.accounts.number(account))
    }

    pub(crate) fn accounts(&mut self, list: &str) -> String {
        list.split(',').map(|account| self.account(account.trim())).collect::<Vec<_>>().join(",")
    }

    /// A user, a group, a model or a firm.
    pub(crate) fn name(&mut self, name: &str) -> String {
        // Too short to give anybody away, and IB's own words for a group.
        if name.is_empty() || name == "All" || name.parse::<f64>().is_ok() {
            return name.to_owned();
        }
        let pseudonym = format!("NAME{}", self.names.number(name));
        self.remember(name, &pseudonym);
        pseudonym
    }

    pub(crate) fn reference(&mut self, reference: &str) -> String {
        if reference.is_empty() {
            return String::new();
        }
        let pseudonym = format!("REF{}", self.references.number(reference));
        self.remember(reference, &pseudonym);
        pseudonym
    }

    fn remember(&mut self, phrase: &str, pseudonym: &str) {
        if phrase.contains(' ') && self.phrases.len() < MAX_PHRASES && !self.phrases.iter().any(|(known, _)| known == phrase) {
            self.phrases.push((phrase.to_owned(), pseudonym.to_owned()));
        }
    }

    /// The text with the names of several words replaced.
    pub(crate) fn phrases(&self, text: &str) -> String {
        let replace = |text: String, (phrase, pseudonym): &(String, String)| {
            if text.contains(phrase.as_str()) { text.replace(phrase.as_str(), pseudonym) } else { text }
        };
        self.phrases.iter().fold(text.to_owned(), replace)
    }

    /// `0000e0d5.69dd7411.01.01`: the last part counts corrections of one execution, so it stays.
    pub(crate) fn execution(&mut self, id: &str) -> String {
        if id.is_empty() {
            return String::new();
        }
        let (base, revision) = id.rsplit_once('.').unwrap_or((id, "01"));
        let revision = if revision.len() <= 2 { revision } else { "01" };
        format!("00000000.{:08x}.01.{revision}", self.executions.number(base))
    }

    pub(crate) fn perm(&mut self, perm: i64) -> i64 {
        if perm == 0 || perm == i64::from(i32::MAX) || perm == i64::MAX {
            return perm;
        }
        FIRST_PERM + i64::try_from(self.perms.number(&perm.to_string())).unwrap_or(0)
    }

    /// The name in place of one word of a longer text, if the word is known or looks like an account.
    pub(crate) fn word(&mut self, word: &str) -> Option<String> {
        if self.accounts.0.contains_key(word) || looks_like_an_account(word) {
            Some(self.account(word))
        } else if word.len() < MIN_WORD {
            None
        } else if self.perms.0.contains_key(word) {
            Some(self.perm(word.parse().ok()?).to_string())
        } else if word.parse::<f64>().is_ok() {
            // A reference made of digits would take dates and sizes with it.
            None
        } else if self.names.0.contains_key(word) {
            Some(self.name(word))
        } else if self.references.0.contains_key(word) {
            Some(self.reference(word))
        } else {
            None
        }
    }
}

/// `U1234567`, `DU1234567`, `F1234567`, `DF1234567`, `I1234567`, `DUP123456`, and these with a letter behind.
fn looks_like_an_account(word: &str) -> bool {
    let rest = word.strip_prefix('D').unwrap_or(word);
    let Some(rest) = rest.strip_prefix(['U', 'F', 'I']) else { return false };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = rest.len() - digits.len();
    let digits = digits.trim_end_matches(|c: char| c.is_ascii_uppercase());
    letters <= 1 && (5..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_has_the_same_name() {
        let mut names = Pseudonyms::default();
        assert_eq!(names.accounts("U1234567,U7654321,"), "DU0000001,DU0000002,");
        assert_eq!((names.account("U7654321"), names.account("All")), ("DU0000002".into(), "All".into()));
        assert_eq!(names.execution("0000e0d5.69dd7411.01.01"), "00000000.00000001.01.01");
        assert_eq!(names.execution("0000e0d5.69dd7411.01.02"), "00000000.00000001.01.02");
        assert_eq!((names.perm(0), names.perm(389_211_034), names.perm(389_211_034)), (0, 9_000_000_001, 9_000_000_001));
        assert_eq!((names.name("jdoe"), names.reference("alpha-7"), names.name("")), ("NAME1".into(), "REF1".into(), String::new()));
    }

    #[test]
    fn accounts_are_known_by_their_look() {
        for account in ["U1234567", "DU123456", "DUP770846", "F1234567", "DF1234567", "I1234567", "U1234567C"] {
            assert!(looks_like_an_account(account), "{account}");
        }
        for word in ["USD", "US0378331005", "U", "AAPL", "DU12", "F", "20261121", "IBKR", "UVXY1", "FUT202612x"] {
            assert!(!looks_like_an_account(word), "{word}");
        }
    }

    #[test]
    fn short_words_and_numbers_are_left_in_texts() {
        let mut names = Pseudonyms::default();
        for word in ["IB", "20261121", "alpha"] {
            names.reference(word);
        }
        assert_eq!(["IB", "20261121", "alpha"].map(|word| names.word(word)), [None, None, Some("REF3".to_owned())]);
    }

    #[test]
    fn a_full_table_gives_nothing_away() {
        let mut table = Table::default();
        for number in 0..MAX_KNOWN {
            table.number(&number.to_string());
        }
        assert_eq!((table.number("new"), table.number("newer"), table.number("0")), (0, 0, 1));
    }
}
