//! The signing side of a trust domain, as a SPIRE server runs it: two slots of authorities, a published
//! bundle, perhaps an upstream authority above (section 5.2 of the project's notes on SPIFFE).
//!
//! | event | needs | does |
//! |---|---|---|
//! | prepare | the next slot empty or old | makes an authority; its root is appended to the bundle |
//! | activate | the next slot prepared | swaps the slots; new SVIDs are issued under the other one |
//! | taint | an old slot | marks its root; the bundle keeps it; holders renew |
//! | revoke | an old slot that is tainted | takes its root out of the bundle |
//!
//! All authorities of a trust domain have one name and differ in their keys: that is how renewals
//! without a plan for names look, and what trips those who look authorities up by name alone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::facts::{Bundle, DomainId, KeyId, Link, Span, Svid};
use crate::kit::{Authority, CertificateBuilder, GeneralName, Key, Kind, Name, ext};

/// SPIRE's NotBeforeCushion.
pub const CUSHION: i64 = 10;

/// Hands out keys that nobody in this world had before.
#[derive(Debug, Default)]
pub struct Keys {
    handed_out: u64,
}

impl Keys {
    pub fn fresh(&mut self) -> (KeyId, Key) {
        static MADE: Mutex<Vec<Key>> = Mutex::new(Vec::new());
        let number = self.handed_out;
        self.handed_out += 1;
        let place = usize::try_from(number).unwrap();
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        while made.len() <= place {
            let next = u64::try_from(made.len()).unwrap();
            made.push(Key::new(Kind::P256, next));
        }
        (KeyId(number), made[place].clone())
    }
}

/// An authority that issues SVIDs, with what it sends along.
#[derive(Debug)]
pub struct Issuer {
    pub key: KeyId,
    pub valid: Span,
    /// The authority of the bundle that it stands under; itself, where it is self-signed.
    pub root: KeyId,
    authority: Authority,
    links: Vec<(Link, Vec<u8>)>,
}

/// An authority of the bundle.
#[derive(Clone, Debug)]
pub struct Root {
    pub key: KeyId,
    pub valid: Span,
    pub tainted: bool,
    authority: Arc<Authority>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Prepared,
    Active,
    Old,
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub issuer: Arc<Issuer>,
    pub state: State,
}

/// A published bundle: what it says, and its bytes.
#[derive(Clone, Debug)]
pub struct Document {
    pub bundle: Bundle,
    pub roots: Vec<Root>,
    pub hint: u64,
    /// Elements that are not of this world: keys of kinds that nobody knows yet (S21).
    pub strange: Vec<&'static str>,
}

impl Document {
    /// The public keys of the authorities, in DER.
    pub fn public_keys(&self) -> BTreeSet<Vec<u8>> {
        self.roots.iter().map(|root| root.authority.key.spki().to_vec()).collect()
    }

    /// Certificates in DER, one after the other, as the Workload API has them.
    pub fn ders(&self) -> Vec<u8> {
        self.roots.iter().flat_map(|root| root.authority.certificate.iter().copied()).collect()
    }

    /// The SPIFFE bundle format; without sequence where `sequence` is none.
    pub fn json(&self, sequence: Option<u64>) -> String {
        let mut keys: Vec<String> = self.strange.iter().map(|key| (*key).to_owned()).collect();
        keys.extend(self.roots.iter().map(|root| jwk(&root.authority)));
        let sequence =
            sequence.map_or_else(String::new, |number| format!(r#""spiffe_sequence":{number},"#));
        let (hint, keys) = (self.hint, keys.join(","));
        format!(r#"{{{sequence}"spiffe_refresh_hint":{hint},"keys":[{keys}]}}"#)
    }
}

fn jwk(authority: &Authority) -> String {
    let point = &authority.key.spki()[authority.key.spki().len() - 64..];
    let url =
        |octets: &[u8]| base64(octets).trim_end_matches('=').replace('+', "-").replace('/', "_");
    let (x, y) = (url(&point[..32]), url(&point[32..]));
    let x5c = base64(&authority.certificate);
    format!(r#"{{"use":"x509-svid","kty":"EC","crv":"P-256","x":"{x}","y":"{y}","x5c":["{x5c}"]}}"#)
}

fn base64(octets: &[u8]) -> String {
    let pem = crate::kit::der::pem("X", octets);
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// A new SVID, with its key.
#[derive(Clone, Debug)]
pub struct Issued {
    pub svid: Arc<Svid>,
    pub leaf: Vec<u8>,
    /// Certificates in DER, one after the other, the leaf first.
    pub chain: Vec<u8>,
    pub key: Key,
}

/// The server of one trust domain.
#[derive(Debug)]
pub struct Server {
    pub id: DomainId,
    pub name: String,
    /// How long authorities and SVIDs live, in seconds.
    pub ca_life: i64,
    pub svid_life: i64,
    /// By how much notBefore of an SVID lies back.
    pub cushion: i64,
    pub hint: u64,
    pub current: Slot,
    pub next: Option<Slot>,
    pub sequence: u64,
    pub strange: Vec<&'static str>,
    roots: Vec<Root>,
    /// The upstream authority that new issuers stand under.
    upstream: Option<Root>,
    issued: u64,
    /// Activations so far.
    pub rotations: u64,
}

impl Server {
    /// A server whose authority is self-signed.
    pub fn self_signed(id: DomainId, name: &str, ca_life: i64, now: i64, keys: &mut Keys) -> Self {
        let root = new_root(name, Span { from: now - CUSHION, until: now + ca_life }, keys);
        Self::starting(id, name, ca_life, issuer_of_root(&root), vec![root], None)
    }

    /// A server under an upstream authority of ten times its own authorities' life.
    pub fn under_upstream(
        id: DomainId,
        name: &str,
        ca_life: i64,
        now: i64,
        keys: &mut Keys,
    ) -> Self {
        let root = new_root(name, Span { from: now - CUSHION, until: now + 10 * ca_life }, keys);
        let issuer = intermediate(name, &root, now, ca_life, keys);
        Self::starting(id, name, ca_life, issuer, vec![root.clone()], Some(root))
    }

    /// A server with the authority of another trust domain: a shared root.
    pub fn sharing(id: DomainId, name: &str, other: &Server) -> Self {
        let root = other.roots.iter().find(|root| root.key == other.current.issuer.root).unwrap();
        let issuer = issuer_of_root(root);
        Self::starting(id, name, other.ca_life, issuer, vec![root.clone()], None)
    }

    fn starting(
        id: DomainId,
        name: &str,
        ca_life: i64,
        issuer: Issuer,
        roots: Vec<Root>,
        upstream: Option<Root>,
    ) -> Self {
        Server {
            id,
            name: name.into(),
            ca_life,
            svid_life: 3_600.min(ca_life / 6),
            cushion: CUSHION,
            hint: 300,
            current: Slot { issuer: Arc::new(issuer), state: State::Active },
            next: None,
            sequence: 1,
            strange: Vec::new(),
            roots,
            upstream,
            issued: 0,
            rotations: 0,
        }
    }

    /// What the bundle endpoint hands out.
    pub fn document(&self) -> Document {
        Document {
            bundle: Bundle {
                sequence: self.sequence,
                roots: self.roots.iter().map(|root| root.key).collect(),
            },
            roots: self.roots.clone(),
            hint: self.hint,
            strange: self.strange.clone(),
        }
    }

    pub fn has_upstream(&self) -> bool {
        self.upstream.is_some()
    }

    /// Prepares the next authority and publishes its root.
    pub fn prepare(&mut self, now: i64, keys: &mut Keys) -> Result<(), &'static str> {
        if self.next.as_ref().is_some_and(|next| next.state == State::Prepared) {
            return Err("the next authority is prepared already");
        }
        let issuer = match &self.upstream {
            Some(root) => intermediate(&self.name, root, now, self.ca_life, keys),
            None => {
                let valid = Span { from: now - CUSHION, until: now + self.ca_life };
                let root = new_root(&self.name, valid, keys);
                let issuer = issuer_of_root(&root);
                self.publish(root);
                issuer
            }
        };
        self.next = Some(Slot { issuer: Arc::new(issuer), state: State::Prepared });
        Ok(())
    }

    /// Replaces the upstream authority: its root is published, and what is prepared from now on stands
    /// under it.
    pub fn replace_upstream(&mut self, now: i64, keys: &mut Keys) -> Result<(), &'static str> {
        if self.upstream.is_none() {
            return Err("there is no upstream authority");
        }
        let valid = Span { from: now - CUSHION, until: now + 10 * self.ca_life };
        let root = new_root(&self.name, valid, keys);
        self.upstream = Some(root.clone());
        self.publish(root);
        Ok(())
    }

    fn publish(&mut self, root: Root) {
        self.roots.push(root);
        self.sequence += 1;
    }

    /// Issues under the prepared authority from now on.
    pub fn activate(&mut self) -> Result<(), &'static str> {
        match self.next.take() {
            Some(Slot { issuer, state: State::Prepared }) => {
                let before = self.current.issuer.clone();
                self.next = Some(Slot { issuer: before, state: State::Old });
                self.current = Slot { issuer, state: State::Active };
                self.rotations += 1;
                Ok(())
            }
            other => {
                self.next = other;
                Err("no authority is prepared")
            }
        }
    }

    /// The root of the old authority, which no longer vouches for the current one.
    fn old_root(&self) -> Result<KeyId, &'static str> {
        match &self.next {
            Some(Slot { issuer, state: State::Old }) if issuer.root != self.current.issuer.root => {
                Ok(issuer.root)
            }
            Some(Slot { state: State::Old, .. }) => Err("the current authority stands under it"),
            _ => Err("there is no old authority"),
        }
    }

    /// Taints the root of the old authority. Peers see no change.
    pub fn taint(&mut self) -> Result<(), &'static str> {
        let key = self.old_root()?;
        let root = self.roots.iter_mut().find(|root| root.key == key).ok_or("it is gone")?;
        root.tainted = true;
        self.sequence += 1;
        Ok(())
    }

    /// Takes the root of the old authority out of the bundle.
    pub fn revoke(&mut self) -> Result<(), &'static str> {
        let key = self.old_root()?;
        if !self.roots.iter().any(|root| root.key == key && root.tainted) {
            return Err("it is not tainted");
        }
        self.remove(key);
        self.next = None;
        Ok(())
    }

    /// Takes a root out whatever state it has: an operator in a hurry.
    pub fn remove(&mut self, key: KeyId) {
        self.roots.retain(|root| root.key != key);
        self.sequence += 1;
    }

    /// Publishes an empty bundle, or the one before again (S11).
    pub fn empty_bundle(&mut self) -> Vec<Root> {
        self.sequence += 1;
        std::mem::take(&mut self.roots)
    }

    pub fn restore_bundle(&mut self, roots: Vec<Root>) {
        self.sequence += 1;
        self.roots = roots;
    }

    /// Removes authorities that expired more than a day ago.
    pub fn prune(&mut self, now: i64) {
        let before = self.roots.len();
        self.roots.retain(|root| root.valid.until + 86_400 >= now);
        self.sequence += u64::from(self.roots.len() != before);
    }

    /// Lets the current authority send along a certificate for its key by the old one (S8).
    pub fn cross_sign(&mut self) -> Result<(), &'static str> {
        let old = match &self.next {
            Some(Slot { issuer, state: State::Old }) => issuer.clone(),
            _ => return Err("there is no old authority"),
        };
        let current = &self.current.issuer;
        let edit =
            |builder: CertificateBuilder| builder.validity(current.valid.from, current.valid.until);
        let cross =
            old.authority.intermediate(&current.authority.name, &current.authority.key, edit);
        let link = Link { key: current.key, issuer: old.key, valid: current.valid };
        let mut links = current.links.clone();
        links.push((link, cross.certificate));
        self.current.issuer = Arc::new(Issuer {
            key: current.key,
            valid: current.valid,
            root: current.root,
            authority: current.authority.clone(),
            links,
        });
        Ok(())
    }

    /// Gives the current root a new certificate of the same key and name, beside the old one (S8).
    pub fn renew_root_certificate(&mut self, valid: Span) {
        let root = self.roots.iter().find(|root| root.key == self.current.issuer.root).unwrap();
        let (name, key) = (&root.authority.name, &root.authority.key);
        let certificate =
            CertificateBuilder::authority(name, key).validity(valid.from, valid.until).sign(key);
        let authority = Arc::new(Authority { name: name.clone(), key: key.clone(), certificate });
        let renewed = Root { key: root.key, valid, tainted: false, authority };
        self.current.issuer = Arc::new(issuer_of_root(&renewed));
        self.publish(renewed);
    }

    /// Whether the holder of `svid` is to renew it at once.
    pub fn is_tainted(&self, svid: &Svid) -> bool {
        let top = svid.links.last().map_or(svid.issuer, |link| link.issuer);
        self.roots.iter().any(|root| root.key == top && root.tainted)
    }

    /// The roots that are published.
    pub fn published(&self) -> BTreeSet<KeyId> {
        self.roots.iter().map(|root| root.key).collect()
    }

    /// Issues an SVID under the current authority.
    pub fn issue(&mut self, id: &str, now: i64, keys: &mut Keys) -> Issued {
        self.issued += 1;
        let issuer = &self.current.issuer;
        let until = (now + self.svid_life).min(issuer.valid.until);
        let valid = Span { from: now - self.cushion, until };
        let (_, key) = keys.fresh();
        let names = [GeneralName::uri(id)];
        let leaf = issuer.authority.leaf(&Name::cn("workload"), &key, &names, |builder| {
            builder.serial(&serial(self.issued)).validity(valid.from, valid.until)
        });
        let links = issuer.links.iter().flat_map(|(_, der)| der.iter().copied());
        let chain = leaf.iter().copied().chain(links).collect();
        let svid = Arc::new(Svid {
            number: self.issued,
            domain: self.id,
            id: id.into(),
            issuer: issuer.key,
            valid,
            links: issuer.links.iter().map(|(link, _)| *link).collect(),
        });
        Issued { svid, leaf, chain, key }
    }
}

fn serial(number: u64) -> Vec<u8> {
    let mut octets = vec![1];
    octets.extend(number.to_be_bytes());
    octets
}

fn authority_name(domain: &str) -> Name {
    Name::cn(&format!("{domain} authority"))
}

fn new_root(domain: &str, valid: Span, keys: &mut Keys) -> Root {
    let (id, key) = keys.fresh();
    let name = authority_name(domain);
    let certificate = CertificateBuilder::authority(&name, &key)
        .with(ext::subject_alt_name(&[GeneralName::uri(&format!("spiffe://{domain}"))]))
        .validity(valid.from, valid.until)
        .sign(&key);
    let authority = Arc::new(Authority { name, key, certificate });
    Root { key: id, valid, tainted: false, authority }
}

fn issuer_of_root(root: &Root) -> Issuer {
    Issuer {
        key: root.key,
        valid: root.valid,
        root: root.key,
        authority: Authority::clone(&root.authority),
        links: Vec::new(),
    }
}

fn intermediate(domain: &str, root: &Root, now: i64, life: i64, keys: &mut Keys) -> Issuer {
    let (id, key) = keys.fresh();
    let valid = Span { from: now - CUSHION, until: (now + life).min(root.valid.until) };
    let name = Name::cn(&format!("{domain} server"));
    let authority = root
        .authority
        .intermediate(&name, &key, |builder| builder.validity(valid.from, valid.until));
    let link = Link { key: id, issuer: root.key, valid };
    let links = vec![(link, authority.certificate.clone())];
    Issuer { key: id, valid, root: root.key, authority, links }
}
