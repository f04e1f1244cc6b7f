//! What revocation lists say about one certificate, and what they say more than before.

use alloc::sync::Arc;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::crl::VerifiedCrl;
use super::crl_status::issuers_of_lists;
use super::entry_table::EntryTable;
use super::{About, CrlStore, Denied, EvidenceChange, EvidenceId, RevocationSource};
use crate::identity::DistinguishedName;
use crate::x509::{GeneralNames, Name, ReasonCode};

/// The digest of the lists that are consulted about a certificate; nothing where one of them is signed
/// with another key than the issuer's, whose status rests on other lists.
pub(super) fn digest_about(store: &CrlStore, about: &About<'_>) -> Option<EvidenceId> {
    let mut hash = Sha256::new();
    for name in issuers_of_lists(&about.certificate) {
        for list in store.of_issuer(&name) {
            if *list.key.spki != *about.issuer_spki {
                return None;
            }
            hash.update(list.id().as_bytes());
        }
    }
    Some(EvidenceId::from_digest(hash.finalize().into()))
}

/// What a store says more than an older one: linear in the entries of the lists that differ.
pub(super) fn change_since(store: &CrlStore, older: &CrlStore) -> EvidenceChange {
    let mut change = EvidenceChange::none();
    for (new, old) in store.unshared(older) {
        for list in new.iter().filter(|list| !old.iter().any(|held| held.id() == list.id())) {
            let held: Vec<&VerifiedCrl> =
                old.iter().map(Arc::as_ref).filter(|held| held.takes_place_of(list)).collect();
            add_revoked(&mut change, list, &held);
            // Newer evidence that lasts less long, perhaps: who rests on the older one rested on more.
            let shorter = |held: &&&VerifiedCrl| {
                let (new, old) = (list.summary().next_update, held.summary().next_update);
                old.is_some_and(|old| new.is_none_or(|new| new < old))
            };
            held.iter().filter(shorter).for_each(|held| add_lost(&mut change, held));
            // One that cannot be processed voids the one before it, or the one that it is a delta to.
            if list.unrecognized_critical.is_some() {
                add_lost(&mut change, list);
            }
        }
        let gone = old.iter().filter(|held| !new.iter().any(|list| list.takes_place_of(held)));
        gone.for_each(|held| add_lost(&mut change, held));
    }
    change
}

/// Adds whom a list spoke of that is gone. Whom an indirect one spoke of, its issuer does not say.
fn add_lost(change: &mut EvidenceChange, list: &VerifiedCrl) {
    change.unknown |= list.summary().indirect;
    change.issuers.push(list.summary().issuer.clone());
}

/// Adds what `list` revokes and none of `held` does.
fn add_revoked(change: &mut EvidenceChange, list: &VerifiedCrl, held: &[&VerifiedCrl]) {
    let mut add = |issuer: &Name<'_>, table: &EntryTable| {
        table.serials(|serial| {
            let revokes = |list: &VerifiedCrl| {
                list.entry_of(issuer, serial)
                    .is_some_and(|entry| entry.reason != Some(ReasonCode::RemoveFromCrl))
            };
            if revokes(list) && !held.iter().any(|held| revokes(held)) {
                change.certificates.push(Denied::SerialOfName {
                    issuer: DistinguishedName::of(*issuer),
                    serial_number: serial.to_vec(),
                });
            }
        });
    };
    add(&list.issuer(), &list.own);
    for other in list.others.values().flatten() {
        for name in GeneralNames::trusted(&other.names, 0).directory_names() {
            add(&name, &other.table);
        }
    }
}

impl CrlStore {
    /// `older`, where it is a store of lists too.
    pub(super) fn of_source(older: &dyn RevocationSource) -> Option<&Self> {
        let older: &dyn core::any::Any = older;
        older.downcast_ref()
    }
}
