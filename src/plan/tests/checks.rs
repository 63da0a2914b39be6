//! Checks and measured suites: a bad result condemns, no answer condemns nothing and passes nothing.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::conditions::find;
use crate::api::environment::{RevertBrake, RevertGrant};
use crate::api::rollout::RevertRequest;
use crate::api::{DeliveryPipeline, Environment, EnvironmentStatus, RolloutState, RunPhase, Span};
use crate::observe::{EnvironmentView, Reading, Service, TargetPort, TroubleKind};
use crate::plan::{Action, Ask, environment as environment_pass};

const ERRORS: &str = "check/errors";

fn errors() -> Value {
    json!({"name": "errors", "failures": 2, "samples": 2,
        "metric": {"provider": "prometheus", "query": "errors{hash=\"{{podTemplateHash}}\"}", "max": "0.01"}})
}

fn checked(spec: &mut Value) {
    spec["stages"][0]["checks"] = json!([errors()]);
}

fn bad() -> Reading {
    Reading::Bad("0.2 is more than 0.01".into())
}

fn silent() -> Reading {
    Reading::Silent("provider prometheus: status 503".into())
}

/// A desk where 1.8.0 runs in full in staging and is measured.
fn exposed() -> Desk {
    let mut desk = Desk::adopted(checked);
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    assert_eq!(desk.waiting_for("1.8.0"), "check errors: is being measured");
    desk
}

fn baking() -> Desk {
    let mut desk = exposed();
    desk.pass(10).measure("staging", ERRORS, Reading::Good).run();
    desk.pass(10).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk
}

#[test]
fn delivered_after_enough_good_samples_and_not_before() {
    let mut desk = exposed();
    desk.pass(10).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    desk.pass(10).measure("staging", ERRORS, silent()).run();
    assert_eq!(desk.waiting_for("1.8.0"), "check errors: no answer: provider prometheus: status 503");
    desk.pass(10).measure("staging", ERRORS, Reading::Idle("below 1".into())).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    let status = desk.known("1.8.0").status.as_ref().unwrap();
    assert!(status.stages[0].message.ends_with("; check errors: the service is idle"), "{}", status.stages[0].message);
}

#[test]
fn bad_in_a_row_condemns_however_often_there_was_no_answer_between() {
    let mut desk = exposed();
    for reading in [bad(), silent(), Reading::Good, bad(), silent()] {
        desk.pass(10).measure("staging", ERRORS, reading).run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    }
    desk.pass(10).measure("staging", ERRORS, bad()).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");
    assert_eq!(desk.waiting_for("1.8.0"), "check errors failed: 0.2 is more than 0.01");
    assert_eq!((desk.bans(), desk.image("staging", "checkout").as_str()), (1, "elsewhere.example/old:1"));
}

#[test]
fn too_large_a_share_condemns_once_there_are_enough() {
    let mut desk = Desk::adopted(|spec| {
        let mut check = errors();
        (check["failures"], check["samples"], check["maxFailedPercent"]) = (5.into(), 4.into(), 25.into());
        spec["stages"][0]["checks"] = json!([check]);
    });
    desk.release("1.8.0", 1).run();
    for reading in [bad(), Reading::Good, bad()] {
        desk.pass(10).measure("staging", ERRORS, reading).run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    }
    desk.pass(10).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn no_answer_until_the_deadline_goes_back_without_a_ban() {
    let mut desk = exposed();
    desk.pass(10).measure("staging", ERRORS, silent()).run();
    desk.pass(589).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    desk.pass(1).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Inconclusive");
    assert!(desk.waiting_for("1.8.0").contains("check errors: no answer"), "{}", desk.waiting_for("1.8.0"));
    assert_eq!((desk.bans(), desk.image("staging", "checkout").as_str()), (0, "elsewhere.example/old:1"));
}

#[test]
fn a_bad_check_ends_a_rollout_on_its_way() {
    let mut desk = Desk::adopted(checked);
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.trouble("staging", "checkout", TroubleKind::Starting).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Progressing");
    desk.pass(1).measure("staging", ERRORS, bad()).pass(1).measure("staging", ERRORS, bad()).run();
    assert_eq!(desk.history("staging").len(), 1, "on its way back until the old pods serve");
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn nothing_is_measured_before_the_new_pods_are_there() {
    let mut desk = Desk::adopted(checked);
    desk.release("1.8.0", 1).until(|d| d.stage("staging").rollout.is_some());
    assert_eq!(desk.wanted("staging", ERRORS), None, "the old images stand there");
    desk.until_written("staging", "1.8.0");
    let Some(Ask::Metric(metric)) = desk.wanted("staging", ERRORS).map(|m| m.ask) else { panic!("no query") };
    assert_eq!((metric.names.workload.as_str(), metric.names.hash.as_str()), ("checkout", "h0"));
    desk.change("staging", "checkout", |w| w.reach.hash.clear());
    assert!(matches!(desk.wanted("staging", ERRORS).unwrap().ask, Ask::Nothing(_)), "its ReplicaSet is not seen yet");
}

#[test]
fn samples_of_other_pods_and_of_an_earlier_time_do_not_count() {
    let mut desk = Desk::adopted(checked);
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.measure("staging", ERRORS, Reading::Good).measure("staging", ERRORS, Reading::Good);
    desk.pass(5).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying", "measured before full exposure");
    desk.pass(5).measure("staging", ERRORS, Reading::Good).run();
    desk.change("staging", "checkout", |w| w.reach.hash = "h1".into()).run();
    desk.pass(5).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying", "one of the old pods, one of the new");
    desk.pass(5).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
}

#[test]
fn the_bake_ends_by_bad_results_and_never_by_silence() {
    let mut desk = baking();
    for _ in 0..5 {
        desk.pass(10).measure("staging", ERRORS, silent()).run();
    }
    desk.pass(11).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Delivered");
    assert_eq!(desk.bans(), 0);

    let mut desk = baking();
    desk.pass(55).measure("staging", ERRORS, bad()).run();
    desk.pass(10).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "bad just now: not called healthy");
    desk.measure("staging", ERRORS, bad()).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");
    assert_eq!(desk.bans(), 1);
}

#[test]
fn after_a_restart_nothing_counts_as_passed_and_the_bake_goes_on() {
    let mut desk = exposed();
    desk.pass(10).measure("staging", ERRORS, Reading::Good);
    desk.place("staging").measured.clear();
    desk.pass(10).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    let mut desk = baking();
    desk.place("staging").measured.clear();
    desk.pass(61).measure("staging", ERRORS, silent()).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Delivered");
}

#[test]
fn the_frozen_checks_are_judged() {
    let mut desk = exposed();
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[0].checks.clear();
    desk.run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
    assert!(desk.wanted("staging", ERRORS).is_some());
}

#[test]
fn a_comparison_is_with_the_pods_before_as_of_the_start() {
    let mut desk = Desk::adopted(|spec| {
        checked(spec);
        spec["stages"][0]["checks"][0]["metric"]["stable"] = json!({"maxRatio": "1.5"});
    });
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.change("staging", "checkout", |w| w.reach.hash = "h1".into());
    let Some(Ask::Metric(metric)) = desk.wanted("staging", ERRORS).map(|m| m.ask) else { panic!("no query") };
    let (stable, rollout) = (metric.stable.unwrap(), desk.stage("staging").rollout.clone().unwrap());
    assert_eq!((metric.names.hash.as_str(), stable.names.hash.as_str()), ("h1", "h0"));
    assert_eq!(stable.at, Some(rollout.started_at));
}

fn healthz(desk: &Desk) -> Ask {
    desk.wanted("staging", "check/healthz").unwrap().ask
}

fn with_service(desk: &mut Desk, service: Service) {
    desk.place("staging").services.insert("web".into(), Arc::new(service));
}

#[test]
fn a_request_goes_to_new_ready_pods_and_only_through_a_service_that_selects_them() {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][0]["checks"] = json!([{"name": "healthz", "http": {"service": "web", "port": 80}}]);
    });
    let good = Service {
        external: false,
        selector: [("app".to_owned(), "checkout".to_owned())].into(),
        ports: [(80, TargetPort::Name("web".into()))].into(),
    };
    with_service(&mut desk, good.clone());
    desk.change("staging", "checkout", |w| w.reach.ports = [("web".to_owned(), 8080)].into());
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.trouble("staging", "checkout", TroubleKind::Starting);
    desk.change("staging", "checkout", |w| w.pods[0].address = Some("10.0.0.1".into()));
    assert!(matches!(healthz(&desk), Ask::Http { targets, .. } if targets.is_empty()), "it is not ready");
    desk.change("staging", "checkout", |w| w.pods[0].ready = true);
    let Ask::Http { targets, .. } = healthz(&desk) else { panic!("nothing is asked") };
    assert_eq!((targets[0].address.as_str(), targets[0].port), ("10.0.0.1", 8080));

    for (service, why) in [
        (Service { external: true, ..good.clone() }, "ExternalName"),
        (Service { selector: [].into(), ..good.clone() }, "no selector"),
        (Service { selector: [("app".into(), "other".into())].into(), ..good.clone() }, "no workload of the pipeline"),
        (Service { ports: [(81, TargetPort::Number(81))].into(), ..good.clone() }, "no TCP port 80"),
        (Service { ports: [(80, TargetPort::Name("admin".into()))].into(), ..good }, "no port admin"),
    ] {
        with_service(&mut desk, service);
        let Ask::Nothing(said) = healthz(&desk) else { panic!("asked in spite of {why}") };
        assert!(said.contains(why), "{said}");
    }
}

fn suite(spec: &mut Value) {
    spec["stages"][0]["tests"] = json!([{"suite": "smoke", "timeout": "5m", "samples": 2, "failures": 2,
        "metric": {"provider": "prometheus", "query": "up", "min": "1"}}]);
}

fn said(desk: &Desk) -> (RunPhase, String) {
    let status = desk.snap.test_runs[0].status.as_ref().unwrap();
    (status.phase.unwrap(), status.message.clone().unwrap_or_default())
}

#[test]
fn a_measured_suite_passes_fails_or_gives_no_verdict() {
    let start = || {
        let mut desk = Desk::adopted(suite);
        desk.release("1.8.0", 1).run();
        assert_eq!(said(&desk).0, RunPhase::Running);
        assert_eq!(desk.snap.test_runs[0].spec.runner, crate::api::Runner::Metric);
        desk
    };
    let mut desk = start();
    desk.pass(1).measure("staging", "suite/smoke", Reading::Good).pass(1).measure(
        "staging",
        "suite/smoke",
        Reading::Good,
    );
    desk.run();
    assert_eq!((said(&desk).0, desk.phase("1.8.0", "staging")), (RunPhase::Passed, "Delivered Baking".into()));
    assert_eq!(desk.wanted("staging", "suite/smoke"), None);

    let mut desk = start();
    desk.pass(1).measure("staging", "suite/smoke", bad()).pass(1).measure("staging", "suite/smoke", bad()).run();
    assert_eq!(said(&desk), (RunPhase::Failed, "0.2 is more than 0.01".into()));
    assert_eq!((desk.bans(), desk.history("staging").last().unwrap().as_str()), (1, "checkout-1.8.0 Reverted Failed"));

    let mut desk = start();
    desk.pass(1).measure("staging", "suite/smoke", silent()).pass(299).run();
    assert_eq!(said(&desk).0, RunPhase::Errored);
    assert!(said(&desk).1.contains("status 503"), "{}", said(&desk).1);
    assert_eq!((desk.bans(), desk.image("staging", "checkout")), (0, image("1.8.0")));
}

#[test]
fn what_was_delivered_goes_back_with_leave_or_when_nobody_answers() {
    let lost = |desk: &mut Desk| {
        for _ in 0..2 {
            desk.pass(1).measure("staging", ERRORS, bad()).run();
        }
    };
    let mut desk = baking();
    lost(&mut desk);
    let status = desk.snap.places["staging"].environment.as_ref().unwrap().status.clone().unwrap();
    assert_eq!((status.reverts.len(), status.reverts[0].pipeline.as_str()), (1, "checkout"));
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");

    let mut desk = baking();
    desk.is_deaf = true;
    lost(&mut desk);
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.pass(59).run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    desk.pass(1).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn what_the_brake_holds_stays_until_it_is_well_or_a_person_decides() {
    let mut desk = baking();
    desk.is_deaf = true;
    let environment = desk.place("staging").environment.as_mut().unwrap();
    let held = json!({"brake": {"since": "2026-01-01T00:00:00Z", "message": "x", "held": ["checkout"]}});
    Arc::make_mut(environment).status = Some(serde_json::from_value(held).unwrap());
    desk.pass(1).measure("staging", ERRORS, bad()).pass(1).measure("staging", ERRORS, bad()).run();
    desk.pass(3600).release("1.9.0", 2).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    assert!(
        desk.known("1.8.0").status.as_ref().unwrap().stages[0]
            .message
            .contains("the revert brake of Environment staging")
    );
    assert_eq!((desk.bans(), desk.image("staging", "checkout")), (0, image("1.8.0")));
    desk.measure("staging", ERRORS, silent()).run();
    assert!(desk.stage("staging").rollout.is_some(), "no answer makes nothing well");
    let (snap, now) = (desk.snap.clone(), desk.now);
    Arc::make_mut(&mut desk.snap.pipeline).metadata.deletion_timestamp = Some(now.into());
    desk.run();
    assert!(desk.stage("staging").rollout.is_none(), "nobody could answer for what is being deleted");
    desk.snap = snap;
    desk.measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.history("staging").last().unwrap(), "checkout-1.8.0 Superseded");
    assert_eq!(desk.image("staging", "checkout"), image("1.9.0"), "and the next one comes");
}

/// Thirty pipelines, of which so many ask for leave, and what one pass of the Environment makes of it.
fn braked(asking: usize, old: EnvironmentStatus, seconds: i64) -> EnvironmentStatus {
    braked_by(None, asking, old, seconds)
}

/// The same under a brake as the Environment's owner sets it.
fn braked_by(by: Option<RevertBrake>, asking: usize, old: EnvironmentStatus, seconds: i64) -> EnvironmentStatus {
    let desk = baking();
    let environment = desk.snap.places["staging"].environment.clone().unwrap();
    let one = |number: usize| {
        let mut pipeline = DeliveryPipeline::clone(&desk.snap.pipeline);
        pipeline.metadata.name = Some(format!("p{number:02}"));
        let rollout = pipeline.status.as_mut().unwrap().stages[0].rollout.as_mut().unwrap();
        if let (RolloutState::Delivered(state), true) = (&mut rollout.state, number < asking) {
            state.revert = Some(RevertRequest { since: desk.now, reason: "bad".into() });
        }
        Arc::new(pipeline)
    };
    let mut environment = Environment::clone(&environment);
    environment.status = Some(old);
    environment.spec.policy.get_or_insert_default().revert_brake = by;
    let access = desk.snap.places["staging"].access.clone();
    let view = EnvironmentView {
        environment: Arc::new(environment),
        access,
        pipelines: (0..30).map(one).collect(),
        freezes: vec![],
        decisions: vec![],
    };
    let (actions, _, _) = environment_pass(&view, desk.snap.settings, desk.now.plus(Span::seconds(seconds)));
    match actions.into_iter().next() {
        Some(Action::EnvironmentStatus { status, .. }) => *status,
        _ => view.environment.status.clone().unwrap(),
    }
}

#[test]
fn of_thirty_a_tenth_goes_back_and_the_rest_is_left() {
    let few = braked(3, EnvironmentStatus::default(), 0);
    assert_eq!((few.reverts.len(), few.brake), (3, None));
    let many = braked(30, EnvironmentStatus::default(), 0);
    let names: Vec<&str> = many.reverts.iter().map(|grant| grant.pipeline.as_str()).collect();
    assert_eq!(names, ["p00", "p01", "p02"]);
    assert_eq!(many.brake.as_ref().unwrap().held.len(), 27);
    assert_eq!(find(&many.conditions, "Stalled").unwrap().reason, "RevertBrake");
    let later = braked(30, many.clone(), 3600);
    assert_eq!(later.reverts.len(), 3, "what is held does not trickle out");
    assert_eq!(later.brake.as_ref().unwrap().since, many.brake.as_ref().unwrap().since);
    let over = braked(3, later, 7200);
    assert_eq!(over.brake, None, "nobody is left who asks");
    assert_eq!(braked(0, over, 7200).reverts, []);
}

#[test]
fn the_owner_of_an_environment_sets_its_brake() {
    let by = |reverts, within| Some(RevertBrake { reverts, within });
    let first = braked_by(by(Some(1), None), 5, EnvironmentStatus::default(), 0);
    assert_eq!((first.reverts.len(), first.brake.map(|brake| brake.held.len())), (1, Some(4)));
    let all = braked_by(by(Some(5), None), 5, EnvironmentStatus::default(), 0);
    assert_eq!((all.reverts.len(), &all.brake), (5, &None));
    // each of five goes back and asks no more; a sixth asks as long after as the brake looks back, and a second before
    let gone = EnvironmentStatus { reverts: all.reverts.iter().cloned().map(renamed).collect(), ..all };
    for (seconds, granted) in [(3599, 5), (3600, 1)] {
        let later = braked_by(by(Some(5), Some(Span::seconds(3600))), 1, gone.clone(), seconds);
        assert_eq!((later.reverts.len(), later.brake.is_some()), (granted, granted == 5), "after {seconds} s");
    }
}

/// The same of an attempt that is over.
fn renamed(grant: RevertGrant) -> RevertGrant {
    RevertGrant { attempt: "20250101t000000000z".into(), ..grant }
}

#[test]
fn where_the_owner_asks_for_checks_a_stage_without_waits() {
    let mut desk = Desk::adopted(checked);
    for environment in ["staging", "production"] {
        desk.rules(environment, |rules| rules.policy.get_or_insert_default().checks_required = true);
    }
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying", "which has one");
    let gate = desk.gate("1.8.0", "production", "checks");
    assert_eq!(
        (gate.state.as_str(), gate.source.as_str(), gate.reason.as_str()),
        ("Closed", "policy", "production asks for checks of health, and the stage has none (policy.checksRequired)")
    );
}

#[test]
fn what_runs_there_is_tried_again_whatever_its_owner_asks_for_since() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    desk.rules("production", |rules| rules.policy.get_or_insert_default().checks_required = true);
    desk.release("1.8.0", 1).run().report("api", "Passed").run().pass(61).run();
    desk.rules("staging", |rules| rules.policy.get_or_insert_default().checks_required = true);
    desk.rules("production", |rules| rules.policy.get_or_insert_default().checks_required = false);
    desk.change("staging", "checkout", |w| w.fingerprint = "another".into());
    desk.run();
    let stale = desk.phase("1.8.0", "staging");
    assert_eq!(stale, "Verifying", "its suites run again");
}
