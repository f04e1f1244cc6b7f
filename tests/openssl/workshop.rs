//! Keys and certificates made by the OpenSSL command line.
#![allow(dead_code, unreachable_pub, reason = "each user takes the part it needs")]
#![allow(missing_docs, clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::process::Command;

/// A folder of keys and certificates, removed at the end.
pub struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    /// Nothing where there is no `openssl` and nobody insists.
    pub fn open(name: &str) -> Option<Self> {
        let found =
            Command::new("openssl").arg("version").output().is_ok_and(|o| o.status.success());
        if !found {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "CI=true and there is no openssl program");
            eprintln!("skipped: there is no openssl program, so nothing was tested here");
            return None;
        }
        let folder =
            std::env::temp_dir().join(format!("bonafide-openssl-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn openssl(&self, arguments: &[&str]) {
        let output =
            Command::new("openssl").args(arguments).current_dir(&self.folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
    }

    /// A key: `P-256`, `P-384`, `ed25519`, `rsa:BITS`.
    pub fn key(&self, name: &str, kind: &str) {
        let file = format!("{name}.key");
        let mut arguments = vec!["genpkey", "-out", &file];
        let option;
        match kind.split_once(':') {
            Some(("rsa", bits)) => {
                option = format!("rsa_keygen_bits:{bits}");
                arguments.extend(["-algorithm", "RSA", "-pkeyopt", &option]);
            }
            _ if kind.starts_with('P') => {
                option = format!("ec_paramgen_curve:{kind}");
                arguments.extend(["-algorithm", "EC", "-pkeyopt", &option]);
            }
            _ => arguments.extend(["-algorithm", kind]),
        }
        self.openssl(&arguments);
    }

    /// A certificate of a new key, issued by `issuer` or by itself.
    pub fn certificate(&self, certificate: &New<'_>) {
        let New { name, issuer, key, digest, days, extensions } = *certificate;
        self.key(name, key);
        std::fs::write(self.path(&format!("{name}.cnf")), extensions).unwrap();
        let [subject, key, request, config, out] = [
            format!("/O=Example/CN={name}"),
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.cnf"),
            format!("{name}.pem"),
        ];
        self.openssl(&["req", "-new", "-subj", &subject, "-key", &key, "-out", &request]);
        let serial = format!("0x{}", name.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        let mut arguments = vec!["x509", "-req", "-in", &request, "-out", &out, "-days", days];
        arguments.extend(["-set_serial", &serial, "-extfile", &config]);
        if !digest.is_empty() {
            arguments.push(digest);
        }
        let (issuer_certificate, issuer_key) =
            (format!("{}.pem", issuer.unwrap_or(name)), format!("{}.key", issuer.unwrap_or(name)));
        match issuer {
            Some(_) => arguments.extend(["-CA", &issuer_certificate, "-CAkey", &issuer_key]),
            None => arguments.extend(["-signkey", &issuer_key]),
        }
        self.openssl(&arguments);
    }

    pub fn chain(&self, names: &[&str]) -> PathBuf {
        let texts =
            names.iter().map(|name| std::fs::read(self.path(&format!("{name}.pem"))).unwrap());
        let text: Vec<u8> = texts.collect::<Vec<_>>().concat();
        let path = self.path(&format!("{}.chain", names.join("-")));
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[derive(Clone, Copy)]
pub struct New<'a> {
    pub name: &'a str,
    pub issuer: Option<&'a str>,
    pub key: &'a str,
    pub digest: &'a str,
    pub days: &'a str,
    pub extensions: &'a str,
}

pub const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                  subjectKeyIdentifier=hash\n";
pub const LEAF: &str = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                    extendedKeyUsage=serverAuth\nsubjectAltName=DNS:www.example.test\n\
                    authorityKeyIdentifier=keyid\n";

pub fn new<'a>(name: &'a str, issuer: Option<&'a str>, extensions: &'a str) -> New<'a> {
    New { name, issuer, key: "P-256", digest: "", days: "365", extensions }
}
