//! The SPIFFE bundle format and bundle maps, read and written (SPIFFE Trust Domain and Bundle,
//! sections 4 and 5; requirements B-06 to B-21, X-32 to X-39).
//!
//! A document is bounded before it is read: in bytes, and in how deep arrays and objects stand in
//! each other. Member names are compared exactly, and two members of one name are refused in the
//! document, in each JWK and in a bundle map (B-18, B-19), after escapes are resolved; within
//! members that nobody here reads they are not looked for. Numbers are read as integers, exact to 64
//! bits, never by way of a float. What follows the document may be white space only.
//!
//! What the standard leaves open and how it is decided here: a byte order mark is refused
//! (RFC 8259 section 8.1), and so are bytes that are not UTF-8 wherever they stand (F-17), numbers
//! with a fraction or exponent even if integral, negative ones and those beyond 64 bits (B-08 to
//! B-10), names of trust domains in upper case (ID-05), and a bundle map of which one bundle is
//! unsound (B-21). Elements of `keys` are judged one by one, as told in `spiffe_jwk`.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::SpiffeBundle;
use super::bundle_error::{BundleError, BundleErrorKind, SkipReason, SkippedElement};
use super::spiffe_jwk::{self, Chain, Element, Jwk, PRIVATE};
use crate::identity::TrustDomain;
use crate::x509::OwnedCertificate;

const KEYS: &str = "keys";
const SEQUENCE: &str = "spiffe_sequence";
const REFRESH_HINT: &str = "spiffe_refresh_hint";
const TRUST_DOMAINS: &str = "trust_domains";

/// Levels of arrays and objects: a bundle map needs six, and the rest is for unknown members.
const MAX_DEPTH: usize = 32;
/// Skipped elements reported one by one.
const MAX_REPORTED: usize = 64;

#[cfg_attr(docsrs, doc(cfg(feature = "spiffe")))]
impl SpiffeBundle {
    /// Bytes that a document may have: some five hundred authorities. SPIRE publishes a handful.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a document in the SPIFFE bundle format, got for this trust domain: no document names
    /// its own (B-01, F-14).
    ///
    /// # Errors
    /// [`BundleError`] where the document as a whole cannot be trusted to say what its publisher
    /// meant. Elements that the standard lets a consumer ignore are no error:
    /// [`SpiffeBundle::skipped`] has them.
    ///
    /// # Examples
    /// ```
    /// use bonafide::identity::TrustDomain;
    /// use bonafide::trust::SpiffeBundle;
    ///
    /// let domain = TrustDomain::parse("example.org")?;
    /// let document = br#"{"keys":[],"spiffe_sequence":9,"spiffe_refresh_hint":300}"#;
    /// let bundle = SpiffeBundle::parse(domain.clone(), document)?;
    /// assert_eq!(bundle.sequence(), Some(9));
    /// assert!(bundle.authorities().is_empty());
    ///
    /// let error = SpiffeBundle::parse(domain, br#"{"Keys":[]}"#).unwrap_err();
    /// assert_eq!(error.code(), "bundle.missing-member");
    /// assert_eq!(error.to_string(), "member keys is missing at line 1, column 11");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(trust_domain: TrustDomain, document: &[u8]) -> Result<Self, BundleError> {
        let faults = Faults::default();
        read(document, Self::MAX_BYTES, BundleSeed { faults: &faults }, &faults)?
            .into_bundle(trust_domain)
    }

    /// Writes the SPIFFE bundle format: the X.509 authorities, sequence number and refresh hint.
    /// Authorities of JWT-SVIDs are not kept by a [`SpiffeBundle`] and so not written.
    ///
    /// # Errors
    /// [`BundleErrorKind::UnsupportedKey`] with the index of an authority whose key RFC 7518 and
    /// RFC 8037 have no form for.
    pub fn to_json(&self) -> Result<String, BundleError> {
        let mut out = String::new();
        self.write_json(&mut out)?;
        Ok(out)
    }

    fn write_json(&self, out: &mut String) -> Result<(), BundleError> {
        out.push_str(r#"{"keys":["#);
        for (index, certificate) in self.authorities().iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            spiffe_jwk::write(out, certificate).ok_or_else(|| {
                BundleError::new(BundleErrorKind::UnsupportedKey).at_element(Some(index))
            })?;
        }
        out.push(']');
        for (member, number) in
            [(SEQUENCE, self.sequence()), (REFRESH_HINT, self.refresh_hint_seconds())]
        {
            if let Some(number) = number {
                out.push_str(&alloc::format!(r#","{member}":{number}"#));
            }
        }
        out.push('}');
        Ok(())
    }
}

/// Bundles of several trust domains in one document (SPIFFE Trust Domain and Bundle section 5).
///
/// A map is read whole or not at all (B-21). It may be empty (B-17). The refresh hint of a bundle
/// in it is that bundle's own and says nothing of the map's (B-20).
#[derive(Clone, Debug, Default)]
pub struct BundleMap {
    bundles: BTreeMap<TrustDomain, SpiffeBundle>,
}

impl BundleMap {
    /// Bytes that a map may have: ten thousand trust domains of three authorities.
    pub const MAX_BYTES: usize = 1 << 26;

    /// Takes bundles of different trust domains; the last one of a trust domain counts.
    #[must_use]
    pub fn new(bundles: impl IntoIterator<Item = SpiffeBundle>) -> Self {
        let by_name = |bundle: SpiffeBundle| (bundle.trust_domain().clone(), bundle);
        Self { bundles: bundles.into_iter().map(by_name).collect() }
    }

    /// Reads a bundle map.
    ///
    /// # Errors
    /// [`BundleError`], which names the trust domain where the fault is in its bundle.
    pub fn parse(document: &[u8]) -> Result<Self, BundleError> {
        let faults = Faults::default();
        let read = read(document, Self::MAX_BYTES, MapSeed { faults: &faults }, &faults)?;
        let mut bundles = BTreeMap::new();
        for (domain, members) in read {
            let bundle = members
                .into_bundle(domain.clone())
                .map_err(|error| error.of(Some(domain.clone())))?;
            bundles.insert(domain, bundle);
        }
        Ok(Self { bundles })
    }

    /// Writes a bundle map.
    ///
    /// # Errors
    /// As [`SpiffeBundle::to_json`], with the trust domain.
    pub fn to_json(&self) -> Result<String, BundleError> {
        let mut out = String::from(r#"{"trust_domains":{"#);
        for (index, (domain, bundle)) in self.bundles.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            // The characters of a trust domain need no escape.
            out.push_str(&alloc::format!(r#""{domain}":"#));
            bundle.write_json(&mut out).map_err(|error| error.of(Some(domain.clone())))?;
        }
        out.push_str("}}");
        Ok(out)
    }

    /// The bundle of a trust domain.
    #[must_use]
    pub fn bundle(&self, trust_domain: &TrustDomain) -> Option<&SpiffeBundle> {
        self.bundles.get(trust_domain)
    }

    /// The bundles in the order of their trust domains.
    pub fn bundles(&self) -> impl ExactSizeIterator<Item = &SpiffeBundle> {
        self.bundles.values()
    }

    /// How many trust domains there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bundles.len()
    }

    /// Whether there is no trust domain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }
}

impl IntoIterator for BundleMap {
    type Item = SpiffeBundle;
    type IntoIter = alloc::collections::btree_map::IntoValues<TrustDomain, SpiffeBundle>;

    fn into_iter(self) -> Self::IntoIter {
        self.bundles.into_values()
    }
}

/// The typed fault behind an error of the JSON reader, which carries text only, and where it is.
#[derive(Default)]
struct Faults {
    fault: Cell<Option<BundleErrorKind>>,
    element: Cell<Option<usize>>,
    trust_domain: RefCell<Option<TrustDomain>>,
}

impl Faults {
    fn raise<E: serde::de::Error>(&self, kind: BundleErrorKind) -> E {
        self.fault.set(Some(kind));
        E::custom(kind)
    }

    /// Keeps `kind` as the fault behind `error`, unless one is known.
    fn explain<E>(&self, error: E, kind: BundleErrorKind) -> E {
        if self.fault.get().is_none() {
            self.fault.set(Some(kind));
        }
        error
    }
}

/// Reads a whole document.
fn read<'de, S: DeserializeSeed<'de>>(
    document: &'de [u8],
    limit: usize,
    seed: S,
    faults: &Faults,
) -> Result<S::Value, BundleError> {
    if document.len() > limit {
        let found = document.len();
        return Err(BundleError::new(BundleErrorKind::TooLarge { found, limit }));
    }
    let text = core::str::from_utf8(document)
        .map_err(|error| at(document, error.valid_up_to(), BundleErrorKind::Utf8))?;
    if text.starts_with('\u{feff}') {
        return Err(at(document, 0, BundleErrorKind::ByteOrderMark));
    }
    if let Some(offset) = too_deep(document) {
        return Err(at(document, offset, BundleErrorKind::TooDeep { limit: MAX_DEPTH }));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => {
                faults.fault.get().unwrap_or(BundleErrorKind::NotAnObject)
            }
            _ => BundleErrorKind::Syntax,
        };
        BundleError::new(kind)
            .at(error.line().max(1), error.column().max(1))
            .at_element(faults.element.get())
            .of(faults.trust_domain.take())
    })
}

fn at(document: &[u8], offset: usize, kind: BundleErrorKind) -> BundleError {
    let before = document.get(..offset).unwrap_or_default();
    let line = 1 + before.iter().filter(|&&octet| octet == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&octet| octet != b'\n').count();
    BundleError::new(kind).at(line, column)
}

/// The offset of the first bracket that stands too deep. Of what is no JSON text any answer will
/// do.
fn too_deep(document: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut octets = document.iter().enumerate();
    while let Some((offset, octet)) = octets.next() {
        match octet {
            b'\\' if in_text => {
                octets.next();
            }
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(offset);
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The members of a document, before it is known whose it is.
#[derive(Default)]
struct Members {
    authorities: Vec<OwnedCertificate>,
    jwt_authorities: usize,
    skipped: Vec<SkippedElement>,
    skipped_count: usize,
    sequence: Option<u64>,
    refresh_hint: Option<u64>,
}

impl Members {
    fn into_bundle(self, trust_domain: TrustDomain) -> Result<SpiffeBundle, BundleError> {
        let mut bundle = SpiffeBundle::new(trust_domain, self.authorities)?;
        if let Some(sequence) = self.sequence {
            bundle = bundle.with_sequence(sequence);
        }
        if let Some(seconds) = self.refresh_hint {
            bundle = bundle.with_refresh_hint_seconds(seconds);
        }
        bundle.jwt_authorities = self.jwt_authorities;
        bundle.skipped = self.skipped;
        bundle.skipped_count = self.skipped_count;
        Ok(bundle)
    }
}

/// The names of one object, to find two alike.
#[derive(Default)]
struct Names<'de>(BTreeSet<Cow<'de, str>>);

impl<'de> Names<'de> {
    /// The next name of the object.
    fn next<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        faults: &Faults,
    ) -> Result<Option<Cow<'de, str>>, A::Error> {
        let Some(name) = map.next_key_seed(NameSeed)? else { return Ok(None) };
        if !self.0.insert(name.clone()) {
            return Err(faults.raise(BundleErrorKind::DuplicateMember));
        }
        Ok(Some(name))
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.into()))
    }
}

/// A value of which only some JSON types count; `V` says what becomes of the others.
macro_rules! other_types {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_array<'de, A: SeqAccess<'de>>(mut array: A) -> Result<(), A::Error> {
    while array.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A string, or nothing where the value is of another type.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        drain_array(array).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| None)
    }

    other_types!(None);
}

/// The member `x5c`.
struct ChainSeed;

impl<'de> DeserializeSeed<'de> for ChainSeed {
    type Value = Chain<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChainSeed {
    type Value = Chain<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Chain::WrongType)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let first = match array.next_element_seed(TextSeed)? {
            None => return Ok(Chain::Empty),
            Some(None) => Chain::WrongType,
            Some(Some(text)) => Chain::First(text),
        };
        drain_array(array).map(|()| first)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| Chain::WrongType)
    }

    other_types!(Chain::WrongType);
}

/// An integer from 0 to 2⁶⁴ − 1, written as one.
struct IntegerSeed<'a> {
    faults: &'a Faults,
    member: &'static str,
}

impl<'de> DeserializeSeed<'de> for IntegerSeed<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        let kind = BundleErrorKind::Integer { member: self.member };
        let faults = self.faults;
        deserializer.deserialize_u64(self).map_err(|error| faults.explain(error, kind))
    }
}

impl<'de> Visitor<'de> for IntegerSeed<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 18446744073709551615")
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(E::custom)
    }
}

/// One element of `keys`.
struct ElementSeed<'a> {
    faults: &'a Faults,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON Web Key")
    }

    fn visit_str<E>(self, _: &str) -> Result<Element, E> {
        Ok(Element::Skipped(SkipReason::NotAnObject))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Element, A::Error> {
        drain_array(array).map(|()| Element::Skipped(SkipReason::NotAnObject))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        let mut jwk = Jwk::default();
        let mut names = Names::default();
        while let Some(name) = names.next(&mut map, self.faults)? {
            let text = match name.as_ref() {
                "kty" => &mut jwk.kty,
                "use" => &mut jwk.usage,
                "kid" => &mut jwk.kid,
                "crv" => &mut jwk.crv,
                "x" => &mut jwk.x,
                "y" => &mut jwk.y,
                "n" => &mut jwk.n,
                "e" => &mut jwk.e,
                "x5c" => {
                    jwk.x5c = map.next_value_seed(ChainSeed)?;
                    continue;
                }
                other => {
                    if let Some(member) = PRIVATE.into_iter().find(|&member| member == other) {
                        jwk.private = jwk.private.or(Some(member));
                        jwk.has_d |= member == "d";
                    }
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *text = map.next_value_seed(TextSeed)?;
        }
        jwk.judge().map_err(|kind| self.faults.raise(kind))
    }

    other_types!(Element::Skipped(SkipReason::NotAnObject));
}

/// The array `keys`.
struct KeysSeed<'a> {
    faults: &'a Faults,
    members: &'a mut Members,
}

impl<'de> DeserializeSeed<'de> for KeysSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let faults = self.faults;
        deserializer.deserialize_seq(self).map_err(|error| {
            faults.explain(error, BundleErrorKind::WrongType { member: KEYS, expected: "array" })
        })
    }
}

impl<'de> Visitor<'de> for KeysSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let faults = self.faults;
        for index in 0.. {
            faults.element.set(Some(index));
            match array.next_element_seed(ElementSeed { faults })? {
                None => break,
                Some(Element::Authority(certificate)) => {
                    self.members.authorities.push(*certificate)
                }
                Some(Element::JwtAuthority) => self.members.jwt_authorities += 1,
                Some(Element::Skipped(reason)) => {
                    self.members.skipped_count += 1;
                    if self.members.skipped.len() < MAX_REPORTED {
                        self.members.skipped.push(SkippedElement { index, reason });
                    }
                }
            }
        }
        faults.element.set(None);
        Ok(())
    }
}

/// A bundle: the document itself, or a member of a bundle map.
struct BundleSeed<'a> {
    faults: &'a Faults,
}

impl<'de> DeserializeSeed<'de> for BundleSeed<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members, D::Error> {
        let faults = self.faults;
        deserializer
            .deserialize_map(self)
            .map_err(|error| faults.explain(error, BundleErrorKind::NotAnObject))
    }
}

impl<'de> Visitor<'de> for BundleSeed<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SPIFFE bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let faults = self.faults;
        let mut members = Members::default();
        let mut has_keys = false;
        let mut names = Names::default();
        while let Some(name) = names.next(&mut map, faults)? {
            match name.as_ref() {
                KEYS => {
                    has_keys = true;
                    map.next_value_seed(KeysSeed { faults, members: &mut members })?;
                }
                SEQUENCE => {
                    let seed = IntegerSeed { faults, member: SEQUENCE };
                    members.sequence = Some(map.next_value_seed(seed)?);
                }
                REFRESH_HINT => {
                    let seed = IntegerSeed { faults, member: REFRESH_HINT };
                    members.refresh_hint = Some(map.next_value_seed(seed)?);
                }
                // B-07: unknown members are allowed.
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !has_keys {
            return Err(faults.raise(BundleErrorKind::MissingMember { member: KEYS }));
        }
        Ok(members)
    }
}

/// A bundle map.
struct MapSeed<'a> {
    faults: &'a Faults,
}

impl<'de> DeserializeSeed<'de> for MapSeed<'_> {
    type Value = Vec<(TrustDomain, Members)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let faults = self.faults;
        deserializer
            .deserialize_map(self)
            .map_err(|error| faults.explain(error, BundleErrorKind::NotAnObject))
    }
}

impl<'de> Visitor<'de> for MapSeed<'_> {
    type Value = Vec<(TrustDomain, Members)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SPIFFE bundle map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let faults = self.faults;
        let mut domains = None;
        let mut names = Names::default();
        while let Some(name) = names.next(&mut map, faults)? {
            if name == TRUST_DOMAINS {
                domains = Some(map.next_value_seed(DomainsSeed { faults })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        domains
            .ok_or_else(|| faults.raise(BundleErrorKind::MissingMember { member: TRUST_DOMAINS }))
    }
}

/// The member `trust_domains`.
struct DomainsSeed<'a> {
    faults: &'a Faults,
}

impl<'de> DeserializeSeed<'de> for DomainsSeed<'_> {
    type Value = Vec<(TrustDomain, Members)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let kind = BundleErrorKind::WrongType { member: TRUST_DOMAINS, expected: "object" };
        let faults = self.faults;
        deserializer.deserialize_map(self).map_err(|error| faults.explain(error, kind))
    }
}

impl<'de> Visitor<'de> for DomainsSeed<'_> {
    type Value = Vec<(TrustDomain, Members)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bundles by trust domain")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let faults = self.faults;
        let mut bundles = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let domain = TrustDomain::parse(&name)
                .map_err(|error| faults.raise(BundleErrorKind::TrustDomain(error)))?;
            // B-18: "consumer rejects duplicate trust domain names".
            if !seen.insert(domain.clone()) {
                faults.trust_domain.replace(Some(domain));
                return Err(faults.raise(BundleErrorKind::DuplicateTrustDomain));
            }
            faults.trust_domain.replace(Some(domain.clone()));
            bundles.push((domain, map.next_value_seed(BundleSeed { faults })?));
            faults.trust_domain.replace(None);
        }
        Ok(bundles)
    }
}
