//! Cost over path length, names and constraints, as a picture: `cargo bench --bench versus -- --plot FILE`.
//!
//! Own work without crypto, medians of interleaved rounds of one run. The picture shows that each grows
//! in a straight line; microseconds are those of the machine that drew it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bonafide::policy::ValidationPolicy;
use bonafide::trust::{Domain, Scope, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide::x509::Time;
use rustls_pki_types::CertificateDer;

use crate::contenders::NoCrypto;
use crate::harness::{Contender, race};
use crate::kit::{Authority, GeneralName, Key, Kind, NOW, Name, ext};

/// One panel: what is counted, and the cost of a decision for each count.
struct Panel {
    title: &'static str,
    points: Vec<(usize, f64)>,
}

/// A chain of so many intermediates, names and constraints, and who judges it.
struct Case {
    verifier: Verifier,
    leaf: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Case {
    fn new(intermediates: usize, names: usize, constraints: usize) -> Self {
        let mut authority = Authority::root(&Name::cn("Root"), &Key::new(Kind::Ed25519, 0));
        let anchor = TrustAnchor::from_der(&authority.certificate).unwrap();
        let mut chain = Vec::new();
        for number in 0..intermediates {
            let key = Key::new(Kind::Ed25519, 1 + number as u64);
            let name = Name::cn(&format!("Intermediate {number}"));
            authority = authority.intermediate(&name, &key, |builder| {
                if number > 0 || constraints == 0 {
                    return builder;
                }
                let permitted = [GeneralName::dns("example.test")];
                let excluded: Vec<_> = (1..constraints)
                    .map(|number| GeneralName::dns(&format!("x{number}.example.test")))
                    .collect();
                builder.with(ext::name_constraints(&permitted, &excluded))
            });
            chain.insert(0, CertificateDer::from(authority.certificate.clone()));
        }
        let names: Vec<_> =
            (0..names).map(|number| GeneralName::dns(&format!("n{number}.example.test"))).collect();
        let key = Key::new(Kind::Ed25519, 99);
        let leaf = authority.leaf(&Name::cn("leaf"), &key, &names, |builder| builder);
        let scope = Scope::dns("example.test").unwrap();
        let domain = Domain::named("ours", [scope], TrustBundle::new([anchor]));
        let trust = Arc::new(TrustStore::new([domain]).unwrap());
        let policy = Arc::new(ValidationPolicy::tls_client());
        let verifier = Verifier::new(trust, policy, Arc::new(NoCrypto));
        Case { verifier, leaf: CertificateDer::from(leaf), intermediates: chain }
    }

    fn decide(&self) -> bool {
        let request =
            Request::new(&self.leaf, &self.intermediates, Expect::dangerously_any_identity());
        let decision = self.verifier.decide(&request, Time::from_unix(NOW));
        assert!(decision.is_accepted(), "{}", decision.explain());
        decision.is_accepted()
    }
}

fn panel(title: &'static str, counts: &[usize], make: impl Fn(usize) -> Case) -> Panel {
    let cases: Vec<Case> = counts.iter().map(|&count| make(count)).collect();
    let mut contenders: Vec<Contender<'_>> =
        cases.iter().map(|case| Contender::new(title, || case.decide())).collect();
    let samples = race(&mut contenders, 301, Duration::from_micros(400));
    let micros = (0..counts.len()).map(|place| samples.median(place) / 1e3);
    Panel { title, points: counts.iter().copied().zip(micros).collect() }
}

/// Measures and draws.
pub fn svg() -> String {
    let panels = [
        panel("intermediates (1 name)", &[1, 2, 3, 4, 6, 8, 12, 16], |n| Case::new(n, 1, 0)),
        panel("names (1 constraint)", &[1, 25, 50, 100, 150, 200], |n| Case::new(1, n, 1)),
        panel("constraints (10 names)", &[1, 25, 50, 100, 150, 200], |n| Case::new(1, 10, n)),
    ];
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"300\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"960\" height=\"300\" fill=\"white\"/>\n\
         <text x=\"20\" y=\"20\">One decision without crypto, in microseconds</text>\n",
    );
    for (at, panel) in panels.iter().enumerate() {
        draw(&mut out, panel, 60.0 + 310.0 * at as f64);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel, left: f64) {
    const WIDTH: f64 = 230.0;
    const HEIGHT: f64 = 190.0;
    const BOTTOM: f64 = 240.0;
    let most = panel.points.iter().map(|point| point.0).max().unwrap_or(1) as f64;
    let dearest = panel.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let place = |&(count, cost): &(usize, f64)| {
        (left + WIDTH * count as f64 / most, BOTTOM - HEIGHT * cost / dearest)
    };
    let line: Vec<String> =
        panel.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let right = left + WIDTH;
    let top = BOTTOM - HEIGHT;
    write!(
        out,
        "<path d=\"M{left} {top}V{BOTTOM}H{right}\" fill=\"none\" stroke=\"black\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"steelblue\" stroke-width=\"2\"/>\n\
         <text x=\"{left}\" y=\"275\">{}</text>\n\
         <text x=\"{right}\" y=\"256\" text-anchor=\"end\">{most}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{dearest:.1}</text>\n",
        line.join(" "),
        panel.title,
        left - 4.0,
        top + 10.0
    )
    .unwrap();
    for (x, y) in panel.points.iter().map(place) {
        writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"steelblue\"/>").unwrap();
    }
}
