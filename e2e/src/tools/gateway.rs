//! The Gateway API's own definitions (standard channel), as the module has them that Traefik is built with. They are
//! copied into the cache, so that nothing asks Go's module cache or the network where there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Program;
use super::build::{self, Go};

const MODULE: &str = "sigs.k8s.io/gateway-api";

/// The folder of their YAML files: `gateway-api` in `$KUBERNETES_ASSETS`, else in the cache.
pub async fn manifests() -> Result<PathBuf> {
    if let Some(assets) = super::assets() {
        let dir = Path::new(&assets).join("gateway-api");
        if !dir.is_dir() {
            bail!(
                "{} is not there: put the YAML files of the Gateway API's standard channel into it (config/crd/standard of \
                 {MODULE}, a version that the traefik beside it knows), or unset KUBERNETES_ASSETS",
                dir.display()
            );
        }
        return Ok(dir);
    }
    let cache = build::cache()?;
    let dir = cache.join(format!("gateway-api-{}", build::digits(build::pinned(Program::Traefik)?)));
    if !dir.is_dir() {
        let _lock = build::lock(&cache).await?;
        if !dir.is_dir() {
            copy(&module().await?.join("config/crd/standard"), &dir)?;
        }
    }
    Ok(dir)
}

/// Where Go keeps the module, downloaded if need be.
async fn module() -> Result<PathBuf> {
    let mut command = Go::find().await?.command();
    command.args(["mod", "download", "-json", MODULE]).current_dir(build::module_dir(Program::Traefik));
    let output = command.output().await.context("failed to run go")?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match said.get("Dir").and_then(Value::as_str) {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => bail!("failed to download {MODULE}: {said} {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// Copies the files, and puts the folder into place when it is complete. The originals are read-only; the texts are not.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let partial = to.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("failed to create {}", partial.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry.context("failed to read a folder")?;
        let text = fs::read(entry.path()).with_context(|| format!("failed to read {}", entry.path().display()))?;
        fs::write(partial.join(entry.file_name()), text).context("failed to write a definition")?;
    }
    fs::rename(&partial, to).with_context(|| format!("failed to put {} into place", to.display()))
}
