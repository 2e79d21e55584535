//! Bars by name: horizontal, several to a name, below zero to the left.

use crate::canvas::{Anchor, COLOURS, Canvas, shortened, width_of};
use crate::scale::{Scale, short};

const BAR: f64 = 11.0;
const BETWEEN: f64 = 9.0;
const HEAD: f64 = 48.0;
const FOOT: f64 = 40.0;
/// Room for names, at most.
const NAMES: f64 = 170.0;
/// Room for the number beside a bar.
const NUMBER: f64 = 62.0;

/// A bar chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What the numbers are in.
    pub unit: String,
    /// The names of the bars of each row, 1 to 4.
    pub series: Vec<String>,
    /// Names from top to bottom, each with a value per series, in the order of the series.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    fn row_height(&self) -> f64 {
        self.series.len() as f64 * BAR + BETWEEN
    }

    pub(crate) fn height(&self) -> f64 {
        HEAD + self.rows.len() as f64 * self.row_height() + FOOT
    }

    pub(crate) fn draw(&self, canvas: &mut Canvas, (x, y): (f64, f64), width: f64) {
        let names = self.rows.iter().map(|row| width_of(&row.0)).fold(20.0, f64::max).min(NAMES);
        canvas.heading(13, (x, y + 16.0), &shortened(&self.title, width));
        legend(canvas, &self.series, (x, y + 34.0));
        let (left, plot) = (x + names + 8.0, width - names - 8.0 - NUMBER);
        let values = self.rows.iter().flat_map(|row| row.1.iter().flatten().copied());
        let scale = Scale::holding(values, 5);
        // Numbers of bars below zero stand to their left.
        let (left, plot) =
            if scale.low < 0.0 { (left + NUMBER, plot - NUMBER) } else { (left, plot) };
        let at = |value: f64| left + scale.share(value) * plot;
        let (top, bottom) = (y + HEAD, y + self.height() - FOOT);
        for tick in scale.ticks() {
            canvas.line("grid", (at(tick), top), (at(tick), bottom));
            canvas.text("soft", (at(tick), bottom + 15.0), Anchor::Middle, &short(tick));
        }
        canvas.text("soft", (left + plot / 2.0, bottom + 31.0), Anchor::Middle, &self.unit);
        for (row, (name, values)) in self.rows.iter().enumerate() {
            let above = top + row as f64 * self.row_height() + BETWEEN / 2.0;
            let middle = above + self.series.len() as f64 * BAR / 2.0 + 4.0;
            canvas.text("ink", (x + names, middle), Anchor::End, &shortened(name, names));
            for (series, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let place = above + series as f64 * BAR;
                bar(
                    canvas,
                    colour(series, self.series.len()),
                    (at(0.0), at(*value)),
                    place,
                    *value,
                );
            }
        }
        canvas.line("axis", (at(0.0), top), (at(0.0), bottom));
    }
}

/// The first colour is quiet: it is what others are compared with, and not for one alone.
pub(crate) fn colour(series: usize, count: usize) -> usize {
    if count == 1 { 1 } else { series % COLOURS }
}

fn bar(canvas: &mut Canvas, series: usize, (zero, end): (f64, f64), top: f64, value: f64) {
    let class = format!("s{series}");
    let (from, width) = (zero.min(end), (end - zero).abs());
    canvas.rectangle(&class, (from, top), (width.max(0.8), BAR - 1.5));
    let (place, anchor) =
        if value < 0.0 { (end - 4.0, Anchor::End) } else { (end + 4.0, Anchor::Start) };
    canvas.text("soft", (place, top + BAR - 2.0), anchor, &short(value));
}

/// Names of series with their colours, in one line.
pub(crate) fn legend(canvas: &mut Canvas, names: &[String], (mut x, y): (f64, f64)) {
    for (series, name) in names.iter().enumerate() {
        let class = format!("s{}", colour(series, names.len()));
        canvas.rectangle(&class, (x, y - 9.0), (10.0, 10.0));
        canvas.text("soft", (x + 15.0, y), Anchor::Start, name);
        x += 15.0 + width_of(name) + 18.0;
    }
}
