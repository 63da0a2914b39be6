//! Builds a program with Go into the cache, once: keyed by its module files, Go's version and the flags, under a lock,
//! renamed into place when complete.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::Program;
use crate::process::Process;

/// How often a running build says that it is alive.
const PROGRESS: Duration = Duration::from_secs(10);

/// Builds what the cache lacks.
pub(super) async fn all(programs: &[Program]) -> Result<BTreeMap<Program, PathBuf>> {
    let cache = cache()?;
    let go = Go::find().await?;
    let mut built = BTreeMap::new();
    for program in programs {
        built.insert(*program, one(*program, &go, &cache).await?);
    }
    Ok(built)
}

/// Where programs and manifests are kept.
pub(super) fn cache() -> Result<PathBuf> {
    let cache = crate::dirs::cache()?.join("tools");
    fs::create_dir_all(&cache).with_context(|| format!("failed to create {}", cache.display()))?;
    Ok(cache)
}

async fn one(program: Program, go: &Go, cache: &Path) -> Result<PathBuf> {
    let dir = cache.join(format!("{}-{}", program.name(), key(program, go)?));
    let path = dir.join(program.name());
    if path.is_file() {
        return Ok(path);
    }
    let _lock = lock(cache).await?;
    if !path.is_file() {
        fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        let partial = dir.join(format!("{}.partial", program.name()));
        compile(program, go, &partial, &dir.join("build.log")).await?;
        fs::rename(&partial, &path).with_context(|| format!("failed to put {} into place", path.display()))?;
    }
    Ok(path)
}

/// What went in, as sixteen hex digits.
fn key(program: Program, go: &Go) -> Result<String> {
    let mut hash = pinned(program)?;
    hash.update(&go.version);
    hash.update(program.package());
    for flag in program.flags() {
        hash.update(flag);
    }
    Ok(digits(hash))
}

/// What its module files say.
pub(super) fn pinned(program: Program) -> Result<Sha256> {
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let path = module_dir(program).join(file);
        hash.update(fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?);
    }
    Ok(hash)
}

pub(super) fn digits(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn module_dir(program: Program) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(program.family())
}

/// Waits for other processes that build into the same cache.
pub(super) async fn lock(cache: &Path) -> Result<File> {
    let path = cache.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("failed to open {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another process that is building the test cluster");
    }
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await?;
    locked.with_context(|| format!("failed to lock {}", path.display()))
}

async fn compile(program: Program, go: &Go, out: &Path, log: &Path) -> Result<()> {
    let name = program.name();
    let _ = fs::remove_file(log);
    let mut command = go.command();
    command.arg("build").arg("-C").arg(module_dir(program)).args(program.flags());
    command.arg("-o").arg(out).arg(program.package());
    let started = Instant::now();
    eprintln!("building {name} from source (once; it stays in the cache)");
    let process = Process::spawn(&format!("go build {name}"), command, log)?;
    let status = loop {
        match tokio::time::timeout(PROGRESS, process.wait()).await {
            Ok(status) => break status?,
            Err(_) => eprintln!("building {name} ... {} s", started.elapsed().as_secs()),
        }
    };
    if !status.success() {
        bail!("failed to build {name} ({status}); the end of {}:\n{}", log.display(), process.tail(20));
    }
    eprintln!("built {name} in {} s", started.elapsed().as_secs());
    Ok(())
}

/// The Go toolchain: its version and platform as one text.
pub(super) struct Go {
    version: String,
    experiment: Option<&'static str>,
}

impl Go {
    pub(super) async fn find() -> Result<Self> {
        let mut command = Command::new("go");
        command.args(["env", "GOVERSION", "GOOS", "GOARCH"]);
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join("kube"));
        let output = match command.output().await {
            Ok(output) => output,
            Err(_) => bail!(
                "the test cluster is built with Go, and there is no `go` on PATH: install Go 1.26 (https://go.dev/dl), \
                 or set KUBERNETES_ASSETS to a directory that has {}",
                Program::CLUSTER.map(Program::name).join(", ")
            ),
        };
        if !output.status.success() {
            bail!("`go env` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let version = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        // Go 1.27's new JSON package builds a kube-apiserver with a corrupt /openapi/v2.
        let experiment = version.starts_with("go1.27").then_some("nojsonv2");
        Ok(Self { version, experiment })
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("go");
        // The user's own GOFLAGS or workspace must not decide what is built.
        command.env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOWORK", "off");
        if let Some(experiment) = self.experiment {
            command.env("GOEXPERIMENT", OsStr::new(experiment));
        }
        command
    }
}
