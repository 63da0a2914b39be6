//! `kubectl explain` tells what each kind and field means, the values of an enum included; each kind has its short
//! name and category, and begins with a status that kstatus takes for in progress.

use anyhow::{Context, Result, ensure};

use crate::kstatus::{Status, kstatus};
use crate::rules::Rules;
use crate::story::{Story, text};

/// A field, and what its explanation says. kubectl breaks lines, so each is looked for without regard to blanks.
const EXPLAINED: &[(&str, &str)] = &[
    ("dp", "What is delivered, along which environments, how, and on what evidence."),
    ("dp.spec.workloads", "Rolled in this order, reverted in reverse."),
    ("dp.spec.stages.promotion.mode", "`Manual`: A person lets each release enter"),
    ("dp.spec.stages.tests.job.cronJob", "It must be suspended"),
    ("dp.status.stages.rollout.state", "Exactly one state."),
    ("rel.spec.build.images.ref", "The image by digest"),
    ("rel.status.phase", "`Unverified`: Live, but a suite gave no verdict."),
    ("env.spec.targetNamespace", "Where workloads run."),
    ("testrun.status.phase", "`Errored`: A broken tool"),
    ("dec.spec.type", "`Withdraw`: The build is bad, everywhere."),
];

pub async fn run(t: &Story) -> Result<()> {
    for (field, says) in EXPLAINED {
        let explained = t.kubectl(["explain", field]).await?.ok()?;
        ensure!(words(&explained).contains(&words(says)), "kubectl explain {field} says:\n{explained}");
    }
    for kind in ["deliverypipeline", "release", "environment", "testrun", "decision"] {
        let explained = t.kubectl(["explain", kind, "--recursive"]).await?.ok()?;
        ensure!(explained.contains("observedGeneration"), "kubectl explain {kind} --recursive lacks the status");
        ensure!(!explained.contains("<empty>"), "kubectl explain {kind} --recursive says:\n{explained}");
    }
    begin_unobserved(t).await
}

async fn begin_unobserved(t: &Story) -> Result<()> {
    let ns = t.ns("explain").await?;
    let rules = Rules::read()?;
    // the pipeline last: it has a head, and an operator that sees it makes the Release of that name
    for good in ["release", "environment", "run", "revert", "pipeline"] {
        let object = rules.good.get(good).with_context(|| format!("the table has no {good}"))?;
        // The answer to the creation itself is judged: no operator has seen the object by then.
        for object in t.apply_in(&ns, &object.to_string()).await? {
            ensure!(kstatus(&object) == Status::InProgress, "{} begins as {object}", text(&object, "/kind"));
        }
    }
    let all = t.kubectl(["get", "windlass", "-n", &ns, "-o", "name"]).await?.ok()?;
    ensure!(all.lines().count() == 5, "kubectl get windlass shows:\n{all}");
    Ok(())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
