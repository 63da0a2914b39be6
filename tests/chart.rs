//! The chart's copy of the CRDs is fresh, and the samples are what the types take: one file per Decision that a person
//! may make. What needs Helm or a server is told by the stories.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use windlass::api::pipeline::DeliveryPipeline;
use windlass::api::{Decision, Environment, Release};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path)).collect()
}

/// The documents of that kind in a file.
fn documents<T: DeserializeOwned>(path: &Path, kind: &str) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap();
    let of_kind = |part: &&str| part.lines().any(|line| line == format!("kind: {kind}"));
    text.split("\n---\n").filter(of_kind).map(|part| serde_saphyr::from_str(part).unwrap()).collect()
}

#[test]
fn the_charts_crds_are_those_of_the_types() {
    let (made, copied) = (files(&root().join("crds")), files(&root().join("charts/windlass/files/crds")));
    let names = |files: &BTreeMap<String, PathBuf>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&copied), "make manifests");
    for (name, path) in &made {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text == std::fs::read_to_string(&copied[name]).unwrap(), "{name} is stale: make manifests");
        assert_eq!(
            text.matches("\nmetadata:\n  name: ").count(),
            1,
            "{name}: where the chart puts helm.sh/resource-policy"
        );
    }
}

#[test]
fn there_is_a_sample_for_each_decision_that_a_person_may_make() {
    let mut types = BTreeSet::new();
    for (name, path) in files(&root().join("config/samples/decisions")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let recipe = format!("# kubectl create -f config/samples/decisions/{name}\n");
        assert!(text.contains(&recipe), "{name} says how it is created");
        let decision: Decision = documents(&path, "Decision").pop().unwrap();
        assert_eq!(decision.metadata.name, None, "{name} uses generateName");
        assert_eq!(name, format!("{:?}.yaml", decision.spec.r#type).to_lowercase());
        types.insert(format!("{:?}", decision.spec.r#type));
    }
    let all = [
        "Abort", "Adopt", "Approve", "Freeze", "Override", "Promote", "Reject", "Restore", "Retry", "Revert", "Unban",
        "Unfreeze", "Unhold", "Withdraw",
    ];
    assert_eq!(types.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn the_samples_are_read_and_fit_together() {
    let samples = root().join("config/samples");
    let releases: Vec<Release> = documents(&samples.join("release.yaml"), "Release");
    let mut environments: Vec<Environment> = documents(&samples.join("environments.yaml"), "Environment");
    environments.extend(documents(&samples.join("environments-with-rules.yaml"), "Environment"));
    for file in [
        "pipeline.yaml",
        "pipeline-with-head.yaml",
        "pipeline-with-canary.yaml",
        "pipeline-with-blue-green.yaml",
        "pipeline-with-hooks.yaml",
        "pipeline-with-gates.yaml",
    ] {
        let pipelines: Vec<DeliveryPipeline> = documents(&samples.join(file), "DeliveryPipeline");
        let [pipeline] = pipelines.as_slice() else { panic!("{file} holds one pipeline") };
        assert_eq!(pipeline.spec.release.is_some(), file == "pipeline-with-head.yaml");
        assert!(releases.iter().all(|release| Some(&release.spec.pipeline) == pipeline.metadata.name.as_ref()));
        for stage in &pipeline.spec.stages {
            let known = environments.iter().any(|e| e.metadata.name.as_ref() == Some(&stage.environment));
            assert!(known, "{file}: {}", stage.environment);
        }
    }
}
