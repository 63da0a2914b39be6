//! Hooks: nothing is exposed before they have passed, none runs twice, and what they began is undone when the build goes back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::checkpoint::HoldKind;
use crate::api::hook::HookPoint;
use crate::api::release::HookSummary;
use crate::api::{RolloutState, RunPhase};
use crate::observe::{CronJob, Job, JobPod};
use crate::plan::Action;

const OLD: &str = "elsewhere.example/old:1";

fn hook(name: &str) -> Value {
    json!({"name": name, "job": {"cronJob": name, "containers": [{"name": "run", "imageName": "app"}]}})
}

/// A desk whose staging has these hooks, with a CronJob for each.
fn with(hooks: Value, change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][0]["hooks"] = hooks;
        change(spec);
    });
    for name in ["backup", "migrate", "clean", "smoke", "undo"] {
        let cron = CronJob { name: name.into(), runnable: true, containers: vec!["run".into()] };
        desk.place("staging").cron_jobs.insert(name.into(), Arc::new(cron));
    }
    desk
}

fn migrating() -> Desk {
    let mut desk = with(json!({"before": [hook("backup"), hook("migrate")], "onRevert": [hook("undo")]}), |_| ());
    desk.release("1.8.0", 1).run();
    desk
}

/// The only Job that is there.
fn present(desk: &mut Desk) -> &mut Job {
    let jobs = desk.job("shop-staging");
    assert_eq!(jobs.len(), 1, "one Job at a time: {:?}", jobs.keys());
    Arc::make_mut(jobs.values_mut().next().expect("a Job"))
}

/// The Job of that hook ends.
fn end(desk: &mut Desk, name: &str, code: i32, message: &str) {
    let job = present(desk);
    assert!(job.name.starts_with(&format!("{name}-")) && !job.suspended, "{} runs", job.name);
    (job.complete, job.failed) = (code == 0, (code != 0).then(|| "BackoffLimitExceeded".to_owned()));
    job.pods = vec![JobPod { exit_code: Some(code), message: message.into(), ..JobPod::default() }];
    desk.run();
}

fn passes(desk: &mut Desk, name: &str) {
    end(desk, name, 0, "");
}

/// The names of the Jobs that were started, in that order.
fn started(desk: &Desk) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::StartJob { name, .. } => name.rsplitn(3, '-').last().map(str::to_owned),
        _ => None,
    };
    desk.done.iter().filter_map(name).collect()
}

fn told(desk: &Desk, version: &str) -> Vec<HookSummary> {
    desk.known(version).status.clone().expect("a status").stages[0].hooks.clone()
}

/// Its pods fail for longer than the grace of the bake.
fn fails(desk: &mut Desk) {
    desk.crash("staging", "checkout").run().pass(61).run();
}

fn runs_old(desk: &Desk) -> bool {
    desk.image("staging", "checkout") == OLD
}

#[test]
fn nothing_is_exposed_before_the_hooks_have_passed_one_after_the_other() {
    let mut desk = migrating();
    assert_eq!(desk.phase("1.8.0", "staging"), "Preparing");
    assert_eq!(desk.waiting_for("1.8.0"), "hook before/backup: runs");
    assert_eq!(desk.condition("1.8.0", "Reconciling"), "True Preparing");
    passes(&mut desk, "backup");
    assert_eq!((desk.waiting_for("1.8.0").as_str(), runs_old(&desk)), ("hook before/migrate: runs", true));
    passes(&mut desk, "migrate");
    assert_eq!((started(&desk), desk.is_staged("1.8.0")), (vec!["backup".to_owned(), "migrate".into()], true));
    desk.finish();
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
    assert_eq!(started(&desk).len(), 2, "nothing is undone of what stays");
    let told = told(&desk, "1.8.0");
    let short: Vec<_> = told.iter().map(|h| (h.point, h.name.as_str(), h.phase, h.ended_at.is_some())).collect();
    let passed = |name| (HookPoint::Before, name, RunPhase::Passed, true);
    assert_eq!(short, [passed("backup"), passed("migrate")]);
}

#[test]
fn their_jobs_run_the_new_build_and_know_what_they_are_about() {
    let desk = migrating();
    let made = desk.done.iter().find_map(|a| if let Action::CreateJob(job) = a { Some(job.clone()) } else { None });
    let made = made.expect("a Job");
    assert_eq!(made.images, [("run".to_owned(), image("1.8.0"))]);
    let has = |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    assert_eq!(has(&made.labels, "windlass.dev/hook").as_deref(), Some("before.backup"));
    assert_eq!(has(&made.labels, "windlass.dev/suite"), None);
    assert_eq!(has(&made.annotations, "windlass.dev/version").as_deref(), Some("1.8.0"));
    assert_eq!(has(&made.annotations, "windlass.dev/previous-version").as_deref(), Some(""), "revision 0 has none");
    assert!(has(&made.annotations, "windlass.dev/attempt").is_some_and(|attempt| !attempt.is_empty()));
}

#[test]
fn a_hook_that_fails_bans_exposes_nothing_and_what_was_begun_is_undone() {
    let mut desk = migrating();
    passes(&mut desk, "backup");
    end(&mut desk, "migrate", 1, "migrating\n\nstep 1 of 2 done\ncolumn exists already\n");
    assert_eq!((desk.phase("1.8.0", "staging"), desk.bans()), ("Reverting Failed".into(), 1));
    assert!(desk.waiting_for("1.8.0").ends_with("hook onRevert/undo: runs"), "{}", desk.waiting_for("1.8.0"));
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging"), desk.writes()), ("Reverted Failed".into(), 0));
    let why = "hook before/migrate failed: exit code 1: migrating; step 1 of 2 done; column exists already";
    assert_eq!(desk.waiting_for("1.8.0"), why);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Aborted Failed"]);
    let phases: Vec<RunPhase> = told(&desk, "1.8.0").iter().map(|h| h.phase).collect();
    assert_eq!(phases, [RunPhase::Passed, RunPhase::Failed, RunPhase::Passed]);
    assert!(desk.job("shop-staging").is_empty() && desk.stage("staging").alert.is_none());
    desk.release("1.9.0", 2).run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Preparing", "the next one is not kept");
}

#[test]
fn one_without_a_result_ends_the_attempt_and_condemns_nothing() {
    let mut desk = migrating();
    desk.job("shop-staging").clear();
    desk.run();
    assert_eq!((desk.phase("1.8.0", "staging"), desk.bans()), ("Reverting Inconclusive".into(), 0));
    passes(&mut desk, "undo");
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Inconclusive");
    assert_eq!(started(&desk), ["backup", "undo"], "what was deleted is not run again");
    desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Preparing");
}

#[test]
fn another_try_only_where_it_is_asked_for() {
    let mut flaky = hook("migrate");
    flaky["retries"] = json!(1);
    let mut desk = with(json!({"before": [flaky]}), |_| ());
    desk.release("1.8.0", 1).run();
    desk.job("shop-staging").clear();
    desk.run();
    assert_eq!(desk.waiting_for("1.8.0"), "hook before/migrate: runs (try 2)");
    passes(&mut desk, "migrate");
    assert!(desk.is_staged("1.8.0"));
}

#[test]
fn health_fails_after_the_migration_and_it_is_undone_once_the_old_images_stand() {
    let mut desk = migrating();
    passes(&mut desk, "backup");
    passes(&mut desk, "migrate");
    desk.writes_lost = true;
    fails(&mut desk);
    assert_eq!((desk.phase("1.8.0", "staging"), started(&desk).len()), ("Reverting Failed".into(), 2));
    desk.writes_lost = false;
    desk.run();
    assert!(runs_old(&desk), "the images come first");
    // the old build cannot serve on data that it does not know; so what is undone does not wait for it
    passes(&mut desk, "undo");
    desk.pass(599).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverting Failed", "its time counts from there");
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Failed");
    assert_eq!((started(&desk), desk.bans()), (vec!["backup".to_owned(), "migrate".into(), "undo".into()], 1));
}

#[test]
fn a_hook_of_the_way_back_that_fails_is_told_and_keeps_nothing() {
    let mut desk = migrating();
    passes(&mut desk, "backup");
    passes(&mut desk, "migrate");
    fails(&mut desk);
    desk.heal("staging", "checkout");
    end(&mut desk, "undo", 2, "no backup found");
    assert_eq!((desk.phase("1.8.0", "staging"), runs_old(&desk)), ("Reverted Failed".into(), true));
    let alert = desk.stage("staging").alert.clone().expect("an alert");
    assert_eq!(
        (alert.reason.as_str(), desk.pipeline_condition("Stalled").as_str()),
        ("RevertHookFailed", "True RevertHookFailed")
    );
    assert!(alert.message.ends_with("no backup found"), "{}", alert.message);
}

#[test]
fn a_revert_after_the_bake_undoes_it_too() {
    let mut desk = migrating();
    passes(&mut desk, "backup");
    passes(&mut desk, "migrate");
    desk.finish();
    desk.decide("Revert", json!({"environment": "staging"}));
    desk.run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverting Reverted");
    passes(&mut desk, "undo");
    assert_eq!((started(&desk).len(), runs_old(&desk)), (3, true));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Reverted Reverted"));
}

#[test]
fn a_release_without_hooks_has_nothing_to_undo() {
    let mut desk = with(json!({"onRevert": [hook("undo")]}), |_| ());
    desk.release("1.8.0", 1).run();
    fails(&mut desk);
    desk.heal("staging", "checkout").run();
    assert_eq!((desk.phase("1.8.0", "staging"), started(&desk).len()), ("Reverted Failed".into(), 0));
}

#[test]
fn what_runs_is_let_end_though_the_build_goes_back() {
    let mut desk = migrating();
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    assert_eq!(
        (desk.phase("1.8.0", "staging"), started(&desk)),
        ("Reverting Aborted".into(), vec!["backup".to_owned()])
    );
    passes(&mut desk, "backup");
    assert_eq!(started(&desk), ["backup", "undo"], "no other hook begins");
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging"), desk.writes()), ("Reverted Aborted".into(), 0));
}

#[test]
fn what_has_not_started_never_does() {
    let mut desk = with(json!({"before": [hook("migrate")], "onRevert": [hook("undo")]}), |_| ());
    let is_made = |desk: &Desk| desk.snap.places["staging"].jobs.values().any(|job| job.suspended);
    desk.release("1.8.0", 1).until(is_made);
    let uid = |desk: &Desk| desk.stage("staging").rollout.as_ref().and_then(|r| r.hooks[0].tries.job_uid.clone());
    desk.step();
    assert!(uid(&desk).is_some() && started(&desk).is_empty());
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    // its Job was recorded: nobody knows that it was not started, and what is undone can be undone once more
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging"), started(&desk)), ("Reverted Aborted".into(), vec!["undo".to_owned()]));
    assert!(desk.job("shop-staging").is_empty());
    let mut desk = with(json!({"before": [hook("migrate")], "onRevert": [hook("undo")]}), |_| ());
    desk.release("1.8.0", 1).until(is_made);
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    assert_eq!(
        (desk.phase("1.8.0", "staging"), started(&desk).len()),
        ("Reverted Aborted".into(), 0),
        "nothing to undo"
    );
}

#[test]
fn a_pause_lets_a_hook_end_and_no_other_begin() {
    let mut desk = migrating();
    desk.pause("1.8.0", true);
    passes(&mut desk, "backup");
    assert_eq!((desk.phase("1.8.0", "staging"), started(&desk).len()), ("Preparing Paused".into(), 1));
    desk.pass(3600).run();
    desk.pause("1.8.0", false).run();
    passes(&mut desk, "migrate");
    assert!(desk.is_staged("1.8.0"), "the pause does not count");
}

#[test]
fn the_progress_deadline_ends_what_is_never_prepared() {
    let mut desk = migrating();
    desk.pass(600).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverting Inconclusive");
    desk.pass(1200).run();
    passes(&mut desk, "undo");
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Inconclusive");
    let why = desk.waiting_for("1.8.0");
    assert!(why.starts_with("progress deadline passed: hook before/backup"), "{why}");
}

#[test]
fn a_missing_cron_job_is_named() {
    let mut desk = with(json!({"before": [hook("migrate")]}), |_| ());
    desk.place("staging").cron_jobs.remove("migrate");
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.waiting_for("1.8.0"), "hook before/migrate: CronJob migrate does not exist");
    desk.pass(60).run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True CronJobMissing");
    assert_eq!((desk.phase("1.8.0", "staging"), desk.bans()), ("Reverted Inconclusive".into(), 0));
}

#[test]
fn suites_wait_for_the_clean_up_and_the_proof_for_the_smoke_test() {
    let hooks = json!({"beforeTests": [hook("clean")], "after": [hook("smoke")]});
    let mut desk = with(hooks, |spec| {
        spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]);
    });
    desk.release("1.8.0", 1).run();
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), desk.snap.test_runs.len()), ("Verifying", 0));
    desk.pass(290).run();
    passes(&mut desk, "clean");
    assert_eq!((desk.waiting_for("1.8.0").as_str(), desk.snap.test_runs.len()), ("tests: api", 1));
    desk.pass(290).run();
    desk.report("api", "Passed").run();
    assert_eq!(desk.waiting_for("1.8.0"), "hook after/smoke: runs");
    assert!(desk.stage("staging").proofs.is_empty());
    passes(&mut desk, "smoke");
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
}

#[test]
fn a_clean_up_or_smoke_test_that_fails_condemns_and_one_without_a_result_does_not() {
    for (code, phase, bans) in [(1, "Reverted Failed", 1), (127, "Reverted Inconclusive", 0)] {
        let hooks = json!({"beforeTests": [hook("clean")]});
        let mut desk = with(hooks, |spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
        desk.release("1.8.0", 1).run();
        end(&mut desk, "clean", code, "");
        assert_eq!((desk.phase("1.8.0", "staging").as_str(), desk.bans(), runs_old(&desk)), (phase, bans, true));
        let mut desk = with(json!({"after": [hook("smoke")]}), |_| ());
        desk.release("1.8.0", 1).run();
        end(&mut desk, "smoke", code, "");
        assert_eq!((desk.phase("1.8.0", "staging").as_str(), desk.bans(), runs_old(&desk)), (phase, bans, true));
    }
}

#[test]
fn what_was_to_prove_the_build_ends_when_it_goes_back() {
    let hooks = json!({"before": [hook("migrate")], "after": [hook("smoke")], "onRevert": [hook("undo")]});
    let mut desk = with(hooks, |_| ());
    desk.release("1.8.0", 1).run();
    passes(&mut desk, "migrate");
    assert_eq!(desk.waiting_for("1.8.0"), "hook after/smoke: runs");
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), runs_old(&desk)), ("Reverted Aborted", true));
    let ends: Vec<RunPhase> = told(&desk, "1.8.0").iter().map(|h| h.phase).collect();
    assert_eq!(ends, [RunPhase::Passed, RunPhase::Aborted, RunPhase::Passed]);
}

fn irreversible() -> Desk {
    let mut migrate = hook("migrate");
    migrate["revert"] = json!("Hold");
    let mut desk = with(json!({"before": [migrate], "onRevert": [hook("undo")]}), |_| ());
    desk.release("1.8.0", 1).run();
    desk
}

#[test]
fn what_has_no_way_back_is_held_until_a_person_says_how_it_goes_on() {
    let mut desk = irreversible();
    passes(&mut desk, "migrate");
    fails(&mut desk);
    assert_eq!((desk.is_staged("1.8.0"), started(&desk).len()), (true, 1));
    let stage = desk.stage("staging").clone();
    assert_eq!(stage.held.map(|held| held.kind), Some(HoldKind::Irreversible));
    assert_eq!(stage.alert.map(|alert| alert.reason).as_deref(), Some("RevertHeld"));
    assert_eq!(
        (desk.history("staging").last().map(String::as_str), desk.bans()),
        (Some("checkout-1.8.0 Failed Failed"), 1)
    );
    desk.release("1.9.0", 2).run();
    assert_eq!(desk.gate("1.9.0", "staging", "hold").change, "a Decision Unhold");
    desk.decide("Revert", json!({"environment": "staging"}));
    desk.run();
    desk.heal("staging", "checkout");
    passes(&mut desk, "undo");
    assert_eq!((runs_old(&desk), desk.stage("staging").held.as_ref().map(|h| h.kind)), (true, Some(HoldKind::Revert)));
    assert!(desk.stage("staging").alert.is_none(), "what was told is over");
}

#[test]
fn a_fix_follows_what_has_no_way_back_once_a_person_lets_it() {
    let mut desk = irreversible();
    passes(&mut desk, "migrate");
    fails(&mut desk);
    desk.release("1.9.0", 2).run();
    desk.decide("Unhold", json!({"environment": "staging"}));
    desk.run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Preparing");
}

#[test]
fn a_person_may_abort_what_has_no_way_back() {
    let mut desk = irreversible();
    passes(&mut desk, "migrate");
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), runs_old(&desk)), ("Reverted Aborted", true));
}

#[test]
fn before_exposure_there_is_nothing_to_hold() {
    let mut desk = irreversible();
    end(&mut desk, "migrate", 1, "");
    passes(&mut desk, "undo");
    assert_eq!(
        (desk.phase("1.8.0", "staging").as_str(), desk.stage("staging").held.is_none()),
        ("Reverted Failed", true)
    );
}

#[test]
fn suites_that_run_again_prepare_nothing_again() {
    let hooks = json!({"before": [hook("migrate")], "onRevert": [hook("undo")]});
    let tests =
        |spec: &mut Value| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]);
    let mut desk = with(hooks, tests);
    desk.release("1.8.0", 1).run();
    passes(&mut desk, "migrate");
    desk.pass(300).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Unverified");
    desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), started(&desk).len()), ("Verifying", 1));
    desk.report("api", "Failed").run();
    passes(&mut desk, "undo");
    assert_eq!((runs_old(&desk), started(&desk)), (true, vec!["migrate".to_owned(), "undo".into()]));
}

#[test]
fn a_canary_stands_only_after_the_hooks() {
    let mut desk = with(json!({"before": [hook("migrate")], "onRevert": [hook("undo")]}), |spec| {
        spec["stages"][0]["strategy"] = json!({"canary": {"steps": [{"weight": 50, "pause": "1m"}]}});
    });
    desk.release("1.8.0", 1).run();
    assert!(desk.place("staging").clones.is_empty() && desk.done.iter().all(|a| !matches!(a, Action::CreateClone(_))));
    passes(&mut desk, "migrate");
    let state =
        |desk: &Desk| desk.stage("staging").rollout.as_ref().map(|r| matches!(r.state, RolloutState::Stepping(_)));
    assert_eq!((state(&desk), desk.place("staging").clones.len()), (Some(true), 1));
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    passes(&mut desk, "undo");
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), desk.place("staging").clones.len()), ("Reverted Aborted", 0));
}

#[test]
fn two_hooks_never_work_on_the_same_data() {
    let mut desk = migrating();
    // someone deletes the Job; its pod runs on until the node has ended it
    let job = present(&mut desk);
    job.deleting = true;
    job.pods = vec![JobPod::default()];
    let name = job.name.clone();
    desk.run();
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), started(&desk).len()), ("Reverting Inconclusive", 1));
    desk.job("shop-staging").remove(&name);
    desk.run();
    passes(&mut desk, "undo");
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Inconclusive");
}

#[test]
fn while_it_is_prepared_a_stage_is_as_it_was() {
    let mut migrate = hook("migrate");
    migrate["revert"] = json!("Hold");
    let mut desk = with(json!({"before": [migrate]}), |_| ());
    desk.grow("worker");
    desk.pass(5).run();
    desk.release("1.8.0", 1).run();
    passes(&mut desk, "migrate");
    desk.finish();
    assert_eq!(desk.image("staging", "worker"), image("1.8.0"));
    // the next one fails in the first workload, and stays there
    desk.release("1.9.0", 2).run();
    end_of(&mut desk, "migrate", "1.9.0");
    desk.crash("staging", "checkout").run();
    desk.decide("Unhold", json!({"environment": "staging"}));
    desk.release("1.10.0", 3).run();
    assert_eq!(desk.phase("1.10.0", "staging"), "Preparing");
    assert_eq!(desk.image("staging", "worker"), image("1.8.0"), "nothing of the banned one is written");
    assert!(desk.stage("staging").held.is_none(), "and what is there is no one's foreign act");
}

/// The hook passes, and no workload has been rolled in full yet.
fn end_of(desk: &mut Desk, name: &str, version: &str) {
    let job = present(desk);
    assert!(job.name.starts_with(name) && !job.suspended);
    job.complete = true;
    job.pods = vec![JobPod { exit_code: Some(0), ..JobPod::default() }];
    desk.until_written("staging", version);
}

#[test]
fn a_hook_that_completed_has_passed_whatever_it_says() {
    let mut desk = migrating();
    end(&mut desk, "backup", 0, r#"{"snapshot": "s3://backups/1"}"#);
    end(&mut desk, "migrate", 1, r#"{"level": "error", "text": "no such table"}"#);
    passes(&mut desk, "undo");
    let why = desk.waiting_for("1.8.0");
    assert_eq!(why, r#"hook before/migrate failed: exit code 1: {"level": "error", "text": "no such table"}"#);
}

#[test]
fn a_revert_while_it_is_prepared_ends_it_and_holds_the_stage() {
    let mut desk = migrating();
    desk.decide("Revert", json!({"environment": "staging"}));
    desk.run();
    passes(&mut desk, "backup");
    passes(&mut desk, "undo");
    assert_eq!(desk.stage("staging").held.as_ref().map(|held| held.kind), Some(HoldKind::Revert));
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), desk.writes()), ("Reverted Reverted", 0));
}

#[test]
fn no_try_begins_in_a_freeze() {
    let mut flaky = hook("migrate");
    flaky["retries"] = json!(1);
    let mut desk = with(json!({"before": [flaky]}), |_| ());
    desk.release("1.8.0", 1).run();
    desk.pause("1.8.0", true);
    desk.job("shop-staging").clear();
    desk.run();
    assert_eq!((desk.phase("1.8.0", "staging").as_str(), started(&desk).len()), ("Preparing Paused", 1));
    assert!(desk.job("shop-staging").is_empty(), "not even made");
    desk.pass(3600).run();
    desk.pause("1.8.0", false).run();
    assert_eq!((desk.waiting_for("1.8.0").as_str(), started(&desk).len()), ("hook before/migrate: runs (try 2)", 2));
}

#[test]
fn what_runs_is_judged_to_the_end_of_its_bake_before_the_next_prepares() {
    let mut desk = migrating();
    passes(&mut desk, "backup");
    passes(&mut desk, "migrate");
    desk.release("1.9.0", 2).run();
    assert_eq!(
        (desk.phase("1.8.0", "staging").as_str(), desk.phase("1.9.0", "staging").as_str()),
        ("Delivered Baking", "Waiting")
    );
    desk.pass(61).run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Preparing");
    let made = desk.done.iter().rev().find_map(|a| if let Action::CreateJob(job) = a { Some(job) } else { None });
    let previous = made.and_then(|job| job.annotations.iter().find(|(k, _)| k == "windlass.dev/previous-version"));
    assert_eq!(previous.map(|(_, version)| version.as_str()), Some("1.8.0"));
    end(&mut desk, "backup", 1, "");
    let made = desk.done.iter().rev().find_map(|a| if let Action::CreateJob(job) = a { Some(job) } else { None });
    assert!(made.is_some_and(|job| job.name.starts_with("undo")
        && job.annotations.contains(&("windlass.dev/previous-version".into(), "1.8.0".into()))));
}

#[test]
fn a_clone_that_fails_puts_nothing_back_behind_what_has_no_way_back() {
    let mut migrate = hook("migrate");
    migrate["revert"] = json!("Hold");
    let mut desk = with(json!({"before": [migrate]}), |spec| {
        spec["stages"][0]["strategy"] = json!({"canary": {"steps": [{"weight": 50, "pause": "1m"}]}});
        spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]);
    });
    desk.release("1.8.0", 1).run();
    passes(&mut desk, "migrate");
    desk.pass(61).run();
    desk.report("api", "Passed").run();
    desk.finish();
    assert!(desk.is_staged("1.8.0"));
    desk.report("api", "Failed").run();
    assert_eq!(desk.bans(), 1, "it is bad, and stays");
    desk.release("1.9.0", 2).run();
    passes(&mut desk, "migrate");
    desk.crash_clone("staging", crate::observe::TroubleKind::CrashLoop).run();
    desk.finish();
    assert_eq!((desk.is_staged("1.8.0"), desk.place("staging").clones.len()), (true, 0));
}

#[test]
fn what_someone_else_wrote_ends_it_and_what_is_not_undone_is_told() {
    let mut desk = migrating();
    desk.change("staging", "checkout", |w| drop(w.images.insert("app".into(), "elsewhere.example/mine:1".into())))
        .run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Preparing", "what runs is let end");
    passes(&mut desk, "backup");
    let stage = desk.stage("staging").clone();
    assert_eq!(stage.held.map(|held| held.kind), Some(HoldKind::ExternalChange));
    let alert = stage.alert.expect("an alert");
    assert_eq!(alert.reason, "RevertHookFailed");
    assert_eq!(alert.message, "hook onRevert/undo was not run");
    assert_eq!(desk.image("staging", "checkout"), "elsewhere.example/mine:1");
}

#[test]
fn a_placeholder_is_not_put_right_behind_what_has_no_way_back() {
    let mut desk = irreversible();
    passes(&mut desk, "migrate");
    fails(&mut desk);
    desk.change("staging", "checkout", |w| {
        w.uid = "another".into();
        w.images.insert("app".into(), "placeholder.invalid/app".into());
        w.attempt = None;
    });
    desk.run();
    assert!(desk.image("staging", "checkout").starts_with("placeholder.invalid"));
    assert_eq!(desk.pipeline_condition("Stalled"), "True RevertHeld");
}

#[test]
fn a_hook_whose_end_the_release_was_not_told_in_time_does_not_run_for_ever() {
    let mut desk = with(json!({"before": [hook("migrate")]}), |_| ());
    desk.release("1.8.0", 1).run();
    passes(&mut desk, "migrate");
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered");
    let release = desk.snap.releases.iter_mut().find(|r| r.spec.build.version == "1.8.0").expect("the release");
    let status = Arc::make_mut(release).status.as_mut().expect("a status");
    status.stages[0].hooks[0].phase = RunPhase::Running;
    desk.run();
    assert_eq!(told(&desk, "1.8.0")[0].phase, RunPhase::Passed);
}
