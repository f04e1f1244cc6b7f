//! Certificates in files, PEM or DER.

use std::path::Path;

use bonafide::trust::TrustAnchor;
use bonafide::x509::{Certificate, PemBlocks, certificates_from_pem_or_der};
use rustls_pki_types::CertificateDer;

use super::unusable::{Place, Unusable};

/// Reads trust anchors: all of them must be readable.
pub(crate) fn anchors(file: &Path) -> Result<Vec<TrustAnchor>, Unusable> {
    let input = read(file)?;
    let mut anchors = Vec::new();
    for (index, der) in certificates(file, &input)?.iter().enumerate() {
        let anchor = TrustAnchor::from_der(der).map_err(|error| Unusable::Anchor {
            file: file.to_owned(),
            place: place(&input, index),
            error,
        })?;
        anchors.push(anchor);
    }
    Ok(anchors)
}

/// Reads what a peer presents: its own certificate must be one. What the others hold is up to the
/// decision, which says so where it cannot use them.
pub(crate) fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let input = read(file)?;
    let chain = certificates(file, &input)?;
    if let Some(leaf) = chain.first() {
        Certificate::from_der(leaf).map_err(|error| Unusable::Certificate {
            file: file.to_owned(),
            place: place(&input, 0),
            error,
        })?;
    }
    Ok(chain)
}

fn read(file: &Path) -> Result<Vec<u8>, Unusable> {
    std::fs::read(file).map_err(|error| Unusable::File { file: file.to_owned(), error })
}

fn certificates(file: &Path, input: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    certificates_from_pem_or_der(input)
        .map_err(|error| Unusable::Pem { file: file.to_owned(), error })
}

/// Where certificate `index` of a sound input stands.
fn place(input: &[u8], index: usize) -> Place {
    match PemBlocks::new(input).nth(index) {
        Some(Ok(block)) => Place::Block { line: block.line(), number: index + 1 },
        _ => Place::Whole,
    }
}
