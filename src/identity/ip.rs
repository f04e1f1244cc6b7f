//! IP addresses in certificates, and prefixes of addresses.
//!
//! RFC 5280 section 4.2.1.6: an iPAddress holds four octets for IPv4 and sixteen for IPv6. The two are
//! compared as they are: an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is not the IPv4 address.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::error::{NameError, NameErrorKind};

/// Returns the address of an iPAddress name; `None` unless it has four or sixteen octets.
#[must_use]
pub fn ip_from_octets(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

/// A network prefix, as `10.0.0.0/8`; bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpPrefix {
    // INVARIANT: `length` is at most the bits of `address`, whose bits behind it are zero.
    address: IpAddr,
    length: u8,
}

impl IpPrefix {
    /// Returns the prefix that is one address.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        Self { address, length: width(address) }
    }

    /// Reads an address, or an address, a slash and a prefix length.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the address or the length is none, or bits behind the prefix are set.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let Some((address, length)) = text.split_once('/') else {
            return parse_ip(text).map(Self::single);
        };
        let at = address.len() + 1;
        let address = parse_ip(address)?;
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        // One way to write a number: no sign, no leading zero.
        let plain = digits && (length == "0" || !length.starts_with('0'));
        let length = length.parse().ok().filter(|&length| plain && length <= width(address));
        let length: u8 = length.ok_or(NameError::new(at, NameErrorKind::PrefixLength))?;
        if bits(address)
            .checked_shl(128 - u32::from(width(address)) + u32::from(length))
            .unwrap_or(0)
            != 0
        {
            return Err(NameError::new(0, NameErrorKind::HostBits));
        }
        Ok(Self { address, length })
    }

    /// Returns the first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the length of the prefix in bits.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether an address of the same family has the prefix.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let width = width(self.address);
        let behind = u32::from(width.saturating_sub(self.length));
        let difference = bits(address) ^ bits(self.address);
        address.is_ipv4() == self.address.is_ipv4()
            && difference.checked_shr(behind).unwrap_or(0) == 0
    }
}

impl FromStr for IpPrefix {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == width(self.address) {
            return fmt::Display::fmt(&self.address, f);
        }
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Reads an address without brackets, port or zone.
pub(super) fn parse_ip(text: &str) -> Result<IpAddr, NameError> {
    text.parse().map_err(|_| NameError::new(0, NameErrorKind::Address))
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn an_address_has_four_or_sixteen_octets() {
        assert_eq!(ip_from_octets(&[127, 0, 0, 1]), Some("127.0.0.1".parse().unwrap()));
        let mut six = [0; 16];
        six[15] = 1;
        assert_eq!(ip_from_octets(&six), Some("::1".parse().unwrap()));
        for length in [0, 3, 5, 8, 15, 17, 32] {
            assert_eq!(ip_from_octets(&alloc::vec![0; length]), None, "{length}");
        }
    }

    #[test]
    fn a_prefix_contains_what_begins_with_it() {
        let cases = [
            ("inside", "10.0.0.0/8", "10.255.0.1", true),
            ("outside", "10.0.0.0/8", "11.0.0.0", false),
            ("odd length, inside", "10.0.0.0/9", "10.127.255.255", true),
            ("odd length, outside", "10.0.0.0/9", "10.128.0.0", false),
            ("one address", "10.0.0.1", "10.0.0.1", true),
            ("next address", "10.0.0.1", "10.0.0.2", false),
            ("everything", "0.0.0.0/0", "255.255.255.255", true),
            ("everything, other family", "0.0.0.0/0", "::", false),
            ("everything of ipv6", "::/0", "ffff::1", true),
            ("ipv6 inside", "2001:db8::/32", "2001:db8:ffff::", true),
            ("ipv6 outside", "2001:db8::/32", "2001:db9::", false),
            ("mapped is not ipv4", "10.0.0.0/8", "::ffff:10.0.0.1", false),
        ];
        for (case, prefix, address, expected) in cases {
            let parsed = IpPrefix::parse(prefix).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{case}");
            assert_eq!(parsed.to_string(), prefix, "{case}");
        }
    }

    #[test]
    fn a_text_that_is_no_prefix_is_refused() {
        let cases = [
            ("empty", "", 0, "name.address"),
            ("name", "localhost", 0, "name.address"),
            ("brackets", "[::1]", 0, "name.address"),
            ("leading zero", "010.0.0.1", 0, "name.address"),
            ("no length", "10.0.0.0/", 9, "name.prefix-length"),
            ("too long", "10.0.0.0/33", 9, "name.prefix-length"),
            ("too long for ipv6", "::/129", 3, "name.prefix-length"),
            ("sign", "10.0.0.0/+8", 9, "name.prefix-length"),
            ("leading zero in the length", "10.0.0.0/08", 9, "name.prefix-length"),
            ("host bits", "10.0.0.1/8", 0, "name.host-bits"),
            ("host bits of everything", "0.0.0.1/0", 0, "name.host-bits"),
            ("host bits of ipv6", "::1/127", 0, "name.host-bits"),
        ];
        for (case, text, offset, code) in cases {
            let error = IpPrefix::parse(text).unwrap_err();
            assert_eq!((error.offset(), error.code()), (offset, code), "{case}");
        }
    }
}
