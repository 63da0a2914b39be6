//! Builds and image references: what a release's images resolve to, and which image a container is to run.

use crate::api::build::{BuildHash, BuildRow, ImageDigest};
use crate::api::pipeline::{ContainerRef, DeliveryPipelineSpec, ImageSource};
use crate::api::release::ImageRef;

/// An image reference taken apart: `repository[:tag][@sha256:…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

/// Takes a reference apart. A colon counts as a tag's only behind the last slash: `host:5000/path` has none.
pub fn parse(reference: &str) -> Reference<'_> {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(path..).and_then(|last| last.find(':')) {
        Some(colon) => Reference {
            repository: name.get(..path + colon).unwrap_or(name),
            tag: name.get(path + colon + 1..),
            digest,
        },
        None => Reference { repository: name, tag: None, digest },
    }
}

/// Whether two references name the same image: by digest where both have one, else to the letter.
pub fn is_same_image(a: &str, b: &str) -> bool {
    match (a.split_once('@'), b.split_once('@')) {
        (Some((_, a)), Some((_, b))) => a == b,
        _ => a == b,
    }
}

/// Whether the image is a placeholder, never meant to run: its registry lies under `.invalid`.
fn is_placeholder(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or(image);
    let host = host.split(':').next().unwrap_or(host);
    host == "invalid" || host.ends_with(".invalid")
}

/// Whether an image of the build, as it was found, is a placeholder.
pub fn has_placeholder(row: &BuildRow) -> bool {
    row.found.iter().any(|found| is_placeholder(&found.image))
}

/// The digest; where there is none, the tag as it is written.
fn identity(parsed: &Reference<'_>) -> Option<String> {
    parsed.digest.map(str::to_owned).or_else(|| parsed.tag.map(|tag| format!(":{tag}")))
}

/// Hash of the build that these references make, whatever the pipeline asks for.
pub fn hash(refs: &[ImageRef]) -> BuildHash {
    let digests: Vec<String> = refs.iter().map(|r| identity(&parse(&r.r#ref)).unwrap_or_default()).collect();
    BuildHash::of(refs.iter().map(|r| r.name.as_str()).zip(digests.iter().map(String::as_str)))
}

/// The build that these references make, or what is wrong with them, naming the field.
pub fn resolve(sources: &[ImageSource], refs: &[ImageRef], field: &str) -> Result<BuildRow, String> {
    if let Some(stranger) = refs.iter().find(|r| !sources.iter().any(|s| s.name == r.name)) {
        return Err(format!("{field}: {} is not an entry of the pipeline's spec.images", stranger.name));
    }
    let mut images = Vec::with_capacity(sources.len());
    for source in sources {
        let Some(image) = refs.iter().find(|r| r.name == source.name) else {
            return Err(format!("{field}: has no image for {}, an entry of the pipeline's spec.images", source.name));
        };
        let parsed = parse(&image.r#ref);
        if parsed.repository != source.repository {
            return Err(format!(
                "{field}: {} is from {}, the pipeline takes it from {}",
                image.name, parsed.repository, source.repository
            ));
        }
        let Some(digest) = identity(&parsed) else {
            return Err(format!("{field}: {} has neither digest nor tag", image.name));
        };
        images.push(ImageDigest { name: source.name.clone(), digest });
    }
    let hash = BuildHash::of(images.iter().map(|i| (i.name.as_str(), i.digest.as_str())));
    Ok(BuildRow { hash, images, found: Vec::new() })
}

/// Whether a build has an image by tag only.
pub fn has_tags(row: &BuildRow) -> bool {
    row.images.iter().any(|i| i.digest.starts_with(':'))
}

/// The image that a container is to run in this build; none if the build says nothing of it.
pub fn image_of(
    spec: &DeliveryPipelineSpec,
    row: &BuildRow,
    workload: &str,
    container: &ContainerRef,
) -> Option<String> {
    if let Some(found) = row.found.iter().find(|f| f.workload == workload && f.container == container.name) {
        return Some(found.image.clone());
    }
    let digest = &row.images.iter().find(|i| i.name == container.image_name)?.digest;
    let repository = &spec.images.iter().find(|s| s.name == container.image_name)?.repository;
    let join = if digest.starts_with(':') { "" } else { "@" };
    Some(format!("{repository}{join}{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let case =
            |text, repository, tag, digest| assert_eq!(parse(text), Reference { repository, tag, digest }, "{text}");
        case("r.example/a", "r.example/a", None, None);
        case("r.example:5000/a/b:1.2", "r.example:5000/a/b", Some("1.2"), None);
        case("r.example/a:1@sha256:ff", "r.example/a", Some("1"), Some("sha256:ff"));
        case("localhost:5000/a", "localhost:5000/a", None, None);
    }

    #[test]
    fn images_are_compared_by_digest() {
        assert!(is_same_image("r/a:1@sha256:f", "r/a@sha256:f"));
        assert!(!is_same_image("r/a:1", "r/a:2"));
        assert!(!is_same_image("r/a:1", "r/a:1@sha256:f"), "a bare tag matches nothing but itself");
    }

    #[test]
    fn placeholders_lie_under_invalid() {
        assert!(is_placeholder("windlass.invalid/placeholder:none"));
        assert!(!is_placeholder("registry.example/invalid/app:1"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let sources = [ImageSource { name: "app".into(), repository: "r.example/app".into() }];
        let image = |name: &str, r: &str| ImageRef { name: name.into(), r#ref: r.into() };
        let wrong = |refs: &[ImageRef]| resolve(&sources, refs, "spec.build.images").expect_err("refused");
        assert!(wrong(&[]).contains("has no image for app"));
        assert!(wrong(&[image("web", "r.example/app:1")]).contains("web is not an entry"));
        assert!(wrong(&[image("app", "other.example/app@sha256:1")]).contains("takes it from r.example/app"));
        let tagged = resolve(&sources, &[image("app", "r.example/app:1")], "f").expect("a tag is hashed as written");
        assert!(has_tags(&tagged));
        let exact = resolve(&sources, &[image("app", "r.example/app:1@sha256:1")], "f").expect("digest");
        assert_eq!(exact.images[0].digest, "sha256:1");
    }
}
