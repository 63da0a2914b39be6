//! What a decision sees of Services and routes.

use std::collections::BTreeMap;

use super::Claim;
use crate::api::Time;
use crate::api::traffic::{Existing, RouteKind, RouteShape, RoutingKind};

/// What stands in a target namespace between the router and the workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The Gateway API's route of the wanted kind is installed.
    pub is_installed: bool,
    /// By name: the Services that the pipeline names or has made, ours or not.
    pub services: BTreeMap<String, RoutedService>,
    /// The existing route that the pipeline names, else what stands under the name of its own.
    pub route: Option<Route>,
    /// Under the name of its own, but not the one that is wanted now.
    pub left: Vec<Route>,
    /// `namespace/name` of a route that gets the same requests before ours.
    pub shadow: Option<String>,
    /// Any other routes that give a clone a share of the requests, as `KIND namespace/name`.
    pub others: Vec<String>,
    /// When another route that sends to one of these Services, or may take the same requests, was written last, if there is a
    /// Service of a clone.
    pub rerouted: Option<Time>,
}

/// A Service before the workload, or one that Windlass derives from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedService {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub deleting: bool,
    pub claim: Claim,
    /// Value of its label `windlass.dev/track`: only ours have one.
    pub track: Option<String>,
    /// It has a selector and sends to pods.
    pub selects: bool,
    pub selector: BTreeMap<String, String>,
    /// As they stand in its spec.
    pub ports: Vec<serde_json::Value>,
    /// A route that is none of the pipeline's own sends to it.
    pub is_named: bool,
    /// Pods behind it that are ready, as its EndpointSlices tell.
    pub ready: i32,
}

/// A pipeline's route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub kind: RouteKind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub deleting: bool,
    pub claim: Claim,
    /// What it does; none where that is more than a route of ours ever does. Of an existing route: the backends that are one of
    /// the two Services.
    pub shape: Option<RouteShape>,
    /// Only of an existing route.
    pub existing: Option<Existing>,
    /// Why it is not in force as it stands, if a parent has not accepted it.
    pub obstacle: Option<String>,
    /// The field manager that wrote its spec last.
    pub writer: Option<String>,
    /// When that was.
    pub written: Option<Time>,
}

/// A Service or route of ours that no pipeline looks after any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    pub kind: RoutingKind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// Something rests on it: a clone of the same pipeline on the route, anyone's route on its Services; or it is someone's.
    pub is_needed: bool,
    /// When a route beside it was written last, whoever's: its router may go by what it said before.
    pub rerouted: Option<Time>,
    /// The route itself, if it sends to a clone although the workload answers.
    pub exposing: Option<Box<Route>>,
    /// Value of `windlass.dev/claimed-by`.
    pub claim: String,
    pub deleting: bool,
}
