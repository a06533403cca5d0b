//! What a run came to, as a page that needs nothing beside it.

use std::fmt::{self, Display, Write};

use super::{
    Kind, Run, Verification,
    plots::{self, AXIS, GRID, PlotError, SERIES, Written},
    table::{QUANTILES, errors_by_name, written},
};

/// How many differences, and how many of what is unverifiable, are listed.
const FIRST: usize = 50;

pub(super) fn page(run: &Run) -> Result<String, PlotError> {
    let mut page = String::new();
    let plots = [
        ("Latency over time", &["p50", "p99", "max"][..], plots::latency_over_time(run)?),
        ("Rate over time", &["sent", "errors"][..], plots::rate_over_time(run)?),
        ("Latency by command", &Kind::ALL.map(Kind::name)[..], plots::distribution(run)?),
    ];
    // Writing to memory cannot fail.
    let _ = write_page(run, &plots, &mut page);
    Ok(page)
}

type Plot<'a> = (&'static str, &'a [&'static str], String);

fn write_page(run: &Run, plots: &[Plot<'_>], page: &mut String) -> fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>minitwit simulate {base}</title>\n<style>\n{}",
        include_str!("report.css"),
        base = Escaped(&run.base_url),
    )?;
    write_colours(page)?;
    write!(
        page,
        "</style>\n</head>\n<body>\n<h1>minitwit simulate {}</h1>\n",
        Escaped(&run.base_url)
    )?;
    write_head(run, page)?;
    write_figures(run, page)?;
    for (title, names, svg) in plots {
        write!(page, "<h2>{title}</h2>\n<figure>\n<figcaption>")?;
        for (index, name) in names.iter().enumerate() {
            write!(page, "<span><i style=\"background:var(--s{index})\"></i>{name}</span>")?;
        }
        let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}\" "), 1);
        write!(page, "</figcaption>\n{svg}</figure>\n")?;
    }
    write_errors(run, page)?;
    if let Some(found) = &run.verification {
        write_verification(found, page)?;
    }
    let settings = run.settings.iter().filter(|(_, value)| !value.is_null());
    let settings = settings.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        [(*name).replace('_', " "), value]
    });
    write_list(page, "Settings", settings)?;
    page.write_str("</body>\n</html>\n")
}

/// Gives the roles of the plots' colours the colours of the page.
fn write_colours(page: &mut String) -> fmt::Result {
    let series = (0..).zip(SERIES).map(|(index, it)| (it, format!("--s{index}")));
    let others = [(AXIS, "--muted".to_owned()), (GRID, "--grid".to_owned())];
    for (colour, name) in series.chain(others) {
        let colour = Written(colour);
        writeln!(page, "svg [stroke=\"{colour}\"] {{ stroke: var({name}); }}")?;
        writeln!(page, "svg [fill=\"{colour}\"] {{ fill: var({name}); }}")?;
    }
    Ok(())
}

fn write_head(run: &Run, page: &mut String) -> fmt::Result {
    let all = run.statistics.all();
    let (count, seconds) = (all.count, run.took.as_secs_f64());
    let started = run.started_at.date();
    let (hour, minute, second) = run.started_at.time().as_hms();
    writeln!(
        page,
        "<p class=\"muted\">{started} {hour:02}:{minute:02}:{second:02} UTC: {count} of {} commands in \
         {seconds:.1} s, {:.0} a second</p>",
        run.commands,
        run.rate()
    )?;
    let class = |good| if good { "" } else { " class=\"bad\"" };
    writeln!(page, "<p{}>{} errors</p>", class(all.failed() == 0), all.failed())?;
    if let Some(rate) = run.errors_begin_at_rate() {
        writeln!(page, "<p>Errors begin at {rate:.0} commands a second.</p>")?;
    }
    if let Some(found) = &run.verification {
        let (differences, unverifiable) = (found.differences.len(), found.unverifiable.len());
        let class = class(found.passed());
        writeln!(page, "<p{class}>{differences} differences, {unverifiable} unverifiable</p>")?;
    }
    Ok(())
}

fn write_figures(run: &Run, page: &mut String) -> fmt::Result {
    page.write_str("<h2>Commands</h2>\n<div class=\"wide\"><table class=\"figures\">\n<tr>")?;
    for name in ["command", "count", "errors"].into_iter().chain(QUANTILES.map(|it| it.1)) {
        let unit = if name.starts_with('p') || name == "max" { " (ms)" } else { "" };
        write!(page, "<th>{name}{unit}</th>")?;
    }
    page.write_str("</tr>\n")?;
    let by_kind = run.statistics.by_kind().map(|(kind, tally)| (kind.name(), tally));
    for (name, tally) in by_kind.chain([("all", run.statistics.all())]) {
        write!(page, "<tr><th>{name}</th><td>{}</td><td>{}</td>", tally.count, tally.failed())?;
        for (share, _) in QUANTILES {
            write!(page, "<td>{}</td>", written(tally.quantile(share)))?;
        }
        page.write_str("</tr>\n")?;
    }
    page.write_str("</table></div>\n")
}

fn write_errors(run: &Run, page: &mut String) -> fmt::Result {
    let counts = run.statistics.by_kind().flat_map(|(kind, tally)| {
        let named = errors_by_name(tally).into_iter();
        named.map(move |(error, count)| [format!("{}: {error}", kind.name()), count.to_string()])
    });
    write_list(page, "Errors", counts)?;
    let first = run.statistics.first_errors().iter().map(|it| {
        let command = format!("{} ({})", it.number, it.kind.name());
        [command, it.error.to_string(), it.detail.clone()]
    });
    write_list(page, "The first errors", first)
}

fn write_verification(found: &Verification, page: &mut String) -> fmt::Result {
    let Verification { users, messages, follows, uncertain, .. } = found;
    writeln!(
        page,
        "<h2>Verification</h2>\n<p>{users} users, {messages} messages and {follows} follows were read; \
         of {uncertain} commands it is not known whether they happened.</p>"
    )?;
    let counts = found.by_fault().into_iter();
    let counts = counts.map(|(fault, count)| [fault.name().to_owned(), count.to_string()]);
    write_list(page, "Differences", counts)?;
    let first = found.differences.iter().take(FIRST).map(|it| {
        let number = it.number.map(|number| number.to_string());
        let user = it.user.clone().unwrap_or_default();
        [it.fault.name().to_owned(), number.unwrap_or_default(), user, it.detail.clone()]
    });
    write_list(page, "The first differences", first)?;
    let unverifiable = found.unverifiable.iter().take(FIRST);
    write_list(page, "Unverifiable", unverifiable.map(|it| [it.clone()]))
}

/// A table of texts; nothing when there are none.
fn write_list<const COLUMNS: usize>(
    page: &mut String,
    title: &str,
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    write!(page, "<h2>{title}</h2>\n<div class=\"wide\"><table>\n")?;
    for row in rows {
        page.write_str("<tr>")?;
        for cell in &row {
            write!(page, "<td>{}</td>", Escaped(cell))?;
        }
        page.write_str("</tr>\n")?;
    }
    page.write_str("</table></div>\n")
}

/// A text that HTML takes for nothing else.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
