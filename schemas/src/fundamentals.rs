//! Company facts. IB withdrew the Reuters reports (TWS API 10.47); what remains is what contract details say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Freshness, Operation, Retry,
    contracts::{Contract, ContractQuery, SecId},
};

/// What IB still tells about a company.
#[derive(Debug)]
pub struct Company;

impl Operation for Company {
    const FAMILY: &'static str = "fundamentals";
    const OP: &'static str = "company";
    const ABOUT: &'static str = "Company facts that IB still gives, and which reports it withdrew.";
    const DEADLINE_MS: u64 = 15_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = CompanyParams;
    type Reply = CompanyReply;
}

/// IB's report types. Only the first has a part that is still answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReportType {
    #[default]
    ReportsFinSummary,
    /// The name under which IB's own documentation lists the company overview.
    ReportSnapshot,
    ReportsOwnership,
    ReportsFinStatements,
    #[serde(rename = "RESC")]
    Resc,
    CalendarReport,
}

impl ReportType {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("ReportsFinSummary", Self::ReportsFinSummary),
        ("ReportSnapshot", Self::ReportSnapshot),
        ("ReportsOwnership", Self::ReportsOwnership),
        ("ReportsFinStatements", Self::ReportsFinStatements),
        ("RESC", Self::Resc),
        ("CalendarReport", Self::CalendarReport),
    ];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompanyParams {
    pub contract: ContractQuery,
    /// Statements, estimates, ownership and the calendar are withdrawn altogether: the fault `unsupported`.
    #[serde(default)]
    pub report_type: ReportType,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompanyReply {
    pub contract: Contract,
    pub report_type: ReportType,
    pub long_name: Option<String>,
    pub industry: Option<String>,
    pub category: Option<String>,
    pub subcategory: Option<String>,
    pub stock_type: Option<String>,
    pub market_name: Option<String>,
    #[serde(default)]
    pub sec_ids: Vec<SecId>,
    /// What the report held once and IB no longer gives.
    pub withdrawn: Vec<String>,
    pub context: Context,
}
