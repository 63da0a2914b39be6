//! What a Service says about requests to pods: whose pods it selects, and at which port. No request goes through it.

use std::collections::BTreeMap;

use crate::api::check::HttpProbe;
use crate::api::labels::TRACK;
use crate::api::pipeline::WorkloadRef;
use crate::api::strategy::Strategy;
use crate::observe::{Place, Service, TargetPort, Workload};

/// Why a request cannot be made through what the Service says, if so. Where the new build runs in clones, those are asked.
pub fn http_problem<'w>(
    place: &Place,
    probe: &HttpProbe,
    strategy: &Strategy,
    workloads: impl Iterator<Item = &'w WorkloadRef>,
) -> Option<String> {
    let name = &probe.service;
    let Some(service) = place.services.get(name) else { return Some(format!("Service {name} does not exist")) };
    if service.external {
        return Some(format!("Service {name} is of type ExternalName: only the pipeline's own pods are asked"));
    }
    if service.selector.is_empty() {
        return Some(format!("Service {name} has no selector: only the pipeline's own pods are asked"));
    }
    if !service.ports.contains_key(&probe.port) {
        return Some(format!("Service {name} has no TCP port {}", probe.port));
    }
    let mut asked = workloads.filter(|workload| !strategy.clones() || workload.is_cloned());
    let selected = asked.find_map(|workload| {
        let seen = place.workloads.get(&workload.key())?;
        let labels = strategy.track().map_or_else(|| seen.reach.labels.clone(), |track| clone_labels(seen, track));
        selects(service, &labels).then_some(seen)
    });
    let Some(seen) = selected else {
        let whose = if strategy.clones() { "no clone of a workload" } else { "no workload of the pipeline" };
        return Some(format!("Service {name} selects the pods of {whose}"));
    };
    match service.ports.get(&probe.port) {
        Some(TargetPort::Name(port)) if !seen.reach.ports.contains_key(port) => {
            Some(format!("Service {name}: {} has no port {port}", seen.name))
        }
        Some(TargetPort::Name(_) | TargetPort::Number(_)) | None => None,
    }
}

/// Whether the Service selects pods with these labels.
pub fn selects(service: &Service, labels: &BTreeMap<String, String>) -> bool {
    service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The labels of the pods of its clone.
fn clone_labels(of: &Workload, track: &str) -> BTreeMap<String, String> {
    let mut labels = of.reach.labels.clone();
    labels.insert(TRACK.to_owned(), track.to_owned());
    labels
}

/// The port of its pods that a port of the Service means.
pub fn port_of(service: &Service, port: u16, seen: &Workload) -> Option<u16> {
    match service.ports.get(&port)? {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => seen.reach.ports.get(name).copied(),
    }
}
