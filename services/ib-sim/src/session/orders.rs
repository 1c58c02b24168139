//! Requests about orders, and the news that follow them.
//!
//! Invariant: what a session is told about orders comes through one queue and in its order; answers to
//! questions are sent after everything that happened before the question.

use tokio::sync::broadcast::error::TryRecvError;
use tracing::warn;

use super::live::Live;
use crate::broker::{News, Placement, What};
use crate::errors::ApiError;
use crate::journal::Count;
use crate::proto::event::Event;
use crate::proto::request::Request;

impl Live {
    pub(super) fn serve_orders(&mut self, request: Request) {
        self.catch_up();
        let client_id = self.lease.client_id;
        match request {
            Request::PlaceOrder { order_id, contract, order, attached } => {
                let placement =
                    Placement { client_id, order_id, contract: *contract, order: *order, attached: attached.map(|attached| *attached) };
                self.gateway.broker_step(|book, desk| book.place(desk, &placement));
            }
            Request::CancelOrder { order_id, .. } => {
                self.gateway.broker_step(|book, desk| book.cancel(desk, client_id, order_id));
            }
            Request::GlobalCancel { .. } => self.gateway.broker_step(|book, desk| book.cancel_all(desk, client_id)),
            Request::ExerciseOptions(exercise) => {
                self.gateway.broker_step(|book, desk| book.exercise(desk, client_id, &exercise));
            }
            other => self.serve_order_questions(other),
        }
        self.catch_up();
    }

    fn serve_order_questions(&mut self, request: Request) {
        let client_id = self.lease.client_id;
        // As a real gateway in read-only mode: what has been traded can be seen, orders cannot.
        let read_only = self.gateway.settings.orders.read_only_api;
        if read_only && !matches!(request, Request::Executions { .. }) {
            return self.error(-1, ApiError::read_only());
        }
        match request {
            Request::OpenOrders | Request::AllOpenOrders => {
                let own = matches!(request, Request::OpenOrders);
                let events = self.gateway.broker_step(|book, desk| {
                    if own && client_id == 0 {
                        book.bind(desk);
                    }
                    book.open_orders(desk.world, own.then_some(client_id))
                });
                self.catch_up();
                events.iter().for_each(|event| self.send(event));
                self.send(&Event::OpenOrdersEnd);
            }
            Request::AutoOpenOrders { .. } if client_id != 0 => self.error(-1, ApiError::fixed(327)),
            Request::AutoOpenOrders { bind } => {
                self.gateway.broker_step(|book, desk| book.set_auto_bind(desk, bind));
                self.catch_up();
                self.send(&Event::OpenOrdersEnd);
            }
            Request::CompletedOrders { api_only } => {
                let events = self.gateway.broker_step(|book, desk| book.completed_orders(desk.world, api_only));
                events.iter().for_each(|event| self.send(event));
                self.send(&Event::CompletedOrdersEnd);
            }
            Request::Executions { req_id, filter } => match self.gateway.broker_step(|book, desk| book.executions(desk, req_id, &filter)) {
                Ok(events) => {
                    events.iter().for_each(|event| self.send(event));
                    self.send(&Event::ExecutionDetailsEnd { req_id });
                }
                Err(error) => self.error(req_id, error),
            },
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    /// The client's working orders, which a gateway sends before anything else.
    pub(super) fn replay_orders(&mut self) {
        let client_id = self.lease.client_id;
        let (events, news) = self.gateway.broker_step(|book, desk| {
            book.attach(client_id);
            (book.open_orders(desk.world, Some(client_id)), self.gateway.broker.subscribe())
        });
        // What happened before is in the replay.
        self.news = news;
        if !events.is_empty() {
            events.iter().for_each(|event| self.send(event));
            self.send(&Event::OpenOrdersEnd);
        }
    }

    /// Sends what has happened so far.
    fn catch_up(&mut self) {
        loop {
            match self.news.try_recv() {
                Ok(news) => self.on_order_news(&news),
                Err(TryRecvError::Lagged(missed)) => return self.lose_news(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    pub(super) fn on_order_news(&mut self, news: &News) {
        let own = news.client_id == self.lease.client_id;
        let master = self.gateway.settings.orders.master_client_id == Some(self.lease.client_id);
        match &news.what {
            What::Event(event) if own || master => self.send(event),
            What::Error { id, error } if own => self.error(*id, error.clone()),
            _ => {}
        }
    }

    /// News about orders must not be lost: a session that is too far behind ends.
    pub(super) fn lose_news(&mut self, missed: u64) {
        warn!(client_id = self.lease.client_id, missed, "dropping a client that is too far behind the orders");
        self.gateway.counters.add(Count::slow_clients_dropped);
        self.lost = true;
    }
}
