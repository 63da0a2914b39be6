//! What a new leader touches before it decides.

use crate::api::pipeline::WorkloadKind;
use crate::api::traffic::RoutingKind;

use super::{Claim, Place};

/// Kinds of objects in target namespaces that effects change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touchable {
    Workload(WorkloadKind),
    Job,
    Autoscaler,
    Routing(RoutingKind),
}

/// An object as it was seen before it was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untouched {
    pub kind: Touchable,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
}

impl Place {
    /// What effects of the pipeline may change there.
    pub fn changeable(&self) -> Vec<Untouched> {
        let clones = self.clones.values().filter(|clone| clone.is_clone());
        let is_free = |claim: Option<&Claim>| !matches!(claim, Some(Claim::Other(_)));
        let workloads = self.workloads.values().filter(|w| is_free(Some(&w.claim))).chain(clones);
        let workloads =
            workloads.map(|w| of(Touchable::Workload(w.kind), [&w.namespace, &w.name, &w.uid, &w.resource_version]));
        let jobs = self.jobs.values();
        let jobs = jobs.map(|j| of(Touchable::Job, [&j.namespace, &j.name, &j.uid, &j.resource_version]));
        let scalers = self.autoscalers.iter().filter(|a| is_free(a.lock.as_ref()));
        let scalers = scalers.map(|a| of(Touchable::Autoscaler, [&a.namespace, &a.name, &a.uid, &a.resource_version]));
        let services = self.routing.services.values().filter(|s| s.track.is_some() && s.claim == Claim::Ours);
        let service = Touchable::Routing(RoutingKind::Service);
        let services = services.map(|s| of(service, [&s.namespace, &s.name, &s.uid, &s.resource_version]));
        let routes = self.routing.route.iter().chain(&self.routing.left).filter(|r| r.claim == Claim::Ours);
        let route = |kind| Touchable::Routing(RoutingKind::Route(kind));
        let routes = routes.map(|r| of(route(r.kind), [&r.namespace, &r.name, &r.uid, &r.resource_version]));
        workloads.chain(jobs).chain(scalers).chain(services).chain(routes).collect()
    }
}

fn of(kind: Touchable, of: [&String; 4]) -> Untouched {
    let [namespace, name, uid, resource_version] = of.map(String::clone);
    Untouched { kind, namespace, name, uid, resource_version }
}
