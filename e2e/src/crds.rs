//! The repository's own custom resource definitions, as `crds/*.yaml` has them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::dirs;
use crate::objects::Objects;

/// Applies them all and waits until each is established; a repository without any is fine.
pub async fn apply_all(objects: &Objects) -> Result<()> {
    apply_from(objects, &dirs::repository().join("crds")).await
}

/// The same with those of any folder.
pub async fn apply_from(objects: &Objects, dir: &Path) -> Result<()> {
    let mut names = Vec::new();
    for text in read_all(dir)? {
        for applied in objects.apply(&text, None).await.context("failed to apply a CRD")? {
            names.extend(applied.pointer("/metadata/name").and_then(|name| name.as_str()).map(str::to_owned));
        }
    }
    for name in &names {
        established(objects, name).await?;
    }
    if !names.is_empty() {
        objects.rediscover().await?;
    }
    Ok(())
}

/// The text of every file, in order of its name.
fn read_all(dir: &Path) -> Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
    };
    paths.iter().map(read).collect()
}

async fn established(objects: &Objects, name: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let definition = objects.get("customresourcedefinition", "", name).await?;
        let conditions = definition.pointer("/status/conditions").and_then(|list| list.as_array());
        let holds = |kind: &str| {
            let mut all = conditions.into_iter().flatten();
            all.any(|condition| {
                condition.get("type").is_some_and(|t| t == kind) && condition.get("status").is_some_and(|s| s == "True")
            })
        };
        if holds("Established") {
            return Ok(());
        }
        if started.elapsed() > Duration::from_secs(20) {
            bail!("the CRD {name} is not established after 20 s; its status: {:?}", definition.get("status"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
