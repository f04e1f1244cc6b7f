//! Rows against OpenSSL, which `bonafide-versus-openssl` (`benches/openssl`) measures.

use std::process::Command;

/// Builds and runs it with the arguments of this program where the library is there, and says so on
/// standard error where it is not.
pub fn run() {
    let is_there = Command::new("pkg-config")
        .args(["--exists", "openssl"])
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        eprintln!(
            "The rows against OpenSSL are left out: pkg-config knows no library of that name \
             (libssl-dev on Debian)."
        );
        return;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ran = Command::new(cargo)
        .args([
            "bench",
            "--quiet",
            "--package",
            "bonafide-versus-openssl",
            "--bench",
            "openssl",
            "--",
        ])
        .args(std::env::args_os().skip(1).filter(|argument| argument != "--bench"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    if !ran.is_ok_and(|status| status.success()) {
        eprintln!(
            "The rows against OpenSSL are left out: `cargo bench --package \
             bonafide-versus-openssl` does not run here."
        );
    }
}
