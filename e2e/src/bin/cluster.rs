//! The test cluster by hand: `up` runs one in the foreground, `tools` builds its programs, `bin NAME` tells where one is.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::{Parser, Subcommand};
use windlass_e2e::cluster::{Cluster, Options};
use windlass_e2e::tools::{Program, Tools, are_ready_made};

#[derive(Parser)]
#[command(about = "A real Kubernetes control plane on loopback")]
struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Start a cluster, print its kubeconfig's path, and stay until Ctrl-C
    Up,
    /// Build the programs that the cache lacks
    Tools,
    /// Print the path of one program (kubectl, helm, etcd, ...)
    Bin { name: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    windlass_e2e::use_ring();
    let act = Args::parse().act;
    let act = async {
        match act {
            Act::Up => up().await,
            Act::Tools => tools().await,
            Act::Bin { name } => bin(&name).await,
        }
    };
    windlass_e2e::exit(act.await.map(|()| true))
}

/// Who brings programs of their own may do without traffic, and without Flux.
async fn tools() -> Result<()> {
    Tools::ready().await?;
    for (what, outcome) in [("traffic", Tools::ready_for_traffic().await), ("Flux", Tools::ready_for_flux().await)] {
        match outcome {
            Err(error) if are_ready_made() => eprintln!("no stories with {what}: {error:#}"),
            outcome => drop(outcome?),
        }
    }
    Ok(())
}

async fn bin(name: &str) -> Result<()> {
    let program = Program::named(name).ok_or_else(|| anyhow!("there is no program {name}"))?;
    println!("{}", Tools::of(&[program]).await?.path(program)?.display());
    Ok(())
}

async fn up() -> Result<()> {
    let started = Instant::now();
    let cluster = tokio::select! {
        cluster = Cluster::start(Options::default()) => cluster?,
        () = windlass_e2e::interrupted() => return Ok(()),
    };
    eprintln!("ready in {:.1} s; Ctrl-C ends it", started.elapsed().as_secs_f32());
    println!("{}", cluster.kubeconfig_path().display());
    loop {
        tokio::select! {
            () = windlass_e2e::interrupted() => return cluster.stop().await,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        if let Some(dead) = cluster.casualties() {
            bail!("the cluster broke: {dead}");
        }
    }
}
