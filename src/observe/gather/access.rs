//! Whether an Environment may be used: its namespace exists, lets it in, and is not another's.

use std::sync::Arc;

use kube::ResourceExt;

use crate::api::Environment;
use crate::observe::snapshot::Access;
use crate::observe::stores::{Stores, get};

/// One Environment holds a namespace: the one that the namespace names, else the first of its own namespace.
pub fn access(stores: &Stores, environment: &Environment) -> Access {
    let namespace = environment.spec.target_namespace.clone();
    let Some(target) = get(&stores.namespaces, "", &namespace) else { return Access::NamespaceMissing { namespace } };
    let named = target.accepts();
    let is_own = environment.namespace().as_deref() == Some(namespace.as_str());
    let is_named = named.is_some_and(|named| is(environment, named));
    if is_named {
        return Access::Granted { namespace };
    }
    if !is_own {
        return Access::NoConsent { namespace };
    }
    match holder(stores, &namespace, named) {
        Some(holder) if holder.uid() != environment.uid() => {
            let by = format!("{}/{}", holder.namespace().unwrap_or_default(), holder.name_any());
            Access::NamespaceTaken { namespace, by }
        }
        Some(_) | None => Access::Granted { namespace },
    }
}

fn is(environment: &Environment, (namespace, name): (&str, &str)) -> bool {
    environment.metadata.namespace.as_deref() == Some(namespace) && environment.metadata.name.as_deref() == Some(name)
}

/// The Environment that holds the namespace. A consent for one that does not exist, or points elsewhere, counts as none.
fn holder(stores: &Stores, namespace: &str, named: Option<(&str, &str)>) -> Option<Arc<Environment>> {
    let candidates = stores.environments.state_filter(|environment| {
        environment.spec.target_namespace == namespace
            && (environment.metadata.namespace.as_deref() == Some(namespace)
                || named.is_some_and(|named| is(environment, named)))
    });
    candidates.into_iter().min_by_key(|environment| {
        let is_named = named.is_some_and(|named| is(environment, named));
        (!is_named, environment.creation_timestamp().map(|at| at.0), environment.name_any())
    })
}
