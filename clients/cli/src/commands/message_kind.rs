//! Kinds of message on the command line, and in the names of files.

use channel::MessageKind;
use clap::ValueEnum;

/// A kind of message on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// pacs.008
    Pacs008,
    /// pacs.009
    Pacs009,
    /// pacs.009 COV
    Cover,
    /// An FX instruction.
    FxInstruction,
    /// An FX payment.
    FxPayment,
}

impl KindArg {
    /// The kind that is meant.
    pub(crate) fn kind(self) -> MessageKind {
        match self {
            Self::Pacs008 => MessageKind::CustomerTransfer,
            Self::Pacs009 => MessageKind::InstitutionTransfer,
            Self::Cover => MessageKind::Cover,
            Self::FxInstruction => MessageKind::FxInstruction,
            Self::FxPayment => MessageKind::FxPayment,
        }
    }
}

/// The word of a kind, as it is given on the command line.
pub(crate) fn word(kind: MessageKind) -> String {
    let arg = KindArg::value_variants().iter().find(|arg| arg.kind() == kind);
    let value = arg.and_then(ValueEnum::to_possible_value);
    value.map_or_else(|| (kind as u16).to_string(), |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let kinds = (1..=u16::from(u8::MAX)).map_while(MessageKind::from_number);
        let words: Vec<String> = kinds.map(word).collect();
        assert_eq!(words, ["pacs008", "pacs009", "cover", "fx-instruction", "fx-payment"]);
    }
}
