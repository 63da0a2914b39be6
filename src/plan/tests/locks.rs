//! The lock of an autoscaler that does not count a clone's pods: when it is put on and taken off, and whose it stays.

use serde_json::{Value, json};

use super::clones::size;
use super::desk::{Desk, image};
use super::routing::{canary, routed};
use crate::observe::{Autoscaler, Claim, Snapshot, TroubleKind};
use crate::plan::Action;

/// What the desk's server does with a lock.
pub fn carry_out(snap: &mut Snapshot, version: u64, action: &Action) {
    let (is_lock, of_uid, of_version) = match action {
        Action::LockScaleDown { uid, resource_version, .. } => (true, uid, resource_version),
        Action::UnlockScaleDown { uid, resource_version, .. } => (false, uid, resource_version),
        other => panic!("{other:?} is about no lock"),
    };
    let all = snap.places.values_mut().flat_map(|place| &mut place.autoscalers);
    let found = all.into_iter().find(|autoscaler| autoscaler.uid == *of_uid).expect("an autoscaler");
    assert_eq!(found.resource_version, *of_version);
    found.resource_version = version.to_string();
    found.lock = is_lock.then_some(Claim::Ours);
    found.is_disabled = is_lock;
}

fn autoscaler() -> Autoscaler {
    Autoscaler {
        namespace: "shop-production".into(),
        name: "web".into(),
        uid: "web-uid".into(),
        resource_version: "1".into(),
        deleting: false,
        deployment: Some("checkout".into()),
        counts_clone: false,
        is_controlled: false,
        is_disabled: false,
        lock: None,
    }
}

/// Production has two steps of a minute beside four pods and this autoscaler; 1.8.0 is on its way there.
fn beside(autoscaler: Autoscaler, change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][1]["strategy"] = canary(&[25, 50]);
        change(spec);
    });
    desk.change("production", "checkout", |w| size(w, 4));
    desk.place("production").autoscalers.push(autoscaler);
    desk.release("1.8.0", 1);
    desk
}

fn found(desk: &mut Desk) -> &mut Autoscaler {
    &mut desk.place("production").autoscalers[0]
}

/// What was done with clones and locks in production, in order.
fn told(desk: &Desk) -> Vec<String> {
    let line = |action: &Action| match action {
        Action::CreateClone(_) => Some("clone".to_owned()),
        Action::ScaleClone(scale) => Some(format!("{} pods", scale.replicas)),
        Action::RemoveClone { .. } => Some("no clone".to_owned()),
        Action::LockScaleDown { .. } => Some("lock".to_owned()),
        Action::UnlockScaleDown { .. } => Some("unlock".to_owned()),
        _ => None,
    };
    desk.done.iter().filter_map(line).collect()
}

#[test]
fn it_is_locked_before_the_clone_has_pods_and_unlocked_when_it_is_gone() {
    let mut desk = beside(autoscaler(), |_| {});
    desk.run();
    assert_eq!(told(&desk), ["clone", "lock", "1 pods"]);
    desk.pass(60).run().pass(60).run().pass(61).finish();
    assert_eq!(told(&desk), ["clone", "lock", "1 pods", "4 pods", "0 pods", "no clone", "unlock"]);
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn no_pod_of_a_clone_comes_before_the_lock_stands() {
    let mut desk = beside(autoscaler(), |_| {});
    desk.until(|desk| told(desk).contains(&"lock".to_owned()));
    // the server has not taken it
    let before = autoscaler();
    for _ in 0..5 {
        *found(&mut desk) = before.clone();
        desk.step();
    }
    assert!(!told(&desk).contains(&"1 pods".to_owned()), "{:?}", told(&desk));
    desk.decide("Abort", json!({"environment": "production"}));
    for _ in 0..20 {
        *found(&mut desk) = before.clone();
        desk.step();
    }
    assert_eq!(desk.phase("1.8.0", "production"), "Reverted Aborted", "it bars no way back");
}

#[test]
fn what_needs_no_lock_gets_none() {
    type Change = fn(&mut Autoscaler);
    let cases: [(&str, Change); 5] = [
        ("it counts the clone", |a| a.counts_clone = true),
        ("it does not shrink anyway", |a| a.is_disabled = true),
        ("another controller writes it", |a| a.is_controlled = true),
        ("it scales something else", |a| a.deployment = Some("other".into())),
        ("another pipeline looks after its lock", |a| a.lock = Some(Claim::Other("shop/other".into()))),
    ];
    for (name, change) in cases {
        let mut other = autoscaler();
        change(&mut other);
        let mut desk = beside(other, |_| {});
        desk.run();
        assert_eq!(told(&desk), ["clone", "1 pods"], "{name}");
    }
    let mut desk = beside(autoscaler(), |spec| spec["stages"][1]["strategy"]["canary"]["autoscaler"] = "Ignore".into());
    desk.run();
    assert_eq!(told(&desk), ["clone", "1 pods"]);
}

#[test]
fn what_someone_else_does_to_a_locked_one_is_left_alone() {
    let mut desk = beside(autoscaler(), |_| {});
    desk.run();
    found(&mut desk).is_disabled = false;
    desk.pass(1).run();
    *found(&mut desk) = autoscaler();
    desk.pass(1).run();
    assert_eq!(told(&desk), ["clone", "lock", "1 pods"]);
}

#[test]
fn a_failure_takes_it_off_when_the_clone_is_gone() {
    let mut desk = beside(autoscaler(), |_| {});
    desk.run();
    desk.crash_clone("production", TroubleKind::CrashLoop).run();
    assert_eq!(told(&desk), ["clone", "lock", "1 pods", "0 pods", "no clone", "unlock"]);
}

#[test]
fn the_pipeline_and_its_stage_stay_until_it_is_off() {
    for by in ["pipeline", "stage"] {
        let mut desk = beside(autoscaler(), |_| {});
        desk.run();
        let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
        if by == "pipeline" {
            pipeline.metadata.deletion_timestamp = Some(desk.now.into());
        } else {
            pipeline.spec.stages.pop();
        }
        desk.until(|desk| told(desk).contains(&"no clone".to_owned()));
        assert!(desk.snap.pipeline.metadata.finalizers.is_some(), "{by}");
        desk.finish();
        assert!(found(&mut desk).lock.is_none(), "{by}: {:?}", told(&desk));
        assert_eq!(desk.snap.pipeline.metadata.finalizers.clone().unwrap_or_default(), Vec::<String>::new(), "{by}");
        assert_eq!(desk.snap.pipeline.status.as_ref().unwrap().stages.len(), if by == "stage" { 1 } else { 2 });
    }
}

#[test]
fn a_lock_that_was_left_is_put_back_before_a_new_one_comes() {
    let left = Autoscaler { lock: Some(Claim::None), is_disabled: true, ..autoscaler() };
    let mut desk = beside(left, |_| {});
    desk.run();
    assert_eq!(told(&desk), ["clone"], "whoever looks after what is left puts it back");
    *found(&mut desk) = autoscaler();
    desk.run();
    assert_eq!(told(&desk), ["clone", "lock", "1 pods"]);

    let ours = Autoscaler { lock: Some(Claim::Ours), is_disabled: true, ..autoscaler() };
    let mut idle = Desk::adopted(|_| {});
    idle.place("production").autoscalers.push(ours);
    idle.run();
    assert_eq!(told(&idle), ["unlock"], "no rollout wants it");
}

#[test]
fn a_switch_is_locked_as_well() {
    let mut desk = Desk::new(|spec| {
        spec["stages"][1]["strategy"] = json!({"blueGreen": {}});
        routed(spec);
    });
    desk.routable("production").go(2);
    desk.place("production").autoscalers.push(autoscaler());
    desk.release("1.8.0", 1);
    desk.go(1);
    assert_eq!(told(&desk)[..3], ["clone", "lock", "2 pods"]);
    for _ in 0..20 {
        desk.go(11);
    }
    assert_eq!(told(&desk).last().map(String::as_str), Some("unlock"));
}
