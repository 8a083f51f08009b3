//! Running a statement on whichever database it is.
//!
//! In place of diesel's `RunQueryDsl` and `MultiConnection`: those write the text of a statement anew two or
//! three times for every run, and prepare an `UPDATE` anew each time. Here both databases are asked
//! directly, and what is prepared once stays prepared. It also lets statements say `ON CONFLICT`.

use diesel::{
    PgConnection, QueryResult, SqliteConnection,
    backend::Backend,
    connection::Connection,
    internal::derives::multiconnection::AstPassHelper,
    pg::Pg,
    query_builder::{AstPass, QueryBuilder, QueryFragment, QueryId},
    query_dsl::methods::LoadQuery,
    result::Error::NotFound,
    sqlite::Sqlite,
};

use super::conn::{Conn, Link};

/// What the tables' modules write statements with.
pub(super) mod prelude {
    pub use diesel::{
        AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension,
        QueryDsl, Queryable, Selectable, TextExpressionMethods,
    };

    pub use super::Run;
}

/// The same expression, on the connection that there is.
macro_rules! on_either {
    ($conn:ident => $run:expr) => {
        match &mut $conn.link {
            Link::Sqlite($conn) => $run,
            Link::Postgres($conn) => $run,
        }
    };
}
pub(super) use on_either;

/// What every statement and every query can do.
pub trait Run: Sized {
    /// Answers how many rows were changed. The statement's text depends on its type alone.
    fn execute(self, conn: &mut Conn) -> QueryResult<usize>
    where
        Self: QueryFragment<Sqlite> + QueryFragment<Pg> + QueryId,
    {
        let changed = if Self::HAS_STATIC_QUERY_ID {
            on_either!(conn => conn.execute_returning_count(&self))
        } else {
            on_either!(conn => conn.execute_returning_count(&Kept(self, Default::default())))
        };
        conn.marks.changes += changed.as_ref().unwrap_or(&0);
        noted(changed, conn)
    }

    fn load<'q, T>(self, conn: &mut Conn) -> QueryResult<Vec<T>>
    where
        Self: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        let rows = on_either!(conn => self.internal_load(conn).and_then(Iterator::collect));
        noted(rows, conn)
    }

    /// The first row that comes.
    fn get_result<'q, T>(self, conn: &mut Conn) -> QueryResult<T>
    where
        Self: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        let row = on_either!(conn => self.internal_load(conn).map(|mut rows| rows.next()));
        noted(row.and_then(Option::transpose), conn)?.ok_or(NotFound)
    }
}

fn noted<T>(outcome: QueryResult<T>, conn: &mut Conn) -> QueryResult<T> {
    conn.marks.failures += usize::from(outcome.is_err());
    outcome
}

impl<Q> Run for Q {}

/// A statement that stays prepared, known by its text.
///
/// Diesel does not keep an `UPDATE`, and says so while it is walked, for the same type may set other columns
/// the next time. Ours set all of theirs always. So the text is made apart from diesel's question.
struct Kept<Q, DB>(Q, DB);

impl<DB, Q> QueryFragment<DB> for Kept<Q, DB>
where
    DB: Backend<QueryBuilder: Default>,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self(statement, backend) = self;
        if let Some((values, metadata)) = out.bind_collector() {
            return statement.collect_binds(values, metadata, backend);
        }
        let mut text = DB::QueryBuilder::default();
        statement.to_sql(&mut text, backend)?;
        out.push_sql(&text.finish());
        Ok(())
    }
}

impl<Q, DB> QueryId for Kept<Q, DB> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;

    use super::{Connection, Link, prelude::*};
    use crate::store::{Database, schema::changes};

    #[test]
    fn what_is_prepared_once_stays_prepared() {
        let mut conn = Database::Sqlite(":memory:".into()).connect().expect("a database");
        conn.batch_execute("CREATE TABLE changes (topic TEXT, version BIGINT)").expect("a table");
        let prepared = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&prepared);
        let note = move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                seen.lock().expect("no panic").push(sql.to_owned());
            }
        };
        let sqlite = &mut conn;
        on_either!(sqlite => sqlite.set_instrumentation(note));
        for version in 1..4 {
            let row = changes::table.filter(changes::topic.eq("keys"));
            diesel::update(row).set(changes::version.eq(version)).execute(&mut conn).expect("done");
        }
        assert_eq!(prepared.lock().expect("no panic").len(), 1, "{prepared:?}");
    }
}
