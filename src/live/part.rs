//! Parts: what a snapshot is made of, and the epoch of each.
//!
//! The epoch of a part is the number of the publication that last changed it, so that one number, the
//! publication that a peer was decided under, tells of every part whether it changed since.
//!
//! Each part that peers rest on has a cell beside its epoch: the cell is shared by all snapshots and
//! always holds the newest epoch, so that a peer learns of a change without looking at a snapshot.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// A trust domain: its bundle and what it speaks for.
    #[non_exhaustive]
    Domain {
        /// The label of the trust store; nothing for requests without a label.
        label: Option<Arc<str>>,
        /// The name of the domain.
        name: Arc<str>,
    },
    /// Which domains of a trust store speak for which names.
    #[non_exhaustive]
    Directory {
        /// The label of the trust store; nothing for requests without a label.
        label: Option<Arc<str>>,
    },
    /// The validation policy, the one for revocation included.
    Policy,
    /// The operator's deny list.
    DenyList,
    /// A source of revocation evidence.
    #[non_exhaustive]
    Source {
        /// Its name.
        name: Arc<str>,
        /// How many sources of that name stand before it.
        number: usize,
    },
    /// One's own credentials.
    Credentials,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under = |f: &mut fmt::Formatter<'_>, label: &Option<Arc<str>>| match label {
            Some(label) => write!(f, " under label {label}"),
            None => Ok(()),
        };
        match self {
            Self::Domain { label, name } => {
                write!(f, "trust domain {name}")?;
                under(f, label)
            }
            Self::Directory { label } => {
                write!(f, "directory of trust domains")?;
                under(f, label)
            }
            Self::Policy => f.write_str("policy"),
            Self::DenyList => f.write_str("deny list"),
            Self::Source { name, number: 0 } => write!(f, "source {name}"),
            Self::Source { name, number } => write!(f, "source {name} ({number})"),
            Self::Credentials => f.write_str("own credentials"),
        }
    }
}

/// The newest epoch of a part, in all snapshots.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn new(epoch: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(epoch)))
    }

    pub(super) fn changed_after(&self, epoch: u64) -> bool {
        self.0.load(Ordering::Acquire) > epoch
    }

    pub(super) fn raise(&self, epoch: u64) {
        self.0.fetch_max(epoch, Ordering::Release);
    }

    /// The part is gone. One of its name that comes later has another cell, so whoever holds this one
    /// must look at snapshots from now on.
    pub(super) fn retire(&self) {
        self.raise(u64::MAX);
    }
}

/// The parts of one trust store.
#[derive(Clone, Debug)]
pub(super) struct StoreParts {
    /// When it last changed which domain speaks for which names.
    pub(super) directory: u64,
    pub(super) directory_cell: Arc<Cell>,
    shards: Arc<[Arc<Shard>]>,
}

#[derive(Clone, Debug, Default)]
struct Shard(BTreeMap<Arc<str>, DomainPart>);

/// The part of one trust domain.
#[derive(Clone, Debug)]
pub(super) struct DomainPart {
    /// When the domain came, or when what it speaks for last changed.
    pub(super) scopes: u64,
    /// When its anchors last changed.
    pub(super) anchors: u64,
    pub(super) cell: Arc<Cell>,
}

impl DomainPart {
    fn new(epoch: u64) -> Self {
        Self { scopes: epoch, anchors: epoch, cell: Cell::new(epoch) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.scopes.max(self.anchors)
    }
}

/// Maps that share the domains of a store: a domain that comes or goes, or whose bundle changes,
/// costs a copy of one of them.
const SHARDS: usize = 128;

impl StoreParts {
    pub(super) fn new<'d>(domains: impl Iterator<Item = &'d Arc<str>>, epoch: u64) -> Self {
        let mut shards = alloc::vec![Shard::default(); SHARDS];
        for name in domains {
            if let Some(shard) = shards.get_mut(shard_of(name)) {
                shard.0.insert(name.clone(), DomainPart::new(epoch));
            }
        }
        Self {
            directory: epoch,
            directory_cell: Cell::new(epoch),
            shards: shards.into_iter().map(Arc::new).collect(),
        }
    }

    pub(super) fn domain(&self, name: &str) -> Option<&DomainPart> {
        self.shards.get(shard_of(name))?.0.get(name)
    }

    /// All domains, in no order that means anything.
    pub(super) fn domains(&self) -> impl Iterator<Item = (&Arc<str>, &DomainPart)> {
        self.shards.iter().flat_map(|shard| &shard.0)
    }

    /// Changes parts; each shard is copied once.
    pub(super) fn change_domains(&mut self, changes: Vec<(Arc<str>, DomainChange)>, epoch: u64) {
        let mut shards = self.shards.to_vec();
        for (name, change) in changes {
            let Some(shard) = shards.get_mut(shard_of(&name)) else { continue };
            let shard = Arc::make_mut(shard);
            match (change, shard.0.get_mut(&name)) {
                (DomainChange::Gone, _) => drop(shard.0.remove(&name)),
                (DomainChange::Anchors, Some(part)) => part.anchors = epoch,
                (DomainChange::Scopes, Some(part)) => part.scopes = epoch,
                (DomainChange::Anchors | DomainChange::Scopes | DomainChange::New, _) => {
                    shard.0.insert(name, DomainPart::new(epoch));
                }
            }
        }
        self.shards = shards.into();
    }
}

/// What happens to the part of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DomainChange {
    New,
    Gone,
    Anchors,
    /// And perhaps anchors.
    Scopes,
}

/// FNV-1a: names of trust domains are the operator's.
fn shard_of(name: &str) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let [.., upper, lower] = (hash ^ (hash >> 32)).to_le_bytes();
    usize::from(u16::from_le_bytes([upper, lower])) % SHARDS
}

/// The part of one source of evidence.
#[derive(Clone, Debug)]
pub(super) struct SourcePart {
    pub(super) name: Arc<str>,
    pub(super) number: usize,
    pub(super) epoch: u64,
}

impl SourcePart {
    pub(super) fn part(&self) -> Part {
        Part::Source { name: self.name.clone(), number: self.number }
    }
}

/// Names the parts of sources: each by its name, and how many of that name stand before it.
pub(super) fn numbered<'n>(names: impl Iterator<Item = &'n str>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names
        .map(|name| {
            let count = counts.entry(name).or_insert(0);
            let number = *count;
            *count += 1;
            (name.into(), number)
        })
        .collect()
}
