//! A server whose key is in the token and a client that knows its authority, in memory.

use std::cell::Cell;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bonafide::live::Live;
use bonafide::policy::ValidationPolicy;
use bonafide::rustls::{
    ClientAuth, ClientEndpoint, Connection, ConnectionError, ExpectServer, Presents, ServerEndpoint,
};
use bonafide::signature::RingBackend;
use bonafide::trust::{Domain, TrustAnchor, TrustBundle, TrustStore};
use bonafide::verify::Verifier;
use rustls::Error;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use crate::kit::{Authority, NOW};

/// The time of the test.
#[derive(Debug)]
struct Still;

impl TimeProvider for Still {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(NOW).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

pub struct Ends {
    client: Arc<ClientEndpoint>,
    server: Arc<ServerEndpoint>,
    met: Cell<u32>,
}

impl Ends {
    /// A server over `live`, and a client that expects this SPIFFE ID under this authority.
    pub fn new(live: &Live, root: &Authority, id: &str) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchor = TrustAnchor::from_der(&root.certificate).unwrap();
        let bundle = TrustBundle::new([anchor]);
        let trust = TrustStore::new([Domain::spiffe("example.org".parse().unwrap(), bundle)]);
        let policy = ValidationPolicy::tls_server();
        let verifier =
            Verifier::new(trust.unwrap().into(), policy.into(), Arc::new(RingBackend::NEW));
        let expect = ExpectServer::matching(id.parse().unwrap());
        let known = Live::new(verifier);
        Ends {
            client: ClientEndpoint::builder(known, provider.clone(), expect, Presents::Nothing)
                .with_time(Arc::new(Still))
                .build()
                .unwrap(),
            server: ServerEndpoint::builder(live.clone(), provider, ClientAuth::Off)
                .with_time(Arc::new(Still))
                .build()
                .unwrap(),
            met: Cell::new(0),
        }
    }

    /// A handshake and some data; the public key that the client verified, or what the server says.
    pub fn meet(&self) -> Result<Vec<u8>, String> {
        // Another name each time, so that nothing is resumed: the token is to sign.
        self.met.set(self.met.get() + 1);
        let name = format!("db{}.example.org", self.met.get());
        let mut client = self.client.connect(name.try_into().unwrap()).unwrap();
        let mut server = self.server.accept().unwrap();
        let said = |error: ConnectionError| match error {
            ConnectionError::Tls(Error::General(text))
                if text.contains("no server certificate") =>
            {
                "nothing to present".to_owned()
            }
            ConnectionError::Tls(Error::AlertReceived(alert)) => {
                unreachable!("the client refuses: {alert:?}")
            }
            _ => "the key does not sign".to_owned(),
        };
        loop {
            let (to_server, to_client) = (push(&mut client), push(&mut server));
            if to_server.is_empty() && to_client.is_empty() {
                break;
            }
            pull(&mut server, &to_server).map_err(said)?;
            pull(&mut client, &to_client).unwrap();
        }
        client.writer().unwrap().write_all(b"ping").unwrap();
        pull(&mut server, &push(&mut client)).unwrap();
        let mut got = [0; 4];
        server.reader().unwrap().read_exact(&mut got).unwrap();
        assert_eq!(&got, b"ping");
        let peer = client.peer().unwrap();
        let leaf = peer.path().end_entity().unwrap();
        Ok(leaf.subject_public_key_info().unwrap().der().to_vec())
    }
}

fn push(end: &mut Connection) -> Vec<u8> {
    let mut out = Vec::new();
    while end.wants_write() {
        end.write_tls(&mut out).unwrap();
    }
    out
}

fn pull(end: &mut Connection, mut wire: &[u8]) -> Result<(), ConnectionError> {
    while !wire.is_empty() {
        end.read_tls(&mut wire).unwrap();
        end.process_new_packets()?;
    }
    Ok(())
}
