//! `Connection`: a rustls connection that carries no data before its peer is verified.
//!
//! rustls hands out data as soon as its handshake is over, and a resumed one it never asks a verifier
//! about. This wrapper judges the peer when the handshake is over, full or resumed, under the snapshot
//! then in force and by the clock, before anything can be read or written. What a refused peer has sent
//! is dropped unseen; the connection is closed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls_0_24::crypto::cipher::OutboundPlain;
use rustls_0_24::{ConnectionOutputs, Error, IoState, SideData, Tcp, TlsInputBuffer};
use rustls_pki_types::ServerName;

use super::endpoint::{ClientEndpoint, ServerHandshake};
use crate::live::LivePeer;
use crate::tls::{PeerError, RejectedPeer, Slot};

/// Why a connection does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// rustls ended it. A peer refused in a full handshake is here too: rustls sends the alert.
    #[error(transparent)]
    Tls(#[from] Error),
    /// The peer of a finished handshake is refused.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The peer is not verified yet, or was refused.
    #[error("the peer is not verified")]
    NotVerified,
}

/// On which side of a connection one sits, and what tells of the other.
pub(super) enum Seat {
    Client { endpoint: Arc<ClientEndpoint>, name: Box<ServerName<'static>>, slot: Arc<Slot> },
    Server(Box<ServerHandshake>),
}

impl Seat {
    fn judge(&self, connection: &ConnectionOutputs) -> Result<Option<LivePeer>, PeerError> {
        match self {
            Self::Client { endpoint, name, slot } => {
                let judged = endpoint.judge(connection, name);
                if let Err(PeerError::Rejected(rejected)) = &judged {
                    slot.reject(rejected.clone());
                }
                judged.map(Some)
            }
            Self::Server(handshake) => handshake.verified_peer(connection),
        }
    }

    fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        match self {
            Self::Client { slot, .. } => slot.rejected(),
            Self::Server(handshake) => handshake.rejected(),
        }
    }
}

enum State {
    Handshaking,
    Open(Option<LivePeer>),
    Refused,
}

/// A connection, client's or server's, whose peer is verified before it carries data.
///
/// Used as a rustls connection is: what arrives goes through [`Connection::read_tls`], what is to be sent
/// is appended to a buffer of the caller's.
pub struct Connection<Side: SideData> {
    inner: rustls_0_24::Connection<Side, Tcp>,
    seat: Seat,
    state: State,
}

impl<Side: SideData> Connection<Side> {
    pub(super) const fn new(inner: rustls_0_24::Connection<Side, Tcp>, seat: Seat) -> Self {
        Self { inner, seat, state: State::Handshaking }
    }

    /// Processes what arrived; judges the peer when the handshake is over. Data of a verified peer is
    /// appended to `data`, what is to be sent to `tls`.
    ///
    /// # Errors
    /// [`ConnectionError`]. There may be an alert in `tls`.
    pub fn read_tls(
        &mut self,
        input: &mut dyn TlsInputBuffer,
        data: &mut Vec<u8>,
        tls: &mut Vec<u8>,
    ) -> Result<IoState, ConnectionError> {
        if matches!(self.state, State::Refused) {
            return Err(ConnectionError::NotVerified);
        }
        // The last flight of a handshake may come with data.
        let mut arrived = Vec::new();
        let io = match self.inner.read_tls(input, tls).handle_all(&mut arrived) {
            Ok(io) => io,
            Err(error) => {
                if matches!(self.state, State::Handshaking) {
                    self.state = State::Refused;
                }
                return Err(error.into());
            }
        };
        if matches!(self.state, State::Handshaking) && !self.inner.is_handshaking() {
            self.judge(tls)?;
        }
        if self.is_open() {
            data.append(&mut arrived);
        }
        Ok(io)
    }

    /// Encrypts data for the peer; appends it to `tls`.
    ///
    /// # Errors
    /// [`ConnectionError::NotVerified`] before the peer is verified, and where it was refused; what
    /// rustls says.
    pub fn write(
        &mut self,
        data: OutboundPlain<'_>,
        tls: &mut Vec<u8>,
    ) -> Result<(), ConnectionError> {
        self.check_open()?;
        Ok(self.inner.write(data, tls)?)
    }

    /// Tells the peer that nothing more will be sent.
    ///
    /// # Errors
    /// What rustls says.
    pub fn send_close_notify(&mut self, tls: &mut Vec<u8>) -> Result<(), ConnectionError> {
        Ok(self.inner.send_close_notify(tls)?)
    }

    /// Judges the peer again, under what is in force now; closes the connection where it is refused.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn judge_again(&mut self, tls: &mut Vec<u8>) -> Result<Option<&LivePeer>, ConnectionError> {
        self.check_open()?;
        self.judge(tls)?;
        Ok(self.peer())
    }

    fn judge(&mut self, tls: &mut Vec<u8>) -> Result<(), ConnectionError> {
        match self.seat.judge(&self.inner) {
            Ok(peer) => {
                self.state = State::Open(peer);
                Ok(())
            }
            Err(error) => {
                self.state = State::Refused;
                // Why it is closed is the error to tell.
                let _closed = self.inner.send_close_notify(tls);
                Err(error.into())
            }
        }
    }

    fn check_open(&self) -> Result<(), ConnectionError> {
        if self.is_open() { Ok(()) } else { Err(ConnectionError::NotVerified) }
    }

    /// Whether the connection carries data.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// The peer; nothing before it is verified, and where a client that need not do so presented no
    /// certificate.
    #[must_use]
    pub const fn peer(&self) -> Option<&LivePeer> {
        match &self.state {
            State::Open(peer) => peer.as_ref(),
            State::Handshaking | State::Refused => None,
        }
    }

    /// The peer of this very connection, where its certificates were refused, with the decision.
    #[must_use]
    pub fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        self.seat.rejected()
    }

    /// What rustls knows of the connection: version, kind of handshake, protocol.
    #[must_use]
    pub fn outputs(&self) -> &ConnectionOutputs {
        &self.inner
    }
}

impl<Side: SideData> fmt::Debug for Connection<Side> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("open", &self.is_open())
            .field("peer", &self.peer().map(|peer| peer.identity()))
            .finish_non_exhaustive()
    }
}
