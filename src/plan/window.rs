//! When an Environment lets releases start: its windows on the clock of their own time zones, daylight saving included.
//! Cron expressions are `croner`'s, zones are those that are bundled with `jiff`.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::api::environment::EnvironmentSpec;
use crate::api::window::{Window, WindowStatus};
use crate::api::{Span, Time};

/// So many begins and ends of windows are looked at for one change, and so many openings for one that is long enough.
const FORESIGHT: usize = 500;
/// No change is looked for beyond the next leap day.
const HORIZON: Span = Span::seconds(5 * 366 * 24 * 3600);

/// The windows of an Environment. Without any it is always open.
#[derive(Debug)]
pub struct Calendar {
    rules: Vec<Rule>,
}

/// One window, read.
#[derive(Debug)]
struct Rule {
    is_deny: bool,
    cron: Cron,
    zone: TimeZone,
    span: Span,
    reason: String,
}

/// How things stand at a moment, and the window by which they do, if it is one's.
#[derive(Clone, Copy, Debug)]
pub struct State<'c> {
    pub is_open: bool,
    rule: Option<&'c Rule>,
}

impl State<'_> {
    /// Why, in its owner's words.
    pub fn reason(&self) -> &str {
        self.rule.map_or("", |rule| &rule.reason)
    }
}

/// A moment at which that changes, told in the time zone of the window that changes it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'c> {
    pub at: Time,
    rule: &'c Rule,
}

impl Change<'_> {
    /// Why, in the words of that window's owner.
    pub fn reason(&self) -> &str {
        &self.rule.reason
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.rule.there(self.at);
        let format = if there.second() == 0 { "%A %Y-%m-%d %H:%M %Q" } else { "%A %Y-%m-%d %H:%M:%S %Q" };
        write!(f, "{}", there.strftime(format))
    }
}

impl Calendar {
    /// Reads the windows.
    ///
    /// # Errors
    ///
    /// What is wrong with the first bad one, naming the field.
    pub fn of(spec: &EnvironmentSpec) -> Result<Self, String> {
        let zones = TimeZoneDatabase::bundled();
        let rules = spec.windows.iter().enumerate().map(|(index, window)| Rule::of(index, window, &zones));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// How it stands at that moment: what one window denies, no other allows.
    pub fn state(&self, at: Time) -> State<'_> {
        let covering = |is_deny: bool| self.rules.iter().find(|r| r.is_deny == is_deny && r.end(at).is_some());
        if let Some(rule) = covering(true) {
            return State { is_open: false, rule: Some(rule) };
        }
        let rule = covering(false);
        State { is_open: rule.is_some() || self.rules.iter().all(|r| r.is_deny), rule }
    }

    /// The next moment after that one at which it opens or closes.
    pub fn change(&self, at: Time) -> Option<Change<'_>> {
        self.ahead(at).ok()
    }

    /// When to look at it again: the next change, or how far it was foreseen.
    pub fn wake(&self, at: Time) -> Option<Time> {
        self.ahead(at).map_or_else(|foreseen| foreseen, |change| Some(change.at))
    }

    /// The next change; or up to when there is none, if that is known.
    fn ahead(&self, at: Time) -> Result<Change<'_>, Option<Time>> {
        let mut before = (at, self.state(at));
        for _ in 0..FORESIGHT {
            let edge = self.edge(before.0).filter(|edge| *edge < at.plus(HORIZON)).ok_or(None)?;
            let state = self.state(edge);
            if state.is_open != before.1.is_open {
                // it changes by what begins, or else by what ends
                return Ok(Change { at: edge, rule: state.rule.or(before.1.rule).ok_or(None)? });
            }
            before = (edge, state);
        }
        Err(Some(before.0))
    }

    /// Whether it is open from that moment on for so long. What cannot be foreseen is taken for closed.
    pub fn stays_open(&self, at: Time, span: Span) -> bool {
        let until = at.plus(span);
        let mut edge = Some(at);
        for _ in 0..FORESIGHT {
            match edge.filter(|edge| *edge == at || *edge < until) {
                None => return true,
                Some(next) if !self.state(next).is_open => return false,
                Some(next) => edge = self.edge(next),
            }
        }
        false
    }

    /// The next moment after that one at which it opens for so long.
    pub fn opening(&self, at: Time, span: Span) -> Option<Change<'_>> {
        let changes = std::iter::successors(self.change(at), |change| self.change(change.at));
        changes.take(FORESIGHT).find(|change| self.stays_open(change.at, span))
    }

    /// What the Environment's status says of it.
    pub fn status(&self, now: Time) -> WindowStatus {
        let open = self.state(now).is_open;
        let first = self.change(now);
        let second = first.and_then(|change| self.change(change.at));
        let message = match (open, &first) {
            (true, Some(close)) => format!("open until {close}"),
            (true, None) => "open".to_owned(),
            (false, Some(_)) => self.opens(now, first),
            (false, None) => "closed, and no opening is in sight".to_owned(),
        };
        let (first, second) = (first.map(|change| change.at), second.map(|change| change.at));
        let (next_open, next_close) = if open { (second, first) } else { (first, second) };
        WindowStatus { open, message, next_open, next_close }
    }

    /// The opening in words, and why not now.
    pub fn opens(&self, now: Time, opening: Option<Change<'_>>) -> String {
        let Some(opening) = opening else { return "no window opens".to_owned() };
        let state = self.state(now);
        let why = if state.reason().is_empty() { opening.reason() } else { state.reason() };
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        format!("window opens {opening}{why}")
    }

    /// The next moment after that one up to which it cannot change: what denies ends; or what allows does, or something denies; or
    /// something allows.
    fn edge(&self, at: Time) -> Option<Time> {
        let of = |is_deny: bool| self.rules.iter().filter(move |rule| rule.is_deny == is_deny);
        if let Some(end) = of(true).filter_map(|rule| rule.end(at)).max() {
            return Some(end);
        }
        let end = of(false).filter_map(|rule| rule.end(at)).max();
        if end.is_none() && of(false).next().is_some() {
            return of(false).filter_map(|rule| rule.begin(at)).min();
        }
        of(true).filter_map(|rule| rule.begin(at)).chain(end).min()
    }
}

impl Rule {
    fn of(index: usize, window: &Window, zones: &TimeZoneDatabase) -> Result<Self, String> {
        let Window { allow, deny, r#for, time_zone, reason } = window;
        let (is_deny, field, cron) = match (allow, deny) {
            (Some(cron), None) => (false, "allow", cron),
            (None, Some(cron)) => (true, "deny", cron),
            _ => return Err(format!("spec.windows[{index}]: exactly one of allow and deny is needed")),
        };
        let zone = zones.get(time_zone).map_err(|_| {
            format!("spec.windows[{index}].timeZone: {time_zone:?} is not a time zone: write one like Europe/London")
        })?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(cron).map_err(|error| format!("spec.windows[{index}].{field}: {cron:?}: {error}"))?;
        let rule = Self { is_deny, cron: parsed, zone, span: *r#for, reason: reason.clone() };
        if rule.begin(Time::default()).is_none() {
            return Err(format!("spec.windows[{index}].{field}: {cron:?} names a time that never comes"));
        }
        Ok(rule)
    }

    /// That moment on the clock of its zone. Whole seconds: what a cron expression names has no parts of one.
    fn there(&self, at: Time) -> jiff::Zoned {
        let second = at.millis().div_euclid(1000);
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_zoned(self.zone.clone())
    }

    /// When it ends, if it is on at that moment.
    fn end(&self, at: Time) -> Option<Time> {
        let begun = self.cron.find_previous_occurrence(&self.there(at), true).ok()?;
        Some(Time::from(begun.timestamp()).plus(self.span)).filter(|end| at < *end)
    }

    /// When it begins next after that moment.
    fn begin(&self, at: Time) -> Option<Time> {
        Some(self.cron.find_next_occurrence(&self.there(at), false).ok()?.timestamp().into())
    }
}
