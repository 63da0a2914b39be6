//! The arrows between the folders of `src/`, the purity of the plan, and the opening of each file. Read as text, so
//! that it holds before anything compiles.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may import what, in reading order. A folder or file of `src/` that is not here is a new stage: think, then add.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("observe", &["api", "metrics"]),
    ("plan", &["api", "observe"]),
    ("act", &["api", "plan", "metrics"]),
    ("measure", &["api", "observe", "plan", "metrics"]),
    ("controller", &["api", "observe", "plan", "act", "measure", "config", "metrics", "health", "telemetry"]),
    ("config", &["api", "observe"]),
    ("metrics", &["api"]),
    ("health", &["observe", "metrics"]),
    ("telemetry", &["config", "metrics"]),
    ("cli", &["api", "act"]),
    ("dashboard", &["api", "act"]),
];

/// What a decision may not hold: a client, a clock, chance, waiting, unordered collections.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "kube::Client",
    "kube::Api",
    "kube::api::",
    "kube::client",
    "kube::runtime",
    "kube_runtime",
    "tokio",
    "futures::",
    "std::time",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "rand::",
    "Mutex",
    "RefCell",
    "static mut",
    "println!",
    "tracing::",
];

/// What sees the world as plain data belongs to the decision.
const PURE: &[&str] = &["src/plan/", "src/observe/snapshot"];

struct Source {
    /// From the root of the package: `src/plan/mod.rs`.
    path: String,
    text: String,
    /// Without comments; strings stay.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "rs" => found.push(read(&path)),
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    Source { path: path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text, code }
}

/// `plan` for `src/plan/mod.rs`, `metrics` for `src/metrics.rs`.
fn stage(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.split(['/', '.']).next().unwrap_or(inner)
}

/// The paths below `root::` that a source names, `{…}` and nesting opened up: `api::Time`, `observe::snapshot::Pod`.
fn imports(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        open(&code[at + root.len()..], "", &mut found);
    }
    found
}

/// Reads one path or group, and returns what follows it.
fn open<'a>(rest: &'a str, prefix: &str, found: &mut BTreeSet<String>) -> &'a str {
    let mut rest = rest.trim_start();
    if let Some(mut group) = rest.strip_prefix('{') {
        loop {
            group = open(group, prefix, found).trim_start();
            match group.strip_prefix(',') {
                Some(next) => group = next,
                None => return group.strip_prefix('}').unwrap_or(group),
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let path = format!("{prefix}{word}");
    rest = after;
    if let Some(below) = rest.strip_prefix("::") {
        return open(below, &format!("{path}::"), found);
    }
    if !word.is_empty() {
        found.insert(path);
    }
    match rest.strip_prefix(" as ") {
        Some(renamed) => renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    }
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn data_goes_one_way() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| s.path != "src/lib.rs" && !s.path.starts_with("src/bin/")) {
        let own = stage(&source.path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
            faults.push(format!("{}: `{own}` is not in ARROWS of tests/architecture.rs", source.path));
            continue;
        };
        for import in imports(&source.code, "crate::") {
            let other = import.split("::").next().unwrap_or(&import);
            if other != own && !allowed.contains(&other) {
                faults.push(format!("{}: `{own}` may not import `{import}`", source.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn a_plan_sees_the_snapshot_and_nothing_else_of_observe() {
    let mut faults = Vec::new();
    for source in sources("src/plan") {
        for import in imports(&source.code, "crate::observe::") {
            let is_type = import.starts_with(char::is_uppercase); // re-exported from the snapshot
            if !is_type && import != "snapshot" && !import.starts_with("snapshot::") {
                faults.push(format!("{}: imports observe::{import}", source.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn a_decision_has_no_client_no_clock_and_no_chance() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|s| PURE.iter().any(|pure| s.path.starts_with(pure))) {
        let banned = IMPURE.iter().filter(|word| source.code.contains(**word));
        faults.extend(banned.map(|word| format!("{}: `{}`", source.path, word.trim())));
    }
    none(&faults);
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let read =
        |source: &&Source| ["Timestamp::now", "Zoned::now", "SystemTime::now"].iter().any(|c| source.code.contains(c));
    let places: Vec<_> = sources("src").iter().filter(read).map(|source| source.path.clone()).collect();
    assert!(places.len() <= 1, "now is a parameter; the clock is read in {places:?}");
}

#[test]
fn every_file_says_what_it_does() {
    let all = ["src", "e2e/src", "tests"].into_iter().flat_map(sources);
    let silent = all.filter(|source| !source.text.starts_with("//!"));
    none(&silent.map(|source| format!("{}: opens without `//!`", source.path)).collect::<Vec<_>>());
}

#[test]
fn imports_are_read_however_they_are_written() {
    let code = "use crate::{api::{Time, build::BuildHash as Hash}, plan}; use crate::act::cluster;\nlet x: crate::metrics::M; $crate::no";
    let expected = ["act::cluster", "api::Time", "api::build::BuildHash", "metrics::M", "plan"];
    assert_eq!(imports(code, "crate::").iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
