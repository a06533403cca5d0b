//! A server with the embedded PostgreSQL: its environment and its stop.

use nix::sys::signal::Signal;

use crate::support::{
    actors::{ApiClient, Simulator},
    process::ServerProcess,
};

/// The variables of libpq (PostgreSQL 18), each with a value that would break a connection.
const CLIENT_VARIABLES: &[(&str, &str)] = &[
    ("PGOPTIONS", "-c default_transaction_read_only=on -c search_path=nowhere -c TimeZone=nowhere"),
    ("PGAPPNAME", "other"),
    ("PGCHANNELBINDING", "require"),
    ("PGCLIENTENCODING", "SQL_ASCII"),
    ("PGCONNECT_TIMEOUT", "1"),
    ("PGDATABASE", "nowhere"),
    ("PGDATESTYLE", "German"),
    ("PGGEQO", "off"),
    ("PGGSSDELEGATION", "1"),
    ("PGGSSENCMODE", "require"),
    ("PGGSSLIB", "gssapi"),
    ("PGHOST", "nowhere.invalid"),
    ("PGHOSTADDR", "192.0.2.1"),
    ("PGKRBSRVNAME", "nobody"),
    ("PGLOADBALANCEHOSTS", "random"),
    ("PGMAXPROTOCOLVERSION", "3.0"),
    ("PGMINPROTOCOLVERSION", "3.2"),
    ("PGPASSFILE", "/nonexistent"),
    ("PGPASSWORD", "wrong"),
    ("PGPORT", "1"),
    ("PGREQUIREAUTH", "scram-sha-256"),
    ("PGREQUIREPEER", "nobody"),
    ("PGREQUIRESSL", "1"),
    ("PGSERVICE", "nowhere"),
    ("PGSERVICEFILE", "/nonexistent"),
    ("PGSSLCERT", "/nonexistent"),
    ("PGSSLCERTMODE", "require"),
    ("PGSSLCOMPRESSION", "1"),
    ("PGSSLCRL", "/nonexistent"),
    ("PGSSLCRLDIR", "/nonexistent"),
    ("PGSSLKEY", "/nonexistent"),
    ("PGSSLMAXPROTOCOLVERSION", "TLSv1"),
    ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
    ("PGSSLMODE", "verify-full"),
    ("PGSSLNEGOTIATION", "direct"),
    ("PGSSLROOTCERT", "/nonexistent"),
    ("PGSSLSNI", "0"),
    ("PGSYSCONFDIR", "/nonexistent"),
    ("PGTARGETSESSIONATTRS", "standby"),
    ("PGTZ", "nowhere"),
    ("PGUSER", "nobody"),
    ("PGDATA", "/nonexistent"),
];

#[tokio::test]
async fn client_variables_of_the_environment_have_no_effect() {
    let server = ServerProcess::start_with(&["--ephemeral"], CLIENT_VARIABLES);
    let simulator = Simulator::new(format!("{}/sim", server.base));
    assert_eq!(simulator.register("ann").await.status, 204);
    assert_eq!(simulator.tweet("ann", "hello").await.status, 204);
    simulator.get("/msgs").await.says("hello");
}

#[tokio::test]
async fn an_ordinary_stop_logs_no_warning() {
    let mut server = ServerProcess::start(&["--ephemeral"]);
    let client = ApiClient::new(server.base.clone());
    client.sign_up("ann").await;
    // Leaves several connections open, which the stop ends.
    for _ in 0..8 {
        client.get("/messages").await;
    }
    assert!(server.end(Signal::SIGTERM).success());
    let output = server.complete_output();
    assert!(output.contains("stopped"), "{output}");
    for level in ["WARN", "ERROR", "terminating connection"] {
        assert!(!output.contains(level), "{output}");
    }
}
