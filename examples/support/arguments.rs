//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use bonafide::identity::ExpectedName;
use bonafide::policy::{Profile, Purpose};
use bonafide::x509::Time;

use super::unusable::Unusable;

pub(crate) const USAGE: &str = "\
usage: decide                                   shows five peers of an estate made in memory
       decide --anchors A.pem --chain C.pem     decides real files, PEM or DER, peer's own first
              [--time 2026-11-21T08:00:00Z]     default: the system clock
              [--profile NAME]                  default: tls_server; also tls_client, spiffe,
                                                spiffe_minimal, device, rfc5280, rfc5280_strict,
                                                cabf_strict
              [--purpose serverAuth|clientAuth|any|OID]
                                                default: that of the profile
              [--name dns:… | ip:… | email:… | uri:… | spiffe://…]
                                                every one must be the peer's; default: any identity
              [--json]                          prints the audit record (feature serde)
exit:  0 accepted, 1 rejected, 2 unusable input";

/// What the command line asks for.
pub(crate) enum Command {
    Demonstrate,
    Help,
    Decide(Box<Arguments>),
}

pub(crate) struct Arguments {
    pub(crate) anchors: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) time: Option<Time>,
    pub(crate) profile: Profile,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) names: Vec<ExpectedName>,
    pub(crate) json: bool,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, Unusable> {
        let mut arguments = arguments.peekable();
        if arguments.peek().is_none() {
            return Ok(Self::Demonstrate);
        }
        let (mut anchors, mut chain, mut time, mut profile, mut purpose) =
            (None, None, None, None, None);
        let (mut names, mut json) = (Vec::new(), false);
        while let Some(option) = arguments.next() {
            let option = text(option)?;
            let mut value =
                || arguments.next().ok_or_else(|| Unusable::NoValue { option: option.clone() });
            match option.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--json" => json = true,
                "--anchors" => once(&option, &mut anchors, PathBuf::from(value()?))?,
                "--chain" => once(&option, &mut chain, PathBuf::from(value()?))?,
                "--time" => {
                    let given = text(value()?)?;
                    let parsed = given.parse().map_err(|error| Unusable::Time { given, error })?;
                    once(&option, &mut time, parsed)?;
                }
                "--profile" => {
                    let given = text(value()?)?;
                    let parsed = Profile::from_name(&given).ok_or(Unusable::Profile { given })?;
                    once(&option, &mut profile, parsed)?;
                }
                "--purpose" => once(&option, &mut purpose, parse_purpose(text(value()?)?)?)?,
                "--name" => {
                    let given = text(value()?)?;
                    let parsed = given.parse().map_err(|error| Unusable::Name { given, error })?;
                    names.push(parsed);
                }
                _ => return Err(Unusable::UnknownOption { option }),
            }
        }
        Ok(Self::Decide(Box::new(Arguments {
            anchors: anchors.ok_or(Unusable::Missing { option: "--anchors" })?,
            chain: chain.ok_or(Unusable::Missing { option: "--chain" })?,
            time,
            profile: profile.unwrap_or(Profile::TlsServer),
            purpose,
            names,
            json,
        })))
    }
}

fn text(argument: OsString) -> Result<String, Unusable> {
    argument.into_string().map_err(|argument| Unusable::NotText { argument })
}

fn once<T>(option: &str, place: &mut Option<T>, value: T) -> Result<(), Unusable> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Unusable::Twice { option: option.to_owned() }),
    }
}

fn parse_purpose(given: String) -> Result<Purpose, Unusable> {
    Ok(match given.as_str() {
        "any" => Purpose::Any,
        "serverAuth" => Purpose::ServerAuth,
        "clientAuth" => Purpose::ClientAuth,
        _ => Purpose::Other(given.parse().map_err(|error| Unusable::Purpose { given, error })?),
    })
}
