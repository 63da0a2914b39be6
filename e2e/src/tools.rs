//! The programs that a test cluster consists of: built from the pinned modules in `tools/` and kept in the cache, or
//! taken ready from `$KUBERNETES_ASSETS`.

mod build;
mod manifests;
mod program;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

pub use manifests::{flux, gateway_api};
pub use program::{KUBERNETES_VERSION, Program};

/// Whether programs are taken from `$KUBERNETES_ASSETS` and not built.
pub fn are_ready_made() -> bool {
    assets().is_some()
}

fn assets() -> Option<OsString> {
    std::env::var_os("KUBERNETES_ASSETS").filter(|dir| !dir.is_empty())
}

/// Where each program lies.
#[derive(Debug, Clone)]
pub struct Tools(BTreeMap<Program, PathBuf>);

impl Tools {
    /// Everything that a cluster needs, built where it is not in the cache yet.
    pub async fn ready() -> Result<Self> {
        Self::of(&Program::CLUSTER).await
    }

    /// The same and what stories with traffic need besides, with the Gateway API.
    pub async fn ready_for_traffic() -> Result<Self> {
        gateway_api().await?;
        Self::of(&[&Program::CLUSTER[..], &Program::TRAFFIC].concat()).await
    }

    /// What stories with Flux need besides, with its definitions.
    pub async fn ready_for_flux() -> Result<Self> {
        flux().await?;
        Self::of(&Program::FLUX).await
    }

    /// The given programs alone.
    pub async fn of(programs: &[Program]) -> Result<Self> {
        match assets() {
            Some(dir) => Self::from_assets(Path::new(&dir), programs),
            None => build::all(programs).await.map(Self),
        }
    }

    /// The path of one program.
    pub fn path(&self, program: Program) -> Result<&Path> {
        let path = self.0.get(&program).ok_or_else(|| anyhow!("{} was not asked for", program.name()))?;
        Ok(path)
    }

    fn from_assets(dir: &Path, programs: &[Program]) -> Result<Self> {
        let at = |program: &Program| (*program, dir.join(program.name()));
        let missing: Vec<&str> =
            programs.iter().filter(|program| !at(program).1.is_file()).map(|program| program.name()).collect();
        if !missing.is_empty() {
            bail!(
                "KUBERNETES_ASSETS={} has no {}; put it there, or unset KUBERNETES_ASSETS to build all programs from source",
                dir.display(),
                missing.join(", ")
            );
        }
        Ok(Self(programs.iter().map(at).collect()))
    }
}
