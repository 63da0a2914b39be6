//! The local test cluster, the stories on a real API server, and the demo. In reading order:
//! what a cluster consists of, how it runs, how its pods behave, and the stories told on it.

#![allow(clippy::indexing_slicing, reason = "an index into JSON gives null where there is nothing; it does not panic")]

pub mod dirs;
mod locked;
pub mod tools;

pub mod process;
mod watchdog;

pub mod cluster;
mod crds;
pub mod held;
pub mod kubeconfig;
mod loopback;
pub mod objects;
pub mod pki;
mod ports;
pub mod proxy;

pub mod cue;
pub mod kstatus;
mod kwok;
pub mod metrics;
pub mod rules;

pub mod bench;
pub mod chart;
pub mod operator;
pub mod settings;

pub mod shop;
pub mod traffic;

pub mod runner;
pub mod stories;
pub mod story;

mod flux;

pub mod demo;
pub mod inside;

use std::process::ExitCode;

/// The TLS provider that every program here uses; call it first in `main`. A second call changes nothing.
pub fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Ends when someone asks this process to: Ctrl-C, or SIGTERM as CI sends it.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// What it comes to; an error if someone asks for an end before. Dropping what is going on ends every process of it.
pub async fn unless_interrupted<T>(act: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        outcome = act => outcome,
        () = interrupted() => Err(anyhow::anyhow!("interrupted; what was started is ended")),
    }
}

/// The exit code of a program: 0 if it went well, 1 if not, with one line for an error.
pub fn exit(outcome: anyhow::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
