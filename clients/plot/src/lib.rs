//! Charts as SVG: one file, no script, no font of its own, readable on light and dark ground.
//!
//! A [`Figure`] is a title and a grid of charts: [`Lines`] over time, or [`Bars`] by name. Numbers
//! here become places on a picture and nothing else: they are floats, and no sum is made of them.
//! Text that others wrote is escaped, shortened to its room, and cannot leave its element.
//!
//! ```
//! use plot::{Bars, Chart, Figure};
//!
//! let bars = Bars {
//!     title: "EUR".into(),
//!     unit: "EUR".into(),
//!     series: vec!["gross".into(), "net".into()],
//!     rows: vec![("today".into(), vec![Some(900.0), Some(120.0)])],
//! };
//! let figure = Figure { title: "Netting".into(), charts: vec![Chart::Bars(bars)], ..Figure::default() };
//! assert!(figure.to_svg().starts_with("<svg "));
//! ```

mod bars;
mod canvas;
mod figure;
mod lines;
mod scale;

pub use bars::Bars;
pub use figure::{Chart, Figure};
pub use lines::{Line, Lines};
