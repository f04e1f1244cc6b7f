//! Resumption: 77-minute certificates, connections every five hours, for thirty days.
//!
//! rustls alone resumes all through. Each side on its own, against a peer of plain rustls, refuses at
//! the first attempt after expiry, revocation or the removal of the authority, with the right alert.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bonafide::credential::Update;
use bonafide::live::{Live, Publication};
use bonafide::policy::ValidationPolicy;
use bonafide::revocation::{Denied, DenyRule};
use bonafide::rustls::{ClientEndpoint, Connection, ConnectionError, ServerEndpoint};
use bonafide::signature::{Message, PublicKey, RingBackend, SignatureBackend, SignatureError};
use bonafide::x509::AlgorithmIdentifier;
use rustls::server::ProducesTickets;
use rustls::{
    AlertDescription as Alert, Error, HandshakeKind, ServerConfig, SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};

use crate::foreign;
use crate::kit::{Authority, Key, Kind, NOW};
use crate::net::{End as _, *};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const LIFE: i64 = 77 * MINUTE;

type Versions = &'static [&'static SupportedProtocolVersion];

/// Where a server keeps its sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    InStore,
    InTickets,
}

fn combinations() -> impl Iterator<Item = (String, Versions, Kept)> {
    VERSIONS.into_iter().flat_map(|(version, versions)| {
        [Kept::InStore, Kept::InTickets]
            .map(|kept| (format!("{version}, sessions {kept:?}"), versions, kept))
    })
}

fn ticketer() -> Arc<dyn ProducesTickets> {
    rustls::crypto::ring::Ticketer::new().unwrap()
}

/// What ends a peer's welcome.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Expiry,
    Revocation,
    RootRemoval,
}

impl End {
    const ALL: [Self; 3] = [Self::Expiry, Self::Revocation, Self::RootRemoval];

    fn alert(self) -> Alert {
        match self {
            Self::Expiry => Alert::CertificateExpired,
            Self::Revocation => Alert::CertificateRevoked,
            Self::RootRemoval => Alert::UnknownCA,
        }
    }

    /// The order of the peer: one that expires, or one that does not.
    fn limit(self, mut order: Order) -> Order {
        if self == Self::Expiry {
            order.validity = (NOW - MINUTE, NOW - MINUTE + LIFE);
        }
        order
    }

    /// Puts the end in force, but for time, which does it by itself.
    fn strike(self, live: &Live, peer: &Order, clock: &Clock) {
        let publication = match self {
            Self::Expiry => return,
            Self::Revocation => {
                let spki = Sha256::digest(peer.key.spki()).into();
                Publication::new().deny([DenyRule::new(Denied::Key { spki })])
            }
            Self::RootRemoval => {
                let other = authority("Other Root", 1);
                Publication::new().bundle("example.test", bundle(&[&other]))
            }
        };
        live.publish(publication, clock.now()).unwrap();
    }
}

/// Counts what the backend is asked.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicUsize);

impl SignatureBackend for Counting {
    fn verify(
        &self,
        key: PublicKey<'_>,
        algorithm: AlgorithmIdentifier<'_>,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        RingBackend::NEW.verify(key, algorithm, message, signature)
    }
}

impl Counting {
    /// How many since the last time.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn our_server(live: &Live, clock: &Clock, versions: Versions, kept: Kept) -> Arc<ServerEndpoint> {
    let builder = server(live, clock).with_versions(versions);
    let builder = if kept == Kept::InTickets { builder.with_ticketer(ticketer()) } else { builder };
    builder.build().unwrap()
}

fn plain_server(
    root: &Authority,
    order: &Order,
    clock: &Clock,
    versions: Versions,
    kept: Kept,
) -> Arc<ServerConfig> {
    let presents = foreign::certified(&ring(), &[order.issue(root)], &order.key);
    let mut config = foreign::server_config(ring(), presents, clock, versions);
    if kept == Kept::InTickets {
        config.ticketer = ticketer();
    }
    Arc::new(config)
}

/// The times of thirty days at which the peer comes again.
fn returns() -> impl Iterator<Item = i64> {
    (1..).map(|n| NOW + n * 5 * HOUR).take_while(|time| *time <= NOW + 30 * DAY)
}

#[test]
fn plain_rustls_resumes_for_thirty_days() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        let clock = Clock::new();
        let [mine, theirs] = [Order::client(), Order::server()].map(|o| End::Expiry.limit(o));
        let server = plain_server(&root, &theirs, &clock, versions, kept);
        let presents = foreign::certified(&ring(), &[mine.issue(&root)], &mine.key);
        let client = foreign::client_config(ring(), Some(presents), &clock, versions);
        let client = Arc::new(client);
        let mut kinds = Vec::new();
        for time in std::iter::once(NOW).chain(returns()) {
            clock.set(time);
            let (mut c, mut s) = (foreign::connect(&client), foreign::accept(&server));
            assert!(exchange(&mut c, &mut s).is_ok(), "{what}");
            kinds.push(c.handshake_kind().unwrap());
        }
        assert_eq!((kinds.len(), kinds[0]), (145, HandshakeKind::Full), "{what}");
        assert!(kinds[1..].iter().all(|kind| *kind == HandshakeKind::Resumed), "{what}");
    }
}

#[test]
fn a_server_refuses_at_the_first_attempt() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        for end in End::ALL {
            let what = format!("{what}, {end:?}");
            let clock = Clock::new();
            let count = Arc::new(Counting::default());
            let own = Some(Order::server().credential(&root));
            let live =
                live_with(count.clone(), trust(&[&root]), ValidationPolicy::tls_client(), own);
            let server = our_server(&live, &clock, versions, kept);
            let order = end.limit(Order::client());
            let presents = foreign::certified(&ring(), &[order.issue(&root)], &order.key);
            let client = foreign::client_config(ring(), Some(presents), &clock, versions);
            let client = Arc::new(client);
            count.take();
            let come = || {
                let (mut c, mut s) = (foreign::connect(&client), server.accept().unwrap());
                let ended = exchange(&mut c, &mut s);
                (ended, s.peer().is_some(), s.common().handshake_kind(), count.take())
            };

            let (ended, peer, kind, full) = come();
            assert!(ended.is_ok() && peer, "{what}: {ended:?}");
            assert_eq!(kind, Some(HandshakeKind::Full), "{what}");
            for _ in 0..3 {
                clock.advance(20 * MINUTE);
                let (ended, peer, kind, resumed) = come();
                assert!(ended.is_ok() && peer, "{what}: {ended:?}");
                assert_eq!(kind, Some(HandshakeKind::Resumed), "{what}");
                // The chain and the handshake; nothing.
                assert_eq!((full, resumed), (2, 0), "{what}");
            }

            end.strike(&live, &order, &clock);
            for time in returns() {
                clock.set(time);
                let (ended, peer, _, _) = come();
                assert_eq!((ended.alert(), peer), (Some(end.alert()), false), "{what}");
                assert!(matches!(ended.server, Err(ConnectionError::Tls(_))), "{what}");
            }
        }
    }
}

#[test]
fn a_client_refuses_at_the_first_attempt() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        for end in End::ALL {
            let what = format!("{what}, {end:?}");
            let clock = Clock::new();
            let order = end.limit(Order::server());
            let server = plain_server(&root, &order, &clock, versions, kept);
            let count = Arc::new(Counting::default());
            let own = Some(Order::client().credential(&root));
            let live =
                live_with(count.clone(), trust(&[&root]), ValidationPolicy::tls_server(), own);
            let client = client(&live, &clock).with_versions(versions).build().unwrap();
            count.take();
            let come = || {
                let (mut c, mut s) = (client.connect(name()).unwrap(), foreign::accept(&server));
                let ended = exchange(&mut c, &mut s);
                (ended, c.peer().is_some(), c.common().handshake_kind(), count.take())
            };

            let (ended, peer, kind, full) = come();
            assert!(ended.is_ok() && peer, "{what}: {ended:?}");
            assert_eq!(kind, Some(HandshakeKind::Full), "{what}");
            for _ in 0..3 {
                clock.advance(20 * MINUTE);
                let (ended, peer, kind, resumed) = come();
                assert!(ended.is_ok() && peer, "{what}: {ended:?}");
                assert_eq!(kind, Some(HandshakeKind::Resumed), "{what}");
                assert_eq!((full, resumed), (2, 0), "{what}");
            }

            end.strike(&live, &order, &clock);
            for time in returns() {
                clock.set(time);
                let (ended, peer, _, _) = come();
                assert_eq!((ended.alert(), peer), (Some(end.alert()), false), "{what}");
            }
        }
    }
}

/// Whose certificates are renewed every 35 minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Renewing {
    Both,
    TheServer,
}

#[test]
fn renewed_certificates_never_fail_and_old_sessions_never_outlive_theirs() {
    let root = authority("Root", 0);
    let all = combinations().flat_map(|(what, versions, kept)| {
        [Renewing::Both, Renewing::TheServer]
            .map(|who| (format!("{what}, {who:?}"), versions, kept, who))
    });
    for (what, versions, kept, who) in all {
        let clock = Clock::new();
        // Keys differ, so that the ends of what is presented are told apart.
        let renewed = |mut order: Order, number: i64| {
            order.validity = (NOW + number * 35 * MINUTE, NOW + number * 35 * MINUTE + LIFE);
            order
        };
        let credential = |order: &Order| Some(order.credential(&root));
        let mine = match who {
            Renewing::Both => renewed(Order::client(), 0),
            Renewing::TheServer => Order::client(),
        };
        let theirs = renewed(Order::server(), 0);
        let mine = live(trust(&[&root]), ValidationPolicy::tls_server(), credential(&mine));
        let theirs = live(trust(&[&root]), ValidationPolicy::tls_client(), credential(&theirs));
        let client: Arc<ClientEndpoint> =
            client(&mine, &clock).with_versions(versions).build().unwrap();
        let server = our_server(&theirs, &clock, versions, kept);
        let (mut resumed, mut number) = (0, 0);
        // A session lives as long as the certificates that it began with, and ends where the client
        // has a new one.
        let mut session = None;
        for step in 0..(12 * 6) {
            clock.set(NOW + step * 10 * MINUTE);
            if (clock.seconds() - NOW) / (35 * MINUTE) > number {
                number = (clock.seconds() - NOW) / (35 * MINUTE);
                let renew = |live: &Live, order| {
                    let update = Update::install(renewed(order, number).credential(&root));
                    live.publish(Publication::new().credentials(update), clock.now()).unwrap();
                };
                renew(&theirs, Order::server());
                if who == Renewing::Both {
                    renew(&mine, Order::client());
                    session = None;
                }
            }
            let (c, s, ended) = meet(&client, &server);
            assert!(ended.is_ok(), "{what}, step {step}: {ended:?}");
            for peer in [c.peer().unwrap(), s.peer().unwrap()] {
                let leaf = peer.path().end_entity().unwrap();
                assert!(leaf.not_after() >= clock.now(), "{what}, step {step}");
            }
            let kind = s.common().handshake_kind().unwrap();
            let expected = match session {
                Some(until) if clock.seconds() <= until => HandshakeKind::Resumed,
                _ => HandshakeKind::Full,
            };
            assert_eq!(kind, expected, "{what}, step {step}");
            match kind {
                HandshakeKind::Resumed => resumed += 1,
                _ => session = Some(NOW + number * 35 * MINUTE + LIFE),
            }
        }
        assert!((50..70).contains(&resumed), "{what}: {resumed} of 72 were resumed");
    }
}

#[test]
fn no_session_speaks_for_a_credential_that_was_withdrawn() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        let clock = Clock::new();
        let theirs = Some(Order::server().credential(&root));
        let theirs = live(trust(&[&root]), ValidationPolicy::tls_client(), theirs);
        let server = our_server(&theirs, &clock, versions, kept);
        let old = Order::client();
        let new = Order { key: Key::new(Kind::P256, 2), ..Order::client() };
        let own = Some(old.credential(&root));
        let mine = live(trust(&[&root]), ValidationPolicy::tls_server(), own);
        let replace = || {
            let update = Update::install(new.credential(&root));
            mine.publish(Publication::new().credentials(update), clock.now()).unwrap();
        };
        let client = client(&mine, &clock).with_versions(versions).build().unwrap();
        let seen = |s: &Connection| {
            let peer = s.peer().unwrap();
            let leaf = peer.path().end_entity().unwrap();
            let key = leaf.subject_public_key_info().unwrap().key();
            let is_new = new.key.spki().ends_with(key);
            (s.common().handshake_kind().unwrap(), is_new)
        };
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (_, s, ended) = meet(&client, &server);
            assert!(ended.is_ok(), "{what}: {ended:?}");
            assert_eq!(seen(&s), (kind, false), "{what}");
        }

        // One connection is under way while the credential is replaced, another resumes: what they
        // bring in is not kept.
        let fresh = self::client(&mine, &clock).with_versions(versions).build().unwrap();
        for (case, client) in [("full", &fresh), ("resumed", &client)] {
            let (mut c, mut s) = (client.connect(name()).unwrap(), server.accept().unwrap());
            assert!(s.pull(&c.push()).is_ok(), "{what}, {case}");
            replace();
            let ended = exchange(&mut c, &mut s);
            assert!(ended.is_ok(), "{what}, {case}: {ended:?}");
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                let (_, s, ended) = meet(client, &server);
                assert!(ended.is_ok(), "{what}, {case}: {ended:?}");
                assert_eq!(seen(&s), (kind, true), "{what}, {case}");
            }
        }

        // What is published beside them ends no session.
        let rule = DenyRule::new(Denied::Key { spki: [1; 32] });
        let other =
            Publication::new().bundle("example.test", bundle(&[&root, &authority("Other", 1)]));
        mine.publish(other, clock.now()).unwrap();
        assert_eq!(seen(&meet(&client, &server).1), (HandshakeKind::Resumed, true), "{what}");
        mine.publish(Publication::new().deny([rule]), clock.now()).unwrap();
        assert_eq!(seen(&meet(&client, &server).1), (HandshakeKind::Full, true), "{what}");
    }
}

#[test]
fn a_session_that_was_judged_before_the_fence_moved_is_not_kept() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        let clock = Clock::new();
        let own = |order: Order| Some(order.credential(&root));
        let mine = live(trust(&[&root]), ValidationPolicy::tls_server(), own(Order::client()));
        let theirs = live(trust(&[&root]), ValidationPolicy::tls_client(), own(Order::server()));
        let client = client(&mine, &clock).with_versions(versions).build().unwrap();
        let server = our_server(&theirs, &clock, versions, kept);
        let mut kinds = Vec::new();
        for step in 0..6 {
            if step == 2 || step == 4 {
                // Whom it names is a stranger; resumption begins anew all the same.
                let rule = DenyRule::new(Denied::Key { spki: [step; 32] });
                let live = if step == 2 { &mine } else { &theirs };
                live.publish(Publication::new().deny([rule]), clock.now()).unwrap();
            }
            let (_, s, ended) = meet(&client, &server);
            assert!(ended.is_ok(), "{what}: {ended:?}");
            kinds.push(s.common().handshake_kind().unwrap() == HandshakeKind::Resumed);
        }
        assert_eq!(kinds, [false, true, false, true, false, true], "{what}");
    }
}

#[test]
fn early_data_stays_off_and_plain_configurations_do_not_resume() {
    let root = authority("Root", 0);
    for (what, versions, _) in combinations() {
        let clock = Clock::new();
        let own = |order: Order| Some(order.credential(&root));
        let mine = live(trust(&[&root]), ValidationPolicy::tls_server(), own(Order::client()));
        let theirs = live(trust(&[&root]), ValidationPolicy::tls_client(), own(Order::server()));
        let client = client(&mine, &clock)
            .with_versions(versions)
            .configure(|config| {
                config.enable_early_data = true;
                config.alpn_protocols = vec![b"h2".to_vec()];
            })
            .build()
            .unwrap();
        let server = server(&theirs, &clock)
            .with_versions(versions)
            .with_ticketer(ticketer())
            .configure(|config| {
                config.max_early_data_size = 1000;
                config.send_half_rtt_data = true;
                config.send_tls13_tickets = 4;
                config.alpn_protocols = vec![b"h2".to_vec()];
            })
            .build()
            .unwrap();
        assert!(!client.config().enable_early_data, "{what}");
        assert!(!client.dangerously_resuming_config().enable_early_data, "{what}");
        let configs = [server.config(), server.dangerously_resuming_config().unwrap()];
        assert!(configs.iter().all(|c| c.max_early_data_size == 0 && !c.send_half_rtt_data));

        for (client_config, server_config, kinds) in [
            (client.config(), server.config(), [HandshakeKind::Full; 2]),
            (client.dangerously_resuming_config(), server.config(), [HandshakeKind::Full; 2]),
            (client.config(), configs[1].clone(), [HandshakeKind::Full; 2]),
            (
                client.dangerously_resuming_config(),
                configs[1].clone(),
                [HandshakeKind::Full, HandshakeKind::Resumed],
            ),
        ] {
            for kind in kinds {
                let mut c = foreign::connect(&client_config);
                let mut s = foreign::accept(&server_config);
                assert!(exchange(&mut c, &mut s).is_ok(), "{what}");
                assert_eq!(c.handshake_kind(), Some(kind), "{what}");
                assert_eq!(c.alpn_protocol(), Some(&b"h2"[..]), "{what}");
                assert!(client.verified_peer(&c, &name()).is_ok(), "{what}");
                assert!(server.verified_peer(&s).unwrap().is_some(), "{what}");
            }
        }
    }
}

#[test]
fn a_shared_configuration_that_resumes_leaves_expiry_to_whoever_judges() {
    let root = authority("Root", 0);
    for (what, versions, kept) in combinations() {
        let clock = Clock::new();
        let own = Some(Order::server().credential(&root));
        let live = live(trust(&[&root]), ValidationPolicy::tls_client(), own);
        let server = our_server(&live, &clock, versions, kept);
        let config = server.dangerously_resuming_config().unwrap();
        let order = End::Expiry.limit(Order::client());
        let presents = foreign::certified(&ring(), &[order.issue(&root)], &order.key);
        let client = foreign::client_config(ring(), Some(presents), &clock, versions);
        let client = Arc::new(client);
        let come = || {
            let (mut c, mut s) = (foreign::connect(&client), foreign::accept(&config));
            let ended = exchange(&mut c, &mut s);
            (ended, server.verified_peer(&s), s.handshake_kind())
        };
        let (ended, peer, _) = come();
        assert!(ended.is_ok() && peer.unwrap().is_some(), "{what}");
        clock.advance(2 * HOUR);
        let (ended, peer, kind) = come();
        assert!(ended.is_ok(), "{what}");
        assert_eq!(kind, Some(HandshakeKind::Resumed), "{what}");
        let error = peer.unwrap_err();
        assert_eq!(error.code(), "validity.expired", "{what}");
        let error = Error::from(error).to_string();
        assert!(error.starts_with("invalid peer certificate: certificate expired"), "{error}");

        // What the fence can know, it knows here too.
        End::RootRemoval.strike(&live, &order, &clock);
        clock.set(NOW + MINUTE);
        let (ended, _, _) = come();
        assert_eq!(ended.alert(), Some(Alert::UnknownCA), "{what}");
    }
}
