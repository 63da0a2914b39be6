//! Matches of an HTTPRoute: by path and headers.

use serde_json::{Value, json};

use super::kind::{headers, says_only};
use super::{PathMatch, RouteMatch};

pub fn everything() -> RouteMatch {
    RouteMatch { path: Some(PathMatch::default()), ..RouteMatch::default() }
}

pub fn read(found: &Value) -> Option<RouteMatch> {
    let path = match found.get("path") {
        None => PathMatch::default(),
        Some(path) => serde_json::from_value(path.clone()).ok()?,
    };
    let read = RouteMatch { path: Some(path), method: None, headers: headers(found)? };
    says_only(found, &["path", "headers"]).then_some(read)
}

pub fn written(wanted: &RouteMatch) -> Value {
    let path = wanted.path.clone().unwrap_or_default();
    json!({"path": path, "headers": wanted.headers})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::traffic::{HeaderMatch, PathKind};

    #[test]
    fn what_is_written_is_read_and_a_pattern_is_more() {
        let header = HeaderMatch { name: "x-team".into(), value: "shop".into() };
        let path = PathMatch { r#type: PathKind::Exact, value: "/pay".into() };
        let wanted = RouteMatch { path: Some(path), method: None, headers: vec![header] };
        assert_eq!(read(&written(&wanted)), Some(wanted));
        assert_eq!(read(&json!({})), Some(everything()));
        for odd in [
            json!({"method": "GET"}),
            json!({"path": {"type": "RegularExpression", "value": "/a.*"}}),
            json!({"headers": [{"type": "RegularExpression", "name": "a", "value": "b"}]}),
        ] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }
}
