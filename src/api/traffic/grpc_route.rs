//! Matches of a GRPCRoute: by service, method and headers.

use serde_json::{Map, Value, json};

use super::kind::{headers, says_only};
use super::{MethodMatch, RouteMatch};

pub fn everything() -> RouteMatch {
    RouteMatch::default()
}

pub fn read(found: &Value) -> Option<RouteMatch> {
    let method = found.get("method").map(method);
    let method = match method {
        None => None,
        Some(read) => Some(read?),
    };
    let read = RouteMatch { path: None, method, headers: headers(found)? };
    says_only(found, &["method", "headers"]).then_some(read)
}

fn method(found: &Value) -> Option<MethodMatch> {
    let is_exact = found.get("type").is_none_or(|kind| kind == "Exact");
    serde_json::from_value(found.clone()).ok().filter(|_| is_exact)
}

pub fn written(wanted: &RouteMatch) -> Value {
    let mut out = Map::from_iter([("headers".to_owned(), json!(wanted.headers))]);
    if let Some(MethodMatch { service, method }) = &wanted.method {
        let exact = match method {
            Some(method) => json!({"type": "Exact", "service": service, "method": method}),
            None => json!({"type": "Exact", "service": service}),
        };
        out.insert("method".to_owned(), exact);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_pattern_is_more() {
        let of = |method: Option<&str>| MethodMatch { service: "shop.Checkout".into(), method: method.map(Into::into) };
        for method in [None, Some(of(None)), Some(of(Some("Pay")))] {
            let wanted = RouteMatch { method, ..RouteMatch::default() };
            assert_eq!(read(&written(&wanted)), Some(wanted));
        }
        assert_eq!(read(&json!({})), Some(everything()));
        for odd in [
            json!({"method": {"type": "RegularExpression", "service": "shop.*"}}),
            json!({"method": {"method": "Pay"}}),
            json!({"path": {"type": "Exact", "value": "/"}}),
        ] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }
}
