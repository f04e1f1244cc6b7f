//! tonic behind mTLS: an interceptor asks about the caller at each call and hands its identity to the
//! service. tonic knows nothing of TLS here: it serves connections that were accepted.
//!
//! ```sh
//! cargo run --package bonafide-services --bin tonic
//! ```

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bonafide::live::{LivePeer, Publication};
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, ExpectClient, ExpectServer, Presents, ServerEndpoint,
};
use bonafide_services::estate::{Authority, now, workload};
use bonafide_services::tls::{self, Caller, Tell};
use bonafide_services::{Failure, LIMIT, ensure, say};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Code, Request, Response, Status};

/// Messages and stubs.
#[allow(clippy::all, reason = "generated")]
mod proto {
    tonic::include_proto!("orders");
}

use proto::orders_client::OrdersClient;
use proto::orders_server::{Orders, OrdersServer};
use proto::{Order, Receipt};

/// A connection of a client that was accepted.
struct Accepted(TlsStream<TcpStream>, Caller);

impl Connected for Accepted {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.1.clone()
    }
}

/// The interceptor: calls that get past it have a [`LivePeer`] among their extensions.
fn check(mut request: Request<()>) -> Result<Request<()>, Status> {
    let caller = request.extensions().get::<Caller>();
    let caller = caller.ok_or_else(|| Status::unauthenticated("no certificate"))?;
    match caller.check() {
        Ok(peer) => {
            request.extensions_mut().insert(peer);
            Ok(request)
        }
        Err(lapse) => Err(Status::unauthenticated(lapse.to_string())),
    }
}

#[derive(Default)]
struct Desk(AtomicU64);

#[tonic::async_trait]
impl Orders for Desk {
    async fn place(&self, request: Request<Order>) -> Result<Response<Receipt>, Status> {
        let customer = request.extensions().get::<LivePeer>();
        let customer = customer.ok_or_else(|| Status::internal("no interceptor"))?;
        let customer = customer.identity().to_string();
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        say("orders", &format!("{} for {customer}", request.get_ref().item));
        Ok(Response::new(Receipt { customer, number }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let ours = Authority::new("example.org");
    let partner = Authority::new("partner.test");
    let provider = Arc::new(rustls::crypto::ring::default_provider());

    // The service.
    let orders = workload(&[&ours, &partner], ours.issue("spiffe://example.org/orders")?)?;
    let clients = ExpectClient::matching(
        "any(trust-domain(example.org), trust-domain(partner.test))".parse()?,
    );
    let server =
        ServerEndpoint::builder(orders.clone(), provider.clone(), ClientAuth::Required(clients))
            .with_events(Arc::new(Tell("orders")))
            .configure(|config| config.alpn_protocols = vec![b"h2".to_vec()])
            .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accepted = ReceiverStream::new(tls::incoming(listener, server, "orders"))
        .map(|(stream, peer)| Ok::<_, io::Error>(Accepted(stream, Caller::new(peer))));
    let desk = OrdersServer::with_interceptor(Desk::default(), check);
    tokio::spawn(Server::builder().add_service(desk).serve_with_incoming(accepted));

    // Its clients, each with one channel for the whole story.
    let client = |trusts: &[&Authority], credential| -> Result<_, Failure> {
        let live = workload(trusts, credential)?;
        let servers = ExpectServer::matching("spiffe://example.org/orders".parse()?);
        Ok(ClientEndpoint::builder(live, provider.clone(), servers, Presents::Always)
            .configure(|config| config.alpn_protocols = vec![b"h2".to_vec()])
            .build()?)
    };
    let web = client(&[&ours], ours.issue("spiffe://example.org/web")?)?;
    let mut web = OrdersClient::new(channel(web, address).await?);
    let billing = client(&[&ours], partner.issue("spiffe://partner.test/billing")?)?;
    let mut billing = OrdersClient::new(channel(billing, address).await?);

    for (customer, item) in [(&mut web, "apples"), (&mut billing, "pears")] {
        let receipt = customer.place(Order { item: item.into() }).await?.into_inner();
        say("client", &format!("receipt {} for {}", receipt.number, receipt.customer));
    }

    say("orders", "denies billing of partner.test, whose channel is open");
    let denied = Denied::Identity("spiffe://partner.test/billing".parse()?);
    orders.publish(Publication::new().deny([DenyRule::new(denied)]), now())?;
    let refused = billing.place(Order { item: "plums".into() }).await;
    let status = refused.err().ok_or("not as told: billing is refused")?;
    say("billing", &format!("{:?}: {}", status.code(), status.message()));
    ensure(status.code() == Code::Unauthenticated, "billing is refused on its open channel")?;

    let receipt = web.place(Order { item: "plums".into() }).await?.into_inner();
    say("web", &format!("receipt {} for {}", receipt.number, receipt.customer));
    ensure(receipt.customer == "spiffe://example.org/web", "the service knows web")?;
    ensure(receipt.number == 3, "no order of billing was taken")?;

    say("partner", "issues for spiffe://example.org/web, which is not its to issue");
    let forged = client(&[&ours], partner.issue("spiffe://example.org/web")?)?;
    let refused = match channel(forged, address).await {
        Ok(channel) => {
            let order = Order { item: "everything".into() };
            OrdersClient::new(channel).place(order).await.err().map(Failure::from)
        }
        Err(failure) => Some(failure),
    };
    let failure = refused.ok_or("not as told: the forged certificate is refused")?;
    say("forger", &format!("cannot connect: {}", innermost(&*failure)));
    Ok(())
}

/// A channel to the service over a connection that is judged by this client.
async fn channel(client: Arc<ClientEndpoint>, address: SocketAddr) -> Result<Channel, Failure> {
    let connector = tower::service_fn(move |_: Uri| {
        let client = client.clone();
        async move {
            let name = "orders.example.org".try_into()?;
            let (stream, _) = tls::connect(&client, address, &name).await?;
            Ok::<_, Failure>(TokioIo::new(stream))
        }
    });
    // The URI is required and not used: the connector knows the way.
    Ok(Endpoint::from_static("http://orders").connect_with_connector(connector).await?)
}

fn innermost<'e>(mut error: &'e (dyn std::error::Error + 'static)) -> &'e dyn std::error::Error {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
