//! The result of an external suite carries the name of who wrote it.

use anyhow::Result;
use serde_json::{Value, json};

use super::desk::{Desk, has, refused};
use crate::chart::OPERATOR;

const RUN: &str = "r1.staging.unit.20261121t093000123z";
const BY: &str = "/status/reporter";

pub(super) async fn stamped(desk: &Desk<'_>) -> Result<()> {
    has(desk.creates(OPERATOR, "TestRun", RUN, run()).await?, "/spec/suite", "unit")?;
    has(desk.reports("joe", RUN, json!({"phase": "Running", "reporter": "mallory"})).await?, BY, "joe")?;
    has(desk.reports("jim", RUN, json!({"phase": "Passed"})).await?, BY, "jim")?;
    has(desk.reports(OPERATOR, RUN, json!({"observedGeneration": 1})).await?, BY, "jim")?;
    has(desk.reports("joe", RUN, json!({"message": "a flake"})).await?, BY, "joe")
}

pub(super) async fn demanded(desk: &Desk<'_>) -> Result<()> {
    has(desk.creates(OPERATOR, "TestRun", RUN, run()).await?, "/spec/suite", "unit")?;
    refused(desk.reports("joe", RUN, json!({"phase": "Passed"})).await?, "status.reporter: must be joe")?;
    let forged = json!({"phase": "Passed", "reporter": "mallory"});
    refused(desk.reports("joe", RUN, forged).await?, "status.reporter: must be joe")?;
    has(desk.reports("joe", RUN, json!({"phase": "Passed", "reporter": "joe"})).await?, BY, "joe")
}

fn run() -> Value {
    json!({"pipeline": "checkout", "release": "r1", "releaseUid": "r1-uid", "buildHash": "0".repeat(40), "template": "",
        "environment": "staging", "attempt": "20261121t093000123z", "suite": "unit", "runner": "External"})
}
