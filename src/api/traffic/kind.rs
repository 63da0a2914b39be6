//! Kinds of route. All that they do not share is in a file of each: what a match looks like there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RouteMatch, grpc_route, http_route};

/// The API group of routes and of what they are attached to.
pub const GROUP: &str = "gateway.networking.k8s.io";

/// A kind of route of the Gateway API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RouteKind {
    /// Requests of HTTP.
    #[default]
    #[serde(rename = "HTTPRoute")]
    Http,
    /// Calls of gRPC.
    #[serde(rename = "GRPCRoute")]
    Grpc,
}

impl RouteKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Http, Self::Grpc];

    /// As it stands in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }

    /// As it stands in paths of the API.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Http => "httproutes",
            Self::Grpc => "grpcroutes",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What a rule takes that names no match.
    pub fn everything(self) -> RouteMatch {
        match self {
            Self::Http => http_route::everything(),
            Self::Grpc => grpc_route::everything(),
        }
    }

    /// A match of a rule; none where it asks for more than Windlass ever does.
    pub fn read(self, found: &Value) -> Option<RouteMatch> {
        match self {
            Self::Http => http_route::read(found),
            Self::Grpc => grpc_route::read(found),
        }
    }

    /// The same as it stands in a rule, with all that the server would fill in.
    pub fn written(self, wanted: &RouteMatch) -> Value {
        match self {
            Self::Http => http_route::written(wanted),
            Self::Grpc => grpc_route::written(wanted),
        }
    }
}

impl std::fmt::Display for RouteKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The exact headers of a match; none where it has others.
pub(super) fn headers(found: &Value) -> Option<Vec<super::HeaderMatch>> {
    let all = found.get("headers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_exact = |header: &Value| header.get("type").is_none_or(|kind| kind == "Exact");
    let read = |header: &Value| serde_json::from_value(header.clone()).ok().filter(|_| is_exact(header));
    all.iter().map(read).collect()
}

/// Whether a match says nothing beside these.
pub(super) fn says_only(found: &Value, known: &[&str]) -> bool {
    found.as_object().is_some_and(|all| all.keys().all(|key| known.contains(&&**key)))
}
