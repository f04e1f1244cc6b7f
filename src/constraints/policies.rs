//! Certificate policies of a path: the valid policy graph of RFC 9618.
//!
//! RFC 5280 keeps the policies of a path in a tree, whose size can double with each certificate.
//! [RFC 9618] replaces the tree by a graph with at most one node for each policy and depth, with the
//! same result. [`valid_policies`] is that algorithm: sections 6.1.2 to 6.1.5 of RFC 5280 as
//! updated, as far as they speak of policies. Steps are cited by their letters there; "depth" in
//! those citations counts from the trust anchor, in [`PolicyFailure`] from the end entity.
//!
//! The graph is kept smaller than written, without a change of the result:
//! - `anyPolicy` nodes are one flag, since at each depth there is at most one and its only parent is
//!   the one before it.
//! - Where nothing is mapped, a node and its only child are of the same policy: they are one
//!   [`Node`] here. A level is laid aside ([`Mapped`]) only where a certificate maps policies; a
//!   path without mappings needs one list.
//! - Childless nodes are not deleted one by one (6.1.3 (d) (3), 6.1.4 (b) (2)): the graph is null
//!   exactly when its last level is empty, and the result walks up from the last level, so that it
//!   meets no such node.
//! - Qualifiers are not carried along: the sets are of policies only.
//! - Where some certificate has no policies the graph ends as null (6.1.3 (e)); it is not made at
//!   all unless somebody may demand an explicit policy and so the place where it became null.
//!
//! Left to the caller: reading the extensions, whether an extension must be critical, unknown
//! qualifiers, which certificates are self-issued, and what an application makes of the sets.
//!
//! [RFC 9618]: https://www.rfc-editor.org/rfc/rfc9618

use alloc::vec::Vec;

use crate::policy::{Budget, LimitExceeded};
use crate::x509::{
    CertificatePolicies, Oid, OwnedOid, PolicyConstraints, PolicyMapping, PolicyMappings,
    oid::known,
};

/// How many policies or mappings are read for the price of one node. With it, 40 × 40 mappings in
/// each of 6 certificates fit the default budget, while reading stays bounded.
const READ_PER_NODE: u32 = 16;

/// `anyPolicy`.
const ANY_POLICY: Oid<'static> = Oid::trusted(known::ANY_POLICY);

/// The inputs (c) to (f) of RFC 5280 section 6.1.1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PolicyInputs<'a> {
    /// (c) `user-initial-policy-set`: absent or with `anyPolicy` in it, every policy is acceptable.
    pub(crate) initial_policy_set: Option<&'a [OwnedOid]>,
    /// (d) `initial-policy-mapping-inhibit`.
    pub(crate) initial_policy_mapping_inhibit: bool,
    /// (e) `initial-explicit-policy`.
    pub(crate) initial_explicit_policy: bool,
    /// (f) `initial-any-policy-inhibit`.
    pub(crate) initial_any_policy_inhibit: bool,
}

impl PolicyInputs<'_> {
    fn accepts_any_policy(&self) -> bool {
        self.initial_policy_set
            .is_none_or(|set| set.iter().any(|policy| policy.as_oid() == ANY_POLICY))
    }
}

/// What the policy rules look at in one certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyView<'a> {
    pub(crate) policies: Option<CertificatePolicies<'a>>,
    pub(crate) mappings: Option<PolicyMappings<'a>>,
    pub(crate) constraints: Option<PolicyConstraints>,
    pub(crate) inhibit_any: Option<u32>,
    /// Subject and issuer are the same name.
    pub(crate) self_issued: bool,
    /// The certificate of an anchor whose extensions count: without policies it restricts none
    /// (RFC 5937 section 3).
    pub(crate) is_anchor: bool,
}

/// Policies under which a path is valid, sorted by encoding.
///
/// `anyPolicy` in a set stands for every policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyOutcome {
    /// `authority_constrained_policy_set`: what the authorities of the path say, in terms of the
    /// domain of the trust anchor.
    pub(crate) authority_constrained: Vec<OwnedOid>,
    /// `user_constrained_policy_set`: the part of it that the relying party accepts.
    pub(crate) user_constrained: Vec<OwnedOid>,
}

/// Why a path is not valid under any acceptable policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyFailure {
    /// 6.1.3 (f), or the last step of 6.1.5.
    #[error("an explicit policy is required and the path has no acceptable one")]
    ExplicitPolicyRequired {
        /// The certificate at which it failed; 0 is the end entity.
        depth: usize,
    },
    /// 6.1.4 (a).
    #[error("policies are mapped from or to anyPolicy")]
    MappingOfAnyPolicy {
        /// The certificate with the mapping; 0 is the end entity.
        depth: usize,
    },
    /// The graph outgrew the budget.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// Judges the policies of a path, given from the certificate that the anchor issued down to the end
/// entity.
///
/// # Errors
/// The first rule in the order of the RFC that does not hold, or the limit that was reached.
pub(crate) fn valid_policies<'a>(
    path: &[PolicyView<'a>],
    inputs: &PolicyInputs<'_>,
    budget: &mut Budget,
) -> Result<PolicyOutcome, PolicyFailure> {
    let mut state = State::new(path, inputs);
    for (place, certificate) in path.iter().enumerate() {
        let depth = path.len() - 1 - place;
        state.certificate(certificate, depth, budget)?;
        if depth > 0 {
            state.prepare_next(certificate, depth, budget)?;
        }
    }
    state.wrap_up(path.last());
    let outcome = state.graph.map_or_else(PolicyOutcome::default, |graph| graph.outcome(inputs));
    // 6.1.5: "If either (1) the value of explicit_policy variable is greater than zero or (2) the
    // user_constrained_policy_set is not empty, then path processing has succeeded."
    if state.explicit_policy == 0 && outcome.user_constrained.is_empty() {
        return Err(PolicyFailure::ExplicitPolicyRequired { depth: 0 });
    }
    Ok(outcome)
}

/// The state variables (a) and (d) to (f) of RFC 5280 section 6.1.2.
struct State<'a> {
    /// (a) `valid_policy_graph`; nothing where it is null.
    graph: Option<Graph<'a>>,
    /// (d) `explicit_policy`.
    explicit_policy: u32,
    /// (e) `inhibit_anyPolicy`.
    inhibit_any_policy: u32,
    /// (f) `policy_mapping`.
    policy_mapping: u32,
}

impl<'a> State<'a> {
    fn new(path: &[PolicyView<'a>], inputs: &PolicyInputs<'_>) -> Self {
        // "… if set, the initial value is 0; otherwise, the initial value is n+1."
        let unless = |inhibited: bool| {
            if inhibited { 0 } else { u32::try_from(path.len()).map_or(u32::MAX, |n| n + 1) }
        };
        let demanded = inputs.initial_explicit_policy
            || path.iter().any(|certificate| {
                certificate.constraints.is_some_and(|c| c.require_explicit_policy.is_some())
            });
        let complete =
            path.iter().all(|certificate| certificate.policies.is_some() || certificate.is_anchor);
        Self {
            graph: (complete || demanded).then(Graph::root),
            explicit_policy: unless(inputs.initial_explicit_policy),
            inhibit_any_policy: unless(inputs.initial_any_policy_inhibit),
            policy_mapping: unless(inputs.initial_policy_mapping_inhibit),
        }
    }

    /// Basic certificate processing: 6.1.3 (d) to (f).
    fn certificate(
        &mut self,
        certificate: &PolicyView<'a>,
        depth: usize,
        budget: &mut Budget,
    ) -> Result<(), PolicyFailure> {
        if certificate.is_anchor && certificate.policies.is_none() {
            return Ok(());
        }
        if let Some(graph) = &mut self.graph {
            match &certificate.policies {
                // (d) (2): "… either (a) inhibit_anyPolicy is greater than 0 or (b) i<n and the
                // certificate is self-issued".
                Some(policies) => {
                    let any_allowed =
                        self.inhibit_any_policy > 0 || (depth > 0 && certificate.self_issued);
                    graph.assert_policies(policies, any_allowed, budget)?;
                }
                // (e) "If the certificate policies extension is not present, set the
                // valid_policy_graph to NULL."
                None => self.graph = None,
            }
            self.drop_empty_graph();
        }
        // (f) "Verify that either explicit_policy is greater than 0 or the valid_policy_graph is
        // not equal to NULL."
        if self.explicit_policy == 0 && self.graph.is_none() {
            return Err(PolicyFailure::ExplicitPolicyRequired { depth });
        }
        Ok(())
    }

    /// Preparation for the next certificate: 6.1.4 (a), (b) and (h) to (j).
    fn prepare_next(
        &mut self,
        certificate: &PolicyView<'a>,
        depth: usize,
        budget: &mut Budget,
    ) -> Result<(), PolicyFailure> {
        if let Some(mappings) = &certificate.mappings {
            // (a) "If a policy mappings extension is present, verify that the special value
            // anyPolicy does not appear as an issuerDomainPolicy or a subjectDomainPolicy."
            if mappings.has_any_policy() {
                return Err(PolicyFailure::MappingOfAnyPolicy { depth });
            }
            // (b)
            if let Some(graph) = &mut self.graph {
                if self.policy_mapping > 0 {
                    graph.map_policies(mappings, budget)?;
                } else {
                    graph.delete_policies(mappings, budget)?;
                }
                self.drop_empty_graph();
            }
        }
        // (h) "If certificate i is not self-issued: … decrement …"
        if !certificate.self_issued {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any_policy = self.inhibit_any_policy.saturating_sub(1);
        }
        // (i), (j) "… is less than …, set … to the value of …"
        if let Some(constraints) = certificate.constraints {
            lower(&mut self.explicit_policy, constraints.require_explicit_policy);
            lower(&mut self.policy_mapping, constraints.inhibit_policy_mapping);
        }
        lower(&mut self.inhibit_any_policy, certificate.inhibit_any);
        Ok(())
    }

    /// Wrap-up: 6.1.5 (a) and (b).
    fn wrap_up(&mut self, end_entity: Option<&PolicyView<'a>>) {
        // (a) "If explicit_policy is not 0, decrement explicit_policy by 1."
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        // (b) "If a policy constraints extension is included in the certificate and
        // requireExplicitPolicy is present and has a value of 0, set the explicit_policy state
        // variable to 0."
        let constraints = end_entity.and_then(|certificate| certificate.constraints);
        if constraints.is_some_and(|c| c.require_explicit_policy == Some(0)) {
            self.explicit_policy = 0;
        }
    }

    fn drop_empty_graph(&mut self) {
        if self.graph.as_ref().is_some_and(Graph::is_null) {
            self.graph = None;
        }
    }
}

fn lower(variable: &mut u32, value: Option<u32>) {
    if let Some(value) = value {
        *variable = (*variable).min(value);
    }
}

/// A valid policy at a depth, and all its only children of the same policy below.
#[derive(Clone, Copy, Debug)]
struct Node<'a> {
    policy: Oid<'a>,
    /// The parent is an `anyPolicy` node; otherwise the parents are the nodes of the last mapped
    /// level whose `expected_policy_set` holds the policy.
    below_any_policy: bool,
    /// Scratch: within a step, whether the node stays; in the end, whether it is an ancestor of a
    /// node in the last level.
    marked: bool,
}

/// A level in which a certificate mapped policies.
#[derive(Debug)]
struct Mapped<'a> {
    nodes: Vec<Node<'a>>,
    /// The `expected_policy_set` of each node: expected policy and place in `nodes`.
    expected: Vec<(Oid<'a>, usize)>,
}

/// `valid_policy_graph`, not null while a step is not finished.
#[derive(Debug)]
struct Graph<'a> {
    /// Whether the last level has an `anyPolicy` node.
    any_policy: bool,
    /// The other nodes of the last level, sorted by policy, each policy once. After a mapping: one
    /// for each expected policy, of which those will stay that the next certificate asserts.
    level: Vec<Node<'a>>,
    /// The mapped levels above, from the anchor down.
    mapped: Vec<Mapped<'a>>,
}

impl<'a> Graph<'a> {
    /// 6.1.2 (a): one node with the `valid_policy` `anyPolicy`.
    fn root() -> Self {
        Self { any_policy: true, level: Vec::new(), mapped: Vec::new() }
    }

    /// 6.1.3 (d).
    fn assert_policies(
        &mut self,
        policies: &CertificatePolicies<'a>,
        any_allowed: bool,
        budget: &mut Budget,
    ) -> Result<(), LimitExceeded> {
        budget.policy_nodes(policies.count() / READ_PER_NODE)?;
        let carry_all = any_allowed && policies.has_any_policy();
        self.level.iter_mut().for_each(|node| node.marked = carry_all);
        let known = self.level.len();
        for information in policies.iter().filter(|information| !information.is_any_policy()) {
            let policy = information.policy();
            let found = self.level.get_mut(..known).and_then(|level| find(level, policy));
            if let Some(node) = found {
                // (1) (i) "… nodes of depth i-1 … where P-OID is in the expected_policy_set."
                node.marked = true;
            } else if self.any_policy {
                // (1) (ii) "If there was no match in step (i) and the valid_policy_graph includes a
                // node of depth i-1 with the valid_policy anyPolicy …"
                budget.policy_nodes(1)?;
                self.level.push(Node { policy, below_any_policy: true, marked: true });
            }
        }
        // (2) carries every expected policy that is not asserted by name, `anyPolicy` included.
        self.any_policy &= carry_all;
        // (3)
        let added = self.level.len() - known;
        self.level.retain(|node| node.marked);
        if added > 0 {
            self.level.sort_unstable_by_key(|node| node.policy);
        }
        let carried = self.level.len() - added + usize::from(self.any_policy);
        budget.policy_nodes(u32::try_from(carried).unwrap_or(u32::MAX))
    }

    /// 6.1.4 (b) (1).
    fn map_policies(
        &mut self,
        mappings: &PolicyMappings<'a>,
        budget: &mut Budget,
    ) -> Result<(), LimitExceeded> {
        budget.policy_nodes(mappings.count() / READ_PER_NODE)?;
        let mut pairs: Vec<PolicyMapping<'a>> = mappings.iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        if self.any_policy {
            // "If no node of depth i … has a valid_policy of ID-P but there is a node of depth i
            // with a valid_policy of anyPolicy, then generate a child node of the node of depth i-1
            // that has a valid_policy of anyPolicy".
            let known = self.level.len();
            for group in pairs.chunk_by(same_issuer_policy) {
                let Some(policy) = group.first().map(|pair| pair.issuer_domain_policy) else {
                    continue;
                };
                if self.level.get_mut(..known).and_then(|level| find(level, policy)).is_none() {
                    budget.policy_nodes(1)?;
                    self.level.push(Node { policy, below_any_policy: true, marked: false });
                }
            }
            self.level.sort_unstable_by_key(|node| node.policy);
        }
        // "… set expected_policy_set to the set of subjectDomainPolicy values that are specified as
        // equivalent to ID-P by the policy mappings extension." Both lists are sorted by policy.
        let mut expected = Vec::with_capacity(self.level.len());
        let mut touched = false;
        let mut groups = pairs.chunk_by(same_issuer_policy).peekable();
        for (place, node) in self.level.iter().enumerate() {
            let issuer =
                |group: &&[PolicyMapping<'a>]| group.first().map(|pair| pair.issuer_domain_policy);
            while groups.next_if(|group| issuer(group) < Some(node.policy)).is_some() {}
            match groups.next_if(|group| issuer(group) == Some(node.policy)) {
                Some(group) => {
                    touched = true;
                    expected.extend(group.iter().map(|pair| (pair.subject_domain_policy, place)));
                }
                None => expected.push((node.policy, place)),
            }
        }
        if !touched {
            return Ok(());
        }
        expected.sort_unstable();
        let level = expected.chunk_by(|one, other| one.0 == other.0).filter_map(<[_]>::first);
        let level =
            level.map(|&(policy, _)| Node { policy, below_any_policy: false, marked: false });
        let nodes = core::mem::replace(&mut self.level, level.collect());
        self.mapped.push(Mapped { nodes, expected });
        Ok(())
    }

    /// 6.1.4 (b) (2): "If the policy_mapping variable is equal to 0: (i) Delete the node, if any, of
    /// depth i in the valid_policy_graph where ID-P is the valid_policy."
    fn delete_policies(
        &mut self,
        mappings: &PolicyMappings<'a>,
        budget: &mut Budget,
    ) -> Result<(), LimitExceeded> {
        budget.policy_nodes(mappings.count() / READ_PER_NODE)?;
        self.level.iter_mut().for_each(|node| node.marked = true);
        for mapping in mappings.iter() {
            if let Some(node) = find(&mut self.level, mapping.issuer_domain_policy) {
                node.marked = false;
            }
        }
        self.level.retain(|node| node.marked);
        Ok(())
    }

    fn is_null(&self) -> bool {
        !self.any_policy && self.level.is_empty()
    }

    /// 6.1.5 (g), of a graph that is not null.
    fn outcome(mut self, inputs: &PolicyInputs<'_>) -> PolicyOutcome {
        // (2) "… the set of policy nodes whose valid_policy is not anyPolicy and whose parent list
        // is a single node with valid_policy of anyPolicy", (4) their policies.
        let mut authority: Vec<Oid<'_>> = Vec::with_capacity(self.level.len() + 1);
        let mut below = self.level;
        while let Some(mut above) = self.mapped.pop() {
            authority.extend(tops(&below));
            above.nodes.iter_mut().for_each(|node| node.marked = false);
            for node in below.iter().filter(|node| !node.below_any_policy) {
                let start = above.expected.partition_point(|(policy, _)| *policy < node.policy);
                let parents = above.expected.iter().skip(start);
                for &(_, place) in parents.take_while(|(policy, _)| *policy == node.policy) {
                    if let Some(parent) = above.nodes.get_mut(place) {
                        parent.marked = true;
                    }
                }
            }
            below = above.nodes;
            below.retain(|node| node.marked);
        }
        authority.extend(tops(&below));
        // (3) "… a node of depth n with the valid_policy anyPolicy".
        if self.any_policy {
            authority.push(ANY_POLICY);
        }
        authority.sort_unstable();
        authority.dedup();

        // (5), (6)
        let authority_constrained = authority.iter().map(Oid::to_owned).collect();
        let user_constrained = if inputs.accepts_any_policy() {
            authority.iter().map(Oid::to_owned).collect()
        } else {
            let acceptable = inputs.initial_policy_set.unwrap_or(&[]).iter().filter(|policy| {
                self.any_policy || authority.binary_search(&policy.as_oid()).is_ok()
            });
            let mut user: Vec<OwnedOid> = acceptable.cloned().collect();
            user.sort_unstable();
            user.dedup();
            user
        };
        PolicyOutcome { authority_constrained, user_constrained }
    }
}

fn tops<'n, 'a>(nodes: &'n [Node<'a>]) -> impl Iterator<Item = Oid<'a>> + use<'n, 'a> {
    nodes.iter().filter(|node| node.below_any_policy).map(|node| node.policy)
}

/// Finds a policy in a sorted level.
fn find<'n, 'a>(level: &'n mut [Node<'a>], policy: Oid<'a>) -> Option<&'n mut Node<'a>> {
    let place = level.binary_search_by_key(&policy, |node| node.policy).ok()?;
    level.get_mut(place)
}

fn same_issuer_policy(one: &PolicyMapping<'_>, other: &PolicyMapping<'_>) -> bool {
    one.issuer_domain_policy == other.issuer_domain_policy
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
