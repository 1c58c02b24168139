//! `ibmesh provision`: the users of the stack's message server get their passwords, once.
//!
//! Invariant: a password that exists is never changed, whatever else is missing; every file is readable by its owner
//! alone and appears whole or not at all. `logins.conf` is the truth, the URLs are made from it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Read, Write as _},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::out;

/// The users of deploy/users.conf.
const SERVICES: [&str; 4] = ["edge", "worker", "options", "gateway-ctl"];
const PEOPLE: [&str; 4] = ["reader", "trader", "approver", "admin"];
const PASSWORD_BYTES: usize = 24;
/// No file of ours comes near this.
const CONF_BYTES_MAX: u64 = 64 * 1024;

/// Give every user of the stack's message server a password, in files; those that exist stay.
///
/// The compose stack runs it before anything else. Each service's URL lands in a folder of its own, so that a service can
/// be given its own and no other: DIR/nats/logins.conf for the server, DIR/SERVICE/nats.url for each service.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where the files go.
    #[arg(long, value_name = "DIR", default_value = "/run/ib-mesh")]
    dir: PathBuf,
    /// The server's address in the URLs of services.
    #[arg(long, value_name = "HOST:PORT", default_value = "nats:4222")]
    nats: String,
    /// Print the URL of one user (reader, trader, approver, admin) as seen from --nats, and write nothing.
    #[arg(long, value_name = "USER")]
    show: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{} cannot be {what}: {source}{}", path.display(), fix(source, path))]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("there is no user `{user}`; there are {}", logins().collect::<Vec<_>>().join(", "))]
    NoUser { user: String },
    #[error("`{0}` has no password yet; run `ibmesh provision` without --show first")]
    NotYet(String),
}

/// In a container the folder's owner is the usual trouble.
fn fix(source: &io::Error, path: &Path) -> String {
    if source.kind() != io::ErrorKind::PermissionDenied {
        return String::new();
    }
    let uid = rustix::process::geteuid().as_raw();
    let folder = path.parent().unwrap_or(path).display();
    format!("; this process is user {uid}: `chown -R {uid} {folder}`, or remove the volume that is mounted there")
}

fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { what, path, source }
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let done = match &options.show {
        Some(user) => url_of(options, user),
        None => provision(options),
    };
    match done {
        Ok(text) => {
            out::line(text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            out::problem(format_args!("ibmesh provision: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn logins() -> impl Iterator<Item = &'static str> {
    SERVICES.into_iter().chain(PEOPLE)
}

fn provision(options: &Options) -> Result<String, Error> {
    let conf = conf_path(&options.dir);
    let known = read_logins(&conf)?;
    let mut passwords = known.clone();
    for user in logins() {
        if !passwords.contains_key(user) {
            passwords.insert(user, password()?);
        }
    }
    let fresh = passwords.len() - known.len();
    if fresh > 0 {
        write_whole(&conf, &render(&passwords))?;
    }
    for user in SERVICES {
        let path = options.dir.join(user).join("nats.url");
        let text = url(user, &passwords[user], &options.nats);
        if read_if_there(&path)?.as_deref() != Some(text.as_str()) {
            write_whole(&path, &text)?;
        }
    }
    Ok(format!("{} users of the message server have their passwords, {fresh} of them new", passwords.len()))
}

fn url_of(options: &Options, user: &str) -> Result<String, Error> {
    if !logins().any(|known| known == user) {
        return Err(Error::NoUser { user: user.to_owned() });
    }
    let passwords = read_logins(&conf_path(&options.dir))?;
    let password = passwords.get(user).ok_or_else(|| Error::NotYet(user.to_owned()))?;
    Ok(url(user, password, &options.nats))
}

fn conf_path(dir: &Path) -> PathBuf {
    dir.join("nats").join("logins.conf")
}

fn url(user: &str, password: &str, nats: &str) -> String {
    format!("nats://{user}:{password}@{nats}")
}

/// `gateway-ctl` to `GATEWAY_CTL_PASSWORD`.
fn variable(user: &str) -> String {
    format!("{}_PASSWORD", user.to_ascii_uppercase().replace('-', "_"))
}

fn render(passwords: &BTreeMap<&str, String>) -> String {
    let mut text = String::from("# Written by `ibmesh provision`; deploy/users.conf uses these variables.\n");
    for (user, password) in passwords {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: \"{password}\"", variable(user));
    }
    text
}

/// The passwords that are there, also those that an operator has put there in the same form.
fn read_logins(conf: &Path) -> Result<BTreeMap<&'static str, String>, Error> {
    let text = read_if_there(conf)?.unwrap_or_default();
    let found = logins().filter_map(|user| {
        let name = variable(user);
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name.as_str())?.trim_start().strip_prefix(':'))?;
        let password = line.trim().trim_matches('"');
        (!password.is_empty()).then(|| (user, password.to_owned()))
    });
    Ok(found.collect())
}

fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    let opened = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(file("read", path))?,
    };
    let mut text = String::new();
    opened.take(CONF_BYTES_MAX).read_to_string(&mut text).map_err(file("read", path))?;
    Ok(Some(text))
}

/// Next to its place first: a server that starts meanwhile reads the old file or the new one.
fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().expect("every file of ours is in a folder");
    fs::create_dir_all(folder).map_err(file("made", folder))?;
    let next = path.with_extension("next");
    // A start that was cut off has left it, perhaps unwritable.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file("removed", &next)(error)),
        _ => {}
    }
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next);
    let mut opened = opened.map_err(file("written", &next))?;
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all());
    written.map_err(file("written", &next))?;
    fs::set_permissions(&next, fs::Permissions::from_mode(0o400)).map_err(file("made private", &next))?;
    fs::rename(&next, path).map_err(file("put in place", path))
}

/// From the kernel's generator; hexadecimal, so that it needs no escape in a URL or a configuration.
fn password() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; PASSWORD_BYTES];
    fs::File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(file("read", source))?;
    Ok(bytes.iter().fold(String::with_capacity(2 * PASSWORD_BYTES), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dir: &Path) -> Options {
        Options { dir: dir.to_owned(), nats: "nats:4222".to_owned(), show: None }
    }

    fn read(dir: &Path, file: &str) -> String {
        fs::read_to_string(dir.join(file)).unwrap()
    }

    #[test]
    fn a_second_run_changes_nothing_and_a_lost_url_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        assert!(provision(&options).unwrap().contains("8 of them new"));
        let (conf, edge) = (read(dir.path(), "nats/logins.conf"), read(dir.path(), "edge/nats.url"));
        fs::remove_file(dir.path().join("edge/nats.url")).unwrap();
        assert!(provision(&options).unwrap().contains("0 of them new"));
        assert_eq!((read(dir.path(), "nats/logins.conf"), read(dir.path(), "edge/nats.url")), (conf, edge));
    }

    #[test]
    fn a_password_that_an_operator_has_set_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("nats")).unwrap();
        fs::write(dir.path().join("nats/logins.conf"), "ADMIN_PASSWORD : \"mine\"\n").unwrap();
        assert!(provision(&options(dir.path())).unwrap().contains("7 of them new"));
        let shown = url_of(&Options { nats: "127.0.0.1:4222".to_owned(), ..options(dir.path()) }, "admin").unwrap();
        assert_eq!(shown, "nats://admin:mine@127.0.0.1:4222");
    }

    #[test]
    fn only_the_owner_reads_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        provision(&options(dir.path())).unwrap();
        for name in ["nats/logins.conf", "edge/nats.url"] {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o400, "{name}");
        }
    }

    #[test]
    fn an_unknown_user_is_told_who_there_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(url_of(&options(dir.path()), "root").unwrap_err().to_string().contains("reader, trader"));
        assert!(url_of(&options(dir.path()), "reader").unwrap_err().to_string().contains("first"));
    }

    #[test]
    fn the_servers_configuration_uses_every_password_and_no_other() {
        let users = include_str!("../../deploy/users.conf");
        for user in logins() {
            assert_eq!(users.matches(&format!("user: \"{user}\", password: ${}", variable(user))).count(), 1, "{user}");
        }
        assert_eq!(users.matches("password: $").count(), logins().count());
    }
}
