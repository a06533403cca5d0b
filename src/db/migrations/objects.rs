//! The objects that the migrations create, and those that a database has.
//!
//! A database can have the history of the migrations and still lack what they create: a restore left
//! triggers disabled, a setting changed the strings of constraints, or an operator dropped an object.
//! `migrations/schema.txt` lists one object a line. `make schema` renews it.
//!
//! The lines hold what results depend on, in a form that does not change between versions of
//! PostgreSQL: of an expression only its strings, because versions print the rest differently. Further
//! objects and indexes of an operator do no harm.

use std::collections::BTreeSet;

use sqlx::PgConnection;

/// The objects that this program needs.
const EXPECTED: &str = include_str!("../../../migrations/schema.txt");

/// Returns the expected objects that the database lacks or that differ there, by kind and name.
pub(super) async fn missing(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let actual: BTreeSet<String> = list(connection).await?.into_iter().collect();
    let missing = EXPECTED.lines().filter(|line| !actual.contains(*line));
    Ok(missing.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect())
}

/// Returns the name of a table or function in the current schema that has the name of one of this
/// program's; `None` if there is none.
pub(super) async fn conflicting(
    connection: &mut PgConnection,
) -> Result<Option<String>, sqlx::Error> {
    let names = |kind: &str, end: char| -> BTreeSet<&str> {
        let lines = EXPECTED.lines().filter_map(|line| line.strip_prefix(kind));
        lines.filter_map(|name| Some(name.split_once(end)?.0)).collect()
    };
    let tables: Vec<&str> = names("column ", '.').into_iter().collect();
    let functions: Vec<&str> = names("function ", '(').into_iter().collect();
    sqlx::query_scalar!(
        r#"SELECT name AS "name!"
           FROM (SELECT 'table ' || relname AS name FROM pg_class
                 WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relname::text = ANY ($1)
                 UNION ALL
                 SELECT 'function ' || proname FROM pg_proc
                 WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname::text = ANY ($2)) AS names
           ORDER BY name DESC
           LIMIT 1"#,
        &tables as &[&str],
        &functions as &[&str],
    )
    .fetch_optional(connection)
    .await
}

/// Lists the objects in the schema of the migrations' history, one a line, in order.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let lines = sqlx::query_scalar!(
        r#"WITH tables AS (
               SELECT oid, relname, relnamespace FROM pg_class
               WHERE relkind = 'r' AND relnamespace = (
                   SELECT relnamespace FROM pg_class
                   WHERE oid = to_regclass('refinery_schema_history'))),
           columns AS (
               SELECT concat('column ', relname, '.', attname, ' ', format_type(atttypid, atttypmod),
                             CASE WHEN attnotnull THEN ' NOT NULL' END,
                             CASE WHEN attidentity <> '' THEN ' IDENTITY' END,
                             ' DEFAULT ' || pg_get_expr(adbin, adrelid)) AS line
               FROM tables JOIN pg_attribute ON attrelid = tables.oid
                    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
               WHERE attnum > 0 AND NOT attisdropped),
           defined AS (
               SELECT relname, conname, contype, convalidated, pg_constraint.oid,
                      pg_get_constraintdef(pg_constraint.oid) AS definition
               FROM tables JOIN pg_constraint ON conrelid = tables.oid
               WHERE contype IN ('c', 'f', 'p', 'u')),
           constraints AS (
               SELECT concat('constraint ', relname, '.', conname, ' ',
                             CASE WHEN contype = 'c'
                                  THEN concat('CHECK', (
                                      SELECT ' ' || json_agg(found[1])::text
                                      FROM regexp_matches(definition, $re$'((?:[^']|'')*)'$re$, 'g')
                                           AS found))
                                  ELSE replace(definition, ' NOT VALID', '') END,
                             CASE WHEN NOT convalidated THEN ' not valid' END,
                             CASE WHEN EXISTS (
                                      SELECT FROM pg_trigger
                                      WHERE tgconstraint = defined.oid AND tgenabled IN ('D', 'R'))
                                  THEN ' disabled' END) AS line
               FROM defined),
           unique_indexes AS (
               SELECT concat('index ', relname, '.', indexrelid::regclass::text,
                             CASE WHEN indisvalid THEN ' valid' END) AS line
               FROM tables JOIN pg_index ON indrelid = tables.oid
               WHERE indisunique AND NOT EXISTS (
                   SELECT FROM pg_constraint WHERE conindid = indexrelid)),
           triggers AS (
               SELECT concat('trigger ', relname, '.', tgname, ' ', proname, ' ', tgtype, ' ',
                             tgoldtable, ' ', tgnewtable,
                             CASE WHEN tgenabled IN ('D', 'R') THEN ' disabled' END) AS line
               FROM tables JOIN pg_trigger ON tgrelid = tables.oid
                    JOIN pg_proc ON pg_proc.oid = tgfoid
               WHERE NOT tgisinternal),
           functions AS (
               SELECT concat('function ', proname, '(', replace(oidvectortypes(proargtypes), ', ', ','),
                             ') ', provolatile, CASE WHEN proisstrict THEN ' strict' END,
                             ' ' || replace(array_to_string(proconfig, ' '),
                                            concat('search_path=', pronamespace::regnamespace,
                                                   ', pg_temp'),
                                            'search_path'), ' ',
                             CASE WHEN prosqlbody IS NULL THEN md5(prosrc) ELSE (
                                 SELECT json_agg(found[1])::text
                                 FROM regexp_matches(pg_get_function_sqlbody(pg_proc.oid),
                                                     $re$'((?:[^']|'')*)'$re$, 'g') AS found)
                             END) AS line
               FROM pg_proc
               WHERE pronamespace IN (SELECT relnamespace FROM tables) AND prokind = 'f'
                 AND NOT EXISTS (SELECT FROM pg_depend
                                 WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
                                   AND deptype = 'e'))
           SELECT line AS "line!"
           FROM (TABLE columns UNION TABLE constraints UNION TABLE unique_indexes
                 UNION TABLE triggers UNION TABLE functions) AS lines
           ORDER BY line COLLATE "C""#,
    );
    lines.fetch_all(connection).await
}
