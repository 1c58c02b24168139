//! Company facts.

use schemas::{
    Context, Fault,
    fundamentals::{Company, CompanyParams, CompanyReply, ReportType},
};

use crate::{
    argument::Argument,
    asked::Asked,
    contracts,
    instrument::{CONID, CURRENCY, EXCHANGE, SEC_TYPE, SYMBOL},
    page::{Body, Keep},
    spelling,
    symbol::Purpose,
    text,
    tool::Definition,
};

pub(crate) struct GetFundamentalData;

impl Definition for GetFundamentalData {
    type Op = Company;
    const NAME: &'static str = "get_fundamental_data";
    const TITLE: &'static str = "Get Fundamental Data";
    const ABOUT: &'static str = "Company facts that IB still gives: name, industry, category, stock type, ids. IB withdrew the Reuters reports; the answer names what is gone.";
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL,
        Argument::text("report_type", "ReportsFinSummary or ReportSnapshot; IB withdrew the others").or_text("ReportsFinSummary"),
        EXCHANGE,
        CURRENCY,
        SEC_TYPE,
        CONID,
    ];

    fn params(asked: &mut Asked) -> Result<CompanyParams, Fault> {
        let report_type = asked.text("report_type").map(report_type).transpose()?.unwrap_or_default();
        Ok(CompanyParams { contract: asked.instrument(Purpose::Contract)?, report_type })
    }

    fn context(reply: &CompanyReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &CompanyReply) -> Body {
        let contract = &reply.contract;
        let mut body = Body::titled(format!("# Fundamental Data for {} ({})", asked.named(contract), contract.conid));
        body.line(format!("**Report Type**: {}", name_of(reply.report_type)));
        body.note(asked.readings(contract));
        body.row("");
        let facts = [
            ("Long Name", reply.long_name.clone().or_else(|| contract.name.clone())),
            ("Industry", reply.industry.clone()),
            ("Category", reply.category.clone()),
            ("Subcategory", reply.subcategory.clone()),
            ("Stock Type", reply.stock_type.clone()),
            ("Market Name", reply.market_name.clone()),
            ("Ids", Some(contracts::ids(&reply.sec_ids))),
        ];
        if facts.iter().all(|(_, value)| value.as_deref().is_none_or(str::is_empty)) {
            body.row("IB tells no company facts of this instrument.");
        } else {
            contracts::section(&mut body, "Company", &facts);
        }
        if !reply.withdrawn.is_empty() {
            body.row("");
            body.row("## Withdrawn by IB");
            reply.withdrawn.iter().for_each(|gone| body.row(format!("- {}", text::inline(gone, 200))));
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} lines shown; structuredContent has them all.*"));
        body
    }
}

fn name_of(report: ReportType) -> &'static str {
    ReportType::ALL.iter().find(|(_, known)| *known == report).map_or("unknown", |(name, _)| name)
}

fn report_type(given: &str) -> Result<ReportType, Fault> {
    let known = ReportType::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(given));
    known.map(|(_, report)| *report).ok_or_else(|| {
        let names = || ReportType::ALL.iter().map(|(name, _)| *name);
        let message = format!("`report_type` is `{}`, which is no report of IB's.", text::shown(given));
        let hint = format!("Send one of {}, or leave it out.", names().collect::<Vec<_>>().join(", "));
        let nearest = spelling::nearest(given, names().map(|name| (name, name)));
        Fault::invalid("report_type", message).allowed(names()).nearest(nearest).hint(hint)
    })
}
