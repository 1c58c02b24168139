//! Tools about money and holdings.

use schemas::{
    Context, Fault, Num,
    account::{AccountParams, Overview, OverviewReply, Position, Positions, PositionsParams, PositionsReply, Summary, SummaryReply},
};

use crate::{
    argument::Argument,
    asked::Asked,
    page::{Body, Keep},
    symbol, text,
    tool::Definition,
};

pub(crate) const ACCOUNT: Argument = Argument::text("account", "Account id; empty: all accounts").or_text("");

/// The account id, which is copied from IB's own answers and never typed as something else.
pub(crate) fn account(asked: &Asked) -> Result<String, Fault> {
    let Some(given) = asked.text("account") else { return Ok(String::new()) };
    if given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Ok(given.to_owned());
    }
    let message = format!("`account` is `{}`; an account id has only letters and digits.", text::shown(given));
    Err(Fault::invalid("account", message).hint("Leave it out: get_account_summary() lists the accounts."))
}

pub(crate) struct GetAccount;

impl Definition for GetAccount {
    type Op = Overview;
    const NAME: &'static str = "get_account";
    const TITLE: &'static str = "Get Account";
    const ABOUT: &'static str =
        "Net liquidation, cash, buying power, value of positions, unrealized and today's realized profit of one account.";
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT.about("Account id; needed where the login has several")];

    fn params(asked: &mut Asked) -> Result<AccountParams, Fault> {
        Ok(AccountParams { account: account(asked)? })
    }

    fn context(reply: &OverviewReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &OverviewReply) -> Body {
        let currency = text::inline(&reply.base_currency, 8);
        let mut body = Body::titled(format!("# Account {}", text::inline(&reply.account_id, 40)));
        body.gap();
        let mut bullet = |name: &str, value: Option<Num>| {
            let value = value.map_or_else(|| "not told by IB".to_owned(), |value| format!("{} {currency}", text::money(value)));
            body.row(format!("- **{name}**: {value}"));
        };
        bullet("Net Liquidation", reply.net_liquidation);
        bullet("Cash Balance", reply.cash_balance);
        bullet("Buying Power", reply.buying_power);
        bullet("Total Positions Value", reply.total_positions_value);
        bullet("Unrealized P&L", reply.unrealized_pnl);
        bullet(&format!("Realized P&L ({})", text::inline(&reply.realized_pnl_period, 20)), reply.realized_pnl);
        body
    }
}

pub(crate) struct GetAccountSummary;

impl Definition for GetAccountSummary {
    type Op = Summary;
    const NAME: &'static str = "get_account_summary";
    const TITLE: &'static str = "Get Account Summary";
    const ABOUT: &'static str = "Every account value that IB tells, by tag: equity, cash, buying power, margins. For the few main numbers of one account use get_account.";
    const ARGUMENTS: &'static [Argument] = &[ACCOUNT];

    fn params(asked: &mut Asked) -> Result<AccountParams, Fault> {
        Ok(AccountParams { account: account(asked)? })
    }

    fn context(reply: &SummaryReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &SummaryReply) -> Body {
        if reply.accounts.iter().all(|account| account.values.is_empty()) {
            return Body::titled(format!("No account data found{}", whose(asked, " for ", "")));
        }
        let mut body = Body::titled(format!("# Account Summary{}", whose(asked, " for ", " (all accounts)")));
        for account in &reply.accounts {
            body.row("");
            body.row(format!("## Account: {}", text::inline(&account.account, 40)));
            body.row("");
            for value in &account.values {
                let currency = value.currency.as_deref().map(|currency| format!(" {}", text::inline(currency, 8))).unwrap_or_default();
                body.row(format!("- **{}**: {}{currency}", text::inline(&value.tag, 60), text::inline(&value.value, 60)));
            }
        }
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} lines shown. Send `account` to get one account's.*"));
        body
    }
}

/// Which account was asked for.
pub(crate) fn whose(asked: &Asked, before: &str, all: &str) -> String {
    asked.text("account").map_or_else(|| all.to_owned(), |account| format!("{before}{}", text::inline(account, 40)))
}

pub(crate) struct GetPositions;

impl Definition for GetPositions {
    type Op = Positions;
    const NAME: &'static str = "get_positions";
    const TITLE: &'static str = "Get Positions";
    const ABOUT: &'static str = "Holdings with cost, price, market value and unrealized profit. Options are found by their underlying's symbol. Avg Cost is IB's: per contract, multiplier included.";
    const ARGUMENTS: &'static [Argument] = &[
        ACCOUNT,
        Argument::text("symbol", "Only this symbol").or_text(""),
        Argument::integer("offset", "Rows to skip", 0, i32::MAX as i64).or_integer(0),
    ];

    fn params(asked: &mut Asked) -> Result<PositionsParams, Fault> {
        let (symbol, understood) = asked.text("symbol").map(symbol::filter).transpose()?.unwrap_or_default();
        asked.understood = understood;
        Ok(PositionsParams { account: account(asked)?, symbol, offset: asked.count("offset").unwrap_or(0) })
    }

    fn context(reply: &PositionsReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &PositionsReply) -> Body {
        let offset = asked.count("offset").unwrap_or(0);
        let symbol = asked.text("symbol").map(|symbol| format!(" in {}", text::inline(symbol, 64))).unwrap_or_default();
        if reply.positions.is_empty() {
            let whose = whose(asked, " for account ", "");
            return Body::titled(match reply.total {
                0 => format!("No positions found{symbol}{whose}"),
                total => format!("No positions{symbol}{whose} beyond offset={offset}: there are {total}"),
            });
        }
        let mut body = Body::titled(format!("# Positions{symbol}{}", whose(asked, " for account ", " (all accounts)")));
        body.note(asked.understood.as_ref().map(|words| format!("*{words}.*")));
        body.gap();
        body.columns(POSITION_COLUMNS);
        reply.positions.iter().for_each(|position| body.cells(&position_cells(position)));
        let total = reply.total;
        let rest = move |shown: usize| {
            format!("*Showing rows {} to {} of {total}. offset={} gets the rest.*", offset + 1, offset + shown, offset + shown)
        };
        if let Some(next) = reply.next.filter(|_| reply.truncated) {
            let from = offset + 1;
            body.after(format!("*Rows {from} to {next} of {total} were answered. offset={next} gets the rest.*"));
        }
        body.when_cut(Keep::First, move |shown, _| rest(shown));
        body
    }
}

/// ib-mcp's fourteen, then ours.
#[rustfmt::skip]
const POSITION_COLUMNS: &[&str] = &[
    "Account", "Symbol", "SecType", "Position", "Avg Cost", "Expiry", "Strike", "Right", "Multiplier", "Currency", "Local Symbol",
    "Trading Class", "Exchange", "ConID", "Price", "Market Value", "Unrealized P&L", "%",
];

fn position_cells(position: &Position) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let money = |value: Option<Num>| value.map(text::money).unwrap_or_default();
    vec![
        position.account.clone(),
        position.symbol.clone(),
        position.sec_type.clone(),
        text::plain(position.quantity),
        text::price(position.avg_cost),
        text(&position.expiry),
        position.strike.map(text::plain).unwrap_or_default(),
        text(&position.right),
        text::plain(position.multiplier),
        position.currency.clone(),
        text(&position.local_symbol),
        text(&position.trading_class),
        text(&position.exchange),
        position.conid.to_string(),
        position.current_price.map(text::price).unwrap_or_default(),
        money(position.market_value),
        money(position.unrealized_pnl),
        position.unrealized_pnl_percent.map(|percent| format!("{}%", text::money(percent))).unwrap_or_default(),
    ]
}
