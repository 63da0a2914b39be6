//! The ways from an object to the pipelines and Environments that it concerns.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::Key;
use crate::api::labels::TRACKS;
use crate::api::pipeline::WorkloadKind;
use crate::api::traffic::{RoutingKind, route_name};
use crate::api::{Decision, DeliveryPipeline, Environment, Release, Traffic};
use crate::observe::gather::{Holder, holder_of, holder_of_clone, holder_of_job, holder_of_lock, workloads_of};
use crate::observe::slim;
use crate::observe::stores::{Stores, get, is_in};

/// What a workload's controller made: the pipelines of that workload.
pub fn of_owner(stores: &Stores, meta: &ObjectMeta) -> Vec<Key> {
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let owned = |kind: &WorkloadKind| Some((*kind, slim::owner(meta, kind.as_str())?));
    let owner = WorkloadKind::ALL.iter().find_map(owned);
    owner.map(|(kind, owner)| of_workload(stores, kind, namespace, &owner.name)).unwrap_or_default()
}

/// The pipelines, wherever they are, that name it in an Environment that points at its namespace.
pub fn of_workload(stores: &Stores, kind: WorkloadKind, namespace: &str, name: &str) -> Vec<Key> {
    through_namespace(stores, namespace, |pipeline, environment| {
        workloads_of(pipeline, environment).any(|workload| {
            let is_clone = || workload.is_cloned() && TRACKS.iter().any(|track| workload.clone_name(track) == name);
            workload.kind == kind && (workload.name == name || is_clone())
        })
    })
}

/// The pipeline that made it; itself where nobody looks after it.
pub fn of_job(stores: &Stores, job: &slim::Job) -> Option<Key> {
    let holder = holder_of_job(job)?;
    Some(if holder.has_left(stores, job.metadata.namespace.as_deref()) {
        Key::OrphanJob { namespace: job.namespace().unwrap_or_default(), name: job.name_any() }
    } else {
        key_of_holder(holder)
    })
}

/// The clone itself, where nobody looks after it.
pub fn of_clone(stores: &Stores, clone: &slim::Deployment) -> Option<Key> {
    holder_of_clone(clone)?
        .has_left(stores, clone.metadata.namespace.as_deref())
        .then(|| Key::OrphanClone { namespace: clone.namespace().unwrap_or_default(), name: clone.name_any() })
}

/// Services, routes and locks of ours that nobody looks after: of one namespace, or all. There are few.
pub fn loose_in(stores: &Stores, namespace: Option<&str>) -> Vec<Key> {
    let is_meant = |meta: &ObjectMeta| namespace.is_none() || meta.namespace.as_deref() == namespace;
    let routes = stores.routes.state_filter(|route| is_meant(&route.metadata));
    let services = stores.services.state_filter(|service| is_meant(&service.metadata));
    let routes = routes.iter().filter_map(|route| of_loose(stores, &route.metadata, RoutingKind::Route(route.kind)));
    let autoscalers = stores.autoscalers.state_filter(|autoscaler| is_meant(&autoscaler.metadata));
    let locks = autoscalers.iter().filter_map(|autoscaler| of_lock(stores, autoscaler));
    let services = services.iter().filter_map(|service| of_loose(stores, &service.metadata, RoutingKind::Service));
    routes.chain(services).chain(locks).collect()
}

/// Clones in a namespace that nobody looks after, and the routes and Services left beside them.
pub fn left_clones(stores: &Stores, namespace: Option<&str>) -> Vec<Key> {
    let is_here = |clone: &slim::Deployment| clone.metadata.namespace.as_deref() == namespace;
    let clones = stores.deployments.state_filter(|clone| is_here(clone) && holder_of_clone(clone).is_some());
    let left: Vec<Key> = clones.iter().filter_map(|clone| of_clone(stores, clone)).collect();
    let loose = if left.is_empty() { Vec::new() } else { loose_in(stores, namespace) };
    left.into_iter().chain(loose).collect()
}

/// The Service or route itself, where nobody looks after it.
pub fn of_loose(stores: &Stores, meta: &ObjectMeta, kind: RoutingKind) -> Option<Key> {
    holder_of(meta, kind)?.has_left(stores, meta.namespace.as_deref()).then(|| Key::Loose {
        kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    })
}

/// The autoscaler itself, where it bears a lock that nobody looks after.
pub fn of_lock(stores: &Stores, autoscaler: &slim::HorizontalPodAutoscaler) -> Option<Key> {
    let namespace = autoscaler.metadata.namespace.as_deref();
    holder_of_lock(autoscaler)?
        .has_left(stores, namespace)
        .then(|| Key::LeftLock { namespace: namespace.unwrap_or_default().to_owned(), name: autoscaler.name_any() })
}

/// Jobs and clones that pipelines of that namespace made, if they are of interest by their namespace and pipeline.
pub fn made_by(stores: &Stores, namespace: &str, is_concerned: impl Fn(Option<&str>, &str) -> bool) -> Vec<Key> {
    let is_its = |meta: &ObjectMeta, holder: Holder<'_>| {
        holder.namespace == namespace && is_concerned(meta.namespace.as_deref(), holder.name)
    };
    let jobs = stores.jobs.state_filter(|job| holder_of_job(job).is_some_and(|holder| is_its(&job.metadata, holder)));
    let clones = stores
        .deployments
        .state_filter(|clone| holder_of_clone(clone).is_some_and(|holder| is_its(&clone.metadata, holder)));
    let clones = clones.iter().filter_map(|clone| of_clone(stores, clone));
    jobs.iter().filter_map(|job| of_job(stores, job)).chain(clones).chain(loose_in(stores, None)).collect()
}

/// The pipelines whose requests go through that Service, or one of the two beside it.
pub fn of_service(stores: &Stores, namespace: &str, name: &str) -> Vec<Key> {
    let is_it = |traffic: &Traffic| traffic.services().any(|known| known == name);
    through_namespace(stores, namespace, |pipeline, environment| traffic_of(pipeline, environment).any(is_it))
}

/// The pipeline of that route, those whose weights it has or to whose Services it sends, from wherever it stands, and those
/// whose own route is for one of its hosts.
pub fn of_route(stores: &Stores, route: &slim::Route) -> Vec<Key> {
    let (namespace, name) = (route.namespace().unwrap_or_default(), route.name_any());
    let is_its = |traffic: &Traffic| {
        traffic.route.existing.as_ref() == Some(&name)
            || traffic.services().any(|service| route.targets.iter().any(|(_, backend)| backend.name == service))
    };
    let mut keys = through_namespace(stores, &namespace, |pipeline, environment| {
        route_name(&pipeline.name_any()) == name || traffic_of(pipeline, environment).any(is_its)
    });
    let is_met = |pipeline: &DeliveryPipeline| {
        let hosts = pipeline.spec.traffic.iter().flat_map(|traffic| &traffic.route.hostnames);
        hosts.into_iter().any(|host| route.hostnames.contains(host))
    };
    keys.extend(stores.pipelines.state_filter(is_met).iter().map(|pipeline| key_of(pipeline)));
    let made = made_before(stores, route);
    keys.extend(
        made.iter().filter_map(|service| holder_of(&service.metadata, RoutingKind::Service)).map(key_of_holder),
    );
    keys
}

/// What stands in the namespaces of the route and of our Services to which it sends, and nobody looks after.
pub fn left_beside(stores: &Stores, route: &slim::Route) -> Vec<Key> {
    let made = made_before(stores, route);
    let services = made.iter().map(|service| service.metadata.namespace.as_deref());
    let all: BTreeSet<Option<&str>> = services.chain([route.metadata.namespace.as_deref()]).collect();
    all.into_iter().flat_map(|at| loose_in(stores, at).into_iter().chain(left_clones(stores, at))).collect()
}

/// The Services of ours that a route sends to.
fn made_before(stores: &Stores, route: &slim::Route) -> Vec<Arc<slim::Service>> {
    stores.services.state_filter(|service| {
        holder_of(&service.metadata, RoutingKind::Service).is_some()
            && route.sends_to(&service.namespace().unwrap_or_default(), &service.name_any())
    })
}

fn key_of_holder(holder: Holder<'_>) -> Key {
    pipeline_key(holder.namespace, holder.name)
}

/// What the pipeline says of requests, and what an open rollout of that stage has frozen of it.
fn traffic_of<'p>(pipeline: &'p DeliveryPipeline, environment: &str) -> impl Iterator<Item = &'p Traffic> {
    let mut stages = pipeline.status.iter().flat_map(|status| &status.stages);
    let open = stages.find(|stage| stage.environment == environment).and_then(|stage| stage.rollout.as_ref());
    open.and_then(|rollout| rollout.traffic.as_ref()).into_iter().chain(&pipeline.spec.traffic)
}

pub fn of_namespace(stores: &Stores, namespace: &str) -> Vec<Key> {
    let environments = environments_at(stores, namespace);
    let mut keys: Vec<Key> = environments.iter().map(|environment| environment_key(environment)).collect();
    keys.extend(through_namespace(stores, namespace, |_, _| true));
    keys
}

/// Pipelines that go through an Environment that points at the namespace, if they and it are of interest.
pub fn through_namespace(
    stores: &Stores,
    namespace: &str,
    is_concerned: impl Fn(&DeliveryPipeline, &str) -> bool,
) -> Vec<Key> {
    let mut keys = Vec::new();
    for environment in environments_at(stores, namespace) {
        let name = environment.name_any();
        let through = pipelines_through(stores, &environment);
        keys.extend(through.iter().filter(|pipeline| is_concerned(pipeline, &name)).map(|pipeline| key_of(pipeline)));
    }
    keys
}

pub fn environments_at(stores: &Stores, namespace: &str) -> Vec<Arc<Environment>> {
    stores.environments.state_filter(|environment| environment.spec.target_namespace == namespace)
}

/// Pipelines that have the Environment as a stage, in the spec or still in the status.
pub fn pipelines_through(stores: &Stores, environment: &Environment) -> Vec<Arc<DeliveryPipeline>> {
    let (namespace, name) = (environment.namespace().unwrap_or_default(), environment.name_any());
    stores.pipelines.state_filter(|pipeline| {
        is_in(pipeline, &namespace) && environments_of(pipeline).any(|environment| environment == name)
    })
}

/// Environments of the spec, then those that are in the status only. One may come twice.
pub fn environments_of(pipeline: &DeliveryPipeline) -> impl Iterator<Item = &str> {
    let known = pipeline.status.iter().flat_map(|status| &status.stages).map(|stage| stage.environment.as_str());
    pipeline.spec.stages.iter().map(|stage| stage.environment.as_str()).chain(known)
}

/// Other pipelines that name a workload of this one in the same target namespace.
pub fn rivals(stores: &Stores, pipeline: &DeliveryPipeline) -> Vec<Key> {
    let namespace = pipeline.namespace().unwrap_or_default();
    let mut keys = Vec::new();
    for stage in environments_of(pipeline) {
        let Some(environment) = get(&stores.environments, &namespace, stage) else { continue };
        keys.extend(through_namespace(stores, &environment.spec.target_namespace, |other, there| {
            workloads_of(other, there)
                .any(|theirs| workloads_of(pipeline, stage).any(|ours| ours.key() == theirs.key()))
        }));
    }
    keys
}

pub fn key_of(pipeline: &DeliveryPipeline) -> Key {
    pipeline_key(&pipeline.namespace().unwrap_or_default(), &pipeline.name_any())
}

pub fn pipeline_key(namespace: &str, name: &str) -> Key {
    Key::Pipeline { namespace: namespace.to_owned(), name: name.to_owned() }
}

pub fn environment_key(environment: &Environment) -> Key {
    Key::Environment { namespace: environment.namespace().unwrap_or_default(), name: environment.name_any() }
}

pub fn release_key(stores: &Stores, release: &Release) -> Key {
    let namespace = release.namespace().unwrap_or_default();
    match get(&stores.pipelines, &namespace, &release.spec.pipeline) {
        Some(_) => pipeline_key(&namespace, &release.spec.pipeline),
        None => Key::OrphanRelease { namespace, name: release.name_any() },
    }
}

pub fn decision_key(stores: &Stores, decision: &Decision) -> Key {
    let namespace = decision.namespace().unwrap_or_default();
    let name = decision.name_any();
    match (&decision.spec.pipeline, &decision.spec.environment) {
        (Some(pipeline), _) if get(&stores.pipelines, &namespace, pipeline).is_some() => {
            pipeline_key(&namespace, pipeline)
        }
        (None, Some(environment)) if get(&stores.environments, &namespace, environment).is_some() => {
            Key::Environment { namespace, name: environment.clone() }
        }
        (Some(_), _) | (None, _) => Key::OrphanDecision { namespace, name },
    }
}
