//! Every case of `tests/api/rules.yaml` on the real API server: what is good is accepted, what is bad is refused with
//! the message that names the field. Nothing warns.

use anyhow::{Context, Result, bail, ensure};
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::Value;

use crate::rules::{Case, Rules};
use crate::story::{Story, text};

/// Parts of the table that are tried at the same time, each in a namespace of its own.
const AT_ONCE: usize = 8;

pub async fn run(t: &Story) -> Result<()> {
    let rules = Rules::read().context("failed to read the table of rules")?;
    let shares = futures::future::try_join_all((0..AT_ONCE).map(|at| share(t, &rules, at))).await?;
    let wrong = shares.concat();
    ensure!(wrong.is_empty(), "{} of {} cases: {}", wrong.len(), rules.cases.len(), wrong.join("\n"));
    Ok(())
}

/// What is wrong with one part of the cases, tried one after the other.
async fn share(t: &Story, rules: &Rules, at: usize) -> Result<Vec<String>> {
    let ns = t.ns("rules").await?;
    let mut wrong = Vec::new();
    for case in rules.cases.iter().skip(at).step_by(AT_ONCE) {
        wrong.extend(fault(t, &ns, rules, case).await.with_context(|| case.case.clone())?);
    }
    Ok(wrong)
}

/// What is wrong with a case, if anything is.
async fn fault(t: &Story, ns: &str, rules: &Rules, case: &Case) -> Result<Option<String>> {
    let answer = answer(t, ns, rules, case).await?;
    Ok(match (&case.says, answer) {
        (None, None) => None,
        (Some(says), Some(answer)) if answer.contains(says) => None,
        (_, None) => Some(format!("{}: it was accepted", case.case)),
        (_, Some(answer)) => Some(format!("{}: the server said: {answer}", case.case)),
    })
}

/// What the server says against the case; none if it accepts it. An update is tried on an object that stands.
async fn answer(t: &Story, ns: &str, rules: &Rules, case: &Case) -> Result<Option<String>> {
    let created = rules.created(case);
    let (kind, name) = (text(&created, "/kind"), text(&created, "/metadata/name"));
    let api = t.cluster().objects().api(kind, ns).await?;
    let tried = PostParams { dry_run: true, ..PostParams::default() };
    let Some(updated) = rules.updated(case) else {
        return refusal(api.create(&tried, &object(&created)?).await);
    };
    api.create(&PostParams::default(), &object(&created)?).await.context("failed to create what is to be changed")?;
    if created.get("status").is_some() {
        replace(&api, name, &created, true, &PostParams::default()).await.context("failed to set its status")?;
    }
    let is_status = case.then.keys().any(|pointer| pointer.starts_with("/status"));
    let outcome = replace(&api, name, &updated, is_status, &tried).await;
    t.delete(kind, ns, name).await?;
    refusal(outcome)
}

/// Puts the object in the place of the one that stands, whatever its version.
async fn replace(
    api: &Api<DynamicObject>,
    name: &str,
    to: &Value,
    is_status: bool,
    how: &PostParams,
) -> kube::Result<DynamicObject> {
    let mut to: DynamicObject = serde_json::from_value(to.clone()).map_err(kube::Error::SerdeError)?;
    loop {
        to.metadata.resource_version = api.get(name).await?.metadata.resource_version;
        let answer = match is_status {
            true => api.replace_status(name, how, &to).await,
            false => api.replace(name, how, &to).await,
        };
        match answer {
            // the operator of the shared cluster writes statuses meanwhile
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            answer => return answer,
        }
    }
}

fn object(value: &Value) -> Result<DynamicObject> {
    serde_json::from_value(value.clone()).context("not a Kubernetes object")
}

/// The server's words if it refuses the content; any other failure is this story's.
fn refusal(outcome: kube::Result<DynamicObject>) -> Result<Option<String>> {
    match outcome {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if [400, 422].contains(&status.code) => Ok(Some(status.message)),
        Err(error) => bail!("failed to try it: {error}"),
    }
}
