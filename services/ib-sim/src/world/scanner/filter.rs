//! What a scan leaves out.
//!
//! Invariant: every bound holds strictly as IB words it, "above" and "below" including the bound itself;
//! a filter that this market cannot judge, such as a bond's rating, leaves nothing out.

use super::Row;
use crate::errors::ApiError;
use crate::wire::pb::scanner::ScannerSubscription;

/// Market capitalisation is told in millions of the currency.
const MILLION: f64 = 1e6;

/// What a bound is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Price,
    Volume,
    AverageVolume,
    /// In millions.
    MarketCap,
    ChangePercent,
    GapPercent,
    OptionVolume,
}

/// One filter of the parameters document.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) field: Field,
    pub(super) above: bool,
}

const fn filter(code: &'static str, name: &'static str, field: Field, above: bool) -> Filter {
    Filter { code, name, field, above }
}

pub(super) const FILTERS: &[Filter] = &[
    filter("priceAbove", "Price", Field::Price, true),
    filter("priceBelow", "Price", Field::Price, false),
    filter("volumeAbove", "Volume", Field::Volume, true),
    filter("avgVolumeAbove", "Avg Volume", Field::AverageVolume, true),
    filter("avgVolumeBelow", "Avg Volume", Field::AverageVolume, false),
    filter("marketCapAbove1e6", "Market Cap", Field::MarketCap, true),
    filter("marketCapBelow1e6", "Market Cap", Field::MarketCap, false),
    filter("usdMarketCapAbove", "Market Cap (USD)", Field::MarketCap, true),
    filter("usdMarketCapBelow", "Market Cap (USD)", Field::MarketCap, false),
    filter("changePercAbove", "Change (%)", Field::ChangePercent, true),
    filter("changePercBelow", "Change (%)", Field::ChangePercent, false),
    filter("openGapPercAbove", "Gap (%)", Field::GapPercent, true),
    filter("openGapPercBelow", "Gap (%)", Field::GapPercent, false),
    filter("optVolumeAbove", "Opt Volume", Field::OptionVolume, true),
    filter("optVolumeBelow", "Opt Volume", Field::OptionVolume, false),
];

/// The bounds of one subscription.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Bounds {
    bounds: Vec<(Field, bool, f64)>,
    stock_type: Option<String>,
}

impl Bounds {
    pub(super) fn read(asked: &ScannerSubscription) -> Result<Self, ApiError> {
        let mut bounds = Vec::new();
        let mut given = |field, above, value: Option<f64>| bounds.extend(value.map(|value| (field, above, value)));
        given(Field::Price, true, asked.above_price);
        given(Field::Price, false, asked.below_price);
        given(Field::Volume, true, asked.above_volume.map(whole));
        given(Field::MarketCap, true, asked.market_cap_above);
        given(Field::MarketCap, false, asked.market_cap_below);
        given(Field::OptionVolume, true, asked.average_option_volume_above.map(whole));
        for (code, text) in &asked.scanner_subscription_filter_options {
            let known = FILTERS.iter().find(|filter| filter.code == *code).ok_or_else(|| ApiError::scan_filter(code))?;
            let value: f64 = text.trim().parse().map_err(|_| ApiError::scan_filter(code))?;
            given(known.field, known.above, Some(value));
        }
        let stock_type = asked.stock_type_filter.clone().filter(|kind| !kind.is_empty() && kind != "ALL");
        Ok(Self { bounds, stock_type })
    }

    pub(super) fn keep(&self, row: &Row<'_>) -> bool {
        self.bounds.iter().all(|(field, above, bound)| {
            let value = row.value(*field);
            if *above { value >= *bound } else { value <= *bound }
        }) && self.stock_type.as_deref().is_none_or(|wanted| is_of_type(&row.instrument.stock_type, wanted))
    }
}

/// IB's filter says `CORP` and `STOCK` where contract details say `COMMON`.
fn is_of_type(own: &str, wanted: &str) -> bool {
    match wanted {
        "CORP" => own == "COMMON",
        "STOCK" => own != "ETF",
        wanted => own == wanted,
    }
}

impl Row<'_> {
    fn value(&self, field: Field) -> f64 {
        match field {
            Field::Price => self.last,
            Field::Volume => self.volume,
            Field::AverageVolume => self.instrument.path.volume,
            Field::MarketCap => self.market_cap / MILLION,
            Field::ChangePercent => self.change() * 100.0,
            Field::GapPercent => self.gap() * 100.0,
            Field::OptionVolume => self.option_volume(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "volumes that matter are far below 2^53")]
fn whole(value: i64) -> f64 {
    value as f64
}
