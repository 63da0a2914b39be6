//! What comes out of git: which object of a GitOps tool brings a head or a Release. The tool's revision at that moment and the
//! field manager stand on the server alone, and are read once, when a wish is new.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{GROUP, Origin, Release, Span, Time};
use crate::observe::{Admission, Snapshot};

use super::action::Kind;
use super::world::{SERVICE_ACCOUNT, World};

/// Where Argo CD's Applications are, unless their names say something else.
const ARGO_NAMESPACE: &str = "argocd";
/// A Release is new for so long.
const NEW: Span = Span::seconds(60);
/// So many are asked about in one pass; the others in those that follow.
const AT_ONCE: usize = 4;
/// As Argo CD tells which Application an object is part of.
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

/// A new wish that came out of git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginAsk {
    /// The object that states it.
    pub kind: Kind,
    pub name: String,
    pub uid: String,
    /// The version of a head: each is another wish of the same object.
    pub wish: String,
    /// As far as the object itself tells.
    pub origin: Origin,
    /// Its revision may be read: whoever could write those labels could read it without Windlass.
    pub is_open: bool,
}

/// Wishes of which it is not on record yet where they come from.
pub fn origins(snapshot: &Snapshot, now: Time) -> Vec<OriginAsk> {
    let is_stamped = matches!(snapshot.admission, Admission::InForce { .. });
    let releases = snapshot.releases.iter().filter_map(|known| release(known, now));
    let all = head(snapshot).into_iter().chain(releases).take(AT_ONCE);
    all.map(|ask| OriginAsk { is_open: ask.is_open && is_stamped, ..ask }).collect()
}

/// Where that object's wish comes from, as the pass has read it.
pub fn of(world: &World<'_>, meta: &ObjectMeta) -> Option<Origin> {
    world.snap.origins.get(meta.uid.as_deref()?).cloned()
}

/// The head, if it has moved.
fn head(snapshot: &Snapshot) -> Option<OriginAsk> {
    let head = snapshot.pipeline.spec.release.as_ref()?;
    let known = snapshot.pipeline.status.as_ref().and_then(|status| status.head.as_ref());
    if known.is_some_and(|known| known.version == head.version) {
        return None;
    }
    let ask = ask(Kind::Pipeline, &snapshot.pipeline.metadata, head.requested_by.as_deref())?;
    Some(OriginAsk { wish: head.version.clone(), ..ask })
}

/// Of one that is not new the tool applies something else by now, and others may have written its labels.
fn release(release: &Release, now: Time) -> Option<OriginAsk> {
    if release.status.as_ref().is_some_and(|status| status.origin.is_some()) {
        return None;
    }
    let ask = ask(Kind::Release, &release.metadata, release.spec.requested_by.as_deref())?;
    let made = release.metadata.creation_timestamp.as_ref().map_or(Time::default(), Time::from);
    Some(OriginAsk { is_open: ask.is_open && now.since(made) < NEW, ..ask })
}

/// None if a person wrote it, or no tool applies it.
fn ask(kind: Kind, meta: &ObjectMeta, user: Option<&str>) -> Option<OriginAsk> {
    if user.is_some_and(|user| !user.starts_with(SERVICE_ACCOUNT)) {
        return None;
    }
    let service_account = user.unwrap_or_default().to_owned();
    let origin = flux(meta).or_else(|| argo(kind, meta))?;
    let is_of = |namespace: &str| service_account.starts_with(&format!("{SERVICE_ACCOUNT}{namespace}:"));
    let is_open = meta.namespace.as_ref() == Some(&origin.namespace) || is_of(&origin.namespace);
    let origin = Origin { service_account, ..origin };
    Some(OriginAsk { kind, name: meta.name.clone()?, uid: meta.uid.clone()?, wish: String::new(), origin, is_open })
}

fn flux(meta: &ObjectMeta) -> Option<Origin> {
    let of = |group: &str, kind: &str| {
        let label = |key: &str| meta.labels.as_ref()?.get(&format!("{group}/{key}")).map(String::as_str);
        carrier(kind, label("namespace")?, label("name")?)
    };
    of("kustomize.toolkit.fluxcd.io", "Kustomization").or_else(|| of("helm.toolkit.fluxcd.io", "HelmRelease"))
}

/// `<application>:<group>/<kind>:<namespace>/<name>`; a copy of the annotation on another object says nothing.
fn argo(kind: Kind, meta: &ObjectMeta) -> Option<Origin> {
    let id = meta.annotations.as_ref()?.get(TRACKING_ID)?;
    let (application, tracked) = id.split_once(':')?;
    let (namespace, name) = (meta.namespace.as_deref()?, meta.name.as_deref()?);
    let kind = match kind {
        Kind::Pipeline => "DeliveryPipeline",
        Kind::Release => "Release",
        Kind::Environment | Kind::TestRun | Kind::Decision => return None,
    };
    if tracked != format!("{GROUP}/{kind}:{namespace}/{name}") {
        return None;
    }
    let (home, name) = application.split_once('_').unwrap_or((ARGO_NAMESPACE, application));
    carrier("Application", home, name)
}

/// It becomes part of a request: nothing but what a name may have.
fn carrier(kind: &str, namespace: &str, name: &str) -> Option<Origin> {
    let is_name = |text: &str, most: usize| {
        let is_legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let is_edge = |c: char| c.is_ascii_alphanumeric();
        !text.is_empty() && text.len() <= most && text.chars().all(is_legal) && text.starts_with(is_edge)
    };
    (is_name(namespace, 63) && is_name(name, 253)).then(|| Origin {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Origin::default()
    })
}
