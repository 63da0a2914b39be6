//! What a Job says about a build (walk 10): a bad result condemns it, a broken tool says nothing.

use serde::Deserialize;

use crate::api::rollout::Verdict;
use crate::api::test_run::Counts;
use crate::api::{Coverage, RunPhase};
use crate::observe::{Job, JobPod};

use super::draft::clip;
use super::world::World;

/// The termination message that a test's container may leave.
#[derive(Debug, Deserialize)]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    #[serde(default)]
    coverage: Option<serde_json::Value>,
    #[serde(default)]
    failing: Vec<String>,
    #[serde(default)]
    url: Option<String>,
}

/// The verdict, if the Job has come to one. Errored here is one try without a result.
pub fn of_job(world: &World<'_>, job: &Job) -> Option<Verdict> {
    if job.complete || job.failed.is_some() {
        // what its pod says comes by another watch than its own end
        let is_told = job.pods.iter().any(|p| p.exit_code.is_some() || p.disrupted);
        if !is_told && !world.is_due(job.ended.unwrap_or_default().plus(world.snap.settings.pull_grace)) {
            return None;
        }
        return Some(match &job.failed {
            Some(reason) => failed(world, job, reason),
            None if is_told => passed(world, job),
            None => errored(world, "the Job completed and its pod is gone"),
        });
    }
    let stuck = job.pods.iter().find_map(|p| p.stuck.as_ref());
    let (since, why) = stuck?;
    world.is_due(since.plus(world.snap.settings.pull_grace)).then(|| errored(world, why))
}

/// The same of a Job that is no suite: it counts nothing, and one that completed has done what it was to do.
pub fn of_hook(world: &World<'_>, job: &Job) -> Option<Verdict> {
    if job.complete { Some(plain(world, RunPhase::Passed, "")) } else { of_job(world, job) }
}

fn passed(world: &World<'_>, job: &Job) -> Verdict {
    let message = job.pods.iter().find(|p| p.exit_code == Some(0)).map_or("", |p| p.message.as_str());
    let Some(report) = report(message) else { return verdict(world, RunPhase::Passed, None, message) };
    if report.counts.failed > 0 {
        return verdict(world, RunPhase::Failed, Some(report), "it exited with 0 and reports failed tests");
    }
    if report.counts.total == 0 {
        return errored(world, "it exited with 0 and reports that no test ran");
    }
    verdict(world, RunPhase::Passed, Some(report), "")
}

fn failed(world: &World<'_>, job: &Job, reason: &str) -> Verdict {
    if reason == "DeadlineExceeded" {
        return errored(world, "the Job passed its own deadline");
    }
    let Some(pod) = job.pods.iter().find(|p| p.exit_code.is_some_and(|code| code != 0)) else {
        return errored(world, &format!("the Job failed ({reason}) and its pod is gone"));
    };
    if let Some(why) = broken_tool(pod) {
        return errored(world, &why);
    }
    let code = pod.exit_code.unwrap_or_default();
    match report(&pod.message) {
        Some(report) => {
            let text = format!(
                "{} of {} tests failed: {}",
                report.counts.failed,
                report.counts.total,
                report.failing.join(", ")
            );
            verdict(world, RunPhase::Failed, Some(report), &text)
        }
        None if pod.message.is_empty() => verdict(world, RunPhase::Failed, None, &format!("exit code {code}")),
        None => verdict(world, RunPhase::Failed, None, &format!("exit code {code}: {}", last_lines(&pod.message))),
    }
}

/// What tells most of a message that is a log: its end.
fn last_lines(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut kept = String::new();
    for line in lines.iter().rev() {
        let longer = if kept.is_empty() { (*line).to_owned() } else { format!("{line}; {kept}") };
        if longer.chars().count() > 200 {
            break;
        }
        kept = longer;
    }
    if kept.is_empty() { lines.last().map(|line| clip(line, 200)).unwrap_or_default() } else { kept }
}

/// Whether the pod ended badly, by a fault of what it ran.
pub fn is_bad_exit(pod: &JobPod) -> bool {
    pod.exit_code.is_some_and(|code| code != 0) && broken_tool(pod).is_none()
}

fn broken_tool(pod: &JobPod) -> Option<String> {
    if pod.disrupted {
        return Some("its pod was evicted or drained".into());
    }
    if pod.out_of_memory {
        return Some("its pod was killed for want of memory".into());
    }
    let code = pod.exit_code.filter(|code| (125..=127).contains(code))?;
    Some(format!("exit code {code}: the command could not be run"))
}

fn report(message: &str) -> Option<Report> {
    let found: serde_json::Map<String, serde_json::Value> = serde_json::from_str(message.trim()).ok()?;
    // any other object is what a program says, and no report of tests
    let counts = ["total", "passed", "failed", "skipped", "failing"].iter().any(|key| found.contains_key(*key));
    counts.then(|| serde_json::from_value(found.into()).ok())?
}

fn errored(world: &World<'_>, message: &str) -> Verdict {
    verdict(world, RunPhase::Errored, None, message)
}

fn verdict(world: &World<'_>, phase: RunPhase, report: Option<Report>, message: &str) -> Verdict {
    // what is no percentage is no coverage, and takes nothing else of the report with it
    let coverage = report.as_ref().and_then(|r| Coverage::of(r.coverage.as_ref()?.as_f64()?));
    let said =
        report.as_ref().map(|r| Said { counts: Some(r.counts), coverage, failing: &r.failing, url: r.url.as_deref() });
    bounded(world, phase, said.unwrap_or_default(), message)
}

/// A verdict that nobody reported.
pub fn plain(world: &World<'_>, phase: RunPhase, message: &str) -> Verdict {
    bounded(world, phase, Said::default(), message)
}

/// What someone reported beside the result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    pub counts: Option<Counts>,
    pub coverage: Option<Coverage>,
    pub failing: &'a [String],
    pub url: Option<&'a str>,
}

/// Whether a report can be shown by that.
pub fn is_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= 1024
}

/// What someone reported, as the checkpoint can take it: one name too long must not keep a failure from being recorded.
pub fn bounded(world: &World<'_>, phase: RunPhase, said: Said<'_>, message: &str) -> Verdict {
    let Said { counts, coverage, failing, url } = said;
    let within = |count: i64| count.clamp(0, Counts::MAX);
    Verdict {
        phase,
        at: world.now,
        counts: counts.map(|c| Counts {
            total: within(c.total),
            passed: within(c.passed),
            failed: within(c.failed),
            skipped: within(c.skipped),
        }),
        coverage,
        message: clip(message, 256),
        failing: failing.iter().take(20).map(|name| clip(name, 128)).collect(),
        url: url.filter(|url| is_link(url)).map(str::to_owned),
        reporter: None,
    }
}
