//! What the HTML reports share: the templates, and the colours of the plots.

use serde::Serialize;
use tera::{Context, Tera};

use super::plots::{AXIS, GRID, PlotError, SERIES, hex};

/// The names end in `.html`, so that Tera escapes all values.
const TEMPLATES: [(&str, &str); 4] = [
    ("layout.html", include_str!("../../templates/layout.html")),
    ("plots.html", include_str!("../../templates/plots.html")),
    ("report.html", include_str!("../../templates/report.html")),
    ("side_by_side.html", include_str!("../../templates/side_by_side.html")),
];

/// Why a page cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A template does not fit the model.
    #[error("cannot render the page")]
    Template(#[from] tera::Error),
}

/// A colour in the plots, and the CSS variable that replaces it.
pub(crate) type Colour = (String, String);

/// A plot with the names of its lines.
#[derive(Serialize)]
pub(crate) struct PlotModel<'a> {
    pub(crate) title: &'static str,
    pub(crate) series: Vec<&'a str>,
    pub(crate) svg: String,
}

/// All colours in the plots.
pub(crate) fn colours() -> Vec<Colour> {
    let series =
        SERIES.iter().zip(0..).map(|(colour, index)| (hex(*colour), format!("--s{index}")));
    let others = [(AXIS, "--muted"), (GRID, "--grid")];
    let others = others.map(|(colour, variable)| (hex(colour), variable.to_owned()));
    series.chain(others).collect()
}

/// Renders a template.
pub(crate) fn render(template: &str, model: &impl Serialize) -> Result<String, PageError> {
    let mut tera = Tera::new();
    tera.add_raw_templates(TEMPLATES)?;
    Ok(tera.render(template, &Context::from_serialize(model)?)?)
}
