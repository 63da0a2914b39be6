//! Services and routes of ours: made, which is harmless to repeat, and put right. What is not ours stays as it is.

use json_patch::PatchOperation;
use kube::api::DynamicObject;
use kube::core::ObjectMeta;
use serde_json::json;

use crate::api::labels::{CLAIMED_BY, TRACK, WEIGHTS};
use crate::api::traffic::Position;
use crate::plan::{PutRoute, PutService, Stands};

use super::cluster::{LIMIT, Write};
use super::patch::{add, guarded, replace, test};
use super::{Cluster, Error, Object, Resource, Written};

impl Cluster {
    pub(super) async fn put_service(&self, want: &PutService) -> Result<Written, Error> {
        let object = Object::new(Resource::Service, &want.namespace, &want.name);
        match &want.stands {
            None => self.make(object, service(want), CLAIM, |live| is_claimed(live, &want.claim)).await,
            Some(stands) => {
                let operations = vec![
                    replace(["spec", "selector"], json!(want.selector)),
                    replace(["spec", "ports"], json!(want.ports)),
                ];
                self.put_right(object, stands, &want.claim, operations).await
            }
        }
    }

    pub(super) async fn put_route(&self, pipeline_namespace: &str, want: &PutRoute) -> Result<Written, Error> {
        self.confirm(pipeline_namespace, &want.confirm).await?;
        let object = Object::new(Resource::Route(want.shape.kind), &want.namespace, &want.name);
        match &want.stands {
            None => self.make(object, route(want), CLAIM, |live| is_claimed(live, &want.claim)).await,
            Some(stands) => match &want.existing {
                None => {
                    let operations = vec![replace(["spec"], want.shape.spec())];
                    self.put_right(object, stands, &want.claim, operations).await
                }
                Some(existing) => {
                    let patch = guarded(&stands.uid, &stands.resource_version, weights(want, &existing.positions));
                    let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
                    Ok(object.written(&stands.metadata))
                }
            },
        }
    }

    /// The claim is tested with the write: what has lost it is not ours any more.
    async fn put_right(
        &self,
        object: Object,
        stands: &Stands,
        claim: &str,
        mut operations: Vec<PatchOperation>,
    ) -> Result<Written, Error> {
        operations.insert(0, test(["metadata", "annotations", CLAIMED_BY], claim.into()));
        let patch = guarded(&stands.uid, &stands.resource_version, operations);
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }
}

/// What tells ours.
const CLAIM: &str = "annotation windlass.dev/claimed-by";

fn is_claimed(live: &ObjectMeta, claim: &str) -> bool {
    live.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY)).map(String::as_str) == Some(claim)
}

/// The weights of an existing route, each with a test of whose it is; and that its owner still leaves them to us.
fn weights(want: &PutRoute, at: &[Position]) -> Vec<PatchOperation> {
    let home = want.claim.rsplit_once('/').map_or(&*want.claim, |(home, _)| home);
    let mut operations = vec![test(["metadata", "annotations", WEIGHTS], home.into())];
    for (position, backend) in at.iter().zip(&want.shape.backends) {
        let (rule, index) = (position.rule.to_string(), position.backend.to_string());
        let path = |key| ["spec", "rules", &*rule, "backendRefs", &*index, key];
        operations.push(test(path("name"), backend.name.as_str().into()));
        operations.push(add(path("weight"), backend.weight.into()));
    }
    operations
}

fn service(want: &PutService) -> DynamicObject {
    let mut body = DynamicObject::new(&want.name, &Resource::Service.api_resource()).within(&want.namespace);
    body.metadata.labels = Some([(TRACK.to_owned(), want.track.clone())].into());
    body.metadata.annotations = Some([(CLAIMED_BY.to_owned(), want.claim.clone())].into());
    body.data = json!({"spec": {"selector": want.selector, "ports": want.ports}});
    body
}

fn route(want: &PutRoute) -> DynamicObject {
    let mut body =
        DynamicObject::new(&want.name, &Resource::Route(want.shape.kind).api_resource()).within(&want.namespace);
    body.metadata.annotations = Some([(CLAIMED_BY.to_owned(), want.claim.clone())].into());
    body.data = json!({"spec": want.shape.spec()});
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_service_of_ours_is_told_by_its_track_and_its_claim() {
        let body = serde_json::to_value(service(&PutService {
            namespace: "shop".into(),
            name: "checkout-stable".into(),
            stands: None,
            track: "stable".into(),
            selector: [("app".to_owned(), "checkout".to_owned()), (TRACK.to_owned(), "stable".to_owned())].into(),
            ports: vec![json!({"port": 80})],
            claim: "shop/checkout/p1".into(),
        }))
        .unwrap();
        assert_eq!(body["metadata"]["labels"], json!({"windlass.dev/track": "stable"}));
        assert_eq!(body["metadata"]["annotations"], json!({"windlass.dev/claimed-by": "shop/checkout/p1"}));
        assert_eq!(
            body["spec"],
            json!({"selector": {"app": "checkout", "windlass.dev/track": "stable"}, "ports": [{"port": 80}]})
        );
    }
}
