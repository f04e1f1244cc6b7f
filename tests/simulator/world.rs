//! The world: trust domains, workloads, what is on its way between them, and the time.
//!
//! ```text
//! server ──sync, d1──▶ agent ──message, d2──▶ workload        d1, d2: Knobs, drawn for each event
//!   ▲                    └─renew─▶ server ──new SVID, d1──▶ agent
//!   └──poll, JSON── bundle endpoint of another server
//! ```
//!
//! Bundles and SVIDs travel from server to agent on their own, so that they come in either order; what
//! the agent has goes to the workload as one message. A stream may be silent for a while; what would
//! have come then is lost, and the next message is the complete state.
//!
//! After every event [`World::observe`] checks the invariants and lets workloads meet.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;

use bonafide::credential::{RenewalPolicy, RotationSchedule};
use bonafide::trust::StreamEnd;
use bonafide::x509::Time;

use super::facts::{DomainId, PartyId, Svid};
use super::party::{Fault, Message, Party, Taken};
use super::relay::Relay;
use super::server::{Document, Issued, Keys, Server, State};
use super::tally::Tally;
use super::tls::{Meeting, Session};
use crate::kit::{NOW, Rng};

/// How the world behaves. All times in seconds, both ends included.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// For bundles, from a server to an agent.
    pub server_to_agent: (i64, i64),
    /// For SVIDs, from a server to an agent.
    pub renewal: (i64, i64),
    /// From an agent to its workload.
    pub agent_to_workload: (i64, i64),
    /// Between two polls of a bundle endpoint.
    pub poll: i64,
    /// Servers rotate by themselves, as SPIRE's schedule says.
    pub automatic: bool,
    pub observe: Observe,
    pub tolerance: u32,
    /// SVIDs are renewed when the library's schedule says so; else as SPIRE's agent does.
    pub scheduled: bool,
}

impl Knobs {
    /// Five seconds to the agent, at once to the workload; polls at a quarter of the hint of five
    /// minutes; all pairs meet after every event.
    pub const STEADY: Self = Knobs {
        server_to_agent: (0, 5),
        renewal: (0, 5),
        agent_to_workload: (0, 1),
        poll: 75,
        automatic: false,
        observe: Observe::AllPairs,
        tolerance: 0,
        scheduled: false,
    };
}

/// Who meets after each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observe {
    AllPairs,
    /// One pair, in so many of 100 events.
    OnePair(usize),
    /// Nobody, but who is told to.
    Nobody,
}

#[derive(Clone, Debug)]
pub enum Event {
    /// A server looks whether it is time to prepare, activate or prune.
    Tick(DomainId),
    /// The state of a server's bundles reaches an agent.
    Sync(PartyId, BTreeMap<DomainId, (String, Document)>),
    /// An agent asks for another SVID.
    Renew(PartyId, u64),
    /// The answer reaches the agent.
    NewSvid(PartyId, Issued),
    /// A message reaches a workload.
    Deliver(PartyId, Message),
    /// One server fetches the bundle of another.
    Poll(DomainId, DomainId),
}

/// What goes between a server and one workload.
#[derive(Debug, Default)]
struct Agent {
    bundles: BTreeMap<DomainId, (String, Document)>,
    svid: Option<Issued>,
    /// The renewal that counts; those planned before do not.
    renewal: u64,
    last_sync: i64,
    last_delivery: i64,
    silent: bool,
}

pub struct World {
    pub seed: u64,
    pub rng: Rng,
    pub now: i64,
    pub knobs: Knobs,
    pub keys: Keys,
    pub servers: Vec<Server>,
    pub relays: Vec<Relay>,
    pub parties: Vec<Party>,
    pub tally: Tally,
    pub sessions: Vec<Session>,
    /// All SVIDs ever issued, by the bytes of their leaf; with their public keys.
    pub issued: BTreeMap<Vec<u8>, (Arc<Svid>, Vec<u8>)>,
    /// Who met last, and who was told something last.
    pub last_met: Option<(PartyId, PartyId, Meeting)>,
    pub told_last: Option<PartyId>,
    agents: Vec<Agent>,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    events: BTreeMap<u64, Event>,
    /// Events that were ever planned.
    planned: u64,
    log: VecDeque<String>,
}

impl World {
    pub fn new(seed: u64, knobs: Knobs) -> Self {
        World {
            seed,
            rng: Rng::new(seed),
            now: NOW,
            knobs,
            keys: Keys::default(),
            servers: Vec::new(),
            relays: Vec::new(),
            parties: Vec::new(),
            tally: Tally::default(),
            sessions: Vec::new(),
            issued: BTreeMap::new(),
            last_met: None,
            told_last: None,
            agents: Vec::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            planned: 0,
            log: VecDeque::new(),
        }
    }

    /// A trust domain with a self-signed authority.
    pub fn domain(&mut self, name: &str, ca_life: i64) -> DomainId {
        let id = DomainId(self.servers.len());
        let server = Server::self_signed(id, name, ca_life, self.now, &mut self.keys);
        self.admit(server)
    }

    /// A trust domain under an upstream authority.
    pub fn domain_under_upstream(&mut self, name: &str, ca_life: i64) -> DomainId {
        let id = DomainId(self.servers.len());
        let server = Server::under_upstream(id, name, ca_life, self.now, &mut self.keys);
        self.admit(server)
    }

    pub fn admit(&mut self, server: Server) -> DomainId {
        let id = server.id;
        self.relays.push(Relay::new());
        self.servers.push(server);
        if self.knobs.automatic {
            self.at(0, Event::Tick(id));
        }
        id
    }

    /// A workload of a trust domain, whose clock is off by `skew` seconds; it has an SVID and the
    /// bundles from the start.
    pub fn workload(&mut self, domain: DomainId, path: &str, skew: i64) -> PartyId {
        let id = PartyId(self.parties.len());
        let spiffe_id = format!("spiffe://{}/{path}", self.server(domain).name);
        self.parties.push(Party::new(id, domain, &spiffe_id, skew, self.knobs.tolerance));
        self.agents.push(Agent::default());
        let bundles = self.bundles_of(domain);
        let issued = self.issue(id);
        let agent = &mut self.agents[id.0];
        agent.bundles = bundles;
        agent.svid = Some(issued);
        self.plan_renewal(id);
        let message = self.message(id);
        self.deliver(id, &message);
        id
    }

    /// One trust domain begins to fetch the bundle of another, with a first one from the operator.
    pub fn federate(&mut self, domain: DomainId, other: DomainId) {
        let document = self.server(other).document();
        let name = self.server(other).name.clone();
        self.relays[domain.0].federate(other, &name, document, self.now);
        self.publish(domain);
        let wait = self.knobs.poll;
        self.at(wait, Event::Poll(domain, other));
    }

    /// The relationship ends: the bundle is dropped at once.
    pub fn defederate(&mut self, domain: DomainId, other: DomainId) {
        self.say(|| format!("{domain:?} ends its relationship with {other:?}"));
        self.relays[domain.0].defederate(other);
        self.publish(domain);
    }

    pub fn server(&self, domain: DomainId) -> &Server {
        &self.servers[domain.0]
    }

    pub fn party(&self, id: PartyId) -> &Party {
        &self.parties[id.0]
    }

    /// Does something to the server of a trust domain, and tells its agents of the outcome.
    pub fn order(
        &mut self,
        domain: DomainId,
        what: &str,
        act: impl FnOnce(&mut Server, i64, &mut Keys) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let server = &mut self.servers[domain.0];
        let (sequence, rotations) = (server.sequence, server.rotations);
        act(server, self.now, &mut self.keys)?;
        self.tally.rotations += server.rotations - rotations;
        let changed = server.sequence != sequence;
        self.say(|| format!("{what} at {domain:?}"));
        if changed {
            self.publish(domain);
        }
        Ok(())
    }

    pub fn prepare(&mut self, domain: DomainId) {
        self.order(domain, "prepare", |server, now, keys| server.prepare(now, keys)).unwrap();
    }

    pub fn activate(&mut self, domain: DomainId) {
        self.order(domain, "activate", |server, _, _| server.activate()).unwrap();
    }

    pub fn taint(&mut self, domain: DomainId) {
        self.order(domain, "taint", |server, _, _| server.taint()).unwrap();
    }

    pub fn revoke(&mut self, domain: DomainId) {
        self.order(domain, "revoke", |server, _, _| server.revoke()).unwrap();
    }

    /// All bundles that a trust domain's agents get.
    fn bundles_of(&self, domain: DomainId) -> BTreeMap<DomainId, (String, Document)> {
        let server = self.server(domain);
        let mut bundles = self.relays[domain.0].documents.clone();
        bundles.insert(domain, (server.name.clone(), server.document()));
        bundles
    }

    /// Sends the bundles of a trust domain to its agents.
    pub fn publish(&mut self, domain: DomainId) {
        let bundles = self.bundles_of(domain);
        for id in self.members(domain) {
            let delay = self.draw(self.knobs.server_to_agent);
            let arrival = (self.now + delay).max(self.agents[id.0].last_sync);
            self.agents[id.0].last_sync = arrival;
            self.at(arrival - self.now, Event::Sync(id, bundles.clone()));
        }
    }

    pub fn members(&self, domain: DomainId) -> Vec<PartyId> {
        self.parties.iter().filter(|party| party.domain == domain).map(|party| party.id).collect()
    }

    /// Asks for another SVID now, whatever the age of the one in use.
    pub fn renew(&mut self, id: PartyId) {
        self.agents[id.0].renewal += 1;
        let renewal = self.agents[id.0].renewal;
        self.at(0, Event::Renew(id, renewal));
    }

    /// Puts an SVID into the hands of an agent, without its workload hearing of it.
    pub fn hand_svid(&mut self, id: PartyId) -> Arc<Svid> {
        let issued = self.issue(id);
        self.agents[id.0].svid = Some(issued.clone());
        issued.svid
    }

    /// Puts the bundles of the moment into the hands of an agent, without its workload hearing of it.
    pub fn hand_bundles(&mut self, id: PartyId) {
        let domain = self.party(id).domain;
        self.agents[id.0].bundles = self.bundles_of(domain);
    }

    /// Issues one more SVID, which no agent has.
    pub fn another_svid(&mut self, id: PartyId) -> Issued {
        self.issue(id)
    }

    /// Issues an SVID for another workload of the same trust domain.
    pub fn svid_for(&mut self, domain: DomainId, path: &str) -> Issued {
        let spiffe_id = format!("spiffe://{}/{path}", self.server(domain).name);
        let issued = self.servers[domain.0].issue(&spiffe_id, self.now, &mut self.keys);
        let facts = (issued.svid.clone(), issued.key.spki().to_vec());
        self.issued.insert(issued.leaf.clone(), facts);
        issued
    }

    /// What the agent of a workload has to say.
    pub fn message(&self, id: PartyId) -> Message {
        let agent = &self.agents[id.0];
        Message {
            svid: agent.svid.clone(),
            others: Vec::new(),
            bundles: agent.bundles.clone(),
            fault: Fault::None,
        }
    }

    /// Tells a workload now.
    pub fn deliver(&mut self, id: PartyId, message: &Message) -> Taken {
        self.told_last = Some(id);
        let before = self.party(id).view.clone();
        let taken = self.parties[id.0].receive(message, self.now);
        self.tally.took(&taken);
        self.tally.removals += u64::from(self.party(id).view.lacks_what_is_in(&before));
        self.say(|| {
            let svid = message.svid.as_ref().map(|issued| issued.svid.number);
            let sequences: Vec<_> =
                message.bundles.values().map(|(_, document)| document.bundle.sequence).collect();
            format!("{id:?} is told svid {svid:?}, bundles {sequences:?}: {taken:?}")
        });
        taken
    }

    /// Tells a workload now what its agent has.
    pub fn tell(&mut self, id: PartyId) -> Taken {
        let message = self.message(id);
        self.deliver(id, &message)
    }

    /// Tells a workload what its agent has, with a fault on the way.
    pub fn spoil(&mut self, id: PartyId, fault: Fault) {
        let message = Message { fault, ..self.message(id) };
        // A torn pair has the key of the SVID before.
        let known = self.party(id).view.svid.as_ref().map(|svid| svid.number);
        let told = message.svid.as_ref().map(|issued| issued.svid.number);
        if fault != Fault::TornPair || known.is_some() && known != told {
            self.deliver(id, &message);
        }
    }

    /// The stream to a workload falls silent, or speaks again.
    pub fn silence(&mut self, id: PartyId, silent: bool) {
        self.say(|| format!("the stream to {id:?} is silent: {silent}"));
        self.agents[id.0].silent = silent;
        if !silent {
            self.push(id);
        }
    }

    /// The agent takes everything away from a workload, until it is told again.
    pub fn deny(&mut self, id: PartyId) {
        self.say(|| format!("{id:?} is denied"));
        self.tally.removals += u64::from(!self.party(id).view.bundles.is_empty());
        self.parties[id.0].stream_ends(StreamEnd::PermissionDenied, self.now);
    }

    fn issue(&mut self, id: PartyId) -> Issued {
        let (domain, spiffe_id) = (self.party(id).domain, self.party(id).spiffe_id.clone());
        let path = spiffe_id.splitn(4, '/').nth(3).unwrap().to_owned();
        self.svid_for(domain, &path)
    }

    /// Plans the next renewal as SPIRE's agent does: at 45 to 55 % of the lifetime.
    fn plan_renewal(&mut self, id: PartyId) {
        let Some(issued) = &self.agents[id.0].svid else { return };
        let (id_text, until) = (issued.svid.id.clone(), issued.svid.valid.until);
        let life = until - self.now;
        let wait = if self.knobs.scheduled {
            let (now, until) = (Time::from_unix(self.now), Time::from_unix(until));
            let policy = RenewalPolicy::DEFAULT;
            RotationSchedule::new(policy, &id_text, now, until).due().seconds_since(now)
        } else {
            life * self.draw((45, 55)) / 100
        };
        self.agents[id.0].renewal += 1;
        let renewal = self.agents[id.0].renewal;
        self.at(wait.max(1), Event::Renew(id, renewal));
    }

    /// Sends what an agent has to its workload; messages do not overtake each other.
    fn push(&mut self, id: PartyId) {
        if self.agents[id.0].silent {
            return;
        }
        let message = self.message(id);
        let delay = self.draw(self.knobs.agent_to_workload);
        let arrival = (self.now + delay).max(self.agents[id.0].last_delivery);
        self.agents[id.0].last_delivery = arrival;
        self.at(arrival - self.now, Event::Deliver(id, message));
    }

    fn draw(&mut self, (least, most): (i64, i64)) -> i64 {
        let span = usize::try_from(most - least).unwrap();
        least + i64::try_from(self.rng.below(span + 1)).unwrap()
    }

    /// Puts an event on its way, to happen in `wait` seconds.
    pub fn at(&mut self, wait: i64, event: Event) {
        let number = self.planned;
        self.planned += 1;
        self.queue.push(Reverse((self.now + wait, number)));
        self.events.insert(number, event);
    }

    /// Lets time pass, with all that happens meanwhile.
    pub fn run(&mut self, seconds: i64) {
        let end = self.now + seconds;
        while let Some(&Reverse((time, number))) = self.queue.peek() {
            if time > end {
                break;
            }
            self.queue.pop();
            self.now = time;
            let event = self.events.remove(&number).unwrap();
            self.tally.events += 1;
            if self.happen(event) {
                self.observe();
            }
        }
        self.now = end;
    }

    /// Lets an event happen; false where nothing came of it.
    fn happen(&mut self, event: Event) -> bool {
        match event {
            Event::Tick(domain) => return self.tick(domain),
            Event::Sync(id, bundles) => {
                let server = &self.servers[self.parties[id.0].domain.0];
                let agent = &mut self.agents[id.0];
                agent.bundles = bundles;
                let tainted =
                    agent.svid.as_ref().is_some_and(|issued| server.is_tainted(&issued.svid));
                if tainted {
                    self.renew(id);
                }
                self.push(id);
            }
            Event::Renew(id, renewal) => {
                if renewal != self.agents[id.0].renewal {
                    return false;
                }
                let issued = self.issue(id);
                let delay = self.draw(self.knobs.renewal);
                self.at(delay, Event::NewSvid(id, issued));
            }
            Event::NewSvid(id, issued) => {
                self.agents[id.0].svid = Some(issued);
                self.tally.renewals += 1;
                self.plan_renewal(id);
                self.push(id);
            }
            Event::Deliver(id, message) => {
                if self.agents[id.0].silent {
                    return false;
                }
                self.deliver(id, &message);
            }
            Event::Poll(domain, other) => return self.poll(domain, other),
        }
        true
    }

    /// What SPIRE's CA rotator does.
    fn tick(&mut self, domain: DomainId) -> bool {
        const DAY: i64 = 86_400;
        let server = self.server(domain);
        let (life, until) = (server.ca_life, server.current.issuer.valid.until);
        let prepare_at = until - (life / 2).min(30 * DAY);
        let activate_at = until - (life / 6).min(7 * DAY);
        let prepared = server.next.as_ref().is_some_and(|next| next.state == State::Prepared);
        let due = if prepared { activate_at } else { prepare_at };
        if self.now <= due {
            let wait = due + 1 - self.now;
            self.at(wait, Event::Tick(domain));
            return false;
        }
        if prepared {
            self.activate(domain);
            self.order(domain, "prune", |server, now, _| {
                server.prune(now);
                Ok(())
            })
            .unwrap();
        } else {
            self.prepare(domain);
        }
        self.at(0, Event::Tick(domain));
        true
    }

    fn poll(&mut self, domain: DomainId, other: DomainId) -> bool {
        if !self.relays[domain.0].is_federated(other) {
            return false;
        }
        let wait = self.knobs.poll;
        self.at(wait, Event::Poll(domain, other));
        // What did not change is fetched in full once in a while.
        let known = self.relays[domain.0].sequence(other);
        if known == Some(self.server(other).sequence) && !self.rng.chance(10) {
            return false;
        }
        let document = self.server(other).document();
        self.fetched(domain, other, document)
    }

    /// One server got hold of a document of another trust domain; true where it is news.
    pub fn fetched(&mut self, domain: DomainId, other: DomainId, document: Document) -> bool {
        let news = self.relays[domain.0].offer(other, document, self.now);
        if news {
            self.publish(domain);
        }
        news
    }

    /// Writes a line of the story that is told when something is wrong.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        const KEPT: usize = 40;
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        let line = format!("{:>9} {}", self.now - NOW, line());
        self.log.push_back(line);
    }

    /// Something is not as it must be.
    pub fn fail(&self, what: impl fmt::Display) -> ! {
        let story: Vec<&str> = self.log.iter().map(String::as_str).collect();
        panic!(
            "{what}\nat {} seconds, seed {}; again with BONAFIDE_SEED={}\nthe last that happened:\n{}",
            self.now - NOW,
            self.seed,
            self.seed,
            story.join("\n")
        );
    }
}
