//! The nearest known word to a misspelt one.

/// The candidate with the fewest edits from `word`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|(edits, _)| *edits <= near)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (to, wanted) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *wanted);
            diagonal = row[to + 1];
            row[to + 1] = replaced.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far_away() {
        let known = ["data_dir", "listen", "tls.ca", "metrics_listen"];
        assert_eq!(nearest("datadir", known.into_iter()), Some("data_dir"));
        assert_eq!(nearest("lisen", known.into_iter()), Some("listen"));
        assert_eq!(nearest("tsl.ca", known.into_iter()), Some("tls.ca"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
