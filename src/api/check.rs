//! Checks and measured suites as users write them: what is asked, how often, and what counts as bad. No addresses and no
//! URLs: an HTTP check names a Service, a metric a provider of the administrator's.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Health of the new revision, measured while it rolls out and until its bake ends: exactly one of `http` and `metric`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.http) != has(self.metric)", "spec.stages[].checks[]: exactly one of http and metric must be set"))]
pub struct Check {
    /// Name of the check.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Asks the new pods themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpProbe>,
    /// Asks a provider of metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricProbe>,
    #[serde(flatten)]
    pub pace: Pace,
}

/// How often is measured, and what the results mean together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Time between two measurements. Default 10s; 1s to 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('1h'))", "interval: must be between 1s and 1h"))]
    pub interval: Option<Span>,
    /// So many bad results in a row condemn the build. A measurement without an answer neither counts nor interrupts. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub failures: Option<u32>,
    /// So many good results are asked for. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub samples: Option<u32>,
    /// A larger share of bad results condemns the build too, in percent, once there are as many results as `samples` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 99))]
    pub max_failed_percent: Option<u32>,
}

impl Pace {
    /// Time between two measurements, 10 seconds where nothing is said.
    pub fn interval(&self) -> Span {
        self.interval.unwrap_or(Span::seconds(10))
    }

    /// Bad results in a row that condemn, 3 where nothing is said.
    pub fn failures(&self) -> usize {
        self.failures.unwrap_or(3) as usize
    }

    /// Good results that are asked for, 3 where nothing is said.
    pub fn samples(&self) -> usize {
        self.samples.unwrap_or(3) as usize
    }
}

/// A request to each new pod's own address. Redirects are not followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpProbe {
    /// A Service in the target namespace that selects the workload's pods. It gives the port, no traffic goes through it.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub service: String,
    /// One of its ports.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// What is asked for. Default `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$"))]
    pub path: Option<String>,
    /// The status that is good. Default: any from 200 to 299.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// A header that the answer must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// A text that the first 64 KiB of the answer's body must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub contains: Option<String>,
    /// Longer until the answer begins is bad, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60000))]
    pub max_latency_millis: Option<u32>,
    /// No answer within this time is bad. Default 5s; 1s to 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('1m'))", "http.timeout: must be between 1s and 1m"))]
    pub timeout: Option<Span>,
}

impl HttpProbe {
    /// Limit for the whole answer, 5 seconds where nothing is said.
    pub fn timeout(&self) -> Span {
        self.timeout.unwrap_or(LIMIT)
    }
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Header {
    /// Its name; upper and lower case are the same.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub name: String,
    /// Its whole value.
    #[schemars(length(max = 256))]
    pub value: String,
}

/// A query that gives one number. Within: `{{namespace}}`, `{{workload}}`, `{{track}}`, `{{podTemplateHash}}`, `{{window}}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.min) || has(self.max) || has(self.stable)", "metric: at least one of min, max and stable must be set"))]
pub struct MetricProbe {
    /// Name of a provider in the operator's configuration.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub provider: String,
    /// PromQL that gives one number. NaN, no data and several series are no answer, and never a pass.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = ("!self.replace('{{namespace}}', '_').replace('{{workload}}', '_').replace('{{track}}', '_').replace('{{podTemplateHash}}', '_').replace('{{window}}', '_').matches('[{]{2}|[}]{2}')", "metric.query: the only placeholders are {{namespace}}, {{workload}}, {{track}}, {{podTemplateHash}} and {{window}}"))]
    pub query: String,
    /// Which workload `{{workload}}` and `{{podTemplateHash}}` are about. Default: the first of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub workload: Option<String>,
    /// Less is bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$"))]
    pub min: Option<String>,
    /// More is bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$"))]
    pub max: Option<String>,
    /// Compares with the revision before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Compared>,
    /// How far back `{{window}}` reaches; never behind the new revision's beginning. Default 1m; 1s to 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('1h'))", "metric.window: must be between 1s and 1h"))]
    pub window: Option<Span>,
    /// How to know that the service is idle, so that there is nothing to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_idle: Option<Idle>,
    /// The provider gave no answer within this time: nothing is known. Default 5s; 1s to 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('1m'))", "metric.timeout: must be between 1s and 1m"))]
    pub timeout: Option<Span>,
}

impl MetricProbe {
    /// Limit for one answer, 5 seconds where nothing is said.
    pub fn timeout(&self) -> Span {
        self.timeout.unwrap_or(LIMIT)
    }

    /// How far back `{{window}}` reaches, a minute where nothing is said.
    pub fn window(&self) -> Span {
        self.window.unwrap_or(Span::seconds(60))
    }
}

/// The same query asked of the revision before: where its pods are gone, as of the moment when the rollout started. Bad is
/// what exceeds all bounds that are set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.maxRatio) || has(self.maxIncrease)", "metric.stable: at least one of maxRatio and maxIncrease must be set"))]
pub struct Compared {
    /// So many times the value of the revision before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^[0-9]{1,12}(\.[0-9]{1,9})?$"))]
    pub max_ratio: Option<String>,
    /// So much above the value of the revision before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^[0-9]{1,12}(\.[0-9]{1,9})?$"))]
    pub max_increase: Option<String>,
}

/// When the service counts as idle: such a measurement is good, and the status says that it was idle.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Idle {
    /// PromQL that gives one number, such as the requests per second. No data is no answer: it does not mean idle.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = ("!self.replace('{{namespace}}', '_').replace('{{workload}}', '_').replace('{{track}}', '_').replace('{{podTemplateHash}}', '_').replace('{{window}}', '_').matches('[{]{2}|[}]{2}')", "metric.whenIdle.query: the only placeholders are {{namespace}}, {{workload}}, {{track}}, {{podTemplateHash}} and {{window}}"))]
    pub query: String,
    /// Less than this is idle.
    #[schemars(length(min = 1, max = 24), regex(pattern = r"^[0-9]{1,12}(\.[0-9]{1,9})?$"))]
    pub below: String,
}

/// Limit for one answer where nothing is said.
const LIMIT: Span = Span::seconds(5);
