//! Symbols as people type them, each with what IB is asked.

use schemas::{FaultCode, contracts::ContractQuery};
use tools::symbol::{Hints, Purpose, parse};

/// `symbol=SPX sec_type=IND`: only what is present, in the order of the query's fields.
fn told(query: &ContractQuery) -> String {
    let json = serde_json::to_value(query).expect("json");
    let fields = json.as_object().expect("object").iter();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join("; ")
}

fn plain(symbol: &str) -> String {
    parse(symbol, &Hints::default()).map_or_else(|fault| panic!("{symbol}: {fault}"), |parsed| told(&parsed.query))
}

const OPTION: &str = "symbol=AAPL; sec_type=OPT; expiry=20261218; strike=150; right=C; trading_class=AAPL";

#[rustfmt::skip]
const ALONE: &[(&str, &str)] = &[
    // stocks
    ("AAPL", "symbol=AAPL"),
    ("aapl", "symbol=AAPL"),
    ("  aapl ", "symbol=AAPL"),
    ("BRK B", "symbol=BRK B"),
    ("BRK  B", "symbol=BRK B"),
    ("BRK.B", "symbol=BRK B"),
    ("brk.b", "symbol=BRK B"),
    ("BRK-B", "symbol=BRK B"),
    ("BRK/B", "symbol=BRK B"),
    ("BF.A", "symbol=BF A"),
    ("BAC-PL", "symbol=BAC PRL"),
    ("BAC.PR.L", "symbol=BAC PRL"),
    ("BAC-PR-L", "symbol=BAC PRL"),
    ("BA.", "symbol=BA."),
    ("X", "symbol=X"),
    ("1COV", "symbol=1COV"),
    // indices
    ("^SPX", "symbol=SPX; sec_type=IND"),
    ("$SPX", "symbol=SPX; sec_type=IND"),
    ("^vix", "symbol=VIX; sec_type=IND"),
    ("^GSPC", "symbol=SPX; sec_type=IND"),
    ("^DJI", "symbol=INDU; sec_type=IND"),
    // currencies, crypto, metals
    ("EUR/USD", "symbol=EUR; sec_type=CASH; currency=USD"),
    ("EURUSD", "symbol=EUR; sec_type=CASH; currency=USD"),
    ("EUR.USD", "symbol=EUR; sec_type=CASH; currency=USD"),
    ("eur-usd", "symbol=EUR; sec_type=CASH; currency=USD"),
    ("EURUSD=X", "symbol=EUR; sec_type=CASH; currency=USD"),
    ("JPY=X", "symbol=USD; sec_type=CASH; currency=JPY"),
    ("USD.CNH", "symbol=USD; sec_type=CASH; currency=CNH"),
    ("BTC-USD", "symbol=BTC; sec_type=CRYPTO; currency=USD"),
    ("BTC/USD", "symbol=BTC; sec_type=CRYPTO; currency=USD"),
    ("BTCUSD", "symbol=BTC; sec_type=CRYPTO; currency=USD"),
    ("ETH.USD", "symbol=ETH; sec_type=CRYPTO; currency=USD"),
    ("XAUUSD", "symbol=XAUUSD; sec_type=CMDTY"),
    ("XYZUSD", "symbol=XYZUSD"),
    ("USDUSD", "symbol=USDUSD"),
    // futures
    ("/ES", "symbol=ES; sec_type=FUT"),
    ("ES=F", "symbol=ES; sec_type=FUT"),
    ("ES1!", "symbol=ES; sec_type=FUT"),
    ("/M2K", "symbol=M2K; sec_type=FUT"),
    ("/6E", "symbol=EUR; sec_type=FUT; trading_class=6E"),
    ("/VX", "symbol=VIX; sec_type=FUT; trading_class=VX"),
    ("/ESTX50", "symbol=ESTX50; sec_type=FUT"),
    ("/ESZ26", "symbol=ES; sec_type=FUT; expiry=202612"),
    ("/ESZ6", "symbol=ES; sec_type=FUT; local_symbol=ESZ6"),
    // options
    ("AAPL  261218C00150000", OPTION),
    ("AAPL 261218C00150000", OPTION),
    ("AAPL261218C00150000", OPTION),
    ("aapl261218c00150000", OPTION),
    ("O:AAPL261218C00150000", OPTION),
    ("SPXW  261218P04999500", "symbol=SPX; sec_type=OPT; expiry=20261218; strike=4999.5; right=P; trading_class=SPXW"),
    ("BRKB  261218C00500000", "symbol=BRK B; sec_type=OPT; expiry=20261218; strike=500; right=C; trading_class=BRKB"),
    ("AAPL1 261218C00150000", "symbol=AAPL; sec_type=OPT; expiry=20261218; strike=150; right=C; trading_class=AAPL1"),
    // numbers of others
    ("US0378331005", "isin=US0378331005"),
    ("us0378331005", "isin=US0378331005"),
    ("ISIN:DE0007164600", "isin=DE0007164600"),
    ("265598", "conid=265598"),
    ("CONID:265598", "conid=265598"),
    // markets
    ("NASDAQ:AAPL", "symbol=AAPL; primary_exchange=NASDAQ"),
    ("nasdaq: aapl", "symbol=AAPL; primary_exchange=NASDAQ"),
    ("NYSE:BRK.B", "symbol=BRK B; primary_exchange=NYSE"),
    ("NYSEARCA:SPY", "symbol=SPY; primary_exchange=ARCA"),
    ("XETRA:SAP", "symbol=SAP; primary_exchange=IBIS; currency=EUR"),
    ("LSE:VOD", "symbol=VOD; primary_exchange=LSE; currency=GBP"),
    ("TSE:7203", "symbol=7203; primary_exchange=TSEJ; currency=JPY"),
    ("TSE:RY", "symbol=RY; primary_exchange=TSE; currency=CAD"),
    ("TSX:BBD.B", "symbol=BBD.B; primary_exchange=TSE; currency=CAD"),
    ("HKEX:0700", "symbol=700; primary_exchange=SEHK; currency=HKD"),
    ("CME_MINI:ES1!", "symbol=ES; sec_type=FUT; exchange=CME"),
    ("CBOE:SPX", "symbol=SPX; sec_type=IND; exchange=CBOE"),
    ("PAXOS:BTC", "symbol=BTC; sec_type=CRYPTO; exchange=PAXOS"),
    ("SAP.DE", "symbol=SAP; primary_exchange=IBIS; currency=EUR"),
    ("0700.HK", "symbol=700; primary_exchange=SEHK; currency=HKD"),
    ("7203.T", "symbol=7203; primary_exchange=TSEJ; currency=JPY"),
    ("BBD-B.TO", "symbol=BBD.B; primary_exchange=TSE; currency=CAD"),
];

#[test]
fn symbols_alone() {
    assert!(ALONE.len() >= 60, "{}", ALONE.len());
    for (symbol, wanted) in ALONE {
        assert_eq!(plain(symbol), *wanted, "{symbol}");
    }
}

#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("", "empty"), ("   ", "empty"), ("*", "wildcards"), ("AA*", "wildcards"), ("ib.v1.>", "wildcards"), ("A?PL", "wildcards"),
    ("A\nB", "control"), ("A\u{202e}B", "invisible"), ("AAPL,MSFT", "a list"), ("Société", "no symbol of IB's holds `é`"), ("A\"B", "holds `\"`"),
    ("^", "no index"), ("/", "no future"), ("=F", "no future"), (".", "no symbol known"), ("--", "no symbol known"), ("ES2!", "no symbol known"),
    ("US0378331006", "last digit would be 5"), ("AAPL261318C00150000", "no date"), ("AAPL261218C00000000", "strike of 0"),
    ("0", "begins with 0"), ("0700", "begins with 0"), ("99999999999", "too large"), ("O:AAPL", "no OCC"), ("ISIN:AAPL", "no ISIN"),
    ("CONID:+5", "no contract id"), ("FOO:BAR", "no exchange"), ("NASDAQ:", "no symbol behind"), ("A:B:C", "no symbol behind"),
    ("IDEALPRO:BTCUSD", "not traded on IDEALPRO"),
];

#[test]
fn symbols_that_are_refused_say_why_and_what_to_do() {
    for (symbol, why) in REFUSED {
        let fault = parse(symbol, &Hints::default()).expect_err(symbol);
        assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("symbol")), "{symbol}");
        assert!(fault.message.contains(why), "{symbol}: {}", fault.message);
        assert!(fault.hint.is_some(), "{symbol}");
    }
    assert_eq!(parse("NASDQ:AAPL", &Hints::default()).expect_err("typo").nearest.as_deref(), Some("NASDAQ"));
}

#[test]
fn ten_thousand_characters_are_refused_with_forty() {
    let fault = parse(&"A".repeat(10_000), &Hints::default()).expect_err("too long");
    assert!(fault.message.contains(&format!("`{}…`", "A".repeat(40))) && fault.message.len() < 200, "{}", fault.message);
}

fn hints(json: serde_json::Value) -> Hints {
    Hints { sent: serde_json::from_value(json).expect("a query"), purpose: Purpose::Contract }
}

#[test]
fn what_the_caller_sent_wins_and_completes() {
    for (symbol, sent, wanted) in [
        ("7203", r#"{"currency":"JPY"}"#, "symbol=7203; currency=JPY"),
        ("700", r#"{"exchange":"SEHK"}"#, "symbol=700; exchange=SEHK"),
        ("0700", r#"{"currency":"HKD"}"#, "symbol=700; currency=HKD"),
        ("265598", r#"{"sec_type":"STK"}"#, "conid=265598; sec_type=STK"),
        // All defaults of ib-mcp, sent in full.
        ("265598", r#"{"sec_type":"STK","exchange":"SMART","currency":"USD"}"#, "conid=265598; sec_type=STK; exchange=SMART; currency=USD"),
        ("EUR", r#"{"sec_type":"CASH"}"#, "symbol=EUR; sec_type=CASH"),
        ("EUR.USD", r#"{"sec_type":"CASH","exchange":"SMART"}"#, "symbol=EUR; sec_type=CASH; exchange=SMART; currency=USD"),
        ("FOO-USD", r#"{"sec_type":"CRYPTO"}"#, "symbol=FOO; sec_type=CRYPTO; currency=USD"),
        ("^SPX", r#"{"sec_type":"OPT","expiry":"202612"}"#, "symbol=SPX; sec_type=OPT; expiry=202612"),
        ("/ES", r#"{"expiry":"202612"}"#, "symbol=ES; sec_type=FUT; expiry=202612"),
        ("/ES", r#"{"sec_type":"CONTFUT"}"#, "symbol=ES; sec_type=CONTFUT"),
        ("ESZ6", r#"{"sec_type":"FUT"}"#, "symbol=ES; sec_type=FUT; local_symbol=ESZ6"),
        ("AAPL261218C00150000", r#"{"sec_type":"OPT","expiry":"202612","strike":150}"#, OPTION),
        (
            "SPXW261218C05000000",
            r#"{"trading_class":"SPX"}"#,
            "symbol=SPX; sec_type=OPT; expiry=20261218; strike=5000; right=C; trading_class=SPX",
        ),
        ("XETRA:SAP", r#"{"currency":"USD"}"#, "symbol=SAP; primary_exchange=IBIS; currency=USD"),
        ("BBD.B", r#"{"currency":"CAD"}"#, "symbol=BBD.B; currency=CAD"),
        ("AAPL", r#"{"exchange":"SMART","primary_exchange":"NASDAQ"}"#, "symbol=AAPL; exchange=SMART; primary_exchange=NASDAQ"),
    ] {
        let hints = hints(serde_json::from_str(sent).expect(sent));
        let parsed = parse(symbol, &hints).unwrap_or_else(|fault| panic!("{symbol} {sent}: {fault}"));
        assert_eq!(told(&parsed.query), wanted, "{symbol} {sent}");
    }
}

#[test]
fn contradictions_are_refused() {
    for (symbol, sent, field) in [
        ("AAPL261218C00150000", r#"{"sec_type":"STK"}"#, "sec_type"),
        ("AAPL261218C00150000", r#"{"right":"P"}"#, "right"),
        ("AAPL261218C00150000", r#"{"expiry":"20270115"}"#, "expiry"),
        ("AAPL261218C00150000", r#"{"strike":151}"#, "strike"),
        ("EUR.USD", r#"{"sec_type":"STK"}"#, "sec_type"),
        ("EUR.USD", r#"{"currency":"JPY"}"#, "currency"),
        ("/ES", r#"{"sec_type":"OPT"}"#, "sec_type"),
        ("NASDAQ:AAPL", r#"{"primary_exchange":"NYSE"}"#, "primary_exchange"),
        ("265598", r#"{"conid":8314}"#, "conid"),
    ] {
        let fault = parse(symbol, &hints(serde_json::from_str(sent).expect(sent))).expect_err(symbol);
        assert_eq!(fault.field.as_deref(), Some(field), "{symbol} {sent}: {fault}");
        assert!(fault.hint.is_some());
    }
}

#[test]
fn a_future_without_a_month_is_continuous_for_history_only() {
    let kind = |symbol: &str, sent: &str| {
        let hints = Hints { purpose: Purpose::History, ..hints(serde_json::from_str(sent).expect(sent)) };
        parse(symbol, &hints).expect(symbol).query.sec_type.expect("a type")
    };
    assert_eq!(kind("/ES", "{}"), "CONTFUT");
    assert_eq!(kind("ES=F", "{}"), "CONTFUT");
    assert_eq!(kind("CME:ES", "{}"), "CONTFUT");
    assert_eq!(kind("/ES", r#"{"expiry":"202612"}"#), "FUT");
    assert_eq!(kind("/ES", r#"{"sec_type":"FUT"}"#), "FUT");
    assert_eq!(kind("/ESZ26", "{}"), "FUT");
}

#[test]
fn words_say_what_was_understood_and_nothing_where_nothing_was_read_into_it() {
    let words = |symbol: &str| parse(symbol, &Hints::default()).expect(symbol).understood;
    assert_eq!(words("AAPL"), None);
    assert_eq!(words("aapl"), None);
    assert_eq!(words("brk.b").as_deref(), Some("`brk.b` read as the symbol BRK B"));
    assert_eq!(words("EURUSD").as_deref(), Some("`EURUSD` read as the currency pair EUR in USD"));
    assert_eq!(words("ES=F").as_deref(), Some("`ES=F` read as the front future of ES"));
    assert_eq!(words("265598").as_deref(), Some("`265598` read as the contract id 265598"));
    assert_eq!(words("XETRA:SAP").as_deref(), Some("`XETRA:SAP` read as the symbol SAP with primary exchange IBIS in EUR"));
    assert_eq!(
        words("AAPL261218C00150000").as_deref(),
        Some("`AAPL261218C00150000` read as the option AAPL 2026-12-18 150 call (class AAPL)")
    );
}

#[test]
fn every_query_is_one_that_the_operations_take() {
    for (symbol, _) in ALONE {
        let query = parse(symbol, &Hints::default()).expect(symbol).query;
        let json = serde_json::to_string(&query).expect("json");
        assert_eq!(serde_json::from_str::<ContractQuery>(&json).expect(symbol), query);
        if let Some(kind) = &query.sec_type {
            assert!(schemas::contracts::SEC_TYPES.contains(&kind.as_str()), "{symbol}: {kind}");
        }
        // What was read can be sent again: IB's own words are read as themselves.
        if let (Some(name), None) = (&query.symbol, &query.sec_type) {
            let again = parse(name, &Hints { sent: ContractQuery { symbol: None, ..query.clone() }, ..Hints::default() }).expect(name);
            assert_eq!(again.query, query, "{symbol}");
        }
    }
}
