//! A key store over a PKCS#11 token: keys never leave it, and it may go and come back.
//!
//! A [`TokenKey`] knows its token and its id, not a session: sessions and handles die with every
//! removal. Each signature takes the session that is there or opens one; where the token is gone, it
//! says [`SignError::Absent`], and the next signature looks again. A PIN that the token refused is not
//! tried again, since three wrong ones lock most tokens.
//!
//! Signatures of one token wait for one another. A token that signs in parallel wants a pool of
//! sessions in the place of the one here.

mod der;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bonafide::credential::{CredentialKey, KeySelector, KeyStore, KeyStoreError, SignError};
use bonafide::signature::SignatureAlgorithm;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use sha2::{Digest, Sha256, Sha384};

/// A token, whether it is there or not.
///
/// One for each module and process: the module is initialised when the token is first used, and again
/// after the token was gone.
#[derive(Clone)]
pub struct TokenStore(Arc<Token>);

struct Token {
    module: PathBuf,
    label: String,
    pin: AuthPin,
    state: Mutex<State>,
}

enum State {
    Away,
    Here(Box<Connection>),
    /// The token refused the PIN.
    Locked,
}

struct Connection {
    // Dropped first.
    session: Session,
    pkcs11: Pkcs11,
    /// Handles of private keys by id.
    handles: BTreeMap<Vec<u8>, ObjectHandle>,
}

/// What went wrong with a token.
#[derive(Debug)]
enum Trouble {
    Absent,
    Busy,
    Denied,
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        use RvError as R;
        let Error::Pkcs11(code, _) = &error else { return Self::Failed(error) };
        match code {
            R::DeviceRemoved
            | R::TokenNotPresent
            | R::TokenNotRecognized
            | R::SlotIdInvalid
            | R::SessionHandleInvalid
            | R::SessionClosed
            | R::ObjectHandleInvalid
            | R::KeyHandleInvalid
            | R::UserNotLoggedIn
            | R::DeviceError
            | R::GeneralError
            | R::CryptokiNotInitialized => Self::Absent,
            R::SessionCount | R::HostMemory | R::DeviceMemory | R::OperationActive => Self::Busy,
            R::PinIncorrect
            | R::PinInvalid
            | R::PinExpired
            | R::PinLocked
            | R::UserPinNotInitialized
            | R::KeyFunctionNotPermitted
            | R::ActionProhibited => Self::Denied,
            _ => Self::Failed(error),
        }
    }
}

impl From<Trouble> for SignError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Absent => Self::Absent,
            Trouble::Busy => Self::Busy,
            Trouble::Denied => Self::Denied,
            Trouble::Failed(error) => Self::failed(error),
        }
    }
}

impl From<Trouble> for KeyStoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Absent => Self::Absent,
            Trouble::Busy => Self::Busy,
            Trouble::Denied => Self::Denied,
            Trouble::Failed(error) => Self::failed(error),
        }
    }
}

impl TokenStore {
    /// Names the token with `label` that the PKCS#11 module at `module` reaches. Looks for it when it
    /// is first used.
    pub fn new(module: &Path, label: &str, pin: &str) -> Self {
        Self(Arc::new(Token {
            module: module.to_owned(),
            label: label.to_owned(),
            pin: AuthPin::new(pin.into()),
            state: Mutex::new(State::Away),
        }))
    }

    /// Generates a P-256 key that cannot leave the token.
    ///
    /// # Errors
    /// As [`KeyStore::find`].
    pub fn generate(&self, id: &[u8], label: &str) -> Result<Arc<TokenKey>, KeyStoreError> {
        let names = [Attribute::Id(id.to_vec()), Attribute::Label(label.as_bytes().to_vec())];
        let public = [
            &names[..],
            &[
                Attribute::Token(true),
                Attribute::EcParams(der::P256.to_vec()),
                Attribute::Verify(true),
            ],
        ];
        let private = [
            &names[..],
            &[
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
            ],
        ];
        self.0.with(|connection| {
            let mechanism = Mechanism::EccKeyPairGen;
            connection.session.generate_key_pair(
                &mechanism,
                &public.concat(),
                &private.concat(),
            )?;
            Ok(())
        })?;
        self.key(KeySelector::Id(id))?.ok_or(KeyStoreError::Absent)
    }

    /// Destroys a key, its public half included. Credentials with it sign no more.
    ///
    /// # Errors
    /// As [`KeyStore::find`].
    pub fn destroy(&self, id: &[u8]) -> Result<(), KeyStoreError> {
        self.0.with(|connection| {
            connection.handles.remove(id);
            for object in connection.session.find_objects(&[Attribute::Id(id.to_vec())])? {
                connection.session.destroy_object(object)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn key(&self, selector: KeySelector<'_>) -> Result<Option<Arc<TokenKey>>, KeyStoreError> {
        let found = self.0.with(|connection| {
            let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
            match selector {
                KeySelector::Id(id) => template.push(Attribute::Id(id.to_vec())),
                KeySelector::Label(label) => {
                    template.push(Attribute::Label(label.as_bytes().to_vec()));
                }
                _ => {}
            }
            let objects = connection.session.find_objects(&template)?;
            let mut found = Vec::new();
            for object in objects {
                if let Some(key) = public_half(&connection.session, object)? {
                    let wanted = match selector {
                        KeySelector::PublicKey(spki) => key.spki == spki,
                        _ => true,
                    };
                    found.extend(wanted.then_some(key));
                }
            }
            Ok(found)
        })?;
        match found.len() {
            0 => Ok(None),
            1 => Ok(found.into_iter().next().map(|PublicHalf { id, spki, algorithms }| {
                Arc::new(TokenKey { token: self.0.clone(), id, spki, algorithms })
            })),
            count => Err(KeyStoreError::Ambiguous { count }),
        }
    }
}

impl KeyStore for TokenStore {
    fn find(
        &self,
        selector: KeySelector<'_>,
    ) -> Result<Option<Arc<dyn CredentialKey>>, KeyStoreError> {
        Ok(self.key(selector)?.map(|key| key as Arc<dyn CredentialKey>))
    }
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStore").field("label", &self.0.label).finish_non_exhaustive()
    }
}

/// What a token says of a key.
struct PublicHalf {
    id: Vec<u8>,
    spki: Vec<u8>,
    algorithms: &'static [SignatureAlgorithm],
}

/// Reads the public half of a key; nothing for kinds of key that this store does not know.
fn public_half(session: &Session, object: ObjectHandle) -> Result<Option<PublicHalf>, Error> {
    let wanted = [
        AttributeType::Id,
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut id, mut curve, mut point) = (Vec::new(), Vec::new(), Vec::new());
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    let mut kind = None;
    for attribute in session.get_attributes(object, &wanted)? {
        match attribute {
            Attribute::Id(value) => id = value,
            Attribute::KeyType(value) => kind = Some(value),
            Attribute::EcParams(value) => curve = value,
            Attribute::EcPoint(value) => point = value,
            Attribute::Modulus(value) => modulus = value,
            Attribute::PublicExponent(value) => exponent = value,
            _ => {}
        }
    }
    use SignatureAlgorithm as S;
    Ok(match kind {
        Some(KeyType::EC) => {
            let algorithms: &[S] = match curve.as_slice() {
                der::P256 => &[S::EcdsaSha256],
                der::P384 => &[S::EcdsaSha384],
                _ => return Ok(None),
            };
            let spki = der::ec_public_key(&curve, &point);
            spki.map(|spki| PublicHalf { id, spki, algorithms })
        }
        Some(KeyType::RSA) => {
            let spki = der::rsa_public_key(&modulus, &exponent);
            Some(PublicHalf { id, spki, algorithms: &[S::RsaPssSha256, S::RsaPkcs1Sha256] })
        }
        _ => None,
    })
}

/// A key in a token.
pub struct TokenKey {
    token: Arc<Token>,
    id: Vec<u8>,
    spki: Vec<u8>,
    algorithms: &'static [SignatureAlgorithm],
}

impl CredentialKey for TokenKey {
    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        use SignatureAlgorithm as S;
        // Tokens in use hash for RSA but not for ECDSA.
        let pss = PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: 32.into(),
        };
        let (mechanism, data) = match algorithm {
            S::EcdsaSha256 => (Mechanism::Ecdsa, Sha256::digest(message).to_vec()),
            S::EcdsaSha384 => (Mechanism::Ecdsa, Sha384::digest(message).to_vec()),
            S::RsaPssSha256 => (Mechanism::Sha256RsaPkcsPss(pss), message.to_vec()),
            S::RsaPkcs1Sha256 => (Mechanism::Sha256RsaPkcs, message.to_vec()),
            other => return Err(SignError::UnsupportedAlgorithm(other)),
        };
        let signature = self.token.with(|connection| {
            let key = connection.private_key(&self.id)?;
            Ok(connection.session.sign(&mechanism, key, &data)?)
        })?;
        Ok(match mechanism {
            Mechanism::Ecdsa => der::ecdsa_signature(&signature),
            _ => signature,
        })
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("token", &self.token.label)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// Does `work` with a session, twice where the first one turns out to be stale.
    fn with<T>(
        &self,
        mut work: impl FnMut(&mut Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Locked = *state {
            return Err(Trouble::Denied);
        }
        if let State::Here(connection) = &mut *state {
            match work(connection) {
                Err(Trouble::Absent) => {}
                result => return result,
            }
        }
        if let State::Here(connection) = std::mem::replace(&mut *state, State::Away) {
            connection.close();
        }
        let mut connection = match self.connect() {
            Err(Trouble::Denied) => {
                *state = State::Locked;
                return Err(Trouble::Denied);
            }
            result => result?,
        };
        let result = work(&mut connection);
        *state = State::Here(Box::new(connection));
        result
    }

    fn connect(&self) -> Result<Connection, Trouble> {
        let pkcs11 = Pkcs11::new(&self.module)?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(error.into()),
        }
        match self.log_in(&pkcs11) {
            Ok(session) => Ok(Connection { session, pkcs11, handles: BTreeMap::new() }),
            Err(trouble) => {
                // Else the module would not look for tokens again.
                let _ = pkcs11.finalize();
                Err(trouble)
            }
        }
    }

    fn log_in(&self, pkcs11: &Pkcs11) -> Result<Session, Trouble> {
        for slot in pkcs11.get_slots_with_initialized_token()? {
            if pkcs11.get_token_info(slot)?.label() != self.label {
                continue;
            }
            let session = pkcs11.open_rw_session(slot)?;
            return match session.login(UserType::User, Some(&self.pin)) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
                Err(error) => Err(error.into()),
            };
        }
        Err(Trouble::Absent)
    }
}

impl Connection {
    fn private_key(&mut self, id: &[u8]) -> Result<ObjectHandle, Trouble> {
        if let Some(handle) = self.handles.get(id) {
            return Ok(*handle);
        }
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())];
        let handle = self.session.find_objects(&template)?.into_iter().next();
        let handle = handle.ok_or(Trouble::Absent)?;
        self.handles.insert(id.to_vec(), handle);
        Ok(handle)
    }

    /// Forgets everything that the module remembers of tokens.
    fn close(self) {
        let Self { session, pkcs11, .. } = self;
        drop(session);
        let _ = pkcs11.finalize();
    }
}
