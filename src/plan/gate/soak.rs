//! The build has run long enough in each stage before, proven there and without a break.

use super::super::mutant::{Mutant, is};
use super::super::upstream;
use super::{Candidate, Closed};
use crate::api::{Span, StageStatus};

/// What is asked for.
struct Asked {
    span: Span,
    source: &'static str,
    field: &'static str,
}

/// The longer of what the Environment's owner and the pipeline say.
fn asked(c: &Candidate<'_, '_>) -> Option<Asked> {
    let policy = c.policy().and_then(|policy| policy.min_soak).filter(|_| !is(Mutant::FloorIgnored));
    let pipeline = c.spec.promotion.as_ref().and_then(|promotion| promotion.soak);
    let asked = if policy >= pipeline {
        Asked { span: policy?, source: "policy", field: "policy.minSoak" }
    } else {
        Asked { span: pipeline?, source: "pipeline", field: "promotion.soak" }
    };
    Some(asked).filter(|asked| asked.span > Span::default())
}

pub fn source(c: &Candidate<'_, '_>) -> &'static str {
    asked(c).map_or("pipeline", |asked| asked.source)
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let Asked { span, field, .. } = asked(c).filter(|_| !c.is_again && !is(Mutant::SoakIgnored))?;
    let before = c.world.spec.after(&c.stage.environment);
    if before.is_empty() {
        let why = format!("{field} asks for {span} in the stage before, and there is none");
        return Some(Closed::new(why, "a stage before it in spec.stages of the pipeline"));
    }
    let mut before = before.iter().filter_map(|stage| c.draft.stage(&stage.environment));
    before.find_map(|before| soaks(c, before, span, field))
}

/// What it lacks in that stage.
fn soaks(c: &Candidate<'_, '_>, before: &StageStatus, span: Span, field: &str) -> Option<Closed> {
    let name = &before.environment;
    let known = upstream::residence(before, c.known.uid, &c.known.hash);
    if known.longest >= span {
        return None;
    }
    let Some(since) = known.since else {
        let longest = known.longest;
        let why = if longest == Span::default() {
            format!("it has not soaked in {name}: {span} ({field})")
        } else {
            format!("it ran in {name} for {longest} of {span} ({field}), and something else runs there now")
        };
        return Some(Closed::new(why, format!("{span} in {name} without a break")));
    };
    let until = since.plus(span);
    (!c.world.is_due(until)).then(|| {
        Closed::new(
            format!("its soak in {name} until {until}: {span} ({field})"),
            format!("{until}, if it runs there until then"),
        )
    })
}
