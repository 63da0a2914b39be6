//! Leaders that follow one another: whose term it is, what the present one has touched, and what a late write of an earlier one may
//! still do.

use std::sync::Arc;

use windlass::observe::{Touchable, Untouched};
use windlass::plan::Action;

use crate::safety::{Holds, holds};
use crate::server::edit_job;
use crate::world::{World, Write};

/// As a checkpoint has it.
pub fn text(world: &World) -> Arc<str> {
    if world.operator.term == 0 { Arc::default() } else { world.operator.term.to_string().into() }
}

/// Whether the present leader has decided.
pub fn is_settled(world: &World) -> bool {
    world.status().is_some_and(|status| *status.term == *text(world))
}

/// Puts the term on an object. False if it is not as it was seen.
pub fn touch(world: &mut World, of: &Untouched) -> bool {
    let at = crate::server::place_of(&of.namespace);
    if !world.places[at].changeable().contains(of) {
        return false;
    }
    match of.kind {
        Touchable::Job => edit_job(world, &of.uid, |_| {}),
        Touchable::Workload(_) => {
            let place = &world.places[at];
            let key = place.workloads.iter().find(|(_, w)| w.uid == of.uid).map(|(key, _)| key.clone());
            let clone = || place.clones.iter().find(|(_, w)| w.uid == of.uid).map(|(key, _)| key);
            let key = key.or_else(|| clone().map(|key| format!("{}{key}", crate::clones::PREFIX)));
            world.edit(at, &key.unwrap_or_default(), |_| {});
        }
        Touchable::Autoscaler | Touchable::Routing(_) => {
            let version = world.next_version();
            let place = Arc::make_mut(&mut world.places[at]);
            place
                .autoscalers
                .iter_mut()
                .filter(|a| a.uid == of.uid)
                .for_each(|a| a.resource_version.clone_from(&version));
            let routing = &mut place.routing;
            routing.route.iter_mut().filter(|r| r.uid == of.uid).for_each(|r| r.resource_version.clone_from(&version));
            let services = routing.services.values_mut().filter(|s| s.uid == of.uid);
            services.for_each(|s| s.resource_version.clone_from(&version));
        }
    }
    let version = world.version;
    world.operator.touched.insert(of.uid.clone(), version);
    world.operator.doubts.remove(&of.uid);
    true
}

/// S12: what an earlier leader planned changes nothing that the present one has decided about. What it makes has no pods and no
/// requests; what people read is written anew.
pub fn arrived(write: &Write, is_settled: bool, has_effect: bool) -> Holds {
    let is_change = match write {
        Write::Checkpoint { .. } => true,
        Write::Effect(action) => {
            matches!(
                action,
                Action::SetImages(_)
                    | Action::ScaleClone(_)
                    | Action::StartJob { .. }
                    | Action::LockScaleDown { .. }
                    | Action::UnlockScaleDown { .. }
                    | Action::RemoveClone { .. }
                    | Action::RemoveJob { .. }
                    | Action::RemoveRouting { .. }
                    | Action::Finalizer { .. }
            ) || matches!(action, Action::PutRoute(put) if put.stands.is_some())
        }
    };
    holds(!(is_change && is_settled && has_effect), "S12", || {
        format!("an earlier leader's write takes effect: {write:?}")
    })
}

/// What counts when worlds are compared.
pub fn canon(world: &World, c: &mut crate::canon::Canon) {
    use std::hash::Hash;
    (is_settled(world), world.operator.is_lost, world.operator.touched.keys().collect::<Vec<_>>()).hash(c);
    world.operator.doubts.hash(c);
}
