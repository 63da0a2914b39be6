//! Events of waiting: one each time that another gate is the one that keeps a release.

use std::sync::Arc;

use serde_json::json;

use super::desk::Desk;

#[test]
fn each_gate_that_keeps_a_release_is_told_once() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    let told = |desk: &mut Desk| {
        desk.run().run();
        std::mem::take(&mut desk.waits)
    };
    desk.release("1.8.0", 1).finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Waiting");
    let manual = format!("production: {}", desk.waiting_for("1.8.0"));
    assert_eq!(
        told(&mut desk),
        std::slice::from_ref(&manual),
        "and nothing of staging, where it was under way at once"
    );

    desk.rules("production", |rules| rules.policy.get_or_insert_default().checks_required = true);
    let why = "production asks for checks of health, and the stage has none (policy.checksRequired)";
    assert_eq!(told(&mut desk), [format!("production: {why}")]);
    assert_eq!(told(&mut desk), Vec::<String>::new());
    desk.rules("production", |rules| rules.policy.get_or_insert_default().checks_required = false);
    assert_eq!(told(&mut desk), [manual]);

    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[1].promotion = None;
    assert_eq!(told(&mut desk), Vec::<String>::new(), "what is under way waits for nothing");
    assert_ne!(desk.phase("1.8.0", "production"), "Waiting");
}
