//! Meetings and invariants: the two accounts of the world compared.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::facts::{PartyId, Svid, View};
use super::oracle::{self, Asker, Why};
use super::party::Party;
use super::tls::{self, Kind, Meeting, Outcome, Seen, Session};
use super::world::{Observe, World};

/// What the facts demand of a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Why the client must refuse the server.
    pub client: BTreeSet<Why>,
    /// Why the server must refuse the client.
    pub server: BTreeSet<Why>,
}

impl Demand {
    pub fn is_success(&self) -> bool {
        self.client.is_empty() && self.server.is_empty()
    }
}

fn asker(party: &Party, now: i64) -> Asker<'_> {
    Asker {
        view: &party.view,
        clock: party.clock(now),
        tolerance: i64::from(party.tolerance),
        expected: &party.expected,
    }
}

impl World {
    /// What `one` must object to in what `other` presents.
    pub fn objections(&self, one: PartyId, other: PartyId) -> BTreeSet<Why> {
        let (one, other) = (self.party(one), self.party(other));
        match oracle::presented(&other.view, other.clock(self.now)) {
            None => BTreeSet::from([Why::NothingPresented]),
            Some(svid) => oracle::objections(asker(one, self.now), svid),
        }
    }

    /// What the facts demand of a meeting with a full handshake.
    pub fn demand(&self, client: PartyId, server: PartyId) -> Demand {
        Demand { client: self.objections(client, server), server: self.objections(server, client) }
    }

    /// Whether a live session of `one` with the holder of `svid` may go on.
    fn still(&self, one: PartyId, svid: &Svid) -> BTreeSet<Why> {
        oracle::objections(asker(self.party(one), self.now), svid)
    }

    /// Two who meet: often the two who met last, and often one who was told something just now.
    fn choose_pair(&mut self) -> (PartyId, PartyId, Meeting) {
        if let Some((client, server, meeting)) = self.last_met
            && self.rng.chance(40)
        {
            return (client, server, Meeting { fresh: false, ..meeting });
        }
        let one = match self.told_last {
            Some(id) if self.rng.chance(70) => id.0,
            _ => self.rng.below(self.parties.len()),
        };
        let step = 1 + self.rng.below(self.parties.len() - 1);
        let other = (one + step) % self.parties.len();
        let (client, server) = if self.rng.chance(50) { (one, other) } else { (other, one) };
        let chosen = (PartyId(client), PartyId(server), self.rng.pick(&Meeting::ALL));
        self.last_met = Some(chosen);
        chosen
    }

    /// After every event.
    pub fn observe(&mut self) {
        match self.knobs.observe {
            Observe::AllPairs => {
                let parties: Vec<PartyId> = self.parties.iter().map(|party| party.id).collect();
                for &client in &parties {
                    for &server in &parties {
                        if client != server {
                            let meeting = self.rng.pick(&Meeting::ALL);
                            self.meet_as(client, server, meeting);
                        }
                    }
                }
            }
            Observe::OnePair(percent) => {
                if self.parties.len() > 1 && self.rng.chance(percent) {
                    let (client, server, meeting) = self.choose_pair();
                    self.meet_as(client, server, meeting);
                }
            }
            Observe::Nobody => {}
        }
        for place in 0..self.parties.len() {
            self.inspect(PartyId(place));
        }
        self.ask_all();
    }
}

impl World {
    /// Two workloads meet over TLS 1.3, as if for the first time.
    pub fn meet(&mut self, client: PartyId, server: PartyId) -> Met {
        self.meet_as(client, server, Meeting::FRESH)
    }

    /// Two workloads meet; what comes of it must be what the facts demand. Where an earlier session is
    /// refused, as it must be, they try again at once, as hosts do.
    pub fn meet_as(&mut self, client: PartyId, server: PartyId, meeting: Meeting) -> Met {
        const TRIES: usize = 10;
        let mut refused = 0;
        loop {
            for id in [client, server] {
                self.parties[id.0].tick(self.now);
            }
            let demand = self.demand(client, server);
            let (one, other) = (self.party(client), self.party(server));
            let mut handshake = tls::Handshake::start(one, other, self.now, meeting);
            while handshake.flight() {}
            let met = self.judge(client, server, demand, handshake.finish());
            if met.kind == Kind::Full || met.demand.is_success() {
                return Met { refused, ..met };
            }
            refused += 1;
            if refused == TRIES {
                self.fail(format!("{client:?} does not get rid of what it resumes"));
            }
        }
    }

    /// Compares an outcome with what the facts demand. `demand` is that of a full handshake.
    pub fn judge(
        &mut self,
        client: PartyId,
        server: PartyId,
        demand: Demand,
        outcome: Outcome,
    ) -> Met {
        let kind = outcome.kind;
        let client_saw = self.svid_of(&outcome.client);
        let server_saw = self.svid_of(&outcome.server);
        let demand = match (kind, &client_saw, &server_saw) {
            (Kind::Full, ..) => demand,
            // What was shown in the handshake that is resumed counts, under the trust of now.
            (Kind::Resumed, Some(client_saw), Some(server_saw)) => Demand {
                client: self.still(client, client_saw),
                server: self.still(server, server_saw),
            },
            _ => self.fail("resumed without peers"),
        };
        self.tally.meetings += 1;
        let line = format!("{client:?} meets {server:?}: {kind:?}, {demand:?}, {outcome:?}");
        self.say(|| line);
        match (outcome.client.result, outcome.server.result) {
            (Ok(one), Ok(other)) => {
                if !demand.is_success() {
                    self.fail(format!("accepted although {demand:?}"));
                }
                let (Some(client_saw), Some(server_saw)) = (client_saw, server_saw) else {
                    self.fail("accepted certificates that nobody issued");
                };
                if kind == Kind::Full {
                    for (holder, saw) in [(server, &client_saw), (client, &server_saw)] {
                        let party = self.party(holder);
                        let presented = oracle::presented(&party.view, party.clock(self.now));
                        if presented.is_none_or(|presented| !Arc::ptr_eq(presented, saw)) {
                            self.fail(format!("{holder:?} presented {saw:?}"));
                        }
                    }
                }
                for (id, peer, saw) in [(client, &one, &client_saw), (server, &other, &server_saw)]
                {
                    if peer.identity() != saw.id {
                        self.fail(format!("{} was taken for {}", saw.id, peer.identity()));
                    }
                    // I1: on an authority in force of exactly that trust domain.
                    let name = &self.server(saw.domain).name;
                    if !self.party(id).held.is_in_force(name, &peer.peer) {
                        self.fail(format!("{id:?} accepted {} on another authority", saw.id));
                    }
                }
                match kind {
                    Kind::Full => self.tally.full += 1,
                    Kind::Resumed => self.tally.resumed += 1,
                }
                self.remember(Session {
                    client,
                    server,
                    client_saw,
                    server_saw,
                    client_peer: one.register(self.party(client), self.now),
                    server_peer: other.register(self.party(server), self.now),
                });
            }
            (one, other) => {
                if demand.is_success() {
                    self.fail("a meeting failed although nothing stands in its way");
                }
                for why in demand.client.iter().chain(&demand.server) {
                    *self.tally.failures.entry(*why).or_default() += 1;
                }
                self.check_codes(&demand, one.err(), other.err());
            }
        }
        Met { kind, demand, refused: 0 }
    }

    /// Whoever must refuse says why, by one of the codes for one of the reasons.
    fn check_codes(&self, demand: &Demand, client: Option<String>, server: Option<String>) {
        // Who presents nothing is told so on the other side, but for a server, which ends it itself.
        let (whys, code) = match (&demand.client, &demand.server) {
            (whys, _) if whys.contains(&Why::NothingPresented) => (whys, server),
            (whys, _) if !whys.is_empty() => (whys, client),
            (_, whys) => (whys, server),
        };
        let code = code.unwrap_or_else(|| self.fail(format!("nobody refused: {demand:?}")));
        if !whys.iter().any(|why| why.codes().contains(&code.as_str())) {
            self.fail(format!("refused with {code}, where it must be for {whys:?}"));
        }
    }

    fn svid_of(&self, seen: &Seen) -> Option<Arc<Svid>> {
        self.issued.get(seen.leaf.as_ref()?).map(|(svid, _)| svid.clone())
    }

    fn remember(&mut self, session: Session) {
        const KEPT: usize = 12;
        if self.sessions.len() == KEPT {
            let place = self.rng.below(KEPT);
            self.sessions.swap_remove(place);
        }
        self.sessions.push(session);
    }

    /// Asks all live sessions on both sides; those that must end do.
    fn ask_all(&mut self) {
        let sessions = std::mem::take(&mut self.sessions);
        for mut session in sessions {
            let mut over = false;
            for client_asks in [true, false] {
                let (one, saw) = match client_asks {
                    true => (session.client, session.client_saw.clone()),
                    false => (session.server, session.server_saw.clone()),
                };
                let whys = self.still(one, &saw);
                let party = &self.parties[one.0];
                let time = party.clock(self.now);
                let peer =
                    if client_asks { &mut session.client_peer } else { &mut session.server_peer };
                let answer = peer.ask(time);
                self.tally.questions += 1;
                match (answer, whys.is_empty()) {
                    (Ok(()), true) => {}
                    (Err(_), false) => {
                        self.tally.lapses += 1;
                        over = true;
                        // What a publication ends, it said so.
                        let removed = whys.iter().any(|why| *why > Why::Expired);
                        if removed && !party.held.affected.contains(&peer.id()) {
                            self.fail(format!("no publication told {one:?} of {}", saw.id));
                        }
                    }
                    (Ok(()), false) => self.fail(format!(
                        "{one:?} goes on with {} (svid {}) although {whys:?}",
                        saw.id, saw.number
                    )),
                    (Err(code), true) => self.fail(format!(
                        "{one:?} is to end its session with {} (svid {}) for {code}, and nothing \
                         stands in its way",
                        saw.id, saw.number
                    )),
                }
            }
            if !over {
                self.sessions.push(session);
            }
        }
    }

    /// What a workload holds must be what it was told, whole.
    fn inspect(&mut self, id: PartyId) {
        let party = &self.parties[id.0];
        let time = party.clock(self.now);
        // Its own credential: the one of the facts, with its own key (I4), or none.
        let chosen = party.held.choose(time);
        let told = oracle::presented(&party.view, time);
        match (chosen, told) {
            (None, None) => {}
            (Some((leaf, spki)), Some(told)) => {
                let Some((svid, key)) = self.issued.get(&leaf) else {
                    self.fail(format!("{id:?} would present what nobody issued"));
                };
                if !Arc::ptr_eq(svid, told) {
                    self.fail(format!("{id:?} would present {svid:?} and was told {told:?}"));
                }
                if *key != spki {
                    self.fail(format!("{id:?} would present {svid:?} with another key"));
                }
            }
            (chosen, told) => self.fail(format!(
                "{id:?} would present something: {}, and was told {told:?}",
                chosen.is_some()
            )),
        }
        // Numbers only grow (I5).
        let numbers = party.held.numbers();
        let before = party.numbers;
        if numbers.0 < before.0 || numbers.1 < before.1 {
            self.fail(format!("{id:?}: {numbers:?} after {before:?}"));
        }
        if numbers != before || before == (0, 0) {
            let (held, told) = (party.held.authorities(), party.told_authorities());
            if held != *told {
                self.fail(format!("{id:?} trusts other authorities than it was told"));
            }
        }
        self.parties[id.0].numbers = numbers;
    }
}

/// What stood on one side of a meeting when something was published in its midst.
struct Before {
    view: View,
    presented: Option<Arc<Svid>>,
    /// Whether the side carried data by then.
    open: bool,
}

impl World {
    /// Two workloads meet, and something is done when this many flights were carried (I6).
    ///
    /// A side that was not done by then must answer to the trust that it has since; nothing may fail
    /// that would have come to pass under the old and under the new state alike.
    pub fn meet_amid(
        &mut self,
        client: PartyId,
        server: PartyId,
        meeting: Meeting,
        flights: usize,
        act: impl FnOnce(&mut Self),
    ) {
        for id in [client, server] {
            self.parties[id.0].tick(self.now);
        }
        let (one, other) = (self.party(client), self.party(server));
        let mut handshake = tls::Handshake::start(one, other, self.now, meeting);
        for _ in 0..flights {
            handshake.flight();
        }
        let (client_open, server_open) = handshake.open();
        let before = [(client, client_open), (server, server_open)].map(|(id, open)| {
            let party = self.party(id);
            let presented = oracle::presented(&party.view, party.clock(self.now)).cloned();
            Before { view: party.view.clone(), presented, open }
        });
        act(self);
        while handshake.flight() {}
        let outcome = handshake.finish();
        self.tally.meetings += 1;
        self.tally.amid += 1;
        let line = format!(
            "{client:?} meets {server:?}, published after {flights} flights ({client_open}, \
             {server_open}): {outcome:?}"
        );
        self.say(|| line);
        let sides = [
            (client, &before[0], server, &before[1], &outcome.client),
            (server, &before[1], client, &before[0], &outcome.server),
        ];
        let mut certain = true;
        for (id, mine, peer, theirs, seen) in sides {
            let party = self.party(id);
            let under = |view: &View, svid: &Svid| {
                oracle::objections(Asker { view, ..asker(party, self.now) }, svid).is_empty()
            };
            let holder = self.party(peer);
            let later = oracle::presented(&holder.view, holder.clock(self.now));
            let both = |svid: &Svid| under(&mine.view, svid) && under(&party.view, svid);
            certain &= match outcome.kind {
                Kind::Full => [theirs.presented.as_ref(), later]
                    .into_iter()
                    .all(|svid| svid.is_some_and(|svid| both(svid))),
                Kind::Resumed => self.svid_of(seen).is_some_and(|svid| both(&svid)),
            };
            if seen.result.is_ok() {
                let Some(svid) = self.svid_of(seen) else {
                    self.fail("accepted certificates that nobody issued");
                };
                let view = if mine.open { &mine.view } else { &party.view };
                if !under(view, &svid) {
                    self.fail(format!("{id:?} accepted {svid:?} after a removal in the midst"));
                }
            }
        }
        let failed = outcome.client.result.is_err() || outcome.server.result.is_err();
        if failed && certain {
            self.fail("a publication that changes nothing for it broke a handshake");
        }
    }
}

/// What came of a meeting.
#[derive(Clone, Debug)]
pub struct Met {
    pub kind: Kind,
    pub demand: Demand,
    /// Resumptions that were refused before.
    pub refused: usize,
}

impl Met {
    pub fn is_success(&self) -> bool {
        self.demand.is_success()
    }
}

impl World {
    /// What `one` has to say of the certificates that `other` presents.
    pub fn explain(&self, one: PartyId, other: PartyId) -> String {
        let (one, other) = (self.party(one), self.party(other));
        let presented = other.held.chain(other.clock(self.now));
        one.held.explain(&presented, one.clock(self.now))
    }
}
