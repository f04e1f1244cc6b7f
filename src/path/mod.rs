//! The search for certification paths (RFC 4158), best candidate first.
//!
//! The search is a value that holds all its state and is stepped: each step makes at most one
//! partial path or asks for at most one signature. It reads no clock and does no IO.
//!
//! 1. *Nodes and edges.* The presented certificates, without duplicates and in an order of their
//!    own, are nodes; where an issuer name matches a subject name there is an edge. Each node is
//!    judged once by the rules that look at one certificate only; nodes that break one are left
//!    out at first.
//! 2. *Costs.* A walk from the anchors (Dijkstra's algorithm) gives each node what the best way from
//!    it to an anchor costs: rules broken, key identifiers that do not match, certificates, key
//!    identifiers that say nothing, compared in this order. A node without a way is not looked at;
//!    a target without one ends the search with no signature checked.
//! 3. *Best first.* Partial paths grow from the target towards the anchors, always the one whose
//!    best continuation costs least, so that the first complete path is the best one. Among equals:
//!    not self-issued, later notBefore, later notAfter, bytes: a total order. Rules that hold for
//!    every extension of a path once they hold for it are checked as it grows: path length, loops.
//! 4. *Signatures from vouched keys.* A path that has reached an anchor is verified from the anchor
//!    down, so that no key is used before it was vouched for. An edge that fails is removed, the
//!    costs of ways along it are computed again and the search begins anew, so that it never walks
//!    on by what it knows to be wrong. Each edge is verified at most once.
//! 5. *Candidates.* A verified path is handed to the caller, who judges it by everything else and
//!    says whether to go on.
//!
//! When no sound path exists, [`Search::admit_flawed`] lets the search go on with the certificates
//! and paths that break rules, fewest first, so that the report can say what is wrong with the best
//! path there is. What it finds then is never accepted.
//!
//! Where there is nothing to choose, [`Way::find`] finds the path that the search would find first,
//! without any of that.
//!
//! Every step spends from the [`Budget`](crate::policy::Budget) of its decision. Work is at most
//! n parses, n² comparisons of small numbers for each failed signature, as many steps as the paths
//! tried have certificates, and never more than the limits on signatures and path steps.
//!
//! *Specification: RFC 5280 does not say how paths are found. Enforced here:* a path with two
//! certificates of the same subject, subject alternative names and key is a loop (RFC 4158
//! section 2.4.2) and not taken.

mod cost;
mod graph;
mod pool;
mod search;
mod straight;

pub(crate) use graph::FailedWay;
pub(crate) use pool::Pool;
pub(crate) use search::{Event, Means, PathState, Search};
#[cfg(feature = "std")]
pub(crate) use straight::Stop;
pub(crate) use straight::{Checked, MAX_CANDIDATES, Way};
