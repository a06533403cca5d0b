//! Each module uses only the modules and external crates that the tables below allow.

use proc_macro2::TokenStream;

use crate::support::source::{self, SourceFile};

/// Each module of the crate, and the modules that it may use.
const ALLOWED_IMPORTS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("telemetry", &[]),
    ("domain", &[]),
    ("db", &["domain", "telemetry"]),
    ("seed", &["db", "domain"]),
    ("service", &["db", "domain", "telemetry"]),
    ("http", &["telemetry"]),
    ("simulator_api", &["http", "service", "domain", "telemetry"]),
    ("api", &["http", "service", "domain", "telemetry"]),
    ("web", &["http", "service", "domain", "telemetry"]),
    ("server", &["simulator_api", "api", "web", "http", "service", "db", "domain", "telemetry"]),
    (
        "commands",
        &[
            "server",
            "http",
            "simulator_api",
            "api",
            "web",
            "service",
            "seed",
            "db",
            "domain",
            "config",
            "telemetry",
        ],
    ),
    ("main", &["commands", "config"]),
    // lib.rs declares the modules and uses none.
    ("lib", &[]),
];

/// External crates, and the only modules that may use each.
const CRATE_USERS: &[(&str, &[&str])] = &[
    ("poem", &["http", "simulator_api", "api", "web", "server"]),
    ("poem_openapi", &["http", "simulator_api", "api"]),
    ("sqlx", &["db"]),
    ("refinery", &["db"]),
    ("refinery_core", &["db"]),
    ("tera", &["web"]),
    ("bcrypt", &["service"]),
    ("governor", &["service"]),
    ("clap", &["config", "main"]),
    ("hyper", &["server"]),
    ("indicatif", &["commands"]),
    ("legacy_data", &["service", "commands"]),
];

/// The module of the file at this path, such as `["db", "pool"]`.
fn module(path: &str) -> Vec<&str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').collect()
}

/// The file's violations of the rules, with their lines.
fn violations(path: &str, tokens: &TokenStream) -> Vec<String> {
    let module = module(path);
    let own = module[0];
    let Some((_, allowed)) = ALLOWED_IMPORTS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{path}: {own} is not in ALLOWED_IMPORTS")];
    };
    let mut found = Vec::new();
    for used in source::paths(tokens) {
        let spelled = used.segments.join("::");
        if let Some(target) = target(&module, &used.inline_module, &used.segments)
            && target != own
            && ALLOWED_IMPORTS.iter().any(|(name, _)| *name == target)
            && !allowed.contains(&target.as_str())
        {
            found.push(format!("{path}:{}: {own} uses {target} ({spelled})", used.line));
        }
        // A single name may be a variable; a crate appears in a path of several names.
        if used.segments.len() > 1
            && let Some((name, homes)) =
                CRATE_USERS.iter().find(|(name, _)| *name == used.segments[0])
            && !homes.contains(&own)
        {
            found.push(format!("{path}:{}: {own} uses the crate {name} ({spelled})", used.line));
        }
    }
    found
}

/// The top-level module that a path leads to; `None` if the path leads to another crate or begins with
/// an imported name.
fn target(module: &[&str], inline_module: &[String], segments: &[String]) -> Option<String> {
    // lib.rs and main.rs are the root modules.
    let here = if matches!(module, ["lib" | "main"]) { &[] } else { module };
    let mut full: Vec<String> = here.iter().map(ToString::to_string).collect();
    full.extend_from_slice(inline_module);
    let mut rest = segments.iter();
    match rest.next()?.as_str() {
        "crate" | "minitwit" => full.clear(),
        "self" => {}
        "super" => drop(full.pop()),
        _ => return None,
    }
    for segment in rest {
        match segment.as_str() {
            "super" => drop(full.pop()),
            name => full.push(name.to_owned()),
        }
    }
    full.into_iter().next()
}

#[test]
fn modules_use_only_the_allowed_modules_and_crates() {
    let files = source::files();
    for (name, _) in ALLOWED_IMPORTS {
        let exists = files.iter().any(|file| module(&file.path)[0] == *name);
        assert!(exists, "there is no module {name}");
    }
    let check = |file: &SourceFile| violations(&file.path, &file.tokens);
    let found: Vec<String> = files.iter().flat_map(check).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_kind_of_violation_is_reported() {
    for (path, text, expected) in [
        ("src/db/pool.rs", "use crate::service::Service;", "1: db uses service"),
        ("src/db/mod.rs", "\n\nuse crate::{domain, web::paths};", "3: db uses web"),
        ("src/db/mod.rs", "use crate::{domain::{User}, config};", "db uses config"),
        ("src/domain/user.rs", "fn f() -> crate::db::Error { todo!() }", "domain uses db"),
        ("src/simulator_api/mod.rs", "use crate::web;", "simulator_api uses web"),
        ("src/web/mod.rs", "use crate::{simulator_api as other};", "web uses simulator_api"),
        ("src/api/mod.rs", "use crate::simulator_api::PREFIX;", "api uses simulator_api"),
        ("src/http/mod.rs", "use crate::service::Service;", "http uses service"),
        (
            "src/web/pages/tests.rs",
            "use super::super::super::simulator_api::X;",
            "web uses simulator_api",
        ),
        ("src/service/mod.rs", "mod tests { use super::super::server::Y; }", "service uses server"),
        ("src/telemetry/logs.rs", "use super::super::config::*;", "telemetry uses config"),
        (
            "src/simulator_api/mod.rs",
            "f!(a, crate::db::users::insert(b));",
            "simulator_api uses db",
        ),
        ("src/main.rs", "fn main() { minitwit::server::run() }", "main uses server"),
        ("src/lib.rs", "pub use self::commands::run;", "lib uses commands"),
        ("src/service/mod.rs", "fn f(request: poem::Request) {}", "service uses the crate poem"),
        ("src/web/mod.rs", "#[derive(poem_openapi::Object)] struct S;", "the crate poem_openapi"),
        (
            "src/simulator_api/mod.rs",
            "fn f() { sqlx::query!(\"SELECT 1\"); }",
            "simulator_api uses the crate sqlx",
        ),
        ("src/server/mod.rs", "use ::sqlx::{Row};", "server uses the crate sqlx"),
        ("src/commands/serve.rs", "fn f() { let x: Vec<sqlx::Error>; }", "the crate sqlx"),
        ("src/domain/mod.rs", "use crate::http;", "domain uses http"),
        ("src/mail.rs", "", "mail is not in ALLOWED_IMPORTS"),
    ] {
        let found = violations(path, &text.parse().expect(text));
        assert!(matches!(&found[..], [one] if one.contains(expected)), "{text}: {found:?}");
    }
}

#[test]
fn allowed_imports_are_not_reported() {
    for (path, text) in [
        ("src/db/pool.rs", "use super::{Error, migrations}; use crate::domain::User;"),
        ("src/service/mod.rs", "mod tests { use super::*; use super::super::db; }"),
        ("src/db/messages/mod.rs", "use super::Error; use sqlx::PgConnection;"),
        ("src/web/mod.rs", "// crate::api\nconst X: &str = \"crate::api\"; mod api;"),
        ("src/domain/mod.rs", "/// See [`crate::db`].\nfn f(poem: u8) -> u8 { poem }"),
        (
            "src/server/mod.rs",
            "use crate::{simulator_api, web::{self, templates}}; use poem::Route;",
        ),
        ("src/main.rs", "fn main() { minitwit::commands::run(minitwit::config::parse()) }"),
    ] {
        let found = violations(path, &text.parse().expect(text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}
