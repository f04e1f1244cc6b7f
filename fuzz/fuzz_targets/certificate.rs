//! Certificates from any bytes: nothing panics, what is read lies within the input, reading again
//! gives the same, and errors point into the input.

#![no_main]

use bonafide::x509::{Certificate, OwnedCertificate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let certificate = match Certificate::from_der(data) {
        Ok(certificate) => certificate,
        Err(error) => {
            assert!(error.offset() <= data.len(), "{error} at {}", error.offset());
            assert!(!error.to_string().is_empty());
            assert!(OwnedCertificate::from_der(data).is_err());
            return;
        }
    };
    assert_eq!(certificate.as_der(), data, "nothing may follow");
    let again = Certificate::from_der(certificate.as_der()).expect("what was read is read again");
    assert!(again == certificate);
    let owned = certificate.to_owned();
    assert!(owned.as_certificate() == certificate);
    let text = format!("{certificate:?} {:?}", certificate.version());
    assert!(!text.is_empty());

    for part in [
        certificate.tbs_certificate(),
        certificate.serial_number(),
        certificate.signature_value(),
        certificate.subject().as_der(),
        certificate.issuer().as_der(),
    ] {
        within(data, part);
    }
    assert!(!certificate.serial_number().is_empty());
    let checked = certificate.check();
    if let Err(error) = checked {
        assert!(error.offset() <= data.len(), "{error} at {}", error.offset());
    }
    values(data, &certificate, checked.is_ok());
});

fn within(all: &[u8], part: &[u8]) {
    let (all, part) = (all.as_ptr_range(), part.as_ptr_range());
    assert!(part.start >= all.start && part.end <= all.end);
}

/// Reads every value in full; after a check that succeeded none may fail.
fn values(data: &[u8], certificate: &Certificate<'_>, sound: bool) {
    macro_rules! read {
        ($($method:ident: |$value:ident| $walk:expr;)*) => {
            $(match certificate.$method() {
                Some(Ok($value)) => { $walk; }
                Some(Err(error)) => {
                    assert!(!sound, "{} failed after check: {error}", stringify!($method));
                    assert!(error.offset() <= data.len());
                }
                None => {}
            })*
        };
    }
    read! {
        authority_key_identifier: |value| drop(format!("{value:?}"));
        subject_key_identifier: |value| within(data, value.key_identifier);
        subject_alt_name: |value| value.iter().for_each(|name| {
            assert!(!sound || name.is_ok());
            if let Ok(name) = name {
                drop(format!("{name} {name:?}"));
            }
        });
        issuer_alt_name: |value| value.iter().flatten().for_each(|name| drop(format!("{name}")));
        extended_key_usage: |value| value.iter().for_each(|oid| drop(format!("{oid}")));
        name_constraints: |value| {
            for base in value.permitted().bases().chain(value.excluded().bases()) {
                drop(format!("{base}"));
            }
        };
        certificate_policies: |value| {
            assert_eq!(value.iter().count(), usize::try_from(value.count()).expect("small"));
            value.iter().for_each(|policy| drop(format!("{} {:?}", policy.policy(), policy.qualifiers())));
        };
        policy_mappings: |value| {
            assert_eq!(value.iter().count(), usize::try_from(value.count()).expect("small"));
        };
        policy_constraints: |value| drop(format!("{value:?}"));
        inhibit_any_policy: |value| drop(format!("{value:?}"));
        crl_distribution_points: |value| value.iter().for_each(|point| drop(format!("{point:?}")));
        freshest_crl: |value| drop(format!("{value:?}"));
        authority_info_access: |value| value.iter().for_each(|access| {
            drop(format!("{} {}", access.method(), access.location()));
        });
        subject_info_access: |value| value.iter().for_each(|access| drop(format!("{access:?}")));
        subject_directory_attributes: |value| value.iter().for_each(|(oid, values)| {
            within(data, values);
            drop(format!("{oid}"));
        });
        private_key_usage_period: |value| drop(format!("{value:?}"));
        sct_list: |value| value.iter().for_each(|sct| drop(format!("{sct:?}")));
        no_rev_avail: |value| drop(format!("{value:?}"));
    }
    for name in [certificate.subject(), certificate.issuer()] {
        let text = format!("{name}");
        assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
        assert!(!sound || name.matches(&name));
        name.attributes().for_each(|attribute| drop(attribute.text()));
    }
    for extension in certificate.extensions() {
        within(data, extension.value);
        drop(format!("{} {}", extension.oid, extension.critical));
    }
    assert!(!sound || certificate.subject_public_key_info().is_ok());
    assert!(!sound || certificate.signature_algorithm().is_ok());
    if let Ok(spki) = certificate.subject_public_key_info() {
        within(data, spki.key());
        drop(format!("{}", bonafide::signature::KeyAlgorithm::classify(&spki)));
    }
}
