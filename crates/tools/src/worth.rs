//! Tools about the login's accounts: which there are, what they hold and what they gain.

use schemas::{
    Context, Fault, Num,
    account::{
        AccountParams, AccountWorth, List, ListParams, ListReply, Pnl, PnlReply, Portfolio, PortfolioParams, PortfolioReply, PortfolioRow,
        PositionPnl, PositionPnlParams, PositionPnlReply, SummaryReply, Values,
    },
    context::Mode,
};

use crate::{
    account::{ACCOUNT, account, whose},
    argument::Argument,
    asked::Asked,
    instrument::{self, CONID, CURRENCY, EXCHANGE, EXPIRY, RIGHT, SEC_TYPE, STRIKE, SYMBOL, TRADING_CLASS},
    page::{Body, Keep},
    symbol::Purpose,
    text,
    tool::{Definition, Toolset},
};

/// Money in words, with its currency where that is known.
fn money(value: Option<Num>, currency: Option<&str>) -> String {
    let currency = currency.map(|currency| format!(" {}", text::inline(currency, 8))).unwrap_or_default();
    value.map_or_else(|| "not told by IB".to_owned(), |value| format!("{}{currency}", text::money(value)))
}

/// The same for a cell of a table.
fn cell(value: Option<Num>) -> String {
    value.map(text::money).unwrap_or_default()
}

pub(crate) struct ListAccounts;

impl Definition for ListAccounts {
    type Op = List;
    const NAME: &'static str = "list_accounts";
    const TITLE: &'static str = "List Accounts";
    const ABOUT: &'static str = "The accounts of this login, with currency, net liquidation and whether they are simulated, paper or live.";
    const TOOLSET: Toolset = Toolset::Account;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<ListParams, Fault> {
        Ok(ListParams {})
    }

    fn context(reply: &ListReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &ListReply) -> Body {
        let mut body = Body::titled("# Accounts");
        body.gap();
        body.columns(&["Account", "Mode", "Currency", "Net Liquidation"]);
        for entry in &reply.accounts {
            let mode = match entry.mode {
                Mode::Simulated => "SIMULATED",
                Mode::Paper => "PAPER",
                Mode::Live => "LIVE",
            };
            let currency = entry.base_currency.clone().unwrap_or_default();
            body.cells(&[entry.account.clone(), mode.to_owned(), currency, cell(entry.net_liquidation)]);
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} accounts shown; structuredContent has them all.*"));
        body
    }
}

pub(crate) struct GetAccountValues;

impl Definition for GetAccountValues {
    type Op = Values;
    const NAME: &'static str = "get_account_values";
    const TITLE: &'static str = "Get Account Values";
    const ABOUT: &'static str = "All raw account values that IB pushes, with the ledger of each currency (BASE: the account's own). For a choice of them use get_account_summary.";
    const TOOLSET: Toolset = Toolset::Account;
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT];

    fn params(asked: &mut Asked) -> Result<AccountParams, Fault> {
        Ok(AccountParams { account: account(asked)? })
    }

    fn context(reply: &SummaryReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &SummaryReply) -> Body {
        if reply.accounts.iter().all(|account| account.values.is_empty()) {
            return Body::titled(format!("IB has told no account values{}", whose(asked, " for ", "")));
        }
        let mut body = Body::titled(format!("# Account Values{}", whose(asked, " for ", " (all accounts)")));
        body.gap();
        body.columns(&["Account", "Tag", "Value", "Currency"]);
        for account in &reply.accounts {
            for value in &account.values {
                let currency = value.currency.clone().unwrap_or_default();
                body.cells(&[account.account.clone(), value.tag.clone(), value.value.clone(), currency]);
            }
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} values shown. Send `account` to get one account's.*"));
        body
    }
}

pub(crate) struct GetPortfolio;

impl Definition for GetPortfolio {
    type Op = Portfolio;
    const NAME: &'static str = "get_portfolio";
    const TITLE: &'static str = "Get Portfolio";
    const ABOUT: &'static str =
        "Totals of each account and its holdings with market value, part of the account, unrealized and today's realized profit.";
    const TOOLSET: Toolset = Toolset::Account;
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT, OFFSET];

    fn params(asked: &mut Asked) -> Result<PortfolioParams, Fault> {
        Ok(PortfolioParams { account: account(asked)?, offset: asked.count("offset").unwrap_or(0) })
    }

    fn context(reply: &PortfolioReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &PortfolioReply) -> Body {
        let mut body = Body::titled(format!("# Portfolio{}", whose(asked, " for account ", " (all accounts)")));
        reply.accounts.iter().for_each(|account| body.line(totals(account)));
        if reply.holdings.is_empty() {
            body.line(if reply.total == 0 {
                "No holdings.".to_owned()
            } else {
                format!("No holdings beyond this offset: there are {}.", reply.total)
            });
            return body;
        }
        body.gap();
        body.columns(PORTFOLIO_COLUMNS);
        reply.holdings.iter().for_each(|row| body.cells(&cells(row)));
        let (offset, total) = (asked.count("offset").unwrap_or(0), reply.total);
        if let Some(next) = reply.next {
            body.after(format!("*Rows {} to {next} of {total} were answered. offset={next} gets the rest.*", offset + 1));
        }
        body.when_cut(Keep::First, move |shown, _| {
            let end = offset + shown;
            format!("*Showing rows {} to {end} of {total}. offset={end} gets the rest.*", offset + 1)
        });
        body
    }
}

pub(crate) const OFFSET: Argument = Argument::integer("offset", "Rows to skip", 0, i32::MAX as i64).or_integer(0);

#[rustfmt::skip]
const PORTFOLIO_COLUMNS: &[&str] = &[
    "Account", "Symbol", "SecType", "Local Symbol", "Quantity", "Price", "Market Value", "% of Account", "Unrealized P&L", "Realized P&L",
    "Currency",
];

fn totals(account: &AccountWorth) -> String {
    let currency = account.base_currency.as_deref();
    let parts = [
        ("net liquidation", account.net_liquidation),
        ("cash", account.cash),
        ("positions", account.positions_value),
        ("unrealized P&L", account.unrealized_pnl),
        ("realized P&L (today)", account.realized_pnl),
    ];
    let parts: Vec<String> = parts.map(|(name, value)| format!("{name} {}", money(value, currency))).into();
    format!("- **{}**: {}", text::inline(&account.account, 40), parts.join(" · "))
}

fn cells(row: &PortfolioRow) -> [String; 11] {
    [
        row.account.clone(),
        row.symbol.clone(),
        row.sec_type.clone(),
        row.local_symbol.clone().unwrap_or_default(),
        text::plain(row.quantity),
        row.market_price.map(text::price).unwrap_or_default(),
        cell(row.market_value),
        row.percent_of_account.map(|percent| format!("{}%", text::money(percent))).unwrap_or_default(),
        cell(row.unrealized_pnl),
        cell(row.realized_pnl),
        row.currency.clone(),
    ]
}

pub(crate) struct GetPnl;

impl Definition for GetPnl {
    type Op = Pnl;
    const NAME: &'static str = "get_pnl";
    const TITLE: &'static str = "Get Profit And Loss";
    const ABOUT: &'static str =
        "Today's, unrealized and today's realized profit of each account. Today begins with the reset of IB's trading day.";
    const TOOLSET: Toolset = Toolset::Account;
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT];

    fn params(asked: &mut Asked) -> Result<AccountParams, Fault> {
        Ok(AccountParams { account: account(asked)? })
    }

    fn context(reply: &PnlReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &PnlReply) -> Body {
        let mut body = Body::titled(format!("# Profit and Loss{}", whose(asked, " for ", " (all accounts)")));
        body.gap();
        body.columns(&["Account", "Daily", "Unrealized", "Realized (today)"]);
        for account in &reply.accounts {
            let told = |value| money(value, account.base_currency.as_deref());
            body.cells(&[account.account.clone(), told(account.daily_pnl), told(account.unrealized_pnl), told(account.realized_pnl)]);
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} accounts shown; structuredContent has them all.*"));
        body
    }
}

pub(crate) struct GetPositionPnl;

impl Definition for GetPositionPnl {
    type Op = PositionPnl;
    const NAME: &'static str = "get_position_pnl";
    const TITLE: &'static str = "Get Position Profit And Loss";
    const ABOUT: &'static str = "Today's, unrealized and realized profit of one holding, asked of IB at this moment.";
    const TOOLSET: Toolset = Toolset::Market;
    #[rustfmt::skip]
    const ARGUMENTS: &'static [Argument] = &[
        SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY, ACCOUNT.about("Needed where several accounts hold it"), CONID, EXPIRY, STRIKE, RIGHT,
        TRADING_CLASS,
    ];

    fn params(asked: &mut Asked) -> Result<PositionPnlParams, Fault> {
        Ok(PositionPnlParams { contract: asked.instrument(Purpose::Contract)?, account: account(asked)? })
    }

    fn context(reply: &PositionPnlReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &PositionPnlReply) -> Body {
        let contract = &reply.contract;
        let currency = Some(contract.currency.as_str());
        let mut body = Body::titled(format!("# Profit and Loss of {} ({})", asked.named(contract), contract.conid));
        body.line(format!("**Instrument**: {} | **Account**: {}", instrument::described(contract), text::inline(&reply.account, 40)));
        body.note(asked.readings(contract));
        body.gap();
        body.row(format!("- **Quantity**: {}", text::plain(reply.quantity)));
        for (name, value) in [
            ("Market Value", reply.market_value),
            ("Daily", reply.daily_pnl),
            ("Unrealized", reply.unrealized_pnl),
            ("Realized (today)", reply.realized_pnl),
        ] {
            body.row(format!("- **{name}**: {}", money(value, currency)));
        }
        body
    }
}
