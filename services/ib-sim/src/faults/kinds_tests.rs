use super::*;
use crate::settings::Settings;

fn set(gateway: &Gateway, text: &str) -> Result<(), String> {
    text.parse().and_then(|wanted| want(gateway, wanted))
}

#[test]
fn every_fault_reads_and_misspelt_ones_do_not() {
    let gateway = Gateway::new(Settings::default()).unwrap();
    for text in [
        r#"{"kind":"drop_all"}"#,
        r#"{"kind":"refuse_connections","on":true}"#,
        r#"{"kind":"refuse_connections","listen":false,"for_ms":5000}"#,
        r#"{"kind":"stall","on":true}"#,
        r#"{"kind":"notice","code":1100}"#,
        r#"{"kind":"delay","message":"HistoricalData","ms":500}"#,
        r#"{"kind":"fail","message":"ContractData","code":200,"times":1}"#,
        r#"{"kind":"silent_handshake"}"#,
        "localhost_only",
        "half_open",
        r#"{"kind":"frames_before_ids","count":150}"#,
        r#"{"kind":"freeze_account_pushes"}"#,
        "connectivity:state=lost,for_ms=60000",
        "farm:farm=ushmds,for_ms=60000",
        "competing_session",
        "client_ids_taken:for_ms=60000",
        "client_id_linger:ms=2000",
        "omit:message=PositionEnd",
        "duplicate:message=Position,copies=2,times=3",
        "reorder:message=NextValidId,by=3",
        "split_frames:bytes=3,pause_ms=1",
        "coalesce_frames",
        "slow_frames:bytes_per_s=100",
        "garbage_length:times=2",
    ] {
        set(&gateway, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    let now = serde_json::to_value(gateway.faults.active()).unwrap();
    assert_eq!(now["delays"]["HistoricalData"], 500);
    assert_eq!(now["frames_before_ids"], 150);
    assert_eq!(now["broken_farms"], serde_json::json!(["ushmds"]));
    assert_eq!(now["writing"], serde_json::json!({"kind": "slow", "bytes_per_s": 100}), "the newest way of writing holds");
    assert_eq!(now["garbage_length"]["length"], 2_147_483_648_u32);
    for text in [
        "explode",
        r#"{"kind":"stall","onn":true}"#,
        r#"{"kind":"delay","message":"Historical","ms":5}"#,
        r#"{"kind":"delay","message":"Positions","ms":999999}"#,
        r#"{"kind":"notice"}"#,
        "stall:on",
        "stall:for_ms=0",
        "stall:on=false,for_ms=5",
        "drop_all:for_ms=5",
        "farm:farm=moon",
        "connectivity:state=odd",
        "omit:message=Positions",
        "split_frames:bytes=0",
        "coalesce_frames:frames=5000",
        "{",
    ] {
        assert!(set(&gateway, text).is_err(), "{text}");
    }
    clear(&gateway);
    assert_eq!(gateway.faults.active(), Active::default());
    assert!(*gateway.faults.listening().borrow());
}

#[test]
fn what_ends_a_fault_leaves_nothing_behind() {
    for text in [
        "refuse_connections",
        "refuse_connections:listen=false",
        "stall",
        "silent_handshake",
        "localhost_only",
        "half_open",
        "freeze_account_pushes",
        "delay:message=Positions,ms=5",
        "fail:message=Positions,code=200",
        "frames_before_ids:count=5",
        "connectivity:state=lost",
        "farm:farm=usfarm",
        "competing_session",
        "client_ids_taken",
        "client_id_linger:ms=5",
        "omit:message=PositionEnd",
        "duplicate:message=PositionEnd",
        "reorder:message=PositionEnd",
        "split_frames",
        "coalesce_frames",
        "slow_frames:bytes_per_s=5",
        "garbage_length",
    ] {
        let gateway = Gateway::new(Settings::default()).unwrap();
        let wanted: Wanted = text.parse().unwrap();
        let end = wanted.fault.end().unwrap_or_else(|| panic!("{text} lasts"));
        want(&gateway, wanted).unwrap();
        assert_eq!(end.end(), None, "{text}: an end has no end");
        apply(&gateway, end).unwrap();
        assert_eq!(gateway.faults.active(), Active::default(), "{text}");
        assert!(*gateway.faults.listening().borrow(), "{text}");
    }
}

#[test]
fn losses_and_their_ends_are_told() {
    let gateway = Gateway::new(Settings::default()).unwrap();
    let mut told = gateway.announcements();
    for text in ["connectivity:state=lost", "farm:farm=usfarm", "farm:farm=usfarm,broken=false", "farm:farm=ushmds"] {
        set(&gateway, text).unwrap();
    }
    clear(&gateway);
    for code in [1100, 2103, 2119, 2104, 2105, 1102, 2106] {
        assert_eq!(told.try_recv().unwrap(), Announcement::Notice(ApiError::fixed(code)));
    }
}
