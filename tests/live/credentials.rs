//! One's own credentials, published together with trust.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bonafide::credential::{
    Credential, CredentialChecks, EventQueue, Selection, SoftwareKey, Update,
};
use bonafide::live::{Advice, Live, Part, Publication, Published};
use bonafide::signature::default_backend;
use rustls_pki_types::CertificateDer;

use super::world::{Ca, Peer, anybody, at, bundle, live, policy, spiffe, uri};

fn credential(peer: &Peer) -> Credential {
    let key = SoftwareKey::from_der(&peer.key.pkcs8().unwrap()).unwrap();
    let policy = policy();
    let checks = CredentialChecks::new(&policy, default_backend(), at(0));
    let leaf: &CertificateDer<'_> = &peer.chain[0];
    checks.check(std::slice::from_ref(leaf), Arc::new(key)).unwrap()
}

fn own(ca: &Ca, serial: u16) -> Credential {
    credential(&ca.peer(serial, &[uri("spiffe://a.test/me")]))
}

/// The number of the certificate presented and the first octets of the anchor trusted.
fn state(live: &Live) -> (Option<Vec<u8>>, Vec<[u8; 32]>) {
    let snapshot = live.snapshot();
    let own = snapshot.credentials().choose(Selection::ANY, at(0));
    let serial = own.map(|own| own.chain()[0].as_certificate().serial_number().to_vec());
    let domain = snapshot.verifier().trust().domain("a.test").unwrap();
    (serial, domain.bundle().anchors().map(|anchor| *anchor.fingerprint()).collect())
}

#[test]
fn credentials_and_trust_change_together_or_not_at_all() {
    let (first, second) = (Ca::new(1), Ca::new(2));
    let (live, _) = live([spiffe("a.test", &[&first])]);
    let queue = Arc::new(EventQueue::with_capacity(10));
    assert_eq!(live.subscribe_credentials(&queue).epoch(), 0);
    let both = |ca: &Ca, serial| {
        let update = Update::complete([own(ca, serial)]);
        Publication::new().bundle("a.test", bundle(&[ca])).credentials(update)
    };
    let published = live.publish(both(&first, 1), at(0)).unwrap();
    assert_eq!(published.changed(), [], "the bundle is the same");
    assert_eq!((published.epoch(), published.credentials().len()), (1, 2));
    assert_eq!(live.snapshot().epoch_of(&Part::Credentials), Some(1));
    let before = state(&live);

    // The name of the case, what is published, why it is refused.
    let expired = own(&second, 2);
    let late = live.publish(
        Publication::new()
            .bundle("a.test", bundle(&[&second]))
            .credentials(Update::complete([expired])),
        at(i64::MAX / 4),
    );
    assert_eq!(late.unwrap_err().code(), "credential.expired");
    let torn = both(&second, 2).without_domain("nobody.test");
    assert_eq!(live.publish(torn, at(0)).unwrap_err().code(), "publish.unknown-domain");
    assert_eq!((state(&live), live.snapshot().epoch()), (before, 1));
    let names: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|event| event.name()).collect();
    let attached = "credential.event.attached-changed";
    let installed = ["credential.event.installed", "credential.event.default-changed", attached];
    assert_eq!(names, [&installed[..], &["credential.event.failed"]].concat());

    live.publish(both(&second, 2), at(0)).unwrap();
    assert_eq!(state(&live), (Some(vec![1, 0, 2]), vec![*second.anchor().fingerprint()]));
}

#[test]
fn who_reads_sees_one_publication() {
    let cas = [Ca::new(1), Ca::new(2)];
    let (live, _) = live([spiffe("a.test", &[&cas[0]])]);
    let publish = |number: usize| {
        let ca = &cas[number];
        let update = Update::complete([own(ca, u16::try_from(number).unwrap())]);
        let publication = Publication::new()
            .bundle("a.test", bundle(&[ca]))
            .credentials(update.dangerously_allow_rollback());
        live.publish(publication, at(0)).unwrap();
    };
    publish(0);
    let expected = [0_u8, 1].map(|number| {
        let anchor = *cas[usize::from(number)].anchor().fingerprint();
        (Some(vec![1, 0, number]), vec![anchor])
    });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let (mut epoch, mut seen) = (0, 0_u64);
                while !done.load(Ordering::Relaxed) {
                    assert!(expected.contains(&state(&live)));
                    let next = live.snapshot().epoch();
                    assert!(next >= epoch, "epochs only grow");
                    (epoch, seen) = (next, seen + 1);
                }
                seen
            })
        });
        for number in 0..200 {
            publish(number % 2);
        }
        done.store(true, Ordering::Relaxed);
        assert!(readers.map(|reader| reader.join().unwrap()).iter().all(|seen| *seen > 0));
    });
    assert_eq!(live.snapshot().epoch(), 201);
}

/// Sessions in which a credential was presented that is replaced or withdrawn.
#[test]
fn sessions_learn_of_ones_own_credentials() {
    let ca = Ca::new(1);
    let (live, _) = live([spiffe("a.test", &[&ca])]);
    let install = |serial| Publication::new().credentials(Update::install(own(&ca, serial)));
    live.publish(install(1), at(0)).unwrap();
    let peer = ca.peer(9, &[uri("spiffe://a.test/peer")]).accept(&live, &anybody(), at(0));
    let snapshot = live.snapshot();
    let mine = snapshot.credentials().choose(Selection::ANY, at(0)).unwrap();
    let presented = live.register(&peer, Some(mine), at(0)).unwrap();
    let anonymous = live.register(&peer, None, at(0)).unwrap();
    let advice = |published: &Published| -> Vec<_> {
        published.affected().iter().map(|a| (a.session, a.advice, a.cause)).collect()
    };
    let published = live.publish(install(2), at(0)).unwrap();
    let by = Advice::CloseBy(mine.valid_until());
    assert_eq!(advice(&published), [(presented.id(), by, "credential.event.replaced")]);
    assert_eq!(published.fence(), 0, "nothing is taken from peers");
    assert!(anonymous.ask(at(1)).is_current() && presented.ask(at(1)).is_current());

    let snapshot = live.snapshot();
    let mine = snapshot.credentials().choose(Selection::ANY, at(0)).unwrap();
    let presented = live.register(&peer, Some(mine), at(0)).unwrap();
    let withdraw = Publication::new().credentials(Update::withdraw(mine.clone()));
    let before = snapshot.epoch_of(&Part::Credentials).unwrap();
    let published = live.publish(withdraw, at(0)).unwrap();
    // A withdrawal changes them as well: the epoch of a part only grows.
    assert!(live.snapshot().epoch_of(&Part::Credentials).unwrap() > before);
    let expected = [(presented.id(), Advice::Close, "credential.event.withdrawn")];
    assert_eq!(advice(&published), expected);
    assert!(live.snapshot().credentials().is_empty());
    assert_eq!(live.draining().len(), 2, "both are still held here");
}
