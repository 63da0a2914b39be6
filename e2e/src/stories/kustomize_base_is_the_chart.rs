//! `config/` is what the chart renders, byte for byte with the Makefile's own flags; applied by `kubectl apply -k` with an
//! overlay as in the README, and the operator works under that ServiceAccount.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::chart;
use crate::cue::Cue;
use crate::dirs;
use crate::shop::Shop;
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let root = dirs::repository().canonicalize()?;
    let renders = renders(&root)?;
    ensure!(renders.len() == 3, "the Makefile renders three files, not {}", renders.len());
    for (line, file) in &renders {
        let made = t.cluster().shell(line, &root, &t.cluster().kubeconfig_path()).await?.ok()?;
        let kept = std::fs::read_to_string(root.join(file)).with_context(|| file.clone())?;
        ensure!(made == kept, "{file} is stale: make manifests");
    }

    let dir = t.cluster().dir().join("overlay");
    // kustomize loads no resource by an absolute path, so the repository's folder is copied in
    copy(&root.join("config"), &dir.join("windlass/config"))?;
    let apply = async |what: &str| {
        let line = format!("kubectl apply --server-side -k {what}");
        t.cluster().shell(&line, &dir, &t.cluster().kubeconfig_path()).await?.ok().context(line)
    };
    apply("windlass/config/base").await?;
    let established = "kubectl wait --for=condition=Established crd/environments.windlass.dev crd/releases.windlass.dev";
    t.cluster().shell(established, &dir, &t.cluster().kubeconfig_path()).await?.ok()?;
    let shop = Shop::open(t).await?;
    overlay(&dir, &shop)?;
    apply(".").await?;
    let deployment = t.get_json("deploy", chart::NAMESPACE, "windlass").await?;
    let image = text(&deployment, "/spec/template/spec/containers/0/image");
    ensure!(image == "registry.example/windlass-operator:0.1.0", "the overlay names the image: {image}");
    let _operator = chart::operator(t.cluster()).await?;
    chart::in_force(t.cluster()).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == image, "production does not run it");
    Ok(())
}

/// The commands of `make manifests` that render, as bash takes them, each with the file that it writes.
fn renders(root: &Path) -> Result<Vec<(String, String)>> {
    let makefile = std::fs::read_to_string(root.join("Makefile")).context("there is no Makefile")?;
    let render = makefile.lines().find_map(|line| line.strip_prefix("RENDER = ")).context("no RENDER in the Makefile")?;
    let render = render.replace("$$($(BIN)/cluster bin helm)", "helm");
    let recipe = |line: &str| {
        let (command, file) = line.trim().strip_prefix("@$(RENDER)")?.split_once(" > ")?;
        Some((format!("{render}{command}"), file.to_owned()))
    };
    Ok(makefile.lines().filter_map(recipe).collect())
}

/// The overlay of the README: the base, the image, and the right to write in each target namespace.
fn overlay(dir: &Path, shop: &Shop<'_>) -> Result<()> {
    let targets = [("staging", &shop.staging), ("production", &shop.production)];
    for (name, namespace) in targets {
        std::fs::create_dir_all(dir.join(name))?;
        let text = format!("namespace: {namespace}\nresources: [../windlass/config/target]\n");
        std::fs::write(dir.join(name).join("kustomization.yaml"), text)?;
    }
    let text = "resources: [windlass/config/base, staging, production]\nimages:\n\
                - {name: registry.invalid/windlass-operator, newName: registry.example/windlass-operator, newTag: 0.1.0}\n";
    Ok(std::fs::write(dir.join("kustomization.yaml"), text)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to)? } else { std::fs::copy(&from, &to).map(drop)? }
    }
    Ok(())
}
