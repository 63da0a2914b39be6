//! Windows around every change of the clock in two years and three zones, every five minutes, against a computation that knows
//! nothing of `croner` and `jiff`: the zones' rules by hand, and a clock that is watched going by.

use serde_json::json;

use crate::api::environment::EnvironmentSpec;
use crate::api::{Span, Time};
use crate::plan::window::Calendar;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days since 1970-01-01 of a date (Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let (era, month_from_march) = (y.div_euclid(400), (month + 9) % 12);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Sunday is 0.
fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// The first Sunday on that date or after it.
fn sunday_from(year: i64, month: i64, day: i64) -> i64 {
    let date = days(year, month, day);
    date + (7 - weekday(date)) % 7
}

/// A time zone: seconds east of Greenwich in winter and in summer, and when summer begins and ends in a year, in UTC.
struct Zone {
    name: &'static str,
    winter: i64,
    summer: i64,
    turns: fn(i64) -> (i64, i64),
}

/// Summer from the last Sundays of March to October, at 01:00 UTC; from the second Sunday of March to the first of November,
/// at 02:00 of the local clock; and from the first Sunday of October to that of April, at 02:00 of it, by half an hour.
const ZONES: [Zone; 3] = [
    Zone {
        name: "Europe/London",
        winter: 0,
        summer: HOUR,
        turns: |year| (sunday_from(year, 3, 25) * DAY + HOUR, sunday_from(year, 10, 25) * DAY + HOUR),
    },
    Zone {
        name: "America/New_York",
        winter: -5 * HOUR,
        summer: -4 * HOUR,
        turns: |year| (sunday_from(year, 3, 8) * DAY + 7 * HOUR, sunday_from(year, 11, 1) * DAY + 6 * HOUR),
    },
    Zone {
        name: "Australia/Lord_Howe",
        winter: 10 * HOUR + 30 * MINUTE,
        summer: 11 * HOUR,
        turns: |year| {
            let begin = sunday_from(year, 10, 1) * DAY + 2 * HOUR - (10 * HOUR + 30 * MINUTE);
            (begin, sunday_from(year, 4, 1) * DAY + 2 * HOUR - 11 * HOUR)
        },
    },
];

impl Zone {
    fn offset(&self, at: i64) -> i64 {
        let is_summer = (2025..=2030).any(|year| {
            let (begin, _) = (self.turns)(year);
            let end = [(self.turns)(year).1, (self.turns)(year + 1).1].into_iter().find(|end| *end > begin);
            begin <= at && end.is_some_and(|end| at < end)
        });
        if is_summer { self.summer } else { self.winter }
    }
}

/// A cron expression, its meaning by hand, and how long its window lasts.
struct Case {
    cron: &'static str,
    /// Whether the clock's minute of the day, on that day of the week, is one it names.
    names: fn(i64, i64) -> bool,
    /// One hour and one minute: made up for where the clock skips it, and once where the clock shows it twice.
    is_fixed: bool,
    minutes: i64,
}

const CASES: [Case; 6] = [
    Case { cron: "30 1 * * *", names: |m, _| m == 90, is_fixed: true, minutes: 120 },
    Case { cron: "0 2 * * *", names: |m, _| m == 120, is_fixed: true, minutes: 45 },
    Case { cron: "15 2 * * SUN", names: |m, d| m == 135 && d == 0, is_fixed: true, minutes: 30 },
    Case { cron: "0 22 * * SAT,MON", names: |m, d| m == 1320 && (d == 6 || d == 1), is_fixed: true, minutes: 480 },
    Case { cron: "*/20 * * * *", names: |m, _| m % 20 == 0, is_fixed: false, minutes: 10 },
    Case { cron: "0 1-3 * * *", names: |m, _| [60, 120, 180].contains(&m), is_fixed: false, minutes: 20 },
];

/// What the clock of a zone begins at each minute from one moment to another: it is watched going by.
fn begins(zone: &Zone, case: &Case, from: i64, to: i64) -> Vec<i64> {
    let names = |clock: i64| (case.names)(clock.rem_euclid(DAY) / MINUTE, weekday(clock.div_euclid(DAY)));
    let mut shown = from + zone.offset(from) - MINUTE;
    let mut all = Vec::new();
    for at in (from..to).step_by(60) {
        let clock = at + zone.offset(at);
        let is_named = if case.is_fixed {
            // what was skipped counts, what was shown before does not
            (shown + MINUTE..=clock).step_by(60).any(names)
        } else {
            names(clock)
        };
        if is_named {
            all.push(at);
        }
        shown = if case.is_fixed { shown.max(clock) } else { clock };
    }
    all
}

fn calendar(zone: &Zone, case: &Case) -> Calendar {
    let window = json!({"allow": case.cron, "for": format!("{}m", case.minutes), "timeZone": zone.name});
    let spec = json!({"targetNamespace": "shop", "windows": [window]});
    let spec: EnvironmentSpec = serde_json::from_value(spec).expect("an Environment");
    Calendar::of(&spec).expect("windows that can be read")
}

#[test]
fn the_clock_is_followed_through_every_change_of_it() {
    let mut changes = 0;
    for zone in &ZONES {
        for turn in (2026..=2027).flat_map(|year| <[i64; 2]>::from((zone.turns)(year))) {
            changes += 1;
            assert_ne!(zone.offset(turn - 1), zone.offset(turn), "{}: its clock changes there", zone.name);
            for case in &CASES {
                walk(zone, case, turn);
            }
        }
    }
    assert_eq!(changes, 12);
}

/// A day and a half before the change to as much after it.
fn walk(zone: &Zone, case: &Case, turn: i64) {
    let calendar = calendar(zone, case);
    let (from, to) = (turn - 36 * HOUR, turn + 36 * HOUR);
    let begins = begins(zone, case, from - 10 * HOUR, to);
    let is_on = |at: i64| begins.iter().any(|begin| *begin <= at && at < begin + case.minutes * MINUTE);
    let mut announced = None;
    for at in (from..to).step_by(300) {
        let moment = Time::from_millis(at * 1000);
        let told = format!("{} in {} at {moment}", case.cron, zone.name);
        assert_eq!(calendar.state(moment).is_open, is_on(at), "{told}");
        if at == from || is_on(at) != is_on(at - 5 * MINUTE) {
            assert!(announced.is_none_or(|change| change == moment), "{told}: announced for {announced:?}");
            announced = calendar.change(moment).map(|change| change.at);
        }
        assert!(
            announced.is_none_or(|change| change > moment),
            "{told}: announced for {announced:?}, and nothing changed"
        );
    }
}

#[test]
fn half_a_minute_is_as_open_as_the_minute() {
    let calendar = calendar(&ZONES[0], &CASES[0]);
    let begin = Time::from_millis((days(2026, 7, 1) * DAY + 30 * MINUTE) * 1000);
    let just = |millis: i64| Time::from_millis(begin.millis() + millis);
    for (at, is_open) in [(-1, false), (0, true), (1, true), (999, true), (7_199_999, true), (7_200_000, false)] {
        assert_eq!(calendar.state(just(at)).is_open, is_open, "{at} ms after it opened");
    }
    assert_eq!(calendar.change(just(-1)).expect("an opening").at, begin);
    assert_eq!(calendar.change(begin).expect("a close").at, begin.plus(Span::seconds(7200)));
}
