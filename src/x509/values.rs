//! The names, key and extension values of a certificate, read where they are used.
//!
//! Every accessor of an extension answers [`None`] where the extension is absent and an error with
//! its byte offset where the value cannot be read. [`Certificate::check`] reads everything once;
//! after it succeeded, no accessor fails.

use super::certificate::{Certificate, CertificateError, Field};
use super::der::{DerError, Reader, Tag, short_sequence};
use super::extension::ExtensionKinds;
use super::{
    AlgorithmIdentifier, AuthorityInfoAccess, AuthorityKeyIdentifier, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, ExtensionKind, FreshestCrl, GeneralNames,
    InhibitAnyPolicy, Name, NameConstraints, NoRevAvail, PolicyConstraints, PolicyMappings,
    PrivateKeyUsagePeriod, SctList, SubjectDirectoryAttributes, SubjectInfoAccess,
    SubjectKeyIdentifier, SubjectPublicKeyInfo,
};

/// Defines accessors of extensions that read the value by `$read(value, offset)`.
macro_rules! extension_values {
    ($($(#[$doc:meta])* $method:ident: $kind:ident => $type:ty, $read:expr;)*) => {
        impl<'a> Certificate<'a> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The place where the value cannot be read.
                pub fn $method(&self) -> Option<Result<$type, CertificateError>> {
                    let kind = ExtensionKind::$kind;
                    let (value, offset) = self.extension_with_offset(kind)?;
                    let read: fn(&'a [u8], usize) -> Result<$type, DerError> = $read;
                    Some(read(value, offset).map_err(|error| {
                        CertificateError::der(Field::Extension(kind), error)
                    }))
                }
            )*

            /// Reads every name, the key and every extension that [`ExtensionKind`] names, in
            /// full.
            ///
            /// # Errors
            /// The first value that cannot be read, with its field and byte offset.
            pub fn check(&self) -> Result<(), CertificateError> {
                self.check_names()?;
                self.signature_algorithm()?;
                self.subject_public_key_info()?;
                self.check_extensions()
            }

            /// What [`Certificate::check`] reads, but for the signature algorithm and the key, which
            /// whoever checked the signatures of a path has read.
            pub(crate) fn check_values(&self) -> Result<(), CertificateError> {
                self.check_names()?;
                self.check_extensions()
            }

            fn check_extensions(&self) -> Result<(), CertificateError> {
                const NAMES: ExtensionKinds = ExtensionKinds::of(&[ExtensionKind::SubjectAltName]);
                let unread = self.unread_extensions();
                if unread.is_empty() {
                    Ok(())
                } else if unread.without(NAMES).is_empty() {
                    self.subject_alt_name().transpose().map(|_| ())
                } else {
                    self.check_each_extension(unread)
                }
            }

            #[inline(never)]
            fn check_each_extension(&self, unread: ExtensionKinds) -> Result<(), CertificateError> {
                $(
                    if unread.contains(ExtensionKind::$kind) && let Some(value) = self.$method() {
                        value?;
                    }
                )*
                Ok(())
            }
        }
    };
}

extension_values! {
    /// Returns authorityKeyIdentifier.
    authority_key_identifier: AuthorityKeyIdentifier => AuthorityKeyIdentifier<'a>, AuthorityKeyIdentifier::read;
    /// Returns subjectKeyIdentifier.
    subject_key_identifier: SubjectKeyIdentifier => SubjectKeyIdentifier<'a>, SubjectKeyIdentifier::read;
    /// Returns subjectAltName.
    subject_alt_name: SubjectAltName => GeneralNames<'a>, read_general_names;
    /// Returns extKeyUsage.
    extended_key_usage: ExtendedKeyUsage => ExtendedKeyUsage<'a>, ExtendedKeyUsage::read;
    /// Returns nameConstraints.
    name_constraints: NameConstraints => NameConstraints<'a>, NameConstraints::read;
    /// Returns certificatePolicies.
    certificate_policies: CertificatePolicies => CertificatePolicies<'a>, CertificatePolicies::read;
    /// Returns policyMappings.
    policy_mappings: PolicyMappings => PolicyMappings<'a>, PolicyMappings::read;
    /// Returns policyConstraints.
    policy_constraints: PolicyConstraints => PolicyConstraints, PolicyConstraints::read;
    /// Returns inhibitAnyPolicy.
    inhibit_any_policy: InhibitAnyPolicy => InhibitAnyPolicy, InhibitAnyPolicy::read;
    /// Returns cRLDistributionPoints.
    crl_distribution_points: CrlDistributionPoints => CrlDistributionPoints<'a>, CrlDistributionPoints::read;
    /// Returns freshestCRL.
    freshest_crl: FreshestCrl => FreshestCrl<'a>, FreshestCrl::read;
    /// Returns authorityInfoAccess.
    authority_info_access: AuthorityInfoAccess => AuthorityInfoAccess<'a>, AuthorityInfoAccess::read;
    /// Returns subjectInfoAccess.
    subject_info_access: SubjectInfoAccess => SubjectInfoAccess<'a>, SubjectInfoAccess::read;
    /// Returns issuerAltName.
    issuer_alt_name: IssuerAltName => GeneralNames<'a>, read_general_names;
    /// Returns subjectDirectoryAttributes.
    subject_directory_attributes: SubjectDirectoryAttributes => SubjectDirectoryAttributes<'a>, SubjectDirectoryAttributes::read;
    /// Returns privateKeyUsagePeriod.
    private_key_usage_period: PrivateKeyUsagePeriod => PrivateKeyUsagePeriod, PrivateKeyUsagePeriod::read;
    /// Returns the list of signed certificate timestamps.
    sct_list: SctList => SctList<'a>, SctList::read;
    /// Returns noRevAvail.
    no_rev_avail: NoRevAvail => NoRevAvail, NoRevAvail::read;
}

fn read_general_names(value: &[u8], offset: usize) -> Result<GeneralNames<'_>, DerError> {
    if let Some(content @ [_, ..]) = short_sequence(value) {
        let names = GeneralNames::trusted(content, offset + 2);
        return names.check().map(|()| names);
    }
    let mut reader = Reader::at(value, offset)?;
    let sequence = reader.element(Tag::SEQUENCE)?;
    reader.finish()?;
    GeneralNames::of(&sequence)
}

impl<'a> Certificate<'a> {
    /// Returns `subject`; whether its attributes can be read, [`Certificate::check`] tells.
    #[must_use]
    #[inline]
    pub fn subject(&self) -> Name<'a> {
        Name::trusted(self.subject_der())
    }

    /// Returns `issuer`; whether its attributes can be read, [`Certificate::check`] tells.
    #[must_use]
    #[inline]
    pub fn issuer(&self) -> Name<'a> {
        Name::trusted(self.issuer_der())
    }

    /// Returns `signatureAlgorithm`.
    ///
    /// # Errors
    /// The place where it cannot be read.
    #[inline]
    pub fn signature_algorithm(&self) -> Result<AlgorithmIdentifier<'a>, CertificateError> {
        let (der, offset) = self.outer_algorithm_with_offset();
        if let Some((algorithm, _)) = AlgorithmIdentifier::read_ahead(der) {
            return Ok(algorithm);
        }
        Reader::at(der, offset)
            .and_then(|mut reader| AlgorithmIdentifier::read(&mut reader))
            .map_err(|error| CertificateError::der(Field::SignatureAlgorithm, error))
    }

    /// Returns `subjectPublicKeyInfo`.
    ///
    /// # Errors
    /// The place where it cannot be read.
    #[inline]
    pub fn subject_public_key_info(&self) -> Result<SubjectPublicKeyInfo<'a>, CertificateError> {
        let (der, offset) = self.spki_with_offset();
        if let Some(usual) = SubjectPublicKeyInfo::read_usual(der) {
            return Ok(usual);
        }
        Reader::at(der, offset)
            .and_then(|mut reader| SubjectPublicKeyInfo::read(&mut reader))
            .map_err(|error| CertificateError::der(Field::SubjectPublicKeyInfo, error))
    }

    /// subjectAltName of a certificate that [`Certificate::check`] found sound, not checked again;
    /// of another one, names end where one cannot be read.
    pub(crate) fn checked_subject_alt_name(&self) -> Option<GeneralNames<'a>> {
        let (value, offset) = self.extension_with_offset(ExtensionKind::SubjectAltName)?;
        if let Some(content) = short_sequence(value) {
            return Some(GeneralNames::trusted(content, offset + 2));
        }
        let list = Reader::at(value, offset).and_then(|mut reader| reader.element(Tag::SEQUENCE));
        list.ok().map(|list| GeneralNames::trusted(list.content, list.content_offset))
    }

    /// Kinds of extensions that are present and not known to be readable: some were read with the
    /// certificate, and the usual form of some others is seen at a glance.
    #[inline]
    fn unread_extensions(&self) -> ExtensionKinds {
        const READ: ExtensionKinds =
            ExtensionKinds::of(&[ExtensionKind::BasicConstraints, ExtensionKind::KeyUsage]);
        let value = |kind| self.extension(kind).unwrap_or_default();
        let mut unread = self.extension_kinds().without(READ);
        if AuthorityKeyIdentifier::read_short(value(ExtensionKind::AuthorityKeyIdentifier))
            .is_some()
        {
            unread = unread.without(ExtensionKinds::of(&[ExtensionKind::AuthorityKeyIdentifier]));
        }
        if ExtendedKeyUsage::only_purpose(value(ExtensionKind::ExtendedKeyUsage)).is_some() {
            unread = unread.without(ExtensionKinds::of(&[ExtensionKind::ExtendedKeyUsage]));
        }
        if SubjectKeyIdentifier::read_short(value(ExtensionKind::SubjectKeyIdentifier)).is_some() {
            unread = unread.without(ExtensionKinds::of(&[ExtensionKind::SubjectKeyIdentifier]));
        }
        unread
    }

    /// The key identifier that the certificate gives for its own key, where it can be read.
    pub(crate) fn key_id(&self) -> Option<&'a [u8]> {
        let value = self.extension(ExtensionKind::SubjectKeyIdentifier)?;
        match SubjectKeyIdentifier::read_short(value) {
            Some(short) => Some(short.key_identifier),
            None => Some(self.subject_key_identifier()?.ok()?.key_identifier),
        }
    }

    /// The key identifier that the certificate gives for its issuer's key, where it can be read.
    pub(crate) fn issuer_key_id(&self) -> Option<&'a [u8]> {
        let value = self.extension(ExtensionKind::AuthorityKeyIdentifier)?;
        match AuthorityKeyIdentifier::read_short(value) {
            Some(short) => short.key_identifier,
            None => self.authority_key_identifier()?.ok()?.key_identifier,
        }
    }

    /// What [`Certificate::check_values`] asks, of a certificate below one with this `subject`, which
    /// was checked; says no more than yes or no.
    pub(crate) fn is_readable_below(&self, subject: Name<'_>) -> bool {
        let (subject_at, issuer_at) = self.name_offsets();
        (self.issuer() == subject || self.issuer().check(issuer_at).is_ok())
            && self.subject().check(subject_at).is_ok()
            && self.check_extensions().is_ok()
    }

    /// The same; of a self-issued certificate that gives none, its own.
    pub(crate) fn key_id_of_signer(&self) -> Option<&'a [u8]> {
        // RFC 5280 4.2.1.1: "where a CA distributes its public key in the form of a "self-signed"
        // certificate, the authority key identifier MAY be omitted. [...] In this case, the subject
        // and authority key identifiers would be identical".
        self.issuer_key_id()
            .or_else(|| self.key_id().filter(|_| self.subject().matches(&self.issuer())))
    }

    fn check_names(&self) -> Result<(), CertificateError> {
        let (subject_at, issuer_at) = self.name_offsets();
        // RFC 5280 4.1.2.4: "The issuer field MUST contain a non-empty distinguished name (DN)."
        // An empty one can name nobody, so it is left to the search.
        self.issuer()
            .check(issuer_at)
            .map_err(|error| CertificateError::der(Field::Issuer, error))?;
        self.subject()
            .check(subject_at)
            .map_err(|error| CertificateError::der(Field::Subject, error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::DerErrorKind;
    use super::*;

    #[test]
    fn general_names_are_one_sequence() {
        assert!(read_general_names(&[0x30, 0x03, 0x82, 0x01, b'a'], 0).is_ok());
        let empty = read_general_names(&[0x30, 0x00], 4).unwrap_err();
        assert_eq!(empty.kind(), DerErrorKind::Empty);
        assert!(read_general_names(&[0x30, 0x03, 0x82, 0x01, b'a', 0], 0).is_err());
    }
}
