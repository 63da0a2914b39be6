//! Before exposure rises: what the decision rests on is read from the server itself, since caches may lag.

use futures::future::try_join_all;

use crate::plan::action::Confirm;

use super::{Cluster, Error, Object};

impl Cluster {
    /// Fails with `Moved` if any of them is gone, another object, or newer than the plan knew.
    pub(super) async fn confirm(&self, namespace: &str, targets: &[Confirm]) -> Result<(), Error> {
        try_join_all(targets.iter().map(|target| self.confirm_one(namespace, target))).await.map(drop)
    }

    async fn confirm_one(&self, namespace: &str, target: &Confirm) -> Result<(), Error> {
        let object = Object::new(target.kind, namespace, &target.name);
        let live = self.fetch_meta(&object).await?;
        let same = live.is_some_and(|live| {
            live.uid.as_deref() == Some(target.uid.as_str())
                && live.resource_version.as_deref() == Some(target.resource_version.as_str())
        });
        if same { Ok(()) } else { Err(Error::Moved { object }) }
    }
}
