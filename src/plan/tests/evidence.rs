//! Suites and evidence (walks 9, 10, 20, 22): what passes, what condemns, what says nothing, and what is taken back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::freeze::Freeze;
use crate::api::{RunPhase, TestRunStatus};
use crate::observe::{CronJob, Job, JobPod};
use crate::plan::Action;

fn external(spec: &mut Value) {
    spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]);
}

fn job(spec: &mut Value) {
    spec["stages"][0]["tests"] =
        json!([{"suite": "api", "job": {"cronJob": "api-tests"}, "timeout": "5m", "retries": 1}]);
}

/// A desk with a runnable CronJob, and a release on its way.
fn with_job() -> Desk {
    let mut desk = Desk::adopted(job);
    let cron = CronJob { name: "api-tests".into(), runnable: true, containers: vec!["test".into()] };
    let place = desk.place("staging");
    place.cron_jobs.insert(cron.name.clone(), Arc::new(cron));
    desk.release("1.8.0", 1).run();
    desk
}

/// The Job of the present try.
fn present(desk: &mut Desk) -> &mut Job {
    let jobs = desk.job("shop-staging");
    assert_eq!(jobs.len(), 1, "one Job at a time");
    Arc::make_mut(jobs.values_mut().next().expect("a Job"))
}

fn starts(desk: &Desk) -> usize {
    desk.done.iter().filter(|a| matches!(a, Action::StartJob { .. })).count()
}

/// Ends the Job of the present try.
fn end(desk: &mut Desk, failed: Option<&str>, pod: JobPod) {
    let job = present(desk);
    assert!(!job.suspended, "it was started");
    job.complete = failed.is_none();
    job.failed = failed.map(str::to_owned);
    job.pods = vec![pod];
    desk.run();
}

fn pod(code: i32, message: &str) -> JobPod {
    JobPod { exit_code: Some(code), message: message.into(), ..JobPod::default() }
}

/// What the newest TestRun says.
pub fn said(desk: &Desk) -> TestRunStatus {
    desk.snap.test_runs.last().and_then(|r| r.status.clone()).expect("a TestRun")
}

#[test]
fn nothing_enters_production_before_the_suite_has_passed() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    assert_eq!((desk.phase("1.8.0", "staging"), desk.waiting_for("1.8.0")), ("Verifying".into(), "tests: api".into()));
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(said(&desk).phase, Some(RunPhase::Running));
    desk.report("api", "Passed").finish();
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn an_external_suite_may_mend_its_own_error_until_the_time_out() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.report("api", "Errored").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    desk.report("api", "Passed").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.release("1.9.0", 2).pass(61).run();
    desk.pass(299).run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Verifying");
    desk.pass(1).run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Unverified");
    assert_eq!((desk.bans(), desk.image("staging", "checkout")), (0, image("1.9.0")), "no ban, no revert");
}

#[test]
fn unverified_is_no_evidence_and_retry_runs_the_suites_again() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run().pass(300).run();
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    assert!(desk.waiting_for("1.8.0").contains("suite api gave no verdict"), "{}", desk.waiting_for("1.8.0"));
    let writes = desk.writes();
    let retry = desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.answer(&retry).starts_with("Applied"), "{}", desk.answer(&retry));
    assert_eq!(desk.writes(), writes, "the images stand already");
    desk.report("api", "Passed").finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn a_later_failure_in_the_bake_bans_and_reverts() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").run();
    desk.report("api", "Failed").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Failed");
    assert_eq!(desk.bans(), 1);
}

#[test]
fn a_later_failure_after_settling_bans_and_alerts_but_does_not_revert() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.report("api", "Failed").run();
    assert_eq!((desk.image("staging", "checkout"), desk.bans()), (image("1.8.0"), 1));
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("EvidenceWithdrawn"));
    let promote = desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"), "{}", desk.answer(&promote));
}

#[test]
fn a_later_failure_of_what_is_gone_back_to_is_told_though_the_way_back_takes_too_long() {
    let mut desk = Desk::adopted(external);
    desk.release("1.7.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.release("1.8.0", 2).until_written("staging", "1.8.0").crash("staging", "checkout").run();
    let first = desk.snap.test_runs.iter_mut().find(|run| run.spec.release == "checkout-1.7.0").expect("a TestRun");
    Arc::make_mut(first).status = Some(TestRunStatus { phase: Some(RunPhase::Failed), ..TestRunStatus::default() });
    desk.crash("staging", "checkout").pass(601).run();
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("RevertFailed"));
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.image("staging", "checkout"), image("1.7.0"));
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("EvidenceWithdrawn"));
}

#[test]
fn evidence_withdrawn_while_production_rolls_goes_back_there_without_a_ban() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed");
    desk.until_written("production", "1.8.0");
    desk.report("api", "Failed").finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Reverted EvidenceWithdrawn");
    let banned: Vec<_> = desk.snap.decisions.iter().filter_map(|d| d.spec.environment.clone()).collect();
    assert_eq!(banned, ["staging"]);
}

#[test]
fn a_verdict_outlives_its_test_run_and_its_job() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").run();
    desk.snap.test_runs.clear();
    desk.finish();
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn a_test_run_deleted_before_its_verdict_is_errored() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.snap.test_runs.clear();
    desk.run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Unverified");
    assert!(desk.snap.test_runs.is_empty(), "never made again for that attempt");
}

#[test]
fn a_job_is_started_once_and_its_report_is_the_evidence() {
    let mut desk = with_job();
    end(&mut desk, None, pod(0, r#"{"total":3,"passed":3,"failed":0}"#));
    assert_eq!(starts(&desk), 1);
    assert_eq!(said(&desk).counts.map(|c| (c.total, c.passed)), Some((3, 3)));
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    assert!(desk.done.iter().any(|a| matches!(a, Action::RemoveJob { .. })), "removed once its verdict is latched");
}

#[test]
fn a_job_that_was_suspended_again_is_not_started_twice() {
    let mut desk = with_job();
    present(&mut desk).suspended = true;
    desk.run();
    assert_eq!(starts(&desk), 1);
}

#[test]
fn what_a_job_says_of_the_build() {
    let failed = || RunPhase::Failed;
    let cases: [(&str, Option<&str>, JobPod, RunPhase); 9] = [
        ("an exit code", Some("BackoffLimitExceeded"), pod(1, ""), failed()),
        (
            "a report with failures",
            Some("BackoffLimitExceeded"),
            pod(2, r#"{"total":3,"passed":2,"failed":1,"failing":["login"]}"#),
            failed(),
        ),
        ("success that reports failures", None, pod(0, r#"{"total":3,"passed":2,"failed":1}"#), failed()),
        ("success without any test", None, pod(0, r#"{"total":0}"#), RunPhase::Errored),
        ("a command that could not be run", Some("BackoffLimitExceeded"), pod(127, ""), RunPhase::Errored),
        ("an eviction", Some("BackoffLimitExceeded"), JobPod { disrupted: true, ..pod(143, "") }, RunPhase::Errored),
        (
            "want of memory",
            Some("BackoffLimitExceeded"),
            JobPod { out_of_memory: true, ..pod(137, "") },
            RunPhase::Errored,
        ),
        ("its own deadline", Some("DeadlineExceeded"), pod(1, ""), RunPhase::Errored),
        ("a pod that is gone", Some("BackoffLimitExceeded"), JobPod::default(), RunPhase::Errored),
    ];
    for (what, reason, pod, phase) in cases {
        let mut desk = with_job();
        end(&mut desk, reason, pod.clone());
        if phase == RunPhase::Errored {
            assert_eq!(desk.phase("1.8.0", "staging"), "Verifying", "{what}: tried again");
            end(&mut desk, reason, pod);
            assert_eq!(desk.phase("1.8.0", "staging"), "Unverified", "{what}: then it is unverified");
            assert_eq!(desk.bans(), 0, "{what}");
        } else {
            assert_eq!((desk.bans(), starts(&desk)), (1, 1), "{what}: condemns at once");
        }
        assert_eq!(said(&desk).phase, Some(phase), "{what}");
    }
}

#[test]
fn a_jobs_end_waits_for_what_its_pod_says() {
    for failed in [None, Some("BackoffLimitExceeded")] {
        let mut desk = with_job();
        let now = desk.now;
        let job = present(&mut desk);
        (job.complete, job.failed, job.ended) = (failed.is_none(), failed.map(str::to_owned), Some(now));
        desk.run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Verifying", "{failed:?}: the pod comes by another watch");
        present(&mut desk).pods = vec![pod(1, r#"{"total":3,"passed":2,"failed":1}"#)];
        if failed.is_none() {
            present(&mut desk).pods = vec![pod(0, r#"{"total":3,"passed":2,"failed":1}"#)];
        }
        desk.run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Failed", "{failed:?}");
    }
}

#[test]
fn a_job_whose_pod_never_says_anything_is_no_pass() {
    let mut desk = with_job();
    let now = desk.now;
    let job = present(&mut desk);
    (job.complete, job.ended) = (true, Some(now));
    desk.run().pass(60).run();
    assert_eq!((starts(&desk), desk.phase("1.8.0", "staging")), (2, "Verifying".into()), "tried again");
}

#[test]
fn a_report_beyond_all_bounds_still_condemns() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    for run in &mut desk.snap.test_runs {
        let failing: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(255))).collect();
        let status = json!({"phase": "Failed", "failing": failing, "message": "m".repeat(4096)});
        Arc::make_mut(run).status = serde_json::from_value(status).expect("a status");
    }
    desk.run();
    assert_eq!((desk.bans(), desk.phase("1.8.0", "staging")), (1, "Reverted Failed".into()));
    let mut desk = with_job();
    let report = format!(r#"{{"total":-1,"failed":99999999999,"failing":["{}"],"url":"ftp://x"}}"#, "y".repeat(500));
    end(&mut desk, Some("BackoffLimitExceeded"), pod(1, &report));
    assert_eq!((desk.bans(), said(&desk).counts.map(|c| (c.total, c.failed))), (1, Some((0, 1_000_000_000))));
}

#[test]
fn a_pass_taken_back_while_another_suite_runs_condemns() {
    let two = |spec: &mut Value| {
        let suites = ["api", "load"].map(|suite| json!({"suite": suite, "external": {}, "timeout": "5m"}));
        spec["stages"][0]["tests"] = json!(suites);
    };
    for is_over in [false, true] {
        let mut desk = Desk::adopted(two);
        desk.release("1.8.0", 1).run();
        desk.report("api", "Passed").run();
        if is_over {
            desk.pass(300).run();
            assert_eq!(desk.phase("1.8.0", "staging"), "Unverified");
        }
        desk.report("api", "Failed").run();
        assert_eq!(desk.bans(), 1, "over: {is_over}");
        let there = if is_over { image("1.8.0") } else { "elsewhere.example/old:1".into() };
        assert_eq!(desk.image("staging", "checkout"), there, "over: {is_over}");
        desk.pass(600).run();
        assert_eq!(desk.bans(), 1, "once");
    }
}

#[test]
fn what_fails_later_counts_no_more_under_any_version() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.release_of("1.8.1", 2, &image("1.8.0")).run();
    desk.report("api", "Passed").finish();
    for run in desk.snap.test_runs.iter_mut().filter(|r| r.spec.release == "checkout-1.8.0") {
        Arc::make_mut(run).status = serde_json::from_value(json!({"phase": "Failed"})).expect("a status");
    }
    desk.run();
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.1"}));
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"), "{}", desk.waiting_for("1.8.1"));
    desk.decide("Unban", json!({"environment": "staging", "release": "checkout-1.8.1"}));
    desk.finish();
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.1"}));
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"), "it must be proven anew");
}

/// Three stages; production waits for a person.
fn three(spec: &mut Value) {
    external(spec);
    let production = json!({"environment": "production", "bake": "1m", "promotion": {"mode": "Manual"}});
    spec["stages"][1] = json!({"environment": "canary", "bake": "1m", "progressDeadline": "10m"});
    spec["stages"].as_array_mut().expect("stages").push(production);
}

#[test]
fn evidence_withdrawn_two_stages_up_keeps_a_build_out() {
    let mut desk = Desk::adopted(three);
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    assert_eq!(desk.phase("1.8.0", "canary"), "Delivered");
    desk.report("api", "Failed").run();
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    let why = desk.waiting_for("1.8.0");
    assert!(why.contains("its evidence in staging does not count any more"), "{why}");
}

#[test]
fn evidence_withdrawn_two_stages_up_ends_an_open_rollout() {
    let mut desk = Desk::adopted(three);
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.until_written("production", "1.8.0").change("production", "checkout", |w| w.available = 1).run();
    let confirmed =
        desk.done.iter().rev().find_map(|a| if let Action::SetImages(w) = a { Some(&w.confirm) } else { None });
    let is_run = |target: &&crate::plan::Target| target.kind == crate::plan::Kind::TestRun;
    assert_eq!(confirmed.map(|all| all.iter().filter(is_run).count()), Some(1), "staging's run is asked for anew");
    desk.report("api", "Failed").run().heal("production", "checkout").finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Reverted EvidenceWithdrawn");
}

#[test]
fn a_deleted_job_is_errored_and_never_made_again_in_that_try() {
    let mut desk = with_job();
    let first = present(&mut desk).name.clone();
    desk.job("shop-staging").clear();
    desk.run();
    let names: Vec<_> = desk
        .done
        .iter()
        .filter_map(|a| if let Action::CreateJob(j) = a { Some(j.name.clone()) } else { None })
        .collect();
    assert_eq!(names.iter().filter(|n| **n == first).count(), 1, "{names:?}");
    assert!(names.iter().any(|n| *n != first), "the next try has another name: {names:?}");
}

#[test]
fn a_missing_cron_job_is_named_and_never_a_pass() {
    let mut desk = Desk::adopted(job);
    desk.release("1.8.0", 1).run();
    assert!(!desk.done.iter().any(|a| matches!(a, Action::CreateJob(_))));
    desk.pass(60).run().pass(60).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Unverified");
    assert!(said(&desk).message.unwrap_or_default().contains("CronJob api-tests does not exist"), "{:?}", said(&desk));
}

#[test]
fn a_later_failure_counts_though_another_rollout_is_open_there() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.release("1.8.1", 2).run();
    assert_eq!(desk.phase("1.8.1", "staging"), "Verifying");
    for run in desk.snap.test_runs.iter_mut().filter(|r| r.spec.release == "checkout-1.8.0") {
        Arc::make_mut(run).status = serde_json::from_value(json!({"phase": "Failed"})).expect("a status");
    }
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    assert!(desk.stage("staging").proofs.iter().all(|p| p.void.is_some()));
}

#[test]
fn passed_suites_prove_nothing_while_the_workload_is_not_whole() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.change("staging", "checkout", |w| w.updated = 1).report("api", "Passed").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    desk.change("staging", "checkout", |w| w.updated = 2).finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn the_run_of_a_failed_suite_says_so_though_there_is_nothing_to_go_back_to() {
    let mut desk = Desk::new(external);
    desk.change("staging", "checkout", |w| {
        w.images.insert("app".into(), "placeholder.invalid/none:0".into());
    });
    desk.run().pass(2).release("1.8.0", 1).run();
    desk.report("api", "Failed").run();
    assert_eq!((said(&desk).phase, desk.phase("1.8.0", "staging")), (Some(RunPhase::Failed), "Failed".into()));
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("NoRevertTarget"));
}

#[test]
fn retry_is_for_the_release_that_is_there_now() {
    let mut desk = Desk::adopted(|spec| {
        external(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.pass(5).release("1.8.0", 1);
    Arc::make_mut(desk.snap.releases.last_mut().expect("the release")).metadata.uid = Some("second-uid".into());
    desk.run();
    let retry = desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.answer(&retry).starts_with("Applied"), "{}", desk.answer(&retry));
}

#[test]
fn the_owners_suites_must_have_passed_for_this_build() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    let ask = |desk: &mut Desk, suites: &[&str]| {
        let suites = suites.iter().map(|suite| (*suite).to_owned()).collect();
        desk.rules("production", |rules| rules.policy.get_or_insert_default().required_suites = suites);
    };
    ask(&mut desk, &["scan", "api"]);
    desk.release("1.8.0", 1).run().report("api", "Passed").run().pass(61).run();
    let closed = desk.gate("1.8.0", "production", "requiredSuites");
    assert_eq!(closed.reason, "no stage before has passed scan for this build (policy.requiredSuites)");
    assert_eq!((closed.source.as_str(), desk.is_in("1.8.0")), ("policy", false));
    assert_eq!(desk.waiting_for("1.8.0"), closed.reason);
    ask(&mut desk, &["api"]);
    desk.run();
    assert!(desk.is_in("1.8.0"));

    // a pass that was taken back is none
    ask(&mut desk, &[]);
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    ask(&mut desk, &["api"]);
    desk.rules("production", |rules| rules.freeze = Some(Freeze { reason: "audit".into(), until: None }));
    desk.release("1.8.0", 1).run().report("api", "Passed").run().pass(61).run();
    assert_eq!(desk.gate("1.8.0", "production", "requiredSuites").state, "Open");
    desk.report("api", "Failed").run();
    assert_eq!(desk.gate("1.8.0", "production", "requiredSuites").state, "Closed");
}

#[test]
fn a_suite_whose_run_was_never_made_ends_with_its_rollout() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "unit", "external": {}}]));
    desk.release("1.8.0", 1).run();
    let shown = |desk: &Desk| desk.known("1.8.0").status.clone().expect("a status").stages[0].tests[0].clone();
    assert_eq!(shown(&desk).phase, RunPhase::Running);
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    desk.snap.test_runs.clear();
    desk.run();
    let why = "the rollout ended before there was a result";
    assert_eq!((shown(&desk).phase, &*shown(&desk).message), (RunPhase::Aborted, why), "it does not run for ever");
}
