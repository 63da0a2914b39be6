//! Where the harness keeps things: a cache that outlives it (built programs), and one run directory per process
//! that does not. The watchdog removes the run directory when this process ends, however it ends.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow};

/// The cache of built programs: `$WINDLASS_CACHE`, else `$XDG_CACHE_HOME/windlass`, else `~/.cache/windlass`.
pub fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dir = set("WINDLASS_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("windlass")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("windlass")))
        .ok_or_else(|| anyhow!("no place for built programs: set WINDLASS_CACHE or HOME"))?;
    std::fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
    dir.canonicalize().with_context(|| format!("failed to resolve {}", dir.display()))
}

/// The repository that this crate was built in.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where a failed story leaves its evidence: `target/e2e/NAME`.
pub fn evidence(story: &str) -> PathBuf {
    repository().join("target").join("e2e").join(story)
}

/// The path of this process's run directory; the watchdog creates and removes it. The time is in its name because
/// containers that share a temporary directory may share pids as well.
pub(crate) fn run_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let nanos = jiff::Timestamp::now().subsec_nanosecond();
        std::env::temp_dir().join(format!("windlass-e2e-{}-{nanos:x}", std::process::id()))
    })
}

/// A directory under the run directory, removed on drop.
#[derive(Debug)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Makes a new directory whose name starts with `prefix`.
    pub fn create(prefix: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        crate::watchdog::ensure_running()?;
        let path = run_root().join(format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&path).with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // A killed etcd may still finish a write; what stays behind the watchdog removes.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
