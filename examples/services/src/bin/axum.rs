//! axum behind mTLS: the verified identity as an extractor, asked at each request, so that a revocation
//! acts on the next request of a connection that is open already. (Requests that last, streams for one,
//! belong into the register of sessions as well: see `mtls`.)
//!
//! ```sh
//! cargo run --package bonafide-services --bin axum
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, connect_info::Connected};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::{IncomingStream, Listener};
use bonafide::identity::IdentityMatcher;
use bonafide::live::{LivePeer, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide_services::estate::{Authority, now, workload};
use bonafide_services::tls::{self, Caller, Tell};
use bonafide_services::{Failure, LIMIT, ensure, say};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;

/// What axum serves: connections of clients that were accepted.
struct Accepted(mpsc::Receiver<(TlsStream<TcpStream>, LivePeer)>);

impl Listener for Accepted {
    type Io = TlsStream<TcpStream>;
    type Addr = Caller;

    async fn accept(&mut self) -> (Self::Io, Caller) {
        match self.0.recv().await {
            Some((stream, peer)) => (stream, Caller::new(peer)),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Caller> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What requests know of their connection.
#[derive(Clone)]
struct Connection(Caller);

impl Connected<IncomingStream<'_, Accepted>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Accepted>) -> Self {
        Self(stream.remote_addr().clone())
    }
}

/// The extractor: a handler that has one has a caller who is verified as of this request.
struct Verified(LivePeer);

impl<S: Send + Sync> FromRequestParts<S> for Verified {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let connection = parts.extensions.get::<ConnectInfo<Connection>>();
        let Some(ConnectInfo(Connection(caller))) = connection else {
            return Err(StatusCode::UNAUTHORIZED.into_response());
        };
        caller.check().map(Self).map_err(|lapse| {
            // Nothing that comes over this connection will be answered otherwise.
            let close = [(header::CONNECTION, "close")];
            (StatusCode::UNAUTHORIZED, close, format!("{lapse}\n")).into_response()
        })
    }
}

async fn whoami(Verified(peer): Verified) -> String {
    format!("{}, decided under publication {}", peer.identity(), peer.ruling().epoch())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let ours = Authority::new("example.org");
    let provider = Arc::new(rustls::crypto::ring::default_provider());

    // The service.
    let orders = workload(&[&ours], ours.issue("spiffe://example.org/orders")?)?;
    let clients = ExpectClient::matching("trust-domain(example.org)".parse()?);
    let server =
        ServerEndpoint::builder(orders.clone(), provider.clone(), ClientAuth::Required(clients))
            .with_events(Arc::new(Tell("orders")))
            .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/whoami", get(whoami));
    let app = app.into_make_service_with_connect_info::<Connection>();
    let service = axum::serve(Accepted(tls::incoming(listener, server, "orders")), app);
    tokio::spawn(async move { service.await });

    // Two clients, with one connection each for the whole story.
    let mut connections = Vec::new();
    for id in ["spiffe://example.org/web", "spiffe://example.org/batch"] {
        let live = workload(&[&ours], ours.issue(id)?)?;
        let servers: IdentityMatcher = "spiffe://example.org/orders".parse()?;
        let servers = ExpectServer::matching(servers);
        let client =
            ClientEndpoint::builder(live, provider.clone(), servers, Presents::Always).build()?;
        connections.push(open(&client, address).await?);
    }
    let [web, batch] = connections.as_mut_slice() else { return Err("two connections".into()) };

    let (status, text) = ask(web).await?;
    say("web", &format!("{status}: {text}"));
    ensure(status == StatusCode::OK, "web is served")?;
    ensure(text.starts_with("spiffe://example.org/web, "), "the handler knows web")?;
    let first = text;
    // Who was answered is known to the service, whatever is published from here on.
    let (status, text) = ask(batch).await?;
    say("batch", &format!("{status}: {text}"));
    ensure(status == StatusCode::OK, "batch is served")?;

    say("orders", "trusts one more domain, which is no concern of web");
    let publication = Publication::new().domain(Authority::new("partner.test").domain()?);
    orders.publish(publication, now())?;
    let (_, text) = ask(web).await?;
    say("web", &text);
    ensure(text == first, "the answer about web still holds")?;

    say("orders", "has another policy, which makes it ask about everybody again");
    let policy = ValidationPolicy::spiffe().with_clock_skew_seconds(30);
    orders.publish(Publication::new().policy(policy.into()), now())?;
    let (status, text) = ask(web).await?;
    say("web", &format!("{status}: {text}"));
    ensure(status == StatusCode::OK && text != first, "web was decided about again")?;

    say("orders", "denies web");
    let denied = Denied::Identity("spiffe://example.org/web".parse()?);
    orders.publish(Publication::new().deny([DenyRule::new(denied)]), now())?;
    let (status, text) = ask(web).await?;
    say("web", &format!("{status}: {text}"));
    ensure(status == StatusCode::UNAUTHORIZED, "web is refused on its open connection")?;
    ensure(ask(web).await.is_err(), "its connection is closed")?;

    let (status, text) = ask(batch).await?;
    say("batch", &format!("{status}: {text}"));
    ensure(status == StatusCode::OK, "batch is served as before")
}

async fn open(
    client: &Arc<ClientEndpoint>,
    address: SocketAddr,
) -> Result<SendRequest<Empty<Bytes>>, Failure> {
    let (stream, _) = tls::connect(client, address, &"orders.example.org".try_into()?).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> Result<(StatusCode, String), Failure> {
    sender.ready().await?;
    let request = http::Request::get("/whoami").header(header::HOST, "orders.example.org");
    let response = sender.send_request(request.body(Empty::new())?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec())?.trim_end().to_owned()))
}
