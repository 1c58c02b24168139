//! The session against a gateway that misbehaves: one test per trap of IB, its gateway and `ibapi`.

use std::time::Duration;

use crate::support::{Gateway, PATIENCE, because, connected, deadline, ids, settings, sim_settings, start, stock, until};
use ib_link::{ClientIds, Freshness, Instant, Kept, Phase, Settings, State};
use schemas::{ClientId, Fault, FaultCode, Num};
use tokio::{net::TcpListener, time::timeout};

#[tokio::test]
async fn a_hundred_frames_before_the_ids_do_not_lose_accounts() {
    let gateway = Gateway::start(sim_settings()).await;
    gateway.fault(r#"{"kind":"frames_before_ids","count":150}"#).await;
    let link = start(settings(gateway.port()));
    let state = until(&link, "connected", State::connected).await;
    assert_eq!(state.accounts, ["DUSIM00001"]);
    link.contract_details(&stock("AAPL"), deadline()).await.expect("usable");
}

#[tokio::test]
async fn a_silent_tcp_port_times_out_and_is_joined_when_it_speaks() {
    let gateway = Gateway::start(sim_settings()).await;
    gateway.fault(r#"{"kind":"silent_handshake"}"#).await;
    let link = start(settings(gateway.port()));
    let state = until(&link, "probing", |state| state.phase == Phase::Probing).await;
    assert!(because(&state, "Allow connections from localhost only"), "{:?}", state.reason);
    gateway.clear_faults().await;
    until(&link, "connected", State::connected).await;
}

#[tokio::test]
async fn an_old_gateway_is_named_with_its_version_and_costs_no_session() {
    let gateway = Gateway::start(ib_sim::Settings { max_server_version: 200, ..sim_settings() }).await;
    let link = start(settings(gateway.port()));
    let state = until(&link, "backing off", |state| matches!(state.phase, Phase::BackingOff { .. })).await;
    let version = state.server_version.expect("version");
    assert!(version < 213 && because(&state, &version.to_string()) && because(&state, "213 or newer"), "{:?}", state.reason);
    assert_eq!(gateway.heard("StartApi").await, 0);
    let fault = link.server_time(deadline()).await.expect_err("no session");
    assert!(fault.message.contains("213 or newer"), "{}", fault.message);
}

#[tokio::test]
async fn a_client_id_in_use_takes_the_next_one() {
    let (gateway, first) = connected(|settings| settings.client_ids = ids(10, 20)).await;
    let mut second = settings(gateway.port());
    second.client_ids = ids(10, 20);
    let second = start(second);
    let state = until(&second, "connected", State::connected).await;
    assert_eq!(state.client_id, Some(ClientId(11)));
    assert_eq!((first.state().borrow().client_id, state.restart_count), (Some(ClientId(10)), 0));
}

#[tokio::test]
async fn all_client_ids_in_use_is_said_and_waited_out() {
    let (gateway, first) = connected(|settings| settings.client_ids = ClientIds::fixed(ClientId(98))).await;
    let second = start(Settings { client_ids: ClientIds::fixed(ClientId(98)), ..settings(gateway.port()) });
    let state = until(&second, "backing off", |state| matches!(state.phase, Phase::BackingOff { .. })).await;
    assert!(because(&state, "client id 98") && because(&state, "326"), "{:?}", state.reason);
    first.close(deadline()).await;
    until(&second, "connected", State::connected).await;
}

/// IB's answer to it has no request id: asked twice at once, one answer would serve both and the other would be left
/// for the next question.
#[tokio::test]
async fn shared_answers_do_not_mix_when_asked_at_once() {
    let (gateway, link) = connected(|settings| settings.keep_account = false).await;
    gateway.fault(r#"{"kind":"delay","message":"NewsProviders","ms":700}"#).await;
    // Polled in this order: the last one's message goes out after those of both others could have.
    let (first, second, heard) = futures::join!(link.news_providers(deadline()), link.news_providers(deadline()), async {
        gateway.until_heard("NewsProviders", 1).await;
        link.contract_details(&stock("AAPL"), deadline()).await.expect("in between");
        gateway.heard("NewsProviders").await
    });
    assert_eq!(heard, 1, "the second goes out only after the first answer");
    assert_eq!(first.expect("first"), second.expect("second"));
    assert_eq!(gateway.heard("NewsProviders").await, 2);
}

#[tokio::test]
async fn waiting_for_our_own_turn_is_busy_and_not_ibs_time_out() {
    let (gateway, link) = connected(|settings| settings.keep_account = false).await;
    gateway.fault(r#"{"kind":"delay","message":"NewsProviders","ms":1500}"#).await;
    let first = tokio::spawn({
        let link = link.clone();
        async move { link.news_providers(deadline()).await }
    });
    gateway.until_heard("NewsProviders", 1).await;
    let fault = link.news_providers(Instant::now() + Duration::from_millis(600)).await.expect_err("the first is at work");
    assert_eq!(fault.code, FaultCode::Busy, "{fault:?}");
    assert!(fault.message.contains("nothing was sent") && fault.retry_after_ms.is_some(), "{}", fault.message);
    assert_eq!(gateway.heard("NewsProviders").await, 1);
    first.await.expect("task").expect("the first is answered all the same");
    link.news_providers(deadline()).await.expect("and the turn is given back");
}

#[tokio::test]
async fn a_gateway_that_stalls_is_found_by_the_checks_and_joined_again() {
    let (gateway, link) = connected(|settings| (settings.check_period_ms, settings.check_timeout_ms) = (100, 200)).await;
    gateway.fault(r#"{"kind":"stall"}"#).await;
    let state = until(&link, "away", |state| !state.connected()).await;
    assert!(because(&state, "2 checks in a row failed"), "{:?}", state.reason);
    gateway.clear_faults().await;
    let state = until(&link, "connected", State::connected).await;
    assert_eq!((state.consecutive_failures, state.restart_count), (0, 0));
}

#[tokio::test]
async fn a_dropped_socket_reconnects_and_kept_answers_are_stale_and_then_fresh() {
    let (gateway, link) = connected(|_| {}).await;
    let before = link.kept_ready(deadline()).await.expect("kept");
    gateway.fault(r#"{"kind":"refuse_connections","listen":false}"#).await;
    gateway.fault(r#"{"kind":"drop_all"}"#).await;
    until(&link, "probing", |state| state.phase == Phase::Probing).await;
    let stale = link.kept_ready(deadline()).await.expect("still answered");
    assert_eq!(stale.freshness(stale.alive_at.expect("alive once")), Freshness::Stale);
    // Profits come when IB has them, which may be after everything else was there.
    let told =
        |kept: &Kept| kept.accounts.iter().map(|(id, told)| (id.clone(), told.values.clone(), told.holdings.clone())).collect::<Vec<_>>();
    assert_eq!(told(&stale), told(&before), "nothing flickers");
    gateway.clear_faults().await;
    until(&link, "connected", State::connected).await;
    let mut kept = link.kept();
    let fresh = timeout(PATIENCE, kept.wait_for(|kept| kept.connected)).await.expect("in time").expect("kept").clone();
    assert!(fresh.complete_at > before.complete_at);
}

#[tokio::test]
async fn a_gateway_that_refuses_is_probed_and_joined_by_itself() {
    let gateway = Gateway::start(sim_settings()).await;
    gateway.fault(r#"{"kind":"refuse_connections","listen":false}"#).await;
    let link = start(settings(gateway.port()));
    let state = until(&link, "probing", |state| state.phase == Phase::Probing).await;
    assert!(because(&state, "nothing listens"), "{:?}", state.reason);
    let fault = link.contract_details(&stock("AAPL"), deadline()).await.expect_err("down");
    assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::GatewayDown, Some(1_000)));
    gateway.clear_faults().await;
    until(&link, "connected", State::connected).await;
}

#[tokio::test]
async fn a_port_that_closes_at_once_is_a_gateway_that_is_down() {
    let gateway = Gateway::start(sim_settings()).await;
    gateway.fault(r#"{"kind":"refuse_connections"}"#).await;
    let link = start(settings(gateway.port()));
    let state = until(&link, "probing", |state| state.phase == Phase::Probing).await;
    assert!(because(&state, "closed the connection"), "{:?}", state.reason);
}

#[tokio::test]
async fn a_deadline_bounds_a_question_that_the_gateway_never_answers() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"stall"}"#).await;
    let asked_at = Instant::now();
    let fault = link.server_time(asked_at + Duration::from_millis(300)).await.expect_err("stalled");
    assert_eq!(fault.code, FaultCode::Timeout);
    assert!(asked_at.elapsed() < Duration::from_secs(2) && fault.message.contains(" ms"), "{}", fault.message);
}

#[tokio::test]
async fn a_lost_session_ends_its_questions_at_once_instead_of_waiting_for_a_reconnect() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"delay","message":"ContractData","ms":60000}"#).await;
    let asking = tokio::spawn({
        let link = link.clone();
        async move { link.contract_details(&stock("AAPL"), Instant::now() + PATIENCE * 3).await }
    });
    gateway.until_heard("ContractData", 1).await;
    gateway.fault(r#"{"kind":"refuse_connections","listen":false}"#).await;
    gateway.fault(r#"{"kind":"drop_all"}"#).await;
    let fault = timeout(PATIENCE, asking).await.expect("at once").expect("task").expect_err("lost");
    assert_eq!(fault.code, FaultCode::GatewayDown);
    assert!(fault.retry_after_ms.is_some());
}

#[tokio::test]
async fn a_dropped_question_is_cancelled_at_ib() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"delay","message":"ContractData","ms":60000}"#).await;
    let fault = link.contract_details(&stock("AAPL"), Instant::now() + Duration::from_millis(500)).await.expect_err("late");
    assert_eq!(fault.code, FaultCode::Timeout);
    gateway.until_heard("CancelContractData", 1).await;
}

#[tokio::test]
async fn a_deadline_in_the_past_sends_nothing() {
    let (gateway, link) = connected(|_| {}).await;
    let fault = link.contract_details(&stock("AAPL"), Instant::now()).await.expect_err("late");
    assert_eq!(fault.code, FaultCode::Timeout);
    assert!(fault.message.contains("nothing was sent"), "{}", fault.message);
    assert_eq!(gateway.heard("ContractData").await, 0);
}

#[tokio::test]
async fn losing_ibs_servers_keeps_the_session_and_refuses_what_needs_them() {
    let (gateway, link) = connected(|_| {}).await;
    link.kept_ready(deadline()).await.expect("kept");
    gateway.fault(r#"{"kind":"notice","code":1100}"#).await;
    until(&link, "without upstream", |state| state.upstream_lost).await;
    let fault = link.contract_details(&stock("AAPL"), deadline()).await.expect_err("upstream");
    assert_eq!(fault.code, FaultCode::UpstreamLost);
    link.server_time(deadline()).await.expect("the gateway itself answers");
    assert!(!link.kept_ready(deadline()).await.expect("kept").connected);
    gateway.fault(r#"{"kind":"notice","code":1102}"#).await;
    until(&link, "ready", State::ready).await;
    assert!(link.kept_ready(deadline()).await.expect("kept").connected);
    assert_eq!(gateway.heard("PositionsMulti").await, 1, "data were maintained");
}

#[tokio::test]
async fn lost_data_are_subscribed_anew_once() {
    let (gateway, link) = connected(|_| {}).await;
    link.kept_ready(deadline()).await.expect("kept");
    gateway.fault(r#"{"kind":"notice","code":1100}"#).await;
    gateway.fault(r#"{"kind":"notice","code":1101}"#).await;
    gateway.until_heard("PositionsMulti", 2).await;
    let mut kept = link.kept();
    timeout(PATIENCE, kept.wait_for(|kept| kept.connected)).await.expect("in time").expect("kept");
    assert_eq!(gateway.heard("PositionsMulti").await, 2);
    assert!(link.state().borrow().ready());
}

#[tokio::test]
async fn a_port_reset_reconnects() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"notice","code":1300}"#).await;
    gateway.until_heard("StartApi", 2).await;
    until(&link, "connected", State::connected).await;
}

#[tokio::test]
async fn farms_are_known_from_the_handshake_on() {
    let (_gateway, link) = connected(|_| {}).await;
    let state = until(&link, "told of farms", |state| state.farms.len() >= 3).await;
    assert!(state.farms.contains_key("usfarm"), "{:?}", state.farms);
}

#[tokio::test]
async fn a_restart_replaces_a_session_that_hangs() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"stall"}"#).await;
    let asking = tokio::spawn({
        let link = link.clone();
        async move { link.server_time(deadline()).await }
    });
    link.restart();
    until(&link, "away", |state| !state.connected()).await;
    let fault = timeout(PATIENCE, asking).await.expect("at once").expect("task").expect_err("dropped");
    assert_eq!(fault.code, FaultCode::GatewayDown);
    gateway.clear_faults().await;
    until(&link, "connected", State::connected).await;
}

#[tokio::test]
async fn a_restart_replaces_an_attempt_that_hangs() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
    let link = start(Settings { probe_timeout_ms: 60_000, ..settings(listener.local_addr().expect("address").port()) });
    let (_first, _) = timeout(PATIENCE, listener.accept()).await.expect("in time").expect("accept");
    link.restart();
    timeout(PATIENCE, listener.accept()).await.expect("a second probe").expect("accept");
}

#[tokio::test]
async fn a_held_link_frees_the_gateway_and_comes_back_when_it_is_released() {
    let (gateway, link) = connected(|_| {}).await;
    link.hold(Some(Fault::new(FaultCode::GatewayLoggedOut, "logged out by dora").hint("POST /gateway/login")));
    let state = until(&link, "held", |state| state.phase == Phase::Held).await;
    assert_eq!((state.reason.as_deref(), state.consecutive_failures, state.restart_count), (Some("logged out by dora"), 0, 0));
    let fault = link.server_time(deadline()).await.expect_err("held");
    assert_eq!((fault.code, fault.hint.as_deref()), (FaultCode::GatewayLoggedOut, Some("POST /gateway/login")));
    timeout(PATIENCE, async {
        while !gateway.clients().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("given back");
    link.restart();
    link.hold(None);
    until(&link, "connected", State::connected).await;
    link.server_time(deadline()).await.expect("an answer");
}

#[tokio::test]
async fn closing_gives_the_client_id_back() {
    let (gateway, link) = connected(|_| {}).await;
    assert_eq!(gateway.clients().await, [10]);
    link.close(deadline()).await;
    assert_eq!(link.state().borrow().phase, Phase::Closed);
    timeout(PATIENCE, async {
        while !gateway.clients().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("given back");
    assert_eq!(link.server_time(deadline()).await.expect_err("closed").code, FaultCode::GatewayDown);
}

#[tokio::test]
async fn several_accounts_are_kept_with_values_and_prices() {
    let gateway = Gateway::start(ib_sim::Settings { accounts: Some(3), ..sim_settings() }).await;
    let link = start(settings(gateway.port()));
    until(&link, "connected", State::connected).await;
    let kept = link.kept_ready(deadline()).await.expect("kept");
    assert_eq!(kept.accounts.len(), 3);
    for (name, account) in &kept.accounts {
        for tag in ["NetLiquidation", "BuyingPower"] {
            assert!(account.value(tag, None).is_some(), "{tag} of {name}: {:?}", account.values);
        }
    }
    let mut kept = link.kept();
    let priced = kept.wait_for(|kept| {
        let holdings = &kept.accounts["DUSIM00001"].holdings;
        !holdings.is_empty() && holdings.iter().all(|holding| holding.market_price.is_some())
    });
    timeout(PATIENCE, priced).await.expect("prices in time").expect("kept");
}

#[tokio::test]
async fn a_position_that_is_closed_disappears() {
    let (gateway, link) = connected(|_| {}).await;
    let kept = link.kept_ready(deadline()).await.expect("kept");
    let conid = kept.accounts["DUSIM00001"].holdings[0].contract.conid;
    gateway.set_account(&format!(r#"{{"account":"DUSIM00001","positions":[{{"con_id":{conid},"quantity":0}}]}}"#)).await;
    let mut kept = link.kept();
    let gone = kept.wait_for(|kept| kept.accounts["DUSIM00001"].holdings.iter().all(|holding| holding.contract.conid != conid));
    let kept = timeout(PATIENCE, gone).await.expect("pushed in time").expect("kept").clone();
    assert!(kept.accounts["DUSIM00001"].holdings.iter().all(|holding| holding.quantity != Num::ZERO));
}

#[tokio::test]
async fn a_burst_of_questions_stays_below_ibs_fifty_messages_a_second() {
    let (gateway, link) = connected(|settings| settings.keep_account = false).await;
    let query = stock("AAPL");
    let asks = (0..70).map(|_| link.contract_details(&query, deadline()));
    for told in futures::future::join_all(asks).await {
        told.expect("none is refused with 100");
    }
    assert_eq!(gateway.heard("ContractData").await, 70);
}

#[tokio::test]
async fn a_subscription_that_ib_ends_is_opened_anew() {
    let gateway = Gateway::start(sim_settings()).await;
    gateway
        .fault(r#"{"kind":"fail","message":"PositionsMulti","code":321,"text":"Error validating request.-'bP' : cause - nothing"}"#)
        .await;
    let link = start(Settings { keep_again_ms: 50, ..settings(gateway.port()) });
    until(&link, "connected", State::connected).await;
    link.kept_ready(deadline()).await.expect("kept");
    assert_eq!(gateway.heard("PositionsMulti").await, 2);
}

#[tokio::test]
async fn values_without_an_account_summary_are_told_all_the_same() {
    let gateway = Gateway::start(ib_sim::Settings { accounts: Some(2), ..sim_settings() }).await;
    gateway
        .fault(r#"{"kind":"fail","message":"AccountSummary","code":322,"text":"Maximum number of account summary requests exceeded"}"#)
        .await;
    let link = start(settings(gateway.port()));
    until(&link, "connected", State::connected).await;
    let kept = link.kept_ready(deadline()).await.expect("kept");
    let account = &kept.accounts["DUSIM00001"];
    assert!(account.values.iter().any(|value| value.tag.contains("Liquidation")), "{:?}", account.values);
}

#[tokio::test]
async fn losing_ibs_servers_ends_the_questions_at_work_at_once() {
    let (gateway, link) = connected(|_| {}).await;
    gateway.fault(r#"{"kind":"delay","message":"ContractData","ms":60000}"#).await;
    let asking = tokio::spawn({
        let link = link.clone();
        async move { link.contract_details(&stock("AAPL"), Instant::now() + PATIENCE * 3).await }
    });
    gateway.until_heard("ContractData", 1).await;
    gateway.fault(r#"{"kind":"notice","code":1100}"#).await;
    let fault = timeout(PATIENCE, asking).await.expect("at once").expect("task").expect_err("lost");
    assert_eq!(fault.code, FaultCode::UpstreamLost);
    gateway.until_heard("CancelContractData", 1).await;
}
