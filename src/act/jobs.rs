//! Jobs in two phases: made suspended, which is harmless to repeat, then started once their UID is recorded; and
//! removed once their verdict is latched.

use kube::core::ObjectMeta;

use crate::api::labels::VERDICT_FINALIZER;
use crate::plan::action::CreateJob;

use super::cluster::{LIMIT, Write};
use super::job_template::job;
use super::patch::{finalizer, guarded, replace, test};
use super::{Cluster, Error, Object, Resource, Written};

impl Cluster {
    pub(super) async fn create_job(&self, want: &CreateJob) -> Result<Written, Error> {
        let source = Object::new(Resource::CronJob, &want.namespace, &want.cron_job);
        let cron_job = self.fetch(LIMIT, &source).await?.ok_or(Error::Absent { object: source })?;
        let object = Object::new(Resource::Job, &want.namespace, &want.name);
        let body = job(&cron_job, want)?;
        // they name release, environment, suite and pipeline
        let is_ours = |live: &ObjectMeta| {
            want.labels.iter().all(|(key, value)| live.labels.as_ref().is_some_and(|all| all.get(key) == Some(value)))
        };
        self.make(object, body, "set of Windlass labels", is_ours).await
    }

    pub(super) async fn start_job(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        version: &str,
    ) -> Result<Written, Error> {
        let object = Object::new(Resource::Job, namespace, name);
        let suspend = ["spec", "suspend"];
        let patch = guarded(uid, version, vec![test(suspend, true.into()), replace(suspend, false.into())]);
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }

    /// It goes with its pods, and stays in sight until they have gone. A crash in between leaves one that is being deleted and kept,
    /// which the next pass finds.
    pub(super) async fn remove_job(&self, namespace: &str, name: &str, uid: &str, version: &str) -> Result<(), Error> {
        let object = Object::new(Resource::Job, namespace, name);
        let Some(live) = self.fetch_meta(&object).await? else { return Ok(()) };
        if live.uid.as_deref() != Some(uid) {
            // The one that was to go is gone.
            return Ok(());
        }
        self.delete_exactly(&object, uid, version).await?;
        let Some(live) = self.fetch_meta(&object).await?.filter(|live| live.uid.as_deref() == Some(uid)) else {
            return Ok(());
        };
        let operations = finalizer(live.finalizers.as_deref().unwrap_or_default(), VERDICT_FINALIZER, false);
        if operations.is_empty() {
            return Ok(());
        }
        let version = live.resource_version.unwrap_or_default();
        match self.put(LIMIT, &object, Write::Patch(guarded(uid, &version, operations))).await {
            Err(error) if !error.is_not_found() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
