//! Prices as a pure function of seed, contract and instant.
//!
//! The path of a price is a tree: a day splits into quarters of an hour, those into minutes, those into
//! seconds. A node is made from its parent so that its children fold back into exactly it: first open,
//! last close, highest high, lowest low, volumes that sum. Any bar of any size is therefore found by
//! walking down to it, and bars of different sizes agree by construction, without a stored history.
//!
//! Invariant: `low <= open, close <= high` in every node, and `fold(split(node)) == node`.

use jiff::civil::Date;

use super::calendar::{Calendar, Hours, Span, TradingDay};

pub(crate) const QUARTER: i64 = 900;
pub(crate) const MINUTE: i64 = 60;

/// One node of the tree; prices are not rounded yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: u64,
    pub(crate) trades: u64,
}

impl Node {
    /// All prices times a factor.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { open: self.open * factor, high: self.high * factor, low: self.low * factor, close: self.close * factor, ..self }
    }
}

/// The parameters of one price path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// Mixed from the seed, the contract and the kind of series.
    pub(crate) key: u64,
    /// The level at the anchor date.
    pub(crate) base: f64,
    pub(crate) anchor: Date,
    /// Standard deviation of a day's log change.
    pub(crate) sigma: f64,
    /// Log drift per calendar day, so that far history is lower as markets go.
    pub(crate) drift: f64,
    /// Average volume of a day, in the units shown; zero for what is not traded.
    pub(crate) volume: f64,
    /// Volume of an average trade.
    pub(crate) trade_size: f64,
}

/// Distances of the slow waves that make up daily closes: 1 to 256 days.
const OCTAVES: u32 = 9;
/// Shares in an average trade, as captures show (2,829,736 shares in 13,633 trades).
pub(crate) const TRADE_SIZE: f64 = 207.0;

impl Path {
    /// The log of a day's close relative to the base, before anchoring.
    fn wave(&self, day: i64) -> f64 {
        let mut sum = 0.0;
        for octave in 0..OCTAVES {
            let step = 1_i64 << octave;
            let cell = day.div_euclid(step);
            let within = ratio(day.rem_euclid(step), step);
            let (left, right) = (self.signed(octave, cell), self.signed(octave, cell + 1));
            sum += 0.55 * f64::from(1_u32 << octave).sqrt() * (left + (right - left) * within);
        }
        self.sigma * sum
    }

    fn signed(&self, octave: u32, cell: i64) -> f64 {
        unit(mix(self.key ^ u64::from(octave + 1), cell.cast_unsigned())) * 2.0 - 1.0
    }

    /// Where the path ends a day.
    pub(crate) fn level(&self, on: Date) -> f64 {
        let (day, anchor) = (day_number(on), day_number(self.anchor));
        let drift = self.drift * ratio(day - anchor, 1);
        self.base * (self.wave(day) - self.wave(anchor) + drift).exp()
    }

    /// The root of a trading day.
    pub(crate) fn day(&self, calendar: Calendar, hours: Hours, day: &TradingDay) -> Node {
        let key = mix(self.key ^ 0xDA, day_number(day.date).cast_unsigned());
        let before = calendar.previous(hours, day.date).map_or(day.date, |previous| previous.date);
        // Around the clock there is no night to gap over.
        let gap = if calendar.always_open { 0.0 } else { bell(key, 1) * self.sigma * 0.3 };
        let open = self.level(before) * gap.exp();
        let close = self.level(day.date);
        let high = open.max(close) * (self.sigma * bell(key, 2).abs() * 0.7).exp();
        let low = open.min(close) * (-self.sigma * bell(key, 3).abs() * 0.7).exp();
        let volume = whole(self.volume * (0.35 * bell(key, 4)).exp());
        let trades = whole(ratio_u(volume) / self.trade_size).max(u64::from(volume > 0));
        Node { open, high, low, close, volume, trades }
    }

    /// The quarters of a day, each with its start.
    pub(crate) fn quarters(&self, root: &Node, day: &TradingDay) -> Vec<(i64, Node)> {
        let starts: Vec<i64> = day.full.iter().flat_map(|span| (span.start..span.end).step_by(900)).collect();
        let weight = |index: usize| session_weight(starts[index], day);
        let children = self.split(root, starts.len(), day.start(), 1, weight);
        starts.iter().copied().zip(children).collect()
    }

    pub(crate) fn minutes(&self, quarter: &Node, start: i64) -> Vec<(i64, Node)> {
        let children = self.split(quarter, 15, start, 2, |_| 1.0);
        (start..).step_by(60).zip(children).collect()
    }

    pub(crate) fn seconds(&self, minute: &Node, start: i64) -> Vec<(i64, Node)> {
        let children = self.split(minute, 60, start, 3, |_| 1.0);
        (start..).zip(children).collect()
    }

    fn split(&self, node: &Node, count: usize, start: i64, level: u64, weight: impl Fn(usize) -> f64) -> Vec<Node> {
        let key = mix(self.key ^ (level << 56), start.cast_unsigned());
        let points = bridge(node, count, key);
        let step = (node.high - node.low) / index(count).sqrt();
        let mut children = Vec::with_capacity(count);
        for (n, ends) in points.windows(2).enumerate() {
            let (open, close) = (ends[0], ends[1]);
            let salt = position(n);
            let (top, bottom) = (open.max(close), open.min(close));
            let high = top + saturate(step * 0.4 * unit(mix(key ^ 0xA1, salt)), node.high - top);
            let low = bottom - saturate(step * 0.4 * unit(mix(key ^ 0xA2, salt)), bottom - node.low);
            children.push(Node { open, high, low, close, volume: 0, trades: 0 });
        }
        touch_extremes(node, &mut children);
        share(node, &mut children, key, weight);
        children
    }
}

/// A random walk from open to close that stays within the node.
fn bridge(node: &Node, count: usize, key: u64) -> Vec<f64> {
    let mut walk = vec![0.0; count + 1];
    for n in 1..=count {
        walk[n] = walk[n - 1] + bell(key, position(n) + 16);
    }
    let last = walk[count];
    let scale = (node.high - node.low) * 0.6 / index(count).sqrt();
    let mut points: Vec<f64> = (0..=count)
        .map(|n| {
            let along = index(n) / index(count);
            let straight = node.open + (node.close - node.open) * along;
            reflect(straight + (walk[n] - last * along) * scale, node)
        })
        .collect();
    // Exactly, so that folding gives back the very same numbers.
    points[0] = node.open;
    points[count] = node.close;
    points
}

/// Turns back what crosses the high or the low. Cutting it off instead would leave prices stuck there.
fn reflect(price: f64, node: &Node) -> f64 {
    let turned = if price > node.high {
        2.0 * node.high - price
    } else if price < node.low {
        2.0 * node.low - price
    } else {
        price
    };
    turned.clamp(node.low, node.high)
}

/// As much of a distance as fits in the room, never quite all of it.
fn saturate(distance: f64, room: f64) -> f64 {
    if room > 0.0 { room * (1.0 - (-distance / room).exp()) } else { 0.0 }
}

/// One child reaches the high and one the low, where the walk came nearest to them.
fn touch_extremes(node: &Node, children: &mut [Node]) {
    let mut top = 0;
    let mut bottom = 0;
    for n in 1..children.len() {
        if children[n].high > children[top].high {
            top = n;
        }
        if children[n].low < children[bottom].low {
            bottom = n;
        }
    }
    if let Some(child) = children.get_mut(top) {
        child.high = node.high;
    }
    if let Some(child) = children.get_mut(bottom) {
        child.low = node.low;
    }
}

/// Volume and trades to the children by weight; rounding is cumulative, so nothing is lost.
fn share(node: &Node, children: &mut [Node], key: u64, weight: impl Fn(usize) -> f64) {
    let weights: Vec<f64> = (0..children.len()).map(|n| weight(n) * (0.4 + 1.2 * unit(mix(key ^ 0xB0, position(n))))).collect();
    let total: f64 = weights.iter().sum();
    let (mut sum, mut volume, mut trades) = (0.0, 0, 0);
    let last = children.len().saturating_sub(1);
    for (n, child) in children.iter_mut().enumerate() {
        sum += weights[n];
        let part = if n == last { 1.0 } else { sum / total };
        let (to_volume, to_trades) = (portion(node.volume, part), portion(node.trades, part));
        child.volume = to_volume - volume;
        child.trades = to_trades - trades;
        (volume, trades) = (to_volume, to_trades);
    }
}

fn portion(whole_amount: u64, part: f64) -> u64 {
    if part >= 1.0 { whole_amount } else { whole(ratio_u(whole_amount) * part).min(whole_amount) }
}

/// Busy at the open and the close, quiet at noon, nearly silent outside regular hours.
fn session_weight(start: i64, day: &TradingDay) -> f64 {
    let inside = |span: &&Span| span.start <= start && start < span.end;
    let Some(span) = day.regular.iter().find(inside) else {
        return 0.02;
    };
    let along = ratio(start - span.start, (span.end - span.start).max(1));
    0.6 + 2.4 * (along - 0.45).powi(2)
}

/// SplitMix64's finalizer over two words: good enough noise, and the same on every machine.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in `0..1`.
#[expect(clippy::cast_precision_loss, reason = "the upper 53 bits fit exactly")]
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Roughly normal with a deviation of one.
fn bell(key: u64, salt: u64) -> f64 {
    let sum: f64 = (0..3).map(|part| unit(mix(key, salt * 3 + part))).sum();
    (sum - 1.5) * 2.0
}

/// Days since 1970.
pub(crate) fn day_number(on: Date) -> i64 {
    on.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a day and day numbers are far below 2^53")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "a day's volume is far below 2^53")]
fn ratio_u(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and far below 2^53")]
fn whole(value: f64) -> u64 {
    value.max(0.0).floor() as u64
}

fn index(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn position(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn path(key: u64, sigma: f64) -> Path {
        Path { key, base: 270.0, anchor: date(2026, 11, 20), sigma, drift: 0.0002, volume: 5.0e7, trade_size: TRADE_SIZE }
    }

    fn fold(children: &[(i64, Node)]) -> Node {
        let first = children[0].1;
        children[1..].iter().fold(first, |sum, (_, child)| Node {
            open: sum.open,
            high: sum.high.max(child.high),
            low: sum.low.min(child.low),
            close: child.close,
            volume: sum.volume + child.volume,
            trades: sum.trades + child.trades,
        })
    }

    #[test]
    fn the_anchor_day_closes_at_the_base() {
        assert!((path(7, 0.02).level(date(2026, 11, 20)) - 270.0).abs() < 1e-9);
    }

    /// Prices move within the day: no long stretch without change, none that sits on the high or low.
    #[test]
    fn a_day_is_alive() {
        let calendar = Calendar { always_open: false };
        for offset in 0..40 {
            let Some(day) = calendar.day(Hours::UsStock, super::super::calendar::add(date(2026, 9, 1), jiff::ToSpan::days(offset))) else {
                continue;
            };
            let path = path(11, 0.018);
            let root = path.day(calendar, Hours::UsStock, &day);
            let quarters = path.quarters(&root, &day);
            let at_the_edge = quarters.iter().filter(|(_, one)| one.close <= root.low || one.close >= root.high).count();
            assert!(at_the_edge * 10 < quarters.len(), "{}: {at_the_edge} of {}", day.date, quarters.len());
        }
    }

    proptest! {
        #[test]
        fn children_fold_into_their_parent(key: u64, offset in 0_i64..4000, sigma in 0.001_f64..0.06, open: bool) {
            let calendar = Calendar { always_open: open };
            let on = super::super::calendar::add(date(2020, 1, 2), jiff::ToSpan::days(offset));
            let path = path(key, sigma);
            if let Some(day) = calendar.day(Hours::UsStock, on) {
                let root = path.day(calendar, Hours::UsStock, &day);
                prop_assert!(root.low <= root.open.min(root.close) && root.open.max(root.close) <= root.high);
                let quarters = path.quarters(&root, &day);
                prop_assert_eq!(fold(&quarters), root);
                // A half day has fewer of them.
                let (start, quarter) = quarters[usize::try_from(key % 52).unwrap()];
                let minutes = path.minutes(&quarter, start);
                prop_assert_eq!(fold(&minutes), quarter);
                let (start, minute) = minutes[3];
                let seconds = path.seconds(&minute, start);
                prop_assert_eq!((seconds.len(), fold(&seconds)), (60, minute));
                for (_, node) in seconds {
                    prop_assert!(node.low <= node.open.min(node.close) && node.open.max(node.close) <= node.high);
                }
            }
        }
    }
}
