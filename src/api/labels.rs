//! Keys and names that Windlass writes on objects.

/// On a workload: the pipeline that writes its images, as `namespace/name/uid`.
pub const CLAIMED_BY: &str = "windlass.dev/claimed-by";
/// On a workload: the attempt whose images were written last; a revert adds `.revert`.
pub const ATTEMPT: &str = "windlass.dev/attempt";
/// On a workload: the containers whose images are written, with commas between them. The field guard of the chart goes by it.
pub const CONTAINERS: &str = "windlass.dev/containers";
/// On a workload: over which write of a GitOps tool ours was written, by the generation at which it was seen.
pub const REASSERTED: &str = "windlass.dev/reasserted";
/// On a clone and on its pods: what part of the traffic they are for.
pub const TRACK: &str = "windlass.dev/track";
/// Its values: the workload as it was, the clone of a canary, the clone of blue-green.
pub const STABLE: &str = "stable";
pub const CANARY: &str = "canary";
pub const GREEN: &str = "green";
/// Those of clones.
pub const TRACKS: [&str; 2] = [CANARY, GREEN];
/// On an autoscaler: what stood in `spec.behavior.scaleDown.selectPolicy` before Windlass locked it.
pub const SCALE_DOWN: &str = "windlass.dev/scale-down";
/// On a Namespace: the one Environment (`namespace/name`) that may write there.
pub const ACCEPT_FROM: &str = "windlass.dev/accept-from";
/// On a Namespace: why nothing may start or rise in the Environments that point at it; on the operator's own, in all.
pub const FREEZE: &str = "windlass.dev/freeze";
/// On an HTTPRoute of someone else: the one pipeline (`namespace/name`) that may write the weights of its backends.
pub const WEIGHTS: &str = "windlass.dev/weights";
/// On a CronJob: `true` if Windlass may make Jobs from it.
pub const RUNNABLE: &str = "windlass.dev/runnable";
/// On Jobs and TestRuns: names of the objects that they belong to.
pub const PIPELINE: &str = "windlass.dev/pipeline";
pub const RELEASE: &str = "windlass.dev/release";
pub const ENVIRONMENT: &str = "windlass.dev/environment";
pub const SUITE: &str = "windlass.dev/suite";
/// On the Jobs of hooks: when and which, as `before.migrate`.
pub const HOOK: &str = "windlass.dev/hook";
/// On Jobs and their pods, as annotations: what they are about.
pub const VERSION: &str = "windlass.dev/version";
pub const BUILD: &str = "windlass.dev/build";
pub const PREVIOUS_VERSION: &str = "windlass.dev/previous-version";
/// On Jobs: the namespace of the pipeline that they belong to.
pub const NAMESPACE: &str = "windlass.dev/namespace";
/// On what an earlier leader may still have a write under way to: the term of the leader that has decided since.
pub const TERM: &str = "windlass.dev/term";
/// Keeps a Job until its verdict is latched.
pub const VERDICT_FINALIZER: &str = "windlass.dev/verdict";
/// Keeps a Release, Environment or pipeline while a rollout of it is open.
pub const ROLLOUT_FINALIZER: &str = "windlass.dev/rollout";
/// The field manager of every write of the operator.
pub const MANAGER: &str = "windlass";
