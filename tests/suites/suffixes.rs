//! The public suffix list as an input (<https://publicsuffix.org/list>).

use std::collections::BTreeSet;

use bonafide::policy::PublicSuffixes;

/// A list as its publisher has it: one rule a line, `*.` for any label, `!` for an exception.
#[derive(Clone, Debug)]
pub struct SuffixList {
    name: String,
    rules: BTreeSet<String>,
}

impl SuffixList {
    /// Reads a list. Rules that are not ASCII are left out: certificates have A-labels, and the list
    /// has each rule in one form only, so names under them are judged by the other rules.
    pub fn parse(text: &str) -> Self {
        let rules: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|rule| !rule.starts_with("//") && rule.is_ascii())
            .map(str::to_ascii_lowercase)
            .collect();
        SuffixList { name: format!("list of {} rules", rules.len()), rules }
    }
}

impl PublicSuffixes for SuffixList {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_public_suffix(&self, name: &str) -> bool {
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        !self.rules.contains(&format!("!{name}"))
            && (self.rules.contains(name) || self.rules.contains(&format!("*.{parent}")))
    }
}
