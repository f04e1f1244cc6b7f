//! Random publications against a model: who is current is accepted by a fresh decision too, who is not
//! disturbed had no reason to be, who lapsed stays so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bonafide::live::{
    Live, LivePeer, Part, Publication, Published, Requirement, Session, Standing,
};
use bonafide::revocation::{CrlStore, Denied, DenyRule, Revocation, VerifiedCrl};
use bonafide::signature::SharedMemo;
use bonafide::trust::{AnchorState, Domain, TrustBundle, TrustStore};
use bonafide::verify::Verifier;

use super::kit::Rng;
use super::world::{Ca, Counting, Peer, anybody, at, policy, uri};

const DOMAINS: usize = 4;
const AUTHORITIES: usize = 3;
/// Peers of each authority of each domain.
const PEERS: usize = 2;

/// What is in force, written down without the library's structures.
#[derive(Clone, Default)]
struct Model {
    /// Of each domain that there is, the anchors that stand, and whether each is tainted.
    domains: BTreeMap<usize, BTreeMap<usize, bool>>,
    labelled: Option<BTreeMap<usize, BTreeMap<usize, bool>>>,
    /// Numbers of peers.
    denied: BTreeSet<usize>,
    /// Peers that lists revoke, by authority.
    revoked: BTreeMap<(usize, usize), BTreeSet<usize>>,
    skew: u32,
}

struct World {
    cas: Vec<Vec<Ca>>,
    peers: Vec<Member>,
    /// Lists of each authority by number of the list and whom it revokes, made when needed.
    lists: BTreeMap<(usize, usize, u8, Vec<usize>), Arc<VerifiedCrl>>,
}

struct Member {
    domain: usize,
    authority: usize,
    peer: Peer,
    /// The end of its certificate, in seconds from the beginning.
    until: i64,
}

fn name(domain: usize) -> String {
    format!("d{domain}.test")
}

impl World {
    fn new() -> Self {
        let number = |domain: usize, authority: usize| domain * AUTHORITIES + authority;
        let cas: Vec<Vec<Ca>> = (0..DOMAINS)
            .map(|domain| {
                let ca = |authority| Ca::new(u64::try_from(number(domain, authority)).unwrap());
                (0..AUTHORITIES).map(ca).collect()
            })
            .collect();
        let mut peers = Vec::new();
        for (domain, cas) in cas.iter().enumerate() {
            for (authority, ca) in cas.iter().enumerate() {
                for index in 0..PEERS {
                    let serial = u16::try_from(peers.len()).unwrap();
                    let id = format!("spiffe://{}/p{serial}", name(domain));
                    let until = if index == 0 { 1_000_000 } else { 150 + i64::from(serial) * 7 };
                    let peer = ca.peer_with(serial, &[uri(&id)], |builder| {
                        builder.validity(at(-1_000_000).unix(), at(until).unix())
                    });
                    peers.push(Member { domain, authority, peer, until });
                }
            }
        }
        Self { cas, peers, lists: BTreeMap::new() }
    }

    fn domain(&self, domain: usize, anchors: &BTreeMap<usize, bool>) -> Domain {
        Domain::spiffe(name(domain).parse().unwrap(), self.bundle(domain, anchors))
    }

    fn bundle(&self, domain: usize, anchors: &BTreeMap<usize, bool>) -> TrustBundle {
        TrustBundle::new(anchors.iter().map(|(&authority, &tainted)| {
            let anchor = self.cas[domain][authority].anchor();
            let since = at(0);
            if tainted { anchor.with_state(AnchorState::Tainted { since }) } else { anchor }
        }))
    }

    fn store(&self, domains: &BTreeMap<usize, BTreeMap<usize, bool>>) -> Arc<TrustStore> {
        let domains = domains.iter().map(|(&domain, anchors)| self.domain(domain, anchors));
        Arc::new(TrustStore::new(domains).unwrap())
    }

    fn rule(&self, member: usize) -> DenyRule {
        let id = format!("spiffe://{}/p{member}", name(self.peers[member].domain));
        DenyRule::new(Denied::Identity(id.parse().unwrap()))
    }

    /// Evidence as the model has it; `numbers` says how often each list was renewed.
    fn lists(&mut self, model: &Model, numbers: &BTreeMap<(usize, usize), u8>) -> CrlStore {
        let mut store = CrlStore::new();
        for (&(domain, authority), revoked) in &model.revoked {
            let number = numbers.get(&(domain, authority)).copied().unwrap_or(1);
            let revoked: Vec<usize> = revoked.iter().copied().collect();
            let key = (domain, authority, number, revoked.clone());
            let ca = &self.cas[domain][authority];
            let peers: Vec<&Peer> = revoked.iter().map(|&at| &self.peers[at].peer).collect();
            let made = || Arc::new(ca.crl(number, &peers));
            let list = self.lists.entry(key).or_insert_with(made).clone();
            store = store.with(list).unwrap();
        }
        store
    }

    /// What the standard and the operator say of a peer, by hand.
    fn accepts(&self, model: &Model, member: usize, labelled: bool, now: i64) -> bool {
        let Member { domain, authority, until, .. } = &self.peers[member];
        let trust = if labelled { model.labelled.as_ref() } else { Some(&model.domains) };
        let anchored = trust
            .and_then(|trust| trust.get(domain))
            .is_some_and(|anchors| anchors.contains_key(authority));
        let revoked = model
            .revoked
            .get(&(*domain, *authority))
            .is_some_and(|revoked| revoked.contains(&member));
        anchored
            && !revoked
            && !model.denied.contains(&member)
            && now <= until + i64::from(model.skew)
    }

    /// What of the model a peer rests on: while this is the same, nobody has a reason to disturb it.
    fn grounds(&self, model: &Model, member: usize, labelled: bool) -> Grounds {
        let Member { domain, authority, .. } = self.peers[member];
        let trust = if labelled { model.labelled.as_ref() } else { Some(&model.domains) };
        let anchor = trust.and_then(|trust| trust.get(&domain)?.get(&authority).copied());
        let list = model.revoked.get(&(domain, authority)).cloned();
        (anchor, list, model.denied.contains(&member), model.skew)
    }
}

/// State of the anchor, whom the list revokes, whether it is denied, clock skew.
type Grounds = (Option<bool>, Option<BTreeSet<usize>>, bool, u32);

/// A session of the test: the answer that it holds, and what was true when it was given.
struct Held {
    member: usize,
    labelled: bool,
    peer: LivePeer,
    /// Its place in the register, while the peer stands.
    session: Option<Session>,
    lapsed: bool,
    /// The latest time that it was asked at.
    seen: i64,
}

struct Run {
    world: World,
    live: Live,
    memo: Arc<SharedMemo>,
    backend: Arc<Counting>,
    model: Model,
    numbers: BTreeMap<(usize, usize), u8>,
    held: Vec<Held>,
    requirements: [Arc<Requirement>; 2],
    now: i64,
    epochs: BTreeMap<Part, u64>,
    asked: [u32; 4],
    /// Sessions that a publication did not name, and that it did.
    named: [u32; 2],
}

impl Run {
    fn new() -> Self {
        let world = World::new();
        let mut model = Model::default();
        for domain in 0..DOMAINS {
            model.domains.insert(domain, [(0, false), (1, false)].into());
        }
        let (memo, backend) = (Arc::new(SharedMemo::with_capacity(1_024)), Arc::default());
        let live = Live::new(Self::fresh(&world, &model, &memo, &backend, CrlStore::new()));
        let labelled = Requirement::dangerously_any_identity().with_label("tenant");
        let requirements = [anybody(), Arc::new(labelled)];
        let (numbers, held, epochs) = Default::default();
        let (now, asked, named) = (0, [0; 4], [0; 2]);
        Self {
            world,
            live,
            memo,
            backend,
            model,
            numbers,
            held,
            requirements,
            now,
            epochs,
            asked,
            named,
        }
    }

    /// A verifier made of the model alone.
    fn fresh(
        world: &World,
        model: &Model,
        memo: &Arc<SharedMemo>,
        backend: &Arc<Counting>,
        lists: CrlStore,
    ) -> Verifier {
        let policy = policy().with_clock_skew_seconds(model.skew);
        let deny = bonafide::revocation::DenyList::new(model.denied.iter().map(|&m| world.rule(m)));
        let revocation =
            Revocation::new().with_source(Arc::new(lists)).with_deny_list(Arc::new(deny));
        let verifier = Verifier::new(world.store(&model.domains), policy.into(), backend.clone())
            .with_memo(memo.clone())
            .with_revocation(Arc::new(revocation));
        match &model.labelled {
            Some(domains) => verifier.with_labelled_trust("tenant", world.store(domains)),
            None => verifier,
        }
    }

    /// What is in force, made of the model alone.
    fn verifier(&mut self) -> Verifier {
        let lists = self.world.lists(&self.model, &self.numbers);
        Self::fresh(&self.world, &self.model, &self.memo, &self.backend, lists)
    }

    fn oracle(&self, verifier: &Verifier, member: usize, labelled: bool, now: i64) -> bool {
        let peer = &self.world.peers[member].peer;
        let requirement = &self.requirements[usize::from(labelled)];
        let presented = peer.presented();
        let decision = verifier.decide(&requirement.request(&presented), at(now));
        let by_hand = self.world.accepts(&self.model, member, labelled, now);
        assert_eq!(decision.is_accepted(), by_hand, "{}", decision.explain());
        by_hand
    }

    /// Changes the model at random, and says what to publish.
    fn change(&mut self, rng: &mut Rng) -> Publication {
        let domain = rng.below(DOMAINS);
        let anchors = || BTreeMap::new();
        match rng.below(9) {
            0..=2 => {
                let mut next: BTreeMap<usize, bool> = anchors();
                for authority in 0..AUTHORITIES {
                    if rng.chance(70) {
                        next.insert(authority, rng.chance(20));
                    }
                }
                let bundle = self.world.bundle(domain, &next);
                let there = self.model.domains.insert(domain, next.clone()).is_some();
                match there {
                    true => Publication::new().bundle(&name(domain), bundle),
                    false => Publication::new().domain(self.world.domain(domain, &next)),
                }
            }
            3 => match self.model.domains.remove(&domain) {
                Some(_) => Publication::new().without_domain(&name(domain)),
                None => Publication::new(),
            },
            4 => {
                let labelled = rng.chance(70).then(|| self.model.domains.clone());
                let there = std::mem::replace(&mut self.model.labelled, labelled).is_some();
                match &self.model.labelled {
                    Some(domains) => {
                        Publication::new().labelled_trust("tenant", self.world.store(domains))
                    }
                    None if there => Publication::new().without_label("tenant"),
                    None => Publication::new(),
                }
            }
            5 => {
                let member = rng.below(self.world.peers.len());
                if self.model.denied.remove(&member) {
                    let rules = self.model.denied.iter().map(|&member| self.world.rule(member));
                    let list = bonafide::revocation::DenyList::new(rules);
                    return Publication::new().deny_list(Arc::new(list));
                }
                self.model.denied.insert(member);
                Publication::new().deny([self.world.rule(member)])
            }
            6 | 7 => {
                // A list is renewed, perhaps with somebody more; lists only grow.
                let at = rng.below(self.world.peers.len());
                let (domain, authority) =
                    (self.world.peers[at].domain, self.world.peers[at].authority);
                let revoked = self.model.revoked.entry((domain, authority)).or_default();
                if rng.chance(30) {
                    revoked.insert(at);
                }
                let number = self.numbers.entry((domain, authority)).or_insert(1);
                *number = number.checked_add(1).unwrap();
                let lists = self.world.lists(&self.model, &self.numbers);
                Publication::new().source(Arc::new(lists))
            }
            _ => {
                self.model.skew = if rng.chance(50) { 0 } else { 5 };
                let policy = policy().with_clock_skew_seconds(self.model.skew);
                Publication::new().policy(policy.into())
            }
        }
    }

    fn step(&mut self, rng: &mut Rng) {
        let before: Vec<_> = self
            .held
            .iter()
            .map(|held| self.world.grounds(&self.model, held.member, held.labelled))
            .collect();
        let current: Vec<bool> = self
            .held
            .iter()
            .map(|held| !held.lapsed && held.peer.ask(at(held.seen)).is_current())
            .collect();
        let numbers = self.numbers.clone();
        let publication = self.change(rng);
        let published = self.live.publish(publication, at(self.now)).unwrap();
        self.check_epochs();
        self.check_affected(&published, &before, &current, &numbers);
        // The clock goes on, and is set back at times.
        self.now += if rng.chance(10) { -40 } else { i64::try_from(rng.below(12)).unwrap() };

        let verifier = self.verifier();
        for place in 0..self.held.len() {
            let (member, labelled) = (self.held[place].member, self.held[place].labelled);
            let Member { domain, authority, until, .. } = self.world.peers[member];
            let now = self.held[place].seen.max(self.now);
            let accepted = self.oracle(&verifier, member, labelled, now);
            let same = before[place] == self.world.grounds(&self.model, member, labelled)
                && numbers.get(&(domain, authority)) == self.numbers.get(&(domain, authority));
            let held = &mut self.held[place];
            held.seen = now;
            let answer = held.peer.ask(at(self.now));
            match answer {
                Standing::Current => {
                    self.asked[0] += 1;
                    assert!(accepted && !held.lapsed, "peer {member} is current and refused");
                }
                Standing::Lapsed(_) => {
                    self.asked[1] += 1;
                    let expired = now > until + i64::from(self.model.skew);
                    assert!(held.lapsed || !accepted || expired, "peer {member} lapsed");
                    held.lapsed = true;
                }
                Standing::AskAgain => {
                    self.asked[2] += 1;
                    assert!(!held.lapsed, "peer {member} is back");
                    let due = now > held.peer.valid_until().seconds_since(at(0));
                    assert!(!same || !current[place] || due, "peer {member} was disturbed");
                    self.backend.take();
                    let again = held.peer.ask_again(at(self.now));
                    assert_eq!(self.backend.take(), 0, "peer {member}: signatures");
                    assert_eq!(again.is_ok(), accepted, "peer {member}: {again:?}");
                    // The session that it had is over: one is entered by the new answer.
                    held.session = None;
                    match again {
                        Ok(peer) => {
                            held.session = self.live.register(&peer, None, at(self.now)).ok();
                            held.peer = peer;
                        }
                        Err(_) => held.lapsed = true,
                    }
                }
            }
        }
        self.replace_some(&verifier, rng);
    }

    /// Whoever stood and is refused now is named, and nobody of whom nothing changed.
    fn check_affected(
        &mut self,
        published: &Published,
        before: &[Grounds],
        current: &[bool],
        numbers: &BTreeMap<(usize, usize), u8>,
    ) {
        let affected: BTreeSet<_> = published.affected().iter().map(|one| one.session).collect();
        assert_eq!(affected.len(), published.affected().len(), "each session once");
        for (place, held) in self.held.iter().enumerate() {
            let Some(session) = &held.session else { continue };
            let Member { domain, authority, .. } = self.world.peers[held.member];
            let named = affected.contains(&session.id());
            // Whatever the time: expiry is not a publication's.
            let stands = self.world.accepts(&self.model, held.member, held.labelled, i64::MIN / 2);
            assert!(named || stands || !current[place], "peer {} was missed", held.member);
            let same = before[place] == self.world.grounds(&self.model, held.member, held.labelled)
                && numbers.get(&(domain, authority)) == self.numbers.get(&(domain, authority));
            assert!(!named || !same || !current[place], "peer {} was named", held.member);
            self.named[usize::from(named)] += 1;
        }
    }

    /// Epochs only grow, and nothing else does.
    fn check_epochs(&mut self) {
        let snapshot = self.live.snapshot();
        for (part, epoch) in snapshot.parts() {
            assert!(epoch <= snapshot.epoch(), "{part}");
            let before = self.epochs.insert(part.clone(), epoch);
            assert!(before.is_none_or(|before| before <= epoch), "{part}");
        }
        assert!(snapshot.fence() <= snapshot.epoch());
    }

    /// Some leave and some come.
    fn replace_some(&mut self, verifier: &Verifier, rng: &mut Rng) {
        self.held.retain(|held| !(held.lapsed && rng.chance(50)));
        for _ in 0..4 {
            let (member, labelled) = (rng.below(self.world.peers.len()), rng.chance(30));
            let accepted = self.oracle(verifier, member, labelled, self.now);
            let peer = &self.world.peers[member].peer;
            let requirement = &self.requirements[usize::from(labelled)];
            let ruling = peer.decide(&self.live, requirement, at(self.now));
            assert_eq!(ruling.decision().is_accepted(), accepted, "peer {member}");
            self.asked[3] += 1;
            if accepted && self.held.len() < 40 {
                let (peer, seen) = (peer.prove(&ruling), self.now);
                let session = self.live.register(&peer, None, at(seen)).ok();
                self.held.push(Held { member, labelled, peer, session, lapsed: false, seen });
            }
        }
    }
}

#[test]
fn who_is_current_is_accepted_and_who_is_disturbed_had_a_reason() {
    let (mut asked, mut named) = ([0; 4], [0; 2]);
    for seed in 0..5 {
        let mut rng = Rng::new(seed);
        let mut run = Run::new();
        for _ in 0..70 {
            run.step(&mut rng);
        }
        for (sum, count) in
            asked.iter_mut().chain(&mut named).zip(run.asked.iter().chain(&run.named))
        {
            *sum += *count;
        }
    }
    // The model meets every answer often.
    assert!(asked.iter().chain(&named).all(|count| *count > 100), "{asked:?}, {named:?}");
}
