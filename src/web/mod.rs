//! Pages and forms: what a person with a browser sees.
//!
//! A page is a model in [`pages`], rendered by [`templates`]; what it links to is named in
//! [`paths`] and [`assets`], and [`avatar`] draws its pictures. None of these does input or output.

pub mod assets;
pub mod avatar;
pub mod pages;
pub mod paths;
pub mod templates;
