//! A workload under SPIRE: the SPIFFE Workload API plugged into `bonafide`.
//!
//! [`run`] keeps the stream of an agent open and publishes, after each message, the SVIDs together
//! with the trust store that the same message makes: who reads a [`Published`] never sees one without
//! the other. The library decides what a message means and when to connect again; this crate
//! connects, waits and reads the clock.

mod convert;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bonafide::trust::{
    FederatedBundles, Reconnect, StreamEnd, TrustStore, WorkloadContext, WorkloadEndpoint,
    WorkloadState, X509SvidMessage,
};
use bonafide::x509::Time;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};

/// Messages and stubs of the Workload API.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod proto {
    tonic::include_proto!("_");
}

use proto::X509svidRequest;
use proto::spiffe_workload_api_client::SpiffeWorkloadApiClient;

/// What the agent said last.
#[derive(Clone, Debug)]
pub struct Published {
    /// SVIDs, bundles and revocation lists; none before the first message and while they are
    /// withdrawn.
    pub context: Option<Arc<WorkloadContext>>,
    /// The trust that the same message makes; without a message nobody is trusted.
    pub trust: Arc<TrustStore>,
}

impl Published {
    /// Nothing yet.
    #[must_use]
    pub fn nothing() -> Self {
        Self { context: None, trust: Arc::new(empty_store()) }
    }
}

fn empty_store() -> TrustStore {
    TrustStore::new([]).unwrap_or_else(|_| unreachable!("no domains are no duplicates"))
}

/// Follows the Workload API of an agent and publishes what changes. Ends when nobody listens any
/// more, or with the reason why asking again is of no use. `report` gets one line for each event.
///
/// # Errors
/// The status `InvalidArgument` of the agent (W-18).
pub async fn run(
    endpoint: &WorkloadEndpoint,
    seed: u64,
    publish: &watch::Sender<Published>,
    mut report: impl FnMut(&str),
) -> Result<(), Status> {
    let mut state = WorkloadState::new(seed);
    let mut federation = FederatedBundles::new(empty_store());
    while !publish.is_closed() {
        let status = stream(endpoint, publish, |message| {
            let now = now();
            match state.apply(message, now) {
                Err(rejected) => report(&format!("message discarded: {rejected}")),
                Ok(update) => {
                    update.events().iter().for_each(|event| report(&event.to_string()));
                    if update.is_new_state() {
                        hand_on(&state, &mut federation, publish, now, &mut report);
                    }
                }
            }
        })
        .await;
        let end = status.as_ref().map_or(StreamEnd::Closed, end_of);
        let (update, reconnect) = state.on_end(end);
        update.events().iter().for_each(|event| report(&event.to_string()));
        if update.is_new_state() {
            hand_on(&state, &mut federation, publish, now(), &mut report);
        }
        match reconnect {
            Reconnect::AtOnce => {}
            Reconnect::After { milliseconds } => tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(milliseconds)) => {}
                () = publish.closed() => {}
            },
            _ => return Err(status.unwrap_or_else(|| Status::unknown("stream ended"))),
        }
    }
    Ok(())
}

/// Makes the trust store of a state and publishes both at once.
fn hand_on(
    state: &WorkloadState,
    federation: &mut FederatedBundles,
    publish: &watch::Sender<Published>,
    now: Time,
    report: &mut impl FnMut(&str),
) {
    let context = state.current().cloned();
    let bundles = context.iter().flat_map(|context| context.bundles().cloned());
    match federation.replace_all(bundles.collect::<Vec<_>>(), now) {
        Ok(change) => change.events().iter().for_each(|event| report(&event.to_string())),
        Err(refused) => return report(&format!("bundles refused: {refused}")),
    }
    let trust = Arc::new(federation.store().clone());
    publish.send_replace(Published { context, trust });
}

/// One stream, from connecting to its end: [`None`] where the agent closed it in order.
async fn stream(
    endpoint: &WorkloadEndpoint,
    publish: &watch::Sender<Published>,
    mut apply: impl FnMut(X509SvidMessage),
) -> Option<Status> {
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
            () = publish.closed() => return None,
        };
        match next {
            Ok(Some(message)) => apply(message.into()),
            Ok(None) => return None,
            Err(status) => return Some(status),
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
