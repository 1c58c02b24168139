use proptest::prelude::*;

use super::*;

/// A log-in with a second factor, as the container prints it.
const COLD: &str = "\
.> Starting IBC in paper mode, with params:
Forking :::4002 onto 0.0.0.0:4004 > trading mode paper 
autorestart file not found: full authentication will be required
2026-11-20 10:15:30:042 IBC: CommandServer is starting with port 7462
Starting Gateway with this command:
2026-11-20 10:15:31:000 IBC: Starting session: will exit if login dialog is not displayed within 60 seconds
2026-11-20 10:15:40:000 IBC: Setting user name
2026-11-20 10:15:41:000 IBC: Login attempt: 1
2026-11-20 10:15:45:000 IBC: Second Factor Authentication initiated
2026-11-20 10:15:57:000 IBC: Duration since login: 12 seconds
2026-11-20 10:16:00:000 IBC: Login has completed
2026-11-20 10:16:02:000 IBC: Configuration tasks completed
";
/// The nightly restart inside the container.
const NIGHTLY: &str = "\
IBC returned exit status 0
Finding autorestart file
autorestart file found at /home/ibgateway/Jts/autorestart: authentication will not be required
IBC will restart shortly
sleep 2
Starting Gateway with this command:
2026-11-20 23:45:10:000 IBC: Re-starting session
2026-11-20 23:45:30:000 IBC: Login has completed
2026-11-20 23:45:31:000 IBC: Configuration tasks completed
";
const WRONG_PASSWORD: &str = "\
2026-11-20 10:15:31:000 IBC: Starting session: will exit if login dialog is not displayed within 60 seconds
2026-11-20 10:15:41:000 IBC: Login attempt: 1
2026-11-20 10:15:50:000 IBC: Login failed
2026-11-20 10:15:50:100 IBC: Cold restart in progress
2026-11-20 10:15:50:200 IBC: Login has not completed: exiting immediately
IBC returned exit status 0
IBC will cold-restart shortly
2026-11-20 10:15:55:000 IBC: Starting session: will exit if login dialog is not displayed within 60 seconds
";
const TAKEN: &str = "\
2026-11-20 11:00:00:000 IBC: Re-login to session
2026-11-20 11:00:05:000 IBC: Other session may be primary, so end this session and let the other one proceed (scenario 6)
IBC returned exit status 0
Finding autorestart file
autorestart file not found: full authentication will be required

Gateway finished
";

fn read(text: &str) -> LogState {
    let mut reader = Reader::plain();
    reader.feed(text.as_bytes());
    reader.state().clone()
}

fn marker(line: &str) -> Marker {
    read(&format!("{line}\n")).marker
}

#[test]
fn every_marker_is_read_from_its_line() {
    for (line, expected) in [
        ("2026-11-20 10:15:30:042 IBC: Starting session: will exit if login dialog is not displayed within 60 seconds", Marker::Launched),
        ("2026-11-20 10:15:30:042 IBC: Re-starting session", Marker::Launched),
        ("2026-11-20 10:15:30:042 IBC: Login attempt: 3", Marker::LogIn { attempt: 3 }),
        ("2026-11-20 10:15:30:042 IBC: Second Factor Authentication initiated", Marker::SecondFactor),
        ("2026-11-20 10:15:30:042 IBC: Login failed", Marker::LogInFailed),
        ("2026-11-20 10:15:30:042 IBC: Unrecognized Username or Password", Marker::LogInFailed),
        ("2026-11-20 10:15:30:042 IBC: Login has completed", Marker::LoggedIn),
        ("2026-11-20 10:15:30:042 IBC: Login has completed: exiting via [File, Close] menu", Marker::Closing),
        ("2026-11-20 10:15:30:042 IBC: Login has not completed: exiting immediately", Marker::Closing),
        (".> 😘 Received SIGINT or SIGTERM. Shutting down IB Gateway.", Marker::Closing),
        ("IBC returned exit status 87", Marker::Exited { code: 87 }),
        ("IBC will restart shortly", Marker::Restarting),
        ("IBC will cold-restart shortly", Marker::Restarting),
        ("IBC is paused", Marker::Paused),
        ("Gateway finished", Marker::Finished),
        ("Gateway finished\r", Marker::Finished),
        ("2026-11-20 10:15:30:042 IBC: Existing session detected", Marker::Conflict),
        ("2026-11-20 10:15:30:042 IBC: Re-login is required", Marker::Conflict),
        ("2026-11-20 10:15:30:042 IBC: Re-login after second factor authentication timeout in 5 second", Marker::Silent),
        ("2026-11-20 10:15:30:042 IBC: Configuration tasks completed", Marker::Silent),
        ("IBC returned exit status lots", Marker::Silent),
        ("somebody said: Login has completed", Marker::Silent),
    ] {
        assert_eq!(marker(line), expected, "{line}");
    }
}

#[test]
fn the_last_marker_wins_and_a_restart_in_the_container_is_counted() {
    let cold = read(COLD);
    assert_eq!((cold.marker, cold.launches, cold.two_factor_asked, cold.full_log_in), (Marker::LoggedIn, 1, true, true));
    assert_eq!(cold.forward, Some(Forward { target_port: 4002, listen_port: 4004 }));
    let night = read(&format!("{COLD}{NIGHTLY}"));
    assert_eq!((night.marker, night.launches, night.full_log_in, night.exit_code), (Marker::LoggedIn, 2, false, Some(0)));
    let gone = read(&format!("{COLD}IBC returned exit status 1\n"));
    assert_eq!((gone.marker, gone.logged_in()), (Marker::Exited { code: 1 }, false), "an old log-in does not count");
}

#[test]
fn a_failed_log_in_stays_known_while_the_script_tries_again() {
    let state = read(WRONG_PASSWORD);
    assert_eq!((state.marker, state.failed_log_ins, state.launches), (Marker::Launched, 1, 2));
}

#[test]
fn the_wait_after_too_many_failures_is_read() {
    let wait = |text: &str| {
        let state = read(&format!("2026-11-20 10:15:30:042 IBC: Too many failed login attempts. {text}\n"));
        assert_eq!((state.marker, state.lockouts), (Marker::LockedOut, 1));
        state.lockout_wait_s
    };
    assert_eq!(wait("Please wait 4 minutes & 47 seconds before attempting to re-login again."), Some(287));
    assert_eq!(wait("Please wait 30 seconds before attempting to re-login again."), Some(30));
    assert_eq!(wait("Please wait 1 hour."), Some(3_600));
    assert_eq!(wait("Please wait a while."), None);
}

#[test]
fn each_scenario_of_an_existing_session_is_told_apart() {
    let seen = |scenario: &str| {
        let state = read(&format!(
            "{COLD}2026-11-20 10:15:30:042 IBC: Re-login to session\n2026-11-20 10:15:30:042 IBC: Words (scenario {scenario})\n"
        ));
        (state.conflict, state.marker, state.took_over)
    };
    let open = (Some(Conflict::Open), Marker::Conflict, false);
    let yielded = (Some(Conflict::Yielded), Marker::Conflict, false);
    assert_eq!(["1", "2", "4", "6", "7"].map(seen), [open, yielded, yielded, yielded, open]);
    assert_eq!(seen("5"), (None, Marker::LoggedIn, false));
    assert!(seen("3").2);
    let taken = read(&format!("{COLD}{TAKEN}"));
    assert_eq!((taken.conflict, taken.marker), (Some(Conflict::Yielded), Marker::Finished), "known after the end");
}

#[test]
fn lines_of_an_earlier_life_of_the_container_do_not_count() {
    let since: Timestamp = "2026-11-20T15:15:00.5Z".parse().expect("time");
    let mut reader = Reader::stamped(since);
    reader.feed(b"2026-11-20T15:15:00.499999999Z 2026-11-20 10:15:30:042 IBC: Login has completed\n");
    assert_eq!(reader.state(), &LogState::default());
    assert!(reader.feed(b"2026-11-20T15:15:00.500000000Z 2026-11-20 10:15:30:042 IBC: Login attempt: 1\n"));
    assert_eq!(reader.state().marker, Marker::LogIn { attempt: 1 });
}

#[test]
fn a_stream_that_broke_in_a_line_goes_on_without_counting_twice() {
    let mut reader = Reader::stamped("2026-11-20T15:00:00Z".parse().expect("time"));
    let failed = b"2026-11-20T15:15:01Z 2026-11-20 10:15:30:042 IBC: Login failed\n";
    reader.feed(failed);
    reader.feed(b"2026-11-20T15:15:02Z 2026-11-20 10:15:30:042 IBC: Login at");
    reader.resume();
    assert!(!reader.feed(failed), "read before");
    reader.feed(b"2026-11-20T15:15:02Z 2026-11-20 10:15:30:042 IBC: Login attempt: 2\n");
    assert_eq!((reader.state().failed_log_ins, reader.state().marker), (1, Marker::LogIn { attempt: 2 }));
    assert_eq!(reader.last(), Some("2026-11-20T15:15:02Z".parse().expect("time")));
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut reader = Reader::plain();
    for _ in 0..64 {
        reader.feed(&[b'x'; 64 * 1_024]);
    }
    assert!(reader.line.capacity() <= LINE_BYTES_MAX * 2);
    reader.feed(b"\nIBC is paused\n");
    assert_eq!(reader.state().marker, Marker::Paused, "the next line is read");
}

/// Logs made of the parts above in any order, cut anywhere.
fn parts() -> impl Strategy<Value = Vec<&'static str>> {
    let lines = [COLD, NIGHTLY, WRONG_PASSWORD, TAKEN, "Gateway finished\r\n", "IBC is paused\n", "half a line", "\n", "😘\n"];
    prop::collection::vec(prop::sample::select(lines.to_vec()), 0..6)
}

proptest! {
    #[test]
    fn any_split_of_a_log_gives_the_same_state(parts in parts(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let bytes = parts.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut pieces = Reader::plain();
        for pair in cuts.windows(2) {
            pieces.feed(&bytes[pair[0]..pair[1]]);
        }
        let mut whole = Reader::plain();
        whole.feed(&bytes);
        prop_assert_eq!(pieces.state(), whole.state());
        prop_assert_eq!(pieces.line, whole.line);
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut reader = Reader::plain();
        reader.feed(&bytes);
        prop_assert!(reader.line.len() <= LINE_BYTES_MAX);
    }
}
