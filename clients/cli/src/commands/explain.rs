//! Why the core said no, in a sentence: the one of `docs/reference/rejects.md`.

use sdk::{reason_name, v1};

use crate::output::{Format, Output};

const PAGE: &str = include_str!("../../../../docs/reference/rejects.md");

/// A reason's sentence.
pub(crate) fn sentence(reason: v1::RejectReason) -> Option<&'static str> {
    let heading = format!("## {} {}\n\n", reason as i32, reason_name(reason));
    PAGE.split_once(&heading)?.1.lines().next()
}

/// Says each reason once, beside the rows that name it.
pub(crate) fn notes(output: Output, reasons: impl Iterator<Item = v1::RejectReason>) {
    if output.format != Format::Text {
        return;
    }
    let mut reasons: Vec<_> = reasons.collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        if let Some(sentence) = sentence(reason) {
            output.note(&format!("{}: {sentence}", reason_name(reason)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_sentence() {
        let reasons: Vec<_> = (1..).map_while(|n| v1::RejectReason::try_from(n).ok()).collect();
        assert!(reasons.len() >= 46);
        for reason in reasons {
            let sentence = sentence(reason).unwrap_or_default();
            assert!(sentence.ends_with('.'), "{reason:?}: {sentence}");
        }
        let cut_off = sentence(v1::RejectReason::CutOffPassed);
        assert_eq!(cut_off, Some("The day's cut-off has passed."));
    }
}
