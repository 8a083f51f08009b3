//! The conformance suite of the store: what every database under it has to do, on SQLite and PostgreSQL.

mod commits;
mod guards;
mod rows;
mod upgrades;
mod values;
mod views;

use medict::store::{Error, Store, Tx};

use crate::world::Temporary;

/// A store of its own, and nothing around it.
pub struct Cellar {
    pub store: Store,
    pub database: Temporary,
}

impl Cellar {
    pub async fn on(database: Temporary) -> Self {
        let store = Store::open(database.database().clone(), 4).expect("a store");
        Self { store, database }
    }

    /// What a second process opens.
    pub fn second_store(&self) -> Store {
        Store::open(self.database.database().clone(), 4).expect("a second store")
    }

    /// Writes what has to be there before the story begins.
    pub async fn given<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(work).await.expect("written")
    }

    /// Reads what is there now.
    pub async fn now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut medict::store::Conn) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.read(work).await.expect("read")
    }
}
