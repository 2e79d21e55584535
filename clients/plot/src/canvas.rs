//! The elements of a picture, and the text in them.

use std::fmt::Write as _;

/// Colours of series, `s0` to `s3` of areas and `l0` to `l3` of lines: told apart by everyone, on light and dark ground
/// (Okabe and Ito 2008).
const STYLE: &str = "\
svg{color-scheme:light dark;font-family:system-ui,sans-serif;font-size:12px}\
.ground{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.axis{stroke:#818b98}.grid{stroke:#d8dee4}\
.s0{fill:#8c959f}.s1{fill:#0072b2}.s2{fill:#d55e00}.s3{fill:#009e73}\
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}\
.l0{stroke:#8c959f}.l1{stroke:#0072b2}.l2{stroke:#d55e00}.l3{stroke:#009e73}\
@media(prefers-color-scheme:dark){\
.ground{fill:#0d1117}.ink{fill:#f0f6fc}.soft{fill:#9198a1}.axis{stroke:#656c76}.grid{stroke:#262c36}\
.s0{fill:#9ea7b3}.s1{fill:#56b4e9}.s2{fill:#e69f00}.s3{fill:#2fbf94}\
.l0{stroke:#9ea7b3}.l1{stroke:#56b4e9}.l2{stroke:#e69f00}.l3{stroke:#2fbf94}}";

/// About how wide a character is at the size of the figure's text, pixels.
const CHARACTER: f64 = 6.6;
/// As many series have a colour of their own.
pub(crate) const COLOURS: usize = 4;

/// Where a text stands from its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture being drawn; places are pixels from the top left.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
}

impl Canvas {
    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
        ));
    }

    pub(crate) fn rectangle(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
    ) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>\n"
        ));
    }

    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut data = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(data, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
        }
        self.push(format_args!("<path class=\"{class}\" d=\"{data}\"/>\n"));
    }

    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    pub(crate) fn heading(&mut self, size: u32, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.push(format_args!(
            "<text class=\"ink\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" \
             font-weight=\"600\">{text}</text>\n"
        ));
    }

    /// The whole file.
    pub(crate) fn finish(self, (width, height): (f64, f64), title: &str) -> String {
        let (title, body) = (escaped(title), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(element);
    }
}

/// About how wide a text is, pixels.
pub(crate) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A text cut to about a width, with an ellipsis where something is missing.
pub(crate) fn shortened(text: &str, width: f64) -> String {
    // A text's own width is room enough for it, whatever the rounding.
    let room = (width / CHARACTER + 0.01).max(1.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Text as XML takes it: nothing in it is markup, and nothing that XML does not allow.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // Not characters in XML 1.0.
            control if control.is_control() => safe.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let said = escaped("<script>a && \"b\"\u{0}</script>");
        assert_eq!(said, "&lt;script&gt;a &amp;&amp; &quot;b&quot;\u{fffd}&lt;/script&gt;");
    }

    #[test]
    fn long_names_are_cut_to_their_room() {
        for name in ["ALBKGB2L", "Acme Germany", "Acme France"] {
            assert_eq!(shortened(name, width_of(name)), name);
        }
        let cut = shortened("A very long name of a subsidiary", 60.0);
        assert!(cut.ends_with('…') && width_of(&cut) <= 60.0, "{cut}");
    }
}
