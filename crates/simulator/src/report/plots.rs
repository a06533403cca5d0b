//! The plots of the HTML report, as SVG.
//!
//! Their colours are placeholders, which the page's style sheet replaces, for a light and a dark scheme.

use std::time::Duration;

use plotters::{
    coord::{
        ranged1d::{AsRangedCoord, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
    style::RGBColor,
};

use super::format;
use crate::{run::Run, statistics::SecondLatency};

/// Width and height in pixels; the page scales the plot to its width.
const SIZE: (u32, u32) = (960, 300);
const FONT: (&str, u32) = ("sans-serif", 13);
/// Axis lines and labels.
pub(crate) const AXIS: RGBColor = RGBColor(0, 0, 16);
/// Grid lines.
pub(crate) const GRID: RGBColor = RGBColor(0, 0, 17);
/// The lines of a plot, in order.
pub(crate) const SERIES: [RGBColor; 4] =
    [RGBColor(0, 0, 1), RGBColor(0, 0, 2), RGBColor(0, 0, 3), RGBColor(0, 0, 4)];
/// The lowest latency on the logarithmic axis, in milliseconds.
const MIN_MILLIS: f64 = 0.01;
/// The distribution ends at 99.99 % (four nines), beyond which are single commands.
const MAX_NINES: f64 = 4.0;
/// Points per line of the distribution.
const DISTRIBUTION_STEPS: u32 = 200;

/// Why a plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw a plot: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// A line of a plot: runs of consecutive points, with gaps between them.
type Line = Vec<Vec<(f64, f64)>>;

/// Latency over time: p50, p99 and maximum of each second.
pub(crate) fn latency_over_time(run: &Run) -> Result<String, PlotError> {
    let seconds = run.statistics.seconds();
    let of = |latency: fn(&SecondLatency) -> Duration| {
        let latencies = seconds.iter().map(|it| it.latency.as_ref().map(latency));
        latencies.map(|it| it.map(format::millis)).collect()
    };
    latencies(&[of(|it| it.p50), of(|it| it.p99), of(|it| it.max)])
}

/// Commands sent and errors in each second.
pub(crate) fn rate_over_time(run: &Run) -> Result<String, PlotError> {
    let seconds = run.statistics.seconds();
    let sent = seconds.iter().map(|it| Some(it.sent as f64)).collect();
    let errors = seconds.iter().map(|it| Some(it.errors as f64)).collect();
    numbers(&[sent, errors])
}

/// Lines of latencies in milliseconds, with a value for each second, on a logarithmic axis.
pub(crate) fn latencies(lines: &[Vec<Option<f64>>]) -> Result<String, PlotError> {
    let visible = |millis: Option<f64>| millis.map(|it| it.max(MIN_MILLIS));
    let drawn: Vec<Line> =
        lines.iter().map(|line| line_of_seconds(line.iter().copied().map(visible))).collect();
    let (shortest, longest) = extent(&drawn);
    let range = (shortest..longest).log_scale();
    draw(seconds_range(lines), range, &seconds_label, &millis_label, &drawn)
}

/// Lines of numbers, with a value for each second.
pub(crate) fn numbers(lines: &[Vec<Option<f64>>]) -> Result<String, PlotError> {
    let most = lines.iter().flatten().flatten().fold(0.0, |most: f64, it| most.max(*it));
    let range: RangedCoordf64 = (0.0..(most * 1.05).max(1.0)).into();
    let drawn: Vec<Line> = lines.iter().map(|line| line_of_seconds(line.iter().copied())).collect();
    draw(seconds_range(lines), range, &seconds_label, &|it| rounded(*it).to_string(), &drawn)
}

/// Latency by quantile, for each kind of command, with a logarithmic axis of nines.
pub(crate) fn distribution(run: &Run) -> Result<String, PlotError> {
    let lines: Vec<Line> = run
        .statistics
        .by_kind()
        .map(|(_, tally)| {
            let point = |step: u32| {
                let nines = MAX_NINES * f64::from(step) / f64::from(DISTRIBUTION_STEPS);
                let latency = tally.quantile(1.0 - 10.0_f64.powf(-nines))?;
                Some((nines, millis(latency)))
            };
            vec![(0..=DISTRIBUTION_STEPS).filter_map(point).collect()]
        })
        .collect();
    let (shortest, longest) = extent(&lines);
    let range = (shortest..longest).log_scale();
    let share = |nines: &f64| match nines.fract() {
        0.0 => format!("{} %", 100.0 - 100.0 / 10.0_f64.powf(*nines)),
        _ => String::new(),
    };
    draw(0.0..MAX_NINES, range, &share, &millis_label, &lines)
}

fn millis(latency: Duration) -> f64 {
    format::millis(latency).max(MIN_MILLIS)
}

fn seconds_range(lines: &[Vec<Option<f64>>]) -> std::ops::Range<f64> {
    let longest = lines.iter().map(Vec::len).max().unwrap_or_default();
    0.0..(longest as f64).max(1.0)
}

fn seconds_label(seconds: &f64) -> String {
    format!("{} s", rounded(*seconds))
}

/// Rounds to one digit: a short axis has labels between whole numbers.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn millis_label(millis: &f64) -> String {
    format!("{millis} ms")
}

/// A line through one value per second, drawn at the middle of the second.
fn line_of_seconds(values: impl Iterator<Item = Option<f64>>) -> Line {
    let mut line = vec![Vec::new()];
    for (second, value) in (0..).map(|it: u32| f64::from(it) + 0.5).zip(values) {
        match (value, line.last_mut()) {
            (Some(value), Some(piece)) => piece.push((second, value)),
            _ => line.push(Vec::new()),
        }
    }
    line
}

/// The powers of ten that enclose all values.
fn extent(lines: &[Line]) -> (f64, f64) {
    let values = lines.iter().flatten().flatten().map(|(_, value)| *value);
    let (low, high) = values
        .fold((f64::INFINITY, MIN_MILLIS), |(low, high), value| (low.min(value), high.max(value)));
    let low = 10.0_f64.powf(low.min(high).log10().floor());
    (low, 10.0_f64.powf(high.log10().ceil()).max(low * 10.0))
}

fn draw<Y>(
    x: std::ops::Range<f64>,
    y: Y,
    x_label: &dyn Fn(&f64) -> String,
    y_label: &dyn Fn(&f64) -> String,
    lines: &[Line],
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
                // A single point would not be visible as a line.
                if let [point] = piece[..] {
                    chart.draw_series([Circle::new(point, 2, colour.filled())])?;
                }
            }
        }
        area.present()?;
    }
    Ok(svg)
}

/// A colour as SVG writes it.
pub(crate) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}
