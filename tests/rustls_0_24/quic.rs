//! QUIC: a server's handshake is suspended at the client's certificates while a list is fetched.

use std::collections::VecDeque;
use std::sync::Arc;

use bonafide::live::LivePeer;
use bonafide::rustls_0_24::Progress;
use rustls_0_24::error::AlertDescription;
use rustls_0_24::quic::{Quic, QuicEvent, ServerHandshake, Version};
use rustls_0_24::{ClientSide, Connection, Error, SliceInput};

use crate::net::*;
use crate::{Ends, same, server_name};

/// The messages of these events, in order; each stands on one level of encryption.
fn messages(events: impl IntoIterator<Item = QuicEvent>) -> impl Iterator<Item = Vec<u8>> {
    events.into_iter().filter_map(|event| match event {
        QuicEvent::Message(octets) => Some(octets),
        _ => None,
    })
}

/// The handshake of a server whose verifier fetches `list` when asked; how often it was asked.
fn shake_hands(pki: &Pki, ends: &Ends, revoked: &[u8]) -> (usize, Result<LivePeer, Error>) {
    let mut client: Connection<ClientSide, Quic> = Arc::new(ends.client_config.clone())
        .connect(server_name())
        .build_quic(Version::V1, b"client".to_vec())
        .unwrap();
    let server_config = Arc::new(ends.server_config.clone());
    let mut state = ServerHandshake::NeedsInput(ServerHandshake::start(Version::V1));
    let mut to_server: VecDeque<Vec<u8>> = messages(client.events()).collect();
    let (mut needs, mut expected) = (0, None);
    loop {
        let mut events = Vec::new();
        state = match state {
            ServerHandshake::NeedsInput(waiting) => {
                let mut octets = to_server.pop_front().unwrap();
                let mut input = SliceInput::new(&mut octets);
                let next = waiting.process(&mut input, &mut events).unwrap();
                let used = input.into_used();
                // What stands behind the certificates waits with the handshake.
                if used < octets.len() {
                    to_server.push_front(octets.split_off(used));
                }
                next
            }
            ServerHandshake::Accepted(accepted) => {
                let config = server_config.clone();
                accepted.choose_config(config, b"server".to_vec(), &mut events).unwrap()
            }
            ServerHandshake::VerifyClientIdentity(stopped) => {
                let mut suspended = ends.server.suspend_quic(stopped);
                while let Progress::Needs(_) = suspended.step().unwrap() {
                    needs += 1;
                    assert!(needs < 8);
                    suspended.supply([pki.list(2, revoked)]);
                }
                match suspended.resume(&mut events) {
                    Ok((next, peer)) => {
                        expected = Some(peer);
                        next
                    }
                    Err(error) => return (needs, Err(error)),
                }
            }
            ServerHandshake::Complete(connection) => {
                assert_eq!(connection.quic_transport_parameters(), Some(&b"client"[..]));
                let expected = expected.unwrap();
                return (needs, Ok(expected.verified_peer(&connection, pki.clock.unix()).unwrap()));
            }
            other => panic!("{other:?}"),
        };
        for mut octets in messages(events) {
            client.read_hs(&mut SliceInput::new(&mut octets)).unwrap();
            to_server.extend(messages(client.events()));
        }
    }
}

#[test]
fn a_server_of_quic_waits_for_evidence() {
    let pki = Pki::new();
    let (server, client) = (pki.leaf(SERVER, 10, same), pki.leaf(CLIENT, 11, same));
    let [_, (_, provider)] = versions();
    // Only the server asks about revocation.
    let ends = || {
        let mut ends = Ends::new(&pki, &provider, Pki::strict, &server, &client);
        let lenient = Ends::new(&pki, &provider, Pki::lenient, &server, &client);
        ends.client_config = lenient.client_config;
        ends
    };
    let (needs, peer) = shake_hands(&pki, &ends(), &[]);
    assert!(needs > 0);
    assert!(peer.unwrap().identity().to_string().contains(CLIENT));

    let ends = ends();
    let (needs, refused) = shake_hands(&pki, &ends, &[11]);
    let error = refused.unwrap_err();
    assert_eq!(AlertDescription::try_from(&error).unwrap(), AlertDescription(44), "{error}");
    assert!(needs > 0);
    let rejections = ends.server.rejections();
    assert_eq!(rejections.last().unwrap().decision().code(), "revocation.revoked");
}
