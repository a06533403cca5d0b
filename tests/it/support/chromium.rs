//! One chromedriver for the test run, and its Chromium sessions, each with an empty profile.

use std::{
    env, fs,
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::unistd::geteuid;
use reqwest::Method;
use serde_json::json;

use super::TIMEOUT;

const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const CHROMEDRIVER_NAMES: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// Options for a fixed appearance, without settings of the machine and without traffic to other servers.
const ARGUMENTS: [&str; 15] = [
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--hide-scrollbars",
    "--lang=en-US",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    // Not localhost, because browsers trust it more than other hosts.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
];

/// A shell script that waits until its standard input closes, which happens however the test process ends. It then ends
/// the driver and all browsers, and deletes their files. Without it, Chromium would outlive its driver.
const WATCHDOG: &str = r#"
    read -r _
    kill -s KILL -- "-$1" 2>/dev/null
    for _ in 1 2 3 4 5; do rm -rf -- "$2" 2>/dev/null && exit; sleep 0.2; done
"#;

/// Opens a session, with or without scripts in pages. Panics if Chromium or chromedriver is missing; the message names
/// the missing program.
pub async fn open_session(scripts: bool) -> Client {
    let driver = driver();
    let mut arguments = ARGUMENTS.to_vec();
    if geteuid().is_root() {
        // The sandbox does not run as root.
        arguments.push("--no-sandbox");
    }
    let mut prefs = json!({"credentials_enable_service": false});
    if !scripts {
        prefs["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    let capabilities = json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"binary": driver.chromium, "args": arguments, "prefs": prefs},
    });
    let capabilities: Capabilities = serde_json::from_value(capabilities).expect("an object");
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let session = builder.capabilities(capabilities).connect(&driver.base).await;
    session.unwrap_or_else(|error| panic!("Chromium does not start: {error}\n{}", driver.output()))
}

/// Ends a session from any thread, with or without a runtime.
pub fn close_session(id: &str) {
    let address = format!("{}/session/{id}", driver().base);
    let closed = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            // The browser may have exited already.
            let _ = client.request(Method::DELETE, address).send().await;
        });
    });
    let _ = closed.join();
}

struct Driver {
    base: String,
    chromium: PathBuf,
    output: PathBuf,
    /// Kept open until the process ends.
    _watchdog: Child,
}

impl Driver {
    fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }
}

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(start)
}

fn start() -> Driver {
    let chromium = find("CHROMIUM", &CHROMIUM_NAMES);
    let chromedriver = find("CHROMEDRIVER", &CHROMEDRIVER_NAMES);
    // Also holds the profiles. The path is short, because the length of socket paths is limited.
    let directory = tempfile::Builder::new().prefix("minitwit-").tempdir().expect("a directory");
    let directory = directory.keep();
    let output = directory.join("chromedriver.log");
    let log = File::create(&output).expect("a file");
    let mut child = Command::new(&chromedriver)
        .arg("--port=0")
        .env("TMPDIR", &directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a descriptor"))
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", chromedriver.display()));
    let watchdog = watch(&child, &directory);
    let port = wait_for_port(&mut child, &output);
    Driver { base: format!("http://127.0.0.1:{port}"), chromium, output, _watchdog: watchdog }
}

fn watch(driver: &Child, directory: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", &driver.id().to_string()])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell")
}

fn wait_for_port(driver: &mut Child, output: &Path) -> u16 {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(output).expect("its output");
        let port = text.split("successfully on port ").nth(1);
        let port = port.and_then(|rest| rest.split(['.', '\n']).next()?.parse().ok());
        if let Some(port) = port {
            return port;
        }
        let ended = driver.try_wait().expect("a child of ours").is_some();
        assert!(!ended && begun.elapsed() < TIMEOUT, "chromedriver did not start: {text}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// The program named by the environment variable, or the first of `names` in PATH.
fn find(variable: &str, names: &[&str]) -> PathBuf {
    if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) {
        return path.into();
    }
    let directories: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let mut paths = names.iter().flat_map(|name| directories.iter().map(move |dir| dir.join(name)));
    paths.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "the browser tests need Chromium and its chromedriver, and PATH has no {}: run \
             scripts/install-test-tools, or name the program in {variable}",
            names.join(" or ")
        )
    })
}
