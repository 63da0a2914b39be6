//! Which keys a change concerns: what the loop must look at again. Pure over the stores.

mod links;
mod preflight;

use std::collections::BTreeSet;

use kube::{Resource, ResourceExt};

use links::{
    decision_key, environment_key, key_of, left_beside, left_clones, loose_in, made_by, of_clone, of_job, of_loose,
    of_namespace, of_owner, of_route, of_service, of_workload, pipeline_key, release_key, rivals, through_namespace,
};
pub use links::{environments_of, pipelines_through};
pub use preflight::{autoscaler, network_policy, pod_disruption_budget};

use super::gather::{freezes_of, http_of, jobs_of};
use super::slim;
use super::stores::{Stores, get, is_in};
use crate::api::labels::TRACK;
use crate::api::pipeline::WorkloadKind;
use crate::api::traffic::RoutingKind;
use crate::api::{Decision, DeliveryPipeline, Environment, Release, TestRun};

/// What one pass of the loop is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Pipeline {
        namespace: String,
        name: String,
    },
    Environment {
        namespace: String,
        name: String,
    },
    /// A Release whose pipeline does not exist.
    OrphanRelease {
        namespace: String,
        name: String,
    },
    /// A Decision whose pipeline does not exist.
    OrphanDecision {
        namespace: String,
        name: String,
    },
    /// A Job of ours that no pipeline looks after.
    OrphanJob {
        namespace: String,
        name: String,
    },
    /// A clone of ours that no pipeline looks after.
    OrphanClone {
        namespace: String,
        name: String,
    },
    /// An autoscaler with a lock of ours that no pipeline looks after.
    LeftLock {
        namespace: String,
        name: String,
    },
    /// A Service or route of ours that no pipeline looks after.
    Loose {
        kind: RoutingKind,
        namespace: String,
        name: String,
    },
}

/// An object before and after; one of the two is missing when it came or went.
pub struct Change<'a, K> {
    pub old: Option<&'a K>,
    pub new: Option<&'a K>,
}

impl<K: Resource> Change<'_, K> {
    fn sides(&self) -> impl Iterator<Item = &K> {
        self.old.into_iter().chain(self.new)
    }

    /// Only what others do not ask for changed: a status. Deleting and editing both raise the generation.
    fn is_status_only(&self) -> bool {
        let (Some(old), Some(new)) = (self.old, self.new) else { return false };
        let of = |object: &K| (object.meta().uid.clone(), object.meta().generation);
        of(old) == of(new)
    }
}

/// Every key there is: what the loop takes up at the start and when this instance becomes the leader.
pub fn all(stores: &Stores) -> Vec<Key> {
    let pipelines = stores.pipelines.state().into_iter().map(|p| key_of(p.as_ref()));
    let environments = stores.environments.state().into_iter().map(|e| environment_key(e.as_ref()));
    let releases = stores.releases.state().into_iter().map(|r| release_key(stores, r.as_ref()));
    let decisions = stores.decisions.state().into_iter().map(|d| decision_key(stores, d.as_ref()));
    let jobs = stores.jobs.state().into_iter().filter_map(|j| of_job(stores, j.as_ref()));
    let clones = stores.deployments.state().into_iter().filter_map(|d| of_clone(stores, d.as_ref()));
    let own = pipelines.chain(environments).chain(releases).chain(decisions);
    let keys: BTreeSet<Key> = own.chain(jobs).chain(clones).chain(loose_in(stores, None)).collect();
    keys.into_iter().collect()
}

/// Itself, its Environments (their projection), and those that may be waiting for a workload that it claims.
pub fn pipeline(stores: &Stores, change: &Change<'_, DeliveryPipeline>) -> Vec<Key> {
    let mut keys = BTreeSet::new();
    for side in change.sides() {
        let namespace = side.namespace().unwrap_or_default();
        keys.insert(key_of(side));
        keys.extend(environments_of(side).map(|at| Key::Environment { namespace: namespace.clone(), name: at.into() }));
        if !change.is_status_only() {
            keys.extend(rivals(stores, side));
            keys.extend(dependants(stores, &namespace, &side.name_any()));
        } else if has_other_environments(change) {
            keys.extend(made_by(stores, &namespace, |_, pipeline| pipeline == side.name_any()));
        }
    }
    keys.into_iter().collect()
}

/// A stage that was taken out leaves the status when its rollout has ended; Jobs there lose who looks after them.
fn has_other_environments(change: &Change<'_, DeliveryPipeline>) -> bool {
    let all = |side: Option<&DeliveryPipeline>| -> BTreeSet<String> {
        side.into_iter().flat_map(environments_of).map(str::to_owned).collect()
    };
    all(change.old) != all(change.new)
}

/// When a pipeline comes or goes, its Releases, Decisions and Jobs find or lose their home.
fn dependants(stores: &Stores, namespace: &str, name: &str) -> BTreeSet<Key> {
    let releases = stores.releases.state_filter(|r| is_in(r, namespace) && r.spec.pipeline == name);
    let decisions = stores.decisions.state_filter(|d| is_in(d, namespace) && d.spec.is_of(name));
    let keys = releases.iter().map(|r| release_key(stores, r));
    let made = made_by(stores, namespace, |_, pipeline| pipeline == name);
    keys.chain(decisions.iter().map(|d| decision_key(stores, d))).chain(made).collect()
}

pub fn release(stores: &Stores, change: &Change<'_, Release>) -> Vec<Key> {
    change.sides().map(|release| release_key(stores, release)).collect()
}

/// Its pipeline; of one about all pipelines of an Environment, that and these.
pub fn decision(stores: &Stores, change: &Change<'_, Decision>) -> Vec<Key> {
    let environment = |side: &Decision| {
        let name = side.spec.environment.as_deref().filter(|_| side.spec.pipeline.is_none())?;
        get(&stores.environments, &side.namespace().unwrap_or_default(), name)
    };
    let through =
        change.sides().filter_map(environment).flat_map(|environment| pipelines_through(stores, &environment));
    let through: Vec<Key> = through.map(|pipeline| key_of(&pipeline)).collect();
    change.sides().map(|decision| decision_key(stores, decision)).chain(through).collect()
}

pub fn test_run(_: &Stores, change: &Change<'_, TestRun>) -> Vec<Key> {
    change.sides().map(|run| pipeline_key(&run.namespace().unwrap_or_default(), &run.spec.pipeline)).collect()
}

/// Itself; and where more than its status changed, the pipelines that go through it and rivals for its namespace.
pub fn environment(stores: &Stores, change: &Change<'_, Environment>) -> Vec<Key> {
    let mut keys: BTreeSet<Key> = change.sides().map(environment_key).collect();
    if change.is_status_only() {
        if is_answered(change) {
            keys.extend(change.sides().flat_map(|side| pipelines_through(stores, side)).map(|p| key_of(&p)));
        }
        return keys.into_iter().collect();
    }
    for side in change.sides() {
        keys.extend(pipelines_through(stores, side).iter().map(|p| key_of(p)));
        keys.extend(freezes_of(stores, side).iter().map(|decision| decision_key(stores, decision)));
        keys.extend(of_namespace(stores, &side.spec.target_namespace));
        let target = Some(side.spec.target_namespace.as_str());
        let home = side.namespace().unwrap_or_default();
        keys.extend(made_by(stores, &home, |namespace, _| namespace == target));
    }
    keys.into_iter().collect()
}

/// Its own pass let reverts through, or holds them; or it tells of a freeze, or gave places.
fn is_answered(change: &Change<'_, Environment>) -> bool {
    let said = |side: Option<&Environment>| {
        side.and_then(|e| e.status.as_ref())
            .map(|s| (s.reverts.clone(), s.brake.clone(), s.freeze.clone(), s.grants.clone()))
            .unwrap_or_default()
    };
    said(change.old) != said(change.new)
}

/// The Environments that point at it, and the pipelines that go through them.
pub fn namespace(stores: &Stores, change: &Change<'_, slim::Namespace>) -> Vec<Key> {
    // A namespace that is deleted changes its phase, and its status only.
    let mut keys: Vec<Key> = change.sides().flat_map(|side| of_namespace(stores, &side.name_any())).collect();
    let freeze = |side: Option<&slim::Namespace>| side.and_then(slim::Namespace::freeze).map(str::to_owned);
    if freeze(change.old) != freeze(change.new) {
        // the operator's own concerns all of them
        keys.extend(stores.environments.state().iter().map(|environment| environment_key(environment)));
    }
    keys
}

pub fn deployment(stores: &Stores, change: &Change<'_, slim::Deployment>) -> Vec<Key> {
    let clones = change.sides().filter_map(|side| of_clone(stores, side)).chain(clones_of(stores, change));
    let mut keys: Vec<Key> = of_workloads(stores, WorkloadKind::Deployment, change).into_iter().chain(clones).collect();
    // a route that nobody looks after waits for its clone to go
    let gone = change.sides().filter(|side| change.new.is_none() && side.labels().contains_key(TRACK));
    keys.extend(gone.flat_map(|side| loose_in(stores, side.metadata.namespace.as_deref())));
    keys
}

/// Clones of it that nobody looks after, and the routes to them: they wait for it to answer.
fn clones_of(stores: &Stores, change: &Change<'_, slim::Deployment>) -> Vec<Key> {
    let side = change.new.filter(|side| !side.labels().contains_key(TRACK));
    side.map(|side| left_clones(stores, side.metadata.namespace.as_deref())).unwrap_or_default()
}

pub fn stateful_set(stores: &Stores, change: &Change<'_, slim::StatefulSet>) -> Vec<Key> {
    of_workloads(stores, WorkloadKind::StatefulSet, change)
}

pub fn daemon_set(stores: &Stores, change: &Change<'_, slim::DaemonSet>) -> Vec<Key> {
    of_workloads(stores, WorkloadKind::DaemonSet, change)
}

fn of_workloads<K: Resource<DynamicType = ()>>(
    stores: &Stores,
    kind: WorkloadKind,
    change: &Change<'_, K>,
) -> Vec<Key> {
    let named = |side: &K| of_workload(stores, kind, &side.namespace().unwrap_or_default(), &side.name_any());
    change.sides().flat_map(named).collect()
}

/// The pipelines that share the requests for it, have made it, or have a check or suite that names it; and those whose pods
/// it has come to select, or selects no more.
pub fn service(stores: &Stores, change: &Change<'_, slim::Service>) -> Vec<Key> {
    let of = |side: &slim::Service| of_service(stores, &side.namespace().unwrap_or_default(), &side.name_any());
    let loose = change.sides().filter_map(|side| of_loose(stores, &side.metadata, RoutingKind::Service));
    let measured = |side: &slim::Service| {
        let name = side.name_any();
        through_namespace(stores, &side.namespace().unwrap_or_default(), |pipeline, environment| {
            http_of(pipeline, environment).any(|http| http.service == name)
        })
    };
    let measured = change.sides().flat_map(measured);
    // a clone that nobody looks after may have waited for it to go
    let made = change.sides().filter(|side| side.labels().contains_key(TRACK));
    let left = made.flat_map(|side| left_clones(stores, side.metadata.namespace.as_deref()));
    let own = change.sides().flat_map(of).chain(loose).chain(left);
    own.chain(measured).chain(preflight::service(stores, change)).collect()
}

/// The pipelines of its Service.
pub fn endpoint_slice(stores: &Stores, change: &Change<'_, slim::EndpointSlice>) -> Vec<Key> {
    let of = |side: &slim::EndpointSlice| of_service(stores, &side.namespace().unwrap_or_default(), &side.service);
    change.sides().flat_map(of).collect()
}

/// The pipeline whose it is, and those with a route for the same hosts: it may stand in their way.
pub fn route(stores: &Stores, change: &Change<'_, slim::Route>) -> Vec<Key> {
    let of = |side: &slim::Route| of_route(stores, side).into_iter().chain(left_beside(stores, side));
    change.sides().flat_map(of).collect()
}

/// The pipelines that have routes: what they are told when the Gateway API comes or goes.
pub fn routed(stores: &Stores) -> Vec<Key> {
    let all = stores.pipelines.state_filter(|pipeline| pipeline.spec.traffic.is_some());
    all.iter().map(|pipeline| key_of(pipeline)).collect()
}

pub fn policy(stores: &Stores, _: &Change<'_, slim::AdmissionPolicy>) -> Vec<Key> {
    guarded(stores)
}

/// All pipelines: approvals count only while the admission policies are in force.
pub fn guarded(stores: &Stores) -> Vec<Key> {
    stores.pipelines.state().iter().map(|pipeline| key_of(pipeline)).collect()
}

/// A ReplicaSet or ControllerRevision.
pub fn revision<K: Resource>(stores: &Stores, change: &Change<'_, K>) -> Vec<Key> {
    change.sides().flat_map(|side| of_owner(stores, side.meta())).collect()
}

/// By its owner: the workload's pipelines, or the Job's.
pub fn pod(stores: &Stores, change: &Change<'_, slim::Pod>) -> Vec<Key> {
    let concerned = |side: &slim::Pod| {
        let namespace = side.namespace().unwrap_or_default();
        if let Some(owner) = slim::owner(&side.metadata, "ReplicaSet") {
            get(&stores.replica_sets, &namespace, &owner.name).map(|set| of_owner(stores, &set.metadata))
        } else if let Some(owner) = slim::owner(&side.metadata, "Job") {
            get(&stores.jobs, &namespace, &owner.name).map(|job| of_any_job(stores, &job))
        } else {
            Some(of_owner(stores, &side.metadata))
        }
    };
    change.sides().filter_map(concerned).flatten().collect()
}

pub fn job(stores: &Stores, change: &Change<'_, slim::Job>) -> Vec<Key> {
    change.sides().flat_map(|side| of_any_job(stores, side)).collect()
}

/// Of ours, or of a CronJob that is a workload.
fn of_any_job(stores: &Stores, job: &slim::Job) -> Vec<Key> {
    of_job(stores, job).map_or_else(|| of_owner(stores, &job.metadata), |key| vec![key])
}

/// The pipelines of which a suite or hook names it, or that have it as a workload.
pub fn cron_job(stores: &Stores, change: &Change<'_, slim::CronJob>) -> Vec<Key> {
    let named = |pipeline: &DeliveryPipeline, environment: &str, name: &str| {
        jobs_of(pipeline, environment).any(|job| job.cron_job == name)
    };
    let concerned = |side: &slim::CronJob| {
        through_namespace(stores, &side.namespace().unwrap_or_default(), |p, e| named(p, e, &side.name_any()))
    };
    let named = change.sides().flat_map(concerned);
    named.chain(of_workloads(stores, WorkloadKind::CronJob, change)).collect()
}

#[cfg(test)]
mod tests;
