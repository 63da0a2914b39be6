//! Which object a request is about: its kind out of a closed list, namespace and name.

use std::fmt;

use k8s_openapi::api::{apps, autoscaling, batch, core};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::{GroupVersionKind, ObjectMeta};
use kube::{Client, Resource as _};

use crate::api::pipeline::WorkloadKind;
use crate::api::traffic::{GROUP, RouteKind, RoutingKind};
use crate::api::{Decision, DeliveryPipeline, Environment, Release, TestRun};
use crate::plan::action::Kind;

use super::Written;

/// Kinds that requests of the operator are about. There is no writing of any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Pipeline,
    Release,
    Environment,
    TestRun,
    Decision,
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    Job,
    Pod,
    Service,
    Route(RouteKind),
    Autoscaler,
    Event,
}

impl Resource {
    /// As it stands in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "DeliveryPipeline",
            Self::Release => "Release",
            Self::Environment => "Environment",
            Self::TestRun => "TestRun",
            Self::Decision => "Decision",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::Route(kind) => kind.as_str(),
            Self::Autoscaler => "HorizontalPodAutoscaler",
            Self::Event => "Event",
        }
    }

    /// Whether it lives where workloads run, and not with the pipeline.
    pub(super) const fn is_in_target(self) -> bool {
        match self {
            Self::Deployment
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::CronJob
            | Self::Job
            | Self::Pod
            | Self::Service
            | Self::Route(_)
            | Self::Autoscaler => true,
            Self::Pipeline | Self::Release | Self::Environment | Self::TestRun | Self::Decision | Self::Event => false,
        }
    }

    pub(super) fn api_resource(self) -> ApiResource {
        match self {
            Self::Pipeline => ApiResource::erase::<DeliveryPipeline>(&()),
            Self::Release => ApiResource::erase::<Release>(&()),
            Self::Environment => ApiResource::erase::<Environment>(&()),
            Self::TestRun => ApiResource::erase::<TestRun>(&()),
            Self::Decision => ApiResource::erase::<Decision>(&()),
            Self::Deployment => ApiResource::erase::<apps::v1::Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<apps::v1::StatefulSet>(&()),
            Self::DaemonSet => ApiResource::erase::<apps::v1::DaemonSet>(&()),
            Self::Pod => ApiResource::erase::<core::v1::Pod>(&()),
            Self::Service => ApiResource::erase::<core::v1::Service>(&()),
            Self::Route(kind) => {
                let named = GroupVersionKind::gvk(GROUP, "v1", kind.as_str());
                ApiResource::from_gvk_with_plural(&named, kind.plural())
            }
            Self::Autoscaler => ApiResource::erase::<autoscaling::v2::HorizontalPodAutoscaler>(&()),
            Self::Job => ApiResource::erase::<batch::v1::Job>(&()),
            Self::CronJob => ApiResource::erase::<batch::v1::CronJob>(&()),
            Self::Event => ApiResource::erase::<k8s_openapi::api::events::v1::Event>(&()),
        }
    }
}

impl From<Kind> for Resource {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Pipeline => Self::Pipeline,
            Kind::Release => Self::Release,
            Kind::Environment => Self::Environment,
            Kind::TestRun => Self::TestRun,
            Kind::Decision => Self::Decision,
        }
    }
}

impl From<RoutingKind> for Resource {
    fn from(kind: RoutingKind) -> Self {
        match kind {
            RoutingKind::Service => Self::Service,
            RoutingKind::Route(kind) => Self::Route(kind),
        }
    }
}

impl From<WorkloadKind> for Resource {
    fn from(kind: WorkloadKind) -> Self {
        match kind {
            WorkloadKind::Deployment => Self::Deployment,
            WorkloadKind::StatefulSet => Self::StatefulSet,
            WorkloadKind::DaemonSet => Self::DaemonSet,
            WorkloadKind::CronJob => Self::CronJob,
        }
    }
}

/// One object by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
}

impl Object {
    pub(super) fn new(resource: impl Into<Resource>, namespace: &str, name: &str) -> Self {
        Self { resource: resource.into(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn pipeline(pipeline: &DeliveryPipeline) -> Self {
        let meta = pipeline.meta();
        Self::new(
            Resource::Pipeline,
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        )
    }

    /// Requests about objects go out in this form only, so fields that this program does not know are never dropped.
    pub(super) fn api(&self, client: &Client) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), &self.namespace, &self.resource.api_resource())
    }

    /// What the server answered to a write of this object.
    pub(super) fn written(&self, meta: &ObjectMeta) -> Written {
        Written {
            kind: self.resource.as_str(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.resource.as_str(), self.namespace, self.name)
    }
}
