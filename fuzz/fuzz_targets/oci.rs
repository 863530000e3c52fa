#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sandbox_properties::ask("oci", data));
