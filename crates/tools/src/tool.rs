//! One row of the table of tools.

use std::fmt;

use schemas::{Context, Fault, Operation, Row};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    argument::{self, Argument},
    asked::Asked,
    output,
    page::{Body, Rendered},
};

/// Which group of tools a listing can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Toolset {
    Core,
    Market,
    Options,
    News,
    Account,
    Orders,
    Admin,
}

impl Toolset {
    pub const ALL: &'static [Self] = &[Self::Core, Self::Market, Self::Options, Self::News, Self::Account, Self::Orders, Self::Admin];
    /// Listed unless the settings say otherwise.
    pub const DEFAULT: &'static [Self] = &[Self::Core, Self::Account, Self::Options];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Market => "market",
            Self::Options => "options",
            Self::News => "news",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|toolset| toolset.as_str() == name)
    }
}

/// Of a tool: the profile that has it. Of a caller: what may be called and listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    Readonly,
    Trading,
    Admin,
    /// `readonly`, with the names of `haymant/tws-mcp` listed too.
    CompatTws,
}

impl Profile {
    pub const ALL: &'static [Self] = &[Self::Readonly, Self::Trading, Self::Admin, Self::CompatTws];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::Trading => "trading",
            Self::Admin => "admin",
            Self::CompatTws => "compat-tws",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|profile| profile.as_str() == name)
    }

    /// Whether a caller with this profile has the tools of `other`.
    pub const fn has(self, other: Self) -> bool {
        matches!(
            (self, other),
            (_, Self::Readonly)
                | (Self::Trading | Self::Admin, Self::Trading)
                | (Self::Admin, Self::Admin)
                | (Self::CompatTws, Self::CompatTws)
        )
    }
}

/// MCP's hints about what a tool does to the world. The second and the third mean something only where the first is
/// false, and are told only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Annotations {
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    #[serde(rename = "destructiveHint", skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    #[serde(rename = "idempotentHint", skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    #[serde(rename = "openWorldHint")]
    pub open_world: bool,
}

impl Annotations {
    /// A read of our own or IB's records.
    pub const READ: Self = Self { read_only: true, destructive: None, idempotent: None, open_world: false };
    /// Brings the world into a state; asking twice changes no more than asking once.
    pub const BRINGS: Self = Self { read_only: false, destructive: Some(false), idempotent: Some(true), open_world: false };
    /// Ends something that others may be using.
    pub const ENDS: Self = Self { destructive: Some(true), ..Self::BRINGS };
    /// A read that brings text by third parties.
    pub const READ_OPEN_WORLD: Self = Self { open_world: true, ..Self::READ };
}

/// What makes a tool: implemented once for each, in the file of its family.
pub(crate) trait Definition {
    type Op: Operation;
    const NAME: &'static str;
    const TITLE: &'static str;
    const ABOUT: &'static str;
    const ARGUMENTS: &'static [Argument];
    const TOOLSET: Toolset = Toolset::Core;
    const PROFILE: Profile = Profile::Readonly;
    const ANNOTATIONS: Annotations = Annotations::READ;
    /// A name of `haymant/tws-mcp` without a tool of ours behind it: listed as aliases are.
    const COMPAT: bool = false;

    fn params(asked: &mut Asked) -> Result<<Self::Op as Operation>::Params, Fault>;
    /// `None` where the answer is about the gateway: whoever asked knows better whose login that is.
    fn context(reply: &<Self::Op as Operation>::Reply) -> Option<&Context>;
    /// Of an operation answered from memory it does not depend on the context: [`crate::Texts`].
    fn body(asked: &Asked, reply: &<Self::Op as Operation>::Reply) -> Body;
}

/// One tool, with the types of its operation erased.
pub struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    /// The description, at most 300 characters.
    pub about: &'static str,
    pub aliases: &'static [&'static str],
    pub toolset: Toolset,
    pub profile: Profile,
    pub annotations: Annotations,
    /// Listed only where the names of `haymant/tws-mcp` are.
    pub compat: bool,
    pub(crate) arguments: &'static [Argument],
    row: &'static Row,
    bind: fn(&Map<String, Value>) -> Result<Call, Fault>,
    render: fn(&Call, &[u8]) -> Result<Rendered, RenderError>,
}

/// What to ask, and what the answer's text needs to know of the question.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// JSON of the operation's parameters.
    pub params: Vec<u8>,
    pub(crate) asked: Asked,
}

impl Call {
    /// How a symbol was read, where it was not IB's own spelling: `BRK.B` read as the symbol BRK B.
    pub fn understood(&self) -> Option<&str> {
        self.asked.understood.as_deref()
    }
}

/// A reply that is not of the operation's type: a service of another release, or broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply to {tool} ({operation}) cannot be read at `{path}`: {reason}")]
pub struct RenderError {
    pub tool: &'static str,
    pub operation: String,
    pub path: String,
    pub reason: String,
}

struct RowOf<D>(std::marker::PhantomData<D>);

impl<D: Definition> RowOf<D> {
    const ROW: &'static Row = &Row::of::<D::Op>();
}

impl Tool {
    pub(crate) const fn of<D: Definition>(aliases: &'static [&'static str]) -> Self {
        Self {
            name: D::NAME,
            title: D::TITLE,
            about: D::ABOUT,
            aliases,
            toolset: D::TOOLSET,
            profile: D::PROFILE,
            annotations: D::ANNOTATIONS,
            compat: D::COMPAT,
            arguments: D::ARGUMENTS,
            row: RowOf::<D>::ROW,
            bind: bind::<D>,
            render: render::<D>,
        }
    }

    /// The names under which a caller who `has` the tools of some profiles finds it in `tools/list`; none where it is not one of them.
    pub fn listed_as(&self, has: impl Fn(Profile) -> bool) -> impl Iterator<Item = &'static str> {
        let (compat, has) = (has(Profile::CompatTws), has(self.profile));
        let own = (has && (compat || !self.compat)).then_some(self.name);
        own.into_iter().chain(self.aliases.iter().copied().filter(move |_| has && compat))
    }

    /// The operation that answers it.
    pub fn operation(&self) -> &'static Row {
        self.row
    }

    /// JSON Schema of the arguments: declared order, every argument that is not told is refused.
    pub fn input_schema(&self) -> Value {
        argument::input_schema(self.arguments)
    }

    /// JSON Schema of the operation's reply, without words that a listing repeats for every tool.
    pub fn output_schema(&self) -> Value {
        output::schema(self.row)
    }

    /// The tool's entry in `tools/list`, under its own name or an alias.
    pub fn listing(&self, name: &str) -> Value {
        json!({
            "name": name,
            "title": self.title,
            "description": self.about,
            "inputSchema": self.input_schema(),
            "outputSchema": self.output_schema(),
            "annotations": self.annotations,
        })
    }

    /// Arguments to the operation's parameters.
    pub fn bind(&self, arguments: &Map<String, Value>) -> Result<Call, Fault> {
        (self.bind)(arguments)
    }

    /// The operation's reply as Markdown. `structuredContent` is the reply's own bytes.
    pub fn render(&self, call: &Call, reply: &[u8]) -> Result<Rendered, RenderError> {
        (self.render)(call, reply)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).field("operation", &self.row.name()).finish_non_exhaustive()
    }
}

fn bind<D: Definition>(arguments: &Map<String, Value>) -> Result<Call, Fault> {
    let mut asked = Asked::read(D::NAME, D::ARGUMENTS, arguments)?;
    asked.require(D::NAME, D::ARGUMENTS)?;
    let params = D::params(&mut asked)?;
    let params = serde_json::to_vec(&params)
        .map_err(|error| Fault::new(schemas::FaultCode::Internal, format!("the parameters of {} are no JSON: {error}", D::NAME)))?;
    Ok(Call { params, asked })
}

fn render<D: Definition>(call: &Call, reply: &[u8]) -> Result<Rendered, RenderError> {
    // Serde would read an array into a reply by position.
    if !reply.trim_ascii_start().starts_with(b"{") {
        return Err(RenderError {
            tool: D::NAME,
            operation: RowOf::<D>::ROW.name(),
            path: ".".to_owned(),
            reason: "it is no object".to_owned(),
        });
    }
    let reply = serde_json::from_slice(reply).map_err(|error| unreadable::<D>(reply, &error))?;
    let body = D::body(&call.asked, &reply);
    Ok(match D::context(&reply) {
        Some(context) => body.finish(context),
        None => body.finish_without_context(),
    })
}

/// Reads the reply once more, keeping track of where: that costs time which a readable reply need not pay.
fn unreadable<D: Definition>(reply: &[u8], error: &serde_json::Error) -> RenderError {
    let mut json = serde_json::Deserializer::from_slice(reply);
    let read: Result<<D::Op as Operation>::Reply, _> = serde_path_to_error::deserialize(&mut json);
    let path = read.map_or_else(|error| error.path().to_string(), |_| ".".to_owned());
    RenderError { tool: D::NAME, operation: RowOf::<D>::ROW.name(), path, reason: error.to_string() }
}
