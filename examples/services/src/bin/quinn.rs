//! QUIC by quinn: judged when connected, closed when revoked. Early data stays off.
//!
//! quinn hands out no TLS connection but the certificates of its peer, and takes a configuration for
//! each connection: `ServerHandshake` knows whether those are the ones that its handshake has shown.
//!
//! ```sh
//! cargo run --package bonafide-services --bin quinn
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use bonafide::live::{Advice, LivePeer, Publication};
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide_services::estate::{Authority, now, workload};
use bonafide_services::tls::{Sessions, Tell};
use bonafide_services::{Failure, LIMIT, ensure, say};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ConnectionError, Endpoint, Incoming, TransportErrorCode, VarInt};
use rustls::AlertDescription;
use rustls_pki_types::{CertificateDer, ServerName};

/// The application's error codes: numbers of its own choice.
const REVOKED: VarInt = VarInt::from_u32(1);
const DONE: VarInt = VarInt::from_u32(0);
const NAME: &str = "orders.example.org";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let ours = Authority::new("example.org");
    let strangers = Authority::new("stranger.test");

    // The service.
    let orders = workload(&[&ours], ours.issue("spiffe://example.org/orders")?)?;
    let clients = ExpectClient::matching("trust-domain(example.org)".parse()?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server =
        ServerEndpoint::builder(orders.clone(), provider.clone(), ClientAuth::Required(clients))
            .with_events(Arc::new(Tell("orders")))
            .build()?;
    // The configuration that nobody gets to see: each connection has its own.
    let config =
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server.config())?));
    let endpoint = Endpoint::server(config.clone(), ([127, 0, 0, 1], 0).into())?;
    let address = endpoint.local_addr()?;
    let sessions = Sessions::of(orders.clone());
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let (service, config) = (server.clone(), config.clone());
            tokio::spawn(serve(incoming, service, config, sessions.clone()));
        }
    });

    // A client.
    let client_of = |who, authority: &Authority| -> Result<Client, Failure> {
        let live = workload(&[&ours], authority.issue("spiffe://example.org/web")?)?;
        let servers = ExpectServer::matching("spiffe://example.org/orders".parse()?);
        let client =
            ClientEndpoint::builder(live, provider.clone(), servers, Presents::Always).build()?;
        Ok(Client { who, client, endpoint: Endpoint::client(([127, 0, 0, 1], 0).into())? })
    };
    let web = client_of("web", &ours)?;
    let first = web.connect(address).await?;
    let answer = ask(&first).await?;
    say("web", &format!("is called {answer}"));
    ensure(answer == "spiffe://example.org/web", "orders knows web")?;

    // There is a ticket by now, and no data can be sent before the handshake is over all the same.
    let connecting = web.begin(address)?;
    let Err(connecting) = connecting.into_0rtt() else {
        return Err("not as told: early data is off".into());
    };
    let second = web.judge(connecting.await?)?;
    say("web", "connects again, without early data");
    ensure(ask(&second).await? == "spiffe://example.org/web", "orders knows web again")?;
    second.close(DONE, b"done");

    // A stranger, whose authority is not trusted.
    let stranger = client_of("stranger", &strangers)?;
    let refused = match stranger.connect(address).await {
        Ok(connection) => connection.closed().await,
        Err(failure) => *failure.downcast::<ConnectionError>()?,
    };
    let ConnectionError::ConnectionClosed(close) = &refused else { return Err(refused.into()) };
    let alert = TransportErrorCode::crypto(u8::from(AlertDescription::UnknownCA));
    say("stranger", &format!("is told: {close}"));
    ensure(close.error_code == alert, "the alert fits")?;

    // Revoked, which closes the connection that is open.
    say("orders", "denies web");
    let denied = Denied::Identity("spiffe://example.org/web".parse()?);
    orders.publish(Publication::new().deny([DenyRule::new(denied)]), now())?;
    let closed = first.closed().await;
    say("web", &format!("is disconnected: {closed}"));
    let ConnectionError::ApplicationClosed(close) = closed else { return Err(closed.into()) };
    ensure(close.error_code == REVOKED, "the connection is closed because of the revocation")
}

/// Serves one client until it leaves, or until it is nobody any more.
async fn serve(
    incoming: Incoming,
    service: Arc<ServerEndpoint>,
    mut config: quinn::ServerConfig,
    sessions: Arc<Sessions>,
) -> Result<(), Failure> {
    let handshake = service.handshake()?;
    config.crypto = Arc::new(QuicServerConfig::try_from(handshake.config())?);
    let connection = incoming.accept_with(Arc::new(config))?.await?;
    let peer = handshake.peer_of_chain(&chain_of(&connection)?)?;
    let (mut session, mut affected) = sessions.enter(peer, None)?;
    loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let (mut send, mut receive) = stream?;
                receive.read_to_end(64).await?;
                send.write_all(session.peer().identity().to_string().as_bytes()).await?;
                send.finish()?;
            }
            Some(affected) = affected.recv() => {
                let (advice, cause) = (affected.advice, affected.cause);
                say("orders", &format!("{}: {advice:?} ({cause})", session.peer().identity()));
                if advice == Advice::AskAgain && session.ask_again(now()).is_ok() {
                    continue;
                }
                connection.close(REVOKED, cause.as_bytes());
                return Ok(());
            }
        }
    }
}

/// The certificates that a peer presented.
fn chain_of(connection: &quinn::Connection) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let identity = connection.peer_identity().ok_or("the peer presented no certificate")?;
    Ok(*identity.downcast().map_err(|_| "an identity other than that of rustls")?)
}

struct Client {
    who: &'static str,
    client: Arc<ClientEndpoint>,
    endpoint: Endpoint,
}

impl Client {
    fn begin(&self, address: SocketAddr) -> Result<quinn::Connecting, Failure> {
        let config = QuicClientConfig::try_from(self.client.dangerously_resuming_config())?;
        let config = quinn::ClientConfig::new(Arc::new(config));
        Ok(self.endpoint.connect_with(config, address, NAME)?)
    }

    /// The server is judged, whether or not the session was resumed.
    fn judge(&self, connection: quinn::Connection) -> Result<quinn::Connection, Failure> {
        let name = ServerName::try_from(NAME)?;
        let chain = chain_of(&connection)?;
        let server: LivePeer = self.client.dangerously_peer_of_chain(&chain, &name)?;
        say(self.who, &format!("is connected to {}", server.identity()));
        Ok(connection)
    }

    async fn connect(&self, address: SocketAddr) -> Result<quinn::Connection, Failure> {
        self.judge(self.begin(address)?.await?)
    }
}

async fn ask(connection: &quinn::Connection) -> Result<String, Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(b"who am I?").await?;
    send.finish()?;
    Ok(String::from_utf8(receive.read_to_end(256).await?)?)
}
