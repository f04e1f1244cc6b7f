//! What was seen in a world, counted.

use std::collections::BTreeMap;
use std::fmt;

use super::oracle::Why;
use super::party::Taken;

#[derive(Debug, Default)]
pub struct Tally {
    pub events: u64,
    /// Authorities that were replaced by others.
    pub rotations: u64,
    /// SVIDs that were replaced by others.
    pub renewals: u64,
    pub publications: u64,
    pub discarded: u64,
    pub torn: u64,
    /// Times that an authority or a bundle was taken from a workload.
    pub removals: u64,
    pub meetings: u64,
    /// Meetings in the midst of which something was published.
    pub amid: u64,
    pub full: u64,
    pub resumed: u64,
    /// Meetings that failed as they must.
    pub failures: BTreeMap<Why, u64>,
    /// Questions to live sessions.
    pub questions: u64,
    /// Live sessions that were told to end as they must.
    pub lapses: u64,
}

impl Tally {
    pub fn took(&mut self, taken: &Taken) {
        match taken {
            Taken::Published | Taken::TrustAlone(_) => self.publications += 1,
            Taken::Same => {}
            Taken::Discarded(_) => self.discarded += 1,
        }
        if let Taken::TrustAlone("credential.key-mismatch") = taken {
            self.torn += 1;
        }
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub fn merge(&mut self, other: Tally) {
        self.events += other.events;
        self.rotations += other.rotations;
        self.renewals += other.renewals;
        self.publications += other.publications;
        self.discarded += other.discarded;
        self.torn += other.torn;
        self.removals += other.removals;
        self.amid += other.amid;
        self.meetings += other.meetings;
        self.full += other.full;
        self.resumed += other.resumed;
        self.questions += other.questions;
        self.lapses += other.lapses;
        for (why, count) in other.failures {
            *self.failures.entry(why).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rotations, {} renewals, {} events, {} publications ({} messages discarded, {} torn \
             pairs refused, {} removals); {} meetings, {} of them with a publication in their midst: {} full handshakes and {} resumed ones accepted, {} refused \
             as demanded {:?}; {} questions to live sessions, {} lapsed as demanded",
            self.rotations,
            self.renewals,
            self.events,
            self.publications,
            self.discarded,
            self.torn,
            self.removals,
            self.meetings,
            self.amid,
            self.full,
            self.resumed,
            self.failed(),
            self.failures,
            self.questions,
            self.lapses
        )
    }
}
