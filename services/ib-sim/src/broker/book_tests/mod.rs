//! The book against the simulated market, second by second, without tasks or wires.

mod combos;
mod groups;
mod kinds;
mod laws;
mod limits;
mod times;

use crate::broker::book::{Book, Desk, News, What};
use crate::broker::place::Placement;
use crate::broker::settings::OrderSettings;
use crate::proto::event::Event;
use crate::proto::types::Contract;
use crate::settings::Settings;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::OrderState;
use crate::world::World;
use crate::world::quote::Quote;

pub(super) const APPLE: i32 = 265_598;
pub(super) const MICROSOFT: i32 = 272_093;
pub(super) const CALL: i32 = 800_000_101;
pub(super) const HIGHER_CALL: i32 = 800_000_102;
pub(super) const ACCOUNT: &str = "DUSIM00001";
/// A Friday morning in New York, the market open.
pub(super) const FRIDAY: &str = "2026-11-20T15:15:30Z";

pub(super) struct Floor {
    pub(super) world: World,
    pub(super) settings: OrderSettings,
    pub(super) book: Book,
    pub(super) now_ms: i64,
}

pub(super) fn seconds(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

pub(super) fn stock(con_id: i32) -> Contract {
    Contract { con_id, exchange: "SMART".into(), ..Contract::default() }
}

pub(super) fn order(action: &str, quantity: i32, kind: &str) -> Order {
    Order {
        action: Some(action.into()),
        total_quantity: Some(quantity.to_string()),
        order_type: Some(kind.into()),
        transmit: Some(true),
        ..Order::default()
    }
}

pub(super) fn limit(action: &str, quantity: i32, price: f64) -> Order {
    Order { lmt_price: Some(price), ..order(action, quantity, "LMT") }
}

impl Floor {
    pub(super) fn open_at(text: &str) -> Self {
        let now = seconds(text);
        let world = World::new(&Settings { accounts: None, ..Settings::default() }, false, now).unwrap();
        Self { world, settings: OrderSettings::default(), book: Book::default(), now_ms: now * 1000 }
    }

    pub(super) fn friday() -> Self {
        Self::open_at(FRIDAY)
    }

    pub(super) fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    pub(super) fn step<T>(&mut self, step: impl FnOnce(&mut Book, &Desk<'_>) -> T) -> T {
        let desk = Desk { world: &self.world, settings: &self.settings, now_ms: self.now_ms };
        step(&mut self.book, &desk)
    }

    pub(super) fn news(&mut self) -> Vec<News> {
        self.book.outcome().news
    }

    pub(super) fn lines(&mut self) -> Vec<String> {
        self.news().iter().map(line).collect()
    }

    pub(super) fn place(&mut self, order_id: i32, contract: Contract, order: Order) -> Vec<String> {
        self.place_as(1, order_id, contract, order)
    }

    pub(super) fn place_as(&mut self, client_id: i32, order_id: i32, contract: Contract, order: Order) -> Vec<String> {
        let placement = Placement { client_id, order_id, contract, order, attached: None };
        self.step(|book, desk| book.place(desk, &placement));
        self.lines()
    }

    pub(super) fn cancel(&mut self, client_id: i32, order_id: i32) -> Vec<String> {
        self.step(|book, desk| book.cancel(desk, client_id, order_id));
        self.lines()
    }

    /// Lets time pass second by second.
    pub(super) fn pass(&mut self, seconds: i64) -> Vec<String> {
        for _ in 0..seconds {
            self.now_ms += 1000;
            self.step(|book, desk| book.tick(desk));
        }
        self.lines()
    }

    /// Lets time pass until something that begins so is told.
    pub(super) fn until(&mut self, start: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..20_000 {
            lines.extend(self.pass(1));
            if lines.iter().any(|line| line.starts_with(start)) {
                return lines;
            }
        }
        panic!("{start} was never told: {lines:?}");
    }

    /// One look after a jump of the clock.
    pub(super) fn jump(&mut self, text: &str) -> Vec<String> {
        // A driver looks often while orders work.
        self.step(|book, desk| book.tick(desk));
        self.now_ms = seconds(text) * 1000;
        self.step(|book, desk| book.tick(desk));
        self.lines()
    }

    pub(super) fn quote(&self, con_id: i32) -> Quote {
        self.world.quote(self.world.contracts.get(con_id).unwrap(), self.now())
    }

    pub(super) fn held(&self, con_id: i32) -> f64 {
        self.world.accounts.get(ACCOUNT).unwrap().quantity(con_id)
    }

    pub(super) fn cash(&self) -> f64 {
        self.world.accounts.get(ACCOUNT).unwrap().cash["USD"]
    }

    pub(super) fn status(&self, order_id: i32) -> &'static str {
        self.book.find(1, order_id).unwrap().status.word()
    }

    /// The answer to a what-if.
    pub(super) fn what_if(&mut self, contract: Contract, order: Order) -> OrderState {
        let order = Order { what_if: Some(true), ..order };
        let placement = Placement { client_id: 1, order_id: 9_999, contract, order, attached: None };
        self.step(|book, desk| book.place(desk, &placement));
        match self.news().as_slice() {
            [News { what: What::Event(Event::OpenOrder { state, order, .. }), .. }] => {
                assert_eq!((order.what_if, order.what_if_type), (Some(true), Some(1)));
                (**state).clone()
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn line(news: &News) -> String {
    match &news.what {
        What::Event(Event::OpenOrder { order_id, state, .. }) => format!("open {order_id} {}", state.status.as_deref().unwrap()),
        What::Event(Event::OrderStatus(status)) => format!(
            "status {} {} {}/{}{}",
            status.order_id.unwrap(),
            status.status.as_deref().unwrap(),
            status.filled.as_deref().unwrap(),
            status.remaining.as_deref().unwrap(),
            status.why_held.as_ref().map(|held| format!(" ({held})")).unwrap_or_default(),
        ),
        What::Event(Event::ExecutionDetails { execution, contract, .. }) => format!(
            "execution {} {} {} {}",
            execution.order_id.unwrap(),
            contract.sec_type,
            execution.side.as_deref().unwrap(),
            execution.shares.as_deref().unwrap()
        ),
        What::Event(Event::CommissionAndFees(report)) => format!("fees {:.2}", report.commission_and_fees.unwrap()),
        What::Event(Event::OrderBound(bound)) => format!("bound {}", bound.order_id.unwrap()),
        What::Event(other) => format!("{other:?}"),
        What::Error { id, error } => format!("error {id} {}", error.code),
    }
}

/// Only what says where orders stand.
pub(super) fn statuses(lines: &[String]) -> Vec<&str> {
    lines.iter().filter(|line| line.starts_with("status") || line.starts_with("error")).map(String::as_str).collect()
}
