//! A deterministic rule: names on a list are held.

use super::Screen;

/// Names that are held.
#[derive(Debug)]
pub(crate) struct DenyList {
    hash: [u8; 32],
    /// Each as its words.
    names: Vec<Vec<String>>,
}

impl DenyList {
    /// One name a line; `#` begins a remark. Bytes that are no UTF-8 are part of no name.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let names = text.lines().map(|line| words(line.split('#').next().unwrap_or_default()));
        let names = names.filter(|words| !words.is_empty()).collect();
        Self { hash: channel::sha256(bytes), names }
    }
}

/// The words of a name: letters and digits, in capitals.
fn words(name: &str) -> Vec<String> {
    let words = name.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_uppercase).collect()
}

impl Screen for DenyList {
    fn lists(&self) -> [u8; 32] {
        self.hash
    }

    fn engine(&self) -> u32 {
        1
    }

    /// A name is held if all words of one on the list stand in it, one behind the other.
    fn passes(&self, names: &[String]) -> bool {
        let listed = |name: &String| {
            let name = words(name);
            self.names.iter().any(|held| name.windows(held.len()).any(|words| words == held))
        };
        !names.iter().any(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_held_however_they_are_written() {
        let list = DenyList::parse(b"# held\nBlack Pearl Trading\nIvan Petrov # person\n\n");
        let passes = |name: &str| list.passes(&["Emmy".to_owned(), name.to_owned()]);
        assert!(!passes("BLACK-PEARL  Trading Ltd"));
        assert!(!passes("Mr. Ivan Petrov"));
        assert!(passes("Petrov Ivan") && passes("Black Pearls Trading") && passes("Pearl Trading"));
        assert!(list.passes(&[]));
        assert_ne!(list.lists(), DenyList::parse(b"").lists());
        assert!(DenyList::parse(b"\n# nobody\n").passes(&["anybody".to_owned()]));
    }
}
