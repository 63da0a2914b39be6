//! The demo: chapters, each of which shows what happened in the objects' own words and fails if it did not. A user sends
//! requests to production all the while. Only in a namespace of `traffic::namespace::within`.

mod canary;
mod chapters;
mod follow;
mod ledger;
mod paper;
mod stand;
mod table;

use std::time::{Duration, Instant};

use anyhow::Result;

use paper::Paper;
use stand::Stand;

/// Tells it all; with `keep`, stays until Ctrl-C. An error is a step that did not happen.
pub async fn tell(keep: bool) -> Result<()> {
    let paper = Paper::new();
    let stand = crate::unless_interrupted(chapters(&paper)).await?;
    if keep { stay(&stand).await } else { Ok(()) }
}

async fn chapters(paper: &Paper) -> Result<Stand<'_>> {
    paper.title("Windlass takes builds to production on evidence, and takes bad ones back by itself.");
    let stand = Stand::set(paper).await?;
    let started = Instant::now();
    chapters::install(&stand).await?;
    chapters::shop(&stand).await?;
    canary::goes_through(&stand).await?;
    chapters::fails_its_suite(&stand).await?;
    canary::comes_back(&stand).await?;
    chapters::end(&stand, started.elapsed()).await?;
    Ok(stand)
}

/// How to look around, until Ctrl-C.
async fn stay(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("Look around");
    paper.say("The cluster stays until Ctrl-C, and the user goes on sending. In another terminal:");
    paper.lines(&[
        Stand::door(),
        format!("export KUBECONFIG={}", stand.cluster().kubeconfig_path().display()),
        format!("alias kubectl={}", stand.kubectl()?.display()),
        format!("cd {}", stand.files().display()),
    ]);
    paper.say("and then, for example:");
    let commands = [
        "kubectl get windlass                         # all objects of the shop",
        "kubectl describe release checkout-2.0.0      # its stages and events",
        "kubectl get dp checkout -o yaml              # the record, history included",
        "kubectl get httproute windlass-checkout -n shop-production -o yaml",
        "kubectl explain deliverypipeline.spec.stages",
        "kubectl create --as=joe -f revert.yaml       # production back to revision 0",
    ];
    paper.lines(&commands.map(str::to_owned));
    loop {
        tokio::select! {
            () = crate::interrupted() => {
                paper.say("Ended; nothing is left behind.");
                return Ok(());
            }
            () = tokio::time::sleep(Duration::from_secs(1)) => stand.is_alive()?,
        }
    }
}
