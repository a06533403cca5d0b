//! Standard output has the results of a command alone, and its log goes to standard error.

use crate::support::{App, process::minitwit};

#[tokio::test]
async fn results_and_log_lines_of_commands_have_a_stream_each() {
    let app = App::start().await;
    app.api_user("ann").await;
    for command in [&["migrate", "--status"][..], &["user", "list"], &["user", "show", "ann"]] {
        let run = |log: &str| {
            let url = app.database.url();
            let output = minitwit(command).args(["--log", log, "--database-url", &url]).output();
            let output = output.expect("it runs");
            assert!(output.status.success(), "{output:?}");
            let text = |bytes| String::from_utf8(bytes).expect("text");
            (text(output.stdout), text(output.stderr))
        };
        let ((quiet, nothing), (results, log)) = (run("off"), run("debug"));
        assert!(!results.is_empty(), "{command:?}");
        assert_eq!(results, quiet, "{command:?}");
        assert!(nothing.is_empty() && log.contains("DEBUG"), "{command:?}: {nothing}{log}");
    }
}
