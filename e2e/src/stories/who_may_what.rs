//! The table of `docs/permissions.md`, every row with every role of the chart, by the API server's own word: each attempt is a
//! dry run under the name of someone who has that role and no other.

mod ways;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::chart::{self, OPERATOR};
use crate::objects::Objects;
use crate::rules::Rules;
use crate::shop::SOON;
use crate::story::Story;
use ways::Way;

/// Objects that the server takes, by the name that `tests/api/rules.yaml` gives them.
type Good = std::collections::BTreeMap<String, Value>;

/// The table: its roles, and its rows with the place of each in the text.
struct Table<'a> {
    roles: Vec<&'a str>,
    rows: Vec<(&'a str, Vec<&'a str>)>,
}

pub async fn run(t: &Story) -> Result<()> {
    let text = include_str!("../../../docs/permissions.md");
    let table = read(text)?;
    ensure!(table.rows.len() > 30 && table.roles.len() == 9, "the table was not found in docs/permissions.md");
    for (way, kind) in WAYS.iter().flat_map(|way| KINDS.map(|kind| (way, kind))) {
        let row = format!("{way} {kind}");
        ensure!(table.rows.iter().any(|(found, _)| found.starts_with(&row)), "the table has no row {row}");
    }
    chart::helm(t.cluster(), "install", &["admission.user=auto"]).await?;
    chart::in_force(t.cluster()).await?;
    let home = t.ns("shop").await?;
    let objects = Rules::read()?.good;
    let every = rule(&["*"], &["*"], &[]);
    t.apply(&cluster_role("windlass-everything", &[every]).to_string()).await?;
    for role in &table.roles {
        t.apply(&chart::bound(&home, role, &user(role)).to_string()).await?;
    }
    for (name, kind) in [("pipeline", "dp"), ("release", "release"), ("environment", "environment"), ("run", "testrun"), ("promote", "decision")] {
        prepare(t, &home, kind, objects.get(name).context("an object of the table")?).await?;
    }
    for (name, field, value) in [(ways::JOB_RUN, "runner", "Job"), (ways::BUILD_RUN, "environment", "build")] {
        let mut run = objects.get("run").context("a TestRun")?.clone();
        run["metadata"]["name"] = json!(name);
        run["spec"][field] = json!(value);
        prepare(t, &home, "testrun", &run).await?;
    }

    // the server takes a moment to put policies and bindings in force; what it says after that it says for good
    t.eventually(SOON, "the server to answer as docs/permissions.md says", || async {
        let wrong = walk(t, &home, &table, &objects).await?;
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(Some(()))
    })
    .await?;
    by_name(t, &home, &objects).await?;
    ten_pins(t, &home, &objects).await
}

/// As many pins as there may be, set and lifted at once: one right for each is asked for.
async fn ten_pins(t: &Story, home: &str, objects: &Good) -> Result<()> {
    let names: Vec<String> = (0..10).map(|n| format!("stage-{n}")).collect();
    let mut pipeline = objects.get("pipeline").context("a pipeline")?.clone();
    pipeline["metadata"] = json!({"name": "pinned", "namespace": home});
    pipeline["spec"]["stages"] = names.iter().map(|name| json!({"environment": name})).collect();
    let pin = |name| json!({"environment": name, "release": "checkout-1.7.0", "reason": "the fair"});
    pipeline["spec"]["pins"] = names.iter().map(pin).collect();
    let as_role = async |role: &str| -> Result<_> {
        Ok(t.cluster().objects().through(t.cluster().client_for_user(&user(role), None).await?))
    };
    let said = as_role("edit").await?.create(&pipeline).await.map_err(|error| format!("{error:#}"));
    let told = "needs the verb revert on environments/stage-0";
    ensure!(said.as_ref().is_err_and(|said| said.contains(told)), "ten pins without the verb: {said:?}");
    let everything = as_role("everything").await?;
    everything.create(&pipeline).await.context("ten pins with the verb")?;
    everything.merge("dp", home, "pinned", &json!({"spec": {"pins": null}}), false).await.context("none again")?;
    Ok(())
}

/// Where the server and the table differ.
async fn walk(t: &Story, home: &str, table: &Table<'_>, objects: &Good) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (at, role) in table.roles.iter().enumerate() {
        let client = t.cluster().client_for_user(&user(role), None).await?;
        let theirs = t.cluster().objects().through(client);
        for (row, cells) in &table.rows {
            let expected = *cells.get(at).with_context(|| format!("{row}: no column for {role}"))?;
            let found = if tried(t, &theirs, home, objects, &Way::of(row)?).await?.is_ok() { "yes" } else { "no" };
            if found != expected {
                wrong.push(format!("{role}: {row}: the table says {expected}, the server {found}"));
            }
        }
    }
    Ok(wrong)
}

fn read(text: &str) -> Result<Table<'_>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| Way in")).take_while(|line| line.starts_with('|'));
    let head = cells(lines.next().context("a table of ways in")?);
    let roles = head.into_iter().skip(1).map(|cell| cell.trim_matches('`')).collect();
    let row = |line| {
        let mut cells = cells(line).into_iter();
        (cells.next().unwrap_or_default(), cells.collect())
    };
    Ok(Table { roles, rows: lines.skip(1).map(row).collect() })
}

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn user(role: &str) -> String {
    format!("holder-of-{role}")
}

/// Creates it as the operator leaves it: with a finalizer of its own.
async fn prepare(t: &Story, home: &str, kind: &str, object: &Value) -> Result<()> {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(home);
    object["metadata"]["finalizers"] = json!(["windlass.dev/rollout"]);
    let operator = t.cluster().client_for_user(OPERATOR, Some("system:masters")).await?;
    let made = t.cluster().objects().through(operator).create(&object).await;
    made.with_context(|| format!("failed to create the {kind} that the table is tried on"))?;
    Ok(())
}

/// Whether the server lets it through. What it says to that must be a matter of rights.
async fn tried(
    t: &Story,
    theirs: &Objects,
    home: &str,
    objects: &Good,
    way: &Way<'_>,
) -> Result<Result<(), String>> {
    match way.attempt(theirs, t.cluster().objects(), home, objects).await? {
        Ok(()) => Ok(Ok(())),
        Err(status) if status.code == 403 => Ok(Err(status.message)),
        Err(status) => bail!("{way:?}: the server answers {}: {}", status.code, status.message),
    }
}

const KINDS: [&str; 5] = ["DeliveryPipeline", "Release", "Environment", "TestRun", "Decision"];

/// Ways in that the table has for every kind.
const WAYS: [&str; 11] = [
    "read", "create", "apply", "update", "patch", "status", "put-status", "apply-status", "delete", "collect", "impersonate",
];

/// Each verb, on the object that it is about and on another; and a way in that needs it.
const VERBS: [(&str, &str, &str, &str, &str); 12] = [
    ("promote", "environments", "production", "staging", "create Decision Promote"),
    ("promote", "environments", "production", "staging", "apply Decision Promote"),
    ("approve", "environments", "production", "staging", "create Decision Approve"),
    ("override", "environments", "production", "staging", "create Decision Override"),
    ("freeze", "environments", "production", "staging", "create Decision Freeze"),
    ("revert", "environments", "production", "staging", "create Decision Revert"),
    ("withdraw", "deliverypipelines", "checkout", "cart", "create Decision Withdraw"),
    ("report", "environments", "staging", "production", "status TestRun External"),
    ("report", "deliverypipelines", "checkout", "cart", "status TestRun Build"),
    ("revert", "environments", "production", "staging", "pin DeliveryPipeline"),
    ("deliver", "deliverypipelines", "checkout", "cart", "create Release"),
    ("deliver", "deliverypipelines", "checkout", "cart", "head DeliveryPipeline"),
];

/// A verb for one object by name is good for that one alone, with every other right given.
async fn by_name(t: &Story, home: &str, objects: &Good) -> Result<()> {
    let usual = rule(&["*"], &["get", "create", "update", "patch"], &[]);
    for (at, (verb, resource, right, wrong, row)) in VERBS.into_iter().enumerate() {
        for name in [right, wrong] {
            let role = format!("{verb}-{name}-{at}");
            let rules = [usual.clone(), rule(&[resource], &[verb], &[name])];
            t.apply(&cluster_role(&format!("windlass-{role}"), &rules).to_string()).await?;
            t.apply(&chart::bound(home, &role, &user(&role)).to_string()).await?;
            let theirs = t.cluster().objects().through(t.cluster().client_for_user(&user(&role), None).await?);
            let told = format!("needs the verb {verb} on {resource}/{right}, and {} has not got it", user(&role));
            let what = format!("{row} to be answered by {verb} on {name}");
            t.eventually(SOON, &what, || async {
                match tried(t, &theirs, home, objects, &Way::of(row)?).await? {
                    Ok(()) => ensure!(name == right, "it is let through"),
                    Err(said) => ensure!(name == wrong && said.contains(&told), "the server says {said:?}"),
                }
                Ok(Some(()))
            })
            .await?;
        }
    }
    Ok(())
}

fn rule(resources: &[&str], verbs: &[&str], names: &[&str]) -> Value {
    json!({"apiGroups": ["windlass.dev"], "resources": resources, "verbs": verbs, "resourceNames": names})
}

fn cluster_role(name: &str, rules: &[Value]) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}
