//! Windows of an Environment: when releases may start there.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{Span, Time};

/// A time at which releases may start (`allow`) or may not (`deny`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.allow) != has(self.deny)", "spec.windows[]: exactly one of allow and deny is needed"))]
pub struct Window {
    /// When it opens: a cron expression of five fields, minute, hour, day of month, month and day of week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(validation = (r"self.matches('^[^ @]+( [^ @]+){4}$')", "spec.windows[].allow: must be a cron expression of five fields, like 0 9 * * MON-THU"))]
    pub allow: Option<String>,
    /// When it closes: a cron expression like that of `allow`. What one window denies, no other allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(validation = (r"self.matches('^[^ @]+( [^ @]+){4}$')", "spec.windows[].deny: must be a cron expression of five fields, like 0 0 24 12 *"))]
    pub deny: Option<String>,
    /// How long it lasts from there on. At least 1m, at most 744h.
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1m') && duration(self) <= duration('744h'))", "spec.windows[].for: must be at least 1m and at most 744h"))]
    pub r#for: Span,
    /// The time zone of the cron expression, like `Europe/London`. Default UTC.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Why, for those who wait.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub reason: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Whether releases may start at present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowStatus {
    /// Whether they may.
    pub open: bool,
    /// The next change in words, with its time zone.
    #[schemars(length(max = 400))]
    pub message: String,
    /// When it opens next. None: not within what can be foreseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_open: Option<Time>,
    /// When it closes next. None: not within what can be foreseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_close: Option<Time>,
}
