//! Releases and Decisions whose pipeline does not exist: waited for, then reported with the name (walk 2). Jobs,
//! clones, Services, routes and locks that nobody looks after any more: let go.

use crate::api::decision::DecisionPhase;
use crate::api::release::ReleaseStatus;
use crate::api::traffic::RoutingKind;
use crate::api::{Decision, DecisionType, Release, Span, Time};
use crate::observe::{Job, LeftLock, Loose, Orphan, Settings};

use super::action::{Action, Kind, PutRoute, ScaleClone, Stands};
use super::conditions::{self, Standing};
use super::draft::decision_status;
use super::effects::{is_guarded, target};
use super::promotion::is_final;
use super::traffic::route::weighed;
use super::world::{created, phase_of};

/// What a Release without a pipeline is told, and when to look again.
pub fn orphan_release(release: &Release, settings: Settings, now: Time) -> (Vec<Action>, Option<Time>) {
    let old = release.status.clone().unwrap_or_default();
    let generation = release.metadata.generation.unwrap_or_default();
    let since = conditions::since(&old.conditions, "Ready", "False").unwrap_or(now);
    let until = since.plus(settings.reference_grace);
    let (reason, message) = (
        "PipelineMissing".to_owned(),
        format!("spec.pipeline: DeliveryPipeline {} does not exist", release.spec.pipeline),
    );
    let (standing, wake) = if now >= until {
        (Standing::Stalled { reason, message: message.clone() }, None)
    } else {
        (Standing::Reconciling { reason, message: message.clone() }, Some(until))
    };
    let mut conditions = conditions::of(standing, &old.conditions, generation, now);
    conditions.push(conditions::condition(
        &old.conditions,
        "Delivered",
        "Unknown",
        "PipelineMissing",
        &message,
        generation,
        now,
    ));
    let status = ReleaseStatus { observed_generation: generation, conditions, waiting_for: Some(message), ..old };
    let mut actions = Vec::new();
    if release.status.as_ref() != Some(&status) {
        actions.push(Action::ReleaseStatus { target: target(Kind::Release, release), status: Box::new(status) });
    }
    if is_guarded(release) {
        actions.push(Action::Finalizer { target: target(Kind::Release, release), present: false });
    }
    (actions, wake)
}

/// A Decision about a pipeline or an Environment that does not come is refused; a Ban or a Withdraw waits for it.
pub fn orphan_decision(decision: &Decision, settings: Settings, now: Time) -> (Vec<Action>, Option<Time>) {
    let binds = matches!(decision.spec.r#type, DecisionType::Ban | DecisionType::Withdraw);
    if binds || is_final(phase_of(decision)) {
        return (Vec::new(), None);
    }
    let until = created(&decision.metadata).plus(settings.reference_grace);
    if now < until {
        return (Vec::new(), Some(until));
    }
    let why = match (&decision.spec.pipeline, &decision.spec.environment) {
        (Some(pipeline), _) => format!("spec.pipeline: DeliveryPipeline {pipeline} does not exist"),
        (None, environment) => {
            format!("spec.environment: Environment {} does not exist", environment.as_deref().unwrap_or_default())
        }
    };
    let status = decision_status(decision, DecisionPhase::Refused, &why);
    (vec![Action::DecisionStatus { target: target(Kind::Decision, decision), status }], None)
}

/// A Job that nobody looks after has no verdict to be kept for: its finalizer would block its namespace for ever.
pub fn orphan_job(job: &Job) -> Vec<Action> {
    if !job.kept && job.deleting {
        return Vec::new();
    }
    let (namespace, name) = (job.namespace.clone(), job.name.clone());
    let (uid, resource_version) = (job.uid.clone(), job.resource_version.clone());
    vec![Action::RemoveJob { namespace, name, uid, resource_version }]
}

/// How long routers are given to go by what a route says, and to drain what is under way.
pub const REROUTED: Span = Span::seconds(30);

/// A clone that nobody looks after goes as any other, and when to look again: its exposure first, but not where it alone
/// answers, nor while requests may still come to it by what a route said.
pub fn orphan_clone(clone: &Orphan, now: Time) -> (Option<Action>, Option<Time>) {
    let (namespace, name) = (clone.namespace.clone(), clone.name.clone());
    let (uid, resource_version) = (clone.uid.clone(), clone.resource_version.clone());
    if clone.deleting || clone.is_needed {
        (None, None)
    } else if clone.wanted > 0 {
        let scale = ScaleClone { namespace, name, uid, resource_version, replicas: 0, confirm: Vec::new() };
        after(clone.rerouted, now, Some(Action::ScaleClone(scale)))
    } else {
        (clone.is_empty.then_some(Action::RemoveClone { namespace, name, uid, resource_version }), None)
    }
}

/// That action, or when there will be time for it.
fn after(rerouted: Option<Time>, now: Time, action: Option<Action>) -> (Option<Action>, Option<Time>) {
    let free = rerouted.map(|at| at.plus(REROUTED)).filter(|free| *free > now);
    if free.is_some() { (None, free) } else { (action, None) }
}

/// What becomes of a Service or route that nobody looks after, and when to look again. It goes when nothing rests on it any
/// more, a Service a while after the last write of a route beside it. A route sends nothing to clones first.
pub fn orphan_routing(found: &Loose, now: Time) -> (Option<Action>, Option<Time>) {
    after(found.rerouted.filter(|_| found.kind == RoutingKind::Service), now, removed(found))
}

fn removed(found: &Loose) -> Option<Action> {
    let Loose { kind, namespace, name, uid, resource_version, is_needed, exposing, claim, deleting, .. } =
        found.clone();
    if let Some(route) = exposing.filter(|_| !deleting) {
        let stands = Some(Stands { uid, resource_version });
        let (shape, existing, confirm) = (weighed(&route, 0)?, route.existing, Vec::new());
        return Some(Action::PutRoute(PutRoute { namespace, name, stands, shape, existing, claim, confirm }));
    }
    let is_free = !is_needed && !deleting;
    is_free.then_some(Action::RemoveRouting { kind, namespace, name, uid, resource_version })
}

/// A lock that nobody looks after goes when the clone has.
pub fn left_lock(found: &LeftLock) -> Option<Action> {
    let LeftLock { namespace, name, uid, resource_version, is_needed, deleting } = found.clone();
    (!is_needed && !deleting).then_some(Action::UnlockScaleDown { namespace, name, uid, resource_version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::traffic::{Backend, Existing, Position, RouteKind, RouteShape};
    use crate::observe::{Claim, Route};

    fn backend(name: &str, weight: u32) -> Backend {
        Backend { name: format!("web-{name}"), port: 80, weight }
    }

    fn sent(existing: Option<Existing>) -> PutRoute {
        let backends = vec![backend("stable", 20), backend("canary", 80)];
        let shape = Some(RouteShape { backends, ..RouteShape::default() });
        let Loose { namespace, name, uid, resource_version, deleting, .. } = loose(true, false);
        let (kind, claim, generation, obstacle, writer) = (RouteKind::Http, Claim::None, 1, None, None);
        let route = Route {
            kind,
            namespace,
            name,
            uid,
            resource_version,
            generation,
            deleting,
            claim,
            shape,
            existing,
            obstacle,
            writer,
            written: None,
        };
        match removed(&Loose { exposing: Some(Box::new(route)), ..loose(true, false) }) {
            Some(Action::PutRoute(put)) => put,
            other => panic!("it is not written: {other:?}"),
        }
    }

    #[test]
    fn a_route_sends_nothing_to_clones_before_they_go() {
        assert_eq!(sent(None).shape.backends, [backend("stable", 100), backend("canary", 0)]);
        let positions = vec![Position { rule: 0, backend: 0 }, Position { rule: 0, backend: 1 }];
        let existing = Existing { positions, is_divided: true };
        let put = sent(Some(existing.clone()));
        assert_eq!(
            (put.shape.backends, put.existing),
            (vec![backend("stable", 100), backend("canary", 0)], Some(existing))
        );
    }

    #[test]
    fn a_clone_answers_what_routers_may_still_send_to_it() {
        let at = Time::from_millis(1_000_000);
        let Loose { namespace, name, uid, resource_version, deleting, .. } = loose(false, false);
        let clone = |rerouted| Orphan {
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
            resource_version: resource_version.clone(),
            wanted: 1,
            is_empty: false,
            is_needed: false,
            rerouted,
            deleting,
        };
        let free = at.plus(REROUTED);
        assert_eq!(orphan_clone(&clone(Some(at)), at.plus(Span::seconds(29))), (None, Some(free)));
        assert!(orphan_clone(&clone(Some(at)), free).0.is_some() && orphan_clone(&clone(None), at).0.is_some());
    }

    fn loose(is_needed: bool, deleting: bool) -> Loose {
        Loose {
            kind: RoutingKind::Route(RouteKind::Http),
            namespace: "shop".into(),
            name: "windlass-checkout".into(),
            uid: "u".into(),
            resource_version: "1".into(),
            is_needed,
            rerouted: None,
            exposing: None,
            claim: "shop/checkout/p1".into(),
            deleting,
        }
    }

    #[test]
    fn what_something_rests_on_stays() {
        let lock = |is_needed, deleting| {
            let Loose { namespace, name, uid, resource_version, .. } = loose(is_needed, deleting);
            left_lock(&LeftLock { namespace, name, uid, resource_version, is_needed, deleting })
        };
        assert!(lock(false, false).is_some() && lock(true, false).is_none() && lock(false, true).is_none());
        assert!(removed(&loose(false, false)).is_some());
        assert!(removed(&loose(true, false)).is_none() && removed(&loose(false, true)).is_none());
    }

    #[test]
    fn a_service_stays_while_routers_may_still_go_by_what_a_route_said() {
        let at = Time::from_millis(1_000_000);
        let service = Loose { kind: RoutingKind::Service, rerouted: Some(at), ..loose(false, false) };
        let free = at.plus(REROUTED);
        assert_eq!(orphan_routing(&service, at.plus(Span::seconds(29))), (None, Some(free)));
        assert!(orphan_routing(&service, free).0.is_some());
        assert!(
            orphan_routing(&Loose { rerouted: Some(at), ..loose(false, false) }, at).0.is_some(),
            "a route is its own"
        );
    }
}
