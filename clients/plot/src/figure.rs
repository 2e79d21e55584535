//! Charts in a grid, under a title.

use crate::bars::Bars;
use crate::canvas::{Anchor, Canvas};
use crate::lines::Lines;

const WIDTH: f64 = 1_000.0;
const MARGIN: f64 = 28.0;
const BETWEEN: f64 = 30.0;
const LINE: f64 = 17.0;

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// Values over time.
    Lines(Lines),
    /// Values by name.
    Bars(Bars),
}

/// A picture: charts in rows from left to right, under a title.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// The title.
    pub title: String,
    /// Lines below the title.
    pub notes: Vec<String>,
    /// Charts in a row; 0 counts as 1.
    pub columns: usize,
    /// The charts.
    pub charts: Vec<Chart>,
}

impl Figure {
    /// The picture as an SVG file: 1,000 pixels wide, as high as it must be.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let mut canvas = Canvas::default();
        canvas.heading(18, (MARGIN, MARGIN + 12.0), &self.title);
        let mut top = MARGIN + 12.0;
        for note in &self.notes {
            top += LINE + 2.0;
            canvas.text("soft", (MARGIN, top), Anchor::Start, note);
        }
        top += 22.0;
        let columns = self.columns.max(1);
        let gaps = (columns - 1) as f64 * BETWEEN;
        let width = (WIDTH - 2.0 * MARGIN - gaps) / columns as f64;
        for row in self.charts.chunks(columns) {
            for (column, chart) in row.iter().enumerate() {
                let place = (MARGIN + column as f64 * (width + BETWEEN), top);
                match chart {
                    Chart::Lines(lines) => lines.draw(&mut canvas, place, width),
                    Chart::Bars(bars) => bars.draw(&mut canvas, place, width),
                }
            }
            top += row.iter().map(Chart::height).fold(0.0, f64::max) + 12.0;
        }
        canvas.finish((WIDTH, top + MARGIN / 2.0), &self.title)
    }
}

impl Chart {
    fn height(&self) -> f64 {
        match self {
            Self::Lines(lines) => lines.height(),
            Self::Bars(bars) => bars.height(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Line;

    #[test]
    fn hostile_names_cannot_leave_their_element() {
        let bars = Bars {
            title: "</text><script>".into(),
            unit: "EUR".into(),
            series: vec!["a".into()],
            rows: vec![("\"><image href=x>".into(), vec![Some(-5.0)]), ("b".into(), vec![None])],
        };
        let line = Line { name: "&".into(), points: vec![(5, 1.0), (9, 3.0)] };
        let lines = Lines {
            title: "t".into(),
            unit: "EUR".into(),
            from_ms: 0,
            until_ms: 10,
            lines: vec![line],
        };
        let charts = vec![Chart::Bars(bars), Chart::Lines(lines)];
        let figure = Figure { title: "<b>".into(), charts, columns: 2, notes: Vec::new() };
        let svg = figure.to_svg();
        assert!(!svg.contains("<script") && !svg.contains("<image") && !svg.contains("<b>"));
        assert_eq!(svg, figure.to_svg(), "the same figure gives the same bytes");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}
