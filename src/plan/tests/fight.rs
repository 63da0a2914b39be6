//! Images that a GitOps tool puts back: written over once, and the second time within an hour left to it and told.

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::checkpoint::HoldKind;
use crate::observe::ImageWriter;

const OLD: &str = "elsewhere.example/old:1";
const GIT: &str = "r.example/shop/app:git";

/// The tool applies what git has to the workload of that name.
fn apply(desk: &mut Desk, environment: &str, name: &str) {
    let at = Some(desk.pass(2).now);
    desk.change(environment, name, |w| {
        w.images.insert("app".into(), GIT.into());
        let writer = ImageWriter { manager: "kustomize-controller".into(), at, is_tool: true };
        w.image_writers.insert("app".into(), writer);
    });
}

fn delivered(change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::adopted(change);
    desk.release("1.8.0", 1).finish();
    desk
}

fn with_worker(spec: &mut Value) {
    let worker = json!({"kind": "Deployment", "name": "worker", "containers": [{"name": "app", "imageName": "app"}]});
    spec["workloads"].as_array_mut().expect("workloads").push(worker);
}

fn held(desk: &Desk, environment: &str) -> Option<HoldKind> {
    desk.stage(environment).held.as_ref().map(|hold| hold.kind)
}

#[test]
fn what_a_tool_wrote_is_put_right_once_and_the_second_time_it_is_let_be_and_told() {
    let mut desk = delivered(|_| {});
    apply(&mut desk, "production", "checkout");
    desk.run();
    assert_eq!((desk.image("production", "checkout"), held(&desk, "production")), (image("1.8.0"), None));
    assert_eq!(desk.stage("production").reasserted[0].by, "kustomize-controller");
    let writes = desk.writes();
    for _ in 0..3 {
        apply(&mut desk, "production", "checkout");
        desk.run();
    }
    assert_eq!((desk.writes(), held(&desk, "production")), (writes, Some(HoldKind::ImageContested)), "no third write");
    assert_eq!(desk.pipeline_condition("Stalled"), "True ImageContested");
    let said = desk.stage("production").held.as_ref().map(|hold| hold.message.clone()).unwrap_or_default();
    assert!(said.contains("kustomize-controller set r.example/shop/app:git"), "{said}");
    assert!(said.contains("let kustomize-controller ignore the image, or put the field guard in force"), "{said}");
}

#[test]
fn an_hour_later_it_is_no_fight() {
    let mut desk = delivered(|_| {});
    for _ in 0..3 {
        apply(&mut desk, "production", "checkout");
        desk.run().pass(3601).run();
        assert_eq!((desk.image("production", "checkout"), held(&desk, "production")), (image("1.8.0"), None));
    }
}

#[test]
fn one_reconcile_of_all_workloads_is_one_write_of_each() {
    let mut desk = delivered(with_worker);
    for name in ["checkout", "worker"] {
        apply(&mut desk, "production", name);
        desk.step();
    }
    desk.run();
    assert_eq!(
        [desk.image("production", "checkout"), desk.image("production", "worker")],
        [image("1.8.0"), image("1.8.0")]
    );
    assert_eq!(held(&desk, "production"), None);
}

#[test]
fn an_edit_before_ours_is_back_is_no_second_write() {
    let mut desk = delivered(|_| {});
    apply(&mut desk, "production", "checkout");
    desk.step();
    desk.change("production", "checkout", |_| {});
    desk.run();
    assert_eq!((desk.image("production", "checkout"), held(&desk, "production")), (image("1.8.0"), None));
}

#[test]
fn in_a_rollout_it_is_put_right_once_and_then_the_rollout_ends() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.change("staging", "checkout", |w| w.available = 1).run();
    apply(&mut desk, "staging", "checkout");
    desk.run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk, "staging")), (image("1.8.0"), None));
    assert!(desk.stage("staging").rollout.is_some(), "it goes on");
    apply(&mut desk, "staging", "checkout");
    desk.run();
    assert_eq!(
        (held(&desk, "staging"), desk.stage("staging").rollout.is_none()),
        (Some(HoldKind::ImageContested), true)
    );
    assert_eq!(desk.bans(), 0, "it says nothing about the build");
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), OLD, "it goes no further");
}

#[test]
fn beside_a_canary_it_is_put_right_once_and_then_exposure_falls() {
    let mut desk = Desk::stepping(|_| {});
    // an earlier release was written there
    desk.change("production", "checkout", |w| w.attempt = Some("20261101t000000000z".into())).run();
    apply(&mut desk, "production", "checkout");
    desk.run();
    assert_eq!((&*desk.image("production", "checkout"), held(&desk, "production")), (OLD, None));
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 1)), "it goes on");
    apply(&mut desk, "production", "checkout");
    desk.run();
    assert_eq!((held(&desk, "production"), desk.exposed("production")), (Some(HoldKind::ImageContested), None));
}

#[test]
fn what_a_person_writes_beside_a_tool_is_never_overwritten() {
    let mut desk = delivered(|_| {});
    apply(&mut desk, "production", "checkout");
    desk.change("production", "checkout", |w| {
        let writer = ImageWriter { manager: "kubectl-set".into(), at: None, is_tool: false };
        w.image_writers.insert("app".into(), writer);
    });
    let writes = desk.writes();
    desk.run();
    assert_eq!((desk.writes(), held(&desk, "production")), (writes, Some(HoldKind::ExternalChange)));
}

#[test]
fn once_people_have_restored_it_one_more_write_is_put_right() {
    let mut desk = delivered(|_| {});
    for decision in ["Restore", "Adopt"] {
        for _ in 0..2 {
            apply(&mut desk, "production", "checkout");
            desk.run();
        }
        assert_eq!(held(&desk, "production"), Some(HoldKind::ImageContested));
        let decided = desk.decide(decision, json!({"environment": "production"}));
        desk.finish();
        assert!(desk.answer(&decided).starts_with("Applied"), "{}", desk.answer(&decided));
        assert_eq!(held(&desk, "production"), None);
        let runs = if decision == "Restore" { image("1.8.0") } else { GIT.to_owned() };
        assert_eq!(desk.image("production", "checkout"), runs);
        assert_eq!(desk.stage("production").reasserted, []);
    }
}

#[test]
fn under_the_guard_no_tool_writes_whatever_the_server_calls_the_writer() {
    let mut desk = delivered(|_| {});
    desk.snap.is_guarded = true;
    apply(&mut desk, "production", "checkout");
    let writes = desk.writes();
    desk.run();
    assert_eq!((desk.writes(), held(&desk, "production")), (writes, Some(HoldKind::ExternalChange)));
}

#[test]
fn until_windlass_has_written_the_image_is_gits() {
    let mut desk = Desk::adopted(|_| {});
    apply(&mut desk, "production", "checkout");
    let writes = desk.writes();
    desk.run();
    assert_eq!((desk.writes(), held(&desk, "production")), (writes, Some(HoldKind::ExternalChange)));
}

#[test]
fn what_is_banned_is_not_put_back() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    // nothing to go back to
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline).status.as_mut().expect("a status");
    pipeline.stages.iter_mut().for_each(|stage| stage.previous.clear());
    desk.run();
    apply(&mut desk, "production", "checkout");
    let writes = desk.writes();
    desk.run();
    assert_eq!((desk.writes(), desk.image("production", "checkout")), (writes, GIT.to_owned()));
    assert_eq!(held(&desk, "production"), Some(HoldKind::ExternalChange), "a person takes it, or does not");
}

#[test]
fn a_bake_does_not_end_on_what_a_tool_wrote() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.pass(60);
    apply(&mut desk, "staging", "checkout");
    desk.run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk, "staging")), (image("1.8.0"), None));
}

#[test]
fn a_person_beside_a_tool_is_what_is_told() {
    let mut desk = delivered(with_worker);
    apply(&mut desk, "production", "checkout");
    desk.run();
    apply(&mut desk, "production", "checkout");
    desk.change("production", "worker", |w| {
        w.images.insert("app".into(), "r.example/shop/app:by-hand".into());
    });
    desk.run();
    let hold = desk.stage("production").held.clone().expect("a hold");
    assert_eq!(hold.kind, HoldKind::ExternalChange);
    assert!(hold.message.starts_with("Deployment/worker"), "{}", hold.message);
}

#[test]
fn before_the_first_write_it_is_told_who_carries_the_image() {
    let mut desk = Desk::new(|_| {});
    apply(&mut desk, "production", "checkout");
    desk.run();
    assert_eq!(desk.pipeline_condition("ImagesGuarded"), "False NoFieldGuard");
    desk.snap.is_guarded = true;
    desk.run();
    assert_eq!(desk.pipeline_condition("ImagesGuarded"), "True FieldGuard");
    desk.pass(2).release("1.8.0", 1).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    let conditions = &desk.snap.pipeline.status.as_ref().expect("a status").conditions;
    assert!(!conditions.iter().any(|c| c.r#type == "ImagesGuarded"), "from now on a fight would be told");
}
