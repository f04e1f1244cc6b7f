//! DER for the tests.

use alloc::vec::Vec;

/// An element with the parts as content, up to 65,535 bytes.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match length {
        [0, short @ 0..0x80] => alloc::vec![tag, short],
        [0, long] => alloc::vec![tag, 0x81, long],
        [high, low] => alloc::vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}
