//! Statuses: the whole of it in the place of what stands, guarded by identity and version. Not by server-side apply:
//! that leaves what someone else has ever written there (CI in a TestRun, a restored backup), so a status would never
//! be as it was planned, and be written for ever.

use json_patch::Patch;
use kube::api::DynamicObject;
use serde::Serialize;

use crate::api::{DeliveryPipeline, PipelineStatus};
use crate::plan::action::{Kind, Target};

use super::cluster::{LIMIT, Write};
use super::patch::{add, guarded};
use super::{Cluster, Error, Object, Written};

impl Cluster {
    /// Writes the checkpoint, if the pipeline is still as it was planned from. Returns it as the server has it then.
    ///
    /// # Errors
    /// A conflict if the pipeline moved; otherwise why the server did not take it.
    pub async fn checkpoint(
        &self,
        pipeline: &DeliveryPipeline,
        status: &PipelineStatus,
    ) -> Result<DeliveryPipeline, Error> {
        let object = Object::pipeline(pipeline);
        let target = Target {
            kind: Kind::Pipeline,
            name: object.name.clone(),
            uid: pipeline.metadata.uid.clone().unwrap_or_default(),
            resource_version: pipeline.metadata.resource_version.clone().unwrap_or_default(),
        };
        let stands = self.send_status(&object, &target, status).await?;
        let value = serde_json::to_value(stands);
        value
            .and_then(serde_json::from_value::<DeliveryPipeline>)
            .map_err(|source| Error::Unreadable { object, source })
    }

    pub(super) async fn apply_status(
        &self,
        object: &Object,
        target: &Target,
        status: &impl Serialize,
    ) -> Result<Written, Error> {
        let stands = self.send_status(object, target, status).await?;
        Ok(object.written(&stands.metadata))
    }

    async fn send_status(
        &self,
        object: &Object,
        target: &Target,
        status: &impl Serialize,
    ) -> Result<DynamicObject, Error> {
        let patch = whole(target, status).map_err(|source| Error::Unreadable { object: object.clone(), source })?;
        self.put(LIMIT, object, Write::PatchStatus(patch)).await
    }
}

fn whole(target: &Target, status: &impl Serialize) -> Result<Patch, serde_json::Error> {
    let status = serde_json::to_value(status)?;
    Ok(guarded(&target.uid, &target.resource_version, vec![add(["status"], status)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{DecisionPhase, DecisionStatus};

    #[test]
    fn a_status_goes_out_whole_with_identity_and_version() {
        let target = Target { kind: Kind::Decision, name: "d".into(), uid: "u".into(), resource_version: "7".into() };
        let status =
            DecisionStatus { observed_generation: 1, phase: Some(DecisionPhase::Applied), ..DecisionStatus::default() };
        let patch = whole(&target, &status).unwrap();
        assert_eq!(
            serde_json::to_value(patch).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/status", "value": {"observedGeneration": 1, "phase": "Applied"}},
            ])
        );
    }
}
