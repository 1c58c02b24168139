use super::*;
use crate::transcript::Transcript;

/// A connection at the given version; every line is `c` or `g` and text fields.
fn player(version: i32, steps: &[(&str, &[&str])]) -> Player {
    let mut lines = vec![
        r#"{"kind":"header","format":"ibmesh-transcript","version":1,"tool":"t","started_ms":1000000}"#.to_owned(),
        format!(r#"{{"kind":"open","connection":1,"ms":0,"hello":"v100..{version}","server_version":{version},"connection_time":""}}"#),
    ];
    for (at, (from, fields)) in steps.iter().enumerate() {
        let from = if *from == "c" { "client" } else { "gateway" };
        let line = json!({"kind": "frame", "connection": 1, "ms": at * 100, "from": from, "dialect": "text",
            "message": fields[0].parse::<u32>().unwrap(), "name": "", "text": fields});
        lines.push(line.to_string());
    }
    let transcript = Transcript::read((lines.join("\n") + "\n").as_bytes()).unwrap();
    Player::new(&transcript.sections[0], transcript.started_ms)
}

fn text(fields: &[&str]) -> Frame {
    Frame { number: fields[0].parse().unwrap(), payload: Payload::Text(fields.iter().map(|&field| field.to_owned()).collect()) }
}

const STEPS: &[(&str, &[&str])] = &[
    ("c", &["71", "2", "1", ""]),
    ("g", &["15", "1", "DU0000001"]),
    ("g", &["9", "1", "40"]),
    ("c", &["61", "1"]),
    ("c", &["81", "5", "AA"]),
    ("g", &["61", "3", "DU0000001"]),
    ("g", &["79", "5", "0"]),
    ("g", &["62", "1"]),
    ("c", &["81", "6", "BB"]),
    ("g", &["79", "6", "1"]),
    ("c", &["49", "1"]),
    ("g", &["49", "1", "1001"]),
];

/// Answers go to the request they belong to, whatever order the client asks in, and carry its ids.
#[test]
fn answers_follow_their_request_with_its_ids() {
    let mut player = player(178, STEPS);
    let mut ask = |fields: &[&str]| {
        let (met, due) = player.ask(&text(fields), 1_000_000);
        (met, due.into_iter().map(|due| due.frame).collect::<Vec<_>>())
    };
    let start = ask(&["71", "2", "9", "+x"]);
    assert_eq!(start, (Met::Matched, vec![text(&["15", "1", "DU0000001"]), text(&["9", "1", "40"])]));
    assert_eq!(ask(&["81", "77", "BB"]), (Met::Matched, vec![text(&["79", "77", "1"])]));
    assert_eq!(ask(&["81", "78", "AA"]), (Met::Matched, vec![text(&["79", "78", "0"])]));
    assert_eq!(ask(&["61", "1"]).1, [text(&["61", "3", "DU0000001"]), text(&["62", "1"])]);
    assert_eq!(ask(&["81", "79", "AA"]), (Met::Repeated, vec![text(&["79", "79", "0"])]));
}

#[test]
fn time_is_the_time_now_and_delays_are_kept() {
    let mut player = player(178, STEPS);
    // Recorded at 1000 s + 1 s; asked an hour later.
    let (_, due) = player.ask(&text(&["49", "1"]), 4_601_000);
    assert_eq!(due, [Due { after_ms: 100, frame: text(&["49", "1", "4601"]) }]);
}

#[test]
fn what_was_not_recorded_is_said_under_its_id() {
    for (version, expected) in [(178, ["4", "2", "80", "320"]), (200, ["4", "80", "320", "Error reading request:"])] {
        let mut player = player(version, STEPS);
        let (met, due) = player.ask(&text(&["81", "80", "CC"]), 0);
        assert_eq!((met, due.len()), (Met::Unmatched, 1));
        let Payload::Text(fields) = &due[0].frame.payload else { panic!("text") };
        assert!(fields.iter().zip(expected).all(|(field, expected)| field.starts_with(expected)), "{fields:?}");
        assert!(fields.iter().any(|field| field.contains("MatchingSymbolsRequest") && field.contains("2 others")), "{fields:?}");
    }
}

#[test]
fn a_cancel_that_was_not_recorded_is_taken_without_a_word() {
    let mut player = player(178, STEPS);
    assert_eq!(player.ask(&text(&["64", "1"]), 0), (Met::Matched, Vec::new()));
    assert_eq!(player.ask(&text(&["4", "1", "12", ""]), 0).0, Met::Unmatched);
}
