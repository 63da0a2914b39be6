//! Where a wish comes from that a GitOps tool brought: asked once, on record in the head and in the Release.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::Origin;
use crate::observe::Admission;
use crate::plan::action::Kind;
use crate::plan::{OriginAsk, origins};

const TOOL: &str = "system:serviceaccount:flux-system:kustomize-controller";

/// Metadata that a tool has put on the pipeline.
fn tagged(desk: &mut Desk, labels: Value, annotations: Value) {
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.metadata.labels = serde_json::from_value(labels).unwrap();
    pipeline.metadata.annotations = serde_json::from_value(annotations).unwrap();
}

fn by_flux(desk: &mut Desk) {
    tagged(
        desk,
        json!({"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
        json!({}),
    );
}

fn head(desk: &mut Desk, version: &str, by: Option<&str>) {
    let head = json!({"version": version, "images": [{"name": "app", "ref": image(version)}], "requestedBy": by});
    Arc::make_mut(&mut desk.snap.pipeline).spec.release = serde_json::from_value(head).unwrap();
}

/// The pass reads what the plan asks for.
fn read(desk: &mut Desk, revision: &str) -> Vec<OriginAsk> {
    let asks = origins(&desk.snap, desk.now);
    let revision = revision.to_owned();
    let found = |ask: &OriginAsk| Origin { manager: "flux".into(), revision: revision.clone(), ..ask.origin.clone() };
    desk.snap.origins = asks.iter().map(|ask| (ask.uid.clone(), found(ask))).collect();
    asks
}

fn origin(desk: &Desk, version: &str) -> String {
    let status = desk.known(version).status.clone().unwrap_or_default();
    status.origin.map_or(String::new(), |o| {
        format!("{}/{}/{} at {} by {} {}", o.kind, o.namespace, o.name, o.revision, o.service_account, o.manager)
    })
}

#[test]
fn a_head_from_git_is_on_record_with_the_revision_that_brought_it() {
    let mut desk = Desk::adopted(|_| {});
    by_flux(&mut desk);
    head(&mut desk, "1.8.0", Some(TOOL));
    assert_eq!(read(&mut desk, "main@sha1:a").len(), 1);
    desk.run();
    assert_eq!(read(&mut desk, "main@sha1:later"), [], "once for each move");
    desk.finish();
    let first = format!("Kustomization/flux-system/shop at main@sha1:a by {TOOL} flux");
    assert_eq!(origin(&desk, "1.8.0"), first);
    assert_eq!(desk.known("1.8.0").status.as_ref().unwrap().by, None, "a service account is nobody");
    head(&mut desk, "1.9.0", Some(TOOL));
    read(&mut desk, "main@sha1:b");
    desk.run().finish();
    assert_eq!(origin(&desk, "1.8.0"), first, "another head does not touch it");
    head(&mut desk, "1.8.0", Some(TOOL));
    read(&mut desk, "main@sha1:revert");
    desk.run().finish();
    assert!(origin(&desk, "1.8.0").contains("main@sha1:revert"), "what asked for it last");
}

#[test]
fn what_a_person_moves_back_is_not_gits_any_more() {
    let mut desk = Desk::adopted(|_| {});
    by_flux(&mut desk);
    for (version, by, is_gits) in [("1.8.0", TOOL, true), ("1.9.0", TOOL, true), ("1.8.0", "maria", false)] {
        head(&mut desk, version, Some(by));
        read(&mut desk, "main@sha1:a");
        desk.run().finish();
        assert_eq!(!origin(&desk, version).is_empty(), is_gits, "{version} by {by}");
    }
}

#[test]
fn what_a_person_moves_is_theirs_whoever_applies_the_pipeline() {
    let mut desk = Desk::adopted(|_| {});
    by_flux(&mut desk);
    head(&mut desk, "1.8.0", Some("maria"));
    assert_eq!(read(&mut desk, "main@sha1:a"), []);
    desk.run();
    assert_eq!(
        (origin(&desk, "1.8.0").as_str(), desk.known("1.8.0").status.as_ref().unwrap().by.as_deref()),
        ("", Some("maria"))
    );
}

#[test]
fn a_release_manifest_from_git_is_asked_about_until_its_status_says() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    let release = desk.snap.releases.last_mut().map(Arc::make_mut).unwrap();
    let labels = json!({"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"});
    release.metadata.labels = serde_json::from_value(labels).unwrap();
    release.spec.requested_by = None;
    let asks = read(&mut desk, "1.2.3");
    assert_eq!((asks.len(), asks[0].kind, asks[0].name.as_str()), (1, Kind::Release, "checkout-1.8.0"));
    desk.run();
    assert_eq!(origin(&desk, "1.8.0"), "HelmRelease/apps/shop at 1.2.3 by  flux");
    assert_eq!(origins(&desk.snap, desk.now), []);
}

#[test]
fn nobody_learns_a_revision_by_a_label() {
    let open = |namespace: &str, by: Option<&str>| {
        let mut desk = Desk::adopted(|_| {});
        let (name, space) = ("kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace");
        tagged(&mut desk, json!({name: "theirs", space: namespace}), json!({}));
        head(&mut desk, "1.8.0", by);
        origins(&desk.snap, desk.now).pop().map(|ask| ask.is_open)
    };
    let home = Desk::adopted(|_| {}).snap.pipeline.metadata.namespace.clone().unwrap_or_default();
    assert_eq!(open("flux-system", Some(TOOL)), Some(true), "what reads it brings it");
    assert_eq!(open(&home, None), Some(true), "it is the pipeline's own namespace");
    assert_eq!(open("theirs", Some("system:serviceaccount:ours:robot")), Some(false));
    assert_eq!(open("our", Some("system:serviceaccount:ours:robot")), Some(false));
    assert_eq!(open("theirs", None), Some(false), "nobody is stamped");

    // nor by one that is written later, or while anybody may state any name
    let mut desk = Desk::adopted(|_| {});
    by_flux(&mut desk);
    head(&mut desk, "1.8.0", Some(TOOL));
    desk.snap.admission = Admission::Open("windlass-stamp-head is missing".into());
    assert!(!origins(&desk.snap, desk.now)[0].is_open);
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    let release = desk.snap.releases.last_mut().map(Arc::make_mut).unwrap();
    release.spec.requested_by = Some(TOOL.into());
    let labels =
        json!({"kustomize.toolkit.fluxcd.io/name": "a", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    release.metadata.labels = serde_json::from_value(labels).unwrap();
    assert!(origins(&desk.snap, desk.now)[0].is_open);
    desk.pass(60);
    assert!(!origins(&desk.snap, desk.now)[0].is_open, "what is applied now is something else");
}

#[test]
fn an_application_is_told_by_its_tracking_id() {
    let tracked = |id: &str| {
        let mut desk = Desk::adopted(|_| {});
        tagged(&mut desk, json!({}), json!({"argocd.argoproj.io/tracking-id": id}));
        head(&mut desk, "1.8.0", Some("system:serviceaccount:argocd:argocd-application-controller"));
        let home = desk.snap.pipeline.metadata.namespace.clone().unwrap_or_default();
        tagged(&mut desk, json!({}), json!({"argocd.argoproj.io/tracking-id": id.replace("HOME", &home)}));
        origins(&desk.snap, desk.now).pop().map(|ask| format!("{}/{}", ask.origin.namespace, ask.origin.name))
    };
    let own = "windlass.dev/DeliveryPipeline:HOME/checkout";
    assert_eq!(tracked(&format!("shop:{own}")).as_deref(), Some("argocd/shop"));
    assert_eq!(tracked(&format!("apps_shop:{own}")).as_deref(), Some("apps/shop"));
    assert_eq!(tracked("shop:apps/Deployment:HOME/checkout"), None, "copied from another object");
    for evil in ["../../secrets", "shop?x=", "", "Shop", "a/b"] {
        assert_eq!(tracked(&format!("{evil}:{own}")), None, "{evil}: nothing of it becomes part of a request");
    }
}
