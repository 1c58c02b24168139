//! Settings: flags, then the environment, then aliases; all checked together, all problems told in one message.

mod kind;
mod rules;
pub mod table;

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

pub use kind::{Kind, redacted};
use schemas::{ClientId, GatewayName};
pub use table::{EDGE, GATEWAY_CTL, OPTIONS, Setting, TABLE, WORKER};

/// The checked settings of one service.
#[derive(Clone)]
pub struct Settings {
    service: &'static str,
    values: BTreeMap<&'static str, Given>,
    warnings: Vec<String>,
}

#[derive(Debug, Clone)]
struct Given {
    text: String,
    /// Where the value came from, as people are told.
    origin: String,
    is_default: bool,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    pub problems: Vec<String>,
    /// What was read all the same, as [`Settings::print`] has it.
    pub read: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} setting{} wrong:", self.problems.len(), if self.problems.len() == 1 { " is" } else { "s are" })?;
        for problem in &self.problems {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "Nothing was started. `--print-config` shows what is read from where.")
    }
}

impl std::error::Error for SettingsError {}

/// The flags of a service's command line, made from the table.
pub fn clap_args(service: &'static str) -> Vec<clap::Arg> {
    let from_table = table::of(service).map(|row| {
        clap::Arg::new(row.name).long(table::flag(row.name)).value_name("VALUE").help(match row.default {
            Some(default) => format!("{} [{}={default}]", row.about, row.name),
            None => format!("{} [{}]", row.about, row.name),
        })
    });
    from_table.collect()
}

/// The flags that were given.
pub fn flags(service: &'static str, matches: &clap::ArgMatches) -> BTreeMap<&'static str, String> {
    table::of(service).filter_map(|row| matches.get_one::<String>(row.name).map(|text| (row.name, text.clone()))).collect()
}

impl Settings {
    /// Reads and checks everything that `service` needs. `env` looks a variable up: the process's own in `main`, a map in tests.
    pub fn load(
        service: &'static str,
        flags: &BTreeMap<&'static str, String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut settings = Self { service, values: BTreeMap::new(), warnings: Vec::new() };
        let (mut problems, wrong) = settings.read(table::of(service), flags, &env);
        rules::apply(&mut settings, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems, read: settings.print_but(&wrong) }) }
    }

    /// The rows' values. Answers what is wrong, and with which rows.
    fn read(
        &mut self,
        rows: impl Iterator<Item = &'static Setting>,
        flags: &BTreeMap<&'static str, String>,
        env: &impl Fn(&str) -> Option<String>,
    ) -> (Vec<String>, Vec<&'static str>) {
        let (mut problems, mut wrong) = (Vec::new(), Vec::new());
        for row in rows {
            match find(row, flags, env) {
                Ok(Some(given)) => {
                    if let Some(problem) = row.kind.problem(&given.text) {
                        let shown = if row.secret {
                            "(secret)".to_owned()
                        } else {
                            row.kind.shown(&given.text).chars().take(80).collect::<String>()
                        };
                        problems.push(format!("{} {problem}; got `{shown}` from {}", row.name, given.origin));
                        wrong.push(row.name);
                    } else {
                        self.values.insert(row.name, given);
                    }
                }
                Ok(None) => {}
                Err(mut found) => {
                    problems.append(&mut found);
                    wrong.push(row.name);
                }
            }
        }
        (problems, wrong)
    }

    /// One setting of `service`, for a program that is not that service: what is wrong with the others is none of its business.
    pub fn one(service: &'static str, name: &str, env: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
        let mut settings = Self { service, values: BTreeMap::new(), warnings: Vec::new() };
        let (problems, _) = settings.read(table::of(service).filter(|row| row.name == name), &BTreeMap::new(), &env);
        if problems.is_empty() { Ok(settings.text(name).map(str::to_owned)) } else { Err(problems.join("; ")) }
    }

    /// Where the edge of this environment listens, for who wants to ask it; `None` where it says nothing that can be asked.
    pub fn edge_bind(env: impl Fn(&str) -> Option<String>) -> Option<SocketAddr> {
        let rows = table::of(EDGE).filter(|row| ["EDGE_BIND", "SERVER_HOST", "SERVER_PORT"].contains(&row.name));
        let mut settings = Self { service: EDGE, values: BTreeMap::new(), warnings: Vec::new() };
        let (mut problems, _) = settings.read(rows, &BTreeMap::new(), &env);
        rules::bind_halves(&mut settings, &mut problems);
        let bound = problems.is_empty().then(|| settings.address("EDGE_BIND"));
        bound.filter(|address| address.port() > 0)
    }

    /// From the process's own environment; empty variables count as not set, as compose files make them.
    pub fn load_from_env(service: &'static str, flags: &BTreeMap<&'static str, String>) -> Result<Self, SettingsError> {
        Self::load(service, flags, |name| std::env::var(name).ok())
    }

    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Things that were put right and that people should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|given| given.text.as_str())
    }

    fn required(&self, name: &str) -> &str {
        self.text(name).expect("a setting with a default that this service reads")
    }

    pub fn number(&self, name: &str) -> u64 {
        self.required(name).parse().expect("checked by its kind")
    }

    pub fn flag(&self, name: &str) -> bool {
        kind::flag(self.required(name)).expect("checked by its kind")
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        kind::address(self.required(name)).expect("checked by its kind")
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        let split = |text: &str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        self.text(name).map(split).unwrap_or_default()
    }

    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    pub fn gateway(&self) -> GatewayName {
        self.required("IB_GATEWAY").parse().expect("checked by its kind")
    }

    /// First id of the worker range; rules have moved it off the reserved ids.
    pub fn client_id(&self) -> ClientId {
        ClientId(i32::try_from(self.number("IB_CLIENT_ID")).expect("checked by its kind"))
    }

    pub fn ib_host(&self) -> &str {
        self.required("IB_HOST")
    }

    pub fn ib_port(&self) -> u16 {
        self.required("IB_PORT").parse().expect("checked by its kind")
    }

    /// Every value and where it came from, secrets redacted: what `--print-config` prints.
    pub fn print(&self) -> String {
        self.print_but(&[])
    }

    fn print_but(&self, wrong: &[&str]) -> String {
        let mut out = String::new();
        for row in table::of(self.service) {
            let line = match self.values.get(row.name) {
                Some(_) if row.secret => format!("{}=(redacted)\n", row.name),
                Some(given) => format!("{}={}  # {}\n", row.name, row.kind.shown(&given.text), given.origin),
                None if wrong.contains(&row.name) => format!("# {} is wrong\n", row.name),
                None => format!("# {} is not set\n", row.name),
            };
            out.push_str(&line);
        }
        for warning in &self.warnings {
            out.push_str(&format!("# warning: {warning}\n"));
        }
        out
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

/// The value of one row, or why its sources contradict each other.
fn find(
    row: &Setting,
    flags: &BTreeMap<&'static str, String>,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Given>, Vec<String>> {
    if let Some(text) = flags.get(row.name) {
        return Ok(Some(Given { text: text.clone(), origin: format!("--{}", table::flag(row.name)), is_default: false }));
    }
    let mut found: Vec<Given> = Vec::new();
    for name in std::iter::once(&row.name).chain(row.aliases) {
        if let Some(text) = env(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
            found.push(Given { text, origin: (*name).to_owned(), is_default: false });
        }
        if row.may_be_a_file()
            && let Some(path) = env(&format!("{name}_FILE")).filter(|path| !path.is_empty())
        {
            let text = std::fs::read_to_string(&path).map_err(|error| vec![unreadable(name, &path, &error)])?;
            found.push(Given { text: text.trim().to_owned(), origin: format!("{name}_FILE"), is_default: false });
        }
    }
    if let Some(other) = found.iter().skip(1).find(|given| given.text != found[0].text) {
        let said = if row.secret {
            String::new()
        } else {
            format!(" (`{}` and `{}`)", row.kind.shown(&found[0].text), row.kind.shown(&other.text))
        };
        return Err(vec![format!("{} and {} differ{said}; set one of them", found[0].origin, other.origin)]);
    }
    let default = || row.default.map(|text| Given { text: text.to_owned(), origin: "default".to_owned(), is_default: true });
    Ok(found.into_iter().next().or_else(default))
}

/// Why the file of a secret cannot be read, and what mends it. In a container the reader is not who wrote the file.
fn unreadable(name: &str, path: &str, error: &std::io::Error) -> String {
    let uid = rustix::process::geteuid().as_raw();
    let fix = match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            format!("this process is user {uid}: `chown {uid} FILE && chmod 400 FILE`, with the file's name on the host")
        }
        std::io::ErrorKind::NotFound => "the file is not there, or not mounted into this container".to_owned(),
        _ => "it must be a file of text".to_owned(),
    };
    format!("{name}_FILE {path} cannot be read ({error}); {fix}")
}

/// The text of `.env.example`, made from the table.
pub fn env_example() -> String {
    let mut out = String::from("# Every setting, made from the table in crates/service/src/settings/table.rs. All are optional.\n");
    for row in TABLE {
        let aliases = if row.aliases.is_empty() { String::new() } else { format!(" Also read as {}.", row.aliases.join(", ")) };
        out.push_str(&format!("\n# {}{aliases} ({})\n", row.about, row.services.join(", ")));
        out.push_str(&format!("#{}={}\n", row.name, row.default.unwrap_or_default()));
    }
    out.push_str(include_str!("compose.txt"));
    out
}

#[cfg(test)]
mod tests;
