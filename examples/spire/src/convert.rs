//! The messages of the stubs as those of the library: the same fields, moved.

use bonafide::trust::{X509SvidEntry, X509SvidMessage};

use crate::proto::{X509svid, X509svidResponse};

impl From<X509svidResponse> for X509SvidMessage {
    fn from(message: X509svidResponse) -> Self {
        Self {
            svids: message.svids.into_iter().map(X509SvidEntry::from).collect(),
            crls: message.crl,
            federated_bundles: message.federated_bundles.into_iter().collect(),
        }
    }
}

impl From<X509svid> for X509SvidEntry {
    fn from(svid: X509svid) -> Self {
        Self {
            spiffe_id: svid.spiffe_id,
            x509_svid: svid.x509_svid,
            x509_svid_key: svid.x509_svid_key.into(),
            bundle: svid.bundle,
            hint: svid.hint,
        }
    }
}
