//! The id in an outgoing message, for the journal.
//!
//! Invariant: an order's messages are known by its order id, all others by the id of the request that
//! they answer; what answers no request has none.

use super::event::Event;

impl Event {
    pub(crate) fn id(&self) -> Option<i32> {
        match self {
            Self::Error { id, .. } => (*id >= 0).then_some(*id),
            Self::NextValidId(id) | Self::OpenOrder { order_id: id, .. } => Some(*id),
            Self::UserInfo { req_id, .. }
            | Self::AccountSummary { req_id, .. }
            | Self::AccountSummaryEnd { req_id }
            | Self::AccountUpdateMulti { req_id, .. }
            | Self::AccountUpdateMultiEnd { req_id }
            | Self::PositionMulti { req_id, .. }
            | Self::PositionMultiEnd { req_id }
            | Self::PnL { req_id, .. }
            | Self::PnLSingle { req_id, .. }
            | Self::ContractData { req_id, .. }
            | Self::ContractDataEnd { req_id }
            | Self::SymbolSamples { req_id, .. }
            | Self::HistoricalData { req_id, .. }
            | Self::HistoricalDataEnd { req_id, .. }
            | Self::HistoricalDataUpdate { req_id, .. }
            | Self::HistoricalSchedule { req_id, .. }
            | Self::HeadTimestamp { req_id, .. }
            | Self::HistoricalNews { req_id, .. }
            | Self::HistoricalNewsEnd { req_id, .. }
            | Self::NewsArticle { req_id, .. }
            | Self::ExecutionDetails { req_id, .. }
            | Self::ExecutionDetailsEnd { req_id }
            | Self::MarketDataType { req_id, .. }
            | Self::TickPrice { req_id, .. }
            | Self::TickSize { req_id, .. }
            | Self::TickGeneric { req_id, .. }
            | Self::TickString { req_id, .. }
            | Self::TickSnapshotEnd { req_id }
            | Self::SecDefOptParameterEnd { req_id }
            | Self::ScannerData { req_id, .. } => Some(*req_id),
            Self::OrderStatus(status) => status.order_id,
            Self::TickReqParams(message) => message.req_id,
            Self::TickOptionComputation(message) => message.req_id,
            Self::TickNews(message) => message.req_id,
            Self::RealTimeBar(message) => message.req_id,
            Self::MarketDepth(message) => message.req_id,
            Self::MarketDepthL2(message) => message.req_id,
            Self::SmartComponents(message) => message.req_id,
            Self::TickByTick(message) => message.req_id,
            Self::HistoricalTicks(message) => message.req_id,
            Self::HistoricalTicksBidAsk(message) => message.req_id,
            Self::HistoricalTicksLast(message) => message.req_id,
            Self::Histogram(message) => message.req_id,
            Self::SecDefOptParameter(message) => message.req_id,
            Self::SoftDollarTiers(message) => message.req_id,
            Self::WshMetaData(message) => message.req_id,
            Self::WshEventData(message) => message.req_id,
            Self::DisplayGroupList(message) => message.req_id,
            Self::DisplayGroupUpdated(message) => message.req_id,
            Self::Config(message) => message.req_id,
            Self::UpdateConfig(message) => message.req_id,
            _ => None,
        }
    }
}
