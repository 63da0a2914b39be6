//! What the owner of production does: its rules, and windows that open by the clock.

use anyhow::Result;
use jiff::{Timestamp, ToSpan, Unit, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use super::Shop;

impl Shop<'_> {
    /// Changes the spec of production's Environment by a merge patch.
    pub async fn rules(&self, spec: Value) -> Result<()> {
        let spec = json!({"spec": spec});
        self.story().patch("environment", &self.home, "production", &spec).await.map(drop)
    }

    /// Freezes production, or ends that.
    pub async fn freeze(&self, reason: Option<&str>) -> Result<()> {
        self.rules(json!({"freeze": reason.map(|reason| json!({"reason": reason}))})).await
    }
}

/// The last full minute before so many seconds from now, on the clock of a zone.
pub fn full_minute(zone: &str, ahead: i64) -> Result<Zoned> {
    let soon = Timestamp::now().to_zoned(TimeZone::get(zone)?).checked_add(ahead.seconds())?;
    Ok(soon.round(jiff::ZonedRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Trunc))?)
}

/// What a release says that waits for that opening.
pub fn opens(opening: &Zoned) -> String {
    format!("window opens {}", opening.strftime("%A %Y-%m-%d %H:%M %Q"))
}
