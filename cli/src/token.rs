//! `ibmesh token`: makes, lists and revokes the tokens that callers of the edge must have.
//!
//! Invariant: a token's text is printed once, to stdout, when it is made, and is never an argument. A running edge sees every
//! change at the next request.

use std::{path::PathBuf, process::ExitCode};

use edge::tokens::{self, Entry, FileError, Scopes, Secret};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::out;

/// Make, list and revoke tokens for callers of the edge.
///
/// Exit code: 0 done, 1 not done.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
    /// The tokens file; EDGE_TOKENS_FILE where it is not said.
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Make a token and print it: the only time that anybody sees it.
    New {
        /// Who gets it, as logs and the audit name the caller.
        name: String,
        /// What it allows, apart by commas: mcp.read, mcp.trade, mcp.admin, trade.approve.
        #[arg(long, value_name = "SCOPES", default_value = "mcp.read", value_parser = Scopes::parse)]
        scopes: Scopes,
        /// Days after which it is not good any more; never, where it is not said.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: Option<u32>,
    },
    /// Every token, without its text.
    List,
    /// End a token, by its name or id.
    Revoke {
        /// Name or id.
        which: String,
    },
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("which file? say --file FILE, or set EDGE_TOKENS_FILE")]
    NoFile,
    #[error(transparent)]
    File(#[from] FileError),
    #[error("no random numbers: {0}")]
    Random(std::io::Error),
}

pub(crate) fn run(options: &Options) -> ExitCode {
    // Seconds are enough for people.
    let now = service::clock::now();
    match perform(options, Timestamp::from_second(now.as_second()).unwrap_or(now)) {
        Ok(text) => {
            out::line(text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            out::problem(format_args!("ibmesh token: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(options: &Options, now: Timestamp) -> Result<String, Error> {
    let from_env = || std::env::var_os("EDGE_TOKENS_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let file = options.file.clone().or_else(from_env).ok_or(Error::NoFile)?;
    match &options.command {
        Command::New { name, scopes, days } => {
            let secret = Secret::mint().map_err(Error::Random)?;
            let expires = days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days)));
            let entry = tokens::edit(&file, |entries| {
                if entries.iter().any(|other| other.name == *name) {
                    return Err(format!("there is a token `{name}` already; revoke it first, or choose another name"));
                }
                let entry = Entry::new(name, *scopes, &secret, now, expires)?;
                entries.push(entry.clone());
                Ok(entry)
            })?;
            if options.json {
                let mut told = told(&entry, now);
                told["token"] = json!(secret.reveal());
                return Ok(told.to_string());
            }
            out::problem("The token is shown this once. It goes into the header `Authorization: Bearer TOKEN`.");
            Ok(secret.reveal().to_owned())
        }
        Command::List => {
            let entries = tokens::read(&file)?;
            if options.json {
                return Ok(json!({ "tokens": entries.iter().map(|entry| told(entry, now)).collect::<Vec<_>>() }).to_string());
            }
            Ok(if entries.is_empty() { "There are no tokens.".to_owned() } else { table(&entries, now) })
        }
        Command::Revoke { which } => {
            let entry = tokens::edit(&file, |entries| {
                // A name may look like another's id: the name counts.
                let at =
                    entries.iter().position(|entry| entry.name == *which).or_else(|| entries.iter().position(|entry| entry.id == *which));
                at.map(|at| entries.remove(at)).ok_or_else(|| format!("there is no token `{which}`; `ibmesh token list` shows them"))
            })?;
            Ok(if options.json {
                json!({ "revoked": entry.id, "name": entry.name }).to_string()
            } else {
                format!("{} is revoked.", entry.name)
            })
        }
    }
}

fn told(entry: &Entry, now: Timestamp) -> Value {
    json!({
        "id": entry.id, "name": entry.name, "scopes": entry.scopes.iter().map(tokens::Scope::as_str).collect::<Vec<_>>(),
        "created": entry.created, "expires": entry.expires, "expired": entry.is_expired(now),
    })
}

fn table(entries: &[Entry], now: Timestamp) -> String {
    let line = |entry: &Entry| {
        let until = match entry.expires {
            Some(at) if entry.is_expired(now) => format!("expired {at:.0}"),
            Some(at) => format!("until {at:.0}"),
            None => "never expires".to_owned(),
        };
        format!("{}  {:<20} {:<30} {until}", entry.id, entry.name, entry.scopes.joined(","))
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(file: &std::path::Path, command: Command) -> Options {
        Options { command, file: Some(file.to_owned()), json: true }
    }

    fn new(name: &str) -> Command {
        Command::New { name: name.to_owned(), scopes: Scopes::parse("mcp.read,mcp.admin").unwrap(), days: Some(1) }
    }

    #[test]
    fn a_token_is_made_listed_and_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        let now = Timestamp::UNIX_EPOCH;
        let made: Value = serde_json::from_str(&perform(&options(&file, new("desk")), now).unwrap()).unwrap();
        let secret = made["token"].as_str().unwrap();
        assert!(secret.starts_with("ibm_") && !std::fs::read_to_string(&file).unwrap().contains(&secret[4..]));
        assert!(perform(&options(&file, new("desk")), now).unwrap_err().to_string().contains("already"));
        assert!(perform(&options(&file, new("a b")), now).is_err());
        let later = now + SignedDuration::from_hours(25);
        let listed: Value = serde_json::from_str(&perform(&options(&file, Command::List), later).unwrap()).unwrap();
        assert_eq!((&listed["tokens"][0]["name"], &listed["tokens"][0]["expired"]), (&json!("desk"), &json!(true)));
        assert!(!listed.to_string().contains("digest") && !listed.to_string().contains(&secret[4..]));
        let people = Options { json: false, ..options(&file, Command::List) };
        assert!(perform(&people, now).unwrap().contains("desk") && perform(&people, later).unwrap().contains("expired 1970-01-02"));
        let revoke = |which: &str| perform(&options(&file, Command::Revoke { which: which.to_owned() }), now);
        assert!(revoke("other").is_err());
        assert!(revoke(made["id"].as_str().unwrap()).unwrap().contains("desk"));
        assert!(revoke("desk").is_err());
    }
}
