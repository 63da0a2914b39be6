//! The write gate. Only this file holds the client, so every mutating request passes `guarded`: leadership asked right
//! before, a limit in time, counted. What to send is decided elsewhere.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use json_patch::Patch as JsonPatch;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ObjectMeta;
use kube::runtime::events::{Event, Recorder, Reporter};

use crate::api::labels::MANAGER;
use crate::metrics::{Metrics, Verb, WriteResult};

use super::error::READ;
use super::{Error, Leadership, Object, Resource, Written};

/// A write that takes longer is given up. Within the time that lies between the end of a leadership and the end of its
/// lease, so that what was sent in office does not land much later.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// For what may be given up lightly: a ban is tried once before a revert (walk 6), an event is only told.
pub(super) const SHORT: Duration = Duration::from_secs(1);

/// The cluster, for writing.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    /// One for the process: it merges repeats.
    recorder: Recorder,
}

/// A mutating request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    Create(Box<DynamicObject>),
    Patch(JsonPatch),
    /// A patch of the status alone.
    PatchStatus(JsonPatch),
    Delete {
        uid: String,
        resource_version: String,
    },
}

impl Write {
    const fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Patch(_) | Self::PatchStatus(_) => Verb::Patch,
            Self::Delete { .. } => Verb::Delete,
        }
    }
}

/// A client for writing: it does not repeat by itself (its own waits could outlast a leadership; our backoff repeats,
/// after looking again), and never waits for ever.
///
/// # Errors
/// If the configuration makes no client.
pub fn client(mut config: kube::Config) -> Result<Client, kube::Error> {
    config.default_retry = false;
    config.connect_timeout = Some(LIMIT);
    config.read_timeout = Some(LIMIT);
    config.reset_reader_on_write = true;
    Client::try_from(config)
}

impl Cluster {
    /// `client` must come from [`client`].
    pub fn new(client: Client, leadership: Leadership, metrics: Arc<Metrics>) -> Self {
        let recorder = Recorder::new(client.clone(), Reporter::from(MANAGER));
        Self { client, leadership, metrics, recorder }
    }

    /// Whether writes would be let through now.
    pub fn is_leader(&self) -> bool {
        self.leadership.is_leader()
    }

    /// From the server itself, whole; none if it does not exist.
    pub(super) async fn fetch(&self, limit: Duration, object: &Object) -> Result<Option<DynamicObject>, Error> {
        let api = object.api(&self.client);
        within(limit, READ, object, api.get_opt(&object.name)).await
    }

    /// An object of someone else's kind from the server itself; none if it does not exist, or its kind does not.
    pub(super) async fn fetch_foreign(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<DynamicObject>, kube::Error> {
        Api::namespaced_with(self.client.clone(), namespace, kind).get_opt(name).await
    }

    /// From the server itself, metadata only; none if it does not exist.
    pub(super) async fn fetch_meta(&self, object: &Object) -> Result<Option<ObjectMeta>, Error> {
        let api = object.api(&self.client);
        let found = within(LIMIT, READ, object, api.get_metadata_opt(&object.name)).await?;
        Ok(found.map(|found| found.metadata))
    }

    /// Sends a write. Returns the object as it stands then; none if it is gone.
    pub(super) async fn write(
        &self,
        limit: Duration,
        object: &Object,
        write: Write,
    ) -> Result<Option<DynamicObject>, Error> {
        let verb = write.verb();
        self.guarded(verb, object, limit, self.send(object, write)).await
    }

    /// Sends a write after which the object stands.
    pub(super) async fn put(&self, limit: Duration, object: &Object, write: Write) -> Result<DynamicObject, Error> {
        self.write(limit, object, write).await?.ok_or_else(|| Error::Absent { object: object.clone() })
    }

    /// Makes an object. One that is there already is the one that is wanted if it is ours; else the error names what
    /// differs.
    pub(super) async fn make(
        &self,
        object: Object,
        body: DynamicObject,
        tell: &'static str,
        is_ours: impl Fn(&ObjectMeta) -> bool,
    ) -> Result<Written, Error> {
        match self.put(LIMIT, &object, Write::Create(Box::new(body))).await {
            Ok(stands) => return Ok(object.written(&stands.metadata)),
            Err(error) if error.is_already_exists() => {}
            Err(error) => return Err(error),
        }
        let Some(live) = self.fetch_meta(&object).await? else { return Err(Error::Moved { object }) };
        if is_ours(&live) { Ok(object.written(&live)) } else { Err(Error::NotOurs { object, differs: tell }) }
    }

    /// Publishes an event about an object.
    pub(super) async fn publish(&self, event: &Event, regarding: &ObjectReference) -> Result<(), Error> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let object = Object::new(Resource::Event, &text(&regarding.namespace), &text(&regarding.name));
        self.guarded(Verb::Create, &object, SHORT, self.recorder.publish(event, regarding)).await
    }

    async fn send(&self, object: &Object, write: Write) -> Result<Option<DynamicObject>, kube::Error> {
        let (api, name) = (object.api(&self.client), object.name.as_str());
        match write {
            Write::Create(body) => {
                let params = PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) };
                api.create(&params, &body).await.map(Some)
            }
            Write::Patch(patch) => {
                let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                api.patch(name, &params, &Patch::<()>::Json(patch)).await.map(Some)
            }
            Write::PatchStatus(patch) => {
                let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                api.patch_status(name, &params, &Patch::<()>::Json(patch)).await.map(Some)
            }
            Write::Delete { uid, resource_version } => {
                let same = Preconditions { uid: Some(uid), resource_version: Some(resource_version) };
                // a Job stays until its pods are gone: what follows must not work on the same data beside them
                let params = match object.resource {
                    Resource::Job => DeleteParams::foreground(),
                    _ => DeleteParams::background(),
                };
                let answer = api.delete(name, &params.preconditions(same)).await?;
                Ok(answer.left())
            }
        }
    }

    /// The one place that every mutating request passes.
    async fn guarded<T>(
        &self,
        verb: Verb,
        object: &Object,
        limit: Duration,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        let answer = if self.leadership.is_leader() {
            within(limit, verb.as_str(), object, request).await
        } else {
            Err(Error::NotLeading { verb: verb.as_str(), object: object.clone() })
        };
        self.metrics.write(verb, object.resource.as_str(), result_of(&answer));
        answer
    }
}

async fn within<T>(
    limit: Duration,
    verb: &'static str,
    object: &Object,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => answer.map_err(|error| Error::of(verb, object, error)),
        Err(_) => Err(Error::TimedOut { verb, object: object.clone(), limit }),
    }
}

fn result_of<T>(answer: &Result<T, Error>) -> WriteResult {
    match answer {
        Ok(_) => WriteResult::Ok,
        Err(error) if error.is_conflict() => WriteResult::Conflict,
        Err(error) if error.is_already_exists() => WriteResult::Exists,
        Err(Error::NotLeading { .. }) => WriteResult::NotLeading,
        Err(Error::TimedOut { .. }) => WriteResult::TimedOut,
        Err(Error::Unanswered { .. }) => WriteResult::Unanswered,
        Err(
            Error::Refused { .. }
            | Error::Unreadable { .. }
            | Error::Absent { .. }
            | Error::Moved { .. }
            | Error::ContainerNotFound { .. }
            | Error::NotRunnable { .. }
            | Error::NotOurs { .. },
        ) => WriteResult::Refused,
    }
}
