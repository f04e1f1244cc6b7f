//! Certificates for the tests of the rules over one certificate: unsigned, of any content.

use alloc::vec;
use alloc::vec::Vec;

use crate::x509::Certificate;
use crate::x509::encode::tlv;

/// 2026-01-01T00:00:00Z, within the period of every sample.
pub(super) const NOW: i64 = 1_767_225_600;

/// `2.5.29.n`.
pub(super) const fn id_ce(n: u8) -> [u8; 3] {
    [0x55, 0x1d, n]
}

pub(super) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
pub(super) const SUBJECT_KEY_ID: [u8; 3] = id_ce(14);
pub(super) const KEY_USAGE: [u8; 3] = id_ce(15);
pub(super) const SUBJECT_ALT_NAME: [u8; 3] = id_ce(17);
pub(super) const BASIC_CONSTRAINTS: [u8; 3] = id_ce(19);
pub(super) const NAME_CONSTRAINTS: [u8; 3] = id_ce(30);
pub(super) const POLICY_MAPPINGS: [u8; 3] = id_ce(33);
pub(super) const AUTHORITY_KEY_ID: [u8; 3] = id_ce(35);
pub(super) const POLICY_CONSTRAINTS: [u8; 3] = id_ce(36);
pub(super) const EXTENDED_KEY_USAGE: [u8; 3] = id_ce(37);
pub(super) const INHIBIT_ANY_POLICY: [u8; 3] = id_ce(54);

/// What the certificate will say.
#[derive(Clone)]
pub(super) struct Sample {
    version: u8,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    extensions: Vec<(Vec<u8>, bool, Vec<u8>)>,
}

impl Sample {
    /// An end entity named `a.example`, issued by somebody else, that breaks no rule.
    pub(super) fn end_entity() -> Self {
        Self {
            version: 2,
            serial: vec![1],
            issuer: common_name("CA"),
            subject: common_name("a.example"),
            spki: p256(),
            extensions: vec![],
        }
        .with(&KEY_USAGE, true, &[3, 2, 7, 0x80])
        .with(&BASIC_CONSTRAINTS, true, &[0x30, 0])
        .with(&AUTHORITY_KEY_ID, false, &tlv(0x30, &[&[0x80, 1, 7]]))
        .alt_names(false, &[&tlv(0x82, &[b"a.example"])])
        .purposes(false, &[SERVER_AUTH, CLIENT_AUTH])
    }

    /// An intermediate that breaks no rule.
    pub(super) fn issuer() -> Self {
        Self { subject: common_name("Sub"), ..Self::end_entity() }
            .without(&SUBJECT_ALT_NAME)
            .without(&EXTENDED_KEY_USAGE)
            .with(&KEY_USAGE, true, &[3, 2, 1, 0x06])
            .with(&BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 1, 0xff])
            .with(&SUBJECT_KEY_ID, false, &[4, 1, 8])
    }

    /// A root that breaks no rule.
    pub(super) fn root() -> Self {
        Self { subject: common_name("CA"), ..Self::issuer() }.without(&AUTHORITY_KEY_ID)
    }

    /// The number in the field: 2 for v3.
    pub(super) fn version(self, version: u8) -> Self {
        Self { version, ..self }
    }

    pub(super) fn serial(self, octets: &[u8]) -> Self {
        Self { serial: octets.to_vec(), ..self }
    }

    pub(super) fn subject(self, name: Vec<u8>) -> Self {
        Self { subject: name, ..self }
    }

    pub(super) fn issued_by(self, name: Vec<u8>) -> Self {
        Self { issuer: name, ..self }
    }

    pub(super) fn spki(self, spki: Vec<u8>) -> Self {
        Self { spki, ..self }
    }

    /// Adds an extension in place of the one of that identifier.
    pub(super) fn with(self, oid: &[u8], critical: bool, value: &[u8]) -> Self {
        let mut sample = self.without(oid);
        sample.extensions.push((oid.to_vec(), critical, value.to_vec()));
        sample
    }

    pub(super) fn without(mut self, oid: &[u8]) -> Self {
        self.extensions.retain(|(own, ..)| own != oid);
        self
    }

    pub(super) fn without_extensions(self) -> Self {
        Self { extensions: vec![], ..self }
    }

    /// Takes the critical flag of an extension for its contrary.
    pub(super) fn flip(mut self, oid: &[u8]) -> Self {
        for (own, critical, _) in &mut self.extensions {
            if own == oid {
                *critical = !*critical;
            }
        }
        self
    }

    pub(super) fn alt_names(self, critical: bool, names: &[&[u8]]) -> Self {
        self.with(&SUBJECT_ALT_NAME, critical, &tlv(0x30, names))
    }

    pub(super) fn dns(self, name: &str) -> Self {
        self.alt_names(false, &[&tlv(0x82, &[name.as_bytes()])])
    }

    pub(super) fn uris(self, uris: &[&str]) -> Self {
        let names: Vec<_> = uris.iter().map(|uri| tlv(0x86, &[uri.as_bytes()])).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        self.alt_names(false, &names)
    }

    pub(super) fn purposes(self, critical: bool, purposes: &[&[u8]]) -> Self {
        let purposes: Vec<_> = purposes.iter().map(|purpose| tlv(6, &[purpose])).collect();
        let purposes: Vec<&[u8]> = purposes.iter().map(Vec::as_slice).collect();
        self.with(&EXTENDED_KEY_USAGE, critical, &tlv(0x30, &purposes))
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let algorithm = tlv(0x30, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
        let validity =
            tlv(0x30, &[&tlv(0x17, &[b"250101000000Z"]), &tlv(0x17, &[b"350101000000Z"])]);
        let extensions: Vec<_> = self
            .extensions
            .iter()
            .map(|(oid, critical, value)| {
                let flag: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
                tlv(0x30, &[&tlv(6, &[oid]), flag, &tlv(4, &[value])])
            })
            .collect();
        let list = match extensions.as_slice() {
            [] => vec![],
            some => tlv(0xa3, &[&tlv(0x30, &[&some.concat()])]),
        };
        let version = match self.version {
            0 => vec![],
            number => tlv(0xa0, &[&tlv(2, &[&[number]])]),
        };
        let tbs = tlv(
            0x30,
            &[
                &version,
                &tlv(2, &[&self.serial]),
                &algorithm,
                &self.issuer,
                &validity,
                &self.subject,
                &self.spki,
                &list,
            ],
        );
        tlv(0x30, &[&tbs, &algorithm, &[3, 2, 0, 0]])
    }

    /// Reads what it says.
    pub(super) fn read<T>(&self, then: impl FnOnce(&Certificate<'_>) -> T) -> T {
        then(&Certificate::from_der(&self.to_der()).unwrap())
    }
}

pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
pub(super) const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0];

pub(super) fn no_name() -> Vec<u8> {
    tlv(0x30, &[])
}

pub(super) fn common_name(text: &str) -> Vec<u8> {
    common_names(&[text])
}

pub(super) fn common_names(texts: &[&str]) -> Vec<u8> {
    let rdns: Vec<_> = texts
        .iter()
        .map(|text| {
            let attribute = tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[text.as_bytes()])]);
            tlv(0x31, &[&attribute])
        })
        .collect();
    tlv(0x30, &[&rdns.concat()])
}

fn p256() -> Vec<u8> {
    ec(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], 65)
}

/// A key on a named curve with a point of that many octets.
pub(super) fn ec(curve: &[u8], length: usize) -> Vec<u8> {
    let mut point = vec![0; length + 1];
    point[1] = 4;
    let algorithm =
        tlv(0x30, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]), &tlv(6, &[curve])]);
    tlv(0x30, &[&algorithm, &tlv(3, &[&point])])
}

/// An RSA key whose modulus has that many bits.
pub(super) fn rsa(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits / 8 + 1];
    modulus[0] = (1 << (bits % 8)) - 1;
    let key = tlv(0x30, &[&tlv(2, &[&modulus]), &[2, 3, 1, 0, 1]]);
    let algorithm =
        tlv(0x30, &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]]), &[5, 0]]);
    tlv(0x30, &[&algorithm, &tlv(3, &[&[0], &key])])
}
