//! Lengths of time as settings write them: `500ms`, `2s`, `1m`, `1h30m`.

use crate::api::Span;

/// Reads a length of time. Units may stand in any order; they add up.
///
/// # Errors
/// With what is expected, if the text is none.
pub(super) fn span(text: &str) -> Result<Span, String> {
    read(text).map(Span::from_millis).ok_or_else(|| "expected a length of time like 500ms, 2s, 1m or 1h30m".to_owned())
}

fn read(text: &str) -> Option<i64> {
    let (mut rest, mut millis) = (text, 0_i64);
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let (unit, after) = after.split_at_checked(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()))?;
        let scale = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        millis = millis.checked_add(number.parse::<i64>().ok()?.checked_mul(scale)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_settings() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("1s500ms", 1_500),
            ("168h", 604_800_000),
        ] {
            assert_eq!(span(text), Ok(Span::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "1d", "1.5s", "-1s", "1 m", "99999999999999999h", "1h30"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
