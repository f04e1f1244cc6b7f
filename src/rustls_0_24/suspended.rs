//! `Suspended`: a handshake that waits while the host fetches evidence.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls_0_24::crypto::{Identity, VerifiedIdentity};
use rustls_0_24::quic::{Quic, QuicEvent, ServerHandshake};
use rustls_0_24::{
    ConnectionOutputs, Error, ServerSide, SideData, Tcp, Transport, VerifyPeerIdentity,
};
use rustls_pki_types::{ServerName, UnixTime};

use super::alert;
use super::verifier::certificates;
use crate::decision::Decision;
use crate::live::{LivePeer, Ruling};
use crate::revocation::{EvidenceRequest, RevocationSource};
use crate::tls::{self, ChainDigest, Deferred, HasJudge, Judge, PeerError, Question};

/// What a side is presented with.
pub(super) struct Presentation<'a> {
    pub(super) identity: &'a Identity<'static>,
    pub(super) name: Option<&'a ServerName<'static>>,
    pub(super) staple: &'a [u8],
    pub(super) now: UnixTime,
}

impl<'a> Presentation<'a> {
    fn question(&self) -> Result<Question<'a>, Error> {
        let chain = certificates(self.identity).ok_or_else(alert::raw_public_key)?;
        Ok(Question {
            end_entity: &chain.end_entity,
            intermediates: &chain.intermediates,
            name: self.name,
            staple: self.staple,
            now: self.now.into(),
        })
    }
}

/// How a side's presented identity is read.
type Read<Side> = for<'a, 'b> fn(&'b <Side as SideData>::PeerIdentity<'a>) -> Presentation<'b>;

/// What a step of a [`Suspended`] came to.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each case")]
pub enum Progress {
    /// Evidence would help: fetch what you choose and [`Suspended::supply`] it, or
    /// [`Suspended::resume`] without. The addresses in a request are what certificates say, and nobody
    /// vouches for them.
    Needs(Vec<EvidenceRequest>),
    /// Nothing is wanted: [`Suspended::resume`] would decide so now.
    Decided(Decision),
}

/// A handshake that has stopped at the peer's certificates, and waits while the host fetches evidence.
///
/// It borrows nothing and blocks nobody; it may be kept, sent to another task and dropped, which ends the
/// connection. Each step decides anew under what is in force and by the configuration's clock, so that
/// what is published while it waits counts.
///
/// How long a peer may keep a handshake open, and how much may be fetched for it, is for the host to
/// bound.
pub struct Suspended<Side: SideData, T: Transport = Tcp> {
    handshake: VerifyPeerIdentity<Side, T>,
    read: Read<Side>,
    deferred: Deferred,
}

impl<Side: SideData, T: Transport> Suspended<Side, T> {
    pub(super) fn new(
        verifier: Arc<dyn HasJudge>,
        handshake: VerifyPeerIdentity<Side, T>,
        read: Read<Side>,
    ) -> Self {
        Self { handshake, read, deferred: Deferred::new(verifier) }
    }

    /// Decides, or says which evidence it wants to do so. Evidence that was asked for and is still
    /// missing is not asked for again.
    ///
    /// # Errors
    /// Where there is nothing to decide about: no clock, a raw public key, a name that no certificate
    /// can bear.
    pub fn step(&self) -> Result<Progress, Error> {
        let identity = self.handshake.presented_identity()?;
        Ok(match self.deferred.step(&(self.read)(&identity).question()?)? {
            tls::Progress::Needs(wants) => Progress::Needs(wants),
            tls::Progress::Decided(ruling) => Progress::Decided(ruling.decision().clone()),
        })
    }

    /// Answers [`Progress::Needs`] with sources of what was found, which may be nothing. They are asked
    /// beside what is in force, for this handshake alone; publish what others should have as well.
    pub fn supply(&mut self, found: impl IntoIterator<Item = Arc<dyn RevocationSource>>) {
        self.deferred.supply(found);
    }

    /// Decides on what there is, and lets the handshake `go_on` with the answer.
    fn conclude<Next>(
        self,
        go_on: impl FnOnce(
            VerifyPeerIdentity<Side, T>,
            Result<VerifiedIdentity<'static>, Error>,
        ) -> Result<Next, Error>,
    ) -> Result<(Next, ExpectedPeer), Error> {
        let Self { handshake, read, deferred } = self;
        let decided = (|| {
            let identity = handshake.presented_identity()?;
            let presented = read(&identity);
            let question = presented.question()?;
            let ruling = deferred.conclude(&question)?;
            let expected = ExpectedPeer {
                ruling,
                chain: question.chain(),
                name: presented.name.cloned(),
                staple: presented.staple.to_vec(),
                deferred,
            };
            Ok((VerifiedIdentity::assertion(presented.identity.clone()), expected))
        })();
        let (verified, expected) = match decided {
            Ok((identity, expected)) => (Ok(identity), Some(expected)),
            Err(error) => (Err(error), None),
        };
        let next = go_on(handshake, verified)?;
        // rustls has returned the error, where there is no peer.
        expected.map(|expected| (next, expected)).ok_or(Error::HandshakeNotComplete)
    }
}

impl<Side: SideData> Suspended<Side> {
    /// Decides on what there is, and lets the handshake go on. What is to be sent to the peer is
    /// appended to `tls`.
    ///
    /// # Errors
    /// A refusal, with its alert in `tls`; the whole decision is among the rejections of the verifier.
    pub fn resume(self, tls: &mut Vec<u8>) -> Result<(Side::Handshake, ExpectedPeer), Error> {
        self.conclude(|handshake, verified| handshake.continue_with(verified, tls))
    }
}

impl Suspended<ServerSide, Quic> {
    /// Decides on what there is, and lets the QUIC handshake go on. What follows from it is appended to
    /// `events`.
    ///
    /// # Errors
    /// A refusal; the whole decision is among the rejections of the verifier. The alert to send is
    /// [`AlertDescription::try_from`](rustls_0_24::error::AlertDescription) of it.
    pub fn resume(
        self,
        events: &mut Vec<QuicEvent>,
    ) -> Result<(ServerHandshake, ExpectedPeer), Error> {
        self.conclude(|handshake, verified| handshake.continue_with(verified, events))
    }
}

impl<Side: SideData, T: Transport> fmt::Debug for Suspended<Side, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended").field("deferred", &self.deferred).finish_non_exhaustive()
    }
}

/// The peer of a handshake that goes on: its certificates are accepted, and it has not yet shown that it
/// holds the key of the first one.
#[derive(Debug)]
pub struct ExpectedPeer {
    ruling: Ruling,
    chain: ChainDigest,
    name: Option<ServerName<'static>>,
    staple: Vec<u8>,
    deferred: Deferred,
}

impl ExpectedPeer {
    /// The verified peer, when the handshake is over: `outputs` of a `SplitConnection`, or a
    /// `Connection`. Judged again, with the evidence that was supplied, where something changed
    /// meanwhile. The connection must be the one that was suspended.
    ///
    /// # Errors
    /// [`PeerError::NoCertificate`] where the handshake is not over, [`PeerError::Foreign`] where the
    /// connection is another one's, [`PeerError::Rejected`] where the peer is not acceptable any more.
    pub fn verified_peer(
        &self,
        connection: &ConnectionOutputs,
        now: UnixTime,
    ) -> Result<LivePeer, PeerError> {
        let identity = connection.peer_identity().ok_or(PeerError::NoCertificate)?;
        let chain = certificates(identity.identity()).ok_or(PeerError::NoCertificate)?;
        let question = Question {
            end_entity: &chain.end_entity,
            intermediates: &chain.intermediates,
            name: self.name.as_ref(),
            staple: &self.staple,
            now: now.into(),
        };
        if question.chain() != self.chain {
            return Err(PeerError::Foreign);
        }
        if self.ruling.ask(question.now).is_current() {
            return Judge::live_peer(&self.ruling);
        }
        Judge::live_peer(&self.deferred.conclude(&question)?)
    }
}
