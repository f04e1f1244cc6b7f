//! The `valid_policy_tree` of RFC 5280 6.1.2 to 6.1.5, as the tree that it is in the text.
//!
//! It may grow exponentially; paths of the tests are short. RFC 9618 replaced it by a graph with
//! the same results.

use std::collections::BTreeSet;

use der::asn1::ObjectIdentifier;

pub const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// A node (6.1.2 (a)); those deleted stay in the list, marked.
#[derive(Clone, Debug)]
struct Node {
    parent: Option<usize>,
    depth: usize,
    valid_policy: ObjectIdentifier,
    qualifier_set: Vec<u8>,
    expected_policy_set: BTreeSet<ObjectIdentifier>,
    deleted: bool,
}

/// The tree; without nodes it is NULL.
#[derive(Clone, Debug)]
pub struct PolicyTree(Vec<Node>);

impl PolicyTree {
    /// 6.1.2 (a): one node of depth zero, anyPolicy.
    pub fn initial() -> Self {
        PolicyTree(vec![Node {
            parent: None,
            depth: 0,
            valid_policy: ANY_POLICY,
            qualifier_set: Vec::new(),
            expected_policy_set: BTreeSet::from([ANY_POLICY]),
            deleted: false,
        }])
    }

    pub fn is_null(&self) -> bool {
        self.0.iter().all(|node| node.deleted)
    }

    pub fn set_null(&mut self) {
        self.0.clear();
    }

    fn of_depth(&self, depth: usize) -> Vec<usize> {
        let alive = |node: &Node| node.depth == depth && !node.deleted;
        (0..self.0.len()).filter(|index| alive(&self.0[*index])).collect()
    }

    fn children(&self, parent: usize) -> Vec<usize> {
        let child = |node: &Node| node.parent == Some(parent) && !node.deleted;
        (0..self.0.len()).filter(|index| child(&self.0[*index])).collect()
    }

    /// The nodes whose parent has the valid_policy anyPolicy.
    fn below_any_policy(&self) -> Vec<usize> {
        let below = |node: &Node| {
            let parent_is_any =
                node.parent.is_some_and(|parent| self.0[parent].valid_policy == ANY_POLICY);
            parent_is_any && !node.deleted
        };
        (0..self.0.len()).filter(|index| below(&self.0[*index])).collect()
    }

    fn add_child(
        &mut self,
        parent: usize,
        valid_policy: ObjectIdentifier,
        qualifier_set: &[u8],
        expected_policy_set: BTreeSet<ObjectIdentifier>,
    ) {
        let depth = self.0[parent].depth + 1;
        self.0.push(Node {
            parent: Some(parent),
            depth,
            valid_policy,
            qualifier_set: qualifier_set.to_vec(),
            expected_policy_set,
            deleted: false,
        });
    }

    /// "If there is a node in the valid_policy_tree of depth i-1 or less without any child nodes,
    /// delete that node. Repeat this step until there are no nodes of depth i-1 or less without
    /// children."
    fn prune(&mut self, deepest: usize) {
        for depth in (0..=deepest).rev() {
            for node in self.of_depth(depth) {
                if self.children(node).is_empty() {
                    self.0[node].deleted = true;
                }
            }
        }
    }

    fn delete_with_children(&mut self, node: usize) {
        self.0[node].deleted = true;
        for child in self.children(node) {
            self.delete_with_children(child);
        }
    }

    /// 6.1.3 (d), for certificate i with these policies.
    pub fn process_policies(
        &mut self,
        i: usize,
        policies: &[(ObjectIdentifier, Vec<u8>)],
        any_policy_counts: bool,
    ) {
        // (1)
        for (p_oid, p_q) in policies.iter().filter(|(oid, _)| *oid != ANY_POLICY) {
            // (i)
            let mut matched = false;
            for node in self.of_depth(i - 1) {
                if self.0[node].expected_policy_set.contains(p_oid) {
                    self.add_child(node, *p_oid, p_q, BTreeSet::from([*p_oid]));
                    matched = true;
                }
            }
            // (ii)
            if !matched {
                for node in self.of_depth(i - 1) {
                    if self.0[node].valid_policy == ANY_POLICY {
                        self.add_child(node, *p_oid, p_q, BTreeSet::from([*p_oid]));
                    }
                }
            }
        }
        // (2)
        let any_policy = policies.iter().find(|(oid, _)| *oid == ANY_POLICY);
        if let Some((_, ap_q)) = any_policy
            && any_policy_counts
        {
            for node in self.of_depth(i - 1) {
                let there: BTreeSet<ObjectIdentifier> =
                    self.children(node).iter().map(|child| self.0[*child].valid_policy).collect();
                for value in self.0[node].expected_policy_set.clone() {
                    if !there.contains(&value) {
                        self.add_child(node, value, ap_q, BTreeSet::from([value]));
                    }
                }
            }
        }
        // (3)
        self.prune(i - 1);
    }

    /// 6.1.4 (b), for certificate i with these mappings; `any_policy_qualifiers` are those of
    /// anyPolicy in its certificate policies extension.
    pub fn process_mappings(
        &mut self,
        i: usize,
        mappings: &[(ObjectIdentifier, ObjectIdentifier)],
        policy_mapping: usize,
        any_policy_qualifiers: &[u8],
    ) {
        let issuer_domain: BTreeSet<ObjectIdentifier> = mappings.iter().map(|m| m.0).collect();
        for id_p in issuer_domain {
            let of_depth_i = self.of_depth(i);
            let with_id_p: Vec<usize> =
                of_depth_i.iter().copied().filter(|n| self.0[*n].valid_policy == id_p).collect();
            // (1)
            if policy_mapping > 0 {
                let equivalent: BTreeSet<ObjectIdentifier> =
                    mappings.iter().filter(|m| m.0 == id_p).map(|m| m.1).collect();
                for node in &with_id_p {
                    self.0[*node].expected_policy_set = equivalent.clone();
                }
                let any_at_i = of_depth_i.iter().any(|n| self.0[*n].valid_policy == ANY_POLICY);
                if with_id_p.is_empty() && any_at_i {
                    for parent in self.of_depth(i - 1) {
                        if self.0[parent].valid_policy == ANY_POLICY {
                            self.add_child(parent, id_p, any_policy_qualifiers, equivalent.clone());
                        }
                    }
                }
            } else {
                // (2)
                for node in with_id_p {
                    self.0[node].deleted = true;
                }
                self.prune(i - 1);
            }
        }
    }

    /// 6.1.5 (g): the intersection with user-initial-policy-set; `None` is {any-policy}.
    pub fn intersect(&mut self, n: usize, user_initial: Option<&BTreeSet<ObjectIdentifier>>) {
        let Some(user_initial_policy_set) = user_initial else {
            return;
        };
        // (iii) 1
        let valid_policy_node_set = self.below_any_policy();
        let there: BTreeSet<ObjectIdentifier> =
            valid_policy_node_set.iter().map(|node| self.0[*node].valid_policy).collect();
        // (iii) 2
        for node in valid_policy_node_set {
            let valid_policy = self.0[node].valid_policy;
            if valid_policy != ANY_POLICY && !user_initial_policy_set.contains(&valid_policy) {
                self.delete_with_children(node);
            }
        }
        // (iii) 3
        let last = self.of_depth(n);
        if let Some(any) = last.into_iter().find(|node| self.0[*node].valid_policy == ANY_POLICY) {
            let p_q = self.0[any].qualifier_set.clone();
            if let Some(parent) = self.0[any].parent {
                for p_oid in user_initial_policy_set.difference(&there) {
                    self.add_child(parent, *p_oid, &p_q, BTreeSet::from([*p_oid]));
                }
            }
            self.0[any].deleted = true;
        }
        // (iii) 4
        self.prune(n - 1);
    }

    /// The user-constrained-policy-set, as RFC 9618 names it: the policies of the nodes whose parent
    /// is anyPolicy; anyPolicy itself only where it reaches depth n.
    pub fn user_constrained_policy_set(&self, n: usize) -> BTreeSet<ObjectIdentifier> {
        let nodes = self.below_any_policy().into_iter().map(|index| &self.0[index]);
        nodes
            .filter(|node| node.valid_policy != ANY_POLICY || node.depth == n)
            .map(|node| node.valid_policy)
            .collect()
    }
}
