//! A signing key that a hardware token holds (PKCS#11 v3.0): it signs there, and never leaves it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use channel::{KeyError, Signature, Signer};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use serde::Deserialize;

use crate::Error;
use crate::sealed::read_secret;

/// What is wrong if the token does not let the user in.
const PIN: &str = "signing_token.pin_file";

/// `signing_token` of a profile: where the Ed25519 key that signs orders and commands is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningToken {
    /// The PKCS#11 library of the token's maker.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The label (`CKA_LABEL`) of the key pair, both halves of which are on the token.
    pub key: String,
    /// A file with the user's PIN, one line, which its owner alone may read.
    pub pin_file: PathBuf,
}

/// Signs with a key on a hardware token. A session that the token ended is opened again with the
/// next signature; a PIN that it refused is never tried again, for it would lock itself.
pub struct TokenSigner {
    place: SigningToken,
    pin: AuthPin,
    library: Pkcs11,
    public_key: [u8; 32],
    state: Mutex<State>,
}

enum State {
    Open(Open),
    Closed,
    Refused(KeyError),
}

struct Open {
    session: Session,
    private: ObjectHandle,
}

impl TokenSigner {
    /// Loads the library, logs in and finds the key.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field of `signing_token` that is not right.
    pub fn open(place: SigningToken) -> Result<Self, Error> {
        let pin = read_secret(&place.pin_file)?;
        let pin = std::str::from_utf8(&pin).map_err(|_| Error::config(PIN, "must be text"))?;
        let pin = AuthPin::new(pin.trim_end_matches(['\r', '\n']).into());
        let library = load(&place.module)?;
        let (open, public_key) = place.open(&library, &pin)?;
        let state = Mutex::new(State::Open(open));
        Ok(Self { place, pin, library, public_key, state })
    }

    fn open_again(&self) -> Result<Open, Error> {
        let (open, public_key) = self.place.open(&self.library, &self.pin)?;
        if public_key != self.public_key {
            return Err(Error::config("signing_token.key", "is another key now"));
        }
        Ok(open)
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    fn sign(&self, statement: &[u8]) -> Result<Signature, KeyError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match std::mem::replace(&mut *state, State::Closed) {
            State::Open(open) => open,
            State::Closed => self.open_again().map_err(|error| {
                let refused = unavailable(&error);
                if error.field() == Some(PIN) {
                    *state = State::Refused(refused.clone());
                }
                refused
            })?,
            State::Refused(refused) => {
                *state = State::Refused(refused.clone());
                return Err(refused);
            }
        };
        let ed25519 = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        let signed = open.session.sign(&ed25519, open.private, statement);
        let signature = signed.map_err(|error| unavailable(&error))?;
        // Only who could sign is asked again as it is.
        *state = State::Open(open);
        let odd = |odd: Vec<u8>| KeyError { reason: format!("a signature of {} bytes", odd.len()) };
        signature.try_into().map_err(odd)
    }
}

impl std::fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TokenSigner").field(&self.place).finish()
    }
}

impl SigningToken {
    pub(crate) fn files(&mut self) -> [&mut PathBuf; 2] {
        [&mut self.module, &mut self.pin_file]
    }

    fn open(&self, library: &Pkcs11, pin: &AuthPin) -> Result<(Open, [u8; 32]), Error> {
        let away = |error: TokenError| Error::config("signing_token.token", error);
        let slots = library.get_slots_with_token().map_err(away)?;
        let labelled = |slot: &_| {
            library.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == self.token)
        };
        let slots: Vec<_> = slots.into_iter().filter(labelled).collect();
        let [slot] = slots[..] else {
            let problem = format!("{} tokens are called {:?}", slots.len(), self.token);
            return Err(Error::config("signing_token.token", problem));
        };
        let session = library.open_ro_session(slot).map_err(away)?;
        match session.login(UserType::User, Some(pin)) {
            // Once for all sessions of a process.
            Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(Error::config(PIN, error)),
        }
        let private = self.find(&session, ObjectClass::PRIVATE_KEY)?;
        let public = self.find(&session, ObjectClass::PUBLIC_KEY)?;
        let point = session.get_attributes(public, &[AttributeType::EcPoint]).map_err(away)?;
        let public_key = point.first().and_then(ed25519_point);
        let public_key = public_key.ok_or_else(|| {
            Error::config("signing_token.key", format!("{:?} is no Ed25519 key", self.key))
        })?;
        Ok((Open { session, private }, public_key))
    }

    fn find(&self, session: &Session, class: ObjectClass) -> Result<ObjectHandle, Error> {
        let refused = |why: String| Error::config("signing_token.key", why);
        let label = self.key.clone().into_bytes();
        let found = session.find_objects(&[Attribute::Class(class), Attribute::Label(label)]);
        match found.map_err(|error| refused(error.to_string()))?[..] {
            [one] => Ok(one),
            [] => Err(refused(format!("no {class} is called {:?}", self.key))),
            [..] => Err(refused(format!("more than one {class} is called {:?}", self.key))),
        }
    }
}

fn load(module: &Path) -> Result<Pkcs11, Error> {
    let unusable = |error: TokenError| {
        Error::config("signing_token.module", format!("{}: {error}", module.display()))
    };
    let library = Pkcs11::new(module).map_err(unusable)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // By another signer of this process.
        Ok(()) | Err(TokenError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(unusable(error)),
    }
}

/// The 32 bytes of RFC 8032: as they are (PKCS#11 v3.1), or in a DER OCTET STRING (before).
fn ed25519_point(point: &Attribute) -> Option<[u8; 32]> {
    let Attribute::EcPoint(bytes) = point else { return None };
    let bytes = bytes.strip_prefix(&[0x04, 32]).filter(|it| it.len() == 32).unwrap_or(bytes);
    bytes.try_into().ok()
}

fn unavailable(error: &dyn std::fmt::Display) -> KeyError {
    KeyError { reason: error.to_string() }
}
