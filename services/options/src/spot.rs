//! The underlyings' prices: one line for each that is asked about, kept open for a moment after the last question.
//!
//! Invariant: a line ends [`KEPT`] after its last reader, and with the session; a price is only told while its line lives.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ib_link::{LineRequest, Link, Quote};
use schemas::{Fault, FaultCode, contracts::Contract};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::snapshot::{LINE_PAUSE, LINE_TRIES_MAX, NO_LINE};

/// As long as a line is kept after the last question: the next chain of the same underlying needs no wait for a price.
const KEPT: Duration = Duration::from_secs(5);
/// After the subscription: IB's first ticks of an underlying.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// A quiet line is looked at again after this long, and nobody waits longer for one.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Option volume, open interest, and the two volatilities of an underlying.
const GENERIC_TICKS: [u16; 4] = [100, 101, 104, 106];

/// How far a line is.
#[derive(Debug, Clone, Default)]
enum Heard {
    /// It waits for its turn.
    #[default]
    Nothing,
    /// IB has been asked.
    Open,
    Quote(Arc<Quote>),
    Ended(Fault),
}

type Open = Arc<Mutex<HashMap<i32, Entry>>>;

/// Open lines by the underlying's conid.
#[derive(Debug)]
pub(crate) struct Spots {
    link: Link,
    open: Open,
}

#[derive(Debug, Clone)]
struct Entry {
    heard: watch::Receiver<Heard>,
    /// A reader came or went.
    readers: Arc<Notify>,
}

/// A reader's hold on a line.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Taken when dropped, so that whoever is told of it counts one reader less.
    heard: Option<watch::Receiver<Heard>>,
    readers: Arc<Notify>,
}

impl Drop for Spot {
    fn drop(&mut self) {
        self.heard = None;
        self.readers.notify_one();
    }
}

impl Spots {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, open: Arc::default() }
    }

    /// Follows the underlying; the line is opened where there is none.
    pub(crate) fn follow(&self, contract: &Contract) -> Spot {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.entry(contract.conid).or_insert_with(|| {
            let (tell, heard) = watch::channel(Heard::default());
            let readers = Arc::new(Notify::new());
            let request = LineRequest { contract: contract.clone(), generic_ticks: GENERIC_TICKS.to_vec() };
            let keeper = Keeper {
                link: self.link.clone(),
                conid: contract.conid,
                open: Arc::clone(&self.open),
                tell,
                readers: Arc::clone(&readers),
            };
            tokio::spawn(keeper.keep(request));
            Entry { heard, readers }
        });
        entry.readers.notify_one();
        Spot { heard: Some(entry.heard.clone()), readers: Arc::clone(&entry.readers) }
    }
}

impl Spot {
    /// The quote once `enough` of it is there. IB has [`ANSWER_MAX`] for that, our own queues as long as the caller; then
    /// whatever is there, or the fault that ended the line.
    pub(crate) async fn quote(&mut self, deadline: Instant, enough: impl Fn(&Quote) -> bool) -> Result<Arc<Quote>, Fault> {
        self.quote_within(deadline, ANSWER_MAX, enough).await
    }

    /// The same, with a time of its own for IB.
    pub(crate) async fn quote_within(
        &mut self,
        deadline: Instant,
        answer: Duration,
        enough: impl Fn(&Quote) -> bool,
    ) -> Result<Arc<Quote>, Fault> {
        let nothing = |what: &str| Fault::new(FaultCode::Timeout, what);
        let heard = self.heard.as_mut().ok_or_else(|| nothing("the underlying's line is gone"))?;
        if timeout_at(deadline, heard.wait_for(|heard| !matches!(heard, Heard::Nothing))).await.is_err() {
            return Err(Fault::new(
                FaultCode::Busy,
                "the underlying's price waits for its turn: lines or messages are used up by other requests",
            ));
        }
        let good = |heard: &Heard| match heard {
            Heard::Nothing | Heard::Open => false,
            Heard::Quote(quote) => enough(quote),
            Heard::Ended(_) => true,
        };
        // Whether in time or not: what is there now is the answer.
        drop(timeout_at(deadline.min(Instant::now() + answer), heard.wait_for(good)).await);
        let heard = heard.borrow().clone();
        match heard {
            Heard::Quote(quote) => Ok(quote),
            Heard::Ended(fault) => Err(fault),
            Heard::Nothing | Heard::Open => Err(nothing("IB has not quoted the underlying in time")),
        }
    }
}

/// The task behind one line.
struct Keeper {
    link: Link,
    conid: i32,
    open: Open,
    tell: watch::Sender<Heard>,
    readers: Arc<Notify>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Keeper {
    /// Who asks from now on opens a line anew.
    fn forget(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.conid);
    }

    async fn keep(self, request: LineRequest) {
        let ended = tokio::select! {
            fault = self.read(request) => Some(fault),
            () = self.unread() => None,
        };
        self.forget();
        if let Some(fault) = ended {
            tracing::debug!(conid = self.conid, %fault, "the underlying's line ended");
            self.tell.send_replace(Heard::Ended(fault));
        }
    }

    async fn read(&self, request: LineRequest) -> Fault {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.read_once(&request).await {
                fault if fault.ib_code == Some(NO_LINE) && tries < LINE_TRIES_MAX => {
                    // Time itself is meant: nothing announces that another program has given a line back.
                    sleep_until(Instant::now() + LINE_PAUSE).await;
                }
                fault => return fault,
            }
        }
    }

    async fn read_once(&self, request: &LineRequest) -> Fault {
        let far = || Instant::now() + LOOK_AGAIN;
        let mut line = match self.link.line(request, far()).await {
            Ok(line) => line,
            Err(fault) => return fault,
        };
        self.tell.send_replace(Heard::Open);
        loop {
            match line.changed(far()).await {
                Ok(()) => drop(self.tell.send_replace(Heard::Quote(Arc::new(line.quote().clone())))),
                // A quiet market is none that has ended.
                Err(fault) if fault.code == FaultCode::Timeout => {}
                Err(fault) => return fault,
            }
        }
    }

    /// Until nobody has read for [`KEPT`].
    async fn unread(&self) {
        loop {
            let changed = self.readers.notified();
            if self.reading() {
                changed.await;
            } else if timeout(KEPT, changed).await.is_err() && !self.reading() {
                return;
            }
        }
    }

    /// Somebody beside the table.
    fn reading(&self) -> bool {
        self.tell.receiver_count() > 1
    }
}
