//! `make demo`: a good release goes to production, two bad ones come back, told on the terminal. Fails unless every
//! step of it was seen to happen. `KEEP=1` stays until Ctrl-C.

use std::process::ExitCode;

use clap::Parser;
use windlass_e2e::demo;

#[derive(Parser)]
#[command(about = "Delivers a good release and takes two bad ones back, on a real control plane")]
struct Args {
    /// Stay when the telling is over, until Ctrl-C
    #[arg(long, env = "KEEP", default_value = "", hide_default_value = true, num_args = 0..=1, default_missing_value = "1")]
    keep: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    windlass_e2e::use_ring();
    let keep = !matches!(Args::parse().keep.as_str(), "" | "0" | "false" | "no");
    windlass_e2e::exit(demo::tell(keep).await.map(|()| true))
}
