//! `fundamentals.company`: what contract details still say about a company.

use std::sync::Arc;

use bus::{Builder, Request};
use schemas::{
    Fault, FaultCode,
    context::DataType,
    fundamentals::{Company, CompanyParams, CompanyReply, ReportType},
};

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let worker = Arc::clone(worker);
    builder.route::<Company, _, _>(move |params, request| company(Arc::clone(&worker), params, request))
}

/// What the two reports held that are still answered in part (IB withdrew Reuters fundamentals with TWS API 10.47).
const WITHDRAWN: &[&str] =
    &["market capitalisation", "revenue, income and earnings per share", "dividends per share", "ratios", "officers"];

async fn company(worker: Arc<Worker>, params: CompanyParams, request: Request) -> Result<CompanyReply, Fault> {
    let instead = match params.report_type {
        ReportType::ReportsFinSummary | ReportType::ReportSnapshot => None,
        ReportType::ReportsOwnership => Some("ownership: a data vendor, or the company's filings"),
        ReportType::ReportsFinStatements => Some("statements: the company's filings"),
        ReportType::Resc => Some("analysts' estimates: a data vendor"),
        ReportType::CalendarReport => Some("the calendar: IB's Wall Street Horizon events, by subscription"),
    };
    if let Some(instead) = instead {
        let name = ReportType::ALL.iter().find(|(_, kind)| *kind == params.report_type).map_or("", |(name, _)| name);
        return Err(Fault::new(FaultCode::Unsupported, format!("IB withdrew {name} (TWS API 10.47), nothing of it can be answered"))
            .hint(format!("for {instead}; report_type=ReportsFinSummary still gives the company's name, industry and ids")));
    }
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let context = worker.reference.context_of(&resolved.details, DataType::Reference);
    let details = resolved.details;
    Ok(CompanyReply {
        contract: resolved.contract,
        report_type: params.report_type,
        long_name: details.long_name,
        industry: details.industry,
        category: details.category,
        subcategory: details.subcategory,
        stock_type: details.stock_type,
        market_name: details.market_name,
        sec_ids: details.sec_ids,
        withdrawn: WITHDRAWN.iter().map(|text| (*text).to_owned()).collect(),
        context,
    })
}
