//! Definitions of others' kinds, as the modules have them that the programs are built with. They are copied into the cache, so
//! that nothing asks Go's module cache or the network where there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Program;
use super::build::{self, Go};

/// A set of definitions: its folder in `$KUBERNETES_ASSETS`, and the modules' folders that they are copied from.
struct Definitions {
    name: &'static str,
    program: Program,
    from: &'static [(&'static str, &'static str)],
}

/// The Gateway API's own (standard channel).
pub async fn gateway_api() -> Result<PathBuf> {
    let from = &[("sigs.k8s.io/gateway-api", "config/crd/standard")];
    ready(Definitions { name: "gateway-api", program: Program::Traefik, from }).await
}

/// Flux's: of sources, and Kustomizations.
pub async fn flux() -> Result<PathBuf> {
    let from = &[
        ("github.com/fluxcd/source-controller", "config/crd/bases"),
        ("github.com/fluxcd/kustomize-controller", "config/crd/bases"),
    ];
    ready(Definitions { name: "flux", program: Program::KustomizeController, from }).await
}

/// The folder of their YAML files: that of their name in `$KUBERNETES_ASSETS`, else in the cache.
async fn ready(wanted: Definitions) -> Result<PathBuf> {
    let Definitions { name, program, from } = wanted;
    if let Some(assets) = super::assets() {
        let dir = Path::new(&assets).join(name);
        if !dir.is_dir() {
            let folders = from.iter().map(|(module, folder)| format!("{folder} of {module}")).collect::<Vec<_>>();
            bail!(
                "{} is not there: put the YAML files of {} into it (a version that the {} beside it knows), or unset \
                 KUBERNETES_ASSETS",
                dir.display(),
                folders.join(" and "),
                program.name()
            );
        }
        return Ok(dir);
    }
    let cache = build::cache()?;
    let dir = cache.join(format!("{name}-{}", build::digits(build::pinned(program)?)));
    if !dir.is_dir() {
        let _lock = build::lock(&cache).await?;
        if !dir.is_dir() {
            let mut folders = Vec::new();
            for (module, folder) in from {
                folders.push(download(program, module).await?.join(folder));
            }
            copy(&folders, &dir)?;
        }
    }
    Ok(dir)
}

/// Where Go keeps the module, downloaded if need be.
async fn download(program: Program, module: &str) -> Result<PathBuf> {
    let mut command = Go::find().await?.command();
    command.args(["mod", "download", "-json", module]).current_dir(build::module_dir(program));
    let output = command.output().await.context("failed to run go")?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match said.get("Dir").and_then(Value::as_str) {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => bail!("failed to download {module}: {said} {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// Copies the YAML files of these folders, and puts the new one into place when it is complete. The originals are read-only;
/// the texts are not.
fn copy(from: &[PathBuf], to: &Path) -> Result<()> {
    let partial = to.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("failed to create {}", partial.display()))?;
    for folder in from {
        for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let entry = entry.context("failed to read a folder")?;
            let text = fs::read(entry.path()).with_context(|| format!("failed to read {}", entry.path().display()))?;
            fs::write(partial.join(entry.file_name()), text).context("failed to write a definition")?;
        }
    }
    fs::rename(&partial, to).with_context(|| format!("failed to put {} into place", to.display()))
}
