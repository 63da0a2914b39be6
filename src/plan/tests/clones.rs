//! What the desk's cluster does with clones: at once what it is told, and their pods are ready.

use std::sync::Arc;

use serde_json::Value;

use super::desk::{Desk, image};
use super::routing::canary;
use crate::api::labels::MANAGER;
use crate::observe::{Claim, ImageWriter, Place, Pod, Snapshot, Trouble, TroubleKind, Workload};
use crate::plan::{Action, CreateClone};

pub fn carry_out(snap: &mut Snapshot, version: u64, action: &Action) {
    match action {
        Action::CreateClone(create) => {
            let place = place(snap, &create.namespace);
            let (key, of) = place.workloads.iter().find(|(_, w)| w.name == create.of).expect("a workload");
            assert_eq!(of.uid, create.of_uid);
            let (key, clone) = (key.clone(), made(of, create, version));
            assert!(place.clones.insert(key, Arc::new(clone)).is_none(), "a clone is made once");
        }
        Action::ScaleClone(scale) => {
            let clone = named(snap, &scale.namespace, &scale.name);
            assert_eq!((&clone.uid, &clone.resource_version), (&scale.uid, &scale.resource_version));
            clone.resource_version = version.to_string();
            size(clone, scale.replicas);
        }
        Action::RemoveClone { namespace, name, .. } => {
            assert_eq!(named(snap, namespace, name).wanted, 0, "its exposure falls first");
            place(snap, namespace).clones.retain(|_, clone| clone.name != *name);
        }
        other => panic!("{other:?} is about no clone"),
    }
}

/// So many pods are wanted, and ready.
pub fn size(workload: &mut Workload, pods: i32) {
    workload.generation += 1;
    workload.observed_generation = workload.generation;
    (workload.wanted, workload.replicas, workload.updated) = (pods, pods, pods);
    (workload.ready, workload.available) = (pods, pods);
}

/// The place with that target namespace.
pub fn place<'s>(snap: &'s mut Snapshot, namespace: &str) -> &'s mut Place {
    snap.places.get_mut(namespace.trim_start_matches("shop-")).expect("a place")
}

fn named<'s>(snap: &'s mut Snapshot, namespace: &str, name: &str) -> &'s mut Workload {
    let clone = place(snap, namespace).clones.values_mut().find(|clone| clone.name == name);
    Arc::make_mut(clone.expect("a clone"))
}

fn made(of: &Workload, create: &CreateClone, version: u64) -> Workload {
    let mut clone = Workload {
        name: create.name.clone(),
        uid: format!("{}-{version}-uid", create.name),
        resource_version: version.to_string(),
        track: Some(create.track.clone()),
        attempt: Some(create.attempt.clone()),
        claim: Claim::Ours,
        pods: Vec::new(),
        ..of.clone()
    };
    for (container, image) in &create.images {
        clone.images.insert(container.clone(), image.clone());
    }
    let writer = ImageWriter { manager: MANAGER.into(), at: None, is_tool: false };
    clone.image_writers = clone.images.keys().map(|name| (name.clone(), writer.clone())).collect();
    size(&mut clone, 0);
    clone
}

/// A canary in production: a quarter, then half of it, a minute each.
pub fn steps(spec: &mut Value) {
    spec["stages"][1]["strategy"] = canary(&[25, 50]);
}

impl Desk {
    /// 1.8.0 has been proven in staging and is at the first of these steps in production, beside four pods.
    pub fn stepping(change: impl FnOnce(&mut Value)) -> Self {
        let mut desk = Self::adopted(|spec| {
            steps(spec);
            change(spec);
        });
        desk.change("production", "checkout", |w| size(w, 4));
        desk.release("1.8.0", 1).until_exposed("1.8.0", 1).run();
        desk
    }

    /// The clone of the first workload, if there is one.
    pub fn clone_of(&self, environment: &str, name: &str) -> Option<&Workload> {
        self.snap.places[environment].clones.get(&format!("Deployment/{name}")).map(AsRef::as_ref)
    }

    /// Image and pods of the clone.
    pub fn exposed(&self, environment: &str) -> Option<(String, i32)> {
        self.clone_of(environment, "checkout").map(|clone| (clone.images["app"].clone(), clone.wanted))
    }

    /// Steps until the release's clone in production has so many pods.
    pub fn until_exposed(&mut self, version: &str, pods: i32) -> &mut Self {
        self.until(|desk| desk.exposed("production") == Some((image(version), pods)))
    }

    /// Changes the clone as the cluster might.
    pub fn change_clone(&mut self, environment: &str, change: impl FnOnce(&mut Workload)) -> &mut Self {
        let clone = place(&mut self.snap, &format!("shop-{environment}")).clones.get_mut("Deployment/checkout");
        change(Arc::make_mut(clone.expect("a clone")));
        self
    }

    /// A person keeps a release at its step, or lets it go on.
    pub fn pause(&mut self, version: &str, paused: bool) -> &mut Self {
        let name = format!("checkout-{version}");
        let release = self.snap.releases.iter_mut().find(|r| r.metadata.name.as_deref() == Some(&name));
        Arc::make_mut(release.expect("a release")).spec.paused = paused;
        self
    }

    /// All pods of the clone fail.
    pub fn crash_clone(&mut self, environment: &str, kind: TroubleKind) -> &mut Self {
        let now = self.now;
        self.change_clone(environment, |clone| {
            (clone.ready, clone.available) = (0, 0);
            let trouble = Some(Trouble { kind, since: now, message: "container app: back-off".into() });
            let (name, address) = ("pod-1".into(), None);
            let pod = Pod { name, created: now, ready: false, going: false, restarts: 0, trouble, address };
            clone.pods = vec![pod];
        })
    }
}
