//! Writes that the server refuses: said, tried again, and never taken for a fault of the build.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::observe::{Service, TargetPort};

const SAID: &str = "deployments.apps \"checkout\" is forbidden: User \"windlass\" cannot patch resource";

fn refused() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    if let Some(place) = desk.snap.places.get_mut("staging") {
        place.refusal = Some(SAID.into());
    }
    desk.release("1.8.0", 1).run();
    desk
}

#[test]
fn it_is_said_what_is_missing() {
    let desk = refused();
    assert!(desk.waiting_for("1.8.0").contains("targetNamespaces"), "{}", desk.waiting_for("1.8.0"));
    let status = desk.snap.pipeline.status.as_ref().unwrap();
    assert!(crate::api::conditions::is_true(&status.conditions, "Stalled"));
}

#[test]
fn once_it_is_allowed_the_rollout_goes_on() {
    let mut desk = refused();
    if let Some(place) = desk.snap.places.get_mut("staging") {
        place.refusal = None;
    }
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn a_deadline_that_passes_meanwhile_bans_nothing() {
    let mut desk = refused();
    desk.pass(601).run();
    assert_eq!(desk.bans(), 0);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
}

#[test]
fn nor_does_one_that_passes_while_writes_get_no_answer() {
    let mut desk = Desk::adopted(|_| {});
    desk.writes_lost = true;
    desk.release("1.8.0", 1).run().pass(601).run();
    assert_eq!(desk.bans(), 0);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert!(desk.waiting_for("1.8.0").contains("could not be written"), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn a_revert_that_is_refused_says_so() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.place("staging").refusal = Some(SAID.into());
    desk.crash("staging", "checkout").run().pass(601).run();
    let alert = desk.stage("staging").alert.as_ref().map(|a| a.message.clone()).unwrap_or_default();
    assert!(alert.contains("no right to write"), "{alert}");
}

#[test]
fn what_could_never_have_an_answer_is_refused_before_anything_is_written() {
    let http = json!({"name": "healthz", "http": {"service": "web", "port": 80}});
    let metric = json!({"name": "errors", "metric": {"provider": "nobody", "query": "x", "max": "1"}});
    let suite = json!({"suite": "smoke", "metric": {"provider": "nobody", "query": "x", "max": "1"}});
    let external = Service {
        external: true,
        selector: [("app".to_owned(), "checkout".to_owned())].into(),
        ports: [(80, TargetPort::Number(8080))].into(),
    };
    let cases: [(&str, Value, Option<Service>, &str); 4] = [
        ("checks", http.clone(), None, "checks healthz in staging can have no answer: Service web does not exist"),
        ("checks", http.clone(), Some(external.clone()), "Service web is of type ExternalName"),
        ("checks", metric, None, "checks errors in staging can have no answer: the operator knows no provider nobody"),
        ("tests", suite, None, "tests smoke in staging can have no answer: the operator knows no provider nobody"),
    ];
    for (list, entry, service, why) in cases {
        let mut desk = Desk::new(|spec| spec["stages"][0][list] = json!([entry]));
        let services = &mut desk.place("staging").services;
        services.extend(service.map(|service| ("web".to_owned(), Arc::new(service))));
        desk.run().pass(2).release("1.8.0", 1).run();
        assert!(desk.waiting_for("1.8.0").contains(why), "{}", desk.waiting_for("1.8.0"));
        desk.pass(61).run();
        assert_eq!((desk.pipeline_condition("Stalled").as_str(), desk.writes()), ("True CannotMeasure", 0));
    }
    let mut desk = Desk::new(|spec| spec["stages"][0]["checks"] = json!([http]));
    let good = Service { external: false, ..external };
    desk.place("staging").services.insert("web".into(), Arc::new(good));
    desk.run().pass(2).release("1.8.0", 1).run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
}

#[test]
fn a_check_that_lost_its_service_does_not_spare_a_build_that_never_comes_up() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.trouble("staging", "checkout", crate::observe::TroubleKind::Starting);
    let check = json!({"name": "healthz", "http": {"service": "web", "port": 80}});
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[0].checks = serde_json::from_value(json!([check])).unwrap();
    desk.pass(601).run();
    assert_eq!((desk.bans(), desk.phase("1.8.0", "staging").as_str()), (1, "Reverting Failed"));
}

#[test]
fn a_canary_measures_what_gets_a_clone_and_by_the_services_of_its_clones() {
    let refused = |service: &str, workload: Option<&str>| {
        let mut desk = Desk::new(|spec| {
            spec["workloads"].as_array_mut().unwrap().insert(
                0,
                json!({"kind": "Deployment", "name": "mailer",
                "exposure": "Worker", "containers": [{"name": "app", "imageName": "app"}]}),
            );
            spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 50, "pause": "1m"}]}});
            let metric = json!({"provider": "main", "query": "x", "max": "1", "workload": workload});
            spec["stages"][1]["checks"] = json!([{"name": "healthz", "http": {"service": "web", "port": 80}},
                {"name": "errors", "metric": metric}]);
        });
        let selector = match service {
            "worker" => [("app".to_owned(), "mailer".to_owned())].into(),
            track => {
                [("app".to_owned(), "checkout".to_owned()), ("windlass.dev/track".to_owned(), track.to_owned())].into()
            }
        };
        let web = Service { external: false, selector, ports: [(80, TargetPort::Number(8080))].into() };
        desk.place("production").services.insert("web".into(), Arc::new(web));
        desk.run().pass(2).run();
        desk.release("1.8.0", 1).until(|desk| {
            desk.exposed("production").is_some()
                || !desk.waiting_for("1.8.0").is_empty() && desk.waiting_for("1.8.0").contains("answer")
        });
        let is_measured = desk.wanted("production", "check/errors").is_some();
        (desk.waiting_for("1.8.0"), is_measured)
    };
    let (said, is_measured) = refused("canary", None);
    assert!(!said.contains("can have no answer") && is_measured, "the clone of the first that gets one: {said}");
    let (said, _) = refused("worker", None);
    assert!(said.contains("selects the pods of no clone of a workload"), "{said}");
    let (said, _) = refused("stable", None);
    assert!(said.contains("selects the pods of no clone of a workload"), "{said}");
    let (said, _) = refused("canary", Some("mailer"));
    assert!(said.contains("workload mailer gets no clone"), "{said}");
}
