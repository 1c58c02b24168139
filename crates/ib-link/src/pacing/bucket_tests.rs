use std::sync::Arc;

use futures::future::join_all;

use super::*;

const LONG: Duration = Duration::from_secs(3_600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn take(bucket: &Bucket) -> Instant {
    bucket.take(instant() + LONG).await.expect("turn");
    instant()
}

/// Until as many wait.
async fn queued(bucket: &Bucket, count: usize) {
    while bucket.lock().waiting < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_second_holds_more_than_the_rate_and_a_burst_goes_at_once() {
    for per_s in [0.7, 1.0, 2.8, 7.0, 14.0, 45.0] {
        let bucket = Bucket::new(per_s);
        let start = instant();
        let sent = join_all((0..200).map(|_| take(&bucket))).await;
        assert!(sent.is_sorted(), "in the order of asking");
        let most = sent.iter().filter(|at| **at == start).count();
        assert!(most as f64 >= per_s && (most as f64) < per_s + 1.0, "{most} at once at {per_s}/s");
        for (index, first) in sent.iter().enumerate() {
            let within = sent[index..].iter().take_while(|at| **at < *first + Duration::from_secs(1)).count();
            assert!(within <= most, "{within} in a second at {per_s}/s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_with_the_wait_and_uses_none() {
    let bucket = Bucket::new(1.0);
    take(&bucket).await;
    let fault = bucket.take(instant() + ms(200)).await.expect_err("too soon");
    assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Pacing, Some(1_050)));
    let before = instant();
    assert_eq!(take(&bucket).await - before, ms(1_050));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_leaves_no_time_for_the_answer_is_refused() {
    for (budget_ms, granted) in [(1_100, false), (1_399, false), (1_400, true), (2_049, true)] {
        let bucket = Bucket::new(1.0);
        take(&bucket).await;
        let told = bucket.take(instant() + ms(budget_ms)).await;
        assert_eq!(told.is_ok(), granted, "a quarter of {budget_ms} ms");
    }
    let bucket = Bucket::new(0.1);
    take(&bucket).await;
    let fault = bucket.take(instant() + ms(11_400)).await.expect_err("0.9 s are left");
    assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Pacing, Some(10_500)));
    bucket.take(instant() + ms(11_500)).await.expect("a second is left");
}

#[tokio::test(start_paused = true)]
async fn the_wait_counts_those_who_came_before() {
    let bucket = Arc::new(Bucket::new(2.0));
    (0..2).for_each(|_| bucket.charge());
    let waiting = tokio::spawn({
        let bucket = bucket.clone();
        async move { join_all((0..4).map(|_| take(&bucket))).await }
    });
    queued(&bucket, 4).await;
    let fault = bucket.take(instant() + ms(3_000)).await.expect_err("fifth in line");
    assert_eq!(fault.retry_after_ms, Some(3_150));
    assert_eq!((bucket.free(), bucket.lend(1)), (0, 0), "nothing is free while somebody waits");
    waiting.await.expect("all get their turns");
}

#[tokio::test(start_paused = true)]
async fn the_queue_has_an_end() {
    let bucket = Arc::new(Bucket::new(0.1));
    bucket.charge();
    let far = instant() + Duration::from_secs(100_000);
    let waiting: Vec<_> = (0..WAITING_MAX)
        .map(|_| {
            let bucket = bucket.clone();
            tokio::spawn(async move { bucket.take(far).await })
        })
        .collect();
    queued(&bucket, WAITING_MAX).await;
    assert_eq!(bucket.take(far).await.expect_err("full").code, FaultCode::Pacing);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    join_all(waiting).await;
    assert_eq!(bucket.lock().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_no_gap() {
    let bucket = Arc::new(Bucket::new(1.0));
    let start = take(&bucket).await;
    let impatient = tokio::spawn({
        let bucket = bucket.clone();
        async move { take(&bucket).await }
    });
    queued(&bucket, 1).await;
    let second = tokio::spawn({
        let bucket = bucket.clone();
        async move { take(&bucket).await }
    });
    queued(&bucket, 2).await;
    impatient.abort();
    assert_eq!(second.await.expect("turn") - start, ms(1_050));
}

#[tokio::test(start_paused = true)]
async fn a_faster_rate_is_for_those_who_wait_as_well() {
    let bucket = Bucket::new(1.0);
    let start = take(&bucket).await;
    let (waited, ()) = futures::join!(take(&bucket), async { bucket.set_per_s(10.0) });
    assert_eq!(waited - start, ms(100));
    let sent = join_all((0..9).map(|_| take(&bucket))).await;
    assert_eq!((sent[7] - start, sent[8] - start), (ms(100), ms(1_050)), "the first two are not forgotten");
}

#[tokio::test(start_paused = true)]
async fn cancels_do_not_wait_but_are_counted() {
    let bucket = Bucket::new(2.0);
    let start = instant();
    bucket.charge();
    bucket.charge();
    assert_eq!(take(&bucket).await - start, ms(1_050));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_everything_back_also_those_who_wait() {
    let bucket = Bucket::new(1.0);
    let start = take(&bucket).await;
    let (waited, refused, ()) =
        futures::join!(take(&bucket), bucket.take(start + ms(4_000)), async { bucket.pause(Duration::from_secs(5)) });
    assert_eq!(waited - start, Duration::from_secs(5));
    assert_eq!(refused.expect_err("its time was up in the pause").code, FaultCode::Pacing);
}

#[tokio::test(start_paused = true)]
async fn what_is_borrowed_goes_to_those_who_wait_in_their_order() {
    let bucket = Bucket::new(1.0);
    let start = take(&bucket).await;
    let waiting = async { join_all((0..4).map(|_| take(&bucket))).await };
    let (sent, ()) = futures::join!(waiting, async { bucket.borrow(2) });
    assert_eq!(sent.iter().map(|at| *at - start).collect::<Vec<_>>(), [ms(0), ms(0), ms(1_050), ms(2_100)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_lent_is_not_sent_here() {
    let bucket = Bucket::new(8.0);
    assert_eq!((bucket.free(), bucket.lend(10), bucket.free()), (8, 7, 1));
    let start = instant();
    let sent = join_all((0..3).map(|_| take(&bucket))).await;
    assert_eq!((sent[0] - start, sent[1] - start, sent[2] - start), (ms(0), ms(1_050), ms(1_850)));
}
