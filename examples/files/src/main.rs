//! Watches a directory with a credential and says what happens.
//!
//! ```sh
//! cargo run -p bonafide-files -- /var/run/secrets/tls            # tls.crt, tls.key
//! cargo run -p bonafide-files -- /run/spire svid.pem svid_key.pem
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;

use bonafide::credential::CredentialHandle;
use bonafide::policy::ValidationPolicy;
use bonafide_files::{FileSource, Files, watch, watcher};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next() else {
        eprintln!("usage: bonafide-files DIRECTORY [CERTIFICATES KEY]");
        return ExitCode::FAILURE;
    };
    let certificates = arguments.next().unwrap_or_else(|| "tls.crt".into());
    let key = arguments.next().unwrap_or_else(|| "tls.key".into());
    let identity = format!("{directory}/{certificates}");
    let directory = PathBuf::from(directory);
    let files = Files { directory: directory.clone(), certificates, key };
    let source = FileSource::new(files, ValidationPolicy::tls_server());
    let handle = CredentialHandle::default();
    let (sender, signals) = mpsc::channel();
    let watcher = watcher(&directory, sender.clone());
    if let Err(error) = &watcher {
        println!("no events, polling: {error}");
    }
    // Nobody says stop: the process is.
    watch(&source, &handle, &identity, &signals, &mut |text| println!("{text}"));
    drop(sender);
    ExitCode::SUCCESS
}
