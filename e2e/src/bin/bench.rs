//! `make bench`: how soon a change is told and how fast exposure falls, on the played cluster.
//! Prints one line per run and the percentiles at the end.

use std::process::ExitCode;

use clap::Parser;
use windlass_e2e::{bench, inside};

#[derive(Parser)]
#[command(
    about = "Measures the time from a change to the words about it, and from a failing pod of a canary to its exposure being 0"
)]
struct Args {
    /// Canaries that fail, of each kind
    #[arg(long, env = "RUNS", default_value_t = 100)]
    runs: u32,
    /// Measure here, in the network namespace that the bench made
    #[arg(long, hide = true)]
    inside: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    windlass_e2e::use_ring();
    let args = Args::parse();
    if !args.inside {
        return windlass_e2e::exit(inside::again("--inside").await);
    }
    let outcome = windlass_e2e::unless_interrupted(bench::all(args.runs)).await;
    windlass_e2e::exit(outcome.map(|()| true))
}
