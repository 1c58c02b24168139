//! The MCP contract, with no I/O: what an agent sees, and how it becomes an operation of [`schemas`].
//!
//! [`TOOLS`] lists every tool. A tool is one `impl Definition` in the file of its family: its arguments, how they become
//! the operation's parameters, and how the reply reads as Markdown. Many tools may share one operation. Adding a tool
//! touches that one file and the table below.
//!
//! Invariants: an argument that the caller did not send stays absent, and a value that was sent is never changed; a
//! refusal names the argument, the rule and what to do next; a text has at most [`TEXT_BYTES_MAX`] bytes, says what it
//! left out, carries no control characters and ends with the context line.

mod account;
mod argument;
mod asked;
mod context;
mod contracts;
mod dates;
mod edge;
mod fault_text;
mod fundamentals;
mod gateway;
mod history;
mod html;
mod instructions;
mod instrument;
mod news;
mod options;
mod orders;
mod output;
mod page;
mod past;
mod rules;
mod spelling;
pub mod symbol;
mod text;
mod texts;
mod tool;
mod worth;

pub use context::{GatewayContext, context_line};
pub use fault_text::fault_text;
pub use instructions::{INSTRUCTION_BYTES_MAX, InstructionFacts, instructions};
pub use options::underlying_of;
pub use page::{Rendered, TEXT_BYTES_MAX};
pub use spelling::nearest as nearest_of;
pub use texts::Texts;
pub use tool::{Annotations, Call, Profile, RenderError, Tool, Toolset};

/// Every tool, by name, with the other names under which it can be called (those of `haymant/tws-mcp`).
pub static TOOLS: &[Tool] = &[
    Tool::of::<gateway::GatewayDiagnose>(&[]),
    Tool::of::<gateway::GatewayEnsureReady>(&[]),
    Tool::of::<gateway::GatewayLogin>(&[]),
    Tool::of::<gateway::GatewayLogout>(&[]),
    Tool::of::<gateway::GatewayReconnect>(&[]),
    Tool::of::<gateway::GatewayStatus>(&[]),
    Tool::of::<account::GetAccount>(&[]),
    Tool::of::<account::GetAccountSummary>(&["ibkr_get_account_summary"]),
    Tool::of::<worth::GetAccountValues>(&["ibkr_get_account_values"]),
    Tool::of::<news::GetArticle>(&["ibkr_get_news_article"]),
    Tool::of::<orders::GetCompletedOrders>(&[]),
    Tool::of::<contracts::GetContractDetails>(&["ibkr_get_contract_details", "ibkr_get_security_definition_by_conid"]),
    Tool::of::<orders::GetExecutions>(&["ibkr_get_executions"]),
    Tool::of::<fundamentals::GetFundamentalData>(&["ibkr_get_fundamental_data"]),
    Tool::of::<past::GetHeadTimestamp>(&["ibkr_get_head_timestamp"]),
    Tool::of::<edge::GetHealth>(&["ibkr_get_status"]),
    Tool::of::<past::GetHistogram>(&["ibkr_get_histogram_data"]),
    Tool::of::<history::GetHistoricalData>(&["ibkr_get_historical_data"]),
    Tool::of::<news::GetHistoricalNews>(&["ibkr_get_news_articles"]),
    Tool::of::<past::GetHistoricalTicks>(&[]),
    Tool::of::<rules::GetMarketRule>(&["ibkr_get_market_rule"]),
    Tool::of::<rules::GetNewsProviders>(&["ibkr_get_news_providers"]),
    Tool::of::<orders::GetOpenOrders>(&["ibkr_get_all_orders", "ibkr_get_open_orders"]),
    Tool::of::<options::GetOptionChain>(&["ibkr_get_option_chain_params"]),
    Tool::of::<options::GetOptionChainGreeks>(&["ibkr_get_option_chain"]),
    Tool::of::<options::GetOptionQuotes>(&[]),
    Tool::of::<worth::GetPnl>(&["ibkr_get_pnl"]),
    Tool::of::<worth::GetPortfolio>(&[]),
    Tool::of::<worth::GetPositionPnl>(&["ibkr_get_pnl_single"]),
    Tool::of::<account::GetPositions>(&["ibkr_get_positions"]),
    Tool::of::<rules::GetServerTime>(&["ibkr_get_current_time"]),
    Tool::of::<rules::GetTradingSchedule>(&[]),
    Tool::of::<edge::IbkrConnect>(&[]),
    Tool::of::<edge::IbkrDisconnect>(&[]),
    Tool::of::<worth::ListAccounts>(&["ibkr_get_managed_accounts"]),
    Tool::of::<contracts::LookupContract>(&[]),
    Tool::of::<gateway::RestartWorkers>(&[]),
    Tool::of::<contracts::SearchContracts>(&["ibkr_get_matching_symbols", "ibkr_search_symbols"]),
    Tool::of::<contracts::TickerToConid>(&[]),
];

/// The tool with this name or alias.
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name || tool.aliases.contains(&name))
}

/// The tool that a caller most likely meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    let spellings = TOOLS.iter().flat_map(|tool| tool.aliases.iter().chain([&tool.name]).map(|spelling| (*spelling, tool.name)));
    spelling::nearest(name, spellings)
}
