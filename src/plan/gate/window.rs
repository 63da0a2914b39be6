//! Releases may start now, and would be exposed in full before they may not any more. What has started goes on.

use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};
use crate::api::{Span, Traffic};

/// What a rollout takes at least: its pauses, and the drain after each share. Rolling has neither.
fn least(c: &Candidate<'_, '_>) -> Span {
    let steps = c.spec.strategy.steps();
    let drain = c.world.spec.traffic.as_ref().map_or(Span::default(), Traffic::drain);
    let pauses = steps.iter().map(|step| step.pause().millis().saturating_add(drain.millis())).sum::<i64>();
    // full exposure is one more share
    Span::from_millis(if steps.is_empty() { 0 } else { pauses.saturating_add(drain.millis()) })
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let calendar = c.world.calendars.get(c.stage.environment.as_str()).filter(|_| !c.is_again)?;
    if is(Mutant::WindowIgnored) {
        return None;
    }
    let calendar = match calendar {
        Ok(calendar) => calendar,
        Err(why) => {
            let change = format!("spec.windows of Environment {} put right", c.stage.environment);
            return Some(Closed::new(why, change));
        }
    };
    let (now, least) = (c.world.now, least(c));
    let next = calendar.change(now);
    if let Some(at) = calendar.wake(now) {
        c.world.is_due(at);
    }
    let is_open = calendar.state(now).is_open;
    if is_open && calendar.stays_open(now, least) {
        return None;
    }
    let opening = calendar.opening(now, least);
    let change = opening.map_or_else(|| "a window that is long enough".to_owned(), |opening| opening.to_string());
    let reason = match (next.filter(|_| is_open), opening) {
        (Some(close), Some(opening)) => {
            format!("would not finish before the window closes {close}: it takes {least} at least; one opens {opening}")
        }
        (None, Some(_)) => calendar.opens(now, opening),
        (_, None) if next.is_none() => calendar.opens(now, None),
        (_, None) => format!("no window is open for {least}, which is what its steps take at least"),
    };
    Some(Closed::new(reason, change))
}
