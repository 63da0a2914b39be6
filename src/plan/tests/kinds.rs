//! Workloads that are no Deployments: a StatefulSet that bars its own way back, a CronJob judged by its next Job.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::observe::{Job, JobPod, OldPod, Pod, Rolls};
use crate::plan::Action;

const OLD: &str = "elsewhere.example/old:1";

fn of_kind(kind: &'static str) -> impl FnOnce(&mut Value) {
    move |spec| spec["workloads"][0]["kind"] = json!(kind)
}

fn old_pod(name: &str, ready: bool, image: &str) -> OldPod {
    OldPod {
        name: name.into(),
        uid: format!("{name}-uid"),
        resource_version: "7".into(),
        ready,
        going: false,
        images: BTreeMap::from([("app".to_owned(), image.to_owned())]),
    }
}

/// Names of the pods that were deleted.
fn deleted(desk: &Desk) -> Vec<&str> {
    let mut names = Vec::new();
    for action in &desk.done {
        if let Action::DeletePod { name, .. } = action {
            names.push(name.as_str());
        }
    }
    names
}

/// 1.8.0 has failed in staging and its images are put back; no pod follows.
fn barred() -> Desk {
    let mut desk = Desk::adopted(of_kind("StatefulSet"));
    desk.release("1.8.0", 1).until_written("staging", "1.8.0").crash("staging", "checkout").run();
    assert_eq!(desk.image("staging", "checkout"), OLD);
    desk.change("staging", "checkout", |w| (w.pods, w.updated, w.wanted) = (vec![], 0, 3));
    desk
}

#[test]
fn a_stateful_set_is_freed_of_its_highest_broken_pod() {
    let mut desk = barred();
    let bad = image("1.8.0");
    let pods = vec![old_pod("db-0", true, &bad), old_pod("db-2", false, &bad), old_pod("db-10", false, &bad)];
    desk.change("staging", "checkout", |w| w.old_pods = pods).step();
    assert_eq!(deleted(&desk), ["db-10"], "by number, and one at a time");
}

#[test]
fn no_other_pod_is_deleted() {
    let bad = image("1.8.0");
    let good = old_pod("db-0", true, &bad);
    let going = OldPod { going: true, ..old_pod("db-2", false, &bad) };
    let cases = [
        ("ready", vec![good.clone(), old_pod("db-1", true, &bad), old_pod("db-2", true, &bad)]),
        ("of another build", vec![good.clone(), good.clone(), old_pod("db-2", false, &image("1.7.0"))]),
        ("one above it is going", vec![good.clone(), old_pod("db-1", false, &bad), going]),
        ("its replacement is awaited", vec![good, old_pod("db-2", false, &bad)]),
    ];
    for (what, pods) in cases {
        let mut desk = barred();
        desk.change("staging", "checkout", |w| w.old_pods = pods).step();
        assert!(deleted(&desk).is_empty(), "{what}: {:?}", deleted(&desk));
    }
    let mut desk = barred();
    let pods = vec![old_pod("db-0", true, &bad), old_pod("db-1", true, &bad), old_pod("db-2", false, &bad)];
    desk.change("staging", "checkout", |w| (w.old_pods, w.observed_generation) = (pods, w.generation - 1)).step();
    assert!(deleted(&desk).is_empty(), "it would come again from the template that failed");
}

#[test]
fn an_unready_pod_below_does_not_keep_the_broken_one() {
    let mut desk = barred();
    let bad = image("1.8.0");
    let pods = vec![old_pod("db-1", true, &bad), old_pod("db-2", false, &bad)];
    let below = Pod {
        name: "db-0".into(),
        created: desk.now,
        ready: false,
        going: false,
        restarts: 0,
        trouble: None,
        address: None,
    };
    desk.change("staging", "checkout", |w| (w.pods, w.old_pods) = (vec![below], pods)).step();
    assert_eq!(deleted(&desk), ["db-2"]);
}

#[test]
fn a_build_of_which_no_pod_was_made_is_not_condemned() {
    let mut desk = Desk::adopted(of_kind("StatefulSet"));
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    let bars = vec![old_pod("db-0", false, OLD)];
    desk.change("staging", "checkout", |w| (w.old_pods, w.updated, w.available) = (bars, 0, 0)).run();
    let why = desk.waiting_for("1.8.0");
    assert!(why.contains("pod db-0, of an earlier revision, is not ready"), "{why}");
    desk.pass(601).run();
    assert_eq!(desk.bans(), 0);
    assert!(desk.phase("1.8.0", "staging").ends_with("Inconclusive"), "{}", desk.phase("1.8.0", "staging"));
}

#[test]
fn none_is_deleted_on_the_way_forward() {
    let mut desk = Desk::adopted(of_kind("StatefulSet"));
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    let new = image("1.8.0");
    // the template was changed as well: pods of the build, and of another revision
    let pods = vec![old_pod("db-0", true, OLD), old_pod("db-1", true, &new), old_pod("db-2", false, &new)];
    desk.change("staging", "checkout", |w| (w.old_pods, w.updated, w.wanted) = (pods, 0, 3)).run();
    assert!(deleted(&desk).is_empty());
}

#[test]
fn what_would_not_roll_is_refused_before_anything_is_written() {
    for (kind, rolls, said) in [
        ("StatefulSet", Rolls::OnDelete, "updateStrategy OnDelete"),
        ("StatefulSet", Rolls::Partition(2), "pods below ordinal 2"),
        ("DaemonSet", Rolls::OnDelete, "updateStrategy OnDelete"),
    ] {
        let mut desk = Desk::adopted(of_kind(kind));
        desk.change("staging", "checkout", |w| w.rolls = rolls).release("1.8.0", 1).run().pass(61).run();
        assert_eq!(desk.writes(), 0, "{kind} {rolls:?}");
        assert!(desk.waiting_for("1.8.0").contains(said), "{}", desk.waiting_for("1.8.0"));
        desk.change("staging", "checkout", |w| w.rolls = Rolls::Freely).finish();
        assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    }
}

fn cron_job() -> Desk {
    let mut desk = Desk::adopted(|spec| {
        of_kind("CronJob")(spec);
        spec["stages"][0]["bake"] = json!("1h");
    });
    let counts = |w: &mut crate::observe::Workload| (w.wanted, w.replicas, w.updated, w.available) = (0, 0, 0, 0);
    desk.change("staging", "checkout", counts).change("production", "checkout", counts);
    desk.release("1.8.0", 1).run();
    desk
}

fn ended(desk: &Desk, exit_code: i32) -> Job {
    Job {
        name: "checkout-29".into(),
        namespace: "shop-staging".into(),
        uid: "job-uid".into(),
        resource_version: "9".into(),
        created: desk.now,
        deleting: false,
        suspended: false,
        kept: false,
        complete: exit_code == 0,
        failed: (exit_code != 0).then(|| "BackoffLimitExceeded".into()),
        ended: Some(desk.now),
        pods: vec![JobPod { exit_code: Some(exit_code), ..JobPod::default() }],
    }
}

#[test]
fn a_cron_job_is_complete_when_it_is_set_and_its_next_job_may_take_it_back() {
    let mut desk = cron_job();
    assert_eq!(
        (desk.phase("1.8.0", "staging"), desk.image("staging", "checkout")),
        ("Delivered Baking".into(), image("1.8.0"))
    );
    let good = ended(desk.pass(60), 0);
    desk.change("staging", "checkout", |w| w.jobs = vec![good]).run().pass(61).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    let bad = ended(&desk, 3);
    desk.change("staging", "checkout", |w| w.jobs = vec![bad]).run();
    // it may be cleaned up at once
    desk.change("staging", "checkout", |w| w.jobs.clear()).run();
    assert_eq!(desk.image("staging", "checkout"), OLD);
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Reverted Failed"));
    assert!(desk.waiting_for("1.8.0").contains("Job checkout-29 failed: exit code 3"), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn a_job_that_fails_and_is_tried_again_keeps_its_build_from_settling() {
    let tries = |desk: &Desk, pods: Vec<JobPod>| Job { failed: None, ended: None, pods, ..ended(desk, 3) };
    let bad = || JobPod { exit_code: Some(3), ..JobPod::default() };
    let restarted = JobPod { restarts: 2, ..JobPod::default() };
    for pods in [vec![bad(), bad()], vec![restarted]] {
        let mut desk = cron_job();
        let job = tries(&desk, pods);
        desk.change("staging", "checkout", |w| w.jobs = vec![job]).run();
        desk.pass(59).run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "as long as a crash loop in the bake");
        desk.pass(1).run();
        assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Reverted Failed"));
    }
    let mut desk = cron_job();
    let once = tries(&desk, vec![bad()]);
    desk.change("staging", "checkout", |w| w.jobs = vec![once]).run().pass(120).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "a retry is the Job's own business");
}

#[test]
fn a_job_from_before_the_attempt_or_a_broken_tool_condemns_no_cron_job() {
    let mut desk = cron_job();
    let before = Job { created: desk.now.plus(crate::api::Span::seconds(-100)), ..ended(&desk, 3) };
    let evicted =
        Job { pods: vec![JobPod { disrupted: true, exit_code: Some(143), ..JobPod::default() }], ..ended(&desk, 3) };
    desk.change("staging", "checkout", |w| w.jobs = vec![before, evicted]).run().pass(120).run();
    assert_eq!((desk.phase("1.8.0", "staging"), desk.bans()), ("Delivered Baking".into(), 0));
}
