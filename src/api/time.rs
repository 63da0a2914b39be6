//! Points in time (RFC 3339, milliseconds) and spans (`1h30m`, hours, minutes and seconds only) as users write them.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, kept in milliseconds since the Unix epoch, written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This point moved by a span, later.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.millis()))
    }

    /// What lies between an earlier point and this one; nothing if `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Span {
        let millis = self.0.saturating_sub(earlier.0);
        Span(if millis < 0 { 0 } else { millis })
    }

    /// The stamp that names an attempt: `20261121t093000123z`, lower case so that it may stand in an object's name.
    pub fn stamp(self) -> String {
        let zoned = self.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
        format!("{}{:03}z", zoned.strftime("%Y%m%dt%H%M%S"), self.0.rem_euclid(1000))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl From<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time> for Time {
    fn from(at: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> Self {
        at.0.into()
    }
}

impl From<Time> for k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    fn from(at: Time) -> Self {
        Self(at.timestamp())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.rem_euclid(1000) == 0 {
            write!(f, "{:.0}", self.timestamp())
        } else {
            write!(f, "{:.3}", self.timestamp())
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse::<Timestamp>().map(Self::from).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "maxLength": 40})
    }
}

/// A length of time in milliseconds, written as hours, minutes and seconds: `90s`, `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// A number of seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A number of milliseconds; shown rounded up to whole seconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// For the standard library's timers.
    pub fn to_std(self) -> std::time::Duration {
        SignedDuration::from_millis(self.0).unsigned_abs()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.saturating_add(999) / 1000;
        let (h, m, s) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
        if h > 0 {
            write!(f, "{h}h")?;
        }
        if m > 0 {
            write!(f, "{m}m")?;
        }
        if s > 0 || seconds == 0 {
            write!(f, "{s}s")?;
        }
        Ok(())
    }
}

/// Why a text is not a span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a length of time: write hours, minutes and seconds in this order, like 1h30m or 45s")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refuse = || SpanError(text.to_owned());
        let (mut rest, mut seconds) = (text, 0i64);
        for (unit, scale) in [('h', 3600), ('m', 60), ('s', 1)] {
            if let Some((number, after)) = rest.split_once(unit) {
                let number: u32 = number.parse().map_err(|_| refuse())?;
                seconds = seconds.saturating_add(i64::from(number).saturating_mul(scale));
                rest = after;
            }
        }
        if text.is_empty() || !rest.is_empty() { Err(refuse()) } else { Ok(Self::seconds(seconds)) }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 20,
            "x-kubernetes-validations": [{
                "rule": "self != '' && self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$')",
                "message": "must be hours, minutes and seconds in this order, like 1h30m or 45s",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_alike() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5400), ("2h5s", 7205), ("10m", 600), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Span::seconds(seconds)), "{text}");
        }
        assert_eq!(Span::seconds(90).to_string(), "1m30s");
        assert_eq!(Span::from_millis(1).to_string(), "1s", "rounded up, never to nothing");
    }

    #[test]
    fn other_texts_are_no_spans() {
        for text in ["", "5", "1d", "5m1h", "-1s", "1.5s", "1h 5m", "h", "99999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stamp_may_stand_in_a_name_and_sorts_by_time() {
        let at = Time::from_millis(1_795_253_400_123);
        assert_eq!(at.stamp(), "20261121t093000123z");
        assert_eq!(at.to_string(), "2026-11-21T09:30:00.123Z");
        assert!(at.stamp() < at.plus(Span::from_millis(1)).stamp());
    }
}
