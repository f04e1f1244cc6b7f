//! Suites about the status of one certificate: one revocation list, or one OCSP response.

use super::load::Misread;
use super::{Case, Judgement};

pub fn judge(case: &Case<'_>) -> Result<Judgement, Misread> {
    let expected = case.fields.object("expected")?.text("status")?;
    match case.fields.text("kind")? {
        "crl_status" | "ocsp_status" => Ok(Judgement::not_yet(expected, "revocation")),
        kind => Err(Misread::new(format!("unknown kind {kind}"))),
    }
}
