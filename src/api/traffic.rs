//! How requests reach the workload: the Service that stands before it, and the route that divides them.

mod grpc_route;
mod http_route;
mod kind;
mod overlap;
mod shape;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{STABLE, TRACKS};
use super::{Span, Time};

pub use kind::{GROUP, RouteKind};
pub use shape::{Backend, Existing, Position, RouteShape, RoutingKind, route_name};

/// How requests reach the workload. Canaries then share them by the weights of a route, and not by the number of pods; blue-green
/// always switches by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The Service before the workload, the same name in each target namespace.
    /// Windlass makes `NAME-stable` and `NAME-canary` (or `NAME-green`) beside it, with its ports, its selector, and one label more; the route
    /// sends to their first port.
    #[schemars(length(min = 1, max = 56), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub service: String,
    /// The route: one that Windlass makes and owns, or an existing one of which it writes the weights.
    pub route: Route,
    /// How long requests that are under way are given after each change of weights. Default 30s; at most 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || duration(self) <= duration('1h')", "spec.traffic.drain: must be at most 1h"))]
    pub drain: Option<Span>,
}

impl Traffic {
    /// How long requests under way are given, 30 seconds where nothing is said.
    pub fn drain(&self) -> Span {
        self.drain.unwrap_or(Span::seconds(30))
    }

    /// Names of the Services that it may be about: its own, and those of all tracks.
    pub fn services(&self) -> impl Iterator<Item = String> {
        let derived = [STABLE].into_iter().chain(TRACKS).map(|track| self.service_of(track));
        std::iter::once(self.service.clone()).chain(derived)
    }

    /// Name of the Service for a track.
    pub fn service_of(&self, track: &str) -> String {
        format!("{}-{track}", self.service)
    }
}

/// A route of the Gateway API. Ours is called `windlass-PIPELINE`: what it is attached to, and which requests it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.existing) ? !has(self.parentRefs) && !has(self.hostnames) && !has(self.matches) : has(self.parentRefs) && has(self.hostnames)", "spec.traffic.route: needs parentRefs and hostnames, or existing and only kind beside"))]
#[x_kube(validation = ("!has(self.matches) || self.matches.all(m, has(self.kind) && self.kind == 'GRPCRoute' ? !has(m.path) : !has(m.method))", "spec.traffic.route.matches: path is of an HTTPRoute, method of a GRPCRoute"))]
pub struct Route {
    /// What it is. Default: HTTPRoute.
    #[serde(default, skip_serializing_if = "is_http")]
    pub kind: RouteKind,
    /// Name of a route of someone else in each target namespace.
    /// Its rules must send to `NAME-stable` and `NAME-canary` (or `NAME-green`), and its annotation `windlass.dev/weights` must name
    /// this pipeline (`namespace/name`). Only the weights of these two are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub existing: Option<String>,
    /// The Gateways that it is attached to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub parent_refs: Vec<ParentRef>,
    /// Host names of the requests that it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub hostnames: Vec<String>,
    /// Requests that it takes; one match is enough. Default: all of these hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub matches: Vec<RouteMatch>,
}

fn is_http(kind: &RouteKind) -> bool {
    *kind == RouteKind::Http
}

/// A Gateway, or one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace. Default: the target namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Name of the listener. Default: all that take the host names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
}

/// Requests by path or method, and headers; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RouteMatch {
    /// Only in an HTTPRoute. Default: any path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// Only in a GRPCRoute. Default: any method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodMatch>,
    /// Headers with exactly these values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub headers: Vec<HeaderMatch>,
}

/// A path as the Gateway API has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("self.value.startsWith('/')", "spec.traffic.route.matches[].path.value: must begin with /"))]
pub struct PathMatch {
    /// How the value is compared.
    pub r#type: PathKind,
    /// The path.
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
}

impl Default for PathMatch {
    fn default() -> Self {
        Self { r#type: PathKind::PathPrefix, value: "/".to_owned() }
    }
}

/// How a path is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PathKind {
    /// The path begins with these elements.
    PathPrefix,
    /// The path is this.
    Exact,
}

/// The methods of a gRPC service, or one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
pub struct MethodMatch {
    /// The service with its package, as `shop.Checkout`.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"))]
    pub service: String,
    /// Default: all of its methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub method: Option<String>,
}

/// A header with exactly this value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
pub struct HeaderMatch {
    /// Name of the header.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Its value.
    #[schemars(length(min = 1, max = 4096))]
    pub value: String,
}

/// What a stage's route was last seen to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Routed {
    /// Share of the clone in percent.
    #[schemars(range(min = 0, max = 100))]
    pub weight: u32,
    /// Generation of the route; 0 since it is gone.
    #[schemars(range(min = 0, max = super::MAX_GENERATION))]
    pub generation: i64,
    /// All its parents have accepted it at that generation.
    pub accepted: bool,
    /// Since when that has been so. Requests under way are drained from there.
    pub since: Time,
}

/// That someone else wrote a route of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Rewritten {
    /// The field manager.
    #[schemars(length(max = 128))]
    pub by: String,
    /// The generation that it made.
    #[schemars(range(min = 0, max = super::MAX_GENERATION))]
    pub generation: i64,
    /// When it was seen.
    pub at: Time,
    /// It was the second time within an hour: the route is left to it, and nothing is exposed by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}
