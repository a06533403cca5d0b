//! A base URL that leads to the pages instead of the simulator API.

use crate::support::{App, process::minitwit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_and_a_check_name_the_response_and_the_likely_address() {
    let app = App::start().await;
    for arguments in [&["--commands", "40", "--verify"][..], &["--check"]] {
        let mut command = minitwit(&["simulate", &app.url("")]);
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("no panic").expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let (shown, errors) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(1), "{shown}{errors}");
        let failure = errors.lines().last().expect("a line");
        for part in
            ["GET /latest returned status 404, text/html", &format!("try {}", app.url("/sim"))]
        {
            assert!(failure.contains(part), "{part}: {errors}");
        }
        assert!(!errors.contains('<') && shown.is_empty(), "{shown}{errors}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0, "nothing was sent");
}
