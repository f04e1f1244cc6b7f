//! Prints what the agent at `SPIFFE_ENDPOINT_SOCKET` says, until it is stopped.

use bonafide::trust::WorkloadEndpoint;
use bonafide_spire::{nothing, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("SPIFFE_ENDPOINT_SOCKET")?;
    let endpoint: WorkloadEndpoint = address.parse()?;
    let seed = u64::from(std::process::id());
    let live = nothing();
    let status = run(&endpoint, seed, &live, |line| println!("{line}")).await;
    Err(status.into())
}
