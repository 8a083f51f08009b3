//! `medict apply` and `medict plan`: files become resources, all of them or none.

use super::{
    Broker, Error,
    resources::{Author, Mode, WriteError, Written, write_one},
};
use crate::domain::resource::Resource;

impl Broker {
    /// Makes everything as the files say, in their order, in one transaction.
    ///
    /// # Errors
    /// The first mistake, with the number of its resource; then nothing was written.
    pub async fn apply(&self, resources: Vec<Resource>) -> Result<Vec<Written>, ApplyError> {
        let written = self.apply_or_plan(resources, false).await?;
        self.refresh().await.map_err(|error| ApplyError { index: 0, error: error.into() })?;
        Ok(written)
    }

    /// What [`Self::apply`] would do; nothing is changed.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn plan(&self, resources: Vec<Resource>) -> Result<Vec<Written>, ApplyError> {
        self.apply_or_plan(resources, true).await
    }

    async fn apply_or_plan(
        &self,
        resources: Vec<Resource>,
        plan: bool,
    ) -> Result<Vec<Written>, ApplyError> {
        let author = Author::operator();
        let template = self.change_event(&author, None);
        let mut prepared = Vec::new();
        for (index, resource) in resources.into_iter().enumerate() {
            let ready = self.prepare(resource, Mode::Apply).await;
            prepared.push(ready.map_err(|error| ApplyError { index, error })?);
        }
        let applied = self
            .store
            .write(move |tx| -> Result<Vec<Written>, ApplyError> {
                let mut all = Vec::new();
                for (index, one) in prepared.iter().enumerate() {
                    let written = write_one(tx, one, &author, &template);
                    all.push(written.map_err(|error| ApplyError { index, error })?);
                }
                // An error undoes everything: that is what a plan wants.
                if plan {
                    let error = WriteError::Planned(all);
                    return Err(ApplyError { index: 0, error });
                }
                Ok(all)
            })
            .await;
        match applied {
            Err(ApplyError { error: WriteError::Planned(all), .. }) => Ok(all),
            other => other,
        }
    }
}

/// A mistake in one of several resources.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct ApplyError {
    /// Which one, from 0.
    pub index: usize,
    pub error: WriteError,
}

impl From<crate::store::Error> for ApplyError {
    fn from(error: crate::store::Error) -> Self {
        Self { index: 0, error: Error::from(error).into() }
    }
}
