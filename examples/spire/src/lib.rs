//! A workload under SPIRE: the SPIFFE Workload API plugged into `bonafide`.
//!
//! [`run`] keeps the stream of an agent open and publishes, after each message, the workload's own
//! credentials together with the trust that the same message makes: who reads a
//! [`Snapshot`](bonafide::live::Snapshot) never sees one without the other, and the endpoints of
//! `bonafide::rustls` over the same [`Live`] follow by themselves. The library decides what a message
//! means and when to connect again; this crate connects, waits and reads the clock.
//!
//! Where a message has an SVID that is not sound, its bundles count all the same: the removal of an
//! authority does not wait for somebody's key. What is only not valid yet is tried again each second.

mod convert;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bonafide::credential::{CredentialChecks, Update};
use bonafide::live::{Live, Publication, PublishError};
use bonafide::policy::ValidationPolicy;
use bonafide::signature::{RingBackend, default_backend};
use bonafide::trust::{
    FederatedBundles, Reconnect, StreamEnd, TrustStore, WorkloadEndpoint, WorkloadState,
    X509SvidMessage,
};
use bonafide::verify::Verifier;
use bonafide::x509::Time;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};

/// Messages and stubs of the Workload API.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod proto {
    tonic::include_proto!("_");
}

use proto::X509svidRequest;
use proto::spiffe_workload_api_client::SpiffeWorkloadApiClient;

/// Nobody is trusted and nothing presented, until an agent says otherwise.
#[must_use]
pub fn nothing() -> Live {
    let policy = Arc::new(ValidationPolicy::spiffe());
    Live::new(Verifier::new(Arc::new(empty_store()), policy, Arc::new(RingBackend::NEW)))
}

fn empty_store() -> TrustStore {
    TrustStore::new([]).unwrap_or_else(|_| unreachable!("no domains are no duplicates"))
}

/// Follows the Workload API of an agent and publishes what changes. Goes on until it is dropped, or
/// returns the reason why asking again is of no use: the status `InvalidArgument` of the agent (W-18).
/// `report` gets one line for each event.
pub async fn run(
    endpoint: &WorkloadEndpoint,
    seed: u64,
    live: &Live,
    report: impl FnMut(&str),
) -> Status {
    let mut workload = Workload {
        state: WorkloadState::new(seed),
        federation: FederatedBundles::new(empty_store()),
        live,
        report,
        early: false,
    };
    loop {
        let status = workload.stream(endpoint).await;
        let end = status.as_ref().map_or(StreamEnd::Closed, end_of);
        match workload.on_end(end) {
            Reconnect::AtOnce => {}
            Reconnect::After { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            }
            _ => return status.unwrap_or_else(|| Status::unknown("stream ended")),
        }
    }
}

/// What is known of the stream, and where it goes.
struct Workload<'l, R> {
    state: WorkloadState,
    federation: FederatedBundles,
    live: &'l Live,
    report: R,
    /// Whether an SVID waits for its time.
    early: bool,
}

impl<R: FnMut(&str)> Workload<'_, R> {
    fn on_message(&mut self, message: X509SvidMessage) {
        match self.state.apply(message, now()) {
            Err(rejected) => (self.report)(&format!("message discarded: {rejected}")),
            Ok(update) => {
                update.events().iter().for_each(|event| (self.report)(&event.to_string()));
                if update.is_new_state() {
                    self.publish();
                }
            }
        }
    }

    fn on_end(&mut self, end: StreamEnd) -> Reconnect {
        let (update, reconnect) = self.state.on_end(end);
        update.events().iter().for_each(|event| (self.report)(&event.to_string()));
        if update.is_new_state() {
            self.publish();
        }
        reconnect
    }

    /// Publishes trust and credentials of the state in one instant; the trust alone where the
    /// credentials are refused.
    fn publish(&mut self) {
        let now = now();
        self.early = false;
        let context = self.state.current().cloned();
        let bundles = context.iter().flat_map(|context| context.bundles().cloned());
        match self.federation.replace_all(bundles.collect::<Vec<_>>(), now) {
            Ok(change) => {
                change.events().iter().for_each(|event| (self.report)(&event.to_string()));
            }
            Err(refused) => return (self.report)(&format!("bundles refused: {refused}")),
        }
        let trust = Arc::new(self.federation.store().clone());
        let snapshot = self.live.snapshot();
        let checks = CredentialChecks::new(snapshot.verifier().policy(), default_backend(), now);
        let update = match &context {
            None => Ok(Update::complete([])),
            Some(context) => Update::from_workload(context, &checks, snapshot.credentials())
                .map_err(|refused| (format!("{refused}: {}", refused.error()), refused.code())),
        };
        let publication = Publication::new().trust(trust.clone());
        let published = update.and_then(|update| {
            self.live.publish(publication.credentials(update), now).map_err(|error| match &error {
                PublishError::Credentials(cause) => (format!("{error}: {cause}"), cause.code()),
                _ => (error.to_string(), error.code()),
            })
        });
        if let Err((text, code)) = published {
            (self.report)(&text);
            self.early = code == "credential.not-yet-valid";
            if let Err(error) = self.live.publish(Publication::new().trust(trust), now) {
                (self.report)(&error.to_string());
            }
        }
    }

    /// One stream, from connecting to its end: [`None`] where the agent closed it in order.
    async fn stream(&mut self, endpoint: &WorkloadEndpoint) -> Option<Status> {
        let channel = match connect(endpoint).await {
            Ok(channel) => channel,
            Err(error) => return Some(Status::unavailable(error.to_string())),
        };
        let mut request = Request::new(X509svidRequest {});
        // SPIFFE Workload Endpoint section 5: requests without this are refused, so that no web page
        // can be made to ask.
        let security = tonic::metadata::MetadataValue::from_static("true");
        request.metadata_mut().insert("workload.spiffe.io", security);
        let mut client = SpiffeWorkloadApiClient::new(channel);
        let mut messages = match client.fetch_x509svid(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Some(status),
        };
        loop {
            let next = tokio::select! {
                next = messages.message() => next,
                () = tokio::time::sleep(Duration::from_secs(1)), if self.early => {
                    self.publish();
                    continue;
                }
            };
            match next {
                Ok(Some(message)) => self.on_message(message.into()),
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }
}

async fn connect(endpoint: &WorkloadEndpoint) -> Result<Channel, tonic::transport::Error> {
    match endpoint {
        WorkloadEndpoint::Unix { path } => {
            let path = PathBuf::from(path);
            // The URI is required and not used: the connector knows the way.
            let connector = tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            });
            Endpoint::from_static("http://localhost").connect_with_connector(connector).await
        }
        WorkloadEndpoint::Tcp { address } => {
            Endpoint::from_shared(format!("http://{address}"))?.connect().await
        }
        _ => Endpoint::from_shared(endpoint.to_string())?.connect().await,
    }
}

fn end_of(status: &Status) -> StreamEnd {
    match status.code() {
        Code::InvalidArgument => StreamEnd::InvalidArgument,
        Code::PermissionDenied => StreamEnd::PermissionDenied,
        Code::Unavailable => StreamEnd::Unavailable,
        _ => StreamEnd::Other,
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
