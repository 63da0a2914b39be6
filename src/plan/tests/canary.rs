//! A canary by the number of pods: the clone and its steps, what takes it back, and the way home.

use serde_json::{Value, json};

use super::clones::{size, steps};
use super::desk::{Desk, image};
use crate::observe::{Reading, TroubleKind};
use crate::plan::Action;

const OLD: &str = "elsewhere.example/old:1";

/// 1.8.0 has gone through its steps in production, beside four pods: it is at full exposure and in its bake.
fn baking() -> Desk {
    let mut desk = Desk::stepping(|_| {});
    desk.pass(60).run().pass(60).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    desk
}

/// How many times each clone's size was set, in order.
fn sizes(desk: &Desk) -> Vec<i32> {
    let size = |a: &Action| if let Action::ScaleClone(scale) = a { Some(scale.replicas) } else { None };
    desk.done.iter().filter_map(size).collect()
}

#[test]
fn it_goes_step_by_step_and_the_workload_is_rolled_when_it_is_proven() {
    let mut desk = Desk::stepping(|_| {});
    assert_eq!(desk.share("1.8.0"), "1/3 25 20", "one pod beside four");
    desk.pass(59).run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 1)), "the pause is not over");
    desk.pass(1).run();
    assert_eq!((desk.exposed("production"), desk.share("1.8.0").as_str()), (Some((image("1.8.0"), 4)), "2/3 50 50"));
    desk.pass(60).run();
    assert_eq!((desk.share("1.8.0").as_str(), desk.image("production", "checkout").as_str()), ("3/3 100 50", OLD));
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
    desk.pass(60).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.clone_of("production", "checkout").map(|c| c.wanted), None, "home");
    assert_eq!(sizes(&desk), [1, 4, 0]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Delivered"]);
    assert_eq!(desk.share("1.8.0"), "none");
}

#[test]
fn a_crash_at_a_step_cuts_the_clone_and_leaves_the_workload_alone() {
    let mut desk = Desk::stepping(|_| {});
    let before = desk.writes();
    desk.crash_clone("production", TroubleKind::CrashLoop).run();
    assert_eq!((desk.exposed("production"), desk.writes()), (None, before));
    assert_eq!((desk.bans(), desk.phase("1.8.0", "production").as_str()), (1, "Reverted Failed"));
    assert_eq!(desk.image("production", "checkout"), OLD);
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn pods_that_turn_unready_at_a_step_get_their_grace() {
    let mut desk = Desk::stepping(|_| {});
    desk.crash_clone("production", TroubleKind::NotReady).run();
    desk.pass(30).run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 1)));
    desk.pass(31).run();
    assert_eq!((desk.exposed("production"), desk.bans()), (None, 1));
}

#[test]
fn an_abort_cuts_exposure_whatever_the_workload_does() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| (w.ready, w.available) = (3, 3));
    desk.decide("Abort", json!({"environment": "production", "reason": "no"}));
    desk.run();
    assert_eq!((desk.exposed("production"), desk.phase("1.8.0", "production").as_str()), (None, "Reverting Aborted"));
    desk.heal("production", "checkout").run();
    assert_eq!((desk.bans(), desk.phase("1.8.0", "production").as_str()), (0, "Reverted Aborted"));
}

#[test]
fn what_alone_answers_is_not_cut() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| (w.ready, w.available) = (0, 0));
    desk.decide("Abort", json!({"environment": "production", "reason": "no"}));
    desk.run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 1)), "nothing else answers");
    desk.change("production", "checkout", |w| (w.ready, w.available) = (1, 1)).run();
    assert_eq!(desk.exposed("production"), None);
}

#[test]
fn a_paused_release_stays_at_its_step() {
    let mut desk = Desk::stepping(|_| {});
    desk.pause("1.8.0", true).pass(300).run();
    assert_eq!((desk.exposed("production").map(|e| e.1), sizes(&desk)), (Some(1), vec![1]));
    assert_eq!(desk.phase("1.8.0", "production"), "Progressing Paused");
    desk.change("production", "checkout", |w| size(w, 8)).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(2), "the share stays as the workload grows");
    desk.pause("1.8.0", false).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(8));
}

#[test]
fn a_pause_before_the_first_pod_keeps_it_from_coming() {
    let mut desk = Desk::adopted(steps);
    desk.release("1.8.0", 1).until(|desk| desk.exposed("production").is_some());
    desk.pause("1.8.0", true).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(0));
    desk.pass(601).run();
    desk.pause("1.8.0", false).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(1), "and the deadline stood still");
}

#[test]
fn promote_ends_the_pause_of_a_step_once() {
    let mut desk = Desk::stepping(|_| {});
    let name =
        desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0", "reason": "go"}));
    desk.run();
    assert_eq!(desk.answer(&name), "Applied: the pause of step 1 is over");
    assert_eq!(desk.share("1.8.0"), "2/3 50 50");
}

#[test]
fn the_clone_follows_the_size_of_the_workload() {
    let mut desk = baking();
    desk.change("production", "checkout", |w| size(w, 10)).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(10));
    desk.change("production", "checkout", |w| size(w, 2)).run();
    assert_eq!(desk.exposed("production").map(|e| e.1), Some(2));
}

#[test]
fn a_changed_template_interrupts_three_times_and_is_held_then() {
    let mut desk = Desk::stepping(|_| {});
    for times in 1..=3 {
        desk.change("production", "checkout", |w| w.fingerprint = format!("f{times}")).run();
        assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 ImageOnly Interrupted");
        assert_eq!(desk.share("1.8.0"), "1/3 25 20", "anew from the first step");
    }
    desk.change("production", "checkout", |w| w.fingerprint = "f4".into()).run();
    assert_eq!((desk.exposed("production"), desk.bans()), (None, 0));
    assert!(desk.stage("production").held.as_ref().unwrap().message.contains("4 times"));
    desk.pass(1).decide("Unhold", json!({"environment": "production", "reason": "calm"}));
    desk.run()
        .pass(1)
        .decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0", "reason": "go"}));
    desk.run();
    assert_eq!(desk.share("1.8.0"), "1/3 25 20");
}

#[test]
fn what_an_upgraded_server_fills_in_interrupts_nothing() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| {
        w.fingerprint = "f1".into();
        w.generation -= 1;
        w.observed_generation -= 1;
    });
    desk.run();
    assert_eq!(desk.history("production"), [" Adopted"]);
    assert_eq!(desk.stage("production").rollout.as_ref().unwrap().workloads[0].fingerprint, "f1");
    desk.change("production", "checkout", |w| w.fingerprint = "f2".into()).run();
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 ImageOnly Interrupted");
}

#[test]
fn a_changed_template_in_the_bake_restarts_it_and_goes_home_with_the_workload() {
    let mut desk = baking();
    desk.pass(50).change("production", "checkout", |w| w.fingerprint = "f1".into()).run().pass(50).run();
    assert_eq!(
        (desk.image("production", "checkout").as_str(), desk.exposed("production").map(|e| e.1)),
        (OLD, Some(4))
    );
    desk.pass(10).run();
    assert_eq!((desk.image("production", "checkout"), desk.exposed("production")), (image("1.8.0"), None));
}

#[test]
fn health_lost_in_the_bake_goes_back_without_a_write_to_the_workload() {
    let mut desk = baking();
    let before = desk.writes();
    desk.crash_clone("production", TroubleKind::NotReady).run().pass(61).run();
    assert_eq!((desk.exposed("production"), desk.writes(), desk.bans()), (None, before, 1));
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn a_homecoming_that_cannot_finish_stays_with_the_clone_and_says_so() {
    let mut desk = baking();
    desk.pass(60).until_written("production", "1.8.0").trouble("production", "checkout", TroubleKind::Pull).run();
    desk.pass(61).run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 4)));
    assert_eq!(desk.pipeline_condition("Stalled"), "True HomecomingFailed");
    assert_eq!((desk.bans(), desk.condition("1.8.0", "Delivered").as_str()), (0, "True Delivered"));
    desk.pass(3600).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "it is tried on");
    desk.heal("production", "checkout").run();
    assert_eq!((desk.exposed("production"), desk.pipeline_condition("Stalled").as_str()), (None, "False Ready"));
}

#[test]
fn an_abort_of_a_homecoming_goes_back() {
    let mut desk = baking();
    desk.pass(60).until_written("production", "1.8.0").trouble("production", "checkout", TroubleKind::Pull);
    desk.change("production", "checkout", |w| w.available = 3).run();
    desk.decide("Abort", json!({"environment": "production", "reason": "no"}));
    desk.run().heal("production", "checkout").run();
    assert_eq!((desk.image("production", "checkout").as_str(), desk.exposed("production")), (OLD, None));
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Aborted");
}

#[test]
fn a_newer_release_waits_until_the_clone_is_home() {
    let mut desk = baking();
    desk.release("1.9.0", 2).run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 4)));
    desk.pass(60).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    desk.until_exposed("1.9.0", 1);
}

#[test]
fn an_image_set_by_hand_beside_the_clone_holds_the_stage_and_the_clone_goes() {
    let mut desk = baking();
    desk.change("production", "checkout", |w| drop(w.images.insert("app".into(), "elsewhere.example/x:1".into())))
        .run();
    assert_eq!(
        (desk.exposed("production"), desk.image("production", "checkout").as_str()),
        (None, "elsewhere.example/x:1")
    );
    assert_eq!(desk.pipeline_condition("Ready"), "True ExternalChange");
}

#[test]
fn a_workload_that_is_made_again_gets_its_build_back_and_the_clone_goes_on() {
    let mut desk = Desk::stepping(|_| {});
    let (production, key) = (desk.place("production"), "Deployment/checkout");
    production.clones.clear();
    let made = std::sync::Arc::make_mut(production.workloads.get_mut(key).unwrap());
    (made.uid, made.attempt) = ("made-again".into(), None);
    made.images.insert("app".into(), "elsewhere.example/git:1".into());
    desk.run();
    assert_eq!(
        (desk.image("production", "checkout").as_str(), desk.exposed("production").map(|e| e.1)),
        (OLD, Some(1))
    );
}

#[test]
fn the_first_build_of_a_stage_is_rolled() {
    let mut desk = Desk::new(steps);
    for environment in ["staging", "production"] {
        desk.change(environment, "checkout", |w| {
            w.images.insert("app".into(), "registry.invalid/none:0".into());
        });
    }
    desk.run().pass(2).release("1.8.0", 1).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert!(sizes(&desk).is_empty());
}

#[test]
fn the_same_build_under_another_version_needs_no_clone() {
    let mut desk = baking();
    desk.pass(60).run();
    let before = sizes(&desk);
    desk.release_of("1.8.1", 2, &image("1.8.0")).finish();
    assert_eq!((sizes(&desk), desk.phase("1.8.1", "production").as_str()), (before, "Delivered"));
}

#[test]
fn workers_are_rolled_when_it_is_proven() {
    let mut desk = Desk::new(|spec| {
        steps(spec);
        let worker =
            json!({"kind": "StatefulSet", "name": "queue", "containers": [{"name": "app", "imageName": "app"}]});
        spec["workloads"].as_array_mut().unwrap().insert(0, worker);
    });
    desk.run().pass(2).release("1.8.0", 1).until(|desk| desk.exposed("production").is_some()).run();
    assert_eq!(desk.image("production", "queue"), OLD);
    desk.pass(60).run().pass(60).run();
    assert_eq!((desk.image("production", "queue").as_str(), desk.share("1.8.0").as_str()), (OLD, "3/3 100 50"));
    desk.pass(60).run();
    assert_eq!(
        (desk.image("production", "queue"), desk.image("production", "checkout")),
        (image("1.8.0"), image("1.8.0"))
    );
}

#[test]
fn of_several_clones_the_largest_share_is_told() {
    let mut desk = Desk::new(|spec| {
        steps(spec);
        spec["workloads"]
            .as_array_mut()
            .unwrap()
            .push(json!({"kind": "Deployment", "name": "front", "containers": [{"name": "app", "imageName": "app"}]}));
    });
    desk.change("production", "checkout", |w| size(w, 4)).change("production", "front", |w| size(w, 1));
    desk.run().pass(2).release("1.8.0", 1).until(|desk| desk.exposed("production").is_some()).run();
    assert_eq!(desk.share("1.8.0"), "1/3 25 50", "one of five there, and one of two here");
}

#[test]
fn what_cannot_run_twice_is_refused_before_anything_is_written() {
    let mut desk = Desk::adopted(steps);
    desk.change("production", "checkout", |w| w.obstacle = Some("its strategy is Recreate".into()));
    desk.release("1.8.0", 1).finish();
    assert_eq!((desk.exposed("production"), desk.image("production", "checkout").as_str()), (None, OLD));
    assert!(desk.waiting_for("1.8.0").contains("Recreate"), "{}", desk.waiting_for("1.8.0"));
    assert_eq!(desk.pipeline_condition("Stalled"), "True CannotClone");
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"), "where it rolls nothing is in the way");
}

#[test]
fn a_deployment_under_the_name_of_the_clone_is_left_alone() {
    let mut desk = Desk::adopted(steps);
    let mut other = (*desk.snap.places["production"].workloads["Deployment/checkout"]).clone();
    other.name = "checkout-canary".into();
    let production = desk.place("production");
    production.clones.insert("Deployment/checkout".into(), std::sync::Arc::new(other));
    desk.release("1.8.0", 1).finish();
    assert_eq!(desk.pipeline_condition("Stalled"), "True CloneNameTaken");
    assert!(desk.clone_of("production", "checkout").is_some() && sizes(&desk).is_empty());
}

#[test]
fn a_deleted_pipeline_leaves_no_clone_and_the_images_as_they_were() {
    for seconds in [0, 60, 120] {
        let mut desk = Desk::stepping(|_| {});
        desk.pass(seconds).run();
        let before = desk.image("production", "checkout");
        let now = desk.now;
        let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
        pipeline.metadata.deletion_timestamp = Some(now.into());
        desk.run();
        assert_eq!((desk.exposed("production"), desk.image("production", "checkout")), (None, before), "{seconds}");
        assert_eq!(desk.snap.pipeline.metadata.finalizers, None);
    }
}

#[test]
fn a_pipeline_deleted_on_the_way_home_is_home_first_or_goes_back_when_that_takes_too_long() {
    let homing = || {
        let mut desk = baking();
        desk.pass(60).until_written("production", "1.8.0").trouble("production", "checkout", TroubleKind::Pull);
        desk.change("production", "checkout", |w| w.available = 3).run();
        let now = desk.now;
        std::sync::Arc::make_mut(&mut desk.snap.pipeline).metadata.deletion_timestamp = Some(now.into());
        desk.run();
        assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "what is proven is not taken back");
        assert!(desk.snap.pipeline.metadata.finalizers.is_some());
        desk
    };
    let mut desk = homing();
    desk.heal("production", "checkout").run();
    assert_eq!((desk.image("production", "checkout"), desk.exposed("production")), (image("1.8.0"), None));
    assert_eq!(desk.snap.pipeline.metadata.finalizers, None);

    let mut desk = homing();
    desk.pass(3600).run().heal("production", "checkout").run();
    assert_eq!((desk.image("production", "checkout").as_str(), desk.exposed("production")), (OLD, None));
    assert_eq!(desk.snap.pipeline.metadata.finalizers, None);
}

#[test]
fn a_release_deleted_in_the_bake_goes_home_at_once() {
    let mut desk = baking();
    let now = desk.now;
    for release in &mut desk.snap.releases {
        std::sync::Arc::make_mut(release).metadata.deletion_timestamp = Some(now.into());
    }
    desk.run();
    assert_eq!((desk.image("production", "checkout"), desk.exposed("production")), (image("1.8.0"), None));
    assert!(desk.snap.releases.is_empty());
}

/// A check whose last two results decide.
fn checked(spec: &mut Value) {
    let query = "errors{pod=~\"{{workload}}-{{podTemplateHash}}-.*\",track=\"{{track}}\"}";
    let metric = json!({"provider": "prometheus", "query": query, "max": "0.01", "stable": {"maxRatio": "2"}});
    spec["stages"][1]["checks"] = json!([{"name": "errors", "failures": 2, "samples": 2, "metric": metric}]);
}

/// At the first step, measured.
fn measured() -> Desk {
    Desk::stepping(checked)
}

const ERRORS: &str = "check/errors";

#[test]
fn a_step_waits_for_its_checks_and_each_begins_anew() {
    let mut desk = measured();
    desk.pass(60).run();
    assert_eq!((desk.share("1.8.0").as_str(), desk.waiting_for("1.8.0").contains("check errors")), ("1/3 25 20", true));
    desk.measure("production", ERRORS, Reading::Good).run().pass(1).measure("production", ERRORS, Reading::Good).run();
    assert_eq!(desk.share("1.8.0"), "2/3 50 50");
    desk.pass(60).run();
    assert_eq!(desk.share("1.8.0"), "2/3 50 50", "what was measured at the step before says nothing of this one");
}

#[test]
fn a_check_that_fails_at_a_step_cuts_the_clone() {
    let mut desk = measured();
    let before = desk.writes();
    for _ in 0..2 {
        desk.pass(5).measure("production", ERRORS, Reading::Bad("0.2 is more than 0.01".into())).run();
    }
    assert_eq!((desk.exposed("production"), desk.writes(), desk.bans()), (None, before, 1));
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn checks_without_an_answer_take_the_clone_back_and_condemn_nothing() {
    let mut desk = measured();
    desk.pass(60).measure("production", ERRORS, Reading::Silent("status 503".into())).run();
    desk.pass(599).run();
    assert_eq!(desk.share("1.8.0"), "1/3 25 20");
    desk.pass(60).run();
    assert_eq!((desk.exposed("production"), desk.bans()), (None, 0));
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Inconclusive");
}

#[test]
fn checks_ask_about_the_clone_and_compare_with_what_still_serves() {
    let mut desk = measured();
    let asked = |desk: &Desk| {
        let all = crate::plan::measures(&desk.snap, desk.now);
        let Some(crate::plan::Ask::Metric(metric)) = all.first().map(|measure| &measure.ask) else { panic!("{all:?}") };
        metric.clone()
    };
    let metric = asked(&desk);
    assert_eq!((metric.names.workload.as_str(), metric.names.track), ("checkout-canary", "canary"));
    let stable = metric.stable.expect("a comparison");
    assert_eq!((stable.names.workload.as_str(), stable.names.track, stable.at), ("checkout", "stable", None));
    assert_eq!(stable.names.hash, "h0");
    desk.change("production", "checkout", |w| w.reach.hash = "h1".into());
    assert_eq!(asked(&desk).stable.expect("a comparison").names.hash, "h1", "after a restart");
}

#[test]
fn a_worker_that_came_later_does_not_make_it_a_rolling_rollout() {
    let mut desk = Desk::adopted(|spec| {
        steps(spec);
        spec["workloads"]
            .as_array_mut()
            .unwrap()
            .push(json!({"kind": "Deployment", "name": "mailer", "exposure": "Worker",
            "containers": [{"name": "app", "imageName": "app"}]}));
    });
    desk.change("production", "checkout", |w| size(w, 4));
    desk.release("1.8.0", 1).finish();
    desk.change("production", "mailer", |w| w.uid = "another".into());
    let known = std::sync::Arc::make_mut(&mut desk.snap.pipeline).status.as_mut().unwrap();
    known.stages[1].workloads.retain(|seen| seen.workload != "Deployment/mailer");
    desk.change("production", "mailer", |w| {
        w.images.insert("app".into(), "registry.example/elsewhere/mailer:1".into());
    });
    desk.release("1.9.0", 2).until_exposed("1.9.0", 1);
    desk.finish();
    assert_eq!(desk.image("production", "mailer"), image("1.9.0"), "it is rolled at homing");
}

#[test]
fn a_build_is_not_blamed_for_the_pods_of_an_earlier_clone() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| (w.available, w.ready) = (0, 0));
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run().pass(700).run();
    assert_eq!(
        desk.history("production").last().unwrap(),
        "checkout-1.8.0 Failed Aborted",
        "it alone answers, and stays"
    );
    desk.release("1.9.0", 2);
    desk.until(|desk| desk.stage("production").rollout.is_some());
    desk.crash_clone("production", TroubleKind::Starting).change_clone("production", |w| w.available = 1);
    desk.pass(700).run();
    assert_eq!(desk.bans(), 0, "none of its pods was ever there");
}

/// 1.8.0 runs in full in its clone, and its suite has not answered.
fn tested() -> Desk {
    let mut desk = Desk::stepping(|spec| {
        spec["stages"][1]["tests"] = json!([{"suite": "smoke", "external": {}, "timeout": "5m"}]);
    });
    desk.pass(60).run().pass(60).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Verifying");
    desk
}

#[test]
fn a_suite_without_a_verdict_leaves_what_ran_before() {
    let mut desk = tested();
    desk.pass(301).run();
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert_eq!(desk.stage("production").current.as_ref().unwrap().release, "", "what runs is what ran before");
    assert_eq!((desk.bans(), desk.image("production", "checkout").as_str()), (0, OLD));
    assert!(desk.snap.places["production"].clones.is_empty());

    // it comes again in a clone, and so does the next one
    desk.decide("Retry", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.until_exposed("1.8.0", 1).run().pass(60).run().pass(60).run().pass(301).run();
    assert_eq!(desk.history("production").len(), 3, "tried again, to the same end");
    desk.release("1.9.0", 2).until_exposed("1.9.0", 1);
    assert_eq!(desk.image("production", "checkout"), OLD, "nothing is rolled unproven");
}

#[test]
fn a_clone_that_cannot_grow_with_its_workload_condemns_nothing() {
    let refused = |w: &mut crate::observe::Workload, since| {
        (w.ready, w.available) = (1, 1);
        w.refused = Some((since, "exceeded quota".into()));
    };
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| size(w, 8)).run();
    assert_eq!(desk.exposed("production"), Some((image("1.8.0"), 2)));
    let now = desk.now;
    desk.change_clone("production", |w| refused(w, now)).pass(59).run();
    assert_eq!((desk.phase("1.8.0", "production").as_str(), desk.bans()), ("Progressing", 0));
    desk.pass(1200).run();
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert_eq!(desk.bans(), 0);

    // before the step has ever stood it does
    let mut desk = Desk::adopted(steps);
    desk.change("production", "checkout", |w| size(w, 4));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    let now = desk.now;
    desk.change_clone("production", |w| {
        refused(w, now);
        (w.ready, w.available) = (0, 0);
    });
    desk.run().pass(31).run();
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
}
