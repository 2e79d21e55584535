//! A statement of any kind: what the log and the edge carry before anybody looks into it.

use crate::bytes::DecodeError;
use crate::directory::{Identity, KemKey, KemRevocation};
use crate::epoch::EpochOpen;
use crate::finding::{
    DisclosureFault, OpeningRecord, ReceiverConfirmation, Rewrap, ScreeningVerdict,
};
use crate::order_ref::OrderRef;
use crate::participant::ParticipantId;
use crate::policy::DisclosurePolicy;
#[cfg(feature = "sign")]
use crate::sign::{PublicKey, SignatureError};
use crate::statement::{Signed, Statement};

/// Bytes of one signed statement, at most: enough for an epoch of suite 2 with all its readers.
pub const STATEMENT_BYTES_MAX: usize = 18_432;

/// Makes the enum of the kinds and what is the same for each of them.
macro_rules! statements {
    ($($number:literal $kind:ident($statement:ident) = $text:literal,)+) => {
        /// A signed statement of any kind. The numbers are on the wire and in the log.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[repr(u8)]
        pub enum AnyStatement {
            $(#[doc = $text] $kind(Signed<$statement>) = $number,)+
        }

        impl AnyStatement {
            /// Its kind's number, 1 to 10.
            #[must_use]
            pub fn kind(&self) -> u8 {
                match self {
                    $(Self::$kind(_) => $number,)+
                }
            }

            /// Its label, which names the kind in the signed bytes.
            #[must_use]
            pub fn label(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $statement::LABEL,)+
                }
            }

            /// `body ‖ signer [32] ‖ signature [64]`.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                match self {
                    $(Self::$kind(signed) => signed.encode(),)+
                }
            }

            /// Reads a statement of the kind with this number, of at most
            /// [`STATEMENT_BYTES_MAX`] bytes. Its signature is not checked.
            ///
            /// # Errors
            /// [`DecodeError`] naming the field.
            pub fn decode(kind: u8, bytes: &[u8]) -> Result<Self, DecodeError> {
                if bytes.len() > STATEMENT_BYTES_MAX {
                    return Err(DecodeError::Range { field: "statement" });
                }
                Ok(match kind {
                    $($number => Self::$kind(Signed::decode(bytes)?),)+
                    value => {
                        let value = value.into();
                        return Err(DecodeError::Unknown { field: "statement kind", value });
                    }
                })
            }

            /// The pool it is made for.
            #[must_use]
            pub fn pool(&self) -> u32 {
                match self {
                    $(Self::$kind(signed) => signed.statement.pool,)+
                }
            }

            /// The Ed25519 public key that is said to have signed.
            #[must_use]
            pub fn signer(&self) -> &[u8; 32] {
                match self {
                    $(Self::$kind(signed) => &signed.signer,)+
                }
            }

            /// Checks that its signer has signed it; whether that one may say so is another
            /// question.
            ///
            /// # Errors
            /// [`SignatureError`], also if the signer is no Ed25519 public key.
            #[cfg(feature = "sign")]
            pub fn verify(&self) -> Result<(), SignatureError> {
                let key = PublicKey::new(self.signer()).map_err(|_| SignatureError)?;
                match self {
                    $(Self::$kind(signed) => signed.verify(&key),)+
                }
            }
        }

        $(impl From<Signed<$statement>> for AnyStatement {
            fn from(signed: Signed<$statement>) -> Self {
                Self::$kind(signed)
            }
        })+
    };
}

statements! {
    1 Identity(Identity) = "Who a participant is.",
    2 KemKey(KemKey) = "A key to seal to.",
    3 KemRevocation(KemRevocation) = "A key to which nobody may seal any more.",
    4 Policy(DisclosurePolicy) = "Who must be able to read what.",
    5 EpochOpen(EpochOpen) = "For whom orders of an epoch are sealed.",
    6 Verdict(ScreeningVerdict) = "What a screener says of an order.",
    7 Fault(DisclosureFault) = "A slot that its reader cannot open.",
    8 Rewrap(Rewrap) = "The sender's answer to a fault.",
    9 Opening(OpeningRecord) = "Views that were shown to a person.",
    10 Confirmation(ReceiverConfirmation) = "Whether the receiver can apply a payment.",
}

impl AnyStatement {
    /// Who must have signed it, with its identity key; `None` if a root must.
    #[must_use]
    pub fn author(&self) -> Option<ParticipantId> {
        match self {
            Self::Identity(_) | Self::Policy(_) => None,
            Self::KemKey(signed) => Some(signed.statement.participant),
            Self::KemRevocation(signed) => Some(signed.statement.participant),
            Self::EpochOpen(signed) => Some(signed.statement.sender),
            Self::Verdict(signed) => Some(signed.statement.screener),
            Self::Fault(signed) => Some(signed.statement.reporter),
            Self::Rewrap(signed) => Some(signed.statement.order.sender),
            Self::Opening(signed) => Some(signed.statement.reader),
            Self::Confirmation(signed) => Some(signed.statement.receiver),
        }
    }

    /// The order it is about, if it is about one.
    #[must_use]
    pub fn order(&self) -> Option<&OrderRef> {
        match self {
            Self::Identity(_)
            | Self::KemKey(_)
            | Self::KemRevocation(_)
            | Self::Policy(_)
            | Self::EpochOpen(_) => None,
            Self::Verdict(signed) => Some(&signed.statement.order),
            Self::Fault(signed) => Some(&signed.statement.order),
            Self::Rewrap(signed) => Some(&signed.statement.order),
            Self::Opening(signed) => Some(&signed.statement.order),
            Self::Confirmation(signed) => Some(&signed.statement.order),
        }
    }
}
