//! How far the amount alone tells the route: for each step the one threshold on the amount that is right most often.

/// When a step is on, by the amount.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Always,
    Never,
    AtLeast(f64),
    Below(f64),
}

impl Rule {
    /// Whether the step is on for an amount.
    #[must_use]
    pub fn says(self, amount: f64) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::AtLeast(least) => amount >= least,
            Self::Below(bound) => amount < bound,
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Always => write!(f, "always"),
            Self::Never => write!(f, "never"),
            Self::AtLeast(least) => write!(f, "amount >= {least:.2}"),
            Self::Below(bound) => write!(f, "amount < {bound:.2}"),
        }
    }
}

/// The rule that agrees with the most of `samples` (amount, whether the step was on), and with how many. Every amount
/// that occurs is tried as the threshold, both ways, in one sweep over the sorted samples; a constant rule wins ties.
#[must_use]
pub fn best_rule(samples: &[(f64, bool)]) -> (Rule, usize) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let on = sorted.iter().filter(|(_, on)| *on).count();
    let off = sorted.len() - on;
    let mut best = if on >= off { (Rule::Always, on) } else { (Rule::Never, off) };
    let (mut on_below, mut off_below) = (0, 0);
    for same in sorted.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((threshold, _)) = same.first().copied() else {
            continue;
        };
        // Right when above the threshold means on: the on at or above it, and the off below it.
        let at_least = off_below + (on - on_below);
        let below = on_below + (off - off_below);
        for candidate in [(Rule::AtLeast(threshold), at_least), (Rule::Below(threshold), below)] {
            if candidate.1 > best.1 {
                best = candidate;
            }
        }
        let on_here = same.iter().filter(|(_, on)| *on).count();
        on_below += on_here;
        off_below += same.len() - on_here;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_rule_is_found() {
        assert_eq!(best_rule(&[]), (Rule::Always, 0));
        assert_eq!(best_rule(&[(1.0, true), (2.0, true)]), (Rule::Always, 2));
        assert_eq!(best_rule(&[(1.0, false), (2.0, false), (3.0, true)]), (Rule::AtLeast(3.0), 3));
        assert_eq!(best_rule(&[(3.0, false), (2.0, true), (1.0, true)]), (Rule::Below(3.0), 3));
        // One amount with both answers cannot be split.
        assert_eq!(best_rule(&[(1.0, false), (5.0, true), (5.0, false), (5.0, true)]), (Rule::AtLeast(5.0), 3));
    }

    /// Against trying every rule one by one.
    #[test]
    fn no_other_threshold_agrees_with_more() {
        let samples: Vec<_> = (0_u32..200).map(|n| (f64::from(n * 37 % 50), n * 13 % 7 < n * 37 % 50 / 8)).collect();
        let agreeing = |rule: Rule| samples.iter().filter(|(amount, on)| rule.says(*amount) == *on).count();
        let (rule, agrees) = best_rule(&samples);
        assert_eq!(agreeing(rule), agrees);
        for threshold in 0..=50 {
            let threshold = f64::from(threshold);
            assert!(agreeing(Rule::AtLeast(threshold)) <= agrees && agreeing(Rule::Below(threshold)) <= agrees);
        }
    }
}
