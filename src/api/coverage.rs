//! How much of the code the tests ran.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share in percent, to hundredths: a number from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coverage(u16);

impl Coverage {
    /// None of what is no percentage.
    pub fn of(percent: f64) -> Option<Self> {
        // 79.999 is not 80: what is short of a minimum does not reach it by rounding
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10,000")]
        let hundredths = |percent: f64| (percent * 100.0 + 1e-6).floor() as u16;
        (0.0..=100.0).contains(&percent).then(|| Self(hundredths(percent)))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

impl Serialize for Coverage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl<'de> Deserialize<'de> for Coverage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        Self::of(percent).ok_or_else(|| serde::de::Error::custom(format!("{percent} is not between 0 and 100")))
    }
}

impl JsonSchema for Coverage {
    fn schema_name() -> Cow<'static, str> {
        "Coverage".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0.0, "maximum": 100.0})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, to_string};

    use super::*;

    #[test]
    fn it_is_a_number_from_0_to_100_and_never_rounded_up() {
        for (text, shown) in
            [("80", "80 %"), ("79.999", "79.99 %"), ("0", "0 %"), ("100.0", "100 %"), ("0.07", "0.07 %")]
        {
            assert_eq!(from_str::<Coverage>(text).unwrap().to_string(), shown);
        }
        for text in ["-1", "100.01", "1e9", "\"80\"", "null"] {
            assert!(from_str::<Coverage>(text).is_err(), "{text}");
        }
        for hundredths in 0..=10_000 {
            assert_eq!(from_str::<Coverage>(&to_string(&Coverage(hundredths)).unwrap()).unwrap(), Coverage(hundredths));
        }
    }
}
