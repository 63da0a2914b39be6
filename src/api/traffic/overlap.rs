//! Whether two matches may be about the same requests.

use super::{MethodMatch, PathKind, PathMatch, RouteMatch};

impl RouteMatch {
    /// Whether a request may fit both, as far as path and method say.
    pub fn may_meet(&self, other: &Self) -> bool {
        let paths = self.path.as_ref().zip(other.path.as_ref());
        let methods = self.method.as_ref().zip(other.method.as_ref());
        paths.is_none_or(|(ours, theirs)| ours.may_meet(theirs))
            && methods.is_none_or(|(ours, theirs)| ours.may_meet(theirs))
    }
}

impl PathMatch {
    fn may_meet(&self, other: &Self) -> bool {
        let begins = |path: &Self, with: &Self| {
            let (path, with) = (path.value.trim_end_matches('/'), with.value.trim_end_matches('/'));
            path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match (self.r#type, other.r#type) {
            (PathKind::Exact, PathKind::Exact) => self.value == other.value,
            (PathKind::Exact, PathKind::PathPrefix) => begins(self, other),
            (PathKind::PathPrefix, PathKind::Exact) => begins(other, self),
            (PathKind::PathPrefix, PathKind::PathPrefix) => begins(self, other) || begins(other, self),
        }
    }
}

impl MethodMatch {
    fn may_meet(&self, other: &Self) -> bool {
        let methods = self.method.as_ref().zip(other.method.as_ref());
        self.service == other.service && methods.is_none_or(|(ours, theirs)| ours == theirs)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn is_met(ours: Value, theirs: Value) -> bool {
        let read = |value: Value| serde_json::from_value::<RouteMatch>(value).unwrap();
        let (ours, theirs) = (read(ours), read(theirs));
        assert_eq!(ours.may_meet(&theirs), theirs.may_meet(&ours));
        ours.may_meet(&theirs)
    }

    fn path(kind: &str, value: &str) -> Value {
        json!({"path": {"type": kind, "value": value}})
    }

    #[test]
    fn paths_meet_where_one_is_within_the_other() {
        for (ours, theirs, expected) in [
            (path("PathPrefix", "/cart"), path("PathPrefix", "/cart/v2"), true),
            (path("PathPrefix", "/cart"), path("PathPrefix", "/carts"), false),
            (path("PathPrefix", "/cart"), path("PathPrefix", "/search"), false),
            (path("PathPrefix", "/cart"), json!({}), true),
            (path("PathPrefix", "/cart/"), path("Exact", "/cart"), true),
            (path("Exact", "/cart"), path("Exact", "/cart/v2"), false),
            (path("Exact", "/cart"), path("PathPrefix", "/cart/v2"), false),
            (path("Exact", "/cart"), path("Exact", "/cart"), true),
        ] {
            assert_eq!(is_met(ours.clone(), theirs.clone()), expected, "{ours} {theirs}");
        }
    }

    #[test]
    fn headers_tell_nothing_apart_and_methods_do() {
        let header = json!({"headers": [{"name": "x-shop", "value": "a"}]});
        assert!(is_met(header, json!({})));
        let method = |service: &str, method: Option<&str>| json!({"method": {"service": service, "method": method}});
        assert!(is_met(method("shop.Cart", None), method("shop.Cart", Some("Pay"))));
        assert!(!is_met(method("shop.Cart", Some("Get")), method("shop.Cart", Some("Pay"))));
        assert!(
            !is_met(method("shop.Cart", None), method("shop.Search", None)) && is_met(method("a", None), json!({}))
        );
    }
}
