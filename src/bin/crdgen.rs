//! Writes the CRDs into a folder, one file each: `crdgen crds`.

use std::path::PathBuf;

use kube::ResourceExt;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "crds".into()));
    std::fs::create_dir_all(&folder)?;
    for crd in windlass::api::schema::crds() {
        let file = folder.join(format!("{}.yaml", crd.name_any()));
        std::fs::write(&file, serde_saphyr::to_string(&crd)?)?;
        println!("{}", file.display());
    }
    Ok(())
}
