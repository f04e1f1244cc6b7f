//! Prints what the agent at `SPIFFE_ENDPOINT_SOCKET` says, until it is stopped.

use bonafide::trust::WorkloadEndpoint;
use bonafide_spire::{Published, run};
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("SPIFFE_ENDPOINT_SOCKET")?;
    let endpoint: WorkloadEndpoint = address.parse()?;
    let (publish, listen) = watch::channel(Published::nothing());
    let seed = u64::from(std::process::id());
    run(&endpoint, seed, &publish, |line| println!("{line}")).await?;
    drop(listen);
    Ok(())
}
