//! `crds/` is what `crdgen` would write now.

use kube::ResourceExt;

#[test]
fn the_crds_in_the_tree_are_fresh() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let mut expected = Vec::new();
    for crd in windlass::api::schema::crds() {
        let name = format!("{}.yaml", crd.name_any());
        let written = std::fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        assert!(
            written == serde_saphyr::to_string(&crd).unwrap(),
            "crds/{name} is stale; write it anew with: cargo run --bin crdgen crds"
        );
        expected.push(name);
    }
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(expected.contains(&name), "crds/{name} is none of the five kinds; delete it");
    }
}
