//! Whether the admission policies of the chart are in force, and since when.

use crate::api::{Span, Time};
use crate::observe::health::WatchHealth;
use crate::observe::slim::admission::{AdmissionPolicy, GUARDS, PolicyKind};
use crate::observe::snapshot::Admission;
use crate::observe::stores::Stores;

/// Policies that every installation has.
pub const RULES: [&str; 10] = [
    "windlass-ban",
    "windlass-test-runs",
    "windlass-requested-by",
    "windlass-decide",
    "windlass-status",
    "windlass-deliver-release",
    "windlass-deliver-head",
    "windlass-pins",
    "windlass-finalizers",
    "windlass-owners",
];

/// By which the users on our objects are true: the server writes them, or wants them stated.
pub const STAMPS: [&str; 4] =
    ["windlass-stamp-release", "windlass-stamp-decision", "windlass-stamp-head", "windlass-stamp-report"];
pub const DEMANDS: [&str; 3] = ["windlass-demand-user", "windlass-demand-head", "windlass-demand-report"];

const VALIDATING: [PolicyKind; 2] = [PolicyKind::Validating, PolicyKind::ValidatingBinding];
const MUTATING: [PolicyKind; 2] = [PolicyKind::Mutating, PolicyKind::MutatingBinding];
const MUTATING_BETA: [PolicyKind; 2] = [PolicyKind::MutatingBeta, PolicyKind::MutatingBindingBeta];

/// The server takes a moment to put in force what it has: words of these seconds do not count.
const SETTLES: Span = Span::seconds(5);

/// What is seen of them.
pub fn admission(stores: &Stores, health: &WatchHealth) -> Admission {
    let stamps = [MUTATING, MUTATING_BETA].into_iter().find(|kinds| {
        let [policy, _] = kinds;
        STAMPS.iter().any(|name| stores.policies.get(*policy, name).is_some())
    });
    let users: Vec<(&str, [PolicyKind; 2])> = match stamps {
        Some(kinds) => STAMPS.map(|name| (name, kinds)).into(),
        None => DEMANDS.map(|name| (name, VALIDATING)).into(),
    };
    let all = RULES.map(|name| (name, VALIDATING)).into_iter().chain(users);
    let dead = health.dead();
    let mut since = Time::default();
    for (name, kinds) in all {
        for kind in kinds {
            if let Some(why) = unseen(health, &dead, kind) {
                return Admission::Unseen(why);
            }
            match in_force(stores, kind, name) {
                Ok(made) => since = since.max(made),
                Err(why) => return Admission::Open(why),
            }
        }
    }
    Admission::InForce { since: since.plus(SETTLES) }
}

/// Whether GitOps tools are kept from the images.
pub fn is_guarded(stores: &Stores) -> bool {
    GUARDS.iter().all(|name| MUTATING.iter().all(|kind| in_force(stores, *kind, name).is_ok()))
}

/// Why what is known of that kind may not be so any more, if that is so.
fn unseen(health: &WatchHealth, dead: &[&'static str], kind: PolicyKind) -> Option<String> {
    let name = kind.as_str();
    if health.is_absent(name) {
        Some(format!("the server does not let Windlass list {name}"))
    } else {
        dead.contains(&name).then(|| format!("the watch of {name} is dead"))
    }
}

/// When it was made; or why it does not do its work.
fn in_force(stores: &Stores, kind: PolicyKind, name: &str) -> Result<Time, String> {
    let Some(found) = stores.policies.get(kind, name) else {
        return Err(format!("{} {name} is missing", kind.as_str()));
    };
    let AdmissionPolicy { metadata, gap } = found.as_ref();
    match gap {
        Some(gap) => Err(format!("{} {name} {gap}", kind.as_str())),
        None if metadata.deletion_timestamp.is_some() => Err(format!("{} {name} is being deleted", kind.as_str())),
        None => Ok(metadata.creation_timestamp.as_ref().map_or(Time::default(), Time::from)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::tests::fixture::World;

    /// As the server has it: with what it fills in, and a status.
    fn policy(kind: &str, name: &str) -> Value {
        let made = "2026-11-20T09:00:00Z";
        let spec = json!({"failurePolicy": "Fail", "validations": [{}],
            "matchConstraints": {"matchPolicy": "Equivalent", "namespaceSelector": {}, "resourceRules": [{"resources": ["decisions"]}]},
            "matchConditions": [{"name": "not-the-operator", "expression": "true"}]});
        json!({"kind": kind, "metadata": {"name": name, "creationTimestamp": made}, "spec": spec, "status": {"observedGeneration": 1}})
    }

    fn binding(kind: &str, name: &str) -> Value {
        let made = if name == "windlass-decide" { "2026-11-21T09:00:00Z" } else { "2026-11-20T09:00:00Z" };
        let narrowed = json!({"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}});
        let mut spec = json!({"policyName": name, "matchResources": narrowed});
        if kind.starts_with("Validating") {
            spec["validationActions"] = json!(["Deny"]);
        }
        json!({"kind": kind, "metadata": {"name": name, "creationTimestamp": made}, "spec": spec})
    }

    /// The chart's, with users that are stamped by policies of that version, or stated.
    fn installed(stamps: Option<&str>) -> World {
        let mut world = World::default();
        let (users, kind) = match stamps {
            Some(version) => (STAMPS.to_vec(), format!("Mutating{version}")),
            None => (DEMANDS.to_vec(), "Validating".to_owned()),
        };
        let all = RULES.map(|name| (name, "Validating".to_owned())).into_iter();
        for (name, kind) in all.chain(users.into_iter().map(|name| (name, kind.clone()))) {
            let (kind, version) = kind.split_at(kind.find('.').unwrap_or(kind.len()));
            world.put(policy(&format!("{kind}AdmissionPolicy{version}"), name));
            world.put(binding(&format!("{kind}AdmissionPolicyBinding{version}"), name));
        }
        world
    }

    fn seen(world: &World) -> Admission {
        admission(&world.stores(), &WatchHealth::default())
    }

    fn since(text: &str) -> Admission {
        Admission::InForce { since: serde_json::from_value(text.into()).unwrap() }
    }

    #[test]
    fn they_are_in_force_since_the_last_was_made_however_users_come_to_be_true() {
        for stamps in [Some(""), Some(".v1beta1"), None] {
            assert_eq!(seen(&installed(stamps)), since("2026-11-21T09:00:05Z"), "{stamps:?}");
        }
    }

    #[test]
    fn what_is_missing_or_toothless_is_named() {
        let nothing = World::default();
        assert_eq!(seen(&nothing), Admission::Open("ValidatingAdmissionPolicy windlass-ban is missing".into()));
        let (policy_kind, binding_kind) = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding");
        let selects = || json!({"matchLabels": {"a": "b"}});
        for (kind, pointer, value, why) in [
            (
                policy_kind,
                "/spec/failurePolicy",
                json!("Ignore"),
                "lets through what it fails to judge (failurePolicy)",
            ),
            (policy_kind, "/spec/paramKind", json!({"kind": "ConfigMap"}), "depends on parameters (paramKind)"),
            (policy_kind, "/spec/matchConstraints/resourceRules", json!([]), "is narrowed (matchConstraints)"),
            (policy_kind, "/spec/matchConstraints/excludeResourceRules", json!([{}]), "is narrowed (matchConstraints)"),
            (policy_kind, "/spec/matchConstraints/objectSelector", selects(), "is narrowed (matchConstraints)"),
            (policy_kind, "/spec/matchConditions", json!([{"name": "never"}]), "is narrowed (matchConditions)"),
            (policy_kind, "/spec/validations", json!([]), "asks for nothing (validations, mutations)"),
            (binding_kind, "/spec/validationActions", json!(["Warn", "Audit"]), "does not deny (validationActions)"),
            (binding_kind, "/spec/policyName", json!("windlass-ban"), "binds another policy (policyName)"),
            (binding_kind, "/spec/matchResources/namespaceSelector", selects(), "is narrowed (matchResources)"),
            (binding_kind, "/metadata/deletionTimestamp", json!("2026-11-21T10:00:00Z"), "is being deleted"),
        ] {
            let mut world = installed(Some(""));
            let mut object =
                if kind == policy_kind { policy(kind, "windlass-status") } else { binding(kind, "windlass-status") };
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            object.pointer_mut(parent).unwrap()[field] = value;
            world.put(object);
            assert_eq!(seen(&world), Admission::Open(format!("{kind} windlass-status {why}")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_watched_any_more_is_not_known_to_be_in_force() {
        let (world, health) = (installed(Some("")), WatchHealth::default());
        let watch = health.kind("ValidatingAdmissionPolicy");
        let of = |why: &str| Admission::Unseen(why.into());
        assert_eq!(admission(&world.stores(), &health), of("the watch of ValidatingAdmissionPolicy is dead"));
        watch.mark_initialised();
        watch.touch();
        assert_eq!(admission(&world.stores(), &health), since("2026-11-21T09:00:05Z"));
        watch.mark_absent(true);
        assert_eq!(
            admission(&world.stores(), &health),
            of("the server does not let Windlass list ValidatingAdmissionPolicy")
        );
        watch.mark_absent(false);
        tokio::time::advance(health.silence() * 2).await;
        assert_eq!(admission(&world.stores(), &health), of("the watch of ValidatingAdmissionPolicy is dead"));
    }

    #[test]
    fn the_guard_stands_with_its_binding_or_not_at_all() {
        let mut world = installed(Some(""));
        for name in GUARDS {
            let mut lenient = policy("MutatingAdmissionPolicy", name);
            lenient["spec"]["failurePolicy"] = json!("Ignore");
            assert!(!is_guarded(&world.stores()), "{name} is missing");
            world.put(lenient);
            assert!(!is_guarded(&world.stores()), "{name} is not bound");
            world.put(binding("MutatingAdmissionPolicyBinding", name));
        }
        assert!(is_guarded(&world.stores()));
        let mut narrowed = policy("MutatingAdmissionPolicy", GUARDS[0]);
        narrowed["spec"]["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
        world.put(narrowed);
        assert!(!is_guarded(&world.stores()), "it guards less than it should");
    }

    #[test]
    fn one_stamp_alone_is_not_enough() {
        let mut world = installed(None);
        world.put(policy("MutatingAdmissionPolicy", "windlass-stamp-head"));
        let why = "MutatingAdmissionPolicy windlass-stamp-release is missing";
        assert_eq!(seen(&world), Admission::Open(why.into()));
    }
}
