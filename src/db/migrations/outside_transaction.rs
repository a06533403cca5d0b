//! Migrations whose statements run one by one, outside a transaction, such as `CREATE INDEX CONCURRENTLY`.
//!
//! A crash may leave such a migration half applied, so it must be repeatable. An interrupted build leaves an invalid
//! index; the repetition drops it and builds it again. Every other statement is repeatable by itself (`IF NOT EXISTS`).

use sqlx::{AssertSqlSafe, PgConnection};

/// The first line of a migration that runs outside a transaction.
const MARKER: &str = "-- minitwit:no-transaction";

pub(super) fn is_marked(migration: &str) -> bool {
    migration.lines().next() == Some(MARKER)
}

/// The statements of a marked migration. Each ends with a semicolon at the end of a line.
pub(super) fn statements(migration: &str) -> Vec<Statement> {
    let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text: String = lines.flat_map(|line| [line.trim_end(), "\n"]).collect();
    let statements = text.split(";\n").map(str::trim).filter(|text| !text.is_empty());
    statements.map(|text| Statement(text.to_owned())).collect()
}

pub(super) struct Statement(String);

impl Statement {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// True for `CONCURRENTLY`: the statement waits for old transactions without blocking new ones. It needs to run
    /// outside a transaction and without a time-out.
    pub(super) fn is_concurrent(&self) -> bool {
        self.0.split_whitespace().any(|word| word.eq_ignore_ascii_case("concurrently"))
    }

    /// Runs a concurrent statement. Before it creates an index, drops an invalid index of that name.
    pub(super) async fn execute(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if let Some(index) = self.created_index() {
            drop_if_invalid(connection, index).await?;
        }
        sqlx::raw_sql(AssertSqlSafe(self.text())).execute(connection).await?;
        Ok(())
    }

    /// The name in `CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON …`.
    fn created_index(&self) -> Option<&str> {
        let mut words = self.0.split_whitespace();
        let is = |word: &str, keyword| word.eq_ignore_ascii_case(keyword);
        words.next().filter(|word| is(word, "create"))?;
        let mut before_on = words.take_while(|word| !is(word, "on"));
        before_on.by_ref().find(|word| is(word, "concurrently"))?;
        before_on.last()
    }
}

async fn drop_if_invalid(connection: &mut PgConnection, index: &str) -> Result<(), sqlx::Error> {
    let query = "SELECT EXISTS (SELECT FROM pg_index
                                WHERE indexrelid = to_regclass($1) AND NOT indisvalid)";
    let invalid: bool = sqlx::query_scalar(query).bind(index).fetch_one(&mut *connection).await?;
    if invalid {
        tracing::info!(index, "dropping an index whose build was interrupted");
        let statement = AssertSqlSafe(format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"));
        sqlx::raw_sql(statement).execute(connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIGRATION: &str = "-- minitwit:no-transaction
-- Two indexes; and a comment.
CREATE INDEX CONCURRENTLY IF NOT EXISTS first_idx
    ON messages (text);
create unique index concurrently second_idx on messages (text) where text <> ';';

COMMENT ON INDEX first_idx IS 'A ; b';
";

    #[test]
    fn only_the_first_line_marks_a_migration() {
        assert!(is_marked(MIGRATION));
        for text in ["", "SELECT 1;\n-- minitwit:no-transaction", "-- minitwit:no-transactions"] {
            assert!(!is_marked(text), "{text}");
        }
    }

    #[test]
    fn a_migration_is_split_at_the_semicolons_that_end_a_line() {
        let statements = statements(MIGRATION);
        let texts: Vec<&str> = statements.iter().map(Statement::text).collect();
        assert_eq!(
            texts,
            [
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS first_idx\n    ON messages (text)",
                "create unique index concurrently second_idx on messages (text) where text <> ';'",
                "COMMENT ON INDEX first_idx IS 'A ; b'",
            ]
        );
        let indexes: Vec<_> = statements.iter().map(Statement::created_index).collect();
        assert_eq!(indexes, [Some("first_idx"), Some("second_idx"), None]);
        let concurrent: Vec<bool> = statements.iter().map(Statement::is_concurrent).collect();
        assert_eq!(concurrent, [true, true, false]);
    }

    #[test]
    fn other_statements_have_no_created_index() {
        for text in
            ["DROP INDEX CONCURRENTLY IF EXISTS a_idx", "CREATE INDEX a_idx ON messages (text)"]
        {
            assert_eq!(Statement(text.to_owned()).created_index(), None, "{text}");
        }
    }
}
