//! The plots of the report, as SVG.
//!
//! Each colour stands for a role. The page's style sheet gives the roles their colours, light or dark.

use std::{fmt, time::Duration};

use plotters::{
    coord::{
        ranged1d::{AsRangedCoord, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
    style::RGBColor,
};

use super::{Run, table};

/// Pixels, which the page stretches to its width.
const SIZE: (u32, u32) = (960, 300);
const FONT: (&str, u32) = ("sans-serif", 13);
/// The lines and the numbers of the axes.
pub(super) const AXIS: RGBColor = RGBColor(0, 0, 16);
/// The lines behind the plot.
pub(super) const GRID: RGBColor = RGBColor(0, 0, 17);
/// What is drawn, in turn.
pub(super) const SERIES: [RGBColor; 4] =
    [RGBColor(0, 0, 1), RGBColor(0, 0, 2), RGBColor(0, 0, 3), RGBColor(0, 0, 4)];
/// The shortest latency that is drawn, in milliseconds; a logarithm has no zero.
const SHORTEST: f64 = 0.01;
/// The distribution ends at 99.99 %: beyond it are single commands.
const NINES: f64 = 4.0;
/// Points of a distribution.
const STEPS: u32 = 200;

/// A plot that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("a plot cannot be drawn: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// A line of a plot: its points, in pieces where something is missing in between.
type Pieces = Vec<Vec<(f64, f64)>>;

/// Latency over time: the median, 99 in a hundred, and the longest of each second.
pub(super) fn latency_over_time(run: &Run) -> Result<String, PlotError> {
    let seconds = run.statistics.seconds();
    let of = |latency: fn(&super::SecondsLatency) -> Duration| {
        let millis = seconds.iter().map(|it| it.latency.as_ref().map(latency).map(millis));
        pieces(millis)
    };
    let lines = [of(|it| it.p50), of(|it| it.p99), of(|it| it.max)];
    let (shortest, longest) = extent(&lines);
    let range = (shortest..longest).log_scale();
    draw(seconds_range(run), range, &seconds_label, &millis_label, &lines)
}

/// Commands sent, and errors, in each second.
pub(super) fn rate_over_time(run: &Run) -> Result<String, PlotError> {
    let seconds = run.statistics.seconds();
    let sent = pieces(seconds.iter().map(|it| Some(it.sent as f64)));
    let errors = pieces(seconds.iter().map(|it| Some(it.errors as f64)));
    let most = seconds.iter().map(|it| it.sent.max(it.errors)).max().unwrap_or_default();
    let range: RangedCoordf64 = (0.0..(most as f64 * 1.05).max(1.0)).into();
    draw(seconds_range(run), range, &seconds_label, &|it| rounded(*it).to_string(), &[sent, errors])
}

/// How long what share of each kind of command took: the further right, the fewer took longer.
pub(super) fn distribution(run: &Run) -> Result<String, PlotError> {
    let lines: Vec<Pieces> = run
        .statistics
        .by_kind()
        .map(|(_, tally)| {
            let point = |step: u32| {
                let nines = NINES * f64::from(step) / f64::from(STEPS);
                let latency = tally.quantile(1.0 - 10.0_f64.powf(-nines))?;
                Some((nines, millis(latency)))
            };
            vec![(0..=STEPS).filter_map(point).collect()]
        })
        .collect();
    let (shortest, longest) = extent(&lines);
    let range = (shortest..longest).log_scale();
    let share = |nines: &f64| match nines.fract() {
        0.0 => format!("{} %", 100.0 - 100.0 / 10.0_f64.powf(*nines)),
        _ => String::new(),
    };
    draw(0.0..NINES, range, &share, &millis_label, &lines)
}

fn millis(latency: Duration) -> f64 {
    table::millis(latency).max(SHORTEST)
}

fn seconds_range(run: &Run) -> std::ops::Range<f64> {
    0.0..(run.statistics.seconds().len() as f64).max(1.0)
}

fn seconds_label(seconds: &f64) -> String {
    format!("{} s", rounded(*seconds))
}

/// To one digit, since a short axis has numbers between whole ones.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn millis_label(millis: &f64) -> String {
    format!("{millis} ms")
}

/// Values of one second each, at the middle of the seconds.
fn pieces(values: impl Iterator<Item = Option<f64>>) -> Pieces {
    let mut pieces = vec![Vec::new()];
    for (second, value) in (0..).map(|it: u32| f64::from(it) + 0.5).zip(values) {
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => piece.push((second, value)),
            _ => pieces.push(Vec::new()),
        }
    }
    pieces
}

/// The powers of ten between which all values are.
fn extent(lines: &[Pieces]) -> (f64, f64) {
    let values = lines.iter().flatten().flatten().map(|(_, value)| *value);
    let (low, high) = values
        .fold((f64::INFINITY, SHORTEST), |(low, high), value| (low.min(value), high.max(value)));
    let low = 10.0_f64.powf(low.min(high).log10().floor());
    (low, 10.0_f64.powf(high.log10().ceil()).max(low * 10.0))
}

fn draw<Y>(
    x: std::ops::Range<f64>,
    y: Y,
    x_label: &dyn Fn(&f64) -> String,
    y_label: &dyn Fn(&f64) -> String,
    lines: &[Pieces],
) -> Result<String, PlotError>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(32)
            .x_label_area_size(30)
            .y_label_area_size(70)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .axis_style(AXIS)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(FONT.into_font().color(&AXIS))
            .x_label_formatter(&x_label)
            .y_label_formatter(&y_label)
            .draw()?;
        for (line, colour) in lines.iter().zip(SERIES) {
            for piece in line {
                chart
                    .draw_series(LineSeries::new(piece.iter().copied(), colour.stroke_width(2)))?;
                // A second by itself would be no line.
                if let [point] = piece[..] {
                    chart.draw_series([Circle::new(point, 2, colour.filled())])?;
                }
            }
        }
        area.present()?;
    }
    Ok(svg)
}

/// How a colour is written in SVG.
pub(super) struct Written(pub(super) RGBColor);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RGBColor(red, green, blue) = self.0;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}
