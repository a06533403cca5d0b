//! The tutorial of the API: its commands run, and print what it says. `make api-check` runs its
//! TypeScript, too.

use std::{path::Path, process::Command};

use crate::support::App;

#[tokio::test]
async fn the_blocks_of_the_api_tutorial_print_what_it_says() {
    let app = App::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/tutorial.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(app.url("")).args(["sh", "python"]);
    // The server runs on this thread, so another one waits for the commands.
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
