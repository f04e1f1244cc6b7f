//! A pooling HTTP client that retires connections when its credential or its trust changes.
//!
//! A connection speaks for as long as it lives with the certificate that was shown when it was made, and
//! to a server that was trusted then. This pool registers each connection with the server's peer and with
//! the credential of its own; publications say which are affected. Idle ones are closed at once, busy ones
//! after their answer. Clients whose pools cannot be looked into (reqwest, hyper-util) are made anew where
//! a publication has affected sessions.
//!
//! ```sh
//! cargo run --package bonafide-services --bin pool
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bonafide::credential::{Selection, Update};
use bonafide::live::{Live, LiveEvents, Part, Publication, Published, Session, SessionId};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide_services::estate::{Authority, now, workload};
use bonafide_services::tls::{self, Tell};
use bonafide_services::{Failure, LIMIT, ensure, say};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1 as server;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Connections by server.
struct Pool {
    live: Live,
    client: Arc<ClientEndpoint>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: BTreeMap<SocketAddr, Vec<Pooled>>,
    /// Busy ones that are not to come back.
    retired: BTreeSet<SessionId>,
    opened: usize,
}

struct Pooled {
    sender: SendRequest<Empty<Bytes>>,
    session: Session,
    /// Whether the credential was changed while it was connected: it is not known what was shown.
    torn: bool,
}

impl Pool {
    fn new(live: Live, client: Arc<ClientEndpoint>) -> Arc<Self> {
        let pool = Arc::new(Self { live, client, state: Mutex::default() });
        let _in_force = pool.live.subscribe(&pool);
        pool
    }

    async fn get(&self, server: SocketAddr) -> Result<String, Failure> {
        let mut pooled = self.connection(server).await?;
        let answer = pooled.get().await?;
        self.put_back(server, pooled);
        Ok(answer)
    }

    async fn connection(&self, server: SocketAddr) -> Result<Pooled, Failure> {
        match self.take(server) {
            Some(pooled) => Ok(pooled),
            None => self.open(server).await,
        }
    }

    /// An idle connection whose server still is who it was.
    fn take(&self, server: SocketAddr) -> Option<Pooled> {
        let mut state = self.lock();
        let idle = state.idle.get_mut(&server)?;
        loop {
            let mut pooled = idle.pop()?;
            let now = now();
            let stands =
                pooled.session.ask(now).is_current() || pooled.session.ask_again(now).is_ok();
            if stands && !pooled.sender.is_closed() {
                return Some(pooled);
            }
        }
    }

    fn put_back(&self, server: SocketAddr, pooled: Pooled) {
        let mut state = self.lock();
        if !state.retired.remove(&pooled.session.id()) && !pooled.torn {
            state.idle.entry(server).or_default().push(pooled);
        }
    }

    async fn open(&self, server: SocketAddr) -> Result<Pooled, Failure> {
        let before = self.live.snapshot();
        let own = before.credentials().choose(Selection::ANY, now()).ok_or("no credential")?;
        let (stream, peer) = tls::connect(&self.client, server, &"example.org".try_into()?).await?;
        let session = self.live.register(&peer, Some(own), now())?;
        let since = |snapshot: &bonafide::live::Snapshot| snapshot.epoch_of(&Part::Credentials);
        let torn = since(&before) != since(&self.live.snapshot());
        let (sender, connection) = client::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        self.lock().opened += 1;
        Ok(Pooled { sender, session, torn })
    }

    /// How many connections were opened so far, and how many are idle.
    fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.opened, state.idle.values().map(Vec::len).sum())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pooled {
    async fn get(&mut self) -> Result<String, Failure> {
        let request = http::Request::get("/").header(http::header::HOST, "example.org");
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Empty::new())?).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }
}

impl LiveEvents for Pool {
    /// Whatever the advice is: a connection that should end some time, or needs to be asked about again,
    /// is not worth being kept.
    fn on_published(&self, published: &Published) {
        let mut affected: BTreeSet<_> = published.affected().iter().map(|a| a.session).collect();
        for affected in published.affected() {
            say(
                "pool",
                &format!("retires a connection: {:?} ({})", affected.advice, affected.cause),
            );
        }
        let mut state = self.lock();
        for idle in state.idle.values_mut() {
            idle.retain(|pooled| !affected.remove(&pooled.session.id()));
        }
        state.retired.append(&mut affected);
        // Those that failed while they were busy do not come back anyway.
        state.retired.retain(|session| self.live.session(*session).is_some());
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let ours = Authority::new("example.org");
    let partner = Authority::new("partner.test");
    let orders = serve(&ours, "spiffe://example.org/orders", &ours).await?;
    let billing = serve(&partner, "spiffe://partner.test/billing", &ours).await?;

    let credential = || ours.issue("spiffe://example.org/web");
    let live = workload(&[&ours, &partner], credential()?)?;
    let servers = "any(trust-domain(example.org), trust-domain(partner.test))".parse()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let servers = ExpectServer::matching(servers);
    let client =
        ClientEndpoint::builder(live.clone(), provider, servers, Presents::Always).build()?;
    let pool = Pool::new(live.clone(), client);

    // Two connections to one, one to the other; then they are used again.
    at_once(&pool, &[orders, orders, billing]).await?;
    told(&pool, "three requests at once", (3, 3))?;
    at_once(&pool, &[orders, orders, billing]).await?;
    told(&pool, "three more", (3, 3))?;

    let other = Publication::new().domain(Authority::new("other.test").domain()?);
    live.publish(other, now())?;
    told(&pool, "one more trust domain, which concerns none of them", (3, 3))?;

    let renewed = Publication::new().credentials(Update::install(credential()?));
    let busy = pool.take(orders).ok_or("not as told: a connection is idle")?;
    live.publish(renewed, now())?;
    told(&pool, "the credential is renewed, while one is busy", (3, 0))?;
    pool.put_back(orders, busy);
    told(&pool, "that one has its answer", (3, 0))?;
    at_once(&pool, &[orders, orders, billing]).await?;
    told(&pool, "three requests at once", (6, 3))?;

    live.publish(Publication::new().without_domain("partner.test"), now())?;
    told(&pool, "partner.test is trusted no longer", (6, 2))?;
    let (answer, refused) = (pool.get(orders).await?, pool.get(billing).await);
    say("web", &answer);
    let refused = refused.err().ok_or("not as told: billing is not trusted any more")?;
    say("web", &format!("does not connect to billing: {refused}"));
    told(&pool, "a request to each", (6, 2))
}

/// Has a connection for each request before any of them is sent.
async fn at_once(pool: &Pool, servers: &[SocketAddr]) -> Result<(), Failure> {
    let mut connections = Vec::new();
    for server in servers {
        connections.push((*server, pool.connection(*server).await?));
    }
    for (server, mut pooled) in connections {
        say("web", &pooled.get().await?);
        pool.put_back(server, pooled);
    }
    Ok(())
}

/// Prints the counts, which are as expected.
fn told(pool: &Pool, after: &str, expected: (usize, usize)) -> Result<(), Failure> {
    let (opened, idle) = pool.counts();
    say("pool", &format!("{after}: {opened} opened so far, {idle} idle"));
    ensure((opened, idle) == expected, after)
}

/// A service that tells its clients who it is, and over how many connections it was asked.
async fn serve(
    authority: &Authority,
    id: &'static str,
    clients: &Authority,
) -> Result<SocketAddr, Failure> {
    let live = workload(&[clients], authority.issue(id)?)?;
    let clients =
        ClientAuth::Required(ExpectClient::matching("trust-domain(example.org)".parse()?));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let endpoint = ServerEndpoint::builder(live, provider, clients)
        .with_events(Arc::new(Tell("server")))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut accepted = tls::incoming(listener, endpoint, "server");
    tokio::spawn(async move {
        let mut connections = 0_usize;
        while let Some((stream, peer)) = accepted.recv().await {
            connections += 1;
            let answer = format!("{id} to {}, connection {connections}", peer.identity());
            let service = hyper::service::service_fn(move |_| {
                let answer = Full::<Bytes>::from(answer.clone());
                async { Ok::<_, std::convert::Infallible>(http::Response::new(answer)) }
            });
            let connection = server::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(address)
}
