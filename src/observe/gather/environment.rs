//! One Environment as its own pass sees it.

use std::sync::Arc;

use kube::ResourceExt;

use super::{access, sorted};
use crate::api::{Decision, DecisionPhase, DecisionType, Environment};
use crate::observe::relate::pipelines_through;
use crate::observe::snapshot::{EnvironmentView, Freezing};
use crate::observe::stores::{Stores, get, is_in};

/// None if there is no such Environment. `home` is the operator's own namespace.
pub fn gather_environment(stores: &Stores, home: &str, namespace: &str, name: &str) -> Option<EnvironmentView> {
    let environment = get(&stores.environments, namespace, name)?;
    Some(EnvironmentView {
        access: access::access(stores, &environment),
        pipelines: sorted(pipelines_through(stores, &environment)),
        freezes: freezes(stores, home, &environment),
        decisions: sorted(freezes_of(stores, &environment)),
        environment,
    })
}

/// Who freezes an Environment from outside of it: the annotation of the operator's own namespace, that of its target, and
/// people by Decisions, whatever has become of them.
pub fn freezes(stores: &Stores, home: &str, environment: &Environment) -> Vec<Freezing> {
    let annotated = |namespace: &str| {
        let reason = get(&stores.namespaces, "", namespace)?.freeze()?.to_owned();
        let reason = if reason.is_empty() { "no reason given".to_owned() } else { reason };
        Some(Freezing { source: format!("namespace {namespace}"), reason, until: None })
    };
    let stands = |d: &Arc<Decision>| {
        let is_refused = d.status.as_ref().and_then(|status| status.phase) == Some(DecisionPhase::Refused);
        d.spec.r#type == DecisionType::Freeze && d.metadata.deletion_timestamp.is_none() && !is_refused
    };
    let decided = sorted(freezes_of(stores, environment)).into_iter().filter(stands);
    let decided = decided.map(|decision| Freezing {
        source: format!("{}, by Decision {}", decision.spec.user.as_deref().unwrap_or("someone"), decision.name_any()),
        reason: decision.spec.reason.clone(),
        until: decision.spec.until,
    });
    [home, &environment.spec.target_namespace].into_iter().filter_map(annotated).chain(decided).collect()
}

/// The Decisions Freeze and Unfreeze about an Environment.
pub fn freezes_of(stores: &Stores, environment: &Environment) -> Vec<Arc<Decision>> {
    let namespace = environment.namespace().unwrap_or_default();
    stores.decisions.state_filter(|decision| {
        decision.spec.pipeline.is_none()
            && decision.spec.environment == environment.metadata.name
            && is_in(decision, &namespace)
    })
}
