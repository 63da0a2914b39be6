//! The table of rules, tried in process with the very expressions that the CRDs carry.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::cel::Validator;
use serde_json::Value;

use crate::rules::{Case, Rules};
use crate::{schemas, walk};

/// The messages of the rules that refuse this case; none if it is accepted.
fn refusals(schemas: &BTreeMap<String, Value>, rules: &Rules, case: &Case) -> BTreeSet<String> {
    let created = rules.created(case);
    let schema = &schemas[created["kind"].as_str().expect("a kind")];
    let messages = |object: &Value, old: Option<&Value>| -> BTreeSet<String> {
        let errors = Validator::new().validate(schema, object, old).map_or_else(|e| e.into_vec(), |()| Vec::new());
        errors.into_iter().map(|error| error.message).collect()
    };
    let on_create = messages(&created, None);
    match rules.updated(case) {
        Some(updated) => {
            assert!(on_create.is_empty(), "{}: it is refused before the update: {on_create:?}", case.case);
            messages(&updated, Some(&created))
        }
        None => on_create,
    }
}

#[test]
fn each_case_of_the_table_is_accepted_or_refused_in_exactly_these_words() {
    let (rules, schemas) = (Rules::read().unwrap(), schemas().into_iter().collect());
    let mut wrong = Vec::new();
    for case in rules.cases.iter().filter(|case| !case.schema) {
        let (expected, found) = (case.says.iter().cloned().collect(), refusals(&schemas, &rules, case));
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", case.case));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_case_changes_what_it_means_to_change() {
    let rules = Rules::read().unwrap();
    for case in &rules.cases {
        let created = rules.created(case);
        assert!(created["kind"].is_string(), "{}: {created}", case.case);
        assert!(case.with.is_empty() || created != rules.good[&case.from], "{}: `with` changes nothing", case.case);
        assert!(rules.updated(case).is_none_or(|u| u["kind"].is_string() && u != created), "{}: `then`", case.case);
        assert!(!case.schema || case.says.is_some(), "{}: a refusal by the schema says something", case.case);
    }
}

#[test]
fn each_rule_has_a_case() {
    let rules = Rules::read().unwrap();
    let told: BTreeSet<&str> = rules.cases.iter().filter_map(|case| case.says.as_deref()).collect();
    for (kind, schema) in schemas() {
        walk(&kind, &schema, &mut |path, node| {
            for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
                let message = rule["message"].as_str().unwrap_or_default();
                assert!(!message.is_empty(), "{path}: a rule without a message: {rule}");
                assert!(told.contains(message), "{path}: no case in tests/api/rules.yaml for: {message}");
            }
        });
    }
}
