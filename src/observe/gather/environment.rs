//! One Environment as its own pass sees it.

use super::{access, sorted};
use crate::api::Environment;
use crate::observe::relate::pipelines_through;
use crate::observe::snapshot::EnvironmentView;
use crate::observe::stores::{Stores, get};

/// None if there is no such Environment. `home` is the operator's own namespace.
pub fn gather_environment(stores: &Stores, home: &str, namespace: &str, name: &str) -> Option<EnvironmentView> {
    let environment = get(&stores.environments, namespace, name)?;
    Some(EnvironmentView {
        access: access::access(stores, &environment),
        pipelines: sorted(pipelines_through(stores, &environment)),
        freezes: freezes(stores, home, &environment),
        environment,
    })
}

/// Namespaces whose annotation freezes an Environment, and why: the operator's own, and its target.
pub fn freezes(stores: &Stores, home: &str, environment: &Environment) -> Vec<(String, String)> {
    let freeze = |namespace: &str| {
        let reason = get(&stores.namespaces, "", namespace)?.freeze()?.to_owned();
        Some((namespace.to_owned(), reason))
    };
    [home, &environment.spec.target_namespace].into_iter().filter_map(freeze).collect()
}
