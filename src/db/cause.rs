//! The cause of a database error, and the only place that makes its text.

use std::{error, fmt};

use sqlx::postgres::PgDatabaseError;

/// The SQLSTATE classes whose details contain no row: connections (08), authentication (28), missing
/// databases (3D) and schemas (3F), syntax and rights (42), resources (53), object states (55), operators
/// (57) and the system (58). Others may contain what users wrote.
const CLASSES_WITHOUT_ROWS: &[&str] = &["08", "28", "3D", "3F", "42", "53", "55", "57", "58"];

/// An error of PostgreSQL or of its driver.
///
/// The driver's text of an error ends with a line number of PostgreSQL's source code, which reads like
/// one of a file of the operator. This text has the message, the SQLSTATE, the detail and the hint.
#[derive(Debug)]
pub struct Cause(pub(super) sqlx::Error);

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sqlx::Error::Database(error) = &self.0 else { return write!(f, "{}", self.0) };
        let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else {
            return f.write_str(error.message());
        };
        write!(f, "{} (SQLSTATE {})", one_line(error.message()), error.code())?;
        if CLASSES_WITHOUT_ROWS.iter().any(|class| error.code().starts_with(class))
            && let Some(detail) = error.detail()
        {
            write!(f, "; {}", one_line(detail))?;
        }
        let hint = pooler_hint(error.code(), error.message()).or(error.hint());
        hint.map_or(Ok(()), |hint| write!(f, "; hint: {}", one_line(hint)))
    }
}

impl error::Error for Cause {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            sqlx::Error::Database(_) => None,
            other => other.source(),
        }
    }
}

/// What to do about errors that only a pooler between this program and PostgreSQL causes.
fn pooler_hint(code: &str, message: &str) -> Option<&'static str> {
    if message.contains("unsupported startup parameter") {
        return Some(
            "this is PgBouncer; MiniTwit sets parameters of its connections, so connect to PostgreSQL \
             itself",
        );
    }
    // A statement was prepared on another connection.
    matches!(code, "26000" | "42P05").then_some(
        "a pooler shares connections between transactions; connect to PostgreSQL itself, or use \
         pool_mode = session",
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
