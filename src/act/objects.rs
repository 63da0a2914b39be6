//! Our own objects: bans, the head's Release, TestRuns; their finalizers and their deletion. Names are computed, so one
//! that exists already is the one wanted, if its subject is the same.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::api::labels::{ENVIRONMENT, PIPELINE, RELEASE, ROLLOUT_FINALIZER, SUITE};
use crate::api::{DecisionSpec, ReleaseSpec, TestRunSpec};
use crate::plan::action::{Kind, Target};

use super::cluster::{LIMIT, SHORT, Write};
use super::patch::{finalizer, guarded};
use super::{Cluster, Error, Object, Resource, Written};

impl Cluster {
    pub(super) async fn create_ban(&self, namespace: &str, name: &str, spec: &DecisionSpec) -> Result<Written, Error> {
        let object = Object::new(Resource::Decision, namespace, name);
        let body = body(&object, spec, [(PIPELINE, spec.pipeline.as_deref().unwrap_or_default())])?;
        self.create(SHORT, object, body, |there: &DecisionSpec| ban_differs(there, spec)).await
    }

    pub(super) async fn create_release(
        &self,
        namespace: &str,
        name: &str,
        spec: &ReleaseSpec,
    ) -> Result<Written, Error> {
        let object = Object::new(Resource::Release, namespace, name);
        let body = body(&object, spec, [(PIPELINE, &*spec.pipeline)])?;
        self.create(LIMIT, object, body, |there: &ReleaseSpec| release_differs(there, spec)).await
    }

    pub(super) async fn create_test_run(
        &self,
        namespace: &str,
        name: &str,
        release: &Target,
        spec: &TestRunSpec,
    ) -> Result<Written, Error> {
        let object = Object::new(Resource::TestRun, namespace, name);
        let labels = [
            (PIPELINE, &*spec.pipeline),
            (RELEASE, &*spec.release),
            (ENVIRONMENT, &*spec.environment),
            (SUITE, &*spec.suite),
        ];
        let mut body = body(&object, spec, labels)?;
        body.metadata.owner_references = Some(vec![owner(release)]);
        self.create(LIMIT, object, body, |there: &TestRunSpec| test_run_differs(there, spec)).await
    }

    async fn create<S: DeserializeOwned>(
        &self,
        limit: Duration,
        object: Object,
        body: DynamicObject,
        differs: impl Fn(&S) -> Option<&'static str>,
    ) -> Result<Written, Error> {
        let stands = match self.put(limit, &object, Write::Create(Box::new(body))).await {
            Ok(stands) => return Ok(object.written(&stands.metadata)),
            Err(error) if error.is_already_exists() => self.fetch(limit, &object).await?,
            Err(error) => return Err(error),
        };
        let Some(stands) = stands else { return Err(Error::Moved { object }) };
        let spec = stands.data.get("spec").cloned().unwrap_or_default();
        match serde_json::from_value(spec).map(|spec| differs(&spec)) {
            Ok(None) => Ok(object.written(&stands.metadata)),
            Ok(Some(differs)) => Err(Error::NotOurs { object, differs }),
            Err(source) => Err(Error::Unreadable { object, source }),
        }
    }

    /// None if the finalizer stands as wanted already, or the object went with its last one.
    pub(super) async fn set_finalizer(
        &self,
        object: &Object,
        target: &Target,
        present: bool,
    ) -> Result<Option<Written>, Error> {
        let Some(live) = self.fetch_meta(object).await? else { return absent(object, present) };
        if live.uid.as_deref() != Some(target.uid.as_str()) {
            return absent(object, present);
        }
        let operations = finalizer(live.finalizers.as_deref().unwrap_or_default(), ROLLOUT_FINALIZER, present);
        if operations.is_empty() {
            return Ok(None);
        }
        let patch = guarded(&target.uid, &target.resource_version, operations);
        let meta = self.put(LIMIT, object, Write::Patch(patch)).await?.metadata;
        let gone = meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty);
        Ok((!gone).then(|| object.written(&meta)))
    }

    pub(super) async fn delete(&self, object: &Object, target: &Target) -> Result<(), Error> {
        self.delete_exactly(object, &target.uid, &target.resource_version).await
    }

    /// That it is gone is success.
    pub(super) async fn delete_exactly(&self, object: &Object, uid: &str, version: &str) -> Result<(), Error> {
        let delete = Write::Delete { uid: uid.to_owned(), resource_version: version.to_owned() };
        match self.write(LIMIT, object, delete).await {
            Err(error) if !error.is_not_found() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// The object that was to be changed is gone: fine if a finalizer was to be taken off it.
fn absent(object: &Object, present: bool) -> Result<Option<Written>, Error> {
    if present { Err(Error::Moved { object: object.clone() }) } else { Ok(None) }
}

fn body<const N: usize>(
    object: &Object,
    spec: &impl Serialize,
    labels: [(&str, &str); N],
) -> Result<DynamicObject, Error> {
    let spec = serde_json::to_value(spec).map_err(|source| Error::Unreadable { object: object.clone(), source })?;
    let mut body = DynamicObject::new(&object.name, &object.resource.api_resource()).within(&object.namespace);
    let labels: BTreeMap<String, String> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    body.metadata.labels = Some(labels);
    body.data = json!({"spec": spec});
    Ok(body)
}

fn owner(release: &Target) -> OwnerReference {
    let resource = Resource::from(Kind::Release).api_resource();
    OwnerReference {
        api_version: resource.api_version,
        kind: resource.kind,
        name: release.name.clone(),
        uid: release.uid.clone(),
        ..OwnerReference::default()
    }
}

/// The first part of the subject that differs. Reasons and stamps are no part of it.
fn ban_differs(there: &DecisionSpec, want: &DecisionSpec) -> Option<&'static str> {
    [
        (there.r#type == want.r#type, "type"),
        (there.pipeline == want.pipeline, "pipeline"),
        (there.environment == want.environment, "environment"),
        (there.build_hash == want.build_hash, "build"),
        (there.attempt == want.attempt, "attempt"),
    ]
    .into_iter()
    .find_map(|(same, part)| (!same).then_some(part))
}

fn release_differs(there: &ReleaseSpec, want: &ReleaseSpec) -> Option<&'static str> {
    let images = |spec: &ReleaseSpec| {
        let pairs = spec.build.images.iter().map(|image| (image.name.clone(), image.r#ref.clone()));
        pairs.collect::<BTreeMap<_, _>>()
    };
    [
        (there.pipeline == want.pipeline, "pipeline"),
        (there.build.version == want.build.version, "version"),
        (images(there) == images(want), "set of images"),
    ]
    .into_iter()
    .find_map(|(same, part)| (!same).then_some(part))
}

fn test_run_differs(there: &TestRunSpec, want: &TestRunSpec) -> Option<&'static str> {
    [
        (there.pipeline == want.pipeline, "pipeline"),
        (there.release_uid == want.release_uid, "release"),
        (there.build_hash == want.build_hash, "build"),
        (there.environment == want.environment, "environment"),
        (there.attempt == want.attempt, "attempt"),
        (there.suite == want.suite, "suite"),
        (there.runner == want.runner, "runner"),
    ]
    .into_iter()
    .find_map(|(same, part)| (!same).then_some(part))
}
