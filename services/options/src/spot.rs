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
    time::{Instant, timeout, timeout_at},
};

/// As long as a line is kept after the last question: the next chain of the same underlying needs no wait for a price.
const KEPT: Duration = Duration::from_secs(5);
/// Option volume, open interest, and the two volatilities of an underlying.
const GENERIC_TICKS: [u16; 4] = [100, 101, 104, 106];

type Told = Option<Result<Arc<Quote>, Fault>>;
type Open = Arc<Mutex<HashMap<i32, Entry>>>;

/// Open lines by the underlying's conid.
#[derive(Debug)]
pub(crate) struct Spots {
    link: Link,
    open: Open,
}

#[derive(Debug, Clone)]
struct Entry {
    told: watch::Receiver<Told>,
    /// A reader came or went.
    readers: Arc<Notify>,
}

/// A reader's hold on a line.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Taken when dropped, so that whoever is told of it counts one reader less.
    told: Option<watch::Receiver<Told>>,
    readers: Arc<Notify>,
}

impl Drop for Spot {
    fn drop(&mut self) {
        self.told = None;
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
            let (tell, told) = watch::channel(None);
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
            Entry { told, readers }
        });
        entry.readers.notify_one();
        Spot { told: Some(entry.told.clone()), readers: Arc::clone(&entry.readers) }
    }
}

impl Spot {
    /// The quote once `enough` of it is there. At `deadline` whatever is there, or the fault that ended the line.
    pub(crate) async fn quote(&mut self, deadline: Instant, enough: impl Fn(&Quote) -> bool) -> Result<Arc<Quote>, Fault> {
        let good = |told: &Told| match told {
            Some(Ok(quote)) => enough(quote),
            Some(Err(_)) => true,
            None => false,
        };
        let nothing = || Fault::new(FaultCode::Timeout, "nobody quoted the underlying in time");
        let told = self.told.as_mut().ok_or_else(nothing)?;
        // Whether in time or not: what is there now is the answer.
        drop(timeout_at(deadline, told.wait_for(good)).await);
        let told = told.borrow().clone();
        told.unwrap_or_else(|| Err(nothing()))
    }
}

/// The task behind one line.
struct Keeper {
    link: Link,
    conid: i32,
    open: Open,
    tell: watch::Sender<Told>,
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
            self.tell.send_replace(Some(Err(fault)));
        }
    }

    async fn read(&self, request: LineRequest) -> Fault {
        let far = || Instant::now() + Duration::from_secs(60);
        let mut line = match self.link.line(&request, far()).await {
            Ok(line) => line,
            Err(fault) => return fault,
        };
        loop {
            match line.changed(far()).await {
                Ok(()) => drop(self.tell.send_replace(Some(Ok(Arc::new(line.quote().clone()))))),
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
