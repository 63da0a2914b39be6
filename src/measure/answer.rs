//! What a provider's answer says: one number, or why there is none. Then what the number means.

use serde::Deserialize;
use serde_json::Value;

use crate::api::check::{Compared, MetricProbe};
use crate::observe::Reading;

/// The part of an answer of the Prometheus HTTP API that is read.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    error: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    result_type: String,
    #[serde(default)]
    result: Value,
}

/// The one number of an answer; otherwise why there is none.
pub fn number(code: u16, body: &[u8]) -> Result<f64, String> {
    let read: Result<Answer, _> = serde_json::from_slice(body);
    let answer = match read {
        Ok(answer) if answer.status == "success" && code == 200 => answer,
        Ok(answer) if !answer.error.is_empty() => return Err(format!("status {code}: {}", answer.error)),
        _ if code != 200 => return Err(format!("status {code}")),
        Ok(_) | Err(_) => return Err("the answer cannot be read".to_owned()),
    };
    let value = match (answer.data.result_type.as_str(), &answer.data.result) {
        ("scalar", value) => value.get(1),
        ("vector", Value::Array(series)) => match series.as_slice() {
            [] => return Err("no data".to_owned()),
            [one] => one.pointer("/value/1"),
            more => return Err(format!("{} series, where one number is wanted", more.len())),
        },
        (other, _) => return Err(format!("the query gives a {other:.20}, where one number is wanted")),
    };
    let text = value.and_then(Value::as_str).ok_or("the answer cannot be read")?;
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(number) => Err(format!("the value is {number}")),
        Err(_) => Err("the answer cannot be read".to_owned()),
    }
}

/// What a value means by its own bounds.
pub fn within(probe: &MetricProbe, value: f64) -> Option<Reading> {
    let less = bound(probe.min.as_deref()).filter(|min| value < *min).map(|min| ("less", min));
    let more = bound(probe.max.as_deref()).filter(|max| value > *max).map(|max| ("more", max));
    let (word, bound) = less.or(more)?;
    Some(Reading::Bad(format!("{} is {word} than {}", shown(value), shown(bound))))
}

/// What a value means beside that of the revision before. Bad is what exceeds all bounds that are set.
pub fn beside(compared: &Compared, value: f64, stable: f64) -> Option<Reading> {
    let ratio = bound(compared.max_ratio.as_deref()).map(|ratio| stable * ratio);
    let increase = bound(compared.max_increase.as_deref()).map(|increase| stable + increase);
    let limit = [ratio, increase].into_iter().flatten().reduce(f64::max)?;
    (value > limit).then(|| Reading::Bad(format!("{}, where the revision before has {}", shown(value), shown(stable))))
}

/// What a value means as the measure of how much there is to do.
pub fn is_idle(below: &str, value: f64) -> bool {
    bound(Some(below)).is_some_and(|below| value < below)
}

fn bound(text: Option<&str>) -> Option<f64> {
    text?.parse().ok()
}

/// Six decimals at most.
fn shown(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vector(values: &[&str]) -> Vec<u8> {
        let series: Vec<Value> = values.iter().map(|v| json!({"metric": {}, "value": [1.5, v]})).collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string().into_bytes()
    }

    #[test]
    fn one_number_is_an_answer_and_nothing_else_is() {
        assert_eq!(number(200, &vector(&["0.25"])), Ok(0.25));
        let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}});
        assert_eq!(number(200, scalar.to_string().as_bytes()), Ok(7.0));
        for (code, body, why) in [
            (200, vector(&[]), "no data"),
            (200, vector(&["1", "2"]), "2 series"),
            (200, vector(&["NaN"]), "NaN"),
            (200, vector(&["+Inf"]), "inf"),
            (200, vector(&["x"]), "cannot be read"),
            (200, b"<html>".to_vec(), "cannot be read"),
            (200, b"{\"status\":\"success\"".to_vec(), "cannot be read"),
            (200, br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_vec(), "matrix"),
            (503, b"busy".to_vec(), "status 503"),
            (302, vector(&["0"]), "status 302"),
            (400, br#"{"status":"error","error":"parse error"}"#.to_vec(), "status 400: parse error"),
            (200, br#"{"status":"error","error":"too slow"}"#.to_vec(), "too slow"),
        ] {
            let error = number(code, &body).unwrap_err();
            assert!(error.contains(why), "{error} for {why}");
        }
    }

    fn probe(rest: Value) -> MetricProbe {
        let mut all = json!({"provider": "p", "query": "q"});
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn bounds_are_good_themselves() {
        let both = probe(json!({"min": "0.5", "max": "2"}));
        assert_eq!((within(&both, 0.5), within(&both, 2.0)), (None, None));
        assert_eq!(within(&both, 2.01), Some(Reading::Bad("2.01 is more than 2".into())));
        assert_eq!(within(&both, 0.1), Some(Reading::Bad("0.1 is less than 0.5".into())));
        assert_eq!(within(&probe(json!({})), 1e12), None);
    }

    #[test]
    fn what_is_compared_must_exceed_all_bounds() {
        let of = |rest: Value| serde_json::from_value::<Compared>(rest).unwrap();
        let (ratio, both) = (of(json!({"maxRatio": "2"})), of(json!({"maxRatio": "2", "maxIncrease": "0.1"})));
        assert_eq!(beside(&ratio, 0.2, 0.1), None);
        assert!(beside(&ratio, 0.21, 0.1).is_some());
        assert!(beside(&ratio, 0.01, 0.0).is_some(), "with nothing before, anything is more");
        assert_eq!(beside(&both, 0.05, 0.0), None);
        assert!(beside(&both, 0.5, 0.1).is_some());
    }
}
