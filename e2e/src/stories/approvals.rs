//! Two people of a group must approve before a build enters production, and no author is one of them; a pipeline that asks for
//! less changes nothing. A rejection stands until who made it approves. Two approvals of one second are two.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::shop::{Guarded, Person, decided, gate, stage_of};
use crate::story::{Story, text};

const MARIA: Person = ("maria", Some("release-managers"));
const ANN: Person = ("ann", Some("release-managers"));
const JOE: Person = ("joe", Some("release-managers"));
const BOB: Person = ("bob", None);

pub async fn run(t: &Story) -> Result<()> {
    let roles = [("deliver", "maria"), ("approve", "maria"), ("approve", "ann"), ("approve", "joe"), ("approve", "bob")];
    let guarded = Guarded::open(t, &["identities.octo-maria=maria"], &roles).await?;
    let shop = &guarded.shop;
    let floor = json!({"required": 2, "groups": ["release-managers"]});
    shop.rules(json!({"policy": {"approvals": floor}})).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"approvals": {"required": 1, "groups": ["release-managers"]}})).await?;

    let pulled = json!({"author": "octo-maria", "pullRequests": [{"number": 7, "author": "octo-stranger"}]});
    guarded.asks(MARIA, "1.0.0", 1, pulled).await?;
    shop.waits("1.0.0", "AuthorUnknown: no user is known for octo-stranger").await?;

    guarded.asks(MARIA, "1.1.0", 2, json!({"author": "octo-maria"})).await?;
    let waiting = shop.waits("1.1.0", "0 of 2 approvals; maria may not approve their own").await?;
    let closed = gate(&waiting, "production", "approvals")?;
    ensure!(closed["source"] == "policy", "a pipeline that asks for one loosens nothing: {closed}");
    ensure!(text(&closed, "/change").ends_with("someone else in release-managers"), "what would change it: {closed}");

    let own = guarded.decides(MARIA, "Approve", "1.1.0", json!({})).await?;
    shop.refused(&own, "maria may not approve their own").await?;
    let outside = guarded.decides(BOB, "Approve", "1.1.0", json!({})).await?;
    shop.refused(&outside, "spec.groups: bob is not in release-managers").await?;
    let forged = guarded.decides(BOB, "Approve", "1.1.0", json!({"user": "ann", "groups": ["release-managers"]})).await?;
    shop.refused(&forged, "spec.groups: bob is not in release-managers").await?;
    let reject = guarded.decides(BOB, "Reject", "1.1.0", json!({"reason": "stock-taking"})).await?;
    shop.decided(&reject, "Applied").await?;

    let (both, times) = in_one_second(&guarded).await?;
    for approve in both {
        shop.decided(&approve, "Applied").await?;
    }
    shop.waits("1.1.0", "rejected by bob: stock-taking").await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.keeps(&shop.production, "checkout", &before).await?;
    // what bob says for it does not count, and takes back what he said against it
    let turned = guarded.decides(BOB, "Approve", "1.1.0", json!({})).await?;
    let said = shop.decided(&turned, "Applied").await?;
    ensure!(said.contains("the rejection is taken back, and it is no approval"), "it says: {said}");
    shop.delivered("1.1.0").await?;
    told(&shop.look("1.1.0").await?, times)
}

/// Both approve, and the server says that it was in the same second; until it does they say it again. The last two, and how often each
/// has said it.
async fn in_one_second(guarded: &Guarded<'_>) -> Result<([String; 2], usize)> {
    for times in 1..=8 {
        let [first, second] = [ANN, JOE].map(|person| guarded.decides(person, "Approve", "1.1.0", json!({})));
        let (first, second) = tokio::try_join!(first, second)?;
        let at = async |name: &str| {
            let made = guarded.shop.story().get_json("decision", &guarded.shop.home, name).await?;
            anyhow::Ok(text(&made, "/metadata/creationTimestamp").to_owned())
        };
        if at(&first).await? == at(&second).await? {
            return Ok(([first, second], times));
        }
    }
    bail!("no two approvals came in one second")
}

/// The release says who decided what, in order: both of those between as often as they did.
fn told(release: &Value, times: usize) -> Result<()> {
    let stage = stage_of(release, "production");
    let said = decided(release, "production");
    ensure!(said.first().is_some_and(|s| s == "Reject bob") && said.last().is_some_and(|s| s == "Approve bob"), "it says {said:?}");
    for approved in ["Approve ann", "Approve joe"] {
        ensure!(said.iter().filter(|word| *word == approved).count() == times, "it says {said:?}");
    }
    ensure!(said.len() == 2 + 2 * times, "it says {said:?}");
    let started: jiff::Timestamp = text(stage, "/startedAt").parse().context("startedAt")?;
    let is_before = |d: &Value| text(d, "/at").parse::<jiff::Timestamp>().is_ok_and(|at| at <= started);
    let all = stage["decisions"].as_array().context("decisions")?;
    ensure!(all.iter().all(is_before), "it started before: {stage}");
    ensure!(text(&all[0], "/reason") == "stock-taking", "the reason is lost: {}", all[0]);
    Ok(())
}
