//! Events for `kubectl describe` and alerts. They are told once, and never fail a pass.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use kube::runtime::events::{Event, EventType};

use crate::api::build::hex;
use crate::api::{DeliveryPipeline, Environment};
use crate::plan::Note;

use super::{Cluster, Object, Resource, with_causes};

/// The server refuses longer ones.
const LONGEST: usize = 1024;

impl Cluster {
    /// An event on the pipeline, and on the release that the note names; one note after the other, so that they carry
    /// times in the order in which things happened.
    pub async fn tell(&self, pipeline: &DeliveryPipeline, notes: &[Note]) {
        for note in notes {
            self.tell_one(pipeline, note).await;
        }
    }

    /// An event on an Environment.
    pub async fn tell_environment(&self, environment: &Environment, note: &Note) {
        let (namespace, name) = (environment.namespace().unwrap_or_default(), environment.name_any());
        let object = Object::new(Resource::Environment, &namespace, &name);
        self.publish_quietly(note, &reference(&object, environment.uid()), None).await;
    }

    async fn tell_one(&self, pipeline: &DeliveryPipeline, note: &Note) {
        let object = Object::pipeline(pipeline);
        let regarding = reference(&object, pipeline.metadata.uid.clone());
        let release = match &note.release {
            Some(name) => self.existing(Object::new(Resource::Release, &object.namespace, name)).await,
            None => None,
        };
        let about_pipeline = self.publish_quietly(note, &regarding, release.clone());
        match &release {
            Some(release) => {
                let about_release = self.publish_quietly(note, release, Some(regarding.clone()));
                tokio::join!(about_pipeline, about_release);
            }
            None => about_pipeline.await,
        }
    }

    async fn publish_quietly(&self, note: &Note, about: &ObjectReference, other: Option<ObjectReference>) {
        if let Err(error) = self.publish(&event(note, other), about).await {
            tracing::warn!(error = with_causes(&error), reason = note.reason, "event not published");
        }
    }

    /// With its UID, by which `kubectl describe` finds its events; none if it does not exist or does not answer.
    async fn existing(&self, object: Object) -> Option<ObjectReference> {
        let meta = self.fetch_meta(&object).await.ok().flatten()?;
        Some(reference(&object, meta.uid))
    }
}

fn reference(object: &Object, uid: Option<String>) -> ObjectReference {
    let resource = object.resource.api_resource();
    ObjectReference {
        api_version: Some(resource.api_version),
        kind: Some(resource.kind),
        namespace: Some(object.namespace.clone()),
        name: Some(object.name.clone()),
        uid,
        ..ObjectReference::default()
    }
}

/// The recorder merges events that are alike in all but the note. The action therefore carries the message's hash:
/// "delivered to staging" and "delivered to production" are two events, the same sentence twice is one with a count.
fn event(note: &Note, secondary: Option<ObjectReference>) -> Event {
    Event {
        type_: if note.warning { EventType::Warning } else { EventType::Normal },
        reason: note.reason.clone(),
        note: Some(shortened(&note.message)),
        action: format!("{}-{}", note.reason, hex(&note.message, 8)),
        secondary,
    }
}

fn shortened(message: &str) -> String {
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(LONGEST - '…'.len_utf8());
    format!("{}…", message.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(message: &str) -> Note {
        Note { release: None, warning: true, reason: "Reverted".into(), message: message.into() }
    }

    #[test]
    fn different_messages_are_not_merged_and_equal_ones_are() {
        let (a, b) = (event(&note("in staging"), None), event(&note("in production"), None));
        assert_ne!(a.action, b.action);
        assert_eq!(a.action, event(&note("in staging"), None).action);
        assert_eq!((a.type_, a.note.as_deref()), (EventType::Warning, Some("in staging")));
    }

    #[test]
    fn a_long_message_is_cut_between_letters() {
        let text = shortened(&"ü".repeat(2000));
        assert!(text.len() <= LONGEST && text.len() > LONGEST - 8 && text.ends_with('…'));
        assert_eq!(shortened("short"), "short");
    }
}
