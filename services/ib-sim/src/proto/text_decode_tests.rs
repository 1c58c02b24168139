//! Text requests, and what no bytes may do.

use super::*;

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(message in 0_u32..120, body: Vec<u8>) {
        let _ = decode(&body);
        let mut frame = format!("{message}\0").into_bytes();
        frame.extend(body);
        let _ = decode(&frame);
    }

    #[test]
    fn no_fields_make_it_panic(message in 0_u32..120, fields in proptest::collection::vec("|0|1|3|5|2000000000|-1|BAG|PEG BEST|Infinite|x=y;", 0..160)) {
        let _ = decode(format!("{message}\0{}\0", fields.join("\0")).as_bytes());
    }
}
