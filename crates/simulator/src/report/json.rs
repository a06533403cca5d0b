//! The JSON report. `docs/how-to/simulate.md` lists its fields.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::format::{QUANTILES, errors_by_name, millis, tallies};
use crate::{
    run::Run,
    statistics::{RegistrationPhase, SecondStatistics, Tally},
    verify::Verification,
};

/// All figures of a run, as one JSON object.
pub fn json(run: &Run) -> Value {
    let statistics = &run.statistics;
    let commands: Map<String, Value> =
        tallies(statistics).map(|(name, it)| (name.to_owned(), tally(it))).collect();
    let settings: Map<String, Value> =
        run.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let errors = statistics.first_errors().iter().map(|it| {
        let (kind, error) = (it.kind.name(), it.error.to_string());
        json!({"number": it.number, "command": kind, "error": error, "detail": it.detail})
    });
    json!({
        "report": "run",
        "base_url": run.base_url,
        "started_at": run.started_at.format(&Rfc3339).unwrap_or_default(),
        "duration_seconds": run.took.as_secs_f64(),
        "settings": settings,
        "registration_phase": statistics.registration_phase().map(registration_phase),
        "existing_users": statistics.existing_users(),
        "commands": commands,
        "errors": statistics.failed(),
        "rate_per_second": run.rate(),
        "seconds": statistics.seconds().iter().enumerate().map(second).collect::<Vec<_>>(),
        "first_errors": errors.collect::<Vec<_>>(),
        "errors_begin_at_rate": run.errors_begin_at_rate(),
        "verification": run.verification.as_ref().map(verification),
        "passed": run.passed(),
    })
}

fn registration_phase(phase: &RegistrationPhase) -> Value {
    let mut object = tally(&phase.tally);
    object["duration_seconds"] = json!(phase.took.as_secs_f64());
    object
}

fn tally(tally: &Tally) -> Value {
    let mut object = Map::new();
    object.insert("count".to_owned(), tally.count.into());
    object.insert("errors".to_owned(), json!(errors_by_name(tally)));
    for (share, name) in QUANTILES {
        let name = format!("{}_ms", name.replace('.', "_"));
        object.insert(name, json!(tally.quantile(share).map(millis)));
    }
    Value::Object(object)
}

fn second((index, second): (usize, &SecondStatistics)) -> Value {
    json!({
        "second": index,
        "sent": second.sent,
        "errors": second.errors,
        "p50_ms": second.latency.map(|it| millis(it.p50)),
        "p99_ms": second.latency.map(|it| millis(it.p99)),
        "max_ms": second.latency.map(|it| millis(it.max)),
    })
}

fn verification(verification: &Verification) -> Value {
    let by_kind = verification.by_kind().into_iter();
    let by_kind: Map<String, Value> =
        by_kind.map(|(kind, count)| (kind.name().to_owned(), count.into())).collect();
    let differences = verification.differences.iter().map(|it| {
        let kind = it.kind.name();
        json!({"kind": kind, "user": it.user, "number": it.number, "detail": it.detail})
    });
    json!({
        "users": verification.users,
        "messages": verification.messages,
        "follows": verification.follows,
        "uncertain_commands": verification.uncertain,
        "latest": verification.latest,
        "possible_latest": verification.possible_latest,
        "differences_by_kind": by_kind,
        "differences": differences.collect::<Vec<_>>(),
        "unverifiable": verification.unverifiable,
    })
}
