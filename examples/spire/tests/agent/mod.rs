//! A small Workload API server on a Unix socket, which says what a test tells it to say.

use std::path::Path;
use std::pin::Pin;

use bonafide_spire::proto::spiffe_workload_api_server::{
    SpiffeWorkloadApi, SpiffeWorkloadApiServer,
};
use bonafide_spire::proto::{
    X509BundlesRequest, X509BundlesResponse, X509svidRequest, X509svidResponse,
};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

/// What the agent says next: a message, or the status that ends the stream.
#[derive(Clone)]
pub enum Says {
    Message(X509svidResponse),
    Status(Status),
}

pub struct Agent {
    says: watch::Sender<Says>,
    server: JoinHandle<()>,
}

impl Agent {
    pub fn listen(socket: &Path, says: Says) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let (says, heard) = watch::channel(says);
        let service = SpiffeWorkloadApiServer::new(Service { says: heard });
        let server = tokio::spawn(async move {
            let incoming = UnixListenerStream::new(listener);
            let served = tonic::transport::Server::builder().add_service(service);
            served.serve_with_incoming(incoming).await.unwrap();
        });
        Self { says, server }
    }

    pub fn says(&self, says: Says) {
        self.says.send_replace(says);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Service {
    says: watch::Receiver<Says>,
}

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SpiffeWorkloadApi for Service {
    type FetchX509SVIDStream = Messages<X509svidResponse>;
    type FetchX509BundlesStream = Messages<X509BundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        if request.metadata().get("workload.spiffe.io").is_none_or(|value| value != "true") {
            return Err(Status::invalid_argument("security header missing"));
        }
        let mut over = false;
        let messages = WatchStream::new(self.says.clone())
            .map(|says| match says {
                Says::Message(message) => Ok(message),
                Says::Status(status) => Err(status),
            })
            // A status is the last thing that a stream says.
            .take_while(move |said| !std::mem::replace(&mut over, said.is_err()));
        Ok(Response::new(Box::pin(messages)))
    }

    async fn fetch_x509_bundles(
        &self,
        _: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
}
