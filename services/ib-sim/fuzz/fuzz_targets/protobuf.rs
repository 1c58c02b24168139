#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ib_sim::fuzzing::decode_protobuf(bytes));
