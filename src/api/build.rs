//! What a build is: images by digest under their names, and the hash that identifies them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Hash of the sorted (image name, digest) pairs, 40 hex digits: evidence and bans are bound to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct BuildHash(#[schemars(length(max = 40), regex(pattern = r"^[0-9a-f]{40}$"))] pub String);

impl BuildHash {
    /// Hash of (name, digest) pairs in any order. A tag stands in for a digest as it is written.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut lines: Vec<String> = pairs.into_iter().map(|(name, digest)| format!("{name}={digest}\n")).collect();
        lines.sort();
        Self(hex(&lines.concat(), 40))
    }

    /// The first twelve digits, for people and for the history.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for BuildHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first `digits` hex digits of the text's SHA-256.
pub fn hex(text: &str, digits: usize) -> String {
    let halves = Sha256::digest(text.as_bytes()).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.take(digits).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// The images of one build, as the pipeline's status remembers them after the Release is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildRow {
    /// Hash of the build.
    pub hash: BuildHash,
    /// Of a release: digests under the pipeline's image names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub images: Vec<ImageDigest>,
    /// Of revision 0 or of images that a person set: each container's image as it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub found: Vec<FoundImage>,
}

/// The data that a build works on, by the version of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.minReadable <= self.version", "schema.minReadable: must not be above schema.version"))]
pub struct DataSchema {
    /// The version that this build brings about and works with.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub version: u32,
    /// The lowest version that a build must work with to read what this one leaves. Going back to one below it is refused.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min_readable: u32,
}

/// One image of a build.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct ImageDigest {
    /// The image's name in the pipeline.
    #[schemars(length(max = 40))]
    pub name: String,
    /// `sha256:…`, or `:tag` where the environment's policy allows tags.
    #[schemars(length(max = 140))]
    pub digest: String,
}

/// One container's image as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct FoundImage {
    /// Kind and name of the workload: `Deployment/checkout`.
    #[schemars(length(max = 120))]
    pub workload: String,
    /// Name of the container.
    #[schemars(length(max = 63))]
    pub container: String,
    /// The image as it stands in the workload.
    #[schemars(length(max = 512))]
    pub image: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_names_and_digests_not_on_order() {
        let a = BuildHash::of([("api", "sha256:1"), ("web", "sha256:2")]);
        assert_eq!(a, BuildHash::of([("web", "sha256:2"), ("api", "sha256:1")]));
        assert_ne!(a, BuildHash::of([("api", "sha256:2"), ("web", "sha256:1")]));
        assert_eq!(a.0.len(), 40);
    }
}
