//! Why an effect was not carried out, and which of these reasons only say "look again".

use std::time::Duration;

use kube::core::Status;

use super::object::{Object, Resource};

/// What is only looked at.
pub(super) const READ: &str = "read";

/// Why an effect was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to {verb} {object}: this replica does not lead")]
    NotLeading { verb: &'static str, object: Object },
    /// The request may have taken effect all the same; the next look tells.
    #[error("failed to {verb} {object}: no answer within {limit:?}")]
    TimedOut { verb: &'static str, object: Object, limit: Duration },
    /// The server answered no.
    #[error("failed to {verb} {object}")]
    Refused {
        verb: &'static str,
        object: Object,
        #[source]
        source: Box<Status>,
    },
    /// There was no usable answer.
    #[error("failed to {verb} {object}")]
    Unanswered {
        verb: &'static str,
        object: Object,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("failed to read {object} as what it should be")]
    Unreadable {
        object: Object,
        #[source]
        source: serde_json::Error,
    },
    #[error("failed to find {object}")]
    Absent { object: Object },
    #[error("failed to act on {object}: it is not as it was planned with")]
    Moved { object: Object },
    #[error("failed to find container {container} in {object}")]
    ContainerNotFound { object: Object, container: String },
    #[error("failed to make a Job from {object}: it must be suspended and labelled windlass.dev/runnable: \"true\"")]
    NotRunnable { object: Object },
    #[error("failed to create {object}: another one of that name has a different {differs}")]
    NotOurs { object: Object, differs: &'static str },
}

impl Error {
    /// Whether something moved between plan and write: look again at once, this is no failure.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Moved { .. } => true,
            Self::Refused { source, .. } => source.is_conflict() || is_failed_test(source),
            Self::NotLeading { .. }
            | Self::TimedOut { .. }
            | Self::Unanswered { .. }
            | Self::Unreadable { .. }
            | Self::Absent { .. }
            | Self::ContainerNotFound { .. }
            | Self::NotRunnable { .. }
            | Self::NotOurs { .. } => false,
        }
    }

    /// Whether a write was sent of which nobody can tell what becomes of it.
    pub fn is_unsure(&self) -> bool {
        match self {
            Self::TimedOut { verb, .. } | Self::Unanswered { verb, .. } => *verb != READ,
            // what a webhook keeps the server from doing it does not do later
            Self::Refused { verb, source, .. } => {
                *verb != READ && source.code >= 500 && !source.message.contains("webhook")
            }
            Self::NotLeading { .. }
            | Self::Unreadable { .. }
            | Self::Absent { .. }
            | Self::Moved { .. }
            | Self::ContainerNotFound { .. }
            | Self::NotRunnable { .. }
            | Self::NotOurs { .. } => false,
        }
    }

    /// The namespace and the server's words, where it refused a write to a workload or a Job for good: by rights, a
    /// quota, a policy. Only a person changes that.
    pub fn refusal(&self) -> Option<(&str, &str)> {
        let (object, source) = self.final_refusal().filter(|(object, _)| object.resource.is_in_target())?;
        Some((object.namespace.as_str(), source.message.as_str()))
    }

    /// Why the Release of a head cannot be made, where only a person can change that.
    pub fn no_release(&self) -> Option<String> {
        if let Self::NotOurs { object, differs } = self {
            let is_release = object.resource == Resource::Release;
            return is_release.then(|| format!("{object} exists with a different {differs}"));
        }
        let (object, source) = self.final_refusal().filter(|(object, _)| object.resource == Resource::Release)?;
        Some(format!("{object}: {}", source.message))
    }

    /// Whether the server refused the write for good.
    pub fn is_final(&self) -> bool {
        self.final_refusal().is_some()
    }

    /// What the server refused for good: by rights, by what stands in it, or by its size. Asking again changes nothing.
    fn final_refusal(&self) -> Option<(&Object, &Status)> {
        let Self::Refused { object, source, .. } = self else { return None };
        let is_final = matches!(source.code, 400 | 403 | 413 | 422) && !self.is_conflict();
        is_final.then_some((object, source))
    }

    pub(super) fn is_already_exists(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.is_already_exists())
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.is_not_found())
    }

    /// Of a request that the client returned.
    pub(super) fn of(verb: &'static str, object: &Object, source: kube::Error) -> Self {
        let object = object.clone();
        match source {
            kube::Error::Api(source) => Self::Refused { verb, object, source },
            source => Self::Unanswered { verb, object, source: Box::new(source) },
        }
    }
}

/// An error with all its causes: a log as JSON shows the first text alone.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A failed `test` of a JSON Patch has the code of a refused object, 422. The server tells the two apart only by this
/// (tried on 1.36): a refused object is named with the causes, a failed test has neither and this general message.
fn is_failed_test(status: &Status) -> bool {
    let bare = status.details.as_ref().is_none_or(|details| details.name.is_empty() && details.causes.is_empty());
    status.code == 422 && bare && status.message.starts_with("the server rejected our request")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::object::Resource;
    use super::*;

    #[test]
    fn causes_are_told() {
        let status = json!({"reason": "Forbidden", "code": 403, "message": "no bans here"});
        let source = Box::new(serde_json::from_value::<Status>(status).unwrap());
        let error = Error::Refused { verb: "create", object: Object::new(Resource::Decision, "shop", "ban"), source };
        let text = with_causes(&error);
        assert!(text.starts_with("failed to create Decision shop/ban: ") && text.contains("no bans here"), "{text}");
    }

    #[test]
    fn what_was_sent_and_got_no_answer_may_arrive() {
        let object = || Object::new(Resource::Decision, "shop", "ban");
        let timed = |verb| Error::TimedOut { verb, object: object(), limit: Duration::from_secs(5) };
        let said = |verb, code, message: &str| {
            let source = serde_json::from_value(json!({"code": code, "message": message, "reason": "x"})).unwrap();
            Error::Refused { verb, object: object(), source: Box::new(source) }
        };
        let refused = |verb, code| said(verb, code, "etcdserver: request timed out");
        assert!(!said("patch", 500, "failed calling webhook \"a.example\": timeout").is_unsure(), "it was not done");
        assert!(timed("patch").is_unsure() && refused("patch", 504).is_unsure() && refused("patch", 500).is_unsure());
        assert!(!timed(READ).is_unsure() && !refused(READ, 504).is_unsure(), "nothing was sent");
        assert!(!refused("patch", 409).is_unsure() && !refused("patch", 429).is_unsure(), "it was answered");
    }

    #[test]
    fn only_what_moved_is_a_conflict() {
        let rejected = "the server rejected our request due to an error in our request";
        for (name, status, expected) in [
            ("stale version", json!({"reason": "Conflict", "code": 409, "message": "modified"}), true),
            ("failed test", json!({"reason": "Invalid", "code": 422, "message": rejected, "details": {}}), true),
            (
                "refused object",
                json!({"reason": "Invalid", "code": 422, "message": "Deployment.apps \"web\" is invalid",
                       "details": {"name": "web", "causes": [{"field": "spec"}]}}),
                false,
            ),
            ("already there", json!({"reason": "AlreadyExists", "code": 409, "message": "exists"}), false),
            ("forbidden", json!({"reason": "Forbidden", "code": 403, "message": "no"}), false),
        ] {
            let source = Box::new(serde_json::from_value::<Status>(status).unwrap());
            let object = Object::new(Resource::Deployment, "shop", "web");
            let error = Error::Refused { verb: "patch", object, source };
            assert_eq!(error.is_conflict(), expected, "{name}");
        }
    }
}
