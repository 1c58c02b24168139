//! The reader understands the log that the simulated gateway prints: neither knows the other's words.

use std::{net::SocketAddr, time::Duration};

use gateway_ctl::logs::{Conflict, LogState, Marker, Reader};
use ib_sim::{ExistingSession, Login, LoginPlan, Settings, Sim, TwoFactorTimeout};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);

async fn start(login: LoginPlan) -> Sim {
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    Sim::start(Settings { bind, command_port: Some(0), login, ..Settings::default() }).await.expect("a simulator")
}

/// Reads on until the log says that.
async fn read_until(sim: &Sim, what: &str, wanted: impl Fn(&LogState) -> bool) -> LogState {
    let (mut reader, mut lines) = (Reader::plain(), sim.log());
    let read = async {
        while !wanted(reader.state()) {
            for line in lines.next().await {
                reader.feed(format!("{line}\n").as_bytes());
                // The state that was waited for may be passed by the lines that came with it.
                if wanted(reader.state()) {
                    break;
                }
            }
        }
    };
    assert!(timeout(PATIENCE, read).await.is_ok(), "{what}: {:?}", reader.state());
    reader.state().clone()
}

fn plan(login: Login) -> LoginPlan {
    LoginPlan { login_ms: 40, login, ..LoginPlan::default() }
}

#[tokio::test]
async fn a_plain_log_in_and_an_end_by_a_signal() {
    let sim = start(plan(Login::Ok)).await;
    let state = read_until(&sim, "logged in", LogState::logged_in).await;
    assert_eq!((state.launches, state.full_log_in, state.failed_log_ins), (1, true, 0));
    assert_eq!(state.forward.map(|forward| (forward.target_port, forward.listen_port)), Some((4002, 4004)));
    sim.terminate();
    let state = read_until(&sim, "ended", |state| state.marker == Marker::Finished).await;
    assert_eq!(state.exit_code, Some(143));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_close_by_the_command_server() {
    let sim = start(plan(Login::Ok)).await;
    read_until(&sim, "logged in", LogState::logged_in).await;
    let mut stream = TcpStream::connect(sim.command_addr().expect("a command port")).await.expect("connected");
    stream.write_all(b"STOP\n").await.expect("written");
    read_until(&sim, "closing", |state| state.marker == Marker::Closing).await;
    let state = read_until(&sim, "closed", |state| state.marker == Marker::Finished).await;
    assert_eq!((state.exit_code, state.conflict), (Some(0), None));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_second_factor_that_nobody_gives() {
    let login = LoginPlan { two_factor_timeout_ms: 60, two_factor_timeout: TwoFactorTimeout::Exit, ..plan(Login::TwoFactor) };
    let sim = start(login).await;
    read_until(&sim, "asked", |state| state.marker == Marker::SecondFactor).await;
    let state = read_until(&sim, "ended", |state| state.marker == Marker::Finished).await;
    assert_eq!((state.exit_code, state.two_factor_asked), (Some(87), true));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_counted_until_ib_asks_to_wait() {
    let sim = start(plan(Login::WrongPassword)).await;
    let state = read_until(&sim, "locked out", |state| state.marker == Marker::LockedOut).await;
    assert_eq!((state.failed_log_ins, state.launches, state.lockout_wait_s), (2, 3, Some(287)));
    sim.shutdown().await;
}

#[tokio::test]
async fn another_session_is_met_as_the_setting_says() {
    for (existing_session, marker, conflict, took_over) in [
        (ExistingSession::Primary, Marker::LoggedIn, None, true),
        (ExistingSession::PrimaryOverride, Marker::LoggedIn, None, true),
        (ExistingSession::Secondary, Marker::Finished, Some(Conflict::Yielded), false),
        (ExistingSession::Manual, Marker::Conflict, Some(Conflict::Open), false),
    ] {
        let sim = start(LoginPlan { existing_session, ..plan(Login::ExistingSession) }).await;
        let state = read_until(&sim, "met", |state| state.marker == marker).await;
        assert_eq!((state.conflict, state.took_over), (conflict, took_over), "{existing_session:?}");
        sim.shutdown().await;
    }
}
