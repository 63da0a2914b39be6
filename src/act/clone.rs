//! Clones of Deployments: made without pods, which is harmless to repeat, scaled, and taken away again.

use kube::core::ObjectMeta;

use crate::api::labels::{ATTEMPT, TRACK};
use crate::plan::action::{CreateClone, ScaleClone};

use super::clone_template::clone;
use super::cluster::{LIMIT, Write};
use super::patch::{guarded, replace, test};
use super::{Cluster, Error, Object, Resource, Written};

impl Cluster {
    pub(super) async fn create_clone(&self, want: &CreateClone) -> Result<Written, Error> {
        let source = Object::new(Resource::Deployment, &want.namespace, &want.of);
        let live = self.fetch(LIMIT, &source).await?.ok_or_else(|| Error::Absent { object: source.clone() })?;
        if live.metadata.uid.as_deref() != Some(&*want.of_uid) {
            return Err(Error::Moved { object: source });
        }
        let object = Object::new(Resource::Deployment, &want.namespace, &want.name);
        let is_of_attempt =
            |live: &ObjectMeta| live.annotations.as_ref().and_then(|all| all.get(ATTEMPT)) == Some(&want.attempt);
        self.make(object, clone(&live, want)?, "attempt", is_of_attempt).await
    }

    /// What carries no track is no clone, and its size is not ours to set.
    pub(super) async fn scale_clone(&self, pipeline_namespace: &str, scale: &ScaleClone) -> Result<Written, Error> {
        self.confirm(pipeline_namespace, &scale.confirm).await?;
        let object = Object::new(Resource::Deployment, &scale.namespace, &scale.name);
        let Some(live) = self.fetch_meta(&object).await? else { return Err(Error::Moved { object }) };
        let Some(track) = live.labels.as_ref().and_then(|all| all.get(TRACK)) else {
            return Err(Error::NotOurs { object, differs: "label windlass.dev/track" });
        };
        let operations = vec![
            test(["metadata", "labels", TRACK], track.as_str().into()),
            replace(["spec", "replicas"], scale.replicas.into()),
        ];
        let patch = guarded(&scale.uid, &scale.resource_version, operations);
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }
}
