//! Windlass takes a build from staging to production on evidence, and takes it back by itself when it turns out bad.
//!
//! Read it in this order; data goes one way:
//!
//! - [`api`]: the five kinds, what users write and read back;
//! - [`observe`]: watches, and the `Snapshot` of all that one pipeline's decision may look at;
//! - [`plan`]: the decision, `plan(&Snapshot, now) -> Plan`, pure;
//! - [`act`]: carries a `Plan` out, the only writer;
//! - [`measure`]: requests to new pods and queries to providers of metrics, for checks and suites;
//! - [`controller`]: the loop around them, and the leader lease;
//! - [`config`], [`metrics`], [`health`], [`telemetry`]: what every program of this sort needs.

pub mod act;
pub mod api;
pub mod config;
pub mod controller;
pub mod health;
pub mod measure;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod telemetry;
