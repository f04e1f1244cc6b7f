//! A host that fetches what a decision wants for, from a server that this program starts itself.
//!
//! ```sh
//! cargo run --package bonafide-services --bin fetch
//! ```

use std::sync::Arc;
use std::time::Duration;

use bonafide::policy::{RevocationPolicy, ValidationPolicy};
use bonafide::signature::RingBackend;
use bonafide::trust::{TrustBundle, TrustStore};
use bonafide::verify::{Expect, Request, Verifier};
use bonafide_services::estate::now;
use bonafide_services::fetch::{GOOD_FOR, Host, PEER, Rules, Site};
use bonafide_services::{Failure, LIMIT, ensure, say};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tokio::time::timeout(LIMIT, story()).await?
}

async fn story() -> Result<(), Failure> {
    let begun = now();
    let site = Site::start(begun).await?;
    let anchor = site.anchor()?;
    let rules = Rules {
        hosts: vec![site.authority()],
        max_bytes: 1 << 20,
        patience: Duration::from_secs(5),
        max_fetches: 8,
    };
    let host = Host::new(rules, vec![anchor.clone()])?;
    let policy = ValidationPolicy::tls_server().with_revocation(RevocationPolicy::hard_fail());
    let trust = TrustStore::dangerously_unscoped(TrustBundle::new([anchor]));
    let verifier = Verifier::new(trust.into(), policy.into(), Arc::new(RingBackend::NEW));
    let leaf = site.leaf();
    let name = PEER.parse()?;
    let expect = Expect::name(&name);

    say(
        "host",
        "a peer presents its certificate alone; every certificate must be shown to be good",
    );
    let alone = verifier.decide(&Request::new(&leaf, &[], expect), begun);
    say("host", &format!("without fetching: {}", alone.code()));
    ensure(alone.code() == "trust.no-route", "nothing is at hand")?;

    let decision = host.decide(&verifier, &leaf, expect, begun).await;
    say("site", &format!("asked for {:?}", site.asked()));
    say("host", &format!("with what was fetched: {}", decision.code()));
    ensure(decision.is_accepted(), "the peer is accepted")?;
    ensure(site.asked().len() == 3, "issuer, list and responder were asked")?;

    let again = host.decide(&verifier, &leaf, expect, begun).await;
    ensure(
        again.is_accepted() && site.asked().values().sum::<usize>() == 3,
        "nothing is fetched twice",
    )?;
    let issuers = host.issuers();
    let request = Request::new(&leaf, &issuers, expect);
    let settled = verifier.clone().with_revocation(host.evidence());
    let blocking = settled.decide(&request, begun);
    say("host", &format!("without waiting, by the same evidence: {}", blocking.code()));
    ensure(blocking.is_accepted(), "the snapshot answers")?;
    if let Some(peer) = blocking.peer() {
        say(
            "host",
            &format!(
                "rests on {} pieces of evidence, until {}",
                peer.evidence().len(),
                peer.valid_until()
            ),
        );
    }

    site.revoke();
    let later = begun.saturating_add(GOOD_FOR + 60);
    site.set_time(later);
    say("site", "revokes the peer's certificate; an hour goes by");
    let stale = verifier.clone().with_revocation(host.evidence()).decide(&request, later);
    say("host", &format!("by the old evidence: {}", stale.code()));
    ensure(stale.code() == "revocation.stale", "evidence ends")?;
    let revoked = host.decide(&verifier, &leaf, expect, later).await;
    say("host", &format!("with what was fetched anew: {}", revoked.code()));
    ensure(revoked.code() == "revocation.revoked", "the revocation is seen")?;
    let blocking = verifier.with_revocation(host.evidence()).decide(&request, later);
    ensure(blocking.code() == "revocation.revoked", "by those who do not wait too")?;
    say("host", "those who do not wait see it too");
    Ok(())
}
