//! The README's code, found by what it begins with, and typed in a shell.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex};

use anyhow::{Context, Result, ensure};

use crate::locked::lock;
use crate::dirs;
use crate::shop::Shop;
use crate::story::{Story, text};

pub(super) struct Recipes<'a> {
    t: &'a Story,
    shop: &'a Shop<'a>,
    dir: PathBuf,
    kubeconfig: PathBuf,
    /// The shell function `decide`.
    function: String,
    /// Every `decide '…'` of the table.
    decisions: Vec<String>,
    typed: Mutex<BTreeSet<String>>,
    /// CI's lines for an external suite.
    pub reporting: String,
    /// The same as one request.
    request: String,
    /// What one looks at after `kubectl apply`.
    pub looking: Vec<String>,
    /// How bans are listed.
    pub bans: String,
}

impl<'a> Recipes<'a> {
    pub(super) async fn read(t: &'a Story, shop: &'a Shop<'a>) -> Result<Self> {
        let readme = std::fs::read_to_string(dirs::repository().join("README.md")).context("there is no README")?;
        let block = |with: &str| -> Result<String> {
            let found = readme.split("```").skip(1).step_by(2).find(|block| block.contains(with));
            let block = found.with_context(|| format!("the README has no code with {with:?}"))?;
            Ok(block.split_once('\n').map(|(_, code)| code.to_owned()).unwrap_or_default())
        };
        let rows = readme.lines().filter_map(|line| line.split_once("| `decide ")?.1.rsplit_once("` |"));
        let lines = block("$ kubectl apply -f release.yaml")?;
        let looking = lines.lines().filter_map(|line| line.strip_prefix("$ ")).map(|line| line.replace("--timeout=1h", "--timeout=20s"));
        let bans = readme.split('`').find(|code| code.starts_with("kubectl get decisions --field-selector"));
        let bans = bans.context("the README does not tell how bans are listed")?;
        let dir = t.cluster().dir().join(&shop.home);
        std::fs::create_dir_all(&dir)?;
        let kubeconfig = dir.join("kubeconfig");
        std::fs::copy(t.cluster().kubeconfig_path(), &kubeconfig)?;
        let recipes = Self {
            function: block("decide() {")?,
            decisions: rows.map(|(row, _)| format!("decide {row}")).collect(),
            typed: Mutex::default(),
            reporting: block("kubectl wait -n shop --for=create testrun")?,
            request: block("curl --fail-with-body")?,
            looking: looking.collect(),
            bans: bans.to_owned(),
            t,
            shop,
            dir,
            kubeconfig,
        };
        ensure!(recipes.decisions.len() >= 10 && recipes.looking.len() >= 4, "too few recipes: {:?}", recipes.decisions);
        recipes.type_(&format!("kubectl config set-context --current --namespace={}", shop.home)).await?;
        Ok(recipes)
    }

    /// Types a line; what it says if it succeeds.
    pub(super) async fn type_(&self, line: &str) -> Result<String> {
        let line = line.replace("-n shop ", &format!("-n {} ", self.shop.home));
        self.t.cluster().shell(&line, &self.dir, &self.kubeconfig).await?.ok().context(line)
    }

    pub(super) fn file(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.dir.join(name), text).with_context(|| format!("failed to write {name}"))
    }

    /// Types the recipe of that type that contains `with`, and waits until the Decision is applied.
    pub(super) async fn decide(&self, r#type: &str, with: &str) -> Result<()> {
        let name = self.create(r#type, with).await?;
        let reason = self.shop.decided(&name, "Applied").await.with_context(|| format!("{type} {with}"))?;
        ensure!(!reason.is_empty(), "{type} does not say what it did");
        Ok(())
    }

    /// The same without waiting: it stands until it can act.
    pub(super) async fn decide_soon(&self, r#type: &str, with: &str) -> Result<()> {
        self.create(r#type, with).await.map(drop)
    }

    async fn create(&self, r#type: &str, with: &str) -> Result<String> {
        let is_it = |line: &&String| line.contains(&format!("type: {type},")) && line.contains(with);
        let line = self.decisions.iter().find(is_it).with_context(|| format!("the README has no {type} {with}"))?;
        lock(&self.typed).insert(line.clone());
        let said = self.type_(&format!("{}\n{line}", self.function)).await?;
        let name = said.strip_prefix("decision.windlass.dev/").and_then(|rest| rest.split_once(" created"));
        Ok(name.with_context(|| format!("kubectl says {said:?}"))?.0.to_owned())
    }

    /// Recipes of the table that this story did not type.
    pub(super) fn not_typed(&self) -> Vec<String> {
        let typed = lock(&self.typed);
        self.decisions.iter().filter(|line| !typed.contains(*line)).cloned().collect()
    }

    /// The request of the curl line, sent without curl, which need not be there.
    pub(super) async fn patch_as_curl_would(&self, run: &str) -> Result<()> {
        let words: Vec<&str> = self.request.split_whitespace().collect();
        let path = words.iter().find_map(|word| word.strip_prefix("\"$SERVER")?.strip_suffix('"')).context("no URL")?;
        let path = path.replace("/shop/", &format!("/{}/", self.shop.home)).replace("$NAME", run);
        let body = self.request.split_once("-d '").and_then(|(_, rest)| rest.split_once('\'')).context("no body")?.0;
        ensure!(self.request.contains("-X PATCH") && self.request.contains("application/merge-patch+json"), "not a merge patch");
        let request = http::Request::patch(path).header("Content-Type", "application/merge-patch+json");
        let answer: serde_json::Value = self.t.client().request(request.body(body.as_bytes().to_vec())?).await?;
        ensure!(text(&answer, "/status/phase") == "Failed", "the server says {answer}");
        Ok(())
    }
}
