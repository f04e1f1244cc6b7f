//! Instants, in whole seconds, before and after 1970.

use core::fmt;
use core::str::FromStr;

use rustls_pki_types::UnixTime;

use super::der::{DerError, DerErrorKind, Element, Reader, Tag};

/// A point in time: seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Signed, since certificates may name instants before 1970. RFC 5280 section 4.1.2.5 limits
/// certificates to the years 0000 to 9999; a `Time` made with [`Time::from_unix`] is not limited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The earliest representable instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable instant.
    pub const MAX: Self = Self(i64::MAX);
    /// `99991231235959Z`, by RFC 5280 section 4.1.2.5 "no well-defined expiration date".
    pub const NO_EXPIRATION: Self = Self(253_402_300_799);

    /// Takes seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Adds seconds, saturating at [`Time::MIN`] and [`Time::MAX`].
    #[must_use]
    pub const fn saturating_add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Subtracts seconds, saturating at [`Time::MIN`] and [`Time::MAX`].
    #[must_use]
    pub const fn saturating_sub(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to `self`, negative where `self` is the earlier one.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The civil year and the month, from 1, in UTC.
    pub(crate) fn year_and_month(self) -> (i64, i64) {
        let (year, month, _) = date(self.0.div_euclid(86_400));
        (year, month)
    }

    /// Reads `Time ::= CHOICE { utcTime, generalTime }` of RFC 5280 section 4.1.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let element = reader.any()?;
        match element.tag {
            Tag::UTC_TIME => utc_time(&element),
            Tag::GENERALIZED_TIME => generalized_time(&element),
            found => {
                Err(element.error(DerErrorKind::UnexpectedTag { expected: Tag::UTC_TIME, found }))
            }
        }
    }

    /// The instant of a UTCTime's content, or nothing where it is malformed. A revocation list has
    /// one in each entry, so digits are read eight at a time.
    #[inline]
    pub(crate) fn of_utc(content: &[u8; 13]) -> Option<Self> {
        let (date, time) = content.split_first_chunk::<8>()?;
        let (time, zone) = time.split_first_chunk::<4>()?;
        let (date, time) = (u64::from_le_bytes(*date), u32::from_le_bytes(*time));
        let (date, time) =
            (date ^ u64::from_le_bytes([b'0'; 8]), time ^ u32::from_le_bytes([b'0'; 4]));
        // The upper bit of each octet that is above 9.
        let above = (date.wrapping_add(0x7676_7676_7676_7676) | date)
            | u64::from(time.wrapping_add(0x7676_7676) | time);
        if (above & 0x8080_8080_8080_8080 != 0) | (*zone != [b'Z']) {
            return None;
        }
        // The values of pairs of digits, in every other octet.
        let [year, _, month, _, day, _, hour, _] =
            date.wrapping_mul(10).wrapping_add(date >> 8).to_le_bytes();
        let [minute, _, second, _] = time.wrapping_mul(10).wrapping_add(time >> 8).to_le_bytes();
        // Counted from 1948, a leap year; from there to 2049 every fourth is one, 2000 included.
        let year = u32::from(year) + if year >= 50 { 0 } else { 100 } - 48;
        let leap = year.is_multiple_of(4);
        let months = if leap { &MONTHS_OF_LEAP_YEAR } else { &MONTHS };
        let &(before, days_in_month) = months.get(usize::from(month))?;
        // Day 0 becomes the largest.
        let day = day.wrapping_sub(1);
        if (day >= days_in_month) | (hour > 23) | (minute > 59) | (second > 59) {
            return None;
        }
        let days = 365 * year + year.div_ceil(4) + u32::from(before) + u32::from(day);
        let seconds = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
        // 1948 begins 8,036 days before 1970.
        Some(Self(i64::from(days) * 86_400 + i64::from(seconds) - 8_036 * 86_400))
    }

    /// Reads a GeneralizedTime in the form of RFC 5280 section 4.1.2.5.2.
    pub(crate) fn read_generalized(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        Self::of_generalized(&reader.element(Tag::GENERALIZED_TIME)?)
    }

    /// Reads the content of an element that is a GeneralizedTime under whatever tag.
    pub(crate) fn of_generalized(element: &Element<'_>) -> Result<Self, DerError> {
        generalized_time(element)
    }
}

impl From<UnixTime> for Time {
    fn from(time: UnixTime) -> Self {
        Self(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
    }
}

/// The second that an instant lies in: `SystemTime::now().into()` is the time to ask at.
#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Time {
    fn from(time: std::time::SystemTime) -> Self {
        let seconds =
            |duration: core::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self(seconds(since)),
            Err(before) => {
                let before = before.duration();
                let begun = i64::from(before.subsec_nanos() > 0);
                Self(seconds(before).saturating_neg().saturating_sub(begun))
            }
        }
    }
}

/// RFC 5280 4.1.2.5.1: `YYMMDDHHMMSSZ`; years from 50 are 19xx.
fn utc_time(element: &Element<'_>) -> Result<Time, DerError> {
    let content = element.content.try_into().ok();
    content.and_then(Time::of_utc).ok_or_else(|| element.error(DerErrorKind::InvalidTime))
}

/// RFC 5280 4.1.2.5.2: `YYYYMMDDHHMMSSZ`, without fractional seconds.
fn generalized_time(element: &Element<'_>) -> Result<Time, DerError> {
    let invalid = || element.error(DerErrorKind::InvalidTime);
    let &[y3, y2, y1, y0, ref rest @ ..] = element.content else { return Err(invalid()) };
    let century = pair(y3, y2).ok_or_else(invalid)?;
    let year = pair(y1, y0).ok_or_else(invalid)?;
    after_year(100 * century + year, rest).ok_or_else(invalid)
}

fn after_year(year: i64, rest: &[u8]) -> Option<Time> {
    let &[mo1, mo0, d1, d0, h1, h0, mi1, mi0, s1, s0, b'Z'] = rest else { return None };
    civil(year, pair(mo1, mo0)?, pair(d1, d0)?, pair(h1, h0)?, pair(mi1, mi0)?, pair(s1, s0)?)
}

fn pair(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// Days before each month, and how many it has.
const MONTHS: [(u16, u8); 13] = months(28, 0);
const MONTHS_OF_LEAP_YEAR: [(u16, u8); 13] = months(29, 1);

const fn months(february: u8, leap: u16) -> [(u16, u8); 13] {
    [
        (0, 0),
        (0, 31),
        (31, february),
        (59 + leap, 31),
        (90 + leap, 30),
        (120 + leap, 31),
        (151 + leap, 30),
        (181 + leap, 31),
        (212 + leap, 31),
        (243 + leap, 30),
        (273 + leap, 31),
        (304 + leap, 30),
        (334 + leap, 31),
    ]
}

/// The instant of a civil date and time of the proleptic Gregorian calendar, or nothing where
/// there is no such date. Seconds run to 59: DER times have no leap seconds.
fn civil(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<Time> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years are counted from March, so that the leap day is the last of its year.
    let shifted_year = if month > 2 { year } else { year - 1 };
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let days = 365 * shifted_year + shifted_year.div_euclid(4) - shifted_year.div_euclid(100)
        + shifted_year.div_euclid(400)
        + day_of_year
        - 719_468;
    Some(Time(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// The civil date of a day counted from 1970-01-01: year, month, day.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Time {
    /// Writes RFC 3339, such as `2026-11-21T08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0.div_euclid(86_400));
        let second = self.0.rem_euclid(86_400);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no instant in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time in the form of RFC 3339, such as 2026-11-21T08:00:00Z")]
#[non_exhaustive]
pub struct ParseTimeError;

impl FromStr for Time {
    type Err = ParseTimeError;

    /// Parses RFC 3339 with `Z` or a numeric offset; fractional seconds are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        rfc3339(text.as_bytes()).ok_or(ParseTimeError)
    }
}

fn rfc3339(text: &[u8]) -> Option<Time> {
    let &[
        y3,
        y2,
        y1,
        y0,
        b'-',
        mo1,
        mo0,
        b'-',
        d1,
        d0,
        b'T' | b't' | b' ',
        h1,
        h0,
        b':',
        mi1,
        mi0,
        b':',
        s1,
        s0,
        ref rest @ ..,
    ] = text
    else {
        return None;
    };
    let local = civil(
        100 * pair(y3, y2)? + pair(y1, y0)?,
        pair(mo1, mo0)?,
        pair(d1, d0)?,
        pair(h1, h0)?,
        pair(mi1, mi0)?,
        pair(s1, s0)?,
    )?;
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            fraction.get(digits..)?
        }
        _ => rest,
    };
    let offset = match *zone {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h0, b':', m1, m0] => {
            let minutes = pair(h1, h0)? * 60 + pair(m1, m0)?;
            if sign == b'+' { minutes * 60 } else { minutes * -60 }
        }
        _ => return None,
    };
    Some(local.saturating_sub(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "std")]
    #[test]
    fn instants_lie_in_seconds() {
        use std::time::{Duration, UNIX_EPOCH};
        for (case, instant, expected) in [
            ("1970", UNIX_EPOCH, 0),
            ("a moment later", UNIX_EPOCH + Duration::from_millis(1_999), 1),
            ("a second before", UNIX_EPOCH - Duration::from_secs(1), -1),
            ("a moment before", UNIX_EPOCH - Duration::from_millis(1), -1),
        ] {
            assert_eq!(Time::from(instant), Time::from_unix(expected), "{case}");
        }
    }

    #[test]
    fn both_calendars_agree_from_1950_to_2049() {
        for (year, month, day) in (1950..2050).flat_map(|year| {
            (0..14).flat_map(move |month| (0..33).map(move |day| (year, month, day)))
        }) {
            let text = alloc::format!("{:02}{month:02}{day:02}235958Z", year % 100);
            let content = text.as_bytes().try_into().unwrap();
            assert_eq!(Time::of_utc(content), civil(year, month, day, 23, 59, 58), "{text}");
        }
        for place in 0..12 {
            for octet in (0..=u8::MAX).filter(|octet| !octet.is_ascii_digit()) {
                let mut content = *b"000101000000Z";
                content[place] = octet;
                assert_eq!(Time::of_utc(&content), None, "{octet} at {place}");
            }
        }
    }
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn parse(tag: u8, text: &str) -> Result<i64, DerErrorKind> {
        let mut der: Vec<u8> = [tag, u8::try_from(text.len()).unwrap()].to_vec();
        der.extend_from_slice(text.as_bytes());
        Time::read(&mut Reader::new(&der).unwrap()).map(Time::unix).map_err(|e| e.kind())
    }

    #[test]
    fn der_times_follow_rfc_5280() {
        const BAD: Result<i64, DerErrorKind> = Err(DerErrorKind::InvalidTime);
        for (case, tag, text, expected) in [
            ("epoch", 0x17, "700101000000Z", Ok(0)),
            ("1950", 0x17, "500101000000Z", Ok(-631_152_000)),
            ("2049", 0x17, "491231235959Z", Ok(2_524_607_999)),
            ("leap day", 0x17, "000229000000Z", Ok(951_782_400)),
            ("no leap day", 0x17, "010229000000Z", BAD),
            ("no seconds", 0x17, "7001010000Z", BAD),
            ("zone", 0x17, "700101000000+0000", BAD),
            ("leap second", 0x17, "161231235960Z", BAD),
            ("hour 24", 0x17, "700101240000Z", BAD),
            ("month 0", 0x17, "700001000000Z", BAD),
            ("day 0", 0x17, "700100000000Z", BAD),
            ("not a digit", 0x17, "7001 1000000Z", BAD),
            ("generalized", 0x18, "20260601120000Z", Ok(1_780_315_200)),
            ("year 0", 0x18, "00000101000000Z", Ok(-62_167_219_200)),
            ("no expiration", 0x18, "99991231235959Z", Ok(Time::NO_EXPIRATION.unix())),
            ("fraction", 0x18, "20260601120000.5Z", BAD),
            ("empty", 0x18, "", BAD),
        ] {
            assert_eq!(parse(tag, text), expected, "{case}");
        }
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "0000-03-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2000-02-29T12:34:56Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
        assert_eq!("2026-01-01T01:30:00.25+01:30".parse::<Time>(), "2026-01-01T00:00:00Z".parse());
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:00.Z",
        ] {
            assert_eq!(text.parse::<Time>(), Err(ParseTimeError), "{text}");
        }
    }
}
