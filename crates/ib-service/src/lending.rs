//! Messages to IB that this process needs now and others of its login do not.
//!
//! Invariant: what is borrowed was taken out of its lender's share before; an answer that comes too late is lost to
//! both, and never counted twice.

use std::time::Duration;

use bus::{Builder, Bus, Fleet, Seen};
use futures::future::join_all;
use ib_link::Link;
use schemas::{
    GatewayName,
    control::{LEND, Lend, Lent},
    health::Heartbeat,
};

use crate::pace;

/// Processes asked at once: more than a gateway has places for sessions.
const LENDERS_MAX: usize = 32;
/// A lender counts on so long at most between its word and our use of it (`Link::lend`).
const ASK_MAX: Duration = Duration::from_millis(400);

/// Answers `lend` from the link, unless the role never lends.
pub(crate) fn answer(builder: Builder, service: &str, link: &Link) -> Builder {
    if !pace::lends(service) {
        return builder;
    }
    let link = link.clone();
    builder.control(LEND, move |asked: Lend| std::future::ready(Ok(Lent { lent: link.lend(asked.messages) })))
}

/// The other processes of this login that lend.
#[derive(Debug, Clone)]
pub struct Lenders {
    pub(crate) bus: Bus,
    pub(crate) gateway: GatewayName,
    pub(crate) fleet: Fleet,
    pub(crate) link: Link,
    /// Our own heartbeat id.
    pub(crate) id: String,
}

impl Lenders {
    /// Asks every live lender at once, each for its part of `wanted`, and adds what they lend to the link's messages of
    /// the next moment as it comes. Answers how many those are, after `budget` (400 ms at most) or when all have spoken.
    pub async fn borrow(&self, wanted: u32, budget: Duration) -> u32 {
        let lenders = self.lenders();
        let Ok(count @ 1..) = u32::try_from(lenders.len()) else { return 0 };
        let (each, rest) = (wanted / count, wanted % count);
        let parts = lenders.iter().zip(0..).map(|(lender, n)| (lender, each + u32::from(n < rest)));
        let asked = parts.filter(|(_, part)| *part > 0).map(|(lender, part)| self.borrow_of(lender, part, budget.min(ASK_MAX)));
        join_all(asked).await.into_iter().sum()
    }

    async fn borrow_of(&self, lender: &Heartbeat, messages: u32, budget: Duration) -> u32 {
        match self.bus.control::<_, Lent>(&self.gateway, lender, LEND, &Lend { messages }, budget).await {
            Ok(Lent { lent }) => {
                // Never more than was asked for, whatever the answer says.
                let lent = lent.min(messages);
                self.link.borrow(lent);
                lent
            }
            Err(fault) => {
                tracing::debug!(service = lender.service, id = lender.id, %fault, "nothing was lent");
                0
            }
        }
    }

    fn lenders(&self) -> Vec<Heartbeat> {
        let live = self.fleet.seen().into_iter().filter(Seen::is_alive).map(|seen| seen.beat);
        live.filter(|beat| pace::lends(&beat.service) && beat.id != self.id).take(LENDERS_MAX).collect()
    }
}
