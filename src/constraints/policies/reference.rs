//! The policy tree of RFC 5280 as it was before RFC 9618, for the tests: slow, literal, and written
//! without looking at the graph. Policies are letters, `*` is `anyPolicy`.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::PolicyView;
use crate::x509::encode::tlv;
use crate::x509::{CertificatePolicies, PolicyConstraints, PolicyMappings};

#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) policies: Option<Vec<u8>>,
    pub(super) mappings: Vec<(u8, u8)>,
    pub(super) require_explicit: Option<u32>,
    pub(super) inhibit_mapping: Option<u32>,
    pub(super) inhibit_any: Option<u32>,
    pub(super) self_issued: bool,
}

/// Extension values, and what is not encoded.
#[derive(Debug)]
pub(super) struct Encoded {
    policies: Option<Vec<u8>>,
    mappings: Option<Vec<u8>>,
    constraints: Option<Vec<u8>>,
    inhibit_any: Option<u32>,
    self_issued: bool,
}

impl Extensions {
    pub(super) fn encode(&self) -> Encoded {
        let policies = self.policies.as_ref().map(|letters| {
            let policies = letters.iter().map(|&letter| tlv(0x30, &[&oid(letter)]));
            tlv(0x30, &[&policies.collect::<Vec<_>>().concat()])
        });
        let pairs = self.mappings.iter();
        let pairs = pairs.map(|&(from, to)| tlv(0x30, &[&oid(from), &oid(to)]));
        let mappings = pairs.collect::<Vec<_>>().concat();
        let count = |tag, value: Option<u32>| {
            value.map_or(Vec::new(), |n| tlv(tag, &[&[u8::try_from(n).unwrap()]]))
        };
        let constraints =
            [count(0x80, self.require_explicit), count(0x81, self.inhibit_mapping)].concat();
        Encoded {
            policies,
            mappings: (!mappings.is_empty()).then(|| tlv(0x30, &[&mappings])),
            constraints: (!constraints.is_empty()).then(|| tlv(0x30, &[&constraints])),
            inhibit_any: self.inhibit_any,
            self_issued: self.self_issued,
        }
    }
}

impl Encoded {
    pub(super) fn view(&self) -> PolicyView<'_> {
        PolicyView {
            policies: self.policies.as_ref().map(|v| CertificatePolicies::read(v, 0).unwrap()),
            mappings: self.mappings.as_ref().map(|v| PolicyMappings::read(v, 0).unwrap()),
            constraints: self.constraints.as_ref().map(|v| PolicyConstraints::read(v, 0).unwrap()),
            inhibit_any: self.inhibit_any,
            self_issued: self.self_issued,
            is_anchor: false,
        }
    }
}

fn oid(letter: u8) -> Vec<u8> {
    if letter == b'*' { tlv(6, &[&[0x55, 0x1d, 0x20, 0x00]]) } else { tlv(6, &[&[0x2a, letter]]) }
}

#[derive(Clone, Debug)]
struct Node {
    depth: usize,
    parent: Option<usize>,
    policy: u8,
    expected: BTreeSet<u8>,
    alive: bool,
}

struct Tree(Vec<Node>);

impl Tree {
    fn at(&self, depth: usize) -> Vec<usize> {
        (0..self.0.len()).filter(|&n| self.0[n].alive && self.0[n].depth == depth).collect()
    }

    fn add(&mut self, parent: usize, policy: u8, expected: BTreeSet<u8>) {
        let depth = self.0[parent].depth + 1;
        self.0.push(Node { depth, parent: Some(parent), policy, expected, alive: true });
    }

    /// Deletes what has no children above `depth`.
    fn prune(&mut self, depth: usize) {
        for level in (0..depth).rev() {
            for node in self.at(level) {
                let has_child = self.at(level + 1).iter().any(|&c| self.0[c].parent == Some(node));
                self.0[node].alive = has_child;
            }
        }
    }

    fn is_null(&self) -> bool {
        self.0.iter().all(|node| !node.alive)
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// RFC 5280 6.1.2 to 6.1.5 with a tree: the user-constrained policies, or at which certificate,
/// counted from the end entity, an explicit policy was missing.
pub(super) fn tree(
    path: &[Extensions],
    initial: &str,
    (explicit, no_mapping, no_any): (bool, bool, bool),
) -> Result<String, usize> {
    let n = path.len();
    let start = |zero| if zero { 0 } else { n + 1 };
    let [mut explicit_policy, mut policy_mapping, mut inhibit_any] =
        [start(explicit), start(no_mapping), start(no_any)];
    let only = |policy| BTreeSet::from([policy]);
    let root = Node { depth: 0, parent: None, policy: b'*', expected: only(b'*'), alive: true };
    let mut tree = Tree(alloc::vec![root]);
    for (i, certificate) in (1..).zip(path) {
        match &certificate.policies {
            Some(policies) => {
                for &policy in policies.iter().filter(|&&policy| policy != b'*') {
                    let above = tree.at(i - 1);
                    let matching = above.iter().filter(|&&p| tree.0[p].expected.contains(&policy));
                    let mut parents: Vec<usize> = matching.copied().collect();
                    if parents.is_empty() {
                        parents = above.into_iter().filter(|&p| tree.0[p].policy == b'*').collect();
                    }
                    for parent in parents {
                        tree.add(parent, policy, only(policy));
                    }
                }
                if policies.contains(&b'*')
                    && (inhibit_any > 0 || (i < n && certificate.self_issued))
                {
                    for parent in tree.at(i - 1) {
                        for policy in tree.0[parent].expected.clone() {
                            let children = tree.at(i);
                            let child = |&c: &usize| {
                                tree.0[c].parent == Some(parent) && tree.0[c].policy == policy
                            };
                            if !children.iter().any(child) {
                                tree.add(parent, policy, only(policy));
                            }
                        }
                    }
                }
                tree.prune(i);
            }
            None => tree.clear(),
        }
        if explicit_policy == 0 && tree.is_null() {
            return Err(n - i);
        }
        if i == n {
            break;
        }
        let issuers: BTreeSet<u8> = certificate.mappings.iter().map(|pair| pair.0).collect();
        for issuer in issuers {
            let pairs = certificate.mappings.iter().filter(|pair| pair.0 == issuer);
            let subjects: BTreeSet<u8> = pairs.map(|pair| pair.1).collect();
            let of_policy = |tree: &Tree, policy| -> Vec<usize> {
                tree.at(i).into_iter().filter(|&node| tree.0[node].policy == policy).collect()
            };
            let nodes = of_policy(&tree, issuer);
            if policy_mapping == 0 {
                nodes.iter().for_each(|&node| tree.0[node].alive = false);
                tree.prune(i);
            } else if nodes.is_empty() {
                for any in of_policy(&tree, b'*') {
                    let parent = tree.0[any].parent.unwrap();
                    tree.add(parent, issuer, subjects.clone());
                }
            } else {
                nodes.iter().for_each(|&node| tree.0[node].expected = subjects.clone());
            }
        }
        if !certificate.self_issued {
            explicit_policy = explicit_policy.saturating_sub(1);
            policy_mapping = policy_mapping.saturating_sub(1);
            inhibit_any = inhibit_any.saturating_sub(1);
        }
        let lower = |variable: &mut usize, value: Option<u32>| {
            *variable = value.map_or(*variable, |v| (*variable).min(usize::try_from(v).unwrap()));
        };
        lower(&mut explicit_policy, certificate.require_explicit);
        lower(&mut policy_mapping, certificate.inhibit_mapping);
        lower(&mut inhibit_any, certificate.inhibit_any);
    }
    explicit_policy = explicit_policy.saturating_sub(1);
    if path[n - 1].require_explicit == Some(0) {
        explicit_policy = 0;
    }

    // 6.1.5 (g) of RFC 5280: the intersection of the tree with the user-initial-policy-set.
    let below_any = |node: &Node| node.parent.is_some_and(|p| tree.0[p].policy == b'*');
    let alive = tree.0.iter().filter(|node| node.alive);
    let tops: BTreeSet<u8> =
        alive.filter(|n| below_any(n) && n.policy != b'*').map(|node| node.policy).collect();
    let any = tree.at(n).iter().any(|&node| tree.0[node].policy == b'*');
    let user: BTreeSet<u8> = if initial.is_empty() || initial.contains('*') {
        tops.into_iter().chain(any.then_some(b'*')).collect()
    } else {
        initial.bytes().filter(|policy| any || tops.contains(policy)).collect()
    };
    if explicit_policy == 0 && user.is_empty() {
        return Err(0);
    }
    Ok(user.into_iter().map(char::from).collect())
}
