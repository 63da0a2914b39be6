//! Admission policies and their bindings: that Windlass's own are there, and refuse what they are made to refuse.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// What the names of Windlass's own begin with.
const OURS: &str = "windlass-";

/// What keeps GitOps tools from the images, of pods and of Jobs. It says nothing about users, so nothing else waits for it, and where
/// it cannot be told the tool writes on.
pub const GUARDS: [&str; 2] = ["windlass-field-guard", "windlass-field-guard-cronjobs"];

/// The names of the conditions that the chart's policies have.
const CONDITIONS: [&str; 9] = [
    "not-the-operator",
    "not-a-ban",
    "has-a-spec",
    "has-a-head",
    "has-or-had-a-head",
    "has-or-had-pins",
    "has-a-status",
    "a-gitops-tool",
    "written-by-windlass",
];

/// The kinds, by the version in which a server may have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    Validating,
    ValidatingBinding,
    Mutating,
    MutatingBinding,
    /// As Kubernetes 1.34 and 1.35 may have it.
    MutatingBeta,
    MutatingBindingBeta,
}

impl PolicyKind {
    pub const ALL: [Self; 6] = [
        Self::Validating,
        Self::ValidatingBinding,
        Self::Mutating,
        Self::MutatingBinding,
        Self::MutatingBeta,
        Self::MutatingBindingBeta,
    ];

    /// As the watches are told apart.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validating | Self::ValidatingBinding | Self::Mutating | Self::MutatingBinding => self.kind(),
            Self::MutatingBeta => "MutatingAdmissionPolicy.v1beta1",
            Self::MutatingBindingBeta => "MutatingAdmissionPolicyBinding.v1beta1",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Validating => "ValidatingAdmissionPolicy",
            Self::ValidatingBinding => "ValidatingAdmissionPolicyBinding",
            Self::Mutating | Self::MutatingBeta => "MutatingAdmissionPolicy",
            Self::MutatingBinding | Self::MutatingBindingBeta => "MutatingAdmissionPolicyBinding",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Validating => "validatingadmissionpolicies",
            Self::ValidatingBinding => "validatingadmissionpolicybindings",
            Self::Mutating | Self::MutatingBeta => "mutatingadmissionpolicies",
            Self::MutatingBinding | Self::MutatingBindingBeta => "mutatingadmissionpolicybindings",
        }
    }
}

/// What is kept of a policy or a binding.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "super::Wire<WireSpec, IgnoredAny>")]
pub struct AdmissionPolicy {
    pub metadata: ObjectMeta,
    /// Why it lets through what it is made to refuse, if it does.
    pub gap: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireSpec {
    /// Of a policy.
    failure_policy: Option<String>,
    /// Of a policy: what it is about.
    match_constraints: Option<Map<String, Value>>,
    /// Of a policy: what else must be so.
    #[serde(default)]
    match_conditions: Vec<MatchCondition>,
    /// Of a policy: what decides for it.
    param_kind: Option<Value>,
    /// Of a validating policy.
    validations: Option<Vec<Value>>,
    /// Of a mutating policy.
    mutations: Option<Vec<Value>>,
    /// Of a validating binding.
    validation_actions: Option<Vec<String>>,
    /// Of a binding: which policy it puts in force.
    policy_name: Option<String>,
    /// Of a binding: what the policy is narrowed to.
    match_resources: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct MatchCondition {
    name: String,
}

impl WireSpec {
    fn gap(&self, name: &str) -> Option<&'static str> {
        if let Some(policy) = &self.policy_name {
            return self.gap_of_binding(policy == name);
        }
        let is_about_something =
            |all: &Map<String, Value>| all.get("resourceRules").is_some_and(|rules| !is_empty(rules));
        let rules = self.validations.as_ref().or(self.mutations.as_ref());
        let is_lenient = self.failure_policy.as_deref().is_some_and(|policy| policy != "Fail");
        if is_lenient && !GUARDS.contains(&name) {
            Some("lets through what it fails to judge (failurePolicy)")
        } else if self.param_kind.is_some() {
            Some("depends on parameters (paramKind)")
        } else if !self.match_constraints.as_ref().is_some_and(|all| is_about_something(all) && is_wide(all)) {
            Some("is narrowed (matchConstraints)")
        } else if self.match_conditions.iter().any(|condition| !CONDITIONS.contains(&&*condition.name)) {
            Some("is narrowed (matchConditions)")
        } else if rules.is_none_or(Vec::is_empty) {
            Some("asks for nothing (validations, mutations)")
        } else {
            None
        }
    }

    fn gap_of_binding(&self, is_its: bool) -> Option<&'static str> {
        let is_denying = |actions: &Vec<String>| actions.iter().any(|action| action == "Deny");
        if !is_its {
            Some("binds another policy (policyName)")
        } else if self.validation_actions.as_ref().is_some_and(|actions| !is_denying(actions)) {
            Some("does not deny (validationActions)")
        } else if !self.match_resources.as_ref().is_none_or(is_wide) {
            Some("is narrowed (matchResources)")
        } else {
            None
        }
    }
}

/// Nothing is left out. The server fills in a match policy and selectors that let everything through.
fn is_wide(all: &Map<String, Value>) -> bool {
    all.iter().all(|(name, value)| ["matchPolicy", "resourceRules"].contains(&&**name) || is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

impl From<super::Wire<WireSpec, IgnoredAny>> for AdmissionPolicy {
    fn from(wire: super::Wire<WireSpec, IgnoredAny>) -> Self {
        let gap = wire.spec.gap(wire.metadata.name.as_deref().unwrap_or("")).map(str::to_owned);
        Self { metadata: super::pruned(wire.metadata), gap }
    }
}

impl AdmissionPolicy {
    /// Whether it is Windlass's own.
    pub fn is_of_interest(&self) -> bool {
        self.metadata.name.as_deref().is_some_and(|name| name.starts_with(OURS))
    }
}

impl Resource for AdmissionPolicy {
    type DynamicType = PolicyKind;
    type Scope = k8s_openapi::ClusterResourceScope;

    fn kind(kind: &PolicyKind) -> Cow<'_, str> {
        kind.kind().into()
    }

    fn group(_: &PolicyKind) -> Cow<'_, str> {
        "admissionregistration.k8s.io".into()
    }

    fn version(kind: &PolicyKind) -> Cow<'_, str> {
        match kind {
            PolicyKind::MutatingBeta | PolicyKind::MutatingBindingBeta => "v1beta1".into(),
            PolicyKind::Validating
            | PolicyKind::ValidatingBinding
            | PolicyKind::Mutating
            | PolicyKind::MutatingBinding => "v1".into(),
        }
    }

    fn plural(kind: &PolicyKind) -> Cow<'_, str> {
        kind.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::CONDITIONS;

    #[test]
    fn every_condition_of_the_chart_is_known() {
        let templates = [
            include_str!("../../../charts/windlass/templates/admission-guard.yaml"),
            include_str!("../../../charts/windlass/templates/admission-rules.yaml"),
            include_str!("../../../charts/windlass/templates/admission-user.yaml"),
            include_str!("../../../charts/windlass/templates/admission-verbs.yaml"),
        ];
        let is_next = |line: &&str| line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        let lists = templates.iter().flat_map(|text| text.split("matchConditions:\n").skip(1));
        let lines = lists.flat_map(|list| list.lines().take_while(move |line| !is_next(line)));
        let names: Vec<&str> = lines.filter_map(|line| line.strip_prefix("  - name: ")).collect();
        assert!(names.len() > 10, "{names:?}");
        assert!(names.iter().all(|name| CONDITIONS.contains(name)), "{names:?}");
    }
}
