//! The forms of a database's URL, with a real server, and the texts of errors.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use embedded_postgres::Embedded;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixStream};

use crate::{outage, support::process::minitwit};

/// A server with TCP ports, which pass connections on to its socket.
struct Server {
    _directory: TempDir,
    embedded: Embedded,
    ipv6: u16,
    ipv4: u16,
}

impl Server {
    async fn start() -> Self {
        let (directory, embedded, options) = outage::separate_server().await;
        let socket = embedded.socket_directory().join(format!(".s.PGSQL.{}", options.get_port()));
        let mut ports = Vec::new();
        for address in ["[::1]:0", "127.0.0.1:0"] {
            let listener = TcpListener::bind(address).await.expect("a port");
            ports.push(listener.local_addr().expect("an address").port());
            let socket = socket.clone();
            tokio::spawn(async move {
                while let Ok((mut client, _)) = listener.accept().await {
                    let mut server = UnixStream::connect(&socket).await.expect("connected");
                    tokio::spawn(async move {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    });
                }
            });
        }
        Self { _directory: directory, embedded, ipv6: ports[0], ipv4: ports[1] }
    }

    fn socket(&self) -> String {
        self.embedded.socket_directory().display().to_string()
    }

    /// Runs a command that reads the schema.
    fn status(&self, url: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = minitwit(&["migrate", "--status"]);
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSSLMODE"] {
            command.env_remove(name);
        }
        command.env("DATABASE_URL", url).envs(variables.iter().copied());
        command.output().expect("it runs")
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_url_leads_to_the_database() {
    let server = Server::start().await;
    let Server { ipv6, ipv4, .. } = server;
    let socket = server.socket();
    let encoded = socket.replace('/', "%2F");
    let port = embedded_postgres::SOCKET_PORT;
    let (port_text, ipv4_text) = (port.to_string(), ipv4.to_string());
    let host = [("PGHOST", socket.as_str()), ("PGPORT", &port_text)];
    let tcp = [("PGHOST", "127.0.0.1"), ("PGPORT", &ipv4_text)];
    let user = [("PGUSER", "minitwit"), ("PGDATABASE", "minitwit")];
    let nothing: &[(&str, &str)] = &[];
    for (url, variables) in [
        (format!("postgres://minitwit@[::1]:{ipv6}/minitwit"), nothing),
        (format!("postgresql://minitwit@[0:0:0:0:0:0:0:1]:{ipv6}/minitwit"), nothing),
        (format!("postgres://minitwit@/minitwit?host=::1&port={ipv6}"), nothing),
        (format!("postgres://minitwit@x/minitwit?hostaddr=::1&port={ipv6}"), nothing),
        (format!("postgres://minitwit@127.0.0.1:{ipv4}/minitwit"), nothing),
        (format!("postgres://minitwit@localhost:{ipv4}/minitwit\r\n"), nothing),
        (format!("postgres://minitwit@{encoded}:{port}/minitwit"), nothing),
        (format!("postgres://minitwit@{encoded}/"), &[("PGPORT", &port_text)]),
        (format!("postgres://minitwit@/minitwit?host={socket}&port={port}"), nothing),
        (format!("postgres:///?host={socket}&port={port}&user=minitwit&dbname=minitwit"), nothing),
        ("postgres://minitwit@/minitwit".to_owned(), &host),
        ("postgres://minitwit:unused@/minitwit".to_owned(), &host),
        ("postgres://minitwit@/minitwit".to_owned(), &tcp),
        (format!("postgres://[::1]:{ipv6}"), &user),
        (format!("postgres://minitwit@127.0.0.1:{ipv4}/minitwit?sslmode=prefer"), nothing),
    ] {
        let output = server.status(&url, variables);
        assert!(output.status.success(), "{url} {variables:?}: {}", text(&output));
        assert!(text(&output).contains("V1 "), "{url}: {}", text(&output));
    }
    outage::stop(server.embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_what_is_wrong() {
    let server = Server::start().await;
    let base = format!("postgres://minitwit@127.0.0.1:{}/minitwit", server.ipv4);
    let directory = tempfile::tempdir().expect("a directory");
    let garbage = directory.path().join("garbage");
    fs::write(&garbage, "nothing").expect("written");
    fs::set_permissions(&garbage, fs::Permissions::from_mode(0o644)).expect("ours");
    let garbage = garbage.display().to_string();
    let nothing: &[(&str, &str)] = &[];
    for (url, variables, expected) in [
        (
            format!("{base}?sslmode=verify-full&sslrootcert=/no/ca.pem"),
            nothing,
            "cannot read /no/ca.pem, the file of sslrootcert",
        ),
        (
            format!("{base}?sslmode=verify-ca"),
            &[("PGSSLROOTCERT", "/no/env.pem")][..],
            "cannot read /no/env.pem",
        ),
        (
            format!("{base}?sslcert=/no/cert.pem"),
            nothing,
            "cannot read /no/cert.pem, the file of sslcert",
        ),
        (
            format!("{base}?sslmode=require&sslkey=/no/key.pem"),
            nothing,
            "cannot read /no/key.pem, the file of sslkey",
        ),
        (
            format!("{base}?sslmode=verify-full&sslrootcert={garbage}"),
            nothing,
            "is not in PEM format",
        ),
        // The server has no TLS: the mode is verify-full without being named.
        (format!("{base}?sslrootcert=system"), nothing, "server does not support TLS"),
        (base.clone(), &[("PGSSLROOTCERT", "system")], "server does not support TLS"),
        (format!("{base}?sslrootcert=system&sslmode=require"), nothing, "sslmode=verify-full"),
        (format!("{base}?sslmode=require"), &[("PGSSLROOTCERT", "system")], "sslmode=verify-full"),
        (base.clone(), &[("PGSSLMODE", "verify")], "PGSSLMODE must be one of"),
        (base.clone(), &[("PGPORT", "5432,5433")], "PGPORT must be one number"),
        ("postgres://u@/d".to_owned(), &[("PGHOST", "a,b")], "several are not supported"),
        (
            format!("postgres://minitwit@127.0.0.1:{}/gone", server.ipv4),
            nothing,
            "database \"gone\" does not exist (SQLSTATE 3D000)",
        ),
        (
            format!("postgres://nobody-here@127.0.0.1:{}/minitwit", server.ipv4),
            nothing,
            "role \"nobody-here\" does not exist (SQLSTATE 28000)",
        ),
    ] {
        let output = server.status(&url, variables);
        let text = text(&output);
        assert!(!output.status.success() && text.contains(expected), "{url} {variables:?}: {text}");
        assert!(text.contains("DATABASE_URL"), "{url}: {text}");
        assert!(!text.contains(" at line "), "{url}: {text}");
    }
    outage::stop(server.embedded).await;
}

/// A failed statement of a migration, of a page and of a background task: none shows the line of
/// PostgreSQL's source code.
#[tokio::test(flavor = "multi_thread")]
async fn no_error_shows_a_line_of_source_code() {
    let server = Server::start().await;
    let url = format!("postgres://minitwit@127.0.0.1:{}/minitwit", server.ipv4);
    let options = server.embedded.connect_options("minitwit");
    let mut connection = PgConnection::connect_with(&options).await.expect("connected");
    let arguments = ["--database-url", url.as_str(), "--log", "debug"];
    let mut serving = crate::support::process::ServerProcess::start(&arguments);
    let browser = crate::support::actors::Browser::new(serving.base.clone());
    sqlx::raw_sql("ALTER TABLE messages RENAME TO moved")
        .execute(&mut connection)
        .await
        .expect("moved");
    assert_eq!(browser.get("/public").await.status, 500);
    sqlx::raw_sql("ALTER TABLE moved RENAME TO messages")
        .execute(&mut connection)
        .await
        .expect("moved");
    serving.end(nix::sys::signal::Signal::SIGTERM);
    let output = serving.complete_output();
    assert!(
        output.contains("relation \\\"messages\\\" does not exist (SQLSTATE 42P01)"),
        "{output}"
    );
    assert!(!output.contains(" at line "), "{output}");

    // V10 cannot be applied again.
    let undo = "DELETE FROM refinery_schema_history WHERE version >= 10";
    sqlx::raw_sql(undo).execute(&mut connection).await.expect(undo);
    let output = minitwit(&["migrate"]).env("DATABASE_URL", &url).output().expect("it runs");
    let text = text(&output);
    assert!(text.contains("SQLSTATE") && !text.contains(" at line "), "{text}");
    connection.close().await.expect("closed");
    outage::stop(server.embedded).await;
}
