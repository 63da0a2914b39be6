//! `make demo`: a good release goes to production, two bad ones come back, told on the terminal with what a user's requests
//! find. Fails unless every step of it was seen to happen. `KEEP=1` stays until Ctrl-C.

use std::process::ExitCode;

use clap::Parser;
use windlass_e2e::{demo, inside};

#[derive(Parser)]
#[command(about = "Delivers a good release and takes two bad ones back, on a real control plane")]
struct Args {
    /// Stay when the telling is over, until Ctrl-C
    #[arg(long, env = "KEEP", default_value = "", hide_default_value = true, num_args = 0..=1, default_missing_value = "1")]
    keep: String,
    /// Tell it here, in the network namespace that the demo made
    #[arg(long, hide = true)]
    inside: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    windlass_e2e::use_ring();
    let args = Args::parse();
    let keep = !matches!(args.keep.as_str(), "" | "0" | "false" | "no");
    windlass_e2e::exit(if args.inside {
        demo::tell(keep).await.map(|()| true)
    } else {
        inside::again("--inside").await
    })
}
