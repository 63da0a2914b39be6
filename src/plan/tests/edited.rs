//! The pipeline is edited while it delivers: what the spec names only since was written by nobody.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, START, image};
use crate::api::checkpoint::HoldKind;
use crate::api::pipeline::{ImageSource, WorkloadKind};
use crate::observe::{Access, TroubleKind};

const OLD: &str = "elsewhere.example/old:1";

fn delivered() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk
}

fn is_held(desk: &Desk) -> bool {
    ["staging", "production"].iter().any(|e| desk.stage(e).held.is_some())
}

/// The hold of production.
fn held(desk: &Desk) -> Option<HoldKind> {
    desk.stage("production").held.as_ref().map(|h| h.kind)
}

/// Another container of the workload is managed from now on.
fn manage_sidecar(desk: &mut Desk) {
    for environment in ["staging", "production"] {
        desk.change(environment, "checkout", |w| drop(w.images.insert("sidecar".into(), "side:1".into())));
    }
    desk.run();
    let spec = &mut Arc::make_mut(&mut desk.snap.pipeline).spec;
    let mut container = spec.workloads[0].containers[0].clone();
    container.name = "sidecar".into();
    spec.workloads[0].containers.push(container);
    desk.run();
}

fn sidecar(desk: &Desk) -> &str {
    &desk.snap.places["staging"].workloads["Deployment/checkout"].images["sidecar"]
}

#[test]
fn a_new_workload_waits_for_the_next_release() {
    let mut desk = delivered();
    desk.grow("worker").run();
    assert_eq!((desk.image("staging", "worker").as_str(), is_held(&desk)), (OLD, false));
    desk.release("1.9.0", 2).finish();
    assert_eq!((desk.image("production", "worker"), is_held(&desk)), (image("1.9.0"), false));
}

#[test]
fn a_new_workload_goes_back_to_what_was_found_in_it() {
    let mut desk = delivered();
    desk.grow("worker").run().release("1.9.0", 2);
    desk.until(|desk| desk.image("staging", "worker") == image("1.9.0")).crash("staging", "worker").run();
    assert_eq!(desk.image("staging", "worker"), OLD);
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    desk.heal("staging", "worker").run();
    assert_eq!(
        desk.history("staging").last().map(String::as_str),
        Some("checkout-1.9.0 ImageOnly Failed"),
        "a workload more than recorded"
    );
    assert!(!is_held(&desk), "{:?}", desk.stage("staging").held);
}

#[test]
fn a_new_container_is_nobodys_write_and_goes_back_to_what_was_found_in_it() {
    let mut desk = delivered();
    manage_sidecar(&mut desk);
    assert_eq!((sidecar(&desk), is_held(&desk)), ("side:1", false));
    desk.release("1.9.0", 2).until(|desk| sidecar(desk) == image("1.9.0")).crash("staging", "checkout").run();
    assert_eq!((sidecar(&desk), desk.image("staging", "checkout")), ("side:1", image("1.8.0")));
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.9.0 Reverted Failed"));
    assert!(!is_held(&desk));
}

/// A release fails in that environment at the workload that was there before.
fn fail(desk: &mut Desk, version: &str, minute: i64) {
    desk.release(version, minute).until_written("staging", version).crash("staging", "checkout").run();
    desk.heal("staging", "checkout").run();
    assert!(desk.history("staging").last().unwrap().ends_with("ImageOnly Failed"), "{:?}", desk.history("staging"));
}

#[test]
fn a_new_workload_that_a_release_did_not_reach_is_still_new_for_the_next() {
    let mut desk = delivered();
    desk.grow("worker").run();
    fail(&mut desk, "1.9.0", 2);
    assert_eq!((desk.image("staging", "worker").as_str(), is_held(&desk)), (OLD, false));
    // and a template that changes meanwhile writes no image
    desk.change("staging", "worker", |w| w.fingerprint = "f1".into()).run();
    desk.release("2.0.0", 3);
    desk.until(|desk| desk.image("staging", "worker") == image("2.0.0")).crash("staging", "worker").run();
    assert_eq!((desk.image("staging", "worker").as_str(), is_held(&desk)), (OLD, false));
    desk.heal("staging", "worker").run();
    desk.release("2.1.0", 4).finish();
    assert_eq!((desk.image("production", "worker"), is_held(&desk)), (image("2.1.0"), false));
}

#[test]
fn a_new_workload_that_gets_no_clone_is_no_foreign_write_for_the_canary_after_one_that_went_back() {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"] = json!([{"environment": "production", "bake": "1m", "progressDeadline": "10m",
            "strategy": {"canary": {"steps": [{"weight": 50, "pause": "1m"}]}}}]);
    });
    desk.release("1.8.0", 1).pass(60).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    desk.grow_of(WorkloadKind::StatefulSet, "worker").run();
    desk.release("1.9.0", 2).until(|desk| desk.exposed("production").is_some());
    desk.crash_clone("production", TroubleKind::CrashLoop).run();
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.9.0 ImageOnly Failed"));
    desk.release("2.0.0", 3).run();
    assert_eq!((desk.phase("2.0.0", "production").as_str(), held(&desk)), ("Progressing", None));
    desk.pass(60).finish();
    assert_eq!((desk.image("production", "worker"), held(&desk)), (image("2.0.0"), None));
    desk.change("production", "worker", |w| drop(w.images.insert("app".into(), OLD.into()))).run();
    assert_eq!(held(&desk), Some(HoldKind::ExternalChange), "it is managed from then on");
}

#[test]
fn a_new_container_is_as_new_after_a_change_of_the_template() {
    let mut desk = delivered();
    manage_sidecar(&mut desk);
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 ConfigChanged"));
    desk.release("1.9.0", 2).until(|desk| sidecar(desk) == image("1.9.0")).crash("staging", "checkout").run();
    assert_eq!((sidecar(&desk), is_held(&desk)), ("side:1", false));
}

#[test]
fn a_renamed_image_in_mid_rollout_condemns_nothing_and_is_said() {
    let mut desk = delivered();
    desk.grow("worker").run().release("1.9.0", 2).until_written("staging", "1.9.0");
    let spec = &mut Arc::make_mut(&mut desk.snap.pipeline).spec;
    spec.images[0].name = "web".into();
    for container in spec.workloads.iter_mut().flat_map(|w| &mut w.containers) {
        container.image_name = "web".into();
    }
    desk.run().pass(601).run();
    assert_eq!(desk.bans(), 0, "{:?}", desk.history("staging"));
    desk.pass(601).run();
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.9.0 Failed Inconclusive"));
    let said = desk.stage("staging").alert.as_ref().map(|a| a.message.clone()).unwrap_or_default();
    assert!(said.contains("spec.images has no entry app"), "{said}");
}

#[test]
fn a_pruned_release_keeps_its_place_when_the_head_returns_to_it() {
    let head = |version: &str| json!({"version": version, "images": [{"name": "app", "ref": image(version)}]});
    let set = |desk: &mut Desk, value: Value| {
        let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
        pipeline.spec.release = Some(serde_json::from_value(value).expect("a head"));
        desk.pass(60).finish();
    };
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    let order = |desk: &Desk| desk.snap.pipeline.status.as_ref().and_then(|s| s.head.as_ref().map(|h| h.order));
    let first = order(&desk);
    assert!(first > Some(START));
    set(&mut desk, head("1.9.0"));
    desk.snap.releases.retain(|r| r.spec.build.version != "1.8.0");
    set(&mut desk, head("1.8.0"));
    assert_eq!(order(&desk), first);
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.9.0 Reverted HeadMovedBack"));
}

#[test]
fn an_environment_that_points_elsewhere_is_adopted_anew() {
    let mut desk = delivered();
    let writes = desk.writes();
    let place = desk.place("production");
    place.access = Access::Granted { namespace: "shop-elsewhere".into() };
    desk.change("production", "checkout", |w| {
        (w.uid, w.namespace, w.attempt) = ("there".into(), "shop-elsewhere".into(), None);
        w.images.insert("app".into(), "elsewhere.example/other:7".into());
    });
    desk.run();
    assert_eq!((desk.image("production", "checkout").as_str(), desk.writes()), ("elsewhere.example/other:7", writes));
    assert_eq!(desk.history("production").last().map(String::as_str), Some(" Adopted"));
    assert_eq!((desk.stage("production").previous.len(), is_held(&desk)), (0, false), "nothing was healthy there");
}

#[test]
fn an_edit_of_the_images_leaves_history_and_what_is_live() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).finish();
    let spec = &mut Arc::make_mut(&mut desk.snap.pipeline).spec;
    let sidecar = ImageSource { name: "sidecar".into(), repository: "r.example/shop/sidecar".into() };
    spec.images.push(sidecar);
    desk.finish();
    assert_eq!(
        (desk.phase("1.8.0", "production"), desk.condition("1.8.0", "Delivered")),
        ("Delivered".into(), "True Delivered".into())
    );
    assert_eq!(
        (desk.condition("1.8.0", "Stalled"), desk.condition("1.7.0", "Stalled")),
        ("False Delivered".into(), "False Superseded".into())
    );
    desk.release("1.9.0", 3).run();
    assert_eq!(desk.condition("1.9.0", "Stalled"), "True InvalidBuild", "what is still to go needs an edit");
}
