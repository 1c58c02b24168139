//! One of every event, its fields filled from a few arbitrary values.

use prost::Message;

use crate::proto::event::{Event, Portfolio};
use crate::proto::types::{BarRow, Contract, ContractDetails, ScannerRow, SessionRow, SymbolRow};
use crate::wire::pb::contract::{ComboLeg, DeltaNeutralContract};
use crate::wire::pb::order::{Order, OrderCondition};
use crate::wire::pb::order_report::Execution;
use crate::wire::pb::tick::{HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, TickByTickData};

/// Arbitrary values that a sample is made of.
#[derive(Debug, Clone)]
pub(super) struct Seed {
    pub(super) number: i32,
    pub(super) double: f64,
    pub(super) text: String,
    /// Which fields are there, by field number.
    pub(super) present: Vec<bool>,
    pub(super) rows: usize,
}

impl Seed {
    fn has(&self, field: u32) -> bool {
        self.present[usize::try_from(field).unwrap() % self.present.len()]
    }

    fn text(&self, field: u32) -> String {
        format!("{}{field}", self.text)
    }

    fn double(&self, field: u32) -> f64 {
        self.double + f64::from(field)
    }

    /// A record whose present fields all differ: each field takes the one wire type that it accepts.
    fn record<M: Message + Default>(&self) -> M {
        let mut bytes = Vec::new();
        for field in (1..160_u32).filter(|field| self.has(*field)) {
            let one = |wire: u64, value: &[u8]| {
                let mut bytes = Vec::new();
                prost::encoding::encode_varint(u64::from(field) << 3 | wire, &mut bytes);
                bytes.extend(value);
                bytes
            };
            let text = self.text(field);
            let length = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            let mut number = Vec::new();
            prost::encoding::encode_varint(u64::try_from(self.number).unwrap() + u64::from(field), &mut number);
            let candidates = [one(0, &number), one(1, &self.double(field).to_le_bytes()), one(2, &length(&text)), one(2, &[0])];
            bytes.extend(candidates.into_iter().find(|candidate| M::decode(&candidate[..]).is_ok()).unwrap());
        }
        M::decode(&bytes[..]).unwrap()
    }

    fn contract(&self) -> Contract {
        let text = |field| if self.has(field) { self.text(field) } else { String::new() };
        let leg = |number: usize| ComboLeg { con_id: Some(self.number), ratio: i32::try_from(number).ok(), ..self.record() };
        Contract {
            con_id: self.number,
            symbol: text(2),
            sec_type: text(3),
            expiry: text(4),
            strike: self.has(5).then(|| self.double(5)),
            right: text(6),
            multiplier: self.has(7).then_some(100.0),
            exchange: text(8),
            primary_exchange: text(9),
            currency: text(10),
            local_symbol: text(11),
            trading_class: text(12),
            description: text(15),
            issuer_id: text(16),
            combo_legs_description: text(19),
            combo_legs: (0..self.rows).map(leg).collect(),
            delta_neutral: self.has(17).then(|| DeltaNeutralContract { con_id: Some(self.number), ..self.record() }),
            ..Contract::default()
        }
    }

    fn details(&self) -> ContractDetails {
        ContractDetails {
            market_name: self.text(1),
            min_tick: self.text(2),
            order_types: self.text(3),
            valid_exchanges: self.text(4),
            price_magnifier: self.number,
            under_con_id: self.number,
            long_name: self.text(7),
            contract_month: self.text(8),
            industry: self.text(9),
            category: self.text(10),
            subcategory: self.text(11),
            time_zone_id: self.text(12),
            trading_hours: self.text(13),
            liquid_hours: self.text(14),
            // One at most: protobuf maps have no order.
            sec_ids: (0..self.rows.min(1)).map(|_| (self.text(1), self.text(2))).collect(),
            agg_group: self.number,
            under_symbol: self.text(19),
            under_sec_type: self.text(20),
            market_rule_ids: self.text(21),
            real_expiration_date: self.text(22),
            last_trade_date: self.text(100),
            stock_type: self.text(23),
            min_size: self.text(24),
            size_increment: self.text(25),
            suggested_size_increment: self.text(26),
        }
    }

    fn order(&self) -> Order {
        let mut order: Order = self.record();
        let kinds = [1, 3, 4, 5, 6, 7].into_iter().take(self.rows * 3);
        order.conditions = kinds.map(|kind| OrderCondition { kind: Some(kind), ..self.record() }).collect();
        // Numbers in protobuf, flags in text.
        order.use_price_mgmt_algo = order.use_price_mgmt_algo.map(|_| 1);
        order.route_marketable_to_bbo = order.route_marketable_to_bbo.map(|_| 1);
        if self.has(8) && self.has(150) {
            order.order_type = Some("PEGBENCH".into());
        }
        order
    }

    fn bar(&self) -> BarRow {
        BarRow {
            date: self.text(1),
            open: self.double(2),
            high: self.double(3),
            low: self.double(4),
            close: self.double(5),
            volume: self.text(6),
            wap: self.text(7),
            count: self.number,
        }
    }

    fn repeat<T>(&self, row: impl Fn() -> T) -> Vec<T> {
        (0..self.rows).map(|_| row()).collect()
    }

    fn pairs(&self) -> Vec<(String, String)> {
        self.repeat(|| (self.text(1), self.text(2)))
    }

    fn quotes(&self) -> Vec<Event> {
        let req_id = self.number;
        let last = || HistoricalTickLast { tick_attrib_last: Some(self.record()), ..self.record() };
        let bid_ask = || HistoricalTickBidAsk { tick_attrib_bid_ask: Some(self.record()), ..self.record() };
        let live = || TickByTickData { req_id: Some(req_id), tick_type: Some(1), ..TickByTickData::default() };
        vec![
            Event::MarketDataType { req_id, kind: 3 },
            Event::TickReqParams(self.record()),
            Event::TickPrice { req_id, kind: 1, price: self.double(3), size: self.has(4).then(|| self.text(4)), attributes: 5 },
            Event::TickSize { req_id, kind: 0, size: self.text(3) },
            Event::TickGeneric { req_id, kind: 49, value: self.double(3) },
            Event::TickString { req_id, kind: 45, value: self.text(3) },
            Event::TickOptionComputation(self.record()),
            Event::TickNews(Box::new(self.record())),
            Event::TickSnapshotEnd { req_id },
            Event::RealTimeBar(Box::new(self.record())),
            Event::MarketDepth(Box::new(crate::wire::pb::depth::MarketDepth {
                req_id: Some(req_id),
                market_depth_data: Some(self.record()),
            })),
            Event::MarketDepthL2(Box::new(crate::wire::pb::depth::MarketDepthL2 {
                req_id: Some(req_id),
                market_depth_data: Some(self.record()),
            })),
            Event::MarketDepthExchanges(self.repeat(|| self.record())),
            Event::SmartComponents(crate::wire::pb::depth::SmartComponents {
                req_id: Some(req_id),
                smart_components: self.repeat(|| self.record()),
            }),
            Event::TickByTick(Box::new(TickByTickData { historical_tick_last: Some(last()), ..live() })),
            Event::TickByTick(Box::new(TickByTickData { historical_tick_bid_ask: Some(bid_ask()), tick_type: Some(3), ..live() })),
            Event::TickByTick(Box::new(TickByTickData {
                historical_tick_mid_point: Some(HistoricalTick { time: Some(1), ..self.record() }),
                tick_type: Some(4),
                ..live()
            })),
            Event::HistoricalTicks(crate::wire::pb::tick::HistoricalTicks {
                req_id: Some(req_id),
                historical_ticks: self.repeat(|| self.record()),
                is_done: Some(true),
            }),
            Event::HistoricalTicksBidAsk(crate::wire::pb::tick::HistoricalTicksBidAsk {
                req_id: Some(req_id),
                historical_ticks_bid_ask: self.repeat(bid_ask),
                is_done: Some(false),
            }),
            Event::HistoricalTicksLast(crate::wire::pb::tick::HistoricalTicksLast {
                req_id: Some(req_id),
                historical_ticks_last: self.repeat(last),
                is_done: Some(true),
            }),
            Event::Histogram(crate::wire::pb::tick::HistogramData {
                req_id: Some(req_id),
                histogram_data_entries: self.repeat(|| self.record()),
            }),
            Event::SecDefOptParameter(Box::new(crate::wire::pb::option::SecDefOptParameter {
                expirations: self.repeat(|| self.text(6)),
                strikes: self.repeat(|| self.double(7)),
                ..self.record()
            })),
            Event::SecDefOptParameterEnd { req_id },
        ]
    }

    fn accounts(&self) -> Vec<Event> {
        let req_id = self.number;
        let (account, model, key, value, currency) = (self.text(1), self.text(2), self.text(3), self.text(4), self.text(5));
        let (contract, quantity, average_cost) = (Box::new(self.contract()), self.text(6), self.double(7));
        vec![
            Event::AccountSummary { req_id, account: account.clone(), tag: key.clone(), value: value.clone(), currency: currency.clone() },
            Event::AccountSummaryEnd { req_id },
            Event::AccountValue { key: key.clone(), value: value.clone(), currency: String::new(), account: account.clone() },
            Event::PortfolioValue(Box::new(Portfolio {
                account: account.clone(),
                contract: self.contract(),
                quantity: quantity.clone(),
                market_price: self.double(1),
                market_value: self.double(2),
                average_cost,
                unrealized: self.double(4),
                realized: self.double(5),
            })),
            Event::AccountUpdateTime(self.text(1)),
            Event::AccountDataEnd { account: account.clone() },
            Event::AccountUpdateMulti { req_id, account: account.clone(), model: model.clone(), key, value, currency },
            Event::AccountUpdateMultiEnd { req_id },
            Event::Position { account: account.clone(), contract: contract.clone(), quantity: quantity.clone(), average_cost },
            Event::PositionEnd,
            Event::PositionMulti { req_id, account, model, contract, quantity: quantity.clone(), average_cost },
            Event::PositionMultiEnd { req_id },
            Event::PnL { req_id, daily: self.double(1), unrealized: f64::MAX, realized: 0.0 },
            Event::PnLSingle {
                req_id,
                quantity,
                daily: self.double(1),
                unrealized: self.double(2),
                realized: f64::MAX,
                value: self.double(4),
            },
        ]
    }

    fn market(&self) -> Vec<Event> {
        let req_id = self.number;
        let (start, end) = (self.text(1), self.text(2));
        let session = || SessionRow { start: self.text(1), end: self.text(2), reference: self.text(3) };
        vec![
            Event::ContractData { req_id, contract: Box::new(self.contract()), details: Box::new(self.details()) },
            Event::ContractDataEnd { req_id },
            Event::SymbolSamples {
                req_id,
                rows: self.repeat(|| SymbolRow { contract: self.contract(), derivatives: self.repeat(|| self.text(2)) }),
            },
            Event::MarketRule { rule_id: req_id, increments: self.repeat(|| (self.double(1), self.double(2))) },
            Event::HistoricalData { req_id, start: start.clone(), end: end.clone(), bars: self.repeat(|| self.bar()) },
            Event::HistoricalDataEnd { req_id, start: start.clone(), end: end.clone() },
            Event::HistoricalDataUpdate { req_id, bar: Box::new(self.bar()) },
            Event::HistoricalSchedule { req_id, start, end, zone: self.text(4), sessions: self.repeat(session) },
            Event::HeadTimestamp { req_id, time: self.text(2) },
            Event::NewsProviders(self.pairs()),
            Event::HistoricalNews { req_id, time: self.text(2), provider: self.text(3), article_id: self.text(4), headline: self.text(5) },
            Event::HistoricalNewsEnd { req_id, has_more: self.has(2) },
            Event::NewsArticle { req_id, text: self.text(3) },
            Event::ScannerParameters(self.text(1)),
            Event::ScannerData {
                req_id,
                rows: self.repeat(|| ScannerRow {
                    rank: self.number,
                    contract: self.contract(),
                    market_name: self.text(3),
                    distance: self.text(4),
                    benchmark: self.text(5),
                    projection: self.text(6),
                    combo_key: self.text(7),
                }),
            },
        ]
    }

    fn orders(&self) -> Vec<Event> {
        let contract = Box::new(self.contract());
        let (order, state) = (Box::new(self.order()), Box::new(self.record()));
        vec![
            Event::OpenOrder { order_id: self.number, contract: contract.clone(), order: order.clone(), state },
            Event::OrderStatus(Box::new(self.record())),
            Event::OpenOrdersEnd,
            Event::OrderBound(self.record()),
            Event::CompletedOrder { contract: contract.clone(), order, state: Box::new(self.record()) },
            Event::CompletedOrdersEnd,
            Event::ExecutionDetails {
                req_id: -1,
                contract,
                execution: Box::new(Execution { time: Some("1795187730".into()), ..self.record() }),
            },
            Event::ExecutionDetailsEnd { req_id: self.number },
            Event::CommissionAndFees(Box::new(self.record())),
        ]
    }

    fn session(&self) -> Vec<Event> {
        let req_id = self.number;
        vec![
            Event::Error { id: -1, time_ms: 1, code: 2104, text: self.text(4) },
            Event::ManagedAccounts(self.repeat(|| self.text(1))),
            Event::NextValidId(req_id),
            Event::CurrentTime(1_795_187_730),
            Event::CurrentTimeInMillis(1_795_187_730_000),
            Event::FamilyCodes(self.pairs()),
            Event::UserInfo { req_id, white_branding_id: self.text(2) },
            Event::NewsBulletin(self.record()),
            Event::SoftDollarTiers(crate::wire::pb::advisor::SoftDollarTiers {
                req_id: Some(req_id),
                soft_dollar_tiers: self.repeat(|| self.record()),
            }),
            Event::WshMetaData(self.record()),
            Event::WshEventData(self.record()),
            Event::DisplayGroupList(self.record()),
            Event::DisplayGroupUpdated(self.record()),
            Event::Config(Box::default()),
            Event::UpdateConfig(Box::default()),
        ]
    }

    /// At least one of every variant.
    pub(super) fn events(&self) -> Vec<Event> {
        [self.session(), self.accounts(), self.market(), self.orders(), self.quotes()].concat()
    }
}
