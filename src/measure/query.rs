//! A query as it is sent: the closed set of placeholders filled in. Pure.

use crate::api::{Span, Time};
use crate::plan::Names;

/// The query with its placeholders filled in. `window` in whole seconds, at least one.
pub fn filled(query: &str, names: &Names, window: Span) -> String {
    let seconds = (window.millis() / 1000).max(1);
    query
        .replace("{{namespace}}", &names.namespace)
        .replace("{{workload}}", &names.workload)
        .replace("{{track}}", names.track)
        .replace("{{podTemplateHash}}", &names.hash)
        .replace("{{window}}", &format!("{seconds}s"))
}

/// How far back a query at that time may look: not behind the beginning of what it is about.
pub fn window(wanted: Span, since: Time, at: Time) -> Span {
    wanted.min(at.since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_and_nothing_else_is_touched() {
        let names = Names { namespace: "shop".into(), workload: "web".into(), track: "stable", hash: "5d8f".into() };
        let query =
            r#"rate(x{ns="{{namespace}}",pod=~"{{workload}}-{{podTemplateHash}}-.*",t="{{track}}"}[{{window}}])"#;
        let sent = filled(query, &names, Span::seconds(90));
        assert_eq!(sent, r#"rate(x{ns="shop",pod=~"web-5d8f-.*",t="stable"}[90s])"#);
    }

    #[test]
    fn a_window_does_not_reach_behind_the_new_revision() {
        let start = Time::from_millis(1_000_000);
        let at = |seconds: i64| window(Span::seconds(60), start, start.plus(Span::seconds(seconds)));
        assert_eq!((at(10), at(600)), (Span::seconds(10), Span::seconds(60)));
        assert!(
            filled(
                "{{window}}",
                &Names { namespace: String::new(), workload: String::new(), track: "", hash: String::new() },
                at(0)
            ) == "1s"
        );
    }
}
