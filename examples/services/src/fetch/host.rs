//! The host: it drives the verifier, fetches what it chooses, and keeps what it got.
//!
//! The library asks and follows nothing. This side decides which hosts it speaks to, how much it
//! reads, how long it waits, how often per decision; and it remembers each place until what was
//! served there ends, failures for a while. What proved authentic goes into a snapshot that all
//! later decisions share, those that do not wait included.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bonafide::decision::Decision;
use bonafide::revocation::{
    CrlSigner, CrlStore, EvidenceRequest, Issuer, OcspExchange, OcspStore, Revocation,
    SignatureTools, VerifiedCrl,
};
use bonafide::signature::{AlgorithmPolicy, PublicKey, RingBackend};
use bonafide::trust::TrustAnchor;
use bonafide::verify::{Expect, Request, Step, Verifier};
use bonafide::x509::{
    CertIdHash, Certificate, OcspRequest, OcspResponse, OwnedCertificate, Time,
    certificates_of_issuers,
};
use reqwest::Url;
use ring::rand::SecureRandom as _;
use rustls_pki_types::CertificateDer;

use crate::Failure;

/// What a host is prepared to do.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Hosts with their ports that are spoken to, and no others.
    pub hosts: Vec<String>,
    /// Bytes of an answer.
    pub max_bytes: usize,
    /// How long one answer may take.
    pub patience: Duration,
    /// How many places are asked for one decision.
    pub max_fetches: usize,
}

/// Seconds that a place is left alone after it failed.
const REST: i64 = 60;
/// Seconds that the certificate of an issuer is kept.
const KEPT: i64 = 86_400;
/// How often one decision is supplied with something.
const ROUNDS: usize = 8;

/// An answer of a place, or that there was none.
#[derive(Clone, Debug)]
struct Cached {
    body: Option<Vec<u8>>,
    until: Time,
}

/// What was found authentic.
#[derive(Clone, Debug)]
struct Held {
    lists: CrlStore,
    responses: OcspStore,
    issuers: Vec<CertificateDer<'static>>,
    revocation: Arc<Revocation>,
}

/// A host with its client, its cache and its evidence.
#[derive(Debug)]
pub struct Host {
    client: reqwest::Client,
    rules: Rules,
    anchors: Vec<TrustAnchor>,
    cache: Mutex<BTreeMap<String, Cached>>,
    held: Mutex<Held>,
}

impl Host {
    /// A host that knows nothing yet.
    ///
    /// # Errors
    /// Where there is no client to be had.
    pub fn new(rules: Rules, anchors: Vec<TrustAnchor>) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            // Where a page sends one on is as little vouched for as the page.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(rules.patience)
            .build()?;
        let (lists, responses) = (CrlStore::new(), OcspStore::new());
        let revocation = snapshot(&lists, &responses);
        let held = Mutex::new(Held { lists, responses, issuers: Vec::new(), revocation });
        Ok(Self { client, rules, anchors, cache: Mutex::default(), held })
    }

    /// The evidence as it is, for decisions that do not wait.
    #[must_use]
    pub fn evidence(&self) -> Arc<Revocation> {
        Arc::clone(&self.held().revocation)
    }

    /// Certificates of issuers that were fetched.
    #[must_use]
    pub fn issuers(&self) -> Vec<CertificateDer<'static>> {
        self.held().issuers.clone()
    }

    /// Decides, and fetches what would help.
    pub async fn decide(
        &self,
        verifier: &Verifier,
        leaf: &CertificateDer<'static>,
        expect: Expect<'_>,
        now: Time,
    ) -> Decision {
        let verifier = verifier.clone().with_revocation(self.evidence());
        let issuers = self.issuers();
        let request = Request::new(leaf, &issuers, expect);
        // What is supplied must outlive what it is supplied to.
        let revocations = [const { OnceCell::<Arc<Revocation>>::new() }; ROUNDS];
        let certificates = [const { OnceCell::<Vec<CertificateDer<'static>>>::new() }; ROUNDS];
        let mut slots = revocations.iter().zip(&certificates);
        let mut left = self.rules.max_fetches;
        let mut verification = verifier.begin(&request, now);
        loop {
            match verification.step() {
                Step::Working => {}
                Step::Decided(decision) => return decision,
                Step::Needs(wants) => {
                    let Some((revocation, found)) = slots.next() else { continue };
                    let fetched = self.fetch_all(&wants, leaf, now, &mut left).await;
                    verification.supply(revocation.get_or_init(|| self.evidence()));
                    if !fetched.is_empty() {
                        verification.supply_certificates(found.get_or_init(|| fetched));
                    }
                }
            }
        }
    }

    /// Fetches what is wanted, one after the other; the certificates among it.
    async fn fetch_all(
        &self,
        wants: &[EvidenceRequest],
        leaf: &CertificateDer<'static>,
        now: Time,
        left: &mut usize,
    ) -> Vec<CertificateDer<'static>> {
        let mut certificates = Vec::new();
        for want in wants {
            match want {
                EvidenceRequest::Crl { uris, .. } | EvidenceRequest::DeltaCrl { uris, .. } => {
                    for uri in uris {
                        if let Some(body) = self.fetch(uri, None, now, left).await
                            && let Some(until) = self.take_list(&body)
                        {
                            self.keep(uri, Some(body), until);
                            break;
                        }
                    }
                }
                EvidenceRequest::Ocsp { urls, request } => {
                    let Some(exchange) = with_nonce(request) else { continue };
                    for url in urls {
                        let id = self.place_of(url, request);
                        if let Some(body) = self.fetch(url, Some(&exchange), now, left).await
                            && let Some(until) = self.take_response(&body, &exchange, leaf)
                        {
                            self.keep(&id, Some(body), until);
                            break;
                        }
                    }
                }
                EvidenceRequest::IssuerCertificate { uris, .. } => {
                    for uri in uris {
                        if let Some(body) = self.fetch(uri, None, now, left).await
                            && let Ok(found) = certificates_of_issuers(&body)
                        {
                            self.keep(uri, Some(body), now.saturating_add(KEPT));
                            certificates.extend(found);
                            break;
                        }
                    }
                }
                _ => {}
            }
        }
        let mut held = self.held();
        for certificate in &certificates {
            if !held.issuers.contains(certificate) {
                held.issuers.push(certificate.clone());
            }
        }
        certificates
    }

    /// What a place serves: from the cache, or by a request within the rules.
    async fn fetch(
        &self,
        uri: &str,
        exchange: Option<&OcspExchange>,
        now: Time,
        left: &mut usize,
    ) -> Option<Vec<u8>> {
        let place = match exchange {
            Some(exchange) => self.place_of(uri, exchange.request()),
            None => uri.to_owned(),
        };
        let cached = self.cache().get(&place).filter(|cached| now < cached.until).cloned();
        if let Some(cached) = cached {
            return cached.body;
        }
        let url = self.allowed(uri)?;
        *left = left.checked_sub(1)?;
        let body = self.read(url, exchange.map(|exchange| exchange.request().to_der())).await.ok();
        if body.is_none() {
            self.keep(&place, None, now.saturating_add(REST));
        }
        body
    }

    /// The place, if the rules let one speak to it.
    fn allowed(&self, uri: &str) -> Option<Url> {
        let url = Url::parse(uri).ok().filter(|url| url.scheme() == "http")?;
        let host = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        self.rules.hosts.contains(&host).then_some(url)
    }

    async fn read(&self, url: Url, body: Option<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let request = match body {
            Some(body) => {
                self.client.post(url).header("content-type", "application/ocsp-request").body(body)
            }
            None => self.client.get(url),
        };
        let mut response = request.send().await?.error_for_status()?;
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if read.len() + chunk.len() > self.rules.max_bytes {
                return Err("the answer is too large".into());
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read)
    }

    /// Takes a list in; until when it is good.
    fn take_list(&self, body: &[u8]) -> Option<Time> {
        let mut held = self.held();
        let anchors = self.anchors.iter().map(CrlSigner::anchor);
        let issuers = held.issuers.iter().filter_map(|der| {
            CrlSigner::certificate(OwnedCertificate::from_der(der.to_vec()).ok()?).ok()
        });
        let signers: Vec<CrlSigner> = anchors.chain(issuers).collect();
        let list = VerifiedCrl::take_in(body, &signers, &tools()).ok()?;
        let until = list.summary().next_update?;
        held.lists = held.lists.with(list).ok()?;
        held.revocation = snapshot(&held.lists, &held.responses);
        Some(until)
    }

    /// Takes a response in; until when it is good.
    fn take_response(&self, body: &[u8], exchange: &OcspExchange, leaf: &[u8]) -> Option<Time> {
        let mut held = self.held();
        // Whose certificate it is about: the one whose identifier it has.
        let leaf = Certificate::from_der(leaf).ok()?;
        let anchors = self.anchors.iter().filter_map(TrustAnchor::certificate);
        let issuers = held.issuers.iter().filter_map(|der| Certificate::from_der(der).ok());
        let all: Vec<Certificate<'_>> = anchors.chain(issuers).collect();
        let subjects = || std::iter::once(&leaf).chain(&all);
        let issuer = all.iter().find(|issuer| {
            let Ok(spki) = issuer.subject_public_key_info() else { return false };
            subjects().any(|subject| {
                let (name, serial) = (issuer.subject(), subject.serial_number());
                OcspRequest::new(CertIdHash::Sha1, name.as_der(), spki.key(), serial).cert_id()
                    == exchange.request().cert_id()
            })
        })?;
        let key = PublicKey::new(issuer.subject_public_key_info().ok()?);
        let issuer = Issuer::new(issuer.subject(), key);
        let responses = held.responses.with(body, Some(exchange), &issuer, &tools()).ok()?;
        let Ok(OcspResponse::Basic(response)) = OcspResponse::from_der(body) else { return None };
        let until = response.responses().filter_map(|single| single.next_update).min()?;
        held.responses = responses;
        held.revocation = snapshot(&held.lists, &held.responses);
        Some(until)
    }

    fn keep(&self, place: &str, body: Option<Vec<u8>>, until: Time) {
        self.cache().insert(place.to_owned(), Cached { body, until });
    }

    /// Responders answer many questions at one place.
    fn place_of(&self, url: &str, request: &OcspRequest) -> String {
        let id: String = request.cert_id().iter().map(|octet| format!("{octet:02x}")).collect();
        format!("{url}#{id}")
    }

    fn cache(&self) -> MutexGuard<'_, BTreeMap<String, Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn snapshot(lists: &CrlStore, responses: &OcspStore) -> Arc<Revocation> {
    let revocation = Revocation::new().with_source(Arc::new(lists.clone()));
    Arc::new(revocation.with_source(Arc::new(responses.clone())))
}

fn tools() -> SignatureTools<'static> {
    SignatureTools::new(&RingBackend::NEW, &AlgorithmPolicy::DEFAULT)
}

/// The request with a nonce that nobody could foresee.
fn with_nonce(request: &OcspRequest) -> Option<OcspExchange> {
    let mut nonce = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut nonce).ok()?;
    request.clone().with_nonce(&nonce).ok().map(OcspExchange::new)
}
