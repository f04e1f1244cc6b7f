//! Mutual TLS between two SPIFFE trust domains, over tokio-rustls: accepted, refused, resumed, rotated,
//! revoked.
//!
//! ```sh
//! cargo run --package bonafide-services --bin mtls
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bonafide::credential::Update;
use bonafide::live::{Advice, Live, LivePeer, Publication, Session};
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide_services::estate::{Authority, bundle, now, workload};
use bonafide_services::tls::{self, Sessions, Tell};
use bonafide_services::{Failure, LIMIT, ensure, say};
use rustls::{AlertDescription, ClientConfig, HandshakeKind};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::{client, server};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let ours = Authority::new("example.org");
    let partner = Authority::new("partner.test");

    // The service: whom it trusts, what it presents, who may connect.
    let orders = workload(&[&ours, &partner], ours.issue("spiffe://example.org/orders")?)?;
    let clients = "any(trust-domain(example.org), spiffe://partner.test/billing)".parse()?;
    let clients = ClientAuth::Required(ExpectClient::matching(clients));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerEndpoint::builder(orders.clone(), provider, clients)
        .with_events(Arc::new(Tell("orders")))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let sessions = Sessions::of(orders.clone());
    let mut accepted = tls::incoming(listener, server, "orders");
    tokio::spawn(async move {
        while let Some((stream, peer)) = accepted.recv().await {
            tokio::spawn(serve(stream, peer, sessions.clone()));
        }
    });

    // Accepted, from either trust domain.
    let web = workload(&[&ours], ours.issue("spiffe://example.org/web")?)?;
    let web_client = client_of("web", &web, "spiffe://example.org/orders")?;
    let mut web_talk = Talk::open(&web_client, address).await?;
    let answer = web_talk.ask("hello").await?;
    say("web", &answer);
    ensure(answer == "hello spiffe://example.org/web of example.org", "orders knows web")?;
    let billing = workload(&[&ours], partner.issue("spiffe://partner.test/billing")?)?;
    let billing_client = client_of("billing", &billing, "spiffe://example.org/orders")?;
    let mut billing_talk = Talk::open(&billing_client, address).await?;
    let answer = billing_talk.ask("hello").await?;
    say("billing", &answer);
    ensure(
        answer == "hello spiffe://partner.test/billing of partner.test",
        "orders knows billing",
    )?;

    // Refused by the server: an authority speaks for its own domain only.
    say("partner", "issues for spiffe://example.org/admin, which is not its to issue");
    let forger = workload(&[&ours], partner.issue("spiffe://example.org/admin")?)?;
    let forger = client_of("forger", &forger, "spiffe://example.org/orders")?;
    expect_alert("forger", &forger, address, AlertDescription::UnknownCA).await?;

    // Refused by the client: the server is somebody, but not who was asked for.
    let picky = client_of("web", &web, "spiffe://example.org/payments")?;
    let refused = Talk::open(&picky, address).await.err();
    let refused = refused.ok_or("not as told: web refuses a server that is not payments")?;
    say("web", &format!("does not connect: {refused}"));

    // Resumed, which is judged like a full handshake.
    let mut again = Talk::open(&web_client, address).await?;
    let answer = again.ask("hello").await?;
    say("web", &format!("resumes: {answer}"));
    ensure(again.kind == Some(HandshakeKind::Resumed), "web resumes its session")?;

    rotate(&ours, &orders, &[&web, &billing], &web_client, address).await?;
    // What was opened with a certificate of the old authority is closed; others are not disturbed.
    web_talk.closed().await?;
    say("billing", &billing_talk.ask("still here:").await?);

    // Revoked, which ends the session that is open, and does not let it be resumed.
    say("orders", "denies billing");
    let denied = Denied::Identity("spiffe://partner.test/billing".parse()?);
    orders.publish(Publication::new().deny([DenyRule::new(denied)]), now())?;
    billing_talk.closed().await?;
    say("billing", "is disconnected");
    expect_alert("billing", &billing_client, address, AlertDescription::CertificateRevoked).await
}

/// Rotates the authority of example.org and what it has issued, while a client connects all the time.
async fn rotate(
    old: &Authority,
    orders: &Live,
    clients: &[&Live; 2],
    web_client: &Arc<ClientEndpoint>,
    address: SocketAddr,
) -> Result<(), Failure> {
    let (count, mut counted) = watch::channel(0_u64);
    let client = web_client.clone();
    let connecting = tokio::spawn(async move {
        while !count.is_closed() {
            // Full handshakes: a resumed session would speak with the old certificates.
            let mut talk = Talk::open_with(client.config(), &client, address).await?;
            talk.ask("hello").await?;
            count.send_modify(|count| *count += 1);
        }
        Ok::<_, Failure>(())
    });
    let new = Authority::new("example.org");

    // Trust comes first, what is presented after it; the old authority goes last. So that peers always
    // have one in common.
    let trusting = |authorities: &[&Authority]| -> Result<_, Failure> {
        let bundle = bundle(authorities.iter().copied())?;
        Ok(Publication::new().bundle("example.org", bundle))
    };
    let [web, billing] = *clients;
    let both = [old, &new];
    let affected = orders.publish(trusting(&both)?, now())?.affected().len();
    say("orders", &format!("trusts both authorities: {affected} sessions affected"));
    billing.publish(trusting(&both)?, now())?;
    let renewed = Update::install(new.issue("spiffe://example.org/web")?);
    web.publish(trusting(&both)?.credentials(renewed), now())?;
    say("web", "trusts both, and presents a certificate of the new one, as of the same instant");
    let renewed = Update::install(new.issue("spiffe://example.org/orders")?);
    orders.publish(Publication::new().credentials(renewed), now())?;
    say("orders", "presents a certificate of the new one");
    if !ten_more(&mut counted).await {
        return connecting.await?;
    }

    let published = orders.publish(trusting(&[&new])?, now())?;
    for tightened in published.tightened() {
        say("orders", &format!("{tightened}: {} sessions affected", published.affected().len()));
    }
    web.publish(trusting(&[&new])?, now())?;
    billing.publish(trusting(&[&new])?, now())?;
    if !ten_more(&mut counted).await {
        return connecting.await?;
    }
    let count = *counted.borrow();
    drop(counted);
    connecting.await??;
    say("web", &format!("connected {count} times meanwhile, and never failed"));
    Ok(())
}

/// Waits until the client has connected ten more times; `false` where it failed.
async fn ten_more(counted: &mut watch::Receiver<u64>) -> bool {
    let so_far = *counted.borrow();
    counted.wait_for(|count| *count > so_far + 10).await.is_ok()
}

/// What a client may send in one session.
const MAX_OCTETS: u64 = 64 * 1024;

/// Serves one client until it leaves, or until it is nobody any more.
async fn serve(
    stream: server::TlsStream<TcpStream>,
    peer: LivePeer,
    sessions: Arc<Sessions>,
) -> Result<(), Failure> {
    let mut ends = peer.valid_until();
    let (mut session, mut affected) = sessions.enter(peer, None)?;
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader.take(MAX_OCTETS)).lines();
    loop {
        let left = ends.unix().saturating_sub(now().unix()).try_into().unwrap_or(0);
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line?.filter(|_| stands(&mut session)) else { break };
                let peer = session.peer();
                let answer = format!("{line} {} of {}\n", peer.identity(), peer.trust_domain());
                writer.write_all(answer.as_bytes()).await?;
                writer.flush().await?;
            }
            Some(affected) = affected.recv() => {
                let (advice, cause) = (affected.advice, affected.cause);
                say("orders", &format!("{}: {advice:?} ({cause})", session.peer().identity()));
                match advice {
                    Advice::Close => break,
                    Advice::AskAgain if stands(&mut session) => {}
                    Advice::AskAgain => break,
                    Advice::CloseBy(time) => ends = ends.min(time),
                }
            }
            // Whoever wants to stay shakes hands again.
            () = tokio::time::sleep(Duration::from_secs(left)) => break,
        }
    }
    Ok(writer.shutdown().await?)
}

/// Whether the peer of a session still is who it is: to be asked before anything is done for it.
fn stands(session: &mut Session) -> bool {
    let now = now();
    session.ask(now).is_current() || session.ask_again(now).is_ok()
}

fn client_of(who: &'static str, live: &Live, server: &str) -> Result<Arc<ClientEndpoint>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let servers = ExpectServer::matching(server.parse()?);
    let builder = ClientEndpoint::builder(live.clone(), provider, servers, Presents::Always);
    Ok(builder.with_events(Arc::new(Tell(who))).build()?)
}

/// A client's side of a session.
struct Talk {
    stream: BufReader<client::TlsStream<TcpStream>>,
    kind: Option<HandshakeKind>,
}

impl Talk {
    async fn open(client: &Arc<ClientEndpoint>, address: SocketAddr) -> Result<Self, Failure> {
        Self::open_with(client.dangerously_resuming_config(), client, address).await
    }

    async fn open_with(
        config: Arc<ClientConfig>,
        client: &Arc<ClientEndpoint>,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let name = "orders.example.org".try_into()?;
        let (stream, _server) = tls::connect_with(config, client, address, &name).await?;
        let kind = stream.get_ref().1.handshake_kind();
        Ok(Self { stream: BufReader::new(stream), kind })
    }

    async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let (mut answer, question) = (String::new(), format!("{question}\n"));
        self.stream.write_all(question.as_bytes()).await?;
        self.stream.flush().await?;
        match self.stream.read_line(&mut answer).await? {
            0 => Err("the server has closed the session".into()),
            _ => Ok(answer.trim_end().to_owned()),
        }
    }

    /// Waits until the server closes the session, in order or with an alert.
    async fn closed(&mut self) -> Result<(), Failure> {
        match self.stream.fill_buf().await? {
            [] => Ok(()),
            _ => Err("the server says something unasked".into()),
        }
    }
}

/// The client is refused; what it gets to know is the alert.
async fn expect_alert(
    who: &str,
    client: &Arc<ClientEndpoint>,
    address: SocketAddr,
    alert: AlertDescription,
) -> Result<(), Failure> {
    // In TLS 1.3 a client is done before its certificate is looked at: the alert comes later.
    let end = match Talk::open(client, address).await {
        Ok(mut talk) => talk.closed().await,
        Err(failure) => Err(failure),
    };
    let failure = end.err().ok_or_else(|| format!("not as told: {who} is told why"))?;
    say(who, &format!("is told: {failure}"));
    ensure(tls::alert(&failure) == Some(alert), "the alert fits")
}
