//! Taking in a revocation list: its signature once, every entry once, in as many steps as wanted.
//!
//! A list is hashed once: its tbsCertList, by SHA-256, for the signature and for the name of the
//! list ([`EvidenceId::of_list`]). Entries are read in full, in steps, and filed (see the entry
//! table), and the octets just read are hashed beside: a processor reads the next entries while it
//! waits for the rounds of the digest, each of which waits for the one before. So plain entries are
//! read before the signature is verified. They have no extension but a reason, and who writes them
//! shapes little: the work goes by the bytes, and so does the room. The first entry that is not
//! plain, and one that is malformed, waits until the rest is hashed and the signature verified:
//! nobody but an authority shapes what follows, and what is not signed is refused for that. A
//! malformed entry makes the whole list malformed, and none of it is used.
//!
//! Where the signature is over another digest than SHA-256, or the backend takes none, the backend
//! hashes the whole list again, in one piece.
//!
//! Left to the host: which lists to offer, where they come from, and whom to offer as signers. An
//! offered signer is a candidate for the mathematics and no more.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use sha2::digest::array::Array;
use sha2::digest::block_api::{Buffer, CoreProxy, FixedOutputCore, UpdateCore};
use sha2::{Digest, Sha256};

use super::answer::{CrlSummary, EvidenceId, Revoked, bounded_uris};
use super::crl::{OtherIssuer, Signer, SignerKey, VerifiedCrl};
use super::entry_table::{EntryTable, EntryTableBuilder};
use super::query::{SignatureFailure, SignatureTools};
use crate::identity::DistinguishedName;
use crate::signature::Message;
use crate::trust::TrustAnchor;
use crate::x509::{
    CertificateError, CertificateRevocationList, CrlScope, DistributionPointName, EntryWalker,
    FormatError, GeneralNames, IssuingDistributionPointIndex, Name, OwnedCertificate, OwnedOid,
    PlainEntry, der::Reader,
};

/// Whoever may have signed a list.
#[derive(Clone, Debug)]
pub struct CrlSigner {
    name: DistinguishedName,
    key: SignerKey,
    key_id: Option<Box<[u8]>>,
    certificate: Option<Signer>,
    is_anchor: bool,
}

impl CrlSigner {
    /// Offers the key of a certificate: that of a CA, or of a signer of lists.
    ///
    /// # Errors
    /// [`CertificateError`] where its key cannot be read.
    pub fn certificate(certificate: OwnedCertificate) -> Result<Self, CertificateError> {
        let view = certificate.as_certificate();
        let spki = view.subject_public_key_info()?;
        Ok(Self {
            name: DistinguishedName::of(view.subject()),
            key: SignerKey { spki: spki.der().into(), inherited_parameters: None },
            key_id: view.key_id().map(Box::from),
            certificate: Some(Signer {
                fingerprint: Sha256::digest(certificate.as_der()).into(),
                certificate,
            }),
            is_anchor: false,
        })
    }

    /// Offers the key of a trust anchor.
    #[must_use]
    pub fn anchor(anchor: &TrustAnchor) -> Self {
        let certificate = anchor.owned_certificate();
        Self {
            name: DistinguishedName::of(anchor.subject()),
            key: SignerKey { spki: anchor.spki_der().into(), inherited_parameters: None },
            key_id: anchor.key_id().map(Box::from),
            certificate: certificate.map(|certificate| Signer {
                fingerprint: Sha256::digest(certificate.as_der()).into(),
                certificate: certificate.clone(),
            }),
            is_anchor: true,
        }
    }

    /// Lets the key inherit what parameters it lacks from `issuer`'s (RFC 5280 section 6.1.4 (e)).
    #[must_use]
    pub fn issued_by(mut self, issuer: &Self) -> Self {
        if let (Some(issuer), Some(own)) = (issuer.key.public_key(), self.key.public_key()) {
            let inherited = issuer.issued(own.spki()).inherited_parameters().map(Arc::from);
            self.key.inherited_parameters = inherited;
        }
        self
    }
}

/// Why a list was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlIntakeError {
    /// The list cannot be read.
    #[error("the revocation list cannot be read")]
    Malformed(#[from] FormatError),
    /// The list is larger than the host allows.
    #[error("the revocation list has {size} bytes, at most {max} are taken in")]
    TooLarge {
        /// Bytes of the list.
        size: usize,
        /// The bound.
        max: usize,
    },
    /// No signer was offered that has the name of the list's issuer.
    #[error("no signer of the name of the list's issuer is known")]
    NoSigner,
    /// The signature does not hold with any key offered.
    #[error("the signature of the list does not hold with any of {tried} keys")]
    Signature {
        /// How many keys were tried.
        tried: usize,
        /// What the last of them gave.
        #[source]
        failure: SignatureFailure,
    },
    /// A step after the last one, or after an error.
    #[error("this intake has ended")]
    Ended,
}

impl CrlIntakeError {
    /// Returns the stable, machine-readable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::TooLarge { .. } => "crl-intake.too-large",
            Self::NoSigner => "crl-intake.no-signer",
            Self::Signature { .. } => "crl-intake.bad-signature",
            Self::Ended => "crl-intake.ended",
        }
    }
}

/// How far an intake came.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an intake is done or not")]
pub enum Progress {
    /// There is more to do.
    Working {
        /// Bytes of entries read.
        done: usize,
        /// Bytes of all entries.
        total: usize,
    },
    /// The list was taken in.
    Finished(VerifiedCrl),
}

/// A list that is being taken in.
pub struct CrlIntake<B> {
    bytes: B,
    /// The key that the signature holds with, and the name of the list.
    verified: Option<(SignerKey, EvidenceId)>,
    signers: Vec<CrlSigner>,
    phase: Phase,
    cursor: Cursor,
    tbs: TbsDigest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Entries up to the first one that is not plain, and the hash beside.
    Plain,
    /// The rest of the hash, then the signature.
    Signature,
    /// Entries up to the last one.
    Entries,
    Done,
}

/// The SHA-256 of tbsCertList, as far as it was hashed: without the buffer of [`Sha256`], through which
/// a block takes longer.
struct TbsDigest {
    core: Core,
    /// What is left of it, counted in the list's DER.
    left: Range<usize>,
}

type Core = <Sha256 as CoreProxy>::Core;

/// Octets of a block of SHA-256.
const BLOCK: usize = 64;
/// Blocks hashed at once beside reading: so few that a processor has the next entries in view while it
/// waits for the last of them, so many that a call for them is cheap.
const BESIDE: usize = 4;

impl TbsDigest {
    /// Hashes some blocks, where they were read since the last.
    #[inline(always)]
    fn follow(&mut self, der: &[u8], read: usize) {
        let end = self.left.start + BESIDE * BLOCK;
        if end <= read
            && let Some(octets) = der.get(self.left.start..end)
        {
            let (blocks, _) = octets.as_chunks::<BLOCK>();
            self.core.update_blocks(Array::cast_slice_from_core(blocks));
            self.left.start = end;
        }
    }

    /// Hashes so many blocks more; the digest once there are none.
    fn advance(&mut self, der: &[u8], blocks: usize) -> Option<[u8; 32]> {
        let (left, tail) = der.get(self.left.clone()).unwrap_or_default().as_chunks::<BLOCK>();
        let now = left.get(..blocks).unwrap_or(left);
        self.core.update_blocks(Array::cast_slice_from_core(now));
        self.left.start += now.len() * BLOCK;
        if now.len() < left.len() {
            return None;
        }
        let mut digest = Array::default();
        self.core.finalize_fixed_core(&mut Buffer::<Core>::new(tail), &mut digest);
        Some(digest.into())
    }
}

/// Which table the next entry belongs to: 0 for the list's own issuer, one more for each
/// certificate issuer.
#[derive(Debug, Default)]
struct Tables {
    numbers: BTreeMap<Box<[u8]>, usize>,
    current: usize,
}

impl Tables {
    #[inline]
    fn of(&mut self, certificate_issuer: Option<GeneralNames<'_>>) -> usize {
        if let Some(names) = certificate_issuer {
            let next = self.numbers.len() + 1;
            self.current = match self.numbers.get(names.as_bytes()) {
                Some(number) => *number,
                None => *self.numbers.entry(names.as_bytes().into()).or_insert(next),
            };
        }
        self.current
    }
}

/// How far the entries were read, and what they said.
#[derive(Debug)]
struct Cursor {
    walker: EntryWalker,
    tables: Tables,
    builders: Vec<EntryTableBuilder>,
    unrecognized_critical: Option<OwnedOid>,
}

impl Cursor {
    const fn new(walker: EntryWalker) -> Self {
        Self {
            walker,
            tables: Tables { numbers: BTreeMap::new(), current: 0 },
            builders: Vec::new(),
            unrecognized_critical: None,
        }
    }

    /// Reads and files entries while they are plain, `most` of them at most, and calls `beside` with
    /// where each ends; how many there were.
    #[inline]
    fn file_plain(&mut self, der: &[u8], most: usize, mut beside: impl FnMut(usize)) -> usize {
        let mut walker = self.walker;
        let Some(builder) = self.builder(self.tables.current) else { return 0 };
        let mut count = 0;
        while count < most
            && let Some(entry) = walker.next_plain(der)
        {
            let PlainEntry { serial_number, reason, revocation_date: at } = entry;
            let listed = Revoked { reason, at, invalidity: None };
            builder.add(serial_number, listed, walker.bytes_read());
            beside(walker.offset());
            count += 1;
        }
        self.walker = walker;
        count
    }

    /// Reads one entry and files it; whether there was one.
    fn file_next(&mut self, der: &[u8]) -> Result<bool, FormatError> {
        let Some(entry) = self.walker.next_entry(der) else { return Ok(false) };
        let entry = entry?;
        if let Some(oid) = entry.unrecognized_critical_extension
            && self.unrecognized_critical.is_none()
        {
            self.unrecognized_critical = Some(oid.to_owned());
        }
        let number = self.tables.of(entry.certificate_issuer);
        let (at, invalidity) = (entry.revocation_date, entry.invalidity_date);
        let listed = Revoked { reason: entry.reason, at, invalidity };
        let read = self.walker.bytes_read();
        if let Some(builder) = self.builder(number) {
            builder.add(entry.serial_number, listed, read);
        }
        Ok(true)
    }

    #[inline]
    fn builder(&mut self, number: usize) -> Option<&mut EntryTableBuilder> {
        // The first entry may be another issuer's.
        while self.builders.len() <= number {
            self.builders.push(EntryTableBuilder::new(self.walker.bytes_total()));
        }
        self.builders.get_mut(number)
    }
}

/// Keys tried for one list: more of one name than that is nobody's estate.
const MAX_KEYS: usize = 16;

impl<B: AsRef<[u8]>> CrlIntake<B> {
    /// Begins with the DER of a list and whoever may have signed it; signers of other names are
    /// passed over.
    ///
    /// # Errors
    /// [`CrlIntakeError`] where the list has more than [`VerifiedCrl::MAX_BYTES`] or, its entries left
    /// out, cannot be read, and where no signer has the name of its issuer.
    pub fn new(bytes: B, signers: &[CrlSigner]) -> Result<Self, CrlIntakeError> {
        Self::bounded(bytes, signers, VerifiedCrl::MAX_BYTES)
    }

    /// As [`CrlIntake::new`], with another bound on the bytes of the list.
    ///
    /// # Errors
    /// As [`CrlIntake::new`].
    pub fn bounded(bytes: B, signers: &[CrlSigner], max: usize) -> Result<Self, CrlIntakeError> {
        let size = bytes.as_ref().len();
        if size > max {
            return Err(CrlIntakeError::TooLarge { size, max });
        }
        let list = CertificateRevocationList::from_der(bytes.as_ref())?;
        let walker = list.entry_walker();
        let tbs = TbsDigest { core: Core::default(), left: list.tbs_cert_list_range() };
        let issuer = list.issuer();
        let hint = list.authority_key_identifier().and_then(|key| key.key_identifier);
        let mut signers: Vec<CrlSigner> = signers
            .iter()
            .filter(|signer| signer.name.as_name().matches(&issuer))
            .cloned()
            .collect();
        if signers.is_empty() {
            return Err(CrlIntakeError::NoSigner);
        }
        // The key that the list names first; then an order that does not depend on the caller's.
        signers.sort_by(|a, b| {
            let rank = |signer: &CrlSigner| match (&signer.key_id, hint) {
                (Some(own), Some(hint)) => u8::from(**own != *hint) * 2,
                _ => 1,
            };
            let id = |signer: &CrlSigner| signer.certificate.as_ref().map(|c| c.fingerprint);
            rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key)).then_with(|| id(a).cmp(&id(b)))
        });
        Ok(Self {
            bytes,
            verified: None,
            signers,
            phase: Phase::Plain,
            cursor: Cursor::new(walker),
            tbs,
        })
    }

    /// Does some work: reads up to `entries` entries, or hashes as many blocks of 64 octets. One step
    /// verifies the signature, the last one puts all in order.
    ///
    /// # Errors
    /// [`CrlIntakeError`] where the signature does not hold or an entry cannot be read.
    pub fn step(
        &mut self,
        tools: &SignatureTools<'_>,
        entries: usize,
    ) -> Result<Progress, CrlIntakeError> {
        let phase = core::mem::replace(&mut self.phase, Phase::Done);
        let list = CertificateRevocationList::from_der(self.bytes.as_ref())?;
        let der = list.as_der();
        let mut left = entries.max(1);
        self.phase = match phase {
            Phase::Plain => {
                let tbs = &mut self.tbs;
                match self.cursor.file_plain(der, left, |read| tbs.follow(der, read)) {
                    count if count == left => phase,
                    _ => Phase::Signature,
                }
            }
            Phase::Signature => match self.tbs.advance(der, left) {
                Some(digest) => {
                    let key = verify(&list, digest, &self.signers, tools)?;
                    self.verified = Some((key, EvidenceId::of_list_with(&list, &digest)));
                    Phase::Entries
                }
                None => phase,
            },
            Phase::Entries => loop {
                left -= self.cursor.file_plain(der, left, |_| ());
                if left == 0 {
                    break phase;
                }
                if !self.cursor.file_next(der)? {
                    return Ok(Progress::Finished(self.finish()?));
                }
                left -= 1;
            },
            Phase::Done => return Err(CrlIntakeError::Ended),
        };
        let walker = &self.cursor.walker;
        Ok(Progress::Working { done: walker.bytes_read(), total: walker.bytes_total() })
    }

    fn finish(&mut self) -> Result<VerifiedCrl, CrlIntakeError> {
        let list = CertificateRevocationList::from_der(self.bytes.as_ref())?;
        let builders = core::mem::take(&mut self.cursor.builders);
        let tables: Vec<EntryTable> = builders.into_iter().map(EntryTableBuilder::finish).collect();
        let (key, id) = self.verified.take().ok_or(CrlIntakeError::Ended)?;
        let signers = core::mem::take(&mut self.signers);
        let signers: Vec<CrlSigner> =
            signers.into_iter().filter(|signer| signer.key == key).collect();
        let point = list.issuing_distribution_point();
        let summary = CrlSummary {
            issuer: DistinguishedName::of(list.issuer()),
            number: list.crl_number(),
            number_critical: list.is_crl_number_critical(),
            base_number: list.base_crl_number(),
            scope: point.map_or(CrlScope::AllCertificates, |point| point.scope),
            only_some_reasons: point.and_then(|point| point.only_some_reasons),
            indirect: point.is_some_and(|point| point.indirect_crl),
            this_update: list.this_update(),
            next_update: list.next_update(),
            id,
        };
        let scope_der: Option<Box<[u8]>> = list.issuing_distribution_point_der().map(Box::from);
        // Read again, so that its places count from the copy.
        let scope = match &scope_der {
            Some(der) => {
                let mut reader = Reader::new(der).map_err(|error| {
                    let kind = crate::x509::FormatErrorKind::Der(error.kind());
                    FormatError::new("issuingDistributionPoint", error.offset(), kind)
                })?;
                Some(IssuingDistributionPointIndex::read(&mut reader)?)
            }
            None => None,
        };
        let freshest = list.freshest_crl().map(|freshest| {
            let points = freshest.distribution_points;
            let names = points.iter().filter_map(|point| match point.name {
                Some(DistributionPointName::FullName(names)) => Some(names),
                _ => None,
            });
            bounded_uris(names.flat_map(|names| names.uris()))
        });
        let entries = tables.iter().map(EntryTable::len).sum();
        let mut tables = tables.into_iter();
        let own = tables.next().unwrap_or_default();
        Ok(VerifiedCrl {
            issuer_hash: list.issuer().canonical_hash(),
            summary: Arc::new(summary),
            key_is_whole: key.is_whole(),
            key,
            signed_by_anchor: signers.iter().any(|signer| signer.is_anchor),
            signers: distinct(signers.into_iter().filter_map(|signer| signer.certificate)),
            scope_der,
            scope,
            freshest: freshest.unwrap_or_default(),
            unrecognized_critical: list
                .unrecognized_critical_extension()
                .map(|oid| oid.to_owned())
                .or(self.cursor.unrecognized_critical.take()),
            own: Box::new(own),
            others: by_name(core::mem::take(&mut self.cursor.tables.numbers), tables.collect()),
            entries,
        })
    }
}

impl<B> fmt::Debug for CrlIntake<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrlIntake").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl VerifiedCrl {
    /// The largest list that is taken in where nobody says otherwise, in bytes: some six million
    /// entries, several times the largest lists that are published.
    pub const MAX_BYTES: usize = 256 << 20;

    /// Takes in a list in one go.
    ///
    /// # Errors
    /// As [`CrlIntake::new`] and [`CrlIntake::step`].
    pub fn take_in(
        der: &[u8],
        signers: &[CrlSigner],
        tools: &SignatureTools<'_>,
    ) -> Result<Self, CrlIntakeError> {
        let mut intake = CrlIntake::new(der, signers)?;
        loop {
            if let Progress::Finished(list) = intake.step(tools, usize::MAX)? {
                return Ok(list);
            }
        }
    }
}

/// Finds the key that the signature holds with.
///
/// RFC 5280 6.3.3 (g): "Validate the signature on the complete CRL using the public key validated
/// in step (f)." Here the signature comes first and step (f) with every question.
fn verify(
    list: &CertificateRevocationList<'_>,
    tbs_digest: [u8; 32],
    signers: &[CrlSigner],
    tools: &SignatureTools<'_>,
) -> Result<SignerKey, CrlIntakeError> {
    let algorithm = list.signature_algorithm()?;
    let message = Message::hashed(list.tbs_cert_list(), tbs_digest);
    let mut tried: Vec<&SignerKey> = Vec::new();
    let mut failure = None;
    for signer in signers {
        if tried.contains(&&signer.key) || tried.len() == MAX_KEYS {
            continue;
        }
        tried.push(&signer.key);
        let Some(key) = signer.key.public_key() else { continue };
        // Not by the memo: a list is taken in once.
        let tools = tools.with_memo(None);
        match tools.verify(key, algorithm, &message, list.signature_value()) {
            Ok(()) => return Ok(signer.key.clone()),
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(failure) => CrlIntakeError::Signature { tried: tried.len(), failure },
        None => CrlIntakeError::NoSigner,
    })
}

fn distinct(signers: impl Iterator<Item = Signer>) -> Vec<Signer> {
    let mut signers: Vec<Signer> = signers.collect();
    signers.sort_by_key(|signer| signer.fingerprint);
    signers.dedup_by_key(|signer| signer.fingerprint);
    signers
}

/// Files every table under each directory name of its certificate issuer.
fn by_name(
    numbers: BTreeMap<Box<[u8]>, usize>,
    tables: Vec<EntryTable>,
) -> BTreeMap<u64, Vec<Arc<OtherIssuer>>> {
    let mut names: Vec<(usize, Box<[u8]>)> =
        numbers.into_iter().map(|(names, number)| (number, names)).collect();
    names.sort_unstable();
    let mut index: BTreeMap<u64, Vec<Arc<OtherIssuer>>> = BTreeMap::new();
    for ((_, names), table) in names.into_iter().zip(tables) {
        let other = Arc::new(OtherIssuer { names, table });
        let directory = GeneralNames::trusted(&other.names, 0).directory_names();
        let mut hashes: Vec<u64> = directory.map(|name: Name<'_>| name.canonical_hash()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        for hash in hashes {
            index.entry(hash).or_default().push(Arc::clone(&other));
        }
    }
    index
}
