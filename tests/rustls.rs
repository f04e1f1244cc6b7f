//! Real handshakes, in memory: who gets in, who does not, and what both sides are told.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]
#![cfg(all(feature = "rustls", feature = "ring"))]

#[path = "rustls/alerts.rs"]
mod alerts;
#[path = "rustls/credentials.rs"]
mod credentials;
#[path = "rustls/foreign.rs"]
mod foreign;
mod kit;
#[path = "rustls/moving.rs"]
mod moving;
#[path = "rustls/net.rs"]
mod net;
#[path = "rustls/peers.rs"]
mod peers;
#[path = "rustls/resume.rs"]
mod resume;
#[path = "rustls/rotate.rs"]
mod rotate;

use std::io::{Read, Write};

use bonafide::policy::ValidationPolicy;
use net::*;
use rustls::HandshakeKind;

#[test]
fn both_sides_meet_and_know_whom() {
    let root = authority("Root", 0);
    for (version, versions) in VERSIONS {
        let clock = Clock::new();
        let policy = ValidationPolicy::tls_server;
        let client_live = live(trust(&[&root]), policy(), Some(Order::client().credential(&root)));
        let server_live = live(trust(&[&root]), policy(), Some(Order::server().credential(&root)));
        let client = client(&client_live, &clock).with_versions(versions).build().unwrap();
        let server = server(&server_live, &clock).with_versions(versions).build().unwrap();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (mut c, mut s, ended) = meet(&client, &server);
            assert!(ended.is_ok(), "{version}: {ended:?}");
            assert_eq!(c.common().handshake_kind(), Some(kind), "{version}");
            assert_eq!(s.common().handshake_kind(), Some(kind), "{version}");
            let peer = c.peer().unwrap();
            assert_eq!(peer.identity().dns_names().next().unwrap().to_string(), SERVER);
            let peer = s.peer().unwrap();
            assert_eq!(peer.identity().spiffe_id().unwrap().to_string(), CLIENT);

            c.writer().unwrap().write_all(b"ping").unwrap();
            assert!(exchange(&mut c, &mut s).is_ok());
            let mut buffer = [0; 4];
            s.reader().unwrap().read_exact(&mut buffer).unwrap();
            assert_eq!(&buffer, b"ping");
        }
    }
}
