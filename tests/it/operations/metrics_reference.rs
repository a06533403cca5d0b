//! `docs/reference/metrics.md` contains each metric of the processes, and the processes have each
//! metric of that page.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::metrics::{Metrics, Sample};
use crate::support::{
    actors::{Browser, Simulator},
    cluster::TestDatabase,
    eventually,
    process::ServerProcess,
};

/// One row of the table of metrics.
struct Row {
    kind: String,
    labels: BTreeSet<String>,
}

/// The page: its metrics by name, and the values of each label that it lists.
struct Reference {
    metrics: BTreeMap<String, Row>,
    labels: BTreeMap<String, BTreeSet<String>>,
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts between backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Reference {
    fn read() -> Self {
        let page = file("docs/reference/metrics.md");
        let (mut metrics, mut labels) = (BTreeMap::new(), BTreeMap::new());
        for line in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let name = cells[0].trim_matches('`').to_owned();
            if cells.len() == 2 {
                labels.insert(name, quoted(cells[1]));
                continue;
            }
            let row = Row { kind: cells[1].to_owned(), labels: quoted(cells[3]) };
            assert!(metrics.insert(name.clone(), row).is_none(), "{name} has two rows");
        }
        Self { metrics, labels }
    }

    fn check_labels(&self, name: &str, sample: &Sample) {
        for (label, value) in sample.labels.iter().filter(|(label, _)| *label != "le") {
            assert!(self.metrics[name].labels.contains(label), "{name} lacks the label {label}");
            let is_known = match label.as_str() {
                // Another test compares the templates with the routes.
                "route" => true,
                "status" => value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()),
                "version" => value == env!("CARGO_PKG_VERSION"),
                _ => self.labels[label].contains(value),
            };
            assert!(is_known, "{name} has {label}={value:?}, which the page lacks");
        }
    }
}

/// The name of the metric of a sample.
fn metric<'a>(sample: &'a Sample, metrics: &Metrics) -> &'a str {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| sample.name.strip_suffix(suffix))
        .filter(|name| metrics.types.contains_key(*name));
    of_histogram.unwrap_or(&sample.name)
}

/// The metrics of a server with traffic.
async fn running() -> Metrics {
    let database = TestDatabase::fresh().await;
    let serving = ServerProcess::start(&["--database-url", &database.url()]);
    let browser = Browser::new(serving.base.clone());
    browser.sign_up("alice").await;
    browser.get("/public").await;
    Simulator::new(format!("{}/sim", serving.base)).tweet("nobody", "lost").await;
    // Measured in the background, so not before the first moments of a server.
    eventually("the lag of the event loop", || async {
        let metrics = Metrics::of(&browser).await;
        let is_measured = metrics
            .samples
            .iter()
            .any(|it| metric(it, &metrics) == "minitwit_event_loop_lag_seconds");
        is_measured.then_some(metrics)
    })
    .await
}

#[tokio::test]
async fn the_page_and_a_running_server_have_the_same_metrics_and_labels() {
    let reference = Reference::read();
    let metrics = running().await;
    let mut found = BTreeSet::new();
    for sample in &metrics.samples {
        let name = metric(sample, &metrics);
        let row = reference.metrics.get(name);
        let row = row.unwrap_or_else(|| panic!("docs/reference/metrics.md lacks {name}"));
        assert_eq!(metrics.types[name], row.kind, "{name}");
        reference.check_labels(name, sample);
        found.insert(name.to_owned());
    }
    let absent: Vec<&String> = reference
        .metrics
        .keys()
        // Only a process with a repository has these.
        .filter(|name| !name.contains("_backup_") && !name.contains("_wal_"))
        .filter(|name| !found.contains(*name))
        .collect();
    assert!(absent.is_empty(), "no process has {absent:?}");
    for label in reference.metrics.values().flat_map(|row| &row.labels) {
        assert!(reference.labels.contains_key(label), "the page lacks the values of {label}");
    }
}

#[test]
fn the_page_has_each_name_in_the_source() {
    let reference = Reference::read();
    let sources = ["metrics", "process", "saturation", "simulator_metrics"];
    for source in sources.map(|name| file(&format!("src/telemetry/{name}.rs"))) {
        for name in source.split('"').filter(|text| text.starts_with("minitwit_")) {
            assert!(reference.metrics.contains_key(name), "docs/reference/metrics.md lacks {name}");
        }
    }
}
