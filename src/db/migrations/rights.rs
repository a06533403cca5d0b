//! The rights of the role of `--database-url`: what it lacks, and the commands that grant it.

use sqlx::PgConnection;

/// The role lacks a right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A right on a table, a sequence or a schema.
    #[error("the role lacks {what}; run as the owner of the tables: {remedy}")]
    Lacking {
        /// The right.
        what: String,
        /// What grants it.
        remedy: String,
    },
    /// The database has no tables of this program, and the role may not create them.
    #[error(
        "the database has no tables of MiniTwit yet, and the role lacks CREATE on schema {schema}; run \
         `minitwit migrate` with the role that is to own the tables. If that is this role: {grant}"
    )]
    NoTables {
        /// The schema.
        schema: String,
        /// What would grant the right.
        grant: String,
    },
    /// Migrations are pending, and the server is a standby.
    #[error(
        "migrations are pending, and the server is a read-only standby; run `minitwit migrate` on \
         its primary"
    )]
    Standby,
    /// The rights cannot be read.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Tables that only `minitwit migrate` and `minitwit import` write.
const READ_ONLY: [&str; 2] = ["refinery_schema_history", "program_compatibility"];

/// Checks that the role may read and write the rows of all tables; only read them on a standby.
///
/// Returns [`Error::Lacking`] with the first missing right and the commands that grant all.
pub(super) async fn check_rows(connection: &mut PgConnection) -> Result<(), Error> {
    let missing = sqlx::query!(
        r#"WITH tables AS (
               SELECT oid, relname, relkind, relnamespace::regnamespace::text AS schema
               FROM pg_class
               WHERE relkind IN ('r', 'S') AND relnamespace = (
                   SELECT relnamespace FROM pg_class
                   WHERE oid = to_regclass('refinery_schema_history')))
           SELECT format('%s on %s', needed, relname) AS "what!",
                  format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %I; '
                         'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %s TO %I',
                         schema, current_user, schema, current_user) AS "remedy!"
           FROM tables, unnest(CASE relkind WHEN 'r' THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
                                    ELSE ARRAY['USAGE'] END) WITH ORDINALITY AS rights (needed, rank)
           WHERE (needed = 'SELECT' OR NOT pg_is_in_recovery() AND relname::text <> ALL ($1))
             AND NOT CASE relkind WHEN 'r' THEN has_table_privilege(oid, needed)
                                  ELSE has_sequence_privilege(oid, needed) END
           ORDER BY relkind DESC, relname, rank
           LIMIT 1"#,
        &READ_ONLY as &[&str],
    )
    .fetch_optional(connection)
    .await?;
    match missing {
        Some(right) => Err(Error::Lacking { what: right.what, remedy: right.remedy }),
        None => Ok(()),
    }
}

/// Checks that the role may change the schema: it may create objects, and owns those that exist.
///
/// Returns [`Error::Standby`] on a standby, and [`Error::Lacking`] if a right is missing.
pub(super) async fn check_schema_changes(connection: &mut PgConnection) -> Result<(), Error> {
    let right = sqlx::query!(
        r#"SELECT pg_is_in_recovery() AS "standby!", current_user::text AS "role!",
                  quote_ident(current_user) AS "quoted_role!", quote_ident(current_schema()) AS schema,
                  COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS "may_create!",
                  to_regclass('refinery_schema_history') IS NULL AS "is_new!",
                  (SELECT pg_get_userbyid(relowner)::text FROM pg_class
                   WHERE oid = to_regclass('refinery_schema_history')
                     AND NOT pg_has_role(relowner, 'USAGE')) AS other_owner"#,
    )
    .fetch_one(connection)
    .await?;
    if right.standby {
        return Err(Error::Standby);
    }
    if let Some(owner) = right.other_owner {
        return Err(Error::Lacking {
            what: format!("the ownership of the tables of {owner}"),
            remedy: format!("`minitwit migrate` with a role that is a member of {owner}"),
        });
    }
    if !right.may_create {
        let schema = right.schema.unwrap_or_else(|| "public".to_owned());
        let grant = format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {}", right.quoted_role);
        return Err(match right.is_new {
            // A role that only serves must not become the owner of the tables.
            true => Error::NoTables { schema, grant },
            false => Error::Lacking { what: format!("CREATE on schema {schema}"), remedy: grant },
        });
    }
    Ok(())
}
