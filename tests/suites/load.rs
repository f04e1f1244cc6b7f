//! Reads suite files: gzip, JSON, base64, PEM, RFC 3339.
//!
//! Fields are read one by one and by name: a field that is missing or null is "not applicable", one
//! of another type than the schema says makes the case a [`Misread`], never a case left out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use base64ct::{Base64, Encoding as _};
use bonafide::x509::{OwnedOid, Time};
use serde_json::{Map, Value};

/// Something in a suite file that this harness does not understand.
#[derive(Clone, Debug)]
pub struct Misread(pub String);

impl Misread {
    pub fn new(what: impl fmt::Display) -> Self {
        Misread(what.to_string())
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bytes of a file, unpacked where its name ends in `.gz`.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Misread> {
    let failed = |error: std::io::Error| Misread::new(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(failed)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut unpacked).map_err(failed)?;
        return Ok(unpacked);
    }
    Ok(bytes)
}

/// The JSON of a file, unpacked where its name ends in `.gz`.
pub fn read_json(path: &Path) -> Result<Value, Misread> {
    serde_json::from_slice(&read_bytes(path)?)
        .map_err(|error| Misread::new(format!("{}: {error}", path.display())))
}

/// The fields of one JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub fn of(value: &'a Value) -> Result<Self, Misread> {
        value.as_object().map(Fields).ok_or_else(|| Misread::new("not a JSON object"))
    }

    fn present(self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn wrong<T>(key: &str, wanted: &str) -> Result<T, Misread> {
        Err(Misread::new(format!("field {key} is no {wanted}")))
    }

    fn required<T>(found: Option<T>, key: &str) -> Result<T, Misread> {
        found.ok_or_else(|| Misread::new(format!("field {key} is missing")))
    }

    pub fn maybe_text(self, key: &str) -> Result<Option<&'a str>, Misread> {
        match self.present(key) {
            None => Ok(None),
            Some(value) => value.as_str().map_or_else(|| Self::wrong(key, "text"), |t| Ok(Some(t))),
        }
    }

    pub fn text(self, key: &str) -> Result<&'a str, Misread> {
        Self::required(self.maybe_text(key)?, key)
    }

    pub fn maybe_flag(self, key: &str) -> Result<Option<bool>, Misread> {
        match self.present(key) {
            None => Ok(None),
            Some(value) => {
                value.as_bool().map_or_else(|| Self::wrong(key, "boolean"), |flag| Ok(Some(flag)))
            }
        }
    }

    /// False where the field is missing.
    pub fn flag(self, key: &str) -> Result<bool, Misread> {
        Ok(self.maybe_flag(key)?.unwrap_or(false))
    }

    pub fn maybe_number(self, key: &str) -> Result<Option<i64>, Misread> {
        match self.present(key) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().map_or_else(|| Self::wrong(key, "integer"), |n| Ok(Some(n)))
            }
        }
    }

    /// A number up to 2⁶⁴ − 1.
    pub fn maybe_u64(self, key: &str) -> Result<Option<u64>, Misread> {
        match self.present(key) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map_or_else(|| Self::wrong(key, "number"), |n| Ok(Some(n)))
            }
        }
    }

    pub fn maybe_count(self, key: &str) -> Result<Option<u32>, Misread> {
        let number = self.maybe_number(key)?;
        number
            .map(|number| u32::try_from(number).or_else(|_| Self::wrong(key, "count")))
            .transpose()
    }

    /// Empty where the field is missing.
    pub fn list(self, key: &str) -> Result<&'a [Value], Misread> {
        match self.present(key) {
            None => Ok(&[]),
            Some(value) => value
                .as_array()
                .map_or_else(|| Self::wrong(key, "list"), |list| Ok(list.as_slice())),
        }
    }

    /// A field as it is, where it is a list.
    pub fn maybe_list(self, key: &str) -> Result<Option<Value>, Misread> {
        Ok(if self.list(key)?.is_empty() { None } else { self.0.get(key).cloned() })
    }

    pub fn texts(self, key: &str) -> Result<Vec<&'a str>, Misread> {
        let texts: Option<Vec<&str>> = self.list(key)?.iter().map(Value::as_str).collect();
        texts.map_or_else(|| Self::wrong(key, "list of texts"), Ok)
    }

    pub fn objects(self, key: &str) -> Result<Vec<Fields<'a>>, Misread> {
        self.list(key)?.iter().map(Fields::of).collect()
    }

    pub fn maybe_object(self, key: &str) -> Result<Option<Fields<'a>>, Misread> {
        match self.present(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields(map))),
            Some(_) => Self::wrong(key, "object"),
        }
    }

    pub fn object(self, key: &str) -> Result<Fields<'a>, Misread> {
        Self::required(self.maybe_object(key)?, key)
    }

    pub fn entries(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// An RFC 3339 instant; fractions of a second are cut off, as certificates know none.
    pub fn maybe_time(self, key: &str) -> Result<Option<Time>, Misread> {
        let parse = |text: &str| text.parse().or_else(|_| Self::wrong(key, "time"));
        self.maybe_text(key)?.map(parse).transpose()
    }

    pub fn time(self, key: &str) -> Result<Time, Misread> {
        Self::required(self.maybe_time(key)?, key)
    }

    pub fn oids(self, key: &str) -> Result<Vec<OwnedOid>, Misread> {
        // One list upstream was split at commas and kept the spaces.
        let oids: Result<Vec<OwnedOid>, _> =
            self.texts(key)?.into_iter().map(|oid| oid.trim().parse()).collect();
        oids.or_else(|_| Self::wrong(key, "list of object identifiers"))
    }

    /// Base64 of DER, padded.
    pub fn base64(self, key: &str) -> Result<Vec<u8>, Misread> {
        base64(self.text(key)?)
    }

    pub fn base64s(self, key: &str) -> Result<Vec<Vec<u8>>, Misread> {
        self.texts(key)?.into_iter().map(base64).collect()
    }

    /// One certificate in PEM.
    pub fn certificate_pem(self, key: &str) -> Result<Vec<u8>, Misread> {
        pem(self.text(key)?, "CERTIFICATE")
    }

    pub fn pems(self, key: &str, label: &str) -> Result<Vec<Vec<u8>>, Misread> {
        self.texts(key)?.into_iter().map(|text| pem(text, label)).collect()
    }
}

pub fn base64(text: &str) -> Result<Vec<u8>, Misread> {
    Base64::decode_vec(text).map_err(|_| Misread::new("not base64"))
}

/// The one block of a PEM text. Read here, not by the library: what is inside is its business, the
/// envelope is the suite's.
pub fn pem(text: &str, label: &str) -> Result<Vec<u8>, Misread> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let body = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    let Some((body, _)) = body else { return Err(Misread::new(format!("no PEM {label}"))) };
    let body: String = body.split_whitespace().collect();
    base64(&body)
}

pub fn slices(list: &[Vec<u8>]) -> Vec<&[u8]> {
    list.iter().map(Vec::as_slice).collect()
}

/// The blobs of a `pkipack/1` file by their keys.
#[derive(Clone, Debug, Default)]
pub struct Blobs(BTreeMap<String, Vec<u8>>);

impl Blobs {
    pub fn read(file: Fields<'_>) -> Result<Self, Misread> {
        let mut blobs = BTreeMap::new();
        if let Some(list) = file.maybe_object("blobs")? {
            for (key, value) in list.entries() {
                let text = value.as_str().ok_or_else(|| Misread::new("a blob is no text"))?;
                blobs.insert(key.to_owned(), base64(text)?);
            }
        }
        Ok(Blobs(blobs))
    }

    pub fn get(&self, key: &str) -> Result<&[u8], Misread> {
        let blob = self.0.get(key).map(Vec::as_slice);
        blob.ok_or_else(|| Misread::new(format!("no blob {key}")))
    }

    /// The blob that a field names.
    pub fn of(&self, case: Fields<'_>, key: &str) -> Result<&[u8], Misread> {
        self.get(case.text(key)?)
    }

    pub fn maybe_of(&self, case: Fields<'_>, key: &str) -> Result<Option<&[u8]>, Misread> {
        case.maybe_text(key)?.map(|name| self.get(name)).transpose()
    }

    /// The blobs that a list of keys names.
    pub fn all_of(&self, case: Fields<'_>, key: &str) -> Result<Vec<&[u8]>, Misread> {
        case.texts(key)?.into_iter().map(|name| self.get(name)).collect()
    }

    /// The key of a blob; the blob's length where it has none, which happens to no certificate of
    /// a suite.
    pub fn name_of(&self, der: &[u8]) -> Cow<'_, str> {
        match self.0.iter().find(|(_, blob)| blob.as_slice() == der) {
            Some((key, _)) => Cow::Borrowed(key),
            None => Cow::Owned(format!("{} octets", der.len())),
        }
    }
}
