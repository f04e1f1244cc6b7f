//! Connections over tokio that are judged, full or resumed, before they carry data; callers that are
//! asked at each request; sessions that end when a publication takes away what they rest on.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bonafide::credential::Credential;
use bonafide::live::{
    Affected, Lapse, Live, LiveEvents, LivePeer, Published, RegisterError, Session, SessionId,
    Standing,
};
use bonafide::rustls::{ClientEndpoint, HandshakeEvents, RejectedPeer, ServerEndpoint};
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::estate::now;
use crate::{Failure, say};

/// Accepts a client and judges it. A refused one has got its alert, or the end of the connection.
///
/// # Errors
/// Those of the transport and of TLS; [`bonafide::rustls::PeerError`].
pub async fn accept(
    endpoint: &Arc<ServerEndpoint>,
    tcp: TcpStream,
) -> Result<(server::TlsStream<TcpStream>, LivePeer), Failure> {
    let handshake = endpoint.handshake()?;
    let mut stream = TlsAcceptor::from(handshake.config()).accept(tcp).await?;
    match handshake.verified_peer(stream.get_ref().1) {
        Ok(Some(peer)) => Ok((stream, peer)),
        Ok(None) => Err("the client presented no certificate".into()),
        Err(refused) => {
            stream.shutdown().await?;
            Err(refused.into())
        }
    }
}

/// Connects to a server, with resumption, and judges it.
///
/// # Errors
/// Those of the transport and of TLS; [`bonafide::rustls::PeerError`].
pub async fn connect(
    endpoint: &Arc<ClientEndpoint>,
    address: SocketAddr,
    name: &ServerName<'static>,
) -> Result<(client::TlsStream<TcpStream>, LivePeer), Failure> {
    connect_with(endpoint.dangerously_resuming_config(), endpoint, address, name).await
}

/// The same, with a configuration of the endpoint.
///
/// # Errors
/// As [`connect`].
pub async fn connect_with(
    config: Arc<ClientConfig>,
    endpoint: &Arc<ClientEndpoint>,
    address: SocketAddr,
    name: &ServerName<'static>,
) -> Result<(client::TlsStream<TcpStream>, LivePeer), Failure> {
    endpoint.check_ready()?;
    let tcp = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(config).connect(name.clone(), tcp).await?;
    // What makes resumption safe: a resumed server is judged like any other.
    match endpoint.verified_peer(stream.get_ref().1, name) {
        Ok(peer) => Ok((stream, peer)),
        Err(refused) => {
            stream.shutdown().await?;
            Err(refused.into())
        }
    }
}

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The clients that `who` accepts at a listener; slow ones and refused ones hold up nobody.
#[must_use]
pub fn incoming(
    listener: TcpListener,
    endpoint: Arc<ServerEndpoint>,
    who: &'static str,
) -> mpsc::Receiver<(server::TlsStream<TcpStream>, LivePeer)> {
    let (accepted, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (endpoint, accepted) = (endpoint.clone(), accepted.clone());
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, accept(&endpoint, tcp)).await {
                    Ok(Ok(connection)) => drop(accepted.send(connection).await),
                    Ok(Err(failure)) => say(who, &format!("handshake failed: {failure}")),
                    Err(late) => say(who, &format!("handshake failed: {late}")),
                }
            });
        }
    });
    receiver
}

/// The peer of one connection, for its requests to ask. Clones are one and the same.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Mutex<LivePeer>>);

impl Caller {
    /// The peer as it was when it connected.
    #[must_use]
    pub fn new(peer: LivePeer) -> Self {
        Self(Arc::new(Mutex::new(peer)))
    }

    /// Who calls, as of this moment: to be asked for each request.
    ///
    /// # Errors
    /// Why the peer is nobody any more.
    pub fn check(&self) -> Result<LivePeer, Lapse> {
        let (mut peer, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), now());
        match peer.ask(now) {
            Standing::Current => {}
            Standing::Lapsed(lapse) => return Err(lapse.clone()),
            Standing::AskAgain => *peer = peer.ask_again(now)?,
        }
        Ok(peer.clone())
    }
}

/// The live sessions of a process, and the tasks that serve them.
#[derive(Debug)]
pub struct Sessions {
    live: Live,
    tasks: Mutex<HashMap<SessionId, mpsc::UnboundedSender<Affected>>>,
}

impl Sessions {
    /// No sessions yet; hears of what `live` publishes as long as it is held.
    #[must_use]
    pub fn of(live: Live) -> Arc<Self> {
        let this = Arc::new(Self { live, tasks: Mutex::default() });
        let _in_force = this.live.subscribe(&this);
        this
    }

    /// Registers a session with `peer`, which was shown `own`. Its task hears from the receiver what to
    /// do when a publication affects it.
    ///
    /// # Errors
    /// Where the peer stands no longer, or there are too many.
    pub fn enter(
        &self,
        mut peer: LivePeer,
        own: Option<&Credential>,
    ) -> Result<(Session, mpsc::UnboundedReceiver<Affected>), Failure> {
        let ((sender, receiver), now) = (mpsc::unbounded_channel(), now());
        // Locked first, so that no publication finds the session and not its task.
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let session = loop {
            match self.live.register(&peer, own, now) {
                Ok(session) => break session,
                // Something was published since the handshake.
                Err(RegisterError::AskAgain) => peer = peer.ask_again(now)?,
                Err(error) => return Err(error.into()),
            }
        };
        tasks.retain(|_, task| !task.is_closed());
        tasks.insert(session.id(), sender);
        Ok((session, receiver))
    }
}

impl LiveEvents for Sessions {
    fn on_published(&self, published: &Published) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for affected in published.affected() {
            if let Some(task) = tasks.get(&affected.session) {
                let _session_is_over = task.send(*affected);
            }
        }
    }
}

/// Tells the story of who was refused.
#[derive(Clone, Copy, Debug)]
pub struct Tell(pub &'static str);

impl HandshakeEvents for Tell {
    fn on_rejected(&self, rejected: &RejectedPeer) {
        let (role, decision) = (rejected.role(), rejected.decision());
        say(self.0, &format!("refuses a {role}; it must be {}", rejected.requirement()));
        say(self.0, &decision.explain().to_string());
    }
}

/// What TLS says of a connection that failed: the alert that the other side sent, where it sent one.
#[must_use]
pub fn alert(failure: &Failure) -> Option<AlertDescription> {
    let error = failure.downcast_ref::<io::Error>()?.get_ref()?;
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}
