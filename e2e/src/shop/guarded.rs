//! A shop under the chart's policies: the operator with the rights of its ServiceAccount, and people with roles, certificates and
//! groups of their own.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Shop, merge};
use crate::chart;
use crate::cue::{self, Cue};
use crate::operator::Operator;
use crate::story::{Story, text};

/// A person: a name, and the group that the certificate says.
pub type Person = (&'static str, Option<&'static str>);

/// Creation times are whole seconds, and a word about a release must come later than the release.
const LATER: Duration = Duration::from_millis(1100);

/// Words of the first seconds after the policies were made do not count.
const SETTLED: Duration = Duration::from_secs(6);

/// The shop, and the operator that serves it.
#[derive(Debug)]
pub struct Guarded<'a> {
    pub shop: Shop<'a>,
    _operator: Operator,
    sets: Vec<String>,
}

impl<'a> Guarded<'a> {
    /// The chart with these values on a bare server, its operator, and the shop; each person may do what the role of the chart says.
    pub async fn open(t: &'a Story, sets: &[&str], roles: &[(&str, &str)]) -> Result<Self> {
        chart::helm(t.cluster(), "install", sets).await?;
        let shop = Shop::open(t).await?;
        let targets = format!("targetNamespaces={{{},{}}}", shop.staging, shop.production);
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).chain([targets]).collect();
        upgrade(t, &sets).await?;
        for (role, user) in roles {
            t.apply(&chart::bound(&shop.home, role, user).to_string()).await?;
        }
        let operator = chart::operator(t.cluster()).await?;
        chart::in_force(t.cluster()).await?;
        tokio::time::sleep(SETTLED).await;
        Ok(Self { shop, _operator: operator, sets })
    }

    /// `helm upgrade` to what is installed: what someone took away comes back, and after a few seconds words count again.
    pub async fn mend(&self) -> Result<()> {
        upgrade(self.shop.story(), &self.sets).await?;
        chart::in_force(self.shop.story().cluster()).await?;
        tokio::time::sleep(SETTLED).await;
        Ok(())
    }

    /// That person asks for a release whose source says so.
    pub async fn asks(&self, (user, group): Person, version: &str, minute: u32, source: Value) -> Result<()> {
        let mut release = self.shop.release(version, minute, &cue::image("app", Cue::Good, version));
        release["spec"]["requestedBy"] = json!(user);
        release["spec"]["build"]["source"] = source;
        self.creates((user, group), &release).await.map(drop)
    }

    /// That person decides about a release in production, in a later second than it was made. Gives the Decision's name.
    pub async fn decides(&self, person: Person, r#type: &str, version: &str, fields: Value) -> Result<String> {
        tokio::time::sleep(LATER).await;
        let mut spec = json!({"pipeline": "checkout", "release": format!("checkout-{version}")});
        merge(&mut spec, &fields);
        self.decides_here(person, r#type, spec).await
    }

    /// That person decides about all of production.
    pub async fn decides_here(&self, person: Person, r#type: &str, fields: Value) -> Result<String> {
        let mut spec = json!({"type": r#type, "environment": "production"});
        merge(&mut spec, &fields);
        let decision = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
            "metadata": {"generateName": format!("{}-", r#type.to_lowercase()), "namespace": self.shop.home}, "spec": spec});
        let made = self.creates(person, &decision).await?;
        Ok(text(&made, "/metadata/name").to_owned())
    }

    async fn creates(&self, (user, group): Person, object: &Value) -> Result<Value> {
        let cluster = self.shop.story().cluster();
        let theirs = cluster.objects().through(cluster.client_for_user(user, group).await?);
        theirs.create(object).await.with_context(|| format!("{user} may not create a {}", text(object, "/kind")))
    }
}

async fn upgrade(t: &Story, sets: &[String]) -> Result<()> {
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    chart::helm(t.cluster(), "upgrade", &sets).await.map(drop)
}
