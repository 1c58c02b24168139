//! One attempt at a session, and the check of an open one.
//!
//! Invariant: a session that is handed on is ready: its accounts are known and IB gives order ids. `ibapi`'s handshake
//! reads at most 100 frames, and a gateway first sends two for each working order of the client id, so that after a
//! "successful" connect both can be missing.

use std::time::Duration;

use ibapi::{Client, Error, subscriptions::NoticeStream};
use schemas::ClientId;
use tokio::time::{sleep_until, timeout, timeout_at};

use crate::{clock::instant, convert, fault, pacing::Bucket, settings::Settings};

/// One question while a session becomes ready.
const READY_ANSWER: Duration = Duration::from_secs(2);
/// Longest wait for a turn of our own pace; a session that is not ready is of no use to anybody.
const READY_TURN: Duration = Duration::from_secs(4);
const READY_TRIES_MAX: u32 = 5;
/// Between two of them, for a gateway that has not got its accounts yet.
const READY_PAUSE: Duration = Duration::from_millis(500);
/// Giving a session back must not hold up the next one.
pub(crate) const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A session that is ready.
pub(crate) struct Opened {
    pub(crate) client: Client,
    /// From the first byte: the farms' notices come during the handshake.
    pub(crate) notices: NoticeStream,
    pub(crate) accounts: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum OpenFault {
    ClientIdInUse,
    Other(String),
}

pub(crate) async fn open(settings: &Settings, bucket: &Bucket, id: ClientId) -> Result<Opened, OpenFault> {
    let builder = Client::builder()
        .address(format!("{}:{}", settings.host, settings.port))
        .client_id(id.0)
        // `ibapi` would retry on its own, 326 included, with the same id and for minutes: one policy decides, ours.
        .max_reconnect_attempts(0);
    let (client, notices) = match timeout(settings.connect_timeout(), builder.connect_with_notice_stream()).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(Error::ClientIdInUse { .. })) => return Err(OpenFault::ClientIdInUse),
        Ok(Err(Error::ServerVersion(needed, has, _))) => return Err(OpenFault::Other(fault::too_old_reason(has, needed))),
        Ok(Err(error)) => return Err(OpenFault::Other(format!("the gateway gave no session: {error}"))),
        Err(_) => {
            let waited = settings.connect_timeout_ms;
            return Err(OpenFault::Other(format!("the API handshake did not end within {waited} ms")));
        }
    };
    match timeout(settings.connect_timeout(), prepared(&client, bucket, settings)).await {
        Ok(Ok(accounts)) => Ok(Opened { client, notices, accounts }),
        failed => {
            let reason = failed.map_or_else(|_| "no answer".to_owned(), |ready| ready.err().unwrap_or_default());
            let _ = timeout(DISCONNECT_TIMEOUT, client.disconnect()).await;
            Err(OpenFault::Other(format!("the session did not become ready: {reason}")))
        }
    }
}

/// Ready, and told what market data are wanted: IB forgets that with the session.
async fn prepared(client: &Client, bucket: &Bucket, settings: &Settings) -> Result<Vec<String>, String> {
    let accounts = ready(client, bucket).await?;
    if settings.lines_max > 0 {
        turn(bucket).await;
        let wanted = convert::market_data_type(settings.market_data_type);
        client.switch_market_data_type(wanted).await.map_err(|error| error.to_string())?;
    }
    Ok(accounts)
}

async fn ready(client: &Client, bucket: &Bucket) -> Result<Vec<String>, String> {
    let mut reason = String::new();
    for attempt in 0..READY_TRIES_MAX {
        if attempt > 0 {
            // Time itself is meant: nothing announces that a gateway has got its accounts.
            sleep_until(instant() + READY_PAUSE).await;
        }
        turn(bucket).await;
        let accounts = timeout(READY_ANSWER, client.managed_accounts()).await;
        turn(bucket).await;
        let next_id = timeout(READY_ANSWER, client.next_valid_order_id()).await;
        match (accounts, next_id) {
            (Ok(Ok(accounts)), Ok(Ok(next_id))) if !accounts.is_empty() && next_id > 0 => return Ok(accounts),
            (Ok(Err(error)), _) | (_, Ok(Err(error))) if fault::is_lost(&error) => return Err(error.to_string()),
            (Ok(Ok(accounts)), _) if accounts.is_empty() => "the gateway tells no accounts".clone_into(&mut reason),
            _ => "the gateway tells no accounts or no order id in time".clone_into(&mut reason),
        }
    }
    Err(reason)
}

/// A turn, or none but counted when it is too far away.
async fn turn(bucket: &Bucket) {
    if bucket.take(instant() + READY_TURN).await.is_err() {
        bucket.charge();
    }
}

/// Whether the session still answers. A refusal is an answer too: a stray error without a request id fails every
/// question that has none, this one as well.
pub(crate) async fn check(session: &crate::link::Session, bucket: &Bucket, within: Duration) -> Result<(), String> {
    let deadline = instant() + within;
    bucket.charge();
    let asked = async {
        let _one_at_a_time = session.server_time.lock().await;
        session.client.server_time().await
    };
    match timeout_at(deadline, asked).await {
        Ok(Ok(_) | Err(Error::Notice(_))) => Ok(()),
        Ok(Err(error)) => Err(format!("the session is gone: {error}")),
        Err(_) => Err(format!("the gateway did not tell its time within {} ms", within.as_millis())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_keeps_the_pace_and_does_not_wait_for_ever() {
        let bucket = Bucket::new(1.0);
        let before = instant();
        turn(&bucket).await;
        turn(&bucket).await;
        assert_eq!(instant() - before, Duration::from_millis(1_050));
        bucket.pause(Duration::from_secs(60));
        let before = instant();
        turn(&bucket).await;
        assert!(instant() - before <= READY_TURN);
    }
}
