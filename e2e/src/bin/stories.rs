//! Tells the stories on a real API server. `STORY=name,…` chooses; the last line is `N passed, N failed`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use windlass_e2e::cluster::{Cluster, Options};
use windlass_e2e::{runner, stories};

#[derive(Parser)]
#[command(about = "Tells the stories on a real API server")]
struct Args {
    /// Only stories whose names contain one of these, separated by commas
    #[arg(env = "STORY", default_value = "")]
    story: String,
    /// Only list them, each with its claim
    #[arg(long)]
    list: bool,
    /// Start a cluster, print what belongs to it, and wait: for the story that kills its harness
    #[arg(long, hide = true)]
    hold_a_cluster: bool,
    /// The same in a network namespace
    #[arg(long, hide = true)]
    hold_apart: bool,
    /// Tell stories with traffic here, in the network namespace that the harness made, and say each outcome as JSON
    #[arg(long, hide = true)]
    inside: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    windlass_e2e::use_ring();
    let args = Args::parse();
    let act = async {
        if args.hold_a_cluster {
            return hold().await;
        }
        if args.hold_apart {
            return runner::hold_apart().await;
        }
        let entries = runner::chosen(&args.story);
        if args.list {
            entries.iter().for_each(|entry| println!("{:40} {}", entry.name, entry.claim));
            return Ok(true);
        }
        if entries.is_empty() {
            let known: Vec<&str> = stories::all().iter().map(|entry| entry.name).collect();
            eprintln!("no story is named like {:?}; there are: {}", args.story, known.join(" "));
        }
        Ok(if args.inside { runner::tell_inside(&entries).await } else { runner::tell(&entries).await })
    };
    windlass_e2e::exit(windlass_e2e::unless_interrupted(act).await)
}

async fn hold() -> Result<bool> {
    let cluster = Cluster::start(Options { crds: false, ..Options::default() }).await?;
    for (name, pid) in cluster.programs() {
        println!("{pid} {name}");
    }
    println!("dir {}", cluster.dir().parent().context("a cluster's directory has a parent")?.display());
    println!("holding");
    std::future::pending::<()>().await;
    bail!("nothing ends this but a signal")
}
