//! One arm per action. Order is kept; one that fails does not keep the others from being tried.

use crate::plan::action::{Action, Target};

use super::autoscaler::Seen;
use super::{Cluster, Done, Error, Object, Resource, Written};

impl Cluster {
    /// Carries the effects of one plan out, in order. `namespace` is the pipeline's.
    pub async fn carry_out(&self, namespace: &str, actions: &[Action]) -> Done {
        let mut done = Done::default();
        for action in actions {
            match self.effect(namespace, action).await {
                Ok(written) => done.written.extend(written),
                Err(error) => {
                    done.unsure.extend(action.raises().filter(|_| error.is_unsure()).map(str::to_owned));
                    done.failed.push(error);
                }
            }
        }
        done
    }

    /// None: nothing had to be written, or the object is gone.
    async fn effect(&self, namespace: &str, action: &Action) -> Result<Option<Written>, Error> {
        let object = |target: &Target| Object::new(target.kind, namespace, &target.name);
        match action {
            Action::SetImages(set) => self.set_images(namespace, set).await.map(Some),
            Action::CreateBan { name, spec } => self.create_ban(namespace, name, spec).await.map(Some),
            Action::CreateRelease { name, spec } => self.create_release(namespace, name, spec).await.map(Some),
            Action::CreateTestRun { name, release, spec } => {
                self.create_test_run(namespace, name, release, spec).await.map(Some)
            }
            Action::CreateJob(create) => self.create_job(create).await.map(Some),
            Action::StartJob { namespace, name, uid, resource_version } => {
                self.start_job(namespace, name, uid, resource_version).await.map(Some)
            }
            Action::RemoveJob { namespace, name, uid, resource_version } => {
                self.remove_job(namespace, name, uid, resource_version).await.map(|()| None)
            }
            Action::CreateClone(create) => self.create_clone(create).await.map(Some),
            Action::ScaleClone(scale) => self.scale_clone(namespace, scale).await.map(Some),
            Action::RemoveClone { namespace, name, uid, resource_version } => {
                let clone = Object::new(Resource::Deployment, namespace, name);
                self.delete_exactly(&clone, uid, resource_version).await.map(|()| None)
            }
            Action::LockScaleDown { namespace, name, uid, resource_version, claim } => {
                self.lock_scale_down(Seen { namespace, name, uid, resource_version }, claim).await.map(Some)
            }
            Action::UnlockScaleDown { namespace, name, uid, resource_version } => {
                self.unlock_scale_down(Seen { namespace, name, uid, resource_version }).await.map(Some)
            }
            Action::PutService(put) => self.put_service(put).await.map(Some),
            Action::PutRoute(put) => self.put_route(namespace, put).await.map(Some),
            Action::RemoveRouting { kind, namespace, name, uid, resource_version } => {
                let object = Object::new(*kind, namespace, name);
                self.delete_exactly(&object, uid, resource_version).await.map(|()| None)
            }
            Action::DeletePod { namespace, name, uid, resource_version } => {
                let pod = Object::new(Resource::Pod, namespace, name);
                self.delete_exactly(&pod, uid, resource_version).await.map(|()| None)
            }
            Action::ReleaseStatus { target, status } => {
                self.apply_status(&object(target), target, status).await.map(Some)
            }
            Action::EnvironmentStatus { target, status } => {
                self.apply_status(&object(target), target, status).await.map(Some)
            }
            Action::TestRunStatus { target, status } => {
                self.apply_status(&object(target), target, status).await.map(Some)
            }
            Action::DecisionStatus { target, status } => {
                self.apply_status(&object(target), target, status).await.map(Some)
            }
            Action::Touch { of, term } => {
                let object = Object::new(of.kind, &of.namespace, &of.name);
                self.touch(object, &of.uid, &of.resource_version, term).await.map(Some)
            }
            Action::TouchOwn { target, term } => {
                self.touch(object(target), &target.uid, &target.resource_version, term).await.map(Some)
            }
            Action::Finalizer { target, present } => self.set_finalizer(&object(target), target, *present).await,
            Action::Delete { target } => self.delete(&object(target), target).await.map(|()| None),
        }
    }
}
