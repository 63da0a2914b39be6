//! Who lives at which pod address: a watch on all pods, kept as a table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cue::Cue;

/// Where pods serve.
pub const PORT: u16 = 8080;
/// Overrules what the image says about answers, at any time: a `Cue::word`.
pub const ANSWERS: &str = "windlass.test/answers";
/// The label that tells a clone from what it was cloned of.
const TRACK: &str = "windlass.dev/track";

/// Whether a process of the pod is there to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its container runs and its readiness probe passes.
    Ready,
    /// Its container runs, and says of itself that it is not ready.
    Unready,
    /// Its container does not run (yet, or any more).
    Down,
}

/// A pod as those see it who send requests to its address.
#[derive(Debug, Clone)]
pub struct Actor {
    pub uid: String,
    /// `NAMESPACE/NAME`.
    pub name: String,
    pub image: String,
    pub track: String,
    pub state: State,
    pub cue: Option<Cue>,
    /// How many requests it has answered.
    pub answered: Arc<AtomicU64>,
}

impl Actor {
    /// `None` where the pod has no address of its own.
    fn of(pod: &Pod) -> Option<(IpAddr, Self)> {
        let status = pod.status.as_ref()?;
        let ip = status.pod_ip.as_ref()?.parse().ok()?;
        let container = serving(pod)?;
        let image = container.image.clone().unwrap_or_default();
        let mut statuses = status.container_statuses.iter().flatten();
        let runs = statuses.any(|status| {
            status.name == container.name && status.state.as_ref().is_some_and(|state| state.running.is_some())
        });
        let mut conditions = status.conditions.iter().flatten();
        let is_ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let told = pod.annotations().get(ANSWERS).map(String::as_str);
        let cue = match told {
            Some(word) => Cue::ANSWERS.into_iter().find(|cue| cue.word() == word),
            None => Cue::of_answers(&image),
        };
        let actor = Self {
            uid: pod.uid().unwrap_or_default(),
            name: format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()),
            image,
            track: pod.labels().get(TRACK).cloned().unwrap_or_default(),
            state: match (runs, is_ready) {
                (true, true) => State::Ready,
                (true, false) => State::Unready,
                (false, _) => State::Down,
            },
            cue,
            answered: Arc::default(),
        };
        Some((ip, actor))
    }
}

/// The container that serves: the one that names the port, else the first.
fn serving(pod: &Pod) -> Option<&Container> {
    let containers = &pod.spec.as_ref()?.containers;
    let names_it =
        |container: &&Container| container.ports.iter().flatten().any(|port| port.container_port == i32::from(PORT));
    containers.iter().find(names_it).or_else(|| containers.first())
}

/// The table.
#[derive(Debug, Default)]
pub struct Census(HashMap<IpAddr, Actor>);

impl Census {
    pub fn at(&self, ip: IpAddr) -> Option<&Actor> {
        self.0.get(&ip)
    }

    fn put(&mut self, pod: &Pod) {
        if let Some((ip, mut actor)) = Actor::of(pod) {
            if let Some(known) = self.0.get(&ip).filter(|known| known.uid == actor.uid) {
                actor.answered = Arc::clone(&known.answered);
            }
            self.0.insert(ip, actor);
        }
    }

    /// An address may have been given to another pod already.
    fn remove(&mut self, pod: &Pod) {
        let uid = pod.uid().unwrap_or_default();
        self.0.retain(|_, actor| actor.uid != uid);
    }

    fn keep_only(&mut self, uids: &[String]) {
        self.0.retain(|_, actor| uids.contains(&actor.uid));
    }
}

/// Keeps a table up to date for as long as its task runs.
pub fn take(client: Client) -> (watch::Receiver<Census>, JoinHandle<()>) {
    let (tell, census) = watch::channel(Census::default());
    let task = tokio::spawn(async move {
        let events = watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff();
        let mut events = events.inspect_err(|error| tracing::warn!(%error, "failed to watch pods")).boxed();
        let mut listed = Vec::new();
        while let Some(event) = events.next().await {
            let Ok(event) = event else { continue };
            tell.send_modify(|census| match &event {
                watcher::Event::Init => listed.clear(),
                watcher::Event::InitApply(pod) => {
                    listed.extend(pod.uid());
                    census.put(pod);
                }
                watcher::Event::InitDone => census.keep_only(&listed),
                watcher::Event::Apply(pod) => census.put(pod),
                watcher::Event::Delete(pod) => census.remove(pod),
            });
        }
    });
    (census, task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(uid: &str, state: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "app-1", "namespace": "shop", "uid": uid, "labels": {TRACK: "canary"}},
            "spec": {"containers": [
                {"name": "proxy", "image": "registry.test/proxy"},
                {"name": "app", "image": "registry.test/app", "ports": [{"containerPort": 8080}]},
            ]},
            "status": {
                "podIP": "10.244.0.7",
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {state: {}}}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_answers_as_its_container_does() {
        let (ip, actor) = Actor::of(&pod("1", "running", "True")).unwrap();
        assert_eq!((ip.to_string().as_str(), actor.name.as_str()), ("10.244.0.7", "shop/app-1"));
        assert_eq!((actor.image.as_str(), actor.track.as_str()), ("registry.test/app", "canary"));
        assert_eq!(actor.state, State::Ready);
        assert_eq!(Actor::of(&pod("1", "running", "False")).unwrap().1.state, State::Unready);
        assert_eq!(Actor::of(&pod("1", "waiting", "True")).unwrap().1.state, State::Down);
    }

    #[test]
    fn a_late_deletion_does_not_take_the_next_pods_address() {
        let mut census = Census::default();
        census.put(&pod("1", "running", "True"));
        census.put(&pod("2", "running", "True"));
        census.remove(&pod("1", "running", "True"));
        assert_eq!(census.at("10.244.0.7".parse().unwrap()).unwrap().uid, "2");
    }
}
