//! The word of a person: which release was meant by it, and whether it is certain whose it is.

use crate::api::Decision;
use crate::observe::Admission;
use crate::plan::world::{Known, World, created};

/// The release that was meant by its name, with a valid build; or why there is none.
pub fn meant<'w, 'a>(world: &'w World<'a>, decision: &Decision) -> Result<&'w Known<'a>, String> {
    let name = decision.spec.release.as_deref().unwrap_or("");
    let known = world.release(name).ok_or_else(|| format!("spec.release: there is no release {name}"))?;
    if let Err(why) = &known.build {
        return Err(why.clone());
    }
    // another one may have been made under the name since; creation times are whole seconds
    if created(&decision.metadata) <= created(&known.release.metadata) {
        return Err(format!("{name} was made in that second or after it; decide anew about the one that is there"));
    }
    Ok(known)
}

/// Why it is not certain who decided that.
pub(super) enum Doubt {
    /// It was, or may have been, written by somebody else: for good.
    Certain(String),
    /// It cannot be told at present.
    Passing,
}

pub(super) fn doubt(world: &World<'_>, decision: &Decision) -> Option<Doubt> {
    match &world.snap.admission {
        Admission::Open(why) => Some(Doubt::Certain(format!("it cannot be relied on: {why}"))),
        Admission::Unseen(_) => Some(Doubt::Passing),
        Admission::InForce { since } if created(&decision.metadata) <= *since => Some(Doubt::Certain(format!(
            "it was made before {since}, when the admission policies came into force; decide anew"
        ))),
        Admission::InForce { .. } => None,
    }
}
