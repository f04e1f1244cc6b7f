//! Random certificate graphs, the same for the same seed.
//!
//! A graph is a question to a verifier: an end entity, a pool of at most six other certificates in
//! random order, one to three anchors and the inputs of RFC 5280 6.1.1. It grows around a
//! *backbone*, a chain from an anchor to the end entity that names and signatures make possible.
//! Around it come certificates that lead astray: twins of a CA with other constraints or a flaw,
//! cross-certificates, CAs of the same name with other keys, self-issued ones, loops, doubles and
//! bytes that are no certificate. Constraints of every kind are strewn over all of them, most of
//! them such that the backbone survives. All keys are toys (see `kit::key`).
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(
    clippy::as_conversions,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    missing_docs,
    reason = "test code"
)]

pub mod compare;
pub mod engine;

use ::der::asn1::ObjectIdentifier;

use super::kit::ext::{self, purpose, usage};
use super::kit::key::{TOY_SIGNATURE, toy_verify};
use super::kit::name::attribute::{COMMON_NAME, ORGANIZATION};
use super::kit::{
    Attribute, CertificateBuilder, FAR, GeneralName, Key, LONG_AGO, NOW, Name, Rng, StringType, der,
};
use super::reference::{Anchor, Inputs, Signed};

/// Most certificates of a graph, the end entity included, the anchors not.
pub const MAX_CERTIFICATES: usize = 7;

const POLICIES: [&str; 3] =
    ["1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.2", "1.3.6.1.4.1.32473.1.3"];
const UNKNOWN_EXTENSION: &str = "1.3.6.1.4.1.32473.2.1";
const REGISTERED_ID: &str = "1.3.6.1.4.1.32473.3";
const OTHER_NAME: &str = "1.3.6.1.4.1.32473.4";
const CA_NAMES: usize = 7;
const KEYS: usize = 16;
/// Keys from here on are of CAs that only lead astray; those before belong to anchors and backbone.
const STRAY_KEYS: usize = 10;
const LEAF_KEY: usize = 9;
const FORGER_KEY: usize = 8;

/// One question.
#[derive(Clone, Debug)]
pub struct Graph {
    pub leaf: Vec<u8>,
    pub pool: Vec<Vec<u8>>,
    pub anchors: Vec<Anchor>,
    /// A certificate of each anchor. What it constrains is not to be enforced.
    pub anchor_certificates: Vec<Vec<u8>>,
    pub inputs: Inputs,
}

/// What all graphs are made of: keys and names, made once.
#[derive(Debug)]
pub struct Workshop {
    keys: Vec<Key>,
    /// Spellings of each CA's name: equal by RFC 5280 7.1, different octets.
    names: Vec<[Name; 2]>,
    leaf_names: Vec<Name>,
}

/// A CA: number of its name and of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ca {
    name: usize,
    key: usize,
}

/// How a graph as a whole is dressed.
struct Mood {
    /// Whether policies matter in this graph: percent of certificates that have some.
    policies: usize,
    /// Names of the end entity.
    names: Vec<GeneralName>,
}

impl Default for Workshop {
    fn default() -> Self {
        Workshop::new()
    }
}

impl Workshop {
    pub fn new() -> Self {
        let ca_name = |number: usize| {
            let plain = [(ORGANIZATION, "Example"), (COMMON_NAME, &*format!("Authority {number}"))];
            let common_name = format!("authority  {number} ");
            let other = Name::rdns([
                vec![Attribute::new(ORGANIZATION, StringType::Printable, "EXAMPLE")],
                vec![Attribute::new(COMMON_NAME, StringType::Bmp, &common_name)],
            ]);
            [Name::of(&plain), other]
        };
        Workshop {
            keys: (0..KEYS as u64).map(Key::toy).collect(),
            names: (0..CA_NAMES).map(ca_name).collect(),
            leaf_names: vec![
                Name::of(&[(ORGANIZATION, "Example"), (COMMON_NAME, "Leaf")]),
                Name::of(&[(ORGANIZATION, "Other"), (COMMON_NAME, "Leaf")]),
                Name::empty(),
            ],
        }
    }

    /// The graph of this seed.
    pub fn graph(&self, seed: u64) -> Graph {
        let rng = &mut Rng::new(seed);
        let mood = Mood {
            policies: if rng.chance(45) { 92 } else { 8 },
            names: leaf_alternative_names(rng),
        };

        let mut cas = anchors(rng);
        let anchor_count = cas.len();
        let length = rng.pick(&[0, 1, 1, 2, 2, 2, 3, 3, 3]);
        let mut backbone = vec![cas[rng.below(anchor_count)]];
        for _ in 0..length {
            let ca = fresh_ca(rng, &cas, backbone[backbone.len() - 1]);
            cas.push(ca);
            backbone.push(ca);
        }

        let mut pool: Vec<Vec<u8>> = backbone
            .windows(2)
            .map(|pair| self.ca_certificate(rng, &mood, pair[1], pair[0], 3))
            .collect();
        if !pool.is_empty() && rng.chance(5) {
            // Then the backbone is broken, and in most graphs there is no path at all.
            pool.swap_remove(rng.below(pool.len()));
        }
        let room = MAX_CERTIFICATES - 1 - pool.len();
        let strays = 1 + rng.below(room).max(rng.below(room));
        for _ in 0..strays {
            let stray = self.stray(rng, &mood, &cas, anchor_count, &backbone, &pool);
            pool.push(stray);
        }
        rng.shuffle(&mut pool);

        let issuer = backbone[backbone.len() - 1];
        let leaf = self.leaf_certificate(rng, &mood, issuer);
        let anchors = &cas[..anchor_count];
        Graph {
            leaf,
            pool,
            anchors: anchors.iter().map(|ca| self.anchor(rng, *ca)).collect(),
            anchor_certificates: anchors
                .iter()
                .map(|ca| self.ca_certificate(rng, &mood, *ca, *ca, 20))
                .collect(),
            inputs: inputs(rng, &mood),
        }
    }

    fn anchor(&self, rng: &mut Rng, ca: Ca) -> Anchor {
        Anchor { name: self.spelled(rng, ca.name).0, spki: self.keys[ca.key].spki().to_vec() }
    }

    fn spelled(&self, rng: &mut Rng, name: usize) -> Name {
        self.names[name][usize::from(rng.chance(12))].clone()
    }

    /// A certificate that is not of the backbone.
    fn stray(
        &self,
        rng: &mut Rng,
        mood: &Mood,
        cas: &[Ca],
        anchor_count: usize,
        backbone: &[Ca],
        pool: &[Vec<u8>],
    ) -> Vec<u8> {
        let place = rng.below(backbone.len());
        let (ca, above) = (backbone[place], backbone[place.saturating_sub(1)]);
        let any = cas[rng.below(cas.len())];
        let anchor = cas[rng.below(anchor_count)];
        let other_key = Ca { name: ca.name, key: STRAY_KEYS + rng.below(KEYS - STRAY_KEYS) };
        match rng.below(100) {
            // A twin, most of them flawed.
            0..62 if place > 0 => self.ca_certificate(rng, mood, ca, above, 80),
            // Cross-certificates, loops among them.
            0..70 => self.ca_certificate(rng, mood, ca, any, 10),
            70..75 => self.ca_certificate(rng, mood, any, ca, 10),
            // The same name, another key: vouched for, or by itself.
            75..84 => self.ca_certificate(rng, mood, other_key, anchor, 10),
            84..88 => self.ca_certificate(rng, mood, other_key, other_key, 10),
            // Key rollover: old key vouches for new, new for old.
            88..91 => self.ca_certificate(rng, mood, other_key, ca, 5),
            91..94 => self.ca_certificate(rng, mood, ca, other_key, 5),
            94..97 if !pool.is_empty() => pool[rng.below(pool.len())].clone(),
            94..98 => der::sequence([rng.bytes::<24>()]),
            _ => self.leaf_certificate(rng, mood, ca),
        }
    }

    fn ca_certificate(
        &self,
        rng: &mut Rng,
        mood: &Mood,
        subject: Ca,
        issuer: Ca,
        flawed: usize,
    ) -> Vec<u8> {
        let name = self.spelled(rng, subject.name);
        let key = &self.keys[subject.key];
        let path_len = rng.chance(14).then(|| rng.pick(&[0, 1, 1, 2, 2]));
        let mut builder = CertificateBuilder::new(&name, key)
            .serial(&[1 + rng.below(100) as u8])
            .with(ext::basic_constraints(true, path_len));
        if rng.chance(80) {
            builder = builder.with(ext::key_usage(&[usage::KEY_CERT_SIGN, usage::CRL_SIGN]));
        }
        if rng.chance(70) {
            builder = builder.with(ext::subject_key_identifier(key_identifier(key)));
        }
        if rng.chance(14) {
            builder = builder.with(some_purposes(rng));
        }
        if rng.chance(28) {
            builder = builder.with(some_name_constraints(rng, mood));
        }
        builder = with_policies(rng, mood, builder, true);
        self.finish(rng, builder, issuer, flawed, true)
    }

    fn leaf_certificate(&self, rng: &mut Rng, mood: &Mood, issuer: Ca) -> Vec<u8> {
        // One that bears no name at all could be valid but is nobody.
        let with_names = rng.chance(85);
        let mut name = rng.pick(&[0, 0, 0, 0, 0, 0, 1, 2]);
        if !with_names || !mood.names.iter().any(is_identity) {
            name = name.min(1);
        }
        let name = &self.leaf_names[name];
        let mut builder = CertificateBuilder::new(name, &self.keys[LEAF_KEY]).serial(&[101]);
        if with_names {
            builder = builder.with(ext::subject_alt_name(&mood.names));
        }
        match rng.below(10) {
            0 => builder = builder.with(ext::basic_constraints(true, None)),
            1 => builder = builder.with(ext::basic_constraints(false, None)),
            2..8 => builder = builder.with(ext::key_usage(&[usage::DIGITAL_SIGNATURE])),
            _ => {}
        }
        if rng.chance(40) {
            builder = builder.with(some_purposes(rng));
        }
        builder = with_policies(rng, mood, builder, false);
        self.finish(rng, builder, issuer, 3, false)
    }

    /// Key identifier, period, flaw in so many of a hundred, and signature.
    fn finish(
        &self,
        rng: &mut Rng,
        mut builder: CertificateBuilder,
        issuer: Ca,
        flawed: usize,
        is_ca: bool,
    ) -> Vec<u8> {
        let mut signer = &self.keys[issuer.key];
        match rng.below(100) {
            0..60 => builder = builder.with(ext::authority_key_identifier(key_identifier(signer))),
            60..66 => {
                let other = key_identifier(&self.keys[rng.below(KEYS)]);
                builder = builder.with(ext::authority_key_identifier(other));
            }
            _ => {}
        }
        if rng.chance(6) {
            builder = builder.with(ext::Extension::raw("1.3.6.1.4.1.32473.2.2", false, &[5, 0]));
        }
        // The last and the first second of a period are within it.
        match rng.below(20) {
            0 => builder = builder.validity(LONG_AGO, NOW),
            1 => builder = builder.validity(NOW, FAR),
            _ => {}
        }
        if rng.chance(flawed) {
            let unknown = ext::Extension::raw(UNKNOWN_EXTENSION, false, &[5, 0]);
            builder = match rng.below(if is_ca { 11 } else { 6 }) {
                0 => builder.validity(LONG_AGO, NOW - 1),
                1 => builder.validity(NOW + 1, FAR),
                2 => builder.inner_algorithm(&der::sequence([der::oid(UNKNOWN_EXTENSION)])),
                3 => builder.with(unknown.critical()),
                4 => builder.with(unknown.clone()).with(unknown),
                5 => {
                    signer = &self.keys[FORGER_KEY];
                    builder
                }
                6 => builder.replace(ext::basic_constraints(false, None)),
                7 => builder.without(ext::id::BASIC_CONSTRAINTS),
                8 => builder.replace(ext::key_usage(&[usage::DIGITAL_SIGNATURE, usage::CRL_SIGN])),
                9 => builder.version(None).extensions_raw(&[]),
                _ => builder.replace(ext::policy_mappings(&[(ext::id::ANY_POLICY, POLICIES[0])])),
            };
        }
        builder.issuer(&self.spelled(rng, issuer.name)).sign(signer)
    }
}

/// The toy key id, the last octets of its SPKI.
fn key_identifier(key: &Key) -> &[u8] {
    &key.spki()[key.spki().len() - 16..]
}

/// One to three, in part of the graphs of one name.
fn anchors(rng: &mut Rng) -> Vec<Ca> {
    let count = rng.pick(&[1, 1, 2, 2, 3]);
    let one_name = rng.chance(30);
    let name = rng.below(CA_NAMES);
    (0..count)
        .map(|key| Ca { name: if one_name { name } else { rng.below(CA_NAMES) }, key })
        .collect()
}

/// A CA with a key of its own; its name may be taken, that of the CA above it as well.
fn fresh_ca(rng: &mut Rng, cas: &[Ca], above: Ca) -> Ca {
    let taken = cas[rng.below(cas.len())].name;
    let name = match rng.below(100) {
        0..10 => above.name,
        10..20 => taken,
        _ => rng.below(CA_NAMES),
    };
    Ca { name, key: 2 + cas.len() }
}

fn leaf_alternative_names(rng: &mut Rng) -> Vec<GeneralName> {
    let mut names = Vec::new();
    for _ in 0..1 + rng.below(3) {
        names.push(match rng.below(100) {
            0..40 => GeneralName::dns(rng.pick(&[
                "a.example.test",
                "A.Example.TEST",
                "deep.a.example.test",
                "example.test",
                "*.example.test",
                "*.a.example.test",
                "other.test",
            ])),
            40..55 => GeneralName::email(rng.pick(&[
                "ann@example.test",
                "Ann@example.test",
                "bob@EXAMPLE.test",
                "ann@sub.example.test",
                "ann@other.test",
            ])),
            55..75 => GeneralName::uri(rng.pick(&[
                "https://a.example.test/x",
                "spiffe://example.test/workload",
                "https://user@a.example.test:8443/x",
                "https://other.test",
                "https://192.0.2.1/",
                "urn:example:nothing",
            ])),
            75..90 => GeneralName::ip(rng.pick(&[
                &[192, 0, 2, 1][..],
                &[198, 51, 100, 7],
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            ])),
            90..96 => GeneralName::Directory(Name::of(&[
                (ORGANIZATION, rng.pick(&["Example", "Other"])),
                (COMMON_NAME, "alternative"),
            ])),
            96..98 => GeneralName::RegisteredId(REGISTERED_ID.into()),
            _ => GeneralName::Other(OTHER_NAME.into(), der::utf8("other")),
        });
    }
    names
}

/// Whether somebody may be called so. Some of the URIs are an identity, others not.
fn is_identity(name: &GeneralName) -> bool {
    matches!(name, GeneralName::Dns(_) | GeneralName::Email(_) | GeneralName::Ip(_))
}

/// One to three times a base or two, mostly ones that the names of the graph can live with.
fn some_name_constraints(rng: &mut Rng, mood: &Mood) -> ext::Extension {
    let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
    for _ in 0..1 + rng.below(3) {
        if rng.chance(60) {
            // The form of a name in the graph binds; others must not.
            let name = &mood.names[rng.below(mood.names.len())];
            let form = if rng.chance(70) { form_of(name) } else { rng.below(7) };
            for _ in 0..1 + rng.below(2) {
                permitted.push(permitted_base(rng, form));
            }
        } else {
            excluded.push(excluded_base(rng));
        }
    }
    ext::name_constraints(&permitted, &excluded)
}

/// Numbers the forms as [`permitted_base`] takes them.
fn form_of(name: &GeneralName) -> usize {
    match name {
        GeneralName::Dns(_) => 0,
        GeneralName::Email(_) => 1,
        GeneralName::Uri(_) => 2,
        GeneralName::Ip(_) => 3,
        GeneralName::Directory(_) => 4,
        GeneralName::RegisteredId(_) => 5,
        _ => 6,
    }
}

fn organization(name: &str) -> GeneralName {
    GeneralName::Directory(Name::of(&[(ORGANIZATION, name)]))
}

fn permitted_base(rng: &mut Rng, form: usize) -> GeneralName {
    match form {
        0 => {
            GeneralName::dns(rng.pick(&["example.test", "EXAMPLE.test", "test", "a.example.test"]))
        }
        1 => GeneralName::email(rng.pick(&[
            "example.test",
            "example.TEST",
            ".example.test",
            "ann@example.test",
            "other.test",
        ])),
        2 => GeneralName::uri(rng.pick(&["a.example.test", ".example.test", "example.test"])),
        3 => GeneralName::ip(rng.pick(&[
            &[192, 0, 2, 0, 255, 255, 255, 0][..],
            &[192, 0, 2, 0, 255, 255, 255, 254],
            &[198, 51, 100, 0, 255, 255, 255, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
            &[
                0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ])),
        4 => organization(rng.pick(&["Example", "EXAMPLE", "example ", "Other"])),
        5 => GeneralName::RegisteredId(REGISTERED_ID.into()),
        _ => GeneralName::Other(OTHER_NAME.into(), der::utf8("other")),
    }
}

fn excluded_base(rng: &mut Rng) -> GeneralName {
    match rng.below(20) {
        0..8 => GeneralName::dns(rng.pick(&[
            "b.example.test",
            "deep.a.example.test",
            "x.b.example.test",
            "other.test",
            "xample.test",
            "A.EXAMPLE.test",
        ])),
        8..11 => GeneralName::email(rng.pick(&["other.test", "bob@example.test", ".example.test"])),
        11..14 => GeneralName::uri(rng.pick(&[
            "other.test",
            ".a.example.test",
            "example.test",
            "a.example.test",
        ])),
        14..17 => GeneralName::ip(rng.pick(&[
            &[198, 51, 100, 0, 255, 255, 255, 0][..],
            &[192, 0, 2, 0, 255, 255, 255, 255],
        ])),
        17 => organization(rng.pick(&["Other", "Exampl"])),
        // Not of the end entity, but perhaps of a CA on the way to it.
        18 => GeneralName::Directory(Name::of(&[
            (ORGANIZATION, "Example"),
            (COMMON_NAME, &format!("Authority {}", rng.below(CA_NAMES))),
        ])),
        _ => GeneralName::RegisteredId("1.3.6.1.4.1.32473.5".into()),
    }
}

fn some_purposes(rng: &mut Rng) -> ext::Extension {
    ext::extended_key_usage(rng.pick(&[
        &[purpose::SERVER_AUTH][..],
        &[purpose::SERVER_AUTH, purpose::CLIENT_AUTH],
        &[purpose::CLIENT_AUTH, purpose::SERVER_AUTH],
        &[purpose::ANY],
        &[purpose::CLIENT_AUTH],
        &[purpose::EMAIL_PROTECTION, purpose::SERVER_AUTH],
        &[purpose::CODE_SIGNING],
    ]))
}

fn with_policies(
    rng: &mut Rng,
    mood: &Mood,
    mut builder: CertificateBuilder,
    is_ca: bool,
) -> CertificateBuilder {
    let [first, second, third] = POLICIES;
    if rng.chance(mood.policies) {
        builder = builder.with(ext::certificate_policies(rng.pick(&[
            &[first][..],
            &[first],
            &[first, second],
            &[first, second, third],
            &[second, third],
            &[ext::id::ANY_POLICY],
            &[ext::id::ANY_POLICY, first],
            &[second],
        ])));
    }
    if mood.policies < 50 && !rng.chance(5) {
        return builder;
    }
    if is_ca && rng.chance(20) {
        builder = builder.with(ext::policy_mappings(rng.pick(&[
            &[(first, second)][..],
            &[(second, first)],
            &[(first, second), (second, first)],
            &[(first, first), (first, third)],
            &[(third, second), (first, second)],
        ])));
    }
    if rng.chance(15) {
        let require = rng.chance(60).then(|| rng.below(3) as u64);
        let inhibit = (require.is_none() || rng.chance(50)).then(|| rng.below(3) as u64);
        builder = builder.with(ext::policy_constraints(require, inhibit));
    }
    if is_ca && rng.chance(12) {
        builder = builder.with(ext::inhibit_any_policy(rng.below(3) as u64));
    }
    builder
}

fn inputs(rng: &mut Rng, mood: &Mood) -> Inputs {
    let asked = if mood.policies > 50 { 50 } else { 4 };
    let oid = |dotted: &str| ObjectIdentifier::new(dotted).unwrap();
    let purpose = match rng.below(10) {
        0..5 => None,
        5..9 => Some(oid(purpose::SERVER_AUTH)),
        _ => Some(oid(purpose::CLIENT_AUTH)),
    };
    let user_initial_policy_set = rng.chance(asked).then(|| {
        let [first, second, third] = POLICIES.map(oid);
        let sets =
            [&[first][..], &[first, second], &[second], &[second, third], &[first, second, third]];
        rng.pick(&sets).iter().copied().collect()
    });
    Inputs {
        time: NOW,
        user_initial_policy_set,
        initial_policy_mapping_inhibit: rng.chance(asked / 5),
        initial_explicit_policy: rng.chance(asked),
        initial_any_policy_inhibit: rng.chance(asked / 4),
        purpose,
    }
}

/// Checks a toy signature, as a [`super::reference::Reference`] asks for it.
pub fn verify_toy(signed: Signed<'_>) -> bool {
    signed.algorithm == der::sequence([der::oid(TOY_SIGNATURE)])
        && toy_verify(&signed.spki[signed.spki.len() - 16..], signed.message, signed.signature)
}
