//! The least that a suite must cover: a pass below it condemns, and a pass that says nothing of it is no result.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use super::evidence::said;
use crate::api::RunPhase;
use crate::observe::{CronJob, JobPod};

fn external(spec: &mut Value) {
    spec["stages"][0]["tests"] = json!([{"suite": "unit", "external": {}, "timeout": "5m", "minimumCoverage": 80}]);
}

#[test]
fn a_pass_that_covers_too_little_is_none_and_the_test_run_says_so() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed", "coverage": 79.999}));
    let status = said(&desk);
    let why = "coverage is 79.99 %, and must be at least 80 % (minimumCoverage)";
    assert_eq!((status.phase, status.message.as_deref()), (Some(RunPhase::Failed), Some(why)));
    assert_eq!(
        (desk.bans(), desk.image("staging", "checkout") == image("1.8.0")),
        (1, false),
        "banned, and taken back"
    );
    assert!(desk.waiting_for("1.8.0").contains(why), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn one_that_covers_enough_passes_and_is_shown() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed", "coverage": 80}));
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    let shown = desk.known("1.8.0").status.clone().expect("a status").stages[0].tests[0].coverage;
    assert_eq!(shown.map(|coverage| coverage.to_string()).as_deref(), Some("80 %"));
}

#[test]
fn one_that_does_not_say_is_waited_for_and_is_no_result() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed"}));
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    desk.pass(300).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Unverified");
    assert!(desk.waiting_for("1.8.0").contains("reports no coverage"), "{}", desk.waiting_for("1.8.0"));
    desk.release("1.9.0", 2).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("unit", json!({"phase": "Passed", "coverage": 91.5}));
    assert_eq!(desk.phase("1.9.0", "staging"), "Delivered Baking");
}

#[test]
fn a_jobs_report_says_it_too() {
    for (report, phase) in [
        (r#"{"total":3,"passed":3,"coverage":85.2}"#, RunPhase::Passed),
        (r#"{"total":3,"passed":3,"coverage":71}"#, RunPhase::Failed),
        (r#"{"total":3,"passed":3,"coverage":"85"}"#, RunPhase::Errored),
        (r#"{"total":3,"passed":3,"coverage":850}"#, RunPhase::Errored),
        (r#"{"total":3,"passed":3}"#, RunPhase::Errored),
        ("", RunPhase::Errored),
        (r#"{"total":3,"passed":2,"failed":1,"coverage":99}"#, RunPhase::Failed),
    ] {
        let mut desk = Desk::adopted(|spec| {
            let job = json!({"cronJob": "unit"});
            spec["stages"][0]["tests"] = json!([{"suite": "unit", "job": job, "retries": 0, "minimumCoverage": 80}]);
        });
        let cron = CronJob { name: "unit".into(), runnable: true, containers: vec!["test".into()] };
        desk.place("staging").cron_jobs.insert(cron.name.clone(), Arc::new(cron));
        desk.release("1.8.0", 1).run();
        let job = desk.job("shop-staging").values_mut().next().map(Arc::make_mut).expect("a Job");
        job.complete = true;
        job.pods = vec![JobPod { exit_code: Some(0), message: report.into(), ..JobPod::default() }];
        desk.run();
        assert_eq!(said(&desk).phase, Some(phase), "{report}: {:?}", said(&desk).message);
    }
}
