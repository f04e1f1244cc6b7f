//! The files of the documentation are those that the kit writes.
//!
//! `BONAFIDE_REBASELINE=1 cargo test --test data` writes them again.

#![allow(clippy::unwrap_used, reason = "test code")]

mod kit;

use kit::Estate;

#[test]
fn files_are_those_of_the_kit() {
    let estate = Estate::new();
    let chain: String = estate.chain().iter().map(|der| kit::certificate_pem(der)).collect();
    let root = kit::certificate_pem(&estate.root.certificate);
    for (path, text) in [("tests/data/chain.pem", chain), ("tests/data/root.pem", root)] {
        if std::env::var_os("BONAFIDE_REBASELINE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "{path}");
    }
}
