//! Elements to XML: UTF-8, two spaces per level, one default namespace for each part.

use crate::element::Element;
use crate::reader::Part;
use crate::schema::NAMESPACE_PREFIX;

/// What encloses a header and a document.
const ENVELOPE: &str = "BusMsg";

pub(crate) fn write(header: Option<&Part>, document: &Part) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    match header {
        None => write_part(&mut xml, document, 0),
        Some(header) => {
            xml.push_str(&format!("<{ENVELOPE}>\n"));
            write_part(&mut xml, header, 1);
            write_part(&mut xml, document, 1);
            xml.push_str(&format!("</{ENVELOPE}>\n"));
        }
    }
    xml
}

/// The same in one line without white space between elements and without a declaration.
pub(crate) fn write_compact(header: Option<&Part>, document: &Part) -> String {
    let mut xml = String::new();
    match header {
        None => push_compact_part(&mut xml, document),
        Some(header) => {
            xml.push_str(&format!("<{ENVELOPE}>"));
            push_compact_part(&mut xml, header);
            push_compact_part(&mut xml, document);
            xml.push_str(&format!("</{ENVELOPE}>"));
        }
    }
    xml
}

fn push_compact_part(xml: &mut String, (version, element): &Part) {
    let namespace = format!(" xmlns=\"{NAMESPACE_PREFIX}{}\"", version.identifier);
    push_compact(xml, element, &namespace);
}

fn push_compact(xml: &mut String, element: &Element, attributes: &str) {
    let name = element.name;
    push_start(xml, element, attributes);
    for child in &element.children {
        push_compact(xml, child, "");
    }
    xml.push_str(&format!("</{name}>"));
}

/// The start tag and the text.
fn push_start(xml: &mut String, element: &Element, attributes: &str) {
    xml.push_str(&format!("<{}{attributes}", element.name));
    if let Some(currency) = &element.currency {
        xml.push_str(" Ccy=\"");
        push_escaped(xml, currency);
        xml.push('"');
    }
    xml.push('>');
    push_escaped(xml, &element.text);
}

fn write_part(xml: &mut String, (version, element): &Part, depth: usize) {
    let namespace = format!(" xmlns=\"{NAMESPACE_PREFIX}{}\"", version.identifier);
    write_element(xml, element, depth, &namespace);
}

fn write_element(xml: &mut String, element: &Element, depth: usize, attributes: &str) {
    let indent = "  ".repeat(depth);
    let name = element.name;
    xml.push_str(&indent);
    push_start(xml, element, attributes);
    if !element.children.is_empty() {
        xml.push('\n');
        for child in &element.children {
            write_element(xml, child, depth + 1, "");
        }
        xml.push_str(&indent);
    }
    xml.push_str(&format!("</{name}>\n"));
}

/// Carriage returns are escaped since a reader turns plain ones into line feeds.
fn push_escaped(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#13;"),
            other => xml.push(other),
        }
    }
}
