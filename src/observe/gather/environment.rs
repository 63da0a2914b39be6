//! One Environment as its own pass sees it.

use super::{access, sorted};
use crate::observe::relate::pipelines_through;
use crate::observe::snapshot::EnvironmentView;
use crate::observe::stores::{Stores, get};

/// None if there is no such Environment.
pub fn gather_environment(stores: &Stores, namespace: &str, name: &str) -> Option<EnvironmentView> {
    let environment = get(&stores.environments, namespace, name)?;
    Some(EnvironmentView {
        access: access::access(stores, &environment),
        pipelines: sorted(pipelines_through(stores, &environment)),
        environment,
    })
}
