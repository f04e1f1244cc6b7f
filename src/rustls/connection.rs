//! `Connection`: a rustls connection that carries no data before its peer is verified.
//!
//! rustls hands out data as soon as its handshake is over, and a resumed one it never asks a verifier
//! about. This wrapper judges the peer's chain when the handshake is over, full or resumed, under the
//! snapshot then in force and by the clock, before anything can be read or written. What a refused
//! peer has sent stays unread; the connection is closed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use std::io;

use rustls::{ClientConnection, CommonState, Error, IoState, Reader, ServerConnection, Writer};
use rustls_pki_types::ServerName;

use super::alert;
use super::client::ClientEndpoint;
use super::server::ServerHandshake;
use crate::live::LivePeer;
use crate::tls::{PeerError, RejectedPeer};

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
    /// There is no credential in date to present.
    #[error("there is no credential in date")]
    NoCredential,
}

impl From<ConnectionError> for io::Error {
    fn from(error: ConnectionError) -> Self {
        let kind = match error {
            ConnectionError::NotVerified => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

enum Seat {
    Client { endpoint: Arc<ClientEndpoint>, name: Box<ServerName<'static>> },
    Server(Box<ServerHandshake>),
}

impl Seat {
    fn judge(&self, connection: &CommonState) -> Result<Option<LivePeer>, PeerError> {
        match self {
            Self::Client { endpoint, name } => endpoint.verified_peer(connection, name).map(Some),
            Self::Server(handshake) => handshake.verified_peer(connection),
        }
    }

    /// A mark before rustls asks a verifier, to find its rejection by.
    fn mark(&self) -> u64 {
        match self {
            Self::Client { endpoint, .. } => endpoint.verifier().judge.rejection_count(),
            Self::Server(_) => 0,
        }
    }

    /// The peer that rustls ended the handshake for with `error`.
    fn rejected(&self, mark: u64, error: &Error) -> Option<Arc<RejectedPeer>> {
        match self {
            Self::Client { endpoint, name } => {
                let judge = &endpoint.verifier().judge;
                judge.rejected_since(mark, name, |peer| alert::is_about(error, peer))
            }
            Self::Server(handshake) => handshake.rejected(),
        }
    }
}

enum State {
    Handshaking,
    Open(Option<LivePeer>),
    /// With the peer, where it was its certificates.
    Refused(Option<Arc<RejectedPeer>>),
}

impl State {
    fn refused(error: &PeerError) -> Self {
        Self::Refused(match error {
            PeerError::Rejected(rejected) => Some(rejected.clone()),
            _ => None,
        })
    }
}

/// A connection, client's or server's, whose peer is verified before it carries data.
///
/// Used as a rustls connection is: [`read_tls`](Self::read_tls),
/// [`process_new_packets`](Self::process_new_packets), [`write_tls`](Self::write_tls), or
/// [`complete_handshake`](Self::complete_handshake) over a blocking transport.
pub struct Connection {
    inner: rustls::Connection,
    seat: Seat,
    state: State,
}

impl Connection {
    pub(super) fn client(
        inner: ClientConnection,
        endpoint: Arc<ClientEndpoint>,
        name: ServerName<'static>,
    ) -> Self {
        let seat = Seat::Client { endpoint, name: Box::new(name) };
        Self { inner: inner.into(), seat, state: State::Handshaking }
    }

    pub(super) fn server(inner: ServerConnection, handshake: ServerHandshake) -> Self {
        let seat = Seat::Server(Box::new(handshake));
        Self { inner: inner.into(), seat, state: State::Handshaking }
    }

    /// Reads from the transport.
    ///
    /// # Errors
    /// Those of `source`.
    pub fn read_tls(&mut self, source: &mut dyn io::Read) -> io::Result<usize> {
        self.inner.read_tls(source)
    }

    /// Writes to the transport.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn write_tls(&mut self, sink: &mut dyn io::Write) -> io::Result<usize> {
        self.inner.write_tls(sink)
    }

    /// Processes what was read; judges the peer when the handshake is over.
    ///
    /// # Errors
    /// [`ConnectionError`]. There may be an alert to write.
    pub fn process_new_packets(&mut self) -> Result<IoState, ConnectionError> {
        if matches!(self.state, State::Refused(_)) {
            return Err(ConnectionError::NotVerified);
        }
        let handshaking = matches!(self.state, State::Handshaking);
        let mark = if handshaking { self.seat.mark() } else { 0 };
        let io = match self.inner.process_new_packets() {
            Ok(io) => io,
            Err(error) => {
                if handshaking {
                    self.state = State::Refused(self.seat.rejected(mark, &error));
                }
                return Err(error.into());
            }
        };
        if handshaking && !self.inner.is_handshaking() {
            match self.seat.judge(&self.inner) {
                Ok(peer) => self.state = State::Open(peer),
                Err(error) => {
                    self.state = State::refused(&error);
                    self.inner.send_close_notify();
                    return Err(error.into());
                }
            }
        }
        Ok(io)
    }

    /// Completes the handshake over a blocking transport, and judges the peer.
    ///
    /// # Errors
    /// Those of the transport; a [`ConnectionError`] within [`io::ErrorKind::InvalidData`], after an
    /// attempt to send the alert.
    pub fn complete_handshake<T: io::Read + io::Write>(
        &mut self,
        transport: &mut T,
    ) -> io::Result<()> {
        loop {
            while self.inner.wants_write() {
                self.inner.write_tls(transport)?;
            }
            transport.flush()?;
            if !matches!(self.state, State::Handshaking) {
                return if self.is_open() {
                    Ok(())
                } else {
                    Err(ConnectionError::NotVerified.into())
                };
            }
            if self.inner.read_tls(transport)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Err(error) = self.process_new_packets() {
                // The error that ended the connection is the one to tell.
                let _sent = self.inner.write_tls(transport);
                let _flushed = transport.flush();
                return Err(error.into());
            }
        }
    }

    /// Gives what the peer has sent.
    ///
    /// # Errors
    /// [`ConnectionError::NotVerified`] before the peer is verified, and where it was refused.
    pub fn reader(&mut self) -> Result<Reader<'_>, ConnectionError> {
        self.check_open()?;
        Ok(self.inner.reader())
    }

    /// Takes what is to be sent to the peer.
    ///
    /// # Errors
    /// As [`Connection::reader`].
    pub fn writer(&mut self) -> Result<Writer<'_>, ConnectionError> {
        self.check_open()?;
        Ok(self.inner.writer())
    }

    fn check_open(&self) -> Result<(), ConnectionError> {
        if self.is_open() { Ok(()) } else { Err(ConnectionError::NotVerified) }
    }

    /// Tells the peer that nothing more will be sent.
    pub fn send_close_notify(&mut self) {
        self.inner.send_close_notify();
    }

    /// Whether the connection carries data.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether there is something to write to the transport.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.inner.wants_write()
    }

    /// Whether there should be read from the transport.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        !matches!(self.state, State::Refused(_)) && self.inner.wants_read()
    }

    /// The peer; nothing before it is verified, and where a client that need not do so presented no
    /// certificate.
    #[must_use]
    pub const fn peer(&self) -> Option<&LivePeer> {
        match &self.state {
            State::Open(peer) => peer.as_ref(),
            State::Handshaking | State::Refused(_) => None,
        }
    }

    /// The peer, where its certificates were refused, with the decision.
    ///
    /// rustls does not tell a verifier which connection it is asked for. So of a client's connection it is
    /// the server that was refused while this one was being read, by this name and for what rustls says;
    /// nothing where at that very moment another server of that name was refused for the same.
    #[must_use]
    pub fn rejected(&self) -> Option<Arc<RejectedPeer>> {
        match &self.state {
            State::Refused(rejected) => rejected.clone(),
            State::Handshaking | State::Open(_) => None,
        }
    }

    /// Judges the peer again, under what is in force now; closes the connection where it is refused.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub fn judge_again(&mut self) -> Result<Option<&LivePeer>, ConnectionError> {
        self.check_open()?;
        match self.seat.judge(&self.inner) {
            Ok(peer) => self.state = State::Open(peer),
            Err(error) => {
                self.state = State::refused(&error);
                self.inner.send_close_notify();
                return Err(error.into());
            }
        }
        Ok(self.peer())
    }

    /// What rustls knows of the connection: version, kind of handshake, protocol.
    #[must_use]
    pub fn common(&self) -> &CommonState {
        &self.inner
    }

    /// The name that the client asked for, where this side is a server.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        match &self.inner {
            rustls::Connection::Server(server) => server.server_name(),
            rustls::Connection::Client(_) => None,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("open", &self.is_open())
            .field("peer", &self.peer().map(|peer| peer.identity()))
            .finish_non_exhaustive()
    }
}
